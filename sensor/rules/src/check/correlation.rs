//! `correlation:` documents.
use super::{
    Context, block, duration, exception, hint, join, meta, requires, suppress, text, unknown_keys, until,
    value::Scope,
};
use crate::{
    correlate::{Bound, Machine, Measure, Window},
    field::{self, Field, Found, Kinds, Type},
    parse::{Entry, Mark, Node, Value},
    problem::{Problems, shown, suggest},
    rule::Correlation,
};

pub(super) const KEYS: &[&str] =
    &["type", "rules", "group-by", "timespan", "aliases", "generate", "condition"];
/// Correlation rules specification 2.1, type.
pub(super) const TYPES: &[&str] = &[
    "event_count",
    "value_count",
    "temporal",
    "temporal_ordered",
    "value_sum",
    "value_avg",
    "value_percentile",
    "value_median",
];
pub(super) const BOUNDS: &[(&str, Bound)] = &[
    ("lt", Bound::Less),
    ("lte", Bound::LessOrEqual),
    ("gt", Bound::Greater),
    ("gte", Bound::GreaterOrEqual),
    ("eq", Bound::Equal),
    ("neq", Bound::NotEqual),
];
/// Steps of an order, and rules of a measurement.
pub(super) const STEPS: usize = 8;
const RULES: usize = 256;
/// Events or values that are counted.
const MOST: i64 = 1_000_000;
/// State is kept for so long at most.
const LONGEST_NS: u64 = 86_400_000_000_000;

/// Checks a correlation.
pub(super) fn correlation(
    node: &Node,
    entry: &Entry,
    context: &Context,
    problems: &mut Problems,
) -> Option<Correlation> {
    let info = meta::info(node, problems);
    let links = block::correlation(node, problems);
    let body = &entry.node;
    if body.entries().is_empty() {
        let message = format!("`correlation` is a map, not {}", body.kind());
        problems.error(body.mark, message, "write `type`, `rules`, `group-by` and `timespan` below it");
        return None;
    }
    unknown_keys(body.entries(), "`correlation`", KEYS, problems);
    if let Some(source) = node.get("logsource") {
        let remedy = "remove it: its rules have their own";
        problems.warn(source.key_mark, "a correlation has no `logsource`", remedy);
    }
    let mut missing = Vec::new();
    let machine = machine(body, &mut missing, problems);
    let least = if matches!(machine, Some(Machine::Window(_))) { 1 } else { 2 };
    let steps = steps(body, least, problems);
    let until = until::of(node, &steps, problems);
    let grace_ns = until::grace(node, problems);
    let named = [steps.as_slice(), until.as_slice()].concat();
    let groups = groups(body, &named, &mut missing, problems);
    let timespan_ns = timespan(body, problems);
    let joins = join::of(node, machine.as_ref(), timespan_ns, problems);
    let generate = match text(body, "generate", problems) {
        None | Some((_, "false")) => false,
        Some((_, "true")) => true,
        Some((at, other)) => {
            let message = format!("`generate` is true or false, not `{}`", shown(other));
            problems.error(at.mark, message, "true: the rules also report on their own");
            false
        }
    };
    let shared = (&context.placeholders, &context.spent);
    let scope = Scope { kinds: Some(Kinds::ALL), shared, audit: false };
    let exceptions = exception::of(node, scope, problems);
    let outline = context.outlines.then(|| exception::outline(node, scope)).flatten();
    let examples = block::examples(node, Kinds::ALL, problems);
    let suppress = suppress::of(node, Kinds::ALL, problems);
    let (requires, there) = requires::of(node, problems);
    let can_fire = if missing.is_empty() { there } else { Err(missing.join("; ")) };
    let (info, machine, timespan_ns) = (info?, machine?, timespan_ns?);
    Some(Correlation {
        info,
        machine,
        steps,
        until,
        grace_ns,
        groups,
        joins,
        timespan_ns,
        foreign: foreign(body),
        links,
        generate,
        exceptions,
        requires,
        suppress,
        can_fire,
        examples,
        outline,
    })
}

fn machine(body: &Node, missing: &mut Vec<String>, problems: &mut Problems) -> Option<Machine> {
    let Some((at, kind)) = text(body, "type", problems) else {
        if body.get("type").is_none() && !hint::misspelt(body, "type") {
            problems.error(body.mark, "the correlation has no `type`", "add `type: temporal_ordered`");
        }
        return None;
    };
    let measure = match kind {
        "temporal" | "temporal_ordered" => {
            if let Some(condition) = body.get("condition") {
                problems.error(
                    condition.key_mark,
                    format!("a `{kind}` correlation has no `condition`"),
                    "remove it: the correlation holds when all its rules matched",
                );
            }
            let ordered = kind == "temporal_ordered";
            return Some(if ordered { Machine::Ordered } else { Machine::Together });
        }
        "event_count" => Measure::Events,
        "value_count" => Measure::Values,
        "value_sum" => Measure::Sum,
        "value_avg" => Measure::Average,
        "value_median" | "value_percentile" => Measure::Percentile(50),
        other => {
            let types = format!("types are: {}", TYPES.join(", "));
            let remedy = suggest(other, TYPES.iter().copied(), types);
            problems.error(at.mark, format!("unknown correlation type `{}`", shown(other)), remedy);
            return None;
        }
    };
    window(body, kind, measure, missing, problems).map(Machine::Window)
}

