//! The sensor under test: its configuration, its start, what it writes, its end.
use super::{
    collector::Collector,
    findings::Findings,
    lab::{Lab, PIPELINE_ID},
    process::{self, Process},
};
use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use std::{fs, path::PathBuf, process::Command, time::Duration};

const READY_LIMIT: Duration = Duration::from_mins(3);
const STOP_LIMIT: Duration = Duration::from_mins(1);

/// What differs between rows.
#[derive(Default)]
pub(crate) struct Options<'a> {
    /// Besides the nonces' rule: folders of rules.
    pub(crate) packs: Vec<PathBuf>,
    /// Rules of a row's own.
    pub(crate) rules: Vec<Value>,
    /// Where to deliver.
    pub(crate) collector: Option<&'a Collector>,
    /// Where to deliver instead, as its configuration has it.
    pub(crate) otlp: Option<Value>,
    /// What its log tells; without: the default.
    pub(crate) log: Option<&'static str>,
    /// The long-term key, private and public; without: a new one.
    pub(crate) key: Option<(PathBuf, PathBuf)>,
    /// How it is to see the ends of calls; without: the default.
    pub(crate) dispatch: Option<String>,
    /// A small one is soon full.
    pub(crate) payload_ring_bytes: Option<u32>,
    pub(crate) security_ring_bytes: Option<u32>,
}

/// A running sensor; dropped, it is ended.
pub(crate) struct Sensor {
    process: Process,
    /// Public half of its long-term key.
    pub(crate) public_key: PathBuf,
    /// Every sealed record, as OTLP JSON lines.
    pub(crate) records: PathBuf,
    findings: PathBuf,
}

impl Sensor {
    pub(crate) fn start(lab: &Lab, options: &Options<'_>) -> anyhow::Result<Self> {
        let dir = lab.pipeline_folder("sensor")?;
        let (key, public_key) = match &options.key {
            Some(pair) => pair.clone(),
            None => new_key(lab)?,
        };
        let (findings, records) = (dir.join("findings.jsonl"), dir.join("records.jsonl"));
        // The pipeline can't look into root's home, where the checkout may be.
        let mut rules = vec![dir.join("nonce.yml")];
        fs::copy(lab.root.join("tests/targets/rules/nonce.yml"), &rules[0])?;
        for (number, pack) in options.packs.iter().enumerate() {
            let copy = dir.join(format!("pack-{number}"));
            let copied = Command::new("cp").arg("-r").arg(pack).arg(&copy).status()?;
            ensure!(copied.success(), "copy the rules of {}", pack.display());
            rules.push(copy);
        }
        for (number, rule) in options.rules.iter().enumerate() {
            let path = dir.join(format!("own-{number}.yml"));
            fs::write(&path, rule.to_string())?; // JSON is YAML
            rules.push(path);
        }
        let mut config = json!({
            "rules": rules,
            "trace": { "candidates": 200 },
            "seal": { "key": key },
            "deliver": { "findings_file": findings, "records_file": records },
        });
        let collector = || options.collector.map(|collector| collector.destination(&collector.pki));
        if let Some(otlp) = options.otlp.clone().or_else(collector) {
            config["deliver"]["otlp"] = otlp;
        }
        if let Some(dispatch) = &options.dispatch {
            config["kernel"]["dispatch"] = json!(dispatch);
        }
        let rings = [
            ("payload_ring_bytes", options.payload_ring_bytes),
            ("security_ring_bytes", options.security_ring_bytes),
        ];
        for (key, bytes) in rings.iter().filter_map(|(key, bytes)| Some((*key, (*bytes)?))) {
            config["kernel"][key] = json!(bytes);
        }
        let path = dir.join("guardbee.yaml");
        fs::write(&path, serde_json::to_string_pretty(&config)?)?; // JSON is YAML
        let mut command = Command::new(lab.guardbee());
        command
            .args(["run", "--config"])
            .arg(&path)
            .env_clear()
            .env("NO_COLOR", "1")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        if let Some(filter) = options.log {
            command.env("GUARDBEE_LOG", filter);
        }
        let mut process = Process::start("guardbee", command, dir.join("log"))?;
        process.wait_until_said("guardbee: ready", READY_LIMIT)?;
        Ok(Self { process, public_key, records, findings })
    }

    /// The findings from the beginning.
    pub(crate) fn findings(&self) -> Findings {
        Findings::of(self.findings.clone())
    }

    /// The loader (or its supervisor) is what was started; the pipeline is the child that isn't root.
    pub(crate) fn loader_and_pipeline(&self) -> anyhow::Result<(u32, u32)> {
        let pipeline = process::family(self.process.pid())
            .into_iter()
            .find(|pid| status_field(*pid, "Uid:").is_some_and(|uid| uid == PIPELINE_ID.to_string()))
            .context("no process of the sensor runs as the pipeline's user")?;
        let loader = status_field(pipeline, "PPid:")
            .and_then(|pid| pid.parse().ok())
            .context("the pipeline has no parent")?;
        Ok((loader, pipeline))
    }

    /// What was started.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// What it and its halves say.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// SIGTERM; it must end, and say that it went well.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        let status = self.process.stop(STOP_LIMIT)?;
        ensure!(status.success(), "guardbee ended with {status}: {}", last_lines(&self.log()));
        Ok(())
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait_end(&mut self, limit: Duration) -> anyhow::Result<()> {
        self.process.wait_end(limit).map(drop)
    }
}

/// A new long-term key: private, public.
pub(crate) fn new_key(lab: &Lab) -> anyhow::Result<(PathBuf, PathBuf)> {
    let dir = lab.folder("key")?;
    let (key, public) = (dir.join("guardbee.key"), dir.join("guardbee.pub"));
    let mut command = Command::new(lab.guardbee());
    let made = command.args(["key", "new", "--out"]).arg(&key).arg("--public").arg(&public).output()?;
    ensure!(made.status.success(), "guardbee key new: {}", String::from_utf8_lossy(&made.stderr));
    Ok((key, public))
}

/// A field of /proc/PID/status, its first word.
pub(crate) fn status_field(pid: u32, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next().map(str::to_owned)
}

fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().rev().take(4).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
}
