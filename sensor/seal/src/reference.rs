//! The reference that every sealed record carries: its place, and what stores lose of it.
//!
//! Attribute `guardbee.seal.ref`, four or five parts between semicolons:
//!
//! ```text
//! 1;<instance>/<stream>/<batch>/<index>;<start mod 1000>,<end mod 1000>;<keys>[;<long>]
//!
//! keys  #<8 hex>          first bytes of the SHA-256 of a list that the batch's manifest carries (spans)
//!       =<list>           the list itself (findings, audit)
//! list  s:http.route,i:http.response.status_code,b:error    type letter and key, sorted by key; `~x` stands for the
//!                         previous key up to its last dot and x; other bytes than [A-Za-z0-9._-/] are %HH
//! long  <which>:<length>:<SHA-256 in base64url>,...          texts over 1 KiB: n (name), b (body), or the key's number
//! ```
//!
//! The remainders are the nanoseconds that stores with microseconds cut off; the type letters bring back what stores
//! with text only erase; the lengths and hashes let a text that a store has cut be recognised.
use crate::{
    bytes::hex,
    leaf::{BatchId, Instance, Kind, Place},
    merkle::{Hash, sha256},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use guardbee_model::record::Stream;
use std::fmt::Write as _;

/// The attribute with the reference.
pub const REF: &str = "guardbee.seal.ref";
/// The attribute with the inline proof.
pub const PROOF: &str = "guardbee.seal.proof";
/// Keys with this prefix are about the seal and never signed.
pub const PREFIX: &str = "guardbee.seal.";

/// More keys than any record has.
const KEYS: usize = 1024;

/// A sorted list of signed keys with their types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyList(pub Vec<(Box<str>, Kind)>);

impl KeyList {
    /// Its text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let mut space = "";
        for (key, kind) in &self.0 {
            if !out.is_empty() {
                out.push(',');
            }
            out.push(kind.letter());
            out.push(':');
            let at = key.rfind('.').map_or(0, |dot| dot + 1);
            let (own, last) = key.split_at_checked(at).unwrap_or(("", key));
            if !own.is_empty() && own == space {
                out.push('~');
                quote(&mut out, last);
            } else {
                quote(&mut out, key);
            }
            space = own;
        }
        out
    }

    /// The hash of its text: how a leaf names it.
    pub fn hash(&self) -> Hash {
        sha256(self.text().as_bytes())
    }

    /// The list of a text; keys must be sorted and different.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut keys: Vec<(Box<str>, Kind)> = Vec::new();
        if text.is_empty() {
            return Ok(Self(keys));
        }
        for entry in text.split(',') {
            let (letter, name) = entry.split_once(':').ok_or("a signed key has no type")?;
            let mut letters = letter.chars();
            let kind = letters.next().and_then(Kind::of_letter).filter(|_| letters.next().is_none());
            let kind = kind.ok_or("a signed key has an unknown type")?;
            let last = keys.last().map(|(key, _)| &**key);
            let key = match name.strip_prefix('~') {
                Some(rest) => {
                    let space = last.and_then(|key| key.rfind('.').and_then(|dot| key.get(..=dot)));
                    format!(
                        "{}{}",
                        space.ok_or("a signed key repeats a prefix that is not there")?,
                        unquote(rest)?
                    )
                }
                None => unquote(name)?,
            };
            if last.is_some_and(|last| *last >= *key) {
                return Err("the signed keys are not sorted");
            }
            if keys.len() == KEYS {
                return Err("there are too many signed keys");
            }
            keys.push((key.into(), kind));
        }
        Ok(Self(keys))
    }
}

/// The short name of a list: eight hex digits of its hash. It need not be strong: the whole hash is in the leaf.
pub fn schema_id(list: &Hash) -> String {
    hex(list.0.get(..4).unwrap_or_default())
}

fn quote(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            write!(out, "%{byte:02X}").unwrap_or_default();
        }
    }
}

fn unquote(text: &str) -> Result<String, &'static str> {
    const BAD: &str = "a signed key is badly quoted";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16)).ok_or(BAD);
            let value = digit()? << 4 | digit()?;
            bytes.push(u8::try_from(value).map_err(|_| BAD)?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| BAD)
}

/// Where a reference's key list is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    /// In the manifest, under this name.
    Schema(Box<str>),
    /// Here.
    Inline(KeyList),
}

/// Which text of a record is long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The name.
    Name,
    /// The body.
    Body,
    /// The value of the n-th signed key.
    Key(u16),
}

/// A text over 1 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongText {
    /// Which.
    pub slot: Slot,
    /// Bytes.
    pub length: u64,
    /// Of all of it.
    pub hash: Hash,
}

/// A reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Where the record stands.
    pub place: Place,
    /// Nanoseconds below the microsecond: start, end.
    pub remainders: (u16, u16),
    /// What is signed of its attributes.
    pub keys: Keys,
    /// Its long texts.
    pub long: Vec<LongText>,
}

/// The text of a reference that begins with `prefix` (version and batch) and whose key list is the text `keys`, with its
/// leading `#` or `=`.
pub(crate) fn write(prefix: &str, index: u32, times: (u64, u64), keys: &str, long: &[LongText]) -> String {
    let mut out = String::with_capacity(prefix.len() + 24 + keys.len() + long.len() * 56);
    out.push_str(prefix);
    push_number(&mut out, index.into());
    out.push(';');
    push_number(&mut out, times.0 % 1000);
    out.push(',');
    push_number(&mut out, times.1 % 1000);
    out.push(';');
    out.push_str(keys);
    for (at, text) in long.iter().enumerate() {
        out.push(if at == 0 { ';' } else { ',' });
        match text.slot {
            Slot::Name => out.push('n'),
            Slot::Body => out.push('b'),
            Slot::Key(number) => push_number(&mut out, number.into()),
        }
        out.push(':');
        push_number(&mut out, text.length);
        out.push(':');
        URL_SAFE_NO_PAD.encode_string(text.hash.0, &mut out);
    }
    out
}

