//! Connections, bytes and stamps as real programs make them, under both lists of hooks.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, which may panic as tests do"
)]
#[path = "net/reset.rs"]
mod reset;
mod watch;

use guardbee_bpf::Options;
use guardbee_wire::{
    CONNECT_GIVEN_UP, CloseEvent, ConnectEvent, DataEvent, DataFlag, Direction, EventFlag, EventKind,
    ExecEvent, ListenEvent, SocketEvent, SocketFlag, SocketRole, Stamp, StampFlag, StringId,
};
use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::net::{UnixListener, UnixStream},
    },
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use watch::{Record, Watch, lists, small};

const REQUEST: &[u8] = b"GET /report?name=x HTTP/1.1\r\nhost: here\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn tid() -> u32 {
    // SAFETY: gettid has no arguments and can't fail.
    #[allow(unsafe_code, reason = "std has no number of a thread")]
    u32::try_from(unsafe { libc::gettid() }).unwrap()
}

fn accept_of(watch: &Watch, port: u16) -> SocketEvent {
    watch
        .wait("accept", |record| {
            record.kind() == EventKind::Accept && record.fixed::<SocketEvent>().socket.local_port == port
        })
        .fixed()
}

fn data_of(watch: &Watch, connection: u64) -> Vec<(DataEvent, Vec<u8>)> {
    watch
        .records()
        .iter()
        .filter(|record| record.kind() == EventKind::Data)
        .map(|record| (record.fixed::<DataEvent>(), record.0[size_of::<DataEvent>()..].to_vec()))
        .filter(|(event, _)| event.connection == connection)
        .map(|(event, bytes)| (event, bytes[..event.captured as usize].to_vec()))
        .collect()
}

/// One HTTP exchange over a new connection; the server's thread runs `/bin/true NONCE` between. Answers (port, pid, tid
/// of the server's thread).
fn exchange(nonce: &str) -> (SocketAddr, u32, u32) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let nonce = nonce.to_owned();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = vec![0; 4096];
        let count = stream.read(&mut bytes).unwrap();
        assert_eq!(&bytes[..count], REQUEST);
        let mut child = Command::new("/bin/true").arg(nonce).spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        stream.write_all(RESPONSE).unwrap();
        assert_eq!(stream.read(&mut bytes).unwrap(), 0, "the client closes first");
        (pid, tid())
    });
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(REQUEST).unwrap();
    let mut answer = vec![0; RESPONSE.len()];
    client.read_exact(&mut answer).unwrap();
    drop(client);
    let (pid, tid) = server.join().unwrap();
    (address, pid, tid)
}

fn exec_of(watch: &Watch, pid: u32) -> Record {
    watch.wait("exec", |record| record.kind() == EventKind::Exec && record.header().tgid == pid)
}

#[test]
fn an_exchange_is_seen_and_what_it_runs_knows_it() {
    for &hooks in lists() {
        let watch = Watch::with(hooks);
        let (address, pid, tid) = exchange("an-exchange");
        let accept = accept_of(&watch, address.port());
        assert_eq!(accept.socket.role, SocketRole::Accepted as u8);
        assert_eq!(accept.header.tid, tid);
        assert_eq!(accept.socket.local_address, *b"\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01");
        let exec = exec_of(&watch, pid);
        let expected = Stamp {
            connection: accept.socket.connection,
            position: REQUEST.len() as u64,
            reads: 1,
            tid,
            flags: 0,
            layer: 1,
            pad: [0; 5],
        };
        assert_eq!(exec.header().origin, expected, "{hooks:?}");
        assert_eq!(exec.header().serving, Stamp::default(), "the child itself reads nothing");
        assert_eq!(exec.text::<ExecEvent>(StringId::Args), "/bin/true\0an-exchange\0");

        let close = watch.wait("close", |record| {
            record.kind() == EventKind::Close
                && record.fixed::<CloseEvent>().connection == accept.socket.connection
        });
        let close: CloseEvent = close.fixed();
        assert_eq!(close.received_bytes, REQUEST.len() as u64);
        assert_eq!(close.sent_bytes, RESPONSE.len() as u64);
        assert_eq!(close.header.tgid, std::process::id());
        let data = data_of(&watch, accept.socket.connection);
        let seen: Vec<_> =
            data.iter().map(|(event, bytes)| (event.direction, event.position, &bytes[..])).collect();
        assert_eq!(
            seen,
            [(Direction::Received as u8, 0, REQUEST), (Direction::Sent as u8, 0, RESPONSE)],
            "{hooks:?}"
        );
        assert!(data.iter().all(|(event, _)| event.flags == DataFlag::Turn as u8));
        let listens = watch.records().into_iter().filter(|record| {
            record.kind() == EventKind::Listen
                && record.fixed::<ListenEvent>().socket.local_port == address.port()
        });
        assert_eq!(listens.count(), 2, "it begins and ceases, whatever is accepted");
        let led = watch.records().into_iter().position(|record| {
            record.kind() == EventKind::Socket
                && record.fixed::<SocketEvent>().socket.connection == accept.socket.connection
        });
        assert!(led.is_some(), "a SOCKET record leads the data");
    }
}

