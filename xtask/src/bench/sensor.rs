//! The sensor as it is measured: its defaults and its rules, records and findings to files, no console.
use super::{place::Place, usage::cpu_ns};
use crate::process::{Process, family};
use anyhow::{Context as _, ensure};
use serde_json::json;
use std::{collections::BTreeMap, fs, path::PathBuf, process::Command, time::Duration};

const READY_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// A running sensor; dropped, it is ended.
pub(super) struct Sensor {
    process: Process,
    dir: PathBuf,
}

impl Sensor {
    pub(super) fn start(place: &Place) -> anyhow::Result<Self> {
        let dir = place.pipeline_folder()?;
        // The pipeline can't look into root's home, where the checkout may be.
        let rules = dir.join("rules");
        let copied = Command::new("cp").arg("-r").arg(place.root.join("rules")).arg(&rules).status()?;
        ensure!(copied.success(), "copy the shipped rules");
        let config = json!({
            "rules": [rules],
            "deliver": {
                "console": false,
                "findings_file": dir.join("findings.jsonl"),
                "records_file": dir.join("records.jsonl"),
            },
        });
        let path = dir.join("guardbee.yaml");
        fs::write(&path, config.to_string())?; // JSON is YAML
        let mut command = Command::new(&place.guardbee);
        command.args(["run", "--config"]).arg(&path).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let mut process = Process::start("guardbee", command, dir.join("log"))?;
        process.wait_until_said("guardbee: ready", READY_LIMIT)?;
        Ok(Self { process, dir })
    }

    /// Findings, OCSF, one a line.
    pub(super) fn findings(&self) -> PathBuf {
        self.dir.join("findings.jsonl")
    }

    /// Every sealed record, OTLP JSON, one a line.
    pub(super) fn records(&self) -> PathBuf {
        self.dir.join("records.jsonl")
    }

    /// Ends it. What was measured stands even if it doesn't end well, so that is only said.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        if let Err(error) = self.process.stop(STOP_LIMIT) {
            println!("   the sensor did not stop well: {error:#}");
        }
        fs::remove_dir_all(&self.dir).with_context(|| format!("remove {}", self.dir.display()))
    }

    /// Loader and pipeline.
    fn processes(&self) -> Vec<u32> {
        family(self.process.pid())
    }

    /// CPU time of both so far, ns.
    pub(super) fn cpu_ns(&self) -> anyhow::Result<f64> {
        self.processes().into_iter().map(cpu_ns).sum()
    }

    /// Bytes: proportional share of both processes' memory, and what the kernel charges for BPF maps. The rings, which the
    /// pipeline has mapped, count as maps only.
    pub(super) fn memory(&self) -> anyhow::Result<f64> {
        let mut bytes = self.map_bytes();
        for pid in self.processes() {
            bytes += process_bytes(pid)?;
        }
        Ok(bytes as f64)
    }

    /// Bytes: the most that the processes ever had, shared pages in each, and the maps.
    pub(super) fn peak(&self) -> anyhow::Result<f64> {
        let mut bytes = self.map_bytes();
        for pid in self.processes() {
            bytes += status(pid, "VmHWM:")?.context("VmHWM")? * 1024;
        }
        Ok(bytes as f64)
    }

    /// BPF maps of which these processes hold descriptors, each once.
    pub(super) fn map_bytes(&self) -> u64 {
        let mut maps = BTreeMap::new();
        for pid in self.processes() {
            let Ok(files) = fs::read_dir(format!("/proc/{pid}/fdinfo")) else { continue };
            for info in files.flatten().filter_map(|file| fs::read_to_string(file.path()).ok()) {
                if let (Some(id), Some(bytes)) = (number(&info, "map_id:"), number(&info, "memlock:")) {
                    maps.insert(id, bytes);
                }
            }
        }
        maps.values().sum()
    }

    /// How often a thread of either went to sleep so far, so how often it was woken.
    pub(super) fn sleeps(&self) -> u64 {
        let mut sleeps = 0;
        for pid in self.processes() {
            let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { continue };
            for thread in threads.flatten() {
                let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
                sleeps += number(&status, "voluntary_ctxt_switches:").unwrap_or_default();
            }
        }
        sleeps
    }
}

/// Proportional share of all mappings but BPF maps.
fn process_bytes(pid: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/smaps");
    let smaps = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    Ok(pss_without_maps(&smaps))
}

fn pss_without_maps(smaps: &str) -> u64 {
    let (mut bytes, mut map) = (0, false);
    for line in smaps.lines() {
        // The head of a mapping begins with its address range, other lines with a capital.
        if line.starts_with(|first: char| first.is_ascii_hexdigit() && !first.is_ascii_uppercase()) {
            map = line.contains("anon_inode:bpf");
        } else if !map {
            bytes += number(line, "Pss:").unwrap_or_default() * 1024;
        }
    }
    bytes
}

fn status(pid: u32, name: &str) -> anyhow::Result<Option<u64>> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    Ok(number(&status, name))
}

/// The number in the line that begins with `name`.
fn number(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_are_left_out_of_the_processes() {
        let smaps = "\
7f00-7f10 rw-p 00000000 00:00 0    [heap]
Size:   64 kB
Pss:    40 kB
Pss_Dirty:    40 kB
VmFlags: rd wr
ae00-af00 rw-s 00000000 00:0e 1033    anon_inode:bpf-map
Pss:    8192 kB
55aa-55bb r-xp 00000000 fe:00 77    /usr/bin/guardbee
Pss:    3 kB
";
        assert_eq!(pss_without_maps(smaps), 43 * 1024);
    }
}
