//! Whole files: what becomes of them, exceptions and overrides, and what is wrong with them.
use super::{matches, yaml};
use guardbee_rules::{
    Severity,
    falco::{self, Exclusions, Outcome},
};
use std::fmt::Write as _;

#[test]
fn imported_rules_are_readable_and_always_the_same() {
    let files =
        [("rules/base.yaml", include_str!("base.yaml")), ("rules/local.yaml", include_str!("local.yaml"))];
    for (name, files) in [("base", &files[..1]), ("changed", &files[..])] {
        let import = falco::import(files, Exclusions::Needed).unwrap();
        let mut out = String::new();
        for rule in &import.rules {
            writeln!(out, "=== {}:{} {}", rule.file, rule.line, rule.name).unwrap();
            match &rule.outcome {
                Outcome::Written { file, yaml, .. } => writeln!(out, "--> {file}\n{yaml}").unwrap(),
                other => writeln!(out, "{other:#?}\n").unwrap(),
            }
        }
        insta::assert_snapshot!(name, out);
    }
}

#[test]
fn exceptions_and_overrides_change_what_matches() {
    let base = ("base.yaml", include_str!("base.yaml"));
    let local = ("local.yaml", include_str!("local.yaml"));
    let before = falco::import(&[base], Exclusions::Needed).unwrap();
    let after = falco::import(&[base, local], Exclusions::Needed).unwrap();
    let at = "container.id: abc, process.interactive: true";
    for (event, was, is) in [
        ("Image: /bin/sh, comm: sh, CommandLine: sh", true, true),
        ("comm: fish, CommandLine: fish", false, true),
        ("comm: zsh, CommandLine: zsh", false, false),
        ("comm: bash, CommandLine: bash -l", false, false),
        ("Image: /bin/sh, comm: sh, CommandLine: sh -l", true, true),
        ("Image: /bin/sh, comm: sh, CommandLine: sh -c /opt/health check", false, false),
        ("Image: /bin/sh, comm: sh, User: deploy", false, false),
        ("Image: /bin/sh, comm: sh, CommandLine: sh, User: operator", true, false),
        ("Image: /opt/tools/x/sh, comm: sh, CommandLine: sh", true, false),
        ("Image: /bin/sh, comm: sh, ParentImage: /usr/bin/nano", false, false),
        ("Image: /bin/sh, comm: sh, CurrentDirectory: /srv/quiet/x", true, false),
    ] {
        let event = format!("{at}, {event}");
        assert_eq!(matches(yaml(&before.rules[0]), "exec", &event), was, "before: {event}");
        assert_eq!(matches(yaml(&after.rules[0]), "exec", &event), is, "after: {event}");
    }
}

#[test]
fn each_wrong_file_gets_a_helpful_answer() {
    let mut answers = String::new();
    let cases: Vec<_> = include_str!("wrong.txt").split("### ").skip(1).collect();
    for case in &cases {
        let (name, text) = case.split_once('\n').unwrap();
        let problems = match falco::import(&[("rules.yaml", text)], Exclusions::Needed) {
            Ok(import) => import.warnings,
            Err(problems) => {
                assert!(problems.iter().any(|problem| problem.severity == Severity::Error), "{name}");
                problems
            }
        };
        assert!(!problems.is_empty(), "`{name}` was accepted");
        writeln!(answers, "### {name}").unwrap();
        for problem in problems {
            assert!(
                problem.line > 0 && problem.column > 0 && &*problem.file == "rules.yaml",
                "{name}: {problem}"
            );
            assert!(usize::try_from(problem.line).unwrap() <= text.lines().count() + 1, "{name}: {problem}");
            assert!(!problem.remedy.is_empty() && !problem.message.ends_with('.'), "{name}");
            writeln!(answers, "{problem}").unwrap();
        }
    }
    assert!(cases.len() >= 45, "{} cases", cases.len());
    insta::assert_snapshot!("wrong", answers);
    println!("cases: {}", cases.len());
}
