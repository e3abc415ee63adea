//! Memory shared with the kernel: the only `unsafe` of this crate.
//!
//! No reference into shared memory leaves this module: words are loaded atomically, records are copied out. Whoever
//! decodes a record looks at bytes that nobody can change under it.
#![expect(unsafe_code, reason = "mapped memory that the kernel writes can't be had otherwise")]

use nix::{
    libc,
    sys::mman::{self, MapFlags, ProtFlags},
};
use std::{
    ffi::c_void,
    io,
    num::NonZeroUsize,
    ops::Range,
    os::fd::BorrowedFd,
    ptr::NonNull,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

/// Bytes of a page.
pub(crate) fn page_size() -> usize {
    // SAFETY: sysconf has no preconditions.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

/// What this process may do with a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// A shared mapping of a file descriptor, unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    address: NonNull<c_void>,
    length: usize,
    access: Access,
}

// SAFETY: the mapping belongs to the process, not to a thread, and nothing but `drop` takes it away.
unsafe impl Send for Mapping {}

impl Mapping {
    pub(crate) fn new(fd: BorrowedFd<'_>, offset: usize, length: usize, access: Access) -> io::Result<Self> {
        let nonzero = NonZeroUsize::new(length).ok_or(io::ErrorKind::InvalidInput)?;
        let offset = libc::off_t::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
        let protection = match access {
            Access::Read => ProtFlags::PROT_READ,
            Access::Write => ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
        };
        // SAFETY: no address is asked for, so that no existing mapping is replaced.
        let address = unsafe { mman::mmap(None, nonzero, protection, MapFlags::MAP_SHARED, fd, offset) }?;
        Ok(Self { address, length, access })
    }

    /// The word at a byte offset; what its writer did before storing it is seen after this. [`None`]: not inside, or
    /// not aligned.
    pub(crate) fn u64(&self, offset: usize) -> Option<u64> {
        let word = self.at::<AtomicU64>(offset)?;
        // SAFETY: `at` gave a pointer that is aligned and inside the mapping, which lives as long as `self`; an atomic
        // may be written by others at any time, and every bit pattern is a u64.
        Some(unsafe { word.as_ref() }.load(Ordering::Acquire))
    }

    /// Likewise, 32 bits.
    pub(crate) fn u32(&self, offset: usize) -> Option<u32> {
        let word = self.at::<AtomicU32>(offset)?;
        // SAFETY: as in `u64`.
        Some(unsafe { word.as_ref() }.load(Ordering::Acquire))
    }

    /// Stores a word; what was loaded before is done when the kernel sees it. Does nothing to a mapping made for
    /// reading, outside it, or unaligned.
    pub(crate) fn set_u64(&self, offset: usize, value: u64) {
        if self.access == Access::Write
            && let Some(word) = self.at::<AtomicU64>(offset)
        {
            // SAFETY: as in `u64`, and the mapping is writable.
            unsafe { word.as_ref() }.store(value, Ordering::Release);
        }
    }

    /// Replaces `to` by the bytes of a range; false: it is not inside.
    pub(crate) fn copy(&self, range: Range<usize>, to: &mut Vec<u8>) -> bool {
        to.clear();
        let Some(count) = range.end.checked_sub(range.start) else { return false };
        if range.end > self.length {
            return false;
        }
        to.reserve(count);
        // SAFETY: the source is inside the mapping (checked above), the target has room for `count` bytes and can't
        // overlap it, being memory of the allocator. The kernel doesn't write a committed record before the reader
        // released it; were it to, these would be other bytes, and any byte is a u8.
        unsafe {
            let from = self.address.cast::<u8>().add(range.start);
            from.copy_to_nonoverlapping(NonNull::new_unchecked(to.as_mut_ptr()), count);
            to.set_len(count);
        }
        true
    }

    fn at<T>(&self, offset: usize) -> Option<NonNull<T>> {
        let end = offset.checked_add(size_of::<T>())?;
        if end > self.length || !offset.is_multiple_of(align_of::<T>()) {
            return None;
        }
        // SAFETY: inside the mapping, checked above. The mapping begins at a page, so the alignment of the offset is
        // that of the address.
        Some(unsafe { self.address.cast::<u8>().add(offset) }.cast())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: address and length are those of a mapping that only this value knows.
        let unmapped = unsafe { mman::munmap(self.address, self.length) };
        debug_assert_eq!(unmapped, Ok(()));
    }
}
