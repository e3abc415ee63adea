//! What tests of the running sensor have in common: whom its pipeline runs as, how it is started, waited for and ended.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test uses its part; a panic is how it fails"
)]
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, geteuid},
};
use std::{
    env,
    fs::{self, File},
    path::Path,
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

/// The deadline of whatever must happen.
pub const SOON: Duration = Duration::from_mins(1);
/// Whom the pipeline runs as.
pub const UID: u32 = 65532;
const PAUSE: Duration = Duration::from_millis(20);

/// Ended when the test is.
pub struct Running(pub Child);

impl Running {
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.0.id().try_into().unwrap()), signal).ok();
    }

    /// Asks it to end, and waits.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.0.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.try_wait().is_ok_and(|status| status.is_none()) {
            self.stop();
        }
    }
}

pub fn need_root() {
    assert!(geteuid().is_root(), "this test loads BPF programs: run it as root");
}

pub fn wait(what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(what, || condition().then_some(()));
}

pub fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {SOON:?} for {what}");
        std::thread::sleep(PAUSE);
    }
}

pub fn guardbee() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guardbee"));
    without_settings(&mut command);
    command
}

/// The sensor takes each such variable for a setting; the harness has some of its own.
pub fn without_settings(command: &mut Command) {
    for (name, _) in env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"GUARDBEE_")) {
        command.env_remove(name);
    }
}

/// The sensor that `guardbee.yaml` in the folder is about, once it is ready. What it says is in `log` there.
pub fn sensor(folder: &Path, command: &mut Command) -> Running {
    let path = folder.join("log");
    command.arg("run").arg("--config").arg(folder.join("guardbee.yaml")).stderr(File::create(&path).unwrap());
    let mut running = Running(command.spawn().unwrap());
    wait("the sensor", || {
        let ended = running.0.try_wait().unwrap();
        let log = fs::read_to_string(&path).unwrap();
        assert!(ended.is_none() && !log.contains("exit status: 2"), "{log}");
        log.contains("guardbee: ready")
    });
    running
}
