//! The kernel half's counters, by mapped memory: what it produced and what it lost.
use crate::{
    Error,
    memory::{Access, Mapping},
};
use guardbee_model::{
    clock::BootTime,
    loss::{Loss, Stage},
};
use guardbee_wire::{CONTEXTS, CounterSlot, EVENT_KINDS, EventKind, LOSS_CAUSES, LossCause, RINGS};
use std::{mem::offset_of, os::fd::BorrowedFd};

/// The mapped counters: a `BPF_F_MMAPABLE` array of [`CounterSlot`], one for each (cpu, context).
#[derive(Debug)]
pub struct Counters {
    memory: Mapping,
    slots: usize,
}

/// The counters as they were at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// When; each slot was read at or after it.
    pub time: BootTime,
    /// At `cpu * CONTEXTS + context`.
    pub slots: Vec<CounterSlot>,
}

impl Counters {
    /// Maps the counters of `cpus` CPUs; the descriptor isn't needed afterwards.
    pub fn new(fd: BorrowedFd<'_>, cpus: usize) -> Result<Self, Error> {
        let slots = cpus.saturating_mul(CONTEXTS);
        let length = slots.saturating_mul(size_of::<CounterSlot>());
        let memory = Mapping::new(fd, 0, length, Access::Read)
            .map_err(|source| Error::Map { what: "the counters", source })?;
        Ok(Self { memory, slots })
    }

    /// CPUs that have slots.
    pub fn cpus(&self) -> usize {
        self.slots / CONTEXTS
    }

    /// Reads everything.
    pub fn snapshot(&self, time: BootTime) -> Snapshot {
        let mut snapshot = Snapshot { time, slots: Vec::new() };
        self.refresh(&mut snapshot, time);
        snapshot
    }

    /// The same in place of an earlier one: with many CPUs they are large.
    pub(crate) fn refresh(&self, snapshot: &mut Snapshot, time: BootTime) {
        snapshot.time = time;
        snapshot.slots.clear();
        snapshot.slots.extend((0..self.slots).map(|index| self.slot(index)));
    }

    /// Losses are read before sequences: what a loss took a number for is below the sequence's head.
    fn slot(&self, index: usize) -> CounterSlot {
        let mut slot = CounterSlot::default();
        let base = index * size_of::<CounterSlot>();
        let lost = slot.lost.as_flattened_mut();
        self.read(base + offset_of!(CounterSlot, lost), lost);
        self.read(base + offset_of!(CounterSlot, produced), &mut slot.produced);
        self.read(base + offset_of!(CounterSlot, fired), &mut slot.fired);
        self.read(base + offset_of!(CounterSlot, sequence), &mut slot.sequence);
        slot
    }

    fn read(&self, offset: usize, to: &mut [u64]) {
        for (index, word) in to.iter_mut().enumerate() {
            *word = self.memory.u64(offset + index * size_of::<u64>()).unwrap_or(0);
        }
    }
}

impl Snapshot {
    /// Attempts to give an event of this kind, lost ones included.
    pub fn produced(&self, kind: EventKind) -> u64 {
        self.sum(|slot| slot.produced.get(kind as usize))
    }

    /// Events of this kind that were lost to this cause.
    pub fn lost(&self, cause: LossCause, kind: EventKind) -> u64 {
        self.sum(|slot| slot.lost.get(cause as usize)?.get(kind as usize))
    }

    /// Runs of a program that passed their guard.
    pub fn fired(&self, program: usize) -> u64 {
        self.sum(|slot| slot.fired.get(program))
    }

    /// What was lost after `earlier`, by cause and kind. Numbers without a name are lost all the same.
    pub fn losses_since(&self, earlier: &Self, out: &mut Vec<Loss>) {
        let (now, before) = (self.all_lost(), earlier.all_lost());
        for (cause, (now, before)) in now.iter().zip(before).enumerate() {
            let cause_name =
                LossCause::ALL.into_iter().find(|c| *c as usize == cause).map_or("unknown", LossCause::name);
            for (kind, (now, before)) in (0_u16..).zip(now.iter().zip(before)) {
                let count = now.saturating_sub(before);
                if count > 0 {
                    out.push(Loss {
                        stage: Stage::Kernel,
                        cause: cause_name,
                        kind: EventKind::from_number(kind).map_or("unknown", EventKind::name),
                        count,
                        from: earlier.time,
                        to: self.time,
                    });
                }
            }
        }
    }

    /// By cause and kind: slot after slot, as they lie in memory.
    fn all_lost(&self) -> [[u64; EVENT_KINDS]; LOSS_CAUSES] {
        let mut sums = [[0_u64; EVENT_KINDS]; LOSS_CAUSES];
        for slot in &self.slots {
            let lost = slot.lost.as_flattened().iter();
            sums.as_flattened_mut().iter_mut().zip(lost).for_each(|(sum, n)| *sum = sum.wrapping_add(*n));
        }
        sums
    }

    fn sum<'a>(&'a self, field: impl Fn(&'a CounterSlot) -> Option<&'a u64>) -> u64 {
        self.slots.iter().filter_map(field).fold(0, |sum, n| sum.wrapping_add(*n))
    }
}

/// Kinds that go through the security ring, or through one of the payload rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Security,
    Payload,
}

impl Class {
    pub(crate) const ALL: [Self; 2] = [Self::Security, Self::Payload];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Payload => "payload",
        }
    }

    pub(crate) fn rings(self) -> std::ops::Range<usize> {
        match self {
            Self::Security => 0..1,
            Self::Payload => 1..RINGS,
        }
    }

    fn has(self, kind: EventKind) -> bool {
        let payload = matches!(kind, EventKind::Socket | EventKind::Data | EventKind::Close);
        payload == (self == Self::Payload)
    }

    /// Lost events of this class that had a number, in one slot.
    pub(crate) fn lost(self, slot: &CounterSlot) -> u64 {
        let kinds = || EventKind::ALL.into_iter().filter(|kind| self.has(*kind));
        LossCause::ALL
            .into_iter()
            .filter(|cause| cause.costs_an_event())
            .filter_map(|cause| slot.lost.get(cause as usize))
            .flat_map(|row| kinds().filter_map(|kind| row.get(kind as usize)))
            .fold(0, |sum, n| sum.wrapping_add(*n))
    }
}
