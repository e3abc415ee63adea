//! `suppress` of a rule or a correlation: findings with the same values are told once in a time.
use super::{detection::absent, duration, hint, unknown_keys};
use crate::{
    field::{self, Field, Found, Kinds},
    parse::{Entry, Node, Value},
    problem::{Problems, shown},
    rule::Suppression,
};

/// Keys of the map.
pub(super) const KEYS: &[&str] = &["by", "for"];
/// Fields whose values must be the same.
const FIELDS: usize = 8;
/// It is no shorter than what events may be late by: what is over is then over for all of them.
const SHORTEST_NS: u64 = crate::correlate::LATENESS;
const LONGEST_NS: u64 = 86_400_000_000_000;

/// An entry of the `guardbee` block.
pub(super) fn items_of<'a>(rule: &'a Node, key: &str) -> Option<&'a Entry> {
    rule.get("guardbee")?.node.get(key)
}

/// Reads `suppress` of something about `kinds`; [`None`]: it has none, or a problem was reported.
pub(super) fn of(rule: &Node, kinds: Kinds, problems: &mut Problems) -> Option<Suppression> {
    let entry = items_of(rule, "suppress")?;
    if !matches!(entry.node.value, Value::Map(_)) {
        let message = format!("`suppress` is a map, not {}", entry.node.kind());
        problems.error(entry.node.mark, message, "write `suppress: {by: [container.id], for: 10m}`");
        return None;
    }
    unknown_keys(entry.node.entries(), "`suppress`", KEYS, problems);
    let alone = "without `by` all findings of the rule are one";
    let fields = entry.node.get("by").map(|by| fields(by, alone, kinds, problems)).unwrap_or_default();
    let Some(time) = entry.node.get("for") else {
        if !hint::misspelt(&entry.node, "for") {
            problems.error(entry.node.mark, "`suppress` has no `for`", "add `for: 10m`");
        }
        return None;
    };
    let written = time.node.text().unwrap_or_default();
    let for_ns = duration(written).filter(|ns| (SHORTEST_NS..=LONGEST_NS).contains(ns));
    if for_ns.is_none() {
        let message = format!("`{}` is not a time to suppress for", shown(written));
        problems.error(time.node.mark, message, "write it as 30s, 10m or 2h: at least 1s, at most 1d");
    }
    Some(Suppression { fields, for_ns: for_ns? })
}

/// The fields of an entry; `alone` says what goes without it.
pub(super) fn fields(by: &Entry, alone: &str, kinds: Kinds, problems: &mut Problems) -> Vec<Field> {
    let items = by.node.items();
    if items.is_empty() || items.len() > FIELDS {
        let message = format!("`{}` has {} fields", by.key, items.len());
        problems.error(by.key_mark, message, format!("name 1 to {FIELDS}; {alone}"));
    }
    items.iter().filter_map(|item| field(item, kinds, problems)).collect()
}

fn field(item: &Node, kinds: Kinds, problems: &mut Problems) -> Option<Field> {
    let Some(name) = item.text() else {
        let message = format!("{} stands where a field's name should", item.kind());
        problems.error(item.mark, message, "write `by: [container.id, Image]`");
        return None;
    };
    let (message, remedy) = match field::find(name) {
        Some(Found::Field(Field::Trace)) => (
            "a trace id is a claim of the client: it tells nothing apart".to_owned(),
            "write `guardbee.request`, which no client can choose".to_owned(),
        ),
        Some(Found::Field(field)) if kinds == Kinds::NONE || field.row().actions.meets(kinds) => {
            return Some(field);
        }
        Some(Found::Field(field)) => (absent(field, kinds), "name a field that its findings have".to_owned()),
        Some(Found::Unavailable(why)) => (
            format!("no event has `{}`: {why}", shown(name)),
            "name a field that its findings have".to_owned(),
        ),
        None => (format!("unknown field `{}`", shown(name)), hint::field(name)),
    };
    problems.error(item.mark, message, remedy);
    None
}
