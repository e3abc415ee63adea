//! Correlations of every type on events that the sensor could have made.
use super::{
    ends::{ended, leave, measured},
    *,
};
use crate::{field::Field, rule::ExampleEvent, sample};
use proptest::prelude::*;

const RULES: &str = "
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
title: Leaves
name: leaves
logsource: {category: process_termination}
detection: {selection: {process.pid|gte: 0}, condition: selection}
---
title: Answer
name: answer
logsource: {category: webserver}
detection: {selection: {sc-status|gte: 100}, condition: selection}
";

/// A correlation of its own; `body` has its lines.
pub(super) fn correlation(title: &str, body: &[&str]) -> String {
    format!(
        "---\ntitle: {title}\nname: {}\ncorrelation:\n    {}\n",
        title.to_lowercase(),
        body.join("\n    ")
    )
}

pub(super) fn rules_with(correlations: &[String]) -> Arc<RuleSet> {
    let rules = format!("{RULES}{}", correlations.concat());
    Arc::new(RuleSet::load(&[("rules.yml", rules)]).unwrap_or_else(|problems| panic!("{problems:#?}")))
}

fn engine_with(correlations: &[String], params: Params) -> Engine {
    Engine::new(rules_with(correlations), params)
}

pub(super) fn engine(correlations: &[String]) -> Engine {
    engine_with(correlations, Params::default())
}

pub(super) fn event(action: Kinds, tenths: u64, values: &[(Field, &str)]) -> Arc<Observation> {
    let values = values.iter().map(|(field, value)| (*field, vec![(*value).into()])).collect();
    let offset_ns = tenths * 100_000_000;
    Arc::new(sample::observation(&ExampleEvent { offset_ns, action, values }, tenths))
}

pub(super) fn shell(tenths: u64, container: &str) -> Arc<Observation> {
    event(Kinds::EXEC, tenths, &[(Field::Executable, "/bin/sh"), (Field::ContainerId, container)])
}

pub(super) fn egress(tenths: u64, container: &str, port: &str) -> Arc<Observation> {
    event(Kinds::CONNECT, tenths, &[(Field::ContainerId, container), (Field::DestinationPort, port)])
}

fn answer(tenths: u64, client: &str, size: &str) -> Arc<Observation> {
    let values = [(Field::ClientAddress, client), (Field::Status, "200"), (Field::ResponseSize, size)];
    event(Kinds::EXCHANGE, tenths, &values)
}

/// Titles of what was found, each with the tenths of its evidence, once all time is over.
pub(super) fn found(engine: &mut Engine, events: &[Arc<Observation>]) -> Vec<String> {
    let mut out = Vec::new();
    for event in events {
        engine.observe(event, &mut out);
    }
    engine.advance(BootTime(u64::MAX), &mut out);
    shown(&out)
}

pub(super) fn shown(found: &[Match]) -> Vec<String> {
    let one = |found: &Match| {
        let evidence: Vec<_> = found.evidence.iter().map(|one| one.sequence.to_string()).collect();
        format!("{} {}", found.rule.title, evidence.join(","))
    };
    found.iter().map(one).collect()
}

fn both() -> String {
    correlation(
        "Both",
        &["type: temporal", "rules: [shell, egress]", "group-by: [container.id]", "timespan: 1s"],
    )
}

#[test]
fn any_order_within_the_time_of_one_group() {
    for (events, right) in [
        (vec![shell(0, "a"), egress(10, "a", "1")], vec!["Both 0,10"]),
        (vec![egress(0, "a", "1"), shell(10, "a")], vec!["Both 0,10"]),
        (vec![egress(0, "a", "1"), shell(11, "a")], vec![]),
        (vec![egress(0, "a", "1"), shell(1, "b")], vec![]),
        (vec![shell(0, "a"), shell(5, "a"), egress(15, "a", "1"), egress(16, "a", "1")], vec!["Both 5,15"]),
    ] {
        assert_eq!(found(&mut engine(&[both()]), &events), right, "{events:#?}");
    }
}

