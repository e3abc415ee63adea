//! What readers did with what the kernel half gave: a file that outlives them.
use crate::EVENT_KINDS;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// One page shared by all pipelines of a loader, each after the other; only a pipeline writes it. Counts are cumulative
/// since the loader began, by kind, as the kernel half's are: where nothing is in the rings, `produced - lost = taken`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct Ledger {
    /// Records that left the rings.
    pub taken: [u64; EVENT_KINDS],
    /// Of them, those whose findings were given to the sinks, sealed; a finding that was dropped and counted on the way is
    /// told within a second. What a pipeline has taken and not settled when it dies is the gap that the next one tells.
    pub settled: [u64; EVENT_KINDS],
}

impl Default for Ledger {
    fn default() -> Self {
        Self { taken: [0; EVENT_KINDS], settled: [0; EVENT_KINDS] }
    }
}

/// Bytes of the file.
pub const LEDGER_BYTES: usize = 4096;
