//! A checked set of policies: loaded as a whole, or not at all.
use crate::{
    check::{self, Draft},
    condition::{Condition, Holds, Place},
    terms::{Actions, Terms},
};
use guardbee_yaml::{
    Advice, Mark, Problem, Severity, documents,
    problem::{Problems, shown},
};
use std::collections::HashMap;

/// Policies of one set.
pub const POLICIES: usize = 511;
/// Bytes of all their values: each new cgroup is compared with them, and they with each other.
const TEXT: usize = 64 << 10;
/// What YAML can't say to authors of policies by itself.
const ADVICE: Advice = Advice {
    long: "split it: the policies of several files are one set",
    alias: "write the value out: a policy can't contain itself",
    merge: "write the keys out; what a policy doesn't say the default says",
    twice: "keep one of the two, or make a list of their values",
};
/// What applies where no policy is the default.
const NOBODY: &str = "default";

/// What holds in some cgroups.
#[derive(Clone, Debug)]
pub struct Policy {
    /// As it is told.
    pub name: Box<str>,
    /// What it is for; empty: not said.
    pub description: Box<str>,
    /// The file, as named by the caller; empty: no file says it.
    pub file: Box<str>,
    /// Where it begins.
    pub line: u32,
    /// What holds there, the default's terms where it says nothing.
    pub terms: Terms,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) mark: Mark,
}

impl Policy {
    /// Why no place on this node is known to be one of its; [`Ok`]: it can apply.
    ///
    /// # Errors
    /// For people.
    pub fn can_apply(&self) -> Result<(), String> {
        let why = self.conditions.iter().find_map(|one| Some((one.subject, one.subject.unknown()?)));
        why.map_or(Ok(()), |(subject, why)| Err(format!("`{}`: {why}", subject.name())))
    }

    /// What it holds for, as it was written: `unit is a.service, runtime is docker`.
    pub fn scope(&self) -> String {
        let texts: Vec<_> = self.conditions.iter().map(|condition| &*condition.text).collect();
        texts.join(", ")
    }

    /// All conditions together.
    pub(crate) fn holds(&self, place: &Place<'_>) -> Holds {
        let mut all = Holds::Yes;
        for condition in &self.conditions {
            match condition.holds(place) {
                Holds::Yes => {}
                Holds::No => return Holds::No,
                unknown @ Holds::Unknown(_) => all = unknown,
            }
        }
        all
    }

    /// Where `other` holds, this holds too.
    fn covers(&self, other: &Self) -> bool {
        self.conditions.iter().all(|one| other.conditions.iter().any(|of| one.covers(of)))
    }
}

/// What holds in a cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Place of the policy in [`PolicySet::policies`]. [`None`]: the default.
    pub policy: Option<usize>,
    /// Payload may be read: the policy says so, and none before it that may hold here, which nothing tells, says never.
    pub payload: bool,
}

/// Policies that are sound, on their own and together.
#[derive(Clone, Debug)]
pub struct PolicySet {
    policies: Vec<Policy>,
    default: Policy,
    warnings: Vec<Problem>,
}

impl Default for PolicySet {
    fn default() -> Self {
        let default = Policy {
            name: NOBODY.into(),
            description: "as without policies".into(),
            file: Box::default(),
            line: 0,
            terms: Terms::default(),
            conditions: Vec::new(),
            mark: Mark::default(),
        };
        Self { policies: Vec::new(), default, warnings: Vec::new() }
    }
}

impl PolicySet {
    /// Loads files given as (name, text). Their order, and that of the documents in them, is the policies'.
    ///
    /// # Errors
    /// Every problem of every file, warnings included, if there is an error among them.
    pub fn load<N: AsRef<str>, T: AsRef<str>>(files: &[(N, T)]) -> Result<Self, Vec<Problem>> {
        let mut builder = Builder::default();
        for (file, text) in files {
            builder.file(file.as_ref(), text.as_ref());
        }
        builder.finish()
    }

    /// All but the default, in their order.
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// What holds where none of them does, and as long as nobody knows where a process is.
    pub fn default_policy(&self) -> &Policy {
        &self.default
    }

    /// Nothing is said: all is as without policies.
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty() && self.default.file.is_empty()
    }

    /// What the author should know.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Actions that are left out wherever a policy or the default can hold.
    pub fn observed_nowhere(&self) -> impl Iterator<Item = &'static str> + use<> {
        let able = self.policies.iter().filter(|policy| policy.can_apply().is_ok());
        let observed =
            able.map(|policy| policy.terms.observed).fold(self.default.terms.observed, Actions::or);
        Actions::ALL.without(observed).members()
    }

    /// The first policy that holds there.
    pub fn decide(&self, place: &Place<'_>) -> Decision {
        let mut forbidden = false;
        for (at, policy) in self.policies.iter().enumerate() {
            match policy.holds(place) {
                Holds::Yes => {
                    return Decision { policy: Some(at), payload: policy.terms.payload && !forbidden };
                }
                // Consent that can't be proven is none.
                Holds::Unknown(_) => forbidden |= !policy.terms.payload,
                Holds::No => {}
            }
        }
        Decision { policy: None, payload: self.default.terms.payload && !forbidden }
    }

    /// The policy of a decision.
    pub fn policy(&self, decision: Decision) -> &Policy {
        decision.policy.and_then(|at| self.policies.get(at)).unwrap_or(&self.default)
    }
}

