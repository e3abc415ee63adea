//! What the back half of the sensor costs: `cargo bench -p guardbee-deliver`.
//!
//! Time is this thread's CPU time, the best of many rounds: on a busy machine it moves little. Bytes are exact and the same
//! everywhere.
mod story;

use flate2::{Compression, read::GzEncoder};
use guardbee_deliver::{
    Deliver, Otlp, Waiting, ocsf,
    otlp::{self, Encoded},
    record::Encoder,
    testing::{
        Server,
        sample::{self, OFFSET},
    },
};
use guardbee_model::{
    clock::{BootTime, WallTime},
    finding::Finding,
    record::{Record, Stream},
    span::Span,
};
use guardbee_seal::{Added, LossTotals, Origin, Params, Sealer, merkle};
use rustix::time::{ClockId, clock_gettime};
use std::{
    error::Error,
    hint::black_box,
    io::{Read as _, Write as _},
    time::Duration,
};
use tokio::runtime::Runtime;

const BATCH: u64 = 512;
const ROUNDS: u32 = 200;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn cpu_nanos() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// Nanoseconds of `work` for each of `count` things; what it is given is made outside the measurement.
fn nanos<T, R>(count: u64, mut make: impl FnMut() -> T, mut work: impl FnMut(T) -> R) -> u64 {
    let one = |_| {
        let input = make();
        let begin = cpu_nanos();
        let result = work(black_box(input));
        let took = cpu_nanos() - begin;
        drop(black_box(result));
        took
    };
    (0..ROUNDS).map(one).min().unwrap_or_default() / count
}

/// As tonic does it.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    GzEncoder::new(bytes, Compression::new(6)).read_to_end(&mut out).unwrap_or_default();
    out
}

fn requests(records: &[Record]) -> Vec<Vec<u8>> {
    let (spans, logs): (Vec<_>, Vec<_>) = records.iter().map(Encoded::new).partition(Encoded::is_span);
    [spans, logs].iter().filter(|records| !records.is_empty()).map(|records| otlp::request(records)).collect()
}

struct Bench {
    sealer: Sealer,
    losses: LossTotals,
}

impl Bench {
    /// Each record is sealed as it comes.
    fn seal(&mut self, stream: Stream, records: impl Iterator<Item = Record>) -> Outcome<Vec<Record>> {
        for record in records {
            if self.sealer.add(record) == Added::Dropped {
                return Err("a record was dropped".into());
            }
        }
        self.flush(stream)
    }

    fn flush(&mut self, stream: Stream) -> Outcome<Vec<Record>> {
        let mut sealed = Vec::new();
        self.sealer.flush(&[stream], (BootTime(1), WallTime(1)), &self.losses, &mut sealed)?;
        Ok(sealed)
    }

    /// Each span is sealed as it comes and given away.
    fn seal_spans(
        &mut self,
        encoder: &mut Encoder,
        spans: &[Span],
        mut done: impl FnMut(&Record),
    ) -> Outcome<Vec<Record>> {
        for span in spans {
            let mut record = encoder.span(span, OFFSET);
            if self.sealer.add_span(&mut record) == Added::Dropped {
                return Err("a span was dropped".into());
            }
            done(&record);
            encoder.reuse(record);
        }
        self.flush(Stream::Spans)
    }
}

fn of_spans(encoder: &mut Encoder, spans: &[Span]) -> Vec<Record> {
    spans.iter().map(|span| encoder.span(span, OFFSET)).collect()
}

fn of_findings(encoder: &Encoder, findings: &[Finding]) -> Vec<Record> {
    findings.iter().map(|finding| encoder.finding(finding, OFFSET)).collect()
}

fn row(cells: &[&str]) -> Outcome<()> {
    let mut out = std::io::stdout().lock();
    for (at, cell) in cells.iter().enumerate() {
        if at == 0 { write!(out, "{cell:<34}")? } else { write!(out, "{cell:>14}")? }
    }
    writeln!(out)?;
    Ok(())
}

