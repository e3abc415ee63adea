//! Records: what is sealed and delivered, one flat form for spans and log records.
//!
//! A record is redacted already. Attribute values have no floats, arrays or nesting, so that a signature over them
//! survives stores that erase types (research: signing, section 2.3): an array is one JSON string.
use crate::{
    clock::WallTime,
    id::{SpanId, TraceId},
};
use std::{borrow::Cow, sync::Arc};

/// A sequence of records of its own, with its own batches and chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// What the sensor says of itself: start, losses, gaps, rules loaded.
    Audit,
    /// Findings: complete or the gap shows.
    Findings,
    /// Spans: may be sampled by whoever comes after.
    Spans,
}

impl Stream {
    /// All streams.
    pub const ALL: [Self; 3] = [Self::Audit, Self::Findings, Self::Spans];

    /// The name used in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Findings => "findings",
            Self::Spans => "spans",
        }
    }
}

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// UTF-8; bytes that aren't are escaped ([`crate::text`]).
    Text(Cow<'static, str>),
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Cow::Owned(value.to_owned()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Cow::Owned(value))
    }
}

/// What kind of OTLP record it becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A span: OTLP kind number (2 server, 3 client) and status code (0 unset, 1 ok, 2 error).
    Span {
        /// `SpanKind`.
        kind: u8,
        /// `StatusCode`.
        status: u8,
    },
    /// A log record that is an event: OTLP severity number.
    Log {
        /// `SeverityNumber`, 1-24.
        severity: u8,
    },
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Which chain it belongs to.
    pub stream: Stream,
    /// Span or log.
    pub shape: Shape,
    /// Span name, or event name of a log record.
    pub name: Box<str>,
    /// Trace; zero: none.
    pub trace: TraceId,
    /// Span; zero: none.
    pub span: SpanId,
    /// Parent span; zero: none.
    pub parent: SpanId,
    /// Start of a span, time of a log record.
    pub start: WallTime,
    /// End of a span, observed time of a log record.
    pub end: WallTime,
    /// Body of a log record; spans: empty.
    pub body: Box<str>,
    /// Attributes; keys are unique.
    pub attributes: Vec<(Cow<'static, str>, Value)>,
    /// Attributes of the resource: never signed, collectors change them.
    pub resource: Arc<Resource>,
}

impl Record {
    /// The value of an attribute.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        self.attributes.iter().find(|(k, _)| k == key).map(|(_, value)| value)
    }
}

/// Who the record is about: OpenTelemetry's Resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Resource {
    /// Attributes, sorted by key.
    pub attributes: Vec<(Cow<'static, str>, Box<str>)>,
}
