//! Records to OTLP in protobuf, written straight from the record: no message is built first, nothing is copied twice.
//!
//! Field numbers are those of `proto/opentelemetry`; a test compares with what the generated messages make of the same records.
use super::{severity_text, span_flags, wire};
use guardbee_model::record::{Record, Resource, Shape, Value};
use std::sync::Arc;

const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";
/// W3C trace flag `sampled`.
pub(super) const SAMPLED: u32 = 1;
/// Of tags, lengths and scope around records that have a resource in common, and of an [`Encoded`] in memory, at most.
const OVERHEAD: usize = 256;

/// One record as it stands in a request, and the resource under which it stands.
#[derive(Clone, Debug)]
pub struct Encoded {
    resource: Arc<Resource>,
    bytes: Box<[u8]>,
    is_span: bool,
}

impl Encoded {
    /// Encodes a record.
    pub fn new(record: &Record) -> Self {
        let texts = record.attributes.iter().map(|(key, value)| key.len() + text_len(value) + 12);
        let mut out = Vec::with_capacity(192 + record.name.len() + record.body.len() + texts.sum::<usize>());
        let is_span = match record.shape {
            Shape::Span { kind, status } => {
                span(&mut out, record, kind, status);
                true
            }
            Shape::Log { severity } => {
                log(&mut out, record, severity);
                false
            }
        };
        Self { resource: Arc::clone(&record.resource), bytes: out.into(), is_span }
    }

    /// A span, not a log record.
    pub fn is_span(&self) -> bool {
        self.is_span
    }

    /// What it adds to a request at most, in bytes, and what it takes in memory at most; sums of it bound both.
    pub fn bound(&self) -> usize {
        let resource = self.resource.attributes.iter().map(|(key, value)| key.len() + value.len() + 12);
        OVERHEAD + self.bytes.len() + resource.sum::<usize>()
    }
}

fn text_len(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Bool(_) | Value::Int(_) => 10,
    }
}

/// An export request for `records`, grouped by resource in the order of their coming. They are all spans, or none is.
pub fn request(records: &[Encoded]) -> Vec<u8> {
    let mut groups: Vec<(&Arc<Resource>, Vec<&Encoded>)> = Vec::new();
    for record in records {
        let same = |of: &Arc<Resource>| Arc::ptr_eq(of, &record.resource) || *of == record.resource;
        match groups.iter_mut().find(|(of, _)| same(of)) {
            Some((_, group)) => group.push(record),
            None => groups.push((&record.resource, vec![record])),
        }
    }
    let mut out =
        Vec::with_capacity(records.iter().map(|record| record.bytes.len() + 8).sum::<usize>() + 1024);
    for (of, group) in groups {
        // ResourceSpans and ScopeSpans have the same field numbers as ResourceLogs and ScopeLogs.
        wire::message(&mut out, 1, 3, |out| {
            wire::message(out, 1, 2, |out| resource(out, of));
            wire::message(out, 2, 3, |out| {
                wire::message(out, 1, 1, scope);
                for record in group {
                    wire::bytes(out, 2, &record.bytes);
                }
                wire::text(out, 3, SCHEMA_URL);
            });
            wire::text(out, 3, SCHEMA_URL);
        });
    }
    out
}

fn resource(out: &mut Vec<u8>, resource: &Resource) {
    for (key, value) in &resource.attributes {
        wire::message(out, 1, 1, |out| {
            wire::text(out, 1, key);
            wire::message(out, 2, 1, |out| wire::bytes(out, 1, value.as_bytes()));
        });
    }
}

fn scope(out: &mut Vec<u8>) {
    wire::text(out, 1, "guardbee");
    wire::text(out, 2, env!("CARGO_PKG_VERSION"));
}

fn span(out: &mut Vec<u8>, record: &Record, kind: u8, status: u8) {
    wire::bytes(out, 1, &record.trace.0);
    wire::bytes(out, 2, &record.span.0);
    id(out, 4, &record.parent.0);
    wire::text(out, 5, &record.name);
    wire::number(out, 6, kind.into());
    wire::fixed64(out, 7, record.start.0);
    wire::fixed64(out, 8, record.end.0);
    attributes(out, 9, record);
    wire::message(out, 15, 1, |out| wire::number(out, 3, status.into()));
    wire::fixed32(out, 16, span_flags(record, kind));
}

fn log(out: &mut Vec<u8>, record: &Record, severity: u8) {
    wire::fixed64(out, 1, record.start.0);
    wire::number(out, 2, severity.into());
    wire::text(out, 3, severity_text(severity));
    if !record.body.is_empty() {
        wire::message(out, 5, 2, |out| wire::text(out, 1, &record.body));
    }
    attributes(out, 6, record);
    wire::fixed32(out, 8, if record.trace.is_zero() { 0 } else { SAMPLED });
    id(out, 9, &record.trace.0);
    id(out, 10, &record.span.0);
    wire::fixed64(out, 11, record.end.0);
    wire::text(out, 12, &record.name);
}

/// OTLP: no id is an empty field, not zeros.
fn id(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    if bytes.iter().any(|&byte| byte != 0) {
        wire::bytes(out, field, bytes);
    }
}

fn attributes(out: &mut Vec<u8>, field: u32, record: &Record) {
    for (key, value) in &record.attributes {
        attribute(out, field, key, value);
    }
}

/// A `KeyValue` with its `AnyValue`: their lengths are known before they are written.
fn attribute(out: &mut Vec<u8>, field: u32, key: &str, value: &Value) {
    // A member of a oneof is written even where it has its default.
    let any = match value {
        Value::Text(text) => wire::bytes_size(text.len()),
        Value::Bool(_) => 2,
        Value::Int(value) => 1 + wire::varint_size(value.cast_unsigned()),
    };
    let named = if key.is_empty() { 0 } else { wire::bytes_size(key.len()) };
    wire::begin(out, field, named + wire::bytes_size(any));
    wire::text(out, 1, key);
    wire::begin(out, 2, any);
    match value {
        Value::Text(text) => wire::bytes(out, 1, text.as_bytes()),
        Value::Bool(value) => wire::varint_field(out, 2, u64::from(*value)),
        Value::Int(value) => wire::varint_field(out, 3, value.cast_unsigned()),
    }
}
