//! Records as OTLP/JSON, one export a line, as a collector's file exporter writes them (OTLP specification, JSON
//! protobuf encoding: ids in hex, 64-bit numbers as strings).
//! Written without a tree and without formatting machinery: a file gets as many records as a collector.
use crate::digits;
use guardbee_model::record::{Record, Resource, Shape, Value};

/// Appends one line, with its line feed, that holds one record.
pub fn append(out: &mut Vec<u8>, record: &Record) {
    match record.shape {
        Shape::Span { kind, status } => span(out, record, kind, status),
        Shape::Log { severity } => log(out, record, severity),
    }
    out.put("]}]}]}\n");
}

/// [`append`] to nothing.
pub fn line(record: &Record) -> String {
    let mut out = Vec::new();
    append(&mut out, record);
    // Only text was written.
    String::from_utf8(out).unwrap_or_default()
}

fn span(out: &mut Vec<u8>, record: &Record, kind: u8, status: u8) {
    begin(out, ["resourceSpans", "scopeSpans", "spans"], &record.resource);
    out.put(r#"{"traceId":""#);
    digits::hex(out, &record.trace.0);
    out.put(r#"","spanId":""#);
    digits::hex(out, &record.span.0);
    out.put(r#"","parentSpanId":""#);
    id(out, &record.parent.0);
    out.put(r#"","flags":"#);
    digits::decimal(out, super::span_flags(record, kind).into());
    out.put(r#","name":""#);
    text(out, &record.name);
    out.put(r#"","kind":"#);
    digits::decimal(out, kind.into());
    out.put(r#","startTimeUnixNano":""#);
    digits::decimal(out, record.start.0);
    out.put(r#"","endTimeUnixNano":""#);
    digits::decimal(out, record.end.0);
    out.put(r#"","#);
    attributes(out, record);
    out.put(r#","status":{"code":"#);
    digits::decimal(out, status.into());
    out.put("}}");
}

fn log(out: &mut Vec<u8>, record: &Record, severity: u8) {
    begin(out, ["resourceLogs", "scopeLogs", "logRecords"], &record.resource);
    out.put(r#"{"timeUnixNano":""#);
    digits::decimal(out, record.start.0);
    out.put(r#"","observedTimeUnixNano":""#);
    digits::decimal(out, record.end.0);
    out.put(r#"","severityNumber":"#);
    digits::decimal(out, severity.into());
    out.put(r#","severityText":""#);
    out.put(super::severity_text(severity));
    out.put(r#"","eventName":""#);
    text(out, &record.name);
    out.put(r#"","body":{"stringValue":""#);
    text(out, &record.body);
    out.put(r#""},"traceId":""#);
    id(out, &record.trace.0);
    out.put(r#"","spanId":""#);
    id(out, &record.span.0);
    out.put(r#"","#);
    attributes(out, record);
    out.put("}");
}

fn begin(out: &mut Vec<u8>, [resources, scopes, records]: [&str; 3], resource: &Resource) {
    out.put(r#"{""#);
    out.put(resources);
    out.put(r#"":[{"resource":{"attributes":["#);
    for (at, (name, value)) in resource.attributes.iter().enumerate() {
        key(out, at, name);
        string(out, value);
    }
    out.put(r#"]},""#);
    out.put(scopes);
    out.put(concat!(r#"":[{"scope":{"name":"guardbee","version":""#, env!("CARGO_PKG_VERSION"), r#""},""#));
    out.put(records);
    out.put(r#"":["#);
}

fn attributes(out: &mut Vec<u8>, record: &Record) {
    out.put(r#""attributes":["#);
    for (at, (name, value)) in record.attributes.iter().enumerate() {
        key(out, at, name);
        match value {
            Value::Bool(true) => out.put(r#"","value":{"boolValue":true}}"#),
            Value::Bool(false) => out.put(r#"","value":{"boolValue":false}}"#),
            Value::Int(value) => {
                out.put(r#"","value":{"intValue":""#);
                if *value < 0 {
                    out.put("-");
                }
                digits::decimal(out, value.unsigned_abs());
                out.put(r#""}}"#);
            }
            Value::Text(value) => string(out, value),
        }
    }
    out.put("]");
}

/// An attribute up to the end of its key.
fn key(out: &mut Vec<u8>, at: usize, name: &str) {
    out.put(if at == 0 { r#"{"key":""# } else { r#",{"key":""# });
    text(out, name);
}

/// The rest of an attribute with a text.
fn string(out: &mut Vec<u8>, value: &str) {
    out.put(r#"","value":{"stringValue":""#);
    text(out, value);
    out.put(r#""}}"#);
}

/// What stands between quotes; nearly no text has a byte that must be escaped.
fn text(out: &mut Vec<u8>, text: &str) {
    if is_plain(text.as_bytes()) {
        out.put(text);
    } else {
        // Memory takes every write.
        let quoted = serde_json::to_string(text).unwrap_or_default();
        out.put(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default());
    }
}

/// Whether there is no control character, quote or backslash. All bytes are looked at: so it is done for many at once.
fn is_plain(text: &[u8]) -> bool {
    let plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    text.iter().fold(true, |all, byte| all & plain(*byte))
}

/// An id that is absent is empty, not zero.
fn id(out: &mut Vec<u8>, id: &[u8]) {
    if id.iter().any(|&byte| byte != 0) {
        digits::hex(out, id);
    }
}

trait Put {
    fn put(&mut self, text: &str);
}

impl Put for Vec<u8> {
    fn put(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
    }
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
    use serde_json::{Value as Json, json};
    use std::sync::Arc;

    proptest! {
        #[test]
        fn text_is_escaped_as_serde_does(text in "[a-z\"\\\\\u{0}-\u{20}\u{7e}-\u{a0}]{0,30}|[a-zä]{0,30}") {
            let mut out = Vec::new();
            super::text(&mut out, &text);
            prop_assert_eq!(format!("\"{}\"", String::from_utf8(out).unwrap()), serde_json::to_string(&text).unwrap());
        }
    }

    #[test]
    fn a_log_record_keeps_its_types() {
        let record = Record {
            stream: Stream::Findings,
            shape: Shape::Log { severity: 17 },
            name: "security.finding".into(),
            trace: TraceId([1; 16]),
            span: SpanId::default(),
            parent: SpanId::default(),
            start: WallTime(u64::MAX),
            end: WallTime(2),
            body: "b\"".into(),
            attributes: vec![
                ("a".into(), Value::Int(i64::MIN)),
                ("b".into(), true.into()),
                ("c\"\n".into(), "\\\u{1}".into()),
            ],
            resource: Arc::new(Resource { attributes: vec![("host.name".into(), "\"".into())] }),
        };
        let json: Json = serde_json::from_str(&line(&record)).unwrap();
        let log = &json["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
        assert_eq!(log["timeUnixNano"], u64::MAX.to_string());
        let attributes = json!([
            { "key": "a", "value": { "intValue": i64::MIN.to_string() } },
            { "key": "b", "value": { "boolValue": true } },
            { "key": "c\"\n", "value": { "stringValue": "\\\u{1}" } },
        ]);
        assert_eq!((&log["attributes"], &log["body"]["stringValue"]), (&attributes, &json!("b\"")));
        let resource = json!([{ "key": "host.name", "value": { "stringValue": "\"" } }]);
        assert_eq!(json["resourceLogs"][0]["resource"]["attributes"], resource);
        assert_eq!((&log["spanId"], &log["traceId"]), (&json!(""), &json!("01".repeat(16))));
        let span = Record { shape: Shape::Span { kind: 2, status: 1 }, ..record };
        let json: Json = serde_json::from_str(&line(&span)).unwrap();
        let span = &json["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        assert_eq!(
            (&span["kind"], &span["status"]["code"], &span["name"]),
            (&json!(2), &json!(1), &json!("security.finding"))
        );
        assert_eq!((&span["parentSpanId"], &span["endTimeUnixNano"]), (&json!(""), &json!("2")));
        assert_eq!(span["attributes"], attributes);
    }
}
