//! Replay: the same recording gives the same findings as the engine gave then, however it was cut.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

use guardbee_agent::replay::{Outcome, Replay, Source};
use guardbee_model::{
    clock::{BootTime, WallOffset},
    container::Container,
    event::{Exec, Exit},
    executable::Executable,
    finding::{Action, Observation},
    loss::{Loss, Stage},
    process::{Args, Credentials, Environment, Fd, File, Process, ProcessKey},
    watch::Selection,
};
use guardbee_recording::{End, Head, Item, Reader, Sight, Writer};
use guardbee_rules::{Engine, Params, RuleSet};
use proptest::prelude::*;
use std::{fs, path::Path, sync::Arc};

const MS: u64 = 1_000_000;
const RULES: &str = "
title: Netcat
id: 6a0f2b0c-7b53-4a4e-9a0a-3f7b0c1d2e01
name: netcat
logsource: {product: linux, category: process_creation}
detection:
    selection: {Image|endswith: /nc}
    condition: selection
level: high
---
title: Ended
name: ended
logsource: {product: linux, category: process_termination}
detection:
    selection: {guardbee.exit.status: 9}
    condition: selection
level: low
---
title: Netcats In One Container
correlation:
    type: event_count
    rules: [netcat]
    group-by: [container.id]
    timespan: 100ms
    condition: {gte: 3}
    generate: true
---
title: Few Ends
correlation:
    type: event_count
    rules: [ended]
    group-by: [container.id]
    timespan: 50ms
    condition: {lt: 3}
    generate: true
---
title: Another Netcat Before An End
correlation:
    type: temporal_ordered
    rules: [netcat, netcat]
    group-by: [container.id]
    timespan: 200ms
    generate: true
guardbee: {until: [ended], grace: 5ms}
---
title: Ended Where None Did
logsource: {product: linux, category: process_termination}
detection:
    selection: {guardbee.exit.status: 9}
    condition: selection
guardbee: {baseline: {by: [container.id], learn: 200ms, forget: 1s}}
";

fn rules(text: &str) -> Arc<RuleSet> {
    Arc::new(RuleSet::load(&[("rules.yml", text)]).unwrap_or_else(|problems| panic!("{problems:#?}")))
}

fn process(container: u8) -> Arc<Process> {
    Arc::new(Process {
        key: ProcessKey { tgid: container.into(), start: BootTime(1), exec_number: 0 },
        parent: None,
        exe: b"/usr/bin/nc".as_slice().into(),
        previous: Arc::default(),
        file: None,
        executed: None,
        executable: Executable::default(),
        args: Arc::default(),
        comm: b"nc".as_slice().into(),
        cwd: b"/".as_slice().into(),
        credentials: Credentials::default(),
        user: None,
        ns_tgid: 1,
        session: 0,
        tty: 0,
        login: None,
        mnt_ns: 0,
        cgroup_id: 1,
        cgroup: None,
        container: Some(Arc::new(Container::new(&format!("c{container}"), "x"))),
        configured: None,
        recovered: false,
    })
}

fn exec(exe: &str) -> Exec {
    Exec {
        parent: None,
        exe: exe.as_bytes().into(),
        filename: exe.as_bytes().into(),
        cwd: b"/".as_slice().into(),
        args: Args {
            words: vec![exe.as_bytes().into(), b"--token=hunter2".as_slice().into()],
            ..Args::default()
        },
        environment: Environment::default(),
        comm: b"x".as_slice().into(),
        cgroup: Box::default(),
        unified: Box::default(),
        file: File::default(),
        credentials: Credentials::default(),
        fds: [Fd::Closed; 3],
        pid_ns: 1,
        mnt_ns: 1,
        net_ns: 1,
        ns_tgid: 1,
        session: 1,
        tty: 0,
        login: None,
        secure: false,
        outside: false,
        cwd_outside: false,
    }
}

fn observation(sequence: u64, at_ms: u64, kind: u8, container: u8) -> Item {
    let action = match kind {
        0 => Action::Exec(Arc::new(exec("/usr/bin/nc"))),
        1 => Action::Exec(Arc::new(exec("/usr/bin/true"))),
        _ => Action::Exit(Exit { code: 9 }),
    };
    let (process, ancestors) = (Some(process(container)), Arc::default());
    Item::Observation(Arc::new(Observation {
        time: BootTime(at_ms * MS),
        action,
        process,
        ancestors,
        link: None,
        sequence,
    }))
}

fn time(at_ms: u64) -> Item {
    Item::Time(BootTime(at_ms * MS), WallOffset(1_700_000_000_000_000_000))
}

