//! What an issue must show, on real programs: servers are attacked, and what the sensor says is compared with the truth.
//!
//! The truth is a nonce: an argv word of the action and a query parameter of the request. Only [`checker`] compares them.
mod checker;
mod collector;
mod driver;
mod export;
pub(crate) mod findings;
mod http;
pub(crate) mod lab;
mod proof;
mod reach;
mod rows;
pub(crate) mod rules;
pub(crate) mod sensor;
mod strict;
mod suite;
mod table;
mod target;
pub(crate) mod told;

use crate::process;
use anyhow::bail;
use clap::Parser;
use lab::Lab;
use std::{path::PathBuf, time::Instant};
use table::{Line, Table, Verdict};

/// Which issue, which rows, which binary.
#[derive(Parser)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct Args {
    /// The issue: `thread`, `reach` or `rules`.
    issue: String,
    /// Only these rows; without: all.
    #[arg(long)]
    row: Vec<char>,
    /// Only what the test command runs: the parts of some rows that take seconds, and need no more than a C compiler.
    #[arg(long)]
    quick: bool,
    /// Of rows with several servers only those whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// The sensor; without: it is built, release.
    #[arg(long, value_name = "FILE")]
    guardbee: Option<PathBuf>,
    /// Attack the targets without a sensor: do the targets and the driver work?
    #[arg(long)]
    dry: bool,
    /// Keep the folder with configurations, logs and findings.
    #[arg(long)]
    keep: bool,
    /// Of `rules`: the folder with the public rules, `sigma/` and `falco/` below it.
    #[arg(long, value_name = "FOLDER")]
    corpus: Option<PathBuf>,
    /// Row d of `reach`: how long the mixed load runs.
    #[arg(long, default_value_t = reach::mixed::MINUTES, value_parser = clap::value_parser!(u32).range(1..=1440))]
    minutes: u32,
    /// Row k: record what operations cost now, in place of comparing it with the record.
    #[arg(long)]
    record: bool,
}

/// Runs the rows, prints the table; an error if one of them doesn't pass, or isn't built.
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let known = match args.issue.as_str() {
        "thread" => rows::ROWS,
        "reach" => reach::ROWS,
        "rules" => rules::ROWS,
        other => bail!("`{other}` is no issue with rows; there are `thread`, `reach` and `rules`"),
    };
    let rows: Vec<&rows::Row> = if args.row.is_empty() {
        let all = known.iter();
        all.filter(|row| !args.quick || lab::QUICK_ROWS.contains(&row.letter)).collect()
    } else {
        let named = |letter: &char| known.iter().find(|row| row.letter == *letter);
        let Some(rows) = args.row.iter().map(named).collect() else {
            let last = known.last().map_or('a', |row| row.letter);
            bail!("rows are a to {last}; not all of {:?} are", args.row)
        };
        rows
    };
    if args.issue != "thread" {
        let mut lab = Lab::without_targets(args.only, args.keep)?;
        (lab.corpus, lab.given, lab.minutes) = (args.corpus, args.guardbee, args.minutes);
        if args.issue == "reach" {
            lab.ready_sensor()?;
        }
        process::end_on_signals(vec![lab.dir.path().to_owned()])?;
        let mut table = Table::default();
        for row in rows {
            run_row(row, &lab, &mut table);
        }
        return table.finish();
    }
    let targets = if args.quick { lab::QUICK_TARGETS } else { &[] };
    let mut lab = Lab::new(args.only, args.keep, targets)?;
    (lab.record, lab.quick, lab.given) = (args.record, args.quick, args.guardbee);
    process::end_on_signals(vec![lab.dir.path().to_owned()])?;
    let mut table = Table::default();
    if args.dry {
        rows::dry(&lab, &mut table);
    } else {
        lab.ready_sensor()?;
        for row in rows {
            run_row(row, &lab, &mut table);
        }
    }
    table.finish()
}

fn run_row(row: &rows::Row, lab: &Lab, table: &mut Table) {
    let began = Instant::now();
    let Some(run) = row.run else {
        return table.add(Line::new(row.letter, row.about, Verdict::NotBuilt, "", began));
    };
    if let Err(error) = run(lab, table) {
        table.add(Line::new(row.letter, row.about, Verdict::Fail, format!("{error:#}"), began));
    }
}
