//! Full rings and budgets: what is lost is counted, and one scope's storm costs no other scope's events.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, which may panic as tests do"
)]
mod watch;

use guardbee_bpf::{Options, Rate};
use guardbee_wire::{EVENT_KINDS, EventKind, ExecEvent, ListenEvent, StringId, ThrottleEvent};
use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
    time::Duration,
};
use watch::{LISTS, Record, Watch, cgroup::Cgroup, small};

/// A budget for some kinds, none for the others.
fn budget(kinds: &[EventKind], rate: Rate) -> [Rate; EVENT_KINDS] {
    let mut rates = [Rate::default(); EVENT_KINDS];
    for kind in kinds {
        rates[*kind as usize] = rate;
    }
    rates
}

fn listen(times: usize) {
    for _ in 0..times {
        drop(TcpListener::bind("127.0.0.1:0").unwrap());
    }
}

fn throttles(watch: &Watch, kind: EventKind) -> Vec<ThrottleEvent> {
    watch
        .records()
        .iter()
        .filter(|record| record.kind() == EventKind::Throttle)
        .map(Record::fixed::<ThrottleEvent>)
        .filter(|event| event.throttled_kind == kind as u32)
        .collect()
}

#[test]
fn a_full_ring_loses_nothing_without_a_count() {
    let watch = Watch::start(&Options {
        security_bytes: 1 << 16,
        rates: Some(budget(&[], Rate::default())),
        ..small()
    });
    for _ in 0..200 {
        Command::new("/bin/true").status().unwrap();
    }
    let account = watch.account(EventKind::Exec);
    assert!(account.ring_full > 0, "the ring was meant to overflow");
    assert_eq!(account.produced, account.seen + account.ring_full, "{account:?}");
    for record in watch.records() {
        let header = record.header();
        assert_eq!(header.size as usize, record.0.len());
        assert!(header.sequence > 0);
    }
}

#[test]
fn nobody_is_throttled_while_there_is_room() {
    let rates = Some(budget(&[EventKind::Listen], Rate { per_second: 1, burst: 1 }));
    let watch = Watch::start(&Options { rates, ..small() });
    listen(50);
    let account = watch.account(EventKind::Listen);
    // The end of listening comes later where a child of another test holds the socket for a moment.
    let begun =
        |record: &&Record| record.kind() == EventKind::Listen && record.fixed::<ListenEvent>().listening == 1;
    assert!(watch.records().iter().filter(begun).count() >= 50, "{account:?}");
    assert_eq!((account.produced, account.throttled), (account.seen, 0));
}

#[test]
fn a_scope_over_its_budget_is_throttled_and_said_so() {
    // Every kind: others on this machine must not fill what is kept free.
    let rates = Some([Rate { per_second: 10, burst: 2 }; EVENT_KINDS]);
    let options = Options { security_bytes: 1 << 16, rates, ..small() };
    let watch = Watch::start(&options);
    listen(400);
    let account = watch.account(EventKind::Listen);
    assert!(account.throttled > 100, "{account:?}");
    assert_eq!(account.produced, account.seen + account.throttled + account.ring_full);
    let begins = throttles(&watch, EventKind::Listen)[0];
    assert_eq!(begins.dropped, 0);
    // There is room again, and with time the budget holds: the end of the episode tells how much it cost.
    let mut ends = None;
    for _ in 0..50 {
        std::thread::sleep(Duration::from_millis(200));
        listen(1);
        ends = throttles(&watch, EventKind::Listen).into_iter().find(|event| event.dropped > 0);
        if ends.is_some() {
            break;
        }
    }
    let ends = ends.expect("the episode has ended");
    assert_eq!(ends.since_ns, begins.header.time_ns);
    assert!(ends.dropped <= watch.account(EventKind::Listen).throttled);
}

/// Nobody reads meanwhile: the hardest case of a reader that can't keep up.
#[test]
fn one_scopes_storm_costs_no_other_scope_its_events() {
    let (loud, quiet) = (Cgroup::new("guardbee-loud"), Cgroup::new("guardbee-quiet"));
    let kinds = [EventKind::Fork, EventKind::Exec, EventKind::Exit];
    // Every kind: others on this machine must not fill what is kept free.
    let rates = Some([Rate { per_second: 1, burst: 40 }; EVENT_KINDS]);
    for hooks in LISTS {
        let watch = Watch::start(&Options { hooks: Some(hooks), security_bytes: 1 << 20, rates, ..small() });
        loud.run_often("loud", 1500);
        quiet.run_often("quiet", 30);
        let seen: Vec<_> = watch
            .records()
            .into_iter()
            .filter(|record| record.kind() == EventKind::Exec && record.header().scope == quiet.scope())
            .filter(|record| record.text::<ExecEvent>(StringId::Args) == "/bin/true\0quiet\0")
            .collect();
        assert_eq!(seen.len(), 30, "{hooks:?}");
        for kind in kinds {
            let account = watch.account(kind);
            assert_eq!(account.ring_full, 0, "{hooks:?} {kind:?} {account:?}");
            assert!(account.throttled > 500, "{hooks:?} {kind:?} {account:?}");
            assert_eq!(account.produced, account.seen + account.throttled);
            let told: Vec<u32> = throttles(&watch, kind).iter().map(|event| event.header.scope).collect();
            assert!(
                told.contains(&loud.scope()) && !told.contains(&quiet.scope()),
                "{hooks:?} {kind:?} {told:x?}"
            );
        }
    }
}

/// The same for payload: a connection of another scope still has its bytes in the ring.
#[test]
fn one_scopes_payload_storm_leaves_room_for_others() {
    let rates = Some([Rate { per_second: 1, burst: 20 }; EVENT_KINDS]);
    let watch = Watch::start(&Options { payload_bytes: 1 << 16, payload_rings: 1, rates, ..small() });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let request = [b"GET /loud HTTP/1.1\r\nx: ", &[b'x'; 900][..], b"\r\n\r\n"].concat();
    for _ in 0..400 {
        client.write_all(&request).unwrap();
        server.read_exact(&mut vec![0; request.len()]).unwrap();
    }
    let quiet = Cgroup::new("guardbee-quiet-payload");
    quiet.run(&format!(
        "exec 3<>/dev/tcp/127.0.0.1/{}; printf 'GET /quiet HTTP/1.1\\r\\n\\r\\n' >&3",
        listener.local_addr().unwrap().port()
    ));
    let account = watch.account(EventKind::Data);
    assert!(account.throttled > 0, "{account:?}");
    assert_eq!(account.produced, account.seen + account.throttled + account.ring_full);
    let seen = |record: &Record| {
        record.kind() == EventKind::Data
            && record.header().scope == quiet.scope()
            && record.0.windows(6).any(|word| word == b"/quiet")
    };
    assert!(watch.records().iter().any(seen), "{account:?}");
}
