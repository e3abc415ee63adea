//! Heads of requests and responses. httparse reads what keeps the rules; what breaks them is read line by line
//! ([`lenient`]), because the server behind may accept it, and is marked.
use super::{
    body::Framing,
    lenient::{self, Lines},
};
use crate::{
    authorization,
    fact::{Fields, RequestHead, VALUE_BYTES},
};
use memchr::{memchr, memchr_iter};
use std::{borrow::Cow, mem::MaybeUninit};

/// Header lines that httparse is given room for; a head with more is read line by line.
const HEADERS: usize = 128;

/// A head, of either kind.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) start: Start,
    pub(crate) framing: Framing,
    /// It breaks a rule of RFC 9112 that servers disagree about.
    pub(crate) odd: bool,
    /// Its end was not captured.
    pub(crate) truncated: bool,
}

/// What it begins, without its place in the stream.
#[derive(Debug)]
pub(crate) enum Start {
    Request(Box<RequestHead>),
    Response(Status),
}

/// A response, as far as anybody wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) code: u16,
    pub(crate) minor_version: u8,
    /// What `Connection` says.
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
}

/// The first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StartLine<'a> {
    Request { method: &'a [u8], target: &'a [u8], minor_version: u8 },
    Response { status: u16, minor_version: u8 },
}

/// The fields that say where a message and its connection end; repeated ones are joined by `, `.
#[derive(Debug, Default)]
pub(crate) struct Ending<'a> {
    length: Option<Cow<'a, [u8]>>,
    coding: Option<Cow<'a, [u8]>>,
    connection: Option<Cow<'a, [u8]>>,
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
        Some(b' ') => match memchr(b'\n', bytes) {
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
    let begin = from.saturating_sub(3);
    memchr_iter(b'\n', bytes.get(begin..)?).find_map(|found| {
        let at = begin + found + 1;
        match bytes.get(at..)? {
            [b'\n', ..] => Some(at + 1),
            [b'\r', b'\n', ..] => Some(at + 2),
            _ => None,
        }
    })
}

/// Reads a whole head.
pub(crate) fn parse(bytes: &[u8]) -> Option<Head> {
    regular(bytes).map_or_else(|| by_line(bytes), |(head, _)| Some(head))
}

/// Reads the head that `bytes` begin with, if it is there and keeps the rules; gives its length.
pub(crate) fn regular(bytes: &[u8]) -> Option<(Head, usize)> {
    if bytes.starts_with(b"HTTP/") { response(bytes) } else { request(bytes) }
}

/// Reads the beginning of a head whose rest was not captured.
pub(crate) fn parse_truncated(bytes: &[u8]) -> Option<Head> {
    let mut lines = Lines::truncated(bytes);
    let line = lines.start_line()?;
    let (fields, ending, _) = lines.fields();
    Some(Head { framing: Framing::Unknown, truncated: true, ..head(line, fields, &ending) })
}

fn request(bytes: &[u8]) -> Option<(Head, usize)> {
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS];
    let mut parsed = httparse::Request::new(&mut []);
    let done = parsed.parse_with_uninit_headers(bytes, &mut headers);
    match (done, parsed.method, parsed.path, parsed.version) {
        (Ok(httparse::Status::Complete(length)), Some(method), Some(target), Some(minor_version))
            if method.len() <= lenient::METHOD_BYTES =>
        {
            let (mut fields, mut ending) = (Fields::default(), Ending::default());
            for header in parsed.headers.iter() {
                add(header.name.as_bytes(), header.value, Some(&mut fields), &mut ending);
            }
            let line =
                StartLine::Request { method: method.as_bytes(), target: target.as_bytes(), minor_version };
            Some((head(line, fields, &ending), length))
        }
        _ => None,
    }
}

fn response(bytes: &[u8]) -> Option<(Head, usize)> {
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let done = config.parse_response_with_uninit_headers(&mut parsed, bytes, &mut headers);
    match (done, parsed.code, parsed.version) {
        (Ok(httparse::Status::Complete(length)), Some(status), Some(minor_version)) => {
            let mut ending = Ending::default();
            for header in parsed.headers.iter() {
                add(header.name.as_bytes(), header.value, None, &mut ending);
            }
            Some((head(StartLine::Response { status, minor_version }, Fields::default(), &ending), length))
        }
        _ => None,
    }
}

