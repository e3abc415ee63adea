//! What `join` holds together, one way after another, on events that the sensor could have made.
use super::{
    correlations::{correlation, engine, event, shell},
    *,
};
use crate::field::Field;
use proptest::prelude::*;

const JOIN: &str = "guardbee: {join: [guardbee.request, {key: process.tree, within: 5s}, {key: container.id, within: 2s}]}\n";

const ORDERED: &str = "temporal_ordered";
const TEMPORAL: &str = "temporal";

/// A shell and a connection.
fn joined(kind: &str) -> String {
    let body = [&format!("type: {kind}"), "rules: [shell, egress]", "timespan: 9s"];
    format!("{}{JOIN}", correlation("T", &body))
}

/// Three shells.
fn counted() -> String {
    let body = ["type: event_count", "rules: [shell]", "timespan: 9s", "condition: {gte: 3}"];
    format!("{}{}", correlation("T", &body), JOIN.replace(" {key: process.tree, within: 5s},", ""))
}

/// Of a request, a process with its parent, and a container; empty: of none.
#[derive(Clone, Debug)]
struct One {
    opens: bool,
    tenths: u64,
    request: &'static str,
    pid: u32,
    parent: u32,
    container: &'static str,
}

impl One {
    fn event(&self) -> Arc<Observation> {
        let (pid, parent) = (self.pid.to_string(), self.parent.to_string());
        let mut values = vec![(Field::Pid, pid.as_str()), (Field::ParentPid, parent.as_str())];
        values.extend([(Field::Request, self.request), (Field::ContainerId, self.container)]);
        values.retain(|(_, value)| !value.is_empty());
        let kind = if self.opens {
            values.push((Field::Executable, "/bin/sh"));
            Kinds::EXEC
        } else {
            Kinds::CONNECT
        };
        event(kind, self.tenths, &values)
    }
}

fn open(tenths: u64, request: &'static str, pid: u32, container: &'static str) -> One {
    One { opens: true, tenths, request, pid, parent: 1, container }
}

fn connect(tenths: u64, request: &'static str, (pid, parent): (u32, u32), container: &'static str) -> One {
    One { opens: false, tenths, request, pid, parent, container }
}

