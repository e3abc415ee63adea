//! Web servers on one CPU, asked over keep-alive connections from another: at full speed by wrk, at a fixed rate by our own pacer.
use super::{
    loads::{CLIENT_CPU, Outcome, SERVER_CPU, on_cpu},
    place::{Place, free_port},
    records::server_spans,
    sensor::Sensor,
    usage::cpu_ns,
};
use crate::process::{Process, children, output, wait_for};
use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

const READY_LIMIT: Duration = Duration::from_secs(10);
const STOP_LIMIT: Duration = Duration::from_secs(15);
const BUILD_LIMIT: Duration = Duration::from_mins(2);
const RUN_LIMIT: Duration = Duration::from_mins(1);
const FULL_SPEED_SECONDS: u32 = 3;
const PACED_SECONDS: u32 = 3;
const CONNECTIONS: u32 = 16;
/// As long as nginx's own welcome page.
const PAGE_BYTES: usize = 612;

/// A started server.
pub(super) struct Web {
    process: Process,
    /// Does the work.
    worker: u32,
    port: u16,
    dir: PathBuf,
    /// Asked for in this run only, so that its spans are known.
    pub(super) path: String,
    /// The number of requests in what it answers to /count, and whether asking is one.
    counted: fn(&str) -> Option<u64>,
    counts_itself: bool,
}

/// What a run of requests came to.
pub(super) struct Run {
    /// By the server's own count.
    pub(super) requests: u64,
    worker_cpu_ns: f64,
    wall_ns: f64,
    /// What the client printed.
    printed: String,
}

/// nginx: one worker, a static file.
pub(super) fn nginx(place: &Place) -> anyhow::Result<Web> {
    let (dir, port) = (place.folder("nginx")?, free_port()?);
    fs::write(dir.join("page.html"), "x".repeat(PAGE_BYTES))?;
    let config = format!(
        "daemon off; pid {0}/pid; error_log {0}/log; worker_processes 1; user root;
         events {{ worker_connections 256; }}
         http {{
           access_log off; sendfile on; keepalive_requests 100000000;
           client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/fastcgi;
           uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi;
           server {{
             listen 127.0.0.1:{port};
             location = /count {{ stub_status; }}
             location / {{ root {0}; rewrite ^ /page.html break; }}
           }}
         }}\n",
        dir.display()
    );
    fs::write(dir.join("conf"), config)?;
    let mut command = on_cpu(SERVER_CPU, "nginx");
    command.arg("-e").arg(dir.join("log")).arg("-c").arg(dir.join("conf"));
    let mut web = Web::start(&mut command, dir, port, |page| {
        // "server accepts handled requests", and these numbers below.
        let numbers = page.lines().skip_while(|line| !line.starts_with("server accepts")).nth(1)?;
        numbers.split_whitespace().nth(2)?.parse().ok()
    })?;
    let master = web.process.pid();
    wait_for(READY_LIMIT, || !children(master).is_empty());
    web.worker = *children(master).first().context("nginx has no worker")?;
    web.counts_itself = true;
    Ok(web)
}

/// Go's own server.
pub(super) fn go(place: &Place) -> anyhow::Result<Web> {
    let (dir, port, built) = (place.folder("go")?, free_port()?, place.built("go-server"));
    if !built.exists() {
        let mut command = Command::new("go");
        command.args(["build", "-o"]).arg(&built).arg(".").current_dir(place.root.join("tests/load/go"));
        output("go", &mut command, &dir, BUILD_LIMIT).context("build tests/load/go")?;
    }
    let mut command = on_cpu(SERVER_CPU, built);
    Web::start(command.env("PORT", port.to_string()), dir, port, |page| page.trim().parse().ok())
}

impl Web {
    fn start(
        command: &mut Command,
        dir: PathBuf,
        port: u16,
        counted: fn(&str) -> Option<u64>,
    ) -> anyhow::Result<Self> {
        let mut process = Process::start("server", command, dir.join("said"))?;
        process.wait_until("ready", READY_LIMIT, || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        let (worker, path) = (process.pid(), format!("/bench-{port}-{}", std::process::id()));
        Ok(Self { process, worker, port, dir, path, counted, counts_itself: false })
    }

    /// Requests so far; this one is not counted.
    fn count(&self) -> anyhow::Result<u64> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(READY_LIMIT))?;
        stream.write_all(b"GET /count HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, page) = answer.split_once("\r\n\r\n").context("the server's answer to /count")?;
        let requests = (self.counted)(page).with_context(|| format!("the server counts {page:?}"))?;
        Ok(requests - u64::from(self.counts_itself))
    }

