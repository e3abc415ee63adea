//! Something was added to the kernel.
use crate::{CallInfo, EventHeader};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `enum extension_kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExtensionKind {
    /// A BPF program was loaded.
    Program = 1,
    /// One was attached.
    Link = 2,
    /// A kernel or user probe, or a tracepoint, was opened.
    Probe = 3,
    /// A module was loaded.
    Module = 4,
    /// Another kernel, for kexec.
    Kernel = 5,
}

/// `struct extension_event`; tail: comm, detail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct ExtensionEvent {
    /// Who did it.
    pub header: EventHeader,
    /// By which call.
    pub call: CallInfo,
    /// Of the program (`enum bpf_prog_type`) or the probe (`perf_event_attr.type`).
    pub kind: u32,
    /// Of the program.
    pub id: u32,
    /// [`ExtensionKind`].
    pub what: u8,
    /// Zero.
    pub pad: [u8; 7],
}
