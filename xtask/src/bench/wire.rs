//! Delivery as operators have it: over mTLS to a real Collector, past a relay that counts the bytes as they are on the wire.
use super::{
    figure::{median, quantile},
    latency,
    place::{Place, free_port},
    records::{Losses, Tail, server_spans},
    sensor::{SHIPPED, Sensor},
    web,
};
use crate::process::{Process, output};
use anyhow::{Context as _, ensure};
use serde_json::json;
use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{sleep, spawn},
    time::Duration,
};

/// Where it was never built: minutes.
const BUILD_LIMIT: Duration = Duration::from_mins(10);
const READY_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(15);
const RATE: u32 = 5_000;
const SECONDS: u32 = 4;
/// By then everything that was sealed has been sent, and what the start left to do is done.
const SETTLE: Duration = Duration::from_secs(3);
/// In the configuration that the tests use the Collector waits for more. Here it must not: what is measured is the sensor.
const WAITS: [(&str, &str); 3] = [
    ("batch: { timeout: 100ms }", "batch: { timeout: 1ms }"),
    ("path: traces.jsonl }", "path: traces.jsonl, flush_interval: 1ms }"),
    ("path: logs.jsonl }", "path: logs.jsonl, flush_interval: 1ms }"),
];

/// A Collector behind a relay.
struct Receiver {
    collector: Process,
    dir: PathBuf,
    /// Of the relay.
    port: u16,
    /// From the sensor.
    bytes: Arc<AtomicU64>,
}

impl Receiver {
    fn start(place: &Place) -> anyhow::Result<Self> {
        let (dir, port) = (place.folder("collector")?, free_port()?);
        let mut setup = Command::new(place.root.join("tests/interop/otelcol/setup.sh"));
        let printed = output("setup", &mut setup, &dir, BUILD_LIMIT).context("build the Collector")?;
        let binary = printed.lines().last().context("the Collector's path")?;
        let pki = dir.join("pki");
        let mut script = Command::new(place.root.join("tests/interop/pki.sh"));
        output("pki", script.arg(&pki), &dir, READY_LIMIT).context("make certificates")?;
        let mut config = fs::read_to_string(place.root.join("tests/interop/otelcol/collector.yaml"))?;
        for (waits, waits_not) in WAITS {
            ensure!(config.contains(waits), "collector.yaml has no `{waits}` any more");
            config = config.replace(waits, waits_not);
        }
        let config = config.replace("@PORT@", &port.to_string()).replace("@PKI@", &pki.display().to_string());
        fs::write(dir.join("collector.yaml"), config)?;
        let mut command = Command::new(binary);
        command.args(["--config", "collector.yaml"]).current_dir(&dir);
        let mut collector = Process::start("collector", command, dir.join("log"))?;
        collector.wait_until("ready", READY_LIMIT, || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        let bytes = Arc::default();
        let port = relay(port, Arc::clone(&bytes))?;
        Ok(Self { collector, dir, port, bytes })
    }

    fn destination(&self) -> serde_json::Value {
        let pki = self.dir.join("pki");
        json!({
            "endpoint": format!("https://localhost:{}", self.port),
            "ca": pki.join("ca.crt"),
            "certificate": pki.join("client.crt"),
            "key": pki.join("client.key"),
        })
    }

    fn traces(&self) -> PathBuf {
        self.dir.join("traces.jsonl")
    }

    fn logs(&self) -> PathBuf {
        self.dir.join("logs.jsonl")
    }

    fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Spans and log records so far.
    fn records(&self) -> anyhow::Result<u64> {
        Ok(count(&self.traces(), "\"startTimeUnixNano\"")? + count(&self.logs(), "\"observedTimeUnixNano\"")?)
    }
}

fn count(path: &Path, word: &str) -> anyhow::Result<u64> {
    let mut found = 0;
    Tail::open(path)?.read(|line| found += line.matches(word).count() as u64)?;
    Ok(found)
}

/// Passes everything on to `port` and back, and counts what is passed on. It ends with the last connection's end.
fn relay(port: u16, bytes: Arc<AtomicU64>) -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("listen")?;
    let own = listener.local_addr()?.port();
    spawn(move || {
        for there in listener.incoming().flatten() {
            let Ok(here) = TcpStream::connect(("127.0.0.1", port)) else { break };
            let (Ok(there_too), Ok(here_too)) = (there.try_clone(), here.try_clone()) else { break };
            let bytes = Arc::clone(&bytes);
            spawn(move || pass(there, here, &bytes));
            spawn(move || pass(here_too, there_too, &AtomicU64::default()));
        }
    });
    Ok(own)
}

fn pass(mut from: TcpStream, mut to: TcpStream, bytes: &AtomicU64) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(got @ 1..) = from.read(&mut buffer) {
        bytes.fetch_add(got as u64, Ordering::Relaxed);
        if to.write_all(&buffer[..got]).is_err() {
            break;
        }
    }
    to.shutdown(Shutdown::Write).ok();
}

/// Spans: share delivered, CPU, bytes each on the wire and as JSON. Attacks: bytes of a record, share found, median and
/// 99th percentile of the way to the Collector's file.
pub(super) fn run(place: &Place) -> anyhow::Result<Vec<Option<f64>>> {
    let mut receiver = Receiver::start(place)?;
    let sensor = Sensor::start_with(place, SHIPPED, Some(receiver.destination()))?;
    sleep(SETTLE);
    let web = web::nginx(place)?;
    let (cpu, bytes) = (sensor.cpu_ns()?, receiver.bytes());
    let (run, _) = web.pace(place, RATE, SECONDS)?;
    let spans = server_spans(&receiver.traces(), &web.path, run.requests)?;
    sleep(SETTLE);
    let requests = run.requests as f64;
    let cpu = (sensor.cpu_ns()? - cpu) / requests;
    // The client's spans name the path as well.
    let all = count(&receiver.traces(), "\"startTimeUnixNano\"")? as f64;
    let on_the_wire = (receiver.bytes() - bytes) as f64 / all;
    let json = server_spans(&sensor.records(), &web.path, run.requests)?;
    web.stop()?;

    let (bytes, records) = (receiver.bytes(), receiver.records()?);
    let (waits, _) = latency::attacks(place, &receiver.logs())?;
    sleep(SETTLE);
    Losses::read(&sensor.records())?.print();
    let found = waits.len() as f64 / latency::ATTACKS as f64;
    let each = (receiver.bytes() - bytes) as f64 / (receiver.records()? - records).max(1) as f64;
    sensor.stop()?;
    receiver.collector.stop(STOP_LIMIT)?;
    Ok(vec![
        Some(spans.count() as f64 / requests),
        Some(cpu),
        Some(on_the_wire),
        (json.count() > 0).then(|| json.bytes as f64 / json.count() as f64),
        Some(each),
        Some(found),
        median(waits.clone()),
        quantile(waits, 0.99),
    ])
}
