//! Processes that a run starts: each leads a process group of its own, and is ended by its id.
use anyhow::{Context as _, bail, ensure};
use nix::{
    sys::signal::{SigSet, Signal, kill, killpg},
    unistd::Pid,
};
use std::{
    borrow::BorrowMut,
    collections::BTreeSet,
    fs::{self, File},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Groups that run now: whoever stops the harness stops them too.
static RUNNING: Mutex<BTreeSet<Pid>> = Mutex::new(BTreeSet::new());

/// From now on SIGINT and SIGTERM end what was started, remove `dirs`, and end the harness. Call it before other threads begin.
pub(crate) fn end_on_signals(dirs: Vec<PathBuf>) -> anyhow::Result<()> {
    let signals = stop_signals();
    signals.thread_block().context("block signals")?;
    std::thread::spawn(move || {
        if signals.wait().is_ok() {
            for group in RUNNING.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                killpg(*group, Signal::SIGKILL).ok();
            }
            for dir in dirs {
                fs::remove_dir_all(dir).ok();
            }
            std::process::exit(130);
        }
    });
    Ok(())
}

fn stop_signals() -> SigSet {
    [Signal::SIGINT, Signal::SIGTERM].into_iter().collect()
}

/// How often a condition is looked at.
/// For a process that is dropped: the kernel takes about 70 ms to let go of each of perf's tracepoints, one after another.
const END_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

/// A started process and its log; dropped, it and its group are ended.
pub(crate) struct Process {
    child: Child,
    group: Pid,
    name: String,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with both outputs in `log`.
    pub(crate) fn start(name: &str, command: impl BorrowMut<Command>, log: PathBuf) -> anyhow::Result<Self> {
        let file = create(&log)?;
        Self::spawn(name, command, file.try_clone()?, file, log)
    }

    fn spawn(
        name: &str,
        mut command: impl BorrowMut<Command>,
        out: File,
        err: File,
        log: PathBuf,
    ) -> anyhow::Result<Self> {
        let command = command.borrow_mut();
        command.process_group(0).stdin(Stdio::null()).stdout(out).stderr(err);
        // A process inherits what is blocked, and must end when it is asked to.
        stop_signals().thread_unblock()?;
        let child = command.spawn().with_context(|| format!("start {name}: {command:?}"));
        stop_signals().thread_block()?;
        let child = child?;
        let group = Pid::from_raw(i32::try_from(child.id())?);
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).insert(group);
        Ok(Self { child, group, name: name.to_owned(), log })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `ready` says so; fails when the process ends first, or after `limit`.
    pub(crate) fn wait_until(
        &mut self,
        what: &str,
        limit: Duration,
        mut ready: impl FnMut() -> bool,
    ) -> anyhow::Result<()> {
        let began = Instant::now();
        while !ready() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended ({status}) before it was {what}: {}", self.name, self.tail());
            }
            if began.elapsed() > limit {
                bail!("{} was not {what} within {} s: {}", self.name, limit.as_secs(), self.tail());
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Waits until its log contains `word`.
    pub(crate) fn wait_until_said(&mut self, word: &str, limit: Duration) -> anyhow::Result<()> {
        let log = self.log.clone();
        self.wait_until("ready", limit, || text(&log).contains(word))
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait_end(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if began.elapsed() > limit {
                bail!("{} had not ended after {} s: {}", self.name, limit.as_secs(), self.tail());
            }
            std::thread::sleep(POLL);
        }
    }

    /// SIGTERM to the process alone, then its end.
    pub(crate) fn stop(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        if self.child.try_wait()?.is_none() {
            kill(self.group, Signal::SIGTERM).with_context(|| format!("stop {}", self.name))?;
        }
        self.wait_end(limit)
    }

    /// The log's text.
    pub(crate) fn log(&self) -> String {
        text(&self.log)
    }

    fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().rev().take(6).collect();
        if lines.is_empty() {
            return format!("nothing in {}", self.log.display());
        }
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.stop(END_LIMIT).is_err() {
            println!("{} did not stop when asked to; killed", self.name);
        }
        // What it left behind in its group; none is the usual case.
        killpg(self.group, Signal::SIGKILL).ok();
        self.child.wait().ok();
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.group);
    }
}

fn create(path: &Path) -> anyhow::Result<File> {
    File::create(path).with_context(|| format!("create {}", path.display()))
}

fn text(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// Runs `command` to its end, which must be a good one, and gives what it printed; what it complained of goes to a log in `dir`.
pub(crate) fn output(
    name: &str,
    command: impl BorrowMut<Command>,
    dir: &Path,
    limit: Duration,
) -> anyhow::Result<String> {
    let (printed, log) = (dir.join(format!("{name}.out")), dir.join(format!("{name}.log")));
    let mut process = Process::spawn(name, command, create(&printed)?, create(&log)?, log)?;
    let status = process.wait_end(limit)?;
    ensure!(status.success(), "{name} ended with {status}: {}", process.tail());
    Ok(text(&printed))
}

/// Sends a signal to one process.
pub(crate) fn signal(pid: u32, signal: Signal) -> anyhow::Result<()> {
    kill(Pid::from_raw(i32::try_from(pid)?), signal).with_context(|| format!("send {signal} to {pid}"))
}

/// Processes whose parent is `pid`.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists = threads.flatten().map(|thread| text(&thread.path().join("children")));
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// The process and all that descend from it.
pub(crate) fn family(first: u32) -> Vec<u32> {
    let mut family = vec![first];
    let mut at = 0;
    while let Some(pid) = family.get(at) {
        family.extend(children(*pid));
        at += 1;
    }
    family
}

/// Whether a process holds the server's end of the TCP connection that comes from port `client` of this machine.
pub(crate) fn serves(pid: u32, client: u16) -> bool {
    let sockets = text(Path::new(&format!("/proc/{pid}/net/tcp")));
    let remote = format!(":{client:04X}");
    let Some(inode) = sockets.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        (fields.get(2)?.ends_with(&remote)).then(|| fields.get(9).map(|inode| format!("socket:[{inode}]")))?
    }) else {
        return false;
    };
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|target| target == Path::new(&inode)))
}

/// How many sockets it holds.
pub(crate) fn sockets(pid: u32) -> usize {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return 0 };
    let targets = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
    targets.filter(|target| target.as_os_str().as_encoded_bytes().starts_with(b"socket:")).count()
}

/// Its parent.
pub(crate) fn parent(pid: u32) -> Option<u32> {
    let status = text(Path::new(&format!("/proc/{pid}/status")));
    status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok())
}

/// Waits for a condition; false: it didn't come.
pub(crate) fn wait_for(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if began.elapsed() > limit {
            return false;
        }
        std::thread::sleep(POLL);
    }
}

/// Whether a process has ended, its parent having taken note or not: an orphan waits for pid 1, which has time.
pub(crate) fn ended(pid: u32) -> bool {
    let stat = text(Path::new(&format!("/proc/{pid}/stat")));
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    matches!(state, None | Some('Z' | 'X'))
}
