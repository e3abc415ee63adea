//! A checked set of rules: loaded as a whole, or not at all.
mod listed;

pub use listed::{Listed, ListedBaseline, ListedException, ListedSuppression};

use crate::{
    check::{self, Item},
    correlate,
    digest::{self, Digest},
    engine::Index,
    field::{Field, Kinds},
    parse::Mark,
    problem::{Problem, Problems, Severity, shown, suggest},
    rule::{BY_NAME, CanFire, Correlation, JoinKey, Rule},
};
use guardbee_model::finding::{Observation, RuleInfo};
use std::{collections::HashMap, sync::Arc};

/// Rules of one set.
const RULES: usize = 100_000;
/// Correlations of correlations, how deep.
const DEPTH: usize = 8;

/// What a rule is for, beside its own findings.
#[derive(Clone, Debug)]
pub(crate) struct Role {
    /// Its matches are findings.
    pub(crate) reports: bool,
    /// Correlations that it is a step of: (correlation, step).
    pub(crate) steps: Vec<(usize, usize)>,
}

/// Rules that are sound, on their own and together.
#[derive(Debug, Default)]
pub struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    pub(crate) correlations: Vec<Correlation>,
    roles: Vec<Role>,
    /// Of correlations.
    duties: Vec<Role>,
    /// Which rules could match what; those that can't fire here are left out.
    pub(crate) index: Index,
    /// Of all rules, then of all correlations.
    pub(crate) digests: Vec<Digest>,
    warnings: Vec<Problem>,
}

impl RuleSet {
    /// Loads files given as (name, text).
    ///
    /// # Errors
    /// Every problem of every file, warnings included, if there is an error among them.
    pub fn load<N: AsRef<str>, T: AsRef<str>>(files: &[(N, T)]) -> Result<Self, Vec<Problem>> {
        Self::load_with(files, false)
    }

    /// As [`RuleSet::load`]; each rule also keeps what was written, for [`RuleSet::explain`] and [`RuleSet::coverage`].
    ///
    /// # Errors
    /// As [`RuleSet::load`].
    pub fn load_outlined<N: AsRef<str>, T: AsRef<str>>(files: &[(N, T)]) -> Result<Self, Vec<Problem>> {
        Self::load_with(files, true)
    }

    fn load_with<N: AsRef<str>, T: AsRef<str>>(
        files: &[(N, T)],
        outlines: bool,
    ) -> Result<Self, Vec<Problem>> {
        let mut builder = Builder::default();
        let (files, mut context) = check::read(files);
        context.outlines = outlines;
        for file in files {
            builder.file(file, &context);
        }
        builder.problems.extend(context.unmet());
        builder.finish()
    }

    /// What tells this set from every other, whatever the order of its rules.
    pub fn digest(&self) -> Digest {
        let mut digests = self.digests.clone();
        digests.sort_unstable();
        digest::of_all(Digest::default(), digests)
    }

    /// The rules of a correlation, and those of the correlations among its steps.
    fn rules_of(&self, correlation: usize) -> Vec<&Rule> {
        let is_step = |role: &Role| role.steps.iter().any(|(of, _)| *of == correlation);
        let rules = self.rules.iter().zip(&self.roles).filter(|(_, role)| is_step(role));
        let parts = (0..).zip(&self.duties).filter(|(_, duty)| is_step(duty));
        rules.map(|(rule, _)| rule).chain(parts.flat_map(|(number, _)| self.rules_of(number))).collect()
    }

