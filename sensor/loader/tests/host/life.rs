//! Hand-over, life and death of both processes.
use std::io::Read;
use std::process::Command;
use std::time::{Duration, Instant};

use guardbee_wire::{ProgramState, Status, Thing};
use nix::sys::signal::Signal;

use crate::roles::{end_with_loader, ready, say};
use crate::rpc::{Client, Error, Target};
use crate::stage::{Stage, alive, signal_process, start_ns, until};

pub(crate) fn say_hello(client: &Client) {
    for _ in 0..2 {
        let hello = client.hello().unwrap();
        let key = hello.key.map(|mut key| {
            let mut text = String::new();
            key.read_to_string(&mut text).unwrap();
            text
        });
        say(&format!("hello {} {} {key:?}", hello.payload.len(), hello.reply.cpus));
    }
    let mut iterator = client.iterate_processes().unwrap();
    let mut records = Vec::new();
    iterator.read_to_end(&mut records).unwrap();
    client.iterate_sockets().unwrap();
    say(&format!("processes {}", records.len()));
    match client.self_test() {
        Ok(reply) => say_states(&reply),
        Err(error) => panic!("{error}"),
    }
    assert!(matches!(client.self_test(), Err(Error::Refused(Status::Busy, _))));
    ready();
    end_with_loader(client);
}

fn say_states(reply: &guardbee_wire::Reply) {
    let states = || reply.programs.iter().map(|state| u32::from(*state));
    let count = |wanted: ProgramState| states().filter(|state| *state == wanted as u32).count();
    say(&format!(
        "states {} {} {}",
        count(ProgramState::Works),
        count(ProgramState::Silent),
        count(ProgramState::NotLoaded) + count(ProgramState::NotAttached)
    ));
}

pub(crate) fn hello_hands_over_rings_and_the_key_once() {
    let path = std::env::temp_dir().join(format!("guardbee-key-{}", std::process::id()));
    std::fs::write(&path, "the key").unwrap();
    let mut stage = Stage::new(&["hello"], &["--key", path.to_str().unwrap()]);
    let cpus = 1 + std::fs::read_to_string("/sys/devices/system/cpu/possible")
        .unwrap()
        .trim()
        .rsplit('-')
        .next()
        .unwrap()
        .parse::<u32>()
        .unwrap();
    assert_eq!(stage.expect("hello"), format!("2 {cpus} Some(\"the key\")"));
    assert_eq!(stage.expect("hello"), format!("2 {cpus} None"));
    // The next one gets it again, from its start, though the file is gone.
    std::fs::remove_file(&path).unwrap();
    let pid = stage.pipeline();
    signal_process(pid, Signal::SIGKILL);
    assert_eq!(stage.expect("hello"), format!("2 {cpus} Some(\"the key\")"));
}

pub(crate) fn every_attached_program_fires_in_the_self_test() {
    let mut stage = Stage::new(&["hello"], &[]);
    let states: Vec<usize> = stage.expect("states").split(' ').map(|count| count.parse().unwrap()).collect();
    assert!(states[0] > 40 && states[1] == 0, "works, silent, missing: {states:?}");
}

pub(crate) fn say_things(client: &Client, targets: &[String]) {
    for pair in targets.chunks(2) {
        let target = Target { tgid: pair[0].parse().unwrap(), start_ns: pair[1].parse().unwrap() };
        for thing in [
            Thing::Cmdline,
            Thing::Cgroup,
            Thing::Maps,
            Thing::Exe,
            Thing::Status,
            Thing::Passwd,
            Thing::Mountinfo,
            Thing::UidMap,
        ] {
            let outcome = match client.open(target, thing) {
                Ok(file) => {
                    let mut bytes = Vec::new();
                    file.take(64).read_to_end(&mut bytes).unwrap();
                    format!("{} bytes", bytes.len())
                }
                Err(Error::Refused(status, value)) => format!("{status:?} {value}"),
                Err(error) => panic!("{error}"),
            };
            say(&format!("thing {thing:?} {outcome}"));
        }
    }
    ready();
    end_with_loader(client);
}

pub(crate) fn things_of_processes() {
    let own = std::process::id();
    let own_start = start_ns(own).to_string();
    let wrong_start = (start_ns(own) + 20_000_000).to_string();
    let own = own.to_string();
    // 2 is kthreadd: no executable, no memory.
    let kernel = start_ns(2).to_string();
    let mut stage = Stage::new(&["things", &own, &own_start, &own, &wrong_start, "2", &kernel], &[]);
    for thing in ["Cmdline", "Cgroup", "Maps", "Exe", "Status", "Passwd", "Mountinfo", "UidMap"] {
        let (name, outcome) = split(&stage.expect("thing"));
        assert_eq!(name, thing);
        assert!(outcome.ends_with("bytes") && outcome != "0 bytes", "{thing}: {outcome}");
    }
    for _ in 0..8 {
        assert_eq!(split(&stage.expect("thing")).1, "Gone 0");
    }
    let of_kernel: Vec<String> = (0..8).map(|_| stage.expect("thing")).collect();
    assert!(of_kernel[3].starts_with("Exe Refused"), "{of_kernel:?}");
    let pid = stage.pipeline();
    assert!(alive(pid));
}

