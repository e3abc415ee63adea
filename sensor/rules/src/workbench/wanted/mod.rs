//! Events that a rule wants, worked out from its condition, and of each one that is near and is not wanted.
//!
//! Each way in which a condition can hold asks something of some fields; values are made for these, an event is built of them as
//! for a test, and evaluation decides whether it is one. Nothing is said to match that was not evaluated.
mod regex;
mod value;

use crate::{
    engine,
    eval::{Scratch, View},
    field::{Field, Kinds},
    rule::{ExampleEvent, Expression, Rule, Test},
    sample,
    set::RuleSet,
};
use guardbee_model::finding::Observation;
use std::{collections::BTreeMap, sync::Arc};

/// Ways to fulfil a condition that are tried.
const WAYS: usize = 400;
/// Events that are given.
const EVENTS: usize = 16;

/// An event that a rule wants.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// It matches.
    pub hit: Arc<Observation>,
    /// The same with another value of one field, whose name this is: it does not match.
    pub near: Vec<(&'static str, Arc<Observation>)>,
}

/// What one way asks of fields.
type Way<'a> = Vec<(Field, &'a Test)>;
/// Values of fields, as a test would write them.
type Values = BTreeMap<Field, Vec<Box<str>>>;

impl RuleSet {
    /// Events that the rule at `place` wants; none: it is a correlation, or none were found.
    pub fn wanted(&self, place: usize) -> Vec<Wanted> {
        let Some(rule) = self.rules.get(place).filter(|rule| rule.can_fire.is_ok()) else {
            return Vec::new();
        };
        let ways = extended(vec![Way::new()], &rule.condition, true);
        let mut trial = Trial { rule, scratch: Scratch::default() };
        trial.scratch.set_wall(sample::WALL);
        let values: Vec<Values> = ways.iter().filter_map(value::values).collect();
        let found = trial.found(&values);
        if !found.is_empty() {
            return found;
        }
        // What events have where nobody says otherwise may be what the rule excepts.
        let mut unusual = Values::new();
        value::unusual(&rule.condition, &mut unusual);
        let values: Vec<Values> =
            values.into_iter().map(|values| unusual.clone().into_iter().chain(values).collect()).collect();
        trial.found(&values)
    }
}

/// One rule, tried on events.
struct Trial<'a> {
    rule: &'a Rule,
    scratch: Scratch,
}

impl Trial<'_> {
    fn found(&mut self, ways: &[Values]) -> Vec<Wanted> {
        let kinds = self.rule.kinds;
        let mut out = Vec::new();
        for values in ways {
            for kind in Kinds::each().filter(|kind| kinds.meets(*kind)) {
                out.extend(self.wanted(kind, values));
                if out.len() >= EVENTS {
                    return out;
                }
            }
        }
        out
    }

    fn wanted(&mut self, kind: Kinds, values: &Values) -> Option<Wanted> {
        let hit = observation(kind, values);
        if !self.matches(&hit) {
            return None;
        }
        let mut near = Vec::new();
        for field in values.keys() {
            for other in value::others(*field, values) {
                let changed = match other {
                    Some(other) => values.clone().into_iter().chain([(*field, other)]).collect(),
                    None => values.clone().into_iter().filter(|(known, _)| known != field).collect(),
                };
                let missed = observation(kind, &changed);
                if !self.matches(&missed) {
                    near.push((field.row().name, Arc::new(missed)));
                    break;
                }
            }
        }
        Some(Wanted { hit: Arc::new(hit), near })
    }

    fn matches(&mut self, event: &Observation) -> bool {
        engine::matches(self.rule, &mut View::new(event, &mut self.scratch))
    }
}

fn observation(kind: Kinds, values: &Values) -> Observation {
    let values = values.iter().map(|(field, values)| (*field, values.clone())).collect();
    sample::observation(&ExampleEvent { offset_ns: 0, action: kind, values }, 0)
}

/// Each of `ways`, with each of those in which `expression` holds or does not. What must not hold asks for nothing: whether it
/// does is seen when the event is evaluated.
fn extended<'a>(ways: Vec<Way<'a>>, expression: &'a Expression, holds: bool) -> Vec<Way<'a>> {
    match (expression, holds) {
        (Expression::Constant(constant), _) if *constant == holds => ways,
        (Expression::Constant(_), _) => Vec::new(),
        (Expression::Not(inner), _) => extended(ways, inner, !holds),
        (Expression::And(parts), true) | (Expression::Or(parts), false) => {
            parts.iter().fold(ways, |ways, part| extended(ways, part, holds))
        }
        (Expression::Or(parts), true) => {
            let each = parts.iter().map(|part| extended(ways.clone(), part, true)).collect();
            bounded(each)
        }
        (Expression::And(parts), false) => {
            // Most often nothing needs doing for one of them not to hold.
            let each = parts.iter().map(|part| extended(ways.clone(), part, false)).collect();
            bounded(each)
        }
        (Expression::Field(field, test), true) => with(ways, *field, test),
        (Expression::Keyword(test), true) => {
            let fields = [Field::CommandLine, Field::FilePath, Field::Target, Field::Query];
            bounded(fields.map(|field| with(ways.clone(), field, test)).into())
        }
        (Expression::Field(..) | Expression::Keyword(_), false) => ways,
    }
}

fn with<'a>(mut ways: Vec<Way<'a>>, field: Field, test: &'a Test) -> Vec<Way<'a>> {
    for way in &mut ways {
        way.push((field, test));
    }
    ways
}

/// Of each alternative some, in turns: the first is not all there is.
fn bounded(each: Vec<Vec<Way<'_>>>) -> Vec<Way<'_>> {
    let mut iterators: Vec<_> = each.into_iter().map(IntoIterator::into_iter).collect();
    let mut out: Vec<Way<'_>> = Vec::new();
    while out.len() < WAYS && !iterators.is_empty() {
        iterators.retain_mut(|one| one.next().map(|way| out.push(way)).is_some());
    }
    out.truncate(WAYS);
    out
}
