//! A rule after checking: typed, and nothing left to go wrong.
pub(crate) use crate::date::TimePart;
use crate::{
    correlate::Machine,
    date::Date,
    field::{Field, Kinds},
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
    pub(crate) required: Vec<Vec<u8>>,
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
            Self::Regex(_) => 40,
        }
    }
}

/// Link kinds that a rule accepts, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Links(u8);

impl Links {
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

/// A correlation of rules.
#[derive(Clone, Debug)]
pub(crate) struct Correlation {
    pub(crate) info: Arc<RuleInfo>,
    pub(crate) machine: Machine,
    /// Names or ids of the rules, in order, each with its place.
    pub(crate) steps: Vec<(Box<str>, Mark)>,
    /// For each step the fields that it is grouped by.
    pub(crate) groups: Vec<Vec<Field>>,
    pub(crate) timespan_ns: u64,
    /// Links by which an observation counts as the request's.
    pub(crate) links: Links,
    /// The rules report on their own as well.
    pub(crate) generate: bool,
    pub(crate) suppress: Option<Suppression>,
    pub(crate) can_fire: CanFire,
    pub(crate) examples: Vec<Example>,
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
