//! Values for fields: of what is asked of one, and others that are near.
use super::{Values, Way, regex};
use crate::{
    endings::Ending,
    field::{Field, Type},
    pattern::{Pattern, Piece},
    rule::{Expression, Order, Test},
};
use guardbee_model::text;
use std::collections::BTreeMap;

/// Of no network that anybody excepts: RFC 5737.
const ADDRESS: &str = "192.0.2.7";

/// Parts of one value, by where they must stand.
#[derive(Default)]
struct Parts {
    whole: Option<String>,
    start: String,
    within: Vec<String>,
    end: String,
    number: Option<i64>,
    exists: bool,
}

/// Fields that can have several values at once: each test may be about another one.
fn several(field: Field) -> bool {
    matches!(
        field,
        Field::CommandArgs
            | Field::Environment
            | Field::Ancestors
            | Field::Gained
            | Field::Capabilities
            | Field::CapabilitiesPermitted
            | Field::Namespaces
            | Field::HostNamespaces
            | Field::FileFlags
    )
}

/// What is put into fields so that all tests of a way hold. [`None`]: nothing that comes to mind.
pub(super) fn values(way: &Way<'_>) -> Option<Values> {
    let mut values = Values::new();
    let mut parts: BTreeMap<Field, Parts> = BTreeMap::new();
    for (field, test) in way {
        if several(*field) {
            let mut one = Parts::default();
            one.add(test)?;
            let value = one.text(*field);
            let all = values.entry(*field).or_default();
            if !all.contains(&value) {
                all.push(value);
            }
        } else {
            parts.entry(*field).or_default().add(test)?;
        }
    }
    for (field, parts) in parts {
        values.insert(field, vec![parts.text(field)]);
    }
    arguments(&mut values);
    Some(values)
}

/// Numbers that few have, for all fields with numbers that the expression looks at.
pub(super) fn unusual(expression: &Expression, out: &mut Values) {
    match expression {
        Expression::Not(inner) => unusual(inner, out),
        Expression::And(parts) | Expression::Or(parts) => parts.iter().for_each(|part| unusual(part, out)),
        Expression::Field(field, _) if field.row().kind == Type::Number => {
            out.insert(*field, vec!["4242".into()]);
        }
        Expression::Field(..) | Expression::Keyword(_) | Expression::Constant(_) => {}
    }
}

/// A command line of which some words are named apart: the rest of it is behind them.
fn arguments(values: &mut Values) {
    let last = values.keys().rev().find(|field| field.argument().is_some()).copied();
    let next =
        last.and_then(|last| Field::ALL.get(last.index() + 1)).filter(|next| next.argument().is_some());
    if let Some(next) = next
        && let Some(line) = values.remove(&Field::CommandLine)
    {
        values.insert(*next, line);
    }
}

impl Parts {
    fn add(&mut self, test: &Test) -> Option<()> {
        match test {
            Test::Folded(pattern) | Test::Cased(pattern) => self.pattern(pattern)?,
            Test::Regex(regex) => {
                let made = regex::matching(regex.compiled.as_str(), regex.flags)?;
                match (made.start, made.end) {
                    (true, true) => self.whole = Some(made.text),
                    (true, false) => self.longer_start(made.text),
                    (false, true) => self.end = made.text,
                    (false, false) => self.within.push(made.text),
                }
            }
            Test::Cidr(cidr) => {
                // What another test asks for, and an ordinary one before the first of a network, which stands for the network.
                let known = self.whole.as_deref().into_iter().chain([ADDRESS]);
                let within = |text: &&str| text.parse().is_ok_and(|address| cidr.contains(address));
                let within = known.into_iter().find(within).map(str::to_owned);
                self.whole = Some(within.unwrap_or_else(|| cidr.first().to_string()));
            }
            Test::Number(order, bound) => {
                self.number = Some(match order {
                    Order::Less => bound.checked_sub(1)?,
                    Order::Greater => bound.checked_add(1)?,
                    Order::LessOrEqual | Order::GreaterOrEqual | Order::Equal => *bound,
                });
            }
            Test::Exists => self.exists = true,
            Test::Reference(_) | Test::Time(..) | Test::Before(_) => return None,
        }
        Some(())
    }

    fn pattern(&mut self, pattern: &Pattern) -> Option<()> {
        let text = |bytes: &[u8]| text::escape(bytes).into_owned();
        match pattern {
            Pattern::Exact(bytes) => self.whole = Some(text(bytes)),
            Pattern::Start(bytes) => self.longer_start(text(bytes)),
            Pattern::End(bytes) => self.longer_end(text(bytes)),
            Pattern::EndOne(endings) => match endings.all().first()? {
                Ending { text: bytes, whole: true } => self.whole = Some(text(bytes)),
                Ending { text: bytes, whole: false } => self.longer_end(text(bytes)),
            },
            Pattern::Contains(finder) => self.within.push(text(finder.needle())),
            Pattern::ContainsOne(needles) => self.within.push(text(needles.texts().first()?)),
            Pattern::Pieces(pieces) => {
                let mut all = String::new();
                for (nth, piece) in pieces.iter().enumerate() {
                    match piece {
                        Piece::Text(bytes) => all.push_str(&text(bytes)),
                        Piece::One => all.push('x'),
                        // Between two texts a word, as between the slashes of a path.
                        Piece::Any if nth > 0 && nth + 1 < pieces.len() => all.push('x'),
                        Piece::Any => {}
                        Piece::Dash => all.push('-'),
                    }
                }
                match (pieces.first(), pieces.last()) {
                    (Some(Piece::Any), Some(Piece::Any)) => self.within.push(all),
                    (Some(Piece::Any), _) => self.end = all,
                    (_, Some(Piece::Any)) => self.longer_start(all),
                    _ => self.whole = Some(all),
                }
            }
        }
        Some(())
    }

