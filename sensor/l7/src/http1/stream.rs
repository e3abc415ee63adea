//! One direction of a connection: heads and bodies, one after another.
//!
//! What the bytes mean for the pairing of requests and answers is [`super::Connection`]'s business: a stream stops at
//! each head and is told how its body is framed.
use super::{
    body::{Body, Framing, Progress},
    head::{self, Head, Looks},
};
use crate::{chunk::Input, fact::Flag};
use guardbee_model::clock::BootTime;

/// A longer head is cut there, as if the rest had not been captured.
pub(crate) const HEAD_BYTES: usize = 16 * 1024;

/// What a stream came to.
#[derive(Debug)]
pub(crate) enum Item {
    /// A head; [`Stream::begin`] says what follows it.
    Head(FoundHead),
    /// The last byte of a body.
    BodyEnd { position: u64, bytes: u64 },
    /// The thread is lost: the next head is looked for where a turn begins. `mid_body`: of a body that had begun.
    Lost { flag: Flag, mid_body: bool },
    /// Bytes went by while lost: any messages may have been in them.
    Unread,
}

/// A head and where it was.
#[derive(Debug)]
pub(crate) struct FoundHead {
    pub(crate) head: Head,
    pub(crate) position: u64,
    pub(crate) end: u64,
    pub(crate) start: BootTime,
}

#[derive(Debug)]
enum State {
    /// At the beginning of a message or within its head. `resumed`: the first after bytes were lost, on trial.
    Head {
        resumed: bool,
    },
    Body(Body),
    /// Looking for a head where a chunk begins, once `turned`.
    Lost {
        turned: bool,
    },
    /// Something else is spoken here.
    Opaque,
}

/// One direction.
#[derive(Debug)]
pub(crate) struct Stream {
    state: State,
    /// Position of the next byte; [`None`]: wherever the first chunk begins.
    pub(crate) next: Option<u64>,
    /// The head so far, if it came in parts.
    partial: Vec<u8>,
    partial_at: (u64, BootTime),
}

impl Stream {
    /// `middle`: the first chunk may be anything.
    pub(crate) fn new(middle: bool) -> Self {
        let state = if middle { State::Lost { turned: true } } else { State::Head { resumed: false } };
        let next = if middle { None } else { Some(0) };
        Self { state, next, partial: Vec::new(), partial_at: Default::default() }
    }

    /// What follows the head that was just found.
    pub(crate) fn begin(&mut self, framing: Framing) {
        self.state = match Body::new(framing) {
            Some(body) => State::Body(body),
            None if framing == Framing::Unknown => State::Lost { turned: false },
            None => State::Head { resumed: false },
        };
    }

    /// Nothing of HTTP/1 is to be expected any more.
    pub(crate) fn make_opaque(&mut self) {
        self.partial = Vec::new();
        self.state = State::Opaque;
    }

    /// The thread is lost without a gap: what is under way is not worth following.
    pub(crate) fn lose(&mut self) {
        if !matches!(self.state, State::Opaque | State::Lost { .. }) {
            self.partial.clear();
            self.state = State::Lost { turned: false };
        }
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.partial.len()
    }

    pub(crate) fn is_opaque(&self) -> bool {
        matches!(self.state, State::Opaque)
    }

    /// Within a body that is followed byte by byte.
    pub(crate) fn body(&self) -> Option<&Body> {
        match &self.state {
            State::Body(body) => Some(body),
            _ => None,
        }
    }

    /// Bytes went the other way: where this direction goes on, a message may begin.
    pub(crate) fn turn(&mut self) -> Option<Item> {
        match &mut self.state {
            State::Lost { turned } => *turned = true,
            State::Head { resumed: true } if !self.partial.is_empty() => {
                self.partial.clear();
                self.state = State::Lost { turned: true };
                return Some(Item::Unread);
            }
            _ => {}
        }
        None
    }

    /// `count` bytes never got here. What the next chunk begins with may be anything.
    pub(crate) fn gap(&mut self, count: u64) -> Option<Item> {
        let mid_body = match &mut self.state {
            State::Opaque => return None,
            State::Lost { turned } => {
                *turned = true;
                return Some(Item::Lost { flag: Flag::Gap, mid_body: false });
            }
            State::Body(body) => {
                // Up to its very last byte: when that was there is then unknown, and so it counts as lost.
                if body.skip(count) == Progress::More {
                    return None;
                }
                true
            }
            State::Head { .. } => false,
        };
        self.partial.clear();
        self.state = State::Lost { turned: true };
        Some(Item::Lost { flag: Flag::Gap, mid_body })
    }

    /// Reads on; [`None`]: all of `input` is read.
    pub(crate) fn step(&mut self, input: &mut Input<'_>) -> Option<Item> {
        loop {
            if input.is_empty() {
                return None;
            }
            match &mut self.state {
                State::Opaque => input.skip_to_end(),
                State::Lost { turned } => {
                    if *turned && input.at_start && resumes(input) {
                        self.state = State::Head { resumed: true };
                    } else {
                        if !input.bytes.is_empty() {
                            // The turn is used up: what follows in this direction is its continuation.
                            *turned = false;
                        }
                        input.skip_to_end();
                        return Some(Item::Unread);
                    }
                }
                State::Body(_) => {
                    if let Some(item) = self.step_body(input) {
                        return Some(item);
                    }
                }
                State::Head { .. } => {
                    if let Some(item) = self.step_head(input) {
                        return Some(item);
                    }
                }
            }
        }
    }

