//! The workbench of rule authors as it is called: output, JSON, JUnit, exit codes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

const RULE: &str = "\
title: Shell
logsource: {product: linux, category: process_creation}
detection:
    selection:
        Image|endswith: [/sh, /bash]
    condition: selection
guardbee:
    tests:
        - {name: a shell, expect: match, event: {Image: /bin/sh}}
        - {name: '<no> & shell', expect: no-match, event: {Image: /bin/ls}}
---
title: Never
logsource: {category: image_load, product: linux}
detection: {selection: {QueryName: a.example}, condition: selection}
";

fn guardbee(folder: &Path, arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_guardbee"))
        .arg("rules")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn folder(rule: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rule.yml"), rule).unwrap();
    folder
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn tests_pass_and_say_what_they_reach() {
    let folder = folder(RULE);
    let (code, out, errors) = guardbee(folder.path(), &["test", "rule.yml", "--junit", "out.xml"], "");
    assert_eq!(code, 0, "{out}{errors}");
    for part in [
        "Shell  2 passed  2 of 2 branches",
        "Never  no tests",
        "2 rules, 1 without tests; 2 tests: 2 passed, 0 failed, 0 skipped; 2 of 2 branches reached",
    ] {
        assert!(out.contains(part), "{part} is not in\n{out}");
    }
    let junit = fs::read_to_string(folder.path().join("out.xml")).unwrap();
    assert_eq!(
        junit,
        r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="guardbee rules" tests="2" failures="0" errors="0" skipped="0">
  <testsuite name="Shell" tests="2" failures="0" errors="0" skipped="0">
    <testcase classname="Shell" name="a shell" file="rule.yml" line="9"/>
    <testcase classname="Shell" name="&lt;no&gt; &amp; shell" file="rule.yml" line="10"/>
  </testsuite>
</testsuites>
"#
    );
}

#[test]
fn a_failed_test_is_told_everywhere() {
    let folder = folder(
        &RULE.replace("expect: match, event: {Image: /bin/sh}", "expect: match, event: {Image: /bin/su}"),
    );
    let arguments = ["test", "rule.yml", "--junit", "out.xml"];
    let (code, out, _) = guardbee(folder.path(), &arguments, "");
    assert_eq!(code, 1, "{out}");
    let reason = "test `a shell` of `Shell` should match, and does not: line 5 `Image|endswith: [/sh, /bash]` doesn't hold: process.executable.path is `/bin/su`";
    assert!(out.contains(&format!("rule.yml:9:11: error: {reason}")), "{out}");
    let junit = fs::read_to_string(folder.path().join("out.xml")).unwrap();
    assert!(junit.contains(&format!("<failure message=\"{reason}\">")), "{junit}");
    let (code, out, _) = guardbee(folder.path(), &["test", "rule.yml", "--json"], "");
    assert_eq!(code, 1);
    let report = json(&out);
    assert_eq!(report["rules"][0]["tests"][0]["result"], "failed");
    assert_eq!(report["rules"][0]["tests"][0]["why"]["line"], 9);
    assert_eq!(report["rules"][0]["tests"][1]["result"], "passed");
    assert_eq!(report["rules"][0]["branches"][0]["reached"], false);
}

#[test]
fn explain_takes_tests_files_and_standard_input() {
    let folder = folder(RULE);
    let (code, out, errors) = guardbee(folder.path(), &["explain", "rule.yml", "a shell"], "");
    assert_eq!(code, 0, "{out}{errors}");
    for part in ["match: Shell on a shell", "process.executable.path is `/bin/sh`; because of `/sh`", "5:9"] {
        assert!(out.contains(part), "{part} is not in\n{out}");
    }
    // No colours where no terminal looks.
    assert!(!out.contains('\x1b'), "{out:?}");
    let event = r#"{"Image": "/bin/su\u001b[31m"}"#;
    let (code, out, _) = guardbee(folder.path(), &["explain", "Shell", "-", "--rules", "rule.yml"], event);
    assert_eq!(code, 0);
    assert!(out.contains("no match: Shell on -"), "{out}");
    assert!(!out.contains('\x1b'), "{out:?}");
    fs::write(folder.path().join("event.json"), event).unwrap();
    let arguments = ["explain", "shell", "event.json", "--rules", "rule.yml", "--json"];
    let (code, out, _) = guardbee(folder.path(), &arguments, "");
    assert_eq!(code, 0);
    let tree = &json(&out)["explanations"][0]["explained"][0];
    assert_eq!(tree["holds"], false);
    assert_eq!(tree["parts"][1]["parts"][0]["seen"][0]["field"], "process.executable.path");
}

/// Why a finding has its weight, and without which actions the rule can't fire; of a correlation what its steps require too.
#[test]
fn explain_says_what_a_rule_requires_and_risks() {
    const MORE: &str = "\
---
title: Shells
correlation: {type: event_count, rules: [shell], timespan: 1m, condition: {gte: 2}}
level: high
guardbee:
    requires: [fork]
    tests: [{expect: no-match, event: {Image: /bin/sh}, action: exec}]
---
title: Unable
logsource: {product: linux, category: process_creation}
detection: {selection: {Image: /bin/x}, condition: selection}
guardbee: {requires: [exec, image_load], tests: [{expect: match, event: {Image: /bin/x}}]}
";
    let rule =
        RULE.replacen("guardbee:", "name: shell\nguardbee:\n    risk: 60\n    requires: [exec, exit]", 1);
    let folder = folder(&format!("{rule}{MORE}"));
    let (code, out, errors) = guardbee(folder.path(), &["explain", "rule.yml"], "");
    assert_eq!(code, 0, "{out}{errors}");
    let heads: Vec<_> = out.split("match: ").filter(|tree| tree.contains(" on ")).collect();
    for (title, there, absent) in [
        ("Shell on a shell", &["level medium, risk 60 of 100", "requires exec, exit: "][..], "can't fire"),
        ("Shells on", &["level high\n", "requires exec, exit, fork: "], "risk"),
        (
            "Unable on",
            &["level medium\n", "requires exec: ", "can't fire here: it requires `image_load`"],
            "risk",
        ),
    ] {
        let tree =
            heads.iter().find(|head| head.starts_with(title)).unwrap_or_else(|| panic!("{title}: {out}"));
        for part in there {
            assert!(tree.contains(part), "{part} is not in\n{tree}");
        }
        assert!(!tree.contains(absent), "{absent}: {tree}");
    }
    let (_, out, _) = guardbee(folder.path(), &["explain", "rule.yml", "--json"], "");
    let report = json(&out);
    let of = |title: &str| {
        let all = report["explanations"].as_array().unwrap();
        all.iter().find(|one| one["rule"] == title).unwrap_or_else(|| panic!("{title}: {out}")).clone()
    };
    let (shell, shells, unable) = (of("Shell"), of("Shells"), of("Unable"));
    assert_eq!((&shell["level"], &shell["risk"]), (&"medium".into(), &60.into()));
    assert_eq!(shell["requires"], serde_json::json!(["exec", "exit"]));
    assert_eq!((&shells["risk"], &shell["why_not"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    assert_eq!(shells["requires"], serde_json::json!(["exec", "exit", "fork"]));
    assert!(unable["why_not"].as_str().unwrap().contains("image_load"), "{out}");
}

#[test]
fn explain_says_what_it_cant_find() {
    let folder = folder(RULE);
    let (code, _, errors) = guardbee(folder.path(), &["explain", "rule.yml", "a sheII"], "");
    assert_eq!(code, 2);
    assert!(errors.contains("it has: a shell, <no> & shell"), "{errors}");
    let (code, _, errors) = guardbee(folder.path(), &["explain", "Shel", "--rules", "rule.yml"], "");
    assert_eq!(code, 2);
    assert!(errors.contains("no rule has the id, name or title `Shel`"), "{errors}");
    let (code, out, _) =
        guardbee(folder.path(), &["explain", "Shell", "-", "--rules", "rule.yml"], "{Imgae: x}");
    assert_eq!(code, 1);
    assert!(out.contains("-:1:2: error: unknown field `Imgae`"), "{out}");
}

#[test]
fn a_new_rule_passes_its_tests() {
    for about in ["exec", "connect", "request", "exchange"] {
        let folder = tempfile::tempdir().unwrap();
        let arguments = ["new", "Bob's \"Rule\": #1", "--about", about];
        let (code, out, errors) = guardbee(folder.path(), &arguments, "");
        assert_eq!(code, 0, "{out}{errors}");
        assert!(out.contains("wrote bob_s_rule_1.yml"), "{out}");
        let (code, out, errors) = guardbee(folder.path(), &["test", "bob_s_rule_1.yml"], "");
        assert_eq!(code, 0, "{out}{errors}");
        assert!(out.contains("2 tests: 2 passed, 0 failed, 0 skipped; 2 of 2 branches reached"), "{out}");
        // What may have been edited is not overwritten.
        let (code, _, errors) = guardbee(folder.path(), &arguments, "");
        assert_eq!(code, 2);
        assert!(errors.contains("bob_s_rule_1.yml"), "{errors}");
    }
    let folder = tempfile::tempdir().unwrap();
    let (code, _, errors) = guardbee(folder.path(), &["new", "../.."], "");
    assert_eq!(code, 2);
    assert!(errors.contains("is no title"), "{errors}");
}

#[test]
fn check_says_what_can_fire_and_why_not() {
    let folder = folder(RULE);
    let (code, out, _) = guardbee(folder.path(), &["check", "rule.yml"], "");
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("fires here") && out.contains("2 rules, 0 failed tests"), "{out}");
    let (code, out, _) = guardbee(folder.path(), &["check", "rule.yml", "--json"], "");
    assert_eq!(code, 0);
    let rules = json(&out)["rules"].clone();
    assert_eq!((rules[0]["can_fire"].clone(), rules[0]["tests"].clone()), (true.into(), 2.into()));
    assert_eq!(rules[1]["can_fire"], false);
    assert!(rules[1]["why_not"].is_string(), "{out}");
    fs::write(folder.path().join("wrong.yml"), RULE.replace("Image|", "Imgae|")).unwrap();
    let (code, out, _) = guardbee(folder.path(), &["check", "wrong.yml", "--json"], "");
    assert_eq!(code, 1);
    assert_eq!(json(&out)["problems"][0]["line"], 5);
}

#[test]
fn what_means_the_same_elsewhere_is_converted() {
    let folder = folder(RULE);
    let (code, out, errors) = guardbee(folder.path(), &["convert", "rule.yml", "--out", "sigma"], "");
    assert_eq!(code, 0, "{out}{errors}");
    let sigma = fs::read_to_string(folder.path().join("sigma/rule.yml")).unwrap();
    let (rule, never) = RULE.split_once("guardbee:").unwrap();
    assert_eq!(sigma, format!("{rule}---{}", never.split_once("---").unwrap().1));
    let (code, out, _) = guardbee(folder.path(), &["check", "sigma/rule.yml"], "");
    assert_eq!(code, 0, "{out}");
    for (from, to, why) in [
        ("guardbee:", "guardbee:\n    link: exact", "would fire without a request behind it"),
        (
            "Image|endswith: [",
            "process.executable.path|endswith: [",
            "`process.executable.path` is no name of Sigma's",
        ),
        (
            "{product: linux, category: process_creation}",
            "{product: guardbee, service: exec}",
            "log sources that are Sigma's",
        ),
    ] {
        fs::write(folder.path().join("rule.yml"), RULE.replace(from, to)).unwrap();
        let (code, out, _) = guardbee(folder.path(), &["convert", "rule.yml"], "");
        assert_eq!(code, 1, "{out}");
        assert!(out.contains(why), "{why}: {out}");
    }
}

const DEAR: &str = "\
title: Dear
logsource: {product: linux, category: file_access}
detection: {selection: {TargetFilename|contains: secret}, condition: selection}
---
title: Lacking
logsource: {product: linux, category: process_creation}
detection: {selection: {md5: a}, other: {process.pid: 1}, condition: selection or not other}
---
title: Cheap
logsource: {product: linux, category: file_access}
detection: {selection: {TargetFilename: /etc/shadow}, condition: selection}
";

#[test]
fn doctor_says_what_each_rule_needs_and_what_makes_it_dear() {
    let folder = folder(&format!("{RULE}---\n{DEAR}"));
    let (code, out, errors) = guardbee(folder.path(), &["doctor", "rule.yml"], "");
    assert_eq!(code, 1, "one can't fire: {out}{errors}");
    for part in [
        "can't fire",
        "wants every file_open whatever its path",
        "lacks `md5`: executables are hashed by SHA-256 alone",
        "is evaluated for every event of its kinds",
        "5 rules: 3 ",
    ] {
        assert!(out.contains(part), "{part} is not in\n{out}");
    }
    let (code, out, _) = guardbee(folder.path(), &["doctor", "rule.yml", "--json"], "");
    let report = json(&out);
    let rules = &report["rules"];
    // Only root may have hooks tested.
    let tried = report["tried"].as_bool().unwrap();
    assert_eq!(report["not_tried"].is_string(), !tried, "{out}");
    let verdicts: Vec<_> = (0..5).map(|at| rules[at]["verdict"].as_str().unwrap()).collect();
    let able = if tried { "fires" } else { "can fire" };
    assert_eq!((code, verdicts), (1, vec![able, "can't fire", able, "fires in part", able]), "{out}");
    assert_eq!(rules[0]["needs"][0]["programs"][0], "process_exec");
    assert_eq!(rules[0]["needs"][0]["always_attached"], true);
    assert_eq!(rules[2]["needs"][0]["always_attached"], false);
    assert_eq!(rules[0]["needs"][0]["works"], if tried { 1.into() } else { serde_json::Value::Null });
    assert_eq!((&rules[2]["every_open"][0], &rules[4]["every_open"][0]), (&"file_open".into(), &().into()));
}

#[test]
fn the_schema_is_json_and_knows_the_fields() {
    let folder = folder(RULE);
    let (code, out, _) = guardbee(folder.path(), &["schema"], "");
    let schema = json(&out);
    assert_eq!((code, &schema["$schema"]), (0, &"https://json-schema.org/draft/2020-12/schema".into()));
    assert!(schema["$defs"]["name"]["enum"].as_array().unwrap().contains(&"ParentImage".into()));
}

#[test]
fn what_expired_is_told_and_a_rule_with_exceptions_stays_here() {
    let exceptions = "guardbee:\n    exceptions:\n        - {name: old, fields: [User], values: [me], reason: r, expires: 2020-02-29}\n";
    let folder = folder(&RULE.replacen("guardbee:\n", exceptions, 1));
    let (code, out, _) = guardbee(folder.path(), &["check", "rule.yml"], "");
    assert_eq!(code, 0, "{out}");
    for part in
        ["rule.yml:9:", "the exception `old` of `Shell` held until 2020-02-29", "2 tests, 1 exception"]
    {
        assert!(out.contains(part), "{part} is not in\n{out}");
    }
    let (_, out, _) = guardbee(folder.path(), &["check", "rule.yml", "--json"], "");
    assert_eq!(json(&out)["rules"][0]["exceptions"][0]["expires"], "2020-02-29");
    let (code, out, _) = guardbee(folder.path(), &["convert", "rule.yml"], "");
    assert!(code == 1 && out.contains("its exception `old` can't be said in Sigma"), "{out}");
}
