//! Row g: rules as people get them wrong, each with its answer, which is compared with a snapshot.
use crate::accept::{lab::Lab, rows::part, suite::Suite, table::Table};
use anyhow::{Context as _, ensure};
use std::time::Duration;

/// The tests need seconds; the build may need more.
const LIMIT: Duration = Duration::from_mins(15);
/// Wrong rules that are asked for.
const CASES: usize = 300;

#[expect(clippy::unnecessary_wraps, reason = "the form of every row")]
pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    part(lab, table, 'g', "wrong rules", || {
        let suite = test(lab, "guardbee-rules", &["--test", "wrong"])?;
        let number = |word: &str| {
            suite.numbers(word).next().with_context(|| format!("the test did not print `{word}`"))
        };
        let (cases, messages, remedies) = (number("cases: ")?, number("messages: ")?, number("remedies: ")?);
        let figure = format!(
            "{cases} mistakes, each told with file, line, column and remedy: {messages} messages, {remedies} remedies; \
             read them in sensor/rules/tests/snapshots/wrong__*.snap"
        );
        Ok((cases >= CASES, figure))
    });
    part(lab, table, 'g', "wrong files of Falco's", || {
        let suite = test(lab, "guardbee-rules", &["--test", "falco", "each_wrong_file"])?;
        let cases = suite.numbers("cases: ").next().context("the test did not print `cases:`")?;
        Ok((cases > 0, format!("{cases} mistakes, each told with file, line, column and remedy")))
    });
    part(lab, table, 'g', "files that are no text", || {
        let suite = test(lab, "guardbee-agent", &["--lib", "rule_files::"])?;
        let passed = suite.numbers("test result: ok. ").sum::<usize>();
        Ok((passed > 0, format!("{passed} tests: the line and column of the first byte that is no UTF-8")))
    });
    Ok(())
}

/// A test of a crate, its name and a filter of its functions, that must pass.
pub(super) fn test(lab: &Lab, package: &str, args: &[&str]) -> anyhow::Result<Suite> {
    let (target, filter) = args.split_at(args.len().min(if args.first() == Some(&"--lib") { 1 } else { 2 }));
    let args: Vec<&str> =
        target.iter().copied().chain(["--"]).chain(filter.iter().copied()).chain(["--nocapture"]).collect();
    let suite = Suite::run(lab, package, &args, LIMIT)?;
    ensure!(suite.passed, "{}", suite.complaint());
    ensure!(suite.numbers("test result: ok. ").sum::<usize>() > 0, "no test was run");
    Ok(suite)
}
