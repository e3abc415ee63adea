//! Secrets by what stands before them: in command lines, scripts, headers and URLs.
use super::{
    name::{is_header, is_name, is_place, is_scheme, of_option, secret_name},
    percent_decoded, shape,
    tool::{self, Tool},
};
use std::ops::Range;

type Part = Range<usize>;

/// For each word of a command line what of it is secret.
pub(super) fn of_words(words: &[Box<[u8]>]) -> Vec<Vec<Part>> {
    let mut line = Line::default();
    let mut secrets = Vec::with_capacity(words.len());
    for word in words {
        secrets.push(match line.word(word) {
            Some(part) => vec![part],
            // A script, a header: lines of its own.
            None if word.iter().any(|byte| is_separator(*byte)) => of_text(word),
            None => {
                let mut parts = in_word(word, Encoded::Decode);
                shape::find(word, &mut parts);
                parts
            }
        });
    }
    secrets
}

/// What of a text is secret.
pub(super) fn of_text(raw: &[u8]) -> Vec<Part> {
    parts(raw, Encoded::Decode)
}

/// Whether values with `%HH` are looked into; not twice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoded {
    Decode,
    Leave,
}

fn parts(raw: &[u8], encoded: Encoded) -> Vec<Part> {
    let mut secrets = Vec::new();
    shape::find(raw, &mut secrets);
    let mut line = Line::default();
    let (mut at, mut before) = (0, b' ');
    while let Some(&byte) = raw.get(at) {
        if is_separator(byte) {
            line.separated(byte, before);
            before = byte;
            at += 1;
            continue;
        }
        let rest = raw.get(at..).unwrap_or_default();
        if let Some(header) = header(rest) {
            secrets.push(at + header.start..at + header.end);
            at += header.end;
            continue;
        }
        // What stands in quotes where a value must be is one value.
        let quoted = is_quote(before) && line.next == Next::Value;
        let is_end = |&end: &u8| if quoted { end == before } else { is_separator(end) };
        let word = rest.get(..rest.iter().position(is_end).unwrap_or(rest.len())).unwrap_or_default();
        let parts = match line.word(word) {
            Some(part) => vec![part],
            None => in_word(word, encoded),
        };
        secrets.extend(parts.into_iter().map(|part| at + part.start..at + part.end));
        secrets.append(&mut line.piped_secrets(word));
        line.say(at..at + word.len());
        before = b' ';
        at += word.len();
    }
    secrets
}

/// What the next word is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Free,
    Value,
    Pair,
    /// Behind `Basic` or `Bearer`: a value, if it is long.
    Long,
}

/// One command, as far as it was read.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts of what was read")]
struct Line<'t> {
    next: Next,
    /// The last word.
    last: &'t [u8],
    begun: bool,
    tool: Option<&'static Tool>,
    /// The word that the tool's options count behind has come.
    behind: bool,
    operands: usize,
    /// The last word was one that says that a name comes.
    sets: bool,
    /// It says its operands: these, and those of the command before it in the pipe.
    says: bool,
    said: Vec<Part>,
    piped: Vec<Part>,
    reads: bool,
}

