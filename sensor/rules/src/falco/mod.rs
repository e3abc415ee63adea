//! Falco's rules, imported: lists, macros, rules and exceptions become Sigma rules of ours, or a reason why not.
//!
//! A condition is looked at once for each kind of event it can be true for, with `evt.type` worked out; what remains is
//! written as selections. A rule is written whole or not at all: one that would match more or less than Falco's is listed with
//! what it lacks. Who asks for it gets rules without those exclusions that can't be said, and is told which.
//!
//! ```text
//! lexer, syntax, condition   a condition's text      define, exception   what files define, appended and overridden
//! expand                     macros and lists        map, fields, kinds, deed, text, transform, network
//! logic                      constants worked out    selections, write   readable YAML
//! ```
mod condition;
mod deed;
mod define;
mod define_rule;
mod environment;
mod events;
mod exception;
mod expand;
mod fields;
mod kinds;
mod lexer;
mod logic;
mod map;
mod network;
mod selections;
mod source;
mod syntax;
mod text;
mod transform;
mod write;

#[cfg(test)]
mod tests;

use crate::{
    parse::Mark,
    placeholder,
    problem::{Problem, Severity},
    set::RuleSet,
};
use define_rule::Rule;
use events::Class;
use expand::{Expander, Tree};
use logic::{Line, Logic, Missing, Value};
use map::{Event, Mapper};
use source::Place;
use std::collections::BTreeSet;
use syntax::{Operand, Operator, Right};

/// Kinds of event that one rule may name: there are not more.
const EVENTS: usize = 500;
/// Values of a condition, looked at for each kind of event that it names.
const LOOKS: usize = 200_000;
/// Characters by which a file says what was left out.
const LACKS: usize = 300;

/// What became of Falco's rules.
#[derive(Clone, Debug)]
pub struct Import {
    /// In the order in which they were defined first.
    pub rules: Vec<Imported>,
    /// What the author should know.
    pub warnings: Vec<Problem>,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Falco's name of it.
    pub name: String,
    /// Where it is defined: the file, as named by the caller.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is a rule of ours.
    Written {
        /// A name for its file, unlike those of the others.
        file: String,
        /// Its text: a document for each kind of event.
        yaml: String,
        /// Where it differs a little from what Falco does.
        notes: Vec<String>,
        /// What it lacks, where that was asked for: it finds what these would exclude, too.
        left_out: Vec<Obstacle>,
        /// Placeholders that the text defines without values: it finds nothing until they have some.
        unfilled: Vec<String>,
    },
    /// `enabled: false`: Falco doesn't load it either.
    Disabled,
    /// It can't be said, for all of these reasons.
    Refused(Vec<Obstacle>),
}

/// Why a rule can't be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// Where it stands: the file.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// Falco's field, with its argument; for an event that is not recorded, its kind.
    pub field: String,
    /// The part of the condition.
    pub what: String,
    /// The reason.
    pub why: String,
    /// Only an event is lacking: the rule can be imported when it is recorded.
    pub event: bool,
}

/// What becomes of an exclusion that can't be said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exclusions {
    /// Its rule is refused.
    #[default]
    Needed,
    /// It is left out: the rule finds more than Falco's.
    LeftOut,
}

/// Imports files given as (name, text), in the order in which Falco reads them.
///
/// # Errors
/// Every problem of every file, warnings included, if there is an error among them: Falco would not load them either.
pub fn import<N: AsRef<str>, T: AsRef<str>>(
    files: &[(N, T)],
    exclusions: Exclusions,
) -> Result<Import, Vec<Problem>> {
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_ref(), text.as_ref())).collect();
    let mut definitions = define::read(&files);
    let mut problems = std::mem::take(&mut definitions.problems);
    let mut expander = Expander::new(&definitions, &files);
    let mut trees = Vec::new();
    for rule in &definitions.rules {
        trees.push((rule, tree(rule, &mut expander, &files)));
    }
    problems.extend(expander.into_problems());
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(problems);
    }
    let mut names = BTreeSet::new();
    let rules = trees.into_iter().map(|(rule, tree)| Imported {
        name: rule.name.clone(),
        file: file(&files, rule.place),
        line: rule.place.mark.line,
        outcome: match tree {
            Some(tree) => outcome(rule, (&tree, false), &files, exclusions, &mut names),
            None => Outcome::Disabled,
        },
    });
    Ok(Import { rules: rules.collect(), warnings: problems })
}