fn window(
    body: &Node,
    kind: &str,
    mut measure: Measure,
    missing: &mut Vec<String>,
    problems: &mut Problems,
) -> Option<Window> {
    let Some(condition) = body.get("condition") else {
        if !hint::misspelt(body, "condition") {
            let message = format!("a `{kind}` correlation needs a `condition`");
            problems.error(body.mark, message, "add `condition: {gte: 10}`");
        }
        return None;
    };
    let node = &condition.node;
    if !matches!(node.value, Value::Map(_)) {
        let message = format!("the condition of `{kind}` is a map, not {}", node.kind());
        problems.error(node.mark, message, "write `condition: {gte: 10}`");
        return None;
    }
    let mut known: Vec<&str> = BOUNDS.iter().map(|(name, _)| *name).collect();
    if measure != Measure::Events {
        known.push("field");
    }
    if kind == "value_percentile" {
        known.push("percentile");
        let before = problems.errors();
        let percentile = number(node, "percentile", problems).and_then(|number| u8::try_from(number).ok());
        match percentile.filter(|percentile| (1..=100).contains(percentile)) {
            Some(percentile) => measure = Measure::Percentile(percentile),
            None if problems.errors() > before => {}
            None => problems.error(
                node.mark,
                "`value_percentile` needs a `percentile` from 1 to 100",
                "add `percentile: 95`",
            ),
        }
    }
    let before = problems.errors();
    unknown_keys(node.entries(), "the condition", &known, problems);
    let mut bounds = Vec::new();
    for &(name, bound) in BOUNDS {
        bounds.extend(number(node, name, problems).map(|number| (bound, number)));
    }
    if problems.errors() == before {
        sound(node, measure, &bounds, problems);
    }
    let fields = measured(node, kind, measure, missing, problems);
    Some(Window { measure, fields, bounds })
}

/// What can't hold, or holds for one event as for many, is no condition.
fn sound(node: &Node, measure: Measure, bounds: &[(Bound, i64)], problems: &mut Problems) {
    if bounds.is_empty() {
        problems.error(node.mark, "the condition compares nothing", "add one of gt, gte, lt, lte, eq, neq");
    }
    let least = bounds.iter().filter_map(|(bound, number)| match bound {
        Bound::Greater => Some(number.saturating_add(1)),
        Bound::GreaterOrEqual | Bound::Equal => Some(*number),
        Bound::Less | Bound::LessOrEqual | Bound::NotEqual => None,
    });
    let most = bounds.iter().filter_map(|(bound, number)| match bound {
        Bound::Less => Some(number.saturating_sub(1)),
        Bound::LessOrEqual | Bound::Equal => Some(*number),
        Bound::Greater | Bound::GreaterOrEqual | Bound::NotEqual => None,
    });
    let counts = matches!(measure, Measure::Events | Measure::Values);
    let (least, most) = (least.max(), most.min());
    let whole = measure != Measure::Average;
    let never = least.zip(most).is_some_and(|(least, most)| least > most && whole)
        || counts && most.is_some_and(|most| most < 1);
    if never {
        problems.error(
            node.mark,
            "the condition can't hold",
            "correct its numbers: a group has one event or more",
        );
    }
    if counts && bounds.iter().any(|(_, number)| *number > MOST) {
        problems.error(node.mark, format!("more than {MOST} are not counted"), "use a shorter timespan");
    }
}

fn number(node: &Node, key: &str, problems: &mut Problems) -> Option<i64> {
    let entry = node.get(key)?;
    let number = entry.node.text().and_then(|written| written.parse().ok());
    if number.is_none() {
        let written = entry.node.text().map(|written| format!("`{}`", shown(written)));
        let written = written.unwrap_or_else(|| entry.node.kind().to_owned());
        problems.error(
            entry.node.mark,
            format!("`{key}` is a whole number, not {written}"),
            "write digits, such as 10",
        );
    }
    number
}

/// The fields whose values are counted or summed up.
fn measured(
    node: &Node,
    kind: &str,
    measure: Measure,
    missing: &mut Vec<String>,
    problems: &mut Problems,
) -> Vec<Field> {
    let Some(entry) = node.get("field").filter(|_| measure != Measure::Events) else {
        if measure != Measure::Events {
            let message = format!("the condition of `{kind}` has no `field`");
            problems.error(node.mark, message, "add `field:` with the name of a field");
        }
        return Vec::new();
    };
    let names = entry.node.items();
    if names.is_empty() || measure != Measure::Values && names.len() > 1 {
        let message = format!("the condition of `{kind}` has {} fields", names.len());
        problems.error(entry.node.mark, message, "name one");
    }
    let mut fields = Vec::new();
    for name in names {
        let Some(field) = field_named(name, &[], missing, problems) else { continue };
        if measure != Measure::Values && field.row().kind != Type::Number {
            let message = format!("`{}` is no number", field.row().name);
            problems.error(name.mark, message, "take a field that is, such as `http.response.body.size`");
        }
        fields.push(field);
    }
    fields
}

