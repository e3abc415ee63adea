//! Spans, findings and the sensor's own statements as records: semantic-convention names, redacted, bounded.
//!
//! Semantic conventions 1.44. Nothing that `model::redact` treats as a secret gets behind this module.
mod attributes;
mod audit;
pub(crate) mod file;
mod finding;
pub(crate) mod http;
mod process;
mod resource;
mod span;
pub(crate) mod system;
pub(crate) mod text;

use self::{attributes::Attributes, resource::Resources};
pub(crate) use self::{
    audit::as_json as losses_json,
    finding::requests,
    process::{ANCESTORS, command_line},
};
pub use self::{
    audit::{Statement, losses},
    finding::{EVENT_NAME, severity},
    text::timestamp,
};
use guardbee_model::{
    clock::WallOffset,
    finding::Finding,
    record::{Record, Resource},
    span::Span,
};
use std::sync::Arc;

/// The sensor as records name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `host.name`: the node.
    pub host: Box<str>,
    /// `service.instance.id` of the sensor: this run, as in `<node>/<boot id>`.
    pub instance: Box<str>,
    /// Version of the sensor.
    pub version: Box<str>,
}

/// Makes records in the name of one sensor.
#[derive(Clone, Debug)]
pub struct Encoder {
    pub(crate) identity: Identity,
    sensor: Arc<Resource>,
    traced: Resources,
    /// Of a span that is done with, for the next one.
    spare: Attributes,
}

impl Encoder {
    /// For this sensor.
    pub fn new(identity: Identity) -> Self {
        let sensor = Arc::new(resource::of_sensor(&identity));
        Self { identity, sensor, traced: Resources::default(), spare: Attributes::default() }
    }

    /// A span; its resource is the traced process.
    pub fn span(&mut self, span: &Span, offset: WallOffset) -> Record {
        let resource = self.traced.of(span.process.as_deref(), &self.identity);
        span::record(span, resource, offset, std::mem::take(&mut self.spare))
    }

    /// Takes back a record that is done with: the next span's attributes use its room.
    pub fn reuse(&mut self, record: Record) {
        self.spare = Attributes::within(record.attributes);
    }

    /// A finding; its resource is the sensor.
    pub fn finding(&self, finding: &Finding, offset: WallOffset) -> Record {
        finding::record(self, finding, offset)
    }

    /// What the sensor says of itself.
    pub fn audit(&self, statement: Statement, offset: WallOffset) -> Record {
        audit::record(statement, Arc::clone(&self.sensor), offset)
    }
}
