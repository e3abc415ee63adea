//! Falco's events and ours.
use super::{
    kinds::{Descriptor, KINDS, Kind},
    logic::{Line, Logic, Value},
};
use std::collections::BTreeSet;

/// A kind of event that this sensor records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Exec,
    Connect,
    Accept,
    Listen,
    /// The first datagram of a UDP socket to somebody.
    Datagram,
    /// Something done to files or to the system.
    Deed(&'static Kind),
}

impl Class {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let others = KINDS.iter().map(Self::Deed);
        [Self::Exec, Self::Connect, Self::Accept, Self::Listen, Self::Datagram].into_iter().chain(others)
    }

    /// Falco's names for it.
    pub(super) const fn events(self) -> &'static [&'static str] {
        match self {
            Self::Exec => &["execve", "execveat"],
            Self::Connect => &["connect"],
            Self::Accept => &["accept", "accept4"],
            Self::Listen => &["listen"],
            Self::Datagram => &["connect", "sendto", "sendmsg", "sendmmsg"],
            Self::Deed(kind) => kind.events,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Connect => "connect",
            Self::Accept => "accept",
            Self::Listen => "listen",
            Self::Datagram => "datagram",
            Self::Deed(kind) => kind.name,
        }
    }

    /// What is lost where a rule tells its events apart.
    fn note(self) -> Option<String> {
        let names: Vec<_> = self.events().iter().map(|event| format!("`{event}`")).collect();
        let (last, others) = names.split_last()?;
        (!others.is_empty()).then(|| format!("{} and {last} are not told apart.", others.join(", ")))
    }

    pub(super) fn logsource(self) -> String {
        match self {
            Self::Exec => "{product: linux, category: process_creation}".to_owned(),
            Self::Deed(kind) => format!("{{product: guardbee, service: {}}}", kind.service),
            other => format!("{{product: guardbee, service: {}}}", other.name()),
        }
    }

    pub(super) fn of(event: &str) -> Option<Self> {
        Self::all().find(|class| class.events().contains(&event))
    }

    /// Its descriptor is a socket.
    pub(super) const fn of_network(self) -> bool {
        self.outbound() || matches!(self, Self::Accept | Self::Listen)
    }

    /// Of whoever goes to somebody.
    pub(super) const fn outbound(self) -> bool {
        matches!(self, Self::Connect | Self::Datagram)
    }

    /// One condition for all of its events. [`Err`]: the event that can't be told from others.
    pub(super) fn joined(
        self,
        parts: Vec<(&'static str, Logic)>,
        notes: &mut BTreeSet<String>,
    ) -> Result<Logic, &'static str> {
        if let Self::Deed(kind) = self
            && kind.by_call
        {
            return Ok(by_call(parts));
        }
        if let Self::Deed(Kind { descriptor: Descriptor::Opened, .. }) = self
            && parts.first().is_some_and(|(_, logic)| logic.is(false))
            && let Some((event, _)) = parts.iter().find(|(_, logic)| !logic.is(false))
        {
            return Err(event);
        }
        let mut all: Vec<Logic> = Vec::new();
        for (_, logic) in parts {
            if !all.contains(&logic) {
                all.push(logic);
            }
        }
        let told = matches!(self, Self::Deed(Kind { descriptor: Descriptor::Opened, .. }));
        if all.len() > 1 && !told {
            notes.extend(self.note());
        }
        Ok(Logic::Or(all).folded())
    }
}

/// Calls of which the same is said are named together.
fn by_call(parts: Vec<(&'static str, Logic)>) -> Logic {
    let mut groups: Vec<(Logic, Line)> = Vec::new();
    for (event, logic) in parts {
        let value = Value::Text(event.to_owned());
        match groups.iter_mut().find(|(known, _)| *known == logic) {
            Some((_, calls)) => calls.values.push(value),
            None => groups.push((logic, Line::new("guardbee.audit.syscall", "", value))),
        }
    }
    let said = groups.into_iter().map(|(logic, calls)| Logic::And(vec![calls.into(), logic]));
    Logic::Or(said.collect()).folded()
}

/// What Falco calls an event that nothing here records, in our words.
const UNRECORDED: &[(&str, &[&str])] = &[
    ("opens by handle", &["open_by_handle_at", "name_to_handle_at"]),
    ("file reads and writes", &["read", "readv", "pread", "preadv", "write", "writev", "pwrite", "pwritev"]),
    ("file system contexts", &["fsconfig"]),
    ("kernel module removals", &["delete_module"]),
    ("socket pair creations", &["socketpair"]),
    ("socket bindings", &["bind"]),
    ("user and group changes of threads", &["seteuid", "setegid", "setfsuid", "setfsgid"]),
    ("data sent", &["sendto", "sendmsg", "sendmmsg", "send", "sendfile"]),
    ("data received", &["recvfrom", "recvmsg", "recvmmsg", "recv"]),
    ("process and thread creations", &["clone", "clone3", "fork", "vfork"]),
    ("thread ends", &["procexit", "exit", "exit_group"]),
    ("signals sent", &["kill", "tkill", "tgkill", "pidfd_send_signal"]),
    ("memory mappings", &["mmap", "mmap2", "mprotect", "munmap", "mremap"]),
    ("reads of another process's memory", &["process_vm_readv"]),
    ("operations of io_uring", &["io_uring_enter", "io_uring_register"]),
    ("container starts", &["container"]),
];

/// What would have to be recorded for Falco's `event`.
pub(super) fn unrecorded(event: &str) -> String {
    let known = UNRECORDED.iter().find(|(_, events)| events.contains(&event));
    known.map_or_else(|| format!("`{}` events", crate::problem::shown(event)), |(kind, _)| (*kind).to_owned())
}

/// Every event that has a name here.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    let recorded = Class::all().flat_map(|class| class.events().iter().copied());
    recorded.chain(UNRECORDED.iter().flat_map(|(_, events)| events.iter().copied()))
}
