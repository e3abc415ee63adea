//! One line of a selection: field, modifiers, values, typed against the field table.
mod modifiers;

use super::detection::absent;
use crate::{
    field::{self, Field, Found, Kinds, Type},
    literal,
    parse::{Entry, Mark, Node, Scalar, Value},
    pattern::{self, Case, Needles, Pattern, Piece, Place},
    problem::{Problems, shown, suggest},
    rule::{Cidr, Expression, Regex, Test},
};
use modifiers::{Modifiers, Operator};
use regex::bytes::RegexBuilder;

/// Bytes of one value.
const VALUE: usize = 4096;
/// Bytes that one compiled regular expression may take.
const REGEX: usize = 256 << 10;
/// From this many on, plain `contains` values are searched for together.
const TOGETHER: usize = 3;

/// What a selection's names are looked up in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    /// [`None`]: nothing here makes such events, so their fields are unknown.
    pub(super) kinds: Option<Kinds>,
}

/// Checks `Field|modifier: values`.
pub(super) fn entry(
    entry: &Entry,
    scope: Scope,
    missing: &mut Vec<String>,
    problems: &mut Problems,
) -> Expression {
    const WRONG: Expression = Expression::Constant(false);
    let (name, written) = match entry.key.split_once('|') {
        Some((name, modifiers)) => (name, Some(modifiers)),
        None => (&*entry.key, None),
    };
    let at = entry.key_mark.right(name.chars().count() + 1);
    let Some(modifiers) = modifiers::parse(written, at, problems) else { return WRONG };
    if name.is_empty() {
        let items: Vec<_> = entry.node.items().iter().collect();
        return keywords_with(&items, modifiers, problems);
    }
    let target = match (field::find(name), scope.kinds) {
        (_, None) => Target::Absent(None),
        (Some(Found::Field(field)), Some(kinds)) if field.row().actions.meets(kinds) => Target::Field(field),
        (Some(Found::Field(field)), Some(kinds)) => Target::Absent(Some(absent(field, kinds))),
        (Some(Found::Unavailable(why)), _) => Target::Absent(Some(format!("`{name}`: {why}"))),
        (None, Some(_)) => {
            let remedy = suggest(name, field::names(), "the names are listed in rules/README.md");
            problems.error(entry.key_mark, format!("unknown field `{}`", shown(name)), remedy);
            return WRONG;
        }
    };
    if let Target::Absent(Some(why)) = &target
        && !missing.contains(why)
    {
        missing.push(why.clone());
    }
    let kind = match target {
        Target::Field(field) => field.row().kind,
        Target::Absent(_) => Type::Text,
    };
    if let (Target::Field(field), Operator::Number(_)) = (&target, modifiers.operator)
        && kind != Type::Number
    {
        let message = format!("`{}` is no number, and can't be less or greater than one", field.row().name);
        problems.error(at, message, "compare it with `contains`, `startswith`, `endswith` or `re`");
        return WRONG;
    }
    let mut line = Line { kind, modifiers, problems };
    let values = line.values(&entry.node);
    let parts = values.into_iter().map(|value| match (&target, value) {
        (Target::Field(field), Wanted::Test(test)) => Expression::Field(*field, test),
        (Target::Field(field), Wanted::Absent) => Expression::Field(*field, Test::Exists).not(),
        (Target::Absent(_), Wanted::Absent) => Expression::Constant(true),
        (Target::Absent(_), Wanted::Test(_)) => Expression::Constant(false),
    });
    let joined = join(parts.collect(), modifiers.all);
    if modifiers.neq { joined.not() } else { joined }
}

/// A list without fields: each text is searched for in every text of the event.
pub(super) fn keywords(items: &[&Node], problems: &mut Problems) -> Expression {
    keywords_with(items, Modifiers::default(), problems)
}

fn keywords_with(items: &[&Node], modifiers: Modifiers, problems: &mut Problems) -> Expression {
    let modifiers = Modifiers {
        operator: match modifiers.operator {
            Operator::Text(Place::Whole) => Operator::Text(Place::Anywhere),
            other => other,
        },
        ..modifiers
    };
    let mut line = Line { kind: Type::Text, modifiers, problems };
    let values: Vec<Wanted> = items.iter().filter_map(|item| line.value(item)).collect();
    let values = if modifiers.all { values } else { together(values) };
    let parts = values.into_iter().map(|value| match value {
        Wanted::Test(test) => Expression::Keyword(test),
        Wanted::Absent => Expression::Constant(false),
    });
    let joined = join(parts.collect(), modifiers.all);
    if modifiers.neq { joined.not() } else { joined }
}