fn times(bench: &mut Bench, spans: &[Span], findings: &[Finding]) -> Outcome<()> {
    row(&["CPU, ns for each", "span", "finding"])?;
    let (mut encoder, of_finding) = (sample::encoder(), sample::encoder());
    let few = findings.len() as u64;
    let say = |what: &str, of_spans: u64, of_findings: u64| {
        row(&[what, &of_spans.to_string(), &of_findings.to_string()])
    };
    let spans_alone = nanos(
        BATCH,
        || (),
        |()| {
            for span in spans {
                let record = encoder.span(span, OFFSET);
                encoder.reuse(black_box(record));
            }
        },
    );
    let findings_alone = nanos(few, || (), |()| of_findings(&of_finding, findings));
    say("record", spans_alone, findings_alone)?;
    // As the sensor does it: a record is sealed when it has just been made, and a span is encoded then, too.
    let mut failed = None;
    let whole_span = nanos(
        BATCH,
        || (),
        |()| bench.seal_spans(&mut encoder, spans, |_| ()).map_err(|error| failed = Some(error)),
    );
    let mut lines = Vec::new();
    let written_span = nanos(
        BATCH,
        || (),
        |()| {
            lines.clear();
            let write = |record: &Record| otlp::json::append(&mut lines, record);
            bench.seal_spans(&mut encoder, spans, write).map_err(|error| failed = Some(error))
        },
    );
    let mut waiting = Vec::new();
    let queued_span = nanos(
        BATCH,
        || (),
        |()| {
            waiting.clear();
            let queue = |record: &Record| waiting.push(Waiting::new(record));
            bench.seal_spans(&mut encoder, spans, queue).map_err(|error| failed = Some(error))
        },
    );
    let whole_finding = nanos(
        few,
        || (),
        |()| {
            let records = findings.iter().map(|finding| of_finding.finding(finding, OFFSET));
            bench.seal(Stream::Findings, records).map_err(|error| failed = Some(error))
        },
    );
    failed.map_or(Ok(()), Err)?;
    say("record and seal", whole_span, whole_finding)?;
    say("  the seal", whole_span.saturating_sub(spans_alone), whole_finding.saturating_sub(findings_alone))?;
    row(&["record, seal and JSON line", &written_span.to_string()])?;
    row(&["record, seal and OTLP", &queued_span.to_string()])?;
    let a = bench.seal(Stream::Spans, of_spans(&mut encoder, spans).into_iter())?;
    let b = bench.seal(Stream::Findings, of_findings(&of_finding, findings).into_iter())?;
    say("OTLP", nanos(BATCH, || (), |()| requests(&a)), nanos(few, || (), |()| requests(&b)))?;
    let zip = |requests: Vec<Vec<u8>>, count| {
        nanos(count, || (), |()| requests.iter().map(|request| gzip(request)).collect::<Vec<_>>())
    };
    say("gzip", zip(requests(&a), BATCH), zip(requests(&b), few))?;
    let mut buffer = Vec::new();
    let mut lines = |records: &[Record]| {
        buffer.clear();
        for record in records {
            otlp::json::append(&mut buffer, record);
        }
        black_box(buffer.len())
    };
    say("OTLP as JSON", nanos(BATCH, || (), |()| lines(&a)), nanos(few, || (), |()| lines(&b)))?;
    let ocsf = nanos(few, || (), |()| b.iter().map(ocsf::line).collect::<Vec<_>>());
    row(&["OCSF line", "-", &ocsf.to_string()])?;
    for size in [64, 512, 1024] {
        let leaf = vec![7_u8; size];
        let hash = nanos(1000, || (), |()| (0..1000).map(|_| merkle::leaf_hash(black_box(&leaf))).max());
        row(&[&format!("SHA-256 of {size} bytes, for comparison"), &hash.to_string()])?;
    }
    Ok(())
}

/// Bytes of HTTP/2 that a receiver gets for `records`, over a connection that is there already.
fn on_the_wire(records: &[Record]) -> Outcome<usize> {
    let (server, runtime) = (Server::start_plain(), Runtime::new()?);
    let endpoint = format!("http://{}", server.address);
    let otlp = Otlp { endpoint, insecure: true, ..Otlp::default() };
    let deliver = Deliver::start(&otlp, runtime.handle())?;
    let mut bytes = 0;
    for _ in 0..2 {
        let before = server.received().bytes;
        deliver.send_all(records.to_vec());
        if !deliver.flush(Duration::from_secs(20)) {
            return Err(format!("not delivered: {:?}", deliver.status()).into());
        }
        bytes = server.received().bytes - before;
    }
    Ok(bytes)
}

fn sizes(what: &str, bench: &mut Bench, stream: Stream, unsealed: &[Record]) -> Outcome<()> {
    for size in [1, 8, 64, 512] {
        let records = unsealed.get(..size).unwrap_or_default();
        // The manifest of the batch before is sent with this one: a second batch is what each costs from then on.
        bench.seal(stream, records.iter().cloned())?;
        let sealed = bench.seal(stream, records.iter().cloned())?;
        let each = |bytes: usize| (bytes / size).to_string();
        let sum = |requests: &[Vec<u8>]| requests.iter().map(Vec::len).sum::<usize>();
        let zipped = |requests: &[Vec<u8>]| requests.iter().map(|request| gzip(request).len()).sum::<usize>();
        let (bare, whole) = (requests(records), requests(&sealed));
        let lines: usize = sealed.iter().map(|record| otlp::json::line(record).len()).sum();
        let seal = zipped(&whole).saturating_sub(zipped(&bare));
        row(&[
            &format!("{what}, {size} at once"),
            &each(lines),
            &each(sum(&whole)),
            &each(zipped(&whole)),
            &each(seal),
            &each(on_the_wire(&sealed)?),
        ])?;
    }
    Ok(())
}

fn main() -> Outcome<()> {
    // Memory that was used once stays with the process, as in a sensor that has run for a while.
    drop(black_box(vec![1_u8; 30 << 20]));
    let origin = Origin::new("bench", "node", "boot");
    let sealer = Sealer::new(origin, None, Params::default(), (BootTime(0), WallTime(0)))?;
    let mut bench = Bench { sealer, losses: LossTotals::default() };
    bench.seal(Stream::Audit, std::iter::empty())?;
    let mut random = story::Random::new();
    let spans = story::spans(&mut random, BATCH);
    let findings = story::findings(&mut random, BATCH);
    times(&mut bench, &spans, findings.get(..64).unwrap_or_default())?;
    row(&[""])?;
    row(&["bytes for each", "JSON lines", "OTLP", "OTLP, gzip", "of which seal", "gRPC"])?;
    let mut encoder = sample::encoder();
    sizes("span", &mut bench, Stream::Spans, &of_spans(&mut encoder, &spans))?;
    sizes("finding", &mut bench, Stream::Findings, &of_findings(&encoder, &findings))?;
    let lines = of_findings(&encoder, &findings);
    let line: usize = lines.iter().map(|record| ocsf::line(record).len()).sum();
    row(&["finding, OCSF line without a seal", &(line / lines.len()).to_string()])?;
    let memory = of_spans(&mut encoder, &spans).iter().map(|span| Encoded::new(span).bound()).sum::<usize>();
    row(&["span in delivery's queue, at most", &(memory / spans.len()).to_string()])
}
