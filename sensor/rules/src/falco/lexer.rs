//! The words of a Falco condition.
use super::syntax::Text;
use crate::problem::shown;

/// Why a text is no condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Error {
    /// Bytes from the start of the text.
    pub(super) at: usize,
    pub(super) message: String,
    pub(super) remedy: String,
}

/// The value of a list's item, which may be quoted once more within its YAML.
pub(super) fn item(text: &str) -> Result<Text, Error> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    if !text.starts_with(['"', '\'']) {
        return Ok(Text { text: text.to_owned(), quoted: text.contains(char::is_whitespace) });
    }
    match parser.quoted()? {
        Some(text) if parser.rest().is_empty() => Ok(Text { text, quoted: true }),
        _ => parser.fail("the quote ends before the value does", "escape quotes within it as `\\\"`"),
    }
}

/// Where in a condition the reader is.
pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) depth: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn blank(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    pub(super) fn fail<T>(&self, message: impl Into<String>, remedy: impl Into<String>) -> Result<T, Error> {
        Err(Error { at: self.at, message: message.into(), remedy: remedy.into() })
    }

    pub(super) fn next_word(&self) -> String {
        let word = self.rest().split(|c: char| c.is_whitespace() || matches!(c, '(' | ')')).next();
        shown(word.filter(|word| !word.is_empty()).unwrap_or_else(|| self.rest()))
    }

    /// Takes a keyword that a blank, a parenthesis or the end follows.
    pub(super) fn keyword(&mut self, word: &str) -> bool {
        self.blank();
        let found = self.rest().strip_prefix(word).is_some_and(|after| {
            after.chars().next().is_none_or(|next| next.is_whitespace() || matches!(next, '(' | ')'))
        });
        self.at += if found { word.len() } else { 0 };
        found
    }

    pub(super) fn symbol(&mut self, symbol: char) -> bool {
        self.blank();
        let found = self.rest().starts_with(symbol);
        self.at += if found { symbol.len_utf8() } else { 0 };
        found
    }

    pub(super) fn take(&mut self, of: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c: char| !of(c)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    pub(super) fn name(&mut self) -> &'a str {
        if !self.rest().starts_with(|c: char| c.is_ascii_alphabetic()) {
            return "";
        }
        let taken = self.take(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
        let name = taken.trim_end_matches('.');
        self.at -= taken.len() - name.len();
        name
    }

    pub(super) fn bare(&mut self) -> &'a str {
        self.take(|c| !c.is_whitespace() && !matches!(c, '(' | ')' | '"' | '\'' | '=' | ','))
    }

    /// A text in quotes, if one comes next.
    pub(super) fn quoted(&mut self) -> Result<Option<String>, Error> {
        let mut characters = self.rest().char_indices();
        let Some((_, quote @ ('"' | '\''))) = characters.next() else { return Ok(None) };
        let mut out = String::new();
        while let Some((offset, character)) = characters.next() {
            match character {
                '\\' => match characters.next().map(|(_, next)| next) {
                    Some('b') => out.push('\u{8}'),
                    Some('f') => out.push('\u{c}'),
                    Some('n') => out.push('\n'),
                    Some('r') => out.push('\r'),
                    Some('t') => out.push('\t'),
                    // `\ ` is a blackslash in Falco, for old rules' sake.
                    Some('\\' | ' ') => out.push('\\'),
                    Some('/') => out.push('/'),
                    Some(same) if same == quote => out.push(same),
                    _ => {
                        self.at += offset;
                        return self.fail(
                            "an escape that Falco doesn't know",
                            "escapes are \\b \\f \\n \\r \\t \\/ \\\\ and the quote itself",
                        );
                    }
                },
                end if end == quote => {
                    self.at += offset + end.len_utf8();
                    return Ok(Some(out));
                }
                plain => out.push(plain),
            }
        }
        self.fail("this quote is never closed", format!("close it with `{quote}`"))
    }
}
