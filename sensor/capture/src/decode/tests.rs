//! Good records come back as they were made, bad ones as named errors, arbitrary ones without a panic.
mod system;

use super::*;
use guardbee_model::{
    clock::BootTime,
    event::{Body, Direction, Hook, UserIds},
    loss::{LossCounter, Stage},
    process::{Args, Environment, Fd},
    socket::{Endpoint, Role},
};
use guardbee_wire::{
    EventString, ExecFlag, FdInfo, FileInfo, ProcessKey, SocketInfo, Stamp, StringId, UNREADABLE,
};
use proptest::prelude::*;
use std::sync::Arc;
use zerocopy::{Immutable, IntoBytes};

/// A record: its fixed part, then its tail; the header gets its size.
pub(crate) fn encode<T: IntoBytes + Immutable>(fixed: &T, tail: &[u8]) -> Vec<u8> {
    let mut bytes = [fixed.as_bytes(), tail].concat();
    let size = u32::try_from(bytes.len()).unwrap();
    bytes[32..36].copy_from_slice(&size.to_ne_bytes());
    bytes
}

pub(crate) fn string(id: u16, bytes: &[u8], total: u32) -> Vec<u8> {
    let head = EventString { id, length: u16::try_from(bytes.len()).unwrap(), total };
    let mut out = [head.as_bytes(), bytes].concat();
    out.resize(out.len().next_multiple_of(8), 0);
    out
}

fn text(id: u16, bytes: &[u8]) -> Vec<u8> {
    string(id, bytes, u32::try_from(bytes.len()).unwrap())
}

pub(crate) fn head(kind: EventKind) -> EventHeader {
    EventHeader {
        time_ns: 5_000,
        sequence: 1,
        start_ns: 4_000,
        cgroup_id: 77,
        kind: kind as u16,
        tgid: 100,
        tid: 101,
        exec_number: 3,
        uid: 33,
        euid: 34,
        hook: 1,
        serving: Stamp { connection: 9, position: 512, reads: 2, tid: 101, flags: 0, layer: 1, pad: [0; 5] },
        ..EventHeader::default()
    }
}

fn mapped(last: u8) -> [u8; 16] {
    let mut address = [0; 16];
    address[10..].copy_from_slice(&[0xff, 0xff, 10, 0, 0, last]);
    address
}