    /// A correlation can fire if each of its steps can.
    pub(crate) fn can_fire(&self, correlation: usize) -> CanFire {
        let Some(one) = self.correlations.get(correlation) else { return Ok(()) };
        let is_step =
            |role: &Role| role.steps.iter().any(|(of, step)| *of == correlation && !one.ends(*step));
        one.can_fire.clone()?;
        let why = |title: &str, why: &str| format!("its rule `{title}` can't: {why}");
        self.rules.iter().zip(&self.roles).filter(|(_, role)| is_step(role)).try_for_each(|(rule, _)| {
            rule.can_fire.clone().map_err(|reason| why(&rule.info.title, &reason))
        })?;
        let parts = self.correlations.iter().zip(&self.duties).enumerate();
        parts.filter(|(_, (_, duty))| is_step(duty)).try_for_each(|(number, (part, _))| {
            self.can_fire(number).map_err(|reason| why(&part.info.title, &reason))
        })
    }

    /// What is done to the system that the rules look at: a bit for each kind, in the order in which the sensor numbers them
    /// from `credentials` on.
    pub fn watched(&self) -> u32 {
        let kinds = self.rules.iter().filter(|rule| rule.can_fire.is_ok()).map(Rule::looked_at);
        let by_name = self.correlations.iter().filter(|one| one.can_fire.is_ok() && one.names(&BY_NAME));
        kinds.chain(by_name.map(|_| Kinds::DNS)).fold(0, |bits, kinds| bits | kinds.system())
    }

    /// A rule looks at the hash of the acting process's executable, in whatever part of it: without it nothing is hashed but what
    /// findings name.
    pub fn looks_at_hashes(&self) -> bool {
        self.looks_at(&[Field::ExecutableHash, Field::ExecutableHashes])
    }

    /// A rule looks at what a runtime's files say of the container that the acting process is in, in whatever part of it.
    pub fn looks_at_configurations(&self) -> bool {
        self.looks_at(&Field::OF_CONFIGURATION)
    }

    /// A rule looks at one of these, in whatever part of it.
    fn looks_at(&self, wanted: &[Field]) -> bool {
        self.rules.iter().any(|rule| rule.can_fire.is_ok() && rule.names(wanted))
            || self.correlations.iter().any(|one| one.can_fire.is_ok() && one.names(wanted))
    }

    /// A JSON Schema (draft 2020-12) of one document of a rule file, as text, for editors.
    pub fn schema() -> String {
        check::schema()
    }

    /// What the author should know.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Rules and correlations that are this step of a correlation.
    pub(crate) fn of_step(&self, correlation: usize, step: usize) -> (Vec<usize>, Vec<usize>) {
        let of = |roles: &[Role]| {
            let is = |(_, role): &(usize, &Role)| role.steps.contains(&(correlation, step));
            roles.iter().enumerate().filter(is).map(|(number, _)| number).collect()
        };
        (of(&self.roles), of(&self.duties))
    }

    /// A correlation and what it is for.
    pub(crate) fn correlation(&self, number: usize) -> Option<(&Correlation, &Role)> {
        self.correlations.get(number).zip(self.duties.get(number))
    }

    /// A rule and what it is for.
    pub(crate) fn rule(&self, number: usize) -> Option<(&Rule, &Role)> {
        self.rules.get(number).zip(self.roles.get(number))
    }

    /// What holds this evidence of the rule at `place` together: of a correlation that joins, the strongest.
    pub(crate) fn proof(&self, place: usize, evidence: &[Arc<Observation>]) -> Option<&'static str> {
        let correlation = self.correlations.get(place.checked_sub(self.rules.len())?)?;
        correlate::proof(correlation, evidence).map(JoinKey::name)
    }

    /// Of the rule or, behind all rules, the correlation at this place.
    pub(crate) fn info(&self, place: usize) -> Option<&Arc<RuleInfo>> {
        let correlation = || self.correlations.get(place.checked_sub(self.rules.len())?).map(|one| &one.info);
        self.rules.get(place).map(|rule| &rule.info).or_else(correlation)
    }

    pub(crate) fn infos(&self) -> impl Iterator<Item = &Arc<RuleInfo>> {
        let correlations = self.correlations.iter().map(|correlation| &correlation.info);
        self.rules.iter().map(|rule| &rule.info).chain(correlations)
    }
}

