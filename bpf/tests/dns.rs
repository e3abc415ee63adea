//! Questions to a name server and its answers, by every call that moves datagrams, under both lists of hooks.
#![allow(
    missing_docs,
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, which may panic as tests do; the calls are the kernel's own"
)]
mod watch;

use guardbee_bpf::{Capability, Options};
use guardbee_wire::{DNS_BYTES, DNS_PORT, DataFlag, Direction, DnsEvent, EventKind, StringId};
use std::{
    io::{IoSlice, Read as _, Write as _},
    mem::zeroed,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::AsRawFd as _,
    process, ptr,
    sync::atomic::{AtomicU8, Ordering},
    thread,
};
use watch::{Watch, lists, small};

/// An address of the loopback network that no other test has, of this binary or another's.
fn here() -> Ipv4Addr {
    static TAKEN: AtomicU8 = AtomicU8::new(53);
    let [_, _, high, low] = process::id().to_be_bytes();
    Ipv4Addr::new(127, TAKEN.fetch_add(1, Ordering::Relaxed), high, low)
}

/// Answers each datagram with the same in upper case, until it gets an empty one.
struct Server {
    address: SocketAddr,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    fn start(address: IpAddr, port: u16) -> Self {
        let socket = UdpSocket::bind((address, port)).unwrap();
        let address = socket.local_addr().unwrap();
        let thread = thread::spawn(move || {
            let mut buffer = [0; 2048];
            while let Ok((length @ 1.., from)) = socket.recv_from(&mut buffer) {
                socket.send_to(&buffer[..length].to_ascii_uppercase(), from).unwrap();
            }
        });
        Self { address, thread: Some(thread) }
    }

    /// As records have its address.
    fn octets(&self) -> [u8; 16] {
        match self.address.ip() {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
        }
    }

    fn connected(&self) -> UdpSocket {
        let socket = self.stranger();
        socket.connect(self.address).unwrap();
        socket
    }

    fn stranger(&self) -> UdpSocket {
        let any: IpAddr =
            if self.address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        UdpSocket::bind((any, 0)).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.stranger().send_to(&[], self.address).unwrap();
        thread.join().unwrap();
    }
}

fn watching(hooks: guardbee_bpf::Options) -> Watch {
    Watch::start(&Options { watched: vec![Capability::Dns], ..hooks })
}

/// What of this process and that server was told so far: the event and its message.
fn told(watch: &Watch, server: &Server) -> Vec<(DnsEvent, String)> {
    let ours =
        |record: &watch::Record| record.kind() == EventKind::Dns && record.header().tgid == process::id();
    let records = watch.records().into_iter().filter(ours);
    let all = records.map(|record| (record.fixed::<DnsEvent>(), record.text::<DnsEvent>(StringId::Message)));
    all.filter(|(event, _)| event.server == server.octets()).collect()
}

/// Direction and message of each.
fn moved(watch: &Watch, server: &Server) -> Vec<(bool, String)> {
    told(watch, server)
        .into_iter()
        .map(|(event, text)| (event.direction == Direction::Sent as u8, text))
        .collect()
}

fn asked_and_answered(words: &[&str]) -> Vec<(bool, String)> {
    let questions = words.iter().map(|word| (true, (*word).to_owned()));
    questions.chain(words.iter().map(|word| (false, word.to_uppercase()))).collect()
}

/// A message of these pieces, with room for the address of the other end.
fn message(pieces: &mut [libc::iovec], name: Option<&mut libc::sockaddr_in>) -> libc::msghdr {
    // SAFETY: all zero is an empty message.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = pieces.as_mut_ptr();
    message.msg_iovlen = pieces.len();
    if let Some(name) = name {
        message.msg_name = ptr::from_mut(name).cast();
        message.msg_namelen = size_of::<libc::sockaddr_in>().try_into().unwrap();
    }
    message
}

fn piece(bytes: &mut [u8]) -> libc::iovec {
    libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() }
}

