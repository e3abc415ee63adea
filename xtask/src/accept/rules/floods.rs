//! Row e: what hostile authors and hostile workloads can cost, and bytes of a stranger for every parser that rules have.
use crate::accept::{
    lab::Lab,
    rows::{bad_input, part},
    suite::Suite,
    table::{Line, Table, Verdict},
};
use anyhow::{Context as _, ensure};
use std::{
    process::Command,
    time::{Duration, Instant},
};

/// The cases need some minutes.
const LIMIT: Duration = Duration::from_mins(20);
/// Fuzz targets for YAML, the condition grammar, Falco's grammar, compiled evaluation, recordings.
const TARGETS: [&str; 5] = ["rules", "condition", "falco", "evaluate", "recording"];

pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    if lab.wanted("floods") {
        floods(lab, table)?;
    }
    for target in TARGETS {
        part(lab, table, 'e', &format!("fuzz {target}"), || bad_input::fuzz(lab, target));
    }
    Ok(())
}

/// A line for each case: the test has compared its memory with the bound, and what was said with what must be; time is compared
/// here.
fn floods(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut command = Command::new("cargo");
    command.args(["test", "--quiet", "--package", "guardbee-rules", "--test", "floods", "--"]);
    command.args(["floods_stay", "--nocapture"]).env("GUARDBEE_FLOODS", "whole");
    let suite = Suite::of(lab, "floods", command, LIMIT)?;
    let mut cases = 0;
    for line in suite.text.lines() {
        let Some((name, figure)) = line.split_once("flood ").and_then(|(_, rest)| rest.split_once(": "))
        else {
            continue;
        };
        cases += 1;
        table.add(Line::new('e', name, Verdict::of(within(figure)), figure, began));
    }
    ensure!(suite.passed, "{}", suite.complaint());
    let all = suite.numbers("floods: ").next().context("the test did not end")?;
    ensure!(all == cases, "{cases} of {all} cases have a figure");
    Ok(())
}

/// Whether `7 of 9 MiB, x1.20 of x8 the time of ...; ...` is within both bounds.
fn within(figure: &str) -> bool {
    let bounds = figure.split_once("; ").map_or(figure, |(bounds, _)| bounds);
    let number = |text: &str| text.trim_start_matches('x').split(' ').next()?.parse::<f64>().ok();
    let mut parts = bounds.split(", ").map(|part| part.split_once(" of "));
    parts.all(|part| part.and_then(|(is, most)| Some(number(is)? <= number(most)?)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bounds_are_compared() {
        for (right, figure) in [
            (true, "7 of 9 MiB; f.yml:1:1: error: more than 9, of x8"),
            (true, "7 of 9 MiB, x7.99 of x8 the time of a tenth; 12 of 3 are kept"),
            (false, "10 of 9 MiB, x7.99 of x8 the time of a tenth; kept"),
            (false, "7 of 9 MiB, x8.01 of x8 the time of a tenth; kept"),
            (false, "nothing"),
        ] {
            assert_eq!(within(figure), right, "{figure}");
        }
    }
}
