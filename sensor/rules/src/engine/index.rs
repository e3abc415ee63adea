//! Which rules could match an observation: those of its class whose witness is there, and those that have none.
use super::{
    memo::Memo,
    within::Within,
    witness::{Census, Literal, Place},
};
use crate::{
    eval::{self, View},
    field::{Field, Kinds, Type},
    pattern,
    rule::Rule,
};
use guardbee_model::finding::Observation;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// Numbers of rules, ascending.
type Postings = Box<[u32]>;

/// The index of a set.
#[derive(Debug)]
pub(crate) struct Index {
    classes: [Class; Kinds::COUNT],
}

/// Rules that look at one action.
#[derive(Debug, Default)]
struct Class {
    flags: Vec<FlagIndex>,
    fields: Vec<FieldIndex>,
    /// Without a witness.
    always: Vec<u32>,
    /// All.
    rules: Vec<u32>,
}

/// Witnesses in one field.
#[derive(Debug)]
struct FieldIndex {
    /// No other field of any class has it.
    number: usize,
    field: Field,
    present: Vec<u32>,
    whole: Table,
    name: Table,
    within: Option<Within>,
}

/// Witnesses in a field that is so or not: the rules of either value.
#[derive(Debug)]
struct FlagIndex {
    field: Field,
    if_false: Postings,
    if_true: Postings,
}

/// Rules by a text that must be the value, or its last component.
#[derive(Debug, Default)]
struct Table {
    /// Lengths that texts have, modulo 64: most values are told by theirs.
    lengths: u64,
    rules: FxHashMap<Box<[u8]>, Postings>,
}

/// Rules that could match the observation at hand; kept for its memory.
#[derive(Debug)]
pub(crate) struct Candidates {
    found: Found,
    memo: Memo,
}

#[derive(Debug)]
struct Found {
    /// The observation for which a rule was last one.
    seen: Vec<u64>,
    observation: u64,
    rules: Vec<u32>,
}

impl Candidates {
    /// For a set of so many rules.
    pub(crate) fn new(rules: usize) -> Self {
        let found = Found { seen: vec![0; rules], observation: 0, rules: Vec::new() };
        Self { found, memo: Memo::default() }
    }
}

impl Found {
    fn add(&mut self, rules: &[u32]) {
        for &rule in rules {
            let Some(seen) = self.seen.get_mut(rule as usize) else { continue };
            if std::mem::replace(seen, self.observation) != self.observation {
                self.rules.push(rule);
            }
        }
    }
}

impl Default for Index {
    fn default() -> Self {
        Self { classes: std::array::from_fn(|_| Class::default()) }
    }
}

impl Index {
    /// Indexes rules, given with their numbers.
    pub(crate) fn new<'a>(rules: impl Iterator<Item = (usize, &'a Rule)> + Clone) -> Self {
        let mut census = Census::default();
        rules.clone().for_each(|(_, rule)| census.add(rule));
        let mut drafts: [Draft; Kinds::COUNT] = std::array::from_fn(|_| Draft::default());
        for (number, rule) in rules {
            let Ok(number) = u32::try_from(number) else { continue };
            let witness = census.witness(rule);
            for at in rule.kinds.indices() {
                if let Some(draft) = drafts.get_mut(at) {
                    draft.add(number, at, witness.as_deref());
                }
            }
        }
        let mut number = 0;
        Self { classes: drafts.map(|draft| draft.finish(&mut number)) }
    }

    fn class(&self, kinds: Kinds) -> Option<&Class> {
        self.classes.get(kinds.indices().next()?)
    }

    /// Rules without a witness, once for each class that they are in: what an event costs whatever it is.
    pub(crate) fn always(&self) -> impl Iterator<Item = u32> + '_ {
        self.classes.iter().flat_map(|class| &class.always).copied()
    }

    /// Every rule that looks at this action, ascending.
    pub(crate) fn all(&self, kinds: Kinds) -> &[u32] {
        self.class(kinds).map_or(&[], |class| &class.rules)
    }

    /// Rules that could match, ascending.
    pub(crate) fn candidates<'a>(
        &self,
        kinds: Kinds,
        view: &mut View<'_>,
        candidates: &'a mut Candidates,
    ) -> &'a [u32] {
        let Candidates { found, memo } = candidates;
        found.rules.clear();
        found.observation += 1;
        if let Some(class) = self.class(kinds) {
            found.add(&class.always);
            for flag in &class.flags {
                flag.find(view.observation(), found);
            }
            for field in &class.fields {
                field.find(view, memo, found);
            }
            found.rules.sort_unstable();
        }
        &found.rules
    }
}

