//! FastCGI (specification 1.0), both directions of a connection: what a web server asks an application such as PHP-FPM.
//!
//! Records say how long they are, so that content which was not captured costs no more than itself. One request at a time
//! is followed: nobody multiplexes, and who does is told as doubtful. A request is proven while every record is accounted
//! for; after a loss, or on a connection older than the sensor, the next request is *doubtful*, since the bytes that it
//! begins with may have been the content of another. Doubt ends when a request begins a turn after an answer whose end was
//! seen, as with HTTP/1.
//!
//! Memory: the parameters of one request, [`params::PARAMS_BYTES`], and the head of one answer, [`ANSWER_BYTES`].
mod params;
mod record;

pub(crate) use record::begins;

use crate::{
    chunk::Chunk,
    fact::{Ended, Fact, Flag, ResponseHead},
};
use guardbee_model::{clock::BootTime, event::Direction};
use record::{ABORT_REQUEST, BEGIN_REQUEST, END_REQUEST, Item, PARAMS, Record, STDIN, STDOUT, Stream};

/// Head of an answer that is looked at: CGI/1.1 says `Status:` there (RFC 3875 section 6).
const ANSWER_BYTES: usize = 8 * 1024;

/// The request at hand.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts of one request")]
struct Request {
    id: u16,
    position: u64,
    start: BootTime,
    doubtful: bool,
    params: Vec<u8>,
    /// Some of them were not captured, or there are too many.
    cut: bool,
    /// `FCGI_KEEP_CONN`: the connection outlives its answer, as far as known.
    keep: bool,
    /// Its head was told.
    told: bool,
    body_bytes: u64,
    answer: Answer,
    answer_bytes: u64,
}

#[derive(Debug)]
enum Answer {
    /// Its head so far, and when it began.
    Head(Vec<u8>, Option<BootTime>),
    Body,
}

/// A connection as one of its ends sees it.
#[derive(Debug)]
pub(crate) struct Connection {
    received: Stream,
    sent: Stream,
    requests: Direction,
    last: (Direction, BootTime),
    request: Option<Request>,
    /// Requests may be unanswered that were never seen.
    doubt: bool,
    /// The end of an answer was seen since doubt began.
    answer_since_doubt: bool,
    /// The last answer was said to be the last.
    closing: bool,
}

impl Connection {
    /// `requests`: the direction of the chunk that begins with a request, at `time`; `seen`: the position of either
    /// direction up to which all is known, [`None`]: the connection is older than that.
    pub(crate) fn new(requests: Direction, time: BootTime, seen: [Option<u64>; 2]) -> Self {
        let [received, sent] = seen;
        let at = match requests {
            Direction::Received => received,
            Direction::Sent => sent,
        };
        Self {
            received: Stream::new(received),
            sent: Stream::new(sent),
            requests,
            last: (requests, time),
            request: None,
            doubt: at != Some(0),
            answer_since_doubt: false,
            closing: false,
        }
    }

    pub(crate) fn requests(&self) -> Direction {
        self.requests
    }

    pub(crate) fn parsed(&self, direction: Direction) -> u64 {
        self.stream(direction).next.unwrap_or(0)
    }

    pub(crate) fn is_opaque(&self) -> bool {
        self.received.is_opaque() && self.sent.is_opaque()
    }

    pub(crate) fn unanswered(&self) -> usize {
        usize::from(self.request.as_ref().is_some_and(|request| request.told))
    }

    /// Nothing more can come: the last answer is there and was said to be the last.
    pub(crate) fn is_over(&self) -> bool {
        self.closing && self.request.is_none()
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.request.as_ref().map_or(0, |request| match &request.answer {
            Answer::Head(head, _) => head.len() + request.params.len(),
            Answer::Body => request.params.len(),
        })
    }

