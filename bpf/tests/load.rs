//! Loading and what surrounds it: lists, options, iterators, full tables.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, which may panic as tests do"
)]
mod watch;

use guardbee_bpf::{CgroupSource, HookList, Kernel, Options, ProgramState, Rate};
use guardbee_wire::{
    EVENT_KINDS, EventHeader, EventKind, ExecEvent, LossCause, SocketEvent, SocketFlag, SocketRole,
    StampFlag, StringId,
};
use libbpf_rs::query::ProgInfoIter;
use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{ErrorKind, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
};
use watch::{LISTS, Record, Watch, small};
use zerocopy::FromBytes as _;

/// All programs of ours together must stay far below what the verifier of an old kernel would take.
const VERIFIED: u32 = 70_000;

fn records_of(fd: std::os::fd::OwnedFd) -> Vec<Record> {
    let mut bytes = Vec::new();
    File::from(fd).read_to_end(&mut bytes).unwrap();
    let mut rest = &bytes[..];
    let mut records = Vec::new();
    while !rest.is_empty() {
        let size = EventHeader::read_from_prefix(rest).unwrap().0.size as usize;
        records.push(Record(rest[..size].to_vec()));
        rest = &rest[size..];
    }
    records
}

#[test]
fn both_lists_load_attach_and_fire() {
    for hooks in LISTS {
        let watch = Watch::with(hooks);
        assert_eq!(watch.kernel.hooks(), hooks);
        Command::new("/bin/true").status().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.write_all(b"x").unwrap();
        listener.accept().unwrap().0.read_exact(&mut [0]).unwrap();
        drop(records_of(watch.kernel.iterate_processes().unwrap()));
        drop(records_of(watch.kernel.iterate_sockets().unwrap()));
        let fired = watch.kernel.fired();
        let core = ["process_fork", "process_exec", "process_exit", "net_state", "iter_task", "iter_socket"];
        let bytes = match hooks {
            HookList::Tracepoint6_3 => ["net_send", "net_receive"],
            _ => ["net_sendto", "net_recvfrom"],
        };
        for program in watch.kernel.programs() {
            let listed = program.hooks.is_none_or(|list| list == hooks || list == HookList::Iterator);
            let wanted = listed && program.capability.is_basic();
            assert_eq!(program.state == ProgramState::Silent, wanted, "{program:?}");
            if core.contains(&program.name) || bytes.contains(&program.name) {
                assert!(fired[program.id as usize] > 0, "{program:?} has not fired");
            }
        }
        let verified: Vec<_> = ProgInfoIter::default()
            .filter(|info| {
                watch.kernel.programs().iter().any(|program| info.name.to_str() == Some(program.name))
            })
            .map(|info| (info.name, info.verified_insns))
            .collect();
        assert!(verified.iter().all(|(_, count)| *count <= VERIFIED), "{verified:?}");
    }
}

#[test]
fn the_best_list_is_chosen_and_the_hash_is_stable() {
    let kernel = Kernel::load(&small()).unwrap();
    assert_eq!(kernel.hooks(), HookList::Tracepoint6_3);
    assert_eq!(kernel.object_hash(), Kernel::load(&small()).unwrap().object_hash());
    assert!(kernel.iterate_processes().is_err(), "not attached yet");
    assert_eq!(kernel.payload_rings().len(), 2);
}

#[test]
fn every_kind_may_have_a_rate() {
    let rates = Some([Rate { per_second: 1_000_000, burst: 1_000_000 }; EVENT_KINDS]);
    for hooks in LISTS {
        drop(Watch::start(&Options { hooks: Some(hooks), rates, ..small() }));
    }
}

#[test]
fn every_hierarchy_gives_a_cgroup() {
    for hooks in LISTS {
        for cgroup in [CgroupSource::Default, CgroupSource::Memory, CgroupSource::Pids] {
            drop(Watch::start(&Options { hooks: Some(hooks), cgroup: Some(cgroup), ..small() }));
        }
    }
}

#[test]
fn wrong_options_are_named() {
    for (options, field) in [
        (Options { security_bytes: 100_000, ..small() }, "security_bytes"),
        (Options { payload_rings: 4, ..small() }, "payload_rings"),
        (Options { stamps: 0, ..small() }, "stamps"),
    ] {
        let error = Kernel::load(&options).unwrap_err().to_string();
        assert!(error.contains(field), "{error}");
    }
}

