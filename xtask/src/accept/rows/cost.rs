//! What it costs with the shipped rules, goal by goal: row l of the thread, row f of `reach`. One that is missed says why and what
//! would close it, and never looks like a pass.
use crate::accept::{
    lab::Lab,
    table::{Line, Table, Verdict},
};
use crate::bench::{
    self, Outcome, Place,
    goals::{GOALS, Target},
};
use std::{collections::BTreeSet, time::Instant};

/// Without a goal, since it follows the one of no loss.
const LOSS_BEGINS: &str = "security events/s, loss begins";

pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    goals(lab, table, 'l')
}

pub(crate) fn goals(lab: &Lab, table: &mut Table, row: char) -> anyhow::Result<()> {
    let began = Instant::now();
    let goals: Vec<&Target> = GOALS.iter().filter(|target| lab.wanted(target.figure)).collect();
    let loads: BTreeSet<_> = goals.iter().filter_map(|target| bench::measured_by(target.figure)).collect();
    if loads.is_empty() {
        return Ok(());
    }
    let place = Place::new(&lab.folder("bench")?, lab.guardbee())?;
    let results = bench::measure(&place, bench::ROUNDS, |name| loads.contains(name))?;
    results.print();
    for target in goals {
        let (verdict, figure) = judge(results.outcome(target));
        table.add(Line::new(row, target.figure, verdict, figure, began));
    }
    if bench::measured_by(LOSS_BEGINS).is_some_and(|study| loads.contains(study)) {
        let figure = results.figure(LOSS_BEGINS);
        let (passed, figure) = (figure.is_some(), figure.unwrap_or_else(|| "nothing was lost".to_owned()));
        table.add(Line::new(row, LOSS_BEGINS, Verdict::of(passed), figure, began));
    }
    Ok(())
}

fn judge(outcome: Outcome) -> (Verdict, String) {
    match outcome {
        Outcome::Met(figure) => (Verdict::Pass, figure),
        Outcome::Missed(figure) => (Verdict::Missed, figure),
        Outcome::Failed(figure) => (Verdict::Fail, figure),
        Outcome::NotMeasured(why) => (Verdict::Fail, format!("not measured: {why}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_goal_never_passes() {
        let verdict = |outcome: fn(String) -> Outcome| judge(outcome("x1.50".to_owned())).0;
        assert!(verdict(Outcome::Missed) == Verdict::Missed);
        assert!(verdict(Outcome::Failed) == Verdict::Fail);
        assert!(verdict(Outcome::NotMeasured) == Verdict::Fail);
        assert!(verdict(Outcome::Met) == Verdict::Pass);
    }
}
