//! What makes events and counts them: programs of tests/load, and rules that see what they do.
use crate::{accept::lab::Lab, process};
use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

const BUILD_LIMIT: Duration = Duration::from_mins(1);
/// No program here works longer.
const RUN_LIMIT: Duration = Duration::from_mins(3);
/// Identifiers of the rules begin with it; a number is the rest.
const RULE: &str = "b6a0f7a2-53a1-4c1c-8a6e-0000000000";

/// Kinds whose events are actions: a rule can see each of them.
pub(super) const ACTIONS: [&str; 6] = ["fork", "exec", "exit", "accept", "connect", "listen"];
/// Kinds of payload. `socket` leads a connection's data and is tried again until it finds room.
pub(super) const PAYLOAD: [&str; 3] = ["socket", "data", "close"];

/// How many events of each kind a program has made.
pub(super) type Made = BTreeMap<String, u64>;

/// The compiled programs.
pub(super) struct Programs {
    folder: PathBuf,
    runs: AtomicU32,
}

impl Programs {
    pub(super) fn build(lab: &Lab) -> anyhow::Result<Self> {
        let programs = Self { folder: lab.folder("load")?, runs: AtomicU32::new(0) };
        for (name, flags) in [("loads", &[][..]), ("kinds", &[]), ("tiny", &["-static"])] {
            let source = lab.root.join("tests/load").join(name).with_extension("c");
            let mut command = Command::new("gcc");
            command.args(["-O2", "-Wall", "-Wextra", "-Werror"]).args(flags).arg("-o");
            command.arg(programs.path(name)).arg(source);
            process::output("gcc", command, &programs.folder, BUILD_LIMIT)?;
        }
        Ok(programs)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The smallest program under a name of its own.
    pub(super) fn named(&self, word: &str) -> anyhow::Result<PathBuf> {
        let path = self.path(word);
        fs::copy(self.path("tiny"), &path).with_context(|| format!("make {}", path.display()))?;
        Ok(path)
    }

    /// Makes events of all kinds, `rate` rounds a second.
    pub(super) fn kinds(&self, [rounds, rate, exchanges]: [u32; 3], word: &str) -> Vec<String> {
        let path = self.path("kinds").display().to_string();
        vec![path, rounds.to_string(), rate.to_string(), exchanges.to_string(), word.to_owned()]
    }

    /// One operation many times.
    pub(super) fn load(&self, name: &str, count: u32, path: &Path) -> Vec<String> {
        let program = self.path("loads").display().to_string();
        vec![program, name.to_owned(), count.to_string(), path.display().to_string()]
    }

    /// Runs one of them to its end, in a cgroup or where we are, and gives what it has made.
    pub(super) fn run(&self, words: &[String], cgroup: Option<&Cgroup>) -> anyhow::Result<Made> {
        let [program, ..] = words else { bail!("a program without a name") };
        let mut command = Command::new(program);
        if let Some(cgroup) = cgroup {
            command = Command::new("sh");
            // The words by the environment: the shell's own command line must not look like the program's.
            let script = "echo 0 > \"$CGROUP/cgroup.procs\" && exec $PROGRAM";
            command.args(["-c", script]).env("CGROUP", &cgroup.path).env("PROGRAM", words.join(" "));
        } else {
            command.args(&words[1..]);
        }
        // Some run at once: their outputs must not meet.
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}", Path::new(program).file_name().unwrap_or_default().display());
        let text = process::output(&name, command, &self.folder, RUN_LIMIT)?;
        serde_json::from_str(text.trim()).with_context(|| format!("read what {name} printed"))
    }
}

/// One rule for each kind of action of processes whose command line has `word`.
pub(super) fn rules(word: &str) -> Vec<Value> {
    let rule = |(number, kind): (usize, &&str)| rule(number, kind, "process.command_line|contains", word);
    ACTIONS.iter().enumerate().map(rule).collect()
}

/// A rule that sees executions of a file named `word`.
pub(super) fn rule_of_file(word: &str) -> Value {
    rule(ACTIONS.len(), "exec", "process.executable.path|endswith", word)
}

fn rule(number: usize, kind: &str, field: &str, word: &str) -> Value {
    json!({
        "title": format!("The generator's {kind} {number}"),
        "id": format!("{RULE}{number:02}"),
        "status": "test",
        "logsource": { "product": "guardbee", "service": kind },
        "detection": { "selection": { field: word }, "condition": "selection" },
        "level": "low",
    })
}

/// Which kind the rule with this identifier sees; [`ACTIONS`]' length: a file's executions.
pub(super) fn rule_number(id: &str) -> Option<usize> {
    id.strip_prefix(RULE)?.parse().ok()
}

/// A cgroup, and so a scope, of its own; removed when dropped.
pub(super) struct Cgroup {
    path: PathBuf,
    /// As in the sensor's records.
    pub(super) scope: u64,
}

impl Cgroup {
    /// Where this kernel limits memory and processes: there the sensor tells containers apart.
    pub(super) fn new(name: &str) -> anyhow::Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").context("read /proc/self/mounts")?;
        let mounts: Vec<Vec<&str>> = mounts.lines().map(|line| line.split(' ').collect()).collect();
        let v1 = |wanted: &str| {
            mounts.iter().find(|words| words[2] == "cgroup" && words[3].split(',').any(|word| word == wanted))
        };
        let v2 = || mounts.iter().find(|words| words[2] == "cgroup2");
        let mount = v1("memory").or_else(|| v1("pids")).or_else(v2).context("no cgroups are mounted")?;
        let path = Path::new(mount[1]).join(format!("{name}-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("make the cgroup {}", path.display()))?;
        let inode = std::os::unix::fs::MetadataExt::ino(&fs::metadata(&path)?);
        Ok(Self { path, scope: 0x8000_0000 | inode & 0xffff_ffff })
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        fs::remove_dir(&self.path).ok();
    }
}
