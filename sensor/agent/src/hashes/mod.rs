//! Hashes of executables: what is wanted, within which budget, and who waits for it.
//!
//! The core asks, the thread that talks to the loader gets the file opened, a thread of its own reads it: nobody else waits.
mod budget;
mod read;

use crate::clock::SystemClock;
use budget::Budget;
use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use guardbee_model::{
    clock::{BootTime, Clock as _},
    executable::{FileId, Hash, NotHashed},
    loss::{Loss, LossCounter, Stage},
    process::{File, ProcessKey},
};
use std::{collections::HashMap, io};

/// Files that are asked for at once.
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
pub(crate) struct Job {
    /// Who runs it.
    pub(crate) process: ProcessKey,
    /// The file that is meant: what the process runs by then may be another.
    pub(crate) file: FileId,
    /// Its size at the exec, and no more is read: a file system may say anything of its files.
    pub(crate) size_bytes: u64,
}

/// A file that the loader has opened, or why it hasn't.
pub(crate) type Opened = (Job, Result<std::fs::File, NotHashed>);

/// The core's end.
#[derive(Debug)]
pub(crate) struct Hashes {
    done: Receiver<(FileId, Hash)>,
    /// What another reader needs.
    ends: (Receiver<Opened>, Sender<(FileId, Hash)>),
    readers: usize,
    /// When something was asked for while nothing was pending, or the last answer came, or another reader was started.
    moved: BootTime,
    /// What was asked for and has no answer yet, and since when.
    pending: HashMap<FileId, BootTime>,
    budget: Budget,
    lost: LossCounter,
}

impl Hashes {
    /// Starts a thread that reads; it ends with the last sender of opened files.
    pub(crate) fn start() -> io::Result<(Self, Sender<Opened>)> {
        let (opened, files) = bounded(WAITING);
        let (answered, done) = bounded(WAITING);
        let now = SystemClock.boot();
        let mut hashes = Self {
            done,
            ends: (files, answered),
            readers: 0,
            moved: now,
            pending: HashMap::new(),
            budget: Budget::new(now),
            lost: LossCounter::new(Stage::Enrich),
        };
        hashes.add_reader()?;
        Ok((hashes, opened))
    }

    fn add_reader(&mut self) -> io::Result<()> {
        let (files, answered) = self.ends.clone();
        std::thread::Builder::new().name("hasher".into()).spawn(move || read::serve(&files, &answered))?;
        self.readers += 1;
        Ok(())
    }

    /// What to ask for, if the file can be hashed now. [`Err`]: why it can't; [`None`]: it is asked for already. `scope`: the cgroup
    /// that the process is in.
    pub(crate) fn want(
        &mut self,
        (process, scope): (ProcessKey, u64),
        file: &File,
        now: BootTime,
    ) -> Option<Result<Job, NotHashed>> {
        let id = file.id();
        if self.pending.contains_key(&id) {
            return None;
        }
        let refused = if file.size_bytes > LARGEST {
            Some(NotHashed::TooLarge)
        } else if self.pending.len() >= WAITING || !self.budget.spend(scope, file.size_bytes.max(LEAST), now)
        {
            Some(NotHashed::Budget)
        } else {
            None
        };
        if let Some(why) = refused {
            self.lose(why);
            return Some(Err(why));
        }
        if self.pending.is_empty() {
            self.moved = now;
        }
        self.pending.insert(id, now);
        Some(Ok(Job { process, file: id, size_bytes: file.size_bytes }))
    }

    /// The job could not be passed on.
    pub(crate) fn refuse(&mut self, file: FileId) -> NotHashed {
        self.pending.remove(&file);
        self.lose(NotHashed::Budget);
        NotHashed::Budget
    }

    /// An answer that has come.
    pub(crate) fn answer(&mut self, now: BootTime) -> Option<(FileId, Hash)> {
        match self.done.try_recv() {
            Ok((file, hash)) => {
                self.pending.remove(&file);
                self.moved = now;
                if let Hash::Not(why) = hash {
                    self.lose(why);
                }
                Some((file, hash))
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => {
                self.go_round_stuck(now);
                None
            }
        }
    }

    /// Who is stuck takes part again when it is over. A thread that can't be started is tried again later.
    fn go_round_stuck(&mut self, now: BootTime) {
        if self.is_idle() || self.readers >= READERS || now.since(self.moved) < STUCK_NS {
            return;
        }
        self.moved = now;
        self.lost.add("hash_stuck", "executable", 1);
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
        self.pending.is_empty()
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
            Hash::Sha256(_) | Hash::Not(NotHashed::Budget | NotHashed::TooLarge) => return,
        };
        self.lost.add(cause, "executable", 1);
    }

