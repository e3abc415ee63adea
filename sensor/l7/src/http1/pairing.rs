//! Requests and their answers, in order: what a head, an end and a loss mean for the pairing.
use super::{
    Connection, Method, PENDING, Pending,
    body::Framing,
    head::{Start, Status},
    stream::FoundHead,
};
use crate::{
    chunk::other,
    fact::{Ended, Fact, Flag, RequestHead, ResponseHead},
};
use guardbee_model::{clock::BootTime, event::Direction};

impl Connection {
    pub(super) fn found(
        &mut self,
        direction: Direction,
        found: FoundHead,
        time: BootTime,
        out: &mut Vec<Fact>,
    ) {
        self.virgin = false;
        if found.head.odd {
            out.push(Fact::Flag(Flag::OddHead));
        }
        if found.head.truncated {
            out.push(Fact::Flag(Flag::HeadTruncated));
        } else if found.head.framing == Framing::Unknown {
            out.push(Fact::Flag(Flag::AmbiguousLength));
        }
        let carries_requests = match &found.head.start {
            Start::Request(_) => direction,
            Start::Response(_) => other(direction),
        };
        if *self.requests.get_or_insert(carries_requests) != carries_requests {
            out.push(Fact::Flag(Flag::WrongSide));
            return self.lost(direction, Flag::BadHead, false, time, out);
        }
        match found.head.start {
            Start::Response(status) => self.response(status, &found, time, out),
            Start::Request(mut head) => {
                (head.position, head.end, head.start, head.time) =
                    (found.position, found.end, found.start, time);
                head.truncated = found.head.truncated;
                self.request(head, found.head.framing, out);
            }
        }
    }

    fn request(&mut self, mut head: Box<RequestHead>, framing: Framing, out: &mut Vec<Fact>) {
        let (position, time) = (head.position, head.time);
        if self.closing {
            // The answer before said that it is the last: a server that lingers reads this only to drop it.
            self.requests_stream().make_opaque();
            return out.push(Fact::Flag(Flag::AfterClose));
        }
        self.settle_unseen_end(time, out);
        if self.pending.len() >= PENDING {
            out.push(Fact::Flag(Flag::PipelineFull));
            self.abandon_all(time, time, out);
            self.begin_doubt();
        }
        let lock_step = self.pending.is_empty() && self.answer_since_doubt && !self.pipelined;
        if self.doubt && lock_step && self.answers().body().is_none() {
            self.doubt = false;
        }
        let doubtful = self.doubt;
        if doubtful {
            out.push(Fact::Flag(Flag::Doubtful));
        }
        let (end, method) = (head.end, Method::of(&head.method));
        (head.doubtful, head.open_ended) = (doubtful, framing == Framing::Unknown);
        self.pending.push_back(Pending { position, method, doubtful, answering: false });
        out.push(Fact::Request(head));
        self.requests_stream().begin(framing);
        match framing {
            Framing::Unknown => self.begin_doubt(),
            Framing::None | Framing::Length(0) => {
                out.push(Fact::RequestEnd { request: position, position: end, time, body_bytes: 0 });
            }
            _ => self.reading = Some(position),
        }
    }

    fn response(&mut self, said: Status, found: &FoundHead, time: BootTime, out: &mut Vec<Fact>) {
        let Status { code: status, minor_version, .. } = said;
        let interim = (100..200).contains(&status) && status != 101;
        let Some(front) = self.pending.front_mut() else {
            return self.orphan(interim, out);
        };
        if front.answering {
            // A second answer to one request: the thread was taken up at the wrong place.
            self.abandon_all(time, time, out);
            self.begin_doubt();
            return self.answers_stream().begin(Framing::Unknown);
        }
        let (request, method, doubtful) = (front.position, front.method, front.doubtful);
        if !doubtful {
            out.push(Fact::Response(ResponseHead {
                request,
                status,
                minor_version,
                start: found.start,
                time,
            }));
        }
        if interim && found.head.truncated {
            // The final answer may be in what was not captured.
            self.abandon_all(time, time, out);
            self.begin_doubt();
            return self.answers_stream().begin(Framing::Unknown);
        }
        if interim {
            return self.answers_stream().begin(Framing::None);
        }
        self.answer_since_doubt = true;
        front.answering = true;
        if self.pending.len() > 1 && !self.pipelined {
            // Certain only now: an answer may have been lost between two requests, but none between two answers.
            self.pipelined = true;
            out.push(Fact::Flag(Flag::Pipelined));
        }
        (self.answering_until, self.answer_bytes) = (time, 0);
        if status == 101 || (method == Method::Connect && (200..300).contains(&status)) {
            return self.upgrade(time, out);
        }
        let framing = match found.head.framing {
            Framing::Unknown if found.head.truncated => Framing::Unknown,
            _ if method == Method::Head || matches!(status, 204 | 304) => Framing::None,
            framing => framing,
        };
        self.closing = closes(said, found.head.truncated, framing);
        self.answers_stream().begin(framing);
        match framing {
            Framing::None | Framing::Length(0) => self.end_front(time, time, true, out),
            Framing::Unknown => self.answering_until = time,
            _ => {}
        }
    }

