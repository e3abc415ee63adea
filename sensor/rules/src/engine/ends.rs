//! What `until` ends, on events that the sensor could have made, and beside a naive evaluator.
use super::{
    correlations::{correlation, egress, engine, event, found, rules_with, shell, shown},
    *,
};
use crate::field::Field;
use proptest::prelude::*;

/// A shell and a connection, until a process of the container ends.
pub(super) fn ended(title: &str, kind: &str, more: &str) -> String {
    let kind = format!("type: {kind}");
    let rules = "rules: [shell, egress]";
    let body = [&kind, rules, "group-by: [container.id]", "timespan: 2s", "generate: true"];
    format!("{}guardbee: {{until: [leaves]{more}}}\n", correlation(title, &body))
}

pub(super) fn leave(tenths: u64, container: &str) -> Arc<Observation> {
    event(Kinds::EXIT, tenths, &[(Field::ContainerId, container)])
}

/// Shells, or what they connect to, are measured, until a process of the container ends.
pub(super) fn measured(title: &str, kind: &str, condition: &str, more: &str) -> String {
    let rule = if kind == "event_count" { "shell" } else { "egress" };
    let (kind, rules) = (format!("type: {kind}"), format!("rules: [{rule}]"));
    let condition = format!("condition: {{{condition}}}");
    let body = [&kind, &rules, "group-by: [container.id]", "timespan: 2s", "generate: true", &condition];
    format!("{}guardbee: {{until: [leaves]{more}}}\n", correlation(title, &body))
}

fn of(title: &str, mut found: Vec<String>) -> Vec<String> {
    found.retain(|one| one.starts_with(title));
    found
}

#[test]
fn what_began_before_its_end_does_not_go_on() {
    let (ordered, any) = ("temporal_ordered", "temporal");
    for (kind, more, events, right) in [
        (ordered, "", vec![shell(0, "a"), leave(1, "a"), egress(2, "a", "1")], vec![]),
        (ordered, "", vec![shell(0, "a"), leave(1, "b"), egress(2, "a", "1")], vec!["T 0,2"]),
        (ordered, "", vec![shell(0, "a"), leave(1, "a"), shell(2, "a"), egress(3, "a", "1")], vec!["T 2,3"]),
        // What has held already stays.
        (ordered, "", vec![shell(0, "a"), egress(1, "a", "1"), leave(1, "a")], vec!["T 0,1"]),
        // Time counts, not who comes first: what happened before the end, and what began after it.
        (ordered, "", vec![shell(0, "a"), leave(2, "a"), egress(1, "a", "1")], vec!["T 0,1"]),
        (ordered, "", vec![shell(2, "a"), leave(1, "a"), egress(3, "a", "1")], vec!["T 2,3"]),
        (ordered, "", vec![shell(0, "a"), leave(1, "a"), egress(1, "a", "1")], vec!["T 0,1"]),
        (ordered, ", grace: 500ms", vec![shell(0, "a"), leave(1, "a"), egress(6, "a", "1")], vec!["T 0,6"]),
        (ordered, ", grace: 500ms", vec![shell(0, "a"), leave(1, "a"), egress(7, "a", "1")], vec![]),
        // A second end gives no more time than the first.
        (
            ordered,
            ", grace: 500ms",
            vec![shell(0, "a"), leave(1, "a"), leave(5, "a"), egress(7, "a", "1")],
            vec![],
        ),
        (any, "", vec![egress(0, "a", "1"), leave(1, "a"), shell(2, "a")], vec![]),
        (
            any,
            "",
            vec![egress(0, "a", "1"), leave(1, "a"), shell(2, "a"), egress(3, "a", "1")],
            vec!["T 2,3"],
        ),
        (any, "", vec![shell(0, "a"), leave(2, "a"), egress(1, "a", "1")], vec!["T 0,1"]),
    ] {
        let mut engine = engine(&[ended("T", kind, more)]);
        assert_eq!(of("T", found(&mut engine, &events)), right, "{kind}{more} {events:#?}");
        assert!(engine.losses(BootTime(1)).is_empty() && engine.partials() == 0);
    }
}

fn shells(times: &[u64]) -> Vec<Arc<Observation>> {
    times.iter().map(|at| shell(*at, "a")).collect()
}

