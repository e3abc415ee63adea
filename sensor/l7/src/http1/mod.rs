//! HTTP/1.0 and 1.1 (RFC 9112), both directions of a connection: which answer belongs to which request.
//!
//! HTTP/1 pairs by order alone, so a pairing is proven only while every message is accounted for. Two things end that:
//! a lost end (framing that was not captured) and lost messages (a gap). Requests read before the loss keep their
//! answers; those read after it are *doubtful* (others may be unanswered before them) and end without one. Doubt ends
//! when, after a final answer, a request begins a chunk and none is outstanding, unless this peer was ever seen to have
//! two in flight. What that can't exclude is a peer that, from within the gap on, keeps one more in flight than it ever
//! shows.
//!
//! The first request on a connection older than the sensor is doubtful too: behind an interim answer (`100 Continue`) the
//! next bytes are a body, which a client can make look like a request, and no state that the kernel keeps of the
//! connection tells the two apart.
//!
//! Memory: [`PENDING`] requests of a few words, and two partial heads of 16 KiB at most.
mod body;
mod head;
mod lenient;
mod pairing;
mod stream;

use crate::{
    chunk::{Chunk, other},
    fact::Fact,
};
use guardbee_model::{clock::BootTime, event::Direction};
use std::collections::VecDeque;
use stream::{Item, Stream};

/// Unanswered requests that are followed on one connection.
pub const PENDING: usize = 64;

/// A request that has not been answered completely.
#[derive(Debug)]
struct Pending {
    position: u64,
    method: Method,
    doubtful: bool,
    /// The head of its final answer was seen.
    answering: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Head,
    Connect,
    Other,
}

impl Method {
    fn of(method: &[u8]) -> Self {
        match method {
            b"HEAD" => Self::Head,
            b"CONNECT" => Self::Connect,
            _ => Self::Other,
        }
    }
}

/// A connection as one of its ends sees it.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts of one connection's past")]
pub(crate) struct Connection {
    received: Stream,
    sent: Stream,
    /// Which direction carries requests; known from the first head.
    requests: Option<Direction>,
    last: Option<(Direction, BootTime)>,
    pending: VecDeque<Pending>,
    /// The request whose body is being read.
    reading: Option<u64>,
    /// Requests may be unanswered that were never seen.
    doubt: bool,
    /// A final answer was seen since doubt began.
    answer_since_doubt: bool,
    /// Two requests were seen in flight.
    pipelined: bool,
    /// The last answer said that it is the last.
    closing: bool,
    /// Nothing was ever understood.
    virgin: bool,
    /// The last moment at which the answer in progress was certainly not over.
    answering_until: BootTime,
    answer_bytes: u64,
}

impl Connection {
    /// `middle`: it is older than the sensor.
    pub(crate) fn new(middle: bool) -> Self {
        Self {
            received: Stream::new(middle),
            sent: Stream::new(middle),
            requests: None,
            last: None,
            pending: VecDeque::new(),
            reading: None,
            doubt: middle,
            answer_since_doubt: false,
            pipelined: false,
            closing: false,
            virgin: !middle,
            answering_until: BootTime(0),
            answer_bytes: 0,
        }
    }

    /// Which direction carries requests: received, and this end is a server; sent, and it is a client.
    pub(crate) fn requests(&self) -> Option<Direction> {
        self.requests
    }

    /// Where received and sent bytes go on; [`None`]: wherever the first chunk begins.
    pub(crate) fn seen(&self) -> [Option<u64>; 2] {
        [self.received.next, self.sent.next]
    }

    /// Everything of this direction before this position was looked at.
    pub(crate) fn parsed(&self, direction: Direction) -> u64 {
        self.stream(direction).next.unwrap_or(0)
    }

    /// Something else is spoken here, for good.
    pub(crate) fn is_opaque(&self) -> bool {
        self.received.is_opaque() && self.sent.is_opaque()
    }

    /// Requests that have not been answered completely, as far as known.
    pub(crate) fn unanswered(&self) -> usize {
        self.pending.len()
    }

    /// Bytes of heads that are not complete yet.
    pub(crate) fn held_bytes(&self) -> usize {
        self.received.held_bytes() + self.sent.held_bytes()
    }

    /// The answer in progress is there, but where it ends can't be seen.
    pub(crate) fn end_unseen(&self) -> bool {
        self.pending.front().is_some_and(|front| front.answering) && self.answers().body().is_none()
    }

    /// Only silence, or the end of the connection, can end the answer in progress.
    pub(crate) fn waits_for_an_unseen_end(&self) -> bool {
        let until_close = self.answers().body().is_some_and(body::Body::until_close);
        self.pending.front().is_some_and(|front| front.answering) && (until_close || self.end_unseen())
    }

