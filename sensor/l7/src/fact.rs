//! What a connection's bytes prove, and what is odd about them.
use guardbee_model::clock::BootTime;

/// One thing that the bytes say. Requests are named by the stream position of their first byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The head of a request is complete, or cut.
    Request(Box<RequestHead>),
    /// The last byte of a request.
    RequestEnd {
        /// Which request.
        request: u64,
        /// Stream position behind its last byte.
        position: u64,
        /// When it was there.
        time: BootTime,
        /// Bytes of its body without framing.
        body_bytes: u64,
    },
    /// The head of a final or interim response.
    Response(ResponseHead),
    /// Nothing more will be said of a request.
    Ended(Ended),
    /// Odd, lost or refused: one to a counter.
    Flag(Flag),
}

/// The head of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHead {
    /// Of its first byte in the stream of requests.
    pub position: u64,
    /// Behind its last byte; `truncated`: behind the last byte that is known to be of it.
    pub end: u64,
    /// When its first byte was there.
    pub start: BootTime,
    /// When its last byte was.
    pub time: BootTime,
    /// As sent, such as `GET`.
    pub method: Box<[u8]>,
    /// As sent.
    pub target: Box<[u8]>,
    /// Of HTTP/1.
    pub minor_version: u8,
    /// The header fields that somebody wants.
    pub fields: Fields,
    /// The head is longer than what was captured of it: fields are missing, its end and what follows is unknown.
    pub truncated: bool,
    /// Bytes before it are missing: it looks like a head, and other requests may be unanswered.
    pub doubtful: bool,
    /// Where the request ends is unknown: requests may hide behind it.
    pub open_ended: bool,
}

/// Values longer than this are cut: nobody needs more of a header.
pub(crate) const VALUE_BYTES: usize = 2048;

/// Values of header fields, raw; repeated ones are joined by `, ` (RFC 9110 section 5.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the header fields")]
pub struct Fields {
    pub host: Option<Box<[u8]>>,
    pub user_agent: Option<Box<[u8]>>,
    pub referer: Option<Box<[u8]>>,
    pub traceparent: Option<Box<[u8]>>,
    pub x_forwarded_for: Option<Box<[u8]>>,
    pub forwarded: Option<Box<[u8]>>,
    pub content_type: Option<Box<[u8]>>,
    /// As whom the request says it is made; no password.
    pub user: Option<Box<[u8]>>,
}

impl Fields {
    /// The first address of `X-Forwarded-For`, else of `Forwarded` (RFC 7239): a claim. Empty: none.
    pub fn forwarded_for(&self) -> Box<[u8]> {
        if self.x_forwarded_for.is_none() && self.forwarded.is_none() {
            return Box::default();
        }
        let first = |field: &'_ [u8]| {
            field.split(|&byte| byte == b',').next().unwrap_or_default().trim_ascii().to_vec()
        };
        if let Some(list) = &self.x_forwarded_for {
            return first(list).into();
        }
        let Some(element) = self.forwarded.as_deref().map(first) else { return Box::default() };
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
}

/// The head of a response, attributed to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// Which request it answers.
    pub request: u64,
    /// Status code; below 200 (but for 101) the real one is still to come.
    pub status: u16,
    /// Of HTTP/1.
    pub minor_version: u8,
    /// When its first byte was sent or read.
    pub start: BootTime,
    /// When its head was complete.
    pub time: BootTime,
}

/// The end of a request and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Which request.
    pub request: u64,
    /// The earliest moment at which the answer may have been complete.
    pub since: BootTime,
    /// The latest; the same where its last byte was seen.
    pub time: BootTime,
    /// Bytes of the response's body without framing, as far as seen.
    pub response_body_bytes: u64,
    /// The last byte of the answer was seen. Otherwise the answer is unknown, cut, or was not to be attributed.
    pub complete: bool,
}

/// What is odd, lost or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "`name` says it")]
pub enum Flag {
    NotHttp,
    Http2,
    BadHead,
    OddHead,
    HeadTruncated,
    HeadTooLong,
    AmbiguousLength,
    BadChunk,
    Gap,
    Overlap,
    Uncaptured,
    Pipelined,
    PipelineFull,
    OrphanResponse,
    Doubtful,
    AfterClose,
    Upgraded,
    WrongSide,
    Unanswered,
}

impl Flag {
    /// Name of the counter.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotHttp => "not_http",
            Self::Http2 => "http2",
            Self::BadHead => "bad_head",
            Self::OddHead => "odd_head",
            Self::HeadTruncated => "head_truncated",
            Self::HeadTooLong => "head_too_long",
            Self::AmbiguousLength => "ambiguous_length",
            Self::BadChunk => "bad_chunk",
            Self::Gap => "gap",
            Self::Overlap => "overlap",
            Self::Uncaptured => "uncaptured",
            Self::Pipelined => "pipelined",
            Self::PipelineFull => "pipeline_full",
            Self::OrphanResponse => "orphan_response",
            Self::Doubtful => "doubtful",
            Self::AfterClose => "after_close",
            Self::Upgraded => "upgraded",
            Self::WrongSide => "wrong_side",
            Self::Unanswered => "unanswered",
        }
    }
}
