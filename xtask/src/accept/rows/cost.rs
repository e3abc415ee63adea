//! Row l: what it costs, goal by goal. One that is missed says why and what would close it, and never looks like a pass.
use crate::accept::{
    lab::Lab,
    table::{Line, Table, Verdict},
};
use crate::bench::{
    self, Outcome, Place,
    goals::{GOALS, Target},
};
use std::{collections::BTreeSet, time::Instant};

pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
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
        table.add(Line::new('l', target.figure, verdict, figure, began));
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
