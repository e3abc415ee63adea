//! ATT&CK tactics and techniques of a rule, from Sigma's tags.
use guardbee_model::finding::RuleInfo;
use serde_json::{Value, json};

/// The enterprise matrix: Sigma's tag, id, name.
const TACTICS: [(&str, &str, &str); 14] = [
    ("reconnaissance", "TA0043", "Reconnaissance"),
    ("resource-development", "TA0042", "Resource Development"),
    ("initial-access", "TA0001", "Initial Access"),
    ("execution", "TA0002", "Execution"),
    ("persistence", "TA0003", "Persistence"),
    ("privilege-escalation", "TA0004", "Privilege Escalation"),
    ("defense-evasion", "TA0005", "Defense Evasion"),
    ("credential-access", "TA0006", "Credential Access"),
    ("discovery", "TA0007", "Discovery"),
    ("lateral-movement", "TA0008", "Lateral Movement"),
    ("collection", "TA0009", "Collection"),
    ("command-and-control", "TA0011", "Command and Control"),
    ("exfiltration", "TA0010", "Exfiltration"),
    ("impact", "TA0040", "Impact"),
];

/// An entry for each technique and one for each tactic: tags don't say which technique serves which tactic.
pub(super) fn list(rule: &RuleInfo) -> Vec<Value> {
    let tactics = rule.tags.iter().filter_map(|tag| {
        let tag = tag.strip_prefix("attack.")?.replace('_', "-");
        let (_, uid, name) = TACTICS.iter().find(|(name, ..)| *name == tag)?;
        Some(json!({ "tactic": { "uid": uid, "name": name } }))
    });
    let techniques = rule.techniques().map(|id| match id.split_once('.') {
        Some((technique, _)) => json!({ "technique": { "uid": technique }, "sub_technique": { "uid": id } }),
        None => json!({ "technique": { "uid": id } }),
    });
    tactics.chain(techniques).collect()
}
