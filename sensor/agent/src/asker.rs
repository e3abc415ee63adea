//! The thread that talks to the loader, so that the core thread never waits for an answer.
use crate::{
    clock::SystemClock,
    enforcer::Ruling,
    files,
    rpc::{Client, Error, Target},
};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use guardbee_enrich::{Thing, Want};
use guardbee_model::{
    clock::{BootTime, Clock as _},
    loss::{Loss, LossCounter, Stage},
};
use guardbee_policy::PolicySet;
use guardbee_rules::RuleSet;
use guardbee_wire::{MISSES_AGE, RPC_PROGRAMS, Reply, kind_lost_with};
use std::{
    io::Read as _,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// Questions, and answers, that wait at most.
const WAITING: usize = 1024;
/// Of a file below /proc; its content is the workload's.
const MAX_BYTES: u64 = 1 << 20;

/// Rules and policies.
type InForce = (Arc<RuleSet>, Arc<PolicySet>);

/// What to ask or tell.
#[derive(Debug)]
pub(crate) enum Question {
    /// The hash of the last batch, for the pipeline after this one.
    Heartbeat { sequence: u64, hash: [u8; 32] },
    /// Something of a process.
    Want(Want),
    /// These rules are evaluated from now on, and these policies hold.
    Rules(InForce),
    /// What holds where, by policy.
    Ruling(Ruling),
}

/// Tells the loader what holds where, by policy.
pub(crate) fn tell_ruling(client: &Client, ruling: &Ruling) -> Result<(), Error> {
    match ruling {
        Ruling::Policy(number, policy) => client.policy(*number, policy),
        Ruling::Scope(cgroup, policy) => client.scope(*cgroup, *policy),
    }
}

/// Tells the loader what these rules look at that some policy observes: nothing else is attached. States and errors of the programs
/// are in the reply.
pub(crate) fn tell_needs(client: &Client, rules: &RuleSet, policies: &PolicySet) -> Result<Reply, Error> {
    let (wants, names) = files::wants(&files::selected(rules, policies));
    client.want(&wants, &names)?;
    client.watch(files::watched(rules, policies))
}

/// What a process's file held.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) want: Want,
    pub(crate) bytes: Vec<u8>,
}

/// What the thread has found out beside answers.
#[derive(Debug)]
struct Told {
    /// The loader does not answer any more.
    gone: AtomicBool,
    /// Answers that found the core busy.
    dropped: AtomicU64,
    /// Cgroups that the kernel half has no room for: the default policy holds there.
    unruled: AtomicU64,
    /// Rulings that were answered.
    ruled: AtomicU64,
    misses: Mutex<Misses>,
    /// [`guardbee_wire::ProgramState`], by program.
    programs: Mutex<[u8; RPC_PROGRAMS]>,
}

/// Runs of the kernel half that did not happen, since it was loaded, by program.
#[derive(Clone, Copy, Debug)]
struct Misses {
    counts: [u64; RPC_PROGRAMS],
    /// Not before this they were read.
    read: BootTime,
}

/// Both ends of the thread.
#[derive(Debug)]
pub(crate) struct Asker {
    pub(crate) questions: Sender<Question>,
    pub(crate) answers: Receiver<Answer>,
    /// What the loader was not told yet.
    rules: Option<InForce>,
    told: Arc<Told>,
    /// Of what the thread has told, that which became losses.
    dropped: u64,
    unruled: u64,
    /// Rulings that were handed over.
    rulings: u64,
    misses: [u64; RPC_PROGRAMS],
    programs: [u8; RPC_PROGRAMS],
    lost: LossCounter,
    not_run: LossCounter,
}

impl Asker {
    /// Starts the thread; it ends when the loader or the last sender of questions has. `hello` is what the loader said first.
    pub(crate) fn start(client: Arc<Client>, hello: &Reply) -> std::io::Result<Self> {
        let (questions, asked) = bounded(WAITING);
        let (answered, answers) = bounded(WAITING);
        let (misses, programs) = (hello.recursion_misses, hello.programs);
        let told = Arc::new(Told {
            gone: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            unruled: AtomicU64::new(0),
            ruled: AtomicU64::new(0),
            misses: Mutex::new(Misses { counts: misses, read: BootTime(0) }),
            programs: Mutex::new(programs),
        });
        let tell = Arc::clone(&told);
        std::thread::Builder::new().name("asker".into()).spawn(move || {
            if serve(&client, &asked, &answered, &tell) == End::LoaderGone {
                tell.gone.store(true, Ordering::Release);
            }
        })?;
        let (lost, not_run) = (LossCounter::new(Stage::Enrich), LossCounter::new(Stage::Kernel));
        let rules = None;
        let (dropped, unruled, rulings) = (0, 0, 0);
        Ok(Self {
            questions,
            answers,
            rules,
            told,
            dropped,
            unruled,
            rulings,
            misses,
            programs,
            lost,
            not_run,
        })
    }

    /// A question has found the loader gone.
    pub(crate) fn is_blind(&self) -> bool {
        self.told.gone.load(Ordering::Acquire)
    }

