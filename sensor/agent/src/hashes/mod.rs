//! What is read of files that a workload may serve: executables for their hashes, within a budget, and who waits for it; passwd files.
//!
//! The core asks; a thread of its own has the file opened and reads it: nobody else waits.
mod budget;
mod read;
mod stuck;

use crate::{
    clock::SystemClock,
    rpc::{Error, Target},
};
use budget::Budget;
use crossbeam_channel::{Receiver, Sender, bounded};
use guardbee_enrich::Want;
use guardbee_model::{
    clock::{BootTime, Clock as _},
    executable::{FileId, Hash, NotHashed},
    loss::{Loss, LossCounter, Stage},
    process::{File, ProcessKey},
};
use guardbee_wire::{Status, Thing};
use std::{collections::HashMap, fs::File as Opened, io, sync::Arc};
use stuck::Stuck;

/// Executables that are asked for at once, and passwd files.
const WAITING: usize = 64;
/// A larger file is not hashed at all.
const LARGEST: u64 = 256 << 20;
/// Bytes that may be read in a second, on average: some percent of a CPU.
const BYTES_PER_SECOND: u64 = 32 << 20;
/// Opening a file costs as much as reading this many bytes of it.
const LEAST: u64 = 128 << 10;
/// For how long something may wait for a hash.
const PATIENCE_NS: u64 = 250_000_000;
/// Threads that read. The first does it all, unless it is given a file whose reading doesn't end: whoever serves a file system of
/// his own decides that. With all of them stuck every file is over the budget.
const READERS: usize = 4;
/// Without an answer for that long, whoever reads is stuck.
const STUCK_NS: u64 = 5_000_000_000;
const SECOND_NS: u64 = 1_000_000_000;

/// A process's executable, to be opened and read.
#[derive(Clone, Copy, Debug)]
struct Job {
    /// Who runs it.
    process: ProcessKey,
    /// The file that is meant: what the process runs by then may be another.
    file: FileId,
    /// Its size at the exec, and no more is read: a file system may say anything of its files.
    size_bytes: u64,
}

/// How a thing of a process is opened: by asking the loader.
pub(crate) type Open = Arc<dyn Fn(Target, Thing) -> Result<Opened, Error> + Send + Sync>;

/// What to read.
#[derive(Clone, Copy, Debug)]
enum Work {
    Hash(Job),
    /// A passwd file.
    Users(Want),
}

/// What became of it.
#[derive(Debug)]
pub(crate) enum Done {
    Hash(FileId, Hash),
    /// What the passwd file holds.
    Users(Want, Result<Vec<u8>, Error>),
}

/// What a reader needs.
#[derive(Clone)]
struct Ends {
    work: Receiver<Work>,
    done: Sender<Done>,
    open: Open,
}

/// The core's end; the threads end with it.
pub(crate) struct Hashes {
    work: Sender<Work>,
    done: Receiver<Done>,
    /// What another reader needs.
    ends: Ends,
    readers: usize,
    /// When something was asked for while nothing was pending, or the last answer came, or another reader was started.
    moved: BootTime,
    /// Executables that were asked for and have no answer yet, and since when.
    pending: HashMap<FileId, BootTime>,
    /// Passwd files, likewise.
    users: usize,
    stuck: Stuck,
    budget: Budget,
    lost: LossCounter,
}

impl Hashes {
    /// Starts a thread that reads.
    pub(crate) fn start(open: Open) -> io::Result<Self> {
        // There is room for whatever is pending.
        let ((work, asked), (answered, done)) = (bounded(2 * WAITING), bounded(2 * WAITING));
        let now = SystemClock.boot();
        let mut hashes = Self {
            work,
            done,
            ends: Ends { work: asked, done: answered, open },
            readers: 0,
            moved: now,
            pending: HashMap::new(),
            users: 0,
            stuck: Stuck::default(),
            budget: Budget::new(now),
            lost: LossCounter::new(Stage::Enrich),
        };
        hashes.add_reader()?;
        Ok(hashes)
    }

    fn add_reader(&mut self) -> io::Result<()> {
        let ends = self.ends.clone();
        std::thread::Builder::new().name("hasher".into()).spawn(move || read::serve(&ends))?;
        self.readers += 1;
        Ok(())
    }

