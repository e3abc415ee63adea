//! The empty-hook floor: programs that do nothing at the sensor's hooks; and the kernel's clock for programs (tests/load/floor.c).
use super::{place::Place, sensor::Sensor};
use crate::process::Process;
use std::{process::Command, time::Duration};

const READY_LIMIT: Duration = Duration::from_secs(20);

/// Where the sensor attaches programs on this kernel for these rules: its own word, so that the floor is of the same hooks.
pub(super) fn hooks(place: &Place, pack: &str) -> anyhow::Result<Vec<String>> {
    let sensor = Sensor::start_with(place, pack, None)?;
    let hooks = sensor.programs()?.into_keys().collect();
    sensor.stop()?;
    Ok(hooks)
}

/// Attaches empty programs; they are attached as long as the process lives.
pub(super) fn attach(place: &Place, hooks: &[String]) -> anyhow::Result<Process> {
    hold(place, hooks)
}

/// Has the kernel measure the run time of programs, as long as the process lives.
pub(super) fn measure_times(place: &Place) -> anyhow::Result<Process> {
    hold(place, &["--times".to_owned()])
}

fn hold(place: &Place, words: &[String]) -> anyhow::Result<Process> {
    let mut command = Command::new(place.built("floor"));
    let mut floor = Process::start("floor", command.args(words), place.folder("floor")?.join("log"))?;
    floor.wait_until_said("ready", READY_LIMIT)?;
    Ok(floor)
}
