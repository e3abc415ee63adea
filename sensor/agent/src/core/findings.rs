//! From matches to findings, with what was lost in their time.
use super::Core;
use crate::{clock::SystemClock, holding::Held, outbox::Item};
use guardbee_capture::Counts;
use guardbee_model::{
    clock::{BootTime, Clock as _},
    finding::Finding,
    loss::Loss,
};
use guardbee_rules::Match;

/// How long a loss is remembered, for findings whose window it overlaps.
const LOSS_MEMORY_NS: u64 = 60_000_000_000;
/// Losses that are remembered: one for each cause and kind in each turn is more than enough.
const LOSS_MEMORY: usize = 4096;

impl Core {
    /// Matches become findings; the time of each is that of its last step.
    pub(super) fn findings(&mut self) {
        if self.matches.is_empty() {
            return;
        }
        let now = SystemClock.boot();
        let mut matches = std::mem::take(&mut self.matches);
        for Match { rule, evidence, repeats, joined } in matches.drain(..) {
            for observation in &evidence {
                self.want_hashes(observation, now);
            }
            let id = self.ids.finding();
            let time = evidence.last().map_or(now, |last| last.time);
            let finding = Finding { id, rule, time, evidence, losses: Vec::new(), repeats, joined };
            self.holding.finding(now, finding);
        }
        self.matches = matches;
    }

    /// Nothing comes any more: what rules hold back goes out.
    pub(crate) fn end_rules(&mut self) {
        self.let_all_go();
        self.engine.end(&mut self.matches);
        self.findings();
        self.holding.mark(SystemClock.boot(), &self.capture.undecoded());
    }

    /// Passes on the findings that were made until `until`, with what was lost in their windows.
    pub(crate) fn release(&mut self, until: BootTime) {
        while let Some(held) = self.holding.next(until) {
            match held {
                Held::Finding(mut finding) => {
                    finding.losses = self.losses_during(&finding);
                    self.tell_late(&mut finding);
                    self.outbox.put(Item::Finding(finding));
                }
                Held::Settled(counts) => self.outbox.settled(counts),
            }
        }
    }

    /// Of the kernel half's records, how many have been through rules, by kind.
    pub(crate) fn settled(&self) -> Counts {
        self.holding.settled(&self.capture.undecoded())
    }

    /// What was lost between the first thing that a finding rests on, its request included, and its last step.
    fn losses_during(&self, finding: &Finding) -> Vec<Loss> {
        let steps = finding.evidence.iter().map(|observation| observation.time);
        let links = finding.evidence.iter().filter_map(|observation| observation.link.as_ref());
        let requests = links.flat_map(|link| &link.requests).map(|request| request.start);
        let begin = steps.chain(requests).min().unwrap_or(finding.time);
        self.lost.iter().filter(|loss| loss.from <= finding.time && begin <= loss.to).copied().collect()
    }

    pub(super) fn remember(&mut self, losses: &mut Vec<Loss>, now: BootTime) {
        if !losses.is_empty() {
            self.outbox.lost(losses);
            self.lost.extend(losses.drain(..));
        }
        while self.lost.front().is_some_and(|loss| now.since(loss.to) > LOSS_MEMORY_NS)
            || self.lost.len() > LOSS_MEMORY
        {
            self.lost.pop_front();
        }
    }
}
