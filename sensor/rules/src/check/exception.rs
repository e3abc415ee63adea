//! `exceptions` of a rule: events that are known and wanted, told by the values of some fields together.
//!
//! What a value must be is written behind its field's name, as in selections, and checked as there.
use super::{
    hint, outline,
    suppress::items_of,
    text, unknown_keys,
    value::{self, Scope, Spent},
};
use crate::{
    date::Date,
    field::Field,
    parse::{Entry, Mark, Node, Value},
    problem::{Problems, shown},
    rule::{Exception, Expression, Test},
    workbench::outline::{Line, Part, Shape},
};
use std::sync::Arc;

/// Keys of an exception.
pub(super) const KEYS: &[&str] = &["name", "fields", "values", "reason", "expires"];
/// Exceptions of one rule, fields of one exception, its values.
const EXCEPTIONS: usize = 100;
const FIELDS: usize = 16;
const TUPLES: usize = 1_000;

/// The exceptions of a rule.
pub(super) fn of(rule: &Node, scope: Scope<'_>, problems: &mut Problems) -> Vec<Exception> {
    let Some(entry) = items_of(rule, "exceptions") else { return Vec::new() };
    let items = entry.node.items();
    if items.is_empty() || items.len() > EXCEPTIONS {
        let message = format!("the rule has {} exceptions", items.len());
        problems.error(entry.key_mark, message, format!("give it 1 to {EXCEPTIONS}, or remove the key"));
        return Vec::new();
    }
    if let Value::Map(entries) = &entry.node.value
        && entries.iter().all(|entry| matches!(entry.node.value, Value::Map(_)))
    {
        problems.error(
            entry.node.mark,
            "`exceptions` is a list, not a map of names",
            "write `- {name: backup, fields: [Image], values: [/usr/bin/backup], reason: why}`",
        );
        return Vec::new();
    }
    let mut out: Vec<Exception> = Vec::new();
    for item in items {
        let Some(exception) = exception(item, scope, problems) else { continue };
        if out.iter().any(|other| other.name == exception.name) {
            let message = format!("two exceptions have the name `{}`", shown(&exception.name));
            problems.error(item.mark, message, "they are counted by their names: give each its own");
        }
        out.push(exception);
    }
    out
}

fn exception(item: &Node, scope: Scope<'_>, problems: &mut Problems) -> Option<Exception> {
    if item.entries().is_empty() {
        let message = format!("an exception is a map, not {}", item.kind());
        let remedy = "write `{name: backup, fields: [Image], values: [/usr/bin/backup], reason: why}`";
        problems.error(item.mark, message, remedy);
        return None;
    }
    unknown_keys(item.entries(), "an exception", KEYS, problems);
    let name = demanded(item, "name", "counts and explanations show it: add `name: backup`", problems);
    let reason = demanded(item, "reason", "say why these events are wanted, and who said so", problems);
    let expires = expires(item, problems);
    let wanted = tuples(item, scope, problems);
    let (name, reason, tuples) = (name?, reason?, wanted?);
    let wanted = Expression::or(tuples);
    match wanted {
        Expression::Constant(true) => {
            let message = format!("the exception `{}` holds for every event", shown(&name));
            problems.error(item.mark, message, "the rule could never match: say which events are wanted");
        }
        Expression::Constant(false) if scope.kinds.is_some() => {
            let message = format!("the exception `{}` holds for no event", shown(&name));
            problems.warn(
                item.mark,
                message,
                "its fields are not recorded for this rule: name others, or remove it",
            );
        }
        _ => {}
    }
    let ends = expires.map(|(end, _)| Expression::Field(Field::Time, Test::Before(end)));
    let condition = Expression::and(std::iter::once(wanted).chain(ends).collect());
    Some(Exception { name, reason, expires, condition })
}

fn demanded(item: &Node, key: &str, remedy: &str, problems: &mut Problems) -> Option<Box<str>> {
    let Some(entry) = item.get(key) else {
        if !hint::misspelt(item, key) {
            problems.error(item.mark, format!("the exception has no `{key}`"), remedy);
        }
        return None;
    };
    if matches!(&entry.node.value, Value::Scalar(scalar) if scalar.text.trim().is_empty()) {
        problems.error(entry.node.mark, format!("the exception's `{key}` is empty"), remedy);
        return None;
    }
    text(item, key, problems).map(|(_, text)| text.into())
}

/// The end of the last day on which it holds.
fn expires(item: &Node, problems: &mut Problems) -> Option<(Date, Mark)> {
    let (at, written) = text(item, "expires", problems)?;
    let end = Date::end_of_day(written);
    if end.is_none() {
        let message = format!("`{}` is not a date", shown(written));
        problems.error(at.mark, message, "write the last day on which it shall hold, such as 2026-12-31");
    }
    end.map(|end| (end, at.mark))
}

/// A field with its value, as a line of a selection.
fn cell(field: &Node, value: &Node) -> Entry {
    Entry { key: field.text().unwrap_or_default().into(), key_mark: field.mark, node: value.clone() }
}

