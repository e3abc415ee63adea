//! What processes use: CPU time, memory, wake-ups; and what the kernel charges to BPF programs and maps of theirs.
use anyhow::{Context as _, bail};
use nix::{
    time::{clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::Duration,
};

/// User and system time of a process, ns; threads that have ended included.
pub(super) fn cpu_ns(pid: u32) -> anyhow::Result<f64> {
    let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(pid)?));
    let time = clock.and_then(clock_gettime).with_context(|| format!("read the CPU clock of {pid}"))?;
    Ok(Duration::from(time).as_nanos() as f64)
}

/// What a thread has done so far.
#[derive(Clone, Copy, Default)]
pub(super) struct Thread {
    pub(super) cpu_ns: f64,
    /// How often it went to sleep, so how often it was woken.
    pub(super) wakeups: u64,
}

/// The threads of a process by name; the first one is called `first`.
pub(super) fn threads(pid: u32, first: &str) -> BTreeMap<String, Thread> {
    let mut threads: BTreeMap<String, Thread> = BTreeMap::new();
    for thread in entries(&format!("/proc/{pid}/task")) {
        let used = text(&format!("{thread}/schedstat")).split(' ').next().and_then(|ns| ns.parse().ok());
        let status = text(&format!("{thread}/status"));
        let name = if thread.ends_with(&format!("/{pid}")) {
            first.to_owned()
        } else {
            text(&format!("{thread}/comm")).trim().to_owned()
        };
        let total = threads.entry(name).or_default();
        total.cpu_ns += used.unwrap_or(0.0);
        total.wakeups += number(&status, "voluntary_ctxt_switches:").unwrap_or_default();
    }
    threads
}

/// What a program did, as the kernel counts while its measuring is on.
#[derive(Clone, Copy, Default)]
pub(super) struct Ran {
    pub(super) times: u64,
    pub(super) ns: u64,
}

/// The process' attached programs by tracepoint.
pub(super) fn programs(pid: u32) -> anyhow::Result<BTreeMap<String, Ran>> {
    let files: Vec<String> = entries(&format!("/proc/{pid}/fdinfo")).iter().map(|path| text(path)).collect();
    let (mut programs, mut counted) = (BTreeMap::new(), BTreeSet::new());
    for link in files.iter().filter(|file| file.contains("link_type:")) {
        let hook = match word(link, "link_type:") {
            Some("raw_tracepoint") => name_in(link)?.to_owned(),
            // Of what perf has, syscalls alone are hooked; Linux names no system here.
            Some("perf") => format!("syscalls:{}", name_in(link)?),
            Some("iter") => continue, // run when they are read only
            other => bail!("the sensor has a link of kind {other:?}: the floor has tracepoints only"),
        };
        let id = number(link, "prog_id:").context("a link names no program")?;
        let program =
            files.iter().find(|file| file.contains("run_cnt:") && number(file, "prog_id:") == Some(id));
        let count = |name| program.and_then(|program| number(program, name)).unwrap_or_default();
        // A program and its spares share a hook; what a program did at several counts at the first.
        let ran: &mut Ran = programs.entry(hook).or_default();
        if counted.insert(id) {
            ran.times += count("run_cnt:");
            ran.ns += count("run_time_ns:");
        }
    }
    Ok(programs)
}

fn name_in(link: &str) -> anyhow::Result<&str> {
    word(link, "tp_name:").context("a link names no tracepoint: Linux says so of perf's since 6.17")
}

/// Bytes of the BPF maps that a process has descriptors of, by map.
pub(super) fn maps(pid: u32) -> BTreeMap<u64, u64> {
    let files = entries(&format!("/proc/{pid}/fdinfo"));
    let infos = files.iter().map(|path| text(path));
    infos.filter_map(|info| Some((number(&info, "map_id:")?, number(&info, "memlock:")?))).collect()
}

/// Bytes: proportional share of all mappings but BPF maps.
pub(super) fn private_bytes(pid: u32) -> anyhow::Result<u64> {
    Ok(mappings(pid)?.0)
}

/// Bytes: the most that was ever resident, without the BPF maps that are now.
pub(super) fn peak_bytes(pid: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/status");
    let peak = number(&text(&path), "VmHWM:").with_context(|| format!("read VmHWM in {path}"))?;
    Ok((peak * 1024).saturating_sub(mappings(pid)?.1))
}

fn mappings(pid: u32) -> anyhow::Result<(u64, u64)> {
    let path = format!("/proc/{pid}/smaps");
    let smaps = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    Ok(shares(&smaps))
}

/// Bytes: proportional share of what is no BPF map, and what of BPF maps is resident.
fn shares(smaps: &str) -> (u64, u64) {
    let (mut own, mut maps, mut map) = (0, 0, false);
    for line in smaps.lines() {
        // The head of a mapping begins with its address range, other lines with a capital.
        if line.starts_with(|first: char| first.is_ascii_hexdigit() && !first.is_ascii_uppercase()) {
            map = line.contains("anon_inode:bpf");
        } else if map {
            maps += number(line, "Rss:").unwrap_or_default() * 1024;
        } else {
            own += number(line, "Pss:").unwrap_or_default() * 1024;
        }
    }
    (own, maps)
}

/// Paths in a folder; none if it went away.
fn entries(folder: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.flatten().map(|entry| entry.path().to_string_lossy().into_owned()).collect()
}

/// A file of /proc; empty if what it tells of went away.
fn text(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The first word in the line that begins with `name`.
fn word<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()
}

fn number(text: &str, name: &str) -> Option<u64> {
    word(text, name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_are_told_from_the_rest() {
        let smaps = "\
7f00-7f10 rw-p 00000000 00:00 0    [heap]
Size:   64 kB
Rss:    60 kB
Pss:    40 kB
Pss_Dirty:    40 kB
VmFlags: rd wr
ae00-af00 rw-s 00000000 00:0e 1033    anon_inode:bpf-map
Rss:    8192 kB
Pss:    8192 kB
55aa-55bb r-xp 00000000 fe:00 77    /usr/bin/guardbee
Rss:    5 kB
Pss:    3 kB
";
        assert_eq!(shares(smaps), (43 * 1024, 8192 * 1024));
    }
}