/// What a name or an id stands for.
#[derive(Clone, Copy, Debug)]
enum Named {
    Rule(usize),
    Correlation(usize),
}

#[derive(Default)]
struct Builder {
    set: RuleSet,
    /// Digests of the documents: of rules, of correlations.
    documents: [Vec<Digest>; 2],
    /// By name and by id, with the place of the definition.
    named: HashMap<Box<str>, (Named, Box<str>, Mark)>,
    problems: Vec<Problem>,
    full: bool,
}

impl Builder {
    fn file(&mut self, file: check::File, context: &check::Context) {
        let mut problems = file.problems;
        for document in file.documents {
            if let Some(item) = check::document(&document.node, context, &mut problems) {
                self.add(item, &document, &mut problems);
            }
        }
        self.problems.extend(problems.into_list());
    }

    fn add(&mut self, item: Item, document: &check::Document, problems: &mut Problems) {
        let mark = document.node.mark;
        if self.set.rules.len() + self.set.correlations.len() >= RULES {
            if !std::mem::replace(&mut self.full, true) {
                problems.error(
                    mark,
                    format!("more than {RULES} rules"),
                    "leave out what is not needed on a node",
                );
            }
            return;
        }
        let (info, named) = match &item {
            Item::Rule(rule) => (&rule.info, Named::Rule(self.set.rules.len())),
            Item::Correlation(correlation) => {
                (&correlation.info, Named::Correlation(self.set.correlations.len()))
            }
        };
        for (what, name) in [("id", &info.id), ("name", &info.name)] {
            if name.is_empty() {
                continue;
            }
            if let Some((_, file, first)) = self.named.get(name) {
                if what == "id" && document.shares_id && *file == info.source {
                    continue;
                }
                let mark = document.node.get(what).map_or(mark, |entry| entry.node.mark);
                problems.error(
                    mark,
                    format!(
                        "the {what} `{}` was given to a rule in {file}:{} already",
                        shown(name),
                        first.line
                    ),
                    format!("give this one its own {what}"),
                );
                continue;
            }
            self.named.insert(name.clone(), (named, info.source.clone(), mark));
        }
        let said = digest::of_document(&document.node);
        let [rules, correlations] = &mut self.documents;
        match item {
            Item::Rule(rule) => {
                rules.push(said);
                self.set.rules.push(*rule);
            }
            Item::Correlation(correlation) => {
                correlations.push(said);
                self.set.correlations.push(*correlation);
            }
        }
    }

    fn finish(mut self) -> Result<RuleSet, Vec<Problem>> {
        let role = Role { reports: true, steps: Vec::new() };
        self.set.roles = vec![role.clone(); self.set.rules.len()];
        self.set.duties = vec![role; self.set.correlations.len()];
        let correlations = std::mem::take(&mut self.set.correlations);
        for (number, correlation) in correlations.iter().enumerate() {
            let mut problems = Problems::new(&correlation.info.source);
            for (step, (name, mark)) in correlation.named().enumerate() {
                self.step(number, step, (name, *mark), correlation.generate, &mut problems);
            }
            self.problems.extend(problems.into_list());
        }
        self.set.correlations = correlations;
        self.circles();
        if !self.has_errors() {
            self.required();
        }
        if self.has_errors() {
            return Err(self.problems);
        }
        let can_fire = self.set.rules.iter().enumerate().filter(|(_, rule)| rule.can_fire.is_ok());
        self.set.index = Index::new(can_fire);
        self.set.digests = self.digests();
        self.set.warnings = self.problems;
        Ok(self.set)
    }

    fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// What correlations require must be looked at by one of their rules.
    fn required(&mut self) {
        for (number, correlation) in self.set.correlations.iter().enumerate() {
            let mut problems = Problems::new(&correlation.info.source);
            let rules = self.set.rules_of(number);
            let kinds = rules.iter().map(|rule| rule.kinds).fold(Kinds::NONE, Kinds::or);
            correlation.requires.check(kinds, &mut problems);
            self.problems.extend(problems.into_list());
        }
    }