/// Both ends of a connection of this listener.
fn pair(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

#[test]
fn a_connection_that_was_idle_until_the_sensor_came_is_seen_whole() {
    for (&hooks, iterated) in lists().iter().flat_map(|hooks| [(hooks, false), (hooks, true)]) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (mut idle, mut busy) = (pair(&listener), pair(&listener));
        let mut bytes = [0; 4096];
        busy.0.write_all(b"x").unwrap();
        assert_eq!(busy.1.read(&mut bytes).unwrap(), 1);
        busy.1.write_all(b"y").unwrap();
        assert_eq!(busy.0.read(&mut bytes).unwrap(), 1);
        // Nothing of this one was read; what waits in the socket belongs to what will be.
        idle.0.write_all(&REQUEST[..10]).unwrap();
        let watch = Watch::with(hooks);
        let mut iterator = File::from(watch.kernel.iterate_sockets().unwrap());
        if iterated {
            while iterator.read(&mut bytes).unwrap() > 0 {}
        }
        idle.0.write_all(&REQUEST[10..]).unwrap();
        busy.0.write_all(REQUEST).unwrap();
        let mut read = 0;
        while read < REQUEST.len() {
            read += idle.1.read(&mut bytes[..7]).unwrap();
        }
        assert_eq!(busy.1.read(&mut bytes).unwrap(), REQUEST.len());
        let port = |end: &TcpStream| end.peer_addr().unwrap().port();
        let socket = |end: &TcpStream| -> SocketEvent {
            let of = |record: &Record| {
                record.kind() == EventKind::Socket
                    && record.fixed::<SocketEvent>().socket.remote_port == port(end)
                    && record.fixed::<SocketEvent>().socket.role == SocketRole::Accepted as u8
            };
            watch.wait("socket", of).fixed()
        };
        let (idle, busy) = (socket(&idle.1), socket(&busy.1));
        let middle = SocketFlag::Middle as u8;
        assert_eq!((idle.socket.flags, busy.socket.flags), (0, middle), "{hooks:?}, iterated: {iterated}");
        let accepted = watch.wait("accept", |record| {
            record.kind() == EventKind::Accept
                && record.fixed::<SocketEvent>().socket.connection == idle.socket.connection
        });
        assert_eq!(accepted.header().tid, tid());
        let (first, bytes) = &data_of(&watch, idle.socket.connection)[0];
        assert_eq!((first.position, &bytes[..]), (0, &REQUEST[..7]));
    }
}

