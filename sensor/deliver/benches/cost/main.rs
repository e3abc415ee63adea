//! What the back half of the sensor costs: `cargo bench -p guardbee-deliver`.
//!
//! Time is this thread's CPU time, the best of many rounds: on a busy machine it moves little. Bytes are exact and the same
//! everywhere.
mod story;

use flate2::{Compression, read::GzEncoder};
use guardbee_deliver::{
    ocsf,
    otlp::{self, Encoded},
    record::Encoder,
    testing::sample::{self, OFFSET},
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
};

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
    encoder: Encoder,
    losses: LossTotals,
}

impl Bench {
    fn seal(&mut self, stream: Stream, records: Vec<Record>) -> Outcome<Vec<Record>> {
        for record in records {
            if self.sealer.add(record) == Added::Dropped {
                return Err("a record was dropped".into());
            }
        }
        Ok(self.sealer.flush(&[stream], (BootTime(1), WallTime(1)), &self.losses)?)
    }

    fn spans(&self, spans: &[Span]) -> Vec<Record> {
        spans.iter().map(|span| self.encoder.span(span, OFFSET)).collect()
    }

    fn findings(&self, findings: &[Finding]) -> Vec<Record> {
        findings.iter().map(|finding| self.encoder.finding(finding, OFFSET)).collect()
    }
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
    let (a, b) = (bench.spans(spans), bench.findings(findings));
    let few = findings.len() as u64;
    let say = |what: &str, of_spans: u64, of_findings: u64| {
        row(&[what, &of_spans.to_string(), &of_findings.to_string()])
    };
    say(
        "record",
        nanos(BATCH, || (), |()| bench.spans(spans)),
        nanos(few, || (), |()| bench.findings(findings)),
    )?;
    let mut failed = None;
    let mut seal = |bench: &mut Bench, stream, records: &Vec<Record>, count| {
        nanos(
            count,
            || records.clone(),
            |records| bench.seal(stream, records).map_err(|error| failed = Some(error)),
        )
    };
    let of_spans = seal(bench, Stream::Spans, &a, BATCH);
    let of_findings = seal(bench, Stream::Findings, &b, few);
    failed.map_or(Ok(()), Err)?;
    say("seal (add, flush)", of_spans, of_findings)?;
    let leaf = [7_u8; 900];
    let hashes = vec![merkle::leaf_hash(&leaf); 512];
    let hash = nanos(
        BATCH,
        || (),
        |()| hashes.iter().map(|_| merkle::leaf_hash(black_box(&leaf))).collect::<Vec<_>>(),
    );
    let root = nanos(BATCH, || (), |()| merkle::root(&hashes));
    row(&["  of which hash of 900 bytes", &hash.to_string()])?;
    row(&["  of which Merkle root", &root.to_string()])?;
    let (a, b) = (bench.seal(Stream::Spans, a)?, bench.seal(Stream::Findings, b)?);
    say("OTLP", nanos(BATCH, || (), |()| requests(&a)), nanos(few, || (), |()| requests(&b)))?;
    let zip = |requests: Vec<Vec<u8>>, count| {
        nanos(count, || (), |()| requests.iter().map(|request| gzip(request)).collect::<Vec<_>>())
    };
    say("gzip", zip(requests(&a), BATCH), zip(requests(&b), few))?;
    let lines = |records: &[Record]| records.iter().map(otlp::json::line).collect::<Vec<_>>();
    say("OTLP as JSON", nanos(BATCH, || (), |()| lines(&a)), nanos(few, || (), |()| lines(&b)))?;
    let line = |finding: &Finding| ocsf::line(finding, sample::identity(), OFFSET, b.first());
    let ocsf = nanos(few, || (), |()| findings.iter().map(line).collect::<Vec<_>>());
    row(&["OCSF line", "-", &ocsf.to_string()])
}

fn sizes(what: &str, bench: &mut Bench, stream: Stream, unsealed: &[Record]) -> Outcome<()> {
    for size in [1, 8, 64, 512] {
        let records = unsealed.get(..size).unwrap_or_default();
        // The manifest of the batch before is sent with this one: a second batch is what each costs from then on.
        bench.seal(stream, records.to_vec())?;
        let sealed = bench.seal(stream, records.to_vec())?;
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
        ])?;
    }
    Ok(())
}

fn main() -> Outcome<()> {
    let origin = Origin::new("bench", "node", "boot");
    let sealer = Sealer::new(origin, None, Params::default(), (BootTime(0), WallTime(0)))?;
    let mut bench = Bench { sealer, encoder: sample::encoder(), losses: LossTotals::default() };
    bench.seal(Stream::Audit, Vec::new())?;
    let mut random = story::Random::new();
    let spans = story::spans(&mut random, BATCH);
    let findings = story::findings(&mut random, BATCH);
    times(&mut bench, &spans, findings.get(..64).unwrap_or_default())?;
    row(&[""])?;
    row(&["bytes for each", "JSON lines", "OTLP", "OTLP, gzip", "of which seal"])?;
    let (of_spans, of_findings) = (bench.spans(&spans), bench.findings(&findings));
    sizes("span", &mut bench, Stream::Spans, &of_spans)?;
    sizes("finding", &mut bench, Stream::Findings, &of_findings)?;
    let line: usize =
        findings.iter().map(|finding| ocsf::line(finding, sample::identity(), OFFSET, None).len()).sum();
    row(&["finding, OCSF line without a seal", &(line / findings.len()).to_string()])?;
    row(&["record in memory", &size_of::<Record>().to_string()])
}
