//! Which trace a request belongs to, and which span is its parent.
//!
//! Between a process's server request and the client requests that it sends, the parent is proven by thread or origin
//! where the join proves it. A proxy multiplexes, so for it less will do, and it is counted by what it is: the same traceparent
//! handed on, the only open request (`sole`), or the only open one with this method and target (`content`). That is safe
//! enough for a drawing of a trace and for nothing else: such a parent never makes a link, never groups a correlation,
//! and an outsider who imitates another's request bytes gains a wrong line in a picture, beside a span that has its own,
//! proven address.
use crate::{
    Output, Processes, Tracer, emit,
    join::{Origin, Outcome},
    later, pair,
    table::Entry,
};
use guardbee_l7::{route, target};
use guardbee_model::{
    event::Header,
    id::RequestId,
    process::ProcessKey,
    request::{Request, TraceContext, TraceSource},
    socket::Endpoint,
    span::SpanKind,
};
use std::sync::Arc;

/// Server requests whose trace waits for their client.
const UNDECIDED: usize = 8_192;

/// Where the other end's word on a server request stands.
enum Client {
    /// It is there.
    Known(TraceContext),
    /// It may come until then, at most.
    May(std::time::Duration),
    /// None will come.
    Unseen,
}

impl Tracer {
    /// A server read a request: its trace is its client's, if the client is seen here.
    pub(crate) fn received_request(
        &mut self,
        id: RequestId,
        processes: &dyn Processes,
        out: &mut Vec<Output>,
    ) {
        match self.client_of(id) {
            Client::May(at_most) => {
                if self.undecided.len() >= UNDECIDED
                    && let Some((oldest, _)) = self.undecided.pop_front()
                {
                    self.counter.add("undecided_full", "request", 1);
                    self.fix(oldest, processes, out);
                }
                self.undecided.push_back((id, later(self.now, at_most)));
            }
            Client::Known(_) | Client::Unseen => {
                self.fix(id, processes, out);
            }
        }
    }

    /// A client sent a request: fixes its trace, and that of the server at the other end if it waited for this.
    pub(crate) fn sent_request(
        &mut self,
        id: RequestId,
        header: &Header,
        processes: &dyn Processes,
        out: &mut Vec<Output>,
    ) {
        let (trace, parent_by) = self.client_context(id, header, processes, out);
        if let Some(by) = parent_by {
            self.count(by);
        }
        self.fix_as(id, trace, processes, out);
        let peer = self.table.peer(id.connection).map(|(peer, _)| peer);
        if let Some(connection) = peer {
            let server = RequestId { connection, position: id.position };
            if self.table.entry(server).is_some_and(|entry| entry.side == SpanKind::Server) {
                self.fix(server, processes, out);
            }
        }
    }

    /// Decides what waited long enough.
    pub(crate) fn decide(&mut self, processes: &dyn Processes, out: &mut Vec<Output>) {
        while let Some(&(id, until)) = self.undecided.front() {
            let decided = self.table.entry(id).is_none_or(|entry| entry.request.is_some());
            if !decided && until > self.now {
                break;
            }
            self.undecided.pop_front();
            self.fix(id, processes, out);
        }
    }

    /// The request with its trace, decided now if it wasn't.
    pub(crate) fn fix(
        &mut self,
        id: RequestId,
        processes: &dyn Processes,
        out: &mut Vec<Output>,
    ) -> Option<Arc<Request>> {
        let entry = self.table.entry(id)?;
        if let Some(request) = &entry.request {
            return Some(Arc::clone(request));
        }
        let inbound = entry.inbound;
        let span = self.ids.span();
        let trace = match (self.client_of(id), inbound) {
            (Client::Known(client), _) => {
                let source = match client.source {
                    TraceSource::ClientClaimed => TraceSource::ClientClaimed,
                    TraceSource::Own | TraceSource::Local => TraceSource::Local,
                };
                TraceContext { trace: client.trace, span, parent: Some(client.span), source }
            }
            (_, Some(claim)) => TraceContext {
                trace: claim.trace,
                span,
                parent: Some(claim.parent),
                source: TraceSource::ClientClaimed,
            },
            (_, None) => {
                TraceContext { trace: self.ids.trace(), span, parent: None, source: TraceSource::Own }
            }
        };
        self.fix_as(id, trace, processes, out)
    }

    fn fix_as(
        &mut self,
        id: RequestId,
        trace: TraceContext,
        processes: &dyn Processes,
        out: &mut Vec<Output>,
    ) -> Option<Arc<Request>> {
        let conn = self.table.conns.peek_mut(&id.connection)?;
        let nowhere = || Endpoint::Unix(Box::default());
        let socket = conn.socket.clone();
        let (local, remote) = match socket.as_deref() {
            Some(socket) => (socket.local.clone(), socket.remote.clone()),
            None => (nowhere(), nowhere()),
        };
        let entry = conn.entry_mut(id.position)?;
        let (client, server) = match entry.side {
            SpanKind::Server => (remote, local),
            SpanKind::Client => (local, remote),
        };
        let request = Arc::new(request(entry, trace, client, server));
        entry.request = Some(Arc::clone(&request));
        if entry.side == SpanKind::Server {
            out.push(Output::Request(Arc::clone(&request)));
        }
        emit::tell(entry, processes, out);
        Some(request)
    }

