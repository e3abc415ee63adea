//! Observations that rules must not see yet: an exec whose hash a rule looks at, what happens first in a container where one looks at
//! its configuration, and whatever came behind it.
//!
//! Rules see what happened in its order, so one that waits holds the others; none waits for long.
use guardbee_model::{clock::BootTime, executable::FileId, finding::Observation};
use guardbee_wire::EventKind;
use std::collections::VecDeque;

/// Observations that wait; beyond it the oldest go on without.
const MOST: usize = 8192;
/// For how long is waited.
const PATIENCE_NS: u64 = 250_000_000;

/// What happened, and the kind of the event that told, if it was the kernel half's.
pub(crate) type Seen = (Observation, Option<EventKind>);

/// First in, first out.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    queue: VecDeque<Waiter>,
}

/// What is waited for; neither: it is behind another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Awaited {
    /// Its hash.
    pub(crate) file: Option<FileId>,
    /// The configuration of the container with this id.
    pub(crate) container: Option<[u8; 32]>,
}

#[derive(Debug)]
struct Waiter {
    since: BootTime,
    awaited: Awaited,
    seen: Seen,
}

impl Waiting {
    /// Holds what came at `now`.
    pub(crate) fn hold(&mut self, now: BootTime, awaited: Awaited, seen: Seen) {
        self.queue.push_back(Waiter { since: now, awaited, seen });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// When the oldest of them happened: for rules it is no later than that.
    pub(crate) fn oldest(&self) -> Option<BootTime> {
        self.queue.front().map(|waiter| waiter.seen.0.time)
    }

    /// The oldest, if it has waited long enough, there are too many, or nothing that it waits for is `pending` any more.
    pub(crate) fn next(&mut self, now: BootTime, pending: impl Fn(Awaited) -> bool) -> Option<Seen> {
        let full = self.queue.len() > MOST;
        let due = self
            .queue
            .front()
            .is_some_and(|waiter| full || now.since(waiter.since) >= PATIENCE_NS || !pending(waiter.awaited));
        if due { self.pop() } else { None }
    }

    /// The oldest, whatever it waits for.
    pub(crate) fn pop(&mut self) -> Option<Seen> {
        self.queue.pop_front().map(|waiter| waiter.seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guardbee_model::{event::Exit, finding::Action};
    use std::sync::Arc;

    const FILE: FileId = FileId { device: 1, inode: 2, ctime_ns: 3 };

    fn hold(waiting: &mut Waiting, at: u64, file: Option<FileId>) {
        let observation = Observation {
            time: BootTime(at),
            action: Action::Exit(Exit { code: 0 }),
            process: None,
            ancestors: Arc::default(),
            link: None,
            sequence: at,
        };
        let awaited = Awaited { file, container: None };
        waiting.hold(BootTime(at), awaited, (observation, Some(EventKind::Exit)));
    }

    #[test]
    fn the_order_stays_and_nobody_waits_for_long() {
        let mut waiting = Waiting::default();
        hold(&mut waiting, 1, Some(FILE));
        hold(&mut waiting, 2, None);
        assert_eq!(waiting.oldest(), Some(BootTime(1)));
        assert!(waiting.next(BootTime(3), |awaited| awaited.file == Some(FILE)).is_none());
        assert_eq!(waiting.next(BootTime(3), |_| false).map(|(one, _)| one.sequence), Some(1));
        let none = |awaited| awaited != Awaited::default();
        assert_eq!(waiting.next(BootTime(3), none).map(|(one, _)| one.sequence), Some(2));
        hold(&mut waiting, 4, Some(FILE));
        assert!(waiting.next(BootTime(3 + PATIENCE_NS), |_| true).is_none());
        assert!(waiting.next(BootTime(4 + PATIENCE_NS), |_| true).is_some());
        assert!(waiting.is_empty());
    }

    #[test]
    fn too_many_go_on_early() {
        let mut waiting = Waiting::default();
        (0..=MOST as u64).for_each(|at| hold(&mut waiting, at, Some(FILE)));
        assert!(waiting.next(BootTime(0), |_| true).is_some());
        assert!(waiting.next(BootTime(0), |_| true).is_none());
        assert!(waiting.pop().is_some());
    }
}