    pub(crate) fn feed(&mut self, chunk: &Chunk<'_>, out: &mut Vec<Fact>) {
        let (direction, next) = (chunk.direction, self.stream(chunk.direction).next);
        let Some(mut input) = chunk.fresh(next, out) else { return };
        input.requests = direction == self.requests;
        if self.last.0 != direction {
            self.stream_mut(direction).turn();
        }
        if let Some(missing @ 1..) = next.and_then(|next| input.position.checked_sub(next))
            && let Some(item) = self.stream_mut(direction).gap(missing)
        {
            self.item(direction, item, chunk.time, out);
        }
        while let Some(item) = self.stream_mut(direction).step(&mut input) {
            self.item(direction, item, chunk.time, out);
        }
        self.stream_mut(direction).next = Some(chunk.end());
        self.last = (direction, chunk.time);
    }

    pub(crate) fn close(&mut self, time: BootTime, out: &mut Vec<Fact>) {
        self.abandon(self.last.1, time, out);
        self.received.make_opaque();
        self.sent.make_opaque();
    }

    pub(crate) fn give_up(&mut self, time: BootTime, out: &mut Vec<Fact>) {
        self.abandon(self.last.1, time, out);
        self.begin_doubt();
    }

    fn item(&mut self, direction: Direction, item: Item<'_>, time: BootTime, out: &mut Vec<Fact>) {
        let asks = direction == self.requests;
        match item {
            Item::Header { record, position, start } if asks && record.kind == BEGIN_REQUEST => {
                self.begin(record.id, position, start, time, out);
            }
            Item::Content { record, bytes, unseen } if asks => self.asked(record, bytes, unseen),
            Item::Content { record, bytes, unseen } => self.answered(record, bytes, unseen, time, out),
            Item::End { record, position } if asks => self.ends_asked(record, position, time, out),
            Item::End { record, .. } if record.kind == END_REQUEST => self.ends_answer(record.id, time, out),
            Item::Header { .. } | Item::End { .. } => {}
            Item::Lost { flag, position } => {
                out.push(Fact::Flag(flag));
                let since = if flag == Flag::Gap { self.last.1 } else { time };
                if asks && flag == Flag::Uncaptured {
                    self.tell(position, true, time, out);
                }
                // A request whose head is told keeps its answer when what follows the head is lost.
                if !asks || self.unanswered() == 0 {
                    self.abandon(since, time, out);
                }
                self.begin_doubt();
            }
            Item::Unread => {
                if !asks {
                    self.abandon(time, time, out);
                }
                self.begin_doubt();
            }
        }
    }

    fn begin(&mut self, id: u16, position: u64, start: BootTime, time: BootTime, out: &mut Vec<Fact>) {
        if self.request.is_some() {
            out.push(Fact::Flag(Flag::Pipelined));
            self.abandon(time, time, out);
            self.begin_doubt();
        }
        if self.answer_since_doubt {
            self.doubt = false;
        }
        if self.doubt {
            out.push(Fact::Flag(Flag::Doubtful));
        }
        self.request = Some(Request {
            id,
            position,
            start,
            doubtful: self.doubt,
            params: Vec::new(),
            cut: false,
            keep: true,
            told: false,
            body_bytes: 0,
            answer: Answer::Head(Vec::new(), None),
            answer_bytes: 0,
        });
    }

    fn asked(&mut self, record: Record, bytes: &[u8], unseen: u64) {
        let Some(request) = self.request.as_mut().filter(|request| request.id == record.id) else { return };
        match record.kind {
            BEGIN_REQUEST => request.keep = bytes.get(2).is_none_or(|flags| flags & 1 != 0),
            PARAMS if !request.told => {
                let room = params::PARAMS_BYTES.saturating_sub(request.params.len());
                let kept = if request.cut { &[] } else { bytes.get(..room).unwrap_or(bytes) };
                request.params.extend_from_slice(kept);
                request.cut |= unseen > 0 || kept.len() < bytes.len();
            }
            STDIN => request.body_bytes += bytes.len() as u64 + unseen,
            _ => {}
        }
    }

    fn ends_asked(&mut self, record: Record, position: u64, time: BootTime, out: &mut Vec<Fact>) {
        let Some(request) = self.request.as_mut().filter(|request| request.id == record.id) else { return };
        match record.kind {
            PARAMS if record.length == 0 => self.tell(position, false, time, out),
            STDIN if record.length == 0 && request.told => {
                let (request, body_bytes) = (request.position, request.body_bytes);
                out.push(Fact::RequestEnd { request, position, time, body_bytes });
            }
            ABORT_REQUEST => self.abandon(time, time, out),
            _ => {}
        }
    }

