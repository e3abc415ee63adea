//! Payload in; requests, exchanges and spans out.
use crate::{
    Life, Output, Processes, Tracer,
    table::{Conn, Entry},
};
use guardbee_l7::{Chunk, Ended, Fact, Flag, RequestHead, connection, traceparent};
use guardbee_model::{
    clock::BootTime,
    event::{Close, Data, Direction, Header},
    id::{ConnectionId, RequestId},
    process::ProcessKey,
    request::Response,
    socket::Socket,
    span::{Span, SpanKind},
};
use std::{sync::Arc, time::Duration};

/// How often a connection becomes the youngest, at most.
const AGE: Duration = Duration::from_secs(1);

impl Tracer {
    pub(crate) fn open(&mut self, socket: Socket, processes: &dyn Processes, out: &mut Vec<Output>) {
        self.table.pairs.add(&socket);
        let peer = self.table.pairs.peer(&socket);
        let (connection, middle) = (socket.connection, socket.middle);
        if let Some(known) = self.table.conns.get_mut(&connection) {
            known.socket = Some(Arc::new(socket));
        } else {
            let conn = Conn::new(Some(Arc::new(socket)), middle, self.now);
            self.insert(connection, conn, processes, out);
        }
        if let Some(peer) = peer {
            self.table.join(connection, peer);
        }
    }

    fn insert(&mut self, id: ConnectionId, conn: Conn, processes: &dyn Processes, out: &mut Vec<Output>) {
        if self.table.conns.len() >= self.table.conns.cap().get()
            && let Some((&oldest, conn)) = self.table.conns.peek_lru()
        {
            let unanswered = conn.parser.unanswered() as u64;
            if unanswered > 0 {
                self.counter.add("connections_full", "request", unanswered);
            }
            self.forget(oldest, None, processes, out);
        }
        let is_unix = conn.is_unix();
        self.table.conns.push(id, conn);
        if is_unix {
            self.watch(id, self.params.unix_idle);
        }
    }

    /// A connection is over, or nobody follows it any longer. It stays known as one that is over.
    pub(crate) fn forget(
        &mut self,
        id: ConnectionId,
        totals: Option<[u64; 2]>,
        processes: &dyn Processes,
        out: &mut Vec<Output>,
    ) {
        let mut facts = std::mem::take(&mut self.facts);
        if let Some(conn) = self.table.conns.peek_mut(&id) {
            conn.parser.close(totals, self.now, &mut facts);
        }
        self.facts(id, None, &mut facts, processes, out);
        self.facts = facts;
        let Some(mut conn) = self.table.conns.pop(&id) else { return };
        if [Direction::Received, Direction::Sent].iter().all(|direction| conn.parser.parsed(*direction) == 0)
        {
            return; // Nothing moved: no stamp names it.
        }
        (conn.ended, conn.watched) = (totals.is_some(), None);
        if let Some(socket) = conn.socket.as_deref().filter(|_| conn.ended) {
            self.table.pairs.remove(socket);
        }
        if self.table.closed.len() >= self.table.closed.cap().get()
            && let Some((&oldest, _)) = self.table.closed.peek_lru()
        {
            self.tell_all(oldest, processes, out);
        }
        self.table.closed.push(id, conn);
    }

    /// Decides what of a connection that is over was not decided yet: it can't be found any more.
    fn tell_all(&mut self, id: ConnectionId, processes: &dyn Processes, out: &mut Vec<Output>) {
        let Some(conn) = self.table.closed.peek(&id) else { return };
        let answered = self.table.history.of(conn.answered).map(|(_, answered)| &answered.entry);
        // A client that is not seen is waited for for a moment: only the last ones can be undecided.
        let last = answered.take(connection::PENDING);
        let untold: Vec<_> = last.filter(|entry| !entry.told).map(|entry| entry.id).collect();
        for id in untold.into_iter().rev() {
            self.fix(id, processes, out);
        }
    }

    pub(crate) fn data(
        &mut self,
        header: &Header,
        data: &Data,
        processes: &dyn Processes,
        out: &mut Vec<Output>,
    ) {
        let mut facts = std::mem::take(&mut self.facts);
        if let Some(conn) = self.table.conns.peek_mut(&data.connection) {
            conn.feed(header, data, &mut facts);
            // Which connection is the oldest need not be known better: each promotion touches three others.
            let promoted = header.time > crate::later(conn.promoted, AGE);
            if promoted {
                conn.promoted = header.time;
            }
            let nothing_new = facts.is_empty() && !conn.may_be_over();
            if promoted {
                self.table.conns.promote(&data.connection);
            }
            if nothing_new {
                self.facts = facts;
                return;
            }
        } else {
            let Some(conn) = self.unknown(data, header.time, processes, out) else { return };
            self.insert(data.connection, conn, processes, out);
            if let Some(conn) = self.table.conns.peek_mut(&data.connection) {
                conn.feed(header, data, &mut facts);
            }
        }
        self.facts(data.connection, Some(header), &mut facts, processes, out);
        self.facts = facts;
        self.note_end(data.connection, header.time, processes, out);
    }

