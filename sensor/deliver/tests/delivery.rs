//! Records over mutual TLS to a strict receiver: taken, kept, refused, counted.
use guardbee_deliver::{
    Backoff, Bound, Bounds, Deliver, Files, Otlp,
    record::Statement,
    testing::{Answer, Authority, Leaf, Server, Trust, sample},
};
use guardbee_model::{clock::BootTime, record::Record, span::SpanKind};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tonic::Code;

const SOON: Duration = Duration::from_secs(20);

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

fn until(what: &str, deliver: &Deliver, condition: impl Fn(&guardbee_deliver::Status) -> bool) {
    let deadline = Instant::now() + SOON;
    while !condition(&deliver.status()) {
        assert!(Instant::now() < deadline, "{what}: {:?}", deliver.status());
        std::thread::yield_now();
    }
}

#[test]
fn spans_findings_and_statements_arrive() {
    let bench = Bench::new();
    let deliver = bench.start(&bench.otlp());
    deliver.send_all([span(), finding(), statement("one"), statement("two")]);
    assert!(deliver.flush(SOON), "{:?}", deliver.status());
    let received = bench.server.received();
    let (service, span) = &received.spans[0];
    assert_eq!((service.as_str(), span.name.as_str(), span.kind), ("unknown_service:python3", "POST", 2));
    assert_eq!(
        (span.trace_id.as_slice(), span.parent_span_id.as_slice()),
        ([0x4b; 16].as_slice(), [0x0a; 8].as_slice())
    );
    let finding = received.logs.iter().find(|log| log.event_name == "security.finding").unwrap();
    assert_eq!(
        (finding.trace_id.as_slice(), finding.span_id.as_slice()),
        ([0x4b; 16].as_slice(), [0xf0; 8].as_slice())
    );
    assert_eq!((finding.severity_number, finding.flags), (17, 1));
    assert_eq!(received.logs.len(), 3);
    let status = deliver.status();
    assert!(status.connected_for.is_some() && status.error.is_none() && status.lost.is_empty(), "{status:?}");
    assert_eq!((status.delivered, status.certificate_not_after), (4, Some(4_102_444_800)));
}