    /// From here on something else is spoken.
    fn upgrade(&mut self, time: BootTime, out: &mut Vec<Fact>) {
        out.push(Fact::Flag(Flag::Upgraded));
        self.end_front(time, time, true, out);
        self.abandon_all(time, time, out);
        self.received.make_opaque();
        self.sent.make_opaque();
    }

    /// An answer to a request that was never seen. Whether it has a body (HEAD?) only the peer knows.
    fn orphan(&mut self, interim: bool, out: &mut Vec<Fact>) {
        out.push(Fact::Flag(Flag::OrphanResponse));
        if !self.doubt {
            self.begin_doubt();
        }
        self.answer_since_doubt |= !interim;
        self.answers_stream().begin(if interim { Framing::None } else { Framing::Unknown });
    }

    /// One direction can't be followed any further for now.
    pub(super) fn lost(
        &mut self,
        direction: Direction,
        flag: Flag,
        mid_body: bool,
        time: BootTime,
        out: &mut Vec<Fact>,
    ) {
        out.push(Fact::Flag(flag));
        if flag == Flag::Http2 || (self.virgin && flag == Flag::BadHead) {
            out.extend((flag != Flag::Http2).then_some(Fact::Flag(Flag::NotHttp)));
            self.received.make_opaque();
            self.sent.make_opaque();
            return;
        }
        self.virgin = false;
        self.stream_mut(direction).lose();
        if self.requests.is_none_or(|requests| requests == direction) {
            // What was read before keeps its answers; what comes now may have others before it.
            self.reading = None;
            self.begin_doubt();
        } else if flag == Flag::Gap || !mid_body {
            // Bytes that were not captured are of now; those of a gap are of any time since the last ones.
            let since = if flag == Flag::Gap { self.last_time(time) } else { time };
            self.abandon_all(since, time, out);
            self.begin_doubt();
        } else {
            // The end of the answer in progress is somewhere in these bytes, or behind them.
            self.answering_until = time;
        }
    }

    pub(super) fn begin_doubt(&mut self) {
        self.doubt = true;
        self.answer_since_doubt = false;
    }

    /// A request arrives: an answer whose end could not be seen is over, if nobody pipelines.
    pub(super) fn settle_unseen_end(&mut self, time: BootTime, out: &mut Vec<Fact>) {
        if !self.end_unseen() {
            return;
        }
        if self.pending.len() == 1 {
            self.end_front(self.answering_until, time, false, out);
        } else {
            self.abandon_all(self.last_time(time), time, out);
            self.begin_doubt();
        }
    }

    /// The first outstanding request is answered.
    pub(super) fn end_front(&mut self, since: BootTime, time: BootTime, complete: bool, out: &mut Vec<Fact>) {
        let Some(front) = self.pending.pop_front() else { return };
        let complete = complete && !front.doubtful;
        let response_body_bytes = if front.doubtful { 0 } else { self.answer_bytes };
        out.push(Fact::Ended(Ended { request: front.position, since, time, response_body_bytes, complete }));
        self.answer_bytes = 0;
    }

    /// No outstanding request will get its answer.
    pub(super) fn abandon_all(&mut self, unanswered_until: BootTime, time: BootTime, out: &mut Vec<Fact>) {
        if let Some(body) = self.answers().body() {
            self.answer_bytes = body.bytes;
        }
        while let Some(front) = self.pending.front() {
            let since = if front.answering { self.answering_until } else { unanswered_until };
            out.push(Fact::Flag(Flag::Unanswered));
            self.end_front(since, time, false, out);
        }
    }
}

/// Whether a response says that nothing follows it (RFC 9112 section 9.3).
fn closes(said: Status, truncated: bool, framing: Framing) -> bool {
    framing == Framing::Close || said.close || (said.minor_version == 0 && !truncated && !said.keep_alive)
}
