//! Rules that can't fire on this node, and why: said when the sensor begins, and when other programs work than before.
use crate::hooks;
use guardbee_deliver::record::Statement;
use guardbee_policy::PolicySet;
use guardbee_rules::{Listed, RuleSet};
use guardbee_wire::RPC_PROGRAMS;

/// Rules that a statement names; all are counted.
const NAMED: usize = 32;

/// Adds them to a statement: how many, and the first ones with their reasons.
pub(crate) fn tell(
    rules: &RuleSet,
    policies: &PolicySet,
    states: &[u8; RPC_PROGRAMS],
    statement: &mut Statement,
) {
    let nowhere: Vec<_> = policies.observed_nowhere().collect();
    let why: Vec<_> = rules.rules().iter().filter_map(|rule| why(rule, &nowhere, states)).collect();
    if let Some(first) = why.first() {
        tracing::warn!("{} rules can't fire here: `guardbee rules doctor` says why. {first}.", why.len());
    }
    let count = i64::try_from(why.len()).unwrap_or(i64::MAX);
    statement.attributes.push(("guardbee.rules.unable".into(), count.into()));
    if count > 0 {
        let named: Vec<_> = why.into_iter().take(NAMED).collect();
        statement.attributes.push(("guardbee.rules.unable.names".into(), named.join("; ").into()));
    }
}

/// [`None`]: it can fire, at least in part.
fn why(rule: &Listed, nowhere: &[&str], states: &[u8; RPC_PROGRAMS]) -> Option<String> {
    let left_out = |action: &&&str| nowhere.contains(*action);
    let all = !rule.wants.is_empty() && rule.wants.iter().all(|action| left_out(&action));
    let left_out = rule.requires.iter().find(left_out).or_else(|| rule.wants.first().filter(|_| all));
    let required = || rule.requires.iter().find(|action| !hooks::work(states, action));
    let why = match (&rule.can_fire, left_out) {
        (Err(why), _) => why.clone(),
        (Ok(()), Some(action)) => format!("policies leave `{action}` out everywhere"),
        (Ok(()), None) => {
            required().map(|action| format!("it requires `{action}`, and no hook of it works"))?
        }
    };
    Some(format!("{}: {why}", rule.info.title))
}

#[cfg(test)]
mod tests {
    use super::*;
    use guardbee_model::clock::BootTime;
    use guardbee_wire::{PROGRAM_NAMES, ProgramState};

    fn told(states: [u8; RPC_PROGRAMS], policies: &str) -> String {
        let rules = "title: Partly\nlogsource: {category: file_event}\ndetection: {s: {TargetFilename: /x}, condition: s}\n---\n\
                     title: Wholly\nlogsource: {category: file_event}\ndetection: {s: {TargetFilename: /x}, condition: s}\n\
                     guardbee: {requires: [file_rename, exec]}\n---\n\
                     title: Never\nlogsource: {category: image_load}\ndetection: {s: {x: /x}, condition: s}\n";
        let set = RuleSet::load(&[("rules.yml", rules)]).unwrap();
        let mut statement = Statement::info("guardbee.start", BootTime(1), "");
        let policies = PolicySet::load(&[("policies.yaml", policies)]).unwrap();
        tell(&set, &policies, &states, &mut statement);
        format!("{:?}", statement.attributes)
    }

    #[test]
    fn what_is_required_and_does_not_work_is_told() {
        let mut states = [ProgramState::Works as u8; RPC_PROGRAMS];
        let never = "Never: no event source yet for `image_load`";
        let all = told(states, "");
        assert!(all.contains("Int(1)") && all.contains(never) && !all.contains("Wholly"), "{all}");
        for (name, state) in PROGRAM_NAMES.iter().zip(&mut states) {
            if hooks::makes(name, "file_rename") {
                *state = ProgramState::NotLoaded as u8;
            }
        }
        let some = told(states, "");
        let wholly = "Wholly: it requires `file_rename`, and no hook of it works";
        assert!(some.contains("Int(2)") && some.contains(wholly) && !some.contains("Partly"), "{some}");
    }

    #[test]
    fn what_policies_leave_out_everywhere_is_told() {
        let states = [ProgramState::Works as u8; RPC_PROGRAMS];
        let one = told(states, "name: quiet\nleave_out: [file_rename]\n");
        let wholly = "Wholly: policies leave `file_rename` out everywhere";
        assert!(one.contains("Int(2)") && one.contains(wholly) && !one.contains("Partly"), "{one}");
        let all = told(states, "name: quiet\nleave_out: files\n");
        assert!(all.contains("Int(3)") && all.contains("Partly: policies leave `"), "{all}");
    }
}
