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
    servers::{Group, Known, Server},
    table::Entry,
};
use guardbee_l7::{route, target};
use guardbee_model::{
    event::Header,
    id::{RequestId, TraceId},
    link::LinkKind,
    process::ProcessKey,
    request::{Request, TraceContext, TraceSource},
    socket::Endpoint,
    span::{ParentLink, SpanKind},
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
            client => {
                self.fix_with(id, client, processes, out);
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
        let (trace, parent) = self.client_context(id, header, processes, out);
        if let Some((kind, counter, reason)) = parent.map(Parent::told) {
            self.count(counter);
            if let Some(entry) = self.table.entry_mut(id) {
                entry.parent = Some(ParentLink { kind, reason });
            }
        }
        self.fix_as(id, trace, processes, out);
        let peer = self.table.conn(id.connection).and_then(|conn| self.table.peer(conn));
        let server = peer.and_then(|(_, peer)| self.table.entry_of(peer, id.position));
        if let Some(&Entry { id, side: SpanKind::Server, .. }) = server {
            self.fix(id, processes, out);
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
        match &entry.request {
            Some(request) => Some(Arc::clone(request)),
            None => self.fix_with(id, self.client_of(id), processes, out),
        }
    }

    /// The same of one that is not decided, given its client.
    fn fix_with(
        &mut self,
        id: RequestId,
        client: Client,
        processes: &dyn Processes,
        out: &mut Vec<Output>,
    ) -> Option<Arc<Request>> {
        let inbound = self.table.entry(id)?.inbound;
        let span = self.ids.span();
        let trace = match (client, inbound) {
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
        let nowhere = || Endpoint::Unix(Box::default());
        let (local, remote) = match self.table.conn(id.connection)?.socket.as_deref() {
            Some(socket) => (socket.local.clone(), socket.remote.clone()),
            None => (nowhere(), nowhere()),
        };
        let entry = self.table.entry_mut(id)?;
        let (client, server) = match entry.side {
            SpanKind::Server => (remote, local),
            SpanKind::Client => (local, remote),
        };
        let request = Arc::new(request(entry, trace, client, server)?);
        entry.request = Some(Arc::clone(&request));
        if entry.side == SpanKind::Server {
            out.push(Output::Request(Arc::clone(&request)));
        }
        emit::tell(entry, processes, out);
        Some(request)
    }

    /// What the other end of a server request's connection says of it.
    fn client_of(&self, id: RequestId) -> Client {
        let Some(conn) = self.table.conn(id.connection) else { return Client::Unseen };
        let Some(socket) = conn.socket.as_deref() else { return Client::Unseen };
        if socket.middle {
            return Client::Unseen; // Positions of the two ends have nothing to do with each other.
        }
        match self.table.peer(conn) {
            Some((_, peer)) if peer.socket.as_deref().is_none_or(|socket| socket.middle) => Client::Unseen,
            Some((_, peer)) => match self.table.entry_of(peer, id.position) {
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
    ) -> (TraceContext, Option<Parent>) {
        let span = self.ids.span();
        let inbound = self.table.entry(id).and_then(|entry| entry.inbound);
        let parent = match inbound {
            Some(_) => self.handed_on(id, header).map(|id| (id, Parent::Traceparent)),
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
            return (TraceContext { trace, span, parent: Some(parent), source }, Some(Parent::Origin));
        }
        let trace = TraceContext { trace: self.ids.trace(), span, parent: None, source: TraceSource::Own };
        (trace, None)
    }

    /// The one open request that came with the very traceparent that goes out.
    fn handed_on(&self, id: RequestId, header: &Header) -> Option<RequestId> {
        let inbound = self.table.entry(id)?.inbound?;
        let same = |entry: &Entry| entry.inbound == Some(inbound);
        self.only_open(header, |server| server.group(self.table.servers.claim(inbound)).known(), same)
    }

    /// Whose word a traceparent is that a process sends: handed on from outside, or its own.
    fn source_of(&self, trace: TraceId, header: &Header) -> TraceSource {
        let claimed = |entry: &Entry| {
            entry.inbound.is_some_and(|claim| claim.trace == trace)
                && entry
                    .request
                    .as_ref()
                    .is_none_or(|request| request.trace.source == TraceSource::ClientClaimed)
        };
        let Some(life) = header.process.map(ProcessKey::life) else { return TraceSource::Local };
        let open = self.table.servers.get(life).map(|server| server.group(self.table.servers.trace(trace)));
        let one = match open.map(Group::known) {
            Some(Known::One(id)) => self.table.entry(id).is_some_and(claimed),
            // Some of them may be the claim of a stranger.
            Some(Known::Several) => true,
            Some(Known::None) | None => false,
        };
        let mut over = self.table.history.since(header.time).filter(|entry| entry.is_served_by(life));
        if one || over.any(|entry| entry.may_be_open_at(header.time) && claimed(entry)) {
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
    ) -> Option<(RequestId, Parent)> {
        if let Outcome::Proven(parent) = self.serving(header, processes) {
            return Some((parent, Parent::Thread));
        }
        // Most clients serve nothing themselves.
        self.table.servers.get(header.process.map(ProcessKey::life)?)?;
        if let Some(parent) = self.only_open(header, Server::known, |_| true) {
            return Some((parent, Parent::Sole));
        }
        let content = self.table.entry(id)?.content;
        let alike = |entry: &Entry| entry.content == content;
        let parent = self.only_open(header, |server| server.group(content).known(), alike)?;
        (!self.table.entry(parent)?.has_upstream).then_some((parent, Parent::Content))
    }

    /// The only request of the acting process that is open and `wanted`, which `group` says of those not yet answered.
    fn only_open(
        &self,
        header: &Header,
        group: impl Fn(&Server) -> Known,
        wanted: impl Fn(&Entry) -> bool,
    ) -> Option<RequestId> {
        let life = header.process.map(ProcessKey::life)?;
        let server = self.table.servers.get(life)?;
        let known = if server.is_complete() { group(server) } else { Known::Several };
        if known == Known::Several || !self.table.history.reaches(header.time) {
            return None;
        }
        let over =
            self.table.history.since(header.time).filter(|entry| {
                entry.is_served_by(life) && entry.may_be_open_at(header.time) && wanted(entry)
            });
        let open = if let Known::One(id) = known { Some(id) } else { None };
        only(open.into_iter().chain(over.map(|entry| entry.id)))
    }
}

/// How the parent of a client's request is known.
#[derive(Clone, Copy, Debug)]
enum Parent {
    Thread,
    Origin,
    Traceparent,
    Sole,
    Content,
}

impl Parent {
    /// The link, the name of its counter, and the reason.
    fn told(self) -> (LinkKind, &'static str, &'static str) {
        match self {
            Self::Thread => (LinkKind::Exact, "parent_thread", "the thread's one unanswered request"),
            Self::Origin => (LinkKind::Inherited, "parent_origin", "forked while serving it"),
            Self::Traceparent => (LinkKind::Sole, "parent_traceparent", "came with the same traceparent"),
            Self::Sole => (LinkKind::Sole, "parent_sole", "the process's only open request"),
            Self::Content => {
                (LinkKind::Sole, "parent_content", "the only open one with this method and target")
            }
        }
    }
}

fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

/// [`None`]: its trace was decided before.
fn request(entry: &mut Entry, trace: TraceContext, client: Endpoint, server: Endpoint) -> Option<Request> {
    let head = *entry.head.take()?;
    let (fields, target) = (head.fields, target::split(&head.method, &head.target));
    let (query, route) = (target.query.map(Into::into), route::template(target.path));
    let forwarded_for = fields.forwarded_for();
    let host = target.authority.map_or_else(|| fields.host.unwrap_or_default(), Into::into);
    let is_path = *target.path == *head.target;
    let path = if is_path { head.target } else { target.path.into() };
    Some(Request {
        id: entry.id,
        process: entry.process,
        trace,
        start: head.start,
        path,
        query,
        route,
        host,
        method: head.method,
        user_agent: fields.user_agent.unwrap_or_default(),
        referer: fields.referer.unwrap_or_default(),
        user: fields.user.unwrap_or_default(),
        content_type: fields.content_type.unwrap_or_default(),
        minor_version: head.minor_version,
        client,
        forwarded_for,
        server,
    })
}
