//! What was read on the table's behalf: files below `/proc`, and of users. They may hold anything.
use super::{Table, Thing};
use crate::{
    cgroup::{Learned, paths},
    configuration::Sought,
    users::{parse_passwd, parse_uid_map},
};
use guardbee_model::{
    container::Configuration,
    process::{Process, ProcessKey},
};
use std::sync::Arc;

impl Table {
    /// What was wanted, as it was read. It may be anything.
    pub fn provide(&mut self, key: ProcessKey, thing: Thing, bytes: &[u8]) {
        match thing {
            Thing::Cmdline => self.provide_cmdline(key, bytes),
            Thing::Cgroup => self.provide_cgroup(key, bytes),
            Thing::Passwd | Thing::UidMap => self.provide_users(key, thing, bytes),
        }
    }

    /// What was read of a container; [`None`]: there will be no answer.
    pub fn configure(&mut self, sought: &Sought, configuration: Option<Configuration>) {
        let id = sought.name();
        self.containers.learn(&id, configuration);
        for entry in self.store.iter_mut() {
            let (container, cgroup) = (entry.process.container.as_ref(), entry.process.cgroup.as_ref());
            if container.is_some_and(|container| *container.id == *id) {
                let configured = self.containers.configured(container, cgroup);
                Arc::make_mut(&mut entry.process).configured = configured;
            }
        }
        self.cgroups.know_more(&id);
    }

    /// Nobody had time to read what was sought.
    pub fn seek_again(&mut self, sought: &Sought) {
        self.containers.ask_again(&sought.name());
    }

    /// What is known by now of the container that a process is in.
    pub fn configured(&self, process: &Process) -> Option<Arc<Configuration>> {
        self.containers.configured(process.container.as_ref(), process.cgroup.as_ref())
    }

    fn provide_cmdline(&mut self, key: ProcessKey, bytes: &[u8]) {
        if let Some(entry) = self.store.get_mut(key)
            && entry.process.args.words.is_empty()
        {
            Arc::make_mut(&mut entry.process).args = Arc::new(crate::cmdline(bytes));
        }
    }

    fn provide_cgroup(&mut self, key: ProcessKey, bytes: &[u8]) {
        let Some(cgroup_id) = self.store.peek(key).map(|entry| entry.process.cgroup_id) else { return };
        let Some(Learned { before, now, own }) = self.cgroups.learn(cgroup_id, paths(bytes)) else { return };
        self.meet(key, now.container.as_ref(), now.cgroup.as_ref());
        let differs = before != own.container;
        for entry in self.store.iter_mut() {
            let process = &entry.process;
            // What the v2 hierarchy adds is known of the one that was asked about.
            let place = if process.key == key { &now } else { &own };
            let member = process.cgroup_id == cgroup_id;
            let named = process.cgroup.as_ref().is_some_and(|cgroup| cgroup.path.starts_with(b"/"));
            // Who inherited what was wrong shares it by pointer: another container may rightly have the name.
            let wrong = match (&process.container, &before) {
                (Some(container), Some(before)) => differs && Arc::ptr_eq(container, before),
                (None, _) => member && place.container.is_some(),
                (Some(_), None) => false,
            };
            if !wrong && (named || !member) {
                continue;
            }
            let process = Arc::make_mut(&mut entry.process);
            if member && !named {
                process.cgroup.clone_from(&place.cgroup);
            }
            if wrong {
                process.container.clone_from(&place.container);
                process.user = self.directory.user(process.credentials.uid, process.container.as_ref());
            }
            let (container, cgroup) = (process.container.as_ref(), process.cgroup.as_ref());
            process.configured = self.containers.configured(container, cgroup);
        }
    }

    /// The host's users are those of whoever shows it, a container's those of any process in it.
    fn provide_users(&mut self, key: ProcessKey, thing: Thing, bytes: &[u8]) {
        let Some(entry) = self.store.peek(key) else { return };
        let container = entry.process.container.clone();
        let shows_host = self.host().is_some_and(|host| host.witness == Some(key));
        match (&container, thing) {
            (Some(container), Thing::UidMap) => self.directory.learn_map(container, parse_uid_map(bytes)),
            (Some(container), _) => self.directory.learn(container, parse_passwd(bytes)),
            (None, Thing::Passwd) if shows_host => self.directory.learn_host(parse_passwd(bytes)),
            (None, _) => return,
        }
        let of = container.as_ref().map(|container| &container.id);
        for entry in self.store.iter_mut() {
            let process = &entry.process;
            // The host's names stand where a container has none.
            if of.is_some() && process.container.as_ref().map(|container| &container.id) != of {
                continue;
            }
            let user = self.directory.user(process.credentials.uid, process.container.as_ref());
            if user != process.user {
                Arc::make_mut(&mut entry.process).user = user;
            }
        }
    }
}
