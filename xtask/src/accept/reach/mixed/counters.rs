//! What the sensor's counters say that it lost, and what each of them means. One that has no line here is not explained.
use crate::accept::told::Told;

const EXPLAINED: &[(&str, &str)] = &[
    ("ring_full", "events came faster than the core thread read them for longer than the ring lasts"),
    ("throttled", "a scope above its budget found the ring three quarters full: the rest is for others"),
    ("scratch_busy", "a program interrupted another one of its context"),
    ("recursion", "the kernel ran no program where another one of ours was running"),
    ("connections_full", "more connections at once than there is room for"),
    ("peers", "a socket sent to more peers than are told, or to one that could not be read"),
    (
        "environment_cut",
        "a program got more environment than is looked through: variables that rules name may be missing",
    ),
    ("deeds_full", "more names were being changed at once than there is room for"),
    ("stamps_full", "more threads that serve than there is room for"),
    ("processes_full", "more processes lived than the table has room for; the oldest was forgotten"),
    ("cgroups_full", "more cgroups lived than the table has room for; the oldest was forgotten"),
    ("containers_full", "more containers lived than the table has room for; the oldest was forgotten"),
    ("wants_full", "more processes at once were unknown than may be asked for"),
    ("questions_full", "more questions at once than the loader may be asked"),
    ("answers_full", "answers came faster than the core thread took them"),
    ("hash_budget", "more bytes of executables than may be hashed in a second"),
    ("hash_too_large", "an executable larger than is hashed"),
    ("hash_gone", "who executed a file was gone before it could be opened"),
    ("hash_late", "a hash took longer than a rule waits"),
    ("hash_changed", "an executable was changed before it was read"),
    (
        "hash_stuck",
        "an executable on a device that let whoever opened it wait lately: slow storage, or a machine without time",
    ),
    (
        "users_stuck",
        "a container's users, where the same was so: the record says whose table it has them from",
    ),
    ("reader_stuck", "as many files at once as are read let their readers wait"),
    ("configuration_absent", "a container whose runtime keeps its files elsewhere, or keeps none"),
    ("configuration_late", "what runs in a container was not known within the time that a rule waits"),
    (
        "configuration_stuck",
        "a runtime's file let whoever opened it wait: slow storage, or a machine without time",
    ),
    ("names_full", "more addresses of answered lookups than there is room for"),
    ("waiting_full", "more events at once waited for their requests than there is room for"),
    ("origins_full", "more processes with a request behind them than there is room for"),
    ("history_full", "more answered requests than are kept"),
    ("open_full", "more requests at once than there is room for"),
    ("correlation_full", "more open groups of correlations than there is room for"),
    ("suppression_full", "more suppressed findings than there is room for"),
    (
        "baseline_full",
        "more values of workloads' profiles than there is room for; what was away for the longest time is new again",
    ),
    ("rule_capped", "a rule found more in a second than it may report"),
];

pub(super) fn judge(told: &Told) -> (bool, String) {
    let (mut lost, mut unexplained) = (0, 0);
    for ([stage, cause, kind], count) in told.all() {
        let meaning = EXPLAINED.iter().find(|(known, _)| *known == cause).map(|(_, meaning)| *meaning);
        println!("   lost {count}: {stage} {cause} {kind}: {}", meaning.unwrap_or("NOT EXPLAINED"));
        lost += count;
        unexplained += if meaning.is_none() { count } else { 0 };
    }
    let adds_up = told.adds_up();
    let figure = format!(
        "{} events read, {lost} losses told, {unexplained} of them unexplained; by kind, what the kernel half made {} what was \
         read and what was lost",
        told.taken_of_all(),
        if adds_up { "is" } else { "IS NOT" },
    );
    (adds_up && unexplained == 0, figure)
}
