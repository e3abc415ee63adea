//! What the kernel half captured of a connection, cut into what was not read before.
use crate::fact::{Fact, Flag};
use guardbee_model::{clock::BootTime, event::Direction};

/// Bytes that one call moved.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    /// Which way, seen from the process that moved them.
    pub direction: Direction,
    /// Of the first byte.
    pub position: u64,
    /// Bytes moved.
    pub length: u32,
    /// The first of them, as far as captured.
    pub bytes: &'a [u8],
    /// When.
    pub time: BootTime,
}

impl<'a> Chunk<'a> {
    /// Behind its last byte.
    pub(crate) fn end(&self) -> u64 {
        self.position.saturating_add(u64::from(self.length))
    }

    /// What of it lies at `next` and behind: all of it, if there was none before. [`None`]: nothing.
    pub(crate) fn fresh(&self, next: Option<u64>, out: &mut Vec<Fact>) -> Option<Input<'a>> {
        let next = next.unwrap_or(self.position);
        if self.length == 0 {
            return None;
        }
        if self.end() <= next {
            out.push(Fact::Flag(Flag::Overlap));
            return None;
        }
        let length = usize::try_from(self.length).unwrap_or(usize::MAX);
        let mut bytes = self.bytes.get(..length).unwrap_or(self.bytes);
        let mut position = self.position;
        if let Some(known @ 1..) = next.checked_sub(position) {
            out.push(Fact::Flag(Flag::Overlap));
            bytes = bytes.get(usize::try_from(known).unwrap_or(usize::MAX)..).unwrap_or_default();
            position = next;
        }
        let skip = (self.end() - position).saturating_sub(bytes.len() as u64);
        Some(Input { position, bytes, skip, time: self.time, at_start: true, requests: false })
    }
}

/// Bytes to be read: some known, then some of which only the number is.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    pub(crate) position: u64,
    pub(crate) bytes: &'a [u8],
    pub(crate) skip: u64,
    pub(crate) time: BootTime,
    /// Nothing of the chunk has been read yet.
    pub(crate) at_start: bool,
    /// Requests are known to go this way.
    pub(crate) requests: bool,
}

impl Input<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.skip == 0
    }

    pub(crate) fn advance(&mut self, count: usize) {
        self.bytes = self.bytes.get(count..).unwrap_or_default();
        self.position = self.position.saturating_add(count as u64);
        self.at_start &= count == 0;
    }

    /// Passes over what was not captured, at most `count` of it.
    pub(crate) fn pass(&mut self, count: u64) {
        let count = count.min(self.skip);
        self.position = self.position.saturating_add(count);
        self.skip -= count;
        self.at_start &= count == 0;
    }

    pub(crate) fn skip_to_end(&mut self) {
        self.advance(self.bytes.len());
        self.pass(self.skip);
    }
}

pub(crate) fn other(direction: Direction) -> Direction {
    match direction {
        Direction::Received => Direction::Sent,
        Direction::Sent => Direction::Received,
    }
}
