//! Heads of requests and responses. httparse reads what keeps the rules; what breaks them is read line by line
//! ([`crate::lenient`]), because the server behind may accept it, and is marked.
use crate::{
    body::Framing,
    fact::Fields,
    lenient::{self, Lines},
};

/// Header lines that httparse is given room for; a head with more is read line by line.
const HEADERS: usize = 128;
/// Values longer than this are cut: nobody needs more of a header.
const VALUE_BYTES: usize = 2048;

/// A head, of either kind.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) line: StartLine,
    pub(crate) fields: Fields,
    pub(crate) framing: Framing,
    /// It breaks a rule of RFC 9112 that servers disagree about.
    pub(crate) odd: bool,
    /// Its end was not captured.
    pub(crate) truncated: bool,
}

/// The first line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum StartLine {
    Request { method: Box<[u8]>, target: Box<[u8]>, minor_version: u8 },
    Response { status: u16, minor_version: u8 },
}

/// What the first bytes look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looks {
    Request,
    Response,
    /// Too few to say.
    Short,
    Http2,
    Other,
}

/// What `bytes`, the first of a message, look like. As soon as the first line is there it must be one.
pub(crate) fn looks(bytes: &[u8]) -> Looks {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0";
    const VERSION: &[u8] = b"HTTP/1.";
    if bytes.starts_with(PREFACE) {
        return Looks::Http2;
    }
    if bytes.starts_with(VERSION) {
        return Looks::Response;
    }
    if VERSION.starts_with(bytes) {
        return Looks::Short;
    }
    let token = bytes.iter().take_while(|byte| lenient::is_token(**byte)).count();
    if token > lenient::METHOD_BYTES || (token == 0 && !bytes.is_empty()) {
        return Looks::Other;
    }
    match bytes.get(token) {
        None => Looks::Short,
        Some(b' ') => match bytes.iter().position(|&byte| byte == b'\n') {
            Some(end) if lenient::request_line(bytes.get(..end).unwrap_or_default()).is_none() => {
                Looks::Other
            }
            _ => Looks::Request,
        },
        Some(_) => Looks::Other,
    }
}

/// Index behind the empty line that ends the head; `from`: bytes looked at before.
pub(crate) fn end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from.saturating_sub(3);
    while let Some(found) = bytes.get(at..)?.iter().position(|&byte| byte == b'\n') {
        at += found + 1;
        match bytes.get(at..)? {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// Reads a whole head.
pub(crate) fn parse(bytes: &[u8]) -> Option<Head> {
    if bytes.starts_with(b"HTTP/") { response(bytes) } else { request(bytes) }
}

/// Reads the beginning of a head whose rest was not captured.
pub(crate) fn parse_truncated(bytes: &[u8]) -> Option<Head> {
    let mut lines = Lines::truncated(bytes);
    let line = lines.start_line()?;
    let (fields, _) = lines.fields();
    Some(Head { line, fields, framing: Framing::Unknown, odd: false, truncated: true })
}

fn request(bytes: &[u8]) -> Option<Head> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    match (parsed.parse(bytes), parsed.method, parsed.path, parsed.version) {
        (Ok(httparse::Status::Complete(_)), Some(method), Some(target), Some(minor_version)) => {
            let fields = collect(parsed.headers);
            let framing = request_framing(&fields, minor_version);
            let line = StartLine::Request {
                method: method.as_bytes().into(),
                target: target.as_bytes().into(),
                minor_version,
            };
            Some(Head { line, fields, framing, odd: false, truncated: false })
        }
        _ => by_line(bytes),
    }
}

fn response(bytes: &[u8]) -> Option<Head> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    match (parsed.parse(bytes), parsed.code, parsed.version) {
        (Ok(httparse::Status::Complete(_)), Some(status), Some(minor_version)) => {
            let fields = collect(parsed.headers);
            let framing = response_framing(&fields, minor_version);
            let line = StartLine::Response { status, minor_version };
            Some(Head { line, fields, framing, odd: false, truncated: false })
        }
        _ => by_line(bytes),
    }
}

fn by_line(bytes: &[u8]) -> Option<Head> {
    let mut lines = Lines::whole(bytes);
    let line = lines.start_line()?;
    let (fields, framing_is_odd) = lines.fields();
    let framing = match &line {
        _ if framing_is_odd => Framing::Unknown,
        StartLine::Request { minor_version, .. } => request_framing(&fields, *minor_version),
        StartLine::Response { minor_version, .. } => response_framing(&fields, *minor_version),
    };
    Some(Head { line, fields, framing, odd: true, truncated: false })
}

