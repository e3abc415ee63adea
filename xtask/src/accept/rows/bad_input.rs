//! Row j: whatever is wrong gets an error with place and remedy, or a counter; and bytes of a stranger break no parser.
use super::{Judged, part};
use crate::accept::{lab::Lab, suite::Suite, table::Table};
use anyhow::{Context as _, ensure};
use std::{cell::Cell, process::Command, time::Duration};

/// The tests need seconds; the build may need more.
const TEST_LIMIT: Duration = Duration::from_mins(15);
/// A fuzz target's run, and its limit: it is built with instrumentation first.
const FUZZ_SECONDS: u64 = 60;
const FUZZ_LIMIT: Duration = Duration::from_mins(20);
/// Hand-made cases, all kinds together.
const CASES: usize = 100;

/// A kind of bad input: its tests print `cases: N`.
struct Kind {
    name: &'static str,
    /// What each case is compared with.
    by: &'static str,
    /// With fewer cases something was filtered out.
    least: usize,
    package: &'static str,
    args: &'static [&'static str],
}

const KINDS: [Kind; 8] = [
    Kind {
        name: "bad rules",
        by: "file, line, column, remedy",
        least: 300,
        package: "guardbee-rules",
        args: &["--test", "wrong", "--"],
    },
    Kind {
        name: "bad policies",
        by: "file, line, column, remedy",
        least: 35,
        package: "guardbee-policy",
        args: &["--test", "wrong", "--"],
    },
    Kind {
        name: "bad configurations",
        by: "file and line, variable or flag; remedy",
        least: 40,
        package: "guardbee-agent",
        args: &["--test", "bad_config", "--"],
    },
    Kind {
        name: "bad certificates",
        by: "file, remedy",
        least: 30,
        package: "guardbee-deliver",
        args: &["--test", "delivery", "--", "credentials::", "settings::"],
    },
    Kind {
        name: "bad HTTP streams",
        by: "the flags that are counted",
        least: 25,
        package: "guardbee-l7",
        args: &["--test", "bad_streams", "--"],
    },
    Kind {
        name: "bad ring records",
        by: "cause, field, counter",
        least: 24,
        package: "guardbee-capture",
        args: &["--lib", "--", "decode::tests::bad_", "tests::bad_records"],
    },
    Kind {
        name: "bad files of container runtimes",
        by: "counter",
        least: 20,
        package: "guardbee-enrich",
        args: &["--lib", "--", "configuration::tests::what_a_runtime_would_not_write"],
    },
    Kind {
        name: "bad manifests and exports",
        by: "file, line, reason, counter",
        least: 50,
        package: "guardbee-seal",
        args: &["--test", "bad_input", "--"],
    },
];

/// Targets of fuzz/: what is given bytes of a stranger.
const TARGETS: [&str; 15] = [
    "decode",
    "http",
    "rules",
    "condition",
    "falco",
    "evaluate",
    "policies",
    "rpc",
    "verify",
    "config",
    "configurations",
    "recording",
    "packages",
    "sqlite",
    "things",
];

#[expect(clippy::unnecessary_wraps, reason = "the form of every row")]
pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    let (total, judged) = (Cell::new(0), Cell::new(0));
    for kind in &KINDS {
        part(lab, table, 'j', kind.name, || {
            let count = cases(lab, kind)?;
            total.set(total.get() + count);
            judged.set(judged.get() + 1);
            Ok((count >= kind.least, format!("{count} cases, each by {}", kind.by)))
        });
    }
    if judged.get() == KINDS.len() {
        part(lab, table, 'j', "all kinds together", || {
            Ok((total.get() >= CASES, format!("{} hand-made cases", total.get())))
        });
    }
    for target in TARGETS {
        part(lab, table, 'j', &format!("fuzz {target}"), || fuzz(lab, target));
    }
    Ok(())
}

/// A test fails with its first wrong case, so those of tests that passed are right.
fn cases(lab: &Lab, kind: &Kind) -> anyhow::Result<usize> {
    let args: Vec<&str> = kind.args.iter().copied().chain(["--nocapture"]).collect();
    let suite = Suite::run(lab, kind.package, &args, TEST_LIMIT)?;
    ensure!(suite.passed, "{}", suite.complaint());
    ensure!(suite.numbers("test result: ok. ").sum::<usize>() > 0, "no test was run");
    Ok(suite.numbers("cases: ").sum())
}

/// Runs a fuzz target for a while.
pub(crate) fn fuzz(lab: &Lab, target: &str) -> Judged {
    let corpus = format!("fuzz/corpus/{target}");
    let mut list = Command::new("git");
    list.args(["ls-files", &corpus]);
    let committed = Suite::of(lab, "git", list, Duration::from_secs(10))?;
    let seeds = committed.text.lines().count();
    ensure!(committed.passed && seeds > 0, "no file of {corpus} is committed");
    println!("    fuzz {target}: {FUZZ_SECONDS} s, after its build");
    let mut command = Command::new("scripts/fuzz.sh");
    command.args([&FUZZ_SECONDS.to_string(), target]);
    let suite = Suite::of(lab, &format!("fuzz-{target}"), command, FUZZ_LIMIT)?;
    // The table's line: name, executions, verdict, seconds.
    let line = suite.text.lines().find(|line| line.starts_with(target));
    let line = line.with_context(|| format!("it did not run: {}", suite.complaint()))?;
    let executions: u64 = line.split_whitespace().nth(1).and_then(|count| count.parse().ok()).unwrap_or(0);
    if !suite.passed || executions == 0 {
        return Ok((
            false,
            suite.text.lines().skip_while(|other| *other != line).collect::<Vec<_>>().join(" | "),
        ));
    }
    Ok((true, format!("{executions} executions in {FUZZ_SECONDS} s, nothing found; {seeds} seeds committed")))
}
