//! The RPC's server half: one datagram in, one answer out. Whatever comes in, an answer goes out and nothing is kept
//! open on the asker's behalf.
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use guardbee_bpf::{Capability, Kernel};
use guardbee_wire::{
    ABI, CONTEXTS, EVENT_KINDS, LossCause, MISSES_AGE, POLICIES, PROGRAMS, ProgramState, Reply, Request,
    Status, WATCH_NAMES, Wants, WatchKey,
};
use rustix::io::Errno;

use crate::message::{Answer, receive, send};
use crate::opening::{Opening, Outcome, may_hang};
use crate::pipeline::Running;
use crate::process::{Failure, open_thing, reopen};
use crate::request::{Ask, Malformed, decode};
use crate::self_test::{self, States};
use crate::token::Tokens;
use crate::{Error, Notice};

/// A self-test starts processes: a pipeline can't ask for it more often.
const SELF_TEST_PAUSE: Duration = Duration::from_secs(2);

/// What outlives a pipeline.
#[derive(Clone, Copy, Debug)]
struct Memory {
    hash: [u8; 32],
    sequence: u64,
    pipelines: u64,
    produced: [u64; EVENT_KINDS],
    lost: [u64; EVENT_KINDS],
}

impl Default for Memory {
    fn default() -> Self {
        let none = [0; EVENT_KINDS];
        Self { hash: [0; 32], sequence: 0, pipelines: 0, produced: none, lost: none }
    }
}

/// State of the loader while pipelines come and go.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) kernel: Kernel,
    /// Bytes of the security ring, of each payload ring.
    ring_bytes: (u32, u32),
    ledger: OwnedFd,
    key: Option<OwnedFd>,
    states: States,
    tested: Option<Instant>,
    /// Recursion misses, and when they were asked for.
    misses: Option<(Instant, [u64; PROGRAMS])>,
    tokens: Tokens,
    opening: Opening,
    /// The next watch list of files, as far as it was told.
    names: Vec<(WatchKey, u32)>,
    memory: Memory,
}

impl Server {
    pub(crate) fn new(
        kernel: Kernel,
        options: &guardbee_bpf::Options,
        (ledger, key): (OwnedFd, Option<OwnedFd>),
        states: States,
        opening: Opening,
    ) -> Self {
        let ring_bytes = (options.security_bytes, options.payload_bytes);
        let (tokens, memory) = (Tokens::default(), Memory::default());
        let (names, tested, misses) = (Vec::new(), None, None);
        Self { kernel, ring_bytes, ledger, key, states, tested, misses, tokens, opening, names, memory }
    }

    /// Reads one datagram and answers it. `closed`: poll said that the peer hung up.
    pub(crate) fn serve(&mut self, running: &mut Running, closed: bool) -> Result<(), Error> {
        let mut buffer = [0; size_of::<Request>() + 1];
        let received = match receive(running.socket.as_fd(), &mut buffer) {
            Ok(received) => received,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
            // Reset by the peer's end.
            Err(_) => {
                running.hung_up = true;
                return Ok(());
            }
        };
        // A datagram of no bytes and the end of the stream look alike; only one of them hangs up.
        if received.datagram.is_empty() && closed {
            running.hung_up = true;
            return Ok(());
        }
        running.served.requests += 1;
        running.served.with_descriptors += u64::from(received.had_descriptors);
        let answer = match decode(received.datagram) {
            Ok((id, ask)) if !received.had_descriptors && may_hang(&ask) => {
                match self.opening.ask(id, &ask) {
                    Ok(()) => return Ok(()),
                    Err(refused) => self.opened(running, (id, ask.operation(), Err(refused))),
                }
            }
            Ok((id, ask)) if !received.had_descriptors => self.answer(running, id, &ask),
            Ok((id, ask)) => {
                running.served.malformed += 1;
                malformed(Malformed { id, operation: ask.operation() as u16 })
            }
            Err(refused) => {
                running.served.malformed += 1;
                malformed(refused)
            }
        };
        send(running, answer)
    }