    fn step_body(&mut self, input: &mut Input<'_>) -> Option<Item> {
        let State::Body(body) = &mut self.state else { return None };
        let unseen = input.bytes.is_empty();
        let progress = if unseen {
            let progress = body.skip(input.skip);
            let taken = if let Progress::Done(taken) = progress { taken } else { input.skip };
            input.pass(taken);
            progress
        } else {
            let progress = body.feed(input.bytes);
            let taken = match progress {
                Progress::Done(taken) => usize::try_from(taken).unwrap_or(input.bytes.len()),
                _ => input.bytes.len(),
            };
            input.advance(taken);
            progress
        };
        match progress {
            Progress::More => None,
            Progress::Done(_) => {
                let bytes = body.bytes;
                self.state = State::Head { resumed: false };
                Some(Item::BodyEnd { position: input.position, bytes })
            }
            Progress::Bad => {
                let flag = if unseen { Flag::Uncaptured } else { Flag::BadChunk };
                input.skip_to_end();
                self.state = State::Lost { turned: false };
                Some(Item::Lost { flag, mid_body: true })
            }
        }
    }

    fn step_head(&mut self, input: &mut Input<'_>) -> Option<Item> {
        if self.partial.is_empty() {
            // Empty lines before a start line (RFC 9112 section 2.2).
            let empty = input.bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            input.advance(empty);
            self.partial_at = (input.position, input.time);
        }
        if input.bytes.is_empty() {
            return (input.skip > 0).then(|| self.cut(input, Flag::HeadTruncated));
        }
        let before = self.partial.len();
        let room = HEAD_BYTES.saturating_sub(before).min(input.bytes.len());
        let fresh = input.bytes.get(..room).unwrap_or_default();
        if before == 0
            && let Some((head, length)) = head::regular(fresh)
        {
            input.advance(length);
            return Some(self.found(head, input.position));
        }
        if before == 0
            && let Some(end) = head::end(fresh, 0)
        {
            let whole = fresh.get(..end).unwrap_or_default();
            input.advance(end);
            return Some(self.whole(whole, input));
        }
        self.partial.extend_from_slice(fresh);
        if let Some(end) = head::end(&self.partial, before) {
            let mut whole = std::mem::take(&mut self.partial);
            whole.truncate(end);
            input.advance(end.saturating_sub(before));
            return Some(self.whole(&whole, input));
        }
        input.advance(room);
        match head::looks(&self.partial) {
            Looks::Other => Some(self.refuse(input, Flag::BadHead)),
            Looks::Http2 => Some(self.refuse(input, Flag::Http2)),
            _ if self.partial.len() >= HEAD_BYTES => Some(self.cut(input, Flag::HeadTooLong)),
            _ => None,
        }
    }

    fn whole(&mut self, bytes: &[u8], input: &mut Input<'_>) -> Item {
        let looks = head::looks(bytes);
        match head::parse(bytes).filter(|_| matches!(looks, Looks::Request | Looks::Response)) {
            Some(head) => self.found(head, input.position),
            None => self.refuse(input, if looks == Looks::Http2 { Flag::Http2 } else { Flag::BadHead }),
        }
    }

    /// The rest of the head is not there: what was captured of it is still worth reading.
    fn cut(&mut self, input: &mut Input<'_>, flag: Flag) -> Item {
        let partial = std::mem::take(&mut self.partial);
        input.skip_to_end();
        if partial.is_empty() {
            self.state = State::Lost { turned: false };
            return Item::Lost { flag: Flag::Uncaptured, mid_body: false };
        }
        match head::parse_truncated(&partial) {
            Some(head) => self.found(head, input.position),
            None => self.refuse(input, flag),
        }
    }

    fn found(&mut self, head: Head, end: u64) -> Item {
        let (position, start) = self.partial_at;
        self.state = State::Lost { turned: false };
        Item::Head(FoundHead { head, position, end, start })
    }

    fn refuse(&mut self, input: &mut Input<'_>, flag: Flag) -> Item {
        self.partial.clear();
        input.skip_to_end();
        self.state = State::Lost { turned: false };
        Item::Lost { flag, mid_body: false }
    }
}

/// Whether a lost stream may go on here: with a head, whose first line is all there unless a request is due.
fn resumes(input: &Input<'_>) -> bool {
    let empty = input.bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let bytes = input.bytes.get(empty..).unwrap_or_default();
    match head::looks(bytes) {
        Looks::Request | Looks::Response => input.requests || bytes.contains(&b'\n'),
        Looks::Short => input.requests && !bytes.is_empty(),
        Looks::Http2 | Looks::Other => false,
    }
}
