//! Who acts, looked up once: the same few processes act again and again.
use guardbee_enrich::Table;
use guardbee_model::process::{Process, ProcessKey};
use std::sync::Arc;

/// Parents of a process that a finding tells.
const ANCESTORS: usize = 16;
/// Processes that are remembered at once.
const MOST: usize = 8;

/// A process that is known.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    pub(crate) process: Arc<Process>,
    /// Parent, grandparent, ...
    pub(crate) ancestors: Arc<[Arc<Process>]>,
    /// A child of the loader: of the self-test, which is no workload.
    pub(crate) own: bool,
}

/// The last ones. What is remembered is right until the table changes: whoever changes it calls [`Actors::forget`].
#[derive(Debug)]
pub(crate) struct Actors {
    /// The loader's process id.
    loader: u32,
    last: Vec<Actor>,
    /// Whose place the next one takes.
    oldest: usize,
}

impl Actors {
    pub(crate) fn new(loader: u32) -> Self {
        Self { loader, last: Vec::with_capacity(MOST), oldest: 0 }
    }

    /// One that was asked for since [`Actors::forget`].
    pub(crate) fn recent(&self, key: ProcessKey) -> Option<&Actor> {
        self.last.iter().find(|actor| actor.process.key == key)
    }

    /// One that the table knows.
    pub(crate) fn get(&mut self, key: ProcessKey, table: &Table) -> Option<Actor> {
        if let Some(actor) = self.recent(key) {
            return Some(actor.clone());
        }
        let process = table.process(key)?;
        let own = process.parent.is_some_and(|parent| parent.tgid == self.loader);
        let actor = Actor { process, ancestors: table.ancestors(key, ANCESTORS), own };
        match self.last.get_mut(self.oldest) {
            Some(oldest) => *oldest = actor.clone(),
            None => self.last.push(actor.clone()),
        }
        self.oldest = (self.oldest + 1) % MOST;
        Some(actor)
    }

    /// The table has changed, or may.
    pub(crate) fn forget(&mut self) {
        self.last.clear();
        self.oldest = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guardbee_enrich::Limits;
    use guardbee_model::{
        clock::BootTime,
        event::{Body, Event, Exit, Fork, Header, Hook},
    };

    const LOADER: u32 = 5;

    fn key(tgid: u32) -> ProcessKey {
        ProcessKey { tgid, start: BootTime(u64::from(tgid)), exec_number: 0 }
    }

    fn event(tgid: u32, body: Body) -> Event {
        let header = Header {
            time: BootTime(100),
            process: Some(key(tgid)),
            tid: tgid,
            cgroup_id: 0,
            scope: 0,
            user: None,
            compat: false,
            kthread: false,
            stamp_lost: false,
            hook: Hook::Tracepoint6_3,
            serving: None,
            origin: None,
        };
        Event { header, body }
    }

    fn fork(parent: u32, child: u32) -> Event {
        let (comm, cgroup, unified) = Default::default();
        let fork =
            Fork { child: key(child), child_origin: None, child_ns_tgid: child, comm, cgroup, unified };
        event(parent, Body::Fork(Arc::new(fork)))
    }

    #[test]
    fn as_the_table_says() {
        let mut table = Table::new(Limits::default());
        for event in [fork(1, LOADER), fork(LOADER, 6), fork(6, 7)] {
            table.observe(&event);
        }
        let mut actors = Actors::new(LOADER);
        let told: Vec<_> = [1, LOADER, 6, 7]
            .map(|tgid| actors.get(key(tgid), &table).unwrap())
            .map(|actor| (actor.process.key.tgid, actor.ancestors.len(), actor.own))
            .into();
        assert_eq!(told, [(1, 0, false), (LOADER, 1, false), (6, 2, true), (7, 3, false)]);
        assert!(actors.get(key(8), &table).is_none());
        table.observe(&event(8, Body::Exit(Exit { code: 0 })));
        assert!(actors.get(key(8), &table).is_some(), "nobody is remembered as unknown");
    }

    #[test]
    fn the_oldest_makes_room_and_all_are_forgotten() {
        let mut table = Table::new(Limits::default());
        let mut actors = Actors::new(LOADER);
        for tgid in 1..=20 {
            table.observe(&event(tgid, Body::Exit(Exit { code: 0 })));
            assert_eq!(actors.get(key(tgid), &table).unwrap().process.key, key(tgid));
        }
        assert!(actors.last.len() == MOST && actors.recent(key(20)).is_some());
        assert!(actors.recent(key(12)).is_none() && actors.recent(key(13)).is_some());
        actors.forget();
        assert!(actors.recent(key(20)).is_none());
    }
}
