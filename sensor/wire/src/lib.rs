//! The event ABI: what the kernel half writes, field by field.
//!
//! Mirrors `bpf/include/event.h`; `bpf/tests/layout.rs` compares both with the BTF of the compiled object. Everything
//! here is plain bytes: no field has an invalid value, so that a record is borrowed out of ring memory without a copy
//! and without `unsafe`. Meaning is given by `capture::decode`.
#![no_std]
#![forbid(unsafe_code)]

mod access;
mod call;
mod control;
mod counters;
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
mod ledger;
mod memory;
mod mount;
mod namespace;
mod policy;
mod program;
mod rpc;
mod signal;
mod socket;
mod socket_change;
mod strings;
mod throttle;
mod title;

pub use access::{AccessEvent, AccessKind};
pub use call::{CALL_NAMES, Call, CallInfo, TargetInfo};
pub use control::ControlEvent;
pub use counters::{CONTEXTS, CounterSlot, EVENT_KINDS, LOSS_CAUSES, LossCause, PROGRAMS, RINGS};
pub use credentials::{CredentialsCause, CredentialsEvent, CredentialsFlag};
pub use data::{CloseEvent, DataEvent, DataFlag, Direction};
pub use dns::{DNS_BYTES, DNS_PORT, DnsEvent};
pub use exec::{Credentials, ExecEvent, ExecFlag, FdInfo, FdKind, FileFlag, FileInfo};
pub use exit::ExitEvent;
pub use extension::{ExtensionEvent, ExtensionKind};
pub use file::{
    EXTENSION_BYTES, FileAttribute, FileEvent, FileEventFlag, WATCH_BYTES, WATCH_NAMES, Wants, WatchKey,
    WatchRole,
};
pub use fork::ForkEvent;
pub use header::{
    ABI, EventFlag, EventHeader, EventKind, HookList, ProcessKey, Stamp, StampFlag, StampLayer, USER_UNKNOWN,
};
pub use io_uring::IoUringEvent;
pub use ledger::{LEDGER_BYTES, Ledger};
pub use memory::{MemoryEvent, MemoryKind};
pub use mount::{MountEvent, MountFlag, MountKind};
pub use namespace::{NamespaceEvent, NamespaceFlag, Namespaces};
pub use policy::{POLICIES, POLICY_EVENTS, Policy, PolicyFlag, ScopePolicy};
pub use program::{PROGRAM_NAMES, SELF_TEST_NAME, kind_lost_with};
pub use rpc::*;
pub use signal::SignalEvent;
pub use socket::{
    CONNECT_GIVEN_UP, ConnectEvent, ListenEvent, SocketEvent, SocketFlag, SocketInfo, SocketRole,
};
pub use socket_change::{SocketChangeEvent, SocketChangeFlag, SocketChangeKind};
pub use strings::{EventString, StringId, Strings, UNREADABLE};
pub use throttle::ThrottleEvent;
pub use title::TitleEvent;
