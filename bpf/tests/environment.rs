//! Of an environment only the variables that somebody asks for leave the kernel.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, which may panic as tests do"
)]
mod watch;

use guardbee_wire::{
    CounterSlot, EventKind, ExecEvent, ExecFlag, LossCause, StringId, Wants, WatchKey, WatchRole,
};
use std::process::Command;
use watch::Watch;

const LONG: &str = "GUARDBEE_A_NAME_LONGER_THAN_THE_WATCH_LIST_KEEPS";

fn start(names: &[&str]) -> Watch {
    let mut watch = Watch::best();
    want(&mut watch, names);
    watch
}

fn want(watch: &mut Watch, names: &[&str]) {
    let key = |name: &&str| (WatchKey::new(WatchRole::Variable, name.to_lowercase().as_bytes()), 0);
    let variables = names.iter().fold(0, |bits, name| bits | Wants::variable(name.as_bytes()));
    let wants = Wants { variables, ..Wants::default() };
    watch.kernel.want(&wants, &names.iter().map(key).collect::<Vec<_>>()).unwrap();
}

/// What is told of a program with this environment, and whether some may be missing.
fn told(watch: &Watch, environment: &[(&str, &str)]) -> (Option<Vec<String>>, bool) {
    let mut command = Command::new("/bin/true");
    let mut child = command.env_clear().envs(environment.iter().copied()).spawn().expect("spawn");
    let pid = child.id();
    child.wait().expect("wait");
    let exec = watch.wait("exec", |record| record.kind() == EventKind::Exec && record.header().tgid == pid);
    let cut = exec.fixed::<ExecEvent>().flags & ExecFlag::EnvironmentCut as u32 != 0;
    let variables = exec.string::<ExecEvent>(StringId::Environment).map(|(bytes, total)| {
        assert_eq!(bytes.len(), total as usize);
        let text = String::from_utf8(bytes).unwrap();
        let mut all: Vec<_> =
            text.strip_suffix('\0').unwrap_or(&text).split('\0').map(str::to_owned).collect();
        all.sort();
        all
    });
    (variables, cut)
}

/// Environments that were cut, as the counter says.
fn counted(watch: &Watch) -> u64 {
    let cut = |slot: &CounterSlot| slot.lost[LossCause::EnvironmentCut as usize][EventKind::Exec as usize];
    watch.kernel.counter_slots().iter().map(cut).sum()
}

fn is(variables: &[&str]) -> (Option<Vec<String>>, bool) {
    (Some(variables.iter().map(ToString::to_string).collect()), false)
}

#[test]
fn only_what_is_asked_for_is_told() {
    let mut watch = start(&["BEE_LIBRARY", "E", LONG]);
    let all = [
        ("PATH", "/bin"),
        ("BEE_LIBRARY", "/tmp/x.so"),
        ("BEE_LIBRARY_TOO", "secret"),
        ("BEE_LIBRAR", "secret"),
        ("E", ""),
        ("bee_library", "in lower case"),
        ("SECRET", "BEE_LIBRARY=E=secret"),
        (LONG, "secret is a word"),
    ];
    let long = format!("{LONG}=secret is a word");
    assert_eq!(told(&watch, &all), is(&["BEE_LIBRARY=/tmp/x.so", "E=", &long, "bee_library=in lower case"]));
    assert_eq!(told(&watch, &[("PATH", "/bin")]), (None, false));
    assert_eq!(told(&watch, &[]), (None, false));
    want(&mut watch, &["PATH"]);
    assert_eq!(told(&watch, &all), is(&["PATH=/bin"]));
    want(&mut watch, &[]);
    assert_eq!(told(&watch, &all), (None, false));
}

#[test]
fn a_value_is_whole_however_long_its_pieces_are() {
    let watch = start(&["BEE_LIBRARY"]);
    // Around the ends of one piece and of two: name, `=` and NUL included.
    for length in (230..270).step_by(2).chain(490..520).chain([3000]) {
        let value: String = ('a'..='z').cycle().take(length).collect();
        let told = told(&watch, &[("AN", &value), ("BEE_LIBRARY", &value), ("OTHER", &value)]);
        assert_eq!(told, is(&[&format!("BEE_LIBRARY={value}")]), "{length} bytes");
    }
}

#[test]
fn what_is_not_looked_through_or_has_no_room_is_said() {
    let watch = start(&["AA", "ZZ"]);
    let before = counted(&watch);
    let filler: Vec<_> = (0..1000).map(|number| (format!("V{number}"), "x")).collect();
    let filler: Vec<_> = filler.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    // The standard library lays them out in the order of their names.
    let all = [filler.as_slice(), &[("AA", "first"), ("ZZ", "last")]].concat();
    assert_eq!(told(&watch, &all), (Some(vec!["AA=first".into()]), true));
    assert!(counted(&watch) > before);
    let (variables, cut) = told(&watch, &[("AA", &"x".repeat(5000))]);
    let length = variables.unwrap()[0].len();
    assert!(cut && (3800..=4096).contains(&length), "{length} bytes, cut {cut}");
    assert!(counted(&watch) > before + 1);
}

#[test]
fn environments_as_large_as_many_nodes_have_are_looked_through() {
    let watch = start(&["ZZ"]);
    let filler: Vec<_> = (0..500).map(|number| format!("SERVICE_{number}_PORT_TCP_ADDR")).collect();
    let filler: Vec<_> = filler.iter().map(|name| (name.as_str(), "tcp://10.0.0.1:443")).collect();
    let all = [filler.as_slice(), &[("ZZ", "last")]].concat();
    assert_eq!(told(&watch, &all), is(&["ZZ=last"]));
}