/// The server's address as the kernel takes it.
fn raw(address: SocketAddr) -> libc::sockaddr_in {
    let SocketAddr::V4(v4) = address else { panic!("IPv4 alone") };
    // SAFETY: all zero is an address.
    let mut raw: libc::sockaddr_in = unsafe { zeroed() };
    raw.sin_family = libc::AF_INET.try_into().unwrap();
    raw.sin_port = v4.port().to_be();
    raw.sin_addr.s_addr = u32::from(*v4.ip()).to_be();
    raw
}

#[test]
fn every_call_that_asks_and_reads_answers_is_seen() {
    for hooks in lists() {
        let server = Server::start(here().into(), DNS_PORT);
        let watch = watching(Options { hooks: Some(*hooks), ..small() });
        let mut buffer = [0; 64];

        let socket = server.connected();
        socket.send(b"by send").unwrap();
        socket.recv(&mut buffer).unwrap();
        // SAFETY: the buffers are there while the calls last.
        unsafe {
            libc::write(socket.as_raw_fd(), b"by write".as_ptr().cast(), 8);
            libc::read(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len());
            let pieces = [IoSlice::new(b"by "), IoSlice::new(b"writev")];
            libc::writev(socket.as_raw_fd(), pieces.as_ptr().cast(), 2);
            libc::read(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len());
        }
        let socket = server.stranger();
        socket.send_to(b"by sendto", server.address).unwrap();
        socket.recv_from(&mut buffer).unwrap();
        let mut to = raw(server.address);
        let (mut first, mut second) = (*b"by ", *b"sendmsg");
        let mut pieces = [piece(&mut first), piece(&mut second)];
        let asked = message(&mut pieces, Some(&mut to));
        let mut room = [piece(&mut buffer)];
        let mut read = message(&mut room, None);
        // SAFETY: as above; nothing but these calls has the buffers.
        unsafe {
            assert_eq!(libc::sendmsg(socket.as_raw_fd(), &raw const asked, 0), 10);
            assert_eq!(libc::recvmsg(socket.as_raw_fd(), &raw mut read, 0), 10);
        }

        let moved = moved(&watch, &server);
        let words = ["by send", "by write", "by writev", "by sendto", "by sendmsg"];
        let each: Vec<_> = words.iter().flat_map(|word| asked_and_answered(&[word])).collect();
        assert_eq!(moved, each, "{hooks:?}");
        let events = told(&watch, &server);
        assert!(events.iter().all(|(event, text)| event.length as usize == text.len()
            && event.flags == 0
            && event.socket != 0));
        assert_ne!(events[0].0.socket, events[6].0.socket);
    }
}

#[test]
fn each_message_of_one_call_is_seen() {
    for hooks in lists() {
        let server = Server::start(here().into(), DNS_PORT);
        let watch = watching(Options { hooks: Some(*hooks), ..small() });
        let socket = server.connected();
        for round in ["one", "two"] {
            let mut words = [format!("{round} a").into_bytes(), format!("{round} aaaa").into_bytes()];
            let mut rooms = [[0; 64], [0; 64]];
            let mut pieces = words.each_mut().map(|word| [piece(word)]);
            let mut space = rooms.each_mut().map(|room| [piece(room)]);
            let of =
                |pieces: &mut [libc::iovec; 1]| libc::mmsghdr { msg_hdr: message(pieces, None), msg_len: 0 };
            let (mut asked, mut read) = (pieces.each_mut().map(of), space.each_mut().map(of));
            let none = ptr::null_mut();
            // SAFETY: all that the messages point to is there until both calls have ended.
            unsafe {
                assert_eq!(libc::sendmmsg(socket.as_raw_fd(), asked.as_mut_ptr(), 2, 0), 2);
                assert_eq!(libc::recvmmsg(socket.as_raw_fd(), read.as_mut_ptr(), 2, 0, none), 2);
            }
        }
        let expected = [["one a", "one aaaa"], ["two a", "two aaaa"]];
        let expected: Vec<_> = expected.iter().flat_map(|words| asked_and_answered(words)).collect();
        assert_eq!(moved(&watch, &server), expected, "{hooks:?}");
    }
}

