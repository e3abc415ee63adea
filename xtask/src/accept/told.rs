//! What the sensor tells of itself in its signed records: what it has read, what was lost.
use crate::accept::export;
use anyhow::Context as _;
use nix::time::{ClockId, clock_gettime};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

/// Events of a kind that may come between the last look at the rings and the end.
const UNREAD: u64 = 100;

/// One of `guardbee.losses`.
struct Loss {
    stage: String,
    cause: String,
    kind: String,
    count: u64,
    /// Boot time, ns.
    from: u64,
    to: u64,
}

/// The clock of the sensor's records.
pub(crate) fn boot_time() -> anyhow::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_BOOTTIME).context("read the boot clock")?.into())
}

/// Everything told so far.
#[derive(Default)]
pub(crate) struct Told {
    /// By kind, since the sensor began, when it ended: what the kernel half gave and lost, what had left the rings.
    produced: BTreeMap<String, u64>,
    lost: BTreeMap<String, u64>,
    taken: BTreeMap<String, u64>,
    losses: Vec<Loss>,
    /// Scope, kind, dropped.
    throttles: Vec<(u64, String, u64)>,
}

impl Told {
    pub(crate) fn read(records: &Path) -> Self {
        let logs = export::logs(records);
        let mut told = Self::default();
        for record in &logs {
            told.take(record);
        }
        told
    }

    fn take(&mut self, record: &Value) {
        let lists = export::attribute(record, "guardbee.losses");
        let losses = lists.and_then(|text| serde_json::from_str::<Vec<Value>>(text).ok()).unwrap_or_default();
        // Findings name losses too: those of their window, again.
        if record["eventName"] == "guardbee.loss" {
            self.losses.extend(losses.iter().filter_map(loss));
        }
        let number = |key: &str| export::attribute(record, key).and_then(|text| text.parse::<u64>().ok());
        if let Some(kind) = export::attribute(record, "guardbee.throttle.kind") {
            let numbers = number("guardbee.scope").zip(number("guardbee.throttle.dropped"));
            self.throttles.extend(numbers.map(|(scope, dropped)| (scope, kind.to_owned(), dropped)));
        }
        if record["eventName"] == "guardbee.stop" {
            self.produced = export::by_kind(record, "guardbee.produced.");
            self.lost = export::by_kind(record, "guardbee.lost.");
            self.taken = export::by_kind(record, "guardbee.taken.");
        }
    }

    /// Events of a kind that the pipeline has read, when it has ended.
    pub(crate) fn taken(&self, kind: &str) -> u64 {
        self.taken.get(kind).copied().unwrap_or_default()
    }

    pub(crate) fn taken_of_all(&self) -> u64 {
        self.taken.values().sum()
    }

    /// Everything that was lost, by stage, cause and kind.
    pub(crate) fn all(&self) -> BTreeMap<[&str; 3], u64> {
        let mut all = BTreeMap::new();
        for loss in &self.losses {
            *all.entry([&*loss.stage, &*loss.cause, &*loss.kind]).or_default() += loss.count;
        }
        all
    }

    /// What was lost since a moment of boot time, in words; nothing: empty.
    pub(crate) fn since(&self, moment: Duration) -> String {
        let mut counts = BTreeMap::new();
        for loss in self.losses.iter().filter(|loss| Duration::from_nanos(loss.to) >= moment) {
            *counts.entry(format!("{} {} of {}", loss.stage, loss.cause, loss.kind)).or_insert(0) +=
                loss.count;
        }
        counts.into_iter().map(|(what, count)| format!("{count} by {what}")).collect::<Vec<_>>().join(", ")
    }

    /// Whether what the kernel half gave is what it lost and what was read; a few may have come at the very end.
    pub(crate) fn adds_up(&self) -> bool {
        let of = |counts: &BTreeMap<String, u64>, kind: &str| counts.get(kind).copied().unwrap_or_default();
        let unread = |kind: &String| {
            of(&self.produced, kind).checked_sub(of(&self.lost, kind) + of(&self.taken, kind))
        };
        let kinds = || self.produced.keys().chain(self.taken.keys());
        kinds().next().is_some() && kinds().all(|kind| unread(kind).is_some_and(|unread| unread <= UNREAD))
    }