/// Lines of which each must hold, for each of the values.
fn rows(item: &Node) -> Option<Vec<Vec<Entry>>> {
    let (fields, values) = (&item.get("fields")?.node, &item.get("values")?.node);
    let fields = fields.items();
    let row = |value: &Node| {
        let cells = match &value.value {
            Value::List(cells) => cells.as_slice(),
            _ => std::slice::from_ref(value),
        };
        (cells.len() == fields.len())
            .then(|| fields.iter().zip(cells).map(|(one, two)| cell(one, two)).collect())
    };
    values.items().iter().map(row).collect()
}

fn tuples(item: &Node, scope: Scope<'_>, problems: &mut Problems) -> Option<Vec<Expression>> {
    if !shape(item, problems) {
        return None;
    }
    let mut out = Vec::new();
    let before = problems.errors();
    for row in rows(item)? {
        // What nothing records never holds: told once, by what the whole comes to.
        let line = |cell: &Entry| value::entry(cell, scope, &mut Vec::new(), problems);
        out.push(Expression::and(row.iter().map(line).collect()));
        // The name of a field is as wrong with the next value.
        if problems.errors() > before {
            return None;
        }
    }
    Some(out)
}

/// Whether each value has as many parts as there are fields.
fn shape(item: &Node, problems: &mut Problems) -> bool {
    let before = problems.errors();
    let mut list = |key: &str, most: usize, example: &str| {
        let Some(entry) = item.get(key) else {
            if !hint::misspelt(item, key) {
                let message = format!("the exception has no `{key}`");
                problems.error(item.mark, message, format!("add `{key}: {example}`"));
            }
            return None;
        };
        let count = entry.node.items().len();
        let what = match &entry.node.value {
            Value::Map(_) => "is a map".to_owned(),
            _ if count == 0 => "is empty".to_owned(),
            _ if count > most => format!("has {count} items"),
            _ => return Some(&entry.node),
        };
        let remedy = format!("write a list of 1 to {most}, such as `{example}`");
        problems.error(entry.node.mark, format!("`{key}` {what}"), remedy);
        None
    };
    let fields = list("fields", FIELDS, "[Image|endswith, User]");
    let values = list("values", TUPLES, "[[/backup, root]]");
    let (Some(fields), Some(values)) = (fields, values) else { return false };
    for field in fields.items().iter().filter(|field| field.text().is_none_or(|name| name.starts_with('|'))) {
        let message = format!("{} stands where a field's name should", field.kind());
        problems.error(field.mark, message, "write its name, with modifiers behind it: `Image|endswith`");
    }
    let wanted = fields.items().len();
    for value in values.items() {
        let count = match &value.value {
            Value::List(cells) => cells.len(),
            _ => 1,
        };
        if count != wanted {
            let message = format!("there is a value of {count} for {wanted} fields");
            let remedy = "each value is a list, with a part for each field: `[/usr/bin/x, root]`";
            problems.error(value.mark, message, remedy);
        }
    }
    problems.errors() == before
}

/// That none of them holds, for explanations. [`None`]: there are none.
pub(super) fn outline(rule: &Node, scope: Scope<'_>) -> Option<Arc<Part>> {
    let spent = Spent::default();
    let scope = Scope { shared: (scope.shared.0, &spent), ..scope };
    let entry = items_of(rule, "exceptions")?;
    let parts = entry.node.items().iter().map(|item| outline_of(item, scope)).collect();
    let any = Part::new("an exception", entry.key_mark, Shape::One(parts));
    Some(Part::new("not", entry.key_mark, Shape::Not(any)))
}

fn outline_of(item: &Node, scope: Scope<'_>) -> Arc<Part> {
    let said = |key| item.get(key).and_then(|entry| entry.node.text()).unwrap_or_default();
    let row = |cells: Vec<Entry>| {
        let mark = cells.first().map(|cell| cell.node.mark).unwrap_or_default();
        // Every value has a place of its own; the fields stand above all of them.
        let line = |cell: Entry| outline::line(&Entry { key_mark: cell.node.mark, ..cell }, scope);
        Part::all("a value", mark, cells.into_iter().map(line).collect())
    };
    let rows: Vec<_> = rows(item).unwrap_or_default().into_iter().map(row).collect();
    let mut parts = vec![Part::new("one of its values", item.mark, Shape::One(rows))];
    if let Some((end, mark)) = expires(item, &mut Problems::new("")) {
        let expression = Expression::Field(Field::Time, Test::Before(end));
        let (fields, values) = (vec![Field::Time], Vec::new());
        let line = Line { expression, fields, values, missing: None };
        parts.push(Part::new(&format!("expires: {}", said("expires")), mark, Shape::Line(Box::new(line))));
    }
    Part::new(&format!("exception `{}`: {}", said("name"), said("reason")), item.mark, Shape::All(parts))
}
