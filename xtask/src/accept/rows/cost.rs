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
        let (verdict, figure) = judge(results.outcome(target), target.missed);
        table.add(Line::new('l', target.figure, verdict, figure, began));
    }
    Ok(())
}

fn judge(outcome: Outcome, reason: Option<&str>) -> (Verdict, String) {
    match (outcome, reason) {
        (Outcome::Met(figure), _) => (Verdict::Pass, figure),
        (Outcome::Missed(figure), Some(reason)) => (Verdict::Missed, format!("{figure}: {reason}")),
        (Outcome::Missed(figure), None) => {
            (Verdict::Fail, format!("{figure}: missed, and xtask/src/bench/goals.rs says no reason"))
        }
        (Outcome::NotMeasured(why), _) => (Verdict::Fail, format!("not measured: {why}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_goal_never_passes() {
        let verdict = |outcome, reason| judge(outcome, reason).0;
        let missed = || Outcome::Missed("x1.50".to_owned());
        assert!(verdict(missed(), Some("because")) == Verdict::Missed);
        assert!(verdict(missed(), None) == Verdict::Fail);
        assert!(verdict(Outcome::NotMeasured("no wrk".to_owned()), Some("because")) == Verdict::Fail);
        assert!(verdict(Outcome::Met("x1.00".to_owned()), Some("because")) == Verdict::Pass);
    }
}
