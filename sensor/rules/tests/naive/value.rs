//! One line of a selection: a field, modifiers, values.
use super::event::{Event, Field, Text, field};
use regex::bytes::{Regex, RegexBuilder};
use serde_json::Value;
use std::net::IpAddr;

pub(super) struct Line {
    field: Field,
    all: bool,
    negated: bool,
    /// The value is absent.
    null: bool,
    tests: Vec<Test>,
}

enum Test {
    Glob {
        pattern: Vec<Piece>,
        cased: bool,
    },
    Regex(Regex),
    Exists(bool),
    Compare(&'static str, f64),
    /// Address and bits of the network.
    Network(IpAddr, u32),
    /// The value of the other field.
    Field(Field),
}

#[derive(Clone, PartialEq)]
enum Piece {
    /// Anything.
    Any,
    /// One character.
    One,
    Text(String),
}

/// What is here; who uses another one uses what is not compared.
const MODIFIERS: [&str; 17] = [
    "contains",
    "startswith",
    "endswith",
    "all",
    "re",
    "i",
    "m",
    "s",
    "cased",
    "neq",
    "exists",
    "lt",
    "lte",
    "gt",
    "gte",
    "cidr",
    "fieldref",
];

/// Why it is not compared, where it isn't.
pub(super) fn line(key: &str, value: &Value) -> Result<Line, String> {
    let mut parts = key.split('|');
    let name = parts.next().unwrap_or_default();
    let field = field(name).ok_or_else(|| format!("the field `{name}`"))?;
    let modifiers: Vec<&str> = parts.collect();
    if let Some(other) = modifiers.iter().find(|modifier| !MODIFIERS.contains(modifier)) {
        return Err(format!("the modifier `{other}`"));
    }
    let values = match value {
        Value::Array(values) => values.iter().collect(),
        other => vec![other],
    };
    let null = values.len() == 1 && value.is_null();
    let mut tests = Vec::new();
    for value in values.into_iter().filter(|_| !null) {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            _ => return Err("a value that is none".to_owned()),
        };
        tests.push(test(&text, &modifiers).ok_or_else(|| format!("the value `{text}`"))?);
    }
    let has = |name: &str| modifiers.contains(&name);
    Ok(Line { field, all: has("all"), negated: has("neq"), null, tests })
}

fn test(text: &str, modifiers: &[&str]) -> Option<Test> {
    let has = |name: &str| modifiers.contains(&name);
    if let Some(order) = ["lte", "gte", "lt", "gt"].into_iter().find(|order| has(order)) {
        return Some(Test::Compare(order, text.parse().ok()?));
    }
    if has("exists") {
        return Some(Test::Exists(text == "true"));
    }
    if has("fieldref") {
        let plain = modifiers.iter().all(|modifier| matches!(*modifier, "fieldref" | "neq"));
        return field(text).filter(|_| plain).map(Test::Field);
    }
    if has("cidr") {
        let (address, bits) = text.split_once('/')?;
        return Some(Test::Network(address.parse().ok()?, bits.parse().ok()?));
    }
    if has("re") {
        let mut builder = RegexBuilder::new(text);
        builder.case_insensitive(has("i")).multi_line(has("m")).dot_matches_new_line(has("s"));
        return builder.build().ok().map(Test::Regex);
    }
    let cased = has("cased");
    let mut pattern = pieces(text, cased);
    if has("contains") || has("endswith") {
        pattern.insert(0, Piece::Any);
    }
    if has("contains") || has("startswith") {
        pattern.push(Piece::Any);
    }
    pattern.dedup_by(|one, other| *one == Piece::Any && *other == Piece::Any);
    Some(Test::Glob { pattern, cased })
}

/// `*` and `?`, and a backslash that takes that from them, or itself from another.
fn pieces(text: &str, cased: bool) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut plain = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let piece = match letter {
            '*' => Piece::Any,
            '?' => Piece::One,
            _ => {
                let escaped = letters.next_if(|next| letter == '\\' && matches!(next, '*' | '?' | '\\'));
                plain.push(escaped.unwrap_or(letter));
                continue;
            }
        };
        out.push(Piece::Text(std::mem::take(&mut plain)));
        out.push(piece);
    }
    out.push(Piece::Text(plain));
    out.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
    if !cased {
        for piece in &mut out {
            if let Piece::Text(text) = piece {
                *text = text.chars().flat_map(char::to_lowercase).collect();
            }
        }
    }
    out
}

/// Whether the pattern is the whole text: anything may be of any length.
fn glob(pattern: &[Piece], text: &str) -> bool {
    match pattern {
        [] => text.is_empty(),
        [Piece::Text(piece), rest @ ..] => {
            text.strip_prefix(piece.as_str()).is_some_and(|text| glob(rest, text))
        }
        [Piece::One, rest @ ..] => {
            let mut letters = text.chars();
            letters.next().is_some() && glob(rest, letters.as_str())
        }
        [Piece::Any] => true,
        [Piece::Any, rest @ ..] => match rest {
            [Piece::Text(piece), ..] => {
                let first = piece.as_bytes().first().copied().unwrap_or_default();
                memchr::memchr_iter(first, text.as_bytes())
                    .any(|skip| text.get(skip..).is_some_and(|text| glob(rest, text)))
            }
            _ => (0..=text.len()).any(|skip| text.get(skip..).is_some_and(|text| glob(rest, text))),
        },
    }
}

impl Line {
    pub(super) fn holds(&self, event: &Event) -> bool {
        let values = event.get(self.field);
        if self.null {
            return values.is_empty() != self.negated;
        }
        let one = |test: &Test| match test {
            Test::Exists(there) => values.is_empty() != *there,
            Test::Field(other) => {
                let others = event.get(*other);
                values.iter().any(|value| others.iter().any(|other| value.lower == other.lower))
            }
            test => values.iter().any(|value| test.holds(value)),
        };
        let holds = if self.all { self.tests.iter().all(one) } else { self.tests.iter().any(one) };
        holds != self.negated
    }
}

impl Test {
    fn holds(&self, value: &Text) -> bool {
        match self {
            Self::Glob { pattern, cased } => glob(pattern, if *cased { &value.text } else { &value.lower }),
            Self::Regex(regex) => regex.is_match(value.text.as_bytes()),
            Self::Compare(order, bound) => value.text.parse::<f64>().is_ok_and(|number| match *order {
                "lt" => number < *bound,
                "lte" => number <= *bound,
                "gt" => number > *bound,
                _ => number >= *bound,
            }),
            Self::Network(network, bits) => {
                value.text.parse().is_ok_and(|address: IpAddr| match (address, *network) {
                    (IpAddr::V4(address), IpAddr::V4(network)) => {
                        let shift = 32 - bits.min(&32);
                        u64::from(address.to_bits()) >> shift == u64::from(network.to_bits()) >> shift
                    }
                    (IpAddr::V6(address), IpAddr::V6(network)) => {
                        let shift = 128 - bits.min(&128);
                        let cut = |address: u128| address.checked_shr(shift).unwrap_or_default();
                        cut(address.to_bits()) == cut(network.to_bits())
                    }
                    _ => false,
                })
            }
            Self::Exists(_) | Self::Field(_) => false,
        }
    }
}
