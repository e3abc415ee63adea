//! Heads that break the rules, or of which only the beginning was captured, read line by line.
use super::head::{self, Ending, StartLine};
use crate::fact::Fields;

/// Longest method that is taken for one.
pub(crate) const METHOD_BYTES: usize = 24;

/// The lines of a head.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    rest: &'a [u8],
    /// The last line may be cut: only a start line is still worth something then.
    truncated: bool,
}

impl<'a> Lines<'a> {
    pub(crate) fn whole(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, truncated: false }
    }

    pub(crate) fn truncated(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, truncated: true }
    }

    /// The first line; a request's may be cut in its target.
    pub(crate) fn start_line(&mut self) -> Option<StartLine<'a>> {
        if let Some(line) = self.next_line() {
            return request_line(line).or_else(|| status_line(line));
        }
        let line = std::mem::take(&mut self.rest);
        let space = line.iter().position(|&byte| byte == b' ')?;
        let (method, target) = line.split_at(space);
        let target = target.get(1..).filter(|target| self.truncated && !target.is_empty())?;
        is_method(method).then_some(StartLine::Request { method, target, minor_version: 1 })
    }

    /// The fields, those that say where the message ends, and whether those that give the length are so odd that servers may read them differently.
    pub(crate) fn fields(&mut self) -> (Fields, Ending<'a>, bool) {
        let (mut fields, mut ending) = (Fields::default(), Ending::default());
        let (mut odd, mut last_gives_length) = (false, false);
        while let Some(line) = self.next_line() {
            let Some(first) = line.first() else { break };
            if matches!(first, b' ' | b'\t') {
                // A folded line (RFC 9112 section 5.2) belongs to the field before it.
                odd |= last_gives_length || gives_length(line);
                continue;
            }
            let colon = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
            let (name, value) = line.split_at(colon);
            last_gives_length = gives_length(name);
            if !name.is_empty() && name.iter().copied().all(is_token) && !value.is_empty() {
                let value = value.get(1..).unwrap_or_default().trim_ascii();
                head::add(name, value, Some(&mut fields), &mut ending);
                let exact = [&b"content-length"[..], b"transfer-encoding"];
                odd |= last_gives_length && !exact.iter().any(|exact| name.eq_ignore_ascii_case(exact));
            } else {
                odd |= last_gives_length;
            }
        }
        (fields, ending, odd)
    }

    /// The next whole line without its end.
    fn next_line(&mut self) -> Option<&'a [u8]> {
        let end = self.rest.iter().position(|&byte| byte == b'\n')?;
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

/// Whether some server may take this name for one that gives the length.
fn gives_length(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    [&b"content-length"[..], b"transfer-encoding", b"content_length", b"transfer_encoding"]
        .iter()
        .any(|part| name.windows(part.len()).any(|window| window == *part))
}

/// `method SP target SP HTTP/1.x`; the target may hold anything, blanks too.
pub(crate) fn request_line(line: &[u8]) -> Option<StartLine<'_>> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let start = line.iter().position(|&byte| byte == b' ')?;
    let end = line.iter().rposition(|&byte| byte == b' ')?;
    let (method, target) = (line.get(..start)?, line.get(start + 1..end)?.trim_ascii());
    let minor_version = version(line.get(end + 1..)?)?;
    (is_method(method) && !target.is_empty()).then_some(StartLine::Request { method, target, minor_version })
}

fn status_line(line: &[u8]) -> Option<StartLine<'_>> {
    let minor_version = version(line.get(..8)?)?;
    let digits = line.get(8..)?.trim_ascii_start().get(..3)?;
    let status = digits
        .iter()
        .try_fold(0_u16, |value, byte| byte.is_ascii_digit().then(|| value * 10 + u16::from(byte - b'0')))?;
    (100..=999).contains(&status).then_some(StartLine::Response { status, minor_version })
}

fn version(text: &[u8]) -> Option<u8> {
    match text {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'0'..=b'9'] => Some((minor - b'0').min(1)),
        _ => None,
    }
}

fn is_method(method: &[u8]) -> bool {
    !method.is_empty() && method.len() <= METHOD_BYTES && method.iter().copied().all(is_token)
}

/// RFC 9110 section 5.6.2.
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
