//! What was done with what the rings gave, by mapped memory that outlives this process: see [`guardbee_wire::Ledger`].
use crate::{
    Error,
    memory::{Access, Mapping},
};
use guardbee_wire::{EVENT_KINDS, LEDGER_BYTES, Ledger};
use std::{mem::offset_of, os::fd::BorrowedFd};

/// Counts by kind; index: the kind's number, 0: no kind of this ABI.
pub type Counts = [u64; EVENT_KINDS];
/// Nothing yet.
pub const NO_COUNTS: Counts = [0; EVENT_KINDS];

/// The half that the capture writes.
#[derive(Debug)]
pub struct Taken {
    memory: Mapping,
    counts: Counts,
}

/// The half that whoever seals writes.
#[derive(Debug)]
pub struct Settled {
    memory: Mapping,
}

/// Maps a ledger; gives its halves, and what it says of the pipelines before this one.
pub fn open(fd: BorrowedFd<'_>) -> Result<(Taken, Settled, Ledger), Error> {
    let map = || {
        Mapping::new(fd, 0, LEDGER_BYTES, Access::Write)
            .map_err(|source| Error::Map { what: "the ledger", source })
    };
    let (taken, settled) = (map()?, map()?);
    let read = |offset: usize| -> Counts {
        std::array::from_fn(|kind| taken.u64(offset + kind * size_of::<u64>()).unwrap_or(0))
    };
    let before =
        Ledger { taken: read(offset_of!(Ledger, taken)), settled: read(offset_of!(Ledger, settled)) };
    Ok((Taken { memory: taken, counts: before.taken }, Settled { memory: settled }, before))
}

impl Taken {
    /// Counts one record of this kind; told by the next [`Taken::store`].
    pub(crate) fn add(&mut self, kind: u16) {
        *slot(&mut self.counts, kind) += 1;
    }

    /// To be called where records are given back to the ring: what isn't given back is taken again after a crash.
    pub(crate) fn store(&self) {
        store(&self.memory, offset_of!(Ledger, taken), &self.counts);
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }
}

impl Settled {
    /// Tells that the sinks have everything that came of these.
    pub fn store(&self, counts: &Counts) {
        store(&self.memory, offset_of!(Ledger, settled), counts);
    }
}

/// The count of a kind; numbers without a name share the first.
pub(crate) fn slot(counts: &mut Counts, kind: u16) -> &mut u64 {
    let [unknown, named @ ..] = counts;
    match usize::from(kind).checked_sub(1) {
        Some(index) => named.get_mut(index).unwrap_or(unknown),
        None => unknown,
    }
}

fn store(memory: &Mapping, offset: usize, counts: &Counts) {
    for (kind, count) in counts.iter().enumerate() {
        memory.set_u64(offset + kind * size_of::<u64>(), *count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::memfd::{MFdFlags, memfd_create};
    use std::os::fd::AsFd as _;

    #[test]
    fn the_next_reader_goes_on_where_this_one_ended() {
        let file = memfd_create(c"ledger", MFdFlags::MFD_CLOEXEC).unwrap();
        nix::unistd::ftruncate(&file, i64::try_from(LEDGER_BYTES).unwrap()).unwrap();
        let (mut taken, settled, before) = open(file.as_fd()).unwrap();
        assert_eq!(before, Ledger::default());
        for kind in [2, 2, 2, 8, 0, u16::MAX] {
            taken.add(kind);
        }
        taken.store();
        taken.add(2);
        let mut done = NO_COUNTS;
        done[2] = 1;
        settled.store(&done);
        drop((taken, settled));
        let (mut taken, _, before) = open(file.as_fd()).unwrap();
        assert_eq!(
            (before.taken[2], before.taken[8], before.taken[0]),
            (3, 1, 2),
            "what was not stored is not told"
        );
        assert_eq!((before.settled[2], before.settled[8]), (1, 0));
        taken.add(2);
        assert_eq!(taken.counts()[2], 4);
    }
}
