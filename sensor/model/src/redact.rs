//! Secrets stay on the node: what everything behind rules sees of texts from outside.
//!
//! Rules see raw text; spans, findings, console, sinks and recordings see what these functions give. The value goes, the name and
//! the place stay, so that a reader knows that there was one. What is a secret is told by its name (`token=`, `--password`,
//! `Authorization:`), by its place (`mysql -p…`, `scheme://user:…@`, `/reset/…`), or by its own form (`ghp_…`, a JWT, a PEM block).
//! A secret that looks like any word, in a place like any other, can't be told: what must not leave must not be an argument.
mod line;
mod name;
mod shape;
mod tool;

pub use name::secret_name;

use std::{borrow::Cow, ops::Range};

/// Stands where a secret was.
pub const REDACTED: &str = "REDACTED";

/// Any text from outside: a path, a header's value, a title, a line of a script.
pub fn text(raw: &[u8]) -> Cow<'_, [u8]> {
    if is_plain(raw) { Cow::Borrowed(raw) } else { without(raw, line::of_text(raw)) }
}

/// Most paths and names, which every span has several of: short words between slashes, where no secret has room, and nothing that
/// stands before one.
fn is_plain(raw: &[u8]) -> bool {
    let mut run = 0;
    raw.iter().all(|byte| {
        run = if *byte == b'/' { 0 } else { run + 1 };
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-');
        plain && run < shape::LEAST
    })
}

/// Words of a command line, each by itself and by those before it.
pub fn args(words: &[Box<[u8]>]) -> Vec<Box<[u8]>> {
    let secrets = line::of_words(words);
    words.iter().zip(secrets).map(|(word, secrets)| without(word, secrets).into()).collect()
}

/// A query string (without `?`), or a form: values of secret parameters, and what is a secret by its form. `&` and `;` separate.
pub fn query(raw: &[u8]) -> Cow<'_, [u8]> {
    let mut secrets = Vec::new();
    let mut begin = 0;
    for pair in raw.split(|byte| matches!(byte, b'&' | b';')) {
        let end = begin + pair.len();
        if let Some(at) = pair.iter().position(|&byte| byte == b'=') {
            let (name, value) = (pair.get(..at).unwrap_or_default(), pair.get(at + 1..).unwrap_or_default());
            if !value.is_empty() && (secret_name(&percent_decoded(name)) || is_secret(value)) {
                secrets.push(begin + at + 1..end);
            }
        } else if is_secret(pair) {
            secrets.push(begin..end);
        }
        begin = end + 1;
    }
    without(raw, secrets)
}

/// By itself or within, written out or with `%HH`.
fn is_secret(value: &[u8]) -> bool {
    !line::of_text(value).is_empty()
        || value.contains(&b'%') && !line::of_text(&percent_decoded(value)).is_empty()
}

/// `raw` with these parts replaced; they are in order.
fn without(raw: &[u8], mut secrets: Vec<Range<usize>>) -> Cow<'_, [u8]> {
    if secrets.is_empty() {
        return Cow::Borrowed(raw);
    }
    secrets.sort_unstable_by_key(|secret| (secret.start, secret.end));
    let mut out = Vec::with_capacity(raw.len());
    let mut done = 0;
    for secret in secrets {
        // What begins within another one is gone with it.
        if secret.start >= done && secret.start < secret.end {
            out.extend_from_slice(raw.get(done..secret.start).unwrap_or_default());
            out.extend_from_slice(REDACTED.as_bytes());
        }
        done = done.max(secret.end);
    }
    out.extend_from_slice(raw.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

/// `%HH` decoded once: `pass%77ord` must not slip by.
fn percent_decoded(name: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&first, tail)) = rest.split_first() {
        let decoded = match tail {
            [high, low, ..] if first == b'%' => digit(high).zip(digit(low)),
            _ => None,
        };
        if let Some((high, low)) = decoded {
            out.push(high << 4 | low);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            out.push(first);
            rest = tail;
        }
    }
    out
}

#[cfg(test)]
mod tests;
