//! What a set can say of its rules without an event.
use super::RuleSet;
use crate::{
    digest::Digest,
    field::{Field, Kinds},
    files,
    problem::{Problem, Problems, shown},
    rule::{Baseline, CanFire, Exception, Suppression},
};
use guardbee_model::{clock::WallTime, finding::RuleInfo, watch::Selection};
use std::{collections::HashSet, sync::Arc};

/// An exception as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedException {
    /// Its name.
    pub name: Box<str>,
    /// Why these events are wanted.
    pub reason: Box<str>,
    /// The last day on which it holds, in UTC.
    pub expires: Option<String>,
}

/// A suppression as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSuppression {
    /// Fields whose values must be the same.
    pub by: Vec<&'static str>,
    /// Findings of so long are told by one.
    pub seconds: u64,
}

/// A baseline as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedBaseline {
    /// Fields whose values are new or known.
    pub by: Vec<&'static str>,
    /// Fields whose values are its scopes.
    pub per: Vec<&'static str>,
    /// For so long a scope only learns.
    pub learn_seconds: u64,
    /// What was not there for so long is new again.
    pub forget_seconds: u64,
}

/// A rule as listed.
#[derive(Clone, Debug)]
pub struct Listed {
    /// What it says of itself.
    pub info: Arc<RuleInfo>,
    /// Whether it can ever match here, and if not, why.
    pub can_fire: CanFire,
    /// What it asks for and nothing here records: the parts of it that need it never hold.
    pub missing: Vec<String>,
    /// It has no witness, a text that must be there for it to match: it is evaluated for every event of its kind.
    pub always: bool,
    /// Tests that it brings.
    pub tests: usize,
    /// Actions that it looks at, by [`guardbee_model::finding::Action::name`].
    pub wants: Vec<&'static str>,
    /// Of actions on files, and of environments: which.
    pub selection: Selection,
    /// Actions without which it can't fire, likewise.
    pub requires: Vec<&'static str>,
    /// What is no match of it.
    pub exceptions: Vec<ListedException>,
    /// That it tells only what is new.
    pub baseline: Option<ListedBaseline>,
    /// How often it tells the same.
    pub suppression: Option<ListedSuppression>,
    /// What tells it from every other rule, and from itself before a change.
    pub digest: Digest,
}

impl RuleSet {
    /// All rules and correlations, in the order of the files.
    pub fn rules(&self) -> Vec<Listed> {
        let always: HashSet<usize> = self.index.always().map(|number| number as usize).collect();
        let single = self.rules.iter().enumerate().map(|(number, rule)| Listed {
            info: Arc::clone(&rule.info),
            can_fire: rule.can_fire.clone(),
            missing: rule.missing.clone(),
            always: always.contains(&number),
            tests: rule.examples.len(),
            wants: rule.looked_at().members().collect(),
            selection: files::selection([rule]),
            requires: rule.requires.kinds.members().collect(),
            exceptions: rule.exceptions.iter().map(Exception::listed).collect(),
            baseline: rule.baseline.as_ref().map(Baseline::listed),
            suppression: rule.suppress.as_ref().map(Suppression::listed),
            digest: Digest::default(),
        });
        let correlated = self.correlations.iter().enumerate().map(|(number, correlation)| {
            let rules = self.rules_of(number);
            let kinds = rules.iter().map(|rule| rule.looked_at()).fold(Kinds::NONE, Kinds::or);
            Listed {
                info: Arc::clone(&correlation.info),
                can_fire: self.can_fire(number),
                missing: self.never_ends(number),
                always: false,
                tests: correlation.examples.len(),
                wants: kinds.members().collect(),
                selection: files::selection(rules),
                requires: self.required(number).members().collect(),
                exceptions: correlation.exceptions.iter().map(Exception::listed).collect(),
                baseline: None,
                suppression: correlation.suppress.as_ref().map(Suppression::listed),
                digest: Digest::default(),
            }
        });
        let mut all: Vec<_> = single.chain(correlated).collect();
        for (listed, digest) in all.iter_mut().zip(&self.digests) {
            listed.digest = *digest;
        }
        all
    }

    /// What a correlation and its steps can't do without.
    fn required(&self, correlation: usize) -> Kinds {
        let Some(one) = self.correlations.get(correlation) else { return Kinds::NONE };
        let of_steps = (0..one.steps.len()).map(|step| {
            let (rules, parts) = self.of_step(correlation, step);
            let rules = rules.iter().filter_map(|rule| Some(self.rules.get(*rule)?.requires.kinds));
            rules.chain(parts.iter().map(|part| self.required(*part))).fold(Kinds::NONE, Kinds::or)
        });
        of_steps.fold(one.requires.kinds, Kinds::or)
    }

    /// What a correlation's `until` waits for and never comes.
    fn never_ends(&self, correlation: usize) -> Vec<String> {
        let Some(one) = self.correlations.get(correlation) else { return Vec::new() };
        let ends = (one.steps.len()..).zip(&one.until);
        let why = ends.filter_map(|(step, (name, _))| {
            let (rules, parts) = self.of_step(correlation, step);
            let rules = rules.iter().filter_map(|rule| self.rules.get(*rule)?.can_fire.clone().err());
            let parts = parts.iter().filter_map(|part| self.can_fire(*part).err());
            Some(format!("its end `{name}` can't fire: {}", rules.chain(parts).next()?))
        });
        why.collect()
    }

    /// Exceptions that don't hold any more at `now`, as warnings.
    pub fn expired(&self, now: WallTime) -> Vec<Problem> {
        let mut out = Vec::new();
        let rules = self.rules.iter().map(|rule| (&rule.info, &rule.exceptions));
        let correlations = self.correlations.iter().map(|one| (&one.info, &one.exceptions));
        for (info, exceptions) in rules.chain(correlations) {
            let mut problems = Problems::new(&info.source);
            for exception in exceptions {
                let Some((end, mark)) = exception.expires.filter(|(end, _)| end.nanoseconds() <= now.0)
                else {
                    continue;
                };
                let (name, title, day) = (shown(&exception.name), shown(&info.title), end.day_before());
                problems.warn(
                    mark,
                    format!("the exception `{name}` of `{title}` held until {day}, and holds no more"),
                    "remove it, or look at its reason again and write a later date",
                );
            }
            out.extend(problems.into_list());
        }
        out
    }
}

impl Exception {
    fn listed(&self) -> ListedException {
        let expires = self.expires.map(|(end, _)| end.day_before());
        ListedException { name: self.name.clone(), reason: self.reason.clone(), expires }
    }
}

impl Baseline {
    fn listed(&self) -> ListedBaseline {
        let names = |fields: &[Field]| fields.iter().map(|field| field.row().name).collect();
        ListedBaseline {
            by: names(&self.fields),
            per: names(&self.scope),
            learn_seconds: self.learn_ns / 1_000_000_000,
            forget_seconds: self.forget_ns / 1_000_000_000,
        }
    }
}

impl Suppression {
    fn listed(&self) -> ListedSuppression {
        let by = self.fields.iter().map(|field| field.row().name).collect();
        ListedSuppression { by, seconds: self.for_ns / 1_000_000_000 }
    }
}
