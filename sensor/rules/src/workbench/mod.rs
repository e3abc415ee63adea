//! What an author asks of rules: do their tests pass, what of them is tested, why does this event match or not.
pub(crate) mod explain;
pub(crate) mod outline;
mod portable;
mod steps;
mod trial;
mod wanted;

pub use explain::{Explained, Join, Seen};
pub use trial::{Branch, TestResult, Verdict};
pub use wanted::Wanted;

use crate::{
    check,
    eval::{Scratch, View},
    field::Kinds,
    parse,
    problem::{Problem, Problems, Severity},
    rule::{Baseline, Example},
    sample,
    set::RuleSet,
};
use guardbee_model::finding::{Observation, RuleInfo};
use std::sync::Arc;

/// A rule or a correlation: its place in [`RuleSet::rules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Rule(usize),
    Correlation(usize),
}

impl RuleSet {
    /// The places in [`RuleSet::rules`] of those that have this id, name, title or file.
    pub fn find(&self, name: &str) -> Vec<usize> {
        let is = |info: &RuleInfo| {
            let known = [&info.id, &info.name, &info.title, &info.source];
            !name.is_empty() && known.into_iter().any(|known| known.eq_ignore_ascii_case(name))
        };
        self.infos().enumerate().filter(|(_, info)| is(info)).map(|(place, _)| place).collect()
    }

    /// Names of the tests of the rule at `place`.
    pub fn test_names(&self, place: usize) -> Vec<&str> {
        self.examples(place).iter().map(|example| &*example.name).collect()
    }

    /// The events of a test of the rule at `place`. [`None`]: it has no test of that name.
    pub fn test_events(&self, place: usize, test: &str) -> Option<Vec<Arc<Observation>>> {
        self.examples(place).iter().find(|example| &*example.name == test).map(trial::observations)
    }

    /// Events out of the text of a file, JSON or YAML: one as a map of fields, one as in a test with `event`, `action`
    /// and `offset`, or a list of those. They are taken for what the rule at `place` is about unless they say `action`.
    ///
    /// # Errors
    /// Every problem of the file.
    pub fn read_events(
        &self,
        place: usize,
        file: &str,
        text: &str,
    ) -> Result<Vec<Arc<Observation>>, Vec<Problem>> {
        let kinds = match self.which(place) {
            Which::Rule(number) => self.rules.get(number).map_or(Kinds::NONE, |rule| rule.kinds),
            Which::Correlation(_) => Kinds::ALL,
        };
        let mut problems = Problems::new(file);
        let documents = parse::documents(text, &mut problems).unwrap_or_default();
        let events: Vec<_> =
            documents.iter().flat_map(|node| check::events(node, kinds, &mut problems)).collect();
        let problems = problems.into_list();
        if problems.iter().any(|problem| problem.severity == Severity::Error) {
            return Err(problems);
        }
        let observation = |(nth, event)| Arc::new(sample::observation(event, nth));
        Ok((0..).zip(&events).map(observation).collect())
    }

    /// Why the rule at `place` matches these events or not: of a rule one tree for each, of a correlation one for all.
    /// Empty unless the set was [loaded](RuleSet::load_outlined) for it.
    pub fn explain(self: &Arc<Self>, place: usize, events: &[Arc<Observation>]) -> Vec<Explained> {
        match self.which(place) {
            Which::Rule(number) => {
                events.iter().filter_map(|event| self.explain_rule(number, event)).collect()
            }
            Which::Correlation(number) => steps::explain(self, number, events).into_iter().collect(),
        }
    }

    fn explain_rule(&self, number: usize, event: &Observation) -> Option<Explained> {
        let rule = self.rules.get(number)?;
        let mut scratch = Scratch::default();
        scratch.set_wall(sample::WALL);
        let mut out = explain::explain(rule.outline.as_deref()?, &mut View::new(event, &mut scratch));
        let never = rule.can_fire.clone().err().map(|why| format!("can't fire here: {why}"));
        out.note = never.or_else(|| rule.baseline.as_ref().filter(|_| out.holds).map(Baseline::sentence));
        Some(out)
    }

    fn which(&self, place: usize) -> Which {
        match place.checked_sub(self.rules.len()) {
            Some(number) => Which::Correlation(number),
            None => Which::Rule(place),
        }
    }

    fn examples(&self, place: usize) -> &[Example] {
        match self.which(place) {
            Which::Rule(number) => self.rules.get(number).map(|rule| rule.examples.as_slice()),
            Which::Correlation(number) => self.correlations.get(number).map(|one| one.examples.as_slice()),
        }
        .unwrap_or_default()
    }
}
