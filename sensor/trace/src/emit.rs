//! Payload in; requests, exchanges and spans out.
use crate::{
    Life, Output, Processes, Tracer, later,
    table::{Conn, Entry},
};
use guardbee_l7::{Chunk, Ended, Fact, RequestHead, connection, traceparent};
use guardbee_model::{
    clock::BootTime,
    event::{Close, Data, Direction, Header},
    id::{ConnectionId, RequestId},
    process::ProcessKey,
    request::Response,
    socket::Socket,
    span::{Span, SpanKind},
};
use std::sync::Arc;

/// How often idle connections are looked for.
const SWEEP: std::time::Duration = std::time::Duration::from_secs(1);

impl Tracer {
    pub(crate) fn open(&mut self, socket: Socket, processes: &dyn Processes, out: &mut Vec<Output>) {
        self.table.pairs.add(&socket);
        let (connection, middle) = (socket.connection, socket.middle);
        if let Some(known) = self.table.conns.get_mut(&connection) {
            known.socket = Some(Arc::new(socket));
            return;
        }
        let conn = Conn::new(Some(Arc::new(socket)), middle, self.now);
        self.insert(connection, conn, processes, out);
    }

    fn insert(&mut self, id: ConnectionId, conn: Conn, processes: &dyn Processes, out: &mut Vec<Output>) {
        let Some((old, mut evicted)) = self.table.conns.push(id, conn) else { return };
        if old == id || evicted.parser.unanswered() == 0 {
            return;
        }
        // What it still owed can't be said any more: it goes back for a moment to be told so.
        self.counter.add("connections_full", "request", evicted.parser.unanswered() as u64);
        let mut facts = Vec::new();
        evicted.parser.close(None, self.now, &mut facts);
        for fact in facts {
            let Fact::Ended(ended) = fact else { continue };
            if let Some(mut entry) = evicted.entry_mut(ended.request).map(take_entry) {
                entry.ended = Some(ended);
                tell(&mut entry, processes, out);
            }
        }
    }

