//! Starts a loader with a pipeline and talks to both: what they print, their /proc, their end.
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Everything that a test waits for comes much sooner.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// A running loader. Killed when dropped, and the pipeline with it.
pub(crate) struct Stage {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Stage {
    /// `role` is what the pipeline does; `options` are the loader's.
    pub(crate) fn new(role: &[&str], options: &[&str]) -> Self {
        let mut child = Command::new("/proc/self/exe")
            .arg("loader")
            .args(options)
            .arg("--")
            .args(role)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = sync_channel(4096);
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, seen: Vec::new() }
    }

    pub(crate) fn loader(&self) -> u32 {
        self.child.id()
    }

    /// The rest of the next line that begins with `word`.
    pub(crate) fn expect(&mut self, word: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if let Some(rest) = line.strip_prefix(word) {
                        return rest.trim().to_owned();
                    }
                    assert!(!line.contains("panicked"), "{line}");
                }
                Err(RecvTimeoutError::Timeout) => panic!("no `{word}` in time after {:#?}", self.seen),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("ended without `{word}` after {:#?}", self.seen)
                }
            }
        }
    }

    /// Likewise of the next one that also has `part`.
    pub(crate) fn expect_with(&mut self, word: &str, part: &str) -> String {
        loop {
            let line = self.expect(word);
            if line.contains(part) {
                return line;
            }
        }
    }

    /// The pid of the pipeline that says next that it is ready.
    pub(crate) fn pipeline(&mut self) -> u32 {
        self.expect("ready").parse().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        signal_process(self.loader(), signal);
    }

    /// The loader's status once it has ended by itself.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        until("the loader ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_some()) {
            return;
        }
        // By TERM, so that the pipeline doesn't outlive the loader and complain.
        signal_process(self.loader(), Signal::SIGTERM);
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.child.try_wait().is_ok_and(|status| status.is_none()) {
            if Instant::now() >= deadline {
                self.child.kill().ok();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

pub(crate) fn signal_process(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
}

/// Waits for a condition.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A field of /proc/PID/status.
pub(crate) fn status(pid: u32, field: &str) -> String {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap();
    line.trim().to_owned()
}

pub(crate) fn alive(pid: u32) -> bool {
    std::fs::exists(format!("/proc/{pid}")).unwrap()
}

/// Open descriptors.
pub(crate) fn descriptors(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// A process as the RPC names it, by its start in whole ticks.
pub(crate) fn start_ns(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let ticks: u64 = stat.rsplit_once(')').unwrap().1.split(' ').nth(20).unwrap().parse().unwrap();
    ticks * (1_000_000_000 / rustix::param::clock_ticks_per_second())
}
