//! The walk against a model of the kernel's side.
#![expect(clippy::cast_possible_truncation, reason = "sizes of a small model")]
use super::*;
use proptest::prelude::*;
use std::cell::{Cell, RefCell};

const SIZE: u64 = 4096;

/// The kernel's side: reserves, commits and discards as ringbuf.c does.
struct Model {
    data: RefCell<Vec<u8>>,
    producer: Cell<u64>,
    consumer: Cell<u64>,
}

impl Model {
    fn at(position: u64) -> Self {
        Self {
            data: RefCell::new(vec![0xa5; SIZE as usize]),
            producer: Cell::new(position),
            consumer: Cell::new(position),
        }
    }

    fn write(&self, position: u64, bytes: &[u8]) {
        let mut data = self.data.borrow_mut();
        for (at, byte) in (position % SIZE..).zip(bytes) {
            data[(at % SIZE) as usize] = *byte;
        }
    }

    fn produce(&self, bytes: &[u8], flags: u32) -> bool {
        let at = self.producer.get();
        let end = at.wrapping_add((8 + bytes.len() as u64).next_multiple_of(8));
        if end.wrapping_sub(self.consumer.get()) > SIZE {
            return false;
        }
        self.write(at, &(bytes.len() as u32 | flags).to_ne_bytes());
        self.write(at.wrapping_add(8), bytes);
        self.producer.set(end);
        true
    }
}

impl View for Model {
    fn size(&self) -> u64 {
        SIZE
    }

    fn producer(&self) -> u64 {
        self.producer.get()
    }

    fn word(&self, offset: u64) -> u32 {
        assert!(offset < SIZE && offset.is_multiple_of(8), "outside");
        let data = self.data.borrow();
        u32::from_ne_bytes(data[offset as usize..offset as usize + 4].try_into().unwrap())
    }

    fn copy(&self, offset: u64, length: u64, to: &mut Vec<u8>) -> bool {
        assert!(offset + length <= 2 * SIZE, "outside");
        let data = self.data.borrow();
        to.clear();
        to.extend((offset..offset + length).map(|at| data[(at % SIZE) as usize]));
        true
    }

    fn release(&self, position: u64) {
        self.consumer.set(position);
    }
}

fn drain(model: &Model, budget: u64) -> (Vec<Vec<u8>>, Drained) {
    let mut at = model.consumer.get();
    let (mut records, mut next) = (Vec::new(), Vec::new());
    let peeked = peek(model, at, &mut next);
    let drained = walk(model, &mut at, budget, &mut Vec::new(), |record| records.push(record.to_vec()));
    assert_eq!(model.consumer.get(), at);
    if peeked && budget > 0 {
        assert_eq!(records.first(), Some(&next));
    }
    (records, drained)
}

proptest! {
    /// Everything committed comes out once, in order, whatever the sizes, the start and the budget.
    #[test]
    fn reads_what_was_written(
        start in prop_oneof![Just(0u64), Just(u64::MAX - 1023), any::<u64>()],
        steps in prop::collection::vec((0usize..1500, any::<bool>(), any::<bool>(), 0u64..5000), 0..60),
    ) {
        let model = Model::at(start & !7);
        let (mut wrote, mut read) = (Vec::new(), Vec::new());
        for (number, (length, discard, drains, budget)) in steps.into_iter().enumerate() {
            let bytes = vec![number as u8; length];
            if model.produce(&bytes, if discard { DISCARD } else { 0 }) && !discard {
                wrote.push(bytes);
            }
            if drains {
                let (records, drained) = drain(&model, budget);
                prop_assert_eq!(drained.malformed, 0);
                prop_assert_eq!(drained.left == Left::Budget, model.consumer.get() != model.producer.get());
                read.extend(records);
            }
        }
        read.extend(drain(&model, u64::MAX).0);
        prop_assert_eq!(read, wrote);
        prop_assert_eq!(model.consumer.get(), model.producer.get());
    }

    /// Arbitrary memory and positions: it ends, reads nothing outside (the model asserts), and gives nothing twice.
    #[test]
    fn survives_arbitrary_memory(
        data in prop::collection::vec(prop_oneof![4 => Just(0u8), 1 => any::<u8>()], SIZE as usize),
        consumer in any::<u64>(),
        ahead in prop_oneof![0..2 * SIZE, any::<u64>()],
        aligned in any::<bool>(),
    ) {
        let consumer = if aligned { consumer & !7 } else { consumer };
        let model = Model::at(consumer);
        *model.data.borrow_mut() = data;
        model.producer.set(consumer.wrapping_add(ahead));
        let (records, drained) = drain(&model, u64::MAX);
        prop_assert!(drained.bytes <= SIZE);
        prop_assert_eq!(records.len() as u64, drained.records);
        if drained.left == Left::Nothing {
            prop_assert_eq!(model.consumer.get(), model.producer.get());
        }
    }
}

#[test]
fn stops_at_a_record_that_is_being_written() {
    let model = Model::at(0);
    assert!(model.produce(b"whole", 0) && model.produce(b"busy", BUSY) && model.produce(b"behind", 0));
    let (records, drained) = drain(&model, u64::MAX);
    assert_eq!((records, drained.left), (vec![b"whole".to_vec()], Left::Busy));
    model.write(16, &4u32.to_ne_bytes());
    let (records, drained) = drain(&model, u64::MAX);
    assert_eq!((records, drained.left), (vec![b"busy".to_vec(), b"behind".to_vec()], Left::Nothing));
}

#[test]
fn a_length_beyond_the_producer_is_counted_and_skipped() {
    for length in [25, 4096, DISCARD - 1, DISCARD | 4096] {
        let model = Model::at(0);
        assert!(model.produce(b"good", 0) && model.produce(b"bad", 0) && model.produce(b"lost", 0));
        model.write(16, &u32::to_ne_bytes(length));
        let (records, drained) = drain(&model, u64::MAX);
        assert_eq!(records, vec![b"good".to_vec()], "{length:#x}");
        assert_eq!((drained.malformed, model.consumer.get()), (1, model.producer.get()));
        assert!(model.produce(b"after", 0));
        assert_eq!(drain(&model, u64::MAX).0, vec![b"after".to_vec()]);
    }
}