fn by_line(bytes: &[u8]) -> Option<Head> {
    let mut lines = Lines::whole(bytes);
    let line = lines.start_line()?;
    let (fields, ending, framing_is_odd) = lines.fields();
    let mut head = head(line, fields, &ending);
    if framing_is_odd {
        head.framing = Framing::Unknown;
    }
    Some(Head { odd: true, ..head })
}

fn head(line: StartLine<'_>, fields: Fields, ending: &Ending<'_>) -> Head {
    let (start, framing) = match line {
        StartLine::Request { method, target, minor_version } => {
            let (method, target) = (method.into(), target.into());
            let request = RequestHead { method, target, minor_version, fields, ..RequestHead::default() };
            (Start::Request(Box::new(request)), request_framing(ending, minor_version))
        }
        StartLine::Response { status, minor_version } => {
            let connection = ending.connection.as_deref();
            let (close, keep_alive) = (has_token(connection, "close"), has_token(connection, "keep-alive"));
            let status = Status { code: status, minor_version, close, keep_alive };
            (Start::Response(status), response_framing(ending, minor_version))
        }
    };
    Head { start, framing, odd: false, truncated: false }
}

/// Keeps a field that somebody wants; of a response, nobody wants any but those that say where it ends.
pub(crate) fn add<'a>(name: &[u8], value: &'a [u8], fields: Option<&mut Fields>, ending: &mut Ending<'a>) {
    let value = value.get(..VALUE_BYTES).unwrap_or(value);
    let is = |wanted: &[u8]| wanted.eq_ignore_ascii_case(name);
    let ends = match name.len() {
        10 if is(b"connection") => Some(&mut ending.connection),
        14 if is(b"content-length") => Some(&mut ending.length),
        17 if is(b"transfer-encoding") => Some(&mut ending.coding),
        _ => None,
    };
    if let Some(slot) = ends {
        *slot = Some(match slot.take() {
            None => value.into(),
            Some(before) if before.len() < VALUE_BYTES => [&*before, b", ", value].concat().into(),
            Some(before) => before,
        });
        return;
    }
    let Some(fields) = fields else { return };
    if name.len() == 13 && is(b"authorization") {
        fields.user = fields.user.take().or_else(|| authorization::user(value));
        return;
    }
    let slot = match name.len() {
        4 if is(b"host") => &mut fields.host,
        7 if is(b"referer") => &mut fields.referer,
        9 if is(b"forwarded") => &mut fields.forwarded,
        10 if is(b"user-agent") => &mut fields.user_agent,
        11 if is(b"traceparent") => &mut fields.traceparent,
        12 if is(b"content-type") => &mut fields.content_type,
        15 if is(b"x-forwarded-for") => &mut fields.x_forwarded_for,
        _ => return,
    };
    *slot = Some(match slot.take() {
        None => value.into(),
        Some(before) if before.len() < VALUE_BYTES => [&*before, b", ", value].concat().into(),
        Some(before) => before,
    });
}

/// Whether a comma-separated field has `token`.
pub(crate) fn has_token(field: Option<&[u8]>, token: &str) -> bool {
    field.is_some_and(|field| {
        field.split(|&byte| byte == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    })
}

/// RFC 9112 section 6.3. Where both length fields are there, servers differ (request smuggling): unknown.
fn request_framing(ending: &Ending<'_>, minor_version: u8) -> Framing {
    match (&ending.coding, &ending.length) {
        (None, None) => Framing::None,
        (None, Some(length)) => content_length(length),
        (Some(coding), None) if minor_version > 0 && last_is_chunked(coding) => Framing::Chunked,
        _ => Framing::Unknown,
    }
}

fn response_framing(ending: &Ending<'_>, minor_version: u8) -> Framing {
    match (&ending.coding, &ending.length) {
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
