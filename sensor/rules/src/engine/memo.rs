//! What the index found in values that come again and again, so that they are folded and searched once.
use rustc_hash::FxHasher;
use std::hash::Hasher as _;

/// Values that are remembered; a new one takes the place of another.
const SLOTS: usize = 1024;
/// Longer values are not remembered: they are seldom the same, and a flood of them must not take much memory.
const LONGEST: usize = 256;

/// A table of one place for each hash.
#[derive(Debug)]
pub(super) struct Memo {
    slots: Box<[Slot]>,
}

/// Rules by the field's number and its value; number 0: nothing yet.
#[derive(Clone, Debug, Default)]
struct Slot {
    number: usize,
    value: Vec<u8>,
    rules: Vec<u32>,
}

impl Default for Memo {
    fn default() -> Self {
        Self { slots: vec![Slot::default(); SLOTS].into() }
    }
}

impl Memo {
    /// What `find` gives for this value, now or when it was seen before. [`None`]: it is not remembered.
    pub(super) fn rules(
        &mut self,
        number: usize,
        value: &[u8],
        find: impl FnOnce(&mut dyn FnMut(&[u32])),
    ) -> Option<&[u32]> {
        if value.len() > LONGEST {
            return None;
        }
        let mut hasher = FxHasher::default();
        hasher.write_usize(number);
        hasher.write(value);
        // The upper bits are the better ones.
        let place = usize::try_from(hasher.finish() >> 40).ok()? % SLOTS;
        let slot = self.slots.get_mut(place)?;
        if slot.number != number || slot.value != value {
            slot.number = number;
            slot.value.clear();
            slot.value.extend_from_slice(value);
            slot.rules.clear();
            find(&mut |rules| slot.rules.extend_from_slice(rules));
            slot.rules.sort_unstable();
            slot.rules.dedup();
        }
        Some(&slot.rules)
    }
}
