//! Time: boot time inside, wall time at the edge.
//!
//! Events carry boot time, which never steps. The offset to the wall is sampled by whoever owns a [`Clock`] and travels
//! in every signed batch, so that a stepped wall clock shows.
use std::fmt;

/// Nanoseconds of `CLOCK_BOOTTIME`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootTime(pub u64);

impl BootTime {
    /// Nanoseconds from `earlier` to this; 0 if it is later.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for BootTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

/// Nanoseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(pub u64);

/// What turns boot time into wall time: their difference at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WallOffset(pub u64);

impl WallOffset {
    /// The wall time of `boot`.
    pub fn wall(self, boot: BootTime) -> WallTime {
        WallTime(boot.0.saturating_add(self.0))
    }
}

/// Where the present comes from; tests bring their own.
pub trait Clock {
    /// Now, in boot time.
    fn boot(&self) -> BootTime;
    /// The offset to the wall, now.
    fn wall_offset(&self) -> WallOffset;
}
