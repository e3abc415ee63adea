//! The thread that talks to the loader, so that the core thread never waits for an answer.
use crate::rpc::{Client, Error, Target};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use guardbee_enrich::{Thing, Want};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{
    io::Read as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Questions, and answers, that wait at most.
const WAITING: usize = 1024;
/// Of a file below /proc; its content is the workload's.
const MAX_BYTES: u64 = 1 << 20;
/// How often the loader is looked at when nothing is asked.
const LOOK: Duration = Duration::from_millis(200);

/// What to ask or tell.
#[derive(Debug)]
pub(crate) enum Question {
    /// The hash of the last batch, for the pipeline after this one.
    Heartbeat { sequence: u64, hash: [u8; 32] },
    /// Something of a process.
    Want(Want),
}

/// What a process's file held.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) want: Want,
    pub(crate) bytes: Vec<u8>,
}

/// Both ends of the thread.
#[derive(Debug)]
pub(crate) struct Asker {
    pub(crate) questions: Sender<Question>,
    pub(crate) answers: Receiver<Answer>,
    /// The loader has ended: nothing is watched any more.
    pub(crate) gone: Arc<AtomicBool>,
}

impl Asker {
    /// Starts the thread; it ends when the loader or the last sender of questions has.
    pub(crate) fn start(client: Client) -> std::io::Result<Self> {
        let (questions, asked) = bounded(WAITING);
        let (answered, answers) = bounded(WAITING);
        let gone = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&gone);
        std::thread::Builder::new().name("asker".into()).spawn(move || {
            if serve(client, &asked, &answered) == End::LoaderGone {
                flag.store(true, Ordering::Release);
            }
        })?;
        Ok(Self { questions, answers, gone })
    }
}

#[derive(PartialEq, Eq)]
enum End {
    LoaderGone,
    NobodyAsks,
}

fn serve(mut client: Client, asked: &Receiver<Question>, answered: &Sender<Answer>) -> End {
    loop {
        let question = match asked.recv_timeout(LOOK) {
            Ok(question) => question,
            Err(RecvTimeoutError::Disconnected) => return End::NobodyAsks,
            Err(RecvTimeoutError::Timeout) if hung_up(&client) => return End::LoaderGone,
            Err(RecvTimeoutError::Timeout) => continue,
        };
        let result = match question {
            Question::Heartbeat { sequence, hash } => client.heartbeat(sequence, hash),
            Question::Want(want) => read(&mut client, want).map(|bytes| {
                // A full channel means that the core is busy with events: the process keeps its gap.
                answered.try_send(Answer { want, bytes }).unwrap_or_default();
            }),
        };
        if matches!(result, Err(Error::LoaderGone)) {
            return End::LoaderGone;
        }
    }
}

fn read(client: &mut Client, want: Want) -> Result<Vec<u8>, Error> {
    let thing = match want.thing {
        Thing::Cmdline => guardbee_wire::Thing::Cmdline,
        Thing::Cgroup => guardbee_wire::Thing::Cgroup,
        Thing::Passwd => guardbee_wire::Thing::Passwd,
    };
    let target = Target { tgid: want.key.tgid, start_ns: want.key.start.0 };
    let file = client.open(target, thing)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(Error::Io)?;
    Ok(bytes)
}

/// No question is open: anything to see on the socket is its end.
fn hung_up(client: &Client) -> bool {
    let fd = client.fd();
    let mut fds = [PollFd::new(&fd, PollFlags::IN)];
    matches!(poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(1))
        && fds.iter().any(|fd| fd.revents().intersects(PollFlags::HUP | PollFlags::ERR))
}