    /// Bytes of a connection that is not followed; [`None`]: it is over.
    fn unknown(
        &mut self,
        data: &Data,
        time: BootTime,
        processes: &dyn Processes,
        out: &mut Vec<Output>,
    ) -> Option<Conn> {
        let id = data.connection;
        if self.table.closed.peek(&id).is_some_and(|conn| conn.ended) {
            return None;
        }
        self.tell_all(id, processes, out);
        if let Some(forgotten) = self.table.closed.pop(&id) {
            self.counter.add("connections_full", "connection", 1);
            let peer = forgotten.peer;
            return Some(Conn { peer, ..Conn::new(forgotten.socket, true, time) });
        }
        // The record that leads a connection is missing: both ends are unknown.
        self.counter.add("socket_missing", "socket", 1);
        Some(Conn::new(None, data.position != 0, time))
    }

    pub(crate) fn close(&mut self, close: Close, processes: &dyn Processes, out: &mut Vec<Output>) {
        self.forget(close.connection, Some([close.received_bytes, close.sent_bytes]), processes, out);
    }

    /// Nobody says when a unix connection, or an answer whose end can't be seen, is over.
    fn note_end(
        &mut self,
        id: ConnectionId,
        time: BootTime,
        processes: &dyn Processes,
        out: &mut Vec<Output>,
    ) {
        let Some(conn) = self.table.conns.peek_mut(&id) else { return };
        if conn.entries.is_empty() {
            if conn.parser.is_over() && conn.is_unix() {
                self.forget(id, None, processes, out);
            }
            return;
        }
        if conn.parser.end_unseen()
            && let Some(entry) = conn.entries.front_mut()
        {
            entry.unseen_since.get_or_insert(time);
        }
        if conn.parser.waits_for_an_unseen_end() {
            self.watch(id, self.params.quiet);
        }
    }

    pub(crate) fn facts(
        &mut self,
        on: ConnectionId,
        header: Option<&Header>,
        facts: &mut Vec<Fact>,
        processes: &dyn Processes,
        out: &mut Vec<Output>,
    ) {
        for fact in facts.drain(..) {
            match fact {
                Fact::Request(head) => {
                    if let Some(header) = header {
                        self.request(on, header, head, processes, out);
                    }
                }
                Fact::RequestEnd { request, body_bytes, .. } => {
                    let conn = self.table.conns.peek_mut(&on);
                    if let Some(entry) = conn.and_then(|conn| conn.unanswered(request)) {
                        entry.body_bytes = Some(body_bytes);
                    }
                }
                Fact::Response(head) if head.status < 200 && head.status != 101 => {}
                Fact::Response(head) => {
                    let conn = self.table.conns.peek_mut(&on);
                    if let Some(entry) = conn.and_then(|conn| conn.unanswered(head.request)) {
                        entry.response = Some(head);
                    }
                }
                Fact::Ended(ended) => {
                    self.ended(RequestId { connection: on, position: ended.request }, ended, processes, out);
                }
                Fact::Flag(flag) => {
                    self.count(flag.name());
                    if flag == Flag::PipelineFull {
                        // What they were answered is lost.
                        self.counter.add("requests_full", "request", connection::PENDING as u64);
                    }
                }
            }
        }
    }

    fn ended(&mut self, id: RequestId, ended: Ended, processes: &dyn Processes, out: &mut Vec<Output>) {
        if let Some(oldest) = self.table.history.in_the_way() {
            let (oldest, over, told) = (oldest.entry.id, oldest.over, oldest.entry.told);
            if self.now < crate::later(over, self.params.wait) {
                // No span is lost: an action that is told late may get an `unproven` link instead of a proven one.
                self.counter.add("history_full", "request", 1);
            }
            if !told {
                self.fix(oldest, processes, out);
            }
        }
        let Some(number) = self.table.end(id, ended, self.now) else { return };
        if let Some(answered) = self.table.history.get_mut(number) {
            tell(&mut answered.entry, processes, out);
        }
    }