    /// Asks for the hash of the file that a process runs, unless it is asked for already. [`Err`]: why it can't be hashed now.
    /// `scope`: the cgroup that the process is in.
    pub(crate) fn want(
        &mut self,
        (process, scope): (ProcessKey, u64),
        file: &File,
        now: BootTime,
    ) -> Result<(), NotHashed> {
        let id = file.id();
        if self.pending.contains_key(&id) {
            return Ok(());
        }
        let job = Job { process, file: id, size_bytes: file.size_bytes };
        let refused = if file.size_bytes > LARGEST {
            NotHashed::TooLarge
        } else if self.stuck.has(id.device, now) {
            NotHashed::Stuck
        } else if self.pending.len() < WAITING
            && self.budget.spend(scope, file.size_bytes.max(LEAST), now)
            && self.work.try_send(Work::Hash(job)).is_ok()
        {
            self.begin(now);
            self.pending.insert(id, now);
            return Ok(());
        } else {
            NotHashed::Budget
        };
        self.lose(refused);
        Err(refused)
    }

    /// Asks for the passwd file that a process sees; with too many the process keeps its gap.
    pub(crate) fn want_users(&mut self, want: Want, now: BootTime) {
        if self.users < WAITING && self.work.try_send(Work::Users(want)).is_ok() {
            self.begin(now);
            self.users += 1;
        } else {
            self.lost.add("questions_full", "process", 1);
        }
    }

    fn begin(&mut self, now: BootTime) {
        if self.is_idle() {
            self.moved = now;
        }
    }

    /// An answer that has come.
    pub(crate) fn answer(&mut self, now: BootTime) -> Option<Done> {
        let Ok(done) = self.done.try_recv() else {
            self.go_round_stuck(now);
            return None;
        };
        self.moved = now;
        match &done {
            Done::Hash(file, hash) => {
                self.pending.remove(file);
                match hash {
                    Hash::Not(NotHashed::Stuck) => self.stuck.waited(file.device, now),
                    Hash::Sha256(_) => self.stuck.answered(file.device),
                    Hash::Not(_) | Hash::Unknown => {}
                }
                if let Hash::Not(why) = hash {
                    self.lose(*why);
                }
            }
            Done::Users(_, outcome) => {
                self.users -= 1;
                if matches!(outcome, Err(Error::Refused(Status::Late | Status::Busy, _))) {
                    self.lost.add("users_stuck", "process", 1);
                }
            }
        }
        Some(done)
    }

    /// Who is stuck takes part again when it is over. A thread that can't be started is tried again later.
    fn go_round_stuck(&mut self, now: BootTime) {
        if self.is_idle() || self.readers >= READERS || now.since(self.moved) < STUCK_NS {
            return;
        }
        self.moved = now;
        self.lost.add("reader_stuck", "executable", 1);
        self.add_reader().ok();
    }

    /// Until when what was made may go: what waits for a hash, and what is behind it, not yet, but never for long.
    pub(crate) fn held_until(&self, until: BootTime, now: BootTime) -> BootTime {
        let waits = self.pending.values().filter(|since| now.since(**since) < PATIENCE_NS);
        waits.map(|since| BootTime(since.0.saturating_sub(1))).min().map_or(until, |held| held.min(until))
    }

    /// It was asked for, there is no answer yet, and that is not for too long.
    pub(crate) fn is_awaited(&self, file: FileId, now: BootTime) -> bool {
        self.pending.get(&file).is_some_and(|since| now.since(*since) < PATIENCE_NS)
    }

    /// Nothing is pending.
    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.users == 0
    }

    /// What was not hashed since this was last asked, by why.
    pub(crate) fn losses(&mut self, now: BootTime) -> Vec<Loss> {
        self.lost.drain(now)
    }

    /// A rule looks at hashes, and saw an exec without one: what it would have said nobody knows.
    pub(crate) fn unseen(&mut self, hash: &Hash) {
        let cause = match hash {
            Hash::Unknown | Hash::Not(NotHashed::Late) => "hash_late",
            Hash::Not(NotHashed::Gone) => "hash_gone",
            Hash::Not(NotHashed::Changed) => "hash_changed",
            Hash::Not(NotHashed::Unreadable) => "hash_unreadable",
            // Those are counted already.
            Hash::Sha256(_) | Hash::Not(NotHashed::Budget | NotHashed::TooLarge | NotHashed::Stuck) => return,
        };
        self.lost.add(cause, "executable", 1);
    }

    /// What ended before it could be looked at is told by the finding; that we did not do what we could is a loss.
    fn lose(&mut self, why: NotHashed) {
        match why {
            NotHashed::Budget => self.lost.add("hash_budget", "executable", 1),
            NotHashed::TooLarge => self.lost.add("hash_too_large", "executable", 1),
            NotHashed::Stuck => self.lost.add("hash_stuck", "executable", 1),
            NotHashed::Gone | NotHashed::Changed | NotHashed::Unreadable | NotHashed::Late => {}
        }
    }
}

#[cfg(test)]
mod tests;