    /// Tries again to send what the socket had no room for.
    pub(crate) fn resend(running: &mut Running) -> Result<(), Error> {
        match running.unsent.take() {
            Some(answer) => send(running, answer),
            None => Ok(()),
        }
    }

    /// Passes on what has been opened, or could not be in time, as far as the socket has room for it.
    pub(crate) fn pass_on(&mut self, running: &mut Running) -> Result<(), Error> {
        while running.unsent.is_none() && !running.hung_up {
            let Some(outcome) = self.opening.outcome(Instant::now()) else { return Ok(()) };
            let answer = self.opened(running, outcome);
            send(running, answer)?;
        }
        Ok(())
    }

    /// Where answers of the opener come, and by when there must be one.
    pub(crate) fn opening(&self) -> (Option<BorrowedFd<'_>>, Option<Instant>) {
        (self.opening.socket(), self.opening.due())
    }

    /// Which processes are the loader's own, beside the pipeline.
    pub(crate) fn own(&self) -> [u32; 2] {
        [std::process::id(), self.opening.id()]
    }

    fn opened(&mut self, running: &mut Running, (id, operation, outcome): Outcome) -> Answer {
        let mut reply = Reply { abi: ABI, operation: operation as u16, id, ..Reply::default() };
        let mut fds = Vec::new();
        match outcome {
            Ok(opened) => {
                reply.value = opened.file.map_or(0, |file| self.tokens.remember(file));
                fds.push(opened.fd);
            }
            Err((status, value)) => {
                running.served.late += u64::from(status == Status::Late);
                (reply.status, reply.value) = (status as u16, value);
            }
        }
        (reply, fds)
    }

    fn answer(&mut self, running: &mut Running, id: u64, ask: &Ask) -> Answer {
        let mut reply = Reply { abi: ABI, operation: ask.operation() as u16, id, ..Reply::default() };
        let mut fds = Vec::new();
        let outcome = match *ask {
            Ask::Hello => self.hello(running, &mut reply, &mut fds),
            Ask::IterateProcesses => iterator(self.kernel.iterate_processes(), &mut reply, &mut fds),
            Ask::IterateSockets => iterator(self.kernel.iterate_sockets(), &mut reply, &mut fds),
            Ask::Open(process, thing) => match open_thing(process, thing) {
                Ok(opened) => {
                    fds.push(opened.fd);
                    Status::Done
                }
                Err(Failure::Gone) => Status::Gone,
                Err(Failure::Errno(errno)) => refused(errno, &mut reply),
            },
            // The opener does.
            Ask::OpenRecord(..) => Status::Unknown,
            // No program takes a uprobe yet: a token can be right, a program can't. `value` says which is unknown.
            Ask::Attach { token, .. } => {
                reply.value = u64::from(self.tokens.knows(token));
                Status::Unknown
            }
            Ask::Heartbeat { sequence, hash } => {
                (self.memory.sequence, self.memory.hash) = (sequence, hash);
                reply.recursion_misses = self.recursion_misses();
                reply.programs = self.states.map(|state| state as u8);
                Status::Done
            }
            Ask::SelfTest => self.self_test_asked(&mut reply),
            Ask::WatchName(..) if self.names.len() >= WATCH_NAMES => Status::Busy,
            Ask::WatchName(name, kinds) => {
                self.names.push((name, kinds));
                Status::Done
            }
            Ask::Want(wants) => self.want(&wants, &mut reply),
            Ask::Watch(kinds) => self.watch(kinds, &mut reply),
            Ask::Policy(number, policy) if number >= POLICIES || !policy.is_sane() => Status::Unknown,
            Ask::Policy(number, policy) => told(&self.kernel.set_policy(number, &policy), &mut reply),
            Ask::Scope(_, Some(policy)) if policy.number >= POLICIES => Status::Unknown,
            Ask::Scope(cgroup, policy) => told(&self.kernel.set_scope(cgroup, policy), &mut reply),
        };
        reply.status = outcome as u16;
        (reply, fds)
    }

