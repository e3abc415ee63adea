//! Sigma's strings: wildcards, escapes, case.
//!
//! Rules specification 2.1, "Special Field Values" and "Escaping": `*` stands for any bytes, `?` for one character; a backslash
//! makes either plain, two backslashes are one, and a backslash before anything else is itself. Strings match
//! whatever their case unless `cased`.
use crate::endings::{Ending, Endings};
use aho_corasick::{AhoCorasick, packed};
use memchr::memmem;
use std::{borrow::Cow, fmt};

/// A pattern in pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(Vec<u8>),
    /// `?`
    One,
    /// `*`
    Any,
    /// Any of [`DASHES`].
    Dash,
}

/// Sigma's `windash`: hyphen, slash, en dash, em dash, horizontal bar.
pub(crate) const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];

/// Where in the value a string must stand: Sigma's `contains`, `startswith`, `endswith`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Whole,
    Start,
    End,
    Anywhere,
}

impl Place {
    /// Whether `part` stands there in `value`.
    pub(crate) fn holds(self, value: &[u8], part: &[u8]) -> bool {
        match self {
            Self::Whole => value == part,
            Self::Start => value.starts_with(part),
            Self::End => value.ends_with(part),
            Self::Anywhere => memmem::find(value, part).is_some(),
        }
    }
}

/// A string to compare with, folded already if case does not matter.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    Exact(Vec<u8>),
    Start(Vec<u8>),
    End(Vec<u8>),
    EndOne(Box<Endings>),
    Contains(Box<memmem::Finder<'static>>),
    ContainsOne(Box<Needles>),
    Pieces(Vec<Piece>),
}

/// Texts of which one must stand anywhere.
#[derive(Clone)]
pub(crate) struct Needles {
    search: Search,
    texts: Vec<Vec<u8>>,
}

#[derive(Clone)]
enum Search {
    /// Few texts: many bytes of the value at once.
    Packed(packed::Searcher),
    Automaton(AhoCorasick),
}

/// The automaton says no more than the texts, at great length.
impl fmt::Debug for Needles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.texts.fmt(f)
    }
}

impl Needles {
    /// [`None`]: too many for one automaton.
    pub(crate) fn new(texts: Vec<Vec<u8>>) -> Option<Self> {
        let shortest = shortest(&texts);
        let search = match packed::Searcher::new(&shortest) {
            Some(searcher) => Search::Packed(searcher),
            None => Search::Automaton(AhoCorasick::new(shortest).ok()?),
        };
        Some(Self { search, texts })
    }

    fn matches(&self, value: &[u8]) -> bool {
        match &self.search {
            Search::Packed(searcher) => searcher.find(value).is_some(),
            Search::Automaton(automaton) => automaton.is_match(value),
        }
    }

    pub(crate) fn texts(&self) -> &[Vec<u8>] {
        &self.texts
    }
}

/// Those that no other of them begins: where one with another before it stands, that other stands too. It is more than thrift:
/// making an automaton takes the square of the time where most of its states are ends of texts, as those of `x1`, `x11`, `x111` are.
fn shortest(texts: &[Vec<u8>]) -> Vec<&[u8]> {
    let mut out: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
    out.sort_unstable();
    // What begins with a text comes right behind it.
    out.dedup_by(|text, before| text.starts_with(before));
    out
}

/// Splits a written string. Adjacent `*` are one.
pub(crate) fn pieces(written: &str) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut characters = written.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '*' if out.last() == Some(&Piece::Any) => {}
            '*' => out.push(Piece::Any),
            '?' => out.push(Piece::One),
            '\\' => {
                let escaped = characters.next_if(|next| matches!(next, '*' | '?' | '\\'));
                push(&mut out, escaped.unwrap_or('\\'));
            }
            plain => push(&mut out, plain),
        }
    }
    out
}

fn push(out: &mut Vec<Piece>, character: char) {
    let mut buffer = [0; 4];
    let bytes = character.encode_utf8(&mut buffer).as_bytes();
    match out.last_mut() {
        Some(Piece::Text(text)) => text.extend_from_slice(bytes),
        _ => out.push(Piece::Text(bytes.to_vec())),
    }
}

