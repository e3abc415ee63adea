//! The canonical bytes of one record: what is signed of it.
//!
//! Numbers are big-endian, every field is always present, and text carries its length, so that no two records have the
//! same bytes:
//!
//! ```text
//! "GBLEAF1"  shape u8 (1 span, 2 log)  stream u8 (1 audit, 2 findings, 3 spans)  instance 8  batch u64  index u32
//! trace 16  span 8  parent 8 (log: zero)  name text  start u64  end u64  kind or severity u8  status u8 (log: 0)
//! body text  count u32  count × { key: u32 length, bytes;  type u8 (b, i, s);  value text }   sorted by key
//!
//! text = 0x00  u32 length  bytes                                 up to 1 KiB
//!      | 0x01  u32 length  bytes  u64 length  SHA-256            longer: its first 1 KiB (whole characters), then all
//! ```
//!
//! A boolean's text is `true` or `false`, a number's its shortest decimal form. Resource, scope, trace state, flags,
//! links, events and the severity's text are not signed: collectors change them lawfully.
use crate::{
    bytes::Put,
    merkle::{Hash, sha256},
};
use guardbee_model::{
    id::{SpanId, TraceId},
    record::{Shape, Stream, Value},
};
use std::borrow::Cow;
use std::fmt;

/// Text longer than this many bytes is signed as its beginning, its length and its hash.
pub const LONG: usize = 1024;

/// One start of the sensor: eight bytes derived from its origin and its first epoch key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance(pub [u8; 8]);

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A batch, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId {
    /// Which start of which sensor.
    pub instance: Instance,
    /// Which chain.
    pub stream: Stream,
    /// Which batch of the chain, from 0.
    pub sequence: u64,
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.instance, self.stream.name(), self.sequence)
    }
}

/// A record's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Its batch.
    pub batch: BatchId,
    /// Its position in the batch.
    pub index: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.batch, self.index)
    }
}

/// The number that stands for a stream in binary forms.
pub(crate) const fn stream_code(stream: Stream) -> u8 {
    match stream {
        Stream::Audit => 1,
        Stream::Findings => 2,
        Stream::Spans => 3,
    }
}

/// The stream of a number.
pub(crate) fn stream_of(code: u8) -> Option<Stream> {
    Stream::ALL.into_iter().find(|stream| stream_code(*stream) == code)
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Yes or no.
    Bool,
    /// A whole number.
    Int,
    /// UTF-8.
    Text,
}

impl Kind {
    /// Its letter in leaves and key lists.
    pub const fn letter(self) -> char {
        match self {
            Self::Bool => 'b',
            Self::Int => 'i',
            Self::Text => 's',
        }
    }

    /// The type of a letter.
    pub(crate) fn of_letter(letter: char) -> Option<Self> {
        [Self::Bool, Self::Int, Self::Text].into_iter().find(|kind| kind.letter() == letter)
    }

    /// The type of a value.
    pub(crate) const fn of(value: &Value) -> Self {
        match value {
            Value::Bool(_) => Self::Bool,
            Value::Int(_) => Self::Int,
            Value::Text(_) => Self::Text,
        }
    }
}

/// What a leaf holds of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// All of it.
    Whole(Cow<'a, str>),
    /// Of a long one, the beginning, the length in bytes and the hash.
    Long {
        /// Its first [`LONG`] bytes, cut between characters.
        prefix: &'a str,
        /// Length of the whole.
        length: u64,
        /// Hash of the whole.
        hash: Hash,
    },
}

/// The beginning of a long text.
pub(crate) fn prefix(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LONG)).unwrap_or(text)
}

impl<'a> Text<'a> {
    /// What a leaf holds of `text`.
    pub fn new(text: &'a str) -> Self {
        if text.len() <= LONG {
            Self::Whole(Cow::Borrowed(text))
        } else {
            Self::Long { prefix: prefix(text), length: text.len() as u64, hash: sha256(text.as_bytes()) }
        }
    }

    /// The canonical text of a value.
    pub fn of(value: &'a Value) -> Self {
        match value {
            Value::Bool(true) => Self::Whole(Cow::Borrowed("true")),
            Value::Bool(false) => Self::Whole(Cow::Borrowed("false")),
            Value::Int(number) => Self::Whole(Cow::Owned(number.to_string())),
            Value::Text(text) => Self::new(text),
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Whole(text) => {
                out.push(0);
                out.put_sized(text.as_bytes());
            }
            Self::Long { prefix, length, hash } => {
                out.push(1);
                out.put_sized(prefix.as_bytes());
                out.put(&length.to_be_bytes());
                out.put(&hash.0);
            }
        }
    }
}

