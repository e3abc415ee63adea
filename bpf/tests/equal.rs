//! One workload, two lists of hooks, two forms of dispatch, equal streams.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, which may panic as tests do"
)]
mod watch;

use guardbee_bpf::{Dispatch, HookList, Options};
use guardbee_wire::{
    CloseEvent, ConnectEvent, DataEvent, Direction, EventFlag, EventKind, ExecEvent, ListenEvent,
    SocketEvent, Stamp, StringId,
};
use rustix::{
    event::epoll,
    fs::sendfile,
    io::{ReadWriteFlags, ioctl_fionbio, ioctl_fionread, preadv2, pwritev2},
    net::{RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendFlags, recv, recvmsg, sendmsg},
};
use std::{
    collections::HashMap,
    io::{IoSlice, IoSliceMut, Read, Write},
    net::{TcpListener, TcpStream},
    os::{
        fd::AsFd,
        unix::net::{UnixListener, UnixStream},
    },
    process::Command,
    sync::Mutex,
    time::{Duration, Instant},
};
use watch::{Record, Watch, small};

/// An end of a connection.
trait End: Read + Write + AsFd {}
impl<T: Read + Write + AsFd> End for T {}

/// A connection that is refused, one that nobody uses, keep-alive exchanges, split heads, vectors, a long body, a child, over both kinds of sockets. One thread, which waits for
/// whatever the kernel does later: the order of events is the workload's, not the scheduler's.
fn workload(watch: &Watch) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = TcpStream::connect(address).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    close(watch, client, &mut server, 2);
    drop(server);
    let mut client = TcpStream::connect(address).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    for round in 0..3 {
        exchange(&mut client, &mut server, round);
    }
    rarer(&mut client, &mut server);
    close(watch, client, &mut server, 4);
    drop(listener);
    assert!(TcpStream::connect(address).is_err());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let mut client = UnixStream::connect(&path).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    exchange(&mut client, &mut server, 9);
    rarer(&mut client, &mut server);
}

/// Both ends, one after the other; then `so_far` were closed.
fn close(watch: &Watch, client: TcpStream, server: &mut TcpStream, so_far: usize) {
    drop(client);
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
    server.shutdown(std::net::Shutdown::Both).unwrap();
    wait("both ends to be closed", || {
        let closed = |record: &&Record| {
            record.kind() == EventKind::Close && record.header().tgid == std::process::id()
        };
        watch.records().iter().filter(closed).count() == so_far
    });
}

/// Calls that look without taking, take without looking, don't wait, or move what isn't in the caller's memory; a child after
/// each that may change what its thread serves.
fn rarer(client: &mut impl End, server: &mut impl End) {
    let request = b"GET /rarer HTTP/1.1\r\ncookie: none\r\n\r\n";
    let mut room = [0; 64];
    client.write_all(request).unwrap();
    arrived(server, request.len());
    recv(&*server, &mut room, RecvFlags::PEEK).unwrap();
    recv(&*server, &mut room[..5], RecvFlags::TRUNC).unwrap();
    recv(&*server, &mut room[..5], RecvFlags::DONTWAIT).unwrap();
    child("dontwait");
    let mut none = RecvAncillaryBuffer::default();
    recvmsg(&*server, &mut [IoSliceMut::new(&mut room)], &mut none, RecvFlags::empty()).unwrap();
    ioctl_fionbio(&*server, true).unwrap();
    sendmsg(
        &*client,
        &[IoSlice::new(b"POST / HTTP/1.1")],
        &mut SendAncillaryBuffer::default(),
        SendFlags::empty(),
    )
    .unwrap();
    arrived(server, 15);
    preadv2(&*server, &mut [IoSliceMut::new(&mut room)], u64::MAX, ReadWriteFlags::empty()).unwrap();
    child("nonblock");
    let set = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    epoll::add(&set, &*server, epoll::EventData::new_u64(0), epoll::EventFlags::IN).unwrap();
    pwritev2(&*client, &[IoSlice::new(b"\r\n\r\n")], u64::MAX, ReadWriteFlags::empty()).unwrap();
    read(server, 4);
    child("epoll");
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&[b'f'; 100]).unwrap();
    sendfile(&*server, &file, Some(&mut 0), 100).unwrap();
    read(client, 100);
}

