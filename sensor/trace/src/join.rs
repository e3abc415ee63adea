//! The join: which request caused an action, and how far that is proven (design section 6).
//!
//! Proven means: the acting thread last read from a connection whose one unanswered request it read itself, all bytes
//! of that connection up to there were seen, no other thread touched it, and either a thread that multiplexes could not
//! have read so (a blocking call, in no epoll set), or the process is positively known to run one request on one thread.
//! Everything else is candidates: requests in flight in the acting process.
use crate::{
    ExecutionModel, Life, Output, Processes, Tracer,
    servers::{Common, Known, Server},
    table::{Candidates, Conn, Entry, Openness},
};
use guardbee_model::{
    clock::BootTime,
    event::{Direction, Fork, Header},
    id::RequestId,
    link::{Link, LinkKind},
    process::ProcessKey,
    request::Request,
    stamp::Stamp,
};
use std::sync::Arc;

const OLDER: &str = "the connection is older than the sensor";
const FORGOTTEN: &str = "requests were forgotten";

/// What is behind a process, fixed when it was forked, for its life.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// This request, whatever becomes of it.
    Proven(Arc<Request>),
    /// As much as was known then.
    Weak(Link),
    /// Nothing.
    Nothing,
}

/// What a stamp proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Proven(RequestId),
    /// Evidence is missing that could have decided.
    Unproven(&'static str),
    /// Nothing: candidates, if there are any.
    Open(&'static str),
}

impl Tracer {
    /// The link of an action.
    pub(crate) fn link(
        &mut self,
        header: &Header,
        processes: &dyn Processes,
        out: &mut Vec<Output>,
    ) -> Option<Link> {
        let life = header.process?.life();
        let serving = self.serving(header, processes);
        let origin = self.origin_or_stamp(header, processes, out);
        if header.stamp_lost {
            return self.weak(life, header.time, Some("stamps were lost"), origin, processes, out);
        }
        if let Outcome::Proven(id) = serving
            && let Some(request) = self.fix(id, processes, out)
        {
            let reason = "the thread's one unanswered request";
            return Some(Link { kind: LinkKind::Exact, requests: vec![request], more: 0, reason });
        }
        if let Origin::Proven(request) = origin {
            let reason = "forked while serving it";
            return Some(Link { kind: LinkKind::Inherited, requests: vec![request], more: 0, reason });
        }
        let unproven = if let Outcome::Unproven(reason) = serving { Some(reason) } else { None };
        self.weak(life, header.time, unproven, origin, processes, out)
    }

    /// The link of an action whose evidence could not be waited for.
    pub(crate) fn early_link(
        &mut self,
        header: &Header,
        processes: &dyn Processes,
        out: &mut Vec<Output>,
    ) -> Option<Link> {
        let origin = match self.origin(header) {
            Some(origin) => origin.clone(),
            None if header.origin.is_some() => Origin::Weak(unproven_origin()),
            None => Origin::Nothing,
        };
        let reason = Some("too many actions waited for their payload");
        self.weak(header.process?.life(), header.time, reason, origin, processes, out)
    }

    /// Candidates: the process's own requests, else what its origin knew. `unproven`: why evidence is missing.
    fn weak(
        &mut self,
        life: Life,
        time: BootTime,
        unproven: Option<&'static str>,
        origin: Origin,
        processes: &dyn Processes,
        out: &mut Vec<Output>,
    ) -> Option<Link> {
        let Candidates { ids, more, whole } = self.table.open(life, time, self.params.candidates);
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        let requests: Vec<_> = ids.into_iter().filter_map(|id| self.fix(id, processes, out)).collect();
        let unproven = unproven.or_else(|| (!whole).then_some(FORGOTTEN));
        match (unproven, requests.is_empty(), origin) {
            (Some(reason), true, Origin::Weak(link)) => {
                Some(Link { kind: LinkKind::Unproven, reason, ..link })
            }
            (Some(reason), true, Origin::Proven(request)) => {
                Some(Link { kind: LinkKind::Unproven, requests: vec![request], more: 0, reason })
            }
            (Some(reason), ..) => Some(Link { kind: LinkKind::Unproven, requests, more, reason }),
            (None, true, Origin::Weak(link)) => Some(link),
            (None, true, _) => None,
            (None, false, _) if requests.len() == 1 && more == 0 => {
                Some(Link { kind: LinkKind::Sole, requests, more, reason: "the process's only open request" })
            }
            (None, false, _) => Some(Link {
                kind: LinkKind::Ambiguous,
                requests,
                more,
                reason: "open requests of the process",
            }),
        }
    }

    /// A process was made: what is behind its maker now is behind it for life.
    pub(crate) fn remember_origin(&mut self, header: &Header, fork: &Fork, link: Option<&Link>) {
        let expected = header.serving.or(header.origin);
        let odd = fork.child_origin.is_some()
            && fork.child_origin != expected
            && fork.child_origin != header.origin;
        let origin = match link {
            Some(link) if odd => Origin::Weak(Link {
                kind: LinkKind::Unproven,
                reason: "the origin does not fit",
                ..link.clone()
            }),
            Some(link) => match link.proven() {
                Some(request) => Origin::Proven(Arc::clone(request)),
                None => Origin::Weak(link.clone()),
            },
            None if fork.child_origin.is_none() => return,
            None => Origin::Nothing,
        };
        self.keep_origin(fork.child.life(), origin);
    }

    fn keep_origin(&mut self, life: Life, origin: Origin) {
        if let Some((old, _)) = self.origins.push(life, origin)
            && old != life
        {
            self.counter.add("origins_full", "process", 1);
        }
    }

    pub(crate) fn origin(&self, header: &Header) -> Option<&Origin> {
        self.origins.peek(&header.process?.life())
    }

    /// The origin of the acting process; where its fork was not seen, what its stamp still proves.
    fn origin_or_stamp(
        &mut self,
        header: &Header,
        processes: &dyn Processes,
        out: &mut Vec<Output>,
    ) -> Origin {
        let Some(key) = header.process else { return Origin::Nothing };
        if let Some(origin) = self.origins.get(&key.life()) {
            return origin.clone();
        }
        let Some(stamp) = header.origin else { return Origin::Nothing };
        // A process begins when it is forked: what was unanswered then was unanswered when its origin was fixed.
        let maker = match self.last_read(&stamp) {
            Read::This(_, entry) => entry.process,
            Read::Forgotten | Read::None => None,
        };
        let origin = match self.resolve(&stamp, key.start, maker, processes) {
            Outcome::Proven(id) => match self.fix(id, processes, out) {
                Some(request) => Origin::Proven(request),
                None => Origin::Nothing,
            },
            Outcome::Unproven(_) => Origin::Weak(unproven_origin()),
            Outcome::Open(_) if maker.is_some() => Origin::Weak(unproven_origin()),
            Outcome::Open(_) => Origin::Nothing,
        };
        self.keep_origin(key.life(), origin.clone());
        origin
    }

    /// What the serving stamp of the acting thread proves.
    pub(crate) fn serving(&self, header: &Header, processes: &dyn Processes) -> Outcome {
        match &header.serving {
            Some(stamp) => self.resolve(stamp, header.time, header.process, processes),
            None => Outcome::Open("the thread read no request"),
        }
    }

    /// The last request whose head was read by `stamp`.
    fn last_read(&self, stamp: &Stamp) -> Read<'_> {
        let Some(conn) = self.table.conn(stamp.connection) else { return Read::None };
        let unanswered = conn.entries.iter().rev().find(|entry| entry.end <= stamp.position);
        let Some(newest) = conn.answered.filter(|_| unanswered.is_none()) else {
            return unanswered.map_or(Read::None, |entry| Read::This(conn, entry));
        };
        let mut reaches_back = false;
        for (_, answered) in self.table.history.of(Some(newest)) {
            if answered.entry.end <= stamp.position {
                return Read::This(conn, &answered.entry);
            }
            reaches_back = answered.before.is_none();
        }
        if reaches_back { Read::None } else { Read::Forgotten }
    }

    /// What `stamp`, of a thread of `process`, proves at `time`.
    fn resolve(
        &self,
        stamp: &Stamp,
        time: BootTime,
        process: Option<ProcessKey>,
        processes: &dyn Processes,
    ) -> Outcome {
        if stamp.untracked {
            return Outcome::Unproven("the connection was not tracked");
        }
        let Some(conn) = self.table.conn(stamp.connection) else {
            return Outcome::Unproven("the connection was not seen");
        };
        if conn.parser.requests() == Some(Direction::Sent) {
            return Outcome::Open("it is the client here");
        }
        let never_http = conn.parser.requests().is_none() && conn.parser.is_opaque();
        if never_http {
            return Outcome::Open("not HTTP");
        }
        if conn.parser.parsed(Direction::Received) < stamp.position {
            return Outcome::Unproven("its payload was not seen in time");
        }
        match self.last_read(stamp) {
            Read::This(conn, entry) => self.resolve_entry(conn, entry, stamp, time, process, processes),
            Read::Forgotten if self.table.history.reaches(time) => Outcome::Open("it was answered"),
            Read::Forgotten => Outcome::Unproven(FORGOTTEN),
            Read::None => {
                if is_older(conn) && conn.parser.requests().is_some() {
                    Outcome::Unproven(OLDER)
                } else {
                    Outcome::Open("no request was read")
                }
            }
        }
    }

    fn resolve_entry(
        &self,
        conn: &Conn,
        entry: &Entry,
        stamp: &Stamp,
        time: BootTime,
        process: Option<ProcessKey>,
        processes: &dyn Processes,
    ) -> Outcome {
        match entry.at(time) {
            Openness::Open => {}
            Openness::Unclear => return Outcome::Unproven("the end of its answer was not seen"),
            Openness::Answered | Openness::NotYet => return Outcome::Open("it was answered"),
        }
        let (Some(process), Some(reader)) = (process, entry.process) else {
            return Outcome::Unproven("the process is not known");
        };
        let identified = processes.execution_model(process) == ExecutionModel::OneRequestPerThread;
        if !(identified || stamp.exclusive()) {
            return Outcome::Open("the thread may multiplex");
        }
        if reader.life() != process.life() || entry.tid != stamp.tid {
            return Outcome::Open("another thread read it");
        }
        if entry.foreign.is_some_and(|foreign| foreign <= time) {
            return Outcome::Open("another thread touched its connection");
        }
        let history = &self.table.history;
        if !history.reaches(time) {
            return Outcome::Unproven(FORGOTTEN);
        }
        let beside = |other: &Entry| other.id != entry.id && other.in_flight(entry.time, time);
        let Some(answered) = self.answered_since(conn, entry.time) else {
            return Outcome::Unproven(FORGOTTEN);
        };
        if answered.into_iter().chain(&conn.entries).any(beside) {
            return Outcome::Open("pipelined");
        }
        let life = process.life();
        let also_open = |other: &Entry| {
            other.tid == stamp.tid
                && other.is_served_by(life)
                && beside(other)
                && other.at(time) == Openness::Open
        };
        if history.since(time).any(also_open) || self.others_open(entry, life, also_open) {
            return Outcome::Open("the thread has others open");
        }
        if !self.table.servers.get(life).is_some_and(Server::is_complete) {
            return Outcome::Unproven(FORGOTTEN);
        }
        let lost = self.losses.overlap(entry.start, time);
        if entry.doubtful && !lost && is_older(conn) {
            return Outcome::Unproven(OLDER);
        }
        if entry.uncertain || lost {
            return Outcome::Unproven("payload was lost");
        }
        Outcome::Proven(entry.id)
    }

    /// What this connection learned to be over since `time`; [`None`]: some of it is forgotten.
    fn answered_since<'a>(&'a self, conn: &Conn, time: BootTime) -> Option<Vec<&'a Entry>> {
        let mut since = Vec::new();
        let mut number = conn.answered.filter(|_| conn.answered_at > time);
        while let Some(answered) = number {
            let answered = self.table.history.get(answered)?;
            if answered.over <= time {
                break;
            }
            since.push(&answered.entry);
            number = answered.before;
        }
        Some(since)
    }

    /// Whether a request like that is unanswered besides `entry`, of those that its thread read.
    fn others_open(&self, entry: &Entry, life: Life, wanted: impl Fn(&Entry) -> bool) -> bool {
        let Some(server) = self.table.servers.get(life) else { return false };
        match server.group(Common::Thread(entry.tid)).known() {
            Known::None => false,
            Known::One(only) => self.table.entry(only).is_some_and(wanted),
            Known::Several => server.open().filter_map(|id| self.table.entry(id)).any(wanted),
        }
    }
}

/// Where its stream began was not seen.
fn is_older(conn: &Conn) -> bool {
    conn.socket.as_deref().is_none_or(|socket| socket.middle)
}

/// What a stamp's read ended.
enum Read<'a> {
    This(&'a Conn, &'a Entry),
    /// It was answered and is forgotten.
    Forgotten,
    None,
}

fn unproven_origin() -> Link {
    Link { kind: LinkKind::Unproven, requests: Vec::new(), more: 0, reason: "its fork was not seen" }
}
