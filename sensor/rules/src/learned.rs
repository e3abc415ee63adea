//! What baselines have learned, as a file keeps it: version, times on the wall, and a checksum, since a file may be cut or changed.
//!
//! Layout, little-endian: `MAGIC`, version (u16), rules (u32); of each its name (32 bytes), when it began (i64, `i64::MIN`: not
//! yet), scopes (u32) with id (16 bytes), begin (i64) and the last event that it had no room for (i64, `i64::MIN`: none), keys
//! (u32) with id (16 bytes), last event (i64) and the number of the scope (u32); SHA-256 of all that.
use crate::digest::Digest;
use guardbee_model::clock::{WallOffset, WallTime};
use sha2::{Digest as _, Sha256};
use std::{collections::HashMap, fmt};

const MAGIC: &[u8; 20] = b"guardbee baselines\r\n";
const VERSION: u16 = 2;
const CHECKSUM: usize = 32;

/// A hash of values.
pub(crate) type Id = [u8; 16];

/// What all baselines of a set know. Values are hashes; times are those of the machine that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    pub(crate) rules: Vec<LearnedRule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LearnedRule {
    pub(crate) name: Digest,
    pub(crate) begun: Option<i64>,
    pub(crate) scopes: Vec<LearnedScope>,
    /// The oldest first.
    pub(crate) keys: Vec<LearnedKey>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LearnedScope {
    pub(crate) id: Id,
    pub(crate) begun: i64,
    pub(crate) wide: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LearnedKey {
    pub(crate) id: Id,
    pub(crate) seen: i64,
    pub(crate) scope: Id,
}

/// Why bytes are not what was learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// They begin otherwise.
    Other,
    /// They are of another version.
    Version(u16),
    /// They are cut, or something in them was changed.
    Damaged,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other => f.write_str("it is no file of baselines"),
            Self::Version(version) => {
                write!(f, "it is of version {version}, and this sensor knows {VERSION}")
            }
            Self::Damaged => f.write_str("it is cut or damaged: its checksum is wrong"),
        }
    }
}

impl std::error::Error for Unreadable {}

impl Learned {
    /// Rules that have learned something.
    pub fn rules(&self) -> usize {
        self.rules.len()
    }

    /// Values that are known.
    pub fn values(&self) -> usize {
        self.rules.iter().map(|rule| rule.keys.len()).sum()
    }

    /// For a file.
    pub fn to_bytes(&self, offset: WallOffset) -> Vec<u8> {
        let wall = |time: i64| time.saturating_add_unsigned(offset.0).to_le_bytes();
        let perhaps = |time: Option<i64>| time.map_or(i64::MIN.to_le_bytes(), wall);
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
        let mut out = [&MAGIC[..], &VERSION.to_le_bytes(), &count(self.rules.len())].concat();
        for rule in &self.rules {
            out.extend_from_slice(&rule.name.0);
            out.extend(perhaps(rule.begun));
            out.extend(count(rule.scopes.len()));
            let mut places = HashMap::new();
            for (scope, place) in rule.scopes.iter().zip(0_u32..) {
                places.insert(scope.id, place);
                out.extend(scope.id);
                out.extend(wall(scope.begun));
                out.extend(perhaps(scope.wide));
            }
            out.extend(count(rule.keys.len()));
            for key in &rule.keys {
                out.extend(key.id);
                out.extend(wall(key.seen));
                out.extend(places.get(&key.scope).copied().unwrap_or(u32::MAX).to_le_bytes());
            }
        }
        out.extend(checksum(&out));
        out
    }

    /// Out of a file, read at `now`: nothing was later than that, whatever a clock that was wrong has said.
    ///
    /// # Errors
    /// It is not what [`Learned::to_bytes`] made.
    pub fn from_bytes(bytes: &[u8], offset: WallOffset, now: WallTime) -> Result<Self, Unreadable> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(Unreadable::Other)?;
        let (version, _) = rest.split_first_chunk().ok_or(Unreadable::Damaged)?;
        match u16::from_le_bytes(*version) {
            VERSION => {}
            other => return Err(Unreadable::Version(other)),
        }
        let body = bytes.len().checked_sub(CHECKSUM).ok_or(Unreadable::Damaged)?;
        let (body, written) = bytes.split_at_checked(body).ok_or(Unreadable::Damaged)?;
        if checksum(body).as_slice() != written {
            return Err(Unreadable::Damaged);
        }
        let rest = body.get(MAGIC.len() + size_of_val(&VERSION)..).ok_or(Unreadable::Damaged)?;
        let now = i64::try_from(now.0).unwrap_or(i64::MAX);
        let mut reader = Reader { rest, offset, now };
        reader.all().filter(|_| reader.rest.is_empty()).ok_or(Unreadable::Damaged)
    }
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    Sha256::digest(bytes).into()
}

