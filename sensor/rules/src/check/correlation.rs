//! `correlation:` documents. This version has one kind: steps in order, within one request.
use super::{block, duration, meta, text, unknown_keys};
use crate::{
    field::{self, Field, Found, Kinds},
    parse::{Entry, Mark, Node, Value},
    problem::{Problems, shown, suggest},
    rule::Correlation,
};

const KEYS: &[&str] = &["type", "rules", "group-by", "timespan", "aliases", "generate", "condition"];
/// Correlation rules specification 2.1, type.
const LATER: &[&str] =
    &["event_count", "value_count", "temporal", "value_sum", "value_avg", "value_percentile", "value_median"];
const STEPS: usize = 8;
/// State is kept for so long at most.
const LONGEST_NS: u64 = 86_400_000_000_000;

/// Checks a correlation.
pub(super) fn correlation(node: &Node, entry: &Entry, problems: &mut Problems) -> Option<Correlation> {
    let info = meta::info(node, problems);
    let links = block::correlation(node, problems);
    let body = &entry.node;
    if body.entries().is_empty() {
        let message = format!("`correlation` is a map, not {}", body.kind());
        problems.error(body.mark, message, "write `type`, `rules`, `group-by` and `timespan` below it");
        return None;
    }
    unknown_keys(body.entries(), "`correlation`", KEYS, problems);
    if let Some(condition) = body.get("condition") {
        problems.error(
            condition.key_mark,
            "conditions of correlations are known, but not supported in this version",
            "remove it: a `temporal_ordered` correlation holds when all its rules matched in order",
        );
    }
    kind(body, problems);
    let steps = steps(body, problems);
    group(body, problems);
    let timespan_ns = timespan(body, problems);
    let generate = match text(body, "generate", problems) {
        None | Some((_, "false")) => false,
        Some((_, "true")) => true,
        Some((at, other)) => {
            let message = format!("`generate` is true or false, not `{}`", shown(other));
            problems.error(at.mark, message, "true: the rules also report on their own");
            false
        }
    };
    let examples = block::examples(node, Kinds::ALL, problems);
    Some(Correlation { info: info?, steps, timespan_ns: timespan_ns?, links, generate, examples })
}

fn kind(body: &Node, problems: &mut Problems) {
    match text(body, "type", problems) {
        Some((_, "temporal_ordered")) => {}
        Some((at, later)) if LATER.contains(&later) => problems.error(
            at.mark,
            format!("the correlation type `{later}` is known, but not supported in this version"),
            "this version has `temporal_ordered`",
        ),
        Some((at, other)) => {
            let known = LATER.iter().copied().chain(["temporal_ordered"]);
            let remedy = suggest(other, known, "this version has `temporal_ordered`");
            problems.error(at.mark, format!("unknown correlation type `{}`", shown(other)), remedy);
        }
        None if body.get("type").is_none() => {
            problems.error(body.mark, "the correlation has no `type`", "add `type: temporal_ordered`");
        }
        None => {}
    }
}

fn steps(body: &Node, problems: &mut Problems) -> Vec<(Box<str>, Mark)> {
    let Some(rules) = body.get("rules") else {
        problems.error(body.mark, "the correlation has no `rules`", "list the names of two rules or more");
        return Vec::new();
    };
    let mut out = Vec::new();
    for item in rules.node.items() {
        match item.text() {
            Some(name) => out.push((name.into(), item.mark)),
            None => problems.error(
                item.mark,
                format!("{} stands where a rule's name should", item.kind()),
                "write a rule's `name` or `id`",
            ),
        }
    }
    if !(2..=STEPS).contains(&out.len()) {
        problems.error(
            rules.node.mark,
            format!("the correlation has {} rules", out.len()),
            format!("an order needs 2 to {STEPS}"),
        );
    }
    out
}

/// `group-by` must come down to our request, directly or by an alias.
fn group(body: &Node, problems: &mut Problems) {
    let aliases = aliases(body, problems);
    let Some(group) = body.get("group-by") else {
        problems.error(
            body.mark,
            "the correlation has no `group-by`",
            "add `group-by: [guardbee.request]`: steps belong together by the request behind them",
        );
        return;
    };
    let names: Vec<&Node> = group.node.items().iter().collect();
    if names.len() != 1 {
        problems.error(
            group.node.mark,
            format!("`group-by` has {} fields", names.len()),
            "this version groups by `guardbee.request` alone",
        );
        return;
    }
    for item in names {
        let name = item.text().unwrap_or_default();
        if aliases.contains(&name) {
            continue;
        }
        match field::find(name) {
            Some(Found::Field(Field::Request)) => {}
            Some(Found::Field(Field::Trace)) => problems.error(
                item.mark,
                "a trace id is a claim of the client: it groups nothing",
                "write `guardbee.request`, which no client can choose",
            ),
            Some(_) => problems.error(
                item.mark,
                format!("grouping by `{}` is known, but not supported in this version", shown(name)),
                "this version groups by `guardbee.request` alone",
            ),
            None => {
                let mut known: Vec<&str> = field::names().collect();
                known.extend(&aliases);
                let remedy = suggest(name, known, "write `guardbee.request`");
                problems.error(item.mark, format!("unknown field `{}`", shown(name)), remedy);
            }
        }
    }
}

/// Names whose field is our request in every rule.
fn aliases<'a>(body: &'a Node, problems: &mut Problems) -> Vec<&'a str> {
    let Some(aliases) = body.get("aliases") else { return Vec::new() };
    let mut out = Vec::new();
    for alias in aliases.node.entries() {
        if !matches!(alias.node.value, Value::Map(_)) {
            problems.error(
                alias.node.mark,
                format!("an alias is a map of rules and their fields, not {}", alias.node.kind()),
                "write `alias: {rule: field}`",
            );
            continue;
        }
        for pair in alias.node.entries() {
            let name = pair.node.text().unwrap_or_default();
            if field::find(name) != Some(Found::Field(Field::Request)) {
                problems.error(
                    pair.node.mark,
                    format!("grouping by `{}` is not supported in this version", shown(name)),
                    "write `guardbee.request`",
                );
            }
        }
        out.push(&*alias.key);
    }
    out
}

fn timespan(body: &Node, problems: &mut Problems) -> Option<u64> {
    let Some((at, written)) = text(body, "timespan", problems) else {
        if body.get("timespan").is_none() {
            problems.error(body.mark, "the correlation has no `timespan`", "add `timespan: 10s`");
        }
        return None;
    };
    let timespan = duration(written).filter(|ns| *ns > 0 && *ns <= LONGEST_NS);
    if timespan.is_none() {
        let message = format!("`{}` is not a timespan", shown(written));
        problems.error(at.mark, message, "write it as 10s, 5m, 2h, at most 1d");
    }
    timespan
}
