//! One direction of a FastCGI connection: records, one after another (specification 1.0, section 3.3).
use crate::{chunk::Input, fact::Flag};
use guardbee_model::clock::BootTime;

pub(crate) const BEGIN_REQUEST: u8 = 1;
pub(crate) const ABORT_REQUEST: u8 = 2;
pub(crate) const END_REQUEST: u8 = 3;
pub(crate) const PARAMS: u8 = 4;
pub(crate) const STDIN: u8 = 5;
pub(crate) const STDOUT: u8 = 6;
const STDERR: u8 = 7;
/// `FCGI_UNKNOWN_TYPE`: the largest type.
const LAST_TYPE: u8 = 11;
const HEADER_BYTES: usize = 8;

/// `FCGI_Header` without its version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) kind: u8,
    /// Of the request; 0: of the connection itself.
    pub(crate) id: u16,
    /// Bytes of its content.
    pub(crate) length: u16,
    padding: u8,
}

impl Record {
    fn parse(bytes: [u8; HEADER_BYTES]) -> Option<Self> {
        let [version, kind, id1, id0, length1, length0, padding, _] = bytes;
        let id = u16::from_be_bytes([id1, id0]);
        let length = u16::from_be_bytes([length1, length0]);
        (version == 1 && (1..=LAST_TYPE).contains(&kind)).then_some(Self { kind, id, length, padding })
    }
}

/// Whether a request begins with these bytes: the header of a `BEGIN_REQUEST` record and of nothing else.
pub(crate) fn begins(bytes: &[u8]) -> bool {
    bytes.first_chunk().copied().and_then(Record::parse).is_some_and(|record| {
        record.kind == BEGIN_REQUEST && record.id != 0 && record.length == 8 && record.padding == 0
    })
}

/// Whether a lost stream may go on here.
fn resumes(input: &Input<'_>) -> bool {
    let answers = |bytes: &[u8]| {
        let record = bytes.first_chunk().copied().and_then(Record::parse);
        record.is_some_and(|record| record.id != 0 && matches!(record.kind, STDOUT | STDERR | END_REQUEST))
    };
    if input.requests { begins(input.bytes) } else { answers(input.bytes) }
}

/// What a stream came to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Item<'a> {
    /// The header of a record, whose first byte was at `position`.
    Header { record: Record, position: u64, start: BootTime },
    /// Some of its content; what was not captured is a number.
    Content { record: Record, bytes: &'a [u8], unseen: u64 },
    /// All of its content is there; `position`: behind it.
    End { record: Record, position: u64 },
    /// The thread is lost at `position`: the next message is looked for where a turn begins.
    Lost { flag: Flag, position: u64 },
    /// Bytes went by while lost: anything may have been in them.
    Unread,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Header,
    Content { record: Record, left: u16 },
    Padding { left: u8 },
    Lost { turned: bool },
    Opaque,
}

/// One direction.
#[derive(Debug)]
pub(crate) struct Stream {
    state: State,
    /// Position of the next byte; [`None`]: wherever the first chunk begins.
    pub(crate) next: Option<u64>,
    header: [u8; HEADER_BYTES],
    /// Bytes of `header` that are there.
    have: usize,
    header_at: (u64, BootTime),
}

impl Stream {
    /// `next`: where it goes on; [`None`]: nothing is known of what was before.
    pub(crate) fn new(next: Option<u64>) -> Self {
        let state = if next.is_some() { State::Header } else { State::Lost { turned: true } };
        Self { state, next, header: [0; HEADER_BYTES], have: 0, header_at: Default::default() }
    }

    pub(crate) fn make_opaque(&mut self) {
        self.state = State::Opaque;
    }

    pub(crate) fn is_opaque(&self) -> bool {
        matches!(self.state, State::Opaque)
    }

    /// Bytes went the other way: where this direction goes on, a message may begin.
    pub(crate) fn turn(&mut self) {
        if let State::Lost { turned } = &mut self.state {
            *turned = true;
        }
    }

