//! What can go wrong with the kernel half.
use crate::Capability;
use std::io;

/// A failure that leaves nothing loaded or attached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The object itself was refused before any program was tried.
    #[error("open the programs' object")]
    Open(#[source] libbpf_rs::Error),
    /// An option is outside what the kernel takes.
    #[error("option {option}: {value} is not {wanted}")]
    Option {
        /// Field of [`crate::Options`].
        option: &'static str,
        /// What it was.
        value: u64,
        /// What would be right.
        wanted: &'static str,
    },
    /// Programs load one by one but not together: memory for maps, most likely.
    #[error("load the programs (maps of {map_bytes} bytes): give memory, or make the rings smaller")]
    Load {
        /// What the rings and tables ask for, roughly.
        map_bytes: u64,
        /// The kernel's answer.
        source: libbpf_rs::Error,
    },
    /// No list of hooks is left for a capability.
    #[error(
        "no hook for {capability:?} loads here (program {program}, errno {errno}): run as root with CAP_BPF and \
         CAP_PERFMON on a kernel of 5.10 or later with BTF; `guardbee doctor` says what was tried"
    )]
    Refused {
        /// What can't be seen.
        capability: Capability,
        /// The last program that was tried.
        program: &'static str,
        /// The kernel's answer.
        errno: i32,
    },
    /// A map or program that the object must have is missing: object and crate are of different builds.
    #[error("the object has no `{0}`: rebuild")]
    Missing(&'static str),
    /// A map refused an operation.
    #[error("{action} of map {map}")]
    Map {
        /// What we were doing.
        action: &'static str,
        /// With which map.
        map: &'static str,
        /// The kernel's answer.
        source: libbpf_rs::Error,
    },
    /// An iterator was asked for, but its program is not attached.
    #[error("iterator {0} is not attached: call attach first, or see its errno")]
    NoIterator(&'static str),
    /// An iterator could not be opened or read.
    #[error("read iterator {program}")]
    Iterate {
        /// Which.
        program: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
}
