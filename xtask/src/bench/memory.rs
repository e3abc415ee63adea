//! Memory: at start, idle, under load, and after many processes have come and gone; and what idling costs.
use super::{loads::execs, place::Place, sensor::Sensor, web};
use anyhow::Context as _;
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

/// What the start left to do.
const SETTLE: Duration = Duration::from_secs(2);
const IDLE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(200);
const RATE: u32 = 5_000;
const SECONDS: u32 = 6;

/// Start: CPU, peak; idle: memory, wake-ups, CPU; loaded: memory, and the maps' part.
pub(super) fn run(place: &Place) -> anyhow::Result<Vec<Option<f64>>> {
    let sensor = Sensor::start(place)?;
    let start_cpu = sensor.cpu_ns()?;
    sleep(SETTLE);
    let peak = sensor.peak()?;
    let (wakeups, idle_cpu) = idle(&sensor);
    let idle = sensor.memory()?;
    let loaded = loaded(place, &sensor)?;
    let maps = sensor.map_bytes() as f64;
    sensor.stop()?;
    Ok([start_cpu, peak, idle, wakeups, idle_cpu, loaded, maps].map(Some).into())
}

/// A second of doing nothing: wake-ups, CPU time in ns.
fn idle(sensor: &Sensor) -> (f64, f64) {
    let (before, began) = (sensor.threads(), Instant::now());
    sleep(IDLE);
    let seconds = began.elapsed().as_secs_f64();
    let (mut all_wakeups, mut all_cpu) = (0.0, 0.0);
    for (name, after) in sensor.threads() {
        let before = before.get(&name).copied().unwrap_or_default();
        let wakeups = after.wakeups.saturating_sub(before.wakeups) as f64 / seconds;
        println!("   idle: {name} is woken {wakeups:.1} times a second");
        all_wakeups += wakeups;
        all_cpu += (after.cpu_ns - before.cpu_ns) / seconds;
    }
    (all_wakeups, all_cpu)
}

/// The most while requests and execs are made at once.
fn loaded(place: &Place, sensor: &Sensor) -> anyhow::Result<f64> {
    let web = web::nginx(place)?;
    let done = AtomicBool::new(false);
    let most = std::thread::scope(|scope| {
        let watch = scope.spawn(|| -> anyhow::Result<f64> {
            let mut most = sensor.memory()?;
            while !done.load(Ordering::Relaxed) {
                sleep(LOOK);
                most = most.max(sensor.memory()?);
            }
            Ok(most)
        });
        let loads = execs(place, 2_000)
            .and_then(|_| web.pace(place, RATE, SECONDS))
            .and_then(|_| execs(place, 2_000));
        done.store(true, Ordering::Relaxed);
        let most = watch.join().map_err(|_| anyhow::anyhow!("the watch panicked"))?;
        loads.and(most)
    })?;
    web.stop()?;
    Ok(most)
}

/// Execs, one after the other. A million would take a quarter of an hour, and say the same: whatever grows with processes is bounded
/// by 65,536 entries or less (the process table in the pipeline, which drops the ended ones sooner; 32,768 in the kernel's maps), so
/// that all of it has been filled and emptied before the second step. Between that and the last one only a leak grows.
const STEPS: [u32; 3] = [10_000, 50_000, 100_000];

/// After the first execs; and how many times that after the last, and after the last to after the second.
pub(super) fn churn(place: &Place) -> anyhow::Result<Vec<Option<f64>>> {
    let sensor = Sensor::start(place)?;
    let (mut made, mut memory) = (0, Vec::new());
    for step in STEPS {
        execs(place, step - made).with_context(|| format!("{} execs", step - made))?;
        made = step;
        sleep(SETTLE);
        memory.push(sensor.memory()?);
    }
    sensor.stop()?;
    let [first, second, last] = memory[..] else { return Ok(Vec::new()) };
    Ok(vec![Some(first), Some(last / first), Some(last / second)])
}