/// A record without its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// Span or log, with their numbers.
    pub shape: Shape,
    /// Trace.
    pub trace: TraceId,
    /// Span.
    pub span: SpanId,
    /// Parent; not signed of a log, which has none in OTLP.
    pub parent: SpanId,
    /// Name.
    pub name: Text<'a>,
    /// Nanoseconds since 1970.
    pub start: u64,
    /// Nanoseconds since 1970.
    pub end: u64,
    /// Body; a span's is empty.
    pub body: Text<'a>,
}

/// Writes the leaf of a record into `out`, which is emptied first. `attributes` are sorted by key, each once.
pub fn write<'a>(
    out: &mut Vec<u8>,
    place: &Place,
    head: &Head<'_>,
    attributes: impl ExactSizeIterator<Item = (&'a str, Kind, Text<'a>)>,
) {
    let (shape, number, status, parent) = match head.shape {
        Shape::Span { kind, status } => (1, kind, status, head.parent),
        Shape::Log { severity } => (2, severity, 0, SpanId::default()),
    };
    out.clear();
    out.put(b"GBLEAF1");
    out.put(&[shape, stream_code(place.batch.stream)]);
    out.put(&place.batch.instance.0);
    out.put(&place.batch.sequence.to_be_bytes());
    out.put(&place.index.to_be_bytes());
    out.put(&head.trace.0);
    out.put(&head.span.0);
    out.put(&parent.0);
    head.name.put(out);
    out.put(&head.start.to_be_bytes());
    out.put(&head.end.to_be_bytes());
    out.put(&[number, status]);
    head.body.put(out);
    out.put(&u32::try_from(attributes.len()).unwrap_or(u32::MAX).to_be_bytes());
    for (key, kind, text) in attributes {
        out.put_sized(key.as_bytes());
        out.push(kind.letter() as u8);
        text.put(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Fields =
        (bool, u8, u8, [u8; 8], [u8; 16], [u8; 8], [u8; 8], String, u64, u64, String, Vec<(String, String)>);

    fn leaf(fields: &Fields) -> Vec<u8> {
        let (span, number, status, instance, trace, id, parent, name, start, end, body, attributes) = fields;
        let place = Place {
            batch: BatchId { instance: Instance(*instance), stream: Stream::Spans, sequence: *start },
            index: u32::from(*number),
        };
        let shape = if *span {
            Shape::Span { kind: *number, status: *status }
        } else {
            Shape::Log { severity: *number }
        };
        let head = Head {
            shape,
            trace: TraceId(*trace),
            span: SpanId(*id),
            parent: SpanId(*parent),
            name: Text::new(name),
            start: *start,
            end: *end,
            body: Text::new(body),
        };
        let mut out = Vec::new();
        let attributes = attributes.iter().map(|(key, value)| (key.as_str(), Kind::Text, Text::new(value)));
        write(&mut out, &place, &head, attributes);
        out
    }

    /// Few letters and lengths, so that equal prefixes and shifted boundaries are common.
    fn fields() -> impl Strategy<Value = Fields> {
        let text = || "[ab]{0,3}".prop_map(String::from);
        (
            any::<bool>(),
            0..2_u8,
            0..2_u8,
            prop::array::uniform8(0..2_u8),
            prop::array::uniform16(0..2_u8),
            prop::array::uniform8(0..2_u8),
            Just([0; 8]),
            text(),
            0..2_u64,
            0..2_u64,
            text(),
            prop::collection::vec((text(), text()), 0..3),
        )
    }

    proptest! {
        #[test]
        fn different_records_have_different_leaves(a in fields(), b in fields()) {
            let same = |fields: &Fields| { let mut fields = fields.clone(); if !fields.0 { fields.2 = 0; } fields };
            prop_assert_eq!(leaf(&a) == leaf(&b), same(&a) == same(&b));
        }

        #[test]
        fn moving_a_boundary_changes_the_leaf(key in "[ab]{1,4}", value in "[ab]{1,4}", name in "[ab]{1,4}") {
            let make = |name: &str, attributes: &[(&str, &str)]| {
                leaf(&(true, 1, 1, [0; 8], [0; 16], [0; 8], [0; 8], name.into(), 1, 1, String::new(),
                    attributes.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect()))
            };
            let whole = make(&name, &[(&key, &value)]);
            let (first, rest) = value.split_at(1);
            prop_assert_ne!(&whole, &make(&name, &[(&format!("{key}{first}"), rest)]));
            prop_assert_ne!(&whole, &make(&name, &[(&key, first), (rest, "")]));
            prop_assert_ne!(&whole, &make(&format!("{name}{key}"), &[("", &value)]));
        }
    }

    #[test]
    fn a_long_text_is_its_beginning_length_and_hash() {
        let long = format!("{}ä{}", "a".repeat(LONG - 1), "b".repeat(50));
        let Text::Long { prefix, length, .. } = Text::new(&long) else { panic!("not long") };
        assert_eq!((prefix.len(), length), (LONG - 1, LONG as u64 + 51));
        let other = format!("{long}c");
        assert_ne!(Text::new(&long), Text::new(&other));
    }
}
