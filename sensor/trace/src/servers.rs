//! Which requests each process has to answer, so that nobody needs to look through all of them.
use crate::{Life, table::Entry};
use guardbee_l7::traceparent::Traceparent;
use guardbee_model::{
    id::{RequestId, TraceId},
    process::ProcessKey,
    span::SpanKind,
};
use lru::LruCache;
use rustc_hash::FxHashMap;
use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, RandomState},
    num::NonZeroUsize,
};

/// Unanswered requests that one process keeps.
const OPEN: usize = 16_384;

/// What requests have in common. Peers choose most of it: the hashes are keyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Common {
    /// Method and target.
    Content(u64),
    /// The traceparent that they came with.
    Claim(u64),
    /// Its trace.
    Trace(u64),
    /// The thread that read them.
    Thread(u32),
}

/// Requests with something in common: how many, and, where it is one, which.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Group {
    count: u64,
    /// All of them, exclusive-or'ed.
    connections: u64,
    positions: u64,
}

impl Group {
    fn toggle(&mut self, id: RequestId) {
        self.connections ^= id.connection.0;
        self.positions ^= id.position;
    }

    /// Which they are, as far as that can be said.
    pub(crate) fn known(self) -> Known {
        let connection = guardbee_model::id::ConnectionId(self.connections);
        match self.count {
            0 => Known::None,
            1 => Known::One(RequestId { connection, position: self.positions }),
            _ => Known::Several,
        }
    }
}

/// What is known of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    None,
    One(RequestId),
    Several,
}

/// One process's.
#[derive(Debug, Default)]
pub(crate) struct Server {
    /// By the number of the request: oldest first.
    open: BTreeMap<u64, RequestId>,
    groups: FxHashMap<Common, Group>,
    /// Unanswered ones that there was no room for.
    unlisted: u64,
    /// There may be some of a time before, which was forgotten.
    follows_another: bool,
}

impl Server {
    /// Its unanswered requests, oldest first.
    pub(crate) fn open(&self) -> impl DoubleEndedIterator<Item = RequestId> + ExactSizeIterator {
        self.open.values().copied()
    }

    /// Whether none is missing.
    pub(crate) fn is_complete(&self) -> bool {
        self.unlisted == 0 && !self.follows_another
    }

    /// Its unanswered requests as a group.
    pub(crate) fn known(&self) -> Known {
        let mut open = self.open();
        match (open.next(), open.next()) {
            (None, _) => Known::None,
            (Some(only), None) => Known::One(only),
            _ => Known::Several,
        }
    }

    pub(crate) fn group(&self, common: Common) -> Group {
        self.groups.get(&common).copied().unwrap_or_default()
    }

    fn join(&mut self, common: Common, id: RequestId) {
        let group = self.groups.entry(common).or_default();
        group.count += 1;
        group.toggle(id);
    }

    fn leave(&mut self, common: Common, id: RequestId) {
        let Some(group) = self.groups.get_mut(&common) else { return };
        group.count -= 1;
        group.toggle(id);
        if group.count == 0 {
            self.groups.remove(&common);
        }
    }
}

/// All processes that serve.
#[derive(Debug)]
pub(crate) struct Servers {
    by_life: LruCache<Life, Server>,
    keys: RandomState,
    /// One that had requests open was forgotten.
    forgetful: bool,
    /// Requests so far.
    number: u64,
}

impl Servers {
    /// `limit`: processes.
    pub(crate) fn new(limit: usize) -> Self {
        let limit = NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN);
        Self { by_life: LruCache::new(limit), keys: RandomState::new(), forgetful: false, number: 0 }
    }

    pub(crate) fn get(&self, life: Life) -> Option<&Server> {
        self.by_life.peek(&life)
    }

    pub(crate) fn content(&self, method: &[u8], target: &[u8]) -> Common {
        Common::Content(self.keys.hash_one((method, target)))
    }

    pub(crate) fn claim(&self, claim: Traceparent) -> Common {
        Common::Claim(self.keys.hash_one((claim.trace, claim.parent)))
    }

    pub(crate) fn trace(&self, trace: TraceId) -> Common {
        Common::Trace(self.keys.hash_one(trace))
    }

    /// All that `entry` has in common with others.
    fn commons(&self, entry: &Entry) -> impl Iterator<Item = Common> + use<> {
        let claim = entry.inbound.map(|claim| self.claim(claim));
        let trace = entry.inbound.map(|claim| self.trace(claim.trace));
        [Some(entry.content), Some(Common::Thread(entry.tid)), claim, trace].into_iter().flatten()
    }

    /// A server read a request. Gives how many requests and processes there was no room for.
    pub(crate) fn begin(&mut self, entry: &mut Entry) -> (u64, u64) {
        let Some(life) = served(entry) else { return (0, 0) };
        let mut processes = 0;
        if !self.by_life.contains(&life) {
            let server = Server { follows_another: self.forgetful, ..Server::default() };
            if self.by_life.push(life, server).is_some_and(|(_, old)| !old.open.is_empty()) {
                self.forgetful = true;
                processes = 1;
            }
        }
        let commons = self.commons(entry);
        let Some(server) = self.by_life.get_mut(&life) else { return (0, processes) };
        if server.open.len() >= OPEN {
            server.unlisted += 1;
            return (1, processes);
        }
        self.number += 1;
        entry.number = self.number;
        server.open.insert(entry.number, entry.id);
        commons.for_each(|common| server.join(common, entry.id));
        (0, processes)
    }

    /// It is over.
    pub(crate) fn end(&mut self, entry: &Entry) {
        let Some(life) = served(entry) else { return };
        let commons = self.commons(entry);
        let Some(server) = self.by_life.peek_mut(&life) else { return };
        if entry.number == 0 {
            server.unlisted = server.unlisted.saturating_sub(1);
        } else if server.open.remove(&entry.number).is_some() {
            commons.for_each(|common| server.leave(common, entry.id));
        }
    }
}

/// The process that has to answer it.
fn served(entry: &Entry) -> Option<Life> {
    entry.process.map(ProcessKey::life).filter(|_| entry.side == SpanKind::Server)
}
