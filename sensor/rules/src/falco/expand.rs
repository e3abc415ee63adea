//! Names in conditions replaced by what they stand for: macros stay recognisable, lists become their values.
use super::{
    condition,
    define::Definitions,
    lexer::{self, Error},
    source::{Place, Places, Prose},
    syntax::{Check, Condition, Right, Text},
};
use crate::problem::{Problem, Severity, shown, suggest};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

/// Macros within macros, lists within lists.
const DEPTH: usize = 50;
/// Checks of one rule, macros unfolded, and values of one check.
const CHECKS: usize = 50_000;
/// Checks of all rules together.
const TOTAL: usize = 2_000_000;

/// A condition without names that need looking up.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    Not(Box<Tree>),
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Named(String, Box<Tree>),
    Check(Check, Place),
}

impl Tree {
    /// Names of lists without values that something is compared with.
    pub(super) fn unfilled(&self) -> BTreeSet<&str> {
        match self {
            Self::Not(inner) | Self::Named(_, inner) => inner.unfilled(),
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::unfilled).collect(),
            Self::Check(Check { right: Right::Unfilled(list), .. }, _) => BTreeSet::from([list.as_str()]),
            Self::Check(..) => BTreeSet::new(),
        }
    }

    /// Values that checks have, together.
    pub(super) fn values(&self) -> usize {
        match self {
            Self::Not(inner) | Self::Named(_, inner) => inner.values(),
            Self::And(parts) | Self::Or(parts) => parts.iter().map(Self::values).sum(),
            Self::Check(check, _) => match &check.right {
                Right::List(values) => values.len(),
                _ => 1,
            },
        }
    }
}

/// Looks names up, and says what is wrong with them.
pub(super) struct Expander<'a> {
    definitions: &'a Definitions,
    files: &'a [(&'a str, &'a str)],
    texts: Vec<&'a str>,
    /// Macros, parsed. [`None`]: a problem was reported.
    macros: BTreeMap<&'a str, Option<Condition>>,
    /// Where the words of macros stand.
    places: BTreeMap<&'a str, Rc<Places>>,
    lists: HashMap<&'a str, Vec<Text>>,
    problems: Vec<Problem>,
    checks: usize,
    total: usize,
    /// While macros are only looked at: those that are sound.
    sound: Option<BTreeSet<&'a str>>,
}