/// The tenths of its first and its last evidence, and what held it together.
type Found = Vec<(u64, u64, &'static str)>;

fn found(rule: &str, events: &[One]) -> Found {
    let mut engine = engine(&[rule.to_owned()]);
    let mut out = Vec::new();
    for one in events {
        engine.observe(&one.event(), &mut out);
    }
    engine.advance(BootTime(u64::MAX), &mut out);
    out.retain(|one| &*one.rule.title == "T");
    assert_eq!(engine.partials(), 0);
    let hits: u64 =
        engine.counts().map(|(info, counts)| if &*info.title == "T" { counts.hits } else { 0 }).sum();
    assert_eq!(hits, out.len() as u64);
    let ends = |all: &[Arc<Observation>]| (all[0].sequence, all[all.len() - 1].sequence);
    let one = |one: &Match| {
        let (first, last) = ends(&one.evidence);
        (first, last, one.joined.unwrap())
    };
    out.iter().map(one).collect()
}

#[test]
fn what_proves_most_tells_and_each_way_has_its_time() {
    let (request, tree, container) = ("guardbee.request", "process.tree", "container.id");
    for (second, right) in [
        // One finding, though all three ways hold.
        (connect(1, "r", (7, 1), "c"), vec![(0, 1, request)]),
        (connect(90, "r", (7, 1), "c"), vec![(0, 90, request)]),
        (connect(91, "r", (7, 1), "c"), vec![]),
        (connect(50, "", (8, 7), "d"), vec![(0, 50, tree)]),
        (connect(51, "", (8, 7), "d"), vec![]),
        (connect(50, "q", (7, 1), ""), vec![(0, 50, tree)]),
        (connect(20, "", (9, 8), "c"), vec![(0, 20, container)]),
        (connect(21, "", (9, 8), "c"), vec![]),
        (connect(1, "", (9, 8), "d"), vec![]),
        // Who started the first does not descend from it.
        (connect(1, "", (1, 0), "d"), vec![]),
    ] {
        assert_eq!(found(&joined(ORDERED), &[open(0, "r", 7, "c"), second.clone()]), right, "{second:?}");
    }
}

#[test]
fn in_any_order_one_of_them_is_at_the_top_of_the_tree() {
    let (request, tree, container) = ("guardbee.request", "process.tree", "container.id");
    let child = |tenths, pid| One { parent: 7, ..open(tenths, "", pid, "c") };
    for (events, right) in [
        (vec![connect(0, "r", (7, 1), "c"), open(1, "r", 7, "c")], vec![(0, 1, request)]),
        (vec![open(0, "r", 7, "c"), connect(90, "r", (9, 8), "d")], vec![(0, 90, request)]),
        (vec![connect(0, "r", (9, 8), "d"), open(91, "r", 7, "c")], vec![]),
        // Who descends from the other may be first.
        (vec![connect(0, "", (8, 7), "d"), open(50, "", 7, "c")], vec![(0, 50, tree)]),
        (vec![open(0, "", 7, "c"), connect(50, "", (8, 7), "d")], vec![(0, 50, tree)]),
        (vec![connect(0, "", (8, 7), "d"), open(51, "", 7, "c")], vec![]),
        // Their parent did neither.
        (vec![connect(0, "", (8, 7), "d"), child(1, 9)], vec![]),
        // A child did the same later: it is not at the top.
        (vec![open(0, "", 7, "c"), child(1, 8), connect(2, "", (9, 7), "d")], vec![(0, 2, tree)]),
        (vec![child(0, 8), connect(1, "", (9, 7), "d"), open(2, "", 7, "c")], vec![(1, 2, tree)]),
        (vec![connect(0, "", (9, 8), "c"), open(20, "", 7, "c")], vec![(0, 20, container)]),
        (vec![connect(0, "", (9, 8), "c"), open(21, "", 7, "c")], vec![]),
    ] {
        assert_eq!(found(&joined(TEMPORAL), &events), right, "{events:#?}");
    }
}

#[test]
fn what_is_counted_is_joined() {
    let (request, container) = ("guardbee.request", "container.id");
    let of = |request: &'static str, times: [u64; 3], containers: [&'static str; 3]| {
        times
            .into_iter()
            .zip(containers)
            .map(|(at, container)| open(at, request, 7, container))
            .collect::<Vec<_>>()
    };
    for (events, right) in [
        // One finding, though both ways hold.
        (of("r", [0, 1, 2], ["c", "c", "c"]), vec![(0, 2, request)]),
        (of("r", [0, 40, 90], ["c", "d", "e"]), vec![(0, 90, request)]),
        (of("r", [0, 40, 91], ["c", "d", "e"]), vec![]),
        (of("", [0, 10, 20], ["c", "c", "c"]), vec![(0, 20, container)]),
        (of("", [0, 10, 21], ["c", "c", "c"]), vec![]),
        (of("", [0, 1, 2], ["c", "c", "d"]), vec![]),
    ] {
        assert_eq!(found(&counted(), &events), right, "{events:#?}");
    }
}

#[test]
fn what_has_nothing_in_common_is_no_group() {
    let (mut engine, mut out) = (engine(&[joined(ORDERED)]), Vec::new());
    engine.observe(&shell(0, ""), &mut out);
    // Its process alone; no request, no container.
    assert_eq!(engine.partials(), 1);
}

const WAYS: [(&str, u64); 3] = [("guardbee.request", 90), ("process.tree", 50), ("container.id", 20)];

/// Groups that it belongs to in a way; of a tree its own process is the first.
fn groups(one: &One, way: &str) -> Vec<String> {
    let mut groups = match way {
        "guardbee.request" => vec![one.request.to_owned()],
        "process.tree" => vec![one.pid.to_string(), one.parent.to_string()],
        _ => vec![one.container.to_owned()],
    };
    groups.retain(|group| !group.is_empty());
    groups
}

