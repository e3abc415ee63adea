//! nginx: one worker, keep-alive, a static file; asked at full speed by wrk, at a fixed rate by our own pacer.
use super::{
    loads::Values,
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
const RUN_LIMIT: Duration = Duration::from_mins(1);
const FULL_SPEED_SECONDS: u32 = 3;
const PACED_SECONDS: u32 = 4;
const RATE: u32 = 5_000;
const CONNECTIONS: u32 = 16;
/// As long as nginx's own welcome page.
const PAGE_BYTES: usize = 612;

/// A started nginx.
struct Web {
    process: Process,
    worker: u32,
    port: u16,
    dir: PathBuf,
    /// Asked for in this run only, so that its spans are known.
    path: String,
}

/// What a run of requests came to.
struct Run {
    /// By the server's own count.
    requests: u64,
    worker_cpu_ns: f64,
    wall_ns: f64,
    /// Of the sensor, while the requests were made.
    sensor_cpu_ns: Option<f64>,
    /// What the client printed.
    printed: String,
}

impl Web {
    fn start(place: &Place) -> anyhow::Result<Self> {
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
        let mut command = Command::new("nginx");
        command.arg("-e").arg(dir.join("log")).arg("-c").arg(dir.join("conf"));
        let mut process = Process::start("nginx", command, dir.join("said"))?;
        process.wait_until("ready", READY_LIMIT, || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        let master = process.pid();
        wait_for(READY_LIMIT, || !children(master).is_empty());
        let worker = *children(master).first().context("nginx has no worker")?;
        let path = format!("/bench-{port}-{}", std::process::id());
        Ok(Self { process, worker, port, dir, path })
    }

    /// Requests so far; this one is not counted.
    fn count(&self) -> anyhow::Result<u64> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(READY_LIMIT))?;
        stream.write_all(b"GET /count HTTP/1.0\r\n\r\n")?;
        let mut page = String::new();
        stream.read_to_string(&mut page)?;
        // "server accepts handled requests", and these numbers below.
        let numbers = page.lines().skip_while(|line| !line.starts_with("server accepts")).nth(1);
        let requests = numbers.and_then(|line| line.split_whitespace().nth(2)).context("nginx's count")?;
        Ok(requests.parse::<u64>()? - 1)
    }

    fn run(&self, name: &'static str, client: &mut Command, sensor: Option<&Sensor>) -> anyhow::Result<Run> {
        let sensor_cpu = || sensor.map(Sensor::cpu_ns).transpose();
        let sensor_before = sensor_cpu()?;
        let (cpu, before, began) = (cpu_ns(self.worker)?, self.count()?, Instant::now());
        let printed = output(name, client, &self.dir, RUN_LIMIT)?;
        let wall_ns = began.elapsed().as_nanos() as f64;
        let worker_cpu_ns = cpu_ns(self.worker)? - cpu;
        let sensor_cpu_ns = sensor_cpu()?.zip(sensor_before).map(|(after, before)| after - before);
        let requests = self.count()?.saturating_sub(before + 1); // the first count is a request to the second
        ensure!(requests > 0, "nginx was asked nothing: {printed}");
        Ok(Run { requests, worker_cpu_ns, wall_ns, sensor_cpu_ns, printed })
    }

    /// Of the server's requests, the share that was delivered as spans.
    fn captured(&self, run: &Run, sensor: Option<&Sensor>) -> anyhow::Result<Option<f64>> {
        let Some(sensor) = sensor else { return Ok(None) };
        let spans = server_spans(&sensor.records(), &self.path, run.requests)?;
        for (what, count) in &spans.losses {
            println!("   the sensor says that it lost {count}: {what}");
        }
        Ok(Some(spans.count as f64 / run.requests as f64))
    }
}

impl Run {
    fn cpu_per_request(&self) -> f64 {
        self.worker_cpu_ns / self.requests as f64
    }

    fn sensor_cpu_per_request(&self) -> Option<f64> {
        Some(self.sensor_cpu_ns? / self.requests as f64)
    }
}

/// CPU per request, time per request, the sensor's CPU per request, captured share.
pub(super) fn full_speed(place: &Place, sensor: Option<&Sensor>) -> anyhow::Result<Values> {
    let mut web = Web::start(place)?;
    let mut wrk = Command::new("wrk");
    wrk.args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{FULL_SPEED_SECONDS}s")]);
    let run = web.run("wrk", wrk.arg(format!("http://127.0.0.1:{}{}", web.port, web.path)), sensor)?;
    let figures = vec![
        Some(run.cpu_per_request()),
        Some(run.wall_ns / run.requests as f64),
        run.sensor_cpu_per_request(),
        web.captured(&run, sensor)?,
    ];
    web.process.stop(STOP_LIMIT)?;
    Ok(figures)
}

/// CPU per request, median and 99th percentile of latency, the sensor's CPU per request, captured share.
pub(super) fn paced(place: &Place, sensor: Option<&Sensor>) -> anyhow::Result<Values> {
    let mut web = Web::start(place)?;
    let run = web.run("pace", &mut web.pacer(place), sensor)?;
    let printed: Value = serde_json::from_str(&run.printed).context("read what pace printed")?;
    ensure!(printed["failed"] == 0, "nginx answered other than 200: {printed}");
    let figures = vec![
        Some(run.cpu_per_request()),
        printed["p50_ns"].as_f64(),
        printed["p99_ns"].as_f64(),
        run.sensor_cpu_per_request(),
        web.captured(&run, sensor)?,
    ];
    web.process.stop(STOP_LIMIT)?;
    Ok(figures)
}

impl Web {
    fn pacer(&self, place: &Place) -> Command {
        let mut command = Command::new(place.built("pace"));
        command.args([self.port.into(), RATE, PACED_SECONDS, CONNECTIONS].map(|number| number.to_string()));
        command.arg(&self.path);
        command
    }
}

/// Has requests made and gives the mean size of their spans, OTLP JSON.
pub(super) fn span_bytes(place: &Place, sensor: &Sensor) -> anyhow::Result<Option<f64>> {
    let mut web = Web::start(place)?;
    let run = web.run("pace", &mut web.pacer(place), Some(sensor))?;
    let spans = server_spans(&sensor.records(), &web.path, run.requests)?;
    web.process.stop(STOP_LIMIT)?;
    Ok((spans.count > 0).then(|| spans.bytes as f64 / spans.count as f64))
}
