//! What is known of connections, their requests, and the processes that read them.
use crate::{
    Life, Params,
    history::History,
    pair::Pairs,
    servers::{Common, Servers},
};
use guardbee_l7::{Connection, Ended, RequestHead, ResponseHead, traceparent::Traceparent};
use guardbee_model::{
    clock::BootTime,
    id::{ConnectionId, RequestId},
    process::ProcessKey,
    request::Request,
    socket::Socket,
    span::{ParentLink, SpanKind},
};
use lru::LruCache;
use std::{collections::VecDeque, num::NonZeroUsize, sync::Arc};

/// A request on one side of a connection.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts of one request")]
pub(crate) struct Entry {
    pub(crate) id: RequestId,
    pub(crate) side: SpanKind,
    /// When the first and the last byte of its head were there.
    pub(crate) start: BootTime,
    pub(crate) time: BootTime,
    /// Position behind its head.
    pub(crate) end: u64,
    /// Bytes around it are missing: nothing about it is proven.
    pub(crate) uncertain: bool,
    /// It may be the middle of something that looks like a request.
    pub(crate) doubtful: bool,
    /// Until its trace is decided.
    pub(crate) head: Option<Box<RequestHead>>,
    /// Who read (or sent) the end of its head.
    pub(crate) process: Option<ProcessKey>,
    pub(crate) tid: u32,
    pub(crate) inbound: Option<Traceparent>,
    /// Method and target, hashed.
    pub(crate) content: Common,
    /// Its place among those of its process; 0: there was no room.
    pub(crate) number: u64,
    /// With its trace, once that is decided.
    pub(crate) request: Option<Arc<Request>>,
    pub(crate) parent: Option<ParentLink>,
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
        if time < self.time {
            return Openness::NotYet;
        }
        match (self.ended, self.unseen_since) {
            (Some(end), _) if time >= end.time => Openness::Answered,
            (Some(end), _) if time >= end.since => Openness::Unclear,
            (None, Some(since)) if time >= since => Openness::Unclear,
            _ => Openness::Open,
        }
    }

    /// Not certainly answered.
    pub(crate) fn may_be_open_at(&self, time: BootTime) -> bool {
        matches!(self.at(time), Openness::Open | Openness::Unclear)
    }

    /// Whether it was unanswered at any moment from `from` to `to`.
    pub(crate) fn in_flight(&self, from: BootTime, to: BootTime) -> bool {
        self.time <= to && self.ended.is_none_or(|end| end.time > from)
    }

    /// Whether it is of this process, to answer.
    pub(crate) fn is_served_by(&self, life: Life) -> bool {
        self.side == SpanKind::Server && self.process.is_some_and(|key| key.life() == life)
    }
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) socket: Option<Arc<Socket>>,
    /// Its other end.
    pub(crate) peer: Option<ConnectionId>,
    pub(crate) parser: Connection,
    /// Unanswered ones, in order.
    pub(crate) entries: VecDeque<Entry>,
    /// The last one that was answered, by its number in the history.
    pub(crate) answered: Option<u64>,
    /// When that was learned.
    pub(crate) answered_at: BootTime,
    /// When bytes last moved.
    pub(crate) last: BootTime,
    /// When it last became the youngest of all.
    pub(crate) promoted: BootTime,
    /// Its end was seen.
    pub(crate) ended: bool,
    /// When its silence is looked at.
    pub(crate) watched: Option<BootTime>,
}

impl Conn {
    pub(crate) fn new(socket: Option<Arc<Socket>>, middle: bool, time: BootTime) -> Self {
        Self {
            socket,
            peer: None,
            parser: Connection::new(middle),
            entries: VecDeque::new(),
            answered: None,
            answered_at: BootTime(0),
            last: time,
            promoted: time,
            ended: false,
            watched: None,
        }
    }

    pub(crate) fn is_unix(&self) -> bool {
        self.socket.as_deref().is_some_and(|socket| socket.local.ip().is_none())
    }

    pub(crate) fn unanswered(&mut self, position: u64) -> Option<&mut Entry> {
        self.entries.iter_mut().rev().find(|entry| entry.id.position == position)
    }
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) conns: LruCache<ConnectionId, Conn>,
    /// Connections that have ended or were forgotten: stamps still name them.
    pub(crate) closed: LruCache<ConnectionId, Conn>,
    pub(crate) servers: Servers,
    pub(crate) history: History,
    pub(crate) pairs: Pairs,
}

