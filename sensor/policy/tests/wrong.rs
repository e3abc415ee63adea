//! Policies as people get them wrong: each answer names file, line and column, and what to do.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
use guardbee_policy::{PolicySet, Severity};
use proptest::prelude::*;
use std::fmt::Write as _;

/// Cases are separated by lines `### what is wrong`.
const CASES: &str = include_str!("wrong.txt");

fn cases() -> Vec<(&'static str, &'static str)> {
    let parts = CASES.split("### ").skip(1);
    parts.map(|case| case.split_once('\n').unwrap()).map(|(name, text)| (name.trim(), text)).collect()
}

#[test]
fn each_wrong_policy_gets_a_helpful_answer() {
    let mut answers = String::new();
    for (name, text) in cases() {
        let problems = match PolicySet::load(&[("policy.yaml", text)]) {
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
            assert!(usize::try_from(problem.line).unwrap() <= text.lines().count() + 1, "{name}");
            writeln!(answers, "{problem}").unwrap();
        }
    }
    insta::assert_snapshot!("answers", answers);
    println!("cases: {}", cases().len());
}

/// Words that a policy is made of, so that many of them load.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("name: a\n".to_owned()),
        Just("---\n".to_owned()),
        Just("match: {unit: '*.service'}\n".to_owned()),
        Just("match: {cgroup: [/a, /*/b]}\n".to_owned()),
        Just("match: {labels: {a: b}}\n".to_owned()),
        Just("observe: [files, mount]\n".to_owned()),
        Just("leave_out: files\n".to_owned()),
        Just("payload: never\n".to_owned()),
        Just("throttle: {events_per_second: 9}\n".to_owned()),
        "[a-z:{}\\[\\], *&'\n-]{0,12}",
    ]
}

proptest! {
    #[test]
    fn any_text_is_a_set_or_has_problems_in_it(words in proptest::collection::vec(word(), 0..12)) {
        let problems = match PolicySet::load(&[("policy.yaml", words.concat())]) {
            Ok(set) => {
                prop_assert!(set.warnings().iter().all(|problem| problem.severity == Severity::Warning));
                set.warnings().to_vec()
            }
            Err(problems) => {
                prop_assert!(problems.iter().any(|problem| problem.severity == Severity::Error));
                problems
            }
        };
        for problem in problems {
            prop_assert!(problem.line > 0 && problem.column > 0 && !problem.remedy.is_empty(), "{problem:?}");
        }
    }
}
