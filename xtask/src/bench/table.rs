//! The table, for people; JSON, for machines.
use super::{
    figure::{Condition, Goal, Series, Unit},
    place::installed,
};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::{fs, path::Path};

/// Everything that was measured, and what could not be.
#[derive(Default)]
pub(super) struct Results {
    pub(super) series: Vec<Series>,
    /// Name of what was not measured, and why.
    pub(super) missing: Vec<(&'static str, String)>,
}

impl Results {
    /// Has something measured and keeps what came out, or why nothing did.
    pub(super) fn take(
        &mut self,
        name: &'static str,
        needs: &[&str],
        measure: impl FnOnce() -> anyhow::Result<Vec<Series>>,
    ) {
        println!("-- {name}");
        let missing: Vec<_> = needs.iter().copied().filter(|program| !installed(program)).collect();
        if !missing.is_empty() {
            return self.missing.push((name, format!("{} is not installed", missing.join(", "))));
        }
        match measure() {
            Ok(series) => self.series.extend(series),
            Err(error) => self.missing.push((name, format!("{error:#}"))),
        }
    }

    pub(super) fn print(&self, rounds: usize) {
        println!(
            "\nmedians of {rounds} rounds; ratios are to bare in the same round, [smallest - largest]\n"
        );
        println!(
            "{:<39} {:>9} {:>7} {:>20} {:>9}  {:<11} verdict",
            "load", "bare", "floor", "sensor", "added", "goal"
        );
        for series in &self.series {
            println!("{}", row(series));
        }
        for (name, why) in &self.missing {
            println!("{name:<39} not measured: {why}");
        }
    }

    pub(super) fn write(&self, path: &Path, machine: Value, rounds: usize) -> anyhow::Result<()> {
        let missing: Vec<Value> =
            self.missing.iter().map(|(name, why)| json!({ "name": name, "why": why })).collect();
        let all = json!({
            "machine": machine,
            "rounds": rounds,
            "figures": self.series.iter().map(Series::json).collect::<Vec<_>>(),
            "missing": missing,
        });
        let text = serde_json::to_string_pretty(&all).context("write results as JSON")? + "\n";
        fs::write(path, text).with_context(|| format!("write {}", path.display()))
    }
}

fn row(series: &Series) -> String {
    let unit = series.figure.unit;
    let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| unit.show(value));
    let floor =
        series.ratio(Condition::Floor).map_or_else(|| "-".to_owned(), |[_, ratio, _]| format!("x{ratio:.2}"));
    let sensor = match series.ratio(Condition::Sensor) {
        Some([smallest, ratio, largest]) => format!("x{ratio:.2} [{smallest:.2}-{largest:.2}]"),
        None => shown(series.median(Condition::Sensor)),
    };
    let verdict = match series.met() {
        Some(true) => "meets",
        Some(false) => "misses",
        None => "",
    };
    let row = format!(
        "{:<39} {:>9} {floor:>7} {sensor:>20} {:>9}  {:<11} {verdict}",
        series.figure.name,
        shown(series.median(Condition::Bare)),
        shown(series.added()),
        goal(series.figure.goal, unit),
    );
    row.trim_end().to_owned()
}

fn goal(goal: Goal, unit: Unit) -> String {
    match goal {
        Goal::Ratio(most) => format!("<= x{most:.2}"),
        Goal::Added(most) => format!("<= +{}", unit.show(most)),
        Goal::Most(most) => format!("<= {}", unit.show(most)),
        Goal::Least(least) => format!(">= {}", unit.show(least)),
        Goal::None => String::new(),
    }
}
