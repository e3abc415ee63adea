//! What is looked at of what everything does: all open files and have an environment, so that what nobody asks for is left out in the
//! kernel.
#[cfg(doc)]
use crate::file::FileEvent;
use crate::file::{Attribute, Operation};
use std::collections::{BTreeMap, BTreeSet};

/// What is opened is selected by names; of what a call was given names for, all or none is looked at.
pub const OPENED: [Operation; 5] =
    [Operation::Open, Operation::Modify, Operation::Create, Operation::FolderOpen, Operation::OpenFailed];

/// What a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The last component of a path.
    Name,
    /// Any component before it.
    Folder,
    /// The end of the last component, from its last dot on.
    Extension,
    /// The last component of a path, where the name that the call was given has `..` in it.
    Climbing,
}

impl Role {
    /// All, in an order that never changes.
    pub const ALL: [Self; 4] = [Self::Name, Self::Folder, Self::Extension, Self::Climbing];
}

/// A name in lower case.
pub type Named = (Role, Box<[u8]>);

/// What is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Whatever the path.
    pub all: Vec<Operation>,
    /// Where a name is in the path; none of these is in `all`.
    pub named: BTreeMap<Named, Vec<Operation>>,
    /// Of [`Operation::Attribute`]: which.
    pub attributes: Vec<Attribute>,
    /// Names of variables of an environment, in lower case.
    pub variables: BTreeSet<Box<[u8]>>,
    /// Of which of [`OPENED`] all is looked at whose name was given with `..` in it; none of these is in `all`.
    pub climbing: Vec<Operation>,
    /// Of which of [`OPENED`] the name that the call was given is looked at.
    pub given: Vec<Operation>,
    /// Of [`Operation::OpenFailed`]: with which errors, as [`FileEvent::error_type`] calls them.
    pub errors: Vec<&'static str>,
}

impl Selection {
    /// Adds the operation, whatever the path.
    pub fn all(&mut self, operation: Operation) {
        insert(&mut self.all, operation);
    }

    /// Adds the operation where the name is in the path.
    pub fn named(&mut self, name: Named, operation: Operation) {
        insert(self.named.entry(name).or_default(), operation);
    }

    /// Adds the operation where the name that it was given has `..` in it, whatever the path.
    pub fn climbing(&mut self, operation: Operation) {
        insert(&mut self.climbing, operation);
    }

    /// Adds the attribute.
    pub fn attribute(&mut self, attribute: Attribute) {
        insert(&mut self.attributes, attribute);
    }

    /// Adds the error.
    pub fn error(&mut self, word: &'static str) {
        insert(&mut self.errors, word);
    }

    /// Adds that the name is looked at that the operation was given.
    pub fn given(&mut self, operation: Operation) {
        insert(&mut self.given, operation);
    }

    /// What is opened, of which every path is looked at: dear, since everything opens files.
    pub fn every_open(&self) -> Vec<Operation> {
        OPENED.into_iter().filter(|operation| self.all.contains(operation)).collect()
    }

    /// As it is without what these are.
    #[must_use]
    pub fn without(mut self, operations: &[Operation]) -> Self {
        let stays = |operation: &Operation| !operations.contains(operation);
        self.all.retain(stays);
        self.climbing.retain(stays);
        self.given.retain(stays);
        for named in self.named.values_mut() {
            named.retain(stays);
        }
        self.named.retain(|_, operations| !operations.is_empty());
        if operations.contains(&Operation::Attribute) {
            self.attributes.clear();
        }
        if operations.contains(&Operation::OpenFailed) {
            self.errors.clear();
        }
        self
    }

    /// What is looked at whatever the path is not looked for by name.
    pub fn widen(&mut self) {
        let Self { all, named, climbing, .. } = self;
        climbing.retain(|operation| !all.contains(operation));
        for ((role, _), operations) in &mut *named {
            let climbs = |operation: &Operation| *role == Role::Climbing && climbing.contains(operation);
            operations.retain(|operation| !all.contains(operation) && !climbs(operation));
        }
        named.retain(|_, operations| !operations.is_empty());
    }

    /// As it is with at most `room` names: with more, what they are for is looked at whatever the path.
    #[must_use]
    pub fn within(mut self, room: usize) -> Self {
        if self.named.len() + self.variables.len() > room {
            let named: BTreeSet<usize> =
                self.named.values().flatten().map(|operation| *operation as usize).collect();
            let of_names = |operation: &Operation| named.contains(&(*operation as usize));
            Operation::ALL
                .into_iter()
                .filter(of_names)
                .for_each(|operation| insert(&mut self.all, operation));
            self.named.clear();
        }
        self
    }

