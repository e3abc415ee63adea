//! Holes in the sequences that no counter explains: each is a bug, of ours or of the kernel half.
//!
//! Rings and counters are read at different moments, and one task may interrupt another between taking a number and
//! using it, so that numbers come out of order. Therefore nothing is judged by a single jump. A *mark* is set at the
//! sequence heads of a counter snapshot; when every ring was read to its end some time after it, everything numbered up
//! to the mark has come or was counted as lost. What is missing then, less what was lost (read at the judgement, so
//! never too little), is unexplained. Sums run from the first judgement on: what a later loss hides shows when it ends.
use crate::{
    counters::{Class, Snapshot},
    decode::Source,
};
use guardbee_model::{
    clock::BootTime,
    loss::{Loss, Stage},
};
use guardbee_wire::{CONTEXTS, CounterSlot, RINGS};

/// Numbers of one sequence: (cpu, context, ring).
#[derive(Clone, Copy, Debug, Default)]
struct Sequence {
    mark: u64,
    seen_to_mark: u64,
    seen_after: u64,
}

/// What is missing in one (cpu, context), by class.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    lost_at_mark: u64,
    /// Missing and lost at the first judgement.
    base: Option<(u64, u64)>,
    told: u64,
}

/// Compares what came with what was numbered.
#[derive(Debug)]
pub(crate) struct Gaps {
    settle_ns: u64,
    sequences: Vec<[Sequence; RINGS]>,
    accounts: Vec<[Account; 2]>,
    /// When the mark was set.
    marked: Option<BootTime>,
    judged: BootTime,
    /// By ring: read to its end since the mark settled.
    read: [bool; RINGS],
}

impl Gaps {
    /// For `cpus` CPUs; a mark settles after `settle_ns`, longer than any program runs.
    pub(crate) fn new(cpus: usize, settle_ns: u64) -> Self {
        Self {
            settle_ns,
            sequences: vec![Default::default(); cpus * CONTEXTS],
            accounts: vec![Default::default(); cpus * CONTEXTS],
            marked: None,
            judged: BootTime(0),
            read: [false; RINGS],
        }
    }

    /// Notes an event that came; false: no such sequence.
    pub(crate) fn came(&mut self, source: Source) -> bool {
        let context = usize::from(source.context);
        let slot = usize::from(source.cpu) * CONTEXTS + context;
        let sequence = self.sequences.get_mut(slot).and_then(|rings| rings.get_mut(usize::from(source.ring)));
        match sequence {
            Some(sequence) if context < CONTEXTS => {
                if source.sequence <= sequence.mark {
                    sequence.seen_to_mark += 1;
                } else {
                    sequence.seen_after += 1;
                }
                true
            }
            _ => false,
        }
    }

    /// Notes that a ring was read to the end of what it held at `time`.
    pub(crate) fn read_to_end(&mut self, ring: usize, time: BootTime) {
        if let (Some(marked), Some(read)) = (self.marked, self.read.get_mut(ring)) {
            *read |= time.since(marked) >= self.settle_ns;
        }
    }

    /// Judges the mark if it has settled, and sets the next one. `rings`: how many are read.
    pub(crate) fn turn(&mut self, now: &Snapshot, rings: usize, out: &mut Vec<Loss>) {
        if let Some(marked) = self.marked {
            if !self.read.iter().take(rings).all(|&read| read) {
                return;
            }
            for class in Class::ALL {
                let count = self.unexplained(class, now);
                if count > 0 {
                    out.push(Loss {
                        stage: Stage::Capture,
                        cause: "unexplained_gap",
                        kind: class.name(),
                        count,
                        from: self.judged,
                        to: marked,
                    });
                }
            }
            self.judged = marked;
        }
        self.mark(now);
    }

    fn unexplained(&mut self, class: Class, now: &Snapshot) -> u64 {
        let mut sum = 0;
        for ((sequences, accounts), slot) in self.sequences.iter().zip(&mut self.accounts).zip(&now.slots) {
            let missing = sequences
                .iter()
                .take(class.rings().end)
                .skip(class.rings().start)
                .fold(0u64, |sum, s| sum.wrapping_add(s.mark.wrapping_sub(s.seen_to_mark)));
            if let Some(account) = accounts.get_mut(class as usize) {
                sum += account.judge(missing, class.lost(slot));
            }
        }
        sum
    }

    fn mark(&mut self, now: &Snapshot) {
        self.marked = Some(now.time);
        self.read = [false; RINGS];
        let cells = self.sequences.iter_mut().zip(&mut self.accounts).zip(&now.slots);
        for ((sequences, accounts), slot) in cells {
            mark_slot(sequences, accounts, slot);
        }
    }
}

