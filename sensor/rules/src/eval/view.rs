//! An observation as rules see it: each field read once, folded once, and only if a rule asks.
use super::read;
use crate::{
    field::{Field, Type},
    pattern,
};
use guardbee_model::{clock::WallOffset, finding::Observation};
use std::{fmt::Display, io::Write as _};

/// Where a text stands among the bytes.
type Span = (usize, usize);

/// The values of one field: a range of the spans. They are of the observation whose number stands beside them.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    epoch: u64,
    first: usize,
    end: usize,
}

/// Memory for the texts of one observation, kept for the next.
#[derive(Debug)]
pub(crate) struct Scratch {
    /// Number of the observation.
    epoch: u64,
    /// [`None`]: not known as yet.
    wall: Option<WallOffset>,
    texts: Texts,
    values: [Slot; Field::COUNT],
    folded: [Slot; Field::COUNT],
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            epoch: 0,
            wall: None,
            texts: Texts::default(),
            values: [Slot::default(); Field::COUNT],
            folded: [Slot::default(); Field::COUNT],
        }
    }
}

impl Scratch {
    /// What makes dates of the time of observations to come.
    pub(crate) fn set_wall(&mut self, offset: WallOffset) {
        self.wall = Some(offset);
    }
}

/// What fields are read into. A field that nothing is put in is absent.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

impl Texts {
    pub(crate) fn put(&mut self, value: &[u8]) {
        self.build(|bytes| bytes.extend_from_slice(value));
    }

    /// Absent where empty: for names that an empty string says nothing of.
    pub(crate) fn known(&mut self, value: &[u8]) {
        if !value.is_empty() {
            self.put(value);
        }
    }

    pub(crate) fn shown(&mut self, value: impl Display) {
        self.build(|bytes| {
            // Writing to memory can't fail.
            drop(write!(bytes, "{value}"));
        });
    }

    pub(crate) fn flag(&mut self, value: bool) {
        self.put(if value { b"true" } else { b"false" });
    }

    /// One value, appended to the bytes by `write`.
    pub(crate) fn build(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.spans.push((start, self.bytes.len()));
    }

    /// Puts the values of `slot` again, in lower case. [`None`]: there is nothing to put.
    fn fold(&mut self, slot: Slot) -> Option<Slot> {
        let first = self.spans.len();
        for at in slot.first..slot.end {
            let (start, end) = *self.spans.get(at)?;
            let begin = self.bytes.len();
            self.bytes.extend_from_within(start..end);
            let copy = self.bytes.get_mut(begin..)?;
            if copy.is_ascii() {
                copy.make_ascii_lowercase();
            } else {
                let folded = pattern::fold(copy).into_owned();
                self.bytes.truncate(begin);
                self.bytes.extend_from_slice(&folded);
            }
            self.spans.push((begin, self.bytes.len()));
        }
        Some(Slot { first, end: self.spans.len(), ..slot })
    }
}

/// Reads an observation's fields, and remembers them.
#[derive(Debug)]
pub(crate) struct View<'a> {
    observation: &'a Observation,
    scratch: &'a mut Scratch,
}

impl<'a> View<'a> {
    pub(crate) fn new(observation: &'a Observation, scratch: &'a mut Scratch) -> Self {
        scratch.epoch += 1;
        scratch.texts.bytes.clear();
        scratch.texts.spans.clear();
        Self { observation, scratch }
    }

    pub(crate) fn observation(&self) -> &'a Observation {
        self.observation
    }

    /// As they are; none: absent.
    pub(crate) fn values(&mut self, field: Field) -> impl Iterator<Item = &[u8]> {
        let slot = self.read(field);
        self.texts(slot)
    }

    /// In lower case.
    pub(crate) fn folded(&mut self, field: Field) -> impl Iterator<Item = &[u8]> {
        let slot = self.fold(field);
        self.texts(slot)
    }

    /// Values of two fields, both as they are or both in lower case.
    pub(crate) fn pair(
        &mut self,
        (one, other): (Field, Field),
        cased: bool,
    ) -> (impl Iterator<Item = &[u8]>, impl Iterator<Item = &[u8]> + Clone) {
        let mut slot = |field| if cased { self.read(field) } else { self.fold(field) };
        let (one, other) = (slot(one), slot(other));
        (self.texts(one), self.texts(other))
    }

    pub(crate) fn has(&mut self, field: Field) -> bool {
        let slot = self.read(field);
        slot.first < slot.end
    }

    fn read(&mut self, field: Field) -> Slot {
        let Scratch { epoch, wall, texts, values, .. } = &mut *self.scratch;
        let Some(slot) = values.get_mut(field.index()) else { return Slot::default() };
        if slot.epoch != *epoch {
            let first = texts.spans.len();
            read::field(field, self.observation, *wall, texts);
            *slot = Slot { epoch: *epoch, first, end: texts.spans.len() };
        }
        *slot
    }

    fn fold(&mut self, field: Field) -> Slot {
        let raw = self.read(field);
        if !matches!(field.row().kind, Type::Text | Type::Word(_)) {
            // Numbers, flags, addresses, moments: written in lower case.
            debug_assert!(self.texts(raw).all(|text| text.to_ascii_lowercase() == text), "{field:?}");
            return raw;
        }
        let Scratch { epoch, texts, folded, .. } = &mut *self.scratch;
        let Some(slot) = folded.get_mut(field.index()) else { return raw };
        if slot.epoch != *epoch {
            *slot = texts.fold(raw).unwrap_or(raw);
        }
        *slot
    }

    fn texts(&self, slot: Slot) -> impl Iterator<Item = &[u8]> + Clone {
        let Texts { bytes, spans } = &self.scratch.texts;
        let spans = spans.get(slot.first..slot.end).unwrap_or_default();
        spans.iter().map(|&(start, end)| bytes.get(start..end).unwrap_or_default())
    }
}