#[test]
fn what_lacks_the_field_belongs_to_no_group() {
    let host = [
        event(Kinds::EXEC, 0, &[(Field::Executable, "/bin/sh")]),
        event(Kinds::CONNECT, 1, &[(Field::DestinationPort, "1")]),
    ];
    assert_eq!(found(&mut engine(&[both()]), &host), [""; 0]);
}

#[test]
fn an_alias_is_another_field_in_each_rule() {
    let alias = correlation(
        "Aliased",
        &[
            "type: temporal_ordered",
            "rules: [answer, egress]",
            "aliases: {peer: {answer: client.address, egress: destination.address}}",
            "group-by: [peer]",
            "timespan: 5s",
        ],
    );
    let to = |tenths, address| {
        event(
            Kinds::CONNECT,
            tenths,
            &[(Field::DestinationAddress, address), (Field::DestinationPort, "4444")],
        )
    };
    let events = [answer(0, "192.0.2.7", "1"), to(1, "192.0.2.8"), to(2, "192.0.2.7")];
    assert_eq!(found(&mut engine(&[alias]), &events), ["Aliased 0,2"]);
}

#[test]
fn a_least_count_is_reached_within_a_time_that_slides() {
    let many = correlation(
        "Many",
        &[
            "type: event_count",
            "rules: [shell]",
            "group-by: [container.id]",
            "timespan: 1s",
            "condition: {gte: 3}",
        ],
    );
    let events: Vec<_> = [0, 8, 11, 12, 13, 14, 15, 16].map(|at| shell(at, "a")).into();
    // 0 is too old when 11 comes; each event counts once.
    assert_eq!(found(&mut engine(&[many]), &events), ["Many 8,11,12", "Many 13,14,15"]);
}

#[test]
fn a_most_or_exact_count_is_judged_when_the_time_is_over() {
    let few = correlation(
        "Few",
        &[
            "type: event_count",
            "rules: [shell]",
            "group-by: [container.id]",
            "timespan: 1s",
            "condition: {gt: 1, lte: 3}",
        ],
    );
    let at = |times: &[u64]| times.iter().map(|at| shell(*at, "a")).collect::<Vec<_>>();
    for (times, right) in [
        (&[0][..], vec![]),
        (&[0, 5], vec!["Few 0,5"]),
        (&[0, 1, 2, 3], vec![]),
        (&[0, 5, 11, 12], vec!["Few 0,5", "Few 11,12"]),
    ] {
        assert_eq!(found(&mut engine(std::slice::from_ref(&few)), &at(times)), right, "{times:?}");
    }
    let mut engine = engine(&[few]);
    let mut out = Vec::new();
    for event in at(&[0, 5]) {
        engine.observe(&event, &mut out);
    }
    let end = shell(10, "a").time.0 + correlate::LATENESS;
    engine.advance(BootTime(end), &mut out);
    assert_eq!(shown(&out), [""; 0]);
    engine.advance(BootTime(end + 1), &mut out);
    assert_eq!(shown(&out), ["Few 0,5"]);
    assert_eq!(engine.partials(), 0);
}

#[test]
fn different_values_are_counted_not_events() {
    let scan = correlation(
        "Scan",
        &[
            "type: value_count",
            "rules: [egress]",
            "group-by: [container.id]",
            "timespan: 1s",
            "condition: {field: destination.port, gte: 3}",
        ],
    );
    let events =
        |ports: &[&str]| (0..).zip(ports).map(|(at, port)| egress(at, "a", port)).collect::<Vec<_>>();
    assert_eq!(found(&mut engine(std::slice::from_ref(&scan)), &events(&["1", "2", "1", "2", "1"])), [""; 0]);
    assert_eq!(
        found(&mut engine(std::slice::from_ref(&scan)), &events(&["1", "2", "1", "3"])),
        ["Scan 0,1,2,3"]
    );
    // Port 1 was seen last at 1, too long before.
    let slow = [egress(1, "a", "1"), egress(6, "a", "2"), egress(12, "a", "3")];
    assert_eq!(found(&mut engine(&[scan]), &slow), [""; 0]);
}

