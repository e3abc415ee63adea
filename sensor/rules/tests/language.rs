//! Sigma's language, feature by feature: each rule of `language.yml` has an event that it matches and a near miss.
use guardbee_rules::{CanFire, Problem, RuleSet};
use std::sync::Arc;

const RULES: &str = include_str!("language.yml");

fn load(files: &[(&str, &str)]) -> Arc<RuleSet> {
    Arc::new(RuleSet::load(files).unwrap_or_else(|problems| panic!("{}", lines(&problems))))
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn passes(set: &Arc<RuleSet>) -> usize {
    let results = set.run_tests();
    let failures: Vec<_> = results.iter().filter_map(|result| result.failure().cloned()).collect();
    assert!(failures.is_empty(), "{}", lines(&failures));
    results.len()
}

#[test]
fn every_feature_matches_and_nearly_does_not() {
    let set = load(&[("language.yml", RULES)]);
    assert!(set.warnings().is_empty(), "{}", lines(set.warnings()));
    for rule in set.rules() {
        assert!(rule.tests >= 2, "{} has {} tests", rule.info.title, rule.tests);
        assert_eq!(rule.can_fire, Ok(()), "{}", rule.info.title);
    }
    let tests = passes(&set);
    println!("{} rules, {tests} tests", set.rules().len());
}

/// A rule about execs, from its detection and its tests.
fn rule(title: &str, more: &str) -> String {
    format!("title: {title}\nlogsource: {{product: linux, category: process_creation}}\n{more}\n")
}

#[test]
fn placeholders_of_one_file_serve_rules_of_another() {
    let rule = rule(
        "Admins",
        "detection: {s: {User|expand: '%admins%'}, condition: s}\nguardbee: {tests: [
            {expect: match, event: {User: adm_1}}, {expect: match, event: {User: root}}, {expect: no-match, event: {User: '%admins%'}}]}",
    );
    let site = "guardbee: {placeholders: {admins: [root, 'adm_*']}}";
    assert_eq!(passes(&load(&[("rule.yml", &rule), ("site.yml", site)])), 3);
    let problems = RuleSet::load(&[("rule.yml", &rule)]).unwrap_err();
    assert!(
        lines(&problems).contains("rule.yml:3:30: error: the placeholder `%admins%` is not defined"),
        "{}",
        lines(&problems)
    );
}

const BASE: &str = "id: 621baf67-cc35-42d1-9974-f844ee19384d
name: shell
detection: {s: {Image|endswith: /sh}, condition: s}
guardbee: {tests: [{expect: match, event: {Image: /bin/sh, User: bob}}, {expect: no-match, event: {Image: /bin/sh, User: adm_1}}]}";

fn filter(rules: &str, source: &str) -> String {
    format!(
        "title: A Filter\nlogsource: {{{source}}}\nfilter:\n    rules: {rules}\n    s: {{User|startswith: adm_}}\n    condition: not s\n"
    )
}

#[test]
fn a_filter_is_for_the_rules_that_it_names_and_for_any_of_its_log_source() {
    let rule = rule("Shell", BASE);
    for rules in ["any", "[621BAF67-cc35-42d1-9974-f844ee19384d]", "[shell]"] {
        for source in ["product: linux", "product: linux, category: process_creation"] {
            let set = load(&[("filter.yml", &filter(rules, source)), ("rule.yml", &rule)]);
            assert!(set.warnings().is_empty(), "{}", lines(set.warnings()));
            assert_eq!(passes(&set), 2);
        }
    }
    for (rules, source, warning) in [
        ("any", "product: linux, category: network_connection", ""),
        ("[shell]", "product: windows", "has another `logsource`"),
        ("[no_such_rule]", "product: linux", "no rule that is loaded"),
    ] {
        let set = load(&[("filter.yml", &filter(rules, source)), ("rule.yml", &rule)]);
        let failed = set.run_tests().iter().filter(|result| result.failure().is_some()).count();
        assert_eq!(failed, 1, "the filter should not be for the rule: {rules} {source}");
        assert!(lines(set.warnings()).contains(warning), "{}", lines(set.warnings()));
        assert_eq!(set.warnings().is_empty(), warning.is_empty());
    }
}

#[test]
fn what_a_filter_does_not_let_through_a_correlation_does_not_see() {
    let correlation = "title: Twice\ncorrelation: {type: temporal_ordered, rules: [shell, shell], group-by: [guardbee.request], timespan: 10s}
guardbee: {tests: [
    {name: both, expect: match, events: [{action: exec, event: {Image: /bin/sh, guardbee.request: r}}, {action: exec, offset: 1s, event: {Image: /bin/sh, guardbee.request: r}}]},
    {name: one filtered, expect: no-match, events: [{action: exec, event: {Image: /bin/sh, guardbee.request: r}}, {action: exec, offset: 1s, event: {Image: /bin/sh, User: adm_1, guardbee.request: r}}]}]}";
    let rule = rule("Shell", BASE);
    let set = load(&[("f.yml", &filter("any", "product: linux")), ("r.yml", &rule), ("c.yml", correlation)]);
    assert_eq!(passes(&set), 4);
}