/// In decimal; every span has three, so without the library's formatting.
fn push_number(out: &mut String, number: u64) {
    if let Some(unit) = number.checked_ilog10().map(|digits| 10_u64.pow(digits)) {
        let mut unit = unit;
        while unit > 0 {
            out.push(char::from(b'0' + u8::try_from(number / unit % 10).unwrap_or_default()));
            unit /= 10;
        }
    } else {
        out.push('0');
    }
}

impl Reference {
    /// Reads one; the error says what is wrong.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut parts = text.split(';');
        let mut next = |what| parts.next().ok_or(what);
        if next("it is empty")? != "1" {
            return Err("its version is not 1");
        }
        let place = place(next("it has no place")?).ok_or("its place is not instance/stream/batch/index")?;
        let remainders = remainders(next("it has no nanoseconds")?)
            .ok_or("its nanoseconds are not two numbers below 1000")?;
        let keys = next("it has no key list")?;
        let keys = match (keys.strip_prefix('#'), keys.strip_prefix('=')) {
            (Some(schema), _) if schema.len() == 8 => Keys::Schema(schema.into()),
            (_, Some(list)) => Keys::Inline(KeyList::parse(list)?),
            _ => return Err("its key list begins with neither = nor # and eight digits"),
        };
        let long = match parts.next() {
            Some(list) => {
                list.split(',').map(long_text).collect::<Option<_>>().ok_or("its long texts are malformed")?
            }
            None => Vec::new(),
        };
        if parts.next().is_some() {
            return Err("it has more than five parts");
        }
        Ok(Self { place, remainders, keys, long })
    }

    /// The entry of a long text.
    pub(crate) fn long(&self, slot: Slot) -> Option<&LongText> {
        self.long.iter().find(|text| text.slot == slot)
    }
}

/// `instance/stream/batch` of a text.
pub(crate) fn batch_id(text: &str) -> Option<BatchId> {
    let mut parts = text.split('/');
    let instance = guardbee_model::id::SpanId::from_hex(parts.next()?)?.0;
    let name = parts.next()?;
    let stream = Stream::ALL.into_iter().find(|stream| stream.name() == name)?;
    let sequence = number(parts.next()?)?;
    parts.next().is_none().then_some(BatchId { instance: Instance(instance), stream, sequence })
}

fn place(text: &str) -> Option<Place> {
    let (batch, index) = text.rsplit_once('/')?;
    Some(Place { batch: batch_id(batch)?, index: number(index)?.try_into().ok()? })
}

/// A number as it is written here: digits without leading zeros.
fn number(text: &str) -> Option<u64> {
    let plain = text == "0" || text.starts_with(|first: char| ('1'..='9').contains(&first));
    text.parse().ok().filter(|_| plain)
}

fn remainders(text: &str) -> Option<(u16, u16)> {
    let (start, end) = text.split_once(',')?;
    let below = |text| number(text).and_then(|value| u16::try_from(value).ok()).filter(|value| *value < 1000);
    Some((below(start)?, below(end)?))
}

fn long_text(text: &str) -> Option<LongText> {
    let mut parts = text.split(':');
    let slot = match parts.next()? {
        "n" => Slot::Name,
        "b" => Slot::Body,
        key => Slot::Key(number(key)?.try_into().ok()?),
    };
    let length = number(parts.next()?)?;
    let hash = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?.try_into().ok()?;
    parts.next().is_none().then_some(LongText { slot, length, hash: Hash(hash) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_namespace_is_written_once() {
        let list = ["a.b.c", "a.b.d", "a.e", "z"].map(|key| (key.into(), Kind::Text));
        let list = KeyList(list.to_vec());
        assert_eq!(list.text(), "s:a.b.c,s:~d,s:a.e,s:z");
        assert_eq!(KeyList::parse(&list.text()), Ok(list));
    }

    proptest! {
        #[test]
        fn key_lists_come_back(keys in prop::collection::btree_map("[a.~%,;ä]{0,6}", 0..3_u8, 0..8)) {
            let kinds = [Kind::Bool, Kind::Int, Kind::Text];
            // A list of one empty key has no text of its own; no record has an empty key.
            let list: Vec<_> = keys.into_iter().filter(|(key, _)| !key.is_empty())
                .map(|(key, kind)| (key.into(), kinds[usize::from(kind)])).collect();
            let list = KeyList(list);
            prop_assert_eq!(KeyList::parse(&list.text()), Ok(list));
        }

        #[test]
        fn references_come_back(sequence: u64, index: u32, start: u64, end: u64, length in 1025..u64::MAX, hash: [u8; 32]) {
            let place = Place { batch: BatchId { instance: Instance([7; 8]), stream: Stream::Findings, sequence }, index };
            let long = vec![LongText { slot: Slot::Body, length, hash: Hash(hash) },
                LongText { slot: Slot::Key(3), length, hash: Hash(hash) }];
            let text = write(&format!("1;{}/", place.batch), index, (start, end), "=s:a,i:b", &long);
            let back = Reference::parse(&text).unwrap();
            prop_assert_eq!(back.place, place);
            prop_assert_eq!(back.long, long);
        }

        #[test]
        fn parsing_is_total(text in "[1;/#=,:%~a-z0-9]{0,60}") {
            if let Ok(reference) = Reference::parse(&text) {
                prop_assert!(reference.remainders.0 < 1000);
            }
        }
    }
}
