//! Keeps the kernel half attached and its rings drained until standard input ends: for measuring what it costs.
//!
//! `hold 6.3` or `hold 5.10`; prints what the kernel refuses, `ready`, and at the end what was produced and lost.
#![expect(clippy::print_stdout, reason = "a tool for the terminal")]
use guardbee_bpf::{HookList, Kernel, Options};
use libbpf_rs::{MapHandle, MapInfo, RingBufferBuilder};
use std::{
    error::Error as StdError,
    io::Read as _,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

fn main() -> Result<(), Box<dyn StdError>> {
    let hooks = match std::env::args().nth(1).as_deref() {
        Some("5.10") => HookList::Tracepoint5_10,
        Some("6.3") => HookList::Tracepoint6_3,
        _ => return Err("usage: hold 6.3|5.10".into()),
    };
    let mut kernel = Kernel::load(&Options { hooks: Some(hooks), ..Options::default() })?;
    kernel.attach()?;
    for program in kernel.programs().iter().filter(|program| program.errno != 0) {
        println!("{} is refused: error {}", program.name, program.errno);
    }
    drain(&kernel)?;
    let sum = |get: &dyn Fn(&guardbee_wire::CounterSlot) -> u64| {
        kernel.counter_slots().iter().map(get).sum::<u64>()
    };
    let produced = sum(&|slot| slot.produced.iter().sum());
    println!("produced {produced}, lost {}", sum(&|slot| slot.lost.iter().flatten().sum()));
    Ok(())
}

fn drain(kernel: &Kernel) -> Result<(), Box<dyn StdError>> {
    let mut maps = Vec::new();
    for fd in std::iter::once(kernel.security_ring()).chain(kernel.payload_rings()) {
        maps.push(MapHandle::from_map_id(MapInfo::new(fd)?.info.id)?);
    }
    let mut builder = RingBufferBuilder::new();
    for map in &maps {
        builder.add(map, |_| 0)?;
    }
    let rings = builder.build()?;
    println!("ready");
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            std::io::stdin().read_to_end(&mut Vec::new()).ok();
            ended.store(true, Ordering::Relaxed);
        });
        while !ended.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(10));
            rings.consume().ok();
        }
    });
    Ok(())
}