#[derive(Default)]
struct Builder {
    drafts: Vec<(Box<str>, Draft)>,
    /// Where each name was given.
    named: HashMap<Box<str>, (Box<str>, Mark)>,
    problems: Vec<Problem>,
    /// Policies that aren't the default.
    count: usize,
    /// Bytes of their values.
    text: usize,
    full: bool,
}

impl Builder {
    fn file(&mut self, file: &str, text: &str) {
        let mut problems = Problems::new(file);
        for document in documents(text, &ADVICE, &mut problems).unwrap_or_default() {
            if let Some(draft) = check::document(&document, &mut problems) {
                self.add(file, draft, &mut problems);
            }
        }
        self.problems.extend(problems.into_list());
    }

    fn add(&mut self, file: &str, draft: Draft, problems: &mut Problems) {
        let conditions = draft.conditions.iter().flatten();
        self.text += conditions.map(|condition| condition.text.len()).sum::<usize>();
        self.count += usize::from(draft.conditions.is_some());
        if self.count > POLICIES || self.text > TEXT {
            if !std::mem::replace(&mut self.full, true) {
                let (message, remedy) = if self.count > POLICIES {
                    (format!("more than {POLICIES} policies"), "a policy may hold for many: give it lists")
                } else {
                    let message =
                        format!("the values under `match` of all policies have more than {TEXT} bytes");
                    (message, "match what stands above many cgroups, or use `*`")
                };
                problems.error(draft.mark, message, remedy);
            }
            return;
        }
        if let Some((first, mark)) = self.named.get(&draft.name) {
            let name = shown(&draft.name);
            let message = format!("the name `{name}` was given to a policy in {first}:{} already", mark.line);
            problems.error(draft.mark, message, "give this one its own name");
            return;
        }
        let default = |(_, one): &&(Box<str>, Draft)| one.conditions.is_none();
        if draft.conditions.is_none()
            && let Some((first, one)) = self.drafts.iter().find(default)
        {
            let message = format!("`{}` in {first}:{} is the default already", one.name, one.mark.line);
            problems.error(draft.mark, message, "say with `match` where this one holds");
            return;
        }
        self.named.insert(draft.name.clone(), (file.into(), draft.mark));
        self.drafts.push((file.into(), draft));
    }

    fn finish(mut self) -> Result<PolicySet, Vec<Problem>> {
        let mut set = PolicySet::default();
        if let Some(at) = self.drafts.iter().position(|(_, draft)| draft.conditions.is_none()) {
            set.default = policy(self.drafts.remove(at), Terms::default());
        }
        let default = set.default.terms;
        set.policies = self.drafts.into_iter().map(|draft| policy(draft, default)).collect();
        self.problems.extend(shadows(&set.policies));
        self.problems.extend(set.policies.iter().filter_map(unknown));
        if self.problems.iter().any(|problem| problem.severity == Severity::Error) {
            return Err(self.problems);
        }
        set.warnings = self.problems;
        Ok(set)
    }
}

fn policy((file, draft): (Box<str>, Draft), default: Terms) -> Policy {
    let Draft { name, description, mark, conditions, said } = draft;
    let conditions = conditions.unwrap_or_default();
    Policy { name, description, file, line: mark.line, terms: said.over(default), conditions, mark }
}

/// Policies that never hold, since one before them holds wherever they would.
fn shadows(policies: &[Policy]) -> Vec<Problem> {
    let shadow = |(at, policy): (usize, &Policy)| {
        let first = policies.iter().take(at).find(|first| first.covers(policy))?;
        let mut problems = Problems::new(&policy.file);
        problems.warn(
            policy.mark,
            format!(
                "`{}` never applies: `{}` in {}:{} holds wherever it would, and the first one counts",
                policy.name, first.name, first.file, first.line
            ),
            "move it before that one, or remove it",
        );
        Some(problems.into_list())
    };
    policies.iter().enumerate().filter_map(shadow).flatten().collect()
}

/// A policy that names what no cgroup tells.
fn unknown(policy: &Policy) -> Option<Problem> {
    let (condition, why) = policy.conditions.iter().find_map(|one| Some((one, one.subject.unknown()?)))?;
    let mut problems = Problems::new(&policy.file);
    let mut remedy = "match `namespace`, `pod`, `image` or `cgroup` instead".to_owned();
    if !policy.terms.payload {
        remedy.push_str("; until then payload is read of no pod that it may mean");
    }
    let message = format!("`{}` can't apply on this node: {why}", policy.name);
    problems.warn(condition.mark, message, remedy);
    problems.into_list().pop()
}
