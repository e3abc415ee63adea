//! Records to OTLP messages, grouped by resource in the order of their coming.
use super::proto::{
    collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    resource::v1::Resource as OtlpResource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status},
};
use guardbee_model::record::{Record, Resource, Shape, Value};

/// W3C trace flag `sampled`.
const SAMPLED: u32 = 1;
/// `SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK` and `SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK`: a parent always is in another process.
const HAS_IS_REMOTE: u32 = 1 << 8;
const IS_REMOTE: u32 = 1 << 9;

/// Tags, lengths and fixed fields of one record with a resource and a scope of its own, with room to spare.
const RECORD_OVERHEAD: usize = 256;
/// Tags and lengths of one attribute: four nested messages, lengths of up to five bytes.
const ATTRIBUTE_OVERHEAD: usize = 32;

/// The spans among `records`.
pub fn traces(records: &[Record]) -> ExportTraceServiceRequest {
    let resource_spans = grouped(records, span)
        .into_iter()
        .map(|(from, spans)| ResourceSpans {
            resource: Some(resource(from)),
            scope_spans: vec![ScopeSpans { scope: Some(scope()), spans, schema_url: SCHEMA_URL.into() }],
            schema_url: SCHEMA_URL.into(),
        })
        .collect();
    ExportTraceServiceRequest { resource_spans }
}

/// The log records among `records`.
pub fn logs(records: &[Record]) -> ExportLogsServiceRequest {
    let resource_logs = grouped(records, log)
        .into_iter()
        .map(|(from, log_records)| ResourceLogs {
            resource: Some(resource(from)),
            scope_logs: vec![ScopeLogs { scope: Some(scope()), log_records, schema_url: SCHEMA_URL.into() }],
            schema_url: SCHEMA_URL.into(),
        })
        .collect();
    ExportLogsServiceRequest { resource_logs }
}

/// What a record adds to an encoded request at most, in bytes; sums of it bound a request's size.
pub fn encoded_bound(record: &Record) -> usize {
    let texts = record.attributes.iter().map(|(key, value)| {
        let value = match value {
            Value::Text(text) => text.len(),
            Value::Bool(_) | Value::Int(_) => 10,
        };
        key.len() + value + ATTRIBUTE_OVERHEAD
    });
    let resource =
        record.resource.attributes.iter().map(|(key, value)| key.len() + value.len() + ATTRIBUTE_OVERHEAD);
    RECORD_OVERHEAD + record.name.len() + record.body.len() + texts.sum::<usize>() + resource.sum::<usize>()
}

const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// Few resources are in one batch, so a list serves.
fn grouped<T>(records: &[Record], convert: fn(&Record) -> Option<T>) -> Vec<(&Resource, Vec<T>)> {
    let mut groups: Vec<(&Resource, Vec<T>)> = Vec::new();
    for record in records {
        let Some(converted) = convert(record) else { continue };
        match groups.iter_mut().find(|(resource, _)| *resource == record.resource.as_ref()) {
            Some((_, group)) => group.push(converted),
            None => groups.push((&record.resource, vec![converted])),
        }
    }
    groups
}

fn span(record: &Record) -> Option<Span> {
    let Shape::Span { kind, status } = record.shape else { return None };
    let remote_parent = if record.parent.is_zero() { 0 } else { IS_REMOTE };
    Some(Span {
        trace_id: record.trace.0.to_vec(),
        span_id: record.span.0.to_vec(),
        parent_span_id: id(&record.parent.0),
        flags: SAMPLED | HAS_IS_REMOTE | remote_parent,
        name: record.name.to_string(),
        kind: kind.into(),
        start_time_unix_nano: record.start.0,
        end_time_unix_nano: record.end.0,
        attributes: attributes(record),
        status: Some(Status { message: String::new(), code: status.into() }),
        ..Span::default()
    })
}

fn log(record: &Record) -> Option<LogRecord> {
    let Shape::Log { severity } = record.shape else { return None };
    Some(LogRecord {
        time_unix_nano: record.start.0,
        observed_time_unix_nano: record.end.0,
        severity_number: severity.into(),
        severity_text: severity_text(severity).into(),
        body: (!record.body.is_empty()).then(|| text(&record.body)),
        attributes: attributes(record),
        flags: if record.trace.is_zero() { 0 } else { SAMPLED },
        trace_id: id(&record.trace.0),
        span_id: id(&record.span.0),
        event_name: record.name.to_string(),
        ..LogRecord::default()
    })
}

/// Short names of the logs data model.
pub(crate) fn severity_text(severity: u8) -> &'static str {
    match severity {
        1..=4 => "TRACE",
        5..=8 => "DEBUG",
        9..=12 => "INFO",
        13..=16 => "WARN",
        17..=20 => "ERROR",
        21..=24 => "FATAL",
        _ => "",
    }
}

/// OTLP: no id is an empty field, not zeros.
fn id(bytes: &[u8]) -> Vec<u8> {
    if bytes.iter().all(|&byte| byte == 0) { Vec::new() } else { bytes.to_vec() }
}

fn attributes(record: &Record) -> Vec<KeyValue> {
    let pairs = record.attributes.iter().map(|(key, value)| {
        let value = match value {
            Value::Bool(value) => any_value::Value::BoolValue(*value),
            Value::Int(value) => any_value::Value::IntValue(*value),
            Value::Text(value) => any_value::Value::StringValue(value.to_string()),
        };
        pair(key, AnyValue { value: Some(value) })
    });
    pairs.collect()
}

fn resource(resource: &Resource) -> OtlpResource {
    let attributes = resource.attributes.iter().map(|(key, value)| pair(key, text(value))).collect();
    OtlpResource { attributes, ..OtlpResource::default() }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "guardbee".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        ..InstrumentationScope::default()
    }
}

fn pair(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

fn text(text: &str) -> AnyValue {
    AnyValue { value: Some(any_value::Value::StringValue(text.to_owned())) }
}