    fn run(&self, name: &'static str, client: &mut Command) -> anyhow::Result<Run> {
        let (cpu, before, began) = (cpu_ns(self.worker)?, self.count()?, Instant::now());
        let printed = output(name, client, &self.dir, RUN_LIMIT)?;
        let wall_ns = began.elapsed().as_nanos() as f64;
        let worker_cpu_ns = cpu_ns(self.worker)? - cpu;
        // The first count is a request to the second.
        let requests = self.count()?.saturating_sub(before + u64::from(self.counts_itself));
        ensure!(requests > 0, "the server was asked nothing: {printed}");
        Ok(Run { requests, worker_cpu_ns, wall_ns, printed })
    }

    /// Of the server's requests, the share that was delivered as spans.
    fn captured(&self, run: &Run, sensor: Option<&Sensor>) -> anyhow::Result<Option<f64>> {
        let Some(sensor) = sensor else { return Ok(None) };
        let spans = server_spans(&sensor.records(), &self.path, run.requests)?;
        ensure!(spans.twice == 0, "{} spans were delivered more than once", spans.twice);
        Ok(Some(spans.count() as f64 / run.requests as f64))
    }

    /// Asks so often a second, for that long.
    pub(super) fn pace(&self, place: &Place, rate: u32, seconds: u32) -> anyhow::Result<(Run, Value)> {
        let mut command = on_cpu(CLIENT_CPU, place.built("pace"));
        command.args([self.port.into(), rate, seconds, CONNECTIONS].map(|number| number.to_string()));
        let run = self.run("pace", command.arg(&self.path))?;
        let printed: Value = serde_json::from_str(&run.printed).context("read what pace printed")?;
        ensure!(printed["failed"] == 0, "the server answered other than 200: {printed}");
        Ok((run, printed))
    }

    /// Ends it. One that SIGTERM ends, as Go's, ends as it should.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        self.process.stop(STOP_LIMIT).map(drop)
    }
}

/// Between two moments, the sensor's CPU time per request; its part that comes after the requests included.
fn sensor_cpu(sensor: Option<&Sensor>, before: Option<f64>, requests: u64) -> anyhow::Result<Option<f64>> {
    let after = sensor.map(Sensor::cpu_ns).transpose()?;
    Ok(after.zip(before).map(|(after, before)| (after - before) / requests as f64))
}

/// CPU per request, requests per second, the sensor's CPU per request, captured share.
pub(super) fn full_speed(place: &Place, sensor: Option<&Sensor>) -> anyhow::Result<Outcome> {
    let web = nginx(place)?;
    let before = sensor.map(Sensor::cpu_ns).transpose()?;
    let mut wrk = on_cpu(CLIENT_CPU, "wrk");
    wrk.args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{FULL_SPEED_SECONDS}s")]);
    let run = web.run("wrk", wrk.arg(format!("http://127.0.0.1:{}{}", web.port, web.path)))?;
    let captured = web.captured(&run, sensor)?;
    let values = vec![
        Some(run.worker_cpu_ns / run.requests as f64),
        Some(run.requests as f64 / (run.wall_ns / 1e9)),
        sensor_cpu(sensor, before, run.requests)?,
        captured,
    ];
    web.stop()?;
    Ok(Outcome { operations: run.requests as f64, values })
}

/// CPU per request, median and 99th percentile of latency, the sensor's CPU per request, captured share.
pub(super) fn paced(
    place: &Place,
    server: fn(&Place) -> anyhow::Result<Web>,
    rate: u32,
    sensor: Option<&Sensor>,
) -> anyhow::Result<Outcome> {
    let web = server(place)?;
    let before = sensor.map(Sensor::cpu_ns).transpose()?;
    let (run, printed) = web.pace(place, rate, PACED_SECONDS)?;
    ensure!(printed["answered"] == printed["sent"], "the server did not answer all: {printed}");
    let captured = web.captured(&run, sensor)?;
    let values = vec![
        Some(run.worker_cpu_ns / run.requests as f64),
        printed["p50_ns"].as_f64(),
        printed["p99_ns"].as_f64(),
        sensor_cpu(sensor, before, run.requests)?,
        captured,
    ];
    web.stop()?;
    Ok(Outcome { operations: run.requests as f64, values })
}
