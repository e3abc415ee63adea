//! The same records through the generated messages: what [`super::encode`] must agree with.
use super::{
    encode::{Encoded, SAMPLED, request},
    proto::{
        collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
        common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
        logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
        resource::v1::Resource as OtlpResource,
        trace::v1::{ResourceSpans, ScopeSpans, Span, Status},
    },
    severity_text, span_flags,
};
use guardbee_model::{
    clock::WallTime,
    id::{SpanId, TraceId},
    record::{Record, Resource, Shape, Stream, Value},
};
use proptest::prelude::*;
use prost::Message as _;
use std::sync::Arc;

const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// The spans among `records`.
fn traces(records: &[Record]) -> ExportTraceServiceRequest {
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
fn logs(records: &[Record]) -> ExportLogsServiceRequest {
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
    fn both_encoders_agree(records in proptest::collection::vec(record(), 0..8)) {
        let (spans, logs): (Vec<Encoded>, Vec<Encoded>) =
            records.iter().map(Encoded::new).partition(Encoded::is_span);
        prop_assert_eq!(ExportTraceServiceRequest::decode(&*request(&spans)).unwrap(), traces(&records));
        prop_assert_eq!(ExportLogsServiceRequest::decode(&*request(&logs)).unwrap(), super::tests::logs(&records));
        // Canonical: no length takes more bytes than it must.
        prop_assert_eq!(request(&spans), traces(&records).encode_to_vec());
    }

    #[test]
    fn the_bound_holds(records in proptest::collection::vec(record(), 0..8)) {
        let encoded: Vec<_> = records.iter().map(Encoded::new).collect();
        let bound: usize = encoded.iter().map(Encoded::bound).sum();
        prop_assert!(request(&encoded).len() <= bound);
    }
}
