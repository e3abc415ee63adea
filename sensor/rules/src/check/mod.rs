//! From the tree of a file to typed rules: everything that can be wrong with a rule is said here.
mod action;
mod baseline;
mod block;
mod correlation;
mod detection;
mod event;
mod exception;
mod files;
mod filter;
mod hint;
mod join;
mod logsource;
mod meta;
mod outline;
mod requires;
mod schema;
mod suppress;
mod until;
mod value;

pub(crate) use action::Document;
pub(crate) use block::events;
pub(crate) use files::{Context, File, read};
pub(crate) use requires::Requires;
pub(crate) use schema::schema;

use crate::{
    parse::{Entry, Node, Value},
    problem::Problems,
    rule::{Correlation, Rule},
};
use guardbee_yaml::text;

/// What a document defines.
#[derive(Debug)]
pub(crate) enum Item {
    Rule(Box<Rule>),
    Correlation(Box<Correlation>),
}

/// Checks one document. [`None`]: it is empty, or a problem was reported.
pub(crate) fn document(node: &Node, context: &Context, problems: &mut Problems) -> Option<Item> {
    if node.is_null() {
        return None;
    }
    let before = problems.errors();
    let Value::Map(entries) = &node.value else {
        problems.error(node.mark, format!("{} stands where a rule should", node.kind()), no_rule(node));
        return None;
    };
    if !["title", "detection", "correlation", "logsource"]
        .iter()
        .any(|key| node.get(key).is_some() || hint::misspelt(node, key))
    {
        problems.error(
            node.mark,
            "the document is no rule: it has no `title`, `logsource` or `detection`",
            "move it out of the folder of rules, or write those keys at its left edge",
        );
        return None;
    }
    meta::keys(entries, problems);
    let item = match (node.get("detection"), node.get("correlation")) {
        (Some(_), Some(both)) => {
            problems.error(
                both.key_mark,
                "a document has either `detection` or `correlation`",
                "split it into two documents with `---` between them",
            );
            None
        }
        (Some(detection), None) => {
            detection::rule(node, detection, context, problems).map(Box::new).map(Item::Rule)
        }
        (None, Some(entry)) => {
            correlation::correlation(node, entry, context, problems).map(Box::new).map(Item::Correlation)
        }
        (None, None) => {
            if !["detection", "correlation", "filter"].iter().any(|key| hint::misspelt(node, key)) {
                problems.error(
                    node.mark,
                    "the document has neither `detection` nor `correlation`",
                    "say what to look for: see rules/README.md",
                );
            }
            None
        }
    };
    item.filter(|_| problems.errors() == before)
}

/// What to do about a document that is no map.
fn no_rule(node: &Node) -> &'static str {
    let falco = |item: &Node| ["rule", "macro", "list"].iter().any(|key| item.get(key).is_some());
    match &node.value {
        Value::List(items) if items.iter().any(falco) => {
            "these are Falco's: `guardbee rules import falco FILE` makes rules of ours from them"
        }
        Value::List(_) => "make a document of each of its rules, with `---` between them",
        _ => "a rule is a map with `title`, `logsource` and `detection`",
    }
}

/// Reports keys of `entries` that aren't in `known`.
fn unknown_keys(entries: &[Entry], what: &str, known: &[&str], problems: &mut Problems) {
    guardbee_yaml::unknown_keys(entries, what, known, hint::KEYS, problems);
}

/// Nanoseconds of `10s`, `5m`, `2h`, `1d` and, within tests, `200ms`.
fn duration(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let unit: u64 = match unit {
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}
