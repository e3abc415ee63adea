//! The kernel half: one object of CO-RE programs, and what loads, attaches and reads it.
//!
//! The loader is the only user. Nothing of libbpf-rs shows in the interface.
mod config;
mod deeds;
mod dispatch;
mod error;
mod kernel;
mod options;
mod program;
mod tracefs;
mod trampoline;
mod trial;

pub use config::{Config, Rate};
pub use deeds::{attempt, changes as change_files};
pub use dispatch::Dispatch;
pub use error::Error;
pub use guardbee_wire::{HookList, ProgramState};
pub use kernel::Kernel;
pub use options::{CgroupSource, Options};
pub use program::{Capability, Program};
pub use trial::hooks;

/// The linked programs: for the layout test, for hashing, for signing.
pub const OBJECT: &[u8] = {
    /// libbpf reads the bytes as an ELF file: they must lie where a header may.
    #[repr(C, align(16))]
    struct Aligned<T: ?Sized>(T);
    static ALIGNED: &Aligned<[u8]> = &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/guardbee.bpf.o")));
    &ALIGNED.0
};
