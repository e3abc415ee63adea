//! What is known of connections, their requests, and the processes that read them.
use crate::{Life, pair::Pairs};
use guardbee_l7::{Connection, Ended, RequestHead, ResponseHead, traceparent::Traceparent};
use guardbee_model::{
    clock::BootTime,
    id::{ConnectionId, RequestId},
    process::ProcessKey,
    request::Request,
    socket::Socket,
    span::SpanKind,
};
use lru::LruCache;
use std::{collections::VecDeque, num::NonZeroUsize, sync::Arc, time::Duration};

/// Requests that one connection keeps, answered ones included.
const ENTRIES: usize = 128;
/// Unanswered requests that one process keeps.
const OPEN: usize = 8_192;

/// A request on one side of a connection.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: RequestId,
    pub(crate) side: SpanKind,
    pub(crate) head: RequestHead,
    /// Who read (or sent) the end of its head.
    pub(crate) process: Option<ProcessKey>,
    pub(crate) tid: u32,
    pub(crate) inbound: Option<Traceparent>,
    /// With its trace, once that is decided.
    pub(crate) request: Option<Arc<Request>>,
    pub(crate) body_bytes: Option<u64>,
    pub(crate) response: Option<ResponseHead>,
    /// From here on its answer may be complete: the end can't be seen.
    pub(crate) unseen_since: Option<BootTime>,
    pub(crate) ended: Option<Ended>,
    /// When another thread first moved bytes of this connection.
    pub(crate) foreign: Option<BootTime>,
    /// A client request was sent on its behalf.
    pub(crate) has_upstream: bool,
    /// Spans on their way out: they make no spans.
    pub(crate) telemetry: bool,
    /// Its exchange is told.
    pub(crate) told: bool,
}

/// What a request was at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Openness {
    NotYet,
    Open,
    /// Its answer may have been complete.
    Unclear,
    Answered,
}

impl Entry {
    pub(crate) fn at(&self, time: BootTime) -> Openness {
        if time < self.head.time {
            return Openness::NotYet;
        }
        match (self.ended, self.unseen_since) {
            (Some(end), _) if time >= end.time => Openness::Answered,
            (Some(end), _) if time >= end.since => Openness::Unclear,
            (None, Some(since)) if time >= since => Openness::Unclear,
            _ => Openness::Open,
        }
    }

    /// Whether it was unanswered at any moment from `from` to `to`.
    pub(crate) fn in_flight(&self, from: BootTime, to: BootTime) -> bool {
        self.head.time <= to && self.ended.is_none_or(|end| end.time > from)
    }

    /// Bytes around it are missing: nothing about it is proven.
    pub(crate) fn uncertain(&self) -> bool {
        self.head.doubtful || self.head.truncated || self.head.open_ended
    }
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) socket: Option<Arc<Socket>>,
    pub(crate) parser: Connection,
    pub(crate) entries: VecDeque<Entry>,
    /// When bytes last moved.
    pub(crate) last: BootTime,
}

impl Conn {
    pub(crate) fn new(socket: Option<Arc<Socket>>, middle: bool, time: BootTime) -> Self {
        Self { socket, parser: Connection::new(middle), entries: VecDeque::new(), last: time }
    }

    pub(crate) fn entry(&self, position: u64) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.id.position == position)
    }

    pub(crate) fn entry_mut(&mut self, position: u64) -> Option<&mut Entry> {
        self.entries.iter_mut().rev().find(|entry| entry.id.position == position)
    }
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) conns: LruCache<ConnectionId, Conn>,
    /// Requests read by each process, answered ones for a while included, oldest first.
    pub(crate) servers: LruCache<Life, VecDeque<RequestId>>,
    pub(crate) pairs: Pairs,
    /// How long an answered request is kept for events that come late.
    keep: Duration,
}

impl Table {
    pub(crate) fn new(connections: usize, servers: usize, wait: Duration) -> Self {
        let limit = |limit| NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN);
        Self {
            conns: LruCache::new(limit(connections)),
            servers: LruCache::new(limit(servers)),
            pairs: Pairs::new(connections),
            keep: wait.saturating_mul(4),
        }
    }

    pub(crate) fn entry(&self, id: RequestId) -> Option<&Entry> {
        self.conns.peek(&id.connection)?.entry(id.position)
    }

    pub(crate) fn entry_mut(&mut self, id: RequestId) -> Option<&mut Entry> {
        self.conns.peek_mut(&id.connection)?.entry_mut(id.position)
    }

    /// Adds a request; gives the number of those forgotten for it: unanswered ones, and server processes.
    pub(crate) fn add(&mut self, entry: Entry, now: BootTime) -> (u64, u64) {
        let (id, side, process) = (entry.id, entry.side, entry.process);
        let (mut requests, mut servers) = (0, 0);
        let keep = self.keep;
        if let Some(conn) = self.conns.peek_mut(&id.connection) {
            while let Some(first) = conn.entries.front() {
                let over = first.told && first.ended.is_some_and(|end| crate::later(end.time, keep) < now);
                if !over && conn.entries.len() < ENTRIES {
                    break;
                }
                requests += u64::from(!over);
                conn.entries.pop_front();
            }
            conn.entries.push_back(entry);
        }
        let Some(life) = process.map(ProcessKey::life).filter(|_| side == SpanKind::Server) else {
            return (requests, servers);
        };
        if self.servers.get(&life).is_none() {
            servers += u64::from(self.servers.push(life, VecDeque::new()).is_some());
        }
        let count = self.servers.peek(&life).map_or(0, VecDeque::len);
        if count >= OPEN || (count >= 32 && count.is_power_of_two()) {
            requests += self.forget_answered(life, now);
        }
        if let Some(open) = self.servers.get_mut(&life) {
            open.push_back(id);
        }
        (requests, servers)
    }

    /// Forgets what was answered long ago; where that is not enough, the oldest, and says so.
    fn forget_answered(&mut self, life: Life, now: BootTime) -> u64 {
        let mut open = self.servers.get_mut(&life).map(std::mem::take).unwrap_or_default();
        open.retain(|id| {
            let ended = self.entry(*id).map(|entry| entry.ended);
            ended.is_some_and(|ended| ended.is_none_or(|end| crate::later(end.time, self.keep) >= now))
        });
        let forgotten = if open.len() >= OPEN { u64::from(open.pop_front().is_some()) } else { 0 };
        self.servers.put(life, open);
        forgotten
    }

    /// Requests that `life` read and that were not certainly answered at `time`, oldest first.
    pub(crate) fn open(&self, life: Life, time: BootTime) -> impl Iterator<Item = &Entry> {
        let requests = self.servers.peek(&life).into_iter().flatten();
        requests
            .filter_map(|id| self.entry(*id))
            .filter(move |entry| matches!(entry.at(time), Openness::Open | Openness::Unclear))
    }

    /// The other end of a connection, where it is followed.
    pub(crate) fn peer(&self, connection: ConnectionId) -> Option<(ConnectionId, &Conn)> {
        let socket = self.conns.peek(&connection)?.socket.as_deref()?;
        let peer = self.pairs.peer(socket)?;
        Some((peer, self.conns.peek(&peer)?))
    }
}