pub(crate) fn tcp(role: u8) -> SocketInfo {
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

fn exec_event(kind: EventKind) -> ExecEvent {
    let mut event = ExecEvent {
        header: head(kind),
        parent: ProcessKey { start_ns: 1, tgid: 50, exec_number: 1 },
        ..ExecEvent::default()
    };
    event.fds[0] = FdInfo { kind: 6, family: 2, role: 1, remote_address: mapped(2), ..FdInfo::default() };
    event
}

fn exec_tail() -> Vec<u8> {
    [text(1, b"/bin/dash"), text(2, b"/srv"), text(4, b"sh\0-c\0\0id\0"), text(6, b"sh")].concat()
}

/// One good record of each kind.
pub(crate) fn samples() -> Vec<Vec<u8>> {
    let fork = ForkEvent {
        header: head(EventKind::Fork),
        child: ProcessKey { start_ns: 6, tgid: 200, exec_number: 3 },
        ..ForkEvent::default()
    };
    let exit = ExitEvent { header: head(EventKind::Exit), exit_code: 256, pad: 0 };
    let accept = SocketEvent { header: head(EventKind::Accept), socket: tcp(1) };
    let connect =
        ConnectEvent { header: head(EventKind::Connect), socket: tcp(2), result: -111, ..Default::default() };
    let listen =
        ListenEvent { header: head(EventKind::Listen), socket: tcp(3), listening: 1, ..Default::default() };
    let socket = SocketEvent { header: head(EventKind::Socket), socket: SocketInfo { family: 1, ..tcp(2) } };
    let close = CloseEvent { header: head(EventKind::Close), connection: 9, ..Default::default() };
    let throttle =
        ThrottleEvent { header: head(EventKind::Throttle), throttled_kind: 8, ..Default::default() };
    let mut samples = vec![
        encode(&fork, &[text(6, b"sh"), text(7, b"docker-x.scope")].concat()),
        encode(&exec_event(EventKind::Exec), &exec_tail()),
        encode(&exit, &[]),
        encode(&accept, &[]),
        encode(&connect, &[]),
        encode(&listen, &[]),
        encode(&socket, &text(8, b"/run/app.sock\0")),
        encode(&data_event(5, 3), b"GET\0\0\0\0\0"),
        encode(&close, &[]),
        encode(&throttle, &[]),
        encode(&exec_event(EventKind::Process), &exec_tail()),
    ];
    samples.extend(EventKind::FILES.map(|kind| encode(&file_event(kind), &file_tail())));
    samples.extend(system::samples());
    let datagram = ConnectEvent { header: head(EventKind::Datagram), socket: tcp(2), ..Default::default() };
    samples.push(encode(&datagram, &[]));
    samples
}

fn file_event(kind: EventKind) -> FileEvent {
    let file = FileInfo { inode: 7, mode: 0o100_644, ..FileInfo::default() };
    FileEvent { header: head(kind), file, mode: 0o4755, uid: u32::MAX, gid: 4, ..FileEvent::default() }
}

fn file_tail() -> Vec<u8> {
    [text(9, b"../new"), text(10, b"/srv/app"), text(11, b"/etc//old"), text(12, b"/unused")].concat()
}

fn file(event: &FileEvent, tail: &[u8]) -> guardbee_model::file::FileEvent {
    match record(&encode(event, tail)).unwrap().body {
        Body::File(file) => Arc::unwrap_or_clone(file),
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_have_whole_paths_or_say_that_they_are_cut() {
    let event = file_event(EventKind::FileRename);
    let renamed = file(&event, &file_tail());
    assert_eq!((&*renamed.path, &*renamed.source), (&b"/srv/new"[..], &b"/etc/old"[..]));
    assert!(!renamed.path_cut && !renamed.named && renamed.mode.is_none() && renamed.owner.is_none());
    let lost = FileEvent { flags: 1 | 2, ..event };
    let lost = file(&lost, &text(9, b"name"));
    assert!(lost.path_cut && lost.named && &*lost.path == b"name");
    let mut unreadable = text(9, b"");
    unreadable[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    let unreadable = file(&event, &unreadable);
    assert!(unreadable.path_cut && unreadable.path.is_empty());
    let link = file(&file_event(EventKind::FileSymlink), &file_tail());
    assert_eq!(&*link.source, b"/etc//old", "the text of a link stays as it is");
    let owned =
        file(&FileEvent { attribute: 2, ..file_event(EventKind::FileAttribute) }, &text(10, b"/srv/f"));
    assert_eq!((&*owned.path, owned.owner, owned.group, owned.mode), (&b"/srv/f"[..], None, Some(4), None));
    let opened = FileEvent { open_flags: 0o101, ..file_event(EventKind::FileCreate) };
    assert_eq!(file(&opened, &file_tail()).open_flags, Some(0o101));
    let by_trampoline = file_event(EventKind::FileModify);
    let by_call = FileEvent { file: FileInfo::default(), ..by_trampoline };
    for truncated in [by_trampoline, by_call] {
        assert_eq!(file(&truncated, &file_tail()).open_flags, None, "truncate(2) opens nothing");
    }
    for flags in [0o1, 0o2, 0o1000] {
        let changed = FileEvent { open_flags: flags, ..by_trampoline };
        assert_eq!(file(&changed, &file_tail()).open_flags, Some(flags));
    }
    let wrong = record(&encode(&FileEvent { attribute: 9, ..event }, &[]));
    assert_eq!(wrong, Err(DecodeError::Value { kind: "file_rename", field: "attribute", value: 9 }));
}

fn data_event(length: u32, captured: u32) -> DataEvent {
    DataEvent {
        header: head(EventKind::Data),
        connection: 9,
        position: 7,
        length,
        captured,
        ..DataEvent::default()
    }
}

#[test]
fn every_kind_has_a_sample_that_decodes() {
    let kinds: Vec<_> = samples().iter().map(|bytes| record(bytes).unwrap().body.kind()).collect();
    assert_eq!(kinds, EventKind::ALL.map(EventKind::name));
}

#[test]
fn the_header_is_what_was_written() {
    let header = record(&samples()[2]).unwrap().header;
    assert_eq!(header.process.unwrap().life(), (100, BootTime(4_000)));
    assert_eq!((header.time, header.tid, header.hook), (BootTime(5_000), 101, Hook::Tracepoint6_3));
    assert!(header.serving.unwrap().exclusive());
    assert_eq!(header.user, Some(UserIds { real: 33, effective: 34 }));
    assert_eq!(header.origin, None);
    let user = guardbee_wire::USER_UNKNOWN;
    let nobody = EventHeader { flags: 1 << 2, uid: user, euid: user, ..head(EventKind::Exit) };
    let bytes = encode(&ExitEvent { header: nobody, ..ExitEvent::default() }, &[]);
    let header = record(&bytes).unwrap().header;
    assert_eq!((header.process, header.user), (None, None));
}

#[test]
fn an_exec_has_its_strings_and_its_socket() {
    let Body::Exec(exec) = record(&samples()[1]).unwrap().body else { panic!() };
    assert_eq!((&*exec.exe, &*exec.cwd, &*exec.filename), (&b"/bin/dash"[..], &b"/srv"[..], &b""[..]));
    let words: Vec<_> = exec.args.words.iter().map(|word| &**word).collect();
    assert_eq!(words, [&b"sh"[..], b"-c", b"", b"id"]);
    let Fd::Socket { remote, role: Role::Accepted, .. } = exec.fds[0] else { panic!() };
    assert_eq!(remote.unwrap().to_string(), "10.0.0.2:0");
    assert_eq!(exec.fds[1], Fd::Closed);
}

#[test]
fn an_exec_has_the_variables_that_were_asked_for() {
    let of = |bytes: &[u8], flags| {
        let event = ExecEvent { flags, ..exec_event(EventKind::Exec) };
        let tail = text(StringId::Environment as u16, bytes);
        let Body::Exec(exec) = record(&encode(&event, &tail)).unwrap().body else { panic!() };
        let Environment { variables, cut } = exec.environment.clone();
        (variables.iter().map(|one| String::from_utf8_lossy(one).into_owned()).collect::<Vec<_>>(), cut)
    };
    assert_eq!(of(b"A=b\0C=\0", 0), (vec!["A=b".into(), "C=".into()], false));
    assert_eq!(of(b"A=b\0C=d", ExecFlag::EnvironmentCut as u32), (vec!["A=b".into(), "C=d".into()], true));
    assert_eq!(of(b"", 0), (vec![], false));
}

#[test]
fn sockets_have_their_ends() {
    let Body::Connect(connect) = record(&samples()[4]).unwrap().body else { panic!() };
    assert_eq!((connect.error, connect.socket.local.to_string()), (111, "10.0.0.1:80".to_owned()));
    let Body::Socket(socket) = record(&samples()[6]).unwrap().body else { panic!() };
    assert_eq!(socket.remote, Endpoint::Unix(b"/run/app.sock"[..].into()));
    assert_eq!(socket.local, Endpoint::Unix(Box::default()));
}

fn args_of(tail: &[Vec<u8>]) -> Args {
    let bytes = encode(&exec_event(EventKind::Exec), &tail.concat());
    let Body::Exec(exec) = record(&bytes).unwrap().body else { panic!() };
    exec.args.clone()
}

#[test]
fn long_arguments_lose_their_middle_only() {
    let args = args_of(&[string(4, b"a\0bb\0cc", 100), string(5, b"yy\0z\0", 100)]);
    assert_eq!(args.command_line(), b"a bb cc yy z");
    assert_eq!((args.truncated, args.total_bytes), (true, 100));
    // Head and tail overlap or meet: nothing is missing.
    for tail in [&b"c\0z\0"[..], b"bb\0cc\0z\0"] {
        let args = args_of(&[string(4, b"a\0bb\0c", 10), string(5, tail, 10)]);
        assert_eq!(args.command_line(), b"a bb cc z");
        assert!(!args.truncated);
    }
    assert!(args_of(&[string(4, b"a\0bb", 10)]).truncated);
    assert_eq!(args_of(&[string(4, b"", UNREADABLE)]), Args { unreadable: true, ..Args::default() });
    assert_eq!(args_of(&[]), Args::default());
}

/// Each is an error with this cause and this text, and counted by them where it has kept its frame.
fn refused<const N: usize>(cases: [(Vec<u8>, &str, &str); N]) {
    for (bytes, cause, message) in cases {
        let error = record(&bytes).expect_err(message);
        assert_eq!((error.cause(), error.to_string().as_str()), (cause, message));
        let framed =
            bytes.get(32..36).is_some_and(|size| size == u32::try_from(bytes.len()).unwrap().to_ne_bytes());
        if framed && bytes.len() >= size_of::<EventHeader>() {
            let (mut events, mut losses) = (Vec::new(), LossCounter::new(Stage::Capture));
            crate::read_iterator(&bytes[..], bytes.len(), &mut events, &mut losses).expect(message);
            let told = losses.drain(BootTime(0));
            let told: Vec<_> = told.iter().map(|loss| (loss.cause, loss.kind, loss.count)).collect();
            assert_eq!((events.len(), told), (0, vec![(cause, error.kind(), 1)]), "{message}");
        }
    }
    println!("cases: {N}");
}

fn exit_with(header: EventHeader) -> Vec<u8> {
    encode(&ExitEvent { header, ..ExitEvent::default() }, &[])
}

#[test]
fn bad_frames_are_named() {
    let mut wrong_size = samples()[2].clone();
    wrong_size[32..36].copy_from_slice(&136u32.to_ne_bytes());
    let long_exit = encode(&ExitEvent { header: head(EventKind::Exit), ..ExitEvent::default() }, &[0; 8]);
    refused([
        (vec![], "record_short", "decode unknown record: 0 bytes, its fixed part has 136"),
        (vec![0xff; 127], "record_short", "decode unknown record: 127 bytes, its fixed part has 136"),
        (
            vec![0; 136],
            "record_kind",
            "decode record: unknown kind 0; load the kernel half that was built with this pipeline",
        ),
        (
            exit_with(EventHeader { kind: 12, ..head(EventKind::Exit) }),
            "record_kind",
            "decode record: unknown kind 12; load the kernel half that was built with this pipeline",
        ),
        (wrong_size, "record_size", "decode exit record: header.size says 136 bytes, there are 144"),
        (
            encode(&head(EventKind::Exec), &[]),
            "record_short",
            "decode exec record: 136 bytes, its fixed part has 432",
        ),
        (
            long_exit,
            "record_tail",
            "decode exit record: malformed string in the tail, 8 bytes before its end",
        ),
    ]);
}

#[test]
fn bad_headers_and_processes_are_named() {
    let exec = || exec_event(EventKind::Exec);
    let mut fd_role = exec();
    fd_role.fds[0].role = 9;
    let mut fd_kind = exec();
    fd_kind.fds[2].kind = 8;
    let mut stamp = head(EventKind::Exit);
    stamp.origin.layer = 3;
    let childless = ForkEvent { header: head(EventKind::Fork), ..ForkEvent::default() };
    let cut = [text(6, b"sh"), vec![1, 0, 9, 0, 9, 0, 0, 0]].concat();
    refused([
        (
            exit_with(EventHeader { hook: 4, ..head(EventKind::Exit) }),
            "record_value",
            "decode exit record: header.hook can't be 4",
        ),
        (exit_with(stamp), "record_value", "decode exit record: header.origin.layer can't be 3"),
        (encode(&childless, &[]), "record_value", "decode fork record: child.tgid can't be 0"),
        (encode(&fd_role, &[]), "record_value", "decode exec record: fds.role can't be 9"),
        (encode(&fd_kind, &[]), "record_value", "decode exec record: fds.kind can't be 8"),
        (
            encode(&exec(), &cut),
            "record_tail",
            "decode exec record: malformed string in the tail, 8 bytes before its end",
        ),
        (
            encode(&exec(), &string(1, b"/bin/sh", 3)),
            "record_value",
            "decode exec record: string.total can't be 3",
        ),
    ]);
}

#[test]
fn bad_sockets_are_named() {
    let accept = |socket| encode(&SocketEvent { header: head(EventKind::Accept), socket }, &[]);
    let connect = |result| {
        let header = head(EventKind::Connect);
        encode(&ConnectEvent { header, socket: tcp(2), result, ..Default::default() }, &[])
    };
    let listen = ListenEvent { header: head(EventKind::Listen), listening: 2, ..Default::default() };
    let datagram = ConnectEvent {
        header: head(EventKind::Datagram),
        socket: SocketInfo { family: 1, ..tcp(2) },
        ..Default::default()
    };
    refused([
        (encode(&datagram, &[]), "record_value", "decode datagram record: socket.family can't be 1"),
        (
            accept(SocketInfo { family: 16, ..tcp(1) }),
            "record_value",
            "decode accept record: socket.family can't be 16",
        ),
        (accept(tcp(4)), "record_value", "decode accept record: socket.role can't be 4"),
        (connect(5), "record_value", "decode connect record: result can't be 5"),
        (connect(i32::MIN), "record_value", "decode connect record: result can't be 2147483648"),
        (encode(&listen, &[]), "record_value", "decode listen record: listening can't be 2"),
    ]);
}

#[test]
fn bad_data_and_throttles_are_named() {
    let header = head(EventKind::Throttle);
    let throttle = ThrottleEvent { header, throttled_kind: 0x1_0001, ..Default::default() };
    refused([
        (
            encode(&DataEvent { direction: 2, ..data_event(8, 8) }, &[0; 8]),
            "record_value",
            "decode data record: direction can't be 2",
        ),
        (
            encode(&data_event(4096, 9), &[0; 8]),
            "record_size",
            "decode data record: captured says 9 bytes, there are 8",
        ),
        (encode(&data_event(4, 8), &[0; 8]), "record_value", "decode data record: captured can't be 8"),
        (
            encode(&DataEvent { position: u64::MAX, ..data_event(8, 0) }, &[]),
            "record_value",
            "decode data record: position can't be 18446744073709551615",
        ),
        (encode(&throttle, &[]), "record_value", "decode throttle record: throttled_kind can't be 65537"),
    ]);
}

#[test]
fn an_unknown_string_is_passed_over_and_the_first_of_an_id_stands() {
    let tail = [text(99, b"new"), text(6, b"first"), text(6, b"second"), vec![0; 16]].concat();
    let Body::Exec(exec) = record(&encode(&exec_event(EventKind::Exec), &tail)).unwrap().body else {
        panic!()
    };
    assert_eq!(&*exec.comm, b"first");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(event) = record(&bytes) {
            prop_assert!(bytes.len() >= 128, "{:?}", event);
        }
    }

    /// A good record with some bytes changed: an event or an error, never a panic.
    #[test]
    fn mutations_never_panic(
        which in 0usize..11,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        resize in any::<bool>(),
    ) {
        let mut bytes = samples().swap_remove(which);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if resize {
            bytes.truncate(cut.index(bytes.len()) & !7);
            if bytes.len() >= 128 {
                let size = u32::try_from(bytes.len()).unwrap();
                bytes[32..36].copy_from_slice(&size.to_ne_bytes());
            }
        }
        if let Ok(event) = record(&bytes) {
            prop_assert_eq!(event.body.is_payload(), matches!(event.body.kind(), "socket" | "data" | "close"));
        }
    }

    /// What is written is what is read.
    #[test]
    fn data_round_trip(
        connection in any::<u64>(), position in 0..u64::MAX / 2, sent in any::<bool>(),
        bytes in prop::collection::vec(any::<u8>(), 0..4096), more in 0u32..100_000,
    ) {
        let captured = u32::try_from(bytes.len()).unwrap();
        let raw = DataEvent { connection, position, direction: sent.into(), ..data_event(captured + more, captured) };
        let mut tail = bytes.clone();
        tail.resize(bytes.len().next_multiple_of(8), 0);
        let Body::Data(data) = record(&encode(&raw, &tail)).unwrap().body else { panic!() };
        prop_assert_eq!(data.direction == Direction::Sent, sent);
        prop_assert_eq!((data.connection.0, data.position, data.length), (connection, position, captured + more));
        prop_assert_eq!(&*data.bytes, &*bytes);
    }

    #[test]
    fn args_round_trip(line in prop::collection::vec("[^\0]{0,40}", 0..200)) {
        let mut bytes = line.iter().flat_map(|word| [word.as_bytes(), b"\0"].concat()).collect::<Vec<_>>();
        bytes.truncate(8192);
        let total = u32::try_from(bytes.len()).unwrap();
        let head = &bytes[..bytes.len().min(4096)];
        let mut tail = vec![string(4, head, total)];
        if bytes.len() > 4096 {
            tail.push(string(5, &bytes[bytes.len() - 4096..], total));
        }
        let args = args_of(&tail);
        prop_assert!(!args.truncated);
        prop_assert_eq!(args.words, words(&bytes).collect::<Vec<_>>());
    }
}
