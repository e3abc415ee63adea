//! Programs on a file system whose server is silent: whoever opens, stats or reads them waits, and can't even be killed.
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use guardbee_wire::{Status, Thing};
use nix::sys::signal::Signal;
use rustix::thread::CapabilitySet;

use crate::roles::{end_with_loader, figure, ready, say};
use crate::rpc::{Client, Error, Target};
use crate::served::Served;
use crate::stage::{DEADLINE, Stage, start_ns, status, until};

/// A program that runs from such a file system.
struct Program {
    child: Child,
    served: Served,
}

impl Program {
    fn start(name: &str) -> Self {
        let folder: PathBuf = std::env::temp_dir().join(format!("guardbee-{name}-{}", std::process::id()));
        let served = Served::mount(&folder, None);
        // The kernel asks once whether it should tell of closing; whoever closes what he opened doesn't wait then.
        drop(File::open(served.program()).unwrap());
        let child = Command::new(served.program()).arg("600").spawn().unwrap();
        let program = served.program();
        until("the program runs", || {
            std::fs::read_link(format!("/proc/{}/exe", child.id())).is_ok_and(|exe| exe == program)
        });
        Self { child, served }
    }

    fn name(&self) -> [String; 2] {
        [self.child.id().to_string(), start_ns(self.child.id()).to_string()]
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.served.be_silent(false);
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn target(args: &[String]) -> Target {
    Target { tgid: args[0].parse().unwrap(), start_ns: args[1].parse().unwrap() }
}

fn refusal(outcome: Result<File, Error>) -> Option<Status> {
    match outcome {
        Ok(_) => None,
        Err(Error::Refused(status, _)) => Some(status),
        Err(error) => panic!("{error}"),
    }
}

/// Of argv who is silent, and who isn't.
pub(crate) fn ask(client: &Client, args: &[String]) {
    let (silent, other) = (target(args), target(&args[2..]));
    let reply = client.hello().unwrap().reply;
    let (mut late, mut longest) = (0, Duration::ZERO);
    loop {
        match refusal(client.open(silent, Thing::Exe)) {
            Some(Status::Late) => late += 1,
            other => break assert_eq!(other, Some(Status::Busy), "after {late}"),
        }
        let began = Instant::now();
        client.heartbeat(reply.previous_sequence, [1; 32]).unwrap();
        assert_eq!(refusal(client.open(other, Thing::Cmdline)), None);
        longest = longest.max(began.elapsed());
        assert!(late < 1000);
        if late == 3 {
            assert_eq!(refusal(client.open(other, Thing::Exe)), None, "others are opened meanwhile");
            assert_eq!(refusal(client.open(other, Thing::Passwd)), None);
        }
    }
    say(&format!("hang {late}"));
    let deadline = Instant::now() + DEADLINE;
    while refusal(client.open(silent, Thing::Exe)).is_some() {
        assert!(Instant::now() < deadline, "it is not opened again");
        std::thread::sleep(Duration::from_millis(5));
    }
    say("opened");
    while refusal(client.open(silent, Thing::Exe)) != Some(Status::Late) {
        assert!(Instant::now() < deadline, "it is silent again");
    }
    ready();
    end_with_loader(client);
}

pub(crate) fn who_is_silent_holds_up_nobody() {
    let silent = Program::start("silent");
    let own = std::process::id();
    let [pid, start] = silent.name();
    silent.served.be_silent(true);
    let mut stage = Stage::new(&["silent", &pid, &start, &own.to_string(), &start_ns(own).to_string()], &[]);
    let hang: usize = stage.expect("hang").parse().unwrap();
    assert!(hang > 3, "{hang}");
    silent.served.be_silent(false);
    stage.expect("opened");
    silent.served.be_silent(true);
    stage.pipeline();
    let opener = opener_of(stage.loader());
    check_rights(opener);
    stage.signal(Signal::SIGTERM);
    let ended = stage.expect_with("notice", "ended");
    assert!(ended.contains("opened too late") && !ended.contains(" 0 opened too late"), "{ended}");
    stage.expect("outcome");
    assert!(stage.ended().success(), "the loader ends, whatever its opener waits for");
    assert!(lives(opener), "nothing ends it");
    silent.served.be_silent(false);
    until("the opener ends", || !lives(opener));
    figure(&format!(
        "{hang} opens hang at once, each given up after a fifth of a second; loader and others unhindered"
    ));
}

/// Reads it over and over.
pub(crate) fn read(client: &Client, args: &[String]) {
    let file = client.open(target(args), Thing::Exe).unwrap();
    ready();
    loop {
        file.read_at(&mut [0; 4096], 0).unwrap();
    }
}

pub(crate) fn a_pipeline_that_cannot_end_is_left_behind() {
    let silent = Program::start("read");
    let [pid, start] = silent.name();
    let mut stage = Stage::new(&["reads", &pid, &start], &[]);
    let pipeline = stage.pipeline();
    silent.served.be_silent(true);
    until("the pipeline hangs", || silent.served.waiting() > 0);
    stage.signal(Signal::SIGTERM);
    stage.expect_with("notice", "left behind");
    assert_eq!(stage.expect("outcome"), "signal: 9 (SIGKILL)");
    stage.ended();
    assert!(lives(pipeline), "nothing ends it");
    silent.served.be_silent(false);
    until("the pipeline ends", || !lives(pipeline));
}

fn opener_of(loader: u32) -> u32 {
    let children = std::fs::read_to_string(format!("/proc/{loader}/task/{loader}/children")).unwrap();
    let mut children = children.split_whitespace().map(|pid| pid.parse().unwrap());
    let is_opener = |pid: &u32| {
        std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.ends_with(b"\0opener\0"))
    };
    children.find(is_opener).unwrap()
}

/// Nothing but to open, and nothing in its hands that would stay when it does.
fn check_rights(opener: u32) {
    let kept = (CapabilitySet::SYS_PTRACE | CapabilitySet::DAC_READ_SEARCH).bits();
    for (set, bits) in [("CapPrm", kept), ("CapEff", kept), ("CapInh", 0), ("CapAmb", 0), ("CapBnd", 0)] {
        assert_eq!(status(opener, set), format!("{bits:016x}"), "{set}");
    }
    assert_eq!(status(opener, "NoNewPrivs"), "1");
    for fd in std::fs::read_dir(format!("/proc/{opener}/fd")).unwrap() {
        let what = std::fs::read_link(fd.unwrap().path()).unwrap_or_default();
        assert!(!what.to_string_lossy().starts_with("anon_inode"), "{}", what.display());
    }
}

/// Not a zombie either, which nobody may wait for here.
fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let mut tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let dead = |stat: &str| {
        stat.rsplit_once(')').is_none_or(|(_, rest)| rest.starts_with(" Z") || rest.starts_with(" X"))
    };
    !dead(&stat)
        || tasks.any(|task| !dead(&std::fs::read_to_string(task.path().join("stat")).unwrap_or_default()))
}
