//! Suppressions and exceptions on events that the sensor could have made.
use super::{
    correlations::{egress, shell},
    *,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

const RULES: &str = "
title: Shell
name: shell
logsource: {product: linux, category: process_creation}
detection: {selection: {Image|endswith: /sh}, condition: selection}
guardbee:
    exceptions:
        - {name: d, fields: container.id, values: d, reason: tests}
    suppress: {by: [container.id], for: 2s}
---
title: Egress
name: egress
logsource: {product: linux, category: network_connection}
detection: {selection: {Initiated: true}, condition: selection}
guardbee: {suppress: {for: 5s}}
---
title: Many
correlation:
    type: event_count
    rules: [shell, egress]
    group-by: [container.id]
    timespan: 1s
    generate: true
    condition: {gte: 3}
guardbee: {suppress: {by: [container.id], for: 3s}}
";

fn set(more: &str) -> Arc<RuleSet> {
    let text = format!("{RULES}{more}");
    Arc::new(RuleSet::load(&[("rules.yml", text)]).unwrap_or_else(|problems| panic!("{problems:#?}")))
}

fn engine(params: Params) -> Engine {
    Engine::new(set(""), params)
}

/// Title, the last event, and of what was held back how many since which.
fn shown(found: &[Match]) -> Vec<String> {
    let one = |found: &Match| {
        let last = found.evidence.last().map(|last| last.sequence).unwrap_or_default();
        let tenths = |time: BootTime| (time.0 - shell(0, "a").time.0) / 100_000_000;
        let repeats =
            found.repeats.map(|Repeats { count, first, .. }| format!(" {count} since {}", tenths(first)));
        format!("{} {last}{}", found.rule.title, repeats.unwrap_or_default())
    };
    found.iter().map(one).collect()
}

fn play(engine: &mut Engine, events: &[Arc<Observation>]) -> Vec<String> {
    let mut out = Vec::new();
    for event in events {
        engine.observe(event, &mut out);
    }
    engine.advance(BootTime(u64::MAX), &mut out);
    shown(&out)
}

#[test]
fn one_goes_out_and_the_others_are_told_when_the_time_is_over() {
    for (times, right) in [
        (&[0, 1, 20][..], vec!["Shell 0", "Shell 20 2 since 1"]),
        (&[0, 21], vec!["Shell 0", "Shell 21"]),
        // What goes on is told once in each time.
        (
            &[0, 10, 21, 39, 41, 81],
            vec!["Shell 0", "Shell 10 1 since 10", "Shell 39 2 since 21", "Shell 41 1 since 41", "Shell 81"],
        ),
    ] {
        let events: Vec<_> = times.iter().map(|at| shell(*at, "a")).collect();
        let mut engine = engine(Params::default());
        let mut found = play(&mut engine, &events);
        found.retain(|one| one.starts_with("Shell"));
        // A window that nothing fell into is forgotten.
        assert_eq!(
            (found, engine.suppressors[&0].due()),
            (right.iter().map(ToString::to_string).collect(), None),
            "{times:?}"
        );
        let counts: Vec<_> = engine.counts().map(|(_, counts)| (counts.hits, counts.suppressed)).collect();
        let out = u64::try_from(right.iter().filter(|one| !one.contains("since")).count()).unwrap();
        assert_eq!(counts[0], (times.len() as u64, times.len() as u64 - out));
    }
}

#[test]
fn other_values_are_told_on_their_own_and_without_fields_all_are_the_same() {
    let events = [shell(0, "a"), shell(1, "b"), shell(2, ""), shell(3, "a")];
    assert_eq!(
        play(&mut engine(Params::default()), &events),
        ["Shell 0", "Shell 1", "Shell 2", "Shell 3 1 since 3"]
    );
    let events = [egress(0, "a", "1"), egress(1, "b", "2")];
    assert_eq!(play(&mut engine(Params::default()), &events), ["Egress 0", "Egress 1 1 since 1"]);
}

/// An event that is excepted is no match: it is no step, opens nothing, and is counted by the exception's name.
#[test]
fn what_is_excepted_is_counted() {
    let mut engine = engine(Params::default());
    let events = [shell(0, "d"), shell(1, "d"), shell(2, "d"), shell(3, "a")];
    assert_eq!(play(&mut engine, &events), ["Shell 3"]);
    assert_eq!(engine.exceptions().collect::<Vec<_>>(), [(0, "d", 3)]);
    let (_, counts) = engine.counts().next().unwrap();
    assert_eq!((counts.hits, counts.excepted), (1, 3));
}

#[test]
fn an_exception_ends_with_its_day_and_does_not_hold_where_no_date_is_known() {
    let text = RULES.replace("reason: tests}", "reason: tests, expires: 1979-12-30}");
    let rules = Arc::new(RuleSet::load(&[("rules.yml", text)]).unwrap());
    let day = 3_651 * 86_400_000_000_000;
    let matches = |wall: Option<u64>| {
        let mut engine = Engine::new(Arc::clone(&rules), Params::default());
        if let Some(wall) = wall {
            engine.set_wall(WallOffset(wall));
        }
        play(&mut engine, &[shell(0, "d")]).len()
    };
    let until = day - shell(0, "d").time.0;
    assert_eq!([Some(0), Some(until - 1_000_000), Some(until), None].map(matches), [0, 0, 1, 1]);
    assert!(rules.expired(guardbee_model::clock::WallTime(day - 1)).is_empty());
    let told = rules.expired(guardbee_model::clock::WallTime(day));
    assert!(told[0].to_string().starts_with("rules.yml:8:"), "{}", told[0]);
    assert!(told[0].message.contains("held until 1979-12-30"), "{}", told[0]);
}

#[test]
fn what_is_held_back_goes_out_when_there_is_no_room_or_no_more_time() {
    let params = Params { suppression_bytes: 3 * 3 * 1024, ..Params::default() };
    let mut engine = engine(params);
    let mut out = Vec::new();
    for number in 0..20 {
        engine.observe(&shell(2 * number, &format!("c{number}")), &mut out);
        engine.observe(&shell(2 * number + 1, &format!("c{number}")), &mut out);
    }
    let told = out.iter().map(|one| one.repeats.map_or(1, |repeats| repeats.count)).sum::<u64>();
    assert!(told > 20 && told < 40, "{told}");
    let losses = engine.losses(BootTime(1));
    let lost: Vec<_> = losses.iter().map(|loss| (loss.cause, loss.kind)).collect();
    assert_eq!(lost, [("suppression_full", "suppression")]);
    engine.end(&mut out);
    assert_eq!(out.iter().map(|one| one.repeats.map_or(1, |repeats| repeats.count)).sum::<u64>(), 40);
    let told = out.len();
    engine.advance(BootTime(u64::MAX), &mut out);
    assert_eq!(out.len(), told);
}

/// What a window holds back: how many, the first, the last.
type Back = (u64, u64, u64);

/// As it is written: events in order, one group after another.
fn naive(times: &[(u64, usize)], length: u64) -> Vec<String> {
    let mut out = Vec::new();
    for group in 0..3 {
        let mut window: Option<(u64, Option<Back>)> = None;
        let times = times.iter().filter(|(_, of)| *of == group).map(|(at, _)| *at);
        for at in times.map(Some).chain([None]) {
            while let Some((end, held)) = window.filter(|(end, _)| at.is_none_or(|at| at > *end)) {
                window = held.map(|(count, first, last)| {
                    out.push(format!("Shell {last} {count} since {first}"));
                    (end + length, None)
                });
            }
            let Some(at) = at else { continue };
            window = Some(match window {
                None => {
                    out.push(format!("Shell {at}"));
                    (at + length, None)
                }
                Some((end, held)) => {
                    let (count, first, _) = held.unwrap_or((0, at, at));
                    (end, Some((count + 1, first, at)))
                }
            });
        }
    }
    out.sort();
    out
}

fn sorted(found: &[Match], title: &str) -> Vec<String> {
    let mut out = shown(found);
    out.retain(|one| one.starts_with(title));
    out.sort();
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn as_the_naive_one_says(steps in prop::collection::vec((0..15_u64, 0..3_usize), 1..60)) {
        let mut now = 0;
        let times: Vec<_> = steps.into_iter().map(|(gap, group)| { now += gap; (now, group) }).collect();
        let mut engine = engine(Params::default());
        let mut out = Vec::new();
        for (at, group) in &times {
            engine.observe(&shell(*at, ["a", "b", "c"][*group]), &mut out);
        }
        engine.advance(BootTime(u64::MAX), &mut out);
        prop_assert_eq!(sorted(&out, "Shell"), naive(&times, 20));
    }

    /// Whatever the batches, the time that is told, late events, other rules that come and go: the same findings.
    #[test]
    fn batches_and_reloads_change_nothing(
        steps in prop::collection::vec((0..12_u64, 0..9_u64, any::<bool>(), 0..4_usize, 0..10_u64, any::<bool>()), 1..60),
        room in prop::sample::select(&[8 << 10, 64 << 10, 16 << 20][..]),
    ) {
        let params = Params { suppression_bytes: room, ..Params::default() };
        let (mut whole, mut cut) = (engine(params), engine(params));
        let (mut right, mut out, mut now) = (Vec::new(), Vec::new(), 10);
        for (gap, late, exec, container, told, reload) in steps {
            now += gap;
            let container = ["a", "b", "c", "d"][container];
            let at = now - late;
            let event = if exec { shell(at, container) } else { egress(at, container, "1") };
            whole.observe(&event, &mut right);
            // Of equal rooms only: how many rules share it changes what is given up.
            if reload && room == 16 << 20 {
                let more = "---\ntitle: Other\nlogsource: {category: webserver}\ndetection: {s: {cs-method: GET}, condition: s}\n\
                            guardbee: {suppress: {for: 1m}}\n";
                cut.replace(set(more), &mut out);
            }
            // No event that is to come is later than this by more than is waited for.
            if room == 16 << 20 {
                cut.advance(BootTime(event.time.0 + 100_000_000 * told.min(late)), &mut out);
            }
            cut.observe(&event, &mut out);
            cut.advance(event.time, &mut out);
        }
        cut.replace(set(""), &mut out);
        for (engine, out) in [(&mut whole, &mut right), (&mut cut, &mut out)] {
            engine.advance(BootTime(u64::MAX), out);
        }
        for title in ["Shell", "Egress", "Many"] {
            prop_assert_eq!(sorted(&out, title), sorted(&right, title));
        }
        // Nothing is lost: each match is a finding or counted by one.
        let mut told: BTreeMap<Box<str>, u64> = BTreeMap::new();
        for one in &right {
            *told.entry(one.rule.title.clone()).or_default() += one.repeats.map_or(1, |repeats| repeats.count);
        }
        for (rule, counts) in whole.counts() {
            prop_assert_eq!(told.get(&rule.title).copied().unwrap_or_default(), counts.hits, "{}", rule.title);
        }
        let losses = |engine: &mut Engine| engine.losses(BootTime(1)).iter().map(|loss| (loss.cause, loss.count)).collect::<Vec<_>>();
        prop_assert_eq!(losses(&mut cut), losses(&mut whole));
    }
}
