//! One stream, in the order of time, out of several rings.
//!
//! An event is held until the clock is past it by a slack, within which whoever was taken earlier has come too. What
//! comes later still is passed at once and counted: nothing waits for it, nothing is dropped.
use guardbee_model::{
    clock::BootTime,
    event::{Body, Event},
};
use std::ops::Range;

/// No event is from further in the future than this; whatever claims so is not held for longer.
const HORIZON_NS: u64 = 1_000_000_000;
/// Events, and bytes of payload, whose room is kept after a burst.
const KEEP: usize = 4096;
const KEEP_BYTES: usize = 1 << 20;

/// Events of one drain and the one before it.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    /// As they were pushed.
    held: Vec<Held>,
    /// All their payload. It becomes an event's own when that is given out, so that it is allocated, used and freed at
    /// once: what is held is as large as what a cycle reads, more than a CPU keeps near.
    payload: Vec<u8>,
    /// Which of them are due, in order. Sorted instead of the events, which are large.
    due: Vec<(BootTime, usize)>,
    /// How many of those were given out.
    given: usize,
    released: BootTime,
    late: u64,
}

#[derive(Debug)]
struct Held {
    time: BootTime,
    /// [`None`]: it was given out.
    event: Option<Event>,
    payload: Range<usize>,
}

impl Merge {
    /// Makes room for what a cycle reads: what is held moves to the front.
    pub(crate) fn begin(&mut self) {
        self.due.clear();
        self.given = 0;
        self.held.retain(|held| held.event.is_some());
        let mut end = 0;
        for held in &mut self.held {
            let begin = end;
            end += held.payload.len();
            self.payload.copy_within(held.payload.clone(), begin);
            held.payload = begin..end;
        }
        self.payload.truncate(end);
        if self.held.capacity() > 4 * KEEP && self.held.len() < KEEP {
            self.held.shrink_to(KEEP);
            self.due.shrink_to(KEEP);
        }
        if self.payload.capacity() > 4 * KEEP_BYTES && self.payload.len() < KEEP_BYTES {
            self.payload.shrink_to(KEEP_BYTES);
        }
    }

    /// Takes an event that was read in the cycle that began at `now`, after [`Merge::begin`]; `payload`: its bytes, if it is of data.
    pub(crate) fn push(&mut self, event: Event, payload: &[u8], now: BootTime) {
        let time = event.header.time.min(BootTime(now.0.saturating_add(HORIZON_NS)));
        self.late += u64::from(time < self.released);
        let begin = self.payload.len();
        self.payload.extend_from_slice(payload);
        self.held.push(Held { time, event: Some(event), payload: begin..self.payload.len() });
    }

    /// Makes everything up to `until` due, for [`Merge::next`].
    pub(crate) fn release(&mut self, until: BootTime) {
        self.due.clear();
        self.given = 0;
        let due = self.held.iter().enumerate().filter(|(_, held)| held.time <= until && held.event.is_some());
        self.due.extend(due.map(|(at, held)| (held.time, at)));
        self.due.sort_unstable();
        self.released = self.released.max(until);
    }

