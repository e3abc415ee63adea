//! Rules as people get them wrong: each answer names file, line and column, and what to do.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
use guardbee_rules::{RuleSet, Severity};
use std::fmt::Write as _;

/// Cases are separated by lines `### what is wrong`.
const CASES: &str = include_str!("wrong.txt");

fn cases() -> Vec<(&'static str, &'static str)> {
    let mut out = Vec::new();
    for case in CASES.split("### ").skip(1) {
        let (name, text) = case.split_once('\n').unwrap();
        out.push((name.trim(), text));
    }
    out
}

#[test]
fn each_wrong_rule_gets_a_helpful_answer() {
    let mut answers = String::new();
    for (name, text) in cases() {
        let problems = match RuleSet::load(&[("rule.yml", text)]) {
            Ok(set) => set.warnings().to_vec(),
            Err(problems) => {
                assert!(problems.iter().any(|problem| problem.severity == Severity::Error), "{name}");
                problems
            }
        };
        assert!(!problems.is_empty(), "`{name}` was accepted");
        writeln!(answers, "### {name}").unwrap();
        for problem in problems {
            assert!(problem.line > 0 && problem.column > 0, "{name}");
            assert!(!problem.remedy.is_empty() && !problem.message.ends_with('.'), "{name}");
            let lines = text.lines().count().max(1);
            assert!(usize::try_from(problem.line).unwrap() <= lines + 1, "{name}");
            writeln!(answers, "{problem}").unwrap();
        }
    }
    assert!(cases().len() >= 90, "{} cases", cases().len());
    insta::assert_snapshot!("answers", answers);
    println!("cases: {}", cases().len());
}
