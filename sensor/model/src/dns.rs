//! What name servers are asked, and answer.
use crate::{clock::BootTime, event::Direction, id::ConnectionId};
use std::net::IpAddr;

/// A message to or from a name server, as it went over the wire; over TCP what one call has moved of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dns {
    /// Inode of the socket: tells questions apart that are out at once.
    pub socket: u64,
    /// Whom it went to, or came from.
    pub server: IpAddr,
    /// Sent: a question. Received: an answer.
    pub direction: Direction,
    /// [`None`]: it is a datagram.
    pub part: Option<Part>,
    /// Bytes that it has.
    pub length: u32,
    /// The first of them; none: they could not be read.
    pub bytes: Box<[u8]>,
    /// `task_struct.comm` of who moved it.
    pub comm: Box<[u8]>,
}

/// Where bytes are in one direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Of which connection.
    pub connection: ConnectionId,
    /// Of the first byte.
    pub position: u64,
    /// The connection is older than the sensor: what is at position 0 nobody knows.
    pub middle: bool,
}

/// A name was asked for. The header of its event is that of the question, but for its time, which is when this much was known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// When it was asked.
    pub asked: BootTime,
    /// Who was asked.
    pub server: IpAddr,
    /// Inode of the socket.
    pub socket: u64,
    /// What question and answer have in common.
    pub id: u16,
    /// What; an empty name: something was sent to the server that is no message of the DNS.
    pub question: Question,
    /// [`None`]: none was seen in time.
    pub answer: Option<Answer>,
    /// It came in one record with another one, which that record counts for.
    pub further: bool,
}

/// What is asked for: RFC 1035, 4.1.2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Question {
    /// Labels joined by dots, without one at the end; the root is a single dot. Case as it was sent. What is no printable ASCII
    /// is escaped as in zone files: RFC 4343, 2.1.
    pub name: Box<[u8]>,
    /// The part of the name that somebody registered, by the public suffix list, lower case; empty: it has none.
    pub registered: Box<[u8]>,
    /// `QTYPE`.
    pub kind: u16,
    /// `QCLASS`.
    pub class: u16,
}

impl Lookup {
    /// What was sent is no message of the DNS.
    pub const fn is_malformed(&self) -> bool {
        self.question.name.is_empty()
    }
}

/// What the server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// `RCODE`, the four bits of the header.
    pub code: u8,
    /// Of the answer section, in its order.
    pub records: Box<[Record]>,
    /// There were more: the message was cut, or has too many.
    pub cut: bool,
}

impl Answer {
    /// Addresses among its records.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let addresses = self.records.iter().filter(|record| record.is_address());
        addresses.filter_map(|record| std::str::from_utf8(&record.data).ok()?.parse().ok())
    }
}

/// A resource record: RFC 1035, 4.1.3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// `TYPE`.
    pub kind: u16,
    /// Its data as in zone files: an address, a name, texts.
    pub data: Box<[u8]>,
}

impl Record {
    /// Whether its data is an address.
    pub const fn is_address(&self) -> bool {
        matches!(self.kind, 1 | 28)
    }
}

/// Types by IANA's registry, those that anybody asks for.
const TYPES: [(u16, &str); 33] = [
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (10, "NULL"),
    (12, "PTR"),
    (13, "HINFO"),
    (15, "MX"),
    (16, "TXT"),
    (17, "RP"),
    (24, "SIG"),
    (25, "KEY"),
    (28, "AAAA"),
    (29, "LOC"),
    (33, "SRV"),
    (35, "NAPTR"),
    (37, "CERT"),
    (39, "DNAME"),
    (43, "DS"),
    (44, "SSHFP"),
    (46, "RRSIG"),
    (47, "NSEC"),
    (48, "DNSKEY"),
    (50, "NSEC3"),
    (52, "TLSA"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (99, "SPF"),
    (251, "IXFR"),
    (252, "AXFR"),
    (255, "ANY"),
    (256, "URI"),
    (257, "CAA"),
];

/// Codes by IANA's registry.
const CODES: [&str; 11] = [
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET",
    "NOTAUTH", "NOTZONE",
];

/// Name of a type; without one it is `TYPE` and its number: RFC 3597, 5.
pub fn type_name(kind: u16) -> std::borrow::Cow<'static, str> {
    match TYPES.iter().find(|(number, _)| *number == kind) {
        Some((_, name)) => (*name).into(),
        None => format!("TYPE{kind}").into(),
    }
}

/// The type of that name.
pub fn type_named(name: &str) -> Option<u16> {
    let known = TYPES.iter().find(|(_, known)| *known == name).map(|(number, _)| *number);
    known.or_else(|| name.strip_prefix("TYPE")?.parse().ok())
}

/// Name of a code; without one its number.
pub fn code_name(code: u8) -> std::borrow::Cow<'static, str> {
    CODES.get(usize::from(code)).map_or_else(|| code.to_string().into(), |name| (*name).into())
}

/// The code of that name.
pub fn code_named(name: &str) -> Option<u8> {
    let known = CODES.iter().position(|known| *known == name).and_then(|at| u8::try_from(at).ok());
    known.or_else(|| name.parse().ok())
}
