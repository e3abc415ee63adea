//! Records as the kernel half writes them: each kind, its strings, and what is wrong in one field.
use super::Seeds;
use guardbee_wire::{
    CloseEvent, ConnectEvent, DataEvent, EventFlag, EventHeader, EventKind, EventString, ExecEvent,
    ExitEvent, FdInfo, FileInfo, ForkEvent, ListenEvent, ProcessKey, SocketEvent, SocketInfo, Stamp,
    StringId, ThrottleEvent, UNREADABLE,
};
use std::{error::Error, mem::offset_of};
use zerocopy::{Immutable, IntoBytes};

fn record<T: IntoBytes + Immutable>(fixed: &T, tail: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = [fixed.as_bytes(), &tail.concat()].concat();
    let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_ne_bytes();
    let at = offset_of!(EventHeader, size);
    bytes[at..at + size.len()].copy_from_slice(&size);
    bytes
}

fn string(id: u16, bytes: &[u8], total: u32) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let mut out = [EventString { id, length, total }.as_bytes(), bytes].concat();
    out.resize(out.len().next_multiple_of(8), 0);
    out
}

fn text(id: StringId, bytes: &[u8]) -> Vec<u8> {
    string(id as u16, bytes, u32::try_from(bytes.len()).unwrap_or(u32::MAX))
}

fn head(kind: EventKind) -> EventHeader {
    let stamp = Stamp { connection: 9, position: 512, reads: 2, tid: 101, layer: 1, ..Stamp::default() };
    EventHeader {
        time_ns: 5_000_000_000,
        sequence: 1,
        start_ns: 4_000_000_000,
        cgroup_id: 77,
        kind: kind as u16,
        tgid: 100,
        tid: 101,
        exec_number: 3,
        hook: 1,
        serving: stamp,
        ..EventHeader::default()
    }
}

fn mapped(last: u8) -> [u8; 16] {
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, last]
}

fn tcp(role: u8) -> SocketInfo {
    SocketInfo {
        connection: 9,
        local_address: mapped(1),
        remote_address: mapped(2),
        local_port: 80,
        remote_port: 40_000,
        family: 2,
        role,
        ..SocketInfo::default()
    }
}

fn exec(kind: EventKind) -> ExecEvent {
    let parent = ProcessKey { start_ns: 1, tgid: 50, exec_number: 1 };
    let file = FileInfo { inode: 3, mode: 0o104_755, flags: 0b1_1010, ..FileInfo::default() };
    let socket = FdInfo { kind: 6, family: 2, role: 1, remote_address: mapped(2), ..FdInfo::default() };
    let fds = [
        socket,
        FdInfo { kind: 5, ..FdInfo::default() },
        FdInfo { kind: 3, device: 0x501, ..FdInfo::default() },
    ];
    ExecEvent { header: head(kind), parent, file, fds, flags: 1, ..ExecEvent::default() }
}

fn data(length: u32, captured: &[u8]) -> Vec<u8> {
    let mut tail = captured.to_vec();
    tail.resize(tail.len().next_multiple_of(8), 0);
    let captured = u32::try_from(captured.len()).unwrap_or(u32::MAX);
    let fixed = DataEvent {
        header: head(EventKind::Data),
        connection: 9,
        position: 7,
        length,
        captured,
        ..DataEvent::default()
    };
    record(&fixed, &[tail])
}

fn image(tail: &[Vec<u8>]) -> Vec<u8> {
    let common =
        [text(StringId::Exe, b"/bin/dash"), text(StringId::Cwd, b"/srv"), text(StringId::Comm, b"sh")];
    record(&exec(EventKind::Exec), &[&common, tail].concat())
}

