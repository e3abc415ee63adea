//! Exports: sealed here and now, as a collector writes them, and what editors make of them.
use super::Seeds;
use guardbee_model::{
    clock::{BootTime, WallTime},
    id::{SpanId, TraceId},
    record::{Record, Shape, Stream, Value as Attribute},
};
use guardbee_seal::{Added, LossTotals, Origin, Params, Sealer};
use serde_json::{Value, json};
use std::error::Error;

const SECOND: u64 = 1_000_000_000;
const WALL: u64 = 1_767_225_600_000_000_123;

fn at(seconds: u64) -> (BootTime, WallTime) {
    (BootTime((100 + seconds) * SECOND), WallTime(WALL + seconds * SECOND))
}

fn span(number: u64) -> Record {
    Record {
        stream: Stream::Spans,
        shape: Shape::Span { kind: 2, status: 0 },
        name: "GET /ping".into(),
        trace: TraceId([7; 16]),
        span: SpanId((number + 1).to_be_bytes()),
        parent: SpanId([3; 8]),
        start: WallTime(WALL + number * 1001),
        end: WallTime(WALL + number * 1001 + 777),
        body: "".into(),
        attributes: vec![
            ("http.route".into(), Attribute::from("/ping")),
            ("http.response.status_code".into(), Attribute::Int(200)),
            ("guardbee.link.exact".into(), Attribute::Bool(true)),
        ],
        resource: std::sync::Arc::default(),
    }
}

fn finding(number: u64, argument: &str) -> Record {
    Record {
        stream: Stream::Findings,
        shape: Shape::Log { severity: 17 },
        name: "guardbee.finding".into(),
        body: "a shell was spawned by a request".into(),
        attributes: vec![
            ("guardbee.rule.id".into(), Attribute::from("a-b")),
            ("process.command_line".into(), Attribute::from(format!("sh -c {argument}"))),
        ],
        ..span(number)
    }
}

fn otlp(record: &Record) -> Value {
    let value = |value: &Attribute| match value {
        Attribute::Bool(value) => json!({"boolValue": value}),
        Attribute::Int(value) => json!({"intValue": value.to_string()}),
        Attribute::Text(text) => json!({"stringValue": text}),
    };
    let attributes: Vec<_> =
        record.attributes.iter().map(|(key, v)| json!({"key": key, "value": value(v)})).collect();
    match record.shape {
        Shape::Span { kind, status } => json!({"resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": [{
            "traceId": record.trace.to_string(), "spanId": record.span.to_string(),
            "parentSpanId": record.parent.to_string(), "name": record.name, "kind": kind, "status": {"code": status},
            "startTimeUnixNano": record.start.0.to_string(), "endTimeUnixNano": record.end.0.to_string(),
            "attributes": attributes,
        }]}]}]}),
        Shape::Log { severity } => json!({"resourceLogs": [{"resource": {}, "scopeLogs": [{"logRecords": [{
            "traceId": record.trace.to_string(), "spanId": record.span.to_string(), "eventName": record.name,
            "severityNumber": severity, "timeUnixNano": record.start.0.to_string(),
            "observedTimeUnixNano": record.end.0.to_string(), "body": {"stringValue": record.body},
            "attributes": attributes,
        }]}]}]}),
    }
}

/// One line for each record, and the records.
fn sealed(add: &[Record]) -> Result<(Vec<String>, Vec<Record>), Box<dyn Error>> {
    let losses = LossTotals::default();
    let mut sealer = Sealer::new(Origin::new("fuzz", "node", "boot"), None, Params::default(), at(0))?;
    let mut out = Vec::new();
    sealer.flush(&Stream::ALL, at(0), &losses, &mut out)?;
    for record in add {
        if sealer.add(record.clone()) == Added::Dropped {
            return Err("a record was dropped".into());
        }
    }
    sealer.flush(&Stream::ALL, at(1), &losses, &mut out)?;
    sealer.flush(&[], at(6), &losses, &mut out)?;
    Ok((out.iter().map(|record| otlp(record).to_string()).collect(), out))
}