    fn longer_start(&mut self, start: String) {
        if start.len() > self.start.len() {
            self.start = start;
        }
    }

    fn longer_end(&mut self, end: String) {
        if end.len() > self.end.len() {
            self.end = end;
        }
    }

    fn text(self, field: Field) -> Box<str> {
        let Self { whole, start, within, end, number, .. } = self;
        if let Some(number) = number {
            return number.to_string().into();
        }
        if let Some(whole) = whole {
            return spelt(field, whole).into();
        }
        let asked = !start.is_empty() || !within.is_empty() || !end.is_empty();
        if !asked {
            return usual(field).into();
        }
        let unbound = start.is_empty();
        let mut out = start;
        // What is asked for at the start may well be what is asked for within.
        for part in &within {
            if !out.contains(part.as_str()) && !end.contains(part.as_str()) {
                out.push_str(part);
            }
        }
        if !out.ends_with(end.as_str()) {
            out.push_str(&end);
        }
        let folder = match field {
            Field::Executable
            | Field::PreviousExecutable
            | Field::ParentExecutable
            | Field::TargetExecutable => "/usr/bin",
            Field::FilePath | Field::FileSource | Field::WorkingDirectory => "/srv",
            _ => return out.into(),
        };
        if unbound {
            let between = if out.starts_with('/') { "" } else { "/" };
            out.insert_str(0, &format!("{folder}{between}"));
        }
        if out.ends_with('/') {
            out.push_str("file");
        }
        out.into()
    }
}

/// Case doesn't matter to a rule, but names have one.
fn spelt(field: Field, text: String) -> String {
    match (field, field.row().kind) {
        (_, Type::Word(words)) => {
            let known = words.iter().find(|word| word.eq_ignore_ascii_case(&text));
            known.map_or(text, |word| (*word).to_owned())
        }
        (
            Field::Capabilities
            | Field::CapabilitiesPermitted
            | Field::ContainerCapabilities
            | Field::Gained
            | Field::Signal,
            _,
        ) => text.to_ascii_uppercase(),
        _ => text,
    }
}

/// A value where any will do.
fn usual(field: Field) -> &'static str {
    match (field, field.row().kind) {
        (Field::ContainerId, _) => "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        (Field::Age, _) => "60000000000",
        (_, Type::Number) => "1",
        (_, Type::Flag) => "true",
        (_, Type::Address) => ADDRESS,
        (_, Type::Time) => "2026-01-02 03:04:05.006",
        (_, Type::Word(words)) => words.first().copied().unwrap_or_default(),
        (_, Type::Text) => "word",
    }
}

/// Other values of a field that a rule may not want; [`None`]: it is absent.
pub(super) fn others(field: Field, values: &Values) -> Vec<Option<Vec<Box<str>>>> {
    let all = values.get(&field).map(Vec::as_slice).unwrap_or_default();
    let value = all.first().map(|value| &**value).unwrap_or_default();
    let one = |text: String| Some(vec![text.into_boxed_str()]);
    let mut out = match field.row().kind {
        // A register, or a word of a command line.
        Type::Text if field.argument().is_some() => {
            vec![one("10".to_owned()), one("7".to_owned()), one(format!("{value}x")), one("other".to_owned())]
        }
        Type::Number => {
            let number: i64 = value.parse().unwrap_or_default();
            vec![
                one((number + 1).to_string()),
                one((number - 1).max(0).to_string()),
                one("60000000001".into()),
            ]
        }
        Type::Flag => vec![one((value != "true").to_string())],
        Type::Address => vec![one("198.51.100.77".into()), one("127.0.0.1".into())],
        Type::Time => Vec::new(),
        Type::Word(words) => {
            // Those beside it first: what belongs together stands together.
            let place = words.iter().position(|word| *word == value).unwrap_or_default();
            let mut places: Vec<usize> = (0..words.len()).filter(|other| *other != place).collect();
            places.sort_by_key(|other| (other.abs_diff(place), *other < place));
            places.iter().filter_map(|other| words.get(*other)).map(|word| one((*word).to_owned())).collect()
        }
        // First one byte more or less, then another word.
        Type::Text => vec![
            one(format!("{value}x")),
            one(format!("x{value}")),
            value.get(1..).and_then(|rest| one(rest.to_owned())),
            one("/srv/other".to_owned()),
            one("CAP_CHOWN".to_owned()),
        ],
    };
    out.retain(|other| other.as_deref() != Some(all));
    out.push(None);
    out
}