    /// States of the programs, where a self-test has found others than before.
    pub(crate) fn programs_changed(&mut self) -> Option<[u8; RPC_PROGRAMS]> {
        let now = *self.told.programs.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::replace(&mut self.programs, now) != now).then_some(now)
    }

    /// Asks for something of a process; with no room the process keeps its gap.
    pub(crate) fn want(&mut self, want: Want) {
        if self.questions.try_send(Question::Want(want)).is_err() {
            self.lost.add("questions_full", "process", 1);
        }
    }

    /// Says what holds where, unless there is no room for it: half of that is for questions.
    pub(crate) fn rule(&mut self, ruling: Ruling) -> bool {
        let busy = self.questions.len() > WAITING / 2;
        if busy || matches!(self.questions.try_send(Question::Ruling(ruling)), Err(TrySendError::Full(_))) {
            return false;
        }
        self.rulings += 1;
        true
    }

    /// The kernel half goes by all that was said of what holds where.
    pub(crate) fn has_ruled(&self) -> bool {
        self.told.ruled.load(Ordering::Relaxed) == self.rulings
    }

    /// Has the loader attach what these rules look at and some policy observes; with no room it is tried again.
    pub(crate) fn look_for(&mut self, rules: Arc<RuleSet>, policies: Arc<PolicySet>) {
        self.rules = Some((rules, policies));
        self.try_again();
    }

    /// Tells what found no room before.
    pub(crate) fn try_again(&mut self) {
        let Some(rules) = self.rules.take() else { return };
        if let Err(TrySendError::Full(Question::Rules(rules))) =
            self.questions.try_send(Question::Rules(rules))
        {
            self.rules = Some(rules);
        }
    }

    /// What was lost here, and in the kernel half by programs that could not run, since this was last asked.
    pub(crate) fn losses(&mut self, now: BootTime) -> Vec<Loss> {
        let dropped = self.told.dropped.load(Ordering::Relaxed);
        let misses = *self.told.misses.lock().unwrap_or_else(PoisonError::into_inner);
        if dropped > self.dropped {
            self.lost.add("answers_full", "process", dropped - self.dropped);
        }
        let unruled = self.told.unruled.load(Ordering::Relaxed);
        if unruled > self.unruled {
            self.lost.add("scopes_full", "cgroup", unruled - self.unruled);
            self.unruled = unruled;
        }
        // A rescue that is counted between a refusal and itself lowers the number for a moment.
        for (program, (known, now)) in self.misses.iter_mut().zip(misses.counts).enumerate() {
            if now > *known {
                self.not_run.add("recursion", kind_lost_with(program), now - *known);
                *known = now;
            }
        }
        self.dropped = dropped;
        let mut losses = self.lost.drain(now);
        losses.extend(self.not_run.drain_read(misses.read, now));
        losses
    }
}

#[derive(PartialEq, Eq)]
enum End {
    LoaderGone,
    NobodyAsks,
}

fn serve(client: &Client, asked: &Receiver<Question>, answered: &Sender<Answer>, tell: &Told) -> End {
    loop {
        let Ok(question) = asked.recv() else { return End::NobodyAsks };
        let age = u64::try_from(MISSES_AGE.as_nanos()).unwrap_or(u64::MAX);
        let not_before = BootTime(SystemClock.boot().0.saturating_sub(age));
        let result = match question {
            Question::Heartbeat { sequence, hash } => client.heartbeat(sequence, hash).map(|reply| {
                let misses = Misses { counts: reply.recursion_misses, read: not_before };
                *tell.misses.lock().unwrap_or_else(PoisonError::into_inner) = misses;
                *tell.programs.lock().unwrap_or_else(PoisonError::into_inner) = reply.programs;
            }),
            Question::Rules((rules, policies)) => tell_needs(client, &rules, &policies).map(|reply| {
                *tell.programs.lock().unwrap_or_else(PoisonError::into_inner) = reply.programs;
            }),
            Question::Ruling(ruling) => {
                let outcome = tell_ruling(client, &ruling);
                tell.ruled.fetch_add(1, Ordering::Relaxed);
                match outcome {
                    Err(Error::Refused(..)) => {
                        tell.unruled.fetch_add(1, Ordering::Relaxed);
                        Ok(())
                    }
                    other => other,
                }
            }
            Question::Want(want) => read(client, want).map(|bytes| {
                // A full channel means that the core is busy with events: the process keeps its gap.
                if answered.try_send(Answer { want, bytes }).is_err() {
                    tell.dropped.fetch_add(1, Ordering::Relaxed);
                }
            }),
        };
        if matches!(result, Err(Error::LoaderGone)) {
            return End::LoaderGone;
        }
    }
}

fn read(client: &Client, want: Want) -> Result<Vec<u8>, Error> {
    let thing = match want.thing {
        Thing::Cmdline => guardbee_wire::Thing::Cmdline,
        Thing::Cgroup => guardbee_wire::Thing::Cgroup,
        Thing::Passwd => guardbee_wire::Thing::Passwd,
        Thing::UidMap => guardbee_wire::Thing::UidMap,
    };
    let target = Target { tgid: want.key.tgid, start_ns: want.key.start.0 };
    let file = client.open(target, thing)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(Error::Io)?;
    Ok(bytes)
}
