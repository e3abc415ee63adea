//! Deeds out of the field values of a test.
use super::{PROGRAMS, ROOT, bytes, called, comm, defaults::process, number};
use crate::field::{AUDIT_SYSCALLS, Field, Kinds};
use guardbee_model::{
    clock::BootTime,
    dns::{self, Answer, Lookup, Question, Record},
    finding::Action,
    id::ConnectionId,
    process::{Fd, Process, User, UserTable},
    socket::Role,
    system::{
        Access, CAPABILITIES, Call, Change, Control, Deed, Extension, ExtensionKind, IoUring, Memory,
        MemoryKind, Mount, MountKind, NAMESPACES, Namespace, Reach, Signal, SocketChange, SocketKind, System,
        Target, Title,
    },
};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

/// What a test says of a deed, whichever it is.
pub(super) struct Doing {
    /// Whatever audit says of a call was said; perhaps not which.
    audited: bool,
    call: &'static str,
    arguments: [u64; 4],
    result: i64,
    target: Process,
    /// Name of the thread; or none: not said.
    comm: Box<[u8]>,
    change: Change,
    reach: Reach,
    namespace: Namespace,
    mount: Mount,
    socket: SocketChange,
    address: SocketAddr,
    extension: Extension,
    signal: u16,
    memory: Memory,
    title: Box<[u8]>,
    ring: IoUring,
    path: Box<[u8]>,
    lookup: Lookup,
}

const FAMILIES: [(&str, u16); 8] = [
    ("unix", 1),
    ("inet", 2),
    ("inet6", 10),
    ("netlink", 16),
    ("packet", 17),
    ("alg", 38),
    ("vsock", 40),
    ("xdp", 44),
];
const TYPES: [(&str, u16); 4] = [("stream", 1), ("dgram", 2), ("raw", 3), ("seqpacket", 5)];
const OPERATIONS: [(&str, u8); 14] = [
    ("connect", 16),
    ("openat", 18),
    ("openat2", 28),
    ("renameat", 35),
    ("unlinkat", 36),
    ("mkdirat", 37),
    ("symlinkat", 38),
    ("linkat", 39),
    ("fsetxattr", 41),
    ("setxattr", 42),
    ("socket", 45),
    ("ftruncate", 55),
    ("bind", 56),
    ("listen", 57),
];

fn named<T: Copy + std::str::FromStr + Default>(names: &[(&str, T)], text: &str) -> T {
    names.iter().find(|(name, _)| *name == text).map_or_else(|| number(text), |(_, value)| *value)
}

/// The member whose name it is.
fn member<T: Copy>(members: &[T], names: &[&str], text: &str) -> Option<T> {
    names.iter().position(|name| *name == text).and_then(|at| members.get(at)).copied()
}

fn bits(names: &[&str], values: &[Box<str>]) -> u64 {
    let of = |value: &str| names.iter().position(|name| *name == value).map_or(0, |bit| 1 << bit);
    values.iter().fold(0, |bits, value| bits | of(value))
}

/// The set that has capabilities of these names.
pub(super) fn capabilities(values: &[Box<str>]) -> u64 {
    bits(&CAPABILITIES, values)
}