fn titles(set: &RuleSet) -> Vec<(String, CanFire)> {
    set.rules().into_iter().map(|rule| (rule.info.title.to_string(), rule.can_fire)).collect()
}

#[test]
fn actions_share_what_rules_have_in_common() {
    let text = "action: global
title: Shared
id: 621baf67-cc35-42d1-9974-f844ee19384d
logsource: {product: linux}
detection: {condition: selection}
---
logsource: {category: process_creation}
detection: {selection: {Image: /a}}
guardbee: {tests: [{expect: match, event: {Image: /a}}, {expect: no-match, event: {Image: /b}}]}
---
logsource: {category: process_termination}
detection: {selection: {guardbee.exit.status: 9}}
guardbee: {tests: [{expect: match, event: {guardbee.exit.status: 9}}, {expect: no-match, event: {guardbee.exit.status: 0}}]}
---
action: reset
---
title: Own
logsource: {category: process_creation}
detection: {selection: {Image: /c, User: root}, condition: selection}
guardbee: {tests: [{expect: match, event: {Image: /c, User: root}}, {expect: no-match, event: {Image: /c}}]}
---
action: repeat
title: Repeated
detection: {selection: {Image: /d}}
guardbee: {tests: [{expect: match, event: {Image: /d, User: root}}, {expect: no-match, event: {Image: /d}}]}
";
    let set = load(&[("actions.yml", text)]);
    assert!(set.warnings().is_empty(), "{}", lines(set.warnings()));
    let names = ["Shared", "Shared", "Own", "Repeated"];
    assert_eq!(titles(&set), names.map(|name| (name.to_owned(), Ok(()))));
    assert_eq!(passes(&set), 8);
}

#[test]
fn what_a_rule_says_and_its_global_document_too_is_told() {
    let text =
        "action: global\ntitle: Shared\nlevel: low\n---\nlevel: high\nlogsource: {category: process_creation}
detection: {s: {Image: /a}, condition: s}\n";
    let set = load(&[("actions.yml", text)]);
    assert!(
        lines(set.warnings())
            .starts_with("actions.yml:5:1: warning: `level` is given by the global document")
    );
    assert_eq!(set.rules()[0].info.level.name(), "low");
}

/// Small files that would stand for very much: the bound is what keeps the time short.
#[test]
fn hostile_sharing_is_refused() {
    let many = |count: usize, one: &str| vec![one; count].join(", ");
    let site = format!("guardbee: {{placeholders: {{p: [{}]}}}}", many(9_000, "a"));
    let line = |key: &str, values: &str| {
        rule("R", &format!("detection: {{s: {{{key}: [{values}]}}, condition: s}}"))
    };
    let global = format!("action: global\ncustom: [{}]\n", many(40_000, "a"));
    let documents = format!("---\n{}", rule("R", "detection: {s: {Image: /a}, condition: s}")).repeat(1_000);
    let filter = format!(
        "title: F\nlogsource: {{product: linux}}\nfilter:\n    rules: any\n    s: {{User|cased: [{}]}}\n    condition: not s\n",
        many(40_000, "a")
    );
    for (files, part) in [
        (vec![site.clone(), line("User|expand", &many(5_000, "'%p%'"))], "make more than 200000 values"),
        (vec![site, line("User|expand", "'%p%%p%%p%'")], "too many values together"),
        (
            vec![line("CommandLine|windash|base64|contains", &many(50_000, "'----'"))],
            "make more than 200000 values",
        ),
        (vec![format!("{global}{documents}")], "more than 100000 values"),
        (
            vec![
                rule("R", BASE)
                    + &format!("\n---\naction: repeat\ncustom: [{}]\n", many(40_000, "a"))
                    + &"---\naction: repeat\n".repeat(1_000),
            ],
            "more than 100000 values",
        ),
        (vec![filter, documents], "add more than 1000000 comparisons"),
    ] {
        let files: Vec<_> = files.iter().map(|text| ("f.yml", text.as_str())).collect();
        let problems = RuleSet::load(&files).map(drop).unwrap_err();
        assert!(lines(&problems).contains(part), "{part}: {}", lines(problems.get(..3).unwrap_or(&problems)));
    }
}