impl FlagIndex {
    fn new(field: Field, texts: &Witnesses) -> Self {
        let of = |value: &str| {
            let stands = |(place, text): &(Place, Vec<u8>)| match place {
                Place::Present => true,
                Place::Whole => text == value.as_bytes(),
                Place::Within => memchr::memmem::find(value.as_bytes(), text).is_some(),
                // Neither has a slash.
                Place::Name => false,
            };
            let rules = texts.iter().filter(|(literal, _)| stands(literal)).flat_map(|(_, rules)| rules);
            rules.copied().collect::<BTreeSet<u32>>().into_iter().collect()
        };
        Self { field, if_false: of("false"), if_true: of("true") }
    }

    fn find(&self, observation: &Observation, found: &mut Found) {
        match eval::flag(self.field, observation) {
            Some(true) => found.add(&self.if_true),
            Some(false) => found.add(&self.if_false),
            None => {}
        }
    }
}

impl FieldIndex {
    fn find(&self, view: &mut View<'_>, memo: &mut Memo, found: &mut Found) {
        if !repeats(self.field) {
            for value in view.folded(self.field) {
                self.each(value, &mut |rules| found.add(rules));
            }
            return;
        }
        for value in view.values(self.field) {
            match memo.rules(self.number, value, |rules| self.each(&pattern::fold(value), rules)) {
                Some(rules) => found.add(rules),
                None => self.each(&pattern::fold(value), &mut |rules| found.add(rules)),
            }
        }
    }

    /// Rules whose witness is in one value in lower case, perhaps more than once.
    fn each(&self, value: &[u8], rules: &mut dyn FnMut(&[u32])) {
        rules(&self.present);
        self.whole.find(value, rules);
        if !self.name.rules.is_empty()
            && let Some(slash) = memchr::memrchr(b'/', value)
        {
            self.name.find(value.get(slash + 1..).unwrap_or_default(), rules);
        }
        if let Some(within) = &self.within {
            within.find(value, rules);
        }
    }
}

/// Few values come again and again: what all children of a process share, or a program is started with.
fn repeats(field: Field) -> bool {
    matches!(
        field,
        Field::Executable
            | Field::WorkingDirectory
            | Field::User
            | Field::PreviousExecutable
            | Field::ParentExecutable
            | Field::ParentCommandLine
            | Field::Ancestors
            | Field::Host
            | Field::UserAgent
            | Field::Method
    )
}

impl Table {
    fn insert(&mut self, text: Vec<u8>, rules: Postings) {
        self.lengths |= 1 << (text.len() % 64);
        self.rules.insert(text.into(), rules);
    }

    fn find(&self, text: &[u8], found: &mut dyn FnMut(&[u32])) {
        if self.lengths >> (text.len() % 64) & 1 == 1
            && let Some(rules) = self.rules.get(text)
        {
            found(rules);
        }
    }
}

/// Rules by the witness that they share.
type Witnesses = FxHashMap<(Place, Vec<u8>), BTreeSet<u32>>;

/// A class while it is made.
#[derive(Default)]
struct Draft {
    fields: BTreeMap<Field, Witnesses>,
    always: Vec<u32>,
    rules: Vec<u32>,
}

impl Draft {
    fn add(&mut self, rule: u32, class: usize, witness: Option<&[Literal]>) {
        self.rules.push(rule);
        let Some(literals) = witness else {
            self.always.push(rule);
            return;
        };
        // A field that the action does not have is absent: nothing is found there.
        let has = |field: Field| field.row().actions.indices().any(|at| at == class);
        for Literal { field, place, text } in literals.iter().filter(|literal| has(literal.field)) {
            let texts = self.fields.entry(*field).or_default();
            texts.entry((*place, text.clone())).or_default().insert(rule);
        }
    }

    fn finish(self, number: &mut usize) -> Class {
        let (mut flags, mut fields) = (Vec::new(), Vec::new());
        for (field, texts) in self.fields {
            if field.row().kind == Type::Flag {
                flags.push(FlagIndex::new(field, &texts));
            } else {
                *number += 1;
                fields.push(FieldIndex::new(*number, field, texts));
            }
        }
        Class { flags, fields, always: self.always, rules: self.rules }
    }
}

impl FieldIndex {
    fn new(number: usize, field: Field, texts: Witnesses) -> Self {
        let (present, within) = Default::default();
        let (whole, name) = (Table::default(), Table::default());
        let mut index = Self { number, field, present, whole, name, within };
        let mut within: BTreeMap<Vec<u8>, Vec<u32>> = BTreeMap::new();
        for ((place, text), rules) in texts {
            match place {
                Place::Present => index.present.extend(rules),
                Place::Whole => index.whole.insert(text, rules.into_iter().collect()),
                Place::Name => index.name.insert(text, rules.into_iter().collect()),
                Place::Within => {
                    within.insert(text, rules.into_iter().collect());
                }
            }
        }
        index.within = (!within.is_empty()).then(|| Within::new(within));
        index
    }
}