    /// The parameters are complete, or what follows them was not captured.
    fn tell(&mut self, end: u64, truncated: bool, time: BootTime, out: &mut Vec<Fact>) {
        let Some(request) = self.request.as_mut().filter(|request| !request.told) else { return };
        if request.cut || truncated {
            out.push(Fact::Flag(Flag::HeadTruncated));
        }
        let Some(mut head) = params::head(&std::mem::take(&mut request.params)) else {
            // Another role than a responder's, or the parameters that say what it asks for were not captured.
            out.push(Fact::Flag(Flag::BadHead));
            self.request = None;
            return self.begin_doubt();
        };
        request.told = true;
        (head.position, head.end, head.start, head.time) = (request.position, end, request.start, time);
        (head.doubtful, head.truncated) = (request.doubtful, truncated);
        out.push(Fact::Request(head));
    }

    fn answered(&mut self, record: Record, bytes: &[u8], unseen: u64, time: BootTime, out: &mut Vec<Fact>) {
        let Some(request) = self.request.as_mut().filter(|request| request.id == record.id && request.told)
        else {
            return;
        };
        if record.kind != STDOUT {
            return;
        }
        let mut bytes = bytes;
        if let Answer::Head(head, since) = &mut request.answer {
            let (before, start) = (head.len(), *since.get_or_insert(time));
            head.extend_from_slice(bytes.get(..ANSWER_BYTES - before.min(ANSWER_BYTES)).unwrap_or(bytes));
            let end = memchr::memmem::find(head, b"\r\n\r\n").map(|at| at + 4);
            if end.is_none() && unseen == 0 && head.len() < ANSWER_BYTES {
                return;
            }
            if let Some(status) = status(head, end.is_some()).filter(|_| !request.doubtful) {
                let request = request.position;
                out.push(Fact::Response(ResponseHead { request, status, minor_version: 1, start, time }));
            }
            let of_head = end.unwrap_or(before + bytes.len()).saturating_sub(before);
            bytes = bytes.get(of_head..).unwrap_or_default();
            request.answer = Answer::Body;
        }
        request.answer_bytes += bytes.len() as u64 + unseen;
    }

    fn ends_answer(&mut self, id: u16, time: BootTime, out: &mut Vec<Fact>) {
        self.answer_since_doubt = true;
        if self.request.as_ref().is_some_and(|request| request.id == id) {
            self.end(time, time, true, out);
        } else {
            out.push(Fact::Flag(Flag::OrphanResponse));
        }
    }

    fn abandon(&mut self, since: BootTime, time: BootTime, out: &mut Vec<Fact>) {
        if self.unanswered() > 0 {
            out.push(Fact::Flag(Flag::Unanswered));
        }
        self.end(since, time, false, out);
    }

    fn end(&mut self, since: BootTime, time: BootTime, complete: bool, out: &mut Vec<Fact>) {
        let Some(request) = self.request.take() else { return };
        self.closing = !request.keep;
        if !request.told {
            return;
        }
        let complete = complete && !request.doubtful;
        let response_body_bytes = if request.doubtful { 0 } else { request.answer_bytes };
        out.push(Fact::Ended(Ended {
            request: request.position,
            since,
            time,
            response_body_bytes,
            complete,
        }));
    }

    fn begin_doubt(&mut self) {
        (self.doubt, self.answer_since_doubt) = (true, false);
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
}

/// What `Status:` says, or its default (RFC 3875 section 6.3.3); [`None`]: it may be in what was not captured.
fn status(head: &[u8], whole: bool) -> Option<u16> {
    let mut lines = head.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let name = b"status:";
    let said = lines.find_map(|line| {
        let (key, value) = line.split_at_checked(name.len())?;
        key.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
    });
    match said {
        Some(value) => std::str::from_utf8(value.get(..3)?).ok()?.parse().ok(),
        None => whole.then_some(200),
    }
}
