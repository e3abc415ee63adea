//! Policies in the kernel half: what is left out is no loss, a throttle binds one scope alone, payload is not even looked at.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, which may panic as tests do"
)]
mod watch;

use guardbee_bpf::Options;
use guardbee_wire::{DataEvent, EventKind, ExecEvent, Policy, PolicyFlag, ScopePolicy, StringId};
use watch::{Record, Watch, cgroup::Cgroup, lists, small};

fn in_it(records: &[Record], cgroup: &Cgroup, kind: EventKind) -> usize {
    let here = |record: &&Record| record.kind() == kind && record.header().cgroup_id == cgroup.id();
    records.iter().filter(here).count()
}

fn on(policy: Policy) -> Policy {
    Policy { flags: policy.flags | PolicyFlag::On as u32, ..policy }
}

#[test]
fn a_throttle_binds_its_scope_alone_and_says_so() {
    let (bound, free) = (Cgroup::new("guardbee-bound"), Cgroup::new("guardbee-free"));
    for hooks in lists() {
        let watch = Watch::start(&Options { hooks: Some(*hooks), ..small() });
        watch.kernel.set_policy(3, &Policy { per_second: 1, burst: 5, ..Policy::default() }).unwrap();
        watch.kernel.set_policy(0, &on(Policy::default())).unwrap();
        watch.kernel.set_scope(bound.id(), Some(ScopePolicy { number: 3, payload: true })).unwrap();
        bound.run_often("policy", 100);
        free.run_often("policy", 100);
        let account = watch.account(EventKind::Exec);
        let records = watch.records();
        // bash itself, and what the budget gives while it runs.
        let (seen, all) = (in_it(&records, &bound, EventKind::Exec), in_it(&records, &free, EventKind::Exec));
        assert!((5..50).contains(&seen), "{hooks:?}: {seen} of 100");
        let of_free = |record: &&Record| {
            record.kind() == EventKind::Exec
                && record.header().cgroup_id == free.id()
                && record.text::<ExecEvent>(StringId::Args) == "/bin/true\0policy\0"
        };
        assert_eq!(records.iter().filter(of_free).count(), 100, "{hooks:?}: {all}");
        assert!(account.throttled >= 50, "{account:?}");
        assert_eq!(account.produced, account.seen + account.throttled + account.ring_full, "{account:?}");
        assert!(
            in_it(&records, &bound, EventKind::Throttle) > 0
                && in_it(&records, &free, EventKind::Throttle) == 0
        );
    }
}

#[test]
fn what_a_policy_leaves_out_takes_no_number_and_is_no_loss() {
    let (left, kept) = (Cgroup::new("guardbee-left"), Cgroup::new("guardbee-kept"));
    let watch = Watch::best();
    let exits = Policy { left_out: 1 << EventKind::Exit as u64, ..Policy::default() };
    watch.kernel.set_policy(1, &exits).unwrap();
    watch.kernel.set_policy(0, &on(Policy::default())).unwrap();
    watch.kernel.set_scope(left.id(), Some(ScopePolicy { number: 1, payload: true })).unwrap();
    left.run_often("policy", 20);
    kept.run_often("policy", 20);
    let account = watch.account(EventKind::Exit);
    let records = watch.records();
    assert_eq!(in_it(&records, &left, EventKind::Exit), 0);
    assert!(in_it(&records, &left, EventKind::Exec) >= 20 && in_it(&records, &kept, EventKind::Exit) >= 20);
    assert_eq!((account.produced, account.throttled), (account.seen + account.ring_full, 0), "{account:?}");
    // By the default for all, but not for the one that a policy names.
    watch.kernel.set_policy(2, &Policy::default()).unwrap();
    watch.kernel.set_scope(kept.id(), Some(ScopePolicy { number: 2, payload: true })).unwrap();
    watch.kernel.set_scope(left.id(), None).unwrap();
    watch.kernel.set_policy(0, &on(exits)).unwrap();
    let before = in_it(&watch.records(), &kept, EventKind::Exit);
    left.run_often("policy", 20);
    kept.run_often("policy", 20);
    watch.account(EventKind::Exit);
    let records = watch.records();
    assert_eq!(in_it(&records, &left, EventKind::Exit), 0);
    assert!(in_it(&records, &kept, EventKind::Exit) >= before + 20);
    // Off again: nothing is looked at.
    watch.kernel.set_policy(0, &Policy::default()).unwrap();
    left.run_often("policy", 20);
    watch.account(EventKind::Exit);
    assert!(in_it(&watch.records(), &left, EventKind::Exit) >= 20);
}

