//! The loader's end of the process that opens ([`crate::opener`]): what was asked, by when there must be an answer.
use std::collections::VecDeque;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use guardbee_wire::{Operation, Status, Thing};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, Shutdown, SocketFlags,
    SocketType, recvmsg, send, shutdown, socketpair,
};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use zerocopy::{FromBytes, IntoBytes};

use crate::opener::{OPENER_COMMAND, Said};
use crate::process::Opened;
use crate::request::{Ask, encode};
use crate::{EXECUTABLE, Error};

/// For an answer: what it is for is waited for a little longer, so that it says why there is none.
const PATIENCE: Duration = Duration::from_millis(200);
/// The same while whoever opens it waits for a CPU: on a busy machine, or where the sensor's own share is used up, that says nothing of
/// the file.
const BUSY_PATIENCE: Duration = Duration::from_secs(1);
/// Questions that wait for an answer.
const WAITING: usize = 32;

/// A question of the pipeline.
#[derive(Debug)]
struct Question {
    id: u64,
    /// The pipeline's number for it.
    request: u64,
    operation: Operation,
    asked: Instant,
    until: Instant,
}

impl Question {
    fn new(id: u64, request: u64, operation: Operation) -> Self {
        let asked = Instant::now();
        Self { id, request, operation, asked, until: asked + PATIENCE }
    }

    /// Whether it is given up now; where it isn't, though it is late, it is given longer.
    fn is_over(&mut self, now: Instant, is_busy: impl FnOnce() -> bool) -> bool {
        if now < self.until {
            return false;
        }
        let longest = self.asked + BUSY_PATIENCE;
        if now < longest && is_busy() {
            self.until = longest.min(now + PATIENCE);
            return false;
        }
        true
    }
}

/// What is to be told to the pipeline: its number for the question, what that was, and what became of it.
pub(crate) type Outcome = (u64, Operation, Result<Opened, (Status, u64)>);

/// The process, and what it was asked.
#[derive(Debug)]
pub(crate) struct Opening {
    socket: OwnedFd,
    child: Child,
    pidfd: OwnedFd,
    /// It has ended: nothing is opened any more.
    ended: bool,
    /// The one that was asked first has to be answered first.
    questions: VecDeque<Question>,
    last_id: u64,
}

/// Whether it opens something that may have to be waited for: a workload's files, and those of runtimes, wherever root keeps them.
/// What is below /proc itself doesn't.
pub(crate) fn may_hang(ask: &Ask) -> bool {
    matches!(ask, Ask::Open(_, Thing::Exe | Thing::Passwd) | Ask::OpenRecord(..))
}

