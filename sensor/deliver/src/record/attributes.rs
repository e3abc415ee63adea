//! The attributes of one record while they are gathered.
use super::text;
use guardbee_model::record::Value;
use std::borrow::Cow;

/// More than most records have, the seal's included: so the list never grows.
const USUAL: usize = 32;

/// Unique keys, in the order of their adding; empty values are left out, long ones cut.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes(Vec<(Cow<'static, str>, Value)>);

impl Attributes {
    /// None yet, in the room of these.
    pub(crate) fn within(mut room: Vec<(Cow<'static, str>, Value)>) -> Self {
        room.clear();
        Self(room)
    }

    /// None yet, and room for most records.
    pub(crate) fn usual(mut self) -> Self {
        self.0.reserve(USUAL);
        self
    }

    pub(crate) fn text<'a>(&mut self, key: &'static str, value: impl Into<Cow<'a, str>>) {
        let value = value.into();
        if !value.is_empty() {
            let value = if value.len() > text::LONGEST {
                text::bounded(&value).into_owned()
            } else {
                value.into_owned()
            };
            self.0.push((key.into(), Value::Text(Cow::Owned(value))));
        }
    }

    /// One of the words of this program.
    pub(crate) fn word(&mut self, key: &'static str, value: &'static str) {
        if !value.is_empty() {
            self.0.push((key.into(), Value::Text(Cow::Borrowed(value))));
        }
    }

    /// Bytes from outside: secrets replaced, escaped.
    pub(crate) fn bytes(&mut self, key: &'static str, value: &[u8]) {
        if !value.is_empty() {
            self.text(key, guardbee_model::text::said(value));
        }
    }

    pub(crate) fn int(&mut self, key: &'static str, value: impl Into<i64>) {
        self.0.push((key.into(), Value::Int(value.into())));
    }

    /// Sizes beyond 2^63 don't occur; they would be shown as that.
    pub(crate) fn size(&mut self, key: &'static str, value: u64) {
        self.int(key, i64::try_from(value).unwrap_or(i64::MAX));
    }

    pub(crate) fn flag(&mut self, key: &'static str) {
        self.0.push((key.into(), Value::Bool(true)));
    }

    /// Yes or no, both of which say something.
    pub(crate) fn fact(&mut self, key: &'static str, value: bool) {
        self.0.push((key.into(), Value::Bool(value)));
    }

    /// A list or an object as one JSON string; not cut, since half of it is no JSON: bounded by what goes in.
    pub(crate) fn json(&mut self, key: &'static str, value: &serde_json::Value) {
        self.0.push((key.into(), Value::Text(value.to_string().into())));
    }

    pub(crate) fn into_vec(self) -> Vec<(Cow<'static, str>, Value)> {
        self.0
    }
}
