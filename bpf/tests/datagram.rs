//! Whom UDP sockets send to: each peer of a socket once, under both lists of hooks.
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
use guardbee_wire::{ConnectEvent, EventKind, LossCause, SocketRole};
use std::{
    mem::zeroed,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    os::fd::{AsRawFd as _, OwnedFd},
    process, ptr,
};
use watch::{Watch, lists, small};

const ANY: (Ipv4Addr, u16) = (Ipv4Addr::UNSPECIFIED, 0);

fn watching(options: &Options) -> Watch {
    Watch::start(&Options { watched: vec![Capability::Datagram], ..options.clone() })
}

fn each_list(test: impl Fn(Watch)) {
    for hooks in lists() {
        test(watching(&Options { hooks: Some(*hooks), ..small() }));
    }
}

/// Somebody on this host who can be sent to, and answers nothing.
fn peer() -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

fn told(watch: &Watch) -> Vec<ConnectEvent> {
    let ours = |record: &watch::Record| {
        record.kind() == EventKind::Datagram && record.header().tgid == process::id()
    };
    watch.records().iter().filter(|record| ours(record)).map(watch::Record::fixed).collect()
}

/// To whom each event says that was sent, of those that a test has a hand in.
fn sent(watch: &Watch, to: &[SocketAddr]) -> Vec<SocketAddr> {
    let address = |event: &ConnectEvent| {
        let ip = Ipv6Addr::from(event.socket.remote_address).to_canonical();
        SocketAddr::new(ip, event.socket.remote_port)
    };
    told(watch).iter().map(address).filter(|address| to.contains(address)).collect()
}

fn at(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().unwrap()
}

/// An address of IPv4 as sendmsg takes it.
fn raw(address: SocketAddr) -> libc::sockaddr_in {
    let SocketAddr::V4(v4) = address else { panic!("IPv4 alone") };
    // SAFETY: all zero is an address.
    let mut raw: libc::sockaddr_in = unsafe { zeroed() };
    raw.sin_family = libc::AF_INET.try_into().unwrap();
    raw.sin_port = v4.port().to_be();
    raw.sin_addr.s_addr = u32::from(*v4.ip()).to_be();
    raw
}

/// A message of these bytes, to the socket's peer or another.
fn message(piece: &mut libc::iovec, name: Option<&mut libc::sockaddr_in>) -> libc::msghdr {
    // SAFETY: all zero is an empty message.
    let mut message: libc::msghdr = unsafe { zeroed() };
    (message.msg_iov, message.msg_iovlen) = (piece, 1);
    if let Some(name) = name {
        message.msg_name = ptr::from_mut(name).cast();
        message.msg_namelen = size_of::<libc::sockaddr_in>().try_into().unwrap();
    }
    message
}

fn piece(bytes: &mut [u8]) -> libc::iovec {
    libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() }
}

#[test]
fn a_connected_socket_is_told_when_it_first_sends_and_no_more() {
    each_list(|watch| {
        let (server, client) = (peer(), UdpSocket::bind(ANY).unwrap());
        client.connect(at(&server)).unwrap();
        assert_eq!(sent(&watch, &[at(&server)]), []);
        for word in [b"one", b"two"] {
            client.send(word).unwrap();
        }
        let bytes = b"three";
        // SAFETY: the bytes are there while the call lasts.
        unsafe { libc::write(client.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) };
        assert_eq!(sent(&watch, &[at(&server)]), [at(&server)]);
        let event = told(&watch).into_iter().find(|event| event.socket.remote_port == at(&server).port());
        let event = event.unwrap();
        assert_eq!(event.socket.local_port, at(&client).port());
        assert_eq!(
            (event.socket.role, i32::from(event.socket.family), event.result),
            (SocketRole::Connected as u8, libc::AF_INET, 0)
        );
        assert!(event.socket.inode != 0 && event.begun_ns == event.header.time_ns);

        let other = UdpSocket::bind(ANY).unwrap();
        other.send_to(b"of another socket", at(&server)).unwrap();
        assert_eq!(sent(&watch, &[at(&server)]).len(), 2);
    });
}

#[test]
fn each_peer_of_one_socket_is_told_once_whichever_call_names_it() {
    each_list(|watch| {
        let peers: Vec<_> = (0..4).map(|_| peer()).collect();
        let to: Vec<_> = peers.iter().map(at).collect();
        let client = UdpSocket::bind(ANY).unwrap();
        let mut bytes = *b"datagram";
        for _ in 0..2 {
            client.send_to(b"by sendto", to[0]).unwrap();
            client.send_to(b"by sendto", to[1]).unwrap();
            let (mut one, mut name) = (piece(&mut bytes), raw(to[2]));
            let said = message(&mut one, Some(&mut name));
            // SAFETY: all that the message points to is there while the call lasts.
            assert_eq!(unsafe { libc::sendmsg(client.as_raw_fd(), &raw const said, 0) }, 8);
        }
        assert_eq!(sent(&watch, &to), to[..3]);

        // Whoever the socket's peer is, who is named gets it.
        let client = UdpSocket::bind(ANY).unwrap();
        client.connect(to[0]).unwrap();
        client.send_to(b"past its peer", to[3]).unwrap();
        // No family is IPv4's, to the kernel.
        let mut unsaid = raw(to[1]);
        unsaid.sin_family = libc::AF_UNSPEC.try_into().unwrap();
        let mut one = piece(&mut bytes);
        let said = message(&mut one, Some(&mut unsaid));
        // SAFETY: as above.
        assert_eq!(unsafe { libc::sendmsg(client.as_raw_fd(), &raw const said, 0) }, 8);
        assert_eq!(sent(&watch, &to)[3..], [to[3], to[1]]);
    });
}