    /// The next one that is due, in order; events of the same moment in the order in which they were pushed.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let (_, at) = self.due.get(self.given)?;
        let held = self.held.get_mut(*at)?;
        self.given += 1;
        let mut event = held.event.take();
        if let Some(Event { body: Body::Data(data), .. }) = &mut event {
            data.bytes = self.payload.get(held.payload.clone()).unwrap_or_default().into();
        }
        event
    }

    /// Events that were passed out of order so far.
    pub(crate) fn late(&self) -> u64 {
        self.late
    }

    /// Events that wait for the clock, or to be taken.
    pub(crate) fn held(&self) -> usize {
        self.held.len() - self.given
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guardbee_model::{
        event::{Data, Direction, Exit, Header, Hook},
        id::ConnectionId,
    };
    use proptest::prelude::*;

    fn event(time: u64, code: u32) -> Event {
        let header = Header {
            time: BootTime(time),
            process: None,
            tid: 0,
            cgroup_id: 0,
            scope: 0,
            user: None,
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

    impl Merge {
        fn take(&mut self, until: BootTime, out: &mut Vec<Event>) {
            self.release(until);
            out.extend(std::iter::from_fn(|| self.next()));
            self.begin();
        }
    }

    #[test]
    fn holds_what_is_young_and_passes_what_is_late() {
        let (mut merge, mut out) = (Merge::default(), Vec::new());
        for (time, code) in [(50, 1), (10, 2), (50, 3), (95, 4)] {
            merge.push(event(time, code), b"", BootTime(100));
        }
        merge.take(BootTime(90), &mut out);
        merge.push(event(80, 5), b"", BootTime(110));
        merge.push(event(96, 6), b"", BootTime(110));
        merge.take(BootTime(100), &mut out);
        assert_eq!(out.iter().map(code).collect::<Vec<_>>(), [2, 1, 3, 5, 4, 6]);
        assert_eq!((merge.late(), merge.held()), (1, 0));
    }

    #[test]
    fn a_time_that_never_comes_is_not_waited_for() {
        let (mut merge, mut out) = (Merge::default(), Vec::new());
        merge.push(event(u64::MAX, 1), b"", BootTime(0));
        merge.take(BootTime(HORIZON_NS), &mut out);
        assert_eq!(out.len(), 1);
    }

    #[test]
    fn payload_stays_with_its_event() {
        let mut merge = Merge::default();
        for (time, bytes) in [(30, "three"), (10, "one"), (50, "five"), (20, ""), (40, "four")] {
            let data = Data {
                connection: ConnectionId(1),
                direction: Direction::Sent,
                position: time,
                length: 9,
                bytes: Box::default(),
            };
            merge.push(Event { body: Body::Data(data), ..event(time, 0) }, bytes.as_bytes(), BootTime(0));
        }
        let mut out = Vec::new();
        for until in [25, 35, 35, 60] {
            merge.take(BootTime(until), &mut out);
        }
        let bytes = out.iter().map(|event| match &event.body {
            Body::Data(data) => std::str::from_utf8(&data.bytes).unwrap(),
            _ => unreachable!(),
        });
        assert_eq!(bytes.collect::<Vec<_>>(), ["one", "", "three", "four", "five"]);
        assert_eq!((merge.held.len(), merge.payload.len()), (0, 0));
    }

    #[test]
    fn what_nobody_took_is_due_again() {
        let (mut merge, mut out) = (Merge::default(), Vec::new());
        for time in [1, 2, 3] {
            merge.push(event(time, 0), b"", BootTime(0));
        }
        merge.release(BootTime(9));
        assert_eq!(merge.next().unwrap().header.time, BootTime(1));
        assert_eq!(merge.held(), 2);
        merge.begin();
        merge.take(BootTime(9), &mut out);
        assert_eq!(out.iter().map(|event| event.header.time.0).collect::<Vec<_>>(), [2, 3]);
    }

    proptest! {
        /// Whatever comes within the slack comes out sorted, once.
        #[test]
        fn sorted(times in prop::collection::vec((0u64..1000, 0u64..100), 0..200)) {
            let mut arrivals: Vec<_> = times.into_iter().map(|(time, delay)| (time + delay, time)).collect();
            arrivals.sort_unstable();
            let (mut merge, mut out) = (Merge::default(), Vec::new());
            for (count, &(now, time)) in arrivals.iter().enumerate() {
                merge.push(event(time, 0), b"", BootTime(now));
                if count % 3 == 0 {
                    merge.take(BootTime(now.saturating_sub(100)), &mut out);
                }
            }
            merge.take(BootTime(u64::MAX), &mut out);
            prop_assert_eq!(merge.late(), 0);
            prop_assert!(out.is_sorted_by_key(|event| event.header.time));
            prop_assert_eq!(out.len(), arrivals.len());
        }
    }
}
