//! Rule files made to cost their reader more than their author.
use super::{Outcome, full, whole};
use crate::{Beside, Multiple};
use guardbee_rules::{RuleSet, falco};
use std::{fmt::Write as _, time::Duration};

/// The dearest that a file can be made: each bound on its own (values, forms of values, comparisons, regular expressions) is some
/// multiple of a plain list, and a file that goes beyond all bounds is told at the first.
const DEAREST: f64 = 32.0;
const HEAD: &str = "title: T\nlogsource: {product: linux, category: process_creation}\n";

/// What must be said of these files. What it takes is compared with a file as large as one may be, all of it lawful.
fn refused(files: &[(String, String)], part: &str) -> Outcome {
    let began = crate::cpu();
    let loaded = RuleSet::load(files);
    let spent = crate::cpu().saturating_sub(began);
    let time = beside_lawful(spent);
    match loaded {
        Ok(set) => Outcome { said: format!("accepted, {} rules", set.rules().len()), right: false, time },
        Err(problems) => {
            let first = problems.iter().find(|problem| problem.message.contains(part));
            let said = first.or_else(|| problems.first()).map(ToString::to_string).unwrap_or_default();
            Outcome { said: said.replace("\n   ", ";"), right: first.is_some(), time }
        }
    }
}

/// Whole, as a part of the other says nothing.
fn beside_lawful(spent: Duration) -> Option<Multiple> {
    let of = "the largest file of plain values";
    whole().then_some(Multiple { spent, beside: Beside::Later(lawful), most: DEAREST, of })
}

/// CPU time of the largest file that is read.
fn lawful() -> Duration {
    let files = one(list());
    let began = crate::cpu();
    assert!(RuleSet::load(&files).is_ok());
    crate::cpu().saturating_sub(began)
}

fn list() -> String {
    let mut text = format!("{HEAD}detection:\n  s:\n    CommandLine|contains:\n");
    for n in 0..full(80_000) {
        writeln!(text, "    - x{n}").unwrap();
    }
    text.push_str("  condition: s\n");
    text
}

fn one(text: String) -> Vec<(String, String)> {
    vec![("hostile.yml".to_owned(), text)]
}

pub(super) fn ten_megabytes() -> Outcome {
    refused(&one(format!("a: {}", "x".repeat(10 << 20))), "more than 1048576")
}

pub(super) fn brackets() -> Outcome {
    refused(&one("[".repeat(100_000)), "deep within each other")
}

pub(super) fn dashes() -> Outcome {
    refused(&one("- ".repeat(100_000)), "deep within each other")
}

pub(super) fn maps() -> Outcome {
    let mut text = String::new();
    // As deep as a megabyte is.
    for depth in 0..1_400 {
        writeln!(text, "{:depth$}a:", "").unwrap();
    }
    refused(&one(text), "deep within each other")
}

pub(super) fn laughs() -> Outcome {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..10 {
        let before = vec![format!("*a{}", n - 1); 10].join(", ");
        writeln!(text, "a{n}: &a{n} [{before}]").unwrap();
    }
    refused(&one(text), "aliases unfolded")
}

pub(super) fn aliases() -> Outcome {
    let items = vec!["x"; 1_000].join(", ");
    let aliases = vec!["*a"; 1_000].join(", ");
    refused(&one(format!("a: &a [{items}]\nb: [{aliases}]\n")), "aliases unfolded")
}

pub(super) fn long_alias() -> Outcome {
    refused(&one(format!("- &a {}\n{}", "x".repeat(500_000), "- *a\n".repeat(90_000))), "aliases unfolded")
}

/// Each selection is a warning, and the condition names one that is not there.
pub(super) fn hidden_error() -> Outcome {
    let mut text = format!("{HEAD}detection:\n");
    for n in 0..200 {
        writeln!(text, "  s{n}: {{Image: x}}").unwrap();
    }
    text.push_str("  condition: 1 of s* and t\n");
    refused(&one(text), "more than 100 problems")
}

pub(super) fn globals() -> Outcome {
    let values = vec!["x"; 10_000].join(", ");
    let mut text = format!("action: global\ndetection: {{s: {{Image: [{values}]}}, condition: s}}\n");
    (0..10_000).for_each(|_| text.push_str("---\ntitle: T\n"));
    refused(&one(text), "shared ones counted as often as they are used")
}

pub(super) fn placeholders() -> Outcome {
    let text = format!(
        "guardbee: {{placeholders: {{a: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}}}}\n---\n{HEAD}detection: {{s: {{Image|expand: '{}'}}, \
         condition: s}}\n",
        "%a%".repeat(10)
    );
    refused(&one(text), "too many values together")
}

pub(super) fn forms() -> Outcome {
    let mut values = String::new();
    for n in 0..10_000 {
        write!(values, "'-a-b-c-{n}', ").unwrap();
    }
    let text = format!(
        "{HEAD}detection: {{s: {{CommandLine|windash|base64offset|contains: [{values}]}}, condition: s}}\n"
    );
    refused(&one(text), "make more than 200000 values")
}

