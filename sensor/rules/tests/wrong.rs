//! Rules as people get them wrong: each answer names file, line and column, and what to do.
//!
//! A file of `wrong/` is a topic; its cases are separated by lines `### what is wrong`. What stands before the first one is
//! another file, which is loaded with each. A snapshot of each topic shows what the author is told, and the place:
//! `INSTA_UPDATE=always cargo test -p guardbee-rules --test wrong` writes them anew.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
use guardbee_rules::{Problem, RuleSet, Severity};
use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

/// As many as the acceptance of rules asks for.
const CASES: usize = 300;
/// Problems that one mistake may be told by: what a reader sees first must not be hidden.
const ANSWERS: usize = 2;

struct Topic {
    name: String,
    /// Loaded with each case, if it isn't empty.
    beside: String,
    cases: Vec<(String, String)>,
}

fn topics() -> Vec<Topic> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|path| topic(path)).collect()
}

fn topic(path: &Path) -> Topic {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.split_inclusive('\n');
    let mut topic = Topic {
        name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
        beside: String::new(),
        cases: Vec::new(),
    };
    for line in lines {
        match (line.strip_prefix("### "), topic.cases.last_mut()) {
            (Some(name), _) => topic.cases.push((name.trim().to_owned(), String::new())),
            (None, Some((_, text))) => text.push_str(line),
            (None, None) => topic.beside.push_str(line),
        }
    }
    topic
}

/// What the author is told: errors, or else warnings and tests that fail.
fn told(beside: &str, text: &str) -> Vec<Problem> {
    let mut files = vec![("rule.yml", text)];
    if !beside.is_empty() {
        files.insert(0, ("beside.yml", beside));
    }
    match RuleSet::load(&files).map(Arc::new) {
        Ok(set) => {
            let failed: Vec<_> = set.run_tests().iter().filter_map(|test| test.failure().cloned()).collect();
            set.warnings().iter().cloned().chain(failed).collect()
        }
        Err(problems) => {
            assert!(problems.iter().any(|problem| problem.severity == Severity::Error));
            problems
        }
    }
}

/// The problem as commands print it, and its line with a mark below the column.
fn shown(problem: &Problem, text: &str) -> String {
    let line = text.lines().nth(problem.line as usize - 1).unwrap_or_default();
    let column = problem.column as usize - 1;
    // Of a line that goes on and on, what stands around the place.
    let from = column.saturating_sub(60);
    let excerpt: String = line.chars().skip(from).take(100).collect();
    let mut out = format!("{problem}\n");
    writeln!(out, "    | {}", excerpt.replace('\u{a0}', "\u{2423}")).unwrap();
    writeln!(out, "    | {}^", " ".repeat(column - from)).unwrap();
    out
}

/// What holds of every problem.
fn check(name: &str, problem: &Problem, text: &str) {
    assert_eq!(&*problem.file, "rule.yml", "`{name}` is told of another file");
    assert!(problem.line > 0 && problem.column > 0, "{name}");
    // Behind the end is where something lacks.
    let lines: Vec<usize> = text.lines().map(|line| line.chars().count()).chain([0]).collect();
    let length = lines.get(problem.line as usize - 1);
    assert!(length.is_some_and(|length| problem.column as usize <= length + 1), "{name}: {problem}");
    assert!(!problem.message.is_empty() && !problem.remedy.is_empty(), "{name}");
    assert!(!problem.message.ends_with('.'), "{name}: {problem}");
}

#[test]
fn each_wrong_rule_gets_a_helpful_answer() {
    let mut texts = BTreeSet::new();
    let (mut messages, mut remedies) = (BTreeSet::new(), BTreeSet::new());
    for Topic { name: topic, beside, cases } in topics() {
        let mut answers = String::new();
        for (name, text) in &cases {
            assert!(texts.insert(text.clone()), "{topic}: `{name}` is the same as another case");
            let problems = told(&beside, text);
            assert!(!problems.is_empty(), "{topic}: `{name}` was accepted");
            writeln!(answers, "### {name}").unwrap();
            for problem in &problems {
                check(name, problem, text);
                answers.push_str(&shown(problem, text));
                messages.insert(problem.message.clone());
                remedies.insert(problem.remedy.clone());
            }
            assert!(
                problems.len() <= ANSWERS,
                "{topic}: `{name}` is told by {} problems:\n{answers}",
                problems.len()
            );
        }
        insta::assert_snapshot!(topic, answers);
    }
    println!("cases: {}", texts.len());
    println!("messages: {}", messages.len());
    println!("remedies: {}", remedies.len());
    assert!(texts.len() >= CASES, "{} cases", texts.len());
}
