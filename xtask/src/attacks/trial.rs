//! Runs a driver before the sensor, and says which of the sensor's findings are about its processes.
use super::{
    coverage::{Found, Twin, Verdict},
    driver::Driver,
    yard::{Elder, Yard},
};
use crate::{
    accept::{
        findings::{Finding, Findings},
        lab::Lab,
        sensor::Sensor,
    },
    process::{Process, wait_for},
};
use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

/// The longest attack counts events for a minute.
const RUN_LIMIT: Duration = Duration::from_secs(90);
/// How long a fence's finding may take on a busy machine.
const FENCE_LIMIT: Duration = Duration::from_secs(20);
/// What a driver ends with when this machine can't do what it takes.
const CANNOT: i32 = 77;
/// Characters of what a driver complains of.
const SHOWN: usize = 300;
/// Nanoseconds in a tick of /proc/PID/stat.
const TICK_NS: u64 = 10_000_000;

/// One sensor, and all that it has found so far.
pub(crate) struct Trial<'a> {
    lab: &'a Lab,
    yard: &'a Yard,
    elder: &'a Elder,
    sensor: &'a Sensor,
    findings: Findings,
    /// Kinds of event that rules can be about.
    kinds: BTreeSet<String>,
}

/// How a run of a driver ended.
struct Ran {
    process: Key,
    /// Who acted for it: no child of its own.
    elder: Option<Key>,
    /// How many findings there were before it began.
    before: usize,
    ended: Instant,
    end: End,
}

enum End {
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
    pub(crate) fn new(
        lab: &'a Lab,
        yard: &'a Yard,
        elder: &'a Elder,
        sensor: &'a Sensor,
        kinds: BTreeSet<String>,
    ) -> Self {
        Self { lab, yard, elder, sensor, findings: sensor.findings(), kinds }
    }

    /// Carries out the attack.
    pub(crate) fn attack(&mut self, driver: &Driver) -> anyhow::Result<Verdict> {
        let ran = self.carry_out(driver, "attack")?;
        let came = match &ran.end {
            End::Cannot(why) => return Ok(Verdict::CannotRun(why.clone())),
            End::Done(did) => {
                driver.expects.map(|expects| (expects, did[expects.key()].as_str().map(str::to_owned)))
            }
        };
        self.fence()?;
        let found = self.found(&ran);
        let missed: Vec<&str> = driver
            .rules
            .iter()
            .map(String::as_str)
            .filter(|rule| !found.iter().any(|found| found.rule == *rule))
            .collect();
        let unknown: Vec<&str> =
            driver.needs.iter().map(String::as_str).filter(|kind| !self.kinds.contains(*kind)).collect();
        let seconds = ran.ended.elapsed().as_secs_f64();
        Ok(if let Some((expects, None)) = came {
            Verdict::Missed(format!("it was not {}", expects.key()))
        } else if let (Some((expects, Some(how))), true) = (&came, driver.rules.is_empty()) {
            Verdict::Came(*expects, how.clone())
        } else if driver.rules.is_empty() && !unknown.is_empty() {
            Verdict::Unseen(format!("no event of kind {}", unknown.join(", ")))
        } else if driver.rules.is_empty() {
            Verdict::Unseen(driver.lacks.clone().unwrap_or_else(|| "no rule".to_owned()))
        } else if missed.is_empty() {
            Verdict::Detected { found, seconds }
        } else {
            Verdict::Missed(format!("{} did not find it", missed.join(", ")))
        })
    }

    /// Carries out the twin.
    pub(crate) fn twin(&mut self, driver: &Driver) -> Twin {
        let found = self.carry_out(driver, "twin").and_then(|ran| {
            if let End::Cannot(why) = ran.end {
                return Ok(Twin::CannotRun(why));
            }
            self.fence()?;
            let rules: BTreeSet<String> = self.found(&ran).into_iter().map(|found| found.rule).collect();
            Ok(if rules.is_empty() {
                Twin::Silent
            } else {
                Twin::Found(rules.into_iter().collect::<Vec<_>>().join(", "))
            })
        });
        found.unwrap_or_else(|error| Twin::Failed(format!("{error:#}")))
    }

