//! Requests, as the parser proved them and rules, spans and links speak of them.
use crate::{
    clock::BootTime,
    id::{RequestId, SpanId, TraceId},
    process::ProcessKey,
    socket::Endpoint,
};

/// Where a trace id comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TraceSource {
    /// Ours: no context came with the request.
    Own,
    /// A traceparent of a peer that isn't an observed process of this node: whoever sent the request chose it.
    ClientClaimed,
    /// The client's span was seen on this node, at the other end of the same connection.
    Local,
}

impl TraceSource {
    /// The name used in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::ClientClaimed => "client-claimed",
            Self::Local => "local",
        }
    }
}

/// The trace that a request belongs to. It names, it never suppresses and never groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace: TraceId,
    /// The span of the request itself.
    pub span: SpanId,
    /// Its parent, claimed or seen.
    pub parent: Option<SpanId>,
    /// Who says so.
    pub source: TraceSource,
}

/// The head of a request at a server on this node. Bytes are raw: redact before they leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Ours.
    pub id: RequestId,
    /// The process that read it.
    pub process: Option<ProcessKey>,
    /// Its trace.
    pub trace: TraceContext,
    /// When its first byte was read.
    pub start: BootTime,
    /// As sent, such as `GET`.
    pub method: Box<[u8]>,
    /// Path of the target, raw.
    pub path: Box<[u8]>,
    /// Query, without `?`, raw; [`None`]: there was no `?`.
    pub query: Option<Box<[u8]>>,
    /// The path with parts that look like ids replaced, such as `/users/{id}`. A guess, and named so in records.
    pub route: Box<str>,
    /// `Host` header or the target's authority; empty: none.
    pub host: Box<[u8]>,
    /// `User-Agent`; empty: none.
    pub user_agent: Box<[u8]>,
    /// `Referer`; empty: none.
    pub referer: Box<[u8]>,
    /// As whom it says it is made; empty: it says nothing.
    pub user: Box<[u8]>,
    /// `Content-Type`; empty: none.
    pub content_type: Box<[u8]>,
    /// Minor version of HTTP/1.
    pub minor_version: u8,
    /// The other end of the connection.
    pub client: Endpoint,
    /// First address of `X-Forwarded-For` or `Forwarded`, a claim; empty: none.
    pub forwarded_for: Box<[u8]>,
    /// This end.
    pub server: Endpoint,
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    /// Status code; 0: the connection ended without one.
    pub status: u16,
    /// First byte of the answer.
    pub start: BootTime,
    /// Its last byte.
    pub end: BootTime,
    /// Body bytes of the request as sent on the wire, where known.
    pub request_body_bytes: Option<u64>,
    /// Body bytes of the response, likewise.
    pub response_body_bytes: Option<u64>,
}
