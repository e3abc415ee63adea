//! How both processes are confined here, found out instead of stated: by a thread that gives up what the loader gives up, and
//! by a pipeline that it starts as the loader does.
use std::io;
use std::os::unix::fs::MetadataExt;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::thread::{CapabilitySet, capabilities};

use crate::capability;
use crate::pipeline::{Pipeline, Running};

/// For a pipeline to enter its sandbox.
const PATIENCE: Duration = Duration::from_secs(10);

/// Both.
#[derive(Clone, Debug)]
pub struct Cage {
    /// Capabilities that a loader has left once it has given up the others; or why it can't.
    pub loader: Result<CapabilitySet, String>,
    /// The pipeline in its sandbox; or why it isn't in it.
    pub pipeline: Result<Caged, String>,
}

/// A pipeline in its sandbox, as the kernel shows it to others.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "facts, each of its own")]
pub struct Caged {
    /// What it said of Landlock, which nobody else can see: `full`, `partial`, `none`.
    pub landlock: String,
    /// Real, effective, saved and file system user are this one.
    pub uid: Option<u32>,
    /// No set holds a capability.
    pub no_capability: bool,
    /// No exec gives more rights.
    pub no_new_privs: bool,
    /// Its system calls are filtered.
    pub seccomp: bool,
    /// Its memory is root's.
    pub not_dumpable: bool,
}

/// Capabilities are a thread's: the caller keeps its own.
pub(crate) fn find_out(pipeline: &Pipeline) -> Cage {
    let nobody = |why: &str| Cage { loader: Err(why.into()), pipeline: Err(why.into()) };
    thread::scope(|scope| {
        let confined = thread::Builder::new().name("cage".into()).spawn_scoped(scope, || confine(pipeline));
        match confined.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(cage)) => cage,
            Ok(Err(_)) => nobody("the thread that looked has panicked"),
            Err(error) => nobody(&format!("start a thread to look: {error}")),
        }
    })
}

fn confine(pipeline: &Pipeline) -> Cage {
    let dropped = capability::drop_rest().map_err(|error| error.to_string());
    let left = || capabilities(None).map_err(|errno| format!("read the capabilities that are left: {errno}"));
    let sets = dropped.and_then(|()| left());
    Cage {
        loader: sets.map(|sets| sets.permitted | sets.effective | sets.inheritable),
        pipeline: start(pipeline),
    }
}

fn start(pipeline: &Pipeline) -> Result<Caged, String> {
    pipeline.check().map_err(|error| error.to_string())?;
    let mut running = pipeline.start().map_err(|error| crate::doctor::causes(&error))?;
    let seen = answer(&running).and_then(|landlock| look(running.id(), landlock));
    // It would end by itself when its socket is closed, unless it has not even come so far.
    running.kill().map_err(|error| error.to_string())?;
    running.reap().map_err(|error| error.to_string())?;
    seen.map_err(|error| error.to_string())
}

/// What the pipeline says once it is in its sandbox.
fn answer(running: &Running) -> io::Result<String> {
    let timeout = Timespec::try_from(PATIENCE).map_err(io::Error::other)?;
    if poll(&mut [PollFd::new(&running.socket, PollFlags::IN)], Some(&timeout))? == 0 {
        return Err(io::Error::other(format!("it has not entered its sandbox within {PATIENCE:?}")));
    }
    let mut said = [0; 64];
    match rustix::io::read(&running.socket, &mut said)? {
        0 => Err(io::Error::other("it has ended before it was in its sandbox, and said why")),
        length => Ok(String::from_utf8_lossy(said.get(..length).unwrap_or_default()).into_owned()),
    }
}

fn look(pid: u32, landlock: String) -> io::Result<Caged> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| {
        let of = |line: &str| line.strip_prefix(name)?.strip_prefix(':').map(|value| value.trim().to_owned());
        status.lines().find_map(of).unwrap_or_default()
    };
    let uids = field("Uid");
    let mut uids = uids.split_whitespace();
    let uid = uids.next().filter(|first| uids.all(|uid| uid == *first)).and_then(|uid| uid.parse().ok());
    let sets = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];
    Ok(Caged {
        landlock,
        uid,
        no_capability: sets.iter().all(|set| u64::from_str_radix(&field(set), 16) == Ok(0)),
        no_new_privs: field("NoNewPrivs") == "1",
        seccomp: field("Seccomp") == "2",
        not_dumpable: std::fs::metadata(format!("/proc/{pid}/mem"))?.uid() == 0,
    })
}