#[test]
fn connects_and_listens_have_their_results() {
    let watch = Watch::best();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let of_port = move |record: &Record| {
        record.kind() == EventKind::Connect && record.fixed::<ConnectEvent>().socket.remote_port == port
    };
    let event: ConnectEvent = watch.wait("connect", of_port).fixed();
    assert_eq!((event.result, event.header.tgid), (0, std::process::id()));
    assert_eq!(event.socket.local_port, client.local_addr().unwrap().port());
    assert!(event.begun_ns > 0 && event.begun_ns <= event.header.time_ns);
    assert_ne!(event.socket.connection, 0);
    drop((client, listener));
    let listens = |began: u32| {
        move |record: &Record| {
            let event: ListenEvent = match record.kind() {
                EventKind::Listen => record.fixed(),
                _ => return false,
            };
            event.socket.local_port == port && event.listening == began
        }
    };
    watch.wait("listen", listens(1));
    watch.wait("end of listen", listens(0));
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    let refused = watch.wait("refused connect", |record| {
        of_port(record) && record.fixed::<ConnectEvent>().result == -libc::ECONNREFUSED
    });
    let refused: ConnectEvent = refused.fixed();
    assert_eq!(refused.header.tgid, std::process::id());
    assert_ne!(refused.socket.local_port, 0);
}

/// An address of IPv4 as the kernel takes it.
fn raw(address: SocketAddr) -> libc::sockaddr_in {
    let SocketAddr::V4(v4) = address else { panic!("IPv4 alone") };
    libc::sockaddr_in {
        sin_family: libc::AF_INET.try_into().unwrap(),
        sin_port: v4.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(*v4.ip()).to_be() },
        sin_zero: [0; 8],
    }
}

/// Where nobody answers: a listener whose queue holds one, and is full. The ends of that one come with it.
fn unanswering() -> (SocketAddr, (TcpListener, TcpStream)) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // SAFETY: a listening socket; its queue gets shorter.
    #[allow(unsafe_code, reason = "std chooses the length by itself")]
    let shortened = unsafe { libc::listen(listener.as_raw_fd(), 0) };
    assert_eq!(shortened, 0);
    let first = TcpStream::connect(address).unwrap();
    (address, (listener, first))
}

/// Attempts to connect there that were told so far.
fn tried(watch: &Watch, to: SocketAddr) -> Vec<ConnectEvent> {
    let records = watch.records().into_iter().filter(|record| record.kind() == EventKind::Connect);
    let events = records.map(|record| record.fixed::<ConnectEvent>());
    events.filter(|event| event.socket.remote_port == to.port()).collect()
}

/// Who tried, and how it ended.
fn ended(events: &[ConnectEvent]) -> Vec<(u32, i32)> {
    events.iter().map(|event| (event.header.tgid, event.result)).collect()
}

/// A socket that asks there and waits for nothing.
#[allow(unsafe_code, reason = "std waits for an answer")]
fn asking(to: SocketAddr) -> OwnedFd {
    let address = raw(to);
    let size = u32::try_from(size_of_val(&address)).unwrap();
    // SAFETY: the address is there while the call lasts, and nobody else has the descriptor.
    unsafe {
        let fd = libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0);
        assert_eq!(libc::connect(fd, (&raw const address).cast(), size), -1);
        assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::EINPROGRESS));
        OwnedFd::from_raw_fd(fd)
    }
}