impl Pattern {
    /// Compiles pieces that must stand at `place`.
    pub(crate) fn new(mut pieces: Vec<Piece>, place: Place, case: Case) -> Self {
        if case == Case::Ignored {
            for piece in &mut pieces {
                if let Piece::Text(text) = piece
                    && let Cow::Owned(folded) = fold(text)
                {
                    *text = folded;
                }
            }
        }
        if matches!(place, Place::End | Place::Anywhere) && pieces.first() != Some(&Piece::Any) {
            pieces.insert(0, Piece::Any);
        }
        if matches!(place, Place::Start | Place::Anywhere) && pieces.last() != Some(&Piece::Any) {
            pieces.push(Piece::Any);
        }
        match pieces.as_slice() {
            [] => Self::Exact(Vec::new()),
            [Piece::Text(text)] => Self::Exact(text.clone()),
            [Piece::Text(text), Piece::Any] => Self::Start(text.clone()),
            [Piece::Any, Piece::Text(text)] => Self::End(text.clone()),
            [Piece::Any, Piece::Text(text), Piece::Any] => {
                Self::Contains(Box::new(memmem::Finder::new(text).into_owned()))
            }
            _ => Self::Pieces(pieces),
        }
    }

    /// That one of the texts stands anywhere; they are in lower case, or case matters. [`None`]: too many.
    pub(crate) fn one_of(texts: &[Vec<u8>]) -> Option<Self> {
        match texts {
            [text] => Some(Self::Contains(Box::new(memmem::Finder::new(text).into_owned()))),
            texts => Needles::new(texts.to_vec()).map(|needles| Self::ContainsOne(Box::new(needles))),
        }
    }

    /// The text of a plain `contains`.
    pub(crate) fn contained(&self) -> Option<&[u8]> {
        match self {
            Self::Contains(finder) => Some(finder.needle()),
            _ => None,
        }
    }

    /// What one may look up beside others by its name.
    pub(crate) fn ending(&self) -> Option<Ending> {
        match self {
            Self::Exact(text) => Ending::new(text, true),
            Self::End(text) => Ending::new(text, false),
            _ => None,
        }
    }

    pub(crate) fn matches(&self, value: &[u8]) -> bool {
        match self {
            Self::Exact(text) => value == text.as_slice(),
            Self::Start(text) => value.starts_with(text),
            Self::End(text) => value.ends_with(text),
            Self::EndOne(endings) => endings.matches(value),
            Self::Contains(finder) => finder.find(value).is_some(),
            Self::ContainsOne(needles) => needles.matches(value),
            Self::Pieces(pieces) => glob(pieces, value),
        }
    }

    /// What a comparison costs, compared with others: cheap ones are tried first.
    pub(crate) fn cost(&self) -> u32 {
        match self {
            Self::Exact(_) | Self::Start(_) | Self::End(_) => 1,
            Self::EndOne(_) => 2,
            Self::Contains(_) => 4,
            Self::ContainsOne(_) => 8,
            Self::Pieces(_) => 16,
        }
    }
}

/// Whether case matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Ignored,
    Kept,
}

/// `bytes` in lower case, character by character; bytes that are no UTF-8 stay.
pub(crate) fn fold(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.is_ascii() {
        if bytes.iter().any(u8::is_ascii_uppercase) {
            return Cow::Owned(bytes.to_ascii_lowercase());
        }
        return Cow::Borrowed(bytes);
    }
    let mut out = String::with_capacity(bytes.len());
    let mut raw = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.clear();
        out.extend(chunk.valid().chars().flat_map(char::to_lowercase));
        raw.extend_from_slice(out.as_bytes());
        raw.extend_from_slice(chunk.invalid());
    }
    Cow::Owned(raw)
}

