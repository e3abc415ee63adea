//! The canonical bytes of one record: what is signed of it.
//!
//! Numbers are big-endian, every field is always present, and text carries its length, so that no two records have the
//! same bytes:
//!
//! ```text
//! "GBLEAF1"  shape u8 (1 span, 2 log)  stream u8 (1 audit, 2 findings, 3 spans)  instance 8  batch u64  index u32
//! trace 16  span 8  parent 8 (log: zero)  name text  start u64  end u64  kind or severity u8  status u8 (log: 0)
//! body text  keys 32 (SHA-256 of the text of the key list, see [`crate::reference`])  value text for each key, in its order
//!
//! text = length u16, bytes                                       up to 1 KiB
//!      | length u16 | 0x8000, bytes, u64 length, SHA-256         longer: its first 1 KiB (whole characters), then all
//! ```
//!
//! A boolean's text is `true` or `false`, a number's its shortest decimal form. The key list says how many values there are and
//! of which type, so it is signed with them, by its hash: it is the same for all records of a kind. Resource, scope, trace
//! state, flags, links, events and the severity's text are not signed: collectors change them lawfully.
use crate::{
    bytes::Put,
    merkle::{Hash, sha256},
};
use guardbee_model::{
    id::{SpanId, TraceId},
    record::{Shape, Stream, Value},
};
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
    Whole(&'a str),
    /// A number, as its shortest decimal form.
    Number(i64),
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
            Self::Whole(text)
        } else {
            Self::Long { prefix: prefix(text), length: text.len() as u64, hash: sha256(text.as_bytes()) }
        }
    }

    /// The canonical text of a value.
    pub fn of(value: &'a Value) -> Self {
        match value {
            Value::Bool(true) => Self::Whole("true"),
            Value::Bool(false) => Self::Whole("false"),
            Value::Int(number) => Self::Number(*number),
            Value::Text(text) => Self::new(text),
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Whole(text) => put_short(out, text.as_bytes(), 0),
            Self::Number(number) => put_number(out, *number),
            Self::Long { prefix, length, hash } => {
                put_short(out, prefix.as_bytes(), CUT);
                out.put(&length.to_be_bytes());
                out.put(&hash.0);
            }
        }
    }
}

/// In the length of a text: what follows is its beginning.
const CUT: u16 = 0x8000;

/// At most [`LONG`] bytes.
fn put_short(out: &mut Vec<u8>, bytes: &[u8], mark: u16) {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX) | mark;
    out.put(&length.to_be_bytes());
    out.put(bytes);
}

fn put_number(out: &mut Vec<u8>, number: i64) {
    // Nineteen digits and a sign.
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number.unsigned_abs();
    while let Some(slot) = at.checked_sub(1).and_then(|next| digits.get_mut(next)) {
        *slot = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        at -= 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0
        && let Some(slot) = at.checked_sub(1).and_then(|next| digits.get_mut(next))
    {
        *slot = b'-';
        at -= 1;
    }
    put_short(out, digits.get(at..).unwrap_or_default(), 0);
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

/// Appends the leaf of a record to `out`: its head, the hash of its key list and a value for each key.
pub fn write<'a>(
    out: &mut Vec<u8>,
    place: &Place,
    head: &Head<'_>,
    keys: &Hash,
    values: impl Iterator<Item = Text<'a>>,
) {
    let (shape, number, status, parent) = match head.shape {
        Shape::Span { kind, status } => (1, kind, status, head.parent),
        Shape::Log { severity } => (2, severity, 0, SpanId::default()),
    };
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
    out.put(&keys.0);
    for value in values {
        value.put(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::KeyList;
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
        let keys = KeyList(attributes.iter().map(|(key, _)| (key.as_str().into(), Kind::Text)).collect());
        write(&mut out, &place, &head, &keys.hash(), attributes.iter().map(|(_, value)| Text::new(value)));
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

    proptest! {
        #[test]
        fn numbers_have_their_shortest_form(number: i64) {
            for number in [number, 0, -1, 9, 10, i64::MAX, i64::MIN] {
                let (mut ours, mut text) = (Vec::new(), Vec::new());
                Text::Number(number).put(&mut ours);
                Text::Whole(&number.to_string()).put(&mut text);
                prop_assert_eq!(ours, text);
            }
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
