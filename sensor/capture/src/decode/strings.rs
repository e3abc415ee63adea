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
pub(super) struct Strings<'a>([Option<Captured<'a>>; 22]);

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

    /// Empty where it is missing.
    pub(super) fn bytes(&self, id: StringId) -> &'a [u8] {
        self.get(id).map_or(&[], |string| string.bytes)
    }
}
