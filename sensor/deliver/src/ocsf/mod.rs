//! Findings as OCSF 1.8.0 Detection Findings (class 2004), profiles host, container and security control.
//!
//! The trace profile does not exist for findings: the trace id is `metadata.correlation_uid`, and each piece of evidence has
//! the trace and span of its request in `data.trace`. What OCSF has no place for is in `unmapped.guardbee`.
mod attack;
mod evidence;

use crate::record::{self, Identity, text};
use guardbee_model::{
    clock::{WallOffset, WallTime},
    finding::{Finding, Level, Repeats, RuleInfo},
    link::{Link, LinkKind},
    record::{Record, Value as Attribute},
};
use serde_json::{Map, Value, json};

const CLASS_UID: u32 = 2004;
const ACTIVITY_CREATE: u32 = 1;

/// Of `unmapped.guardbee`, `unmapped` and the event.
const END: &str = "}}}";

/// Keys under which the seal leaves its reference and proof in a sealed record.
const SEAL_REF: &str = "guardbee.seal.ref";
const SEAL_PROOF: &str = "guardbee.seal.proof";

/// One line of JSON with a line feed, of a finding's record: its body is the line already, and the reference and proof that it
/// has after sealing go in.
pub fn line(record: &Record) -> String {
    let body = &*record.body;
    match (seal(record), body.strip_suffix(END)) {
        (Some(seal), Some(open)) => {
            let comma = if open.ends_with('{') { "" } else { "," };
            format!("{open}{comma}\"seal\":{seal}{END}\n")
        }
        _ => format!("{body}\n"),
    }
}

/// [`finding`] as text, in which `unmapped.guardbee` is the last object.
pub(crate) fn text(finding: &Finding, identity: &Identity, offset: WallOffset) -> String {
    let mut event = self::finding(finding, identity, offset);
    let unmapped = event.as_object_mut().and_then(|event| event.remove("unmapped")).unwrap_or_default();
    let mut text = event.to_string();
    text.pop();
    format!("{text},\"unmapped\":{unmapped}}}")
}

fn seal(record: &Record) -> Option<Value> {
    let text = |key| match record.attribute(key) {
        Some(Attribute::Text(text)) => Some(&**text),
        _ => None,
    };
    let reference = text(SEAL_REF)?;
    let mut seal = Map::from_iter([("ref".to_owned(), json!(reference))]);
    set(&mut seal, "proof", text(SEAL_PROOF));
    Some(seal.into())
}

/// The finding without a seal.
pub fn finding(finding: &Finding, identity: &Identity, offset: WallOffset) -> Value {
    let rule = &finding.rule;
    let (severity_id, severity) = severity(rule.level);
    let mut event = json!({
        "activity_id": ACTIVITY_CREATE,
        "activity_name": "Create",
        "category_uid": CLASS_UID / 1000,
        "category_name": "Findings",
        "class_uid": CLASS_UID,
        "class_name": "Detection Finding",
        "type_uid": CLASS_UID * 100 + ACTIVITY_CREATE,
        "type_name": "Detection Finding: Create",
        "time": millis(offset.wall(finding.time)),
        "timezone_offset": 0,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": 1,
        "status": "New",
        "is_alert": true,
        "action_id": 3,
        "action": "Observed",
        "disposition_id": 15,
        "disposition": "Detected",
        "message": message(finding),
        "metadata": metadata(finding, identity),
        "finding_info": info(finding, offset),
        "device": device(identity),
        "unmapped": { "guardbee": unmapped(finding) },
    });
    if let Some(event) = event.as_object_mut() {
        if let Some(risk) = rule.risk {
            event.insert("risk_score".into(), risk.into());
        }
        let linked = finding.link().map(|link| confidence(link.kind));
        if let Some((id, name)) = joined(finding).into_iter().chain(linked).min() {
            event.insert("confidence_id".into(), id.into());
            event.insert("confidence".into(), name.into());
        }
        if let Some(Repeats { count, first, last }) = finding.repeats {
            event.insert("count".into(), count.into());
            event.insert("start_time".into(), millis(offset.wall(first)).into());
            event.insert("end_time".into(), millis(offset.wall(last)).into());
        }
        let evidences = evidence::list(finding, offset);
        if !evidences.is_empty() {
            event.insert("evidences".into(), evidences.into());
        }
        let observables = evidence::observables(finding);
        if !observables.is_empty() {
            event.insert("observables".into(), observables.into());
        }
    }
    event
}

/// Adds a text, unless there is none.
fn set(object: &mut Map<String, Value>, key: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        object.insert(key.to_owned(), text::bounded(value).into());
    }
}

/// OCSF times are milliseconds.
fn millis(time: WallTime) -> u64 {
    time.0 / 1_000_000
}

const fn severity(level: Level) -> (u8, &'static str) {
    match level {
        Level::Informational => (1, "Informational"),
        Level::Low => (2, "Low"),
        Level::Medium => (3, "Medium"),
        Level::High => (4, "High"),
        Level::Critical => (5, "Critical"),
    }
}

