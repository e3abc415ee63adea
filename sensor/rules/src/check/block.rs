//! The `guardbee:` block: what Sigma has no words for.
use super::{duration, hint, text, unknown_keys};
use crate::{
    field::{self, Field, Found, Kinds},
    parse::{Entry, Mark, Node, Value},
    problem::{Problems, shown, suggest},
    rule::{Example, ExampleEvent, Expect, Links},
};
use guardbee_model::link::LinkKind;

/// Tests of one rule, and events of one test.
const TESTS: usize = 200;
const EVENTS: usize = 200;

/// Keys of the block: of a rule, of a correlation, of their tests, of an event of those.
pub(super) const OF_RULE: &[&str] =
    &["tests", "link", "exceptions", "baseline", "requires", "risk", "suppress"];
pub(super) const OF_CORRELATION: &[&str] =
    &["tests", "accept", "exceptions", "join", "until", "grace", "requires", "risk", "suppress"];
/// Key of the map that a set of links may be.
pub(super) const WEAKEST: &str = "weakest";
pub(super) const OF_TEST: &[&str] = &["name", "expect", "event", "events", "action", "description"];
pub(super) const OF_EVENT: &[&str] = &["event", "offset", "action"];
pub(super) const EXPECTED: [&str; 2] = ["match", "no-match"];

/// What the block of a rule says of links.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Block {
    pub(super) links: Option<Links>,
    pub(super) links_mark: Mark,
}

/// The block of a rule about single observations.
pub(super) fn rule(node: &Node, problems: &mut Problems) -> Block {
    let Some(block) = entries(node, OF_RULE, problems) else { return Block::default() };
    let entry = block.get("link");
    Block {
        links: entry.map(|entry| links(entry, problems)),
        links_mark: entry.map(|entry| entry.key_mark).unwrap_or_default(),
    }
}

/// The block of a correlation: the links that it accepts, else the proven ones.
pub(super) fn correlation(node: &Node, problems: &mut Problems) -> Links {
    entries(node, OF_CORRELATION, problems)
        .and_then(|block| block.get("accept"))
        .map_or_else(Links::proven, |entry| links(entry, problems))
}

fn entries<'a>(node: &'a Node, known: &[&str], problems: &mut Problems) -> Option<&'a Node> {
    let entry = node.get("guardbee")?;
    if !matches!(entry.node.value, Value::Map(_)) {
        problems.error(
            entry.node.mark,
            format!("`guardbee` is a map, not {}", entry.node.kind()),
            format!("it knows: {}", known.join(", ")),
        );
        return None;
    }
    unknown_keys(entry.node.entries(), "`guardbee`", known, problems);
    Some(&entry.node)
}

/// `[exact, sole]`, or `{weakest: sole}`: it and all that prove more.
fn links(entry: &Entry, problems: &mut Problems) -> Links {
    let mut links = Links::default();
    let weakest = entry.node.get(WEAKEST);
    if let Some(Entry { node, .. }) = weakest {
        unknown_keys(entry.node.entries(), &format!("`{}`", entry.key), &[WEAKEST], problems);
        if node.text().is_none() {
            let message = format!("the weakest link is one kind, not {}", node.kind());
            problems.error(node.mark, message, "write `{weakest: sole}`");
            return links;
        }
    }
    for item in weakest.map_or(&entry.node, |weakest| &weakest.node).items() {
        let kind = item.text().and_then(|name| Links::ALL.into_iter().find(|kind| kind.name() == name));
        if let Some(kind) = kind {
            if weakest.is_some() {
                links.insert_from(kind);
            } else {
                links.insert(kind);
            }
            continue;
        }
        let names = Links::ALL.map(LinkKind::name);
        let Some(written) = item.text() else {
            let message = format!("{} stands where a link's name should", item.kind());
            problems.error(item.mark, message, format!("links are: {}", names.join(", ")));
            continue;
        };
        let remedy = match written {
            // The nearest name means the opposite.
            "proven" => "proven links are: exact, inherited, lineage".to_owned(),
            _ => suggest(written, names, format!("links are: {}", names.join(", "))),
        };
        problems.error(item.mark, format!("unknown link `{}`", shown(written)), remedy);
    }
    if entry.node.items().is_empty() {
        let key = &entry.key;
        problems.error(
            entry.node.mark,
            format!("`{key}` is empty: nothing could match"),
            "name links, or remove it",
        );
    }
    links
}