/// Matches the whole value. Going back to the last `*` only is enough: an earlier one can't do better.
fn glob(pieces: &[Piece], value: &[u8]) -> bool {
    let (mut piece, mut at) = (0, 0);
    let mut again: Option<(usize, usize)> = None;
    loop {
        let rest = value.get(at..).unwrap_or_default();
        let taken = match pieces.get(piece) {
            None if rest.is_empty() => return true,
            None => None,
            Some(Piece::Any) => {
                if piece + 1 == pieces.len() {
                    return true;
                }
                again = Some((piece + 1, at));
                Some(0)
            }
            Some(Piece::One) => (!rest.is_empty()).then(|| character(rest)),
            Some(Piece::Text(text)) => rest.starts_with(text).then_some(text.len()),
            Some(Piece::Dash) => dash(rest),
        };
        if let Some(taken) = taken {
            piece += 1;
            at += taken;
            continue;
        }
        let Some((after, from)) = again else { return false };
        let tail = value.get(from..).unwrap_or_default();
        if tail.is_empty() {
            return false;
        }
        let from = from + character(tail);
        again = Some((after, from));
        (piece, at) = (after, from);
    }
}

/// Length of the dash that the bytes begin with.
fn dash(bytes: &[u8]) -> Option<usize> {
    let length = character(bytes);
    let first = std::str::from_utf8(bytes.get(..length)?).ok()?.chars().next()?;
    DASHES.contains(&first).then_some(length)
}

/// Length of the first character; a byte that is no UTF-8 counts as one.
fn character(bytes: &[u8]) -> usize {
    let longest = bytes.get(..4).unwrap_or(bytes);
    match longest.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next()) {
        Some(first) => first.len_utf8(),
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, place: Place, value: &str) -> bool {
        Pattern::new(pieces(pattern), place, Case::Ignored).matches(&fold(value.as_bytes()))
    }

    #[test]
    fn wildcards_and_escapes() {
        use Place::{Anywhere, End, Start, Whole};
        for (pattern, place, value, right) in [
            ("/bin/SH", Whole, "/bin/sh", true),
            ("/bin/sh", Whole, "/bin/shx", false),
            ("/sh", End, "/bin/SH", true),
            ("*/sh", Whole, "/bin/sh", true),
            ("a*c*e", Whole, "abcde", true),
            ("a*c*e", Whole, "abcdf", false),
            ("a?c", Whole, "abc", true),
            ("a?c", Whole, "aäc", true),
            ("a?c", Whole, "ac", false),
            (r"a\*c", Whole, "a*c", true),
            (r"a\*c", Whole, "abc", false),
            (r"a\\*", Whole, r"a\bc", true),
            (r"a\b", Whole, r"a\b", true),
            (r"a\\b", Whole, r"a\b", true),
            (r"\\\\", Whole, r"\\", true),
            ("b*d", Anywhere, "abcde", true),
            ("b*d", Start, "abcde", false),
            ("", Whole, "", true),
            ("", Whole, "x", false),
            ("", Anywhere, "x", true),
            ("*", Whole, "", true),
            ("ÄÖ", Anywhere, "xäöx", true),
            ("a*b?", Whole, "axbxb", false),
            ("a*b?", Whole, "axbxby", true),
        ] {
            assert_eq!(matches(pattern, place, value), right, "{pattern} {place:?} {value}");
        }
    }

    #[test]
    fn of_texts_that_begin_alike_the_shortest_is_looked_for() {
        let texts: Vec<Vec<u8>> = (0..2_000).map(|n| format!("x{n}").into_bytes()).collect();
        assert_eq!(shortest(&texts).len(), 10);
        let needles = Pattern::ContainsOne(Box::new(Needles::new(texts).unwrap()));
        for (value, right) in [("x1999", true), ("ax7", true), ("x", false), ("1999", false)] {
            assert_eq!(needles.matches(value.as_bytes()), right, "{value}");
        }
        assert_eq!(shortest(&[b"ab".to_vec(), b"b".to_vec(), b"ab".to_vec()]), [b"ab".as_slice(), b"b"]);
    }
}
