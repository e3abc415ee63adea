//! What `until` ends, on events that the sensor could have made, and beside a naive evaluator.
use super::{
    correlations::{correlation, egress, engine, event, found, rules_with, shell},
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
        let mut engine = engine(&[ended("T", "temporal_ordered", &more)]);
        let mut found = of("T", found(&mut engine, &events));
        found.sort();
        prop_assert_eq!(found, naive(&times, grace));
    }
}