/// [`None`]: a problem was reported, or nothing records it and `missing` says why.
fn field_named(
    node: &Node,
    aliases: &[Alias<'_>],
    missing: &mut Vec<String>,
    problems: &mut Problems,
) -> Option<Field> {
    let Some(name) = node.text() else {
        let message = format!("{} stands where a field's name should", node.kind());
        problems.error(node.mark, message, "write names of fields, such as `[container.id, User]`");
        return None;
    };
    match field::find(name) {
        Some(Found::Field(field)) => return Some(field),
        Some(Found::Unavailable(why)) => missing.push(format!("`{name}`: {why}")),
        None => {
            let alias = crate::problem::nearest(name, aliases.iter().map(|alias| alias.name));
            let remedy = alias.map_or_else(|| hint::field(name), |alias| format!("did you mean `{alias}`?"));
            problems.error(node.mark, format!("unknown field `{}`", shown(name)), remedy);
        }
    }
    None
}

fn steps(body: &Node, least: usize, problems: &mut Problems) -> Vec<(Box<str>, Mark)> {
    let Some(rules) = body.get("rules") else {
        if !hint::misspelt(body, "rules") {
            let remedy = "list the names of two rules or more";
            problems.error(body.mark, "the correlation has no `rules`", remedy);
        }
        return Vec::new();
    };
    let before = problems.errors();
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
    let most = if least > 1 { STEPS } else { RULES };
    if !(least..=most).contains(&out.len()) && problems.errors() == before {
        problems.error(
            rules.node.mark,
            format!("the number of rules is {}", out.len()),
            format!("the correlation's type needs {least} to {most}"),
        );
    }
    out
}

/// The first field that it groups by or measures with a name that is none of Sigma's: theirs have no dot.
fn foreign(body: &Node) -> Option<Box<str>> {
    let aliases = body.get("aliases").into_iter().flat_map(|aliases| aliases.node.entries());
    let fields = aliases.flat_map(|alias| alias.node.entries()).map(|pair| &pair.node);
    let measured = body.get("condition").and_then(|condition| condition.node.get("field"));
    let grouped = body.get("group-by").into_iter().chain(measured).flat_map(|entry| entry.node.items());
    grouped.chain(fields).filter_map(Node::text).find(|name| name.contains('.')).map(Into::into)
}

/// A name for a field of each rule.
struct Alias<'a> {
    name: &'a str,
    fields: Vec<(&'a str, Option<Field>)>,
}

/// For each step, what its events are grouped by.
fn groups(
    body: &Node,
    steps: &[(Box<str>, Mark)],
    missing: &mut Vec<String>,
    problems: &mut Problems,
) -> Vec<Vec<Field>> {
    let aliases = aliases(body, missing, problems);
    let mut groups = vec![Vec::new(); steps.len()];
    let Some(group) = body.get("group-by") else { return groups };
    for item in group.node.items() {
        let name = item.text().unwrap_or_default();
        let alias = aliases.iter().find(|alias| alias.name == name);
        let same = match alias {
            Some(_) => None,
            None => field_named(item, &aliases, missing, problems),
        };
        if same == Some(Field::Trace) {
            claim(item.mark, problems);
        }
        for ((step, _), fields) in steps.iter().zip(&mut groups) {
            let of_step = alias.map(|alias| alias.fields.iter().find(|(rule, _)| **rule == **step));
            if let Some(None) = of_step {
                let message = format!("the alias `{}` has no field for `{}`", shown(name), shown(step));
                problems.error(item.mark, message, format!("add it: `{}: field`", shown(step)));
            }
            fields.extend(same.or_else(|| of_step.flatten().and_then(|(_, field)| *field)));
        }
    }
    groups
}

fn claim(mark: Mark, problems: &mut Problems) {
    problems.error(
        mark,
        "a trace id is a claim of the client: it groups nothing",
        "write `guardbee.request`, which no client can choose",
    );
}

fn aliases<'a>(body: &'a Node, missing: &mut Vec<String>, problems: &mut Problems) -> Vec<Alias<'a>> {
    let Some(aliases) = body.get("aliases") else { return Vec::new() };
    if !matches!(aliases.node.value, Value::Map(_)) {
        let message = format!("`aliases` is a map, not {}", aliases.node.kind());
        problems.error(
            aliases.node.mark,
            message,
            "write `aliases: {name: {rule: field, other_rule: field}}`",
        );
    }
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
        let mut fields = Vec::new();
        for pair in alias.node.entries() {
            let field = field_named(&pair.node, &[], missing, problems);
            if field == Some(Field::Trace) {
                claim(pair.node.mark, problems);
            }
            fields.push((&*pair.key, field));
        }
        out.push(Alias { name: &alias.key, fields });
    }
    out
}

fn timespan(body: &Node, problems: &mut Problems) -> Option<u64> {
    let Some((at, written)) = text(body, "timespan", problems) else {
        if body.get("timespan").is_none() && !hint::misspelt(body, "timespan") {
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
