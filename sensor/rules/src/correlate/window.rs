//! A number measured over the events of a time: how many, how many different values, their sum, average, percentile.
//!
//! A least number of events or values, or a least sum, is reached at once: its time slides. Whether anything else holds is
//! known when the time is over: it runs from the group's first event.
use super::{Event, Evidence, ends::Ends, weight};
use crate::{eval::View, field::Field};
use guardbee_model::{clock::BootTime, finding::Observation};
use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

/// Observations that are kept as evidence: the latest.
const KEPT: usize = 16;
/// What an entry of a table takes beside its value.
const ENTRY: usize = 96;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    Events,
    /// Different values.
    Values,
    Sum,
    Average,
    /// The least value that so many of a hundred don't exceed.
    Percentile(u8),
}

/// How it compares with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

/// What is measured, of which fields, and what it must be.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub(crate) measure: Measure,
    pub(crate) fields: Vec<Field>,
    pub(crate) bounds: Vec<(Bound, i64)>,
}

impl Window {
    /// Whether its result is known at the end only.
    pub(crate) fn closes(&self) -> bool {
        let least = |(bound, _): &(Bound, i64)| matches!(bound, Bound::Greater | Bound::GreaterOrEqual);
        !(matches!(self.measure, Measure::Events | Measure::Values | Measure::Sum)
            && self.bounds.iter().all(least))
    }

    /// Reads what is measured of an event; whether it has that.
    pub(crate) fn value(&self, view: &mut View<'_>, out: &mut Vec<u8>) -> bool {
        self.fields.iter().all(|field| {
            let Some(value) = view.values(*field).next() else { return false };
            if self.fields.len() > 1 {
                out.extend_from_slice(&value.len().to_le_bytes());
            }
            out.extend_from_slice(value);
            true
        })
    }

    /// Compares `value / parts` with all bounds.
    fn holds(&self, value: i128, parts: i128) -> bool {
        self.bounds.iter().all(|(bound, number)| {
            let number = i128::from(*number) * parts;
            match bound {
                Bound::Less => value < number,
                Bound::LessOrEqual => value <= number,
                Bound::Greater => value > number,
                Bound::GreaterOrEqual => value >= number,
                Bound::Equal => value == number,
                Bound::NotEqual => value != number,
            }
        })
    }
}

/// One group.
#[derive(Debug)]
pub(super) struct State {
    data: Data,
    /// Each with the time of its event: of a step that is a correlation itself the observations are older.
    kept: VecDeque<(BootTime, Arc<Observation>)>,
    /// When its first event happened.
    began: BootTime,
    /// Of a time that slides.
    ends: Ends,
}

#[derive(Debug)]
enum Data {
    /// How many came before what `times` has: those of a time that slides.
    Events {
        count: u64,
        times: VecDeque<BootTime>,
    },
    Values {
        latest: HashMap<Arc<[u8]>, BootTime>,
        order: BTreeSet<(BootTime, Arc<[u8]>)>,
        bytes: usize,
    },
    Numbers {
        count: u64,
        sum: i128,
        numbers: VecDeque<(BootTime, i64)>,
    },
}

impl State {
    pub(super) fn new(window: &Window) -> Self {
        let data = match window.measure {
            Measure::Events => Data::Events { count: 0, times: VecDeque::new() },
            Measure::Values => Data::Values { latest: HashMap::new(), order: BTreeSet::new(), bytes: 0 },
            Measure::Sum | Measure::Average | Measure::Percentile(_) => {
                Data::Numbers { count: 0, sum: 0, numbers: VecDeque::new() }
            }
        };
        Self { data, kept: VecDeque::new(), began: BootTime(u64::MAX), ends: Ends::default() }
    }

    /// Gives the evidence once the least number is reached.
    pub(super) fn take(&mut self, window: &Window, event: &Event<'_>) -> Option<Evidence> {
        let closes = window.closes();
        self.data.add(window, event, closes)?;
        self.began = self.began.min(event.time);
        self.kept.extend(event.evidence.iter().map(|observation| (event.time, Arc::clone(observation))));
        if !closes {
            let newest = self.data.newest().unwrap_or(event.time);
            let ended = self.ends.passed(newest);
            let old = |time: BootTime| newest.since(time) > event.within_ns || Some(time) <= ended;
            self.data.slide(old);
            self.kept.retain(|(time, _)| !old(*time));
        }
        while self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        if closes || !self.holds(window) {
            return None;
        }
        Some(self.evidence())
    }

    /// At `time` something ended what had begun by then: that goes on until `over` at most. Gives when all is over, if that
    /// is all there is.
    pub(super) fn end(&mut self, window: &Window, time: BootTime, over: BootTime) -> Option<BootTime> {
        if window.closes() {
            return (self.began <= time).then_some(over);
        }
        // Of a value that came again the first event is kept, and not counted.
        let kept = self.kept.iter().map(|(at, _)| *at).filter(|at| *at <= time).max();
        if let Some(latest) = kept.max(self.data.latest_until(time)) {
            self.ends.add(time, over, latest);
        }
        (self.data.newest()? <= time).then_some(over)
    }

