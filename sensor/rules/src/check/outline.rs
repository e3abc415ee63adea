//! The outline of a rule that was found to be sound: its selections and lines under their names.
use super::{
    detection::matches_name,
    value::{self, Scope, Spent},
};
use crate::{
    field::{self, Field, Found},
    parse::{
        Entry, Mark, Node, Value,
        condition::{self, Condition, HowMany},
    },
    problem::Problems,
    rule::Expression,
    workbench::outline::{Line, Part, Shape},
};
use std::sync::Arc;

/// Characters of a line that are shown.
const SHOWN: usize = 100;
/// Values of one line that are told apart.
const VALUES: usize = 1000;

/// The conditions of a detection, of which one must hold.
pub(super) fn detection(detection: &Node, scope: Scope<'_>) -> Option<Arc<Part>> {
    let spent = Spent::default();
    let scope = Scope { shared: (scope.shared.0, &spent), ..scope };
    let mut selections = Vec::new();
    for entry in detection.entries().iter().filter(|entry| &*entry.key != "condition") {
        selections.push((&*entry.key, selection(&entry.key, entry.key_mark, &entry.node, scope)));
    }
    let entry = detection.get("condition")?;
    let mut conditions = Vec::new();
    for node in entry.node.items() {
        let parsed = condition::parse(node.text()?).ok()?;
        conditions.push(resolve(&parsed, node.mark, &selections));
    }
    Some(one("one of these conditions", entry.key_mark, conditions))
}

fn one(text: &str, mark: Mark, mut parts: Vec<Arc<Part>>) -> Arc<Part> {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            Part::new(text, mark, Shape::One(parts))
        }
    }
}

fn resolve(condition: &Condition, mark: Mark, selections: &[(&str, Arc<Part>)]) -> Arc<Part> {
    let all = |parts: &[Condition]| parts.iter().map(|part| resolve(part, mark, selections)).collect();
    match condition {
        Condition::Not(inner) => Part::new("not", mark, Shape::Not(resolve(inner, mark, selections))),
        Condition::And(parts) => Part::new("all of these", mark, Shape::All(all(parts))),
        Condition::Or(parts) => Part::new("one of these", mark, Shape::One(all(parts))),
        Condition::Name { name, .. } => {
            let named = selections.iter().filter(|(known, _)| known == name);
            Part::all(name, mark, named.map(|(_, part)| Arc::clone(part)).collect())
        }
        Condition::Of { how_many, target, .. } => {
            let them = target.eq_ignore_ascii_case("them");
            let named = selections
                .iter()
                .filter(|(name, _)| if them { !name.starts_with('_') } else { matches_name(target, name) });
            let parts = named.map(|(_, part)| Arc::clone(part)).collect();
            match how_many {
                HowMany::One => Part::new(&format!("1 of {target}"), mark, Shape::One(parts)),
                HowMany::All => Part::new(&format!("all of {target}"), mark, Shape::All(parts)),
            }
        }
    }
}

/// As `detection::selection`: a map is AND, a list is OR, a text is a keyword.
fn selection(name: &str, mark: Mark, node: &Node, scope: Scope<'_>) -> Arc<Part> {
    match &node.value {
        Value::Map(entries) => {
            Part::new(name, mark, Shape::All(entries.iter().map(|entry| line(entry, scope)).collect()))
        }
        Value::List(items) => {
            let maps = items.iter().filter(|item| matches!(item.value, Value::Map(_)));
            let mut parts: Vec<_> = maps
                .enumerate()
                .map(|(nth, item)| selection(&format!("{}. of {name}", nth + 1), item.mark, item, scope))
                .collect();
            let keywords: Vec<_> = items.iter().filter(|item| !matches!(item.value, Value::Map(_))).collect();
            if !keywords.is_empty() {
                parts.push(words(&keywords, scope));
            }
            Part::new(name, mark, Shape::One(parts))
        }
        Value::Scalar(_) => Part::new(name, mark, Shape::All(vec![words(&[node], scope)])),
    }
}

pub(super) fn line(entry: &Entry, scope: Scope<'_>) -> Arc<Part> {
    let mut ignored = Problems::new("");
    let mut missing = Vec::new();
    let expression = value::entry(entry, scope, &mut missing, &mut ignored);
    let mut fields = Vec::new();
    let (name, modifiers) = entry.key.split_once('|').unwrap_or((&entry.key, ""));
    let mut name_field = |name: &str| {
        if let Some(Found::Field(field)) = field::find(name) {
            fields.push(field);
        }
    };
    name_field(name);
    if modifiers.split('|').any(|modifier| modifier == "fieldref") {
        entry.node.items().iter().filter_map(Node::text).for_each(name_field);
    }
    if name.is_empty() {
        fields = searched();
    }
    let items = match &entry.node.value {
        Value::List(items) if (2..=VALUES).contains(&items.len()) => items.as_slice(),
        _ => &[],
    };
    let alone = |item: &Node| {
        let entry = Entry { node: item.clone(), ..entry.clone() };
        let expression = value::entry(&entry, scope, &mut Vec::new(), &mut Problems::new(""));
        (written(item).into(), expression)
    };
    let values = items.iter().map(alone).collect();
    let missing = (!missing.is_empty()).then(|| missing.join("; ").into());
    let text = shortened(&format!("{}: {}", entry.key, written(&entry.node)));
    let shape = Shape::Line(Box::new(Line { expression, fields, values, missing }));
    Part::new(&text, entry.key_mark, shape)
}

fn words(items: &[&Node], scope: Scope<'_>) -> Arc<Part> {
    let of = |items: &[&Node]| value::keywords(items, scope, &mut Problems::new(""));
    let several =
        if items.len() > 1 { items.get(..items.len().min(VALUES)).unwrap_or_default() } else { &[] };
    let values: Vec<(Box<str>, Expression)> =
        several.iter().map(|item| (written(item).into(), of(&[item]))).collect();
    let mark = items.first().map(|item| item.mark).unwrap_or_default();
    let all: Vec<String> = items.iter().map(|item| written(item)).collect();
    let text = shortened(&format!("any text of the event: {}", all.join(", ")));
    let expression = of(items);
    let shape = Shape::Line(Box::new(Line { expression, fields: searched(), values, missing: None }));
    Part::new(&text, mark, shape)
}

fn searched() -> Vec<Field> {
    Field::ALL.iter().copied().filter(|field| field.row().searched).collect()
}

fn written(node: &Node) -> String {
    match &node.value {
        Value::Scalar(scalar) => {
            let all = scalar.text.chars().take(SHOWN + 1);
            all.flat_map(|one| if one.is_control() { one.escape_default().collect() } else { vec![one] })
                .collect()
        }
        Value::List(items) => {
            let items: Vec<_> = items.iter().take(SHOWN).map(written).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(_) => node.kind().to_owned(),
    }
}

fn shortened(text: &str) -> String {
    let mut out: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        out.push('…');
    }
    out
}
