//! Containers and what their runtimes' files say of them, bounded; of which it has to be asked.
use crate::configuration::Sought;
use guardbee_model::container::{Cgroup, Configuration, Container};
use lru::LruCache;
use std::{num::NonZeroUsize, sync::Arc};

/// How often is asked: whoever was asked may have had no time.
const ASKED_MAX: u8 = 3;

/// By the container's id.
#[derive(Debug)]
pub(crate) struct Containers {
    known: LruCache<Box<str>, Known>,
    forgotten: u64,
}

#[derive(Debug, Default)]
struct Known {
    asked: u8,
    /// There is no answer yet, or there will be no other.
    settled: bool,
    configured: Option<Arc<Configuration>>,
}

impl Containers {
    pub(crate) fn new(limit: NonZeroUsize) -> Self {
        Self { known: LruCache::new(limit), forgotten: 0 }
    }

    /// A container was seen; what should be asked for, if it should.
    pub(crate) fn meet(&mut self, container: &Container, cgroup: Option<&Arc<Cgroup>>) -> Option<Sought> {
        if let Some(known) = self.known.get(&container.id)
            && (known.settled || known.asked >= ASKED_MAX)
        {
            return None;
        }
        let sought = Sought::of(container).filter(|_| !is_users(cgroup))?;
        let full = self.known.len() == self.known.cap().get() && !self.known.contains(&container.id);
        self.forgotten += u64::from(full);
        let known = self.known.get_or_insert_mut(container.id.clone(), Known::default);
        known.asked += 1;
        known.settled = true;
        Some(sought)
    }

    /// What is known of the container that a process is in.
    pub(crate) fn configured(
        &self,
        container: Option<&Arc<Container>>,
        cgroup: Option<&Arc<Cgroup>>,
    ) -> Option<Arc<Configuration>> {
        let configured = self.known.peek(&container?.id)?.configured.clone()?;
        (!is_users(cgroup)).then_some(configured)
    }

    /// Takes an answer; [`None`]: there will be none.
    pub(crate) fn learn(&mut self, id: &str, configuration: Option<Configuration>) {
        if let Some(known) = self.known.peek_mut(id) {
            known.configured = configuration.map(Arc::new);
        }
    }

    /// Nobody had time to answer: the next one who is seen in it has it asked again.
    pub(crate) fn ask_again(&mut self, id: &str) {
        if let Some(known) = self.known.peek_mut(id) {
            known.settled = false;
        }
    }

    /// Containers that there was no room for since this was last asked.
    pub(crate) fn take_forgotten(&mut self) -> u64 {
        std::mem::take(&mut self.forgotten)
    }
}

/// Below a user's manager users name cgroups as they like, and their runtimes keep nothing in root's folders.
fn is_users(cgroup: Option<&Arc<Cgroup>>) -> bool {
    let names = cgroup.map(|cgroup| cgroup.path.split(|byte| *byte == b'/'));
    names.is_some_and(|mut names| names.any(|name| name == b"user.slice" || name.starts_with(b"user@")))
}