/// How far the request is proven is how far the story can be trusted.
const fn confidence(kind: LinkKind) -> (u8, &'static str) {
    match kind {
        LinkKind::Exact | LinkKind::Inherited | LinkKind::Lineage => (3, "High"),
        LinkKind::Sole => (2, "Medium"),
        LinkKind::Ambiguous | LinkKind::Unproven => (1, "Low"),
    }
}

/// Less than its request is proven where something else holds its evidence together.
fn joined(finding: &Finding) -> Option<(u8, &'static str)> {
    match finding.joined? {
        "process.tree" => Some((2, "Medium")),
        "container.id" => Some((1, "Low")),
        _ => None,
    }
}

fn title(rule: &RuleInfo) -> &str {
    [&rule.title, &rule.name, &rule.id]
        .into_iter()
        .find(|text| !text.is_empty())
        .map_or("untitled rule", |t| t)
}

fn message(finding: &Finding) -> String {
    let mut message = title(&finding.rule).to_owned();
    if let Some(process) = finding.evidence.last().and_then(|observation| observation.process.as_ref()) {
        message.push_str(": ");
        message.push_str(&record::command_line(&process.args));
    }
    if let Some(link) = finding.link()
        && let Some(request) = link.request()
    {
        message.push_str(if link.kind.proven() { ", caused by " } else { ", perhaps caused by " });
        message.push_str(&guardbee_model::text::said(&request.method));
        message.push(' ');
        message.push_str(&guardbee_model::text::said(&request.path));
    }
    text::bounded(&message).into_owned()
}

fn metadata(finding: &Finding, identity: &Identity) -> Value {
    let mut metadata = json!({
        "version": "1.8.0",
        "uid": finding.id.to_string(),
        "profiles": ["host", "container", "security_control"],
        "product": {
            "name": "Guardbee",
            "vendor_name": "Guardbee",
            "uid": &identity.instance,
            "version": &identity.version,
        },
    });
    let trace = finding.link().and_then(Link::request).map(|request| request.trace.trace.to_string());
    if let Some(metadata) = metadata.as_object_mut() {
        set(metadata, "correlation_uid", trace.as_deref());
    }
    metadata
}

fn info(finding: &Finding, offset: WallOffset) -> Value {
    let rule = &finding.rule;
    let first = finding.evidence.first().map_or(finding.time, |observation| observation.time);
    let mut sources: Vec<&str> =
        finding.evidence.iter().map(|observation| observation.action.name()).collect();
    sources.sort_unstable();
    sources.dedup();
    let mut info = json!({
        "uid": finding.id.to_string(),
        "title": text::bounded(title(rule)),
        "data_sources": sources,
        "analytic": analytic(rule),
    });
    if let Some(info) = info.as_object_mut() {
        // Of a single step `time` says when.
        if finding.evidence.len() > 1 {
            info.insert("first_seen_time".into(), millis(offset.wall(first)).into());
            info.insert("last_seen_time".into(), millis(offset.wall(finding.time)).into());
        }
        set(info, "desc", Some(&rule.description));
        set(info, "src_url", rule.references.first().map(AsRef::as_ref));
        let attacks = attack::list(rule);
        if !attacks.is_empty() {
            info.insert("attacks".into(), attacks.into());
        }
        let tags: Vec<Value> = [("rule.author", &rule.author), ("rule.license", &rule.license)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| json!({ "name": name, "value": text::bounded(value) }))
            .collect();
        if !tags.is_empty() {
            info.insert("tags".into(), tags.into());
        }
    }
    info
}

fn analytic(rule: &RuleInfo) -> Value {
    let mut analytic = Map::from_iter([("type_id".to_owned(), json!(1)), ("type".to_owned(), json!("Rule"))]);
    set(&mut analytic, "uid", Some(&rule.id));
    set(&mut analytic, "name", Some(if rule.name.is_empty() { title(rule) } else { &rule.name }));
    analytic.into()
}

fn device(identity: &Identity) -> Value {
    json!({
        "type_id": 1,
        "type": "Server",
        "hostname": &identity.host,
        "os": { "name": "Linux", "type": "Linux", "type_id": 200 },
    })
}

fn unmapped(finding: &Finding) -> Value {
    let mut ours = Map::new();
    set(&mut ours, "rule_source", Some(&finding.rule.source));
    set(&mut ours, "joined", finding.joined);
    if let Some(link) = finding.link() {
        let mut shown = json!({
            "kind": link.kind.name(),
            "reason": link.reason,
            "requests": record::requests(link),
        });
        if link.more > 0
            && let Some(shown) = shown.as_object_mut()
        {
            shown.insert("more".into(), link.more.into());
        }
        ours.insert("link".into(), shown);
        set(&mut ours, "request_id", link.request().map(|request| request.id.to_string()).as_deref());
        set(&mut ours, "trace_source", link.request().map(|request| request.trace.source.name()));
    }
    if !finding.losses.is_empty() {
        ours.insert("losses".into(), record::losses_json(&finding.losses));
    }
    let omitted = finding.evidence.len().saturating_sub(evidence::MOST);
    if omitted > 0 {
        ours.insert("evidence_omitted".into(), omitted.into());
    }
    ours.into()
}