impl Doing {
    pub(super) fn new() -> Self {
        let none = Box::<[u8]>::default;
        let user = super::defaults::credentials();
        Self {
            audited: false,
            call: "",
            arguments: [0; 4],
            result: 0,
            target: process(1500),
            comm: none(),
            change: Change {
                before: Some(user),
                after: user,
                user: None,
                groups: 0,
                user_ns: 1,
                unexplained: false,
            },
            reach: Reach::Attached,
            namespace: Namespace { subject: None, after: [1; 8], changed: 0, host: 0 },
            mount: Mount {
                what: MountKind::Mounted,
                claimed: true,
                fstype: none(),
                from: none(),
                place: none(),
            },
            socket: SocketChange {
                what: SocketKind::Made,
                family: 2,
                kind: 1,
                protocol: 0,
                fd: 3,
                connection: ConnectionId(0),
                role: Role::Unknown,
                local: None,
                remote: None,
                detail: none(),
                submitted: false,
            },
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
            extension: Extension { what: ExtensionKind::Program, kind: 0, id: 0, detail: none() },
            signal: 15,
            memory: Memory {
                what: MemoryKind::Protected,
                address: 0,
                length: 4096,
                protection: 5,
                detail: none(),
            },
            title: none(),
            ring: IoUring {
                entries: 0,
                opcode: 0,
                path: none(),
                source: none(),
                attribute: none(),
                path_cut: false,
            },
            path: none(),
            lookup: Lookup {
                asked: BootTime(0),
                server: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53)),
                socket: 1,
                id: 1,
                question: Question { name: bytes("a.example").into(), registered: none(), kind: 1, class: 1 },
                answer: None,
                further: false,
            },
        }
    }

    /// Whether the field says something of a deed.
    pub(super) fn set(&mut self, field: Field, text: &str, values: &[Box<str>]) -> bool {
        self.set_process(field, text, values)
            || self.set_lookup(field, text, values)
            || self.set_machine(field, text, values)
    }

    fn set_process(&mut self, field: Field, text: &str, values: &[Box<str>]) -> bool {
        let flag = text.eq_ignore_ascii_case("true");
        let Change { before, after, user, unexplained, .. } = &mut self.change;
        let before = before.get_or_insert_default();
        match field {
            Field::TargetExecutable => self.target.exe = bytes(text).into(),
            Field::TargetName => self.target.exe = called(&self.target.exe, text, PROGRAMS).into(),
            Field::TargetComm => self.comm = comm(text),
            Field::TargetPid => self.target.key.tgid = number(text),
            Field::TargetUserId => self.target.credentials.euid = number(text),
            Field::Unexplained => *unexplained = flag,
            Field::UserBefore => before.euid = number(text),
            Field::RealUserBefore => before.uid = number(text),
            Field::UserAfter => after.euid = number(text),
            Field::UserNameAfter => {
                *user = Some(User { name: text.into(), table: UserTable::Host });
                if text == ROOT {
                    after.euid = 0;
                }
            }
            Field::RealUserAfter => after.uid = number(text),
            Field::Gained => after.effective |= capabilities(values),
            Field::Reach => {
                self.reach = member(&Reach::ALL, Reach::NAMES, text).unwrap_or(self.reach);
            }
            Field::Namespaces => self.namespace.changed = eight(bits(&NAMESPACES, values)),
            Field::HostNamespaces => self.namespace.host = eight(bits(&NAMESPACES, values)),
            Field::Signal => self.signal = signal(text),
            Field::Memory => {
                let all = [MemoryKind::Protected, MemoryKind::Mapped, MemoryKind::File];
                self.memory.what = member(&all, MemoryKind::NAMES, text).unwrap_or(self.memory.what);
            }
            Field::MemoryWritable => self.memory.protection = if flag { 7 } else { 5 },
            Field::MemoryName => self.memory.detail = bytes(text).into(),
            Field::Title => self.title = comm(text),
            _ => return false,
        }
        true
    }

    fn set_lookup(&mut self, field: Field, text: &str, values: &[Box<str>]) -> bool {
        let answer = || Answer { code: 0, records: Box::default(), cut: false };
        match field {
            Field::DnsName => self.lookup.question.name = bytes(text).into(),
            Field::DnsMalformed if text.eq_ignore_ascii_case("true") => {
                self.lookup.question.name = Box::default();
            }
            Field::DnsMalformed => {}
            Field::DnsDomain => self.lookup.question.registered = bytes(text).into(),
            Field::DnsType => self.lookup.question.kind = dns::type_named(text).unwrap_or_default(),
            Field::DnsServer => self.lookup.server = text.parse().unwrap_or(self.lookup.server),
            Field::DnsCode => {
                self.lookup.answer.get_or_insert_with(answer).code =
                    dns::code_named(text).unwrap_or_default();
            }
            Field::DnsAnswers | Field::DnsAddress => {
                let answer = self.lookup.answer.get_or_insert_with(answer);
                let more = values.iter().map(|value| record(value));
                answer.records = answer.records.iter().cloned().chain(more).collect();
            }
            _ => return false,
        }
        true
    }

    fn set_machine(&mut self, field: Field, text: &str, values: &[Box<str>]) -> bool {
        match field {
            Field::AuditExit => (self.audited, self.result) = (true, number(text)),
            Field::Mount => {
                let all = [MountKind::Mounted, MountKind::Unmounted, MountKind::RootChanged];
                self.mount.what = member(&all, MountKind::NAMES, text).unwrap_or(self.mount.what);
            }
            Field::MountPlace => self.mount.place = bytes(text).into(),
            Field::MountFrom => self.mount.from = bytes(text).into(),
            Field::MountType => self.mount.fstype = bytes(text).into(),
            Field::SocketChange => {
                let all = [SocketKind::Made, SocketKind::Bound, SocketKind::Filtered, SocketKind::Standard];
                self.socket.what = member(&all, SocketKind::NAMES, text).unwrap_or(self.socket.what);
            }
            Field::SocketFamily => self.socket.family = named(&FAMILIES, text),
            Field::SocketType => self.socket.kind = named(&TYPES, text),
            Field::SocketFd => self.socket.fd = number(text),
            Field::SocketRole => {
                let all = [Role::Accepted, Role::Connected, Role::Listening];
                self.socket.role = member(&all, Role::NAMES, text).unwrap_or(self.socket.role);
            }
            Field::SocketAddress => self.address.set_ip(text.parse().unwrap_or_else(|_| self.address.ip())),
            Field::SocketPort => self.address.set_port(number(text)),
            Field::SocketAlgorithm => self.socket.detail = bytes(text).into(),
            Field::SocketSubmitted => self.socket.submitted = text.eq_ignore_ascii_case("true"),
            Field::Extension => {
                let all = [
                    ExtensionKind::Program,
                    ExtensionKind::Link,
                    ExtensionKind::Probe,
                    ExtensionKind::Module,
                    ExtensionKind::Kernel,
                ];
                self.extension.what = member(&all, ExtensionKind::NAMES, text).unwrap_or(self.extension.what);
            }
            Field::ExtensionName => self.extension.detail = bytes(text).into(),
            Field::IoUring => {
                self.ring.entries = u32::from(text == "setup");
                self.ring.opcode = named(&OPERATIONS, text);
            }
            Field::IoUringPath => self.ring.path = bytes(text).into(),
            Field::IoUringSource => self.ring.source = bytes(text).into(),
            Field::IoUringAttribute => self.ring.attribute = bytes(text).into(),
            Field::ControlPath => self.path = bytes(text).into(),
            _ => return self.set_call(field, text, values),
        }
        true
    }

    /// Of an exec they mean its own; a deed has them too.
    fn set_call(&mut self, field: Field, text: &str, _: &[Box<str>]) -> bool {
        if field == Field::AuditSyscall {
            let known = AUDIT_SYSCALLS.iter().find(|name| **name == text);
            self.call = known.copied().unwrap_or(self.call);
        }
        self.audited |= matches!(field, Field::AuditType | Field::AuditSuccess);
        if let Some(register) = field.argument().and_then(|number| self.arguments.get_mut(number)) {
            *register = u64::from_str_radix(text, 16).unwrap_or_default();
            self.audited = true;
        }
        false
    }

    pub(super) fn finish(self, kind: Kinds) -> Action {
        let target = Target {
            process: self.target.key,
            tid: self.target.key.tgid,
            uid: self.target.credentials.euid,
            comm: self.comm,
        };
        let known = Some(Arc::new(self.target));
        let ip = matches!(self.socket.family, 2 | 10).then_some(self.address);
        let deed = match kind {
            Kinds::CREDENTIALS => Deed::Credentials(self.change),
            Kinds::ACCESS => {
                let target = (self.reach != Reach::Traced).then_some(target);
                Deed::Access(Access { reach: self.reach, target, fd: Fd::Closed, bytes: 8 })
            }
            Kinds::NAMESPACE => Deed::Namespace(self.namespace),
            Kinds::MOUNT => Deed::Mount(self.mount),
            Kinds::SOCKET_CHANGE => Deed::SocketChange(SocketChange { local: ip, remote: ip, ..self.socket }),
            Kinds::EXTENSION => Deed::Extension(self.extension),
            Kinds::SIGNAL => Deed::Signal(Signal { target, code: 0, number: self.signal }),
            Kinds::MEMORY => Deed::Memory(self.memory),
            Kinds::TITLE => Deed::Title(Title { target, after: self.title }),
            Kinds::IO_URING => Deed::IoUring(self.ring),
            Kinds::DNS => Deed::Lookup(self.lookup),
            Kinds::INQUIRY => Deed::Inquiry,
            _ => Deed::Control(Control { detail: self.path }),
        };
        // A call leads to one kind of deed; of which call a test may not say.
        let mut calls = AUDIT_SYSCALLS.iter().filter(|name| Kinds::of_call(name) == kind);
        let name = calls.find(|name| **name == self.call || self.audited && self.call.is_empty());
        let call = name.map(|name| Call { name, arguments: self.arguments, result: self.result });
        let known = deed.target().and(known);
        Action::System(Arc::new(System { call, comm: Box::default(), deed }), known)
    }
}

/// Of a type that fits what it says.
fn record(text: &str) -> Record {
    let kind = match text.parse() {
        Ok(IpAddr::V4(_)) => 1,
        Ok(IpAddr::V6(_)) => 28,
        Err(_) => 16,
    };
    Record { kind, data: bytes(text).into() }
}

/// Names of the signals that are seen.
pub(crate) fn signals() -> impl Iterator<Item = &'static str> {
    Signal::NAMES.into_iter().filter(|name| !name.is_empty())
}

fn signal(name: &str) -> u16 {
    (0..).zip(Signal::NAMES).find(|(_, known)| *known == name).map_or_else(|| number(name), |(at, _)| at)
}

fn eight(bits: u64) -> u8 {
    u8::try_from(bits).unwrap_or(u8::MAX)
}