    /// `count` bytes never got here. Within the content of a record they are only missing.
    pub(crate) fn gap(&mut self, count: u64) -> Option<Item<'static>> {
        if let State::Content { record, left } = &mut self.state
            && let Some(rest) = u64::from(*left).checked_sub(count).filter(|rest| *rest > 0)
        {
            *left = u16::try_from(rest).unwrap_or_default();
            return Some(Item::Content { record: *record, bytes: &[], unseen: count });
        }
        if self.is_opaque() {
            return None;
        }
        self.have = 0;
        self.state = State::Lost { turned: true };
        Some(Item::Lost { flag: Flag::Gap, position: self.next.unwrap_or(0) })
    }

    /// Reads on; [`None`]: all of `input` is read.
    pub(crate) fn step<'a>(&mut self, input: &mut Input<'a>) -> Option<Item<'a>> {
        loop {
            match self.state {
                State::Content { record, left: 0 } => {
                    self.state = State::Padding { left: record.padding };
                    return Some(Item::End { record, position: input.position });
                }
                State::Padding { left: 0 } => self.state = State::Header,
                _ if input.is_empty() => return None,
                State::Opaque => input.skip_to_end(),
                State::Padding { left } => {
                    let (bytes, unseen) = take(input, left.into());
                    let taken = u8::try_from(bytes.len() as u64 + unseen).unwrap_or(left);
                    self.state = State::Padding { left: left.saturating_sub(taken) };
                }
                State::Content { record, left } => {
                    let (bytes, unseen) = take(input, left);
                    let taken = u16::try_from(bytes.len() as u64 + unseen).unwrap_or(left);
                    self.state = State::Content { record, left: left.saturating_sub(taken) };
                    return Some(Item::Content { record, bytes, unseen });
                }
                State::Header => {
                    if let Some(item) = self.step_header(input) {
                        return Some(item);
                    }
                }
                State::Lost { turned } => {
                    if turned && input.at_start && resumes(input) {
                        (self.state, self.have) = (State::Header, 0);
                        continue;
                    }
                    // The turn is used up: what follows in this direction is its continuation.
                    self.state = State::Lost { turned: turned && input.bytes.is_empty() };
                    input.skip_to_end();
                    return Some(Item::Unread);
                }
            }
        }
    }

    fn step_header(&mut self, input: &mut Input<'_>) -> Option<Item<'static>> {
        if self.have == 0 {
            self.header_at = (input.position, input.time);
        }
        if input.bytes.is_empty() {
            input.skip_to_end();
            return Some(self.lose(Flag::Uncaptured));
        }
        let (Some(room), have) = (self.header.get_mut(self.have..), self.have) else { return None };
        let count = room.len().min(input.bytes.len());
        if let (Some(to), Some(from)) = (room.get_mut(..count), input.bytes.get(..count)) {
            to.copy_from_slice(from);
        }
        input.advance(count);
        self.have = have + count;
        if self.have < HEADER_BYTES {
            return None;
        }
        self.have = 0;
        let Some(record) = Record::parse(self.header) else {
            input.skip_to_end();
            return Some(self.lose(Flag::BadHead));
        };
        self.state = State::Content { record, left: record.length };
        let (position, start) = self.header_at;
        Some(Item::Header { record, position, start })
    }

    fn lose(&mut self, flag: Flag) -> Item<'static> {
        self.have = 0;
        self.state = State::Lost { turned: false };
        Item::Lost { flag, position: self.header_at.0 }
    }
}

/// At most `most` bytes of `input`: those that are known, else a number of those that are not.
fn take<'a>(input: &mut Input<'a>, most: u16) -> (&'a [u8], u64) {
    if input.bytes.is_empty() {
        let unseen = input.skip.min(most.into());
        input.pass(unseen);
        return (&[], unseen);
    }
    let count = input.bytes.len().min(most.into());
    let bytes = input.bytes.get(..count).unwrap_or_default();
    input.advance(count);
    (bytes, 0)
}
