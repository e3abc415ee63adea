//! `guardbee rules replay` on a recording that is made here: what it finds, compares, and says it could not see.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use guardbee_model::{
    clock::{BootTime, WallOffset},
    event::Exit,
    finding::{Action, Observation},
};
use guardbee_recording::{Head, Item, Sight, Writer};
use std::{
    fs,
    path::Path,
    process::{Command, Output},
    sync::Arc,
};

const SECOND: u64 = 1_000_000_000;

/// Exits with the codes 0 to 9, a second apart; execs were not recorded.
fn record(path: &Path) {
    let (mut writer, offset) =
        (Writer::new(Vec::new(), &Head::default()).unwrap(), WallOffset(1_700_000_000 * SECOND));
    let since = BootTime(100 * SECOND);
    writer.put(&Item::Time(since, offset)).unwrap();
    let sight = Sight { since, observed: vec!["exit"], ..Sight::default() };
    writer.put(&Item::Sight(sight)).unwrap();
    for code in 0..10_u32 {
        let time = BootTime((100 + u64::from(code)) * SECOND);
        let action = Action::Exit(Exit { code });
        let (process, link, sequence) = (None, None, code.into());
        let one = Observation { time, action, process, ancestors: Arc::default(), link, sequence };
        writer.put(&Item::Observation(Arc::new(one))).unwrap();
    }
    fs::write(path, writer.finish().unwrap()).unwrap();
}

fn rule(title: &str, category: &str, condition: &str) -> String {
    format!(
        "title: {title}\nlogsource: {{product: linux, category: {category}}}\ndetection:\n    selection: {condition}\n    \
         condition: selection\nlevel: high\n---\n"
    )
}

fn replay(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guardbee"));
    command.current_dir(folder).args(["rules", "replay", "new.yml", "--recording", "one.gbrec"]);
    command.args(args).output().unwrap()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    record(&folder.path().join("one.gbrec"));
    let shell = rule("Shell", "process_creation", "{Image|endswith: /sh}");
    let exits =
        |least| rule("Exit", "process_termination", &format!("{{guardbee.exit.status|gte: {least}}}"));
    fs::write(folder.path().join("new.yml"), format!("{}{shell}", exits(7))).unwrap();
    fs::write(folder.path().join("old.yml"), exits(8)).unwrap();
    folder
}

#[test]
fn findings_and_what_could_not_be_found() {
    let folder = folder();
    let out = replay(folder.path(), &[]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success(), "{text}");
    assert_eq!(text.matches("high  Exit  exit").count(), 3, "{text}");
    assert!(text.contains("3 findings in 10 events recorded between 2023-11-14T22:15:00.000Z and"), "{text}");
    assert!(text.contains(
        "`Shell`: not recorded between 2023-11-14T22:15:00.000Z and 2023-11-14T22:15:09.000Z: exec"
    ));
}

#[test]
fn a_diff_shows_what_changed() {
    let folder = folder();
    let out = replay(folder.path(), &["--diff", "old.yml"]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(text.starts_with("+  2023-11-14T22:15:07.000Z  high  Exit"), "{text}");
    assert!(text.contains("1 findings only with RULES, 0 only with OTHER_RULES, 2 with both"), "{text}");
}

#[test]
fn as_json() {
    let folder = folder();
    let out = replay(folder.path(), &["--json", "--diff", "old.yml"]);
    let json: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let by: Vec<_> = json["findings"].as_array().unwrap().iter().map(|one| &one["found_by"]).collect();
    assert_eq!(by, ["rules", "both", "both"]);
    assert_eq!(json["rules"][1]["not_recorded"][0]["missing"][0], "exec");
    assert_eq!(json["events"], 10);
}

#[test]
fn what_is_wrong_with_a_recording_is_said() {
    let folder = folder();
    let path = folder.path().join("one.gbrec");
    let whole = fs::read(&path).unwrap();
    let said = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let out = replay(folder.path(), &[]);
        let text = [out.stdout, out.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        (out.status.code().unwrap(), text)
    };
    let mut newer = whole.clone();
    *newer.get_mut(8).unwrap() = 99;
    let (code, text) = said(&newer);
    assert!(code == 2 && text.contains("has format 99 and was written by guardbee"), "{text}");
    let (code, text) = said(b"title: a rule");
    assert!(code == 2 && text.contains("no recording"), "{text}");
    let (code, text) = said(whole.get(..whole.len() - 1).unwrap());
    assert!(code == 0 && text.contains("ends within a frame"), "{text}");
    let (code, text) = said(&[&whole, b"x".repeat(50).as_slice()].concat());
    assert!(code == 1 && text.contains("no frame stands where one should"), "{text}");
    let mut damaged = whole;
    *damaged.last_mut().unwrap() ^= 1;
    let (_, text) = said(&damaged);
    assert!(text.contains("observation lost between"), "{text}");
}

#[test]
fn a_profile_counts_each_rule() {
    let folder = folder();
    let profile = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guardbee"));
        command.current_dir(folder.path()).args(["rules", "profile", "new.yml", "--recording", "one.gbrec"]);
        let out = command.args(more).output().unwrap();
        assert!(out.status.success(), "{out:?}");
        String::from_utf8(out.stdout).unwrap()
    };
    let report: serde_json::Value = serde_json::from_str(&profile(&["--json"])).unwrap();
    assert_eq!(report.pointer("/events").unwrap(), 10);
    let counts =
        |place: usize, name: &str| report.pointer(&format!("/rules/{place}/{name}")).unwrap().clone();
    // The dearest first: the other one was never evaluated.
    assert_eq!(
        (counts(0, "title"), counts(0, "evaluations"), counts(0, "hits")),
        ("Exit".into(), 10.into(), 3.into())
    );
    assert_eq!((counts(1, "title"), counts(1, "evaluations")), ("Shell".into(), 0.into()));
    let table = profile(&[]);
    assert!(table.contains("Exit (evaluated for every event of its kind)"), "{table}");
    assert!(table.contains("10 events"), "{table}");
}