    fn request(
        &mut self,
        connection: ConnectionId,
        header: &Header,
        head: Box<RequestHead>,
        processes: &dyn Processes,
        out: &mut Vec<Output>,
    ) {
        let id = RequestId { connection, position: head.position };
        let claim = head.fields.traceparent.as_deref();
        let inbound = claim.and_then(traceparent::parse);
        if claim.is_some() && inbound.is_none() {
            self.count("invalid_traceparent");
        }
        let telemetry = is_telemetry(&head);
        if telemetry {
            self.count("own_telemetry");
        }
        let content = self.table.servers.content(&head.method, &head.target);
        let Some(conn) = self.table.conns.peek_mut(&connection) else { return };
        let side = match conn.parser.requests() {
            Some(Direction::Sent) => SpanKind::Client,
            _ => SpanKind::Server,
        };
        let mut entry = Entry {
            id,
            side,
            start: head.start,
            time: head.time,
            end: head.end,
            uncertain: head.doubtful || head.truncated || head.open_ended,
            doubtful: head.doubtful,
            head: Some(head),
            process: header.process,
            tid: header.tid,
            inbound,
            content,
            number: 0,
            request: None,
            parent: None,
            body_bytes: None,
            response: None,
            unseen_since: None,
            ended: None,
            foreign: None,
            has_upstream: false,
            telemetry,
            told: false,
        };
        let (requests, servers) = self.table.servers.begin(&mut entry);
        conn.entries.push_back(entry);
        // No span is lost: links of these processes that need to know what else was open say `unproven`.
        if requests > 0 {
            self.counter.add("open_full", "request", requests);
        }
        if servers > 0 {
            self.counter.add("servers_full", "process", servers);
        }
        match side {
            SpanKind::Client => self.sent_request(id, header, processes, out),
            SpanKind::Server => self.received_request(id, processes, out),
        }
    }
}

impl Conn {
    /// Whether [`Tracer::note_end`] has anything to do.
    fn may_be_over(&self) -> bool {
        let over = self.entries.is_empty() && self.parser.is_over();
        over || self.parser.end_unseen() || self.parser.waits_for_an_unseen_end()
    }

    fn feed(&mut self, header: &Header, data: &Data, facts: &mut Vec<Fact>) {
        for entry in &mut self.entries {
            if entry.tid != header.tid || !same_life(entry.process, header.process) {
                entry.foreign.get_or_insert(header.time);
            }
        }
        let chunk = Chunk {
            direction: data.direction,
            position: data.position,
            length: data.length,
            bytes: &data.bytes,
            time: header.time,
        };
        self.parser.feed(&chunk, facts);
        self.last = header.time;
    }
}

fn same_life(one: Option<ProcessKey>, other: Option<ProcessKey>) -> bool {
    let life = |key: Option<ProcessKey>| key.map(ProcessKey::life) as Option<Life>;
    life(one) == life(other)
}

/// Exports of spans make no spans: else each would make the next. They stay requests to rules and links, so that
/// nobody hides behind such a path.
fn is_telemetry(head: &RequestHead) -> bool {
    if &*head.method != b"POST" {
        return false;
    }
    let path = guardbee_l7::target::split(&head.method, &head.target).path;
    let signal = [&b"/v1/traces"[..], b"/v1/logs", b"/v1/metrics"].contains(&path);
    let protobuf =
        head.fields.content_type.as_deref().is_some_and(|kind| kind.starts_with(b"application/x-protobuf"));
    let exporter =
        head.fields.user_agent.as_deref().is_some_and(|agent| agent.starts_with(b"OTel-OTLP-Exporter"));
    signal && (protobuf || exporter)
}

/// Tells the exchange and the span of a request that is over and has its trace.
pub(crate) fn tell(entry: &mut Entry, processes: &dyn Processes, out: &mut Vec<Output>) {
    let (Some(request), Some(ended), false) = (&entry.request, entry.ended, entry.told) else { return };
    entry.told = true;
    let response = entry.response.map(|head| response(entry, &ended, head.status, head.start));
    if entry.side == SpanKind::Server {
        out.push(Output::Exchange(Arc::clone(request), response));
    }
    if entry.telemetry {
        return;
    }
    out.push(Output::Span(Span {
        kind: entry.side,
        request: Arc::clone(request),
        response,
        end: if ended.complete { ended.time } else { ended.since.max(entry.time) },
        process: entry.process.and_then(|key| processes.process(key)),
        parent: entry.parent,
        incomplete: !ended.complete || entry.uncertain,
    }));
}

fn response(entry: &Entry, ended: &Ended, status: u16, start: BootTime) -> Response {
    Response {
        status,
        start,
        end: if ended.complete { ended.time } else { ended.since.max(start) },
        request_body_bytes: entry.body_bytes,
        response_body_bytes: ended.complete.then_some(ended.response_body_bytes),
    }
}
