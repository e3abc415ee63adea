//! The rules that are shipped, rules with each modifier, and events beside them.
use super::Seeds;
use std::{error::Error, fs, path::Path};

/// Behind each rule.
const EVENTS: &str = r#"[
 {"action": "exec", "event": {"Image": "/bin/sh", "CommandLine": "sh -c 'id; cat /etc/shadow'", "ParentImage": "/usr/sbin/nginx"}},
 {"action": "request", "event": {"cs-method": "GET", "cs-uri-stem": "/a", "cs-uri-query": "x=%3Bid"}},
 {"action": "connect", "event": {"DestinationIp": "192.0.2.1", "DestinationPort": 443}}
]"#;

const LINES: &[&str] = &[
    "CommandLine|contains|all: ['cat', ' -c ']",
    "CommandLine|contains: [aaa, bbb, ccc, 'sh*id']",
    "Image|endswith: [/sh, /bash]",
    "CommandLine|re: 'id;\\s+cat'",
    "CommandLine|re|i: 'ID'",
    "CommandLine|wide|base64offset|contains: http",
    "CommandLine|windash|contains: ' -c '",
    "ParentImage|cased: /usr/sbin/nginx",
    "ParentImage|neq: /usr/sbin/nginx",
    "Image|exists: true",
    "Image: null",
    "ProcessId|gt: 5",
    "client.address|cidr: 10.0.0.0/8",
    "CommandLine|fieldref|contains: Image",
    "process.command_args: [id, sh]",
];

pub(crate) fn seeds() -> Result<Seeds, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut seeds = Seeds::new();
    for (nth, line) in LINES.iter().enumerate() {
        let rule = format!(
            "title: T\nlogsource: {{product: linux, category: process_creation}}\ndetection:\n  s:\n    {line}\n  \
             k: [id, 'x*y']\n  condition: s or not k\n\0{EVENTS}"
        );
        seeds.push((format!("line-{nth:02}"), rule.into_bytes()));
    }
    for folder in fs::read_dir(root.join("rules"))? {
        let folder = folder?.path();
        if folder.is_dir() {
            for file in fs::read_dir(folder)? {
                let path = file?.path();
                let name = path.file_stem().unwrap_or_default().to_string_lossy().replace('_', "-");
                seeds.push((name, fs::read(path)?));
            }
        }
    }
    Ok(seeds)
}
