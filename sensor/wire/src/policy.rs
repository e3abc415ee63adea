//! What holds in a scope, by policy.
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Policies that there are room for; number 0 is the default.
pub const POLICIES: u32 = 1024;
/// Events a second, and at once, that a policy may allow at most: above that the kernel half's arithmetic would not hold.
pub const POLICY_EVENTS: u32 = 100_000_000;

/// `enum policy_flag`, bits of [`Policy::flags`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum PolicyFlag {
    /// Of the default's: there are policies.
    On = 1 << 0,
    /// Of the default's: no payload is read.
    NoPayload = 1 << 1,
}

/// `struct policy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct Policy {
    /// A bit for each [`crate::EventKind`].
    pub left_out: u64,
    /// Events of each kind of the security ring; 0: no throttle of its own.
    pub per_second: u32,
    /// Likewise, at once after a pause.
    pub burst: u32,
    /// [`PolicyFlag`] bits.
    pub flags: u32,
    /// Zero.
    pub pad: u32,
}

impl Policy {
    /// The kernel half can reckon with it.
    pub fn is_sane(&self) -> bool {
        self.per_second.max(self.burst) <= POLICY_EVENTS && (self.per_second == 0) == (self.burst == 0)
    }
}

/// Which policy holds in a cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopePolicy {
    /// Its number.
    pub number: u32,
    /// Payload may be read.
    pub payload: bool,
}

impl ScopePolicy {
    /// Where the policy's number begins in a scope.
    const SHIFT: u32 = 20;
    const NO_PAYLOAD: u32 = 1 << 30;

    /// As `scopes` has it. [`None`]: there is no such policy.
    pub fn to_scope(self) -> Option<u32> {
        let payload = if self.payload { 0 } else { Self::NO_PAYLOAD };
        (self.number < POLICIES).then_some(self.number << Self::SHIFT | payload)
    }
}
