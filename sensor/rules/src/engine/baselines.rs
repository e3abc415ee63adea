//! Baselines on events that the sensor could have made, and beside a naive evaluator.
use super::{
    correlations::{egress, shell},
    *,
};
use crate::learned::Learned;
use guardbee_model::clock::WallTime;
use proptest::prelude::*;
use std::collections::BTreeMap;

const RULES: &str = "
title: Port
name: port
logsource: {product: linux, category: network_connection}
detection: {selection: {Initiated: true}, condition: selection}
guardbee: {baseline: {by: [destination.port], per: [container.id], learn: 2s, forget: 5s}}
---
title: Any
logsource: {product: linux, category: network_connection}
detection: {selection: {Initiated: true}, condition: selection}
guardbee: {baseline: {by: [container.id, destination.port], learn: 2s, forget: 5s}}
---
title: Shell
name: shell
logsource: {product: linux, category: process_creation}
detection: {selection: {Image|endswith: /sh}, condition: selection}
---
title: Then
correlation: {type: temporal_ordered, rules: [shell, port], group-by: [container.id], timespan: 2s, generate: true}
";

/// Of a container with more ports than two it says nothing.
const FEW: &str = "---
title: Few
logsource: {product: linux, category: network_connection}
detection: {selection: {Initiated: true}, condition: selection}
guardbee: {baseline: {by: [destination.port], per: [container.id], learn: 2s, forget: 5s, most: 2}}
";

fn set(more: &str) -> Arc<RuleSet> {
    let text = format!("{RULES}{more}");
    Arc::new(RuleSet::load(&[("rules.yml", text)]).unwrap_or_else(|problems| panic!("{problems:#?}")))
}

fn engine() -> Engine {
    Engine::new(set(""), Params::default())
}

fn told(engine: &mut Engine, title: &str, events: &[Arc<Observation>]) -> Vec<u64> {
    let mut out = Vec::new();
    for event in events {
        engine.observe(event, &mut out);
    }
    of(title, &out)
}

/// The tenths of what a rule found.
fn of(title: &str, found: &[Match]) -> Vec<u64> {
    let of = found.iter().filter(|one| &*one.rule.title == title);
    of.map(|one| one.evidence.last().unwrap().sequence).collect()
}

/// Matches, and those of them that were known and learned.
fn counts(engine: &Engine, title: &str) -> (u64, u64, u64) {
    let mut all = engine.counts().filter(|(info, _)| &*info.title == title);
    let (_, counts) = all.next().unwrap();
    (counts.hits, counts.known, counts.learned)
}

#[test]
fn what_is_learned_is_known_and_what_is_new_is_told_once() {
    let mut engine = engine();
    let at =
        |times: &[(u64, &str)]| times.iter().map(|(at, port)| egress(*at, "a", port)).collect::<Vec<_>>();
    // Two ports are learned; a third one is told when the time to learn is over, and then known.
    let events = at(&[(0, "1"), (19, "2"), (20, "3"), (21, "3"), (22, "1"), (23, "2")]);
    assert_eq!(told(&mut engine, "Port", &events), [20]);
    assert_eq!(counts(&engine, "Port"), (6, 3, 2));
    // What goes on is not forgotten, what was away for longer is.
    let events = at(&[(71, "3"), (72, "1"), (73, "2"), (121, "3"), (122, "1"), (124, "2")]);
    assert_eq!(told(&mut engine, "Port", &events), [124]);
}

#[test]
fn each_scope_learns_on_its_own_and_without_scopes_all_learn_from_the_first_event_on() {
    let mut engine = engine();
    let events = [
        shell(0, "x"),
        egress(10, "a", "1"),
        egress(25, "b", "1"),
        egress(29, "a", "2"),
        egress(30, "a", "3"),
    ];
    let mut out = Vec::new();
    for event in &events {
        engine.observe(event, &mut out);
    }
    assert_eq!((of("Port", &out), of("Any", &out)), (vec![30], vec![25, 29, 30]));
    // A scope that was away for so long that nothing of it is known learns again.
    assert_eq!(told(&mut engine, "Port", &[egress(90, "a", "9"), egress(111, "a", "8")]), [111]);
}

#[test]
fn what_is_not_new_is_no_step() {
    let mut engine = engine();
    let events = [egress(0, "a", "1"), shell(30, "a"), egress(31, "a", "1"), egress(32, "a", "2")];
    assert_eq!(told(&mut engine, "Then", &events), [32]);
}