#[test]
fn connects_that_nobody_answered_are_told_once_and_name_who_asked() {
    let (to, _held) = unanswering();
    let watch = Watch::best();
    let given_up = (std::process::id(), CONNECT_GIVEN_UP);
    let one = asking(to);
    assert_eq!(ended(&tried(&watch, to)), [], "nothing has come of it yet");
    drop(one);
    assert_eq!(ended(&tried(&watch, to)), [given_up]);
    assert!(TcpStream::connect_timeout(&to, Duration::from_millis(20)).is_err());
    assert_eq!(ended(&tried(&watch, to)), [given_up, given_up]);
    let event = tried(&watch, to)[1];
    assert!(event.begun_ns > 0 && event.begun_ns + 20_000_000 <= event.header.time_ns);
    assert_eq!(event.socket.remote_address, *b"\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01");

    // Who ends gives up, and so does who lets another inherit the socket and stays.
    let asks = format!("exec 3<>/dev/tcp/{}/{}", to.ip(), to.port());
    let mut child = Command::new("bash").arg("-c").arg(asks).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !waits(to) {
        assert!(Instant::now() < deadline, "bash has not asked in 10 s");
        thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(ended(&tried(&watch, to))[2..], [(child.id(), CONNECT_GIVEN_UP)]);
    let kept = asking(to);
    let mut heir = Command::new("sleep").arg("100").stdin(Stdio::from(kept)).spawn().unwrap();
    heir.kill().unwrap();
    heir.wait().unwrap();
    assert_eq!(ended(&tried(&watch, to))[3..], [given_up], "who called connect, not who had it last");
}

/// Is there a socket that asks there?
fn waits(to: SocketAddr) -> bool {
    let mut table = String::new();
    File::open("/proc/net/tcp").unwrap().read_to_string(&mut table).unwrap();
    let wanted = format!(":{:04X} 02 ", to.port());
    table.lines().any(|line| line.contains(&wanted))
}

#[test]
fn however_many_wait_for_an_answer_each_is_told_with_a_process() {
    // More than the kernel half remembers the callers of.
    const COUNT: usize = 5000;
    let limit = libc::rlimit { rlim_cur: 8192, rlim_max: 8192 };
    // SAFETY: the limit is there while the call lasts.
    #[allow(unsafe_code, reason = "std has no limits")]
    let raised = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    assert_eq!(raised, 0);
    let (to, _held) = unanswering();
    let watch = Watch::best();
    let all: Vec<_> = (0..COUNT).map(|_| asking(to)).collect();
    drop(all);
    let told = tried(&watch, to);
    assert_eq!(told.len(), COUNT);
    let given_up = (std::process::id(), CONNECT_GIVEN_UP);
    assert!(ended(&told).iter().all(|one| *one == given_up));
    let (seen, forgotten): (Vec<_>, Vec<&ConnectEvent>) = told.iter().partition(|event| event.begun_ns > 0);
    assert!(seen.len() > 1000 && !forgotten.is_empty(), "{} {}", seen.len(), forgotten.len());
    // Of a thread that only closed it no stamp is taken for the caller's.
    assert!(forgotten.iter().all(|event| event.header.flags & EventFlag::StampLost as u16 != 0));
}

/// A socket bound to one address and connected to another; the errno of that.
#[allow(unsafe_code, reason = "std can't choose both ends")]
fn connected_from(mine: SocketAddr, theirs: SocketAddr) -> (TcpStream, Option<i32>) {
    let (mine, theirs, shared) = (raw(mine), raw(theirs), 1_i32);
    let size = u32::try_from(size_of_val(&mine)).unwrap();
    // SAFETY: addresses and the option are there while the calls last, and nobody else has the descriptor.
    unsafe {
        let fd = libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0);
        assert_eq!(
            libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, (&raw const shared).cast(), 4),
            0
        );
        assert_eq!(libc::bind(fd, (&raw const mine).cast(), size), 0);
        let failed = libc::connect(fd, (&raw const theirs).cast(), size) != 0;
        let error = failed.then(|| std::io::Error::last_os_error().raw_os_error().unwrap());
        (TcpStream::from_raw_fd(fd), error)
    }
}

#[test]
fn what_this_host_turns_down_by_itself_is_no_attempt() {
    let watch = Watch::best();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    // Both from one port: there can't be two such connections.
    let (first, failed) = connected_from("127.0.0.1:0".parse().unwrap(), to);
    assert_eq!(failed, None);
    let (_second, failed) = connected_from(first.local_addr().unwrap(), to);
    assert_eq!(failed, Some(libc::EADDRNOTAVAIL));
    assert_eq!(ended(&tried(&watch, to)), [(std::process::id(), 0)]);
}

