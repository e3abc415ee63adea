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
/// `SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK` and `SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK`.
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
    Some(Span {
        trace_id: record.trace.0.to_vec(),
        span_id: record.span.0.to_vec(),
        parent_span_id: id(&record.parent.0),
        flags: span_flags(record, kind),
        name: record.name.to_string(),
        kind: kind.into(),
        start_time_unix_nano: record.start.0,
        end_time_unix_nano: record.end.0,
        attributes: attributes(record),
        status: Some(Status { message: String::new(), code: status.into() }),
        ..Span::default()
    })
}

/// A server's parent is in another process, a client's in its own.
pub(crate) fn span_flags(record: &Record, kind: u8) -> u32 {
    const SERVER: u8 = 2;
    let remote = if kind == SERVER && !record.parent.is_zero() { IS_REMOTE } else { 0 };
    SAMPLED | HAS_IS_REMOTE | remote
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

#[cfg(test)]
mod tests {
    use super::*;
    use guardbee_model::{
        clock::WallTime,
        id::{SpanId, TraceId},
        record::Stream,
    };
    use proptest::prelude::*;
    use prost::Message as _;
    use std::sync::Arc;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,300}".prop_map(Value::from)
        ]
    }

    prop_compose! {
        fn record()(
            is_span: bool,
            name in ".{0,40}",
            body in ".{0,300}",
            ids: (u64, u64),
            resource in ".{0,200}",
            attributes in proptest::collection::vec((".{0,40}", value()), 0..20),
        ) -> Record {
            Record {
                stream: Stream::Spans,
                shape: if is_span { Shape::Span { kind: 3, status: 2 } } else { Shape::Log { severity: 24 } },
                name: name.into(),
                trace: TraceId([255; 16]),
                span: SpanId(ids.0.to_be_bytes()),
                parent: SpanId(ids.1.to_be_bytes()),
                start: WallTime(ids.0),
                end: WallTime(ids.1),
                body: body.into(),
                attributes: attributes.into_iter().map(|(key, value)| (key.into(), value)).collect(),
                resource: Arc::new(Resource { attributes: vec![("service.name".into(), resource.into())] }),
            }
        }
    }

    proptest! {
        #[test]
        fn the_bound_holds(records in proptest::collection::vec(record(), 0..8)) {
            let bound: usize = records.iter().map(encoded_bound).sum();
            prop_assert!(traces(&records).encoded_len() + logs(&records).encoded_len() <= bound);
        }
    }
}
