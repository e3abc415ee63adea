//! `join` of a correlation: what holds its events together, one way after another in the order of proof.
use super::{duration, suppress::items_of, unknown_keys};
use crate::{
    correlate::Machine,
    parse::{Node, Value},
    problem::{Problems, shown, suggest},
    rule::{Join, JoinKey},
};

/// Keys of a way that is a map.
pub(super) const KEYS: &[&str] = &["key", "within"];

/// Reads `join` of a correlation that has `timespan_ns`.
pub(super) fn of(
    node: &Node,
    machine: Option<&Machine>,
    timespan_ns: Option<u64>,
    problems: &mut Problems,
) -> Vec<Join> {
    let Some(entry) = items_of(node, "join") else { return Vec::new() };
    if machine.is_some_and(Machine::closes) {
        // A weaker way has more events, with which it may hold or not: a proof would prove nothing.
        let remedy =
            "write `group-by`: only counts and sums that are compared with `gt` or `gte` alone are joined";
        problems.error(entry.key_mark, "what is judged when its time is over is not joined", remedy);
        return Vec::new();
    }
    let grouped = node.get("correlation").and_then(|body| body.node.get("group-by"));
    if let Some(grouped) = grouped {
        let remedy = "leave one of them out: `join` says what holds the events together";
        problems.error(grouped.key_mark, "the correlation has `group-by`, and `join`", remedy);
    }
    if entry.node.items().is_empty() {
        problems.error(entry.node.mark, "`join` is empty", "name at least `guardbee.request`");
    }
    let mut out: Vec<Join> = Vec::new();
    for item in entry.node.items() {
        let Some(join) = one(item, timespan_ns, problems) else { continue };
        if join.key == JoinKey::Tree && matches!(machine, Some(Machine::Window(_))) {
            // A script whose programs are counted does nothing that counts itself.
            let remedy = "leave it out, or write `group-by: [process.parent_pid]`: none of the events stands at the top of its tree";
            problems.error(item.mark, "what is counted has no `process.tree`", remedy);
        }
        if out.last().is_some_and(|before| before.key >= join.key) {
            let names = JoinKey::ALL.map(JoinKey::name).join(", ");
            let message = format!("`{}` proves no less than what stands before it", join.key.name());
            problems.error(item.mark, message, format!("write them in the order of proof: {names}"));
        }
        out.push(join);
    }
    out
}

fn one(item: &Node, timespan_ns: Option<u64>, problems: &mut Problems) -> Option<Join> {
    let is_map = matches!(item.value, Value::Map(_));
    let (named, within) = if is_map {
        unknown_keys(item.entries(), "a way to join", KEYS, problems);
        (item.get("key").map(|entry| &entry.node), item.get("within"))
    } else {
        (Some(item), None)
    };
    let Some(named) = named else {
        problems.error(item.mark, "a way to join has no `key`", "write `{key: container.id, within: 2s}`");
        return None;
    };
    let written = named.text().unwrap_or_default();
    let Some(key) = JoinKey::ALL.into_iter().find(|key| key.name() == written) else {
        let known = JoinKey::ALL.map(JoinKey::name);
        let remedy = suggest(written, known, format!("ways to join are: {}", known.join(", ")));
        problems.error(named.mark, format!("nothing is joined by `{}`", shown(written)), remedy);
        return None;
    };
    let most = timespan_ns.unwrap_or(u64::MAX);
    let Some(within) = within else { return Some(Join { key, within_ns: most }) };
    let written = within.node.text().unwrap_or_default();
    let within_ns = duration(written).filter(|ns| (1..=most).contains(ns));
    if within_ns.is_none() {
        let message = format!("`{}` is no time within the `timespan`", shown(written));
        problems.error(within.node.mark, message, "write it as 500ms or 2s, no longer than `timespan`");
    }
    Some(Join { key, within_ns: within_ns? })
}