pub(super) fn filters() -> Outcome {
    let mut text = String::new();
    for n in 0..1_000 {
        write!(text, "{HEAD}filter: {{rules: any, s: {{Image|re: ['a{n}', 'b']}}, condition: not s}}\n---\n")
            .unwrap();
    }
    let mut files = one(text);
    let rule = format!("{HEAD}detection: {{s: {{Image|endswith: /x}}, condition: s}}\n---\n");
    files.extend((0..8).map(|nth| (format!("rules{nth}.yml"), rule.repeat(1_000))));
    refused(&files, "all filters add more than")
}

pub(super) fn conditions() -> Outcome {
    let mut text = format!("{HEAD}detection:\n");
    for n in 0..2_000 {
        writeln!(text, "  s{n}: {{CommandLine: x, CurrentDirectory: /y}}").unwrap();
    }
    let parts = vec!["1 of s*"; 400].join(" and ");
    writeln!(text, "  condition: {parts}").unwrap();
    refused(&one(text), "unfolds to more than")
}

pub(super) fn regex() -> Outcome {
    refused(
        &one(format!("{HEAD}detection: {{s: {{Image|re: '(a{{1000}}){{1000}}'}}, condition: s}}\n")),
        "more than 256 KiB",
    )
}

pub(super) fn regexes() -> Outcome {
    let mut text = format!("{HEAD}detection:\n  s:\n    CommandLine|re:\n");
    for n in 0..20_000 {
        writeln!(text, "      - '{n}([a-z]{{90}}x){{10}}'").unwrap();
    }
    text.push_str("  condition: s\n");
    refused(&one(text), "together take more than")
}

pub(super) fn values() -> Outcome {
    let text = list();
    let bytes = text.len();
    let (said, right) = match RuleSet::load(&one(text)) {
        Ok(set) => (format!("loaded, {bytes} bytes of text"), set.rules().len() == 1),
        Err(problems) => (format!("{:?}", problems.first()), false),
    };
    Outcome { said, right, time: None }
}

/// Rules as people write them, in files of 1,000.
fn generated(number: usize) -> Vec<(String, String)> {
    let rule = |n: usize| {
        format!(
            "{HEAD}detection:\n  s: {{Image|endswith: '/tool{n}', CommandLine|contains: [' --mode{n}', 'payload{}']}}\n  \
             f: {{ParentImage|endswith: '/updater{n}'}}\n  condition: s and not f\n---\n",
            n * 7
        )
    };
    let file = |from: usize| (from..number.min(from + 1_000)).map(rule).collect();
    (0..number).step_by(1_000).map(|from| (format!("{from}.yml"), file(from))).collect()
}

/// CPU time of loading so many rules.
fn load(number: usize) -> (Duration, usize) {
    let files = generated(number);
    let began = crate::cpu();
    let set = RuleSet::load(&files).unwrap();
    (crate::cpu().saturating_sub(began), set.rules().len())
}

pub(super) fn rules() -> Outcome {
    let number = full(100_000);
    let (part, _) = load(number / 10);
    let before = crate::peak();
    let (whole, loaded) = load(number);
    let bytes = (crate::peak() - before) * 1024 / number;
    let said = format!("{loaded} rules loaded, {bytes} bytes of memory a rule, its text included");
    let time =
        Some(Multiple { spent: whole, beside: Beside::Known(part), most: 20.0, of: "a tenth of them" });
    Outcome { said, right: loaded == number, time }
}

pub(super) fn too_many_rules() -> Outcome {
    // There is no part of it.
    if !whole() {
        return Outcome { said: "only whole".to_owned(), right: true, time: None };
    }
    refused(&generated(100_001), "more than 100000 rules")
}

/// What must be said of Falco's rules.
fn not_imported(text: &str, part: &str) -> Outcome {
    let began = crate::cpu();
    let import = falco::import(&[("hostile.yaml", text)], falco::Exclusions::Needed);
    let spent = crate::cpu().saturating_sub(began);
    let time = beside_lawful(spent);
    match import {
        Ok(import) => {
            let said = format!("{:?}", import.rules.first().map(|rule| &rule.outcome));
            Outcome { right: said.contains(part), said, time }
        }
        Err(problems) => {
            let first = problems.iter().find(|problem| problem.message.contains(part));
            let said = first.or_else(|| problems.first()).map(ToString::to_string).unwrap_or_default();
            Outcome { said: said.replace("\n   ", ";"), right: first.is_some(), time }
        }
    }
}

pub(super) fn macros() -> Outcome {
    let mut text = "- macro: m0\n  condition: proc.name = x\n".to_owned();
    for n in 1..40 {
        writeln!(text, "- macro: m{n}\n  condition: (m{0} or m{0} or m{0})", n - 1).unwrap();
    }
    text.push_str(
        "- rule: R\n  desc: d\n  output: o\n  priority: INFO\n  condition: evt.type = execve and m39\n",
    );
    not_imported(&text, "more than")
}

pub(super) fn parentheses() -> Outcome {
    let text = format!(
        "- rule: R\n  desc: d\n  output: o\n  priority: INFO\n  condition: '{}evt.type = execve{}'\n",
        "(".repeat(100_000),
        ")".repeat(100_000)
    );
    not_imported(&text, "more than")
}