#[test]
fn what_is_known_outlives_a_restart_and_a_change_of_the_rule() {
    let mut before = engine();
    let _ = told(&mut before, "Port", &[egress(0, "a", "1"), egress(19, "a", "2")]);
    let bytes = before.learned().to_bytes(WallOffset(1 << 60));
    // The machine has started anew: its time begins elsewhere.
    let offset = WallOffset((1 << 60) + 2_500_000_000);
    let learned = Learned::from_bytes(&bytes, offset, WallTime(u64::MAX)).unwrap();
    assert_eq!((learned.rules(), learned.values()), (2, 4));
    let mut after = engine();
    assert_eq!(after.learn(learned), 2);
    // 25 tenths later by the wall: 0 here is 25 there.
    assert_eq!(told(&mut after, "Port", &[egress(0, "a", "1"), egress(1, "a", "3")]), [1]);
    let changed = RULES
        .replace("{Initiated: true}", "{Initiated: true, destination.port|gte: 1}")
        .replace("learn: 2s", "learn: 1s");
    let mut out = Vec::new();
    after.replace(Arc::new(RuleSet::load(&[("rules.yml", changed)]).unwrap()), &mut out);
    assert_eq!(told(&mut after, "Port", &[egress(2, "a", "3"), egress(3, "a", "4")]), [3]);
    // Other fields are another baseline.
    let other = RULES.replace("by: [destination.port]", "by: [destination.port, destination.address]");
    after.replace(Arc::new(RuleSet::load(&[("rules.yml", other)]).unwrap()), &mut out);
    assert_eq!(told(&mut after, "Port", &[egress(4, "a", "3")]), [0; 0]);
    assert_eq!(after.counts().next().unwrap().1.learned, 1);
}

#[test]
fn a_scope_with_too_many_values_has_no_profile_until_they_are_forgotten() {
    let mut engine = Engine::new(set(FEW), Params::default());
    let at =
        |times: &[(u64, &str)]| times.iter().map(|(at, port)| egress(*at, "a", port)).collect::<Vec<_>>();
    // One port is learned, another one is told; a third is one too many, and so are all others then.
    let events = at(&[(0, "1"), (20, "2"), (21, "3"), (22, "4"), (23, "1")]);
    assert_eq!(told(&mut engine, "Few", &events), [20]);
    let wide = engine.counts().find(|(info, _)| &*info.title == "Few").unwrap().1.wide;
    assert_eq!((counts(&engine, "Few"), wide), ((5, 1, 1), 2));
    // Other scopes have theirs.
    assert_eq!(told(&mut engine, "Few", &[egress(24, "b", "1"), egress(44, "b", "2")]), [44]);
    // That outlives a restart.
    let bytes = engine.learned().to_bytes(WallOffset(0));
    let mut next = Engine::new(set(FEW), Params::default());
    next.learn(Learned::from_bytes(&bytes, WallOffset(0), WallTime(u64::MAX)).unwrap());
    assert_eq!(told(&mut next, "Few", &at(&[(60, "1"), (72, "5")])), [0; 0]);
    // Then nothing was one too many for as long as values are remembered.
    assert_eq!(told(&mut next, "Few", &at(&[(100, "1"), (123, "6")])), [123]);
}

#[test]
fn a_flood_of_values_stays_within_its_bytes_and_is_counted() {
    let params = Params { baseline_bytes: 2 * 20 * 300, findings_per_second: u32::MAX, ..Params::default() };
    let mut engine = Engine::new(set(""), params);
    let events: Vec<_> = (0..200).map(|port| egress(30 + port / 4, "a", &port.to_string())).collect();
    let _ = told(&mut engine, "Port", &events);
    let values = engine.learned().values();
    assert!((40..=70).contains(&values), "{values}");
    let losses = engine.losses(BootTime(1));
    let lost: Vec<_> = losses.iter().map(|loss| (loss.cause, loss.kind, loss.count)).collect();
    assert_eq!(lost, [("baseline_full", "baseline", 400 - values as u64)]);
    // The latest are still known.
    assert_eq!(told(&mut engine, "Any", &[egress(80, "a", "199")]), [0; 0]);
}

