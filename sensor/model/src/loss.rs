//! Loss is data: what did not get here, where, why, how much.
use crate::clock::BootTime;

/// Where something was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// In the kernel half: ring, throttle, tables.
    Kernel,
    /// Between ring and model: records that made no sense, gaps without a counter.
    Capture,
    /// The process table.
    Enrich,
    /// Protocol parsers and request tables.
    Trace,
    /// Correlation state.
    Rules,
    /// Between core and seal.
    Seal,
    /// The delivery queue or the receiver.
    Deliver,
    /// A recording, or the journal: it was seen, and can't be seen again. Nothing that is sealed is missing for it, so
    /// batches don't count it.
    Recording,
}

impl Stage {
    /// The name used in counters, records and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Capture => "capture",
            Self::Enrich => "enrich",
            Self::Trace => "trace",
            Self::Rules => "rules",
            Self::Seal => "seal",
            Self::Deliver => "deliver",
            Self::Recording => "recording",
        }
    }
}

/// Events that were dropped between two moments, by cause and kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Where.
    pub stage: Stage,
    /// Why: a counter's name, such as `ring_full`.
    pub cause: &'static str,
    /// Of what: an event kind's name, `span`, `finding`, ...
    pub kind: &'static str,
    /// How many, since `from`.
    pub count: u64,
    /// The last moment at which the counter was lower.
    pub from: BootTime,
    /// When it was read.
    pub to: BootTime,
}

/// Counts what one bounded place drops, by cause and kind; emptied into [`Loss`] records.
#[derive(Clone, Debug)]
pub struct LossCounter {
    stage: Stage,
    counts: Vec<(&'static str, &'static str, u64)>,
    from: BootTime,
}

impl LossCounter {
    /// Nothing lost yet.
    pub fn new(stage: Stage) -> Self {
        Self { stage, counts: Vec::new(), from: BootTime(0) }
    }

    /// Counts `count` more. Causes and kinds are few and static, so a list serves.
    pub fn add(&mut self, cause: &'static str, kind: &'static str, count: u64) {
        match self.counts.iter_mut().find(|(c, k, _)| *c == cause && *k == kind) {
            Some((_, _, n)) => *n += count,
            None => self.counts.push((cause, kind, count)),
        }
    }

    /// What was counted since the last drain, as of `now`.
    pub fn drain(&mut self, now: BootTime) -> Vec<Loss> {
        self.drain_read(now, now)
    }

    /// Likewise, of counters that were read at `read`: from then on more may have been lost.
    pub fn drain_read(&mut self, read: BootTime, now: BootTime) -> Vec<Loss> {
        let (stage, from) = (self.stage, self.from);
        self.from = read;
        self.counts
            .drain(..)
            .map(|(cause, kind, count)| Loss { stage, cause, kind, count, from, to: now })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_begins_where_its_counter_was_read_before() {
        let mut counter = LossCounter::new(Stage::Kernel);
        assert!(counter.drain_read(BootTime(5), BootTime(9)).is_empty());
        counter.add("recursion", "data", 1);
        let [loss] = counter.drain_read(BootTime(20), BootTime(30))[..] else { panic!("one") };
        assert_eq!((loss.from, loss.to, loss.count), (BootTime(5), BootTime(30), 1));
        counter.add("recursion", "data", 2);
        let [loss] = counter.drain(BootTime(40))[..] else { panic!("one") };
        assert_eq!((loss.from, loss.to), (BootTime(20), BootTime(40)));
    }
}
