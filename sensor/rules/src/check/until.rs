//! `until` and `grace` of a correlation: whose matches end what their group has begun.
use super::{correlation::STEPS, duration, suppress::items_of};
use crate::{
    parse::{Mark, Node},
    problem::{Problems, shown},
};

/// What is late is late by less than that.
const LONGEST_NS: u64 = 86_400_000_000_000;

/// The rules of `until`.
pub(super) fn of(node: &Node, steps: &[(Box<str>, Mark)], problems: &mut Problems) -> Vec<(Box<str>, Mark)> {
    let Some(entry) = items_of(node, "until") else { return Vec::new() };
    let mut out: Vec<(Box<str>, Mark)> = Vec::new();
    for item in entry.node.items() {
        match item.text() {
            Some(name) if steps.iter().any(|(step, _)| **step == *name) => problems.error(
                item.mark,
                format!("`{}` is a step of the correlation, and would end it", shown(name)),
                "leave it out of one of the two",
            ),
            Some(name) if out.iter().any(|(other, _)| **other == *name) => problems.error(
                item.mark,
                format!("`{}` stands there twice", shown(name)),
                "leave one of them out",
            ),
            Some(name) => out.push((name.into(), item.mark)),
            None => problems.error(
                item.mark,
                format!("{} stands where a rule's name should", item.kind()),
                "write a rule's `name` or `id`",
            ),
        }
    }
    let count = entry.node.items().len();
    if !(1..=STEPS).contains(&count) {
        let message = format!("`until` names {count} rules");
        problems.error(entry.node.mark, message, format!("name 1 to {STEPS}, or remove it"));
    }
    out
}

/// Nanoseconds of `grace`.
pub(super) fn grace(node: &Node, problems: &mut Problems) -> u64 {
    let Some(entry) = items_of(node, "grace") else { return 0 };
    if items_of(node, "until").is_none() {
        let remedy = "add `until` with the rules that end the correlation, or remove it";
        problems.error(entry.key_mark, "`grace` is what `until` leaves, and there is none", remedy);
    }
    let written = entry.node.text().unwrap_or_default();
    let grace = duration(written).filter(|ns| *ns <= LONGEST_NS);
    if grace.is_none() {
        let message = format!("`{}` is not a time of grace", shown(written));
        problems.error(entry.node.mark, message, "write it as 500ms, 2s or 1m, at most 1d");
    }
    grace.unwrap_or_default()
}
