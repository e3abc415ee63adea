//! `baseline` of a rule: of what it matches only what is new in its scope is a match.
use super::{
    duration,
    suppress::{fields, items_of},
    unknown_keys,
};
use crate::{
    field::Kinds,
    parse::{Node, Value},
    problem::{Problems, shown},
    rule::Baseline,
};

/// Keys of the map.
pub(super) const KEYS: &[&str] = &["by", "per", "learn", "forget", "most"];
const DAY_NS: u64 = 86_400_000_000_000;
const LONGEST_LEARN_NS: u64 = 90 * DAY_NS;
/// What is late is not new for that.
const SHORTEST_FORGET_NS: u64 = crate::correlate::LATENESS;
const LONGEST_FORGET_NS: u64 = 366 * DAY_NS;
/// Values of a scope that has a profile.
pub(super) const MOST: u32 = 10_000;

/// Reads `baseline` of a rule about `kinds`; [`None`]: it has none, or a problem was reported.
pub(super) fn of(rule: &Node, kinds: Kinds, problems: &mut Problems) -> Option<Baseline> {
    let entry = items_of(rule, "baseline")?;
    let map = &entry.node;
    if !matches!(map.value, Value::Map(_)) {
        let remedy = "write `baseline: {by: [process.executable.path], learn: 1d, forget: 14d}`";
        problems.error(map.mark, format!("`baseline` is a map, not {}", map.kind()), remedy);
        return None;
    }
    let before = problems.errors();
    unknown_keys(map.entries(), "`baseline`", KEYS, problems);
    let told = map.get("by").map(|by| fields(by, "they tell what is new", kinds, problems));
    if told.is_none() {
        problems.error(map.mark, "`baseline` has no `by`", "name the fields whose values are new or known");
    }
    let per = map.get("per").map(|per| fields(per, "without `per` all is one scope", kinds, problems));
    let learn_ns = time(map, "learn", (0, LONGEST_LEARN_NS), problems);
    let forget_ns = time(map, "forget", (SHORTEST_FORGET_NS, LONGEST_FORGET_NS), problems);
    let most = map.get("most").and_then(|entry| most(&entry.node, problems));
    let (fields, scope, learn_ns, forget_ns) = (told?, per.unwrap_or_default(), learn_ns?, forget_ns?);
    if forget_ns < learn_ns {
        let remedy = "let it remember for longer than it learns";
        problems.error(map.mark, "`forget` is shorter than `learn`: what was learned is gone again", remedy);
    }
    (problems.errors() == before).then_some(Baseline { fields, scope, learn_ns, forget_ns, most })
}

fn most(node: &Node, problems: &mut Problems) -> Option<u32> {
    let most = node.text().and_then(|text| text.parse().ok()).filter(|most| (1..=MOST).contains(most));
    if most.is_none() {
        let written = node.text().map_or_else(|| node.kind().to_owned(), |text| format!("`{}`", shown(text)));
        let message = format!("{written} is no number of values");
        let remedy =
            format!("write a whole number from 1 to {MOST}; without `most` a scope may have any number");
        problems.error(node.mark, message, remedy);
    }
    most
}

fn time(map: &Node, key: &str, (least, most): (u64, u64), problems: &mut Problems) -> Option<u64> {
    let Some(entry) = map.get(key) else {
        problems.error(map.mark, format!("`baseline` has no `{key}`"), format!("add `{key}: 14d`"));
        return None;
    };
    let written = entry.node.text().unwrap_or_default();
    let ns = duration(written).filter(|ns| (least..=most).contains(ns));
    if ns.is_none() {
        let message = format!("`{}` is not a time to {key}", shown(written));
        let least = least / 1_000_000_000;
        let remedy = format!("write it as 10m, 24h or 14d: at least {least}s, at most {}d", most / DAY_NS);
        problems.error(entry.node.mark, message, remedy);
    }
    ns
}
