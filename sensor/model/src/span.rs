//! Spans: one side of a request, from its first byte to its last.
use crate::{
    clock::BootTime,
    link::LinkKind,
    process::Process,
    request::{Request, Response},
};
use std::sync::Arc;

/// Which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpanKind {
    /// Answered here.
    Server,
    /// Asked from here.
    Client,
}

/// How the parent of a client's span is known. For drawing a trace: it never makes the link of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParentLink {
    /// How far it is proven.
    pub kind: LinkKind,
    /// What decided, in a few words.
    pub reason: &'static str,
}

/// A span. Its ids are in `request.trace`. For clients, `request.client` is the local end and `request.server` the
/// remote one, and `request.id` is the client's own connection and position sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Which side.
    pub kind: SpanKind,
    /// The request.
    pub request: Arc<Request>,
    /// The answer; [`None`]: the connection ended, or evidence was lost, before one was seen.
    pub response: Option<Response>,
    /// When it ended.
    pub end: BootTime,
    /// Who asked or answered, where known.
    pub process: Option<Arc<Process>>,
    /// Of clients: how the request that this one was sent for is known; [`None`]: it is not.
    pub parent: Option<ParentLink>,
    /// Bytes of this exchange were not seen: lengths and times are of what was.
    pub incomplete: bool,
}
