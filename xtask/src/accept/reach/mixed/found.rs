//! What was found though nothing was wrong: each finding is the rule's fault, and mended there.
use crate::accept::findings::Finding;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Fewer than one in so many minutes.
const FALSE_IN: u32 = 60;
/// Of a rule so many are shown.
const SHOWN: usize = 4;

pub(super) fn judge(found: &[Finding], minutes: u32) -> (bool, String) {
    let mut by_rule: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in found {
        by_rule.entry(finding.text("/finding_info/title")).or_default().push(finding);
    }
    for (rule, findings) in &by_rule {
        println!("   found {} times: {rule}", findings.len());
        let cases: BTreeSet<String> = findings.iter().map(|finding| case(finding)).collect();
        cases.iter().take(SHOWN).for_each(|case| println!("      {case}"));
    }
    let rules = by_rule.len();
    let figure = format!("{} false in {minutes} min, of {rules} rules", found.len());
    (found.len() as u64 * u64::from(FALSE_IN) < u64::from(minutes.max(FALSE_IN)), figure)
}

/// Who did what to what, beneath whom.
fn case(finding: &Finding) -> String {
    let last = finding.event["evidences"].as_array().and_then(|list| list.last()).unwrap_or(&Value::Null);
    let mut tree = Vec::new();
    let mut process = &last["process"];
    while process.is_object() {
        tree.push(process["file"]["path"].as_str().or_else(|| process["name"].as_str()).unwrap_or("?"));
        process = &process["parent_process"];
    }
    let line = last["process"]["cmd_line"].as_str().unwrap_or("no command line");
    format!("{line:.200} | {} | {}", last["file"]["path"].as_str().unwrap_or("no file"), tree.join(" < "))
}
