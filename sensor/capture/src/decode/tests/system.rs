//! Deeds: what was captured comes back, what the ABI doesn't have is refused.
use super::*;
use guardbee_model::{
    dns::Part,
    id::ConnectionId,
    process::Fd,
    system::{Deed, Namespace},
};
use guardbee_wire::{CALL_NAMES, Call, CallInfo, DataFlag, Namespaces, TargetInfo};

fn called(call: Call) -> CallInfo {
    CallInfo { arguments: [1, 2, 3, 4], result: 5, call: call as u16, ..CallInfo::default() }
}

fn target() -> TargetInfo {
    TargetInfo { process: ProcessKey { start_ns: 8, tgid: 300, exec_number: 2 }, tid: 301, uid: 33 }
}

/// One good record of each kind, in the order of their numbers.
pub(super) fn samples() -> Vec<Vec<u8>> {
    let comm = text(6, b"sh");
    let mut credentials = CredentialsEvent {
        header: head(EventKind::Credentials),
        call: called(Call::Setresuid),
        cause: 1,
        ..CredentialsEvent::default()
    };
    credentials.before.effective = 1 << 21;
    credentials.after.euid = 33;
    let namespace = NamespaceEvent {
        header: head(EventKind::Namespace),
        call: called(Call::Setns),
        after: Namespaces { mnt: 7, ..Namespaces::default() },
        changed: 0b1100,
        host: 0b100,
        ..NamespaceEvent::default()
    };
    let access = AccessEvent {
        header: head(EventKind::Access),
        call: called(Call::Ptrace),
        target: target(),
        access: 1,
        ..AccessEvent::default()
    };
    let mount = MountEvent {
        header: head(EventKind::Mount),
        call: called(Call::Mount),
        what: 1,
        flags: 1,
        ..MountEvent::default()
    };
    let socket = SocketChangeEvent {
        header: head(EventKind::SocketChange),
        call: called(Call::Socket),
        socket: SocketInfo { family: 17, ..SocketInfo::default() },
        what: 1,
        ..SocketChangeEvent::default()
    };
    let extension = ExtensionEvent {
        header: head(EventKind::Extension),
        call: called(Call::Bpf),
        what: 1,
        ..ExtensionEvent::default()
    };
    let signal = SignalEvent {
        header: head(EventKind::Signal),
        target: target(),
        signal: 9,
        ..SignalEvent::default()
    };
    let memory = MemoryEvent {
        header: head(EventKind::Memory),
        call: called(Call::MemfdCreate),
        what: 3,
        ..MemoryEvent::default()
    };
    let title = TitleEvent { header: head(EventKind::Title), target: target() };
    let ring = IoUringEvent { header: head(EventKind::IoUring), opcode: 35, ..IoUringEvent::default() };
    let control = ControlEvent { header: head(EventKind::Control), call: called(Call::Reboot) };
    let inquiry = ControlEvent { header: head(EventKind::Inquiry), call: called(Call::Sysinfo) };
    let dns = DnsEvent {
        header: head(EventKind::Dns),
        socket: 9,
        server: std::net::Ipv4Addr::LOCALHOST.to_ipv6_mapped().octets(),
        length: 40,
        direction: 1,
        ..DnsEvent::default()
    };
    vec![
        encode(&credentials, &comm),
        encode(&access, &[comm.clone(), text(16, b"sshd")].concat()),
        encode(&namespace, &comm),
        encode(&mount, &[comm.clone(), text(18, b"tmpfs"), text(19, b"none"), text(20, b"/mnt")].concat()),
        encode(&socket, &comm),
        encode(&extension, &[comm.clone(), text(21, b"hide")].concat()),
        encode(&signal, &[comm.clone(), text(16, b"sshd")].concat()),
        encode(&memory, &[comm.clone(), text(21, b"memfd:x")].concat()),
        encode(&title, &[text(16, b"sshd"), text(17, b"kworker/0:1")].concat()),
        encode(
            &ring,
            &[
                text(9, b"shadow"),
                text(10, b"/etc"),
                text(11, b"../tmp/x"),
                text(12, b"/etc"),
                text(21, b"user.x"),
            ]
            .concat(),
        ),
        encode(&control, &comm),
        encode(&dns, &[text(27, b"bytes"), comm.clone()].concat()),
        encode(&inquiry, &comm),
    ]
}

fn deeds() -> Vec<(Option<guardbee_model::system::Call>, Deed)> {
    let bodies = samples().iter().map(|bytes| record(bytes).unwrap().body).collect::<Vec<_>>();
    let bodies = bodies.into_iter().filter(|body| !matches!(body, Body::Dns(_)));
    let deed = |body| match body {
        Body::System(system) => (system.call, system.deed.clone()),
        other => panic!("{other:?}"),
    };
    bodies.map(deed).collect()
}