/// The tests of a rule that looks at `kinds`; for a correlation, at all.
pub(super) fn examples(node: &Node, kinds: Kinds, problems: &mut Problems) -> Vec<Example> {
    let tests = node.get("guardbee").and_then(|block| block.node.get("tests"));
    let Some(tests) = tests else { return Vec::new() };
    let items = tests.node.items();
    if items.len() > TESTS {
        problems.error(tests.key_mark, format!("more than {TESTS} tests"), "split the rule");
        return Vec::new();
    }
    items.iter().filter_map(|test| example(test, kinds, problems)).collect()
}

fn example(test: &Node, kinds: Kinds, problems: &mut Problems) -> Option<Example> {
    if test.entries().is_empty() {
        let message = format!("a test is a map, not {}", test.kind());
        problems.error(test.mark, message, "write `{name: ..., expect: match, event: {Image: /bin/sh}}`");
        return None;
    }
    let before = problems.errors();
    unknown_keys(test.entries(), "a test", OF_TEST, problems);
    let name = text(test, "name", problems).map_or("unnamed", |(_, name)| name);
    let expect = match text(test, "expect", problems) {
        Some((_, "match")) => Expect::Match,
        Some((_, "no-match")) => Expect::NoMatch,
        Some((at, other)) => {
            let remedy = suggest(other, EXPECTED, "write `match` or `no-match`");
            problems.error(at.mark, format!("a test can't expect `{}`", shown(other)), remedy);
            Expect::Match
        }
        None => {
            if !hint::misspelt(test, "expect") {
                let remedy = "add `expect: match` or `expect: no-match`";
                problems.error(test.mark, "the test has no `expect`", remedy);
            }
            Expect::Match
        }
    };
    let events = match (test.get("event"), test.get("events")) {
        (Some(_), None) => event(test, kinds, problems).into_iter().collect(),
        (None, Some(list)) if list.node.items().is_empty() => {
            problems.error(list.node.mark, "the test has no events", "write `- event: {Image: /bin/sh}`");
            Vec::new()
        }
        (None, Some(list)) if list.node.items().len() <= EVENTS => {
            if let Some(action) = test.get("action") {
                let remedy = "write it beside the `event` that it is of";
                problems.error(action.key_mark, "`action` stands beside `events`", remedy);
            }
            let events = list.node.items().iter();
            events.filter_map(|item| listed(item, kinds, problems)).collect()
        }
        (None, Some(list)) => {
            problems.error(list.key_mark, format!("more than {EVENTS} events"), "a test needs few");
            Vec::new()
        }
        (Some(_), Some(list)) => {
            problems.error(list.key_mark, "the test has `event` and `events`", "keep one of the two");
            Vec::new()
        }
        (None, None) => {
            problems.error(test.mark, "the test needs `event`, or `events`", "add `event: {Image: /bin/sh}`");
            Vec::new()
        }
    };
    (problems.errors() == before).then(|| Example { name: name.into(), mark: test.mark, expect, events })
}

/// Events of a file: one by its fields, one as in a test, or a list of those.
pub(crate) fn events(node: &Node, kinds: Kinds, problems: &mut Problems) -> Vec<ExampleEvent> {
    let items = node.items();
    if items.len() > EVENTS {
        problems.error(
            node.mark,
            format!("more than {EVENTS} events"),
            "explain needs few: name those in question",
        );
        return Vec::new();
    }
    let one = |item: &Node| {
        if item.entries().is_empty() {
            let message = format!("{} stands where an event should", item.kind());
            problems.error(item.mark, message, "write its fields, such as `{\"Image\": \"/bin/sh\"}`");
            return None;
        }
        if item.get("event").is_some() {
            return listed(item, kinds, problems);
        }
        let entry = Entry { key: "event".into(), key_mark: item.mark, node: item.clone() };
        event(&Node { mark: item.mark, value: Value::Map(vec![entry]) }, kinds, problems)
    };
    items.iter().filter_map(one).collect()
}

/// An event of a list has no other keys.
fn listed(node: &Node, kinds: Kinds, problems: &mut Problems) -> Option<ExampleEvent> {
    unknown_keys(node.entries(), "an event of a test", OF_EVENT, problems);
    event(node, kinds, problems)
}

