//! Packages and hashes of executables. Hashes that findings name are asked for when a rule has matched, and told when the finding goes; where a
//! rule looks at hashes, every exec asks, and waits for the answer before rules see it.
use super::{Core, containers::sought};
use crate::{
    clock::SystemClock,
    containers::Containers,
    hashes::Hashes,
    outbox::Item,
    packages::Told,
    statement,
    waiting::{Awaited, Seen},
};
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
        if self.waiting.is_empty() && !self.by_hash && !self.by_configuration {
            return Some((observation, kind));
        }
        // Nothing has to be waited for, as is usual: the clock is not asked.
        let container = if self.by_configuration { sought(&observation) } else { None };
        if self.waiting.is_empty() && !self.by_hash && container.is_none() {
            return Some((observation, kind));
        }
        let now = SystemClock.boot();
        if container.is_some() {
            self.seek(now);
        }
        if self.by_hash {
            self.recognise(&mut observation);
        }
        let file = if self.by_hash { self.wanted(&observation, now) } else { None };
        let container = container.filter(|id| self.containers.is_awaited(*id, now));
        let awaited = Awaited { file, container };
        if self.waiting.is_empty() && awaited == Awaited::default() {
            return Some((observation, kind));
        }
        self.waiting.hold(now, awaited, (observation, kind));
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
        let is_pending = |hashes: &Hashes, containers: &Containers, Awaited { file, container }: Awaited| {
            file.is_some_and(|file| hashes.is_awaited(file, now))
                || container.is_some_and(|id| containers.is_awaited(id, now))
        };
        while let Some(seen) =
            self.waiting.next(now, |awaited| is_pending(&self.hashes, &self.containers, awaited))
        {
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
        self.note_unconfigured(observation);
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

    /// The evidence was seen before hashes and configurations were known: it gets them now, or the reason why there is no hash.
    pub(super) fn tell_late(&mut self, finding: &mut Finding) {
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

    /// The same process with what is known by now of its hash and of its container; [`None`]: that is no more than it has.
    fn told(&mut self, process: &Arc<Process>) -> Option<Arc<Process>> {
        let hashed = process.executable.hash.sha256().is_some();
        let hash = if hashed { None } else { file(process).map(|file| self.table.hash(file.id())) };
        let configured = if process.configured.is_none() { self.table.configured(process) } else { None };
        if hash.is_none() && configured.is_none() {
            return None;
        }
        let mut told = Process::clone(process);
        match hash {
            Some(Hash::Unknown) => told.executable.hash = Hash::Not(NotHashed::Late),
            Some(known) => told.executable.hash = known,
            None => {}
        }
        told.configured = configured.or(told.configured);
        Some(Arc::new(told))
    }
}

/// Whatever was opened has an inode.
fn file(process: &Process) -> Option<&File> {
    process.file.as_ref().filter(|file| file.inode != 0)
}