    /// The operations of which an event that `wanted` asks for is not in this selection.
    pub fn lacks(&self, wanted: &Self) -> Vec<Operation> {
        let mut lacking = Vec::new();
        for operation in wanted.all.iter().filter(|operation| !self.all.contains(operation)) {
            insert(&mut lacking, *operation);
        }
        let climbs =
            |operation: &Operation| self.all.contains(operation) || self.climbing.contains(operation);
        for operation in wanted.climbing.iter().filter(|operation| !climbs(operation)) {
            insert(&mut lacking, *operation);
        }
        for ((role, name), operations) in &wanted.named {
            let is_named = |role: Role, operation: &Operation| {
                self.named.get(&(role, name.clone())).is_some_and(|here| here.contains(operation))
            };
            let is_here = |operation: &&Operation| {
                is_named(*role, operation)
                    || self.all.contains(operation)
                    || *role == Role::Climbing && (is_named(Role::Name, operation) || climbs(operation))
            };
            for operation in operations.iter().filter(|operation| !is_here(operation)) {
                insert(&mut lacking, *operation);
            }
        }
        for operation in wanted.given.iter().filter(|operation| !self.given.contains(operation)) {
            insert(&mut lacking, *operation);
        }
        if wanted.attributes.iter().any(|attribute| !self.attributes.contains(attribute)) {
            insert(&mut lacking, Operation::Attribute);
        }
        if wanted.errors.iter().any(|error| !self.errors.contains(error)) {
            insert(&mut lacking, Operation::OpenFailed);
        }
        lacking
    }
}

fn insert<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(named: &[(Role, &str, Operation)], all: &[Operation]) -> Selection {
        let mut selection = Selection::default();
        for (role, name, operation) in named {
            selection.named((*role, name.as_bytes().into()), *operation);
        }
        for operation in all {
            selection.all(*operation);
        }
        selection
    }

    #[test]
    fn what_is_left_out_is_not_looked_at() {
        let shadow = [(Role::Name, "shadow", Operation::Open), (Role::Name, "shadow", Operation::Modify)];
        let mut some = selection(&shadow, &[Operation::Attribute, Operation::Delete]);
        some.attribute(Attribute::Mode);
        let left = some.clone().without(&[Operation::Open, Operation::Attribute]);
        assert_eq!(left, selection(&shadow[1..], &[Operation::Delete]));
        assert_eq!(some.without(&[Operation::Open, Operation::Modify]).named.len(), 0);
    }

    #[test]
    fn what_is_not_selected_is_told() {
        use Operation::{Attribute as Set, Modify, Open, OpenFailed, Rename};
        let here = selection(&[(Role::Name, "shadow", Open), (Role::Folder, "etc", Open)], &[Rename]);
        assert_eq!(here.lacks(&here), []);
        assert_eq!(here.lacks(&selection(&[(Role::Name, "shadow", Open)], &[])), []);
        assert_eq!(here.lacks(&selection(&[(Role::Name, "shadow", Modify)], &[])), [Modify]);
        assert_eq!(here.lacks(&selection(&[(Role::Name, "etc", Open)], &[])), [Open]);
        assert_eq!(here.lacks(&selection(&[], &[Open, Rename])), [Open]);
        let every = selection(&[], &[Open, Set]);
        assert_eq!(every.lacks(&selection(&[(Role::Name, "any", Open)], &[])), []);
        let mut mode = selection(&[], &[Set]);
        mode.attribute(Attribute::Mode);
        assert_eq!((every.lacks(&mode), mode.lacks(&mode)), (vec![Set], vec![]));
        let mut denied = selection(&[], &[OpenFailed]);
        denied.error("permission_denied");
        let mut missing = denied.clone();
        missing.error("not_found");
        assert_eq!((denied.lacks(&missing), missing.lacks(&denied)), (vec![OpenFailed], vec![]));
        assert_eq!(missing.without(&[OpenFailed]), Selection::default());
    }

    #[test]
    fn what_climbs_is_part_of_what_does_not() {
        use Operation::{FolderOpen, Open};
        let climbing = selection(&[(Role::Climbing, "passwd", Open)], &[]);
        let mut any = selection(&[], &[]);
        any.climbing(Open);
        let name = selection(&[(Role::Name, "passwd", Open)], &[]);
        let every = selection(&[], &[Open]);
        for here in [&climbing, &any, &name, &every] {
            assert_eq!(here.lacks(&climbing), []);
        }
        for lacking in [&climbing, &name] {
            assert_eq!(lacking.lacks(&any), [Open]);
        }
        assert_eq!((any.lacks(&name), every.lacks(&any)), (vec![Open], vec![]));

        let mut all = selection(&[(Role::Climbing, "passwd", Open), (Role::Name, "shadow", Open)], &[]);
        all.climbing(Open);
        all.climbing(FolderOpen);
        all.all(FolderOpen);
        all.widen();
        assert_eq!((all.climbing.as_slice(), all.named.len()), ([Open].as_slice(), 1));
        assert_eq!(all.without(&[Open, FolderOpen]), Selection::default());
    }

    #[test]
    fn without_room_for_names_the_path_does_not_matter() {
        let two = selection(&[(Role::Name, "a", Operation::Open), (Role::Name, "b", Operation::Modify)], &[]);
        assert_eq!(two.clone().within(2), two);
        assert_eq!(two.within(1), selection(&[], &[Operation::Open, Operation::Modify]));
    }
}
