//! The rules that are shipped, every wrong rule of the tests, and what Sigma has beside.
use super::Seeds;
use std::{error::Error, fs, path::Path};

/// What neither has.
const MORE: [(&str, &str); 9] = [
    ("more-empty", ""),
    ("more-marker", "---\n...\n---\n"),
    ("more-bom", "\u{feff}title: ü\n"),
    ("more-anchors", "a: &a [1, 2]\nb: *a\nc: &c {<<: *a, d: *c}\n"),
    ("more-bomb", "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: &d [*c, *c]\ne: [*d, *d]\n"),
    (
        "more-deep",
        "a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[{a: {b: {c: {d: 1}}}}\n",
    ),
    (
        "more-scalars",
        "a: |\n  x\n  y\nb: >-\n  z\nc: \"\\x41\\u00e4\\\"\"\nd: 'it''s'\ne: !!str 1\n? [f]\n: g\n",
    ),
    ("more-modifiers", MODIFIERS),
    ("more-condition", CONDITION),
];

const MODIFIERS: &str = r"title: Modifiers
logsource: {product: linux, category: process_creation}
detection:
    a:
        CommandLine|contains|all: ['*a?b', 'c\*d', '\\e']
        Image|endswith|cased: [/sh, /bash]
        CommandLine|re|i|m|s: '(?:curl|wget)\s+[a-z]{1,8}.*$'
        ParentImage|startswith|expand: /usr/%x%
    b:
        - CommandLine|base64offset|contains: http
        - CommandLine|utf16|base64: http
        - CommandLine|wide|base64offset|contains: ['a', 'b']
        - ProcessId|gte: 10
        - ProcessId|lt: 1.5
        - User|exists: true
        - CommandLine|windash|contains: ' -c '
        - ParentCommandLine|fieldref: CommandLine
        - client.address|cidr: [10.0.0.0/8, 'fe80::/10', '::ffff:1.2.3.4/96']
    c: [one, 'two*', '?']
    d: {CommandLine: null, Image: ''}
    condition: a and not (b or c) or d
level: high
";

const CONDITION: &str = "title: Condition
logsource: {product: linux, category: process_creation}
detection:
    sel_a: {Image: /bin/sh}
    sel_b: {Image: /bin/dash}
    other: {Image: /bin/ls}
    condition: (1 of sel_* or all of them) and not (not (other and not sel_a)) or 1 of them
fields: [Image]
falsepositives: [none]
level: low
";

pub(crate) fn seeds() -> Result<Seeds, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut seeds: Seeds =
        MORE.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
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
    for topic in fs::read_dir(root.join("sensor/rules/tests/wrong"))? {
        let path = topic?.path();
        let topic = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for case in fs::read_to_string(&path)?.split("### ").skip(1) {
            let (name, text) = case.split_once('\n').unwrap_or((case, ""));
            seeds.push((format!("wrong-{topic}-{}", plain(name)), text.as_bytes().to_vec()));
        }
    }
    Ok(seeds)
}

/// A name for a file.
pub(crate) fn plain(name: &str) -> String {
    name.trim().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}
