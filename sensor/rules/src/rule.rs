//! A rule after checking: typed, and nothing left to go wrong.
pub(crate) use crate::date::TimePart;
use crate::{
    check::Requires,
    correlate::Machine,
    date::Date,
    field::{Field, Kinds},
    literal::OneOf,
    parse::Mark,
    pattern::{Pattern, Place},
    workbench::outline::Part,
};
use guardbee_model::{finding::RuleInfo, link::LinkKind};
use std::{net::IpAddr, sync::Arc};

/// What a field's value must be.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    /// Matches in lower case.
    Folded(Pattern),
    /// Matches as it is.
    Cased(Pattern),
    Regex(Regex),
    Cidr(Cidr),
    Number(Order, i64),
    /// A part of a date.
    Time(TimePart, Order, i64),
    /// A date before this one.
    Before(Date),
    /// Another field of the same event has the value.
    Reference(Reference),
    /// The field is there.
    Exists,
}

/// A comparison with another field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reference {
    pub(crate) field: Field,
    /// Where in this field the other's value must stand.
    pub(crate) place: Place,
    pub(crate) cased: bool,
}

/// A regular expression.
#[derive(Clone, Debug)]
pub(crate) struct Regex {
    pub(crate) compiled: regex::bytes::Regex,
    /// `i`, `m`, `s`: the compiled one doesn't tell.
    pub(crate) flags: [bool; 3],
    /// Whatever matches has one of these in lower case; empty: nothing is known.
    pub(crate) required: OneOf,
    /// What is in lower case must match all of these before the expression is tried, which costs a multiple.
    pub(crate) first: Vec<Pattern>,
}

/// How a number compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
}

impl Order {
    pub(crate) const fn holds(self, value: i64, bound: i64) -> bool {
        match self {
            Self::Less => value < bound,
            Self::LessOrEqual => value <= bound,
            Self::Greater => value > bound,
            Self::GreaterOrEqual => value >= bound,
            Self::Equal => value == bound,
        }
    }
}

/// A block of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cidr {
    address: IpAddr,
    bits: u8,
}