fn sight(at_ms: u64, observed: &[&'static str]) -> Item {
    Item::Sight(Sight { since: BootTime(at_ms * MS), observed: observed.to_vec(), ..Sight::default() })
}

fn played(rules: &Arc<RuleSet>, recording: &[u8]) -> Outcome {
    let mut replay = Replay::new(Arc::clone(rules));
    let mut reader = Reader::new(recording).unwrap();
    replay.begin(reader.head());
    while let Some(item) = reader.next_item().unwrap() {
        replay.item(&item);
    }
    replay.finish()
}

fn shown(outcome: &Outcome) -> Vec<String> {
    let shown = |found: &guardbee_agent::replay::Found| format!("{} {:?}", found.rule.title, found.key().3);
    outcome.found.iter().map(shown).collect()
}

/// What the engine itself says, without any recording.
fn live(rules: &Arc<RuleSet>, items: &[Item]) -> Vec<String> {
    let mut engine = Engine::new(Arc::clone(rules), Params::default());
    let mut out = Vec::new();
    for item in items {
        match item {
            Item::Observation(one) => engine.observe(one, &mut out),
            Item::Time(now, offset) => {
                engine.set_wall(*offset);
                engine.advance(*now, &mut out);
            }
            _ => {}
        }
    }
    let sequences = |one: &guardbee_rules::Match| one.evidence.iter().map(|o| o.sequence).collect::<Vec<_>>();
    out.iter().map(|one| format!("{} {:?}", one.rule.title, sequences(one))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_recording_gives_the_same_findings(
        events in prop::collection::vec((0..40_u64, 0..8_u64, 0..3_u8, 0..3_u8), 1..80),
        cuts: Vec<bool>,
        ticks in prop::collection::vec(any::<bool>(), 80),
    ) {
        let rules = rules(RULES);
        let mut now = 1000;
        let mut items = vec![time(now), sight(now, &["exec", "exit"])];
        for (sequence, ((gap, late, kind, container), tick)) in (0..).zip(events.iter().zip(ticks)) {
            now += gap;
            items.push(observation(sequence, now - late, *kind, *container));
            items.extend(tick.then(|| time(now)));
        }
        items.push(time(now + 5000));
        let record = |cuts: &[bool]| {
            let mut writer = Writer::new(Vec::new(), &Head::default()).unwrap();
            for (item, cut) in items.iter().zip(cuts.iter().chain(std::iter::repeat(&false))) {
                writer.put(item).unwrap();
                if *cut {
                    writer.cut().unwrap();
                }
            }
            writer.finish().unwrap()
        };
        let first = played(&rules, &record(&[]));
        prop_assert_eq!(shown(&first), live(&rules, &items));
        for cuts in [&cuts, &vec![true; items.len()]] {
            let again = played(&rules, &record(cuts));
            prop_assert_eq!(shown(&again), shown(&first));
            prop_assert_eq!(again.seen, first.seen.clone());
            prop_assert_eq!(again.events, events.len() as u64);
        }
    }
}

fn write(path: &Path, run: u8, items: &[Item]) {
    let head = Head { instance: [run; 16], ..Head::default() };
    let mut writer = Writer::new(fs::File::create(path).unwrap(), &head).unwrap();
    for item in items {
        writer.put(item).unwrap();
    }
    writer.finish().unwrap();
}

/// Files of one run are one recording; another run begins anew, as the sensor did.
#[test]
fn a_folder_is_played_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let some = |first: u64, since: u64, at: u64| {
        vec![
            time(since),
            sight(since, &["exec"]),
            observation(first, at, 0, 1),
            observation(first + 1, at + 1, 0, 1),
        ]
    };
    write(&at("2.gbrec"), 1, &some(3, 1001, 1010));
    write(&at("1.gbrec"), 1, &some(1, 1000, 1000));
    write(&at("3.gbrec"), 2, &some(1, 1020, 1020));
    fs::write(at("4.gbrec"), "").unwrap();
    fs::write(at("note.txt"), "not ours").unwrap();
    let rules = rules(RULES);
    let mut replay = std::cell::RefCell::new(Replay::new(rules));
    let source = Source::find(folder.path()).unwrap();
    let endings = source
        .play(&mut |head| replay.borrow_mut().begin(head), &mut |item, at| {
            assert!(at <= source.bytes());
            replay.borrow_mut().item(&item);
        })
        .unwrap();
    let [ending] = &endings[..] else { panic!("{endings:?}") };
    assert!(matches!(ending.end, End::Damaged { at: 0, .. }));
    let outcome = std::mem::replace(replay.get_mut(), Replay::new(Arc::default())).finish();
    let found = shown(&outcome);
    let threes: Vec<_> = found.iter().filter(|text| text.starts_with("Netcats")).collect();
    assert_eq!(threes, ["Netcats In One Container [1, 2, 3]"], "{found:?}");
    assert_eq!(outcome.seen.holes(&["exec"], &Selection::default()).len(), 1, "between the runs");
}

#[test]
fn a_finding_says_what_was_lost_meanwhile_and_no_secret() {
    let loss = |from: u64, to: u64| {
        Item::Loss(Loss {
            stage: Stage::Kernel,
            cause: "ring_full",
            kind: "exec",
            count: 7,
            from: BootTime(from * MS),
            to: BootTime(to * MS),
        })
    };
    let mut writer = Writer::new(Vec::new(), &Head::default()).unwrap();
    for item in [
        time(1000),
        sight(1000, &["exec"]),
        observation(1, 1000, 0, 1),
        observation(2, 1500, 0, 2),
        loss(990, 1010),
        time(1600),
    ] {
        writer.put(&item).unwrap();
    }
    let outcome = played(&rules(RULES), &writer.finish().unwrap());
    let with: Vec<_> = outcome.found.iter().map(|found| found.losses.len()).collect();
    assert_eq!(with, [1, 0]);
    assert_eq!(outcome.seen.lost_of(&["exec"]), 7);
    let record = outcome.found[0].record("node");
    assert!(!format!("{record:?}").contains("hunter2"));
    assert!(record.attribute("guardbee.losses").is_some());
}