pub(crate) fn seeds() -> Result<Seeds, Box<dyn Error>> {
    let (lines, records) = sealed(&[span(0), span(1), finding(2, "id"), finding(3, &"ä".repeat(600))])?;
    let (others, _) = sealed(&[finding(4, "ls")])?;
    let whole = lines.join("\n");
    let without = |name: &str| {
        lines.iter().filter(|line| !line.contains(name)).map(|line| format!("{line}\n")).collect::<String>()
    };
    let backwards: Vec<_> = lines.iter().rev().map(String::as_str).collect();
    let mut out: Vec<(String, String)> = [
        ("export", whole.clone()),
        ("tight", whole.clone() + "\n!"),
        ("backwards", backwards.join("\n")),
        ("twice", format!("{whole}\n\n{whole}")),
        ("two-sensors", format!("{whole}\n{}", others.join("\n"))),
        ("replayed", whole.replace("findings/1/0", "findings/1/1")),
        ("edited", whole.replace("sh -c id", "sh -c ls").replace("/ping", "/pong")),
        (
            "added",
            whole.replace(r#""attributes":["#, r#""attributes":[{"key":"k","value":{"doubleValue":1.5}},"#),
        ),
        ("as-text", whole.replace(r#"{"intValue":"200"}"#, r#"{"stringValue":"200"}"#)),
        ("microseconds", whole.replace("123\"", "000\"")),
        ("no-statement", without("guardbee.seal.epoch")),
        ("no-manifest", without("guardbee.seal.manifest")),
        ("no-findings", without("guardbee.finding")),
        ("cut", whole.chars().take(whole.len() / 3).collect()),
        ("ocsf", r#"{"class_uid":2004,"unmapped":{}}"#.to_owned()),
        ("values", VALUES.to_owned()),
        ("wrong", WRONG.to_owned()),
    ]
    .map(|(name, text)| (name.to_owned(), text))
    .into();
    // The texts within, on their own.
    let mut texts = Vec::new();
    for record in &records {
        for (key, value) in &record.attributes {
            if let (true, Attribute::Text(text)) = (key.starts_with("guardbee.seal."), value) {
                texts.push((key.rsplit('.').next().unwrap_or_default().to_owned(), text.to_string()));
            }
        }
        if !record.body.is_empty() && record.name.starts_with("guardbee.seal.") {
            texts.push((record.name.replace("guardbee.seal.", "body-"), record.body.to_string()));
        }
    }
    texts.push(("keys".to_owned(), "i:a.b.c,s:~d,b:e%20f,s:~%C3%A4".replace(",b:e", ",b:a.b.e")));
    for (number, (name, text)) in texts.into_iter().enumerate() {
        out.push((format!("text-{number:02}-{name}"), text));
    }
    Ok(out.into_iter().map(|(name, text)| (name, text.into_bytes())).collect())
}

const VALUES: &str = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"a","value":{"stringValue":"b"}}]},"scopeLogs":[{"scope":{"name":"s"},"logRecords":[{"body":{"kvlistValue":{"values":[{"key":"k","value":{"arrayValue":{"values":[{"intValue":-1},{"bytesValue":"AA=="},{}]}}}]}},"attributes":[{"key":"x"},{"key":"x","value":{"doubleValue":1e308}},{"key":"x","value":null}],"severityNumber":24,"timeUnixNano":18446744073709551615}]}]}]}
{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"","spanId":"00000000000000ff","kind":5,"status":{"code":2,"message":"m"},"events":[{"name":"e"}],"links":[{}],"droppedAttributesCount":1}]}]}]}
"#;

const WRONG: &str = r#"nonsense
{
[]
{}
{"resourceSpans":7}
{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz"},{"spanId":"00"},{"kind":700},{"status":{"code":256}}]}]}]}
{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"-1"}]}]}]}
{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a","name":"b"}]}]}]}
{"resourceLogs":[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}
"#;
