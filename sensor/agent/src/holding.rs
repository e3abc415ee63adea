//! Findings until the losses of their time are known, and among them how far the work had come.
use guardbee_capture::Counts;
use guardbee_model::{clock::BootTime, event::Body, file::Operation, finding::Finding, system::Deed};
use guardbee_wire::EventKind;
use std::collections::VecDeque;

/// Findings and marks that are held; beyond it the oldest go on early, told losses or not.
const MOST: usize = 8192;

/// What is held.
#[derive(Debug)]
pub(crate) enum Held {
    Finding(Box<Finding>),
    /// Of the kernel half's records these have been through rules, by kind; what came of them was held before this.
    Settled(Box<Counts>),
}

/// First in, first out.
#[derive(Debug)]
pub(crate) struct Holding {
    queue: VecDeque<(BootTime, Held)>,
    settled: Counts,
    marked: Counts,
}

impl Holding {
    /// `before`: what the pipelines before this one have taken. It is theirs to have settled, or a gap.
    pub(crate) fn new(before: &Counts) -> Self {
        Self { queue: VecDeque::new(), settled: *before, marked: *before }
    }

    /// Holds a finding that was made now.
    pub(crate) fn finding(&mut self, now: BootTime, finding: Finding) {
        self.queue.push_back((now, Held::Finding(Box::new(finding))));
    }

    /// Nothing is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Counts an event that has been through rules, or that rules never see. [`None`]: it is none of the kernel half's.
    pub(crate) fn settle(&mut self, kind: Option<EventKind>) {
        if let Some(count) = kind.and_then(|kind| self.settled.get_mut(kind as usize)) {
            *count += 1;
        }
    }

    /// Notes how far the work has come; `undecoded` records are settled too: they were counted as lost.
    pub(crate) fn mark(&mut self, now: BootTime, undecoded: &Counts) {
        let settled = self.settled(undecoded);
        if settled != self.marked {
            self.marked = settled;
            self.queue.push_back((now, Held::Settled(Box::new(settled))));
        }
    }

    /// How far the work has come.
    pub(crate) fn settled(&self, undecoded: &Counts) -> Counts {
        let mut settled = self.settled;
        for (count, undecoded) in settled.iter_mut().zip(undecoded) {
            *count += undecoded;
        }
        settled
    }

    /// The oldest, if it was held at `until` or there are too many.
    pub(crate) fn next(&mut self, until: BootTime) -> Option<Held> {
        let due = self.queue.len() > MOST || self.queue.front().is_some_and(|(since, _)| *since <= until);
        if due { self.queue.pop_front().map(|(_, held)| held) } else { None }
    }
}

/// Whether there is a record of its own that the kernel half has counted.
pub(crate) fn counted(body: &Body) -> bool {
    match body {
        Body::System(system) => !matches!(&system.deed, Deed::Lookup(lookup) if lookup.further),
        body => !body.is_payload(),
    }
}

/// Under which kind the kernel half counts an event.
pub(crate) fn kind(body: &Body) -> EventKind {
    match body {
        Body::Accept(_) => EventKind::Accept,
        Body::Close(_) => EventKind::Close,
        Body::Connect(_) => EventKind::Connect,
        Body::Data(_) => EventKind::Data,
        Body::Datagram(_) => EventKind::Datagram,
        Body::Dns(_) => EventKind::Dns,
        Body::Exec(_) => EventKind::Exec,
        Body::Exit(_) => EventKind::Exit,
        Body::File(file) => match file.operation {
            Operation::Open => EventKind::FileOpen,
            Operation::Modify => EventKind::FileModify,
            Operation::Create => EventKind::FileCreate,
            Operation::Rename => EventKind::FileRename,
            Operation::Link => EventKind::FileLink,
            Operation::Symlink => EventKind::FileSymlink,
            Operation::Delete => EventKind::FileDelete,
            Operation::Attribute => EventKind::FileAttribute,
            Operation::FolderCreate => EventKind::FolderCreate,
            Operation::FolderDelete => EventKind::FolderDelete,
            Operation::Node => EventKind::FileNode,
            Operation::FolderOpen => EventKind::FolderOpen,
            Operation::OpenFailed => EventKind::FileOpenFailed,
        },
        Body::Fork(_) => EventKind::Fork,
        Body::Listen(_) => EventKind::Listen,
        Body::Process(_) => EventKind::Process,
        Body::Socket(_) => EventKind::Socket,
        Body::System(system) => deed_kind(&system.deed),
        Body::Throttle(_) => EventKind::Throttle,
    }
}

fn deed_kind(deed: &Deed) -> EventKind {
    match deed {
        Deed::Credentials(_) => EventKind::Credentials,
        Deed::Access(_) => EventKind::Access,
        Deed::Namespace(_) => EventKind::Namespace,
        Deed::Mount(_) => EventKind::Mount,
        Deed::SocketChange(_) => EventKind::SocketChange,
        Deed::Extension(_) => EventKind::Extension,
        Deed::Signal(_) => EventKind::Signal,
        Deed::Memory(_) => EventKind::Memory,
        Deed::Title(_) => EventKind::Title,
        Deed::IoUring(_) => EventKind::IoUring,
        Deed::Control(_) => EventKind::Control,
        Deed::Inquiry => EventKind::Inquiry,
        Deed::Lookup(_) => EventKind::Dns,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guardbee_capture::NO_COUNTS;
    use guardbee_model::event::Exit;

    fn exit() -> EventKind {
        kind(&Body::Exit(Exit { code: 0 }))
    }

    fn exits(held: Option<Held>) -> Option<u64> {
        match held {
            Some(Held::Settled(counts)) => Some(counts[EventKind::Exit as usize]),
            _ => None,
        }
    }

    #[test]
    fn marks_wait_as_findings_do() {
        let mut before = NO_COUNTS;
        before[EventKind::Exit as usize] = 40;
        let mut holding = Holding::new(&before);
        holding.mark(BootTime(1), &NO_COUNTS);
        holding.settle(None);
        assert!(holding.next(BootTime(9)).is_none(), "nothing was done");
        holding.settle(Some(exit()));
        holding.mark(BootTime(2), &NO_COUNTS);
        holding.settle(Some(exit()));
        let mut undecoded = NO_COUNTS;
        undecoded[EventKind::Exit as usize] = 5;
        holding.mark(BootTime(3), &undecoded);
        assert_eq!(exits(holding.next(BootTime(2))), Some(41));
        assert!(holding.next(BootTime(2)).is_none());
        assert_eq!(exits(holding.next(BootTime(3))), Some(47));
    }

    #[test]
    fn too_many_go_on_early() {
        let mut holding = Holding::new(&NO_COUNTS);
        for _ in 0..=MOST {
            holding.settle(Some(exit()));
            holding.mark(BootTime(5), &NO_COUNTS);
        }
        assert_eq!(exits(holding.next(BootTime(0))), Some(1));
        assert!(holding.next(BootTime(0)).is_none());
    }
}
