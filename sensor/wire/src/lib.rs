//! The event ABI: what the kernel half writes, field by field.
//!
//! Mirrors `bpf/include/event.h`; `bpf/tests/layout.rs` compares both with the BTF of the compiled object. Everything
//! here is plain bytes: no field has an invalid value, so that a record is borrowed out of ring memory without a copy
//! and without `unsafe`. Meaning is given by `capture::decode`.
#![no_std]
#![forbid(unsafe_code)]

mod counters;
mod data;
mod exec;
mod exit;
mod fork;
mod header;
mod ledger;
mod program;
mod rpc;
mod socket;
mod strings;
mod throttle;

pub use counters::{CONTEXTS, CounterSlot, EVENT_KINDS, LOSS_CAUSES, LossCause, PROGRAMS, RINGS};
pub use data::{CloseEvent, DataEvent, DataFlag, Direction};
pub use exec::{Credentials, ExecEvent, ExecFlag, FdInfo, FdKind, FileFlag, FileInfo};
pub use exit::ExitEvent;
pub use fork::ForkEvent;
pub use header::{
    ABI, EventFlag, EventHeader, EventKind, HookList, ProcessKey, Stamp, StampFlag, StampLayer,
};
pub use ledger::{LEDGER_BYTES, Ledger};
pub use program::{PROGRAM_NAMES, kind_lost_with};
pub use rpc::*;
pub use socket::{ConnectEvent, ListenEvent, SocketEvent, SocketFlag, SocketInfo, SocketRole};
pub use strings::{EventString, StringId, Strings, UNREADABLE};
pub use throttle::ThrottleEvent;
