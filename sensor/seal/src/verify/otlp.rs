//! OTLP/JSON lines, as the Collector's file exporter writes them, in the parts that matter here.
//!
//! Numbers may be numbers or strings (the OTLP/JSON mapping allows both), unknown names are ignored, hex may be of either
//! case. What a store does to types is undone later: every value is kept as its canonical text.
use guardbee_model::{
    id::{SpanId, TraceId},
    record::Shape,
};
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, Visitor},
};
use std::fmt;

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// Its canonical text.
    Text(String),
    /// No scalar.
    Other,
}

/// A record of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exported {
    pub(super) shape: Shape,
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
    pub(super) parent: SpanId,
    pub(super) name: String,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) body: Got,
    pub(super) attributes: Vec<(String, Got)>,
    /// Filled fields that are never signed and that a reader might believe.
    pub(super) extras: Vec<&'static str>,
}

impl Exported {
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.attributes.iter().find_map(|(name, got)| match got {
            Got::Text(text) if name == key => Some(text.as_str()),
            _ => None,
        })
    }
}

/// What a line holds.
#[derive(Debug)]
pub(super) enum Line {
    /// Records; an error is one record's.
    Records(Vec<Result<Exported, String>>),
    /// An OCSF event.
    Ocsf,
}

/// Reads a line.
pub(super) fn parse(line: &[u8]) -> Result<Line, String> {
    let request: Request = serde_json::from_slice(line).map_err(|error| json_error(&error))?;
    if request.class_uid.is_some() {
        return Ok(Line::Ocsf);
    }
    let (spans, logs) = (request.resource_spans, request.resource_logs);
    if spans.is_none() && logs.is_none() && request.resource_metrics.is_none() {
        return Err("it has neither resourceSpans nor resourceLogs; give OTLP JSON lines".into());
    }
    let scopes = spans.unwrap_or_default().into_iter().flat_map(|resource| resource.scope_spans);
    let spans = scopes.flat_map(|scope| scope.spans).map(Span::export);
    let scopes = logs.unwrap_or_default().into_iter().flat_map(|resource| resource.scope_logs);
    let logs = scopes.flat_map(|scope| scope.log_records).map(Log::export);
    Ok(Line::Records(spans.chain(logs).collect()))
}

/// The library's message says "at line 1 column n"; the line is ours to say.
fn json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    format!("column {}: {what}", error.column())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(default)]
    resource_spans: Option<Vec<ResourceSpans>>,
    #[serde(default)]
    resource_logs: Option<Vec<ResourceLogs>>,
    #[serde(default)]
    resource_metrics: Option<IgnoredAny>,
    #[serde(default, rename = "class_uid")]
    class_uid: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans {
    #[serde(default)]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Deserialize)]
struct ScopeSpans {
    #[serde(default)]
    spans: Vec<Span>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceLogs {
    #[serde(default)]
    scope_logs: Vec<ScopeLogs>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScopeLogs {
    #[serde(default)]
    log_records: Vec<Log>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Status {
    code: Number,
    message: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Span {
    #[serde(rename = "traceId")]
    trace: String,
    #[serde(rename = "spanId")]
    id: String,
    #[serde(rename = "parentSpanId")]
    parent: String,
    name: String,
    kind: Number,
    start_time_unix_nano: Number,
    end_time_unix_nano: Number,
    attributes: Vec<Attribute>,
    events: Vec<IgnoredAny>,
    links: Vec<IgnoredAny>,
    status: Status,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Log {
    trace_id: String,
    span_id: String,
    event_name: String,
    time_unix_nano: Number,
    observed_time_unix_nano: Number,
    severity_number: Number,
    body: Any,
    attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
struct Attribute {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: Any,
}

#[derive(Deserialize, Default)]
#[serde(default, expecting = "an OTLP value")]
struct Any {
    #[serde(rename = "stringValue")]
    string: Option<String>,
    #[serde(rename = "intValue")]
    int: Option<Scalar>,
    #[serde(rename = "boolValue")]
    bool: Option<Scalar>,
    #[serde(rename = "doubleValue")]
    double: Option<Scalar>,
    #[serde(rename = "arrayValue")]
    array: Option<IgnoredAny>,
    #[serde(rename = "kvlistValue")]
    list: Option<IgnoredAny>,
    #[serde(rename = "bytesValue")]
    bytes: Option<IgnoredAny>,
}

impl Any {
    fn got(self) -> Got {
        if self.array.is_some() || self.list.is_some() || self.bytes.is_some() {
            return Got::Other;
        }
        let scalar = self.int.or(self.bool).or(self.double).map(|scalar| scalar.0);
        Got::Text(self.string.or(scalar).unwrap_or_default())
    }
}

/// A scalar as text: as it is written, but for whole floating-point numbers, which lose their fraction.
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a boolean or a string")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
        // `{:.0}` and `{}` of a whole number are the same digits.
        Ok(Scalar(format!("{value}")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar(value.to_owned()))
    }
}

/// A whole number of at most 64 bits, written as a number or as a string.
#[derive(Default)]
struct Number(u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Scalar::deserialize(deserializer)?.0;
        text.parse()
            .map(Self)
            .map_err(|_| de::Error::custom(format_args!("`{text}` is not a whole number of 64 bits")))
    }
}

impl Number {
    fn byte(&self, what: &str) -> Result<u8, String> {
        u8::try_from(self.0).map_err(|_| format!("{what} {} is not known to OTLP", self.0))
    }
}

fn trace_id(text: &str) -> Result<TraceId, String> {
    let lower = text.to_ascii_lowercase();
    if text.is_empty() {
        return Ok(TraceId::default());
    }
    TraceId::from_hex(&lower).ok_or_else(|| "traceId is not 32 hex digits".into())
}

fn span_id(text: &str, what: &str) -> Result<SpanId, String> {
    let lower = text.to_ascii_lowercase();
    if text.is_empty() {
        return Ok(SpanId::default());
    }
    SpanId::from_hex(&lower).ok_or_else(|| format!("{what} is not 16 hex digits"))
}

fn attributes(list: Vec<Attribute>) -> Vec<(String, Got)> {
    list.into_iter().map(|attribute| (attribute.key, attribute.value.got())).collect()
}

impl Span {
    fn export(self) -> Result<Exported, String> {
        let filled = [
            (!self.events.is_empty(), "events"),
            (!self.links.is_empty(), "links"),
            (!self.status.message.is_empty(), "status.message"),
        ];
        Ok(Exported {
            shape: Shape::Span {
                kind: self.kind.byte("span kind")?,
                status: self.status.code.byte("status code")?,
            },
            trace: trace_id(&self.trace)?,
            span: span_id(&self.id, "spanId")?,
            parent: span_id(&self.parent, "parentSpanId")?,
            name: self.name,
            start: self.start_time_unix_nano.0,
            end: self.end_time_unix_nano.0,
            body: Got::Text(String::new()),
            attributes: attributes(self.attributes),
            extras: filled.into_iter().filter(|(filled, _)| *filled).map(|(_, name)| name).collect(),
        })
    }
}

impl Log {
    fn export(self) -> Result<Exported, String> {
        Ok(Exported {
            shape: Shape::Log { severity: self.severity_number.byte("severity")? },
            trace: trace_id(&self.trace_id)?,
            span: span_id(&self.span_id, "spanId")?,
            parent: SpanId::default(),
            name: self.event_name,
            start: self.time_unix_nano.0,
            end: self.observed_time_unix_nano.0,
            body: self.body.got(),
            attributes: attributes(self.attributes),
            extras: Vec::new(),
        })
    }
}