/// `{event: {...}, offset: 1s, action: exec}`
fn event(node: &Node, kinds: Kinds, problems: &mut Problems) -> Option<ExampleEvent> {
    let Some(entry) = node.get("event") else {
        problems.error(
            node.mark,
            "an event has its fields under `event`",
            "write `- event: {Image: /bin/sh}`",
        );
        return None;
    };
    if !matches!(entry.node.value, Value::Map(_)) {
        let message = format!("`event` is a map of fields, not {}", entry.node.kind());
        problems.error(entry.node.mark, message, "write `event: {Image: /bin/sh}`; several are `events`");
        return None;
    }
    let offset_ns = match text(node, "offset", problems) {
        Some((at, written)) => duration(written).or_else(|| {
            let message = format!("`{}` is not a duration", shown(written));
            problems.error(at.mark, message, "write it as 200ms, 10s, 5m, 2h or 1d");
            None
        })?,
        None => 0,
    };
    let before = problems.errors();
    let mut values = Vec::new();
    for pair in entry.node.entries() {
        if let Some(value) = example_value(pair, problems) {
            values.push(value);
        }
    }
    let action = action(node, kinds, &values, problems)?;
    for pair in entry.node.entries() {
        if let Some(Found::Field(field)) = field::find(&pair.key)
            && !field.row().actions.meets(action)
        {
            let message = super::detection::absent(field, action);
            problems.error(pair.key_mark, message, "leave it out of the test");
        }
    }
    if let Some(offset) = node.get("offset")
        && values.iter().any(|(field, _)| *field == Field::Time)
    {
        let message = format!("the event has an offset and `{}`", Field::Time.row().name);
        problems.error(offset.key_mark, message, "keep one of the two: each says when it happens");
    }
    let event = ExampleEvent { offset_ns, action, values };
    // What was not understood would be missing in the event.
    if problems.errors() == before {
        super::event::read_back(&event, entry.node.entries(), problems);
    }
    Some(event)
}

/// Which action an event of a test is: as it says, else the only one that the rule looks at.
fn action(
    node: &Node,
    kinds: Kinds,
    values: &[(Field, Vec<Box<str>>)],
    problems: &mut Problems,
) -> Option<Kinds> {
    if let Some((at, name)) = text(node, "action", problems) {
        let action = Kinds::named(name);
        if action.is_none() {
            let names: Vec<_> = Kinds::all_names().collect();
            let remedy = suggest(name, names.iter().copied(), format!("actions are: {}", names.join(", ")));
            problems.error(at.mark, format!("unknown action `{}`", shown(name)), remedy);
        }
        return action;
    }
    if kinds == Kinds::CONNECTION || kinds == Kinds::CONNECT.or(Kinds::ACCEPT) {
        let says = |wanted: Field, text: &str| {
            let mut said = values.iter().filter(|(field, _)| *field == wanted).flat_map(|(_, value)| value);
            said.any(|value| value.eq_ignore_ascii_case(text))
        };
        return Some(if says(Field::Initiated, "false") {
            Kinds::ACCEPT
        } else if says(Field::Transport, "udp") {
            Kinds::DATAGRAM
        } else {
            Kinds::CONNECT
        });
    }
    if kinds.indices().count() > 1 {
        problems.error(
            node.mark,
            "the test does not say which action the event is",
            "add `action: exec`, or request, exchange, connect, ...",
        );
        return None;
    }
    (kinds != Kinds::NONE).then_some(kinds)
}

fn example_value(pair: &Entry, problems: &mut Problems) -> Option<(Field, Vec<Box<str>>)> {
    let field = match field::find(&pair.key) {
        Some(Found::Field(field)) => field,
        Some(Found::Unavailable(why)) => {
            problems.error(
                pair.key_mark,
                format!("no event has `{}`: {why}", pair.key),
                "leave it out of the test",
            );
            return None;
        }
        None => {
            let message = format!("unknown field `{}`", shown(&pair.key));
            problems.error(pair.key_mark, message, hint::field(&pair.key));
            return None;
        }
    };
    let mut values = Vec::new();
    if pair.node.items().is_empty() {
        problems.error(pair.node.mark, "the field has no values", "leave absent fields out");
    }
    for item in pair.node.items() {
        let Some(value) = item.text() else {
            problems.error(
                item.mark,
                format!("{} stands where a value should", item.kind()),
                "write one value or a list of values; leave absent fields out",
            );
            continue;
        };
        if let Some(remedy) = super::event::impossible(field, value) {
            let message = format!("`{}` can't be a value of `{}`", shown(value), field.row().name);
            problems.error(item.mark, message, remedy);
        }
        values.push(value.into());
    }
    Some((field, values))
}