    fn carry_out(&mut self, driver: &Driver, part: &str) -> anyhow::Result<Ran> {
        let name = format!("{}.{part}", driver.file);
        let (work, log) = (self.yard.work(&name)?, self.lab.dir.path().join(format!("{name}.log")));
        let (loader, pipeline) = self.sensor.loader_and_pipeline()?;
        let mut command = Command::new(self.yard.drivers().join(&driver.file));
        command
            .arg(part)
            .current_dir(&work)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", &work)
            .env("ID", driver.id())
            .env("WORK", &work)
            .env("TOOLS", self.yard.tools())
            .env("DRIVERS", self.yard.drivers())
            .env("LOADER", loader.to_string())
            .env("PIPELINE", pipeline.to_string())
            .env("RECORDS", &self.sensor.records)
            .env("ELDER", self.elder.fifo())
            .env("ELDER_PID", self.elder.pid().to_string())
            .env("GUARDBEE", self.lab.guardbee());
        self.findings.read();
        let before = self.findings.list.len();
        let mut process = Process::start(&name, command, log)?;
        let key = Key::of(process.pid())?;
        let status = process.wait_end(RUN_LIMIT)?;
        let (ended, said) = (Instant::now(), process.log());
        drop(process);
        fs::remove_dir_all(&work).with_context(|| format!("{name} left something that can't be removed"))?;
        let mut elder = None;
        let end = match status.code() {
            Some(0) => {
                let did = did(&said, driver.id());
                let did = did.with_context(|| format!("{part} did not say what it did: {}", tail(&said)))?;
                if did["elder"].as_u64() == Some(self.elder.pid().into()) {
                    elder = Some(Key::of(self.elder.pid())?);
                }
                End::Done(did)
            }
            Some(CANNOT) => End::Cannot(last_words(&said)),
            _ => bail!("{part} ended with {status}: {}", tail(&said)),
        };
        Ok(Ran { process: key, elder, before, ended, end })
    }

    /// Findings since then about the driver's processes.
    fn found(&self, ran: &Ran) -> Vec<Found> {
        let new = self.findings.list.iter().skip(ran.before);
        let keys = [Some(ran.process), ran.elder];
        new.filter(|finding| keys.iter().flatten().any(|key| key.caused(finding)))
            .map(|finding| Found {
                rule: stem(finding.text("/unmapped/guardbee/rule_source")),
                events: words(&finding.event["finding_info"]["data_sources"]),
                link: finding.link.as_ref().filter(|link| link.proven()).map(|link| link.kind.clone()),
            })
            .collect()
    }

    /// Acts, and waits for the finding of that: what happened before has been judged by then.
    fn fence(&mut self) -> anyhow::Result<()> {
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
}

/// Kinds of event that this sensor's rules can be about: it lists them when it is asked for one that doesn't exist.
pub(crate) fn kinds(lab: &Lab) -> anyhow::Result<BTreeSet<String>> {
    let path = lab.dir.path().join("unknown.yml");
    let rule = "title: Which Kinds\nid: 1f0f3e2c-58f1-4c0e-9f2a-0d8a0c6a7b11\nlogsource: {product: guardbee, service: '?'}\ndetection: {selection: {pid: 1}, condition: selection}\n";
    fs::write(&path, rule)?;
    let out = Command::new(lab.guardbee()).args(["rules", "check"]).arg(&path).output()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let (_, list) = text.split_once("services are: ").with_context(|| format!("rules check says: {text}"))?;
    let list = list.lines().next().unwrap_or_default();
    Ok(list.split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect())
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

fn stem(source: &str) -> String {
    // A document in a file of several may be told by a line behind it.
    let path = source.split(':').next().unwrap_or_default();
    Path::new(path).file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn words(list: &Value) -> String {
    let list = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    list.collect::<Vec<_>>().join(" + ")
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
        assert_eq!(stem("/x/rules/execution/a_b.yml:12"), "a_b");
    }
}
