//! What `join` holds together, one way after another, on events that the sensor could have made.
use super::{
    correlations::{correlation, engine, event, shell},
    *,
};
use crate::field::Field;
use proptest::prelude::*;

const JOIN: &str = "guardbee: {join: [guardbee.request, {key: process.tree, within: 5s}, {key: container.id, within: 2s}]}\n";

fn joined() -> String {
    let body = ["type: temporal_ordered", "rules: [shell, egress]", "timespan: 9s"];
    format!("{}{JOIN}", correlation("T", &body))
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

/// The tenths of its evidence, and what held it together.
fn found(events: &[One]) -> Vec<(u64, u64, &'static str)> {
    let mut engine = engine(&[joined()]);
    let mut out = Vec::new();
    for one in events {
        engine.observe(&one.event(), &mut out);
    }
    engine.advance(BootTime(u64::MAX), &mut out);
    assert_eq!(engine.partials(), 0);
    let hits: u64 =
        engine.counts().map(|(info, counts)| if &*info.title == "T" { counts.hits } else { 0 }).sum();
    assert_eq!(hits, out.len() as u64);
    let one = |one: &Match| (one.evidence[0].sequence, one.evidence[1].sequence, one.joined.unwrap());
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
        assert_eq!(found(&[open(0, "r", 7, "c"), second.clone()]), right, "{second:?}");
    }
}

#[test]
fn what_has_nothing_in_common_is_no_group() {
    assert_eq!(engine(&[joined()]).partials(), 0);
    let (mut engine, mut out) = (engine(&[joined()]), Vec::new());
    engine.observe(&shell(0, ""), &mut out);
    // Its process alone; no request, no container.
    assert_eq!(engine.partials(), 1);
}

/// As it is written: what is open in each way, and an event tells by the first way in which it finishes something.
fn naive(events: &[One]) -> Vec<(u64, u64, &'static str)> {
    let ways = [("guardbee.request", 90), ("process.tree", 50), ("container.id", 20)];
    let mut open: Vec<(&str, String, u64)> = Vec::new();
    let mut out = Vec::new();
    for one in events {
        let keys = |way: &str| match way {
            "guardbee.request" => vec![one.request.to_owned()],
            "process.tree" if one.opens => vec![one.pid.to_string()],
            "process.tree" => vec![one.pid.to_string(), one.parent.to_string()],
            _ => vec![one.container.to_owned()],
        };
        let mut told = None;
        for (way, within) in ways {
            for key in keys(way).into_iter().filter(|key| !key.is_empty()) {
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
        let shown = |found: Vec<(u64, u64, &'static str)>| found.into_iter().map(|(a, b, _)| (a, b)).collect::<Vec<_>>();
        prop_assert_eq!(shown(found(&events)), shown(naive(&events)));
    }
}