impl<'t> Line<'t> {
    /// What of the next word is secret by those before it; [`None`]: it has to be looked at by itself.
    fn word(&mut self, word: &'t [u8]) -> Option<Part> {
        let last = std::mem::replace(&mut self.last, word);
        let sets = std::mem::take(&mut self.sets);
        match std::mem::take(&mut self.next) {
            Next::Value if !word.starts_with(b"-") => return Some(0..word.len()),
            Next::Pair if !word.starts_with(b"-") => return pair(word, 0),
            Next::Long if shape::is_long(word) => return Some(0..word.len()),
            _ => {}
        }
        if let Some((b':' | b'=', value)) = word.split_first()
            && secret_name(last)
        {
            self.next = if value.is_empty() { Next::Value } else { Next::Free };
            return (!value.is_empty()).then_some(1..word.len());
        }
        let first = !std::mem::replace(&mut self.begun, true);
        if let Some(tool) = Tool::of(word, first) {
            (self.tool, self.behind, self.operands) = (Some(tool), false, 0);
            return None;
        }
        if first {
            self.says = tool::is_sayer(word);
        }
        if let Some(part) = self.by_tool(word) {
            return Some(part);
        }
        let bare = !word.iter().any(|byte| matches!(byte, b'=' | b':'));
        let option = bare && word.starts_with(b"-") && secret_name(of_option(word));
        let value = matches!(word, [name @ .., b':' | b'='] if secret_name(of_option(name)));
        if option || value || sets && secret_name(word) {
            self.next = Next::Value;
        } else if is_scheme(word.rsplit(|byte| *byte == b'/').next().unwrap_or(word)) {
            self.next = Next::Long;
        }
        self.sets = matches!(word, b"set" | b"put" | b"config");
        None
    }

    fn by_tool(&mut self, word: &[u8]) -> Option<Part> {
        let tool = self.tool?;
        self.behind |= tool.is_behind(word);
        if !tool.holds(self.behind) {
            return None;
        }
        if tool.takes_value(word) {
            self.next = Next::Value;
        } else if tool.takes_pair(word) {
            self.next = Next::Pair;
        } else if let Some(at) = tool.attached(word) {
            return Some(at..word.len());
        } else if let Some(at) = tool.attached_pair(word) {
            return pair(word, at);
        } else if tool.counts(word) {
            self.operands += 1;
            return tool.operand(word, self.operands);
        }
        None
    }

    fn separated(&mut self, byte: u8, before: u8) {
        match byte {
            b'|' => {
                let said = std::mem::take(&mut self.said);
                *self = Self { piped: said, ..Self::default() };
            }
            b';' | b'&' | b'\n' | b'(' | b')' | b'`' => *self = Self::default(),
            // A here-string.
            b'<' if before == b'<' && self.reads => self.next = Next::Value,
            _ => {}
        }
    }

    /// Notes an operand of a command that says them.
    fn say(&mut self, word: Part) {
        if self.says {
            self.said.push(word);
        }
    }

    /// What was piped here, if the word says that it is a secret.
    fn piped_secrets(&mut self, word: &[u8]) -> Vec<Part> {
        if !tool::reads_secret(word) {
            return Vec::new();
        }
        self.reads = true;
        // The first word said is the command itself.
        std::mem::take(&mut self.piped).into_iter().skip(1).collect()
    }
}

const fn is_separator(byte: u8) -> bool {
    is_quote(byte)
        || byte.is_ascii_whitespace()
        || matches!(byte, b';' | b'|' | b'&' | b'(' | b')' | b'<' | b'>' | b'{' | b'}' | b'[' | b']' | b',')
}

const fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

