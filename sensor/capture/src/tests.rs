//! Whole cycles over mapped memory: a memory file laid out like a ring stands for the kernel, mapped as the ring is.
use super::*;
use crate::decode::tests::{encode, head, samples, tcp};
use guardbee_model::{
    clock::WallOffset,
    event::{Body, Event},
};
use guardbee_wire::{CounterSlot, DataEvent, EventHeader, EventKind, ExitEvent, LossCause, SocketEvent};
use nix::sys::{
    memfd::{MFdFlags, memfd_create},
    uio::{pread, pwrite},
};
use proptest::prelude::*;
use std::{
    cell::Cell,
    mem::offset_of,
    os::fd::{AsFd as _, OwnedFd},
};

const SIZE: u32 = 1 << 16;
const MILLI: u64 = 1_000_000;

struct Now(Cell<u64>);

impl Clock for Now {
    fn boot(&self) -> BootTime {
        BootTime(self.0.get())
    }

    fn wall_offset(&self) -> WallOffset {
        WallOffset(0)
    }
}

/// The kernel's side of a ring.
struct Producer {
    file: OwnedFd,
    position: u64,
    page: u64,
}

impl Producer {
    fn new() -> Self {
        let page = memory::page_size() as u64;
        let file = memfd_create(c"ring", MFdFlags::MFD_CLOEXEC).unwrap();
        nix::unistd::ftruncate(&file, (2 * page + 2 * u64::from(SIZE)).cast_signed()).unwrap();
        Self { file, position: 0, page }
    }

    fn reader(&self) -> Ring {
        Ring::new(self.file.try_clone().unwrap(), SIZE).unwrap()
    }

    fn write(&self, offset: u64, bytes: &[u8]) {
        assert_eq!(pwrite(self.file.as_fd(), bytes, offset.cast_signed()).unwrap(), bytes.len());
    }

    fn consumed(&self) -> u64 {
        let mut word = [0; 8];
        pread(self.file.as_fd(), &mut word, 0).unwrap();
        u64::from_ne_bytes(word)
    }

    /// False: no room.
    fn submit(&mut self, record: &[u8]) -> bool {
        let length = u32::try_from(record.len()).unwrap();
        let mut bytes = [&length.to_ne_bytes(), &[0; 4][..], record].concat();
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let end = self.position + bytes.len() as u64;
        if end - self.consumed() > SIZE.into() {
            return false;
        }
        for (at, byte) in (self.position..).zip(&bytes) {
            let offset = 2 * self.page + at % u64::from(SIZE);
            self.write(offset, &[*byte]);
            self.write(offset + u64::from(SIZE), &[*byte]); // the second mapping of the same page
        }
        self.position = end;
        self.write(self.page, &end.to_ne_bytes());
        true
    }
}

fn taken() -> Taken {
    let file = memfd_create(c"ledger", MFdFlags::MFD_CLOEXEC).unwrap();
    nix::unistd::ftruncate(&file, 4096).unwrap();
    ledger::open(file.as_fd()).unwrap().0
}

/// A kernel half with three rings and one CPU.
struct Kernel {
    rings: [Producer; 3],
    counters: OwnedFd,
    slot: CounterSlot,
    clock: Now,
    capture: Capture,
}

impl Kernel {
    fn new(params: Params) -> Self {
        let rings = [Producer::new(), Producer::new(), Producer::new()];
        let counters = memfd_create(c"counters", MFdFlags::MFD_CLOEXEC).unwrap();
        nix::unistd::ftruncate(&counters, 8 * 4096).unwrap();
        let mapped = Counters::new(counters.as_fd(), 1).unwrap();
        let payload = vec![rings[1].reader(), rings[2].reader()];
        let capture = Capture::new(rings[0].reader(), payload, mapped, taken(), params).unwrap();
        Self { rings, counters, slot: CounterSlot::default(), clock: Now(Cell::new(MILLI)), capture }
    }

    /// Numbers an event and submits it; without room it is lost and counted.
    fn give(&mut self, kind: EventKind) -> bool {
        let ring = usize::from(matches!(kind, EventKind::Socket | EventKind::Data | EventKind::Close));
        self.give_to(ring, kind)
    }

    fn give_to(&mut self, ring: usize, kind: EventKind) -> bool {
        self.slot.sequence[ring] += 1;
        self.slot.produced[kind as usize] += 1;
        let header = EventHeader {
            time_ns: self.clock.0.get(),
            sequence: self.slot.sequence[ring],
            ring: u8::try_from(ring).unwrap(),
            ..head(kind)
        };
        let record = match kind {
            EventKind::Exit => encode(&ExitEvent { header, ..ExitEvent::default() }, &[]),
            EventKind::Accept => encode(&SocketEvent { header, socket: tcp(1) }, &[]),
            _ => encode(
                &DataEvent { header, length: 1024, captured: 1024, ..DataEvent::default() },
                &[b'x'; 1024],
            ),
        };
        let given = self.rings[ring].submit(&record);
        if !given {
            self.slot.lost[LossCause::RingFull as usize][kind as usize] += 1;
        }
        pwrite(self.counters.as_fd(), zerocopy::IntoBytes::as_bytes(&self.slot), 0).unwrap();
        given
    }