    /// What the other end of a server request's connection says of it.
    fn client_of(&self, id: RequestId) -> Client {
        let Some(conn) = self.table.conns.peek(&id.connection) else { return Client::Unseen };
        let Some(socket) = conn.socket.as_deref() else { return Client::Unseen };
        if socket.middle {
            return Client::Unseen; // Positions of the two ends have nothing to do with each other.
        }
        match self.table.peer(id.connection) {
            Some((_, peer)) if peer.socket.as_deref().is_none_or(|socket| socket.middle) => Client::Unseen,
            Some((_, peer)) => match peer.entry(id.position) {
                Some(Entry { side: SpanKind::Client, request: Some(request), .. }) => {
                    Client::Known(request.trace)
                }
                Some(_) => Client::Unseen,
                None if peer.parser.parsed(guardbee_model::event::Direction::Sent) > id.position
                    && peer.parser.held_bytes() == 0 =>
                {
                    Client::Unseen
                }
                None => Client::May(self.params.wait),
            },
            None if pair::is_local(socket) => Client::May(self.params.settle),
            None => Client::Unseen,
        }
    }

    /// The trace of a request that a process sends, and how its parent is known.
    fn client_context(
        &mut self,
        id: RequestId,
        header: &Header,
        processes: &dyn Processes,
        out: &mut Vec<Output>,
    ) -> (TraceContext, Option<&'static str>) {
        let span = self.ids.span();
        let inbound = self.table.entry(id).and_then(|entry| entry.inbound);
        let parent = match inbound {
            Some(_) => self.handed_on(id, header).map(|id| (id, "parent_traceparent")),
            None => self.parent_of(id, header, processes),
        };
        if let Some((parent, by)) = parent
            && let Some(request) = self.fix(parent, processes, out)
        {
            if let Some(entry) = self.table.entry_mut(parent) {
                entry.has_upstream = true;
            }
            let TraceContext { trace, span: parent, source, .. } = request.trace;
            return (TraceContext { trace, span, parent: Some(parent), source }, Some(by));
        }
        if let Some(claim) = inbound {
            let source = self.source_of(claim.trace, header);
            return (TraceContext { trace: claim.trace, span, parent: Some(claim.parent), source }, None);
        }
        if let Some(Origin::Proven(request)) = self.origin(header) {
            let TraceContext { trace, span: parent, source, .. } = request.trace;
            return (TraceContext { trace, span, parent: Some(parent), source }, Some("parent_origin"));
        }
        let trace = TraceContext { trace: self.ids.trace(), span, parent: None, source: TraceSource::Own };
        (trace, None)
    }

    /// The one open request that came with the very traceparent that goes out.
    fn handed_on(&self, id: RequestId, header: &Header) -> Option<RequestId> {
        let inbound = self.table.entry(id)?.inbound?;
        let open = self.table.open(header.process.map(ProcessKey::life)?, header.time);
        only(open.filter(|entry| entry.inbound == Some(inbound)).map(|entry| entry.id))
    }

    /// Whose word a traceparent is that a process sends: handed on from outside, or its own.
    fn source_of(&self, trace: guardbee_model::id::TraceId, header: &Header) -> TraceSource {
        let claimed = |entry: &Entry| {
            entry.inbound.is_some_and(|claim| claim.trace == trace)
                && entry
                    .request
                    .as_ref()
                    .is_none_or(|request| request.trace.source == TraceSource::ClientClaimed)
        };
        let life = header.process.map(ProcessKey::life);
        if life.is_some_and(|life| self.table.open(life, header.time).any(claimed)) {
            TraceSource::ClientClaimed
        } else {
            TraceSource::Local
        }
    }

    fn parent_of(
        &self,
        id: RequestId,
        header: &Header,
        processes: &dyn Processes,
    ) -> Option<(RequestId, &'static str)> {
        if let Outcome::Proven(parent) = self.serving(header, processes) {
            return Some((parent, "parent_thread"));
        }
        let life = header.process.map(ProcessKey::life)?;
        if let Some(parent) = only(self.table.open(life, header.time).map(|entry| entry.id)) {
            return Some((parent, "parent_sole"));
        }
        let head = &self.table.entry(id)?.head;
        let alike = |entry: &&Entry| entry.head.method == head.method && entry.head.target == head.target;
        let parent = only(self.table.open(life, header.time).filter(alike))?;
        (!parent.has_upstream).then_some((parent.id, "parent_content"))
    }
}

fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

fn request(entry: &Entry, trace: TraceContext, client: Endpoint, server: Endpoint) -> Request {
    let (head, fields) = (&entry.head, &entry.head.fields);
    let target = target::split(&head.method, &head.target);
    let value = |field: &Option<Box<[u8]>>| field.clone().unwrap_or_default();
    Request {
        id: entry.id,
        process: entry.process,
        trace,
        start: head.start,
        method: head.method.clone(),
        path: target.path.into(),
        query: target.query.map(Into::into),
        route: route::template(target.path),
        host: target.authority.map_or_else(|| value(&fields.host), Into::into),
        user_agent: value(&fields.user_agent),
        referer: value(&fields.referer),
        minor_version: head.minor_version,
        client,
        forwarded_for: guardbee_l7::head::forwarded_for(fields),
        server,
    }
}
