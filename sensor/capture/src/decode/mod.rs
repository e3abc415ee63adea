//! Bytes of a record to an event: pure, total, without a guess.
//!
//! A record that says something this ABI doesn't know is an error with a name, never an event with a hole in it. Padding
//! isn't looked at; a string with an unknown id is passed over, since a new string is no new struct.
mod access;
mod call;
mod control;
mod credentials;
mod data;
mod dns;
mod exec;
mod exit;
mod extension;
mod file;
mod fork;
mod header;
mod io_uring;
mod memory;
mod mount;
mod namespace;
mod signal;
mod socket;
mod socket_change;
mod strings;
#[cfg(test)]
pub(crate) mod tests;
mod throttle;
mod title;

use guardbee_model::{
    clock::BootTime,
    event::{Body, Event},
};
use guardbee_wire::{
    AccessEvent, CloseEvent, ConnectEvent, ControlEvent, CredentialsEvent, DataEvent, DnsEvent, EventHeader,
    EventKind, ExecEvent, ExitEvent, ExtensionEvent, FileEvent, ForkEvent, IoUringEvent, ListenEvent,
    MemoryEvent, MountEvent, NamespaceEvent, SignalEvent, SocketChangeEvent, SocketEvent, ThrottleEvent,
    TitleEvent,
};
use zerocopy::FromBytes;

pub use exec::words;

/// Why a record is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not even its fixed part is there.
    #[error("decode {kind} record: {bytes} bytes, its fixed part has {least}")]
    Short {
        /// Kind, as far as it is known.
        kind: &'static str,
        /// Bytes there are.
        bytes: usize,
        /// Bytes there must be.
        least: usize,
    },
    /// The header and the ring, or the parts of the record, don't agree.
    #[error("decode {kind} record: {field} says {said} bytes, there are {bytes}")]
    Size {
        /// Kind.
        kind: &'static str,
        /// Which length.
        field: &'static str,
        /// What it says.
        said: u64,
        /// What there is.
        bytes: usize,
    },
    /// No kind of this ABI.
    #[error("decode record: unknown kind {0}; load the kernel half that was built with this pipeline")]
    Kind(u16),
    /// A field with a value that the ABI doesn't have.
    #[error("decode {kind} record: {field} can't be {value}")]
    Value {
        /// Kind.
        kind: &'static str,
        /// Which field.
        field: &'static str,
        /// What it holds.
        value: u64,
    },
    /// The strings behind the fixed part can't be walked to the end.
    #[error("decode {kind} record: malformed string in the tail, {left} bytes before its end")]
    Tail {
        /// Kind.
        kind: &'static str,
        /// Bytes from the malformed string on.
        left: usize,
    },
}

impl DecodeError {
    /// The counter's cause.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Short { .. } => "record_short",
            Self::Size { .. } => "record_size",
            Self::Kind(_) => "record_kind",
            Self::Value { .. } => "record_value",
            Self::Tail { .. } => "record_tail",
        }
    }

    /// The kind of record, for counters.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Short { kind, .. }
            | Self::Size { kind, .. }
            | Self::Value { kind, .. }
            | Self::Tail { kind, .. } => kind,
            Self::Kind(_) => "unknown",
        }
    }
}

/// Which sequence an event has a number in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// CPU that it was taken on.
    pub cpu: u16,
    /// `enum event_context`.
    pub context: u8,
    /// 0 security, then payload.
    pub ring: u8,
    /// Its number; iterators: 0.
    pub sequence: u64,
    /// Number of its kind, whether this ABI has it or not.
    pub kind: u16,
}

/// The number that a record has, whatever else it says.
pub fn source(bytes: &[u8]) -> Option<Source> {
    EventHeader::read_from_prefix(bytes).ok().map(|(head, _)| Source::of(&head))
}

impl Source {
    fn of(head: &EventHeader) -> Self {
        let &EventHeader { cpu, context, ring, sequence, kind, .. } = head;
        Self { cpu, context, ring, sequence, kind }
    }
}

/// The time that a record says.
pub(crate) fn time(bytes: &[u8]) -> Option<BootTime> {
    EventHeader::read_from_prefix(bytes).ok().map(|(head, _)| BootTime(head.time_ns))
}

/// Decodes one record, of a ring or an iterator.
pub fn record(bytes: &[u8]) -> Result<Event, DecodeError> {
    let (mut event, payload) = numbered(bytes).1?;
    if let Body::Data(data) = &mut event.body {
        data.bytes = payload.into();
    }
    Ok(event)
}

/// An event without its payload, and that.
type Parts<'a> = (Event, &'a [u8]);

