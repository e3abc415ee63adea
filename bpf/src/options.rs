//! What may be chosen before the programs are loaded.
use crate::{Capability, Config, Dispatch, Error, Rate, trial::Chosen};
use guardbee_wire::{EVENT_KINDS, EventKind, HookList, RINGS};
use std::fs;

/// Controllers and their v1 hierarchies: cgroups(7).
const CONTROLLERS: &str = "/proc/cgroups";

/// Which hierarchy's cgroup tells containers apart: `enum cgroup_source`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum CgroupSource {
    /// The v2 hierarchy.
    Default = 0,
    /// The v1 memory controller.
    Memory = 1,
    /// The v1 pids controller.
    Pids = 2,
}

impl CgroupSource {
    /// A container runtime limits memory and processes where these controllers are; the other hierarchy may be empty.
    pub fn of_this_kernel() -> Self {
        Self::of(&fs::read_to_string(CONTROLLERS).unwrap_or_default())
    }

    fn of(controllers: &str) -> Self {
        // name, number of its v1 hierarchy (0: v2), cgroups, enabled
        let is_v1 = |name: &str| {
            controllers.lines().any(|line| {
                let mut words = line.split_whitespace();
                words.next() == Some(name) && words.next().is_some_and(|hierarchy| hierarchy != "0")
            })
        };
        if is_v1("memory") {
            Self::Memory
        } else if is_v1("pids") {
            Self::Pids
        } else {
            Self::Default
        }
    }
}

/// A scope within its budget takes seconds to fill the quarter of a ring that is kept free, while nobody reads it.
fn budgets(security_bytes: u32, payload_bytes: u32) -> [Rate; EVENT_KINDS] {
    // At once an eighth of that quarter, at 1 KiB a token.
    let burst = |bytes: u32| (u64::from(bytes) >> 15).max(1);
    let (security, payload) = (burst(security_bytes), burst(payload_bytes));
    let mut rates = [Rate::default(); EVENT_KINDS];
    let limits = [
        (
            Rate { per_second: security.div_ceil(2), burst: security },
            &[EventKind::Fork, EventKind::Exec, EventKind::Exit][..],
        ),
        (
            Rate { per_second: security * 2, burst: security },
            &[EventKind::Accept, EventKind::Connect, EventKind::Listen, EventKind::Datagram],
        ),
        (
            Rate { per_second: security.div_ceil(2), burst: security },
            &[
                EventKind::Credentials,
                EventKind::Access,
                EventKind::Namespace,
                EventKind::Mount,
                EventKind::SocketChange,
                EventKind::Extension,
                EventKind::Signal,
                EventKind::Memory,
                EventKind::Title,
                EventKind::IoUring,
                EventKind::Control,
                EventKind::Inquiry,
            ],
        ),
        (Rate { per_second: security * 2, burst: security }, &[EventKind::Dns]),
        (Rate { per_second: security * 2, burst: security }, &EventKind::FILES),
        (Rate { per_second: payload * 2, burst: payload }, &[EventKind::Socket, EventKind::Close]),
        (Rate { per_second: payload * 8, burst: payload }, &[EventKind::Data]),
    ];
    for (limit, kinds) in limits {
        for kind in kinds {
            if let Some(rate) = rates.get_mut(*kind as usize) {
                *rate = limit;
            }
        }
    }
    rates
}

