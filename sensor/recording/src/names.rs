//! Names that the sensor knows as constants, such as a loss's cause, read back from bytes.
use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

/// Different names that this process keeps, for good. The sensor itself has fewer than a hundred.
const MOST: usize = 512;
/// Bytes of one.
const LONGEST: usize = 96;
/// What stands for one that finds no room.
const OTHER: &str = "other";

/// `name` for the rest of the process's life. What is kept is bounded, whatever is read.
pub(crate) fn constant(name: &str) -> &'static str {
    static KEPT: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    match kept.get(name) {
        Some(known) => known,
        None if name.len() <= LONGEST && kept.len() < MOST => {
            let constant: &'static str = String::from(name).leak();
            kept.insert(constant);
            constant
        }
        None => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_once_and_bounded() {
        assert_eq!(constant("ring_full"), "ring_full");
        assert!(std::ptr::eq(constant("ring_full"), constant("ring_full")));
        assert_eq!(constant(&"x".repeat(LONGEST + 1)), OTHER);
        let kept = (0..2 * MOST).filter(|number| constant(&format!("name {number}")) != OTHER).count();
        assert!(kept < MOST);
    }
}
