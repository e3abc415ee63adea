//! Stages by themselves: figures that their own benchmarks print.
use super::place::Place;
use crate::process::output;
use anyhow::Context as _;
use std::{process::Command, time::Duration};

/// Most of it is the compiler's.
const LIMIT: Duration = Duration::from_mins(15);

/// CPU time of sealing; bytes of spans and findings as they are sent, and the seal's part; how fast rules are.
pub(super) fn run(place: &Place) -> anyhow::Result<Vec<Option<f64>>> {
    let delivery = bench(place, "guardbee-deliver", "cost")?;
    let rules = bench(place, "guardbee-rules", "engine")?;
    let of = |row: &str, column: usize| {
        let figure = cell(&delivery, row, column).with_context(|| format!("no `{row}` in: {delivery}"));
        figure.map(Some)
    };
    let rate = |set: &str| {
        let line = rules.lines().find(|line| line.starts_with(set));
        let rate = line.and_then(|line| line.split_whitespace().rev().nth(1)?.parse().ok());
        rate.map(Some).with_context(|| format!("no events/s of `{set}` in: {rules}"))
    };
    Ok(vec![
        of("the seal", 0)?,
        of("the seal", 1)?,
        of("span, 512 at once", 2)?,
        of("span, 512 at once", 3)?,
        of("finding, 1 at once", 2)?,
        of("finding, 8 at once", 2)?,
        rate("pack: ")?,
        rate("generated: 144 ")?,
        rate("generated: 1629 ")?,
        rate("generated: 10000 ")?,
    ])
}

fn bench(place: &Place, package: &str, name: &str) -> anyhow::Result<String> {
    let mut command = Command::new("cargo");
    command.args(["bench", "--quiet", "--package", package, "--bench", name]).current_dir(&place.root);
    output("cargo", command, &place.folder("stages")?, LIMIT)
        .with_context(|| format!("the benchmark of {package}"))
}

/// A row's figure.
fn cell(table: &str, row: &str, column: usize) -> Option<f64> {
    let cells = table.lines().find_map(|line| line.trim_start().strip_prefix(row))?;
    cells.split_whitespace().nth(column)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells() {
        let table =
            "CPU, ns for each        span  finding\n  the seal     1000  14000\nspan, 8 at once   2 3 4 5\n";
        assert_eq!(cell(table, "the seal", 1), Some(14_000.0));
        assert_eq!(cell(table, "span, 8 at once", 3), Some(5.0));
        assert_eq!(cell(table, "span, 1 at once", 3), None);
    }
}
