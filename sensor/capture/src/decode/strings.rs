//! The tail of a record, by id.
use super::DecodeError;
use guardbee_wire::{self as wire, EventString, StringId, UNREADABLE};

/// A string as it was captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Captured<'a> {
    pub(super) bytes: &'a [u8],
    /// Bytes there were.
    pub(super) total: u32,
    pub(super) unreadable: bool,
}

/// One slot for each id; the first string of an id stands.
#[derive(Debug, Default)]
pub(super) struct Strings<'a>([Option<Captured<'a>>; StringId::END]);

impl<'a> Strings<'a> {
    pub(super) fn walk(kind: &'static str, tail: &'a [u8]) -> Result<Self, DecodeError> {
        let mut strings = Self::default();
        let mut walk = wire::Strings::new(tail);
        for (EventString { id, length, total }, bytes) in &mut walk {
            let unreadable = total == UNREADABLE;
            if total < u32::from(length) {
                return Err(DecodeError::Value { kind, field: "string.total", value: total.into() });
            }
            if let Some(slot @ None) = strings.0.get_mut(usize::from(id)) {
                let total = if unreadable { 0 } else { total };
                *slot = Some(Captured { bytes, total, unreadable });
            }
        }
        match walk.rest() {
            rest if rest.iter().all(|&byte| byte == 0) => Ok(strings),
            rest => Err(DecodeError::Tail { kind, left: rest.len() }),
        }
    }

    pub(super) fn get(&self, id: StringId) -> Option<Captured<'a>> {
        self.0.get(id as usize).copied().flatten()
    }

    /// The path of the cgroup that tells containers apart: its last names, with a `/` before them where that is all of it.
    pub(super) fn cgroup(&self) -> Box<[u8]> {
        self.path([StringId::Cgroup, StringId::CgroupParent, StringId::CgroupGrandparent])
    }

    /// Likewise of the v2 hierarchy's.
    pub(super) fn unified(&self) -> Box<[u8]> {
        self.path([StringId::Unified, StringId::UnifiedParent, StringId::UnifiedGrandparent])
    }

    /// Names from the leaf up. Of the root there is none, so that a missing one ends the path; with no leaf nothing is known:
    /// that it is the root is as good as that.
    fn path(&self, ids: [StringId; 3]) -> Box<[u8]> {
        let found: Vec<Captured<'_>> = ids.iter().map_while(|id| self.get(*id)).collect();
        let mut names: Vec<&[u8]> = found.iter().map_while(|name| readable(name)).collect();
        if names.is_empty() {
            return Box::default();
        }
        if names.len() == found.len() && names.len() < ids.len() {
            names.push(b"");
        }
        names.reverse();
        names.join(&b'/').into()
    }

    /// Empty where it is missing.
    pub(super) fn bytes(&self, id: StringId) -> &'a [u8] {
        self.get(id).map_or(&[], |string| string.bytes)
    }
}

fn readable<'a>(name: &Captured<'a>) -> Option<&'a [u8]> {
    (!name.unreadable && !name.bytes.is_empty()).then_some(name.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::IntoBytes as _;

    fn tail(names: &[(StringId, &[u8])]) -> Vec<u8> {
        let mut tail = Vec::new();
        for (id, bytes) in names {
            let length = u16::try_from(bytes.len()).unwrap();
            let total = if bytes.is_empty() { UNREADABLE } else { u32::from(length) };
            tail.extend(EventString { id: *id as u16, length, total }.as_bytes());
            tail.extend(*bytes);
            tail.resize(tail.len().next_multiple_of(8), 0);
        }
        tail
    }

    #[test]
    fn names_of_a_cgroup_are_whole_only_up_to_the_root() {
        use StringId::{Cgroup, CgroupGrandparent, CgroupParent};
        for (names, path) in [
            (&[][..], &b""[..]),
            (&[(Cgroup, &b"a"[..])][..], b"/a"),
            (&[(Cgroup, b"a"), (CgroupParent, b"b")], b"/b/a"),
            (&[(Cgroup, b"a"), (CgroupParent, b"b"), (CgroupGrandparent, b"c")], b"c/b/a"),
            // Not readable: nobody knows what stands above.
            (&[(Cgroup, b"a"), (CgroupParent, b"")], b"a"),
            (&[(Cgroup, b""), (CgroupParent, b"b")], b""),
        ] {
            let tail = tail(names);
            let strings = Strings::walk("exec", &tail).unwrap();
            assert_eq!((&*strings.cgroup(), &*strings.unified()), (path, &b""[..]));
        }
    }
}
