//! A condition in our terms, and what remains of it when constants are worked out.
use super::{fields::PRIVILEGED, source::Place};

/// More parts are not compared with each other: the rule is only less simple for it.
const COMPARED: usize = 200;

/// A condition of which each leaf is a line of a Sigma selection, a constant, or nothing we can say.
#[derive(Clone, Debug)]
pub(super) enum Logic {
    Constant(bool),
    Not(Box<Logic>),
    And(Vec<Logic>),
    Or(Vec<Logic>),
    /// A macro or an exception, kept by its name.
    Named(String, Box<Logic>),
    Line(Line),
    Missing(Missing),
}

/// `field|modifiers: values`, which holds for one of the values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) field: &'static str,
    /// With the leading `|`, or empty.
    pub(super) modifiers: String,
    /// All values must hold, not one.
    pub(super) all: bool,
    pub(super) values: Vec<Value>,
}

/// A value as Sigma writes it, wildcards escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Number(i64),
    Flag(bool),
    /// The field is absent.
    Null,
}

/// A part that can't be said.
#[derive(Clone, Debug)]
pub(super) struct Missing {
    /// Falco's field, with its argument.
    pub(super) field: String,
    /// The check, as Falco writes it.
    pub(super) what: String,
    pub(super) why: String,
    pub(super) place: Place,
}

impl Missing {
    fn same(&self, other: &Self) -> bool {
        self.what == other.what && self.why == other.why
    }

    /// Adds it to those that are known, unless it is one of them.
    pub(super) fn note(self, out: &mut Vec<Self>) {
        if out.len() < COMPARED && !out.iter().any(|known| known.same(&self)) {
            out.push(self);
        }
    }
}

impl PartialEq for Logic {
    /// Places don't count.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Constant(a), Self::Constant(b)) => a == b,
            (Self::Not(a), Self::Not(b)) | (Self::Named(_, a), Self::Named(_, b)) => a == b,
            (Self::And(a), Self::And(b)) | (Self::Or(a), Self::Or(b)) => a == b,
            (Self::Line(a), Self::Line(b)) => a == b,
            (Self::Missing(a), Self::Missing(b)) => a.what == b.what,
            _ => false,
        }
    }
}

impl Line {
    pub(super) fn new(field: &'static str, modifiers: &str, value: Value) -> Self {
        Self { field, modifiers: modifiers.to_owned(), all: false, values: vec![value] }
    }

    fn same_key(&self, other: &Self) -> bool {
        self.field == other.field && self.modifiers == other.modifiers
    }
}

impl From<Line> for Logic {
    fn from(line: Line) -> Self {
        Self::Line(line)
    }
}

impl Logic {
    pub(super) fn not(inner: Self) -> Self {
        Self::Not(Box::new(inner))
    }

    pub(super) fn is(&self, constant: bool) -> bool {
        matches!(self, Self::Constant(value) if *value == constant)
    }

    /// Works constants out, joins what can be one line, and finds contradictions.
    pub(super) fn folded(self) -> Self {
        match self {
            Self::Not(inner) => match inner.folded() {
                Self::Constant(value) => Self::Constant(!value),
                Self::Not(inner) => *inner,
                Self::Line(line) => absence(line),
                other => Self::not(other),
            },
            Self::Named(name, inner) => match inner.folded() {
                Self::Constant(value) => Self::Constant(value),
                Self::Named(_, inner) => Self::Named(name, inner),
                other => Self::Named(name, Box::new(other)),
            },
            Self::And(parts) => joined(parts, false),
            Self::Or(parts) => joined(parts, true),
            leaf => leaf,
        }
    }

    /// Takes out what excludes and can't be said, so that it holds for more. What can't be said and does not exclude stays.
    pub(super) fn without_exclusions(self, out: &mut Vec<Missing>) -> Self {
        self.without(false, out)
    }

    /// `excludes`: it stands under an odd number of `not`.
    fn without(self, excludes: bool, out: &mut Vec<Missing>) -> Self {
        let mut all = |parts: Vec<Self>| parts.into_iter().map(|part| part.without(excludes, out)).collect();
        match self {
            Self::Not(inner) => Self::not(inner.without(!excludes, out)),
            Self::Named(name, inner) => Self::Named(name, Box::new(inner.without(excludes, out))),
            Self::And(parts) => Self::And(all(parts)),
            Self::Or(parts) => Self::Or(all(parts)),
            Self::Missing(missing) if excludes => {
                missing.note(out);
                Self::Constant(false)
            }
            leaf => leaf,
        }
    }

