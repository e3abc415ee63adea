//! Hashes of executables. Those that findings name are asked for when a rule has matched, and told when the finding goes; where a
//! rule looks at hashes, every exec asks, and waits for the answer before rules see it.
use super::Core;
use crate::{clock::SystemClock, outbox::Item, packages::Told, statement, waiting::Seen};
use guardbee_model::{
    clock::{BootTime, Clock as _},
    executable::{FileId, Hash, NotHashed},
    finding::{Action, Finding, Observation},
    process::{File, Process},
};
use std::sync::Arc;

impl Core {
    /// Takes what the thread that reads package databases has to say.
    pub(super) fn learn_packages(&mut self, now: BootTime) {
        while let Some(told) = self.packages.as_ref().and_then(|reader| reader.told.try_recv().ok()) {
            match told {
                Told::Changing => self.table.doubt_packages(),
                Told::Read { packages, current } => {
                    self.outbox.put(Item::Statement(Box::new(statement::packages(&packages, now))));
                    self.table.learn_packages(*packages);
                    if !current {
                        self.table.doubt_packages();
                    }
                }
            }
        }
    }

    /// Gives back what rules may see at once; the others wait.
    pub(super) fn hold(&mut self, (mut observation, kind): Seen) -> Option<Seen> {
        if self.waiting.is_empty() && !self.by_hash {
            return Some((observation, kind));
        }
        let now = SystemClock.boot();
        if self.by_hash {
            self.recognise(&mut observation);
        }
        let file = if self.by_hash { self.wanted(&observation, now) } else { None };
        if self.waiting.is_empty() && file.is_none() {
            return Some((observation, kind));
        }
        self.waiting.hold(now, file, (observation, kind));
        self.let_go(now);
        None
    }

    /// The file of an exec whose hash has to be waited for.
    fn wanted(&mut self, observation: &Observation, now: BootTime) -> Option<FileId> {
        let (Action::Exec(_), Some(process)) = (&observation.action, &observation.process) else {
            return None;
        };
        if process.executable.hash.sha256().is_some() {
            return None;
        }
        let file = file(process)?;
        self.want_hash(process, file, now);
        self.hashes.is_awaited(file.id(), now).then(|| file.id())
    }

    /// Shows rules what has waited for long enough.
    pub(super) fn let_go(&mut self, now: BootTime) {
        while let Some(seen) = self.waiting.next(now, |file| self.hashes.is_awaited(file, now)) {
            self.evaluate_late(seen);
        }
    }

    /// Shows rules whatever waits.
    pub(super) fn let_all_go(&mut self) {
        while let Some(seen) = self.waiting.pop() {
            self.evaluate_late(seen);
        }
    }

    /// Of who acts more may be known by now.
    fn evaluate_late(&mut self, (mut observation, kind): Seen) {
        self.recognise(&mut observation);
        self.evaluate((observation, kind));
    }

    /// Whoever asked for the hash of every exec is told which it did not get.
    pub(super) fn note_unseen(&mut self, observation: &Observation) {
        if let (true, Action::Exec(_), Some(process)) =
            (self.by_hash, &observation.action, &observation.process)
            && file(process).is_some()
        {
            self.hashes.unseen(&process.executable.hash);
        }
    }

    fn recognise(&mut self, observation: &mut Observation) {
        let known = observation.process.as_ref().and_then(|process| self.table.recognised(process.key));
        if known.is_some() {
            observation.process = known;
        }
    }

    /// Asks for the hashes of who acted and of those above it. Of several that run one file, who is furthest above is there longest.
    pub(super) fn want_hashes(&mut self, observation: &Observation, now: BootTime) {
        for process in observation.ancestors.iter().rev().chain(&observation.process) {
            if let Some(file) = file(process) {
                self.want_hash(process, file, now);
            }
        }
    }

    /// What there will never be a hash of is not asked for again; what there was none of for another reason is.
    fn want_hash(&mut self, process: &Process, file: &File, now: BootTime) {
        if matches!(self.table.hash(file.id()), Hash::Sha256(_) | Hash::Not(NotHashed::TooLarge)) {
            return;
        }
        if let Err(refused) = self.hashes.want((process.key, process.cgroup_id), file, now) {
            self.table.learn_hash(file.id(), Hash::Not(refused));
        }
    }

    /// The evidence was seen before the hashes were known: it gets them now, or the reason why there is none.
    pub(super) fn tell_hashes(&mut self, finding: &mut Finding) {
        for observation in &mut finding.evidence {
            let process = observation.process.as_ref().and_then(|process| self.told(process));
            let ancestors: Vec<_> = observation.ancestors.iter().map(|process| self.told(process)).collect();
            if process.is_none() && ancestors.iter().all(Option::is_none) {
                continue;
            }
            let observation = Arc::make_mut(observation);
            if process.is_some() {
                observation.process = process;
            }
            let known = observation.ancestors.iter().map(Arc::clone);
            observation.ancestors =
                ancestors.into_iter().zip(known).map(|(told, known)| told.unwrap_or(known)).collect();
        }
    }

    /// The same process with what is known of its hash by now; [`None`]: that is no more than it has.
    fn told(&mut self, process: &Arc<Process>) -> Option<Arc<Process>> {
        if process.executable.hash.sha256().is_some() {
            return None;
        }
        let hash = match self.table.hash(file(process)?.id()) {
            Hash::Unknown => Hash::Not(NotHashed::Late),
            known => known,
        };
        let mut told = Process::clone(process);
        told.executable.hash = hash;
        Some(Arc::new(told))
    }
}

/// Whatever was opened has an inode.
fn file(process: &Process) -> Option<&File> {
    process.file.as_ref().filter(|file| file.inode != 0)
}
