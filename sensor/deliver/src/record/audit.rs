//! The sensor's statements about itself: starts, losses, gaps, rules loaded.
use super::text;
use guardbee_model::{
    clock::{BootTime, WallOffset},
    id::{SpanId, TraceId},
    loss::Loss,
    record::{Record, Resource, Shape, Stream, Value},
};
use serde_json::json;
use std::{borrow::Cow, sync::Arc};

/// OTLP's severity number for what is as it should be.
const INFO: u8 = 9;
/// For what is worse than it should be.
const WARN: u8 = 13;

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Event name, such as `guardbee.start`.
    pub event: &'static str,
    /// When it was so.
    pub time: BootTime,
    /// OTLP severity number.
    pub severity: u8,
    /// A sentence for people.
    pub body: String,
    /// The facts.
    pub attributes: Vec<(Cow<'static, str>, Value)>,
}

impl Statement {
    /// Something happened as it should.
    pub fn info(event: &'static str, time: BootTime, body: impl Into<String>) -> Self {
        Self { event, time, severity: INFO, body: body.into(), attributes: Vec::new() }
    }

    /// Something is worse than it should be.
    pub fn warning(event: &'static str, time: BootTime, body: impl Into<String>) -> Self {
        Self { severity: WARN, ..Self::info(event, time, body) }
    }
}

/// Losses as one statement; [`None`]: there were none.
pub fn losses(losses: &[Loss], time: BootTime) -> Option<Statement> {
    if losses.is_empty() {
        return None;
    }
    let total = losses.iter().fold(0_u64, |sum, loss| sum.saturating_add(loss.count));
    let mut statement = Statement::warning("guardbee.loss", time, format!("{total} events or records lost"));
    statement.attributes = vec![
        ("guardbee.loss.total".into(), i64::try_from(total).unwrap_or(i64::MAX).into()),
        ("guardbee.losses".into(), as_json(losses).to_string().into()),
    ];
    Some(statement)
}

/// The form of losses in records.
pub(crate) fn as_json(losses: &[Loss]) -> serde_json::Value {
    losses
        .iter()
        .map(|loss| {
            json!({
                "stage": loss.stage.name(),
                "cause": loss.cause,
                "kind": loss.kind,
                "count": loss.count,
                "from": loss.from.0,
                "to": loss.to.0,
            })
        })
        .collect()
}

pub(super) fn record(statement: Statement, resource: Arc<Resource>, offset: WallOffset) -> Record {
    let time = offset.wall(statement.time);
    Record {
        stream: Stream::Audit,
        shape: Shape::Log { severity: statement.severity },
        name: statement.event.into(),
        trace: TraceId::default(),
        span: SpanId::default(),
        parent: SpanId::default(),
        start: time,
        end: time,
        body: text::bounded(&statement.body).into(),
        attributes: statement.attributes,
        resource,
    }
}