impl Table {
    pub(crate) fn new(params: &Params) -> Self {
        let limit = |limit| NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN);
        Self {
            conns: LruCache::new(limit(params.connections)),
            closed: LruCache::new(limit(params.closed)),
            servers: Servers::new(params.servers),
            history: History::new(params.history),
            pairs: Pairs::new(params.connections),
        }
    }

    /// A connection, ended or not.
    pub(crate) fn conn(&self, id: ConnectionId) -> Option<&Conn> {
        self.conns.peek(&id).or_else(|| self.closed.peek(&id))
    }

    pub(crate) fn entry(&self, id: RequestId) -> Option<&Entry> {
        self.entry_of(self.conn(id.connection)?, id.position)
    }

    /// The request that begins there on this connection.
    pub(crate) fn entry_of<'a>(&'a self, conn: &'a Conn, position: u64) -> Option<&'a Entry> {
        conn.entries.iter().rev().find(|entry| entry.id.position == position).or_else(|| {
            let number = self.answered(conn, position)?;
            self.history.get(number).map(|answered| &answered.entry)
        })
    }

    pub(crate) fn entry_mut(&mut self, id: RequestId) -> Option<&mut Entry> {
        let conn = self.conn(id.connection)?;
        if let Some(at) = conn.entries.iter().rposition(|entry| entry.id.position == id.position) {
            return self.conns.peek_mut(&id.connection)?.entries.get_mut(at);
        }
        let number = self.answered(conn, id.position)?;
        self.history.get_mut(number).map(|answered| &mut answered.entry)
    }

    /// Number of an answered request. Along a connection positions fall.
    fn answered(&self, conn: &Conn, position: u64) -> Option<u64> {
        let mut earlier = self.history.of(conn.answered);
        let (number, found) = earlier.find(|(_, answered)| answered.entry.id.position <= position)?;
        (found.entry.id.position == position).then_some(number)
    }

    /// A request is over: it moves to the history, which has room for it. Gives its number there.
    pub(crate) fn end(&mut self, id: RequestId, ended: Ended, now: BootTime) -> Option<u64> {
        let conn = self.conns.peek_mut(&id.connection)?;
        let at = conn.entries.iter().position(|entry| entry.id.position == id.position)?;
        let mut entry = conn.entries.remove(at)?;
        entry.ended = Some(ended);
        self.servers.end(&entry);
        let number = self.history.push(entry, ended.time, conn.answered);
        (conn.answered, conn.answered_at) = (Some(number), now);
        Some(number)
    }

    /// Two connections are the ends of one, if both are followed.
    pub(crate) fn join(&mut self, one: ConnectionId, other: ConnectionId) {
        for (end, peer) in [(one, other), (other, one)] {
            if self.conns.contains(&peer)
                && let Some(conn) = self.conns.peek_mut(&end)
            {
                conn.peer = Some(peer);
            }
        }
    }

    /// The other end of a connection, where it is known.
    pub(crate) fn peer(&self, conn: &Conn) -> Option<(ConnectionId, &Conn)> {
        let peer = conn.peer?;
        Some((peer, self.conn(peer)?))
    }

    /// Requests that `life` read and that were not certainly answered at `time`, oldest first: the first `most`, the
    /// number of others, and whether some may be missing.
    pub(crate) fn open(&self, life: Life, time: BootTime, most: usize) -> Candidates {
        let mut ids: Vec<(BootTime, RequestId)> = self
            .history
            .since(time)
            .filter(|entry| entry.is_served_by(life) && entry.may_be_open_at(time))
            .map(|entry| (entry.time, entry.id))
            .collect();
        ids.reverse();
        let mut whole = self.history.reaches(time);
        let mut open = 0;
        if let Some(server) = self.servers.get(life) {
            whole &= server.is_complete();
            let begun = |id: &RequestId| self.entry(*id).is_some_and(|entry| entry.time <= time);
            open = server.open().len() - server.open().rev().take_while(|id| !begun(id)).count();
            let known = server.open().filter_map(|id| self.entry(id)).filter(|entry| entry.time <= time);
            ids.extend(known.take(most).map(|entry| (entry.time, entry.id)));
            open = open.saturating_sub(open.min(most));
        }
        ids.sort_by_key(|(time, _)| *time);
        let more = ids.len().saturating_sub(most) + open;
        ids.truncate(most);
        Candidates { ids: ids.into_iter().map(|(_, id)| id).collect(), more, whole }
    }
}

/// Requests that may be behind an action.
#[derive(Debug)]
pub(crate) struct Candidates {
    pub(crate) ids: Vec<RequestId>,
    /// Beyond those.
    pub(crate) more: usize,
    /// None is missing.
    pub(crate) whole: bool,
}
