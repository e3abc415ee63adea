//! The sensor as it is measured: its defaults and rules of ours, records and findings to files, no console.
use super::{
    place::Place,
    usage::{self, Ran, Thread, cpu_ns},
};
use crate::{
    accept::told::Told,
    process::{Process, family},
};
use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, path::PathBuf, process::Command, time::Duration};

/// The rules that the sensor comes with.
pub(super) const SHIPPED: &str = "rules";

const READY_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// A running sensor; dropped, it is ended.
pub(crate) struct Sensor {
    process: Process,
    dir: PathBuf,
}

impl Sensor {
    pub(crate) fn start(place: &Place) -> anyhow::Result<Self> {
        Self::start_with(place, SHIPPED, None)
    }

    /// With rules of this folder of the checkout; delivers to this OTLP destination too.
    pub(super) fn start_with(place: &Place, pack: &str, otlp: Option<Value>) -> anyhow::Result<Self> {
        let dir = place.pipeline_folder()?;
        // The pipeline can't look into root's home, where the checkout may be.
        let rules = dir.join("rules");
        let copied = Command::new("cp").arg("-r").arg(place.root.join(pack)).arg(&rules).status()?;
        ensure!(copied.success(), "copy {pack}");
        let mut config = json!({
            "rules": [rules],
            "deliver": {
                "console": false,
                "findings_file": dir.join("findings.jsonl"),
                "records_file": dir.join("records.jsonl"),
            },
        });
        if let Some(otlp) = otlp {
            config["deliver"]["otlp"] = otlp;
        }
        let path = dir.join("guardbee.yaml");
        fs::write(&path, config.to_string())?; // JSON is YAML
        let mut command = Command::new(&place.guardbee);
        command.args(["run", "--config"]).arg(&path).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let mut process = Process::start("guardbee", command, dir.join("log"))?;
        process.wait_until_said("guardbee: ready", READY_LIMIT)?;
        Ok(Self { process, dir })
    }

    /// Findings, OCSF, one a line.
    pub(crate) fn findings(&self) -> PathBuf {
        self.dir.join("findings.jsonl")
    }

    /// Every sealed record, OTLP JSON, one a line.
    pub(crate) fn records(&self) -> PathBuf {
        self.dir.join("records.jsonl")
    }

    /// Ends it. What was measured stands even if it doesn't end well, so that is only said.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        self.end();
        self.remove()
    }

    /// Likewise, and gives what it told of itself, its last words included.
    pub(super) fn told(mut self) -> anyhow::Result<Told> {
        self.end();
        let told = Told::read(&self.records());
        self.remove()?;
        Ok(told)
    }

    /// Ends it; what it wrote stays.
    pub(crate) fn end(&mut self) {
        match self.process.stop(STOP_LIMIT) {
            Ok(status) if status.success() => {}
            Ok(status) => println!("   the sensor ended with {status}"),
            Err(error) => println!("   the sensor did not stop well: {error:#}"),
        }
    }

    fn remove(&self) -> anyhow::Result<()> {
        fs::remove_dir_all(&self.dir).with_context(|| format!("remove {}", self.dir.display()))
    }

    /// Loader, opener and pipeline.
    fn processes(&self) -> Vec<u32> {
        family(self.process.pid())
    }

    /// CPU time of all so far, ns.
    pub(super) fn cpu_ns(&self) -> anyhow::Result<f64> {
        self.processes().into_iter().map(cpu_ns).sum()
    }

    /// Its threads: the loader has one, as the opener while it has nothing to open; the pipeline's first is the core.
    pub(super) fn threads(&self) -> BTreeMap<String, Thread> {
        let mut all = BTreeMap::new();
        for pid in self.processes() {
            let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let first = match line.split('\0').nth(1) {
                Some("pipeline") => "core",
                Some("opener") => "opener",
                _ => "loader",
            };
            all.extend(usage::threads(pid, first));
        }
        all
    }

    /// Its attached programs by tracepoint; what they did counts while the kernel measures.
    pub(super) fn programs(&self) -> anyhow::Result<BTreeMap<String, Ran>> {
        let mut all = BTreeMap::new();
        for pid in self.processes() {
            all.extend(usage::programs(pid)?);
        }
        ensure!(!all.is_empty(), "the sensor has attached nothing");
        Ok(all)
    }

    /// Bytes: proportional share of these processes' memory, and what the kernel charges for BPF maps. The rings, which the
    /// pipeline has mapped, count as maps only.
    pub(crate) fn memory(&self) -> anyhow::Result<f64> {
        self.bytes(usage::private_bytes)
    }

    /// Bytes: the most that each process ever had, shared pages in all, and the maps.
    pub(super) fn peak(&self) -> anyhow::Result<f64> {
        self.bytes(usage::peak_bytes)
    }

    fn bytes(&self, of: fn(u32) -> anyhow::Result<u64>) -> anyhow::Result<f64> {
        let processes: u64 = self.processes().into_iter().map(of).sum::<anyhow::Result<u64>>()?;
        Ok((processes + self.map_bytes()) as f64)
    }

    /// BPF maps of which these processes hold descriptors, each once.
    pub(super) fn map_bytes(&self) -> u64 {
        let maps: BTreeMap<u64, u64> = self.processes().into_iter().flat_map(usage::maps).collect();
        maps.values().sum()
    }
}