#[test]
fn ipv6_is_seen_and_long_messages_are_cut() {
    for hooks in lists() {
        let server = Server::start(Ipv6Addr::LOCALHOST.into(), DNS_PORT);
        let watch = watching(Options { hooks: Some(*hooks), ..small() });
        let mut buffer = [0; 2048];
        for socket in [server.connected(), server.stranger()] {
            let long = [b'x'; DNS_BYTES + 100];
            socket.send_to(&long, server.address).unwrap();
            socket.recv(&mut buffer).unwrap();
        }
        let told = told(&watch, &server);
        assert_eq!(told.len(), 4, "{hooks:?}");
        for (event, text) in told {
            assert_eq!((event.length as usize, text.len()), (DNS_BYTES + 100, DNS_BYTES));
        }
    }
}

#[test]
fn what_is_not_dns_or_not_asked_for_is_silent() {
    for hooks in lists() {
        let server = Server::start(here().into(), DNS_PORT);
        let other = Server::start(here().into(), 0);
        let mut watch = watching(Options { hooks: Some(*hooks), ..small() });
        let mut buffer = [0; 64];
        for socket in [other.connected(), other.stranger()] {
            socket.send_to(b"other", other.address).unwrap();
            socket.recv(&mut buffer).unwrap();
        }
        let ask = |word: &str| {
            let socket = server.connected();
            socket.send(word.as_bytes()).unwrap();
            socket.peek(&mut [0; 64]).unwrap();
            socket.recv(&mut [0; 64]).unwrap();
        };
        watch.kernel.watch(0).unwrap();
        ask("unwatched");
        watch.kernel.watch(Capability::Dns.bit()).unwrap();
        ask("watched");
        watch.kernel.set_own(&[process::id()]).unwrap();
        ask("our own");
        assert_eq!(moved(&watch, &server), asked_and_answered(&["watched"]), "{hooks:?}");
    }
}

#[test]
fn what_can_not_be_read_is_told_without_its_bytes() {
    for hooks in lists() {
        let server = Server::start(here().into(), DNS_PORT);
        let watch = watching(Options { hooks: Some(*hooks), ..small() });
        let socket = server.connected();
        socket.send(b"truncated").unwrap();
        let mut little = [0; 4];
        // SAFETY: the kernel writes four bytes, and says how many there were.
        let length = unsafe {
            libc::recv(socket.as_raw_fd(), little.as_mut_ptr().cast(), little.len(), libc::MSG_TRUNC)
        };
        assert_eq!(length, 9);
        let told = told(&watch, &server);
        assert_eq!(told[1].0.flags, DataFlag::NoBuffer as u8, "{hooks:?}");
        assert_eq!((told[1].0.length, told[1].1.as_str()), (9, ""));
    }
}

/// Reads until the other end has nothing more to say, a few bytes at a time, and answers all of it in upper case.
fn stream_server(address: Ipv4Addr) -> (SocketAddr, thread::JoinHandle<()>) {
    let listener = TcpListener::bind((address, DNS_PORT)).unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = [0; 1024];
        while let Ok(length @ 1..) = stream.read(&mut bytes) {
            stream.write_all(&bytes[..length].to_ascii_uppercase()).unwrap();
        }
    };
    (address, thread::spawn(serve))
}

/// What of a connection there was told: direction, position and bytes of each call.
fn parts(watch: &Watch, server: SocketAddr) -> Vec<(bool, u64, String)> {
    let server = Server { address: server, thread: None };
    let told = told(watch, &server);
    assert!(told.iter().all(|(event, _)| event.connection != 0 && event.socket != 0));
    let part =
        |(event, text): (DnsEvent, String)| (event.direction == Direction::Sent as u8, event.position, text);
    told.into_iter().map(part).collect()
}

