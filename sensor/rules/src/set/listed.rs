//! What a set can say of its rules without an event.
use super::RuleSet;
use crate::{
    digest::Digest,
    field::Kinds,
    files,
    problem::{Problem, Problems, shown},
    rule::{CanFire, Exception, Suppression},
};
use guardbee_model::{clock::WallTime, finding::RuleInfo, watch::FileSelection};
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
    /// Of actions on files: which of them.
    pub files: FileSelection,
    /// What is no match of it.
    pub exceptions: Vec<ListedException>,
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
            wants: rule.kinds.members().collect(),
            files: files::selection([rule]),
            exceptions: rule.exceptions.iter().map(Exception::listed).collect(),
            suppression: rule.suppress.as_ref().map(Suppression::listed),
            digest: Digest::default(),
        });
        let correlated = self.correlations.iter().enumerate().map(|(number, correlation)| {
            let rules = self.rules_of(number);
            let kinds = rules.iter().map(|rule| rule.kinds).fold(Kinds::NONE, Kinds::or);
            Listed {
                info: Arc::clone(&correlation.info),
                can_fire: self.can_fire(number),
                missing: Vec::new(),
                always: false,
                tests: correlation.examples.len(),
                wants: kinds.members().collect(),
                files: files::selection(rules),
                exceptions: Vec::new(),
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

    /// Exceptions that don't hold any more at `now`, as warnings.
    pub fn expired(&self, now: WallTime) -> Vec<Problem> {
        let mut out = Vec::new();
        for rule in &self.rules {
            let mut problems = Problems::new(&rule.info.source);
            for exception in &rule.exceptions {
                let Some((end, mark)) = exception.expires.filter(|(end, _)| end.nanoseconds() <= now.0)
                else {
                    continue;
                };
                let (name, title, day) = (shown(&exception.name), shown(&rule.info.title), end.day_before());
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

impl Suppression {
    fn listed(&self) -> ListedSuppression {
        let by = self.fields.iter().map(|field| field.row().name).collect();
        ListedSuppression { by, seconds: self.for_ns / 1_000_000_000 }
    }
}
