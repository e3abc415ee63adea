//! The RPC's client half: asks the loader, receives descriptors.
use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use guardbee_wire::{
    ABI, Operation, Policy, Record, Reply, Request, ScopePolicy, Status, Thing, Wants, WatchKey,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendFlags,
    recvmsg, sendmsg,
};
use zerocopy::{FromBytes, IntoBytes};

/// More than any answer carries: rings, counters, ledger, key.
const ANSWER_FDS: usize = guardbee_wire::RINGS + 3;
/// A self-test takes the longest; it starts processes and may have to wait for one that hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// A process as the kernel half names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// In the initial pid namespace.
    pub tgid: u32,
    /// Start of its leader in boot time, nanoseconds.
    pub start_ns: u64,
}

/// Why there is no answer, or not the one that was hoped for.
#[derive(Debug)]
pub enum Error {
    /// The loader has ended: nothing is watched any more. Sign `blind_since`, deliver, exit.
    LoaderGone,
    /// No answer in time.
    Silent,
    /// Something that isn't an answer of this ABI.
    Foreign,
    /// The loader's refusal, and the value beside it (an errno, for [`Status::Refused`]).
    Refused(Status, u64),
    /// A call of our own failed.
    Io(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoaderGone => write!(f, "the loader has ended"),
            Self::Silent => write!(f, "the loader did not answer within {PATIENCE:?}"),
            Self::Foreign => {
                write!(f, "the answer is not of ABI {ABI}: loader and pipeline must be one binary")
            }
            Self::Refused(Status::Refused, errno) => {
                let error = i32::try_from(*errno).map(io::Error::from_raw_os_error);
                write!(f, "the loader could not: {}", error.unwrap_or_else(|_| io::Error::other("no errno")))
            }
            Self::Refused(status, _) => write!(f, "the loader refused: {status:?}"),
            Self::Io(_) => write!(f, "talk to the loader"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::PIPE | Errno::CONNRESET => Self::LoaderGone,
            other => Self::Io(other.into()),
        }
    }
}

/// What the loader hands over.
#[derive(Debug)]
pub struct Hello {
    /// Forks, execs, connections.
    pub security: OwnedFd,
    /// Payload rings, by index.
    pub payload: Vec<OwnedFd>,
    /// The array of `CounterSlot`.
    pub counters: OwnedFd,
    /// What pipelines count what they did in: `guardbee_wire::Ledger`.
    pub ledger: OwnedFd,
    /// The long-term key's file: certify with it, then close it. Only in the first hello of a pipeline.
    pub key: Option<File>,
    /// Sizes, states, what the pipeline before this one left.
    pub reply: Reply,
}

/// The pipeline's end of the socket, for several threads: each has one question at a time, and gets its answer whatever becomes of
/// the others'. One that comes too late is thrown away with its descriptors.
#[derive(Debug)]
pub struct Client {
    socket: OwnedFd,
    last_id: AtomicU64,
    open: Mutex<Questions>,
    /// Somebody got an answer, or the one who waited for all of them doesn't any more.
    moved: Condvar,
}

type Answer = (Reply, Vec<OwnedFd>);

/// Questions without an answer.
#[derive(Debug, Default)]
struct Questions {
    /// Each with its answer, once another thread has received that.
    answers: HashMap<u64, Option<Answer>>,
    /// A thread waits at the socket for everybody.
    received: bool,
}

impl Client {
    /// Over a connected `SOCK_SEQPACKET` socket.
    pub fn new(socket: OwnedFd) -> Self {
        Self { socket, last_id: AtomicU64::new(0), open: Mutex::default(), moved: Condvar::new() }
    }

    /// Over standard input, where the loader puts the socket.
    pub fn inherited() -> io::Result<Self> {
        Ok(Self::new(io::stdin().as_fd().try_clone_to_owned()?))
    }

    /// For poll: readable or hung up while no question is open means that the loader has ended.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Rings, counters and, the first time, the key.
    pub fn hello(&self) -> Result<Hello, Error> {
        let (reply, fds) = self.ask(Request { operation: Operation::Hello as u16, ..Request::default() })?;
        let mut fds = fds.into_iter();
        let mut next = || fds.next().ok_or(Error::Foreign);
        let security = next()?;
        let payload = (0..reply.payload_rings).map(|_| next()).collect::<Result<_, _>>()?;
        let (counters, ledger) = (next()?, next()?);
        let key = if reply.has_key == 1 { Some(File::from(next()?)) } else { None };
        Ok(Hello { security, payload, counters, ledger, key, reply })
    }

    /// What is watched beside the basic events: bits of kinds, as in `guardbee_wire::Operation::Watch`.
    pub fn watch(&self, kinds: u32) -> Result<Reply, Error> {
        let operation = Operation::Watch as u16;
        Ok(self.ask(Request { operation, program: kinds, ..Request::default() })?.0)
    }

    /// A fresh iterator over the processes that exist now.
    pub fn iterate_processes(&self) -> Result<File, Error> {
        self.file(Request { operation: Operation::IterateProcesses as u16, ..Request::default() })
    }

    /// A fresh iterator over the sockets that exist now.
    pub fn iterate_sockets(&self) -> Result<File, Error> {
        self.file(Request { operation: Operation::IterateSockets as u16, ..Request::default() })
    }

    /// A thing of a process, read-only. Its content is the workload's: bounded reads only.
    pub fn open(&self, target: Target, thing: Thing) -> Result<File, Error> {
        let Target { tgid, start_ns } = target;
        let operation = Operation::Open as u16;
        self.file(Request { operation, thing: thing as u16, tgid, start_ns, ..Request::default() })
    }

