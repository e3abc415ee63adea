//! Rules and policies that hold, and others in their place.
use super::Core;
use crate::{enforcer::Enforcer, outbox::Item, reload, statement};
use guardbee_model::clock::BootTime;
use std::sync::Arc;

impl Core {
    /// Between two turns every event has been through the rules before, or goes through those after.
    pub(super) fn reload(&mut self, now: BootTime) {
        let told = match self.reloader.loaded() {
            None => return,
            Some(Err(problem)) => reload::refused(&problem, now),
            Some(Ok((set, policies))) => {
                self.let_all_go();
                self.by_hash = set.looks_at_hashes();
                self.by_configuration = set.looks_at_configurations();
                self.enforcer.replace(policies, self.table.homes());
                let changes = self.engine.replace(Arc::clone(&set), &mut self.matches);
                self.findings();
                self.rules = Arc::clone(&set);
                // What they look at for the first time begins when the loader has attached it: programs_changed() tells.
                self.asker.look_for(Arc::clone(&set), Arc::clone(self.enforcer.set()));
                self.sight(now);
                reload::taken_over(&changes, &set, now)
            }
        };
        self.outbox.put(Item::Statement(Box::new(told)));
        self.tell_policies(now);
    }

    /// These policies are in force, and the loader knows.
    pub(crate) fn enforce(&mut self, enforcer: Enforcer) {
        self.enforcer = enforcer;
    }

    /// Cgroups that are known since the last event get their policy.
    pub(super) fn follow(&mut self) {
        let changed = self.table.homes_changed();
        if !changed.is_empty() {
            self.enforcer.follow(changed);
            self.enforcer.speak(&mut self.asker);
        }
    }

    /// How many cgroups go by each policy, where that is new.
    pub(super) fn tell_policies(&mut self, now: BootTime) {
        let told = statement::policies(&self.enforcer, now);
        let is_new =
            self.ruled.as_ref().map(|ruled| &ruled.attributes) != told.as_ref().map(|told| &told.attributes);
        if let Some(told) = told.clone().filter(|_| is_new) {
            self.outbox.put(Item::Statement(Box::new(told)));
        }
        self.ruled = told;
    }
}
