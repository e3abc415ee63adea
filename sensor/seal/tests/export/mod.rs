//! A sensor, a collector and an auditor, in memory.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "shared by two test programs, which use different parts; helpers of tests panic as tests do"
)]
use guardbee_model::{
    clock::{BootTime, WallTime},
    id::{SpanId, TraceId},
    record::{Record, Shape, Stream, Value as Attribute},
};
use guardbee_seal::{
    Added, LossTotals, Origin, Params, PublicKey, Sealer, SigningKey,
    verify::{self, Class, Input, Judged, Options, Report, Trust},
};
use serde_json::{Value, json};
use std::io::Cursor;

pub(crate) const SECOND: u64 = 1_000_000_000;
/// 2026-01-01, with nanoseconds that a microsecond store loses.
pub(crate) const WALL: u64 = 1_767_225_600_000_000_123;

pub(crate) fn at(seconds: u64) -> (BootTime, WallTime) {
    (BootTime(100 * SECOND + seconds * SECOND), WallTime(WALL + seconds * SECOND))
}

pub(crate) fn long_term() -> SigningKey {
    SigningKey::from_pem(include_bytes!("../keys/cosign.key"), b"guardbee").unwrap()
}

pub(crate) fn public() -> PublicKey {
    PublicKey::from_pem(include_bytes!("../keys/cosign.pub")).unwrap()
}

pub(crate) fn sealer(node: &str, key: Option<&SigningKey>) -> Sealer {
    Sealer::new(Origin::new("test", node, "boot"), key, Params::default(), at(0)).unwrap()
}

/// One flush without losses.
pub(crate) fn flush(sealer: &mut Sealer, streams: &[Stream], now: (BootTime, WallTime)) -> Vec<Record> {
    let mut out = Vec::new();
    sealer.flush(streams, now, &LossTotals::default(), &mut out).unwrap();
    out
}

pub(crate) fn span(number: u64) -> Record {
    let text = |text: &str| Attribute::from(text);
    Record {
        stream: Stream::Spans,
        shape: Shape::Span { kind: 2, status: 0 },
        name: "GET /ping".into(),
        trace: TraceId([7; 16]),
        span: SpanId((number + 1).to_be_bytes()),
        parent: SpanId([3; 8]),
        start: WallTime(WALL + number * 1001),
        end: WallTime(WALL + number * 1001 + 5_000_777),
        body: "".into(),
        attributes: vec![
            ("http.route".into(), text("/ping")),
            ("http.request.method".into(), text("GET")),
            ("http.response.status_code".into(), Attribute::Int(200)),
            ("server.port".into(), Attribute::Int(-1)),
            ("guardbee.link.exact".into(), Attribute::Bool(true)),
            ("url.query".into(), text("")),
            ("number".into(), Attribute::Int(i64::try_from(number).unwrap())),
        ],
        resource: std::sync::Arc::default(),
    }
}

pub(crate) fn finding(number: u64) -> Record {
    let command = format!("sh -c {}", "ä".repeat(1500));
    Record {
        stream: Stream::Findings,
        shape: Shape::Log { severity: 17 },
        name: "guardbee.finding".into(),
        body: format!("a shell was spawned by a request {number}").into(),
        attributes: vec![
            ("guardbee.rule.title".into(), Attribute::from("Shell from a request")),
            ("guardbee.rule.id".into(), Attribute::from("a-b")),
            ("process.pid".into(), Attribute::Int(42)),
            ("process.command_line".into(), Attribute::from(command)),
        ],
        ..span(number)
    }
}

/// Three findings, three spans, one audit record, then silence for two heartbeats.
pub(crate) fn story(sealer: &mut Sealer) -> Vec<Record> {
    story_from(sealer, 0)
}

/// The same with other numbers.
pub(crate) fn story_from(sealer: &mut Sealer, first: u64) -> Vec<Record> {
    let mut out = flush(sealer, &Stream::ALL, at(0));
    let mut spans = Vec::new();
    for number in first..first + 3 {
        let mut span = span(number);
        assert_ne!(sealer.add_span(&mut span), Added::Dropped);
        spans.push(span);
        sealer.add(finding(number));
    }
    sealer.add(Record { stream: Stream::Audit, name: "guardbee.start".into(), ..finding(0) });
    let mut batch = flush(sealer, &Stream::ALL, at(1));
    let manifest = batch.pop();
    out.extend(batch.into_iter().chain(spans).chain(manifest));
    for number in first + 3..first + 6 {
        sealer.add(finding(number));
        out.extend(flush(sealer, &[Stream::Findings], at(2)));
    }
    for seconds in [6, 12] {
        out.extend(flush(sealer, &[], at(seconds)));
    }
    out
}

