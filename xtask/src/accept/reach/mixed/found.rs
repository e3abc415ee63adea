//! What was found though nothing was wrong: each finding is the rule's fault, and mended there. What others did on this machine
//! meanwhile, nobody vouches for: that is shown, for the reader to judge.
use super::loads::REAP;
use crate::accept::findings::Finding;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Fewer than one in so many minutes.
const FALSE_IN: u32 = 60;
/// Of a rule so many are shown.
const SHOWN: usize = 4;

pub(super) fn judge(found: &[Finding], minutes: u32) -> (bool, String) {
    let (ours, others): (Vec<_>, Vec<_>) =
        found.iter().partition(|finding| tree(last(finding)).iter().any(|path| name(path) == REAP));
    let rules = show("found", &ours);
    show("of others on this machine", &others);
    let figure = format!(
        "{} false in {minutes} min, of {rules} rules; of others than the load {} findings",
        ours.len(),
        others.len()
    );
    (ours.len() as u64 * u64::from(FALSE_IN) < u64::from(minutes.max(FALSE_IN)), figure)
}

/// Answers of how many rules they are.
fn show(whose: &str, found: &[&Finding]) -> usize {
    let mut by_rule: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in found {
        by_rule.entry(finding.text("/finding_info/title")).or_default().push(finding);
    }
    for (rule, findings) in &by_rule {
        println!("   {whose}, {} times: {rule}", findings.len());
        let cases: BTreeSet<String> = findings.iter().map(|finding| case(finding)).collect();
        cases.iter().take(SHOWN).for_each(|case| println!("      {case}"));
    }
    by_rule.len()
}

/// The step that completed it.
fn last(finding: &Finding) -> &Value {
    finding.event["evidences"].as_array().and_then(|list| list.last()).unwrap_or(&Value::Null)
}

/// Who acted, its parent, and those above it that are told by name alone.
fn tree(last: &Value) -> Vec<&str> {
    let mut tree = Vec::new();
    let mut process = &last["process"];
    while process.is_object() {
        tree.push(process["file"]["path"].as_str().or_else(|| process["name"].as_str()).unwrap_or("?"));
        process = &process["parent_process"];
    }
    let above = last["process"]["ancestry"].as_array().into_iter().flatten();
    // The nearest stand in both.
    tree.extend(
        above.skip(tree.len().saturating_sub(1)).map(|process| process["name"].as_str().unwrap_or("?")),
    );
    tree
}

fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// Who did what to what, beneath whom.
fn case(finding: &Finding) -> String {
    let last = last(finding);
    let line = last["process"]["cmd_line"].as_str().unwrap_or("no command line");
    let file = last["file"]["path"].as_str().unwrap_or("no file");
    format!("{line:.200} | {file} | {}", tree(last).join(" < "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(ancestry: &[&str]) -> Finding {
        let ancestry: Vec<_> = ancestry.iter().map(|name| serde_json::json!({ "name": name })).collect();
        let process = serde_json::json!({
            "name": "sh", "file": {"path": "/bin/sh"}, "ancestry": ancestry, "parent_process": {"name": "cc"}
        });
        let event =
            serde_json::json!({ "finding_info": {"title": "a rule"}, "evidences": [{ "process": process }] });
        Finding { nonce: None, link: None, event }
    }

    #[test]
    fn only_what_the_load_did_is_judged() {
        let ours = found(&["cc", "make", "reap", "xtask"]);
        let others = found(&["cc", "make", "sshd"]);
        assert_eq!(tree(last(&ours)), ["/bin/sh", "cc", "make", "reap", "xtask"]);
        assert!(judge(&[], 60).0);
        assert!(judge(&[others], 60).0);
        let (passed, figure) = judge(&[ours], 60);
        assert!(!passed && figure.starts_with("1 false in 60 min, of 1 rules"), "{figure}");
    }
}
