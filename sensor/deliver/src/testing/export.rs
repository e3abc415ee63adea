//! What a receiver got, as a collector's file exporter would write it: OTLP JSON lines.
use super::Received;
use crate::otlp::proto::common::v1::{AnyValue, KeyValue, any_value};
use serde_json::{Value, json};

impl Received {
    /// All spans and log records that were accepted, a line each, in the order in which they came.
    pub fn export(&self) -> String {
        let spans = self.spans.iter().map(|(_, span)| {
            let status = span.status.as_ref().map_or(0, |status| status.code);
            let span = json!({
                "traceId": hex(&span.trace_id),
                "spanId": hex(&span.span_id),
                "parentSpanId": hex(&span.parent_span_id),
                "name": span.name,
                "kind": span.kind,
                "startTimeUnixNano": span.start_time_unix_nano.to_string(),
                "endTimeUnixNano": span.end_time_unix_nano.to_string(),
                "attributes": attributes(&span.attributes),
                "status": { "code": status },
            });
            json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [span] }] }] })
        });
        let logs = self.logs.iter().map(|log| {
            let log = json!({
                "traceId": hex(&log.trace_id),
                "spanId": hex(&log.span_id),
                "eventName": log.event_name,
                "timeUnixNano": log.time_unix_nano.to_string(),
                "observedTimeUnixNano": log.observed_time_unix_nano.to_string(),
                "severityNumber": log.severity_number,
                "body": log.body.as_ref().map_or_else(|| json!({}), value),
                "attributes": attributes(&log.attributes),
            });
            json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": [log] }] }] })
        });
        spans.chain(logs).fold(String::new(), |text, line| text + &line.to_string() + "\n")
    }
}

fn attributes(list: &[KeyValue]) -> Value {
    let pair = |pair: &KeyValue| json!({ "key": pair.key, "value": pair.value.as_ref().map_or_else(|| json!({}), value) });
    list.iter().map(pair).collect()
}

/// The sensor sends no others.
fn value(any: &AnyValue) -> Value {
    match &any.value {
        Some(any_value::Value::StringValue(text)) => json!({ "stringValue": text }),
        Some(any_value::Value::IntValue(number)) => json!({ "intValue": number.to_string() }),
        Some(any_value::Value::BoolValue(flag)) => json!({ "boolValue": flag }),
        other => json!({ "notSent": format!("{other:?}") }),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
