//! Row h: a pipeline that was taken over tries everything on the RPC; the loader refuses, lives, has only its stated rights.
use super::{Judged, part};
use crate::accept::{
    lab::Lab,
    sensor::{Options, Sensor, status_field},
    suite::Suite,
    table::{Line, Table, Verdict},
};
use anyhow::{Context as _, ensure};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// The tests need half a minute; the build may need more.
const LIMIT: Duration = Duration::from_mins(15);

/// The tests of the loader beside a real one: what each group shows.
const GROUPS: [(&str, &[&str]); 6] = [
    ("everything outside the enum", &["everything_outside_the_enum_is_refused"]),
    ("mutated messages, fd floods", &["mutated_messages_and_descriptor_floods"]),
    ("a pipeline that does not read", &["a_pipeline_that_does_not_read_is_waited_for"]),
    ("exactly the stated capabilities", &["the_loader_has_exactly_the_stated_capabilities"]),
    (
        "what the pipeline may not",
        &[
            "the_pipeline_has_no_rights",
            "what_the_pipeline_cannot_do",
            "doctor_says_what_works",
            "what_can_not_be_confined_is_said",
        ],
    ),
    (
        "hand-over, life and death",
        &[
            "hello_hands_over_rings_and_the_key_once",
            "every_attached_program_fires_in_the_self_test",
            "every_spare_fires_in_the_self_test",
            "things_of_processes",
            "a_killed_pipeline_leaves_its_last_word",
            "a_killed_loader_is_seen_at_once",
            "a_reload_reaches_the_pipeline_and_ends_nothing",
            "a_stop_reaches_the_pipeline_and_leaves_nothing",
            "a_pipeline_that_will_not_stop_is_killed",
        ],
    ),
];

/// What the loader may keep, by its bit of capabilities(7): said here once more, so that nobody widens it in passing.
const STATED: [(u32, &str); 7] = [
    (2, "DAC_READ_SEARCH"),
    (5, "KILL"),
    (6, "SETGID"),
    (7, "SETUID"),
    (19, "SYS_PTRACE"),
    (38, "PERFMON"),
    (39, "BPF"),
];

pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    part(lab, table, 'h', "capabilities of the real sensor", || capabilities(lab));
    if !GROUPS.iter().any(|(name, _)| lab.wanted(name)) {
        return Ok(());
    }
    let began = Instant::now();
    let suite = Suite::run(lab, "guardbee-loader", &["--test", "host"], LIMIT)?;
    let outcomes = outcomes(&suite.text);
    let passed = outcomes.values().flatten().count();
    let figure = format!("{passed} of {} passed", outcomes.len());
    let verdict = Verdict::of(suite.passed && passed == outcomes.len() && passed > 0);
    table.add(Line::new('h', "tests beside a real loader", verdict, figure, began));
    for (name, tests) in GROUPS {
        part(lab, table, 'h', name, || judged(&suite, &outcomes, tests));
    }
    let known = |name: &&String| GROUPS.iter().any(|(_, tests)| tests.contains(&name.as_str()));
    let unknown: Vec<&String> = outcomes.keys().filter(|name| !known(name)).collect();
    ensure!(unknown.is_empty(), "tests that are in no group: {unknown:?}");
    Ok(())
}

/// By test: what it has found out, if it has passed.
fn outcomes(text: &str) -> BTreeMap<String, Option<String>> {
    let (mut outcomes, mut figure) = (BTreeMap::new(), String::new());
    for line in text.lines() {
        if let Some(found) = line.strip_prefix("figure ") {
            found.clone_into(&mut figure);
        }
        let Some(named) = line.strip_prefix("test ") else { continue };
        if let Some(begun) = named.strip_suffix(" ...") {
            outcomes.insert(begun.to_owned(), None);
        } else if let Some(passed) = named.strip_suffix(" ok") {
            outcomes.insert(passed.to_owned(), Some(std::mem::take(&mut figure)));
        }
    }
    outcomes
}

fn judged(suite: &Suite, outcomes: &BTreeMap<String, Option<String>>, tests: &[&str]) -> Judged {
    let mut figures = Vec::new();
    for test in tests {
        let outcome = outcomes.get(*test).with_context(|| format!("{test} was not run"))?;
        let figure = outcome.as_ref().with_context(|| format!("{test}: {}", suite.complaint()))?;
        figures.push(figure.as_str());
    }
    let count = format!("{} of {} tests", tests.len(), tests.len());
    figures.insert(0, &count);
    figures.retain(|figure| !figure.is_empty());
    Ok((true, figures.join("; ")))
}

/// Of the loader and the pipeline of `guardbee run`, by /proc.
fn capabilities(lab: &Lab) -> Judged {
    let sensor = Sensor::start(lab, &Options::default())?;
    let (loader, pipeline) = sensor.loader_and_pipeline()?;
    let mask = |pid, field: &str| -> anyhow::Result<u64> {
        let text = status_field(pid, field).with_context(|| format!("{pid} has no {field}"))?;
        u64::from_str_radix(&text, 16).with_context(|| format!("{field} {text}"))
    };
    let stated = STATED.iter().fold(0, |set, (bit, _)| set | 1_u64 << bit);
    for field in ["CapEff:", "CapPrm:"] {
        let has = mask(loader, field)?;
        ensure!(has == stated, "the loader has {field} {has:x}, stated is {stated:x}");
    }
    for (pid, field) in [(loader, "CapInh:"), (loader, "CapBnd:"), (loader, "CapAmb:")]
        .into_iter()
        .chain(["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"].map(|field| (pipeline, field)))
    {
        let has = mask(pid, field)?;
        ensure!(has == 0, "{pid} (loader {loader}, pipeline {pipeline}) has {field} {has:x}");
    }
    ensure!(status_field(loader, "Threads:").as_deref() == Some("1"), "the loader has several threads");
    sensor.stop()?;
    let names: Vec<&str> = STATED.iter().map(|(_, name)| *name).collect();
    Ok((true, format!("loader: {}; pipeline: none", names.join(" "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_of_tests() {
        let text = "test a ...\nfigure 7 refused\ntest a ok\ntest b ...\nthread 'main' panicked at x\n";
        let outcomes = outcomes(text);
        assert_eq!(outcomes["a"].as_deref(), Some("7 refused"));
        assert_eq!(outcomes["b"], None);
    }
}
