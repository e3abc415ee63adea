//! The cases: what is done, and the memory that it may take.
mod files;
mod workload;

use super::Outcome;
use std::env;

/// A flood.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Bytes that it may take beyond what the process has before it.
    pub(crate) bytes: usize,
    pub(crate) run: fn() -> Outcome,
}

fn case(name: &'static str, bytes: usize, run: fn() -> Outcome) -> Case {
    Case { name, bytes: BASE + bytes, run }
}

/// Whether sizes are those that the row asks for; else they are a part of these, for the test command.
fn whole() -> bool {
    env::var_os("GUARDBEE_FLOODS").is_some_and(|value| value == "whole")
}

fn full(size: usize) -> usize {
    if whole() { size } else { size / 50 }
}

const MIB: usize = 1 << 20;

// What the bounds are made of: how many there may be is what the loader and the engine allow, times what one of them takes in
// memory, which was measured and rounded up.
/// What any case takes: tables that are made when they are first needed, pages that the allocator keeps.
const BASE: usize = 8 * MIB;
/// Bytes of one file. A case holds its text twice: as it is given, and while it is put together.
const TEXT: usize = MIB;
/// Values of one file, aliases unfolded: a place, a text of 256 bytes (a longer one counts as several), what a list that grows has
/// in reserve.
const NODES: usize = 100_000 * (160 + 256);
/// Forms of the values of one rule: the pattern with its text, the literal by which it is looked for.
const FORMS: usize = 200_000 * 640;
/// Comparisons that one condition unfolds to.
const PARTS: usize = 200_000 * 96;
/// Comparisons that filters add to all rules together.
const ADDED: usize = 1_000_000 * 64;
/// Regular expressions by the loader's own account, which is of what they are when they are done; making one takes as much again.
const REGEXES: usize = 2 * (64 * MIB);
/// A rule of five values with its text.
const RULE: usize = 5 << 10;
/// Checks of Falco's that one condition unfolds to.
const CHECKS: usize = 50_000 * 640;
/// Unfinished correlations, and what suppressions and baselines know, by the engine's own account ([`guardbee_rules::Params`]),
/// which rounds: a table that grows has as much again in reserve.
const CORRELATIONS: usize = 2 * (32 * MIB);
const SUPPRESSIONS: usize = 2 * (16 * MIB);
const BASELINES: usize = 2 * (16 * MIB);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        // What an author can write.
        case("10 MB of YAML in a file", 2 * (10 * MIB), files::ten_megabytes),
        case("100,000 brackets", TEXT, files::brackets),
        case("100,000 dashes", TEXT, files::dashes),
        case("a megabyte of maps within maps", 2 * TEXT, files::maps),
        case("a billion laughs", NODES, files::laughs),
        case("a list with 1,000 aliases of a list", NODES, files::aliases),
        case("a long text with 90,000 aliases", 2 * TEXT + NODES, files::long_alias),
        case("an error behind a hundred warnings", TEXT, files::hidden_error),
        case("a global document for thousands of rules", 2 * TEXT + NODES, files::globals),
        case("placeholders of ten values, ten times", TEXT, files::placeholders),
        case("dashes and encodings of thousands of values", TEXT + FORMS, files::forms),
        case("1,000 filters for 8,000 rules", 2 * TEXT + NODES + ADDED, files::filters),
        case("a condition of conditions", TEXT + NODES + PARTS, files::conditions),
        case("a regular expression of a million repetitions", TEXT, files::regex),
        case("20,000 regular expressions, each below its bound", 2 * TEXT + NODES + REGEXES, files::regexes),
        case("a list of 80,000 values", 2 * TEXT + NODES + FORMS, files::values),
        case("100,000 rules", full(100_000) * RULE, files::rules),
        case("100,001 rules", 100_001 * RULE, files::too_many_rules),
        case("macros of macros, Falco's", TEXT + CHECKS, files::macros),
        case("a condition of 100,000 parentheses, Falco's", 2 * TEXT, files::parentheses),
        // What a workload can do.
        case("repetitions within repetitions, looked for", TEXT, workload::repetitions),
        case("wildcards, looked for", TEXT, workload::wildcards),
        case("a key for each event of an order", CORRELATIONS, workload::keys_of_an_order),
        case("a key for each event of a count", CORRELATIONS, workload::keys_of_a_count),
        case("a value for each event of a group", CORRELATIONS, workload::values_of_a_group),
        case("keys of processes with thousands of words", CORRELATIONS, workload::words),
        case("a key for each event of a suppression", SUPPRESSIONS, workload::keys_of_a_suppression),
        case("a key for each event of a baseline", BASELINES, workload::keys_of_a_baseline),
        case("a finding for each event", TEXT, workload::findings),
    ]
}