#[test]
fn each_message_of_one_call_has_its_peer() {
    each_list(|watch| {
        let peers = [peer(), peer(), peer()];
        let to = peers.each_ref().map(at);
        let client = UdpSocket::bind(ANY).unwrap();
        for round in [0, 1] {
            let mut bytes = [*b"a", *b"b"];
            let mut pieces = bytes.each_mut().map(|bytes| piece(bytes));
            let mut names = [raw(to[round]), raw(to[round + 1])];
            let [first, second] = pieces.each_mut();
            let [one, two] = names.each_mut();
            let of = |msg_hdr| libc::mmsghdr { msg_hdr, msg_len: 0 };
            let mut said = [of(message(first, Some(one))), of(message(second, Some(two)))];
            // SAFETY: all that the messages point to is there until the call has ended.
            assert_eq!(unsafe { libc::sendmmsg(client.as_raw_fd(), said.as_mut_ptr(), 2, 0) }, 2);
        }
        assert_eq!(sent(&watch, &to), to);
    });
}

#[test]
fn ipv6_has_its_addresses_and_mapped_ones_are_ipv4s() {
    each_list(|watch| {
        let six = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
        let four = peer();
        let mapped = |address: SocketAddr| match address.ip() {
            IpAddr::V4(ip) => SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()),
            IpAddr::V6(_) => address,
        };
        let to = [at(&six), at(&four)];
        let named = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap();
        for address in to {
            named.send_to(b"named", mapped(address)).unwrap();
            let client = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap();
            client.connect(mapped(address)).unwrap();
            client.send(b"connected").unwrap();
        }
        assert_eq!(sent(&watch, &to), [to[0], to[0], to[1], to[1]]);
    });
}

#[test]
fn who_received_first_answers() {
    each_list(|watch| {
        let (server, client) = (UdpSocket::bind(ANY).unwrap(), peer());
        let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), at(&server).port());
        let all = [address, at(&client)];
        let mut buffer = [0; 16];
        client.send_to(b"question", address).unwrap();
        let (_, from) = server.recv_from(&mut buffer).unwrap();
        server.send_to(b"answer", from).unwrap();
        client.recv_from(&mut buffer).unwrap();
        assert_eq!(sent(&watch, &all), [address]);

        // Who asked first and then was answered has not become a server by it.
        let another = peer();
        client.send_to(b"question", at(&another)).unwrap();
        assert_eq!(sent(&watch, &[at(&another)]), [at(&another)]);
    });
}

#[test]
fn of_many_peers_of_one_socket_the_first_are_told_and_the_others_counted() {
    each_list(|watch| {
        let client = peer();
        let unread: Vec<_> =
            (1..=100).map(|port| SocketAddr::new(Ipv4Addr::new(127, 99, 0, port).into(), 9)).collect();
        for address in &unread {
            client.send_to(b"x", address).unwrap();
        }
        let known = sent(&watch, &unread);
        assert_eq!(known, unread[..known.len()]);
        let slots = watch.kernel.counter_slots();
        let lost = |slot: &guardbee_wire::CounterSlot| {
            slot.lost[LossCause::Peers as usize][EventKind::Datagram as usize]
        };
        let counted: u64 = slots.iter().map(lost).sum();
        assert!((64..100).contains(&known.len()), "{}", known.len());
        assert!(counted >= (100 - known.len()) as u64, "{counted}");
        // What was told stays known.
        client.send_to(b"x", unread[0]).unwrap();
        assert_eq!(sent(&watch, &unread).len(), known.len());
    });
}

#[test]
fn what_is_not_udp_or_not_asked_for_is_silent() {
    for hooks in lists() {
        let mut watch = watching(&Options { hooks: Some(*hooks), ..small() });
        let server = peer();
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        std::io::Write::write_all(&mut &stream, b"tcp").unwrap();
        let (one, _other) = std::os::unix::net::UnixDatagram::pair().unwrap();
        one.send(b"unix").unwrap();
        drop(OwnedFd::from(stream));
        let send = || UdpSocket::bind(ANY).unwrap().send_to(b"udp", at(&server)).unwrap();
        watch.kernel.watch(Capability::Dns.bit()).unwrap();
        send();
        assert_eq!(told(&watch).len(), 0, "{hooks:?}");
        watch.kernel.watch(Capability::Datagram.bit()).unwrap();
        send();
        assert_eq!(sent(&watch, &[at(&server)]), [at(&server)]);
        assert_eq!(told(&watch).len(), 1);
    }
}