/// Shells of the first times, an end, and shells of the others.
fn around(before: &[u64], end: u64, after: &[u64]) -> Vec<Arc<Observation>> {
    [shells(before), vec![leave(end, "a")], shells(after)].concat()
}

#[test]
fn a_least_number_counts_nothing_of_before_its_end() {
    let other = [shells(&[0, 1]), vec![leave(2, "b")], shells(&[3])].concat();
    let again = [around(&[0, 1], 2, &[]), vec![leave(6, "a")], shells(&[8])].concat();
    for (more, events, right) in [
        ("", around(&[0, 1], 2, &[3]), vec![]),
        ("", other, vec!["T 0,1,3"]),
        ("", around(&[0, 1], 2, &[3, 4, 5]), vec!["T 3,4,5"]),
        // What has held already stays.
        ("", around(&[0, 1, 2], 3, &[4]), vec!["T 0,1,2"]),
        // Time counts, not who comes first: what happened at the moment of the end, before it, and after it.
        ("", around(&[0, 1], 2, &[2]), vec!["T 0,1,2"]),
        ("", around(&[0], 1, &[1, 2, 3]), vec![]),
        ("", around(&[0, 3], 2, &[1, 4]), vec![]),
        ("", around(&[0, 3], 2, &[1, 4, 5]), vec!["T 3,4,5"]),
        ("", around(&[], 2, &[1, 3, 4]), vec!["T 1,3,4"]),
        (", grace: 500ms", around(&[0, 1], 2, &[7]), vec!["T 0,1,7"]),
        (", grace: 500ms", around(&[0, 1], 2, &[8]), vec![]),
        // A second end gives no more time than the first.
        (", grace: 500ms", again, vec![]),
    ] {
        let mut engine = engine(&[measured("T", "event_count", "gte: 3", more)]);
        assert_eq!(of("T", found(&mut engine, &events)), right, "{more} {events:#?}");
        assert!(engine.losses(BootTime(1)).is_empty() && engine.partials() == 0);
    }
}

#[test]
fn what_is_judged_at_its_time_is_judged_at_its_end() {
    for (condition, more, events, right) in [
        ("eq: 2", "", around(&[0, 1], 2, &[3]), vec!["T 0,1"]),
        ("eq: 2", "", around(&[0, 1, 3], 40, &[]), vec![]),
        ("eq: 2", "", around(&[0], 1, &[1, 2]), vec!["T 0,1"]),
        ("eq: 2", "", around(&[0], 2, &[1, 3]), vec!["T 0,1"]),
        // It begins after the end.
        ("eq: 2", "", around(&[2], 1, &[3]), vec!["T 2,3"]),
        ("eq: 2", ", grace: 500ms", around(&[0], 1, &[6, 7]), vec!["T 0,6"]),
        ("eq: 2", ", grace: 500ms", around(&[0], 1, &[7]), vec![]),
        // An end never gives more time.
        ("lt: 3", ", grace: 1m", around(&[0], 1, &[20, 21]), vec!["T 0,20", "T 21"]),
    ] {
        let mut engine = engine(&[measured("T", "event_count", condition, more)]);
        assert_eq!(of("T", found(&mut engine, &events)), right, "{condition}{more} {events:#?}");
        assert!(engine.losses(BootTime(1)).is_empty() && engine.partials() == 0);
    }
    let mut engine = engine(&[measured("T", "event_count", "eq: 2", "")]);
    let mut out = Vec::new();
    for event in around(&[0, 1], 3, &[]) {
        engine.observe(&event, &mut out);
    }
    let over = leave(3, "").time.0 + correlate::LATENESS;
    for (now, right) in [(over, vec![]), (over + 1, vec!["T 0,1"])] {
        engine.advance(BootTime(now), &mut out);
        assert_eq!(of("T", shown(&out)), right);
    }
}

