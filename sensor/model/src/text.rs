//! Text that came from outside: bytes, shown by one reversible rule.
//!
//! Inside, names and arguments stay the bytes that the kernel gave. Where UTF-8 is demanded, a byte that is not part of
//! valid UTF-8 becomes `\xHH`, and so does the backslash of anything that already looks like such an escape; every other
//! character stands for itself. [`unescape`] gives the bytes back.
use crate::redact;
use std::borrow::Cow;

/// `bytes` as UTF-8.
pub fn escape(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !has_escape(text.as_bytes()) => Cow::Borrowed(text),
        _ => Cow::Owned(escaped(bytes)),
    }
}

/// The same without its secrets: all that leaves the node of what came from outside.
pub fn said(bytes: &[u8]) -> Cow<'_, str> {
    match redact::text(bytes) {
        Cow::Borrowed(bytes) => escape(bytes),
        Cow::Owned(bytes) => Cow::Owned(escape(&bytes).into_owned()),
    }
}

fn escaped(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid();
        for (at, character) in valid.char_indices() {
            if character == '\\' && starts_escape(valid.as_bytes().get(at..).unwrap_or_default()) {
                push_escape(&mut out, b'\\');
            } else {
                out.push(character);
            }
        }
        for &byte in chunk.invalid() {
            push_escape(&mut out, byte);
        }
    }
    out
}

fn push_escape(out: &mut String, byte: u8) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    out.push_str("\\x");
    for nibble in [byte >> 4, byte & 15] {
        out.push(DIGITS.get(usize::from(nibble)).copied().unwrap_or('0'));
    }
}

/// The bytes that [`escape`] was given.
pub fn unescape(text: &str) -> Vec<u8> {
    let mut rest = text.as_bytes();
    let mut out = Vec::with_capacity(rest.len());
    while let Some((&first, tail)) = rest.split_first() {
        if let Some(byte) = escape_value(rest) {
            out.push(byte);
            rest = rest.get(4..).unwrap_or_default();
        } else {
            out.push(first);
            rest = tail;
        }
    }
    out
}

fn has_escape(bytes: &[u8]) -> bool {
    bytes.contains(&b'\\') && bytes.windows(4).any(starts_escape)
}

fn starts_escape(bytes: &[u8]) -> bool {
    escape_value(bytes).is_some()
}

/// The byte that a leading `\xHH` (lower-case) stands for.
fn escape_value(bytes: &[u8]) -> Option<u8> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    match bytes {
        [b'\\', b'x', high, low, ..] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_text_is_borrowed() {
        assert!(matches!(escape("/tmp/ä\\x".as_bytes()), Cow::Borrowed(_)));
    }

    #[test]
    fn invalid_bytes_are_shown() {
        assert_eq!(escape(b"a\xff\\xff"), "a\\xff\\x5cxff");
    }

    proptest! {
        #[test]
        fn reversible(bytes in proptest::collection::vec(prop_oneof![Just(b'\\'), Just(b'x'), Just(b'5'), Just(b'c'), any::<u8>()], 0..64)) {
            prop_assert_eq!(unescape(&escape(&bytes)), bytes);
        }
    }
}