    /// What a runtime keeps of the container with this id, read-only: bounded reads only.
    pub fn open_record(&self, id: [u8; 32], record: Record) -> Result<File, Error> {
        let operation = Operation::OpenRecord as u16;
        self.file(Request { operation, thing: record as u16, bytes: id, ..Request::default() })
    }

    /// Tells the loader the last batch, for the next pipeline should this one die. The answer says which programs work, and
    /// (`value`) how often the kernel has refused to run one because one was running, at most a second ago.
    pub fn heartbeat(&self, sequence: u64, hash: [u8; 32]) -> Result<Reply, Error> {
        let operation = Operation::Heartbeat as u16;
        let request = Request { operation, offset: sequence, bytes: hash, ..Request::default() };
        Ok(self.ask(request)?.0)
    }

    /// Fires every program; states and errors are in the reply. [`Status::Busy`]: asked too soon again.
    pub fn self_test(&self) -> Result<Reply, Error> {
        Ok(self.ask(Request { operation: Operation::SelfTest as u16, ..Request::default() })?.0)
    }

    /// Says which file events and variables are needed, and the names by which the kernel half may tell them; states and errors of the programs
    /// are in the reply.
    pub fn want(&self, wants: &Wants, names: &[(WatchKey, u32)]) -> Result<Reply, Error> {
        for (WatchKey { role, length, name }, kinds) in names {
            let operation = Operation::WatchName as u16;
            let thing = u16::try_from(*role).unwrap_or(u16::MAX);
            let program = *kinds;
            let request =
                Request { operation, thing, tgid: *length, program, bytes: *name, ..Request::default() };
            self.ask(request)?;
        }
        let bytes = padded(wants.as_bytes());
        Ok(self.ask(Request { operation: Operation::Want as u16, bytes, ..Request::default() })?.0)
    }

    /// What holds under this number from now on; 0: where no policy does.
    pub fn policy(&self, number: u32, policy: &Policy) -> Result<(), Error> {
        let (operation, bytes) = (Operation::Policy as u16, padded(policy.as_bytes()));
        self.ask(Request { operation, program: number, bytes, ..Request::default() }).map(|_| ())
    }

    /// Which policy holds in a cgroup from now on. [`None`]: the default. [`Status::Refused`]: there is no room for another one.
    pub fn scope(&self, cgroup: u64, policy: Option<ScopePolicy>) -> Result<(), Error> {
        let thing = policy.map_or(0, |policy| if policy.payload { 1 } else { 2 });
        let program = policy.map_or(0, |policy| policy.number);
        let operation = Operation::Scope as u16;
        self.ask(Request { operation, thing, program, offset: cgroup, ..Request::default() }).map(|_| ())
    }

    fn file(&self, request: Request) -> Result<File, Error> {
        let (_, fds) = self.ask(request)?;
        fds.into_iter().next().map(File::from).ok_or(Error::Foreign)
    }

    fn ask(&self, request: Request) -> Result<Answer, Error> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let request = Request { abi: ABI, id, ..request };
        let deadline = Instant::now() + PATIENCE;
        self.questions().answers.insert(id, None);
        let bytes = [IoSlice::new(request.as_bytes())];
        let sent = sendmsg(&self.socket, &bytes, &mut SendAncillaryBuffer::default(), SendFlags::NOSIGNAL);
        let answer = sent.map_err(Error::from).and_then(|_| self.answer(id, deadline));
        self.questions().answers.remove(&id);
        let (reply, fds) = answer?;
        match Status::from_number(reply.status) {
            Some(Status::Done) => Ok((reply, fds)),
            Some(status) => Err(Error::Refused(status, reply.value)),
            None => Err(Error::Foreign),
        }
    }

    fn questions(&self) -> MutexGuard<'_, Questions> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for an answer: at the socket, if nobody does, and takes those of the others too.
    fn answer(&self, id: u64, deadline: Instant) -> Result<Answer, Error> {
        let mut questions = self.questions();
        loop {
            if let Some(answer) = questions.answers.get_mut(&id).and_then(Option::take) {
                return Ok(answer);
            }
            if questions.received {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(Error::Silent);
                }
                let woken = self.moved.wait_timeout(questions, left);
                questions = woken.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            questions.received = true;
            drop(questions);
            let received = self.receive(deadline);
            questions = self.questions();
            questions.received = false;
            self.moved.notify_all();
            let (reply, fds) = received?;
            if let Some(answer) = questions.answers.get_mut(&reply.id) {
                *answer = Some((reply, fds));
            }
        }
    }

    fn receive(&self, deadline: Instant) -> Result<Answer, Error> {
        self.wait(deadline)?;
        let mut buffer = [0; size_of::<Reply>() + 1];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(ANSWER_FDS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut into = [IoSliceMut::new(&mut buffer)];
        let message = recvmsg(&self.socket, &mut into, &mut control, RecvFlags::CMSG_CLOEXEC)?;
        let fds: Vec<OwnedFd> = control
            .drain()
            .filter_map(|part| match part {
                RecvAncillaryMessage::ScmRights(fds) => Some(fds),
                _ => None,
            })
            .flatten()
            .collect();
        if message.bytes == 0 {
            return Err(Error::LoaderGone);
        }
        let datagram = buffer.get(..message.bytes).unwrap_or_default();
        match Reply::read_from_bytes(datagram) {
            Ok(reply) if reply.abi == ABI && !message.flags.contains(ReturnFlags::CTRUNC) => Ok((reply, fds)),
            _ => Err(Error::Foreign),
        }
    }

    fn wait(&self, deadline: Instant) -> Result<(), Error> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).map_err(|_| Error::Silent)?;
            let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
            match poll(&mut fds, Some(&timeout)) {
                Ok(0) => return Err(Error::Silent),
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

fn padded(bytes: &[u8]) -> [u8; 32] {
    let mut padded = [0; 32];
    padded.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte);
    padded
}