struct Reader<'a> {
    rest: &'a [u8],
    offset: WallOffset,
    now: i64,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*first)
    }

    fn count(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn time(&mut self) -> Option<i64> {
        let wall = i64::from_le_bytes(self.take()?);
        Some(wall.min(self.now).saturating_sub_unsigned(self.offset.0))
    }

    /// Whether the next time is one.
    fn has_time(&self) -> bool {
        !self.rest.starts_with(&i64::MIN.to_le_bytes())
    }

    fn all(&mut self) -> Option<Learned> {
        let count = self.count()?;
        let rules = (0..count).map(|_| self.rule()).collect::<Option<_>>()?;
        Some(Learned { rules })
    }

    fn rule(&mut self) -> Option<LearnedRule> {
        let name = Digest(self.take()?);
        let has_begun = self.has_time();
        let begun = Some(self.time()?).filter(|_| has_begun);
        let count = self.count()?;
        let scope = |_| {
            let (id, begun, is_wide) = (self.take()?, self.time()?, self.has_time());
            Some(LearnedScope { id, begun, wide: Some(self.time()?).filter(|_| is_wide) })
        };
        let scopes: Vec<_> = (0..count).map(scope).collect::<Option<_>>()?;
        let count = self.count()?;
        let key = |reader: &mut Self| {
            let (id, seen, place) = (reader.take()?, reader.time()?, reader.count()?);
            let scope = scopes.get(usize::try_from(place).ok()?)?.id;
            Some(LearnedKey { id, seen, scope })
        };
        let keys = (0..count).map(|_| key(self)).collect::<Option<_>>()?;
        Some(LearnedRule { name, begun, scopes, keys })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn learned() -> impl Strategy<Value = Learned> {
        let scope = (any::<Id>(), 0..1_000_i64, prop::option::of(0..1_000_i64));
        let scopes = prop::collection::vec(scope, 1..4);
        let keys =
            prop::collection::vec((any::<Id>(), -1_000..1_000_i64, any::<prop::sample::Index>()), 0..5);
        let rule = (any::<[u8; 32]>(), prop::option::of(-1_000..1_000_i64), scopes, keys);
        let rule = rule.prop_map(|(name, begun, scopes, keys)| {
            let scope = |(id, begun, wide)| LearnedScope { id, begun, wide };
            let scopes: Vec<_> = scopes.into_iter().map(scope).collect();
            let key = |(id, seen, at): (Id, i64, prop::sample::Index)| LearnedKey {
                id,
                seen,
                scope: at.get(&scopes).id,
            };
            LearnedRule { name: Digest(name), begun, keys: keys.into_iter().map(key).collect(), scopes }
        });
        prop::collection::vec(rule, 0..4).prop_map(|rules| Learned { rules })
    }

    const OFFSET: WallOffset = WallOffset(1_700_000_000_000_000_000);
    const NOW: WallTime = WallTime(1_700_000_000_000_002_000);

    proptest! {
        #[test]
        fn what_is_written_is_read_and_what_is_damaged_is_not(
            learned in learned(), byte in any::<prop::sample::Index>(), bit in 0..8_u32, cut in any::<prop::sample::Index>(),
        ) {
            let bytes = learned.to_bytes(OFFSET);
            prop_assert_eq!(Learned::from_bytes(&bytes, OFFSET, NOW), Ok(learned));
            let mut damaged = bytes.clone();
            damaged[byte.index(bytes.len())] ^= 1 << bit;
            prop_assert!(Learned::from_bytes(&damaged, OFFSET, NOW).is_err());
            prop_assert!(Learned::from_bytes(&bytes[..cut.index(bytes.len())], OFFSET, NOW).is_err());
        }

        /// Whatever stands there, checksum included: an answer, and no crash.
        #[test]
        fn anything_is_answered(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = [&MAGIC[..], &VERSION.to_le_bytes(), &body].concat();
            bytes.extend(checksum(&bytes));
            let read = Learned::from_bytes(&bytes, OFFSET, NOW);
            prop_assert!(read.is_ok() || read == Err(Unreadable::Damaged));
            prop_assert_eq!(Learned::from_bytes(&body, OFFSET, NOW), Err(Unreadable::Other));
        }
    }

    #[test]
    fn another_version_and_a_clock_that_was_wrong() {
        let mut bytes = Learned::default().to_bytes(OFFSET);
        bytes[MAGIC.len()] = 1;
        assert_eq!(Learned::from_bytes(&bytes, OFFSET, NOW), Err(Unreadable::Version(1)));
        let (scope, name) = (LearnedScope { id: [1; 16], begun: 9_000, wide: None }, Digest([2; 32]));
        let rule = LearnedRule { name, begun: Some(9_000), scopes: vec![scope], keys: Vec::new() };
        let bytes = Learned { rules: vec![rule] }.to_bytes(OFFSET);
        let read = Learned::from_bytes(&bytes, OFFSET, NOW).unwrap();
        assert_eq!((read.rules[0].begun, read.rules[0].scopes[0].begun), (Some(2_000), 2_000));
    }
}