#[test]
fn over_tcp_each_call_is_told_with_its_place() {
    for hooks in lists() {
        let (address, server) = stream_server(here());
        let watch = watching(Options { hooks: Some(*hooks), ..small() });
        let mut client = TcpStream::connect(address).unwrap();
        let mut buffer = [0; 64];
        // As resolvers write it: length and message by two calls, by one, gathered.
        client.write_all(b"le").unwrap();
        client.read_exact(&mut buffer[..2]).unwrap();
        client.write_all(b"question").unwrap();
        client.read_exact(&mut buffer[..2]).unwrap();
        client.read_exact(&mut buffer[..6]).unwrap();
        let pieces = [IoSlice::new(b"le"), IoSlice::new(b"by writev")];
        assert_eq!(client.write_vectored(&pieces).unwrap(), 11);
        client.read_exact(&mut buffer[..11]).unwrap();
        let (mut length, mut rest) = (*b"le", *b"by sendmsg");
        let mut pieces = [piece(&mut length), piece(&mut rest)];
        let asked = message(&mut pieces, None);
        // SAFETY: all that the message points to is there while the call lasts.
        assert_eq!(unsafe { libc::sendmsg(client.as_raw_fd(), &raw const asked, 0) }, 12);
        client.read_exact(&mut buffer[..12]).unwrap();
        drop(client);
        server.join().unwrap();
        let expected = [
            (true, 0, "le"),
            (false, 0, "LE"),
            (true, 2, "question"),
            (false, 2, "QU"),
            (false, 4, "ESTION"),
            (true, 10, "leby writev"),
            (false, 10, "LEBY WRITEV"),
            (true, 21, "leby sendmsg"),
            (false, 21, "LEBY SENDMSG"),
        ];
        let expected = expected.map(|(sent, position, text)| (sent, position, text.to_owned()));
        assert_eq!(parts(&watch, address), expected, "{hooks:?}");
    }
}

#[test]
fn over_tcp_long_messages_are_cut_at_the_budget_and_their_lengths_whole() {
    for hooks in lists() {
        let (address, server) = stream_server(here());
        let watch = watching(Options { hooks: Some(*hooks), ..small() });
        let mut client = TcpStream::connect(address).unwrap();
        for _ in 0..3 {
            client.write_all(&[b'x'; 3000]).unwrap();
        }
        client.read_exact(&mut [0; 9000]).unwrap();
        drop(client);
        server.join().unwrap();
        let parts = parts(&watch, address);
        let sent = parts.into_iter().filter(|(sent, ..)| *sent);
        let sent: Vec<_> = sent.map(|(_, position, text)| (position, text.len())).collect();
        assert_eq!(sent, [(0, 3000), (3000, 1096), (6000, 1024)], "{hooks:?}");
    }
}

#[test]
fn over_tcp_only_who_asks_is_looked_at_and_what_is_older_is_marked() {
    for hooks in lists() {
        let (address, server) = stream_server(here());
        let other = TcpListener::bind((here(), 0)).unwrap();
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(b"before").unwrap();
        client.read_exact(&mut [0; 6]).unwrap();
        let mut watch = watching(Options { hooks: Some(*hooks), ..small() });
        let mut elsewhere = TcpStream::connect(other.local_addr().unwrap()).unwrap();
        elsewhere.write_all(b"elsewhere").unwrap();
        other.accept().unwrap().0.read_exact(&mut [0; 9]).unwrap();
        let mut ask = |word: &[u8]| {
            client.write_all(word).unwrap();
            client.read_exact(&mut vec![0; word.len()]).unwrap();
        };
        ask(b"older");
        watch.kernel.watch(0).unwrap();
        ask(b"unwatched");
        watch.kernel.watch(Capability::Dns.bit()).unwrap();
        watch.kernel.set_own(&[process::id()]).unwrap();
        ask(b"our own");
        drop(client);
        server.join().unwrap();
        let texts: Vec<_> = parts(&watch, address).into_iter().map(|(sent, _, text)| (sent, text)).collect();
        assert_eq!(texts, asked_and_answered(&["older"]), "{hooks:?}");
        let ours = |record: &&watch::Record| {
            record.kind() == EventKind::Dns && record.header().tgid == process::id()
        };
        let records = watch.records();
        let events: Vec<DnsEvent> = records.iter().filter(ours).map(watch::Record::fixed).collect();
        let marked = events.iter().filter(|event| event.server == events[0].server);
        assert!(
            marked.clone().count() == 2 && marked.clone().all(|event| event.flags == DataFlag::Middle as u8)
        );
    }
}