fn child(name: &str) {
    Command::new("/bin/true").arg(name).status().unwrap();
}

fn wait(what: &str, mut until: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !until() {
        assert!(Instant::now() < deadline, "waited 10 s for {what}");
        std::thread::yield_now();
    }
}

fn exchange(client: &mut impl End, server: &mut impl End, round: usize) {
    let request = format!("POST /{round} HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc");
    let (first, rest) = request.split_at(1 + round);
    client.write_all(first.as_bytes()).unwrap();
    read(server, first.len());
    assert_eq!(
        client
            .write_vectored(&[IoSlice::new(&rest.as_bytes()[..5]), IoSlice::new(&rest.as_bytes()[5..])])
            .unwrap(),
        rest.len()
    );
    let (mut one, mut two) = ([0; 3], [0; 200]);
    arrived(server, rest.len());
    let count = server.read_vectored(&mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)]).unwrap();
    assert_eq!(count, rest.len());
    child(&format!("round-{round}"));
    let body = vec![b'z'; 6000];
    server.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6000\r\n\r\n").unwrap();
    server.write_all(&body).unwrap();
    read(client, 41 + 6000);
}

/// By one call, however many segments there were.
fn read(from: &mut impl End, count: usize) {
    arrived(from, count);
    assert_eq!(from.read(&mut vec![0; count]).unwrap(), count);
}

fn arrived(at: &impl End, count: usize) {
    wait("bytes to arrive", || ioctl_fionread(at).unwrap() == count as u64);
}

/// What must not differ: numbers of connections become their order of appearance.
#[derive(Default)]
struct Normal(HashMap<u64, usize>);

impl Normal {
    fn connection(&mut self, id: u64) -> usize {
        let next = self.0.len() + 1;
        if id == 0 { 0 } else { *self.0.entry(id).or_insert(next) }
    }

    fn stamp(&mut self, stamp: &Stamp) -> (usize, u64, u32, u16, u8) {
        (self.connection(stamp.connection), stamp.position, stamp.reads, stamp.flags, stamp.layer)
    }

    fn line(&mut self, record: &Record) -> Option<String> {
        let header = record.header();
        // Whether a record woke the reader is the ring's affair: others on this machine fill it too.
        let flags = header.flags & !(EventFlag::Urgent as u16);
        let stamps = (self.stamp(&header.serving), self.stamp(&header.origin), flags);
        let kind = record.kind();
        let rest = match kind {
            EventKind::Exec => format!("{:?}", record.text::<ExecEvent>(StringId::Args)),
            EventKind::Fork | EventKind::Exit => String::new(),
            EventKind::Listen => format!("{}", record.fixed::<ListenEvent>().listening),
            EventKind::Accept | EventKind::Socket => {
                let socket = record.fixed::<SocketEvent>().socket;
                format!(
                    "{} {} {} {}",
                    self.connection(socket.connection),
                    socket.role,
                    socket.flags,
                    socket.family
                )
            }
            EventKind::Connect => {
                let event: ConnectEvent = record.fixed();
                format!("{} {} {}", self.connection(event.socket.connection), event.result, event.socket.role)
            }
            EventKind::Data => {
                let event: DataEvent = record.fixed();
                let bytes = &record.0[size_of::<DataEvent>()..];
                format!(
                    "{} {} at {} of {} flags {} {:?}",
                    self.connection(event.connection),
                    if event.direction == Direction::Sent as u8 { "sent" } else { "received" },
                    event.position,
                    event.length,
                    event.flags,
                    String::from_utf8_lossy(&bytes[..event.captured as usize]),
                )
            }
            EventKind::Close => {
                let event: CloseEvent = record.fixed();
                format!("{} {} {}", self.connection(event.connection), event.received_bytes, event.sent_bytes)
            }
            _ => return None,
        };
        Some(format!("{kind:?} {rest} {stamps:?}"))
    }
}

