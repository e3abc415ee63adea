//! Runs a script before the sensor, and says which of the sensor's findings are about its processes.
use super::yard::{Elder, Yard};
use crate::{
    accept::{
        findings::{Finding, Findings},
        lab::Lab,
        sensor::Sensor,
        told::{Told, boot_time},
    },
    process::{self, Process, wait_for},
};
use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use std::{
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

/// The longest attack counts events for a minute; an emulated machine is ten times slower with all else.
const RUN_LIMIT: Duration = Duration::from_mins(5);
/// How long a fence's finding may take on a busy machine.
const FENCE_LIMIT: Duration = Duration::from_mins(1);
/// For how long the sensor lets an action wait for the payload of the request behind it (`wait` in sensor/trace), and a turn of its
/// loop. A fence has nothing to wait for, and would overtake it.
const UNDECIDED: Duration = Duration::from_millis(400);
/// What a driver ends with when this machine can't do what it takes.
const CANNOT: i32 = 77;
/// Characters of what a driver complains of.
const SHOWN: usize = 300;
/// Nanoseconds in a tick of /proc/PID/stat.
const TICK_NS: u64 = 10_000_000;

/// One sensor, and all that it has found so far.
pub(crate) struct Trial<'a> {
    lab: &'a Lab,
    pub(super) yard: &'a Yard,
    elder: &'a Elder,
    sensor: &'a Sensor,
    findings: Findings,
}

/// What is run: it takes the part that it plays as its argument, and says in a line of JSON with its id that it did.
pub(crate) struct Script {
    pub(crate) path: PathBuf,
    pub(crate) id: String,
    /// Seconds for which the sensor learns what is usual; none: longer than anybody waits.
    pub(crate) learn: Option<u32>,
}

/// How a run of a script ended.
pub(crate) struct Ran {
    process: Key,
    /// Who acted for it: no child of its own.
    elder: Option<Key>,
    /// Who looked for attacks when it began.
    pipeline: u32,
    /// How many findings there were before it began.
    before: usize,
    /// When that was, in boot time.
    began: Duration,
    pub(crate) ended: Instant,
    pub(crate) end: End,
}

pub(crate) enum End {
    /// What it said that it did.
    Done(Value),
    Cannot(String),
}

/// A process: its pid and when it started, in ticks.
#[derive(Clone, Copy)]
struct Key {
    pid: u32,
    start: u64,
}

impl Key {
    fn of(pid: u32) -> anyhow::Result<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).context("read the driver's stat")?;
        let (_, rest) = text.rsplit_once(") ").context("a stat without a name")?;
        // The state is field 3, the start is field 22.
        let start = rest.split(' ').nth(19).and_then(|ticks| ticks.parse().ok());
        Ok(Self { pid, start: start.context("a stat without a start")? })
    }

    /// `uid` is a process as findings name it: pid, start in hexadecimal nanoseconds, exec number.
    fn is(self, uid: &str) -> bool {
        let mut parts = uid.split('-');
        let pid = parts.next().and_then(|pid| pid.parse::<u32>().ok());
        let start = parts.next().and_then(|start| u64::from_str_radix(start, 16).ok());
        pid == Some(self.pid) && start.map(|ns| ns / TICK_NS) == Some(self.start)
    }

    /// The process or one of its ancestors is this one, in any of the finding's evidence.
    fn caused(self, finding: &Finding) -> bool {
        let evidence = finding.event["evidences"].as_array().into_iter().flatten();
        evidence.map(|piece| &piece["process"]).any(|process| {
            let family = [process, &process["parent_process"]].into_iter();
            let mut family = family.chain(process["ancestry"].as_array().into_iter().flatten());
            family.any(|one| one["uid"].as_str().is_some_and(|uid| self.is(uid)))
        })
    }
}

impl<'a> Trial<'a> {
    pub(crate) fn new(lab: &'a Lab, yard: &'a Yard, elder: &'a Elder, sensor: &'a Sensor) -> Self {
        Self { lab, yard, elder, sensor, findings: sensor.findings() }
    }

