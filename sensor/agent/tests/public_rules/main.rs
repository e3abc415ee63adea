//! Public rules on records of a ring: each rule's condition says what it wants, this is written as the kernel half would, decoded,
//! enriched and evaluated. A rule counts as firing only if that makes it match, and as tested only if a record that differs in one
//! field does not.
//!
//! `GUARDBEE_SIGMA_CORPUS` names a folder of Sigma's rules, `GUARDBEE_FALCO_CORPUS` files of Falco's, separated by `:`. What is
//! printed is a table in Markdown. Without them nothing is tried, and the tests say so.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail")]
mod deed;
mod falco;
mod image;
mod net;
mod record;
mod sensor;
mod sigma;

use guardbee_model::finding::Observation;
use guardbee_rules::{Engine, Params, RuleSet};
use std::sync::Arc;

/// What came of trying a rule.
pub(crate) struct Tried {
    /// The action that made it match.
    pub(crate) action: &'static str,
    /// The field by which the nearest record that it doesn't match differs.
    pub(crate) near: Option<&'static str>,
}

/// Tries the rule at `place` on records. [`Err`]: why none makes it match.
pub(crate) fn tried(set: &Arc<RuleSet>, place: usize) -> Result<Tried, String> {
    let wanted = set.wanted(place);
    let mut why = "no event was found that it wants".to_owned();
    let mut best: Option<Tried> = None;
    for one in &wanted {
        let hit = match sensor::observed(&one.hit) {
            Ok(hit) if matches(set, place, &hit) => hit,
            Ok(_) => {
                "decoded, the event is another one than it wants".clone_into(&mut why);
                continue;
            }
            Err(error) => {
                why = error;
                continue;
            }
        };
        let misses =
            |near: &Observation| sensor::observed(near).is_ok_and(|near| !matches(set, place, &near));
        let near = one.near.iter().find(|(_, near)| misses(near)).map(|(field, _)| *field);
        let found = Tried { action: hit.action.name(), near };
        if found.near.is_some() {
            return Ok(found);
        }
        best = best.or(Some(found));
    }
    best.ok_or(why)
}

fn matches(set: &Arc<RuleSet>, place: usize, observation: &Arc<Observation>) -> bool {
    let digest = set.rules()[place].info.clone();
    let mut engine = Engine::new(Arc::clone(set), Params::default());
    let mut out = Vec::new();
    engine.observe(observation, &mut out);
    out.iter().any(|found| Arc::ptr_eq(&found.rule, &digest))
}