    /// Nothing more can come: the last answer is there and said that it is the last.
    pub(crate) fn is_over(&self) -> bool {
        self.closing && self.pending.is_empty()
    }

    /// Reads `chunk`.
    pub(crate) fn feed(&mut self, chunk: &Chunk<'_>, out: &mut Vec<Fact>) {
        let next = self.stream(chunk.direction).next;
        let Some(mut input) = chunk.fresh(next, out) else { return };
        if self.last.is_some_and(|(direction, _)| direction != chunk.direction)
            && let Some(item) = self.stream_mut(chunk.direction).turn()
        {
            self.item(chunk.direction, item, chunk.time, out);
        }
        if let Some(missing @ 1..) = next.and_then(|next| input.position.checked_sub(next))
            && let Some(item) = self.stream_mut(chunk.direction).gap(missing)
        {
            self.item(chunk.direction, item, chunk.time, out);
        }
        input.requests = self.requests == Some(chunk.direction);
        while let Some(item) = self.stream_mut(chunk.direction).step(&mut input) {
            self.item(chunk.direction, item, chunk.time, out);
        }
        self.stream_mut(chunk.direction).next = Some(chunk.end());
        self.last = Some((chunk.direction, chunk.time));
        if self.requests == Some(other(chunk.direction)) && self.answers().body().is_some() {
            self.answering_until = chunk.time;
        }
    }

    /// The connection ended; `totals`: bytes received and sent by then, if known.
    pub(crate) fn close(&mut self, totals: Option<[u64; 2]>, time: BootTime, out: &mut Vec<Fact>) {
        let whole =
            |stream: &Stream, total: Option<u64>| total.is_none_or(|total| stream.next.unwrap_or(0) >= total);
        let sent_whole = match self.requests {
            Some(Direction::Sent) => whole(&self.received, totals.map(|[received, _]| received)),
            _ => whole(&self.sent, totals.map(|[_, sent]| sent)),
        };
        if let Some(bytes) = self.answers().body().filter(|body| body.until_close()).map(|body| body.bytes)
            && sent_whole
        {
            self.answer_bytes = bytes;
            let last = self.last_time(time);
            self.end_front(last, last, true, out);
        }
        let since = if sent_whole { time } else { self.last_time(time) };
        self.abandon_all(since, time, out);
        self.received.make_opaque();
        self.sent.make_opaque();
    }

    /// Nobody waits any longer for what is outstanding.
    pub(crate) fn give_up(&mut self, time: BootTime, out: &mut Vec<Fact>) {
        self.abandon_all(self.last_time(time), time, out);
        self.answers_stream().lose();
        self.begin_doubt();
    }

    fn item(&mut self, direction: Direction, item: Item, time: BootTime, out: &mut Vec<Fact>) {
        match item {
            Item::Head(found) => self.found(direction, found, time, out),
            Item::BodyEnd { position, bytes } if self.requests == Some(direction) => {
                if let Some(request) = self.reading.take() {
                    out.push(Fact::RequestEnd { request, position, time, body_bytes: bytes });
                }
            }
            Item::BodyEnd { bytes, .. } => {
                self.answer_bytes = bytes;
                self.end_front(time, time, true, out);
            }
            Item::Unread if self.requests == Some(other(direction)) => {
                // More of the answer whose end can't be seen, or answers to several requests.
                let only_more =
                    self.pending.len() == 1 && self.pending.iter().all(|pending| pending.answering);
                if !only_more && !self.pending.is_empty() {
                    self.abandon_all(time, time, out);
                    self.begin_doubt();
                }
            }
            Item::Unread => self.begin_doubt(),
            Item::Lost { flag, mid_body } => self.lost(direction, flag, mid_body, time, out),
        }
    }

    /// When bytes last moved; `now`, if they never did.
    fn last_time(&self, now: BootTime) -> BootTime {
        self.last.map_or(now, |(_, last)| last)
    }

    fn stream(&self, direction: Direction) -> &Stream {
        match direction {
            Direction::Received => &self.received,
            Direction::Sent => &self.sent,
        }
    }

    fn stream_mut(&mut self, direction: Direction) -> &mut Stream {
        match direction {
            Direction::Received => &mut self.received,
            Direction::Sent => &mut self.sent,
        }
    }

    fn answers(&self) -> &Stream {
        self.stream(other(self.requests.unwrap_or(Direction::Received)))
    }

    fn answers_stream(&mut self) -> &mut Stream {
        self.stream_mut(other(self.requests.unwrap_or(Direction::Received)))
    }

    fn requests_stream(&mut self) -> &mut Stream {
        self.stream_mut(self.requests.unwrap_or(Direction::Received))
    }
}
