//! Policies, in `guardbee doctor`: which are configured, whether they can apply, for how many cgroups of this node.
use crate::{
    rules::show,
    terminal::{self, Tone},
};
use guardbee_agent::{config::Config, policies};
use guardbee_policy::PolicySet;
use std::collections::BTreeMap;

/// True: none is configured, or they load and all of them can apply.
pub(super) fn policies(config: &Config) -> bool {
    if config.policies.is_empty() {
        return true;
    }
    outln!("\npolicies, and how many cgroups with processes go by each:");
    match policies::load(&config.policies) {
        Ok(Ok(set)) => told(&set),
        Ok(Err(problems)) => {
            problems.iter().for_each(show);
            false
        }
        Err(error) => {
            outln!("  {}", terminal::paint(&format!("{error:#}"), Tone::Bad));
            false
        }
    }
}

fn told(set: &PolicySet) -> bool {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let spots = policies::on_this_node().unwrap_or_default();
    for spot in &spots {
        *counts.entry(&*set.policy(set.decide(&spot.place())).name).or_default() += 1;
    }
    let mut healthy = true;
    let all = set.policies().iter().chain([set.default_policy()]);
    let rows: Vec<_> = all
        .map(|policy| {
            let (what, tone) = match policy.can_apply() {
                Ok(()) => (policy.terms.describe(), Tone::Plain),
                Err(why) => (format!("can't apply on this node: {why}"), Tone::Warn),
            };
            healthy &= tone == Tone::Plain;
            let count = counts.get(&*policy.name).copied().unwrap_or_default();
            let name = (format!("  {}", policy.name), Tone::Plain);
            vec![name, (format!("{count} cgroups"), Tone::Good), (what, tone)]
        })
        .collect();
    out!("{}", terminal::table(&rows));
    healthy
}
