//! A loaded kernel half and the records it wrote: for tests on the running kernel.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test binary uses its part")]
pub mod cgroup;
pub mod low;
pub mod ring;

use guardbee_bpf::{Dispatch, HookList, Kernel, Options, Program};
use guardbee_wire::{CounterSlot, EventHeader, EventKind, LossCause, StringId, Strings};
use libbpf_rs::{MapHandle, MapInfo, RingBuffer, RingBufferBuilder};
use std::{
    cell::RefCell,
    os::fd::BorrowedFd,
    rc::Rc,
    time::{Duration, Instant},
};
use zerocopy::{FromBytes, Immutable, KnownLayout};

/// One record, as it left the kernel.
#[derive(Clone, Debug)]
pub struct Record(pub Vec<u8>);

impl Record {
    pub fn header(&self) -> EventHeader {
        EventHeader::read_from_prefix(&self.0).expect("a header").0
    }

    pub fn kind(&self) -> EventKind {
        EventKind::from_number(self.header().kind).expect("a known kind")
    }

    /// The fixed part.
    pub fn fixed<T: FromBytes + Immutable + KnownLayout>(&self) -> T {
        T::read_from_prefix(&self.0).expect("the fixed part").0
    }

    /// A string of the tail behind the fixed part `T`, with the total that it had.
    pub fn string<T>(&self, id: StringId) -> Option<(Vec<u8>, u32)> {
        Strings::new(self.0.get(size_of::<T>()..)?)
            .find(|(head, _)| head.id == id as u16)
            .map(|(head, bytes)| (bytes.to_vec(), head.total))
    }

    pub fn text<T>(&self, id: StringId) -> String {
        self.string::<T>(id)
            .map(|(bytes, _)| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }
}

/// Events of one kind: how many there were, where they are.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    pub produced: u64,
    pub seen: u64,
    pub ring_full: u64,
    pub throttled: u64,
}

/// A kernel half with its rings being read.
pub struct Watch {
    ring: RingBuffer<'static>,
    records: Rc<RefCell<Vec<Record>>>,
    _maps: Vec<MapHandle>,
    pub kernel: Kernel,
}

pub fn map_of(fd: BorrowedFd<'_>) -> MapHandle {
    MapHandle::from_map_id(MapInfo::new(fd).expect("map info").info.id).expect("a map of ours")
}

impl Watch {
    /// Loads and attaches. A missing privilege fails the test.
    pub fn start(options: &Options) -> Self {
        Self::attached(options, |_, _| true)
    }

    /// Attaches only what is wanted, by program and copy.
    pub fn attached(options: &Options, wanted: impl Fn(&Program, usize) -> bool) -> Self {
        let mut kernel = Kernel::load(options).expect("load: run as root on a kernel with BTF");
        kernel.attach_where(wanted).expect("attach");
        let maps: Vec<_> =
            std::iter::once(kernel.security_ring()).chain(kernel.payload_rings()).map(map_of).collect();
        let records = Rc::new(RefCell::new(Vec::new()));
        let mut builder = RingBufferBuilder::new();
        for map in &maps {
            let records = Rc::clone(&records);
            builder
                .add(map, move |bytes| {
                    records.borrow_mut().push(Record(bytes.to_vec()));
                    0
                })
                .expect("add a ring");
        }
        let ring = builder.build().expect("read the rings");
        Self { ring, records, _maps: maps, kernel }
    }

    pub fn with(hooks: HookList) -> Self {
        Self::start(&Options { hooks: Some(hooks), ..small() })
    }

    /// With the best list.
    pub fn best() -> Self {
        Self::with(lists()[0])
    }

    /// All records so far.
    pub fn records(&self) -> Vec<Record> {
        self.ring.consume().expect("consume");
        self.records.borrow().clone()
    }

    /// Waits for a moment in which none of this kind is produced: others on this machine act too.
    pub fn account(&self, kind: EventKind) -> Account {
        let sum =
            |slots: &[CounterSlot], get: &dyn Fn(&CounterSlot) -> u64| slots.iter().map(get).sum::<u64>();
        let index = kind as usize;
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let before = sum(&self.kernel.counter_slots(), &|slot| slot.produced[index]);
            self.ring.consume().expect("consume");
            let slots = self.kernel.counter_slots();
            let produced = sum(&slots, &|slot| slot.produced[index]);
            if before == produced {
                let lost = |cause: LossCause| sum(&slots, &|slot| slot.lost[cause as usize][index]);
                let seen = self.records.borrow().iter().filter(|record| record.kind() == kind).count() as u64;
                let (ring_full, throttled) = (lost(LossCause::RingFull), lost(LossCause::Throttled));
                return Account { produced, seen, ring_full, throttled };
            }
            assert!(Instant::now() < deadline, "{kind:?} is produced all the time");
        }
    }

    /// Waits until a record is as wanted.
    pub fn wait(&self, what: &str, wanted: impl Fn(&Record) -> bool) -> Record {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            self.ring.consume().expect("consume");
            if let Some(found) = self.records.borrow().iter().find(|record| wanted(record)) {
                return found.clone();
            }
            assert!(Instant::now() < deadline, "no {what} in 10 s");
            std::thread::yield_now();
        }
    }
}

/// Rings that fit a busy test machine.
pub fn small() -> Options {
    Options { security_bytes: 4 << 20, payload_bytes: 4 << 20, ..Options::default() }
}

pub const LISTS: [HookList; 2] = [HookList::Tracepoint6_3, HookList::Tracepoint5_10];

/// The lists that this machine must take, the best first: both, unless `GUARDBEE_HOOKS=5.10` says that its kernel is too old.
pub fn lists() -> &'static [HookList] {
    let [_, old @ ..] = &LISTS;
    if std::env::var_os("GUARDBEE_HOOKS").is_some_and(|hooks| hooks == "5.10") { old } else { &LISTS }
}

/// Every way in which the ends of calls are seen, the best first: a test that goes all of them shows that they tell the same.
pub fn ways() -> Vec<Options> {
    let sparse = |hooks| Options { hooks: Some(hooks), dispatch: Some(Dispatch::Sparse), ..small() };
    let full = lists().first().map(|hooks| Options { dispatch: Some(Dispatch::Full), ..sparse(*hooks) });
    lists().iter().copied().map(sparse).chain(full).collect()
}