enum Target {
    Field(Field),
    /// With the reason, unless the whole log source is absent.
    Absent(Option<String>),
}

enum Wanted {
    Test(Test),
    /// Sigma's null.
    Absent,
}

fn join(parts: Vec<Expression>, all: bool) -> Expression {
    if all { Expression::and(parts) } else { Expression::or(parts) }
}

/// Plain `contains` texts become one automaton.
fn together(values: Vec<Wanted>) -> Vec<Wanted> {
    let needle = |value: &Wanted| match value {
        Wanted::Test(Test::Folded(pattern)) => pattern.contained().map(<[u8]>::to_vec),
        _ => None,
    };
    let needles: Vec<Vec<u8>> = values.iter().filter_map(needle).collect();
    if needles.len() < TOGETHER {
        return values;
    }
    match Needles::new(needles) {
        Some(needles) => {
            let mut rest: Vec<_> = values.into_iter().filter(|value| needle(value).is_none()).collect();
            rest.push(Wanted::Test(Test::Folded(Pattern::ContainsOne(Box::new(needles)))));
            rest
        }
        None => values,
    }
}

/// Values of one line, checked one after another.
struct Line<'a> {
    kind: Type,
    modifiers: Modifiers,
    problems: &'a mut Problems,
}

impl Line<'_> {
    fn values(&mut self, node: &Node) -> Vec<Wanted> {
        let items = node.items();
        if items.is_empty() {
            self.problems.error(node.mark, "the list is empty", "put values into it, or remove the line");
        }
        let listed = matches!(node.value, Value::List(_));
        if let (true, Some(null)) = (listed, items.iter().find(|item| item.is_null())) {
            self.problems.warn(
                null.mark,
                "`null` stands in a list, which Sigma leaves undefined",
                "it is taken as: or the field is absent; write a selection of its own to be understood everywhere",
            );
        }
        let values: Vec<_> = items.iter().filter_map(|item| self.value(item)).collect();
        if self.modifiers.all { values } else { together(values) }
    }

    fn value(&mut self, node: &Node) -> Option<Wanted> {
        let Value::Scalar(scalar) = &node.value else {
            self.problems.error(
                node.mark,
                format!("{} stands where a value should", node.kind()),
                "a field has one value or a list of values",
            );
            return None;
        };
        if scalar.text.len() > VALUE {
            self.problems.error(
                node.mark,
                format!("the value has {} bytes, more than {VALUE}", scalar.text.len()),
                "look for its telling part with `contains`",
            );
            return None;
        }
        if scalar.is_null() && self.modifiers.operator == Operator::Text(Place::Whole) {
            return Some(Wanted::Absent);
        }
        match self.modifiers.operator {
            Operator::Text(place) => self.text(node.mark, &scalar.text, place).map(Wanted::Test),
            Operator::Regex { ignore_case, multi_line, dot_all } => {
                let mut builder = RegexBuilder::new(&scalar.text);
                builder.case_insensitive(ignore_case).multi_line(multi_line).dot_matches_new_line(dot_all);
                self.regex(node.mark, builder, ignore_case).map(Wanted::Test)
            }
            Operator::Cidr => self.cidr(node.mark, &scalar.text).map(Wanted::Test),
            Operator::Exists => self.exists(node.mark, scalar),
            Operator::Number(order) => {
                self.number(node.mark, &scalar.text).map(|bound| Wanted::Test(Test::Number(order, bound)))
            }
        }
    }

    fn wrong(&mut self, mark: Mark, message: String, remedy: &str) {
        self.problems.error(mark, message, remedy);
    }

    fn text(&mut self, mark: Mark, text: &str, place: Place) -> Option<Test> {
        let pieces = pattern::pieces(text);
        let plain = place == Place::Whole && !pieces.iter().any(|piece| *piece != Piece::Text(text.into()));
        let canonical = match self.kind {
            Type::Text => None,
            Type::Number if plain => Some(self.number(mark, text)?.to_string()),
            Type::Address if plain => Some(self.address(mark, text)?),
            Type::Flag => Some(self.flag(mark, text)?.to_owned()),
            Type::Number | Type::Address => {
                self.only(mark, &pieces)?;
                None
            }
            Type::Word(words) => {
                self.word(mark, text, &pieces, place, words)?;
                None
            }
        };
        let pieces = canonical.map_or(pieces, |text| vec![Piece::Text(text.into())]);
        if self.modifiers.cased {
            return Some(Test::Cased(Pattern::new(pieces, place, Case::Kept)));
        }
        Some(Test::Folded(Pattern::new(pieces, place, Case::Ignored)))
    }

    fn number(&mut self, mark: Mark, text: &str) -> Option<i64> {
        let number = text.parse().ok();
        if number.is_none() {
            let message = format!("`{}` is not a whole number, and the field only has those", shown(text));
            self.wrong(mark, message, "write digits, such as 443");
        }
        number
    }

    fn address(&mut self, mark: Mark, text: &str) -> Option<String> {
        let address = text.parse::<std::net::IpAddr>().ok();
        if address.is_none() {
            let message = format!("`{}` is not an IP address, and the field only has those", shown(text));
            self.wrong(mark, message, "write one such as 10.0.0.1, or a block with `|cidr`");
        }
        address.map(|address| address.to_string())
    }

    fn flag(&mut self, mark: Mark, text: &str) -> Option<&'static str> {
        match text.to_ascii_lowercase().as_str() {
            "true" => Some("true"),
            "false" => Some("false"),
            _ => {
                let message =
                    format!("`{}` is neither true nor false, and the field only has those", shown(text));
                self.wrong(mark, message, "write true or false");
                None
            }
        }
    }

    /// Parts of numbers and addresses are digits, dots, colons.
    fn only(&mut self, mark: Mark, pieces: &[Piece]) -> Option<()> {
        let possible = pieces.iter().all(|piece| match piece {
            Piece::Text(text) => text.iter().all(|byte| match self.kind {
                Type::Number => byte.is_ascii_digit() || *byte == b'-',
                _ => byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':'),
            }),
            Piece::One | Piece::Any => true,
        });
        if !possible {
            let what = if self.kind == Type::Number { "numbers" } else { "IP addresses" };
            let message = format!("the field only has {what}, and this can be no part of one");
            self.wrong(mark, message, "correct the value, or look at another field");
        }
        possible.then_some(())
    }

    fn word(
        &mut self,
        mark: Mark,
        text: &str,
        pieces: &[Piece],
        place: Place,
        words: &[&'static str],
    ) -> Option<()> {
        let pattern = Pattern::new(pieces.to_vec(), place, Case::Ignored);
        let possible = words.iter().any(|word| pattern.matches(word.as_bytes()));
        if !possible {
            let remedy = match text {
                // The nearest name means the opposite.
                "proven" => "proven links are: exact, inherited, lineage".to_owned(),
                _ => suggest(text, words.iter().copied(), format!("values are: {}", words.join(", "))),
            };
            self.wrong(mark, format!("the field never has the value `{}`", shown(text)), &remedy);
        }
        possible.then_some(())
    }

    fn regex(&mut self, mark: Mark, mut builder: RegexBuilder, ignore_case: bool) -> Option<Test> {
        builder.size_limit(REGEX).dfa_size_limit(REGEX).nest_limit(50);
        // Without Unicode `.` also matches bytes that are no UTF-8: such a byte must not hide an argument. A class with
        // letters beyond ASCII needs Unicode.
        let mut build = |unicode| {
            let compiled = builder.unicode(unicode).build()?;
            let required = literal::required(compiled.as_str(), ignore_case, unicode);
            Ok(Test::Regex(Regex { compiled, required }))
        };
        match build(false).or_else(|_| build(true)) {
            Ok(test) => Some(test),
            Err(regex::Error::CompiledTooBig(_)) => {
                let message = format!("the regular expression takes more than {} KiB", REGEX >> 10);
                self.wrong(mark, message, "use smaller repetition counts, or several values");
                None
            }
            Err(error) => {
                let said = error.to_string();
                let said = said.lines().last().unwrap_or_default();
                let said = said.trim_start_matches("error: ");
                self.wrong(
                    mark,
                    format!("not a regular expression: {said}"),
                    "correct it; look-around and back-references are left out, as in Sigma",
                );
                None
            }
        }
    }

    fn cidr(&mut self, mark: Mark, text: &str) -> Option<Test> {
        if !matches!(self.kind, Type::Address | Type::Text) {
            self.wrong(
                mark,
                "`cidr` is for IP addresses, and the field has none".into(),
                "compare it as it is",
            );
            return None;
        }
        let cidr = Cidr::parse(text);
        if cidr.is_none() {
            let message = format!("`{}` is not a block of IP addresses", shown(text));
            self.wrong(mark, message, "write one such as 10.0.0.0/8 or fe80::/10");
        }
        cidr.map(Test::Cidr)
    }

    fn exists(&mut self, mark: Mark, scalar: &Scalar) -> Option<Wanted> {
        match self.flag(mark, &scalar.text)? {
            "true" => Some(Wanted::Test(Test::Exists)),
            _ => Some(Wanted::Absent),
        }
    }
}
