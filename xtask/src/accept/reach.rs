//! The rows of `reach`: everything that is done to a node, by attacks that are really carried out. What a row asks for and nothing
//! shows yet is a line of its own that has not passed.
mod arm64;
mod kernels;
pub(crate) mod mixed;

use super::{
    lab::Lab,
    rows::{self, Judged, Row, part},
    suite::Suite,
    table::Table,
};
use crate::attacks::{self, coverage, driver::Driver};
use anyhow::ensure;
use std::time::Duration;

/// The tests need a minute; the build may need more.
const LIMIT: Duration = Duration::from_mins(20);

pub(crate) const ROWS: &[Row] = &[
    Row { letter: 'a', about: "behaviours", run: Some(behaviours) },
    Row { letter: 'b', about: "ways around a sensor", run: Some(bypasses) },
    Row { letter: 'c', about: "other kernels", run: Some(kernels::run) },
    Row { letter: 'd', about: "an hour of mixed load", run: Some(mixed::run) },
    Row { letter: 'e', about: "containers", run: Some(containers) },
    Row { letter: 'f', about: "cost with the default pack", run: Some(cost) },
    Row { letter: 'g', about: "reload under load", run: Some(reload) },
    Row { letter: 'h', about: "planted secrets", run: Some(secrets) },
];

#[expect(clippy::unnecessary_wraps, reason = "as every row")]
fn behaviours(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    carried_out(lab, table, 'a', |driver| !driver.is_bypass());
    part(lab, table, 'a', "in a virtual machine", || kernels::only(lab, &["038", "048", "052", "065"]));
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "as every row")]
fn bypasses(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    carried_out(lab, table, 'b', Driver::is_bypass);
    part(lab, table, 'b', "in a virtual machine", || kernels::only(lab, &["b07-x32", "b18"]));
    Ok(())
}

/// All of them found, prevented or told; or this machine can't do them. Their twins silent.
fn carried_out(lab: &Lab, table: &mut Table, row: char, is_wanted: fn(&Driver) -> bool) {
    part(lab, table, row, "carried out, twins silent", || {
        let lines = attacks::carry_out(lab, lab.keep, is_wanted)?;
        let summary = coverage::Summary::of(&lines);
        Ok((summary.is_whole(), summary.to_string()))
    });
}

#[expect(clippy::unnecessary_wraps, reason = "as every row")]
fn containers(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    part(lab, table, 'e', "who is in which container", || {
        let (passed, _) = suite(lab, "containers", "")?;
        let what = "podman and crun on v1 and v2 hierarchies, plain cgroups gone at once, 1,000 of these and 100 of crun's at once";
        Ok((passed, what.to_owned()))
    });
    Ok(())
}

fn cost(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    rows::cost::goals(lab, table, 'f')
}

#[expect(clippy::unnecessary_wraps, reason = "as every row")]
fn reload(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    part(lab, table, 'g', "no event lost at the swap", || suite(lab, "recording", "rules_change_under_load"));
    part(lab, table, 'g', "attachments follow the rules", || suite(lab, "recording", "attachments_follow"));
    part(lab, table, 'g', "no event lost at the swap of policies", || {
        suite(lab, "policies", "exchanged_under_load")
    });
    part(lab, table, 'g', "attachments follow the policies", || suite(lab, "policies", "attachments_follow"));
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "as every row")]
fn secrets(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    part(lab, table, 'h', "none leaves the pipeline", || suite(lab, "secrets", ""));
    Ok(())
}

/// A test of the binary, and the figure that it prints.
fn suite(lab: &Lab, test: &str, name: &str) -> Judged {
    let suite = Suite::run(lab, "guardbee-cli", &["--test", test, "--", "--nocapture", name], LIMIT)?;
    ensure!(suite.passed, "{}", suite.complaint());
    let figure = suite.text.lines().filter_map(|line| line.split_once("figure ")).map(|(_, figure)| figure);
    let figure = figure.collect::<Vec<_>>().join("; ");
    ensure!(suite.numbers("test result: ok. ").sum::<usize>() > 0, "no test of {test} is called {name}");
    Ok((true, figure))
}