    /// The evidence if the time is over and the number is right.
    pub(super) fn result(&self, window: &Window) -> Option<Evidence> {
        self.holds(window).then(|| self.evidence())
    }

    fn evidence(&self) -> Evidence {
        let mut evidence: Evidence = self.kept.iter().map(|(_, one)| Arc::clone(one)).collect();
        evidence.sort_by_key(|observation| (observation.time, observation.sequence));
        evidence
    }

    fn holds(&self, window: &Window) -> bool {
        match (&self.data, window.measure) {
            (Data::Events { count, times }, _) => window.holds(i128::from(*count) + wide(times.len()), 1),
            (Data::Values { latest, .. }, _) => window.holds(wide(latest.len()), 1),
            (Data::Numbers { numbers, .. }, Measure::Percentile(percentile)) => {
                let mut sorted: Vec<i64> = numbers.iter().map(|(_, number)| *number).collect();
                sorted.sort_unstable();
                let rank = (sorted.len() * usize::from(percentile)).div_ceil(100).max(1);
                sorted.get(rank - 1).is_some_and(|number| window.holds(i128::from(*number), 1))
            }
            (Data::Numbers { count, sum, .. }, Measure::Average) => {
                *count > 0 && window.holds(*sum, i128::from(*count))
            }
            (Data::Numbers { sum, .. }, _) => window.holds(*sum, 1),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let data = match &self.data {
            Data::Events { times, .. } => times.len() * size_of::<BootTime>(),
            Data::Values { bytes, .. } => *bytes,
            Data::Numbers { numbers, .. } => numbers.len() * size_of::<(BootTime, i64)>(),
        };
        data + self.ends.bytes() + weight(self.kept.iter().map(|(_, observation)| observation))
    }
}

fn wide(length: usize) -> i128 {
    i128::try_from(length).unwrap_or(i128::MAX)
}

impl Data {
    /// [`None`]: the event has no such value.
    fn add(&mut self, window: &Window, event: &Event<'_>, closes: bool) -> Option<()> {
        match self {
            Self::Events { count, .. } if closes => *count += 1,
            Self::Events { times, .. } => insert(times, event.time, |time| *time),
            Self::Values { latest, order, bytes } => {
                let value: Arc<[u8]> = event.value.into();
                let entry = latest.entry(Arc::clone(&value)).or_insert_with(|| {
                    *bytes += ENTRY + value.len();
                    event.time
                });
                let before = std::mem::replace(entry, event.time.max(*entry));
                order.remove(&(before, Arc::clone(&value)));
                order.insert((*entry, value));
            }
            Self::Numbers { count, sum, numbers } => {
                let number: i64 = std::str::from_utf8(event.value).ok()?.parse().ok()?;
                *sum += i128::from(number);
                *count += 1;
                if !closes || matches!(window.measure, Measure::Percentile(_)) {
                    insert(numbers, (event.time, number), |(time, _)| *time);
                }
            }
        }
        Some(())
    }

    fn newest(&self) -> Option<BootTime> {
        match self {
            Self::Events { times, .. } => times.back().copied(),
            Self::Values { order, .. } => order.last().map(|(time, _)| *time),
            Self::Numbers { numbers, .. } => numbers.back().map(|(time, _)| *time),
        }
    }

    /// The time of the latest event until `time`.
    fn latest_until(&self, time: BootTime) -> Option<BootTime> {
        fn last<T>(queue: &VecDeque<T>, time: BootTime, of: impl Fn(&T) -> BootTime) -> Option<BootTime> {
            queue.partition_point(|item| of(item) <= time).checked_sub(1).and_then(|at| queue.get(at)).map(of)
        }
        match self {
            Self::Events { times, .. } => last(times, time, |time| *time),
            Self::Values { order, .. } => {
                let after = (BootTime(time.0.saturating_add(1)), Arc::default());
                order.range(..after).next_back().map(|(time, _)| *time)
            }
            Self::Numbers { numbers, .. } => last(numbers, time, |(time, _)| *time),
        }
    }

    /// Leaves out what is too old: of two events the earlier is, if one is.
    fn slide(&mut self, old: impl Fn(BootTime) -> bool) {
        match self {
            Self::Events { times, .. } => while times.pop_front_if(|time| old(*time)).is_some() {},
            Self::Values { latest, order, bytes } => {
                while let Some((_, value)) = order.first().filter(|(time, _)| old(*time)).cloned() {
                    order.pop_first();
                    latest.remove(&value);
                    *bytes = bytes.saturating_sub(ENTRY + value.len());
                }
            }
            Self::Numbers { count, sum, numbers } => {
                while let Some((_, number)) = numbers.pop_front_if(|(time, _)| old(*time)) {
                    *sum -= i128::from(number);
                    *count -= 1;
                }
            }
        }
    }
}

/// Keeps the queue in order of time; events come nearly so.
fn insert<T>(queue: &mut VecDeque<T>, item: T, time: impl Fn(&T) -> BootTime) {
    let at = queue.partition_point(|other| time(other) <= time(&item));
    queue.insert(at, item);
}
