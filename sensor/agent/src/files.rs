//! What rules need of files, in the kernel half's terms.
use guardbee_model::{
    file::{Attribute, Operation},
    watch::{FileSelection, Role},
};
use guardbee_rules::RuleSet;
use guardbee_wire::{FileWants, WATCH_NAMES, WatchKey, WatchRole};

/// What the kernel half is asked for so that these rules miss nothing.
pub(crate) fn selected(rules: &RuleSet) -> FileSelection {
    rules.file_needs().within(WATCH_NAMES)
}

/// The watch list and what is wanted by it.
pub(crate) fn wants(needs: &FileSelection) -> (FileWants, Vec<(WatchKey, u32)>) {
    let mut wants = FileWants { all: bits(&needs.all), ..FileWants::default() };
    let mut names = Vec::new();
    for ((role, text), operations) in &needs.named {
        let kinds = bits(operations);
        wants.named |= kinds;
        let role = match role {
            Role::Name => WatchRole::Name,
            Role::Folder => {
                wants.folders |= kinds;
                WatchRole::Folder
            }
            Role::Extension => {
                wants.extensions |= kinds;
                WatchRole::Extension
            }
        };
        names.push((WatchKey::new(role, text), kinds));
    }
    // Numbers begin with 1.
    let bit = |attribute: &Attribute| {
        1 << (Attribute::ALL.iter().position(|one| one == attribute).unwrap_or(0) + 1)
    };
    wants.attributes = needs.attributes.iter().map(bit).fold(0, |bits, bit: u32| bits | bit);
    // Two long names may be one to the kernel half.
    names.sort_by_key(|(key, _)| (key.role, key.length, key.name));
    names.dedup_by(|(key, kinds), (kept, all)| {
        let same = key == kept;
        *all |= if same { *kinds } else { 0 };
        same
    });
    (wants, names)
}

/// As `guardbee_wire::FileWants` numbers them: both lists are in the same order.
fn bits(operations: &[Operation]) -> u32 {
    operations.iter().fold(0, |bits, operation| bits | 1 << (*operation as u32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use guardbee_wire::EventKind;

    #[test]
    fn operations_and_kinds_are_numbered_alike() {
        for (operation, kind) in Operation::ALL.into_iter().zip(EventKind::FILES) {
            assert_eq!(operation.name(), kind.name());
            assert_eq!(bits(&[operation]), FileWants::bit(kind));
        }
    }

    #[test]
    fn names_become_keys_and_long_ones_may_be_one() {
        let long =
            |end: &str| (Role::Name, format!("{}{end}", "n".repeat(40)).into_bytes().into_boxed_slice());
        let two = [(long("a"), vec![Operation::Open]), (long("b"), vec![Operation::Modify])];
        let needs = FileSelection {
            named: two.into(),
            attributes: vec![Attribute::Mode],
            ..FileSelection::default()
        };
        let (wants, names) = wants(&needs);
        assert_eq!((wants.all, wants.named, wants.folders, wants.attributes), (0, 3, 0, 2));
        assert_eq!(names, [(WatchKey::new(WatchRole::Name, &[b'n'; 41]), 3)]);
    }
}
