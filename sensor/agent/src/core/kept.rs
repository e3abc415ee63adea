//! What is kept beyond findings: recordings, and what rules have learned.
use super::Core;
use crate::{
    baseline::{Found, Keeper},
    clock::SystemClock,
    outbox::Item,
    recorder::{self, Recorder},
};
use guardbee_deliver::record::Statement;
use guardbee_model::{
    clock::{BootTime, Clock as _, WallOffset},
    loss::Loss,
};
use guardbee_wire::RPC_PROGRAMS;

impl Core {
    /// Hands over what is to be recorded. What can't be is no loss of a finding's.
    pub(super) fn record(&mut self, losses: &[Loss], now: BootTime, offset: WallOffset) {
        if let Some(recorder) = &mut self.recorder {
            recorder.losses(losses);
            let lost = recorder.turn(now, offset);
            self.outbox.lost(&lost);
        }
    }

    /// Rules know what they have learned before, and what they learn is kept.
    pub(crate) fn keep_baselines(&mut self, (mut keeper, found): (Keeper, Found)) {
        let told = keeper.load(found, &mut self.engine, SystemClock);
        self.baselines = Some(keeper);
        self.say(told);
    }

    pub(super) fn keep(&mut self, now: BootTime) {
        let told = self.baselines.as_mut().and_then(|keeper| keeper.turn(&self.engine, now, SystemClock));
        self.say(told);
    }

    fn say(&mut self, statement: Option<Statement>) {
        if let Some(statement) = statement {
            self.outbox.put(Item::Statement(Box::new(statement)));
        }
    }

    /// What was learned is written for the last time.
    pub(crate) fn end_baselines(&mut self) {
        let told = self.baselines.take().and_then(|keeper| keeper.finish(&self.engine, SystemClock));
        self.say(told);
    }

    /// Tells the recording what is observed from now on.
    pub(super) fn sight(&mut self, now: BootTime) {
        if let Some(recorder) = &mut self.recorder {
            let mut sight = recorder::sight(&self.programs, &self.rules, self.enforcer.set(), now);
            // What is left out somewhere would be missed without a word.
            sight.observed.retain(|action| !self.enforcer.leaves_out(action));
            recorder.sight(sight, SystemClock.wall_offset());
        }
    }

    /// Records from now on.
    pub(crate) fn record_to(
        &mut self,
        recorder: Option<Recorder>,
        programs: [u8; RPC_PROGRAMS],
        now: BootTime,
    ) {
        (self.recorder, self.programs) = (recorder, programs);
        self.sight(now);
    }

    /// What was to be recorded is, when this is over.
    pub(crate) fn end_recording(&mut self) {
        if let Some(recorder) = self.recorder.take() {
            recorder.finish();
        }
    }
}