    /// What must hold for it to hold, through names.
    pub(super) fn required<'a>(&'a self, out: &mut Vec<&'a Self>) {
        match self {
            Self::And(parts) => parts.iter().for_each(|part| part.required(out)),
            Self::Named(_, inner) => inner.required(out),
            Self::Not(_) | Self::Line(_) | Self::Missing(_) => out.push(self),
            Self::Constant(_) | Self::Or(_) => {}
        }
    }

    /// Every part that can't be said.
    pub(super) fn missing<'a>(&'a self, out: &mut Vec<&'a Missing>) {
        match self {
            Self::Not(inner) | Self::Named(_, inner) => inner.missing(out),
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.missing(out)),
            Self::Missing(missing) => {
                if out.len() < COMPARED && !out.iter().any(|known| known.same(missing)) {
                    out.push(missing);
                }
            }
            Self::Constant(_) | Self::Line(_) => {}
        }
    }
}

/// Absent and there are each other's contrary.
fn absence(line: Line) -> Logic {
    match (line.modifiers.as_str(), line.values.as_slice()) {
        ("", [Value::Null]) => Line::new(line.field, "|exists", Value::Flag(true)).into(),
        ("|exists", [Value::Flag(true)]) => Line::new(line.field, "", Value::Null).into(),
        // Flags of an exec are always there.
        ("", [Value::Flag(flag)]) if line.field != PRIVILEGED => {
            Line::new(line.field, "", Value::Flag(!flag)).into()
        }
        _ => Logic::not(Logic::Line(line)),
    }
}

/// `decisive`: the constant that decides, true for `or`.
fn joined(parts: Vec<Logic>, decisive: bool) -> Logic {
    let mut out: Vec<Logic> = Vec::new();
    let mut pending: Vec<Logic> = parts.into_iter().rev().map(Logic::folded).collect();
    while let Some(part) = pending.pop() {
        match part {
            Logic::Constant(value) if value == decisive => return Logic::Constant(decisive),
            Logic::Constant(_) => {}
            Logic::Or(inner) if decisive => pending.extend(inner.into_iter().rev()),
            Logic::And(inner) if !decisive => pending.extend(inner.into_iter().rev()),
            Logic::Line(line) => add(&mut out, line, decisive),
            other if out.len() < COMPARED && out.contains(&other) => {}
            other => out.push(other),
        }
    }
    if !decisive {
        drop_implied(&mut out);
        if contradicts(&out) {
            return Logic::Constant(false);
        }
    }
    match out.len() {
        0 => Logic::Constant(!decisive),
        1 => out.pop().unwrap_or(Logic::Constant(!decisive)),
        _ if decisive => Logic::Or(out),
        _ => Logic::And(out),
    }
}

/// Values for one field become a list: of alternatives, or of what must all hold.
fn add(out: &mut Vec<Logic>, line: Line, or: bool) {
    let single = |line: &Line| line.values.len() == 1;
    let fits = |known: &Line| {
        let joins = if or { !known.all && !line.all } else { joins_all(known) && joins_all(&line) };
        known.same_key(&line)
            && joins
            && (or || known.all || single(known))
            && (or || line.all || single(&line))
    };
    for part in out.iter_mut() {
        if let Logic::Line(known) = part
            && fits(known)
        {
            let compared = known.values.len() < COMPARED;
            for value in line.values {
                if !(compared && known.values.contains(&value)) {
                    known.values.push(value);
                }
            }
            known.all = !or && known.values.len() > 1;
            return;
        }
    }
    let line = Logic::Line(line);
    if !out.contains(&line) {
        out.push(line);
    }
}

/// Two of them can hold for one value.
fn joins_all(line: &Line) -> bool {
    line.modifiers.starts_with("|contains") || line.modifiers.starts_with("|re")
}

/// A field that has one of these values is there.
fn drop_implied(out: &mut Vec<Logic>) {
    let there = |part: &Logic| match part {
        Logic::Line(line) if line.modifiers != "|exists" && !line.values.contains(&Value::Null) => {
            Some(line.field)
        }
        _ => None,
    };
    let there: Vec<_> = out.iter().filter_map(there).collect();
    out.retain(|part| match part {
        Logic::Line(line) => line.modifiers != "|exists" || !there.contains(&line.field),
        _ => true,
    });
}

fn contradicts(parts: &[Logic]) -> bool {
    let mut required = Vec::new();
    for part in parts {
        part.required(&mut required);
    }
    if required.len() > COMPARED {
        return false;
    }
    required.iter().any(|part| matches!(part, Logic::Not(inner) if required.contains(&&**inner)))
}