fn collect(headers: &[httparse::Header<'_>]) -> Fields {
    let mut fields = Fields::default();
    for header in headers {
        fields.add(header.name.as_bytes(), header.value);
    }
    fields
}

impl Fields {
    /// Keeps a field that somebody wants.
    pub(crate) fn add(&mut self, name: &[u8], value: &[u8]) {
        let wanted = [
            (&b"host"[..], &mut self.host),
            (b"user-agent", &mut self.user_agent),
            (b"referer", &mut self.referer),
            (b"traceparent", &mut self.traceparent),
            (b"tracestate", &mut self.tracestate),
            (b"x-forwarded-for", &mut self.x_forwarded_for),
            (b"forwarded", &mut self.forwarded),
            (b"expect", &mut self.expect),
            (b"upgrade", &mut self.upgrade),
            (b"connection", &mut self.connection),
            (b"content-type", &mut self.content_type),
            (b"content-length", &mut self.content_length),
            (b"transfer-encoding", &mut self.transfer_encoding),
        ];
        let Some((_, slot)) = wanted.into_iter().find(|(wanted, _)| wanted.eq_ignore_ascii_case(name)) else {
            return;
        };
        let value = value.get(..VALUE_BYTES).unwrap_or(value);
        *slot = Some(match slot.take() {
            None => value.into(),
            Some(before) if before.len() < VALUE_BYTES => [&*before, b", ", value].concat().into(),
            Some(before) => before,
        });
    }
}

/// The first address of `X-Forwarded-For`, else of `Forwarded` (RFC 7239): a claim. Empty: none.
pub fn forwarded_for(fields: &Fields) -> Box<[u8]> {
    let first =
        |field: &'_ [u8]| field.split(|&byte| byte == b',').next().unwrap_or_default().trim_ascii().to_vec();
    if let Some(list) = &fields.x_forwarded_for {
        return first(list).into();
    }
    let Some(element) = fields.forwarded.as_deref().map(first) else { return Box::default() };
    let pairs = element.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    let name = b"for=".len();
    pairs
        .filter_map(|pair| pair.split_at_checked(name))
        .find(|(key, _)| key.eq_ignore_ascii_case(b"for="))
        .map(|(_, value)| value.trim_ascii().to_vec())
        .map(|value| {
            value
                .strip_prefix(b"\"")
                .and_then(|v| v.strip_suffix(b"\""))
                .map_or_else(|| value.clone(), <[u8]>::to_vec)
        })
        .unwrap_or_default()
        .into()
}

/// Whether a comma-separated field has `token`.
pub(crate) fn has_token(field: Option<&[u8]>, token: &str) -> bool {
    field.is_some_and(|field| {
        field.split(|&byte| byte == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    })
}

/// RFC 9112 section 6.3. Where both length fields are there, servers differ (request smuggling): unknown.
fn request_framing(fields: &Fields, minor_version: u8) -> Framing {
    match (&fields.transfer_encoding, &fields.content_length) {
        (None, None) => Framing::None,
        (None, Some(length)) => content_length(length),
        (Some(coding), None) if minor_version > 0 && last_is_chunked(coding) => Framing::Chunked,
        _ => Framing::Unknown,
    }
}

fn response_framing(fields: &Fields, minor_version: u8) -> Framing {
    match (&fields.transfer_encoding, &fields.content_length) {
        (None, None) => Framing::Close,
        (None, Some(length)) => content_length(length),
        (Some(coding), None) if last_is_chunked(coding) && minor_version > 0 => Framing::Chunked,
        (Some(coding), None) if !last_is_chunked(coding) => Framing::Close,
        _ => Framing::Unknown,
    }
}

/// `chunked` once and last; `xchunked` or `chunked, chunked` is what smugglers send.
fn last_is_chunked(coding: &[u8]) -> bool {
    let mut parts = coding.rsplit(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    parts.next().is_some_and(|last| last.eq_ignore_ascii_case(b"chunked"))
        && parts.all(|part| !part.eq_ignore_ascii_case(b"chunked"))
}

fn content_length(value: &[u8]) -> Framing {
    let mut lengths = value.split(|&byte| byte == b',').map(|part| decimal(part.trim_ascii()));
    match lengths.next() {
        Some(Some(first)) if lengths.all(|other| other == Some(first)) => Framing::Length(first),
        _ => Framing::Unknown,
    }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    digits
        .iter()
        .try_fold(0_u64, |value, &byte| byte.is_ascii_digit().then(|| value * 10 + u64::from(byte - b'0')))
}