    fn digests(&self) -> Vec<Digest> {
        let [rules, correlations] = &self.documents;
        let rules: Vec<_> =
            rules.iter().zip(&self.set.rules).map(|(said, rule)| digest::of_rule(*said, rule)).collect();
        let mut all = rules.clone();
        all.extend((0..correlations.len()).map(|number| self.digest(number, &rules)));
        all
    }

    /// Of a correlation: none is a step of itself, and none goes deep.
    fn digest(&self, correlation: usize, rules: &[Digest]) -> Digest {
        let Some(one) = self.set.correlations.get(correlation) else { return Digest::default() };
        let said = self.documents[1].get(correlation).copied().unwrap_or_default();
        let said = digest::of_correlation(said, one);
        let parts = one.named().filter_map(|(name, _)| match self.named.get(name)?.0 {
            Named::Rule(rule) => rules.get(rule).copied(),
            Named::Correlation(part) => Some(self.digest(part, rules)),
        });
        digest::of_all(said, parts)
    }

    fn step(
        &mut self,
        correlation: usize,
        step: usize,
        (name, mark): (&str, Mark),
        generate: bool,
        problems: &mut Problems,
    ) {
        match self.named.get(name).map(|(named, ..)| *named) {
            Some(Named::Rule(rule)) => {
                if let Some(role) = self.set.roles.get_mut(rule) {
                    role.steps.push((correlation, step));
                    role.reports &= generate;
                }
            }
            Some(Named::Correlation(part)) => {
                if let Some(duty) = self.set.duties.get_mut(part) {
                    duty.steps.push((correlation, step));
                    duty.reports &= generate;
                }
            }
            None => {
                let remedy = suggest(
                    name,
                    self.named.keys().map(AsRef::as_ref),
                    "give the rule a `name`, and load its file too",
                );
                problems.error(mark, format!("no rule has the name or id `{}`", shown(name)), remedy);
            }
        }
    }

    /// A correlation that is a step of itself would wait for itself; and the engine goes down as deep as they go.
    fn circles(&mut self) {
        // From the correlations that are of rules alone upwards; what is not reached goes in a circle.
        let mut open = vec![0_usize; self.set.correlations.len()];
        let mut depths = vec![1_usize; open.len()];
        for (of, _) in self.set.duties.iter().flat_map(|duty| &duty.steps) {
            if let Some(parts) = open.get_mut(*of) {
                *parts += 1;
            }
        }
        let mut settled: Vec<usize> = (0..open.len()).filter(|at| open.get(*at) == Some(&0)).collect();
        while let Some(part) = settled.pop() {
            let depth = depths.get(part).copied().unwrap_or_default();
            for (of, _) in self.set.duties.get(part).into_iter().flat_map(|duty| &duty.steps) {
                let Some((parts, own)) = open.get_mut(*of).zip(depths.get_mut(*of)) else { continue };
                *own = depth.saturating_add(1).max(*own);
                *parts -= 1;
                if *parts == 0 {
                    settled.push(*of);
                }
            }
        }
        for ((correlation, parts), depth) in self.set.correlations.iter().zip(open).zip(depths) {
            let title = shown(&correlation.info.title);
            let (message, remedy) = if parts > 0 {
                (
                    format!("`{title}` is, perhaps by way of others, a step of itself"),
                    "leave one of these steps out",
                )
            } else if depth > DEPTH {
                (
                    format!("`{title}` is {depth} correlations deep, more than {DEPTH}"),
                    "name the rules themselves",
                )
            } else {
                continue;
            };
            let mut problems = Problems::new(&correlation.info.source);
            let mark = correlation.steps.first().map_or_else(Mark::default, |(_, mark)| *mark);
            problems.error(mark, message, remedy);
            self.problems.extend(problems.into_list());
        }
    }
}
