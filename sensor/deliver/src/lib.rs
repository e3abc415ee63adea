//! Delivery: records and findings to whoever wants them, without ever making the core wait.
//!
//! - [`record`] makes records of spans and findings: names by semantic conventions, redacted, bounded.
//! - [`ocsf`] and [`console`] make the other forms of a finding.
//! - [`Deliver`] queues sealed records in bounded lanes and sends them over OTLP/gRPC with mutual TLS.
//! - [`Lines`] appends lines to a file.
//!
//! The core calls functions that return at once; tokio tasks behind a queue do the waiting. What does not fit, or is refused,
//! is counted by cause and kind and comes back as `model::Loss`.
pub mod console;
pub mod ocsf;
pub mod otlp;
pub mod record;

mod client;
mod codec;
mod deliver;
mod digits;
mod endpoint;
mod error;
mod file;
mod queue;
mod retry;
#[cfg(feature = "testing")]
pub mod testing;
mod tls;
mod worker;

pub use self::{
    deliver::{Compression, Deliver, Otlp, Status},
    error::Error,
    file::Lines,
    queue::{Bound, Bounds, Fill, Waiting},
    retry::Backoff,
    tls::Files,
};