#[test]
fn sums_averages_and_percentiles() {
    let measure = |kind: &str, condition: &str| {
        correlation(
            "Measured",
            &[
                &format!("type: {kind}"),
                "rules: [answer]",
                "group-by: [client.address]",
                "timespan: 1s",
                &format!("condition: {{field: http.response.body.size, {condition}}}"),
            ],
        )
    };
    let sizes = ["10", "20", "30", "1000"];
    let events: Vec<_> = (0..).zip(sizes).map(|(at, size)| answer(at, "192.0.2.1", size)).collect();
    for (kind, condition, right) in [
        ("value_sum", "gte: 60", vec!["Measured 0,1,2", "Measured 3"]),
        ("value_sum", "gt: 1060", vec![]),
        ("value_sum", "eq: 1060", vec!["Measured 0,1,2,3"]),
        ("value_avg", "gte: 265", vec!["Measured 0,1,2,3"]),
        ("value_avg", "gt: 265", vec![]),
        ("value_avg", "gt: 264, lt: 266", vec!["Measured 0,1,2,3"]),
        ("value_median", "eq: 20", vec!["Measured 0,1,2,3"]),
        ("value_percentile", "percentile: 75, eq: 30", vec!["Measured 0,1,2,3"]),
        ("value_percentile", "percentile: 76, eq: 1000", vec!["Measured 0,1,2,3"]),
        ("value_percentile", "percentile: 100, lt: 1000", vec![]),
    ] {
        assert_eq!(found(&mut engine(&[measure(kind, condition)]), &events), right, "{kind} {condition}");
    }
}

#[test]
fn a_correlation_may_be_a_step_of_another() {
    let burst = correlation(
        "Burst",
        &[
            "type: event_count",
            "rules: [shell]",
            "group-by: [container.id]",
            "timespan: 1s",
            "condition: {gte: 2}",
        ],
    );
    let then = correlation(
        "Then",
        &["type: temporal_ordered", "rules: [burst, egress]", "group-by: [container.id]", "timespan: 5s"],
    );
    let events = [shell(0, "a"), egress(1, "a", "1"), shell(2, "a"), egress(3, "a", "1")];
    // The burst is a step, and does not report.
    assert_eq!(found(&mut engine(&[burst.clone(), then.clone()]), &events), ["Then 0,2,3"]);
    assert_eq!(found(&mut engine(&[then, burst]), &events), ["Then 0,2,3"]);
}

/// A step that is judged at its end tells of events that are older than the time of the correlation it is a step of.
#[test]
fn what_a_step_saw_before_is_evidence() {
    let group = "group-by: [container.id]";
    let two = ["type: event_count", "rules: [shell]", group, "timespan: 5s", "condition: {eq: 2}"];
    let any = ["type: event_count", "rules: [two]", group, "timespan: 1s", "condition: {gte: 1}"];
    let all = [correlation("Two", &two), correlation("Any", &any)];
    assert_eq!(found(&mut engine(&all), &[shell(0, "a"), shell(1, "a")]), ["Any 0,1"]);
}

#[test]
fn a_circle_of_correlations_is_refused() {
    let one = |title: &str, of: &str| {
        let rules = format!("rules: [shell, {of}]");
        correlation(title, &["type: temporal", &rules, "group-by: [container.id]", "timespan: 1s"])
    };
    let rules = format!("{RULES}{}{}{}", one("A", "b"), one("B", "a"), one("C", "a"));
    let problems = RuleSet::load(&[("rules.yml", rules)]).unwrap_err();
    assert!(problems.iter().all(|problem| problem.message.contains("a step of itself")), "{problems:#?}");
    assert_eq!(problems.len(), 3);
}

