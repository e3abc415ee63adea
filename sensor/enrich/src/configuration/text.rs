//! Texts of a record: bounded, without characters that control a terminal.
use guardbee_model::container::Image;
use serde::{Deserialize, Deserializer, de};
use std::fmt;

/// References to images have less than 400 bytes, names in Kubernetes 253.
const LONGEST: usize = 512;

/// A short text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text(pub(super) Box<str>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Short)
    }
}

struct Short;

impl de::Visitor<'_> for Short {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a text of at most {LONGEST} bytes")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
        if text.len() > LONGEST || text.chars().any(char::is_control) {
            return Err(E::invalid_value(de::Unexpected::Str(text), &self));
        }
        Ok(Text(text.into()))
    }
}

/// Empty where there is none.
pub(super) fn or_empty(text: Option<Text>) -> Box<str> {
    text.unwrap_or_default().0
}

/// An image, where a reference says one.
pub(super) fn image(reference: Option<Text>) -> Option<Image> {
    reference.filter(|text| !text.0.is_empty()).map(|text| Image::new(&text.0))
}