impl<'a> Expander<'a> {
    pub(super) fn new(definitions: &'a Definitions, files: &'a [(&'a str, &'a str)]) -> Self {
        let texts = files.iter().map(|(_, text)| *text).collect();
        let mut new = Self {
            definitions,
            files,
            texts,
            macros: BTreeMap::new(),
            places: BTreeMap::new(),
            lists: HashMap::new(),
            problems: Vec::new(),
            checks: 0,
            total: 0,
            sound: Some(BTreeSet::new()),
        };
        let mut macros: Vec<_> = definitions.macros.iter().collect();
        macros.sort_by_key(|(name, (_, place))| (place.file, place.mark.line, *name));
        for (name, (prose, _)) in macros {
            let parsed = new.parse(prose);
            new.macros.insert(name, parsed);
        }
        // Even what no rule uses must be right, as for Falco.
        for name in new.macros.keys().copied().collect::<Vec<_>>() {
            let place = definitions.macros.get(name).map(|(_, place)| *place).unwrap_or_default();
            new.checks = 0;
            if new.named(name, place, &mut Vec::new()).is_some()
                && let Some(sound) = &mut new.sound
            {
                sound.insert(name);
            }
        }
        new.sound = None;
        new
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    pub(super) fn parse(&mut self, prose: &Prose) -> Option<Condition> {
        condition::parse(&prose.text)
            .map_err(|error| self.wrong(prose.place(error.at, &self.texts), error))
            .ok()
    }

    /// Reports `error` at `place`, once.
    pub(super) fn wrong(&mut self, place: Place, error: Error) {
        let problem = Problem {
            file: self.files.get(place.file).map_or("", |(name, _)| *name).into(),
            line: place.mark.line,
            column: place.mark.column,
            severity: Severity::Error,
            message: error.message,
            remedy: error.remedy,
        };
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// The condition of a rule. [`None`]: a problem was reported.
    pub(super) fn rule(&mut self, condition: &Condition, at: &dyn Fn(usize) -> Place) -> Option<Tree> {
        self.checks = 0;
        self.tree(condition, at, &mut Vec::new())
    }

    fn tree(
        &mut self,
        condition: &Condition,
        at: &dyn Fn(usize) -> Place,
        within: &mut Vec<String>,
    ) -> Option<Tree> {
        if self.checks > CHECKS || self.total > TOTAL {
            // It was reported: what doubles at each step must not be walked to its end.
            return None;
        }
        let mut all = |parts: &[Condition]| -> Option<Vec<Tree>> {
            // Every part is looked at: a report of all that is wrong saves a round.
            let parts: Vec<_> = parts.iter().map(|part| self.tree(part, at, within)).collect();
            parts.into_iter().collect()
        };
        Some(match condition {
            Condition::Not(inner) => Tree::Not(Box::new(self.tree(inner, at, within)?)),
            Condition::And(parts) => Tree::And(all(parts)?),
            Condition::Or(parts) => Tree::Or(all(parts)?),
            Condition::Macro { name, at: offset } => self.named(name, at(*offset), within)?,
            Condition::Check { check, at: offset } => {
                let place = at(*offset);
                self.checks += 1;
                self.total += 1;
                if self.checks > CHECKS || self.total > TOTAL {
                    let most = if self.checks > CHECKS { CHECKS } else { TOTAL };
                    self.wrong(place, bound(format!("conditions unfold to more than {most} checks")));
                    return None;
                }
                Tree::Check(self.values(check, place)?, place)
            }
        })
    }

    fn named(&mut self, name: &str, place: Place, within: &mut Vec<String>) -> Option<Tree> {
        if self.sound.as_ref().is_some_and(|sound| sound.contains(name)) {
            return Some(Tree::And(Vec::new()));
        }
        if within.iter().any(|outer| outer == name) {
            let chain = format!("{} -> {name}", within.join(" -> "));
            self.wrong(place, recursion("macro", name, &chain));
            return None;
        }
        let defined = self.definitions.macros.get_key_value(name);
        let Some((parsed, (name, (prose, _)))) = self.macros.get(name).zip(defined) else {
            let known = self.definitions.macros.keys().map(String::as_str);
            let remedy = suggest(name, known, "define it with `- macro:`, or name the file that does first");
            let message = format!("there is no macro `{}`", shown(name));
            self.wrong(place, Error { at: 0, message, remedy });
            return None;
        };
        let parsed = parsed.clone()?;
        if within.len() >= DEPTH {
            self.wrong(place, bound(format!("macros are more than {DEPTH} deep within each other")));
            return None;
        }
        within.push(name.clone());
        let places = self.places.entry(name).or_insert_with(|| Rc::new(prose.places(&self.texts)));
        let places = Rc::clone(places);
        let tree = self.tree(&parsed, &|offset| places.at(offset), within);
        within.pop();
        Some(Tree::Named(name.clone(), Box::new(tree?)))
    }

    /// The check with the names of lists replaced by their values.
    fn values(&mut self, check: &Check, place: Place) -> Option<Check> {
        let right = match &check.right {
            Right::List(values) => {
                let mut out = Vec::new();
                for value in values {
                    out.extend(self.value(value, place)?);
                }
                match values.as_slice() {
                    [list] if out.is_empty() => Right::Unfilled(list.text.clone()),
                    _ => Right::List(out),
                }
            }
            Right::Value(value) => {
                let mut values = self.value(value, place)?;
                if values.len() != 1 {
                    let message = format!("the list `{}` stands where one value should", shown(&value.text));
                    let remedy = "compare with `in`, or quote it if the word itself is meant".to_owned();
                    self.wrong(place, Error { at: 0, message, remedy });
                }
                Right::Value(values.pop().filter(|_| values.is_empty())?)
            }
            same => same.clone(),
        };
        Some(Check { right, ..check.clone() })
    }

    fn value(&mut self, value: &Text, place: Place) -> Option<Vec<Text>> {
        if value.quoted || !self.definitions.lists.contains_key(&value.text) {
            return Some(vec![value.clone()]);
        }
        let values = self.list(&value.text, place, &mut Vec::new())?;
        if values.len() > CHECKS {
            self.wrong(place, bound(format!("the list has more than {CHECKS} values")));
            return None;
        }
        Some(values)
    }

    fn list(&mut self, name: &str, place: Place, within: &mut Vec<String>) -> Option<Vec<Text>> {
        if let Some(known) = self.lists.get(name) {
            return Some(known.clone());
        }
        let (name, list) = self.definitions.lists.get_key_value(name)?;
        if within.contains(name) || within.len() >= DEPTH {
            let chain = format!("{} -> {name}", within.join(" -> "));
            self.wrong(place, recursion("list", name, &chain));
            return None;
        }
        within.push(name.clone());
        let mut out: Vec<Text> = Vec::new();
        for (item, place) in &list.items {
            let inner = self.definitions.lists.get(item).filter(|inner| inner.defined < list.changed);
            // A list that has its own name in it means the word.
            if inner.is_some() && item != name {
                out.extend(self.list(item, *place, within)?);
            } else {
                match lexer::item(item) {
                    Ok(text) => out.push(text),
                    Err(error) => {
                        self.wrong(*place, error);
                        return None;
                    }
                }
            }
            if out.len() > CHECKS {
                break;
            }
        }
        within.pop();
        self.lists.insert(name, out.clone());
        Some(out)
    }
}

fn bound(message: String) -> Error {
    Error { at: 0, message, remedy: "split the rule, or its macros and lists".to_owned() }
}

fn recursion(what: &str, name: &str, chain: &str) -> Error {
    let message = format!("the {what} `{}` contains itself: {}", shown(name), shown(chain));
    Error { at: 0, message, remedy: "take one of the names out of the circle".to_owned() }
}