    /// Lets a script play one of its parts, to its end.
    pub(crate) fn run(&mut self, script: &Script, part: &str) -> anyhow::Result<Ran> {
        let file = script.path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{file}.{part}");
        let (work, log) = (self.yard.work(&name)?, self.lab.dir.path().join(format!("{name}.log")));
        let (loader, pipeline) = self.sensor.loader_and_pipeline()?;
        let mut command = Command::new(&script.path);
        command
            .arg(part)
            .current_dir(&work)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", &work)
            .env("ID", &script.id)
            .env("WORK", &work)
            .env("TOOLS", self.yard.tools())
            .env("DRIVERS", self.yard.drivers())
            .env("ACTIONS", self.yard.actions())
            .env("LOADER", loader.to_string())
            .env("PIPELINE", pipeline.to_string())
            .env("RECORDS", &self.sensor.records)
            .env("ELDER", self.elder.fifo())
            .env("ELDER_PID", self.elder.pid().to_string())
            .env("GUARDBEE", self.lab.guardbee())
            .envs(script.learn.map(|seconds| ("LEARN", seconds.to_string())));
        self.findings.read();
        let (before, began) = (self.findings.list.len(), boot_time()?);
        let mut process = Process::start(&name, command, log)?;
        let key = Key::of(process.pid())?;
        let status = process.wait_end(RUN_LIMIT)?;
        let (ended, said) = (Instant::now(), process.log());
        drop(process);
        fs::remove_dir_all(&work).with_context(|| format!("{name} left something that can't be removed"))?;
        let mut elder = None;
        let end = match status.code() {
            Some(0) => {
                let did = did(&said, &script.id);
                let did = did.with_context(|| format!("{part} did not say what it did: {}", tail(&said)))?;
                if did["elder"].as_u64() == Some(self.elder.pid().into()) {
                    elder = Some(Key::of(self.elder.pid())?);
                }
                End::Done(did)
            }
            Some(CANNOT) => End::Cannot(last_words(&said)),
            _ => bail!("{part} ended with {status}: {}", tail(&said)),
        };
        Ok(Ran { process: key, elder, pipeline, before, began, ended, end })
    }

    /// Findings since then about the script's processes.
    pub(crate) fn findings_of(&self, ran: &Ran) -> impl Iterator<Item = &Finding> {
        let keys = [Some(ran.process), ran.elder];
        let new = self.findings.list.iter().skip(ran.before);
        new.filter(move |finding| keys.iter().flatten().any(|key| key.caused(finding)))
    }

    /// What the sensor has lost since then, as the end of a sentence; nothing: empty.
    pub(crate) fn lost_since(&self, ran: &Ran) -> String {
        let lost = Told::read(&self.sensor.records).since(ran.began);
        if lost.is_empty() { lost } else { format!("; lost meanwhile: {lost}") }
    }

    /// Acts, and waits for the finding of that: what the script did has been judged by then.
    pub(crate) fn fence(&mut self, ran: &Ran) -> anyhow::Result<()> {
        std::thread::sleep(UNDECIDED.saturating_sub(ran.ended.elapsed()));
        let nonce = self.lab.nonce().replace("gbn", "gbx");
        // It complains of its word.
        Command::new("/usr/bin/id").arg(&nonce).output().context("start id")?;
        let arrived = wait_for(FENCE_LIMIT, || {
            self.findings.read();
            self.findings.with(&nonce).next().is_some()
        });
        ensure!(arrived, "the sensor has stopped finding anything: not even `id {nonce}`");
        Ok(())
    }

    /// Waits until nobody looks for attacks any more, in place of a fence.
    pub(crate) fn last_words(&mut self, ran: &Ran) -> anyhow::Result<()> {
        let ended = wait_for(FENCE_LIMIT, || process::ended(ran.pipeline));
        ensure!(ended, "the sensor goes on, though the attack was to end it");
        self.findings.read();
        Ok(())
    }
}

/// The line of JSON that says that it carried out its behaviour.
fn did(said: &str, id: &str) -> Option<Value> {
    let mut lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.find(|line| line["behaviour"] == id && line["pid"].is_number())
}

fn last_words(said: &str) -> String {
    let last = said.lines().rev().find(|line| !line.is_empty()).unwrap_or("it does not say why");
    last.chars().take(SHOWN).collect()
}

fn tail(said: &str) -> String {
    let lines: Vec<&str> = said.lines().rev().take(4).collect();
    let text = lines.into_iter().rev().collect::<Vec<_>>().join(" | ");
    text.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_its_pid_and_its_start() {
        let key = Key { pid: 12, start: 3 };
        assert!(key.is(&format!("12-{:x}-0", 35_000_000)));
        assert!(!key.is(&format!("12-{:x}-0", 45_000_000)));
        assert!(!key.is(&format!("13-{:x}-0", 35_000_000)));
        assert!(!key.is("12"));
    }

    #[test]
    fn what_a_driver_says() {
        assert!(did("noise\n{\"behaviour\":\"4\",\"pid\":7,\"paths\":[]}\n", "4").is_some());
        assert!(did("{\"behaviour\":\"5\",\"pid\":7}\n", "4").is_none());
    }
}
