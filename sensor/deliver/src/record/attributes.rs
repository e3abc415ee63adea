//! The attributes of one record while they are gathered.
use super::text;
use guardbee_model::record::Value;
use std::borrow::Cow;

/// Unique keys, in the order of their adding; empty values are left out, long ones cut.
#[derive(Debug, Default)]
pub(crate) struct Attributes(Vec<(Cow<'static, str>, Value)>);

impl Attributes {
    pub(crate) fn text(&mut self, key: &'static str, value: &str) {
        if !value.is_empty() {
            self.0.push((key.into(), text::bounded(value).into_owned().into()));
        }
    }

    /// Bytes from outside, escaped.
    pub(crate) fn bytes(&mut self, key: &'static str, value: &[u8]) {
        self.text(key, &guardbee_model::text::escape(value));
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

    /// A list or an object as one JSON string; not cut, since half of it is no JSON: bounded by what goes in.
    pub(crate) fn json(&mut self, key: &'static str, value: &serde_json::Value) {
        self.0.push((key.into(), Value::Text(value.to_string().into())));
    }

    pub(crate) fn into_vec(self) -> Vec<(Cow<'static, str>, Value)> {
        self.0
    }
}
