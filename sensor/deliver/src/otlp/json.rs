//! Records as OTLP/JSON, one export a line, as a collector's file exporter writes them (OTLP specification, JSON
//! protobuf encoding: ids in hex, 64-bit numbers as strings).
use guardbee_model::record::{Record, Shape, Value};
use serde_json::{Value as Json, json};

/// One line, with its line feed, that holds one record.
pub fn line(record: &Record) -> String {
    let attributes = |pairs: Vec<(&str, Json)>| -> Json {
        pairs.into_iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
    };
    let resource =
        record.resource.attributes.iter().map(|(key, value)| (key.as_ref(), json!({ "stringValue": value })));
    let resource = json!({ "attributes": attributes(resource.collect()) });
    let scope = json!({ "name": "guardbee", "version": env!("CARGO_PKG_VERSION") });
    let own =
        attributes(record.attributes.iter().map(|(key, value)| (key.as_ref(), any_value(value))).collect());
    let export = match record.shape {
        Shape::Span { kind, status } => json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": [{
            "scope": scope,
            "spans": [{
                "traceId": record.trace.to_string(),
                "spanId": record.span.to_string(),
                "parentSpanId": id(record.parent.is_zero(), &record.parent),
                "flags": super::span_flags(record, kind),
                "name": record.name,
                "kind": kind,
                "startTimeUnixNano": record.start.0.to_string(),
                "endTimeUnixNano": record.end.0.to_string(),
                "attributes": own,
                "status": { "code": status },
            }],
        }] }] }),
        Shape::Log { severity } => json!({ "resourceLogs": [{ "resource": resource, "scopeLogs": [{
            "scope": scope,
            "logRecords": [{
                "timeUnixNano": record.start.0.to_string(),
                "observedTimeUnixNano": record.end.0.to_string(),
                "severityNumber": severity,
                "severityText": super::severity_text(severity),
                "eventName": record.name,
                "body": { "stringValue": record.body },
                "traceId": id(record.trace.is_zero(), &record.trace),
                "spanId": id(record.span.is_zero(), &record.span),
                "attributes": own,
            }],
        }] }] }),
    };
    format!("{export}\n")
}

fn any_value(value: &Value) -> Json {
    match value {
        Value::Bool(value) => json!({ "boolValue": value }),
        Value::Int(value) => json!({ "intValue": value.to_string() }),
        Value::Text(value) => json!({ "stringValue": value }),
    }
}

/// An id that is absent is empty, not zero.
fn id(absent: bool, id: &dyn std::fmt::Display) -> String {
    if absent { String::new() } else { id.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guardbee_model::{
        clock::WallTime,
        id::{SpanId, TraceId},
        record::Stream,
    };
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
            attributes: vec![("a".into(), Value::Int(i64::MIN)), ("b".into(), true.into())],
            resource: Arc::default(),
        };
        let json: Json = serde_json::from_str(&line(&record)).unwrap();
        let log = &json["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
        assert_eq!(log["timeUnixNano"], u64::MAX.to_string());
        assert_eq!(log["attributes"][0]["value"]["intValue"], i64::MIN.to_string());
        assert_eq!((&log["spanId"], &log["traceId"]), (&json!(""), &json!("01".repeat(16))));
    }
}