fn file(files: &[(&str, &str)], place: Place) -> String {
    files.get(place.file).map_or("", |(name, _)| name).to_owned()
}

/// The condition with its exceptions. [`None`]: the rule is disabled, or a problem was reported.
fn tree(rule: &Rule, expander: &mut Expander<'_>, files: &[(&str, &str)]) -> Option<Tree> {
    let texts: Vec<&str> = files.iter().map(|(_, text)| *text).collect();
    let condition = expander.parse(&rule.condition)?;
    let places = rule.condition.places(&texts);
    let mut parts = vec![expander.rule(&condition, &|offset| places.at(offset))?];
    for exception in &rule.exceptions {
        let condition = match exception.condition() {
            None => continue,
            Some(Ok(condition)) => condition,
            Some(Err(error)) => {
                expander.wrong(exception.place, error);
                continue;
            }
        };
        let inner = expander.rule(&condition, &|_| exception.place)?;
        let name = format!("exception_{}", identifier(&exception.name));
        parts.push(Tree::Not(Box::new(Tree::Named(name, Box::new(inner)))));
    }
    rule.enabled.then_some(Tree::And(parts))
}

/// Letters, digits and `_`.
fn identifier(name: &str) -> String {
    let words: Vec<String> = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.join("_")
}

/// `placeholders`: lists without values are some.
fn outcome(
    rule: &Rule,
    (tree, placeholders): (&Tree, bool),
    files: &[(&str, &str)],
    exclusions: Exclusions,
    names: &mut BTreeSet<String>,
) -> Outcome {
    let refused = |what: &str, why: String| {
        Outcome::Refused(vec![obstacle(files, rule.place, (what, what), why, false)])
    };
    if rule.source != "syscall" {
        return refused("source", format!("nothing here makes events of the source `{}`", rule.source));
    }
    let events = events(tree);
    if events.len() > EVENTS {
        return refused("evt.type", format!("it names more than {EVENTS} kinds of event"));
    }
    let values = tree.values();
    if events.len().saturating_mul(values) > LOOKS {
        let why = format!(
            "it has {} kinds of event and {values} values, too many to look at each with each",
            events.len()
        );
        return refused("condition", why);
    }
    let mut notes = BTreeSet::new();
    let mut obstacles: Vec<Obstacle> = Vec::new();
    let mut left_out: Vec<Missing> = Vec::new();
    let mut parts: Vec<(Class, Vec<(&'static str, Logic)>)> = Vec::new();
    for event in events {
        let mut differs = BTreeSet::new();
        let logic = Mapper { event: &event, notes: &mut differs, placeholders }.tree(tree).folded();
        let Event::Recorded(class, name) = event else {
            if !logic.is(false) {
                let kind = event.needs();
                obstacles.push(obstacle(files, rule.place, (&kind, &kind), "not recorded".to_owned(), true));
            }
            continue;
        };
        let mut without = Vec::new();
        let logic = match exclusions {
            Exclusions::Needed => logic,
            Exclusions::LeftOut => logic.without_exclusions(&mut without).folded(),
        };
        if !logic.is(false) {
            for missing in without {
                missing.note(&mut left_out);
            }
            notes.extend(differs.into_iter().map(str::to_owned));
        }
        match parts.last_mut() {
            Some((before, all)) if *before == class => all.push((name, logic)),
            _ => parts.push((class, vec![(name, logic)])),
        }
    }
    let mut classes: Vec<(Class, Logic)> = Vec::new();
    for (class, parts) in parts {
        match joined(class, parts, &mut notes) {
            Ok(logic) if logic.is(false) => {}
            Ok(logic) => classes.push((class, logic)),
            Err(event) => {
                let why = format!("`{event}` is not told apart from other opens");
                obstacles.push(obstacle(files, rule.place, ("evt.type", event), why, false));
            }
        }
    }
    let mut missing = Vec::new();
    for (_, logic) in &classes {
        logic.missing(&mut missing);
    }
    let unsaid = |m: &Missing| obstacle(files, m.place, (&m.field, &m.what), m.why.clone(), false);
    obstacles.extend(missing.into_iter().map(unsaid));
    let obstacles = once(obstacles);
    if !obstacles.is_empty() {
        return Outcome::Refused(obstacles);
    }
    let unfilled: Vec<_> = tree.unfilled().into_iter().map(str::to_owned).collect();
    let can_stand = |list: &String| list.chars().all(placeholder::is_name);
    if classes.is_empty() && !placeholders && !unfilled.is_empty() && unfilled.iter().all(can_stand) {
        return outcome(rule, (tree, true), files, exclusions, names);
    }
    if classes.is_empty() {
        return refused("condition", "it never holds, whatever happens".to_owned());
    }
    let left_out = once(left_out.iter().map(unsaid).collect());
    let differences =
        Differences { notes, left_out, unfilled: if placeholders { unfilled } else { Vec::new() } };
    written(rule, &classes, files, differences, names).unwrap_or_else(|why| refused("condition", why))
}

/// Each of them once, in their order.
fn once(obstacles: Vec<Obstacle>) -> Vec<Obstacle> {
    let mut out: Vec<Obstacle> = Vec::new();
    for one in obstacles {
        if !out.contains(&one) {
            out.push(one);
        }
    }
    out
}

const DATAGRAMS: &str = "Of UDP the first datagram is seen that a socket sends to somebody, whichever call sends it: not \
                         `connect`, which sends nothing, no further datagram, and no answer of a socket that had received first.";

const UNFILLED: &str = "The lists below have no values in Falco's files: it finds nothing until those that it looks for have some.";

/// The condition for a kind of event. [`Err`]: the event that can't be told from others.
fn joined(
    class: Class,
    parts: Vec<(&'static str, Logic)>,
    notes: &mut BTreeSet<String>,
) -> Result<Logic, &'static str> {
    let logic = class.joined(parts, notes)?;
    if class == Class::Datagram && !logic.is(false) {
        notes.insert(DATAGRAMS.to_owned());
    }
    let Class::Deed(kind) = class else { return Ok(logic) };
    if logic.is(false) {
        return Ok(logic);
    }
    notes.insert("Calls that fail are not seen.".to_owned());
    notes.extend(kind.notes.iter().map(|note| (*note).to_owned()));
    Ok(Logic::And(deed::lines(kind, &logic).into_iter().chain([logic]).collect()).folded())
}

fn obstacle(
    files: &[(&str, &str)],
    place: Place,
    (field, what): (&str, &str),
    why: String,
    event: bool,
) -> Obstacle {
    let Mark { line, column } = place.mark;
    Obstacle { file: file(files, place), line, column, field: field.into(), what: what.into(), why, event }
}

/// Where a rule differs from Falco's.
struct Differences {
    notes: BTreeSet<String>,
    left_out: Vec<Obstacle>,
    unfilled: Vec<String>,
}

/// A document that defines these placeholders; none: no document.
fn definitions(names: &[String], values: &str) -> String {
    if names.is_empty() {
        return String::new();
    }
    let lines: Vec<_> = names.iter().map(|name| format!("        {name}: {values}\n")).collect();
    format!("guardbee:\n    placeholders:\n{}---\n", lines.concat())
}

fn written(
    rule: &Rule,
    classes: &[(Class, Logic)],
    files: &[(&str, &str)],
    Differences { mut notes, left_out, unfilled }: Differences,
    names: &mut BTreeSet<String>,
) -> Result<Outcome, String> {
    if !unfilled.is_empty() {
        notes.insert(UNFILLED.to_owned());
    }
    let mut yaml = String::new();
    for (nth, (class, logic)) in classes.iter().enumerate() {
        // Every event has a process.
        let every = Logic::from(Line::new("process.pid", "|exists", Value::Flag(true)));
        let logic = if logic.is(true) { &every } else { logic };
        if nth > 0 {
            yaml.push_str("---\n");
        }
        yaml.push_str(&write::document(rule, *class, classes.len() > 1, logic));
    }
    let header = header(rule, files, &notes, &left_out);
    let with = |values: &str| format!("{header}{}{yaml}", definitions(&unfilled, values));
    let set = RuleSet::load(&[("", with("[x]"))]).map_err(|problems| {
        problems.first().map_or_else(String::new, |first| format!("{}: {}", first.message, first.remedy))
    })?;
    if let Some(why) = set.rules().into_iter().find_map(|rule| rule.can_fire.err()) {
        return Err(why);
    }
    let stem =
        Some(identifier(&rule.name)).filter(|stem| !stem.is_empty()).unwrap_or_else(|| "rule".to_owned());
    let mut name = format!("{stem}.yml");
    for number in 2_usize.. {
        if names.insert(name.clone()) {
            break;
        }
        name = format!("{stem}_{number}.yml");
    }
    let yaml = with("[]");
    Ok(Outcome::Written { file: name, yaml, notes: notes.into_iter().collect(), left_out, unfilled })
}

/// Where it came from, and where it differs.
fn header(rule: &Rule, files: &[(&str, &str)], notes: &BTreeSet<String>, left_out: &[Obstacle]) -> String {
    let path = file(files, rule.place);
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut out = String::new();
    let origin = format!(
        "Imported from Falco's rule \"{}\" ({}, line {}) by `guardbee rules import falco`.",
        write::words(&rule.name),
        write::words(name),
        rule.place.mark.line
    );
    write::wrap(&mut out, origin.split(' '), "# ");
    for note in notes {
        write::wrap(&mut out, note.split(' '), "# ");
    }
    let lacks: BTreeSet<(&str, &str)> =
        left_out.iter().map(|one| (one.field.as_str(), one.why.as_str())).collect();
    for (field, why) in lacks {
        let lacks = format!("It finds more than Falco's: what that excludes by {field} is left out ({why}).");
        // A reason may name a value, which may be anything.
        let lacks: String = write::words(&lacks).chars().take(LACKS).collect();
        write::wrap(&mut out, lacks.split(' '), "# ");
    }
    let (_, unshown) = write::output(&rule.output);
    if !unshown.is_empty() {
        let shows = format!("Falco's output also shows: {}", unshown.join(", "));
        write::wrap(&mut out, shows.split(' '), "# ");
    }
    out
}

/// Every event that the condition could be true for.
fn events(tree: &Tree) -> Vec<Event> {
    let mut names = BTreeSet::new();
    named(tree, &mut names);
    let mut out = Vec::new();
    for class in Class::all() {
        if !class.events().iter().any(|event| names.contains(*event)) {
            continue;
        }
        out.extend(class.events().iter().map(|event| Event::Recorded(class, event)));
        if let Class::Deed(kind) = class {
            let beyond = |part| kind.events.iter().map(move |event| Event::Beyond(kind, part, event));
            out.extend((0..kind.beyond.len()).flat_map(beyond));
        }
    }
    let sending =
        Class::Datagram.events().iter().filter(|event| **event != "connect" && names.contains(**event));
    out.extend(sending.map(|event| Event::Stream((*event).to_owned())));
    out.extend(names.into_iter().filter(|name| Class::of(name).is_none()).map(Event::Unrecorded));
    out.push(Event::Other);
    out
}

fn named(tree: &Tree, out: &mut BTreeSet<String>) {
    match tree {
        Tree::Not(inner) | Tree::Named(_, inner) => named(inner, out),
        Tree::And(parts) | Tree::Or(parts) => parts.iter().for_each(|part| named(part, out)),
        Tree::Check(check, _) => {
            let Operand::Field { name, .. } = &check.left else { return };
            if !matches!(name.as_str(), "evt.type" | "syscall.type") {
                return;
            }
            let values = match &check.right {
                Right::Value(value) => std::slice::from_ref(value),
                Right::List(values) => values,
                _ => &[],
            };
            match check.operator {
                Operator::Equal | Operator::NotEqual | Operator::In | Operator::Intersects => {
                    out.extend(values.iter().map(|value| value.text.clone()));
                }
                _ => out.extend(events::all().map(str::to_owned)),
            }
        }
    }
}