#[test]
fn deeds_say_what_was_captured() {
    let deeds = deeds();
    let calls: Vec<_> = deeds.iter().map(|(call, _)| call.map_or("", |call| call.name)).collect();
    let [before, after] = [
        ["setresuid", "ptrace", "setns", "mount", "socket", "bpf"],
        ["", "memfd_create", "", "", "reboot", "sysinfo"],
    ];
    assert_eq!(calls, [before, after].concat());
    let [
        (_, Deed::Credentials(credentials)),
        (_, Deed::Access(access)),
        (_, Deed::Namespace(namespace)),
        (_, Deed::Mount(mount)),
        (_, Deed::SocketChange(socket)),
        _,
        (_, Deed::Signal(signal)),
        _,
        (_, Deed::Title(title)),
        (_, Deed::IoUring(ring)),
        _,
        (_, Deed::Inquiry),
    ] = deeds.as_slice()
    else {
        panic!("{deeds:?}")
    };
    assert_eq!((credentials.before.unwrap().effective, credentials.after.euid), (1 << 21, 33));
    assert_eq!(access.target.as_ref().unwrap().process.tgid, 300);
    assert_eq!((&*access.target.as_ref().unwrap().comm, access.fd), (&b"sshd"[..], Fd::Closed));
    assert!(Namespace::names(namespace.changed).eq(["mnt", "net"]));
    assert!(Namespace::names(namespace.host).eq(["mnt"]));
    assert!(mount.claimed && &*mount.fstype == b"tmpfs" && &*mount.place == b"/mnt");
    assert_eq!((socket.family_name(), socket.remote), ("packet", None));
    assert_eq!((signal.name(), signal.target.tid), ("SIGKILL", 301));
    assert_eq!((&*title.target.comm, &*title.after), (&b"sshd"[..], &b"kworker/0:1"[..]));
    assert_eq!((ring.operation(), &*ring.path), ("renameat", &b"/etc/shadow"[..]));
    assert_eq!((&*ring.source, &*ring.attribute, ring.path_cut), (&b"/tmp/x"[..], &b"user.x"[..], false));
}

#[test]
fn messages_to_name_servers_say_what_was_captured() {
    let samples = samples();
    let [.., dns, _] = samples.as_slice() else { panic!() };
    let body = record(dns).unwrap().body;
    let Body::Dns(dns) = body else { panic!("{body:?}") };
    assert_eq!((dns.socket, dns.length, dns.direction), (9, 40, guardbee_model::event::Direction::Sent));
    assert_eq!(
        (dns.server.to_string().as_str(), &*dns.bytes, &*dns.comm),
        ("127.0.0.1", &b"bytes"[..], &b"sh"[..])
    );
    assert_eq!(dns.part, None);
    let flags = DataFlag::Middle as u8;
    let header = head(EventKind::Dns);
    let over_tcp = DnsEvent { header, connection: 3, position: 77, flags, ..DnsEvent::default() };
    let Body::Dns(dns) = record(&encode(&over_tcp, &[])).unwrap().body else { panic!() };
    let part = Part { connection: ConnectionId(3), position: 77, middle: true };
    assert_eq!(dns.part, Some(part));
}

#[test]
fn what_the_abi_does_not_have_is_refused() {
    let access = AccessEvent { header: head(EventKind::Access), access: 9, ..AccessEvent::default() };
    let mut credentials = CredentialsEvent { header: head(EventKind::Credentials), ..Default::default() };
    credentials.cause = 3;
    let mut control = ControlEvent { header: head(EventKind::Control), ..Default::default() };
    control.call.call = u16::try_from(CALL_NAMES.len()).unwrap();
    let signal = SignalEvent { header: head(EventKind::Signal), ..SignalEvent::default() };
    let dns = DnsEvent { header: head(EventKind::Dns), direction: 2, ..DnsEvent::default() };
    for (bytes, named) in [
        (encode(&access, &[]), "access"),
        (encode(&credentials, &[]), "cause"),
        (encode(&control, &[]), "call.call"),
        (encode(&signal, &[]), "target.process.tgid"),
        (encode(&dns, &[]), "direction"),
    ] {
        assert!(matches!(record(&bytes), Err(DecodeError::Value { field, .. }) if field == named), "{named}");
    }
}

/// A call that nobody looked at is no call, and before the first look nothing is known.
#[test]
fn what_is_not_known_is_not_there() {
    let event = CredentialsEvent {
        header: head(EventKind::Credentials),
        cause: 2,
        flags: 1,
        ..CredentialsEvent::default()
    };
    let Body::System(system) = record(&encode(&event, &[])).unwrap().body else { panic!() };
    let Deed::Credentials(change) = &system.deed else { panic!() };
    assert!(change.unexplained && change.before.is_none() && system.call.is_none());
}