fn split(line: &str) -> (String, String) {
    let (name, outcome) = line.split_once(' ').unwrap();
    (name.to_owned(), outcome.to_owned())
}

pub(crate) fn say_heartbeat(client: &Client) {
    let reply = client.hello().unwrap().reply;
    let produced: u64 = reply.previous_produced.iter().sum();
    say(&format!(
        "previous {} {} {} {produced}",
        reply.previous_pipelines, reply.previous_sequence, reply.previous_hash[0]
    ));
    client.heartbeat(reply.previous_sequence + 7, [9; 32]).unwrap();
    ready();
    end_with_loader(client);
}

pub(crate) fn a_killed_pipeline_leaves_its_last_word() {
    let mut stage = Stage::new(&["heartbeat"], &[]);
    assert_eq!(stage.expect("previous"), "0 0 0 0");
    let mut before = 0;
    for round in 1..=3 {
        let pid = stage.pipeline();
        signal_process(pid, Signal::SIGKILL);
        let line = stage.expect("previous");
        let (said, produced) = line.rsplit_once(' ').unwrap();
        assert_eq!(said, format!("{round} {} 9", 7 * round));
        let produced: u64 = produced.parse().unwrap();
        assert!(produced > before, "kernel counters stand still: {produced} after {before}");
        before = produced;
    }
}

pub(crate) fn a_killed_loader_is_seen_at_once() {
    let mut stage = Stage::new(&["wait"], &[]);
    let pid = stage.pipeline();
    let held = held(stage.loader());
    stage.signal(Signal::SIGKILL);
    // Who waits for nothing else is woken.
    assert_eq!(stage.expect("blind"), "true");
    until("the pipeline ends", || !alive(pid) || crate::stage::status(pid, "State").starts_with('Z'));
    nothing_is_left(&held);
}

pub(crate) fn a_stop_reaches_the_pipeline_and_leaves_nothing() {
    let mut stage = Stage::new(&["wait"], &[]);
    let pid = stage.pipeline();
    let held = held(stage.loader());
    stage.signal(Signal::SIGTERM);
    // The pipeline of this test dies of TERM, which proves that it was delivered, not blocked.
    assert_eq!(stage.expect("outcome"), "signal: 15 (SIGTERM)");
    assert!(stage.ended().success());
    assert!(!alive(pid));
    nothing_is_left(&held);
}

/// Before it comes to reading the signal, too: this pipeline never does.
pub(crate) fn a_reload_reaches_the_pipeline_and_ends_nothing() {
    let mut stage = Stage::new(&["wait"], &[]);
    let pid = stage.pipeline();
    stage.signal(Signal::SIGHUP);
    let waits = |field| u64::from_str_radix(&crate::stage::status(pid, field), 16).unwrap() & 1 != 0;
    until("HUP waits for the pipeline", || waits("ShdPnd"));
    stage.signal(Signal::SIGTERM);
    assert_eq!(stage.expect("outcome"), "signal: 15 (SIGTERM)");
}

pub(crate) fn a_pipeline_that_will_not_stop_is_killed() {
    let mut stage = Stage::new(&["deaf"], &[]);
    let pid = stage.pipeline();
    let asked = Instant::now();
    stage.signal(Signal::SIGTERM);
    assert_eq!(stage.expect("outcome"), "signal: 9 (SIGKILL)");
    assert!(asked.elapsed() >= Duration::from_secs(5));
    assert!(!alive(pid));
}

/// Links, programs and maps that a process holds, by kind and id.
fn held(pid: u32) -> Vec<(&'static str, u64)> {
    let mut held = Vec::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap_or_default();
        for (kind, field) in [("link", "link_id:"), ("prog", "prog_id:"), ("map", "map_id:")] {
            held.extend(
                text.lines().find_map(|line| Some((kind, line.strip_prefix(field)?.trim().parse().ok()?))),
            );
        }
    }
    held
}

/// None of them exists any more, and the kernel would name it if it were pinned. It frees them after a grace period.
fn nothing_is_left(held: &[(&'static str, u64)]) {
    for wanted in ["link", "prog", "map"] {
        assert!(held.iter().any(|(kind, _)| *kind == wanted), "the loader held no {wanted}");
    }
    until("links, programs and maps are gone", || {
        held.iter().all(|(kind, id)| {
            let output =
                Command::new("bpftool").args(["-j", kind, "show", "id", &id.to_string()]).output().unwrap();
            !output.status.success()
        })
    });
}
