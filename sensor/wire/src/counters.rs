//! Loss as data: the counters that the kernel half keeps and the pipeline maps.
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Slots for kinds; [`crate::EventKind`] numbers index them.
pub const EVENT_KINDS: usize = 64;
/// Contexts of one CPU.
pub const CONTEXTS: usize = 4;
/// Slots for causes.
pub const LOSS_CAUSES: usize = 9;
/// 0 security, then payload.
pub const RINGS: usize = 4;
/// Slots for programs.
pub const PROGRAMS: usize = 128;

/// `enum loss_cause`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum LossCause {
    /// The reader was too slow.
    RingFull = 0,
    /// The scope's budget was used up.
    Throttled = 1,
    /// No room to track a connection: its data is not seen.
    ConnectionsFull = 2,
    /// No room for a stamp; the event itself is there.
    StampsFull = 3,
    /// The context's scratch was in use.
    ScratchBusy = 4,
    /// DNS and datagrams: one call moved more messages than are looked at.
    Messages = 5,
    /// More changes of names under way at once than there is room for: the oldest is not seen.
    DeedsFull = 6,
    /// A UDP socket sent to more peers than are told, or to one that could not be read.
    Peers = 7,
    /// More environment than is looked through or told; the event itself is there.
    EnvironmentCut = 8,
}

impl LossCause {
    /// All causes, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::RingFull,
        Self::Throttled,
        Self::ConnectionsFull,
        Self::StampsFull,
        Self::ScratchBusy,
        Self::Messages,
        Self::DeedsFull,
        Self::Peers,
        Self::EnvironmentCut,
    ];

    /// Whether it costs an event, which was numbered and counted as produced; else something an event should have said.
    pub const fn costs_an_event(self) -> bool {
        matches!(self, Self::RingFull | Self::Throttled | Self::ScratchBusy)
    }

    /// The name used in counters, records and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RingFull => "ring_full",
            Self::Throttled => "throttled",
            Self::ConnectionsFull => "connections_full",
            Self::StampsFull => "stamps_full",
            Self::ScratchBusy => "scratch_busy",
            Self::Messages => "messages",
            Self::DeedsFull => "deeds_full",
            Self::Peers => "peers",
            Self::EnvironmentCut => "environment_cut",
        }
    }
}

/// `struct counter_slot`: one for each (cpu, context), at `cpu * CONTEXTS + context`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct CounterSlot {
    /// The last sequence given, by ring.
    pub sequence: [u64; RINGS],
    /// Attempts, lost ones included, by kind.
    pub produced: [u64; EVENT_KINDS],
    /// By cause, then kind.
    pub lost: [[u64; EVENT_KINDS]; LOSS_CAUSES],
    /// Runs that passed their guard, by program.
    pub fired: [u64; PROGRAMS],
}

impl Default for CounterSlot {
    fn default() -> Self {
        Self {
            sequence: [0; RINGS],
            produced: [0; EVENT_KINDS],
            lost: [[0; EVENT_KINDS]; LOSS_CAUSES],
            fired: [0; PROGRAMS],
        }
    }
}
