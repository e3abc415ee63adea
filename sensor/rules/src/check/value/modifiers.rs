//! What stands behind a field's name: `|contains|all`.
use crate::{
    parse::Mark,
    pattern::Place,
    problem::{Problems, shown, suggest},
    rule::Order,
};

/// Modifiers of Sigma 2.1 (appendix modifiers) that this version evaluates.
const SUPPORTED: &[&str] = &[
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
];
/// The others.
const LATER: &[&str] = &[
    "base64",
    "base64offset",
    "windash",
    "utf16",
    "utf16le",
    "utf16be",
    "wide",
    "fieldref",
    "expand",
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
    Regex { ignore_case: bool, multi_line: bool, dot_all: bool },
    Cidr,
    Exists,
    Number(Order),
}

/// What the modifiers of one line say together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Modifiers {
    pub(super) operator: Operator,
    /// All values, not one of them.
    pub(super) all: bool,
    pub(super) cased: bool,
    pub(super) neq: bool,
}

impl Default for Modifiers {
    fn default() -> Self {
        Self { operator: Operator::Text(Place::Whole), all: false, cased: false, neq: false }
    }
}

/// Parses `contains|all`, which stands at `mark`. [`None`]: a problem was reported.
pub(super) fn parse(written: Option<&str>, mark: Mark, problems: &mut Problems) -> Option<Modifiers> {
    let mut out = Modifiers::default();
    let mut operator = None;
    let mut at = mark;
    for name in written.into_iter().flat_map(|all| all.split('|')) {
        let place = at;
        at = at.right(name.chars().count() + 1);
        match (name, &mut operator) {
            ("all", _) => out.all = true,
            ("cased", _) => out.cased = true,
            ("neq", _) => out.neq = true,
            ("i" | "m" | "s", Some(Operator::Regex { ignore_case, multi_line, dot_all })) => match name {
                "i" => *ignore_case = true,
                "m" => *multi_line = true,
                _ => *dot_all = true,
            },
            ("i" | "m" | "s", _) => {
                let message = format!("`{name}` is a flag of `re`");
                problems.error(place, message, format!("write `re|{name}`"));
                return None;
            }
            (name, operator) => {
                let Some(new) = named(name) else {
                    unknown(name, place, problems);
                    return None;
                };
                if operator.replace(new).is_some() {
                    problems.error(
                        place,
                        format!("`{name}` contradicts the modifier before it"),
                        "a line compares in one way: make two lines of it",
                    );
                    return None;
                }
            }
        }
    }
    out.operator = operator.unwrap_or(out.operator);
    Some(out)
}

fn named(name: &str) -> Option<Operator> {
    Some(match name {
        "contains" => Operator::Text(Place::Anywhere),
        "startswith" => Operator::Text(Place::Start),
        "endswith" => Operator::Text(Place::End),
        "re" => Operator::Regex { ignore_case: false, multi_line: false, dot_all: false },
        "cidr" => Operator::Cidr,
        "exists" => Operator::Exists,
        "lt" => Operator::Number(Order::Less),
        "lte" => Operator::Number(Order::LessOrEqual),
        "gt" => Operator::Number(Order::Greater),
        "gte" => Operator::Number(Order::GreaterOrEqual),
        _ => return None,
    })
}

fn unknown(name: &str, mark: Mark, problems: &mut Problems) {
    if LATER.contains(&name) {
        problems.error(
            mark,
            format!("the modifier `{name}` is known, but not supported in this version"),
            "write the values out",
        );
        return;
    }
    let remedy = suggest(
        name,
        SUPPORTED.iter().chain(LATER).copied(),
        format!("modifiers are: {}", SUPPORTED.join(", ")),
    );
    problems.error(mark, format!("unknown modifier `{}`", shown(name)), remedy);
}
