//! Runs the tests that rules bring, and says what of each rule they reach.
use super::{
    Explained, Which,
    outline::{Part, Shape},
    steps,
};
use crate::{
    engine,
    eval::{Scratch, View},
    problem::{Problem, Severity, shown},
    rule::{Correlation, Example, Expect, Rule},
    sample,
    set::RuleSet,
};
use guardbee_model::finding::{Observation, RuleInfo};
use std::{collections::BTreeMap, sync::Arc};

/// How a test of a rule ended.
#[derive(Clone, Debug)]
pub struct TestResult {
    /// Of which rule.
    pub rule: Arc<RuleInfo>,
    /// Its place in [`RuleSet::rules`].
    pub place: usize,
    /// The test's name.
    pub name: Box<str>,
    /// Where it stands in the rule's file, from 1.
    pub line: u32,
    /// It expects that the rule matches.
    pub expects_match: bool,
    /// What came out.
    pub verdict: Verdict,
}

/// What came out of a test.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// As expected.
    Passed,
    /// Not so, and why.
    Failed(Problem),
    /// It can't tell: the rule can't fire here, and this is why.
    Skipped(String),
}

impl TestResult {
    /// What is wrong, if it failed.
    pub fn failure(&self) -> Option<&Problem> {
        match &self.verdict {
            Verdict::Failed(problem) => Some(problem),
            Verdict::Passed | Verdict::Skipped(_) => None,
        }
    }
}

/// An outcome that a part of a rule can have, and whether a test has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// The part: a line of a selection, or a step of a correlation.
    pub text: String,
    /// Where it stands.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// That it holds, or that it does not.
    pub holds: bool,
    /// In an event of a test it did.
    pub reached: bool,
}

impl RuleSet {
    /// Runs the tests that the rules bring, in the order of the rules.
    pub fn run_tests(self: &Arc<Self>) -> Vec<TestResult> {
        let mut results = Vec::new();
        let mut scratch = Scratch::default();
        scratch.set_wall(sample::WALL);
        for (place, rule) in self.rules.iter().enumerate() {
            for example in &rule.examples {
                let verdict = match &rule.can_fire {
                    Ok(()) => self.try_rule(place, rule, example, &mut scratch),
                    Err(why) => Verdict::Skipped(why.clone()),
                };
                results.push(result(&rule.info, place, example, verdict));
            }
        }
        for (number, correlation) in self.correlations.iter().enumerate() {
            for example in &correlation.examples {
                let verdict = match self.can_fire(number) {
                    Ok(()) => self.try_correlation(number, correlation, example),
                    Err(why) => Verdict::Skipped(why),
                };
                results.push(result(&correlation.info, self.rules.len() + number, example, verdict));
            }
        }
        results
    }

    fn try_rule(&self, number: usize, rule: &Rule, example: &Example, scratch: &mut Scratch) -> Verdict {
        let events = observations(example);
        let hit = events.iter().find(|event| engine::matches(rule, &mut View::new(event, scratch)));
        verdict(&rule.info, example, hit.is_some(), || {
            let telling = hit.or_else(|| events.first());
            telling.and_then(|event| self.explain_rule(number, event))
        })
    }

    fn try_correlation(
        self: &Arc<Self>,
        number: usize,
        correlation: &Correlation,
        example: &Example,
    ) -> Verdict {
        let events = observations(example);
        let matched = steps::holds(self, number, &events);
        verdict(&correlation.info, example, matched, || steps::explain(self, number, &events))
    }

    /// What the tests of the rule at `place` reach of it: each line once holding and once not, each step of a correlation.
    /// What needs what nothing records is left out, and so are rules that can't fire here. Empty unless the set was [loaded](RuleSet::load_outlined) for it.
    pub fn coverage(self: &Arc<Self>, place: usize) -> Vec<Branch> {
        let events: Vec<_> = self.examples(place).iter().flat_map(observations).collect();
        match self.which(place) {
            Which::Rule(number) => {
                let outline = self.rules.get(number).filter(|rule| rule.can_fire.is_ok());
                lines_reached(outline.and_then(|rule| rule.outline.as_deref()), &events)
            }
            Which::Correlation(number) => {
                let outline = self.correlations.get(number).and_then(|one| one.outline.as_deref());
                let mut out = steps::reached(self, number, &events);
                out.extend(lines_reached(outline, &events));
                out
            }
        }
    }
}

fn lines_reached(outline: Option<&Part>, events: &[Arc<Observation>]) -> Vec<Branch> {
    let mut lines = BTreeMap::new();
    if let Some(outline) = outline {
        collect(outline, &mut lines);
    }
    let mut scratch = Scratch::default();
    scratch.set_wall(sample::WALL);
    let mut out = Vec::new();
    for part in lines.into_values() {
        let came_out: Vec<bool> =
            events.iter().map(|event| part.holds(&mut View::new(event, &mut scratch))).collect();
        out.extend([true, false].map(|holds| Branch {
            text: part.text.to_string(),
            line: part.mark.line,
            column: part.mark.column,
            holds,
            reached: came_out.contains(&holds),
        }));
    }
    out
}

/// The lines of a rule by their places; one that stands in several conditions counts once.
fn collect<'a>(part: &'a Part, out: &mut BTreeMap<(u32, u32), &'a Part>) {
    match &part.shape {
        // What a filter says is tested with the filter, not with each rule that it is for.
        _ if part.filter.is_some() => {}
        Shape::All(parts) | Shape::One(parts) => parts.iter().for_each(|part| collect(part, out)),
        Shape::Not(part) => collect(part, out),
        Shape::Line(line) if line.missing.is_some() => {}
        Shape::Line(_) | Shape::Link(_) => {
            out.insert((part.mark.line, part.mark.column), part);
        }
        Shape::Actions(_) => {}
    }
}

pub(super) fn observations(example: &Example) -> Vec<Arc<Observation>> {
    (0..).zip(&example.events).map(|(nth, event)| Arc::new(sample::observation(event, nth))).collect()
}

fn verdict(
    rule: &RuleInfo,
    example: &Example,
    matched: bool,
    explained: impl FnOnce() -> Option<Explained>,
) -> Verdict {
    let message = match (example.expect, matched) {
        (Expect::Match, false) => "should match, and does not",
        (Expect::NoMatch, true) => "should not match, and does",
        _ => return Verdict::Passed,
    };
    let reasons = explained().map(|tree| tree.reasons().join("; ")).filter(|text| !text.is_empty());
    let because = reasons.map(|text| format!(": {text}")).unwrap_or_default();
    Verdict::Failed(Problem {
        file: rule.source.clone(),
        line: example.mark.line,
        column: example.mark.column,
        severity: Severity::Error,
        message: format!("test `{}` of `{}` {message}{because}", shown(&example.name), shown(&rule.title)),
        remedy: "correct the rule or the test; `guardbee rules explain` shows all of it".to_owned(),
    })
}

fn result(rule: &Arc<RuleInfo>, place: usize, example: &Example, verdict: Verdict) -> TestResult {
    let (name, line) = (example.name.clone(), example.mark.line);
    let expects_match = example.expect == Expect::Match;
    TestResult { rule: Arc::clone(rule), place, name, line, expects_match, verdict }
}