/// A record as an OTLP/JSON span or log record.
pub(crate) fn otlp(record: &Record) -> Value {
    let value = |value: &Attribute| match value {
        Attribute::Bool(value) => json!({"boolValue": value}),
        Attribute::Int(value) => json!({"intValue": value.to_string()}),
        Attribute::Text(text) => json!({"stringValue": text}),
    };
    let attributes: Vec<_> =
        record.attributes.iter().map(|(key, v)| json!({"key": key, "value": value(v)})).collect();
    let id = |id: SpanId| if id.is_zero() { String::new() } else { id.to_string() };
    let trace = if record.trace.is_zero() { String::new() } else { record.trace.to_string() };
    match record.shape {
        Shape::Span { kind, status } => json!({
            "traceId": trace, "spanId": id(record.span), "parentSpanId": id(record.parent),
            "name": record.name, "kind": kind, "status": {"code": status},
            "startTimeUnixNano": record.start.0.to_string(), "endTimeUnixNano": record.end.0.to_string(),
            "attributes": attributes,
        }),
        Shape::Log { severity } => json!({
            "traceId": trace, "spanId": id(record.span), "eventName": record.name, "severityNumber": severity,
            "timeUnixNano": record.start.0.to_string(), "observedTimeUnixNano": record.end.0.to_string(),
            "body": {"stringValue": record.body}, "attributes": attributes,
        }),
    }
}

/// All records, each an OTLP value.
pub(crate) fn export(records: &[Record]) -> Vec<Value> {
    records.iter().map(otlp).collect()
}

/// A line of an export with one record.
pub(crate) fn line(record: &Value) -> String {
    let whole = if record.get("startTimeUnixNano").is_some() {
        json!({"resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": [record]}]}]})
    } else {
        json!({"resourceLogs": [{"resource": {}, "scopeLogs": [{"logRecords": [record]}]}]})
    };
    whole.to_string()
}

pub(crate) fn lines(records: &[Value]) -> String {
    records.iter().map(|record| line(record) + "\n").collect()
}

/// The value of an attribute of an OTLP value.
pub(crate) fn attribute<'a>(record: &'a mut Value, key: &str) -> &'a mut Value {
    let list = record["attributes"].as_array_mut().unwrap();
    let found = list.iter_mut().find(|attribute| attribute["key"] == key);
    &mut found.unwrap_or_else(|| panic!("no {key}"))["value"]["stringValue"]
}

pub(crate) fn named(records: &[Value], name: &str) -> Vec<usize> {
    let is = |record: &Value| record["name"] == name || record["eventName"] == name;
    records.iter().enumerate().filter(|(_, record)| is(record)).map(|(at, _)| at).collect()
}

pub(crate) struct Outcome {
    pub(crate) judged: Vec<Judged>,
    pub(crate) report: Report,
}

impl Outcome {
    /// The verdicts that are not VERIFIED, as text, and the notes that are problems or absences.
    pub(crate) fn said(&self) -> Vec<String> {
        let verdicts = self.judged.iter().filter(|judged| judged.verdict.word() != "VERIFIED");
        let notes = self.report.streams.iter().flat_map(|stream| {
            stream.notes.iter().map(move |note| format!("{}: {note}", stream.stream.name()))
        });
        verdicts.map(ToString::to_string).chain(notes).collect()
    }

    pub(crate) fn class(&self) -> Class {
        self.report.class()
    }
}

pub(crate) fn verify_text(text: &str, options: &Options) -> Outcome {
    let mut judged = Vec::new();
    let input = Input::new("export.jsonl", || Ok(Box::new(Cursor::new(text.as_bytes().to_vec())) as _));
    let report = verify::run(&[input], options, &mut |one| judged.push(one)).unwrap();
    Outcome { judged, report }
}

pub(crate) fn verify(records: &[Value]) -> Outcome {
    verify_text(&lines(records), &Options::new(Trust::Key(Box::new(public()))))
}
