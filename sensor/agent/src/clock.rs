//! The one place that reads clocks.
use guardbee_model::clock::{BootTime, Clock, WallOffset};
use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// The node's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl SystemClock {
    fn nanoseconds(clock: ClockId) -> u64 {
        // None of these clocks can be refused on a kernel that loads our programs; zero would show at once in every record.
        clock_gettime(clock).map_or(0, |time| {
            let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
            seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec()).unwrap_or(0))
        })
    }

    /// For how long a CPU has worked for this thread.
    pub(crate) fn worked() -> Duration {
        Duration::from_nanos(Self::nanoseconds(ClockId::CLOCK_THREAD_CPUTIME_ID))
    }
}

impl Clock for SystemClock {
    fn boot(&self) -> BootTime {
        BootTime(Self::nanoseconds(ClockId::CLOCK_BOOTTIME))
    }

    fn wall_offset(&self) -> WallOffset {
        let boot = Self::nanoseconds(ClockId::CLOCK_BOOTTIME);
        WallOffset(Self::nanoseconds(ClockId::CLOCK_REALTIME).saturating_sub(boot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_time_moves_and_wall_is_this_century() {
        let clock = SystemClock;
        let (first, second) = (clock.boot(), clock.boot());
        assert!(first.0 > 0 && second >= first);
        assert!(clock.wall_offset().wall(second).0 > 1_700_000_000_000_000_000);
    }
}
