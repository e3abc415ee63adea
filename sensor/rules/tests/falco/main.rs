//! Falco's rules, imported: what they match, what can't be said, and what is wrong with them.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
mod deeds;
mod execs;
mod files;
mod network;
mod public;
mod refused;

use guardbee_rules::{
    RuleSet,
    falco::{self, Exclusions, Import, Imported, Obstacle, Outcome},
};
use std::sync::Arc;

fn import(text: &str) -> Import {
    falco::import(&[("rules.yaml", text)], Exclusions::Needed)
        .unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// A rule with this condition.
fn rule(condition: &str) -> Imported {
    let quoted = condition.replace('\'', "''");
    let text = format!("- rule: R\n  desc: d\n  output: o\n  priority: INFO\n  condition: '{quoted}'\n");
    import(&text).rules.pop().unwrap()
}

/// Whether the imported rule matches `event`, of which the YAML is given.
fn matches(yaml: &str, action: &str, event: &str) -> bool {
    let document = yaml.split("---\n").find(|one| match action {
        "exec" => one.contains("process_creation"),
        _ => one.contains(&format!("service: {action}")),
    });
    let document = document.unwrap_or_else(|| panic!("nothing about {action} in\n{yaml}"));
    let test = format!("{document}guardbee: {{tests: [{{name: t, expect: match, event: {{{event}}}}}]}}\n");
    let set =
        Arc::new(RuleSet::load(&[("r", &test)]).unwrap_or_else(|problems| panic!("{problems:#?}\n{test}")));
    set.run_tests().iter().all(|result| result.failure().is_none())
}

fn yaml(rule: &Imported) -> &str {
    match &rule.outcome {
        Outcome::Written { yaml, .. } => yaml,
        other => panic!("{} is not imported: {other:#?}", rule.name),
    }
}

fn obstacles(rule: &Imported) -> &[Obstacle] {
    match &rule.outcome {
        Outcome::Refused(obstacles) => obstacles,
        other => panic!("{} is imported: {other:#?}", rule.name),
    }
}

const SH: &str = "Image: /bin/sh, comm: sh, CommandLine: sh -c id";