    fn cycle_after(&mut self, nanos: u64) -> (Vec<Event>, Vec<Loss>) {
        self.clock.0.set(self.clock.0.get() + nanos);
        let (mut out, mut losses) = (Vec::new(), Vec::new());
        self.capture.cycle(&self.clock, &mut out, &mut losses);
        (out, losses)
    }
}

#[test]
fn two_rings_come_out_as_one_stream() {
    let mut kernel = Kernel::new(Params::default());
    for _ in 0..10 {
        for kind in [EventKind::Data, EventKind::Exit, EventKind::Accept] {
            kernel.clock.0.set(kernel.clock.0.get() + 1000);
            assert!(kernel.give(kind));
        }
    }
    assert_eq!(kernel.cycle_after(0).0.len(), 0, "all are younger than the slack");
    let (events, losses) = kernel.cycle_after(3 * MILLI);
    assert!(events.is_sorted_by_key(|event| event.header.time));
    let kinds: Vec<_> = events.iter().map(|event| event.body.kind()).collect();
    assert_eq!(kinds, ["data", "exit", "accept"].repeat(10));
    assert_eq!((losses, kernel.capture.stats().held), (vec![], 0));
}

#[test]
fn a_payload_flood_costs_no_security_event() {
    let mut kernel = Kernel::new(Params { payload_bytes: 4096, ..Params::default() });
    let (mut data, mut exits, mut lost) = (0, 0, 0);
    for _ in 0..100 {
        for _ in 0..20 {
            kernel.give(EventKind::Data);
        }
        assert!(kernel.give(EventKind::Exit));
        let (events, losses) = kernel.cycle_after(20 * MILLI);
        exits += events.iter().filter(|event| matches!(event.body, Body::Exit(_))).count();
        data += events.iter().filter(|event| matches!(event.body, Body::Data(_))).count();
        lost += losses.iter().map(|loss| loss.count).sum::<u64>();
        assert!(losses.iter().all(|loss| (loss.cause, loss.kind) == ("ring_full", "data")));
        assert_eq!(exits as u64, kernel.slot.produced[EventKind::Exit as usize], "none waits");
        assert_eq!(kernel.capture.period(Woken::default()), kernel.capture.params.period_min);
        assert!(kernel.capture.is_filling());
    }
    for _ in 0..100 {
        let (events, losses) = kernel.cycle_after(50 * MILLI);
        data += events.len();
        lost += losses.iter().map(|loss| loss.count).sum::<u64>();
    }
    assert!(lost > 0);
    assert_eq!(data as u64 + lost, kernel.slot.produced[EventKind::Data as usize]);
    assert_eq!(kernel.capture.period(Woken::default()), kernel.capture.params.period_max);
    assert!(!kernel.capture.is_filling());
    let woken = Woken { ring: true, other: false };
    assert_eq!(kernel.capture.period(woken), kernel.capture.params.slack, "what woke it was too young");
}

#[test]
fn the_ring_that_is_furthest_behind_is_read_first() {
    let mut kernel = Kernel::new(Params { payload_bytes: 8 << 10, ..Params::default() });
    // The first payload ring has a backlog, the second only what is younger.
    for (ring, count) in [(1, 40), (2, 20)] {
        for _ in 0..count {
            kernel.clock.0.set(kernel.clock.0.get() + 1000);
            assert!(kernel.give_to(ring, EventKind::Data));
        }
    }
    let mut events = Vec::new();
    while events.len() < 60 {
        let (some, losses) = kernel.cycle_after(3 * MILLI);
        assert!(losses.is_empty() && some.len() < 20, "a little of it in each cycle");
        events.extend(some);
    }
    assert!(events.is_sorted_by_key(|event| event.header.time), "one backlog, in its order");
}

#[test]
fn a_hole_without_a_counter_is_told() {
    let mut kernel = Kernel::new(Params::default());
    let mut unexplained = Vec::new();
    for round in 0..20 {
        kernel.give(EventKind::Exit);
        kernel.give(EventKind::Data);
        if round == 10 {
            kernel.slot.sequence[0] += 3;
        }
        unexplained.extend(kernel.cycle_after(600 * MILLI).1);
    }
    let [loss] = unexplained[..] else { panic!("{unexplained:?}") };
    assert_eq!(
        (loss.stage, loss.cause, loss.kind, loss.count),
        (Stage::Capture, "unexplained_gap", "security", 3)
    );
}

