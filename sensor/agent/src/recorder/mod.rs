//! What rules see, written down off the hot path: the core hands over a batch each turn, a thread makes frames of them.
//!
//! The core never waits: with too much on its way a batch is dropped and counted, and the count is in the recording.
mod journal;

pub(crate) use journal::Journal;

use crate::{clock::SystemClock, files, hooks, ids};
use anyhow::Context as _;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use guardbee_model::{
    clock::{BootTime, Clock as _, WallOffset},
    finding::{Action, Observation},
    loss::{Loss, LossCounter, Stage},
};
use guardbee_policy::PolicySet;
use guardbee_recording::{Error, Head, Item, Secrets, Sight, Writer};
use guardbee_rules::RuleSet;
use guardbee_wire::{PROGRAM_NAMES, ProgramState, RPC_PROGRAMS};
use std::{
    fs::File,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// About what may be on its way.
const PENDING_BYTES: usize = 16 << 20;
/// Batches on their way.
const BATCHES: usize = 256;
/// What an observation takes, beside the arguments of an exec.
const OBSERVATION: usize = 512;
/// A killed sensor loses what came within so long.
const CUT_EVERY: Duration = Duration::from_secs(1);
/// How often time is told when nothing happens.
const TICK_NS: u64 = 1_000_000_000;

/// Where a recording goes.
#[derive(Debug)]
pub(crate) enum To {
    /// One stream.
    Stream(Box<Writer<File>>),
    /// Files of a folder, the oldest of which make room.
    Journal(Box<Journal>),
}

impl To {
    fn put(&mut self, item: &Item) -> Result<(), Error> {
        match self {
            Self::Stream(writer) => writer.put(item),
            Self::Journal(journal) => journal.put(item),
        }
    }

    fn cut(&mut self) -> Result<(), Error> {
        match self {
            Self::Stream(writer) => writer.cut(),
            Self::Journal(journal) => journal.cut(),
        }
    }

    fn losses(&mut self, now: BootTime) -> Vec<Loss> {
        match self {
            Self::Stream(writer) => writer.losses(now),
            Self::Journal(journal) => journal.losses(now),
        }
    }
}

/// The head of what this run records.
pub(crate) fn head(node: &str, boot: &str, secrets: Secrets) -> anyhow::Result<Head> {
    let clock = SystemClock;
    let begun = clock.wall_offset().wall(clock.boot());
    let (node, boot, by) = (node.to_owned(), boot.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    Ok(Head { secrets, node, boot, instance: ids::random()?, by, begun })
}

/// The core's end.
#[derive(Debug)]
pub(crate) struct Recorder {
    queue: Sender<Vec<Item>>,
    batch: Vec<Item>,
    weight: usize,
    pending: Arc<AtomicUsize>,
    dropped: LossCounter,
    /// What the thread could not write.
    unwritten: Arc<Mutex<Vec<Loss>>>,
    told: BootTime,
    thread: JoinHandle<()>,
}

impl Recorder {
    pub(crate) fn start(to: To) -> anyhow::Result<Self> {
        let (queue, batches) = bounded(BATCHES);
        let (pending, unwritten) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<Loss>>>::default());
        let worker =
            Worker { to, pending: Arc::clone(&pending), unwritten: Arc::clone(&unwritten), failing: false };
        let thread = std::thread::Builder::new().name("recorder".into());
        let thread = thread.spawn(move || worker.run(&batches)).context("start the thread that records")?;
        let dropped = LossCounter::new(Stage::Recording);
        let (batch, told) = (Vec::new(), BootTime(0));
        Ok(Self { queue, batch, weight: 0, pending, dropped, unwritten, told, thread })
    }

    /// What rules are about to see.
    pub(crate) fn observation(&mut self, observation: &Arc<Observation>) {
        self.weight += OBSERVATION;
        if let Action::Exec(exec) = &observation.action {
            self.weight += exec.args.total_bytes as usize;
        }
        self.batch.push(Item::Observation(Arc::clone(observation)));
    }

    /// What they don't get to see.
    pub(crate) fn losses(&mut self, losses: &[Loss]) {
        self.batch.extend(losses.iter().copied().map(Item::Loss));
    }

    /// What is observed from now on.
    pub(crate) fn sight(&mut self, sight: Sight, offset: WallOffset) {
        self.batch.extend([Item::Time(sight.since, offset), Item::Sight(sight)]);
    }

    /// All that happened until `now` was given; gives what could not be recorded.
    pub(crate) fn turn(&mut self, now: BootTime, offset: WallOffset) -> Vec<Loss> {
        if self.batch.is_empty() && now.since(self.told) < TICK_NS {
            return Vec::new();
        }
        self.told = now;
        self.batch.push(Item::Time(now, offset));
        let weight = std::mem::take(&mut self.weight);
        let before = self.pending.fetch_add(weight, Ordering::Relaxed);
        let batch = std::mem::take(&mut self.batch);
        let sent = if before + weight > PENDING_BYTES {
            Err(batch)
        } else {
            self.queue.try_send(batch).map_err(TrySendError::into_inner)
        };
        let mut lost = std::mem::take(&mut *self.unwritten.lock().unwrap_or_else(PoisonError::into_inner));
        if let Err(batch) = sent {
            self.pending.fetch_sub(weight, Ordering::Relaxed);
            let observations = batch.iter().filter(|item| matches!(item, Item::Observation(_))).count();
            self.dropped.add("recorder_full", "observation", observations as u64);
            // What is no observation is small, and what they were lost for must be known.
            self.batch
                .extend(batch.into_iter().filter(|item| matches!(item, Item::Loss(_) | Item::Sight(_))));
            let dropped = self.dropped.drain(now);
            self.losses(&dropped);
            lost.extend(dropped);
        } else {
            self.dropped.drain(now);
        }
        lost
    }

    /// Everything is written; waits for that.
    pub(crate) fn finish(self) {
        drop(self.queue);
        if self.thread.join().is_err() {
            tracing::error!("The thread that records has failed: what it held is lost.");
        }
    }
}

struct Worker {
    to: To,
    pending: Arc<AtomicUsize>,
    unwritten: Arc<Mutex<Vec<Loss>>>,
    /// The last write failed: it was told.
    failing: bool,
}

impl Worker {
    fn run(mut self, batches: &Receiver<Vec<Item>>) {
        let mut cut = Instant::now();
        loop {
            match batches.recv_timeout(CUT_EVERY) {
                Ok(batch) => self.batch(batch),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if cut.elapsed() >= CUT_EVERY {
                cut = Instant::now();
                let done = self.to.cut();
                self.told(done);
            }
        }
        let done = self.to.cut();
        self.told(done);
    }

    fn batch(&mut self, batch: Vec<Item>) {
        let mut weight = 0;
        for item in batch {
            if let Item::Observation(observation) = &item {
                weight += OBSERVATION;
                if let Action::Exec(exec) = &observation.action {
                    weight += exec.args.total_bytes as usize;
                }
            }
            let done = self.to.put(&item);
            self.told(done);
        }
        self.pending.fetch_sub(weight, Ordering::Relaxed);
    }

    fn told(&mut self, done: Result<(), Error>) {
        let Err(error) = done else { return self.failing = false };
        if !std::mem::replace(&mut self.failing, true) {
            let error = anyhow::Error::from(error);
            tracing::error!("Events could not be recorded and are lost to the recording: {error:#}.");
        }
        let lost = self.to.losses(SystemClock.boot());
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).extend(lost);
    }
}

/// What is observed when these programs work, and what these rules look at that some of these policies observe.
pub(crate) fn sight(
    states: &[u8; RPC_PROGRAMS],
    rules: &RuleSet,
    policies: &PolicySet,
    since: BootTime,
) -> Sight {
    let works = |wanted: &dyn Fn(&str) -> bool| {
        let mut named = PROGRAM_NAMES.iter().zip(states);
        named.any(|(name, state)| wanted(name) && *state == ProgramState::Works as u8)
    };
    let there = hooks::actions().filter(|action| works(&|name| hooks::makes(name, action)));
    let observed = there.collect();
    let all = rules.rules();
    let mut wanted: Vec<_> = all.iter().flat_map(|rule| rule.wants.iter().copied()).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
    let selection = files::selected(rules, policies);
    Sight { since, observed, selection, wanted, rules: count, digest: rules.digest().0 }
}

#[cfg(test)]
mod tests;
