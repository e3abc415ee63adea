//! One stream, in the order of time, out of several rings.
//!
//! An event is held until the clock is past it by a slack, within which whoever was taken earlier has come too. What
//! comes later still is passed at once and counted: nothing waits for it, nothing is dropped.
use guardbee_model::{clock::BootTime, event::Event};

/// No event is from further in the future than this; whatever claims so is not held for longer.
const HORIZON_NS: u64 = 1_000_000_000;
/// Events whose room is kept after a burst.
const KEEP: usize = 1024;

/// Events of one drain and the one before it.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    held: Vec<(BootTime, Event)>,
    released: BootTime,
    late: u64,
}

impl Merge {
    /// Takes an event that was read in the cycle that began at `now`.
    pub(crate) fn push(&mut self, event: Event, now: BootTime) {
        let time = event.header.time.min(BootTime(now.0.saturating_add(HORIZON_NS)));
        self.late += u64::from(time < self.released);
        self.held.push((time, event));
    }

    /// Gives everything up to `until`, in order; events of the same moment in the order in which they were pushed.
    pub(crate) fn release(&mut self, until: BootTime, out: &mut Vec<Event>) {
        self.held.sort_by_key(|(time, _)| *time);
        let count = self.held.partition_point(|(time, _)| *time <= until);
        out.extend(self.held.drain(..count).map(|(_, event)| event));
        self.released = self.released.max(until);
        if self.held.capacity() > 4 * KEEP && self.held.len() < KEEP {
            self.held.shrink_to(KEEP);
        }
    }

    /// Events that were passed out of order so far.
    pub(crate) fn late(&self) -> u64 {
        self.late
    }

    /// Events that wait for the clock.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guardbee_model::event::{Body, Exit, Header, Hook};
    use proptest::prelude::*;

    fn event(time: u64, code: u32) -> Event {
        let header = Header {
            time: BootTime(time),
            process: None,
            tid: 0,
            cgroup_id: 0,
            scope: 0,
            compat: false,
            kthread: false,
            stamp_lost: false,
            hook: Hook::Tracepoint6_3,
            serving: None,
            origin: None,
        };
        Event { header, body: Body::Exit(Exit { code }) }
    }

    fn code(event: &Event) -> u32 {
        let Body::Exit(exit) = event.body else { unreachable!() };
        exit.code
    }

    #[test]
    fn holds_what_is_young_and_passes_what_is_late() {
        let (mut merge, mut out) = (Merge::default(), Vec::new());
        for (time, code) in [(50, 1), (10, 2), (50, 3), (95, 4)] {
            merge.push(event(time, code), BootTime(100));
        }
        merge.release(BootTime(90), &mut out);
        merge.push(event(80, 5), BootTime(110));
        merge.push(event(96, 6), BootTime(110));
        merge.release(BootTime(100), &mut out);
        assert_eq!(out.iter().map(code).collect::<Vec<_>>(), [2, 1, 3, 5, 4, 6]);
        assert_eq!((merge.late(), merge.held()), (1, 0));
    }

    #[test]
    fn a_time_that_never_comes_is_not_waited_for() {
        let (mut merge, mut out) = (Merge::default(), Vec::new());
        merge.push(event(u64::MAX, 1), BootTime(0));
        merge.release(BootTime(HORIZON_NS), &mut out);
        assert_eq!(out.len(), 1);
    }

    proptest! {
        /// Whatever comes within the slack comes out sorted, once.
        #[test]
        fn sorted(times in prop::collection::vec((0u64..1000, 0u64..100), 0..200)) {
            let mut arrivals: Vec<_> = times.into_iter().map(|(time, delay)| (time + delay, time)).collect();
            arrivals.sort_unstable();
            let (mut merge, mut out) = (Merge::default(), Vec::new());
            for (count, &(now, time)) in arrivals.iter().enumerate() {
                merge.push(event(time, 0), BootTime(now));
                if count % 3 == 0 {
                    merge.release(BootTime(now.saturating_sub(100)), &mut out);
                }
            }
            merge.release(BootTime(u64::MAX), &mut out);
            prop_assert_eq!(merge.late(), 0);
            prop_assert!(out.is_sorted_by_key(|event| event.header.time));
            prop_assert_eq!(out.len(), arrivals.len());
        }
    }
}
