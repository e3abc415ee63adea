//! `guardbee rules import falco` as it is called: table, files, JSON, exit codes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

const RULES: &str = "\
- macro: spawned
  condition: evt.type in (execve, execveat)
- rule: Shell
  desc: A shell.
  condition: spawned and proc.name in (sh, bash)
  output: shell %proc.cmdline
  priority: WARNING
";
const OPENS: &str = "\
- rule: Shadow
  desc: Passwords.
  condition: >
    evt.type in (recvfrom, recvmsg)
    and fd.name = /etc/shadow
  output: shadow %fd.name
  priority: ERROR
- rule: Given
  desc: A variable.
  condition: >
    spawned and proc.aenv contains x
  output: environment
  priority: ERROR
";

fn guardbee(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_guardbee"))
        .args(["rules", "import", "falco"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rules.yaml"), RULES).unwrap();
    fs::write(folder.path().join("opens.yaml"), OPENS).unwrap();
    folder
}

#[test]
fn imported_rules_are_written_once_and_load() {
    let folder = folder();
    let (code, out, _) = guardbee(folder.path(), &["rules.yaml", "--out", "rules"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("imported  rules.yaml:3  Shell"), "{out}");
    let check = Command::new(env!("CARGO_BIN_EXE_guardbee"))
        .args(["rules", "check", "rules/shell.yml"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(check.status.success(), "{check:?}");
    assert!(String::from_utf8_lossy(&check.stdout).contains("fires here"), "{check:?}");
    // What may have been edited is not overwritten.
    let (code, _, errors) = guardbee(folder.path(), &["rules.yaml", "--out", "rules"]);
    assert_eq!(code, 2, "{errors}");
    assert!(errors.contains("shell.yml"), "{errors}");
}

#[test]
fn what_cant_be_imported_is_told_with_its_place() {
    let folder = folder();
    let (code, out, _) = guardbee(folder.path(), &["rules.yaml", "opens.yaml"]);
    assert_eq!(code, 1, "{out}");
    for part in [
        "needs events  opens.yaml:1  Shadow  data received: not recorded",
        "not imported  opens.yaml:8  Given   proc.aenv contains x: environments of ancestors",
        "(opens.yaml:11)",
        "3 rules: 1 importable (write them with --out DIR), 1 need events that are not recorded, 1 can't be said, 0 disabled",
    ] {
        assert!(out.contains(part), "{part} is not in\n{out}");
    }
    let (code, json, _) = guardbee(folder.path(), &["rules.yaml", "opens.yaml", "--json"]);
    assert_eq!(code, 1);
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(report["rules"][0]["outcome"], "imported");
    assert!(report["rules"][0]["yaml"].as_str().unwrap().contains("detection:"));
    assert_eq!(report["rules"][1]["outcome"], "needs-events");
    assert_eq!(report["rules"][2]["reasons"][0]["field"], "proc.aenv");
    assert_eq!(report["rules"][2]["reasons"][0]["line"], 11);
}

#[test]
fn exclusions_are_left_out_where_that_is_asked_for_and_told() {
    let folder = folder();
    let rule = RULES.replace("(sh, bash)", "(sh, bash) and not proc.aenv contains x");
    fs::write(folder.path().join("rules.yaml"), rule).unwrap();
    let (code, out, _) = guardbee(folder.path(), &["rules.yaml"]);
    assert_eq!(code, 1, "{out}");
    assert!(
        out.contains("not imported  rules.yaml:3  Shell  proc.aenv contains x: environments of ancestors"),
        "{out}"
    );
    let (code, out, _) = guardbee(folder.path(), &["rules.yaml", "--without-exclusions"]);
    assert_eq!(code, 0, "{out}");
    assert!(
        out.contains("finds more  rules.yaml:3  Shell  proc.aenv contains x: environments of ancestors"),
        "{out}"
    );
    assert!(out.contains("1 of them without exclusions that can't be said"), "{out}");
    let (_, json, _) = guardbee(folder.path(), &["rules.yaml", "--without-exclusions", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(report["rules"][0]["left_out"][0]["field"], "proc.aenv");
}

#[test]
fn wrong_files_are_refused_with_place_and_remedy() {
    let folder = folder();
    let (code, out, _) = guardbee(folder.path(), &["opens.yaml"]);
    assert_eq!(code, 1);
    assert!(out.contains("opens.yaml:11:5: error: there is no macro `spawned`"), "{out}");
    let (code, json, _) = guardbee(folder.path(), &["opens.yaml", "--json"]);
    assert_eq!(code, 1);
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(report["problems"][0]["line"], 11);
    let (code, _, errors) = guardbee(folder.path(), &["nowhere.yaml"]);
    assert_eq!(code, 2);
    assert!(errors.contains("nowhere.yaml"), "{errors}");
}
