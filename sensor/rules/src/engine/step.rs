//! From a match to the correlations that it is a step of, and to their findings.
use super::{Engine, Match, report::Report};
use crate::{
    correlate::{self, Event, Evidence, Key, Machine},
    eval::{View, holds},
};
use guardbee_model::{clock::BootTime, finding::Observation};
use std::{cmp::Reverse, sync::Arc};

impl Engine {
    /// An event at `time` is these steps.
    pub(super) fn correlate(
        &mut self,
        steps: &mut Vec<(usize, Reverse<usize>)>,
        evidence: &[Arc<Observation>],
        time: BootTime,
        out: &mut Vec<Match>,
    ) {
        let mut done = Vec::new();
        let mut counted = None;
        for (number, Reverse(step)) in steps.drain(..) {
            let ends = self.set.correlation(number).is_some_and(|(one, _)| one.ends(step));
            // Where events are measured one is one, however many of the rules it matches.
            let again = !ends && counted.replace(number) == Some(number);
            self.step((number, step), again, (evidence, time), &mut done);
        }
        for (number, evidence) in done {
            self.finished(number, evidence, time, out);
        }
    }

    /// It is one step of one correlation: what that finished is `done`.
    fn step(
        &mut self,
        (number, step): (usize, usize),
        again: bool,
        (evidence, time): (&[Arc<Observation>], BootTime),
        done: &mut Vec<(usize, Evidence)>,
    ) {
        let Self { set, tally, correlators, scratch, clock, due, .. } = self;
        let at = set.correlations.get(number).zip(correlators.get_mut(number));
        let (Some((correlation, correlator)), Some(last)) = (at, evidence.last()) else { return };
        let mut view = View::new(last, scratch);
        let mut value = Vec::new();
        if let Machine::Window(window) = &correlation.machine
            && !correlation.ends(step)
            && (again || !window.value(&mut view, &mut value))
        {
            return;
        }
        // What holds by a stronger proof is not told by a weaker one too.
        let mut told = None;
        for way in 0..correlation.ways() {
            let within_ns = correlation.within_ns(way);
            for Key { bytes: key, own } in correlate::keys(&mut view, correlation, (step, way)) {
                if correlation.ends(step) {
                    correlator.end(&key, time, correlation.grace_ns, *clock);
                    continue;
                }
                let event = Event { step, time, within_ns, own, evidence, value: &value };
                let mut finished = None;
                let timed = tally.timed();
                tally.evaluate(set.rules.len() + number, timed, || {
                    let evidence = correlator.step(&key, &event, *clock);
                    finished = evidence.filter(|_| told.is_none_or(|told| told == way));
                    // Whether it is excepted is known when it reports.
                    false
                });
                if let Some(evidence) = finished {
                    told = Some(way);
                    done.push((number, evidence));
                }
            }
        }
        tally.lost("correlation_full", "correlation", correlator.take_evicted());
        *due = correlator.due().map_or(*due, |one| one.min(*due));
    }

    /// A correlation holds: unless it is excepted it reports, and may be a step of others.
    pub(super) fn finished(
        &mut self,
        number: usize,
        evidence: Evidence,
        time: BootTime,
        out: &mut Vec<Match>,
    ) {
        let set = Arc::clone(&self.set);
        let Some((correlation, duty)) = set.correlation(number) else { return };
        let Some(last) = evidence.last().map(Arc::clone) else { return };
        let place = set.rules.len() + number;
        let mut view = View::new(&last, &mut self.scratch);
        let exception = correlation.exceptions.iter().position(|one| holds(&one.condition, &mut view));
        if let Some(exception) = exception {
            return self.tally.excepted(place, exception);
        }
        self.tally.hit(place);
        if !duty.steps.is_empty() {
            let mut steps: Vec<_> = duty.steps.iter().map(|&(of, step)| (of, Reverse(step))).collect();
            steps.sort_unstable();
            self.correlate(&mut steps, &evidence, time, out);
        }
        if !duty.reports {
            return;
        }
        let Self { tally, suppressors, scratch, due, .. } = self;
        let mut report = Report { set: &set, tally, suppressors, due, out };
        let suppression = correlation.suppress.as_ref();
        report.matched(place, suppression, (evidence, time), &mut View::new(&last, scratch));
    }
}
