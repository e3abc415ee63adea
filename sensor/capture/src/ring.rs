//! Reader of a `BPF_MAP_TYPE_RINGBUF` by mapped memory alone: `bpf()` is not needed.
//!
//! Layout (kernel/bpf/ringbuf.c): a page with the consumer's position, writable; a page with the producer's position;
//! the data, mapped twice in a row so that a record may run over the end. A record is a length word (bit 31: being
//! written, bit 30: to be skipped), a word for the kernel, the bytes, and padding to a multiple of 8.
use crate::{
    Error,
    memory::{Access, Mapping, page_size},
};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

const BUSY: u32 = 1 << 31;
const DISCARD: u32 = 1 << 30;
const HEADER_BYTES: u64 = 8;

/// What one drain did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Records given out.
    pub records: u64,
    /// Bytes consumed, headers and padding included.
    pub bytes: u64,
    /// Lengths that made no sense; for each, everything up to the producer's position was skipped.
    pub malformed: u64,
    /// What is still there.
    pub left: Left,
}

/// What a drain left in the ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Left {
    /// Nothing that was there when it began.
    #[default]
    Nothing,
    /// A record that is being written, and what is behind it.
    Busy,
    /// What was over the budget.
    Budget,
}

/// What a walk needs of a ring; offsets are into the data and below [`View::size`].
pub(crate) trait View {
    /// Bytes of data, a power of two.
    fn size(&self) -> u64;
    /// The producer's position.
    fn producer(&self) -> u64;
    /// The length word of the record at an offset that is a multiple of 8.
    fn word(&self, offset: u64) -> u32;
    /// Replaces `to` by bytes, which may run over the end by less than the size; false: they can't be had.
    fn copy(&self, offset: u64, length: u64, to: &mut Vec<u8>) -> bool;
    /// Gives everything before `position` back to the producer.
    fn release(&self, position: u64);
}

/// Gives every committed record between `at` and the producer's position to `take`, until `budget` bytes are consumed,
/// and then their room back to the producer, once: the consumer's position is in a cache line that every producer reads.
/// Total: whatever the ring holds, it ends, and reads nothing outside.
pub(crate) fn walk(
    view: &impl View,
    at: &mut u64,
    budget: u64,
    scratch: &mut Vec<u8>,
    mut take: impl FnMut(&[u8]),
) -> Drained {
    let (size, end) = (view.size(), view.producer());
    let mut drained = Drained::default();
    while *at != end {
        if drained.bytes >= budget {
            drained.left = Left::Budget;
            break;
        }
        let there = end.wrapping_sub(*at);
        let offset = *at & (size - 1);
        let sane = there <= size && offset.is_multiple_of(8);
        let word = if sane { view.word(offset) } else { 0 };
        if word & BUSY != 0 {
            drained.left = Left::Busy;
            break;
        }
        let length = u64::from(word & !DISCARD);
        let whole = (HEADER_BYTES + length).next_multiple_of(8);
        if !sane || whole > there {
            drained.malformed += 1;
            *at = end;
            break;
        }
        if word & DISCARD == 0 && view.copy(offset + HEADER_BYTES, length, scratch) {
            drained.records += 1;
            take(scratch);
        }
        drained.bytes += whole;
        *at = at.wrapping_add(whole);
    }
    view.release(*at);
    drained
}

/// Replaces `to` by the record at `at`, which stays; false: none can be read there now.
pub(crate) fn peek(view: &impl View, at: u64, to: &mut Vec<u8>) -> bool {
    let (size, there) = (view.size(), view.producer().wrapping_sub(at));
    let offset = at & (size - 1);
    if there < HEADER_BYTES || there > size || !offset.is_multiple_of(8) {
        return false;
    }
    let word = view.word(offset);
    let length = u64::from(word & !(BUSY | DISCARD));
    let whole = (HEADER_BYTES + length).next_multiple_of(8);
    word & (BUSY | DISCARD) == 0 && whole <= there && view.copy(offset + HEADER_BYTES, length, to)
}

/// A ring that the kernel fills and this process reads.
#[derive(Debug)]
pub struct Ring {
    fd: OwnedFd,
    mapped: Mapped,
    at: u64,
    scratch: Vec<u8>,
}

impl Ring {
    /// Maps a ring of `size` bytes of data. Reading begins where the reader before this one ended.
    pub fn new(fd: OwnedFd, size: u32) -> Result<Self, Error> {
        let page = page_size();
        let bytes = usize::try_from(size).unwrap_or(0);
        if !size.is_power_of_two() || !bytes.is_multiple_of(page) {
            return Err(Error::RingSize { size });
        }
        let map = |what, offset, length, access| {
            Mapping::new(fd.as_fd(), offset, length, access).map_err(|source| Error::Map { what, source })
        };
        let consumer = map("a ring's consumer page", 0, page, Access::Write)?;
        let data = map("a ring's data", page, page + 2 * bytes, Access::Read)?;
        let at = consumer.u64(0).unwrap_or(0);
        let mapped = Mapped { consumer, data, page, size: u64::from(size) };
        Ok(Self { fd, mapped, at, scratch: Vec::new() })
    }

    /// Gives what is in the ring now to `take`, record by record, until `budget` bytes are consumed.
    pub fn drain(&mut self, budget: u64, take: impl FnMut(&[u8])) -> Drained {
        walk(&self.mapped, &mut self.at, budget, &mut self.scratch, take)
    }

    /// The next record, which stays in the ring; [`None`]: there is none, or not yet.
    pub fn peek(&mut self) -> Option<&[u8]> {
        let Self { mapped, at, scratch, .. } = self;
        peek(mapped, *at, scratch).then_some(&**scratch)
    }

    /// Bytes of data that it holds at most.
    pub fn size(&self) -> u64 {
        self.mapped.size
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[derive(Debug)]
struct Mapped {
    consumer: Mapping,
    /// The producer's page and twice the data.
    data: Mapping,
    page: usize,
    size: u64,
}

impl Mapped {
    fn index(&self, offset: u64) -> Option<usize> {
        usize::try_from(offset).ok()?.checked_add(self.page)
    }
}

impl View for Mapped {
    fn size(&self) -> u64 {
        self.size
    }

    fn producer(&self) -> u64 {
        self.data.u64(0).unwrap_or(0)
    }

    fn word(&self, offset: u64) -> u32 {
        self.index(offset).and_then(|index| self.data.u32(index)).unwrap_or(BUSY)
    }

    fn copy(&self, offset: u64, length: u64, to: &mut Vec<u8>) -> bool {
        let (Some(start), Some(end)) = (self.index(offset), self.index(offset.saturating_add(length))) else {
            return false;
        };
        self.data.copy(start..end, to)
    }

    fn release(&self, position: u64) {
        self.consumer.set_u64(0, position);
    }
}

#[cfg(test)]
mod tests;
