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
/// Questions that wait for an answer.
const WAITING: usize = 32;

/// A question of the pipeline.
#[derive(Debug)]
struct Question {
    id: u64,
    /// The pipeline's number for it.
    request: u64,
    operation: Operation,
    until: Instant,
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
        self.questions.push_back(Question { id, request, operation, until: Instant::now() + PATIENCE });
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
        let late = self.questions.pop_front_if(|question| self.ended || question.until <= now)?;
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

fn errno(errno: Errno) -> u64 {
    errno.raw_os_error().unsigned_abs().into()
}
