//! What stands behind a field's name: `|wide|base64offset|contains`.
//!
//! Modifiers apply in the order in which they are written (rules specification 2.1, value modifiers): first what changes the
//! value, then how it is compared.
use crate::{
    check::hint,
    parse::Mark,
    pattern::Place,
    problem::{Problems, shown, suggest},
    rule::{Order, TimePart},
};

/// Modifiers of Sigma 2.1 (appendix modifiers).
pub(in crate::check) const KNOWN: &[&str] = &[
    "contains",
    "startswith",
    "endswith",
    "all",
    "re",
    "i",
    "m",
    "s",
    "cidr",
    "exists",
    "cased",
    "neq",
    "lt",
    "lte",
    "gt",
    "gte",
    "windash",
    "wide",
    "utf16",
    "utf16le",
    "utf16be",
    "base64",
    "base64offset",
    "expand",
    "fieldref",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "year",
];

/// How values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Text(Place),
    Regex {
        ignore_case: bool,
        multi_line: bool,
        dot_all: bool,
    },
    Cidr,
    Exists,
    Number(Order),
    /// With another field of the event.
    Reference(Place),
    /// A part of a date.
    Time(TimePart, Order),
}

/// What changes a value before it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Any dash for any other.
    Dash,
    /// UTF-16, little-endian.
    Wide,
    /// UTF-16, big-endian.
    WideBig,
    /// UTF-16, little-endian behind a byte order mark.
    WideMarked,
    Base64,
    /// As it stands within base64, wherever it begins.
    Base64Offset,
}

impl Change {
    /// Of an encoding nothing of the written text is left.
    fn encodes(self) -> bool {
        self != Self::Dash
    }
}

/// What the modifiers of one line say together.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "words that each stand in the line or not")]
pub(super) struct Modifiers {
    pub(super) operator: Operator,
    /// In order.
    pub(super) changes: Vec<Change>,
    /// Placeholders are replaced.
    pub(super) expand: bool,
    /// All values, not one of them.
    pub(super) all: bool,
    pub(super) cased: bool,
    pub(super) neq: bool,
}

impl Default for Modifiers {
    fn default() -> Self {
        let operator = Operator::Text(Place::Whole);
        Self { operator, changes: Vec::new(), expand: false, all: false, cased: false, neq: false }
    }
}

/// What is wrong with one modifier.
struct Wrong(String, String);

fn wrong(message: impl Into<String>, remedy: impl Into<String>) -> Wrong {
    Wrong(message.into(), remedy.into())
}

/// Parses `contains|all`, which stands at `mark`. [`None`]: a problem was reported.
pub(super) fn parse(written: Option<&str>, mark: Mark, problems: &mut Problems) -> Option<Modifiers> {
    let mut chain = Chain::default();
    let mut at = mark;
    for name in written.into_iter().flat_map(|all| all.split('|')) {
        if let Err(Wrong(message, remedy)) = chain.take(name) {
            problems.error(at, message, remedy);
            return None;
        }
        at = at.right(name.chars().count() + 1);
    }
    match chain.finish() {
        Ok(modifiers) => Some(modifiers),
        Err(Wrong(message, remedy)) => {
            problems.error(mark, message, remedy);
            None
        }
    }
}

#[derive(Default)]
struct Chain<'a> {
    names: Vec<&'a str>,
    operator: Option<Operator>,
    out: Modifiers,
}

impl<'a> Chain<'a> {
    fn take(&mut self, name: &'a str) -> Result<(), Wrong> {
        let twice = self.names.contains(&name) && !name.starts_with("base64");
        self.names.push(name);
        if twice && KNOWN.contains(&name) {
            return Err(wrong(format!("`{name}` stands there twice"), "write it once"));
        }
        match name {
            "all" => self.out.all = true,
            "cased" => self.out.cased = true,
            "neq" => self.out.neq = true,
            "expand" => self.expand()?,
            "i" | "m" | "s" => self.flag(name)?,
            "windash" => self.change(name, Change::Dash)?,
            "wide" | "utf16le" => self.change(name, Change::Wide)?,
            "utf16be" => self.change(name, Change::WideBig)?,
            "utf16" => self.change(name, Change::WideMarked)?,
            "base64" => self.change(name, Change::Base64)?,
            "base64offset" => self.change(name, Change::Base64Offset)?,
            _ => self.compare(name)?,
        }
        Ok(())
    }

    fn expand(&mut self) -> Result<(), Wrong> {
        if !self.out.changes.is_empty() {
            return Err(wrong(
                "`expand` stands behind what changes the value, where no placeholder is left",
                "write it first, such as `expand|base64`",
            ));
        }
        self.out.expand = true;
        Ok(())
    }

    fn flag(&mut self, name: &str) -> Result<(), Wrong> {
        let Some(Operator::Regex { ignore_case, multi_line, dot_all }) = &mut self.operator else {
            return Err(wrong(format!("`{name}` is a flag of `re`"), format!("write `re|{name}`")));
        };
        match name {
            "i" => *ignore_case = true,
            "m" => *multi_line = true,
            _ => *dot_all = true,
        }
        Ok(())
    }

    fn change(&mut self, name: &str, change: Change) -> Result<(), Wrong> {
        match self.operator {
            None => {}
            Some(Operator::Text(_)) if change == Change::Dash => {}
            Some(Operator::Text(_)) => {
                let before = self.names.iter().rev().nth(1).copied().unwrap_or_default();
                return Err(wrong(
                    format!("`{name}` stands behind `{before}`, whose wildcards can't be encoded"),
                    format!("write `{name}|{before}`: first what changes the value, then how it is compared"),
                ));
            }
            Some(_) => {
                return Err(wrong(
                    format!("`{name}` changes texts, and the modifier before it compares something else"),
                    "remove one of the two",
                ));
            }
        }
        if change == Change::Dash && self.out.changes.iter().any(|before| before.encodes()) {
            return Err(wrong(
                "`windash` stands behind an encoding, where no dash is left",
                "write it first, such as `windash|base64`",
            ));
        }
        self.out.changes.push(change);
        Ok(())
    }

