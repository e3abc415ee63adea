//! The real rings of the real kernel half: what programs do comes out as events, and what is lost is known to the last.
//! Host lane: needs root and BTF.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests")]

use guardbee_bpf::{Kernel, Options};
use guardbee_capture::{Capture, Counters, Params, Ring, Woken, read_iterator};
use guardbee_model::{
    clock::{BootTime, Clock, WallOffset},
    event::{Body, Event},
    loss::{Loss, LossCounter, Stage},
    socket::Endpoint,
};
use guardbee_wire::{CONTEXTS, EventKind, LossCause};
use nix::{
    sys::memfd::{MFdFlags, memfd_create},
    time::{ClockId, clock_gettime},
};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::fd::AsFd as _,
    process::Command,
    time::{Duration, Instant},
};

struct Boot;

impl Clock for Boot {
    fn boot(&self) -> BootTime {
        let now = Duration::from(clock_gettime(ClockId::CLOCK_BOOTTIME).unwrap());
        BootTime(u64::try_from(now.as_nanos()).unwrap())
    }

    fn wall_offset(&self) -> WallOffset {
        WallOffset(0)
    }
}

fn start(options: &Options, params: Params) -> (Kernel, Capture) {
    let mut kernel = Kernel::load(options).expect("load the kernel half: this test needs root and BTF");
    kernel.attach().unwrap();
    let open =
        |fd: std::os::fd::BorrowedFd<'_>, size| Ring::new(fd.try_clone_to_owned().unwrap(), size).unwrap();
    let security = open(kernel.security_ring(), options.security_bytes);
    let payload = kernel.payload_rings().into_iter().map(|fd| open(fd, options.payload_bytes)).collect();
    let counters = Counters::new(kernel.counters(), kernel.slots() as usize / CONTEXTS).unwrap();
    let ledger = memfd_create(c"ledger", MFdFlags::MFD_CLOEXEC).unwrap();
    nix::unistd::ftruncate(&ledger, 4096).unwrap();
    let (taken, _, _) = guardbee_capture::ledger::open(ledger.as_fd()).unwrap();
    let capture = Capture::new(security, payload, counters, taken, params).unwrap();
    (kernel, capture)
}

/// What came, until it is enough.
fn read_until(capture: &mut Capture, enough: impl Fn(&[Event]) -> bool) -> (Vec<Event>, Vec<Loss>) {
    let waiter = capture.waiter::<File>(&[]).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    let (mut events, mut losses, mut woken) = (Vec::new(), Vec::new(), Woken::default());
    while !enough(&events) {
        if Instant::now() > deadline {
            let counters = capture.snapshot(&Boot);
            let produced = EventKind::ALL.map(|kind| (kind.name(), counters.produced(kind)));
            panic!("not what was waited for: {} events, {losses:?}, produced {produced:?}", events.len());
        }
        woken = waiter.wait(capture.period(woken)).unwrap();
        capture.cycle(&Boot, &mut events, &mut losses);
    }
    (events, losses)
}

#[test]
fn a_process_and_a_connection_come_out() {
    let (kernel, mut capture) = start(&Options::default(), Params::default());
    let nonce = format!("nonce-{}", std::process::id());
    let mut child = Command::new("/bin/sh").args(["-c", "exit 7", &nonce]).spawn().unwrap();
    child.wait().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    (&client).write_all(nonce.as_bytes()).unwrap();
    server.read_exact(&mut vec![0; nonce.len()]).unwrap();
    let client = Endpoint::Ip(client.local_addr().unwrap());

    let of_child = |event: &Event| event.header.process.is_some_and(|key| key.tgid == child.id());
    let ended = |event: &Event| of_child(event) && matches!(event.body, Body::Exit(_));
    let connected = |event: &Event| match &event.body {
        Body::Connect(connect) => connect.socket.local == client && connect.error == 0,
        _ => false,
    };
    let accepted = |event: &Event| matches!(&event.body, Body::Accept(socket) if socket.remote == client);
    let (events, losses) = read_until(&mut capture, |events| {
        events.iter().any(ended) && events.iter().any(connected) && events.iter().any(accepted)
    });
    let exec = events.iter().filter(|event| of_child(event)).find_map(|event| match &event.body {
        Body::Exec(exec) => Some(exec),
        _ => None,
    });
    assert_eq!(exec.unwrap().args.command_line(), format!("/bin/sh -c exit 7 {nonce}").into_bytes());
    let exit = events.iter().find(|event| ended(event)).unwrap();
    assert!(matches!(exit.body, Body::Exit(exit) if exit.code == 7 << 8));
    assert!(losses.iter().all(|loss| loss.stage == Stage::Kernel), "{losses:?}");

    let (mut found, mut refused) = (Vec::new(), LossCounter::new(Stage::Capture));
    let iterator = File::from(kernel.iterate_processes().unwrap());
    read_iterator(iterator, 64 << 20, &mut found, &mut refused).unwrap();
    let this =
        found.iter().find(|event| event.header.process.is_some_and(|key| key.tgid == std::process::id()));
    let Body::Process(this) = &this.unwrap().body else { panic!("not a process") };
    assert_eq!(&*this.exe, std::env::current_exe().unwrap().as_os_str().as_encoded_bytes());
    assert_eq!(refused.drain(BootTime(0)), vec![]);
}

/// Rings far too small, read far too late: every event is seen or counted, by kind, and every number is accounted for.
#[test]
fn what_is_produced_is_seen_or_counted() {
    let options = Options { security_bytes: 1 << 16, payload_bytes: 1 << 16, ..Options::default() };
    let params = Params { settle: Duration::from_millis(200), ..Params::default() };
    let (kernel, mut capture) = start(&options, params);
    let (mut events, mut losses) = (Vec::new(), Vec::new());
    for round in 0..300 {
        assert!(Command::new("/bin/true").status().unwrap().success());
        if round % 150 == 0 {
            capture.cycle(&Boot, &mut events, &mut losses);
        }
    }
    drop(kernel); // nothing is produced any more
    let quiet = Instant::now() + Duration::from_millis(900);
    read_until(&mut capture, |_| Instant::now() > quiet).0.into_iter().for_each(|event| events.push(event));
    capture.cycle(&Boot, &mut events, &mut losses);

    let mut seen = BTreeMap::<&str, u64>::new();
    for event in &events {
        *seen.entry(event.body.kind()).or_default() += 1;
    }
    let counters = capture.snapshot(&Boot);
    // Whose storm it is has used up its budget when the ring is nearly full.
    let lost = |kind| -> u64 {
        [LossCause::RingFull, LossCause::Throttled].map(|cause| counters.lost(cause, kind)).iter().sum()
    };
    for kind in [EventKind::Fork, EventKind::Exec, EventKind::Exit, EventKind::Accept, EventKind::Data] {
        let lost = lost(kind);
        let came = seen.get(kind.name()).copied().unwrap_or(0);
        assert_eq!(came + lost, counters.produced(kind), "{}: {came} seen, {lost} lost", kind.name());
    }
    assert!(lost(EventKind::Exec) > 0, "the rings were too large for this test");
    assert!(losses.iter().all(|loss| ["ring_full", "throttled"].contains(&loss.cause)), "{losses:?}");
}