    fn hello(&self, running: &mut Running, reply: &mut Reply, fds: &mut Vec<OwnedFd>) -> Status {
        self.describe(reply);
        let payload = self.kernel.payload_rings();
        reply.payload_rings = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let mut shared = vec![self.kernel.security_ring()];
        shared.extend(payload);
        shared.extend([self.kernel.counters(), self.ledger.as_fd()]);
        for fd in shared {
            match fd.try_clone_to_owned() {
                Ok(fd) => fds.push(fd),
                Err(error) => return refused_io(&error, reply),
            }
        }
        if let Some(key) = self.key.as_ref().filter(|_| !running.key_given) {
            match reopen(key.as_fd()) {
                Ok(key) => fds.push(key),
                Err(errno) => return refused(errno, reply),
            }
            running.key_given = true;
            reply.has_key = 1;
        }
        reply.value = fds.len() as u64;
        Status::Done
    }

    fn describe(&self, reply: &mut Reply) {
        (reply.security_bytes, reply.payload_bytes) = self.ring_bytes;
        reply.cpus = self.kernel.slots() / u32::try_from(CONTEXTS).unwrap_or(1);
        reply.object_hash = self.kernel.object_hash();
        reply.recursion_misses = self.kernel.recursion_misses();
        reply.programs = self.states.map(|state| state as u8);
        for program in self.kernel.programs() {
            if let Some(error) = reply.errors.get_mut(usize::from(program.id)) {
                *error = u8::try_from(program.errno).unwrap_or(u8::MAX);
            }
        }
        let memory = &self.memory;
        (reply.previous_hash, reply.previous_sequence) = (memory.hash, memory.sequence);
        reply.previous_pipelines = memory.pipelines;
        (reply.previous_produced, reply.previous_lost) = (memory.produced, memory.lost);
    }

    fn recursion_misses(&mut self) -> [u64; PROGRAMS] {
        match self.misses {
            Some((asked, misses)) if asked.elapsed() < MISSES_AGE => misses,
            _ => {
                let misses = self.kernel.recursion_misses();
                self.misses = Some((Instant::now(), misses));
                misses
            }
        }
    }

    /// What must be attached anew is tested before it counts as working.
    fn want(&mut self, wants: &Wants, reply: &mut Reply) -> Status {
        let names = std::mem::take(&mut self.names);
        if self.kernel.want(wants, &names).is_err() {
            return refused(Errno::IO, reply);
        }
        let mut untested = false;
        for program in self.kernel.programs().iter().filter(|program| program.capability == Capability::File)
        {
            let Some(state) = self.states.get_mut(usize::from(program.id)) else { continue };
            let attached = program.state == ProgramState::Silent;
            untested |= attached && *state == ProgramState::Unused;
            if !attached || *state == ProgramState::Unused {
                *state = program.state;
            }
            if program.errno != 0 && wants.kinds() != 0 {
                reply.value = u64::from(program.errno.unsigned_abs());
            }
        }
        if untested {
            self.self_test();
        }
        let value = reply.value;
        self.describe(reply);
        reply.value = value;
        Status::Done
    }

    /// Who watches nothing any more, or something again, is no less tested: what was attached all the time keeps its state.
    fn watch(&mut self, kinds: u32, reply: &mut Reply) -> Status {
        if self.kernel.watch(kinds).is_err() {
            return refused(Errno::IO, reply);
        }
        let mut untested = false;
        for program in self.kernel.programs() {
            let Some(state) = self.states.get_mut(usize::from(program.id)) else { continue };
            let attached = program.state == ProgramState::Silent;
            untested |= attached && *state == ProgramState::Unused;
            if !(attached && *state == ProgramState::Works) {
                *state = program.state;
            }
        }
        if untested {
            self.self_test();
        }
        self.describe(reply);
        Status::Done
    }

