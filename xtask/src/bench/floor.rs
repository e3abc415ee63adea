//! The empty-hook floor: programs that do nothing at the sensor's hooks (tests/load/floor.c).
use super::place::Place;
use crate::process::Process;
use std::{process::Command, time::Duration};

const READY_LIMIT: Duration = Duration::from_secs(20);

/// The sensor's list tracepoint-6.3: `bpf/process`, `bpf/net`.
const HOOKS: [&str; 6] = [
    "sched_process_fork",
    "sched_process_exec",
    "sched_process_exit",
    "inet_sock_set_state",
    "sock_send_length",
    "sock_recv_length",
];

/// Attaches the empty programs; they are attached as long as the process lives.
pub(super) fn attach(place: &Place) -> anyhow::Result<Process> {
    let mut command = Command::new(place.built("floor"));
    let mut floor = Process::start("floor", command.args(HOOKS), place.folder("floor")?.join("log"))?;
    floor.wait_until_said("ready", READY_LIMIT)?;
    Ok(floor)
}