/// What a rule requires and nothing makes; and what a correlation's steps require, its end's left out.
#[test]
fn what_is_required_is_listed() {
    let text = "title: Dns
name: dns
logsource: {product: linux, category: process_creation}
detection: {s: {Image: /a}, condition: s}
guardbee: {requires: [exec, image_load]}
---
title: Renamed
name: renamed
logsource: {category: file_rename}
detection: {s: {TargetFilename: /a}, condition: s}
guardbee: {requires: file_rename}
---
title: Run
name: run
logsource: {product: linux, category: process_creation}
detection: {s: {Image: /a}, condition: s}
guardbee: {requires: [exec]}
---
title: Both
correlation: {type: temporal, rules: [renamed, renamed], group-by: [container.id], timespan: 1s}
guardbee: {requires: [request], until: [run]}
";
    let set = load(&[("r.yml", text)]);
    let listed: Vec<_> = set.rules().into_iter().map(|rule| (rule.can_fire, rule.requires)).collect();
    let why = "it requires `image_load`, for which there is no event source yet";
    assert_eq!(
        listed,
        [
            (Err(why.to_owned()), vec!["exec"]),
            (Ok(()), vec!["file_rename"]),
            (Ok(()), vec!["exec"]),
            (Ok(()), vec!["request", "file_rename"]),
        ]
    );
}

#[test]
fn a_rule_and_a_correlation_have_a_risk() {
    let text = rule("Shell", "name: shell\ndetection: {s: {Image: /a}, condition: s}\nguardbee: {risk: 60}");
    let many = "correlation: {type: event_count, rules: [shell], timespan: 1s, condition: {gte: 3}}";
    let none = rule("None", "detection: {s: {Image: /a}, condition: s}");
    let set = load(&[
        ("a.yml", &text),
        ("b.yml", &format!("title: Many\n{many}\nguardbee: {{risk: 0}}")),
        ("c.yml", &none),
    ]);
    let risks: Vec<_> = set.rules().iter().map(|rule| rule.info.risk).collect();
    assert_eq!(risks, [Some(60), None, Some(0)]);
}

#[test]
fn whatever_part_of_a_rule_looks_at_hashes_has_every_exec_hashed() {
    let tests = "tests: [{expect: match, event: {Image: /bin/sh}}, {expect: no-match, event: {Image: /x}}]";
    let looks = |condition: &str, more: &str, correlation: &str| {
        let detection = format!("name: base\ndetection: {{s: {{{condition}}}, condition: s}}");
        let rule = rule("Base", &format!("{detection}\nguardbee: {{{tests}{more}}}"));
        load(&[("rule.yml", &format!("{rule}{correlation}"))]).looks_at_hashes()
    };
    let correlated = |what: &str, more: &str| {
        let counted = "rules: [base], timespan: 1m, condition:";
        format!("---\ntitle: C\ncorrelation: {{{counted} {what}}}\nguardbee: {{{more}}}\n")
    };
    let shell = "Image: /bin/sh";
    let by_group = "{gte: 2}, type: event_count, group-by: [guardbee.executable.sha256]";
    let by_value = "{gte: 2, field: guardbee.executable.sha256}, type: value_count, group-by: [User]";
    let plain = "{gte: 2}, type: event_count, group-by: [User]";
    for (condition, more, correlation, expected) in [
        (shell, "", String::new(), false),
        (shell, "", correlated(plain, ""), false),
        ("Image: /bin/sh, guardbee.executable.sha256|exists: false", "", String::new(), true),
        (shell, ", suppress: {by: [Hashes], for: 1m}", String::new(), true),
        (shell, ", baseline: {by: [sha256], per: [User], learn: 1d, forget: 2d}", String::new(), true),
        (shell, "", correlated(by_group, ""), true),
        (shell, "", correlated(by_value, ""), true),
        (shell, "", correlated(plain, "suppress: {by: [sha256], for: 1m}"), true),
    ] {
        assert_eq!(looks(condition, more, &correlation), expected, "{condition} {more} {correlation}");
    }
}

#[test]
fn rules_on_audit_records_look_at_the_calls_that_they_name() {
    let wants = |detection: &str| {
        let text = format!(
            "title: t\nlogsource: {{product: linux, service: auditd}}\ndetection: {{s: {{{detection}}}, condition: s}}\n"
        );
        load(&[("rule.yml", &text)]).rules()[0].wants.join(" ")
    };
    for (detection, right) in [
        ("exe: /bin/sh", "exec"),
        ("SYSCALL: sysinfo", "exec inquiry"),
        ("syscall: [99, execve]", "exec inquiry"),
        ("SYSCALL: ptrace, a0: 4", "exec access"),
        (
            "SYSCALL: init_module, name: /x",
            "extension file_open file_modify file_create file_rename file_link file_symlink file_delete file_attribute folder_create folder_delete file_node",
        ),
        ("SYSCALL: uname", "exec"),
    ] {
        assert_eq!(wants(detection), right, "{detection}");
    }
}

#[test]
fn who_looks_at_what_runs_in_a_container_has_it_waited_for() {
    for (detection, expected) in [
        ("Image: /bin/sh, container.id|exists: true", false),
        ("Image: /bin/sh, container.image.repository: nginx", true),
        ("Image: /bin/sh, container.privileged: true", true),
        ("Image: /bin/sh, kubernetes.namespace: shop", true),
    ] {
        let set =
            load(&[("rule.yml", &rule("One", &format!("detection: {{s: {{{detection}}}, condition: s}}")))]);
        assert_eq!((set.looks_at_configurations(), set.looks_at_hashes()), (expected, false), "{detection}");
    }
}
