//! Records as the kernel half writes them into a ring: the structs of the ABI, and their tails.
use guardbee_model::process::{Credentials, ProcessKey};
use guardbee_wire::{self as wire, EventHeader, EventKind, EventString, StringId, UNREADABLE};
use std::net::{IpAddr, SocketAddr};
use zerocopy::{Immutable, IntoBytes};

/// Strings of a tail.
#[derive(Default)]
pub(crate) struct Tail(Vec<u8>);

impl Tail {
    /// Nothing where it is empty, as a kernel half that found nothing.
    pub(crate) fn with(mut self, id: StringId, bytes: &[u8]) -> Self {
        if !bytes.is_empty() {
            self.put(id, bytes, bytes.len());
        }
        self
    }

    /// `total`: bytes there were.
    pub(crate) fn cut(mut self, id: StringId, bytes: &[u8], total: usize) -> Self {
        self.put(id, bytes, total);
        self
    }

    pub(crate) fn unreadable(mut self, id: StringId) -> Self {
        self.put(id, &[], UNREADABLE as usize);
        self
    }

    fn put(&mut self, id: StringId, bytes: &[u8], total: usize) {
        let length = u16::try_from(bytes.len()).unwrap();
        let head = EventString { id: id as u16, length, total: u32::try_from(total).unwrap() };
        self.0.extend_from_slice(head.as_bytes());
        self.0.extend_from_slice(bytes);
        self.0.resize(self.0.len().next_multiple_of(8), 0);
    }
}

/// Who acts, when, and in which cgroup.
pub(crate) fn header(kind: EventKind, key: ProcessKey, time_ns: u64, cgroup_id: u64) -> EventHeader {
    EventHeader {
        time_ns,
        sequence: 1,
        start_ns: key.start.0,
        cgroup_id,
        kind: kind as u16,
        tgid: key.tgid,
        tid: key.tgid,
        exec_number: key.exec_number,
        hook: wire::HookList::Tracepoint6_3 as u8,
        ..EventHeader::default()
    }
}

/// The fixed part, which begins with a header, and the tail, with the size of both in the header.
pub(crate) fn record<T: IntoBytes + Immutable>(fixed: &T, tail: &Tail) -> Vec<u8> {
    let mut bytes = [fixed.as_bytes(), &tail.0].concat();
    let size = u32::try_from(bytes.len()).unwrap();
    let at = std::mem::offset_of!(EventHeader, size);
    bytes[at..at + 4].copy_from_slice(&size.to_ne_bytes());
    bytes
}

/// An exec's record as that of a process that was there before the sensor: an iterator found it.
pub(crate) fn older(mut exec: Vec<u8>) -> Vec<u8> {
    let (kind, hook) = (std::mem::offset_of!(EventHeader, kind), std::mem::offset_of!(EventHeader, hook));
    exec[kind..kind + 2].copy_from_slice(&(EventKind::Process as u16).to_ne_bytes());
    exec[hook] = wire::HookList::Iterator as u8;
    exec
}

pub(crate) fn key(key: ProcessKey) -> wire::ProcessKey {
    wire::ProcessKey { start_ns: key.start.0, tgid: key.tgid, exec_number: key.exec_number }
}

pub(crate) fn credentials(from: &Credentials) -> wire::Credentials {
    let &Credentials { uid, euid, suid, fsuid, gid, egid, sgid, fsgid, permitted, effective, inheritable } =
        from;
    wire::Credentials { uid, euid, suid, fsuid, gid, egid, sgid, fsgid, permitted, effective, inheritable }
}

/// IPv4 as mapped, and its port.
pub(crate) fn address(address: SocketAddr) -> ([u8; 16], u16) {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    (ip.octets(), address.port())
}
