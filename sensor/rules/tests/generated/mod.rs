//! Rules put together at random: what Sigma allows and public rules hardly use.
use crate::collage::Random;
use std::fmt::Write as _;

const WORDS: &[&str] = &[
    "a",
    "b",
    "-c",
    "sh",
    "bash",
    "/bin/sh",
    "/tmp/",
    "/usr/bin/",
    "curl",
    "http://",
    "İ",
    "é",
    "É",
    "ß",
    "K",
    " ",
    "a b",
    "*",
    "?",
    "a*b",
    "*sh",
    "a?",
    "\\*",
    "\\\\",
    "/etc/passwd",
    "GET",
    "POST",
    "..",
    "%2e",
    "union select",
    "10.0.0.1",
    "443",
    "200",
];
const PLACES: &[&str] =
    &["", "|contains", "|startswith", "|endswith", "|contains|all", "|cased", "|contains|cased", "|neq"];
const CONDITIONS: &[&str] = &[
    "one",
    "one and not two",
    "one or two",
    "1 of them",
    "all of them",
    "not one",
    "(one or two) and not three",
    "1 of t*",
    "all of t* or one",
    "not (one and two)",
];
/// What a rule is about, and fields of it that are texts.
const SOURCES: &[(&str, &[&str])] = &[
    (
        "product: linux, category: process_creation",
        &["Image", "CommandLine", "CurrentDirectory", "ParentImage", "ParentCommandLine"],
    ),
    ("product: linux, category: file_event", &["TargetFilename", "Image"]),
    ("product: linux, category: network_connection", &["Image", "CommandLine"]),
    ("category: webserver", &["cs-uri-stem", "cs-uri-query", "cs-user-agent", "cs-method", "cs-referer"]),
];

/// So many files of a rule each, the same each time.
pub(crate) fn rules(number: usize) -> Vec<(String, String)> {
    let mut random = Random::new(7);
    (0..number).map(|n| (format!("generated/{n}.yml"), rule(n, &mut random))).collect()
}

fn rule(n: usize, random: &mut Random) -> String {
    let (source, fields) = SOURCES[random.below(SOURCES.len())];
    let mut text = format!(
        "title: Generated {n}\nid: 00000000-0000-4000-8000-{n:012}\nlogsource: {{{source}}}\ndetection:\n"
    );
    for name in ["one", "two", "three"] {
        writeln!(text, "  {name}:").unwrap_or_default();
        let first = random.below(fields.len());
        for nth in 0..=random.below(2) {
            // A map has each key once.
            let field = fields[(first + nth) % fields.len()];
            let values: Vec<String> = (0..=random.below(3)).map(|_| value(random)).collect();
            writeln!(text, "    {field}{}: [{}]", pick(random, PLACES), values.join(", "))
                .unwrap_or_default();
        }
    }
    writeln!(text, "  condition: {}", pick(random, CONDITIONS)).unwrap_or_default();
    text
}

fn value(random: &mut Random) -> String {
    let words: String = (0..=random.below(2)).map(|_| pick(random, WORDS)).collect();
    format!("'{words}'")
}

fn pick<'a>(random: &mut Random, all: &[&'a str]) -> &'a str {
    all[random.below(all.len())]
}