fn mark_slot(sequences: &mut [Sequence; RINGS], accounts: &mut [Account; 2], slot: &CounterSlot) {
    for (sequence, head) in sequences.iter_mut().zip(slot.sequence) {
        // What has come by now was numbered before the head was read.
        sequence.seen_to_mark += sequence.seen_after;
        sequence.seen_after = 0;
        sequence.mark = head;
    }
    for (account, class) in accounts.iter_mut().zip(Class::ALL) {
        account.lost_at_mark = class.lost(slot);
    }
}

impl Account {
    /// How many more are unexplained than were told before.
    fn judge(&mut self, missing: u64, lost: u64) -> u64 {
        // Numbers and losses before the first mark belong to an earlier reader; the rest is relative, and may wrap.
        let (base_missing, base_lost) = *self.base.get_or_insert((missing, self.lost_at_mark));
        let unexplained =
            signed(missing.wrapping_sub(base_missing)).saturating_sub(signed(lost.wrapping_sub(base_lost)));
        let more = u64::try_from(unexplained).unwrap_or(0).saturating_sub(self.told);
        self.told += more;
        more
    }
}

fn signed(difference: u64) -> i64 {
    difference.cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kernel half with one CPU that numbers, gives and loses.
    struct Kernel {
        snapshot: Snapshot,
        gaps: Gaps,
        out: Vec<Loss>,
    }

    impl Kernel {
        fn new() -> Self {
            let slots = vec![CounterSlot::default(); CONTEXTS];
            let snapshot = Snapshot { time: BootTime(0), slots };
            Self { snapshot, gaps: Gaps::new(1, 100), out: Vec::new() }
        }

        fn number(&mut self) -> u64 {
            self.snapshot.slots[0].sequence[0] += 1;
            self.snapshot.slots[0].sequence[0]
        }

        fn came(&mut self, sequence: u64) {
            assert!(self.gaps.came(Source { cpu: 0, context: 0, ring: 0, sequence, kind: 1 }));
        }

        fn give(&mut self, count: u64) {
            for _ in 0..count {
                let sequence = self.number();
                self.came(sequence);
            }
        }

        fn lose(&mut self, count: u64) {
            for _ in 0..count {
                self.number();
            }
            self.snapshot.slots[0].lost[0][1] += count;
        }

        /// Time passes, the ring is read to its end, until all that was numbered is judged; gives what is unexplained.
        fn settle(&mut self) -> u64 {
            for _ in 0..2 {
                self.gaps.turn(&self.snapshot, 1, &mut self.out);
                self.snapshot.time.0 += 200;
                self.gaps.read_to_end(0, self.snapshot.time);
            }
            self.gaps.turn(&self.snapshot, 1, &mut self.out);
            self.out.drain(..).map(|loss| loss.count).sum()
        }
    }

    #[test]
    fn counted_losses_are_explained() {
        let mut kernel = Kernel::new();
        kernel.lose(1000); // before this reader
        assert_eq!(kernel.settle(), 0);
        for _ in 0..5 {
            kernel.give(10);
            kernel.lose(7);
            kernel.give(1);
            assert_eq!(kernel.settle(), 0);
        }
    }

    #[test]
    fn a_hole_is_told_once() {
        let mut kernel = Kernel::new();
        kernel.give(3);
        assert_eq!(kernel.settle(), 0);
        kernel.give(3);
        kernel.number();
        kernel.number();
        kernel.give(3);
        assert_eq!(kernel.settle(), 2);
        kernel.give(3);
        assert_eq!(kernel.settle(), 0);
    }

    #[test]
    fn order_does_not_matter() {
        let mut kernel = Kernel::new();
        assert_eq!(kernel.settle(), 0);
        let (first, second) = (kernel.number(), kernel.number());
        kernel.came(second);
        kernel.gaps.turn(&kernel.snapshot, 1, &mut kernel.out);
        kernel.came(first);
        assert_eq!(kernel.settle(), 0);
        assert_eq!(kernel.settle(), 0);
    }

    #[test]
    fn nothing_is_judged_before_the_ring_was_read() {
        let mut kernel = Kernel::new();
        assert_eq!(kernel.settle(), 0);
        let late = kernel.number();
        for _ in 0..3 {
            kernel.snapshot.time.0 += 200;
            kernel.gaps.turn(&kernel.snapshot, 1, &mut kernel.out);
        }
        kernel.came(late);
        assert_eq!(kernel.settle(), 0);
    }

    #[test]
    fn no_such_sequence() {
        let mut gaps = Gaps::new(1, 100);
        for (cpu, context, ring) in [(1, 0, 0), (0, 4, 0), (0, 0, 4), (u16::MAX, u8::MAX, u8::MAX)] {
            assert!(!gaps.came(Source { cpu, context, ring, sequence: 1, kind: 1 }));
        }
    }
}
