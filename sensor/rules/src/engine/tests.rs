//! The engine on events that the sensor could have made.
use super::*;
use crate::{field::Field, rule::ExampleEvent, sample};

const RULES: &str = "
title: Head
name: head
logsource: {category: webserver}
detection: {selection: {url.path|startswith: /run}, condition: selection}
---
title: Shell
name: shell
logsource: {product: linux, category: process_creation}
detection: {selection: {Image|endswith: /sh}, condition: selection}
---
title: Egress
name: egress
logsource: {product: linux, category: network_connection}
detection: {selection: {Initiated: true}, condition: selection}
---
title: Three Steps
correlation:
    type: temporal_ordered
    rules: [head, shell, egress]
    group-by: [guardbee.request]
    timespan: 10s
---
title: Twice
correlation:
    type: temporal_ordered
    rules: [shell, shell]
    aliases: {request: {shell: guardbee.request}}
    group-by: [request]
    timespan: 10s
---
title: Root
logsource: {product: linux, category: process_creation}
detection: {selection: {User: root}, condition: selection}
";

fn engine(params: Params) -> Engine {
    Engine::new(Arc::new(RuleSet::load(&[("rules.yml", RULES)]).unwrap()), params)
}

fn event(action: Kinds, seconds: u64, values: &[(Field, &str)]) -> Arc<Observation> {
    let values = values.iter().map(|(field, value)| (*field, vec![(*value).into()])).collect();
    let offset_ns = seconds * 1_000_000_000;
    Arc::new(sample::observation(&ExampleEvent { offset_ns, action, values }, seconds))
}

fn head(seconds: u64, request: &str) -> Arc<Observation> {
    event(Kinds::REQUEST, seconds, &[(Field::Request, request), (Field::Path, "/run")])
}

fn shell(seconds: u64, request: &str) -> Arc<Observation> {
    event(Kinds::EXEC, seconds, &[(Field::Request, request), (Field::Executable, "/bin/sh")])
}

fn egress(seconds: u64, request: &str) -> Arc<Observation> {
    event(Kinds::CONNECT, seconds, &[(Field::Request, request), (Field::DestinationPort, "4444")])
}

/// Titles of what was found, each with the seconds of its evidence.
fn found(engine: &mut Engine, events: &[Arc<Observation>]) -> Vec<String> {
    let mut out = Vec::new();
    for event in events {
        engine.observe(event, &mut out);
    }
    out.iter()
        .map(|found| {
            let evidence: Vec<_> = found.evidence.iter().map(|one| one.sequence.to_string()).collect();
            format!("{} {}", found.rule.title, evidence.join(","))
        })
        .collect()
}

#[test]
fn steps_in_order_make_one_finding_and_base_rules_none() {
    let mut engine = engine(Params::default());
    let events = [head(0, "a"), shell(1, "a"), egress(2, "a"), egress(3, "a")];
    assert_eq!(found(&mut engine, &events), ["Three Steps 0,1,2"]);
}

#[test]
fn other_orders_requests_and_times_make_none() {
    for events in [
        vec![shell(0, "a"), head(1, "a"), egress(2, "a")],
        vec![head(0, "a"), shell(1, "b"), egress(2, "a")],
        vec![head(0, "a"), shell(5, "a"), egress(11, "a")],
        vec![head(0, "a"), egress(2, "a")],
        vec![head(5, "a"), shell(4, "a"), egress(6, "a")],
    ] {
        assert_eq!(found(&mut engine(Params::default()), &events), [""; 0], "{events:?}");
    }
}

#[test]
fn a_later_first_step_gives_more_time() {
    let events = [head(0, "a"), head(8, "a"), shell(12, "a"), egress(17, "a")];
    assert_eq!(found(&mut engine(Params::default()), &events), ["Three Steps 8,12,17"]);
}

#[test]
fn one_event_stands_for_one_step() {
    let mut engine = engine(Params::default());
    assert_eq!(found(&mut engine, &[shell(0, "a")]), [""; 0]);
    assert_eq!(found(&mut engine, &[shell(1, "a")]), ["Twice 0,1"]);
}

#[test]
fn only_accepted_links_count() {
    let weak = |kind| {
        event(Kinds::EXEC, 1, &[(Field::Request, "a"), (Field::Link, kind), (Field::Executable, "/bin/sh")])
    };
    for kind in ["sole", "ambiguous", "unproven"] {
        let events = [head(0, "a"), weak(kind), egress(2, "a")];
        assert_eq!(found(&mut engine(Params::default()), &events), [""; 0], "{kind}");
    }
    for kind in ["exact", "inherited", "lineage"] {
        let events = [head(0, "a"), weak(kind), egress(2, "a")];
        assert_eq!(found(&mut engine(Params::default()), &events), ["Three Steps 0,1,2"], "{kind}");
    }
}

#[test]
fn a_flood_of_requests_evicts_the_oldest_and_is_counted() {
    // Two correlations share: room for four heads each.
    let mut engine = engine(Params { correlation_bytes: 2 * 4 * 2100, ..Params::default() });
    let heads: Vec<_> = (0..10).map(|number| head(number, &format!("r{number}"))).collect();
    found(&mut engine, &heads);
    assert_eq!(engine.partials(), 4);
    let losses = engine.losses(BootTime(1));
    assert_eq!(
        losses.iter().map(|loss| (loss.cause, loss.count)).collect::<Vec<_>>(),
        [("correlation_full", 6)]
    );
    assert_eq!(found(&mut engine, &[shell(10, "r0"), egress(11, "r0")]), [""; 0]);
    assert_eq!(found(&mut engine, &[shell(10, "r9"), egress(11, "r9")]), ["Three Steps 9,10,11"]);
}

#[test]
fn what_ran_out_of_time_is_forgotten_and_is_no_loss() {
    let mut engine = engine(Params::default());
    let first = head(0, "a");
    let start = first.time;
    found(&mut engine, &[first]);
    engine.advance(BootTime(start.0 + 10_000_000_000), &mut Vec::new());
    assert_eq!(engine.partials(), 1);
    found(&mut engine, &[head(12, "b")]);
    assert_eq!(engine.partials(), 1);
    engine.advance(BootTime(start.0 + 30_000_000_000), &mut Vec::new());
    assert_eq!(engine.partials(), 0);
    assert!(engine.losses(BootTime(1)).is_empty());
}

#[test]
fn a_rule_that_matches_everything_is_capped_and_counted() {
    let mut engine = engine(Params { findings_per_second: 3, ..Params::default() });
    let root = |seconds| event(Kinds::EXEC, seconds, &[(Field::User, "root")]);
    let events: Vec<_> = (0..10).map(|_| root(0)).chain([root(1)]).collect();
    assert_eq!(found(&mut engine, &events).len(), 4);
    let counts = engine.counts().find(|(rule, _)| &*rule.title == "Root").map(|(_, counts)| counts);
    assert_eq!(counts, Some(Counts { evaluations: 11, hits: 11, capped: 7, ..Counts::default() }));
    assert_eq!(
        engine.losses(BootTime(1)).first().map(|loss| (loss.cause, loss.count)),
        Some(("rule_capped", 7))
    );
}

#[test]
fn the_same_input_gives_the_same_output() {
    let events = [head(0, "a"), shell(1, "a"), head(1, "b"), egress(2, "a"), shell(3, "b"), egress(4, "b")];
    let first = found(&mut engine(Params::default()), &events);
    assert_eq!(first.len(), 2);
    assert_eq!(first, found(&mut engine(Params::default()), &events));
}