/// The value of a header whose value has several words, to the end of the line or of the quotes; its scheme stays.
fn header(rest: &[u8]) -> Option<Part> {
    let colon = rest.iter().position(|byte| *byte == b':' || is_separator(*byte))?;
    let before = rest.get(..colon).filter(|_| rest.get(colon) == Some(&b':'))?;
    // It may be an option's value: `--header=Authorization: …`.
    let name = before.rsplit(|byte| !is_name(*byte)).next()?;
    if !is_header(name) {
        return None;
    }
    let end =
        rest.iter().position(|byte| is_quote(*byte) || matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
    let skip = |from: usize, blank: bool| {
        let value = rest.get(from..end).unwrap_or_default();
        from + value.iter().position(|byte| (*byte == b' ') != blank).unwrap_or(value.len())
    };
    let begin = skip(colon + 1, true);
    let word = skip(begin, false);
    let scheme = is_scheme(rest.get(begin..word)?);
    let begin = if scheme { skip(word, true) } else { begin };
    (begin < end).then_some(begin..end)
}

/// What follows the separator of `user:secret`, `user%secret` or `user,secret`.
fn pair(word: &[u8], from: usize) -> Option<Part> {
    let at = word.get(from..)?.iter().position(|byte| matches!(byte, b':' | b'%' | b','))? + from + 1;
    (at < word.len()).then_some(at..word.len())
}

/// What a word says by itself, but for what its form says.
fn in_word(word: &[u8], encoded: Encoded) -> Vec<Part> {
    let mut secrets = Vec::new();
    users(word, &mut secrets);
    values(word, encoded, &mut secrets);
    places(word, &mut secrets);
    secrets
}

/// `user:secret@` of URLs, and of what looks like one without its scheme.
fn users(word: &[u8], secrets: &mut Vec<Part>) {
    let mut from = 0;
    while let Some(at) = word.get(from..).and_then(|rest| rest.windows(3).position(|next| next == b"://")) {
        from += at + 3;
        if let Some(at) = user(word, from) {
            secrets.push(from..at);
        }
    }
    let mut begin = from;
    for segment in word.get(from..).unwrap_or_default().split(|byte| *byte == b'/') {
        let at = segment.iter().rposition(|byte| *byte == b'@').map(|at| segment.split_at(at));
        // Images are named like that too: `nginx:1.27@sha256:…`.
        if let Some((user, _)) = at.filter(|(_, host)| !host.starts_with(b"@sha256:"))
            && let Some(colon) = user.iter().position(|byte| *byte == b':')
        {
            secrets.push(begin + colon + 1..begin + user.len());
        }
        begin += segment.len() + 1;
    }
}

/// Where the `@` of the authority is that begins at `from`.
fn user(word: &[u8], from: usize) -> Option<usize> {
    let rest = word.get(from..)?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    Some(from + rest.get(..end)?.iter().rposition(|byte| *byte == b'@')?)
}

/// `name=value` and `name:value`. What was looked at is not looked at again, so that a word of nothing but these takes no longer
/// than another one.
fn values(word: &[u8], encoded: Encoded, secrets: &mut Vec<Part>) {
    let (mut secret, mut decoded) = (0, 0);
    for (at, byte) in word.iter().enumerate().filter(|(_, byte)| matches!(byte, b'=' | b':')) {
        let rest = word.get(at + 1..).unwrap_or_default();
        if at < secret || rest.is_empty() || rest.starts_with(b"//") {
            continue;
        }
        let before = word.get(..at).unwrap_or_default();
        let is_end = |byte: &u8| !is_name(*byte) && *byte != b'%';
        let begin = before.iter().rposition(is_end).map_or(0, |last| last + 1);
        let name = percent_decoded(of_option(before.get(begin..).unwrap_or_default()));
        // Of `code:`, `key:` and the like there are too many that are none.
        let named = secret_name(&name) && (*byte == b'=' || name.len() >= 4);
        let look = *byte == b'=' && encoded == Encoded::Decode && at >= decoded;
        if !named && !look {
            continue;
        }
        // An option or an assignment is one value to its end; a part of a URL or a form ends with the next one.
        let end =
            if begin == 0 { None } else { rest.iter().position(|byte| matches!(byte, b'&' | b';' | b'#')) };
        let value = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        decoded = at + 1 + value.len();
        let within = || value.contains(&b'%') && !parts(&percent_decoded(value), Encoded::Leave).is_empty();
        if named || within() {
            secrets.push(at + 1..decoded);
            secret = decoded;
        }
    }
}

/// What looks drawn behind a folder that says what it is: `/reset/8f3a…`.
fn places(word: &[u8], secrets: &mut Vec<Part>) {
    let is_end = |byte: &u8| matches!(byte, b'/' | b'?' | b'#' | b'&');
    if !word.split(is_end).any(shape::is_drawn) {
        return;
    }
    let mut begin = 0;
    let mut place = false;
    for segment in word.split(is_end) {
        if place && shape::is_drawn(segment) {
            secrets.push(begin..begin + segment.len());
        }
        place |= is_place(segment);
        begin += segment.len() + 1;
    }
}