/// The number that the record has ([`None`]: it is too short for one), and the event without its payload beside that.
pub(crate) fn numbered(bytes: &[u8]) -> (Option<Source>, Result<Parts<'_>, DecodeError>) {
    match fixed::<EventHeader>("unknown", bytes) {
        Ok((head, _)) => (Some(Source::of(&head)), event(&head, bytes)),
        Err(error) => (None, Err(error)),
    }
}

fn event<'a>(head: &EventHeader, bytes: &'a [u8]) -> Result<Parts<'a>, DecodeError> {
    let mut payload = [].as_slice();
    let kind = EventKind::from_number(head.kind).ok_or(DecodeError::Kind(head.kind))?;
    let name = kind.name();
    if u64::from(head.size) != bytes.len() as u64 || !bytes.len().is_multiple_of(8) {
        return Err(DecodeError::Size {
            kind: name,
            field: "header.size",
            said: u64::from(head.size),
            bytes: bytes.len(),
        });
    }
    let body = match kind {
        EventKind::Fork => fork::fork(&fixed::<ForkEvent>(name, bytes)?)?,
        EventKind::Exec => exec::exec(&fixed::<ExecEvent>(name, bytes)?)?,
        EventKind::Process => exec::process(&fixed::<ExecEvent>(name, bytes)?)?,
        EventKind::Exit => exit::exit(&whole::<ExitEvent>(name, bytes)?),
        EventKind::Accept => socket::accept(&fixed::<SocketEvent>(name, bytes)?)?,
        EventKind::Connect => socket::connect(&fixed::<ConnectEvent>(name, bytes)?)?,
        EventKind::Listen => socket::listen(&whole::<ListenEvent>(name, bytes)?)?,
        EventKind::Socket => socket::socket(&fixed::<SocketEvent>(name, bytes)?)?,
        EventKind::Data => {
            let (data, bytes) = data::data(&fixed::<DataEvent>(name, bytes)?)?;
            payload = bytes;
            Body::Data(data)
        }
        EventKind::Close => data::close(&whole::<CloseEvent>(name, bytes)?),
        EventKind::FileOpen
        | EventKind::FileModify
        | EventKind::FileCreate
        | EventKind::FileRename
        | EventKind::FileLink
        | EventKind::FileSymlink
        | EventKind::FileDelete
        | EventKind::FileAttribute
        | EventKind::FolderCreate
        | EventKind::FolderDelete
        | EventKind::FileNode
        | EventKind::FolderOpen
        | EventKind::FileOpenFailed => file::file(kind, &fixed::<FileEvent>(name, bytes)?)?,
        EventKind::Credentials => credentials::credentials(&fixed::<CredentialsEvent>(name, bytes)?)?,
        EventKind::Access => access::access(&fixed::<AccessEvent>(name, bytes)?)?,
        EventKind::Namespace => namespace::namespace(&fixed::<NamespaceEvent>(name, bytes)?)?,
        EventKind::Mount => mount::mount(&fixed::<MountEvent>(name, bytes)?)?,
        EventKind::SocketChange => socket_change::socket_change(&fixed::<SocketChangeEvent>(name, bytes)?)?,
        EventKind::Extension => extension::extension(&fixed::<ExtensionEvent>(name, bytes)?)?,
        EventKind::Signal => signal::signal(&fixed::<SignalEvent>(name, bytes)?)?,
        EventKind::Memory => memory::memory(&fixed::<MemoryEvent>(name, bytes)?)?,
        EventKind::Title => title::title(&fixed::<TitleEvent>(name, bytes)?)?,
        EventKind::IoUring => io_uring::io_uring(&fixed::<IoUringEvent>(name, bytes)?)?,
        EventKind::Control => control::control(&fixed::<ControlEvent>(name, bytes)?)?,
        EventKind::Inquiry => control::inquiry(&fixed::<ControlEvent>(name, bytes)?)?,
        EventKind::Datagram => socket::datagram(&fixed::<ConnectEvent>(name, bytes)?)?,
        EventKind::Dns => dns::dns(&fixed::<DnsEvent>(name, bytes)?)?,
        EventKind::Throttle => throttle::throttle(&whole::<ThrottleEvent>(name, bytes)?)?,
    };
    Ok((Event { header: header::header(name, head)?, body }, payload))
}

/// The fixed part and what follows it.
fn fixed<'a, T: FromBytes>(kind: &'static str, bytes: &'a [u8]) -> Result<(T, &'a [u8]), DecodeError> {
    T::read_from_prefix(bytes).map_err(|_| DecodeError::Short {
        kind,
        bytes: bytes.len(),
        least: size_of::<T>(),
    })
}

/// The fixed part of a kind that has no tail.
fn whole<T: FromBytes>(kind: &'static str, bytes: &[u8]) -> Result<T, DecodeError> {
    match fixed(kind, bytes)? {
        (event, []) => Ok(event),
        (_, tail) => Err(DecodeError::Tail { kind, left: tail.len() }),
    }
}
