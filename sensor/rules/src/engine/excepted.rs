//! Exceptions of correlations, on events that the sensor could have made, and beside the same without exceptions.
use super::{
    correlations::{correlation, egress, engine, found, shell, shown},
    *,
};
use proptest::prelude::*;

fn many(title: &str, block: &str) -> String {
    let body = [
        "type: event_count",
        "rules: [shell, egress]",
        "group-by: [container.id]",
        "timespan: 1s",
        "condition: {gte: 2}",
    ];
    format!("{}{block}", correlation(title, &body))
}

/// What a connection to the port 2 completes is wanted.
const EXCEPTION: &str =
    "guardbee: {exceptions: [{name: two, reason: r, fields: destination.port, values: 2}]}\n";

#[test]
fn the_event_that_completes_it_decides() {
    let mut engine = engine(&[many("Many", EXCEPTION)]);
    let events = [
        egress(0, "a", "1"),
        egress(1, "a", "2"),
        // What was excepted begins anew, as a finding would.
        egress(2, "a", "2"),
        egress(3, "a", "1"),
        shell(20, "b"),
        shell(21, "b"),
    ];
    assert_eq!(found(&mut engine, &events), ["Many 2,3", "Many 20,21"]);
    let place = engine.set.rules.len();
    assert_eq!(engine.exceptions().collect::<Vec<_>>(), [(place, "two", 1)]);
    let (_, counts) = engine.counts().nth(place).unwrap();
    assert_eq!((counts.hits, counts.excepted), (2, 1));
}

#[test]
fn what_is_excepted_is_no_step() {
    let body = ["type: temporal_ordered", "rules: [many, shell]", "group-by: [container.id]", "timespan: 5s"];
    let rules = [many("Many", EXCEPTION), correlation("Then", &body)];
    let events = [egress(0, "a", "1"), egress(1, "a", "2"), shell(15, "a")];
    assert_eq!(found(&mut engine(&rules), &events), [""; 0]);
    let events = [egress(40, "a", "2"), egress(41, "a", "1"), shell(55, "a")];
    assert_eq!(found(&mut engine(&rules), &events), ["Then 40,41,55"]);
}

/// One that is judged when its time is over, too.
#[test]
fn what_closes_is_excepted_likewise() {
    let closing = many("Many", EXCEPTION).replace("{gte: 2}", "{eq: 2}");
    let events = [egress(0, "a", "1"), egress(1, "a", "2"), egress(0, "b", "2"), egress(1, "b", "1")];
    assert_eq!(found(&mut engine(&[closing]), &events), ["Many 0,1"]);
}

#[test]
fn a_placeholder_of_an_exception_tells_it_from_others() {
    let text = |port: &str| {
        let block =
            EXCEPTION.replace("destination.port, values: 2", "'destination.port|expand', values: '%port%'");
        format!("{}---\nguardbee: {{placeholders: {{port: [{port}]}}}}\n", many("Many", &block))
    };
    let set = |port: &str| super::correlations::rules_with(&[text(port)]);
    assert!(Changes::between(&set("2"), &set("2")).is_empty());
    assert_eq!(Changes::between(&set("2"), &set("3")).changed.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    /// The same as without it, but for what an event to that port completed.
    #[test]
    fn exceptions_only_leave_out(
        steps in prop::collection::vec((0..8_u64, any::<bool>(), 0..2_usize, 0..3_usize), 1..60),
    ) {
        let mut now = 0;
        let events: Vec<_> = steps.into_iter().map(|(gap, exec, container, port)| {
            now += gap;
            let container = ["a", "b"][container];
            if exec { shell(now, container) } else { egress(now, container, ["1", "2", "3"][port]) }
        }).collect();
        let run = |block: &str| {
            let (mut engine, mut out) = (engine(&[many("Many", block)]), Vec::new());
            for event in &events {
                engine.observe(event, &mut out);
            }
            engine.advance(BootTime(u64::MAX), &mut out);
            out
        };
        let mut right = run("");
        let wanted = |one: &Match| one.evidence.last().is_some_and(|last| match &last.action {
            guardbee_model::finding::Action::Connect(connect) => connect.socket.remote.port() == Some(2),
            _ => false,
        });
        right.retain(|one| !wanted(one));
        prop_assert_eq!(shown(&run(EXCEPTION)), shown(&right));
    }
}
