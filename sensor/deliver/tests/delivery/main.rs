//! Records over mutual TLS to a strict receiver.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a panic is how a test fails; how many cases there are is printed"
)]
mod credentials;
mod exchange;
mod settings;

use guardbee_deliver::{
    Backoff, Deliver, Files, Otlp, Status,
    record::Statement,
    testing::{Authority, Leaf, Server, Trust, sample},
};
use guardbee_model::{clock::BootTime, record::Record, span::SpanKind};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The deadline of whatever must happen.
const SOON: Duration = Duration::from_secs(20);

/// A receiver that wants certificates of one authority, and a folder with such ones.
struct Bench {
    runtime: Runtime,
    folder: TempDir,
    authority: Authority,
    server: Server,
}

impl Bench {
    fn new() -> Self {
        let authority = Authority::new("one");
        let identity = authority.issue(&Leaf::localhost());
        let server = Server::start(&identity, &Trust { clients: Some(&authority), crls: vec![] });
        Self::with(authority, server)
    }

    fn with(authority: Authority, server: Server) -> Self {
        Self { runtime: Runtime::new().unwrap(), folder: tempfile::tempdir().unwrap(), authority, server }
    }

    fn otlp(&self) -> Otlp {
        let (certificate, key) = self.authority.issue(&Leaf::localhost()).write(self.folder.path(), "client");
        let ca = self.authority.write(self.folder.path(), "ca");
        Otlp {
            endpoint: format!("https://localhost:{}", self.server.address.port()),
            files: Files { ca, certificate, key, crls: vec![] },
            backoff: Backoff { first: Duration::from_millis(20), longest: Duration::from_millis(50) },
            watch: Duration::from_millis(50),
            ..Otlp::default()
        }
    }

    fn start(&self, otlp: &Otlp) -> Deliver {
        Deliver::start(otlp, self.runtime.handle()).unwrap()
    }
}

fn span() -> Record {
    sample::encoder().span(&sample::span(SpanKind::Server, 200), sample::OFFSET)
}

fn finding() -> Record {
    sample::encoder().finding(&sample::finding(), sample::OFFSET)
}

fn statement(body: &str) -> Record {
    sample::encoder().audit(Statement::info("guardbee.test", BootTime(1), body), sample::OFFSET)
}

/// Waits for a state of delivery.
fn until(deliver: &Deliver, what: &str, condition: impl Fn(&Status) -> bool) {
    let deadline = Instant::now() + SOON;
    while !condition(&deliver.status()) {
        assert!(Instant::now() < deadline, "{what}: {:#?}", deliver.status());
        std::thread::yield_now();
    }
}

/// Waits until the last error says this.
fn until_error(deliver: &Deliver, said: &str) {
    until(deliver, said, |status| status.error.as_ref().is_some_and(|error| error.contains(said)));
    println!("cases: 1");
}