#[test]
fn an_accepted_connection_that_nobody_used_is_seen_when_it_is_closed() {
    for &hooks in lists() {
        let watch = Watch::with(hooks);
        for (missed, client_first) in [(&b""[..], false), (b"", true), (b"never read", false)] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let (mut client, server) = pair(&listener);
            client.write_all(missed).unwrap();
            if client_first {
                drop(client);
                drop(server);
            } else {
                drop(server);
                drop(client);
            }
            let accept = accept_of(&watch, port);
            assert_eq!((accept.header.tid, accept.socket.remote_address[12]), (tid(), 127), "{hooks:?}");
            let close = watch.wait("close", |record| {
                record.kind() == EventKind::Close
                    && record.fixed::<CloseEvent>().connection == accept.socket.connection
            });
            assert_eq!(close.header().tgid, std::process::id(), "{hooks:?}");
        }
        // Of one that waits to be accepted until its listener is closed nobody is to be named.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let waiting = TcpStream::connect(("127.0.0.1", port)).unwrap();
        drop(listener);
        drop(waiting);
        watch.wait("end of listen", |record| {
            record.kind() == EventKind::Listen && {
                let event: ListenEvent = record.fixed();
                event.socket.local_port == port && event.listening == 0
            }
        });
        let accepts = watch.records().into_iter().filter(|record| {
            record.kind() == EventKind::Accept && record.fixed::<SocketEvent>().socket.local_port == port
        });
        assert_eq!(accepts.count(), 0, "{hooks:?}");
    }
}

#[test]
fn a_unix_connection_has_a_path_a_peer_and_stamps() {
    for &hooks in lists() {
        let watch = Watch::with(hooks);
        drop(watch.kernel.iterate_sockets().map(|fd| {
            let mut bytes = Vec::new();
            std::fs::File::from(fd).read_to_end(&mut bytes).unwrap();
        }));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let mut client = UnixStream::connect(&path).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(REQUEST).unwrap();
        let mut bytes = vec![0; 4096];
        let count = server.read(&mut bytes).unwrap();
        let pid = {
            let mut child = Command::new("/bin/true").spawn().unwrap();
            child.wait().unwrap();
            child.id()
        };
        server.write_all(RESPONSE).unwrap();
        let named = |record: &Record| {
            record.text::<SocketEvent>(StringId::UnixPath) == path.to_str().unwrap()
                && record.kind() == EventKind::Accept
        };
        let accept: SocketEvent = watch.wait("unix accept", named).fixed();
        assert_ne!(accept.socket.peer_inode, 0);
        assert_eq!(accept.socket.peer_tgid, std::process::id());
        let connect = watch.wait("unix connect", |record| {
            record.kind() == EventKind::Connect
                && record.text::<ConnectEvent>(StringId::UnixPath) == path.to_str().unwrap()
        });
        let connect: ConnectEvent = connect.fixed();
        assert_eq!(connect.socket.inode, accept.socket.peer_inode);
        let origin = exec_of(&watch, pid).header().origin;
        assert_eq!(
            (origin.connection, origin.position),
            (accept.socket.connection, count as u64),
            "{hooks:?}"
        );
        assert_eq!(data_of(&watch, accept.socket.connection).len(), 2);
    }
}

#[test]
fn a_peek_moves_nothing_and_a_new_thread_inherits_nothing() {
    for &hooks in lists() {
        let watch = Watch::with(hooks);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(REQUEST).unwrap();
        let mut bytes = vec![0; 4096];
        server.peek(&mut bytes).unwrap();
        server.read_exact(&mut bytes[..10]).unwrap();
        let other = thread::spawn(|| {
            let mut child = Command::new("/bin/true").spawn().unwrap();
            child.wait().unwrap();
            child.id()
        });
        let pid = other.join().unwrap();
        assert_eq!(exec_of(&watch, pid).header().origin, Stamp::default(), "{hooks:?}");
        let mut child = Command::new("/bin/true").spawn().unwrap();
        child.wait().unwrap();
        let origin = exec_of(&watch, child.id()).header().origin;
        assert_eq!((origin.position, origin.reads), (10, 1), "{hooks:?}");
    }
}