#[test]
fn values_sums_and_averages_have_an_end() {
    let at =
        |ports: &[(u64, &str)]| ports.iter().map(|(at, port)| egress(*at, "a", port)).collect::<Vec<_>>();
    let around = |before: &[(u64, &str)], end, after: &[(u64, &str)]| {
        [at(before), vec![leave(end, "a")], at(after)].concat()
    };
    for (kind, condition, events, right) in [
        ("value_count", "gte: 3", around(&[(0, "1"), (1, "2")], 2, &[(3, "3")]), vec![]),
        // A value that comes again counts again.
        (
            "value_count",
            "gte: 3",
            around(&[(0, "1"), (1, "2")], 2, &[(3, "1"), (4, "2"), (5, "3")]),
            vec!["T 3,4,5"],
        ),
        ("value_count", "gte: 3", around(&[(0, "1"), (3, "1")], 2, &[(4, "2"), (5, "3")]), vec!["T 3,4,5"]),
        ("value_sum", "gte: 10", around(&[(0, "6")], 1, &[(2, "6")]), vec![]),
        ("value_sum", "gte: 10", around(&[(0, "6")], 1, &[(2, "6"), (3, "4")]), vec!["T 2,3"]),
        ("value_avg", "gte: 5", around(&[(0, "6"), (1, "4")], 2, &[(3, "1")]), vec!["T 0,1"]),
        ("value_median", "eq: 1", around(&[(0, "6"), (1, "4")], 2, &[(3, "1")]), vec!["T 3"]),
    ] {
        let condition = format!("field: destination.port, {condition}");
        let mut engine = engine(&[measured("T", kind, &condition, "")]);
        assert_eq!(of("T", found(&mut engine, &events)), right, "{kind} {events:#?}");
        assert!(engine.losses(BootTime(1)).is_empty() && engine.partials() == 0);
    }
}

/// An event may be an end, and one of those that are counted: it counts.
#[test]
fn an_end_that_is_counted_counts() {
    let root = "---\ntitle: Root\nname: root\nlogsource: {product: linux, category: process_creation}\ndetection: {s: {User: root}, \
                condition: s}\n";
    let text = measured("T", "event_count", "gte: 2", "").replace("leaves", "root");
    let values = [(Field::Executable, "/bin/sh"), (Field::ContainerId, "a"), (Field::User, "root")];
    let events = [shell(0, "a"), event(Kinds::EXEC, 1, &values), shell(2, "a"), shell(3, "a")];
    let mut engine = engine(&[root.to_owned(), text]);
    assert_eq!(of("T", found(&mut engine, &events)), ["T 0,1", "T 2,3"]);
}

/// However many ends come: those that end nothing are not kept.
#[test]
fn a_flood_of_ends_takes_no_room() {
    let params = Params { correlation_bytes: 4 << 10, ..Params::default() };
    let texts = [measured("T", "event_count", "gte: 2", ", grace: 1h")];
    let mut engine = Engine::new(rules_with(&texts), params);
    let mut out = Vec::new();
    engine.observe(&shell(0, "a"), &mut out);
    for _ in 0..10_000 {
        engine.observe(&leave(1, "a"), &mut out);
    }
    assert_eq!(of("T", found(&mut engine, &[shell(2, "a")])), ["T 0,2"]);
    // The ends themselves are reported, no more than so many a second.
    assert!(engine.losses(BootTime(1)).iter().all(|loss| loss.cause == "rule_capped"));
}

/// An end is a rule like a step: it reports on its own only where the correlation lets it.
#[test]
fn an_end_reports_only_with_generate() {
    let events = [shell(0, "a"), leave(1, "a")];
    let with = ended("T", "temporal", "");
    assert_eq!(found(&mut engine(std::slice::from_ref(&with)), &events), ["Shell 0", "Leaves 1"]);
    let without = with.replace("generate: true", "generate: false");
    assert_eq!(found(&mut engine(&[without]), &events), [""; 0]);
}

#[test]
fn what_is_over_is_forgotten_before_its_timespan_is() {
    let mut engine = engine(&[ended("T", "temporal_ordered", ", grace: 200ms")]);
    let mut out = Vec::new();
    for event in [shell(0, "a"), shell(0, "b"), leave(1, "a")] {
        engine.observe(&event, &mut out);
    }
    let over = leave(3, "").time.0 + correlate::LATENESS;
    engine.advance(BootTime(over), &mut out);
    assert_eq!(engine.partials(), 2);
    engine.advance(BootTime(over + 1), &mut out);
    assert_eq!(engine.partials(), 1);
}

