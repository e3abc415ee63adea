//! What of a number whose time slides doesn't count any more, because something ended its group.
use guardbee_model::clock::BootTime;
use std::collections::VecDeque;

/// What happened until an end counts with what happens within its grace, and with nothing later.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// In the order of time, each with the last moment of its grace. The first may have passed: what happened before it and
    /// comes late doesn't count either.
    queue: VecDeque<(BootTime, BootTime)>,
}

impl Ends {
    /// Something ended, at `time` and with grace until `over`, what happened by then: the latest of that is `latest`.
    pub(super) fn add(&mut self, time: BootTime, over: BootTime, latest: BootTime) {
        let at = self.queue.partition_point(|(other, _)| *other < time);
        // Where an earlier one has ended all of it there is nothing to keep: there are no more ends than events.
        let ended = at.checked_sub(1).and_then(|before| self.queue.get(before));
        let ended = ended.is_some_and(|(before, _)| latest <= *before);
        if !ended && self.queue.get(at).is_none_or(|(other, _)| *other != time) {
            self.queue.insert(at, (time, over));
        }
    }

    /// What happened until then doesn't count with an event of `newest`, nor with those after it. [`None`]: all does.
    pub(super) fn passed(&mut self, newest: BootTime) -> Option<BootTime> {
        while self.queue.get(1).is_some_and(|(_, over)| *over < newest) {
            self.queue.pop_front();
        }
        self.queue.front().filter(|(_, over)| *over < newest).map(|(time, _)| *time)
    }

    pub(super) fn bytes(&self) -> usize {
        self.queue.len() * size_of::<(BootTime, BootTime)>()
    }
}