    fn self_test_asked(&mut self, reply: &mut Reply) -> Status {
        if self.tested.is_some_and(|at| at.elapsed() < SELF_TEST_PAUSE) {
            return Status::Busy;
        }
        let outcome = self.self_test();
        self.describe(reply);
        if matches!(outcome, Notice::SelfTest { .. }) { Status::Done } else { refused(Errno::CHILD, reply) }
    }

    /// Runs the self-test; its states are what later answers say.
    pub(crate) fn self_test(&mut self) -> Notice {
        self.tested = Some(Instant::now());
        match self_test::run(&self.kernel) {
            Ok(states) => {
                self.states = states;
                summary(&states)
            }
            Err(error) => Notice::SelfTestFailed(error.to_string()),
        }
    }

    /// The pipeline has ended: reads what it still said, and keeps the kernel's counters of this moment.
    pub(crate) fn bury(&mut self, running: &Running) {
        let mut buffer = [0; size_of::<Request>() + 1];
        // More datagrams than fit a socket's buffer.
        for _ in 0..1024 {
            let Ok(received) = receive(running.socket.as_fd(), &mut buffer) else { break };
            if let Ok((_, Ask::Heartbeat { sequence, hash })) = decode(received.datagram) {
                (self.memory.sequence, self.memory.hash) = (sequence, hash);
            }
        }
        self.names.clear();
        self.opening.forget();
        // The next one numbers its policies anew: until it knows a cgroup, the default of before holds there.
        self.kernel.clear_scopes().ok();
        self.memory.pipelines += 1;
        (self.memory.produced, self.memory.lost) = totals(&self.kernel);
    }
}

/// What the kernel half has produced, and of that lost, so far: by kind, over all CPUs and contexts.
fn totals(kernel: &Kernel) -> ([u64; EVENT_KINDS], [u64; EVENT_KINDS]) {
    let (mut produced, mut lost) = ([0_u64; EVENT_KINDS], [0_u64; EVENT_KINDS]);
    let add = |sums: &mut [u64; EVENT_KINDS], counts: &[u64; EVENT_KINDS]| {
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum = sum.wrapping_add(*count);
        }
    };
    for slot in kernel.counter_slots() {
        add(&mut produced, &slot.produced);
        for cause in LossCause::ALL.into_iter().filter(|cause| cause.costs_an_event()) {
            slot.lost.get(cause as usize).into_iter().for_each(|counts| add(&mut lost, counts));
        }
    }
    (produced, lost)
}

/// Counts states for people.
pub(crate) fn summary(states: &States) -> Notice {
    let count = |wanted: &[ProgramState]| states.iter().filter(|state| wanted.contains(state)).count();
    Notice::SelfTest {
        working: count(&[ProgramState::Works]),
        silent: count(&[ProgramState::Silent]),
        missing: count(&[ProgramState::NotLoaded, ProgramState::NotAttached]),
    }
}

fn iterator<E>(made: Result<OwnedFd, E>, reply: &mut Reply, fds: &mut Vec<OwnedFd>) -> Status {
    match made {
        Ok(fd) => {
            fds.push(fd);
            Status::Done
        }
        Err(_) => refused(Errno::OPNOTSUPP, reply),
    }
}

/// The kernel half was told something, or has no room for it.
fn told(outcome: &Result<(), guardbee_bpf::Error>, reply: &mut Reply) -> Status {
    match outcome {
        Ok(()) => Status::Done,
        Err(_) => refused(Errno::NOSPC, reply),
    }
}

fn refused(errno: Errno, reply: &mut Reply) -> Status {
    reply.value = u64::from(errno.raw_os_error().unsigned_abs());
    Status::Refused
}

fn refused_io(error: &std::io::Error, reply: &mut Reply) -> Status {
    refused(Errno::from_io_error(error).unwrap_or(Errno::IO), reply)
}

fn malformed(what: Malformed) -> Answer {
    let status = Status::Malformed as u16;
    (Reply { abi: ABI, status, operation: what.operation, id: what.id, ..Reply::default() }, Vec::new())
}