    /// Events of a kind that the kernel half has lost.
    pub(crate) fn lost(&self, kind: &str) -> u64 {
        self.lost_by(|_| true, kind)
    }

    /// Events of a kind that found the ring full.
    pub(crate) fn ring_full(&self, kind: &str) -> u64 {
        self.lost_by(|cause| cause == "ring_full", kind)
    }

    fn lost_by(&self, cause: impl Fn(&str) -> bool, kind: &str) -> u64 {
        // Others count what was no attempt, or is there all the same: bpf/include/event.h. `recursion`: a program was refused.
        let counts = |loss: &&Loss| {
            matches!(loss.cause.as_str(), "ring_full" | "throttled" | "scratch_busy" | "recursion")
        };
        let losses =
            self.losses.iter().filter(counts).filter(|loss| loss.stage == "kernel" && loss.kind == kind);
        losses.filter(|loss| cause(&loss.cause)).map(|loss| loss.count).sum()
    }

    /// Holes in sequences that no counter explains.
    pub(crate) fn unexplained(&self) -> u64 {
        self.losses.iter().filter(|loss| loss.cause == "unexplained_gap").map(|loss| loss.count).sum()
    }

    /// Findings that were dropped because their rule had made enough of them in a second.
    pub(crate) fn capped(&self) -> u64 {
        self.losses.iter().filter(|loss| loss.cause == "rule_capped").map(|loss| loss.count).sum()
    }

    /// Seconds of boot time in which payload found no room: in the ring, or in the part of it that is left to who is above his budget.
    pub(crate) fn seconds_without_room(&self) -> BTreeSet<u64> {
        const SECOND: u64 = 1_000_000_000;
        let no_room = |loss: &&Loss| {
            let full = matches!(loss.cause.as_str(), "ring_full" | "throttled");
            full && loss.stage == "kernel" && loss.kind == "data" && loss.count != 0
        };
        self.losses.iter().filter(no_room).flat_map(|loss| loss.from / SECOND..=loss.to / SECOND).collect()
    }

    /// Of a scope: whether any of its events was throttled, and how many of a kind were dropped in episodes that have ended.
    pub(crate) fn throttled(&self, scope: u64, kind: &str) -> Option<u64> {
        let mut own = self.throttles.iter().filter(|(of, _, _)| *of == scope).peekable();
        own.peek()?;
        Some(own.filter(|(_, of, _)| of == kind).map(|(_, _, dropped)| dropped).sum())
    }
}

fn loss(loss: &Value) -> Option<Loss> {
    let text = |key: &str| loss[key].as_str().map(str::to_owned);
    let (count, from, to) = (loss["count"].as_u64()?, loss["from"].as_u64()?, loss["to"].as_u64()?);
    Some(Loss { stage: text("stage")?, cause: text("cause")?, kind: text("kind")?, count, from, to })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn of_losses_that_overlap_a_moment_the_counts_are_added_by_what_was_lost() {
        let losses =
            [("kernel", "ring_full", 1, 9), ("kernel", "ring_full", 8, 10), ("kernel", "ring_full", 11, 12)];
        let ended = ("trace", "waiting_full", 1, 9);
        let all = losses.into_iter().chain([ended]).map(|(stage, cause, from, to)| {
            json!({ "stage": stage, "cause": cause, "kind": "data", "count": 2, "from": from, "to": to })
        });
        let told = Told { losses: all.map(|value| loss(&value).unwrap()).collect(), ..Told::default() };
        assert_eq!(told.since(Duration::from_nanos(10)), "4 by kernel ring_full of data");
        assert_eq!(told.since(Duration::from_nanos(13)), "");
    }
}
