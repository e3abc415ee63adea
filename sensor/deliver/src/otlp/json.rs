//! Records as OTLP/JSON, one export a line, as a collector's file exporter writes them (OTLP specification, JSON
//! protobuf encoding: ids in hex, 64-bit numbers as strings).
//! Written without building a tree first: a file gets as many records as a collector.
use guardbee_model::record::{Record, Resource, Shape, Value};
use std::{
    fmt::Display,
    io::{self, Write},
};

/// About a span's length.
const CAPACITY: usize = 3072;

/// One line, with its line feed, that holds one record.
pub fn line(record: &Record) -> String {
    let mut out = Vec::with_capacity(CAPACITY);
    let written = match record.shape {
        Shape::Span { kind, status } => put_span(&mut out, record, kind, status),
        Shape::Log { severity } => put_log(&mut out, record, severity),
    };
    // Neither happens: memory takes every write, and what is written is text.
    written.ok().and_then(|()| String::from_utf8(out).ok()).unwrap_or_default()
}

fn put_span(out: &mut Vec<u8>, record: &Record, kind: u8, status: u8) -> io::Result<()> {
    begin(out, ["resourceSpans", "scopeSpans", "spans"], &record.resource)?;
    write!(out, r#"{{"traceId":"{}","spanId":"{}","parentSpanId":""#, record.trace, record.span)?;
    put_id(out, record.parent.is_zero(), &record.parent)?;
    write!(out, r#"","flags":{},"name":"#, super::span_flags(record, kind))?;
    put_text(out, &record.name)?;
    write!(
        out,
        r#","kind":{kind},"startTimeUnixNano":"{}","endTimeUnixNano":"{}","#,
        record.start.0, record.end.0
    )?;
    put_attributes(out, record)?;
    write!(out, r#","status":{{"code":{status}}}}}"#)?;
    end(out)
}

fn put_log(out: &mut Vec<u8>, record: &Record, severity: u8) -> io::Result<()> {
    begin(out, ["resourceLogs", "scopeLogs", "logRecords"], &record.resource)?;
    write!(out, r#"{{"timeUnixNano":"{}","observedTimeUnixNano":"{}","#, record.start.0, record.end.0)?;
    let text = super::severity_text(severity);
    write!(out, r#""severityNumber":{severity},"severityText":"{text}","eventName":"#)?;
    put_text(out, &record.name)?;
    out.write_all(br#","body":{"stringValue":"#)?;
    put_text(out, &record.body)?;
    out.write_all(br#"},"traceId":""#)?;
    put_id(out, record.trace.is_zero(), &record.trace)?;
    out.write_all(br#"","spanId":""#)?;
    put_id(out, record.span.is_zero(), &record.span)?;
    out.write_all(br#"","#)?;
    put_attributes(out, record)?;
    out.write_all(b"}")?;
    end(out)
}

fn begin(out: &mut Vec<u8>, [resources, scopes, records]: [&str; 3], resource: &Resource) -> io::Result<()> {
    write!(out, r#"{{"{resources}":[{{"resource":{{"attributes":["#)?;
    for (at, (key, value)) in resource.attributes.iter().enumerate() {
        put_key(out, at, key)?;
        put_string(out, value)?;
    }
    let version = env!("CARGO_PKG_VERSION");
    write!(out, r#"]}},"{scopes}":[{{"scope":{{"name":"guardbee","version":"{version}"}},"{records}":["#)
}

fn end(out: &mut Vec<u8>) -> io::Result<()> {
    out.write_all(b"]}]}]}\n")
}

fn put_attributes(out: &mut Vec<u8>, record: &Record) -> io::Result<()> {
    out.write_all(br#""attributes":["#)?;
    for (at, (key, value)) in record.attributes.iter().enumerate() {
        put_key(out, at, key)?;
        match value {
            Value::Bool(value) => write!(out, r#"{{"boolValue":{value}}}}}"#)?,
            Value::Int(value) => write!(out, r#"{{"intValue":"{value}"}}}}"#)?,
            Value::Text(value) => put_string(out, value)?,
        }
    }
    out.write_all(b"]")
}

/// An attribute up to its value.
fn put_key(out: &mut Vec<u8>, at: usize, key: &str) -> io::Result<()> {
    out.write_all(if at == 0 { br#"{"key":"# } else { br#",{"key":"# })?;
    put_text(out, key)?;
    out.write_all(br#","value":"#)
}

/// The text that ends an attribute.
fn put_string(out: &mut Vec<u8>, text: &str) -> io::Result<()> {
    out.write_all(br#"{"stringValue":"#)?;
    put_text(out, text)?;
    out.write_all(b"}}")
}

fn put_text(out: &mut Vec<u8>, text: &str) -> io::Result<()> {
    Ok(serde_json::to_writer(out, text)?)
}

/// An id that is absent is empty, not zero.
fn put_id(out: &mut Vec<u8>, absent: bool, id: &dyn Display) -> io::Result<()> {
    if absent { Ok(()) } else { write!(out, "{id}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guardbee_model::{
        clock::WallTime,
        id::{SpanId, TraceId},
        record::Stream,
    };
    use serde_json::{Value as Json, json};
    use std::sync::Arc;

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