impl Cidr {
    /// `10.0.0.0/8`, `fe80::/10`, or one address.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address.parse().ok()?, Some(bits.parse().ok()?)),
            None => (text.parse().ok()?, None),
        };
        let most = match address {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Self { address, bits })
    }

    /// Its first address.
    pub(crate) fn first(&self) -> IpAddr {
        self.address
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let bits = u32::from(self.bits);
        match (self.address, address) {
            (IpAddr::V4(net), IpAddr::V4(address)) => {
                (net.to_bits() ^ address.to_bits()).checked_shr(32 - bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(net), IpAddr::V6(address)) => {
                (net.to_bits() ^ address.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// What must hold.
#[derive(Clone, Debug)]
pub(crate) enum Expression {
    Constant(bool),
    Not(Box<Expression>),
    And(Vec<Expression>),
    Or(Vec<Expression>),
    /// One of the field's values passes.
    Field(Field, Test),
    /// One value of any searched field passes.
    Keyword(Test),
}

impl Expression {
    pub(crate) fn not(self) -> Self {
        match self {
            Self::Constant(holds) => Self::Constant(!holds),
            other => Self::Not(Box::new(other)),
        }
    }

    pub(crate) fn and(parts: Vec<Self>) -> Self {
        Self::join(parts, false, Self::And)
    }

    pub(crate) fn or(parts: Vec<Self>) -> Self {
        Self::join(parts, true, Self::Or)
    }

    /// Folds constants (one `decisive` part decides), and puts what is cheap first.
    fn join(mut parts: Vec<Self>, decisive: bool, join: fn(Vec<Self>) -> Self) -> Self {
        if parts.iter().any(|part| matches!(part, Self::Constant(holds) if *holds == decisive)) {
            return Self::Constant(decisive);
        }
        parts.retain(|part| !matches!(part, Self::Constant(_)));
        parts.sort_by_key(Self::cost);
        match parts.len() {
            0 => Self::Constant(!decisive),
            1 => parts.pop().unwrap_or(Self::Constant(!decisive)),
            _ => join(parts),
        }
    }

    fn cost(&self) -> u32 {
        match self {
            Self::Constant(_) => 0,
            Self::Not(inner) => inner.cost(),
            Self::And(parts) | Self::Or(parts) => parts.iter().map(Self::cost).fold(0, u32::saturating_add),
            Self::Field(_, test) => test.cost(),
            Self::Keyword(test) => test.cost() * 16,
        }
    }

    /// Whether one of these fields is looked at.
    pub(crate) fn names(&self, fields: &[Field]) -> bool {
        match self {
            Self::Constant(_) | Self::Keyword(_) => false,
            Self::Not(inner) => inner.names(fields),
            Self::And(parts) | Self::Or(parts) => parts.iter().any(|part| part.names(fields)),
            Self::Field(_, Test::Reference(Reference { field, .. })) if fields.contains(field) => true,
            Self::Field(field, _) => fields.contains(field),
        }
    }

    /// Comparisons in it.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Constant(_) | Self::Field(..) | Self::Keyword(_) => 1,
            Self::Not(inner) => inner.size(),
            Self::And(parts) | Self::Or(parts) => parts.iter().map(Self::size).sum(),
        }
    }
}

impl Test {
    fn cost(&self) -> u32 {
        match self {
            Self::Exists | Self::Number(..) => 1,
            Self::Time(..) | Self::Before(_) | Self::Reference(_) => 8,
            Self::Folded(pattern) | Self::Cased(pattern) => pattern.cost(),
            Self::Cidr(_) => 6,
            Self::Regex(regex) if regex.first.is_empty() => 40,
            Self::Regex(_) => 20,
        }
    }
}

/// Link kinds that a rule accepts, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Links(u8);

impl Links {
    /// From what proves most to what proves least.
    pub(crate) const ALL: [LinkKind; 6] = [
        LinkKind::Exact,
        LinkKind::Inherited,
        LinkKind::Lineage,
        LinkKind::Sole,
        LinkKind::Ambiguous,
        LinkKind::Unproven,
    ];

    /// Exactly one request, proven.
    pub(crate) fn proven() -> Self {
        let mut links = Self::default();
        for kind in Self::ALL.into_iter().filter(|kind| kind.proven()) {
            links.insert(kind);
        }
        links
    }

    pub(crate) fn insert(&mut self, kind: LinkKind) {
        self.0 |= Self::bit(kind);
    }

    /// This one, and those that prove more.
    pub(crate) fn insert_from(&mut self, weakest: LinkKind) {
        let upto = Self::ALL.iter().position(|known| *known == weakest).unwrap_or_default();
        Self::ALL.into_iter().take(upto + 1).for_each(|kind| self.insert(kind));
    }

    pub(crate) fn contains(self, kind: LinkKind) -> bool {
        self.0 & Self::bit(kind) != 0
    }

    pub(crate) fn kinds(self) -> impl Iterator<Item = LinkKind> {
        Self::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }

    fn bit(kind: LinkKind) -> u8 {
        Self::ALL.iter().position(|known| *known == kind).map_or(0, |at| 1 << at)
    }
}

/// Whether a rule can ever match here, and if not, why.
pub type CanFire = Result<(), String>;

/// A rule about one observation.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) info: Arc<RuleInfo>,
    /// Actions that it looks at.
    pub(crate) kinds: Kinds,
    pub(crate) condition: Expression,
    /// Links that it demands; [`None`]: any, or none at all.
    pub(crate) links: Option<Links>,
    /// Of what the condition holds for, what is no match.
    pub(crate) exceptions: Vec<Exception>,
    /// Actions without which it can't fire.
    pub(crate) requires: Requires,
    /// Of what it matches only what is new is a match.
    pub(crate) baseline: Option<Baseline>,
    pub(crate) suppress: Option<Suppression>,
    pub(crate) can_fire: CanFire,
    /// What it asks for and nothing here records: the parts that need it never hold.
    pub(crate) missing: Vec<String>,
    pub(crate) examples: Vec<Example>,
    /// As written, where the set was loaded for the workbench.
    pub(crate) outline: Option<Arc<Part>>,
}

/// Events that are known and wanted.
#[derive(Clone, Debug)]
pub(crate) struct Exception {
    pub(crate) name: Box<str>,
    pub(crate) reason: Box<str>,
    /// When it ends, with the place that says so.
    pub(crate) expires: Option<(Date, Mark)>,
    /// Holds for the events; not without a date where it expires, nor behind its end.
    pub(crate) condition: Expression,
}

/// Findings with the same values are told once in a time.
#[derive(Clone, Debug)]
pub(crate) struct Suppression {
    /// Whose values must be the same.
    pub(crate) fields: Vec<Field>,
    pub(crate) for_ns: u64,
}

/// Values that were not there before.
#[derive(Clone, Debug)]
pub(crate) struct Baseline {
    /// Whose values together are new or known.
    pub(crate) fields: Vec<Field>,
    /// Whose values together are a scope; none: all is one.
    pub(crate) scope: Vec<Field>,
    /// For so long a scope only learns.
    pub(crate) learn_ns: u64,
    /// What was not there for so long is new again.
    pub(crate) forget_ns: u64,
    /// A scope with more values has no profile.
    pub(crate) most: Option<u32>,
}

impl Baseline {
    /// For people: what is told, and what is not.
    pub(crate) fn sentence(&self) -> String {
        let names = |fields: &[Field]| {
            let names: Vec<_> = fields.iter().map(|field| format!("`{}`", field.row().name)).collect();
            names.join(", ")
        };
        let scope =
            if self.scope.is_empty() { String::new() } else { format!(" for its {}", names(&self.scope)) };
        let most = self.most.map(|most| format!("; where there are more than {most} nothing is told"));
        format!(
            "it is told only where {} was not there{scope} for {} s; the first {} s only teach{}",
            names(&self.fields),
            self.forget_ns / 1_000_000_000,
            self.learn_ns / 1_000_000_000,
            most.unwrap_or_default()
        )
    }
}

/// A correlation of rules.
#[derive(Clone, Debug)]
pub(crate) struct Correlation {
    pub(crate) info: Arc<RuleInfo>,
    pub(crate) machine: Machine,
    /// Names or ids of the rules, in order, each with its place.
    pub(crate) steps: Vec<(Box<str>, Mark)>,
    /// Likewise of rules that end what their group has begun: they are numbered behind the steps.
    pub(crate) until: Vec<(Box<str>, Mark)>,
    /// For so long after its end a group goes on.
    pub(crate) grace_ns: u64,
    /// For each of both the fields that it is grouped by.
    pub(crate) groups: Vec<Vec<Field>>,
    /// What holds events together in place of that, in the order of proof; none: `groups` do.
    pub(crate) joins: Vec<Join>,
    pub(crate) timespan_ns: u64,
    /// A name among what it groups by and measures that only Guardbee knows.
    pub(crate) foreign: Option<Box<str>>,
    /// Links by which an observation counts as the request's.
    pub(crate) links: Links,
    /// The rules report on their own as well.
    pub(crate) generate: bool,
    /// Of what it holds for, what is no match of it: looked for in the event that completed it.
    pub(crate) exceptions: Vec<Exception>,
    pub(crate) requires: Requires,
    pub(crate) suppress: Option<Suppression>,
    pub(crate) can_fire: CanFire,
    pub(crate) examples: Vec<Example>,
    /// Its exceptions as written, where the set was loaded for the workbench.
    pub(crate) outline: Option<Arc<Part>>,
}

/// Fields of connections that lookups tell.
pub(crate) const BY_NAME: [Field; 1] = [Field::DestinationName];

impl Rule {
    /// Whether any part of it looks at one of these fields.
    pub(crate) fn names(&self, fields: &[Field]) -> bool {
        let learned = |by: &Baseline| any(&by.fields, fields) || any(&by.scope, fields);
        self.condition.names(fields)
            || beside(&self.exceptions, self.suppress.as_ref(), fields)
            || self.baseline.as_ref().is_some_and(learned)
    }

    /// What must be observed for it: what it looks at, and what tells the fields of that.
    pub(crate) fn looked_at(&self) -> Kinds {
        if self.names(&BY_NAME) { self.kinds.or(Kinds::DNS) } else { self.kinds }
    }
}

impl Correlation {
    /// As [`Rule::names`]; of its own parts, not of its rules.
    pub(crate) fn names(&self, fields: &[Field]) -> bool {
        matches!(&self.machine, Machine::Window(window) if any(&window.fields, fields))
            || self.groups.iter().any(|group| any(group, fields))
            || beside(&self.exceptions, self.suppress.as_ref(), fields)
    }
}

fn beside(exceptions: &[Exception], suppress: Option<&Suppression>, fields: &[Field]) -> bool {
    exceptions.iter().any(|one| one.condition.names(fields))
        || suppress.is_some_and(|suppress| any(&suppress.fields, fields))
}

fn any(named: &[Field], fields: &[Field]) -> bool {
    named.iter().any(|field| fields.contains(field))
}

/// What holds the events of a correlation together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum JoinKey {
    /// One of our requests, by the links that the correlation accepts.
    Request,
    /// The process of the first step, and what descends from it.
    Tree,
    Container,
}

impl JoinKey {
    /// From what proves most to what proves least.
    pub(crate) const ALL: [Self; 3] = [Self::Request, Self::Tree, Self::Container];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Request => "guardbee.request",
            Self::Tree => "process.tree",
            Self::Container => "container.id",
        }
    }

    /// The field that shows it.
    pub(crate) const fn field(self) -> Field {
        match self {
            Self::Request => Field::Request,
            Self::Tree => Field::Pid,
            Self::Container => Field::ContainerId,
        }
    }
}

