//! The pipeline as a child: our own binary under another uid, with one socket and nothing else.
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use guardbee_wire::Reply;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::{EXECUTABLE, Error};

/// What a killed process needs to end, unless it waits where no signal reaches it.
const DEATH_TIME: Duration = Duration::from_secs(2);

/// How to start the pipeline.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// Arguments for our own binary; the RPC socket is its standard input.
    pub args: Vec<OsString>,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// Not 0.
    pub uid: u32,
    /// Not 0; supplementary groups are cleared.
    pub gid: u32,
}

/// A pipeline that was started and not yet waited for.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    pidfd: OwnedFd,
    pub(crate) socket: OwnedFd,
    pub(crate) started: Instant,
    /// When it is killed if it has not ended: it was told to stop, or closed its socket.
    pub(crate) kill_at: Option<Instant>,
    /// When it is left behind if it was killed and has not ended.
    pub(crate) leave_at: Option<Instant>,
    /// The peer closed: nothing to read any more.
    pub(crate) hung_up: bool,
    /// An answer that the socket had no room for. No request is read before it is sent.
    pub(crate) unsent: Option<(Reply, Vec<OwnedFd>)>,
    pub(crate) key_given: bool,
    pub(crate) served: Served,
}

/// What one pipeline asked, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Requests answered, refused ones included.
    pub requests: u64,
    /// Datagrams that were no requests.
    pub malformed: u64,
    /// Datagrams whose descriptors the kernel discarded: we take none.
    pub with_descriptors: u64,
    /// Answers without their descriptors, because too many were in flight.
    pub without_descriptors: u64,
    /// Files that could not be opened in time, because of whoever serves them.
    pub late: u64,
}

impl Pipeline {
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.uid == 0 || self.gid == 0 { Err(Error::RootPipeline) } else { Ok(()) }
    }

    /// fork and exec. Setting a uid clears the supplementary groups and, by the kernel's rule, all capabilities; every
    /// descriptor of ours is close-on-exec.
    pub(crate) fn start(&self) -> Result<Running, Error> {
        let pair = || socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None);
        let (ours, theirs) = pair().map_err(Error::system("make the pipeline's socket"))?;
        let child = Command::new(EXECUTABLE)
            .args(&self.args)
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(Stdio::from(theirs))
            .uid(self.uid)
            .gid(self.gid)
            .process_group(0)
            .spawn()
            .map_err(|source| Error::Spawn { what: "the pipeline", source })?;
        let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())
            .map_err(Error::system("open the pipeline's pidfd"))?;
        Ok(Running {
            child,
            pidfd,
            socket: ours,
            started: Instant::now(),
            kill_at: None,
            leave_at: None,
            hung_up: false,
            unsent: None,
            key_given: false,
            served: Served::default(),
        })
    }
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Asks it to end, and sees to it that it does.
    pub(crate) fn stop(&mut self, within: Duration) -> Result<(), Error> {
        self.kill_at.get_or_insert_with(|| Instant::now() + within);
        self.signal(Signal::TERM)
    }

    /// Tells it to read its files again.
    pub(crate) fn reload(&self) -> Result<(), Error> {
        self.signal(Signal::HUP)
    }

    pub(crate) fn kill(&mut self) -> Result<(), Error> {
        self.kill_at = None;
        self.leave_at.get_or_insert_with(|| Instant::now() + DEATH_TIME);
        self.signal(Signal::KILL)
    }

    /// It was killed, and a thread of it waits where nothing reaches it.
    pub(crate) fn is_left(&self, now: Instant) -> bool {
        self.leave_at.is_some_and(|at| now >= at)
    }

    /// A process that has ended already is what we wanted.
    fn signal(&self, signal: Signal) -> Result<(), Error> {
        match pidfd_send_signal(&self.pidfd, signal) {
            Err(rustix::io::Errno::SRCH) => Ok(()),
            other => other.map_err(Error::system("signal the pipeline")),
        }
    }

    /// Its status, once the pidfd is readable.
    pub(crate) fn reap(&mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }

    /// What is left to be waited for, some time.
    pub(crate) fn into_child(self) -> Child {
        self.child
    }
}
