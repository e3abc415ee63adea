//! CPU time that processes have used.
use anyhow::Context as _;
use nix::{
    time::{clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};
use std::time::Duration;

/// User and system time of a process, ns; threads that have ended included.
pub(super) fn cpu_ns(pid: u32) -> anyhow::Result<f64> {
    let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(pid)?));
    let time = clock.and_then(clock_gettime).with_context(|| format!("read the CPU clock of {pid}"))?;
    Ok(Duration::from(time).as_nanos() as f64)
}
