//! Processes that a benchmark starts, and the wish to stop: every wait here has an end, and ends at Ctrl-C.
use anyhow::{Context as _, bail, ensure};
use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use std::{
    fs::{self, File},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// How often a condition is looked at: seldom, because the loads share their CPUs with us.
const POLL: Duration = Duration::from_millis(10);
/// For servers to end when asked to.
const STOP_LIMIT: Duration = Duration::from_secs(15);

static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on SIGINT and SIGTERM let every wait fail, so that what was started is ended on the way out.
pub(super) fn catch_interrupts() -> anyhow::Result<()> {
    let flag = INTERRUPTED.get_or_init(Arc::default);
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(flag)).context("catch SIGINT and SIGTERM")?;
    }
    Ok(())
}

/// An error once there was a SIGINT or SIGTERM.
pub(super) fn ensure_wanted() -> anyhow::Result<()> {
    let interrupted = INTERRUPTED.get().is_some_and(|flag| flag.load(Ordering::Relaxed));
    ensure!(!interrupted, "interrupted");
    Ok(())
}

/// Waits for a condition; false: it didn't come within `limit`.
pub(super) fn wait_for(limit: Duration, mut condition: impl FnMut() -> bool) -> anyhow::Result<bool> {
    let began = Instant::now();
    while !condition() {
        ensure_wanted()?;
        if began.elapsed() > limit {
            return Ok(false);
        }
        std::thread::sleep(POLL);
    }
    Ok(true)
}

/// Lets time pass.
pub(super) fn pause(time: Duration) -> anyhow::Result<()> {
    wait_for(time, || false).map(drop)
}

/// A started process in a group of its own; dropped, it and its group are ended.
pub(super) struct Process {
    child: Child,
    group: Pid,
    name: &'static str,
    out: PathBuf,
}

impl Process {
    /// Starts `command`, its outputs to `NAME.out` and `NAME.err` in `dir`.
    pub(super) fn start(name: &'static str, command: &mut Command, dir: &Path) -> anyhow::Result<Self> {
        ensure_wanted()?;
        let out = dir.join(format!("{name}.out"));
        let create = |path: &Path| File::create(path).with_context(|| format!("create {}", path.display()));
        command.process_group(0).stdin(Stdio::null()).stdout(create(&out)?);
        command.stderr(create(&out.with_extension("err"))?);
        let child = command.spawn().with_context(|| format!("start {name}: {command:?}"))?;
        let group = Pid::from_raw(i32::try_from(child.id())?);
        Ok(Self { child, group, name, out })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed to standard output.
    pub(super) fn printed(&self) -> String {
        text(&self.out)
    }

    /// What it has printed to standard error.
    pub(super) fn said(&self) -> String {
        text(&self.out.with_extension("err"))
    }

    /// Waits until it is `ready`; fails when it ends before.
    pub(super) fn wait_until(
        &mut self,
        limit: Duration,
        mut ready: impl FnMut(&Self) -> bool,
    ) -> anyhow::Result<()> {
        let mut ended = None;
        let came = wait_for(limit, || {
            ended = self.child.try_wait().ok().flatten();
            ended.is_some() || ready(self)
        })?;
        match ended {
            Some(status) => bail!("{} ended ({status}) before it was ready: {}", self.name, self.tail()),
            None if !came => bail!("{} was not ready in {} s: {}", self.name, limit.as_secs(), self.tail()),
            None => Ok(()),
        }
    }

    /// Waits until it has ended well.
    pub(super) fn wait_end(&mut self, limit: Duration) -> anyhow::Result<()> {
        let mut ended = None;
        wait_for(limit, || {
            ended = self.child.try_wait().ok().flatten();
            ended.is_some()
        })?;
        match ended {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!("{} ended with {status}: {}", self.name, self.tail()),
            None => bail!("{} had not ended after {} s: {}", self.name, limit.as_secs(), self.tail()),
        }
    }

    /// SIGTERM to the process alone, then its end, well.
    pub(super) fn stop(&mut self) -> anyhow::Result<()> {
        if self.child.try_wait()?.is_none() {
            kill(self.group, Signal::SIGTERM).with_context(|| format!("stop {}", self.name))?;
        }
        self.wait_end(STOP_LIMIT)
    }

    fn tail(&self) -> String {
        let all = self.said() + &self.printed();
        let lines: Vec<&str> = all.lines().collect();
        lines.split_at(lines.len().saturating_sub(4)).1.join(" | ")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Not by `wait_end`: that one gives up at once after Ctrl-C.
        let began = Instant::now();
        if matches!(self.child.try_wait(), Ok(None)) {
            kill(self.group, Signal::SIGTERM).ok();
            while matches!(self.child.try_wait(), Ok(None)) && began.elapsed() < STOP_LIMIT {
                std::thread::sleep(POLL);
            }
        }
        killpg(self.group, Signal::SIGKILL).ok(); // what it left behind; none is the usual case
        self.child.wait().ok();
    }
}

fn text(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// Runs `command` to its end and gives what it printed.
pub(super) fn output(
    name: &'static str,
    command: &mut Command,
    dir: &Path,
    limit: Duration,
) -> anyhow::Result<String> {
    let mut process = Process::start(name, command, dir)?;
    process.wait_end(limit)?;
    Ok(process.printed())
}

/// Whether a program of this name can be started.
pub(super) fn installed(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// The process and all that descend from it.
pub(super) fn family(first: u32) -> Vec<u32> {
    let mut family = vec![first];
    let mut at = 0;
    while let Some(pid) = family.get(at) {
        family.extend(children(*pid));
        at += 1;
    }
    family
}

fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists = threads.flatten().map(|thread| text(&thread.path().join("children")));
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// User and system time of a process in ns, to the clock tick (10 ms).
pub(super) fn cpu_ns(pid: u32) -> anyhow::Result<f64> {
    const TICK_NS: f64 = 1e9 / 100.0; // USER_HZ: 100 on every architecture that we run on
    let stat =
        fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("read stat of {pid}"))?;
    let (_, fields) = stat.rsplit_once(')').context("stat has no name")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    let ticks: f64 = ticks.sum::<Result<f64, _>>().context("read ticks")?;
    Ok(ticks * TICK_NS)
}
