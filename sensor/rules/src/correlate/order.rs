//! All rules of a correlation, in order or in any.
use super::{Event, Evidence, weight};
use guardbee_model::clock::BootTime;

/// Observations that matched the first steps.
#[derive(Clone, Debug)]
struct Chain {
    start: BootTime,
    last: BootTime,
    evidence: Evidence,
}

/// Steps in order: only the first opens. For each step the chain with the latest start is kept: if any chain can still be
/// finished in time, that one can.
#[derive(Debug)]
pub(super) struct Ordered {
    /// By the number of its last step.
    chains: Vec<Option<Chain>>,
}

impl Ordered {
    pub(super) fn new(steps: usize) -> Self {
        Self { chains: vec![None; steps.saturating_sub(1)] }
    }

    pub(super) fn take(&mut self, event: &Event<'_>, timespan_ns: u64) -> Option<Evidence> {
        let longer = match event.step.checked_sub(1) {
            None => Chain { start: event.time, last: event.time, evidence: event.evidence.to_vec() },
            Some(before) => {
                let chain = self.chains.get(before)?.as_ref()?;
                if event.time < chain.last || event.time.since(chain.start) > timespan_ns {
                    return None;
                }
                let evidence = [&chain.evidence, event.evidence].concat();
                Chain { start: chain.start, last: event.time, evidence }
            }
        };
        match self.chains.get_mut(event.step) {
            Some(slot) => {
                *slot = Some(longer);
                None
            }
            None => Some(longer.evidence),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.chains.iter().flatten().map(|chain| size_of::<Chain>() + weight(&chain.evidence)).sum()
    }
}

/// Steps in any order: of each the latest.
#[derive(Debug)]
pub(super) struct Together {
    latest: Vec<Option<(BootTime, Evidence)>>,
}

impl Together {
    pub(super) fn new(steps: usize) -> Self {
        Self { latest: vec![None; steps] }
    }

    pub(super) fn take(&mut self, event: &Event<'_>, timespan_ns: u64) -> Option<Evidence> {
        let slot = self.latest.get_mut(event.step)?;
        if slot.as_ref().is_none_or(|(time, _)| *time <= event.time) {
            *slot = Some((event.time, event.evidence.to_vec()));
        }
        let times = || self.latest.iter().map(|slot| slot.as_ref().map(|(time, _)| *time));
        let (first, last) = (times().min()??, times().max()??);
        if last.since(first) > timespan_ns {
            return None;
        }
        let mut evidence: Evidence =
            self.latest.iter().flatten().flat_map(|(_, evidence)| evidence.iter().cloned()).collect();
        evidence.sort_by_key(|observation| (observation.time, observation.sequence));
        evidence.dedup_by_key(|observation| observation.sequence);
        Some(evidence)
    }

    pub(super) fn bytes(&self) -> usize {
        self.latest.iter().flatten().map(|(_, evidence)| weight(evidence)).sum()
    }
}