/// How the kernel half is set up. [`Options::default`] suits a node.
#[derive(Clone, Debug)]
pub struct Options {
    /// `None`: the best list that loads.
    pub hooks: Option<HookList>,
    /// Size of the security ring; a power of two of at least a page.
    pub security_bytes: u32,
    /// Size of each payload ring; likewise.
    pub payload_bytes: u32,
    /// Payload rings, 1 to 3.
    pub payload_rings: u32,
    /// Hierarchy of `cgroup_id`; `None`: the one in which this kernel's containers are.
    pub cgroup: Option<CgroupSource>,
    /// The sensor's own processes: their payload is never reported.
    pub own: Vec<u32>,
    /// Budget of each scope in a ring that is nearly full, by kind; `None`: by the size of the rings.
    pub rates: Option<[Rate; EVENT_KINDS]>,
    /// Connections that are followed at once, TCP and unix each.
    pub connections: u32,
    /// Threads that serve at once, and processes with an origin.
    pub stamps: u32,
    /// Cgroups that policies may name.
    pub scopes: u32,
    /// What is watched beside the basic capabilities.
    pub watched: Vec<Capability>,
    /// Attach the programs of file events, so that [`crate::Kernel::want`] has but to detach what nobody needs: later the
    /// privileges may be gone.
    pub files: bool,
    /// Look at files by trampolines as far as this kernel takes them, in place of tracepoints; `None`: unless `hooks` asks for a list.
    pub trampolines: Option<bool>,
    /// How the programs of calls are led to them; `None`: sparse, unless this node has no tracepoints of calls to attach to.
    pub dispatch: Option<Dispatch>,
    /// Attach spares behind the programs; `None`: where this kernel preempts a tracepoint's program.
    pub spares: Option<bool>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            hooks: None,
            security_bytes: 8 << 20,
            payload_bytes: 8 << 20,
            payload_rings: 2,
            cgroup: None,
            own: Vec::new(),
            rates: None,
            files: false,
            trampolines: None,
            dispatch: None,
            connections: 32_768,
            stamps: 16_384,
            scopes: 4_096,
            watched: Vec::new(),
            spares: None,
        }
    }
}

impl Options {
    /// Refuses what the kernel would refuse with less of an explanation.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let wrong = |option, value: u32, wanted| Err(Error::Option { option, value: value.into(), wanted });
        for (option, bytes) in
            [("security_bytes", self.security_bytes), ("payload_bytes", self.payload_bytes)]
        {
            if !bytes.is_power_of_two() || bytes < 1 << 16 {
                return wrong(option, bytes, "a power of two of at least 65536");
            }
        }
        if self.payload_rings == 0 || self.payload_rings as usize >= RINGS {
            return wrong("payload_rings", self.payload_rings, "1 to 3");
        }
        for (option, entries) in
            [("connections", self.connections), ("stamps", self.stamps), ("scopes", self.scopes)]
        {
            if entries == 0 || entries > 1 << 24 {
                return wrong(option, entries, "1 to 16777216");
            }
        }
        for rate in self.rates.iter().flatten() {
            if rate.per_second > 100_000_000 || rate.burst > 1_000_000_000 {
                return Err(Error::Option {
                    option: "rates",
                    value: rate.per_second.max(rate.burst),
                    wanted: "at most 100 million a second with bursts of 1000 million",
                });
            }
            if rate.per_second > 0 && rate.burst == 0 {
                return Err(Error::Option { option: "rates", value: 0, wanted: "a burst of at least 1" });
            }
        }
        Ok(())
    }

    pub(crate) fn config(&self, chosen: Chosen) -> Config {
        Config {
            rates: self.rates.unwrap_or_else(|| budgets(self.security_bytes, self.payload_bytes)),
            urgent_kinds: 1 << EventKind::Throttle as u64,
            hooks: chosen.hooks as u32,
            payload_rings: self.payload_rings,
            cgroup_subsys: self.cgroup.unwrap_or_else(CgroupSource::of_this_kernel) as u32,
            // The reader is woken at each quarter.
            security_wake_shift: self.security_bytes.ilog2() - 2,
            payload_wake_shift: self.payload_bytes.ilog2() - 2,
            spares: chosen.spares.into(),
            dispatch: chosen.dispatch as u32,
            pad: 0,
        }
    }

    /// Memory of the maps, roughly: for error messages.
    pub(crate) fn map_bytes(&self) -> u64 {
        u64::from(self.security_bytes)
            + u64::from(self.payload_bytes) * u64::from(self.payload_rings)
            + u64::from(self.connections) * 2 * 256
            + u64::from(self.stamps) * 2 * 128
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_where_their_memory_is_limited() {
        let head = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n";
        for (lines, source) in [
            ("cpuset\t3\t1\t1\nmemory\t4\t60\t1\npids\t8\t1\t1\n", CgroupSource::Memory),
            ("memory\t0\t60\t0\npids\t8\t1\t1\n", CgroupSource::Pids),
            ("memory\t0\t60\t1\npids\t0\t60\t1\n", CgroupSource::Default),
            ("", CgroupSource::Default),
        ] {
            assert_eq!(CgroupSource::of(&format!("{head}{lines}")), source, "{lines:?}");
        }
    }
}