/// As it is written: what is open in each way, and an event tells by the first way in which it finishes something.
fn naive_ordered(events: &[One]) -> Found {
    let mut open: Vec<(&str, String, u64)> = Vec::new();
    let mut out = Vec::new();
    for one in events {
        let mut told = None;
        for (way, within) in WAYS {
            let mut groups = groups(one, way);
            if one.opens {
                groups.truncate(1);
            }
            for key in groups {
                let place = open.iter().position(|(of, known, _)| *of == way && *known == key);
                if one.opens {
                    place.map(|place| open.remove(place));
                    open.push((way, key, one.tenths));
                } else if let Some(place) = place.filter(|place| one.tenths - open[*place].2 <= within) {
                    let (_, _, began) = open.remove(place);
                    if told.is_none_or(|told| told == way) {
                        told = Some(way);
                        out.push((began, one.tenths, way));
                    }
                }
            }
        }
    }
    out
}

/// As it is written: all pairs that one process is at the top of, the nearest of them.
fn naive_temporal(events: &[One]) -> Found {
    let mut seen: Vec<(&str, String, Vec<&One>)> = Vec::new();
    let mut out = Vec::new();
    for one in events {
        let mut told = None;
        for (way, within) in WAYS {
            for key in groups(one, way) {
                let place = seen.iter().position(|(of, known, _)| *of == way && *known == key);
                let place = place.unwrap_or_else(|| {
                    seen.push((way, key.clone(), Vec::new()));
                    seen.len() - 1
                });
                let before = &mut seen[place].2;
                let on_top = |one: &One| way != "process.tree" || one.pid.to_string() == key;
                let pair = |other: &&&One| {
                    let near = other.opens != one.opens && one.tenths - other.tenths <= within;
                    near && (on_top(one) || on_top(other))
                };
                match before.iter().rev().find(pair).map(|other| other.tenths) {
                    Some(began) => {
                        before.clear();
                        if told.is_none_or(|told| told == way) {
                            told = Some(way);
                            out.push((began, one.tenths, way));
                        }
                    }
                    None => before.push(one),
                }
            }
        }
    }
    out
}

/// As it is written: the last shells of each group.
fn naive_counted(events: &[One]) -> Found {
    let mut seen: Vec<(&str, String, Vec<u64>)> = Vec::new();
    let mut out = Vec::new();
    for one in events.iter().filter(|one| one.opens) {
        let mut told = None;
        for (way, within) in WAYS.into_iter().filter(|(way, _)| *way != "process.tree") {
            for key in groups(one, way) {
                let place = seen.iter().position(|(of, known, _)| *of == way && *known == key);
                let place = place.unwrap_or_else(|| {
                    seen.push((way, key.clone(), Vec::new()));
                    seen.len() - 1
                });
                let times = &mut seen[place].2;
                times.push(one.tenths);
                times.retain(|time| one.tenths - time <= within);
                if times.len() == 3 {
                    let began = times[0];
                    times.clear();
                    if told.is_none_or(|told| told == way) {
                        told = Some(way);
                        out.push((began, one.tenths, way));
                    }
                }
            }
        }
    }
    out
}

fn one() -> impl Strategy<Value = One> {
    let texts = (prop::sample::select(&["", "r", "q"][..]), prop::sample::select(&["", "c", "d"][..]));
    (any::<bool>(), 1..30_u64, texts, 2..6_u32, 2..6_u32).prop_map(|(opens, tenths, texts, pid, up)| {
        let (request, container) = texts;
        One { opens, tenths, request, pid, parent: pid + up, container }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn joins_are_as_the_naive_one_says(mut events in prop::collection::vec(one(), 1..40)) {
        let mut now = 0;
        for event in &mut events {
            now += event.tenths;
            event.tenths = now;
        }
        // What held it together by then is told, which may be more than what finished it.
        let shown = |found: Found| found.into_iter().map(|(a, b, _)| (a, b)).collect::<Vec<_>>();
        for (rule, right) in [
            (joined(ORDERED), naive_ordered(&events)),
            (joined(TEMPORAL), naive_temporal(&events)),
            (counted(), naive_counted(&events)),
        ] {
            prop_assert_eq!(shown(found(&rule, &events)), shown(right), "{}", rule);
        }
    }
}