/// The workload's events are told from others by the process.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn stream(options: &Options) -> Vec<String> {
    stream_of(options, 0)
}

/// With as many copies of each program left out as can be.
fn stream_of(options: &Options, left_out: usize) -> Vec<String> {
    let _only = ONE_AT_A_TIME.lock();
    let watch = Watch::attached(options, |program, copy| copy >= left_out || !program.has_spares());
    drop(
        watch
            .kernel
            .iterate_sockets()
            .map(|fd| std::fs::File::from(fd).read_to_end(&mut Vec::new()).unwrap()),
    );
    workload(&watch);
    let runs = watch.kernel.spare_runs();
    let spared =
        watch.kernel.programs().iter().filter(|program| program.has_spares() && watch.kernel.spares());
    for (copy, program) in spared.flat_map(|program| [(1, program), (2, program)]) {
        let ran = runs[usize::from(program.id)][copy - 1] > 0;
        assert_eq!(ran, copy >= left_out, "copy {copy} of {program:?}");
    }
    let mut records = watch.records();
    let forked: Vec<u32> = records
        .iter()
        .filter(|record| record.kind() == EventKind::Fork && record.header().tgid == std::process::id())
        .map(|record| record.fixed::<guardbee_wire::ForkEvent>().child.tgid)
        .collect();
    records.retain(|record| {
        let tgid = record.header().tgid;
        tgid == std::process::id() || forked.contains(&tgid)
    });
    records.sort_by_key(|record| record.header().time_ns);
    let mut normal = Normal::default();
    let mut lines: Vec<String> = records.iter().filter_map(|record| normal.line(record)).collect();
    // Which end of a connection ends first is the kernel's affair: the last acknowledgement is sent before its sender is closed.
    let ends = |line: &str| line.starts_with("Close") || line.starts_with("Accept");
    for run in lines.chunk_by_mut(|one, next| ends(one) && ends(next)) {
        run.sort();
    }
    lines
}

/// One workload, seen in two ways.
fn equal(one: &[String], other: &[String]) {
    assert!(one.len() > 80, "the workload was seen: {one:#?}");
    assert!(
        one.iter()
            .any(|line| line.starts_with("Connect") && line.contains(&format!("-{}", libc::ECONNREFUSED)))
    );
    assert!(one.iter().any(|line| line.starts_with("Data") && line.contains("T /2 HTTP")));
    for (one, other) in one.iter().zip(other) {
        assert_eq!(one, other);
    }
    assert_eq!(one.len(), other.len());
}

fn options(hooks: HookList, spares: bool) -> Options {
    Options { hooks: Some(hooks), spares: Some(spares), ..small() }
}

#[test]
fn both_lists_and_both_forms_of_dispatch_give_equal_streams() {
    let lists = [HookList::Tracepoint6_3, HookList::Tracepoint5_10];
    let [new, old] = lists.map(|hooks| stream(&options(hooks, false)));
    equal(&new, &old);
    let full = Options { dispatch: Some(Dispatch::Full), ..options(HookList::Tracepoint5_10, false) };
    equal(&new, &stream(&full));
}

/// Each event once, though three programs are asked; and all the same when one is refused, or two: here they are left out.
/// Where kernels do refuse them, on 7.x, the join shows it in a virtual machine.
#[test]
fn spares_take_up_what_others_did_not_and_nothing_else() {
    let options = |spares| options(HookList::Tracepoint6_3, spares);
    let without = stream(&options(false));
    for left_out in 0..3 {
        equal(&without, &stream_of(&options(true), left_out));
    }
}
