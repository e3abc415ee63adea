//! All rules of a correlation, in order or in any.
use super::{Event, Evidence, later, weight};
use guardbee_model::clock::BootTime;

/// Observations that matched the first steps.
#[derive(Clone, Debug)]
struct Chain {
    start: BootTime,
    last: BootTime,
    /// The last moment of a next step.
    end: BootTime,
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

    pub(super) fn take(&mut self, event: &Event<'_>) -> Option<Evidence> {
        let longer = match event.step.checked_sub(1) {
            None => Chain {
                start: event.time,
                last: event.time,
                end: later(event.time, event.within_ns),
                evidence: event.evidence.to_vec(),
            },
            Some(before) => {
                let chain = self.chains.get(before)?.as_ref()?;
                if event.time < chain.last || event.time > chain.end {
                    return None;
                }
                let evidence = [&chain.evidence, event.evidence].concat();
                Chain { last: event.time, evidence, ..*chain }
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

    /// What began until `time` goes on until `end` at most. Gives when the last of all is over.
    pub(super) fn end(&mut self, time: BootTime, end: BootTime) -> Option<BootTime> {
        for chain in self.chains.iter_mut().flatten().filter(|chain| chain.start <= time) {
            chain.end = end.min(chain.end);
        }
        self.chains.iter().flatten().map(|chain| chain.end).max()
    }

    pub(super) fn bytes(&self) -> usize {
        self.chains.iter().flatten().map(|chain| size_of::<Chain>() + weight(&chain.evidence)).sum()
    }
}

#[derive(Clone, Debug)]
struct Step {
    time: BootTime,
    /// The last moment of another step.
    end: BootTime,
    evidence: Evidence,
}

/// Steps in any order: of each the latest. One of those that finish it must [say](super::Key) whose group it is.
#[derive(Debug)]
pub(super) struct Together {
    latest: Vec<Latest>,
}

/// Observations of one step.
#[derive(Clone, Debug, Default)]
struct Latest {
    /// That may say whose group it is.
    own: Option<Step>,
    other: Option<Step>,
}

impl Together {
    pub(super) fn new(steps: usize) -> Self {
        Self { latest: vec![Latest::default(); steps] }
    }

    pub(super) fn take(&mut self, event: &Event<'_>) -> Option<Evidence> {
        let latest = self.latest.get_mut(event.step)?;
        let slot = if event.own { &mut latest.own } else { &mut latest.other };
        if slot.as_ref().is_none_or(|step| step.time <= event.time) {
            let end = later(event.time, event.within_ns);
            *slot = Some(Step { time: event.time, end, evidence: event.evidence.to_vec() });
        }
        let finished = (0..self.latest.len()).filter_map(|owner| self.finished(owner));
        // What is nearest together.
        finished.max_by_key(|evidence| evidence.first().map(|observation| observation.time))
    }

    /// The evidence if all steps are there, and the step `owner` says whose group it is.
    fn finished(&self, owner: usize) -> Option<Evidence> {
        self.latest.get(owner)?.own.as_ref()?;
        let steps = || self.latest.iter().enumerate().map(|(nth, latest)| latest.step(nth == owner));
        let end = steps().map(|step| step.map(|step| step.end)).min()??;
        let last = steps().map(|step| step.map(|step| step.time)).max()??;
        if last > end {
            return None;
        }
        let mut evidence: Evidence =
            steps().flatten().flat_map(|step| step.evidence.iter().cloned()).collect();
        evidence.sort_by_key(|observation| (observation.time, observation.sequence));
        evidence.dedup_by_key(|observation| observation.sequence);
        Some(evidence)
    }

    /// What happened until `time` goes on until `end` at most. Gives when the last of all is over.
    pub(super) fn end(&mut self, time: BootTime, end: BootTime) -> Option<BootTime> {
        let steps = self.latest.iter_mut().flat_map(|latest| [&mut latest.own, &mut latest.other]);
        for step in steps.flatten().filter(|step| step.time <= time) {
            step.end = end.min(step.end);
        }
        self.steps().map(|step| step.end).max()
    }

    pub(super) fn bytes(&self) -> usize {
        self.steps().map(|step| weight(&step.evidence)).sum()
    }

    fn steps(&self) -> impl Iterator<Item = &Step> {
        self.latest.iter().flat_map(|latest| [&latest.own, &latest.other]).flatten()
    }
}

impl Latest {
    /// The later one, unless it must be one that says whose group it is.
    fn step(&self, own: bool) -> Option<&Step> {
        let other = self.other.as_ref().filter(|_| !own);
        let own = self.own.as_ref();
        if own.map(|step| step.time) < other.map(|step| step.time) { other } else { own }
    }
}
