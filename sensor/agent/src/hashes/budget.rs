//! How many bytes may be read for hashes: refilled with time, and nobody takes all of it.
use super::{BYTES_PER_SECOND, LARGEST, SECOND_NS};
use guardbee_model::clock::BootTime;
use std::collections::HashMap;

/// The last part of what there is: only for scopes that have not spent as much themselves lately.
const RESERVE: u64 = LARGEST / 4;
/// After a while without any: the largest file, and what is reserved.
const MOST: u64 = LARGEST + RESERVE;
/// For how long it is remembered who has spent what: until everything is refilled.
const PERIOD_NS: u64 = MOST / BYTES_PER_SECOND * SECOND_NS;
/// Scopes that are remembered; those beyond it get nothing of the reserve.
const SCOPES: usize = 1024;

/// What is left, and who took the rest.
#[derive(Debug)]
pub(super) struct Budget {
    bytes: u64,
    since: BootTime,
    /// Bytes by scope, since `begun`.
    spent: HashMap<u64, u64>,
    begun: BootTime,
}

impl Budget {
    pub(super) fn new(now: BootTime) -> Self {
        Self { bytes: MOST, since: now, spent: HashMap::new(), begun: now }
    }

    /// Whether a scope may have that many bytes read.
    pub(super) fn spend(&mut self, scope: u64, bytes: u64, now: BootTime) -> bool {
        let earned = u128::from(now.since(self.since)) * u128::from(BYTES_PER_SECOND) / u128::from(SECOND_NS);
        self.bytes = self.bytes.saturating_add(u64::try_from(earned).unwrap_or(u64::MAX)).min(MOST);
        self.since = now.max(self.since);
        if now.since(self.begun) >= PERIOD_NS {
            self.spent.clear();
            self.begun = now;
        }
        let Some(rest) = self.bytes.checked_sub(bytes) else { return false };
        let known = self.spent.contains_key(&scope) || self.spent.len() < SCOPES;
        let spent = self.spent.get(&scope).copied().unwrap_or_default().saturating_add(bytes);
        if rest < RESERVE && !(known && spent <= RESERVE) {
            return false;
        }
        if known {
            self.spent.insert(scope, spent);
        }
        self.bytes = rest;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: u64 = 1;
    const OTHER: u64 = 2;

    fn budget() -> Budget {
        Budget::new(BootTime(0))
    }

    #[test]
    fn what_is_spent_comes_back_with_time() {
        let mut budget = budget();
        assert!(!budget.spend(ONE, MOST + 1, BootTime(0)));
        assert!(budget.spend(ONE, LARGEST, BootTime(0)));
        assert!(budget.spend(OTHER, RESERVE, BootTime(0)));
        assert!(!budget.spend(OTHER, 1, BootTime(0)));
        let later = BootTime(PERIOD_NS / 2);
        assert!(budget.spend(ONE, LARGEST / 4, later));
        assert!(!budget.spend(ONE, RESERVE, later), "{budget:?}");
        assert!(budget.spend(ONE, LARGEST, BootTime(PERIOD_NS * 2)));
    }

    #[test]
    fn nobody_takes_what_others_need() {
        let mut budget = budget();
        let mut taken = 0;
        while budget.spend(ONE, 1 << 20, BootTime(0)) {
            taken += 1 << 20;
        }
        assert_eq!(taken, LARGEST);
        assert!(budget.spend(OTHER, RESERVE, BootTime(0)));
        assert!(!budget.spend(3, 1, BootTime(0)), "nothing is left");
    }

    #[test]
    fn those_beyond_the_bound_get_nothing_of_the_reserve() {
        let mut budget = budget();
        assert!((0..SCOPES as u64).all(|scope| budget.spend(scope, 1, BootTime(0))));
        let rest = LARGEST - SCOPES as u64;
        assert!(budget.spend(9999, rest, BootTime(0)));
        assert!(!budget.spend(9999, 1, BootTime(0)));
        assert!(budget.spend(7, 1, BootTime(0)));
        assert_eq!(budget.spent.len(), SCOPES);
    }
}