fn good() -> Vec<(&'static str, Vec<u8>)> {
    let args = || text(StringId::Args, b"sh\0-c\0\0id; cat /etc/passwd\0");
    let child = ProcessKey { start_ns: 6, tgid: 200, exec_number: 3 };
    let fork = ForkEvent {
        header: head(EventKind::Fork),
        child,
        child_origin: head(EventKind::Fork).serving,
        child_ns_tgid: 7,
        pad: 0,
    };
    let cgroup = text(StringId::Cgroup, b"cri-containerd-3f4e8a5b9c3d2e1f3f4e8a5b9c3d2e1f.scope");
    let unix = SocketEvent { header: head(EventKind::Socket), socket: SocketInfo { family: 1, ..tcp(2) } };
    let six = SocketInfo { family: 10, local_address: [0xfe; 16], ..tcp(1) };
    let nobody = EventHeader { flags: EventFlag::NoProcess as u16, tgid: 0, ..head(EventKind::Close) };
    let head_only = [0xff_u8; 4096];
    vec![
        ("fork", record(&fork, &[text(StringId::Comm, b"sh"), cgroup.clone()])),
        ("exec", image(&[args(), cgroup, text(StringId::Filename, b"./a\xff\n")])),
        ("exec-long", image(&[string(4, &head_only, 9000), string(5, b"tail\0of it\0", 9000)])),
        ("exec-meet", image(&[string(4, b"a\0bb\0c", 10), string(5, b"bb\0cc\0z\0", 10)])),
        ("exec-unreadable", image(&[string(4, b"", UNREADABLE)])),
        ("exec-new-string", image(&[string(99, b"new", 3), text(StringId::Comm, b"again"), vec![0; 16]])),
        ("process", record(&exec(EventKind::Process), &[args()])),
        ("exit", record(&ExitEvent { header: head(EventKind::Exit), exit_code: 256, pad: 0 }, &[])),
        ("accept", record(&SocketEvent { header: head(EventKind::Accept), socket: tcp(1) }, &[])),
        ("accept-v6", record(&SocketEvent { header: head(EventKind::Accept), socket: six }, &[])),
        (
            "connect",
            record(
                &ConnectEvent {
                    header: head(EventKind::Connect),
                    socket: tcp(2),
                    begun_ns: 4,
                    result: -111,
                    pad: 0,
                },
                &[],
            ),
        ),
        (
            "datagram",
            record(
                &ConnectEvent { header: head(EventKind::Datagram), socket: tcp(2), begun_ns: 4, result: 0, pad: 0 },
                &[],
            ),
        ),
        (
            "listen",
            record(
                &ListenEvent { header: head(EventKind::Listen), socket: tcp(3), listening: 1, pad: 0 },
                &[],
            ),
        ),
        ("socket-unix", record(&unix, &[text(StringId::UnixPath, b"/run/app.sock\0")])),
        ("socket-abstract", record(&unix, &[text(StringId::UnixPath, b"\0app\0")])),
        ("data", data(18, b"GET / HTTP/1.1\r\n\r\n")),
        ("data-cut", data(100_000, b"POST /upload HTTP/1.1\r\nHost: a\r\n")),
        ("data-unseen", data(512, b"")),
        (
            "close",
            record(&CloseEvent { header: nobody, connection: 9, received_bytes: 5, sent_bytes: 6 }, &[]),
        ),
        (
            "throttle",
            record(
                &ThrottleEvent {
                    header: head(EventKind::Throttle),
                    dropped: 5,
                    throttled_kind: 8,
                    ..Default::default()
                },
                &[],
            ),
        ),
    ]
}

fn wrong() -> Vec<(&'static str, Vec<u8>)> {
    let exit = |header| record(&ExitEvent { header, exit_code: 0, pad: 0 }, &[]);
    let layer = Stamp { layer: 3, ..Stamp::default() };
    let end =
        DataEvent { header: head(EventKind::Data), position: u64::MAX, length: 8, ..DataEvent::default() };
    let way = DataEvent { direction: 2, ..end };
    let role = SocketEvent { header: head(EventKind::Accept), socket: tcp(4) };
    vec![
        ("wrong-short", vec![0xff; 127]),
        ("wrong-kind", exit(EventHeader { kind: 12, ..head(EventKind::Exit) })),
        ("wrong-hook", exit(EventHeader { hook: 3, ..head(EventKind::Exit) })),
        ("wrong-layer", exit(EventHeader { origin: layer, ..head(EventKind::Exit) })),
        ("wrong-role", record(&role, &[])),
        ("wrong-position", record(&end, &[])),
        ("wrong-direction", record(&way, &[])),
        ("wrong-total", image(&[string(1, b"/bin/sh", 3)])),
        ("wrong-tail", image(&[vec![1, 0, 9, 0, 9, 0, 0, 0]])),
        ("wrong-fork", record(&ForkEvent { header: head(EventKind::Fork), ..ForkEvent::default() }, &[])),
    ]
}

pub(crate) fn seeds() -> Result<Seeds, Box<dyn Error>> {
    let good = good();
    let iterated = ["process", "socket-unix", "accept"];
    let iterator =
        good.iter().filter(|(name, _)| iterated.contains(name)).flat_map(|(_, record)| record.clone());
    let iterator = ("iterator", iterator.collect());
    Ok(good
        .into_iter()
        .chain(wrong())
        .chain([iterator])
        .map(|(name, seed)| (name.to_owned(), seed))
        .collect())
}