#[test]
fn bad_records_are_counted_and_good_ones_go_on() {
    let mut kernel = Kernel::new(Params::default());
    let mut bad = samples()[1].clone();
    bad[415] = 0xff;
    for record in [&samples()[2][..], &[1, 2, 3], &bad[..424], &samples()[7]] {
        assert!(kernel.rings[0].submit(record));
    }
    kernel.write_length(0xff_ffff);
    assert!(kernel.rings[0].submit(&samples()[2]));
    let mut told: Vec<_> =
        kernel.cycle_after(10 * MILLI).1.iter().map(|loss| (loss.cause, loss.kind, loss.count)).collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [("record_short", "unknown", 1), ("record_size", "exec", 1), ("ring_malformed", "security", 1),]
    );
    assert!(kernel.rings[0].submit(&samples()[2]));
    assert_eq!(kernel.cycle_after(10 * MILLI).0.len(), 1);
}

impl Kernel {
    /// The next record of the security ring claims a length.
    fn write_length(&mut self, length: u32) {
        assert!(self.rings[0].submit(&[0; 8]));
        let at = self.rings[0].position - 16;
        let offset = 2 * self.rings[0].page + at % u64::from(SIZE);
        self.rings[0].write(offset, &length.to_ne_bytes());
    }
}

#[test]
fn a_new_reader_begins_where_the_old_one_ended() {
    let mut producer = Producer::new();
    for code in 0..10 {
        let exit = ExitEvent { header: head(EventKind::Exit), exit_code: code, pad: 0 };
        assert!(producer.submit(&encode(&exit, &[])));
    }
    let mut first = 0;
    producer.reader().drain(500, |_| first += 1);
    let mut rest = 0;
    producer.reader().drain(u64::MAX, |_| rest += 1);
    assert!(first > 0 && rest > 0);
    assert_eq!(first + rest, 10);
}

#[test]
fn what_can_not_be_a_ring_is_refused() {
    for size in [0, 1, 3 * 4096, 2048] {
        let error = Ring::new(Producer::new().file, size).unwrap_err().to_string();
        assert!(error.starts_with(&format!("open ring: {size} bytes is not a power of two")), "{error}");
    }
    let pipe = nix::unistd::pipe().unwrap().0;
    assert!(matches!(Ring::new(pipe, SIZE), Err(Error::Map { .. })));
    let rings = |count| (0..count).map(|_| Producer::new().reader()).collect::<Vec<_>>();
    let counters = || {
        let file = memfd_create(c"counters", MFdFlags::MFD_CLOEXEC).unwrap();
        nix::unistd::ftruncate(&file, 8 * 4096).unwrap();
        Counters::new(file.as_fd(), 1).unwrap()
    };
    let open =
        |count| Capture::new(Producer::new().reader(), rings(count), counters(), taken(), Params::default());
    assert!(open(3).is_ok());
    assert!(matches!(open(4), Err(Error::RingCount { count: 4, most: 3 })));
}

#[test]
fn counters_are_read_field_by_field() {
    let mut kernel = Kernel::new(Params::default());
    kernel.slot.fired[5] = 42;
    kernel.slot.lost[2][15] = 3;
    kernel.give(EventKind::Exit);
    let snapshot = kernel.capture.snapshot(&kernel.clock);
    assert_eq!(snapshot.slots[0], kernel.slot);
    assert_eq!((snapshot.produced(EventKind::Exit), snapshot.fired(5)), (1, 42));
    let zero = Snapshot { time: BootTime(0), slots: vec![CounterSlot::default(); 4] };
    let mut losses = Vec::new();
    snapshot.losses_since(&zero, &mut losses);
    assert_eq!(
        losses.iter().map(|loss| (loss.cause, loss.kind, loss.count)).collect::<Vec<_>>(),
        [("connections_full", "unknown", 3)]
    );
    assert_eq!(offset_of!(CounterSlot, sequence), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// A ring of arbitrary memory ends every cycle and breaks nothing.
    #[test]
    fn arbitrary_rings_never_panic(
        data in prop::collection::vec(any::<u8>(), 0..2000),
        producer in prop_oneof![0u64..4000, any::<u64>()],
    ) {
        let mut kernel = Kernel::new(Params::default());
        let page = kernel.rings[0].page;
        kernel.rings[0].write(2 * page, &data);
        kernel.rings[0].write(page, &producer.to_ne_bytes());
        kernel.cycle_after(10 * MILLI);
        kernel.cycle_after(10 * MILLI);
    }
}
