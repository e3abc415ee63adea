//! A finding as a record: an OpenTelemetry event with the trace of its request, and its OCSF form as the body.
use super::{Encoder, attributes::Attributes, audit, file, http, process, system};
use crate::ocsf;
use guardbee_model::{
    clock::WallOffset,
    finding::{Action, Finding, Level, Repeats},
    id::SpanId,
    link::{CANDIDATES, Link},
    record::{Record, Shape, Stream},
    request::Request,
    span::SpanKind,
};
use serde_json::json;
use std::sync::Arc;

/// `EventName` of findings.
pub const EVENT_NAME: &str = "security.finding";

/// OTLP `SeverityNumber` of a level.
pub const fn severity(level: Level) -> u8 {
    match level {
        Level::Informational => 9,
        Level::Low => 11,
        Level::Medium => 13,
        Level::High => 17,
        Level::Critical => 21,
    }
}

pub(super) fn record(encoder: &Encoder, finding: &Finding, offset: WallOffset) -> Record {
    let request = finding.link().and_then(Link::request);
    let mut attributes = Attributes::default().usual();
    rule(finding, &mut attributes);
    if let Some(Repeats { count, first, .. }) = finding.repeats {
        attributes.int("guardbee.finding.count", i64::try_from(count).unwrap_or(i64::MAX));
        attributes.text("guardbee.finding.first_time", super::timestamp(offset.wall(first)));
    }
    attributes.word("guardbee.finding.joined", finding.joined.unwrap_or_default());
    if let Some(link) = finding.link() {
        linked(link, &mut attributes);
    }
    if let Some(request) = request {
        attributes.text("guardbee.request.id", request.id.to_string());
        attributes.word("guardbee.trace.source", request.trace.source.name());
        http::add(request, SpanKind::Server, &mut attributes);
    }
    if let Some(last) = finding.evidence.last() {
        attributes.word("guardbee.action", last.action.name());
        if let Action::Connect(connect) | Action::Datagram(connect) = &last.action {
            attributes.text("destination.address", http::address(&connect.socket.remote));
            if let Some(port) = connect.socket.remote.port() {
                attributes.int("destination.port", port);
            }
            attributes.bytes("destination.domain", &connect.name);
            if let Some(word) = connect.error_type() {
                attributes.word("error.type", word);
            }
        }
        if let Action::File(event) = &last.action {
            file::add(event, &mut attributes);
        }
        if let Action::System(done, target) = &last.action {
            system::add(done, target.as_deref(), &mut attributes);
        }
        if let Some(process) = &last.process {
            process::full(process, offset, &mut attributes);
        }
    }
    if !finding.losses.is_empty() {
        attributes.json("guardbee.losses", &audit::as_json(&finding.losses));
    }
    let time = offset.wall(finding.time);
    Record {
        stream: Stream::Findings,
        shape: Shape::Log { severity: severity(finding.rule.level) },
        name: EVENT_NAME.into(),
        trace: request.map(|request| request.trace.trace).unwrap_or_default(),
        span: request.map(|request| request.trace.span).unwrap_or_default(),
        parent: SpanId::default(),
        start: time,
        end: time,
        body: ocsf::text(finding, &encoder.identity, offset).into(),
        attributes: attributes.into_vec(),
        resource: Arc::clone(&encoder.sensor),
    }
}

fn rule(finding: &Finding, attributes: &mut Attributes) {
    let rule = &finding.rule;
    attributes.text("guardbee.finding.id", finding.id.to_string());
    attributes.text("security_rule.uuid", &*rule.id);
    attributes.text("security_rule.name", if rule.title.is_empty() { &*rule.name } else { &*rule.title });
    attributes.text("security_rule.description", &*rule.description);
    attributes.text("security_rule.license", &*rule.license);
    attributes
        .text("security_rule.reference", rule.references.first().map(AsRef::as_ref).unwrap_or_default());
    attributes.text("guardbee.rule.author", &*rule.author);
    attributes.text("guardbee.rule.source", &*rule.source);
    attributes.word("guardbee.rule.level", rule.level.name());
    if let Some(risk) = rule.risk {
        attributes.int("guardbee.rule.risk", risk);
    }
    let techniques: Vec<String> = rule.techniques().collect();
    if !techniques.is_empty() {
        attributes.json("guardbee.attack.techniques", &json!(techniques));
    }
}

fn linked(link: &Link, attributes: &mut Attributes) {
    attributes.word("guardbee.link.kind", link.kind.name());
    attributes.word("guardbee.link.reason", link.reason);
    // The one request is told by the attributes themselves.
    if link.request().is_none() {
        attributes.json("guardbee.link.requests", &requests(link));
    }
    if link.more > 0 {
        attributes.int("guardbee.link.more", link.more);
    }
}

/// The candidates of a link, with what an analyst needs to tell them apart; of a single one, which is told elsewhere, and of more
/// than usual the ids only.
pub(crate) fn requests(link: &Link) -> serde_json::Value {
    let told = link.request().is_some() || link.requests.len() > CANDIDATES;
    link.requests.iter().map(|request| if told { named(request) } else { candidate(request) }).collect()
}

fn named(request: &Request) -> serde_json::Value {
    json!({
        "id": request.id.to_string(),
        "trace": request.trace.trace.to_string(),
        "span": request.trace.span.to_string(),
    })
}

fn shown_query(query: &[u8]) -> String {
    super::text::bounded_to(&http::shown_query(query), 256).to_string()
}

fn candidate(request: &Request) -> serde_json::Value {
    json!({
        "id": request.id.to_string(),
        "trace": request.trace.trace.to_string(),
        "span": request.trace.span.to_string(),
        "source": request.trace.source.name(),
        "method": super::text::bounded_to(&guardbee_model::text::said(&request.method), 64),
        "path": super::text::bounded_to(&guardbee_model::text::said(&request.path), 512),
        "query": request.query.as_deref().map(shown_query),
        "client": request.client.to_string(),
    })
}
