//! The loop: one thread waits for the pipeline, its requests, signals and the next self-test.
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal as Number};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::pipeline::{Pipeline, Running};
use crate::server::Server;
use crate::{Error, Notice, OnExit};

const SELF_TEST_PERIOD: Duration = Duration::from_hours(1);
/// What a pipeline gets to sign and deliver its last records.
const STOP_TIME: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The signals that stop or reload, as a descriptor. Blocks them for this thread and what it starts: the pipeline
/// unblocks its own.
pub(crate) fn signals() -> Result<SignalFd, Error> {
    let mut set = SigSet::empty();
    for number in [Number::SIGTERM, Number::SIGINT, Number::SIGHUP] {
        set.add(number);
    }
    set.thread_block().map_err(Error::system("block signals"))?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .map_err(Error::system("make the signal descriptor"))
}

/// Everything that the loop holds.
pub(crate) struct Supervisor<'a> {
    pub(crate) server: Server,
    pub(crate) signals: SignalFd,
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) on_exit: OnExit,
    pub(crate) notice: &'a mut dyn FnMut(&Notice),
    /// Pipelines that were killed and could not end yet.
    pub(crate) left: Vec<Child>,
}

/// Whether there is a pipeline now.
enum Phase {
    Running(Box<Running>),
    Pausing { until: Instant, last: ExitStatus },
}

/// What poll said.
struct Ready {
    signal: bool,
    ended: bool,
    socket: PollFlags,
}

impl Supervisor<'_> {
    /// Until a stop is asked for or the pipeline has ended for good; its last status.
    pub(crate) fn run(mut self) -> Result<ExitStatus, Error> {
        let mut pause = FIRST_PAUSE;
        let mut stopping = false;
        let mut self_test_at = Instant::now() + SELF_TEST_PERIOD;
        let mut phase = self.start()?;
        loop {
            let ready = wait(&self.signals, &phase, self.server.opening(), self_test_at)?;
            self.left.retain_mut(|left| !matches!(left.try_wait(), Ok(Some(_))));
            if ready.signal {
                stopping |= self.signal(&mut phase)?;
            }
            if Instant::now() >= self_test_at {
                self_test_at = Instant::now() + SELF_TEST_PERIOD;
                let outcome = self.server.self_test();
                (self.notice)(&outcome);
            }
            phase = match phase {
                Phase::Running(running) if ready.ended || running.is_left(Instant::now()) => {
                    let lived = running.started.elapsed();
                    let last = self.bury(*running, ready.ended)?;
                    if stopping || self.is_final(last) {
                        return Ok(last);
                    }
                    pause = if lived > LONGEST_PAUSE { FIRST_PAUSE } else { pause };
                    (self.notice)(&Notice::Waiting(pause));
                    let until = Instant::now() + pause;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    Phase::Pausing { until, last }
                }
                Phase::Running(mut running) => {
                    self.attend(&mut running, &ready)?;
                    Phase::Running(running)
                }
                Phase::Pausing { last, .. } if stopping => return Ok(last),
                Phase::Pausing { until, .. } if Instant::now() >= until => self.start()?,
                pausing @ Phase::Pausing { .. } => pausing,
            };
        }
    }

    fn start(&mut self) -> Result<Phase, Error> {
        let running = self.pipeline.start()?;
        let [loader, opener] = self.server.own();
        self.server.kernel.set_own(&[loader, opener, running.id()]).map_err(Error::Kernel)?;
        (self.notice)(&Notice::Started { pid: running.id() });
        Ok(Phase::Running(Box::new(running)))
    }

    /// 0: it meant to end. 2: its configuration can't be used, and another start would say the same.
    fn is_final(&self, status: ExitStatus) -> bool {
        self.on_exit == OnExit::Stop || matches!(status.code(), Some(0 | 2))
    }

    fn bury(&mut self, mut running: Running, ended: bool) -> Result<ExitStatus, Error> {
        let pid = running.id();
        let status = if ended {
            running.reap().map_err(Error::system("wait for the pipeline"))?
        } else {
            (self.notice)(&Notice::Abandoned { pid });
            // As it will be.
            ExitStatus::from_raw(Number::SIGKILL as i32)
        };
        self.server.bury(&running);
        (self.notice)(&Notice::Ended { pid, status, served: running.served });
        if !ended {
            self.left.push(running.into_child());
        }
        Ok(status)
    }

    /// True: stop. A reload is the pipeline's business.
    fn signal(&mut self, phase: &mut Phase) -> Result<bool, Error> {
        let mut stopping = false;
        while let Some(signal) = self.signals.read_signal().map_err(Error::system("read a signal"))? {
            let reload = signal.ssi_signo == Number::SIGHUP as u32;
            stopping |= !reload;
            match phase {
                Phase::Running(running) if reload => running.reload()?,
                Phase::Running(running) => running.stop(STOP_TIME)?,
                Phase::Pausing { .. } => {}
            }
        }
        if stopping {
            (self.notice)(&Notice::Stopping);
        }
        Ok(stopping)
    }

    fn attend(&mut self, running: &mut Running, ready: &Ready) -> Result<(), Error> {
        let closed = ready.socket.intersects(PollFlags::HUP | PollFlags::ERR);
        if running.unsent.is_some() {
            if closed || ready.socket.contains(PollFlags::OUT) {
                Server::resend(running)?;
            }
        } else if closed || ready.socket.contains(PollFlags::IN) {
            self.server.serve(running, closed)?;
        }
        self.server.pass_on(running)?;
        // Without its socket it can only end.
        if running.hung_up {
            running.unsent = None;
            running.kill_at.get_or_insert_with(|| Instant::now() + STOP_TIME);
        }
        if running.kill_at.is_some_and(|at| Instant::now() >= at) {
            (self.notice)(&Notice::Killed { pid: running.id() });
            running.kill()?;
        }
        Ok(())
    }
}

/// Sleeps until something is ready or due.
fn wait(
    signals: &SignalFd,
    phase: &Phase,
    (opener, answer_at): (Option<BorrowedFd<'_>>, Option<Instant>),
    self_test_at: Instant,
) -> Result<Ready, Error> {
    let mut fds = vec![PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN)];
    let mut due = self_test_at;
    match phase {
        Phase::Running(running) => {
            due = [running.kill_at, running.leave_at].into_iter().flatten().fold(due, Instant::min);
            fds.push(PollFd::from_borrowed_fd(running.pidfd(), PollFlags::IN));
            if !running.hung_up {
                let wanted = if running.unsent.is_some() { PollFlags::OUT } else { PollFlags::IN };
                fds.push(PollFd::from_borrowed_fd(running.socket.as_fd(), wanted));
                // While an answer waits for room no other is taken.
                if running.unsent.is_none() {
                    due = answer_at.map_or(due, |at| due.min(at));
                    fds.extend(opener.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
                }
            }
        }
        Phase::Pausing { until, .. } => due = due.min(*until),
    }
    let time = due.saturating_duration_since(Instant::now());
    let timeout = Timespec::try_from(time).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
    match poll(&mut fds, Some(&timeout)) {
        Ok(_) => {}
        Err(rustix::io::Errno::INTR) => {
            return Ok(Ready { signal: false, ended: false, socket: PollFlags::empty() });
        }
        Err(errno) => return Err(Error::System { step: "poll", source: errno.into() }),
    }
    let at = |index: usize| fds.get(index).map_or(PollFlags::empty(), PollFd::revents);
    Ok(Ready { signal: at(0).contains(PollFlags::IN), ended: at(1).contains(PollFlags::IN), socket: at(2) })
}