    pub(crate) fn data(
        &mut self,
        header: &Header,
        data: &Data,
        processes: &dyn Processes,
        out: &mut Vec<Output>,
    ) {
        if !self.table.conns.contains(&data.connection) {
            // The record that leads a connection is missing: both ends are unknown.
            self.counter.add("socket_missing", "socket", 1);
            let conn = Conn::new(None, data.position != 0, header.time);
            self.insert(data.connection, conn, processes, out);
        }
        let mut facts = std::mem::take(&mut self.facts);
        if let Some(conn) = self.table.conns.get_mut(&data.connection) {
            for entry in conn.entries.iter_mut().rev().take(connection::PENDING) {
                if entry.ended.is_none()
                    && (entry.tid != header.tid || !same_life(entry.process, header.process))
                {
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
            conn.parser.feed(&chunk, &mut facts);
            conn.last = header.time;
        }
        self.facts(data.connection, Some(header), &mut facts, processes, out);
        self.facts = facts;
        self.note_unseen_end(data.connection, header.time);
    }

    pub(crate) fn close(&mut self, close: Close, processes: &dyn Processes, out: &mut Vec<Output>) {
        let mut facts = std::mem::take(&mut self.facts);
        if let Some(conn) = self.table.conns.get_mut(&close.connection) {
            conn.parser.close(Some([close.received_bytes, close.sent_bytes]), self.now, &mut facts);
        }
        self.facts(close.connection, None, &mut facts, processes, out);
        self.facts = facts;
    }

    /// Ends what only silence can end.
    pub(crate) fn sweep(&mut self, processes: &dyn Processes, out: &mut Vec<Output>) {
        if self.now < later(self.swept, SWEEP) {
            return;
        }
        self.swept = self.now;
        let (now, quiet) = (self.now, self.params.quiet);
        let idle: Vec<_> = self
            .table
            .conns
            .iter()
            .filter(|(_, conn)| conn.parser.waits_for_an_unseen_end() && later(conn.last, quiet) <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in idle {
            let mut facts = std::mem::take(&mut self.facts);
            if let Some(conn) = self.table.conns.peek_mut(&id) {
                conn.parser.give_up(now, &mut facts);
            }
            self.facts(id, None, &mut facts, processes, out);
            self.facts = facts;
        }
    }

    fn note_unseen_end(&mut self, connection: ConnectionId, time: BootTime) {
        let Some(conn) = self.table.conns.peek_mut(&connection).filter(|conn| conn.parser.end_unseen())
        else {
            return;
        };
        if let Some(entry) = conn.entries.iter_mut().find(|entry| entry.ended.is_none()) {
            entry.unseen_since.get_or_insert(time);
        }
    }

    fn facts(
        &mut self,
        connection: ConnectionId,
        header: Option<&Header>,
        facts: &mut Vec<Fact>,
        processes: &dyn Processes,
        out: &mut Vec<Output>,
    ) {
        for fact in facts.drain(..) {
            let id = |position| RequestId { connection, position };
            match fact {
                Fact::Request(head) => {
                    if let Some(header) = header {
                        self.request(connection, header, *head, processes, out);
                    }
                }
                Fact::RequestEnd { request, body_bytes, .. } => {
                    if let Some(entry) = self.table.entry_mut(id(request)) {
                        entry.body_bytes = Some(body_bytes);
                    }
                }
                Fact::Response(head) if head.status < 200 && head.status != 101 => {}
                Fact::Response(head) => {
                    if let Some(entry) = self.table.entry_mut(id(head.request)) {
                        entry.response = Some(head);
                    }
                }
                Fact::Ended(ended) => {
                    if let Some(entry) = self.table.entry_mut(id(ended.request)) {
                        entry.ended = Some(ended);
                        tell(entry, processes, out);
                    }
                }
                Fact::Flag(flag) => self.flag(flag),
            }
        }
    }

    fn request(
        &mut self,
        connection: ConnectionId,
        header: &Header,
        head: RequestHead,
        processes: &dyn Processes,
        out: &mut Vec<Output>,
    ) {
        let id = RequestId { connection, position: head.position };
        let requests = self.table.conns.peek(&connection).and_then(|conn| conn.parser.requests());
        let side = if requests == Some(Direction::Sent) { SpanKind::Client } else { SpanKind::Server };
        let claim = head.fields.traceparent.as_deref();
        let inbound = claim.and_then(traceparent::parse);
        if claim.is_some() && inbound.is_none() {
            self.count("invalid_traceparent");
        }
        let telemetry = is_telemetry(&head);
        if telemetry {
            self.count("own_telemetry");
        }
        let entry = Entry {
            id,
            side,
            head,
            process: header.process,
            tid: header.tid,
            inbound,
            request: None,
            body_bytes: None,
            response: None,
            unseen_since: None,
            ended: None,
            foreign: None,
            has_upstream: false,
            telemetry,
            told: false,
        };
        let (requests, servers) = self.table.add(entry, self.now);
        if requests > 0 {
            self.counter.add("requests_full", "request", requests);
        }
        if servers > 0 {
            self.counter.add("servers_full", "request", servers);
        }
        match side {
            SpanKind::Client => self.sent_request(id, header, processes, out),
            SpanKind::Server => self.received_request(id, processes, out),
        }
    }
}

fn same_life(one: Option<ProcessKey>, other: Option<ProcessKey>) -> bool {
    let life = |key: Option<ProcessKey>| key.map(ProcessKey::life) as Option<Life>;
    life(one) == life(other)
}

/// The entry itself, leaving one that says nothing.
fn take_entry(entry: &mut Entry) -> Entry {
    let empty = Entry {
        id: entry.id,
        side: entry.side,
        head: RequestHead::default(),
        process: None,
        tid: 0,
        inbound: None,
        request: None,
        body_bytes: None,
        response: None,
        unseen_since: None,
        ended: None,
        foreign: None,
        has_upstream: false,
        telemetry: false,
        told: true,
    };
    std::mem::replace(entry, empty)
}

/// Exports of spans make no spans: else each would make the next. They stay requests to rules and links, so that
/// nobody hides behind such a path.
fn is_telemetry(head: &RequestHead) -> bool {
    let path = guardbee_l7::target::split(&head.method, &head.target).path;
    let signal = [&b"/v1/traces"[..], b"/v1/logs", b"/v1/metrics"].contains(&path);
    let protobuf =
        head.fields.content_type.as_deref().is_some_and(|kind| kind.starts_with(b"application/x-protobuf"));
    let exporter =
        head.fields.user_agent.as_deref().is_some_and(|agent| agent.starts_with(b"OTel-OTLP-Exporter"));
    &*head.method == b"POST" && signal && (protobuf || exporter)
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
        end: if ended.complete { ended.time } else { ended.since.max(entry.head.time) },
        process: entry.process.and_then(|key| processes.process(key)),
        incomplete: !ended.complete || entry.uncertain(),
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