/// As `sensor/agent` does it: a cgroup has its new policy before the default is another one, and keeps its old one until then.
#[test]
fn an_exchange_under_load_costs_no_event_that_both_want() {
    const TIMES: usize = 300;
    let kept = Cgroup::new("guardbee-exchanged");
    let watch = Watch::best();
    let exits = Policy { left_out: 1 << EventKind::Exit as u64, ..Policy::default() };
    watch.kernel.set_policy(0, &on(Policy::default())).unwrap();
    let mut exchanges = 0;
    std::thread::scope(|scope| {
        let storm = scope.spawn(|| kept.run_often("policy", TIMES));
        while !storm.is_finished() {
            let number = if exchanges % 2 == 0 { 1 } else { 512 };
            watch.kernel.set_policy(number, &Policy::default()).unwrap();
            watch.kernel.set_scope(kept.id(), Some(ScopePolicy { number, payload: true })).unwrap();
            watch.kernel.set_policy(0, &on(exits)).unwrap();
            watch.kernel.set_policy(0, &on(Policy::default())).unwrap();
            watch.kernel.set_scope(kept.id(), None).unwrap();
            exchanges += 1;
        }
    });
    watch.account(EventKind::Exit);
    let records = watch.records();
    let execs = in_it(&records, &kept, EventKind::Exec);
    assert!(execs >= TIMES && exchanges > 10, "{execs} execs, {exchanges} exchanges");
    // bash has made each, and ends last.
    assert!(in_it(&records, &kept, EventKind::Exit) > execs, "{exchanges} exchanges");
    println!("{exchanges} exchanges during {execs} execs");
}

#[test]
fn payload_is_read_where_that_is_allowed() {
    let (secret, open) = (Cgroup::new("guardbee-secret"), Cgroup::new("guardbee-open"));
    for hooks in lists() {
        let watch = Watch::start(&Options { hooks: Some(*hooks), ..small() });
        watch.kernel.set_policy(0, &on(Policy::default())).unwrap();
        watch.kernel.set_scope(secret.id(), Some(ScopePolicy { number: 0, payload: false })).unwrap();
        // Nobody need answer: what is sent is what is read.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let send = |cgroup: &Cgroup, nonce: &str| {
            cgroup.run(&format!(
                "exec 3<>/dev/tcp/127.0.0.1/{port}; printf 'GET /{nonce} HTTP/1.1\\r\\n\\r\\n' >&3"
            ));
        };
        let data = |cgroup: &Cgroup| {
            let here = |record: &&Record| {
                record.kind() == EventKind::Data && record.header().cgroup_id == cgroup.id()
            };
            watch.account(EventKind::Data);
            watch
                .records()
                .iter()
                .filter(here)
                .map(|record| record.fixed::<DataEvent>().captured)
                .sum::<u32>()
        };
        send(&secret, "secret");
        send(&open, "open");
        assert_eq!(data(&secret), 0, "{hooks:?}");
        assert!(data(&open) > 0, "{hooks:?}");
        // The other way round, by the default.
        let never = Policy { flags: PolicyFlag::NoPayload as u32, ..Policy::default() };
        watch.kernel.set_policy(0, &on(never)).unwrap();
        watch.kernel.set_scope(secret.id(), Some(ScopePolicy { number: 0, payload: true })).unwrap();
        let before = data(&open);
        send(&secret, "secret");
        send(&open, "open");
        assert!(data(&secret) > 0, "{hooks:?}");
        assert_eq!(data(&open), before, "{hooks:?}");
        watch.kernel.clear_scopes().unwrap();
        let before = data(&secret);
        send(&secret, "secret");
        assert_eq!(data(&secret), before, "{hooks:?}");
    }
}

/// What there is no room for is refused, and what was there stays.
#[test]
fn the_map_has_a_bound() {
    let watch = Watch::start(&Options { scopes: 4, ..small() });
    let policy = Some(ScopePolicy { number: 1, payload: true });
    for cgroup in 1..=4 {
        watch.kernel.set_scope(cgroup, policy).unwrap();
    }
    assert!(watch.kernel.set_scope(5, policy).is_err());
    watch.kernel.set_scope(4, None).unwrap();
    watch.kernel.set_scope(4, None).unwrap();
    watch.kernel.set_scope(5, policy).unwrap();
}
