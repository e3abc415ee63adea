//! From an exported record back to its leaf.
use super::otlp::{Exported, Got};
use crate::{
    leaf::{self, Head, Kind, LONG, Place, Text, prefix},
    merkle::{Hash, leaf_hash, sha256},
    reference::{KeyList, LongText, PREFIX, Reference, Slot},
};
use guardbee_model::record::Shape;

/// A leaf, and what of the record it does not prove.
#[derive(Debug)]
pub(super) struct Rebuilt {
    pub(super) leaf: Hash,
    pub(super) unsigned: Vec<String>,
}

/// The leaf that `record` would have at `place`; the error names what can't be as it was sealed.
pub(super) fn rebuild(
    record: &Exported,
    reference: &Reference,
    keys: &KeyList,
    place: &Place,
) -> Result<Rebuilt, String> {
    let mut unsigned: Vec<String> = record.extras.iter().map(|name| (*name).to_owned()).collect();
    let mut values = Vec::with_capacity(keys.0.len());
    for (number, (key, kind)) in (0_u16..).zip(&keys.0) {
        let mut named = record.attributes.iter().filter(|(name, _)| **name == **key).map(|(_, got)| got);
        let got = named.next().ok_or_else(|| format!("attribute {key} is missing"))?;
        if named.next().is_some() {
            return Err(format!("attribute {key} is there twice"));
        }
        let text = text(got, reference.long(Slot::Key(number)), key, &mut unsigned)?;
        check_kind(*kind, &text, key)?;
        values.push(text);
    }
    let (is_span, name) = match record.shape {
        Shape::Span { .. } => (true, "name"),
        Shape::Log { .. } => (false, "eventName"),
    };
    let named = Got::Text(record.name.clone());
    let head = Head {
        shape: record.shape,
        trace: record.trace,
        span: record.span,
        parent: record.parent,
        name: text(&named, reference.long(Slot::Name), name, &mut unsigned)?,
        start: time(record.start, reference.remainders.0, if is_span { "start time" } else { "time" })?,
        end: time(record.end, reference.remainders.1, if is_span { "end time" } else { "observed time" })?,
        body: text(&record.body, reference.long(Slot::Body), "body", &mut unsigned)?,
    };
    let mut bytes = Vec::with_capacity(1024);
    leaf::write(&mut bytes, place, &head, &keys.hash(), values.into_iter());
    let extra = record.attributes.iter().map(|(key, _)| key.as_str());
    let signed = |key: &str| keys.0.binary_search_by(|(name, _)| (**name).cmp(key)).is_ok();
    unsigned.extend(extra.filter(|key| !key.starts_with(PREFIX) && !signed(key)).map(str::to_owned));
    Ok(Rebuilt { leaf: leaf_hash(&bytes), unsigned })
}

/// A store may have cut nanoseconds, not changed them.
fn time(exported: u64, remainder: u16, what: &str) -> Result<u64, String> {
    let (cut, remainder) = (exported % 1000, u64::from(remainder));
    if cut != 0 && cut != remainder {
        return Err(format!("the nanoseconds of the {what} were changed"));
    }
    Ok(exported - cut + remainder)
}

fn check_kind(kind: Kind, text: &Text<'_>, key: &str) -> Result<(), String> {
    let (Kind::Int, Text::Whole(text)) = (kind, text) else { return Ok(()) };
    match text.parse::<i64>() {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("attribute {key} is not a whole number")),
    }
}

/// The signed form of a text that may be long, and may have been cut.
fn text<'a>(
    got: &'a Got,
    long: Option<&LongText>,
    what: &str,
    unsigned: &mut Vec<String>,
) -> Result<Text<'a>, String> {
    let Got::Text(text) = got else { return Err(format!("{what} is not a scalar any more")) };
    let Some(long) = long else {
        if text.len() > LONG {
            return Err(format!("{what} is longer than it was"));
        }
        return Ok(Text::Whole(text));
    };
    let length = text.len() as u64;
    if length == long.length {
        if sha256(text.as_bytes()) != long.hash {
            return Err(format!("{what} was changed"));
        }
    } else if length < long.length && text.len() >= LONG {
        unsigned.push(format!("{what} (cut: proven are its first {LONG} bytes)"));
    } else {
        return Err(format!("{what} has {length} bytes, not {}", long.length));
    }
    Ok(Text::Long { prefix: prefix(text), length: long.length, hash: long.hash })
}