#[test]
fn processes_older_than_the_sensor_are_listed() {
    let watch = Watch::with(HookList::Tracepoint6_3);
    let records = records_of(watch.kernel.iterate_processes().unwrap());
    let ours: Vec<_> = records.iter().filter(|record| record.header().tgid == std::process::id()).collect();
    assert_eq!(ours.len(), 1);
    assert_eq!(ours[0].kind(), EventKind::Process);
    let exe = std::env::current_exe().unwrap();
    assert_eq!(ours[0].text::<ExecEvent>(StringId::Exe), exe.to_str().unwrap());
    assert_eq!(ours[0].fixed::<ExecEvent>().parent.tgid, std::os::unix::process::parent_id());
}

#[test]
fn no_process_older_than_the_sensor_is_left_out() {
    // The kernel of some microVMs keeps their first process even from root, and from every iterator, whoever made it.
    let guarded = |tgid: u32| {
        let told = std::fs::read_link(format!("/proc/{tgid}/ns/mnt"));
        told.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
    };
    let tgids = || -> HashSet<u32> {
        let entries = std::fs::read_dir("/proc").unwrap();
        let tgids = entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
        tgids.filter(|tgid| !guarded(*tgid)).collect()
    };
    let watch = Watch::with(HookList::Tracepoint6_3);
    let before = tgids();
    let records = records_of(watch.kernel.iterate_processes().unwrap());
    let after = tgids();
    let told: HashSet<u32> = records.iter().map(|record| record.header().tgid).collect();
    let missing: Vec<_> = before.intersection(&after).filter(|tgid| !told.contains(tgid)).collect();
    assert!(missing.is_empty(), "{missing:?} of {}", told.len());
    assert_eq!(told.len(), records.len(), "nobody is told twice");
}

#[test]
fn connections_older_than_the_sensor_have_their_role() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, peer) = listener.accept().unwrap();
    let port = listener.local_addr().unwrap().port();
    // Of one that was idle nothing was missed.
    client.write_all(b"missed").unwrap();
    server.read_exact(&mut [0; 6]).unwrap();
    for hooks in LISTS {
        let watch = Watch::with(hooks);
        let records = records_of(watch.kernel.iterate_sockets().unwrap());
        let ours: HashMap<_, _> = records
            .iter()
            .filter(|record| record.header().tgid == std::process::id())
            .map(|record| record.fixed::<SocketEvent>().socket)
            .filter(|socket| socket.local_port == port || socket.remote_port == port)
            .map(|socket| (socket.role, socket))
            .collect();
        assert_eq!(ours.len(), 3, "{ours:?}");
        assert!(ours.contains_key(&(SocketRole::Listening as u8)));
        let accepted = ours[&(SocketRole::Accepted as u8)];
        assert_eq!((accepted.remote_port, accepted.flags), (peer.port(), SocketFlag::Middle as u8));
        client.write_all(b"hello").unwrap();
        server.read_exact(&mut [0; 5]).unwrap();
        let mut child = Command::new("/bin/true").spawn().unwrap();
        child.wait().unwrap();
        let exec = watch
            .wait("exec", |record| record.kind() == EventKind::Exec && record.header().tgid == child.id());
        let origin = exec.header().origin;
        assert_eq!((origin.connection, origin.position), (accepted.connection, 5), "{hooks:?}");
    }
}

#[test]
fn full_tables_are_said_and_counted() {
    for hooks in LISTS {
        let watch = Watch::start(&Options { hooks: Some(hooks), stamps: 1, connections: 1, ..small() });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut pairs = Vec::new();
        for _ in 0..8 {
            let mut client = TcpStream::connect(address).unwrap();
            let (mut server, _) = listener.accept().unwrap();
            client.write_all(b"x").unwrap();
            server.read_exact(&mut [0]).unwrap();
            pairs.push((client, server));
        }
        let mut child = Command::new("/bin/true").spawn().unwrap();
        child.wait().unwrap();
        let exec = watch
            .wait("exec", |record| record.kind() == EventKind::Exec && record.header().tgid == child.id());
        let (origin, flags) = (exec.header().origin, exec.header().flags);
        let untracked = origin.connection == 0 && origin.flags & StampFlag::Untracked as u16 != 0;
        assert!(
            untracked || flags & guardbee_wire::EventFlag::StampLost as u16 != 0,
            "{hooks:?} {origin:?} {flags}"
        );
        let slots = watch.kernel.counter_slots();
        let lost: u64 =
            slots.iter().map(|slot| slot.lost[LossCause::ConnectionsFull as usize].iter().sum::<u64>()).sum();
        assert!(lost > 0);
    }
}