#[test]
fn a_stamp_says_whether_the_read_could_block_and_who_multiplexes() {
    for &hooks in lists() {
        let watch = Watch::with(hooks);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let mut flags = Vec::new();
        for step in 0..3 {
            if step == 1 {
                server.set_nonblocking(true).unwrap();
            }
            if step == 2 {
                add_to_epoll(&server);
            }
            client.write_all(b"x").unwrap();
            let mut byte = [0];
            while server.read(&mut byte).is_err() {
                thread::yield_now();
            }
            let mut child = Command::new("/bin/true").spawn().unwrap();
            child.wait().unwrap();
            flags.push(exec_of(&watch, child.id()).header().origin.flags);
        }
        let (epoll, nonblock) = (StampFlag::Epoll as u16, StampFlag::Nonblock as u16);
        assert_eq!(flags, [0, nonblock, nonblock | epoll], "{hooks:?}");
    }
}

#[allow(unsafe_code, reason = "std has no epoll")]
fn add_to_epoll(stream: &TcpStream) {
    // SAFETY: valid fds and a valid event; the set lives as long as the test process.
    unsafe {
        let set = libc::epoll_create1(0);
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: 0 };
        assert_eq!(libc::epoll_ctl(set, libc::EPOLL_CTL_ADD, stream.as_raw_fd(), &raw mut event), 0);
    }
}

#[test]
fn long_bodies_are_lengths_beyond_the_budget() {
    for &hooks in lists() {
        let watch = Watch::with(hooks);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(REQUEST).unwrap();
        server.read_exact(&mut vec![0; REQUEST.len()]).unwrap();
        let body = vec![b'y'; 3000];
        for _ in 0..3 {
            server.write_all(&body).unwrap();
        }
        let accept = accept_of(&watch, port);
        watch.wait("third write", |record| {
            record.kind() == EventKind::Data && {
                let event: DataEvent = record.fixed();
                event.connection == accept.socket.connection && event.position == 6000
            }
        });
        let sent: Vec<_> = data_of(&watch, accept.socket.connection)
            .into_iter()
            .filter(|(event, _)| event.direction == Direction::Sent as u8)
            .map(|(event, _)| (event.position, event.length, event.captured))
            .collect();
        assert_eq!(sent, [(0, 3000, 3000), (3000, 3000, 1096), (6000, 3000, 1024)], "{hooks:?}");
    }
}

#[test]
fn gathered_writes_are_read_piece_by_piece() {
    for &hooks in lists() {
        let watch = Watch::with(hooks);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let pieces = [std::io::IoSlice::new(&REQUEST[..7]), std::io::IoSlice::new(&REQUEST[7..])];
        assert_eq!(client.write_vectored(&pieces).unwrap(), REQUEST.len());
        server.read_exact(&mut vec![0; REQUEST.len()]).unwrap();
        let accept = accept_of(&watch, port);
        assert_ne!(accept.socket.connection, 0);
        watch.wait("the client's bytes", |record| {
            record.kind() == EventKind::Data
                && record.fixed::<DataEvent>().direction == Direction::Sent as u8
                && record.0[size_of::<DataEvent>()..].starts_with(REQUEST)
        });
    }
}

/// Moves `count` messages of three bytes by one call: over a unix socket nothing but their sum says how many bytes those were.
#[allow(unsafe_code, reason = "std has no calls for several messages")]
fn messages(fd: i32, count: usize, sent: bool) {
    let mut bytes = vec![*b"abc"; count];
    let vector = |bytes: &mut [u8; 3]| libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: 3 };
    let mut vectors: Vec<_> = bytes.iter_mut().map(vector).collect();
    // SAFETY: a header of zeroes has no name, no vectors and no control data.
    let empty: libc::mmsghdr = unsafe { std::mem::zeroed() };
    let mut headers = vec![empty; count];
    for (header, vector) in headers.iter_mut().zip(&mut vectors) {
        header.msg_hdr.msg_iov = vector;
        header.msg_hdr.msg_iovlen = 1;
    }
    let length = u32::try_from(count).unwrap();
    // SAFETY: `length` headers, each of one vector of three bytes, all alive.
    let moved = unsafe {
        if sent {
            libc::sendmmsg(fd, headers.as_mut_ptr(), length, 0)
        } else {
            libc::recvmmsg(fd, headers.as_mut_ptr(), length, 0, std::ptr::null_mut())
        }
    };
    assert_eq!(usize::try_from(moved).unwrap(), count);
}

