//! Redis, asked by its own benchmark.
use super::{
    loads::{CLIENT_CPU, Outcome, SERVER_CPU, on_cpu},
    place::{Place, free_port},
    sensor::Sensor,
    usage::cpu_ns,
};
use crate::process::{Process, output};
use anyhow::ensure;
use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

const READY_LIMIT: Duration = Duration::from_secs(10);
const STOP_LIMIT: Duration = Duration::from_secs(15);
const RUN_LIMIT: Duration = Duration::from_mins(2);
/// Of each kind.
const REQUESTS: u32 = 60_000;
const KINDS: [&str; 2] = ["get", "set"];

/// Time per request, and the server's CPU time per request.
pub(super) fn run(place: &Place, _: Option<&Sensor>) -> anyhow::Result<Outcome> {
    let (dir, port) = (place.folder("redis")?, free_port()?);
    let mut command = on_cpu(SERVER_CPU, "redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    let mut server = Process::start("redis", command.arg("--dir").arg(&dir), dir.join("log"))?;
    server.wait_until("ready", READY_LIMIT, || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
    let mut client = on_cpu(CLIENT_CPU, "redis-benchmark");
    client.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-n", &REQUESTS.to_string()]);
    client.args(["-t", &KINDS.join(","), "--csv"]);
    let (cpu, began) = (cpu_ns(server.pid())?, Instant::now());
    let printed = output("redis-benchmark", &mut client, &dir, RUN_LIMIT)?;
    let wall = began.elapsed().as_nanos() as f64;
    let cpu = cpu_ns(server.pid())? - cpu;
    ensure!(printed.lines().count() > KINDS.len(), "redis-benchmark said too little: {printed}");
    let ended = server.stop(STOP_LIMIT)?;
    ensure!(ended.success(), "redis-server ended with {ended}");
    let operations = f64::from(REQUESTS) * KINDS.len() as f64;
    Ok(Outcome { operations, values: vec![Some(wall / operations), Some(cpu / operations)] })
}
