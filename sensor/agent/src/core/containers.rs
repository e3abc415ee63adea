//! What runs in containers: asked for when one is seen for the first time, and waited for where a rule looks at it.
use super::Core;
use crate::containers::Found;
use guardbee_enrich::Sought;
use guardbee_model::{
    clock::BootTime,
    finding::{Action, Observation},
};

impl Core {
    /// Asks for what is wanted.
    pub(super) fn seek(&mut self, now: BootTime) {
        let sought: Vec<_> = self.table.sought().collect();
        for one in sought {
            if !self.containers.want(one, now) {
                self.table.seek_again(&one);
            }
        }
    }

    /// Takes what has been found.
    pub(super) fn configure(&mut self) {
        while let Some(answer) = self.containers.answer() {
            match answer.found {
                Found::Known(known) => self.table.configure(&answer.sought, Some(known)),
                Found::Nothing => self.table.configure(&answer.sought, None),
                Found::Later => self.table.seek_again(&answer.sought),
            }
        }
    }

    /// Whoever looks at what runs in containers is told which execs were seen before that was known.
    pub(super) fn note_unconfigured(&mut self, observation: &Observation) {
        let exec = matches!(observation.action, Action::Exec(_));
        let sought = if self.by_configuration && exec { sought(observation) } else { None };
        if sought.is_some_and(|id| self.containers.is_pending(id)) {
            self.containers.unseen();
        }
    }
}

/// The container that an observation is in, where its configuration is not known and could be.
pub(super) fn sought(observation: &Observation) -> Option<[u8; 32]> {
    let process = observation.process.as_ref().filter(|process| process.configured.is_none())?;
    Sought::of(process.container.as_ref()?).map(|sought| sought.id)
}