#[test]
fn one_call_that_moves_many_messages_moves_the_position_by_all_of_them() {
    // As many as a socket's buffer holds: nobody reads meanwhile.
    const COUNT: usize = 100;
    for &hooks in lists() {
        let watch = Watch::with(hooks);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let mut client = UnixStream::connect(&path).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(REQUEST).unwrap();
        server.read_exact(&mut vec![0; REQUEST.len()]).unwrap();
        messages(client.as_raw_fd(), COUNT, true);
        messages(server.as_raw_fd(), COUNT, false);
        client.write_all(b"after").unwrap();
        server.read_exact(&mut [0; 5]).unwrap();
        let behind = u64::try_from(REQUEST.len() + 3 * COUNT).unwrap();
        for direction in [Direction::Sent, Direction::Received] {
            watch.wait("what came after the messages", |record| {
                record.kind() == EventKind::Data && {
                    let event: DataEvent = record.fixed();
                    let ours = event.header.tgid == std::process::id() && event.length == 5;
                    ours && event.direction == direction as u8 && event.position == behind
                }
            });
        }
    }
}

/// A new connection whose client sends these pieces, each by a call of its own; answers what was reported of them.
fn reported(watch: &Watch, pieces: &[&[u8]]) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    for piece in pieces {
        client.write_all(piece).unwrap();
        server.read_exact(&mut vec![0; piece.len()]).unwrap();
    }
    let connection = accept_of(watch, port).socket.connection;
    data_of(watch, connection).into_iter().flat_map(|(_, bytes)| bytes).collect()
}

#[test]
fn whatever_begins_like_http_is_reported_from_its_first_byte() {
    for &hooks in lists() {
        let watch = Watch::with(hooks);
        for pieces in [
            &[&b"PROPFIND /dav/ HTTP/1.1\r\n"[..]][..],
            &[b"VERSION-CONTROL /dav/x HTTP/1.1\r\n"],
            &[b"\r\nREPORT /dav/ HTTP/1.1\r\n"],
            &[b"FOO /not/registered HTTP/1.1\r\n"],
            &[b"M", b"KCOL /split HTTP/1.1\r\n"],
            &[b"DELETE", b" /split HTTP/1.1\r\n"],
            &[b"\r", b"\n", b"GET / HTTP/1.1\r\n"],
            &[b"HTTP/", b"1.1 200 OK\r\n"],
        ] {
            let sent = pieces.concat();
            assert_eq!(reported(&watch, pieces), sent, "{hooks:?} {}", String::from_utf8_lossy(&sent));
        }
    }
}

#[test]
fn the_sensors_own_payload_and_other_protocols_are_not_reported() {
    for &hooks in lists() {
        let own = Options { hooks: Some(hooks), own: vec![std::process::id()], ..small() };
        assert_eq!(reported(&Watch::start(&own), &[REQUEST]), b"");
        let watch = Watch::with(hooks);
        for start in [
            &b"*1\r\n$4\r\nPING\r\n"[..],
            b"EHLO mail.example\r\n",
            b"AUTH PLAIN AGEAYg==\r\n",
            b"AUTH\r\n",
            b"USER somebody\r\n",
            b"PASS secret\r\n",
            b"DELE 1\r\n",
            b"CONNECT\nlogin:somebody\n",
            b"Q\0\0\0\x0dselect 1\0",
            b"SSH-2.0-OpenSSH_9.2\r\n",
        ] {
            assert_eq!(reported(&watch, &[start]), b"", "{hooks:?} {}", String::from_utf8_lossy(start));
        }
    }
}
