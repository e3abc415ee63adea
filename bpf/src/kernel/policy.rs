//! Policies: what holds in which cgroup.
use super::{Kernel, map};
use crate::{Error, trial};
use guardbee_wire::{POLICIES, Policy, ScopePolicy};
use libbpf_rs::{MapCore as _, MapFlags};
use rustix::io::Errno;
use zerocopy::IntoBytes as _;

impl Kernel {
    /// What holds under this number from now on; 0: in every cgroup that has no policy of its own.
    pub fn set_policy(&self, number: u32, policy: &Policy) -> Result<(), Error> {
        let refused = |source| Error::Map { action: "update", map: "policies", source };
        if number == 0 {
            return self.store(".data.policy", policy.as_bytes()).map_err(refused);
        }
        let policies = map(&self.object, "policies").map_err(refused)?;
        policies.update((number % POLICIES).as_bytes(), policy.as_bytes(), MapFlags::ANY).map_err(refused)
    }

    /// Which policy holds in a cgroup from now on. [`None`]: the default.
    pub fn set_scope(&self, cgroup: u64, policy: Option<ScopePolicy>) -> Result<(), Error> {
        let refused = |source| Error::Map { action: "update", map: "scopes", source };
        let scopes = map(&self.object, "scopes").map_err(refused)?;
        match policy.and_then(ScopePolicy::to_scope) {
            Some(scope) => scopes.update(cgroup.as_bytes(), scope.as_bytes(), MapFlags::ANY).map_err(refused),
            None => match scopes.delete(cgroup.as_bytes()) {
                Err(error) if trial::errno_of(&error) != Errno::NOENT.raw_os_error() => Err(refused(error)),
                _ => Ok(()),
            },
        }
    }

    /// No cgroup has a policy of its own.
    pub fn clear_scopes(&self) -> Result<(), Error> {
        let refused = |source| Error::Map { action: "clear", map: "scopes", source };
        let scopes = map(&self.object, "scopes").map_err(refused)?;
        let all: Vec<_> = scopes.keys().collect();
        all.iter().try_for_each(|cgroup| scopes.delete(cgroup)).map_err(refused)
    }
}
