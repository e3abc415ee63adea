//! Compiled rules on events: the index, the naive evaluation of every rule, and the explanation all say the same.
//!
//! An input is rules as YAML and, behind a zero byte, events as `guardbee rules explain` reads them. Events that the rules
//! want, and those nearest to them, are worked out from the rules.
#![no_main]

use guardbee_model::finding::Observation;
use guardbee_rules::{Engine, Params, RuleSet};
use libfuzzer_sys::{Corpus, fuzz_target};
use std::sync::Arc;

/// Of one input.
const EVENTS: usize = 64;
const RULES: usize = 16;

fuzz_target!(|data: &[u8]| -> Corpus {
    let Ok(text) = std::str::from_utf8(data) else { return Corpus::Reject };
    let (rules, written) = text.split_once('\0').unwrap_or((text, ""));
    let Ok(set) = RuleSet::load_outlined(&[("fuzz.yml", rules)]) else { return Corpus::Reject };
    let set = Arc::new(set);
    let places = 0..set.rules().len().min(RULES);
    let mut events: Vec<Arc<Observation>> = Vec::new();
    for place in places.clone() {
        events.extend(set.read_events(place, "events", written).unwrap_or_default());
        for wanted in set.wanted(place) {
            assert!(set.explain(place, std::slice::from_ref(&wanted.hit)).iter().all(|tree| tree.holds));
            events.push(wanted.hit);
            events.extend(wanted.near.into_iter().map(|(_, event)| event));
        }
    }
    events.truncate(EVENTS);
    // What is remembered of a value must be right for it the second time, too.
    let twice = [events.as_slice(), events.as_slice()].concat();
    assert_eq!(found(&set, &twice, true), found(&set, &twice, false), "the index changes what is found");
    Corpus::Keep
});

/// Which rules matched, on the events in their order.
fn found(set: &Arc<RuleSet>, events: &[Arc<Observation>], index: bool) -> Vec<(String, usize)> {
    let params = Params { index, findings_per_second: u32::MAX, ..Params::default() };
    let mut engine = Engine::new(Arc::clone(set), params);
    let mut found = Vec::new();
    events.iter().for_each(|event| engine.observe(event, &mut found));
    found.iter().map(|one| (one.rule.title.to_string(), one.evidence.len())).collect()
}