    /// What ended before it could be looked at is told by the finding; that we did not do what we could is a loss.
    fn lose(&mut self, why: NotHashed) {
        match why {
            NotHashed::Budget => self.lost.add("hash_budget", "executable", 1),
            NotHashed::TooLarge => self.lost.add("hash_too_large", "executable", 1),
            NotHashed::Gone | NotHashed::Changed | NotHashed::Unreadable | NotHashed::Late => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity;
    use guardbee_model::executable::Sha256;
    use rustix::fs::{CWD, Mode, mkfifoat, stat};
    use std::time::Duration;

    fn file(inode: u64, size_bytes: u64) -> File {
        File { inode, size_bytes, ..File::default() }
    }

    fn hashes() -> (Hashes, Sender<Opened>, BootTime) {
        let (hashes, opened) = Hashes::start().unwrap();
        let now = hashes.moved;
        (hashes, opened, now)
    }

    /// The inode that is to be read, or why it isn't.
    fn want(hashes: &mut Hashes, file: &File, now: BootTime) -> Option<Result<u64, NotHashed>> {
        let asked = hashes.want((ProcessKey::default(), 1), file, now);
        asked.map(|answer| answer.map(|job| job.file.inode))
    }

    fn told(hashes: &mut Hashes, now: BootTime) -> Vec<(&'static str, u64)> {
        hashes.losses(now).iter().map(|loss| (loss.cause, loss.count)).collect()
    }

    #[test]
    fn what_is_over_the_budget_is_refused_and_counted() {
        let (mut hashes, _opened, now) = hashes();
        assert_eq!(want(&mut hashes, &file(1, LARGEST), now), Some(Ok(1)));
        assert_eq!(want(&mut hashes, &file(1, LARGEST), now), None, "asked for already");
        assert_eq!(want(&mut hashes, &file(2, 1), now), Some(Err(NotHashed::Budget)));
        assert_eq!(want(&mut hashes, &file(3, LARGEST + 1), now), Some(Err(NotHashed::TooLarge)));
        let later = BootTime(now.0 + SECOND_NS);
        assert_eq!(want(&mut hashes, &file(2, BYTES_PER_SECOND), later), Some(Ok(2)));
        assert_eq!(want(&mut hashes, &file(4, 1), later), Some(Err(NotHashed::Budget)));
        assert_eq!(told(&mut hashes, later), [("hash_budget", 2), ("hash_too_large", 1)]);
    }

    #[test]
    fn a_full_queue_refuses() {
        let (mut hashes, _opened, now) = hashes();
        for inode in 1..=WAITING as u64 {
            assert_eq!(want(&mut hashes, &file(inode, 0), now), Some(Ok(inode)));
        }
        assert_eq!(want(&mut hashes, &file(1000, 0), now), Some(Err(NotHashed::Budget)));
        assert_eq!(hashes.refuse(file(1, 0).id()), NotHashed::Budget);
        assert_eq!(want(&mut hashes, &file(1000, 0), now), Some(Ok(1000)));
    }

    #[test]
    fn a_file_that_never_ends_holds_up_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, plain) = (folder.path().join("pipe"), folder.path().join("plain"));
        mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR).unwrap();
        std::fs::write(&plain, "plain").unwrap();
        let writer = std::fs::File::options().read(true).write(true).open(&pipe).unwrap();
        let (mut hashes, opened, now) = hashes();
        for path in [&pipe, &plain] {
            let FileId { device, inode, ctime_ns } = identity::of(&stat(path).unwrap());
            let file = File { device, inode, ctime_ns, size_bytes: 5, ..File::default() };
            let job = hashes.want((ProcessKey::default(), 1), &file, now).unwrap().unwrap();
            opened.send((job, std::fs::File::open(path).map_err(|_| NotHashed::Unreadable))).unwrap();
        }
        assert!(hashes.answer(BootTime(now.0 + STUCK_NS - 1)).is_none());
        assert_eq!(hashes.readers, 1);
        let later = BootTime(now.0 + STUCK_NS);
        assert!(hashes.answer(later).is_none());
        assert_eq!((hashes.readers, told(&mut hashes, later)), (2, vec![("hash_stuck", 1)]));
        let next = |hashes: &Hashes| hashes.done.recv_timeout(Duration::from_mins(1)).unwrap().1;
        assert!(next(&hashes).sha256().is_some());
        drop(writer);
        assert_eq!(next(&hashes), Hash::Not(NotHashed::Changed));
    }

    #[test]
    fn what_a_rule_could_not_see_is_counted() {
        let (mut hashes, _opened, now) = hashes();
        let hash = Sha256([0; 32]);
        for why in NotHashed::ALL.map(Hash::Not).into_iter().chain([Hash::Unknown, Hash::Sha256(hash.into())])
        {
            hashes.unseen(&why);
        }
        let mut causes = told(&mut hashes, now);
        causes.sort_unstable();
        let expected = [("hash_changed", 1), ("hash_gone", 1), ("hash_late", 2), ("hash_unreadable", 1)];
        assert_eq!(causes, expected);
    }

    #[test]
    fn nobody_waits_for_long() {
        let (mut hashes, _opened, now) = hashes();
        let asked = BootTime(now.0 + 1000);
        let at = |after| BootTime(asked.0 + after);
        assert_eq!(hashes.held_until(at(5), at(5)), at(5));
        assert_eq!(want(&mut hashes, &file(1, 1), asked), Some(Ok(1)));
        assert!(hashes.is_awaited(file(1, 1).id(), at(5)));
        assert_eq!(hashes.held_until(at(5), at(5)), BootTime(asked.0 - 1));
        assert_eq!(hashes.held_until(BootTime(3), at(5)), BootTime(3));
        assert_eq!(hashes.held_until(at(5), at(PATIENCE_NS)), at(5));
        assert!(!hashes.is_idle());
        assert!(!hashes.is_awaited(file(1, 1).id(), at(PATIENCE_NS)), "not again by the next one");
    }
}
