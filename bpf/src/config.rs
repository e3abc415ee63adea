//! `struct sensor_config` of include/config.h: what the programs know as constants.
use guardbee_wire::EVENT_KINDS;
use zerocopy::{Immutable, IntoBytes};

/// What a scope may cause of a kind while a ring is more than three quarters full; with more room nobody is throttled. In
/// tokens: an event costs one, and one more for each KiB of its record. 0 a second: unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Immutable, IntoBytes)]
#[repr(C)]
pub struct Rate {
    /// Sustained.
    pub per_second: u64,
    /// At once, after a pause.
    pub burst: u64,
}

/// Mirror of `struct sensor_config`; public for the layout test only.
#[derive(Clone, Copy, Debug, Immutable, IntoBytes)]
#[repr(C)]
#[expect(missing_docs, reason = "config.h says it")]
pub struct Config {
    pub rates: [Rate; EVENT_KINDS],
    pub urgent_kinds: u64,
    pub hooks: u32,
    pub payload_rings: u32,
    pub cgroup_subsys: u32,
    pub security_wake_shift: u32,
    pub payload_wake_shift: u32,
    pub spares: u32,
    pub dispatch: u32,
    pub pad: u32,
}