/// An end that can't come is told: without it the correlation fires more often.
#[test]
fn an_end_that_cannot_fire_is_listed() {
    let text = ended("T", "temporal", "").replace("leaves", "dns");
    let dns = "---\ntitle: Dns\nname: dns\nlogsource: {category: image_load}\ndetection: {s: {x: y}, condition: s}\n";
    let set = rules_with(&[dns.to_owned(), text]);
    let listed = set.rules().into_iter().find(|rule| &*rule.info.title == "T").unwrap();
    assert_eq!(listed.can_fire, Ok(()));
    let right = ["its end `dns` can't fire: no event source yet for `image_load`"];
    assert_eq!(listed.missing, right);
}

/// As it is written: shells that count together as long as no end came between them, or is not over yet.
fn naive_least(events: &[(u64, usize, usize)], grace: u64) -> Vec<String> {
    let mut out = Vec::new();
    for group in 0..2 {
        let (mut shells, mut ends): (Vec<u64>, Vec<u64>) = Default::default();
        for &(at, what, _) in events.iter().filter(|(_, what, of)| *of == group && *what != 1) {
            if what == 2 {
                ends.push(at);
                continue;
            }
            shells.push(at);
            shells.retain(|shell| at - shell <= 20);
            let goes_on = |shell: u64| ends.iter().all(|end| *end < shell || at <= end + grace);
            let live: Vec<_> = shells.iter().filter(|shell| goes_on(**shell)).map(u64::to_string).collect();
            if live.len() >= 3 {
                out.push(format!("T {}", live.join(",")));
                shells.clear();
            }
        }
    }
    out.sort();
    out
}

/// As it is written: from the first shell until the time is over, or its first end.
fn naive_exact(events: &[(u64, usize, usize)], grace: u64) -> Vec<String> {
    let mut out = Vec::new();
    for group in 0..2 {
        let mut open: Option<(u64, Vec<u64>)> = None;
        let mut judge = |open: Option<(u64, Vec<u64>)>| {
            if let Some((_, shells)) = open.filter(|(_, shells)| shells.len() == 2) {
                out.push(format!("T {},{}", shells[0], shells[1]));
            }
        };
        for &(at, what, _) in events.iter().filter(|(_, what, of)| *of == group && *what != 1) {
            if open.as_ref().is_some_and(|(over, _)| at > *over) {
                judge(open.take());
            }
            match &mut open {
                Some((over, _)) if what == 2 => *over = (at + grace).min(*over),
                Some((_, shells)) => shells.push(at),
                None if what == 2 => {}
                None => open = Some((at + 20, vec![at])),
            }
        }
        judge(open);
    }
    out.sort();
    out
}

/// As it is written: the latest shell before each connection, unless its container was left between them.
fn naive(events: &[(u64, usize, usize)], grace: u64) -> Vec<String> {
    let mut out = Vec::new();
    for group in 0..2 {
        let mut opened: Option<(u64, Vec<u64>)> = None;
        for (at, what, _) in events.iter().filter(|(_, _, of)| *of == group) {
            match (what, &mut opened) {
                (0, _) => opened = Some((*at, Vec::new())),
                (1, Some((start, ends)))
                    if at - *start <= 20 && ends.iter().all(|end| *at <= end + grace) =>
                {
                    out.push(format!("T {start},{at}"));
                    opened = None;
                }
                (2, Some((_, ends))) => ends.push(*at),
                _ => {}
            }
        }
    }
    out.sort();
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn an_end_is_as_the_naive_one_says(
        steps in prop::collection::vec((1..9_u64, 0..3_usize, 0..2_usize), 1..60),
        grace in 0..8_u64,
    ) {
        let mut now = 0;
        let times: Vec<_> = steps.into_iter().map(|(gap, what, of)| { now += gap; (now, what, of) }).collect();
        let events: Vec<_> = times.iter().map(|&(at, what, of)| {
            let container = ["a", "b"][of];
            match what {
                0 => shell(at, container),
                1 => egress(at, container, "1"),
                _ => leave(at, container),
            }
        }).collect();
        let more = format!(", grace: {}ms", grace * 100);
        for (text, right) in [
            (ended("T", "temporal_ordered", &more), naive(&times, grace)),
            (measured("T", "event_count", "gte: 3", &more), naive_least(&times, grace)),
            (measured("T", "event_count", "eq: 2", &more), naive_exact(&times, grace)),
        ] {
            let mut engine = engine(std::slice::from_ref(&text));
            let mut found = of("T", found(&mut engine, &events));
            found.sort();
            prop_assert_eq!(found, right, "{}", text);
        }
    }
}
