//! Steps that belong to one request, in order, within a time: `temporal_ordered`.
//!
//! Only the first step opens state, later ones look it up by the request. For each step the chain with the latest start
//! is kept: if any chain can still be finished in time, that one can. A finished correlation is forgotten, so that one
//! request reports once for each time that it opens. Each correlation has its own share of the state; the oldest request
//! goes first, and is counted.
use crate::rule::Links;
use guardbee_model::{
    clock::BootTime,
    finding::{Action, Observation},
    id::RequestId,
};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// The requests that an observation belongs to, by links that `accept` has.
pub(crate) fn requests(observation: &Observation, accept: Links) -> impl Iterator<Item = RequestId> {
    let (own, linked) = match (&observation.action, &observation.link) {
        (Action::RequestHead(request) | Action::Exchange(request, _), _) => (Some(request), [].as_slice()),
        (_, Some(link)) if accept.contains(link.kind) => match (link.kind.proven(), link.proven()) {
            (true, proven) => (proven, [].as_slice()),
            (false, _) => (None, link.requests.as_slice()),
        },
        _ => (None, [].as_slice()),
    };
    own.into_iter().chain(linked).map(|request| request.id)
}

/// Observations that matched the first steps.
#[derive(Clone, Debug)]
struct Chain {
    start: BootTime,
    evidence: Vec<Arc<Observation>>,
}

/// What is known of one request.
#[derive(Debug)]
struct Partial {
    /// By the number of its last step.
    chains: Vec<Option<Chain>>,
    /// When the first step happened last.
    opened: BootTime,
    /// The time under which it stands in the queue.
    queued: BootTime,
}

/// The state of one correlation.
#[derive(Debug)]
pub(crate) struct Correlator {
    steps: usize,
    timespan_ns: u64,
    limit: usize,
    live: HashMap<RequestId, Partial>,
    /// Oldest first. An entry whose time is not its partial's is out of date.
    queue: VecDeque<(BootTime, RequestId)>,
    evicted: u64,
}

impl Correlator {
    pub(crate) fn new(steps: usize, timespan_ns: u64, limit: usize) -> Self {
        let (live, queue) = Default::default();
        Self { steps, timespan_ns, limit: limit.max(1), live, queue, evicted: 0 }
    }

    /// Requests with state.
    pub(crate) fn live(&self) -> usize {
        self.live.len()
    }

    /// Partials given up for want of room since the last call.
    pub(crate) fn take_evicted(&mut self) -> u64 {
        std::mem::take(&mut self.evicted)
    }

    /// `observation` matched step `step` for `request`. Gives the evidence when that was the last one. Of several steps that
    /// one observation matches, the later must be given first: it stands for one of them only.
    pub(crate) fn step(
        &mut self,
        step: usize,
        request: RequestId,
        observation: &Arc<Observation>,
    ) -> Option<Vec<Arc<Observation>>> {
        let Some(before) = step.checked_sub(1) else {
            self.open(request, observation);
            return None;
        };
        let partial = self.live.get_mut(&request)?;
        let chain = partial.chains.get(before)?.as_ref()?;
        let last = chain.evidence.last()?.time;
        if observation.time < last || observation.time.since(chain.start) > self.timespan_ns {
            return None;
        }
        let mut evidence = Vec::with_capacity(self.steps);
        evidence.extend(chain.evidence.iter().cloned());
        evidence.push(Arc::clone(observation));
        if step + 1 == self.steps {
            self.live.remove(&request);
            return Some(evidence);
        }
        let longer = Chain { start: chain.start, evidence };
        if let Some(slot) = partial.chains.get_mut(step) {
            *slot = Some(longer);
        }
        None
    }

    fn open(&mut self, request: RequestId, observation: &Arc<Observation>) {
        let time = observation.time;
        let chain = Chain { start: time, evidence: vec![Arc::clone(observation)] };
        if let Some(partial) = self.live.get_mut(&request) {
            if let Some(first) = partial.chains.first_mut() {
                *first = Some(chain);
            }
            partial.opened = partial.opened.max(time);
            return;
        }
        self.make_room(time);
        let mut chains = vec![None; self.steps.saturating_sub(1)];
        if let Some(first) = chains.first_mut() {
            *first = Some(chain);
        }
        self.live.insert(request, Partial { chains, opened: time, queued: time });
        self.queue.push_back((time, request));
    }

    fn make_room(&mut self, now: BootTime) {
        if self.live.len() >= self.limit {
            self.advance(now);
        }
        while self.live.len() >= self.limit {
            let Some((time, request)) = self.queue.pop_front() else { break };
            if self.current(time, request) {
                self.live.remove(&request);
                self.evicted += 1;
            }
        }
        if self.queue.len() > 2 * self.limit {
            let live = &self.live;
            self.queue.retain(|(time, request)| live.get(request).is_some_and(|p| p.queued == *time));
        }
    }

    fn current(&self, time: BootTime, request: RequestId) -> bool {
        self.live.get(&request).is_some_and(|partial| partial.queued == time)
    }

    /// Forgets what can't be finished in time any more.
    pub(crate) fn advance(&mut self, now: BootTime) {
        while let Some(&(time, request)) = self.queue.front() {
            if now.since(time) <= self.timespan_ns {
                break;
            }
            self.queue.pop_front();
            if !self.current(time, request) {
                continue;
            }
            match self.live.get_mut(&request) {
                Some(partial) if now.since(partial.opened) <= self.timespan_ns => {
                    partial.queued = partial.opened;
                    self.queue.push_back((partial.opened, request));
                }
                _ => {
                    self.live.remove(&request);
                }
            }
        }
    }
}