/// As it is written: per scope and value when it was there last, and when a scope had no room for one.
fn naive(events: &[(u64, usize, usize)], first: u64, (scoped, most): (bool, usize)) -> Vec<u64> {
    let (mut begun, mut wide) = (BTreeMap::new(), BTreeMap::new());
    let mut seen = BTreeMap::<(usize, usize), u64>::new();
    let mut out = Vec::new();
    for &(at, container, port) in events {
        seen.retain(|_, before| at - *before <= 50);
        let held = seen.keys().filter(|(of, _)| *of == container).count();
        if held == 0 {
            begun.insert(container, at);
            wide.remove(&container);
        }
        let known = seen.contains_key(&(container, port));
        if known || held < most {
            seen.insert((container, port), at);
        } else {
            wide.insert(container, at);
        }
        let narrow = wide.get(&container).is_none_or(|one| at - one > 50);
        if !known && narrow && at - (if scoped { begun[&container] } else { first }) >= 20 {
            out.push(at);
        }
    }
    out
}

type Step = (u64, u64, bool, usize, usize);

fn play(steps: &[Step]) -> Vec<Arc<Observation>> {
    let mut now = 10;
    let event = |&(gap, late, exec, container, port): &Step| {
        now += gap;
        let (at, container) = (now - late, ["a", "b", "c"][container]);
        if exec { shell(at, container) } else { egress(at, container, ["1", "2", "3", "4"][port]) }
    };
    steps.iter().map(event).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_baseline_is_as_the_naive_one_says(steps in prop::collection::vec((1..20_u64, 0..3_usize, 0..4_usize), 1..80)) {
        let mut now = 0;
        let times: Vec<_> = steps.into_iter().map(|(gap, container, port)| { now += gap; (now, container, port) }).collect();
        let events: Vec<_> = times.iter()
            .map(|&(at, container, port)| egress(at, ["a", "b", "c"][container], ["1", "2", "3", "4"][port])).collect();
        let (mut engine, mut out) = (Engine::new(set(FEW), Params::default()), Vec::new());
        for event in &events {
            engine.observe(event, &mut out);
        }
        prop_assert_eq!(of("Port", &out), naive(&times, times[0].0, (true, usize::MAX)));
        prop_assert_eq!(of("Few", &out), naive(&times, times[0].0, (true, 2)));
        prop_assert_eq!(of("Any", &out), naive(&times, times[0].0, (false, usize::MAX)));
        let (hits, known, learned) = counts(&engine, "Port");
        prop_assert_eq!(hits, known + learned + of("Port", &out).len() as u64);
    }

    /// Whatever the batches, the time that is told, the room, restarts and reloads: the same findings.
    #[test]
    fn batches_restarts_and_reloads_change_nothing(
        steps in prop::collection::vec((0..12_u64, 0..9_u64, any::<bool>(), 0..3_usize, 0..4_usize), 1..60),
        cuts in prop::collection::vec((any::<bool>(), 0..8_u8), 60),
        room in prop::sample::select(&[3 * 800, 3 * 2000, 16 << 20][..]),
    ) {
        let params = Params { baseline_bytes: room, ..Params::default() };
        let rules = |more: &str| set(&format!("{FEW}{more}"));
        let fresh = |more: &str| Engine::new(rules(more), params);
        let (mut whole, mut cut) = (fresh(""), fresh(""));
        let (mut right, mut out, mut latest) = (Vec::new(), Vec::new(), BootTime(0));
        for (event, (told, what)) in play(&steps).iter().zip(cuts) {
            whole.observe(event, &mut right);
            latest = latest.max(event.time);
            match what {
                0 => {
                    let more = "---\ntitle: Other\nlogsource: {category: webserver}\ndetection: {s: {cs-method: GET}, condition: s}\n";
                    cut.replace(rules(more), &mut out);
                }
                // A sensor that ends and begins; its correlations are gone, so they are not compared.
                1 => {
                    let bytes = cut.learned().to_bytes(WallOffset(7));
                    let known = Learned::from_bytes(&bytes, WallOffset(7), WallTime(u64::MAX)).unwrap();
                    cut = fresh("");
                    cut.learn(known);
                }
                _ => {}
            }
            cut.observe(event, &mut out);
            if told {
                cut.advance(latest, &mut out);
            }
        }
        for title in ["Port", "Few", "Any"] {
            prop_assert_eq!(of(title, &out), of(title, &right));
        }
    }
}
