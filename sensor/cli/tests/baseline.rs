//! What a rule has learned outlives the sensor: the real one, ended and started again. Needs root and a kernel with BTF; fails without.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

mod support;

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use support::{Running, UID, guardbee, need_root, sensor, wait};

/// For so long a rule learns: longer than the sensor takes from its first event until it is ready.
const LEARN: Duration = Duration::from_secs(15);

struct Stage {
    folder: PathBuf,
}

/// Of this run: a sensor sees the whole node.
fn word(name: &str) -> String {
    format!("baseline-{}-{name}-end", std::process::id())
}

/// A program with that word as its argument, which is what the rule learns.
fn act(name: &str) {
    let status = Command::new("/bin/echo").arg(word(name)).stdout(Stdio::null()).status();
    assert!(status.unwrap().success());
}

impl Stage {
    fn new(folder: &Path) -> Self {
        let folder = folder.to_owned();
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        for name in ["out", "learned"] {
            fs::create_dir(folder.join(name)).unwrap();
            chown(folder.join(name), Some(UID), Some(UID)).unwrap();
        }
        let shown = folder.display();
        let config = format!(
            "rules: [{shown}/rule.yml]\nbaseline: {{folder: {shown}/learned}}\ndeliver: {{console: false, records_file: {shown}/out/records.jsonl}}\n"
        );
        fs::write(folder.join("guardbee.yaml"), config).unwrap();
        Self { folder }
    }

    /// Starts it with a rule that learns for that time.
    fn start(&self, learn: &str) -> Running {
        let rule = format!(
            "title: New\nid: 0d3b7b0e-5a52-4c5c-9d0c-6a1f2a9f3c11\nlogsource: {{product: linux, category: process_creation}}\n\
             detection: {{selection: {{CommandLine|contains: baseline-{}-}}, condition: selection}}\nlevel: low\n\
             guardbee: {{baseline: {{by: [CommandLine], learn: {learn}, forget: 1d}}}}\n",
            std::process::id()
        );
        fs::write(self.folder.join("rule.yml"), rule).unwrap();
        sensor(&self.folder, &mut guardbee())
    }

    fn records(&self) -> String {
        fs::read_to_string(self.folder.join("out/records.jsonl")).unwrap_or_default()
    }

    fn found(&self, name: &str) -> usize {
        let word = word(name);
        let is = |line: &&str| line.contains("security.finding") && line.contains(&word);
        self.records().lines().filter(is).count()
    }
}

#[test]
fn what_was_learned_stands_after_a_restart() {
    need_root();
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());

    let mut sensor = stage.start("1h");
    let began = Instant::now();
    act("known");
    assert!(sensor.stop().success());
    assert_eq!(stage.found("known"), 0, "it is learned");
    assert!(stage.folder.join("learned/baselines").is_file());

    // Started again it has learned for longer than that, and need not begin anew: what is new is told, what is known is not.
    wait("the end of its learning", || began.elapsed() > LEARN);
    let mut sensor = stage.start(&format!("{}s", LEARN.as_secs()));
    wait("what it knows", || stage.records().contains("guardbee.baseline.loaded"));
    act("known");
    act("new");
    wait("what is new", || stage.found("new") == 1);
    assert!(sensor.stop().success());
    assert_eq!(stage.found("known"), 0, "it is known still");

    // What it learned that time is known as well.
    let mut sensor = stage.start("0s");
    act("new");
    act("newer");
    wait("what is newer", || stage.found("newer") == 1);
    assert!(sensor.stop().success());
    assert_eq!(stage.found("new"), 1, "it is known by now");

    // Without the file nothing is.
    fs::remove_file(stage.folder.join("learned/baselines")).unwrap();
    let mut sensor = stage.start("0s");
    act("known");
    wait("what was known", || stage.found("known") == 1);
    assert!(sensor.stop().success());
}