#[test]
fn a_flood_of_groups_stays_within_its_bytes_and_is_counted() {
    let params = Params { correlation_bytes: 64 << 10, ..Params::default() };
    let mut engine = engine_with(&[both()], params);
    let mut out = Vec::new();
    for number in 0..1000_u32 {
        engine.observe(&shell(0, &format!("c{number}")), &mut out);
    }
    let live = engine.partials();
    assert!((20..=64).contains(&live), "{live}");
    let losses = engine.losses(BootTime(1));
    let lost: Vec<_> = losses.iter().map(|loss| (loss.cause, loss.count)).collect();
    assert_eq!(lost, [("correlation_full", 1000 - u64::try_from(live).unwrap())]);
    // The last ones are still there.
    assert_eq!(found(&mut engine, &[egress(1, "c999", "1")]), ["Both 0,1"]);
}

fn all_types() -> Vec<String> {
    let group = "group-by: [container.id]";
    vec![
        both(),
        correlation(
            "Order",
            &["type: temporal_ordered", "rules: [shell, egress]", group, "timespan: 2s", "generate: true"],
        ),
        correlation(
            "Least",
            &["type: event_count", "rules: [shell, egress]", group, "timespan: 2s", "condition: {gte: 4}"],
        ),
        correlation(
            "Exact",
            &["type: event_count", "rules: [shell]", group, "timespan: 2s", "condition: {eq: 2}"],
        ),
        correlation(
            "Ports",
            &[
                "type: value_count",
                "rules: [egress]",
                group,
                "timespan: 3s",
                "condition: {field: destination.port, lt: 3}",
            ],
        ),
        correlation(
            "Sum",
            &[
                "type: value_sum",
                "rules: [egress]",
                group,
                "timespan: 1s",
                "condition: {field: destination.port, gte: 5}",
            ],
        ),
        correlation(
            "Chain",
            &[
                "type: temporal_ordered",
                "rules: [exact, ports, both]",
                group,
                "timespan: 9s",
                "generate: true",
            ],
        ),
        ended("Ended", "temporal_ordered", ""),
        ended("Either", "temporal", ", grace: 500ms"),
        measured("Some", "event_count", "gte: 3", ", grace: 300ms"),
        measured("Two", "event_count", "eq: 2", ", grace: 300ms"),
        measured("Different", "value_count", "field: destination.port, gte: 2", ""),
        measured("Mean", "value_avg", "field: destination.port, gte: 2", ""),
        format!(
            "{}guardbee: {{join: [process.tree, {{key: container.id, within: 1s}}], until: [leaves]}}\n",
            correlation(
                "Joined",
                &["type: temporal", "rules: [shell, egress]", "timespan: 2s", "generate: true"]
            )
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    /// However many events come at once, however often time is told, and in whatever room.
    #[test]
    fn batches_change_nothing(
        steps in prop::collection::vec((0..12_u64, 0..9_u64, 0..5_u8, 0..3_usize, 0..4_usize), 1..60),
        cuts in prop::collection::vec(any::<bool>(), 60),
        room in prop::sample::select(&[6 << 10, 64 << 10, 32 << 20][..]),
    ) {
        let mut now = 10;
        let events: Vec<_> = steps.iter().map(|&(gap, late, what, container, port)| {
            now += gap;
            let container = ["a", "b", "c"][container];
            // Late by less than what is waited for.
            let at = now - late;
            match what {
                0 | 1 => shell(at, container),
                2 | 3 => egress(at, container, ["1", "2", "3", "4"][port]),
                _ => leave(at, container),
            }
        }).collect();
        let params = Params { correlation_bytes: room, ..Params::default() };
        let (mut whole, mut cut) = (engine_with(&all_types(), params), engine_with(&all_types(), params));
        let right = found(&mut whole, &events);
        let (mut out, mut latest) = (Vec::new(), BootTime(0));
        for (event, told) in events.iter().zip(cuts) {
            cut.observe(event, &mut out);
            latest = latest.max(event.time);
            if told {
                cut.advance(latest, &mut out);
                cut.partials();
            }
        }
        cut.advance(BootTime(u64::MAX), &mut out);
        prop_assert_eq!(shown(&out), right);
        prop_assert_eq!(cut.losses(latest), whole.losses(latest));
        prop_assert_eq!((cut.partials(), whole.partials()), (0, 0));
    }
}
