//! Nobody reads what is said any more: commands end as others do, and the sensor goes on. The sensor needs root and a kernel
//! with BTF; fails without.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs::{self, Permissions},
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::{PermissionsExt as _, chown},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The deadline of whatever must happen.
const SOON: Duration = Duration::from_mins(1);
/// Whom the pipeline runs as.
const UID: u32 = 65532;

/// Ended when the test is.
struct Running(Child);

impl Running {
    fn pid(&self) -> Pid {
        Pid::from_raw(self.0.id().try_into().unwrap())
    }

    /// The last child of the loader.
    fn pipeline(&self) -> Option<Pid> {
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.pid())).unwrap();
        children.split_whitespace().next_back().map(|pid| Pid::from_raw(pid.parse().unwrap()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.try_wait().is_ok_and(|status| status.is_none()) {
            kill(self.pid(), Signal::SIGTERM).ok();
            self.0.wait().ok();
        }
    }
}

fn guardbee() -> Command {
    Command::new(env!("CARGO_BIN_EXE_guardbee"))
}

#[test]
fn a_command_whose_reader_has_seen_enough_ends() {
    for words in [
        &["rules", "check"][..],
        &["rules", "check", "--json"],
        &["rules", "schema"],
        &["completions", "bash"],
        &["config", "show"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let out = guardbee().args(words).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&out.stderr), "", "{words:?}");
        assert_eq!(out.status.code(), Some(141), "{words:?}: 128 + SIGPIPE, as shells count");
    }
}

#[test]
fn what_could_not_be_said_is_an_error() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let out = guardbee().args(["rules", "check"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(said.contains("write to standard output: No space left"), "{said}");
    assert_eq!(out.status.code(), Some(2));
}

/// Whoever collects the sensor's messages may be gone long before it.
#[test]
fn a_sensor_outlives_the_reader_of_its_messages() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let (out, records) = (folder.path().join("out"), folder.path().join("out/records.jsonl"));
    fs::create_dir(&out).unwrap();
    chown(&out, Some(UID), Some(UID)).unwrap();
    let (messages, writer) = std::io::pipe().unwrap();
    let mut command = guardbee();
    command.args(["run", "--set", "deliver.console=false", "--set"]);
    command.arg(format!("deliver.records_file={}", records.display())).stderr(writer);
    let mut sensor = Running(command.spawn().unwrap());
    drop(command);
    let mut lines = BufReader::new(messages);
    let mut said = String::new();
    while !said.ends_with("guardbee: ready\n") {
        assert_ne!(lines.read_line(&mut said).unwrap(), 0, "{said}");
    }
    drop(lines);

    // The loader says that the pipeline has ended, and that there is another one.
    let first = sensor.pipeline().unwrap();
    kill(first, Signal::SIGKILL).unwrap();
    let told = || fs::read_to_string(&records).unwrap_or_default().contains("\"guardbee.gap\"");
    let deadline = Instant::now() + SOON;
    while !told() {
        assert!(Instant::now() < deadline, "no pipeline has told of the gap");
        assert_eq!(sensor.0.try_wait().unwrap(), None, "the loader has ended");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(sensor.pipeline().is_some_and(|second| second != first));
    kill(sensor.pid(), Signal::SIGTERM).unwrap();
    assert_eq!(sensor.0.wait().unwrap().code(), Some(0));
    let mut written = String::new();
    fs::File::open(&records).unwrap().read_to_string(&mut written).unwrap();
    assert!(written.contains("\"guardbee.stop\""), "{written}");
}