    /// How the value is compared.
    fn compare(&mut self, name: &str) -> Result<(), Wrong> {
        let new = operator(name).ok_or_else(|| unknown(name))?;
        let joined = match (self.operator, new) {
            (None, new) => new,
            (Some(Operator::Reference(Place::Whole)), Operator::Text(place))
            | (Some(Operator::Text(place)), Operator::Reference(_)) => Operator::Reference(place),
            (Some(Operator::Time(part, Order::Equal)), Operator::Number(order)) => {
                Operator::Time(part, order)
            }
            (Some(Operator::Number(_)), Operator::Time(..)) => {
                return Err(wrong(
                    format!("`{name}` stands behind what compares it"),
                    format!("write it first, such as `{name}|gte`"),
                ));
            }
            _ => {
                return Err(wrong(
                    format!("`{name}` contradicts the modifier before it"),
                    "a line compares in one way: make two lines of it",
                ));
            }
        };
        if !self.out.changes.is_empty() && !matches!(joined, Operator::Text(_)) {
            return Err(wrong(
                format!("`{name}` compares no text, and the modifier before it changes texts"),
                "remove one of the two",
            ));
        }
        self.operator = Some(joined);
        Ok(())
    }

    fn finish(self) -> Result<Modifiers, Wrong> {
        let mut out = self.out;
        out.operator = self.operator.unwrap_or(out.operator);
        match out.operator {
            Operator::Regex { .. } if out.cased => Err(wrong(
                "`cased` says nothing to `re`",
                "regular expressions tell case apart: remove `cased`",
            )),
            Operator::Cidr | Operator::Exists | Operator::Number(_) | Operator::Time(..) if out.cased => {
                Err(wrong("`cased` is for texts, and the line compares something else", "remove `cased`"))
            }
            Operator::Exists if out.neq => {
                Err(wrong("`exists` with `neq` says twice what one value says", "write `exists: false`"))
            }
            Operator::Exists if out.all => {
                Err(wrong("`exists` has one value, and `all` is for lists", "remove `all`"))
            }
            Operator::Exists | Operator::Reference(_) if out.expand => Err(wrong(
                "`expand` replaces placeholders in values, and this line names a field or says true or false",
                "remove `expand`",
            )),
            _ => Ok(out),
        }
    }
}

fn operator(name: &str) -> Option<Operator> {
    Some(match name {
        "contains" => Operator::Text(Place::Anywhere),
        "startswith" => Operator::Text(Place::Start),
        "endswith" => Operator::Text(Place::End),
        "re" => Operator::Regex { ignore_case: false, multi_line: false, dot_all: false },
        "cidr" => Operator::Cidr,
        "exists" => Operator::Exists,
        "fieldref" => Operator::Reference(Place::Whole),
        "lt" => Operator::Number(Order::Less),
        "lte" => Operator::Number(Order::LessOrEqual),
        "gt" => Operator::Number(Order::Greater),
        "gte" => Operator::Number(Order::GreaterOrEqual),
        _ => Operator::Time(TimePart::named(name)?, Order::Equal),
    })
}

fn unknown(name: &str) -> Wrong {
    let remedy = hint::modifier(name).unwrap_or_else(|| {
        suggest(name, KNOWN.iter().copied(), format!("modifiers are: {}", KNOWN.join(", ")))
    });
    wrong(format!("unknown modifier `{}`", shown(name)), remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(written: &str) -> Result<Modifiers, String> {
        let mut problems = Problems::new("f");
        let mark = Mark { line: 1, column: 1 };
        parse(Some(written), mark, &mut problems)
            .ok_or_else(|| problems.into_list().first().map(ToString::to_string).unwrap_or_default())
    }

    #[test]
    fn every_modifier_of_the_appendix_is_known() {
        for name in KNOWN.iter().filter(|name| !matches!(**name, "i" | "m" | "s")) {
            assert!(parsed(name).is_ok(), "{name}: {:?}", parsed(name));
        }
        for flag in ["i", "m", "s"] {
            assert!(parsed(&format!("re|{flag}")).is_ok());
        }
    }

    #[test]
    fn order_and_sense() {
        for good in [
            "wide|base64offset|contains",
            "contains|windash",
            "windash|contains|all",
            "contains|expand",
            "re|expand",
            "cidr|expand",
            "fieldref|startswith",
            "endswith|fieldref|neq",
            "hour|gte",
            "re|i|m|s",
            "base64|base64",
            "windash|base64",
        ] {
            assert!(parsed(good).is_ok(), "{good}: {:?}", parsed(good));
        }
        for (bad, column) in [
            ("contains|base64", 10),
            ("base64|windash", 8),
            ("base64|expand", 8),
            ("re|cased", 1),
            ("cidr|wide", 6),
            ("wide|cidr", 6),
            ("gte|hour", 5),
            ("hour|minute", 6),
            ("exists|all", 1),
            ("exists|neq", 1),
            ("contains|contains", 10),
            ("contains|re", 10),
            ("fieldref|expand", 1),
            ("fieldref|lt", 10),
            ("windash|windash", 9),
        ] {
            let said = parsed(bad).unwrap_err();
            assert!(said.starts_with(&format!("f:1:{column}: error")), "{bad}: {said}");
        }
    }
}