/// One way to hold events together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Join {
    pub(crate) key: JoinKey,
    /// How long a group has then.
    pub(crate) within_ns: u64,
}

impl Correlation {
    /// In how many ways its events are held together.
    pub(crate) fn ways(&self) -> usize {
        self.joins.len().max(1)
    }

    /// How long a group has that is held together in this way.
    pub(crate) fn within_ns(&self, way: usize) -> u64 {
        self.joins.get(way).map_or(self.timespan_ns, |join| join.within_ns)
    }

    /// Fields that show which groups an event belongs to.
    pub(crate) fn fields(&self, step: usize) -> Vec<Field> {
        if self.joins.is_empty() {
            return self.groups.get(step).cloned().unwrap_or_default();
        }
        self.joins.iter().map(|join| join.key.field()).collect()
    }

    /// Names and places of all rules that it waits for, those that end it behind the others.
    pub(crate) fn named(&self) -> impl Iterator<Item = &(Box<str>, Mark)> {
        self.steps.iter().chain(&self.until)
    }

    /// Whether the rule of this number ends what was begun.
    pub(crate) fn ends(&self, step: usize) -> bool {
        step >= self.steps.len()
    }
}

/// A test that stands in a rule.
#[derive(Clone, Debug)]
pub(crate) struct Example {
    pub(crate) name: Box<str>,
    pub(crate) mark: Mark,
    pub(crate) expect: Expect,
    pub(crate) events: Vec<ExampleEvent>,
}

/// What a test expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    Match,
    NoMatch,
}

/// An event of a test.
#[derive(Clone, Debug)]
pub(crate) struct ExampleEvent {
    /// From the first event.
    pub(crate) offset_ns: u64,
    pub(crate) action: Kinds,
    /// Canonical fields with their values as written.
    pub(crate) values: Vec<(Field, Vec<Box<str>>)>,
}