impl Opening {
    /// Starts it. It must be done before capabilities are given up: an exec brings none back.
    pub(crate) fn start() -> Result<Self, Error> {
        let pair = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None);
        let (ours, theirs) = pair.map_err(Error::system("make the opener's socket"))?;
        let child = Command::new(EXECUTABLE)
            .arg(OPENER_COMMAND)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|source| Error::Spawn { what: "the opener", source })?;
        let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())
            .map_err(Error::system("open the opener's pidfd"))?;
        Ok(Self { socket: ours, child, pidfd, ended: false, questions: VecDeque::new(), last_id: 0 })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn socket(&self) -> Option<BorrowedFd<'_>> {
        (!self.ended).then(|| self.socket.as_fd())
    }

    /// Has it open something; [`Err`]: the answer.
    pub(crate) fn ask(&mut self, request: u64, ask: &Ask) -> Result<(), (Status, u64)> {
        if self.ended {
            return Err((Status::Refused, errno(Errno::PIPE)));
        }
        if self.questions.len() >= WAITING {
            return Err((Status::Busy, 0));
        }
        self.last_id += 1;
        let id = self.last_id;
        let question = encode(id, ask);
        match send(&self.socket, question.as_bytes(), SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(_) => {}
            Err(Errno::PIPE | Errno::CONNRESET) => {
                self.ended = true;
                return Err((Status::Refused, errno(Errno::PIPE)));
            }
            Err(_) => return Err((Status::Busy, 0)),
        }
        let operation = ask.operation();
        self.questions.push_back(Question::new(id, request, operation));
        Ok(())
    }

    /// What is known by now. An answer that came too late is thrown away with its descriptor.
    pub(crate) fn outcome(&mut self, now: Instant) -> Option<Outcome> {
        while let Some((said, fd)) = self.receive() {
            let Some(at) = self.questions.iter().position(|question| question.id == said.id) else {
                continue;
            };
            let question = self.questions.remove(at)?;
            let status = u16::try_from(said.status).ok().and_then(Status::from_number);
            let outcome = match (status.unwrap_or(Status::Refused), fd) {
                (Status::Done, Some(fd)) => {
                    Ok(Opened { fd, file: (said.inode != 0).then_some((said.device, said.inode)) })
                }
                // The descriptor did not come through: too many are open.
                (Status::Done, None) => Err((Status::Busy, 0)),
                (status, _) => Err((status, said.errno.into())),
            };
            return Some((question.request, question.operation, outcome));
        }
        let (ended, opener) = (self.ended, self.id());
        let late =
            self.questions.pop_front_if(|question| ended || question.is_over(now, || is_busy(opener)))?;
        let why = if self.ended { (Status::Refused, errno(Errno::PIPE)) } else { (Status::Late, 0) };
        Some((late.request, late.operation, Err(why)))
    }

    /// When the next question has waited for long enough.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.questions.front().map(|question| question.until)
    }

    /// Whoever asked is gone.
    pub(crate) fn forget(&mut self) {
        self.questions.clear();
    }

    fn receive(&mut self) -> Option<(Said, Option<OwnedFd>)> {
        let mut buffer = [0; size_of::<Said>()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut into = [IoSliceMut::new(&mut buffer)];
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let length = match recvmsg(&self.socket, &mut into, &mut control, flags) {
            Ok(message) => message.bytes,
            Err(Errno::AGAIN | Errno::INTR) => return None,
            Err(_) => 0,
        };
        let fd = control.drain().find_map(|part| match part {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        if length == 0 {
            self.ended = true;
            return None;
        }
        Said::read_from_bytes(buffer.get(..length)?).ok().map(|said| (said, fd))
    }
}

/// It ends without its socket; unless it hangs: then it is left behind.
impl Drop for Opening {
    fn drop(&mut self) {
        shutdown(&self.socket, Shutdown::Both).ok();
        let timeout = Timespec::try_from(PATIENCE).ok();
        poll(&mut [PollFd::new(&self.pidfd, PollFlags::IN)], timeout.as_ref()).ok();
        self.child.try_wait().ok();
    }
}

/// Whether a thread of that process runs, or would if it had a CPU. Whoever waits for a file system sleeps; which thread is whose
/// question's is not known, so that one that hangs beside a busy one is waited for as long.
fn is_busy(process: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else { return false };
    let runs = |stat: Vec<u8>| state(&stat) == Some(b'R');
    threads.flatten().any(|thread| std::fs::read(thread.path().join("stat")).is_ok_and(runs))
}

/// Field 3 of `/proc/PID/stat`; in the field before are the name's own brackets.
fn state(stat: &[u8]) -> Option<u8> {
    stat.rsplit(|byte| *byte == b')').next()?.get(1).copied()
}

fn errno(errno: Errno) -> u64 {
    errno.raw_os_error().unsigned_abs().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_a_cpu_is_given_longer_but_not_for_good() {
        let mut question = Question::new(1, 2, Operation::Open);
        let asked = question.asked;
        assert!(!question.is_over(asked + PATIENCE / 2, || panic!("it is in time")));
        let mut now = asked + PATIENCE;
        while now < asked + BUSY_PATIENCE {
            assert!(!question.is_over(now, || true), "{:?}", now - asked);
            assert!(question.until > now, "or the loader would not sleep");
            now = question.until;
        }
        assert!(question.is_over(now, || true));
        let mut asleep = Question::new(1, 2, Operation::Open);
        assert!(asleep.is_over(asleep.until, || false));
    }

    #[test]
    fn a_thread_that_runs_is_told_from_one_that_sleeps() {
        assert!(is_busy(std::process::id()));
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        while is_busy(child.id()) {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!is_busy(child.id()));
        assert_eq!(state(b"7 (a) R b) S 1"), Some(b'S'));
        assert_eq!(state(b"7 (a)"), None);
    }
}
