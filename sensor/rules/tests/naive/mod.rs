//! An evaluator that does what the specification says, one value after another: slow, and short enough to be read.
//!
//! It reads YAML by another library than the engine, and shares nothing with it but the events. What a few rules use beside
//! this is not here: such rules are counted by what that is, not compared.
mod event;
mod value;

pub(crate) use event::Event;

use serde_json::Value;
use value::Line;

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Exec,
    FileWrite,
    Connection,
    /// As soon as it is read.
    Request,
    /// With its answer.
    Exchange,
}

/// A rule: its selections and its condition.
pub(crate) struct Rule {
    pub(crate) title: String,
    pub(crate) kind: Kind,
    selections: Vec<(String, Selection)>,
    condition: Condition,
}

enum Selection {
    /// Each line must hold.
    All(Vec<Line>),
    /// One of them must.
    One(Vec<Selection>),
}

enum Condition {
    Name(String),
    Of { all: bool, pattern: String },
    Not(Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
}

impl Rule {
    /// Why it is not compared, where it isn't.
    pub(crate) fn of(document: &Value) -> Result<Self, String> {
        let detection = document.get("detection").and_then(Value::as_object).ok_or("no detection")?;
        let kind = kind(document, &Value::from(detection.clone()).to_string())?;
        // One with a name may be a step of a correlation, and then tells nothing on its own.
        let ours = |key: &&str| document.get("guardbee").is_some_and(|block| block.get(key).is_some());
        let own = ["link", "exceptions", "suppress", "baseline", "requires"].into_iter().find(ours);
        if let Some(own) = own.or_else(|| document.get("name").map(|_| "name")) {
            return Err(format!("`{own}`"));
        }
        let mut selections = Vec::new();
        for (name, body) in detection.iter().filter(|(name, _)| *name != "condition") {
            selections.push((name.clone(), selection(body)?));
        }
        let words =
            detection.get("condition").and_then(Value::as_str).ok_or("a condition that is no text")?;
        let words = words.replace('(', " ( ").replace(')', " ) ");
        let mut words: Vec<&str> = words.split_whitespace().rev().collect();
        let condition = or(&mut words).filter(|_| words.is_empty()).ok_or("the condition")?;
        let title = document.get("title").and_then(Value::as_str).ok_or("no title")?.to_owned();
        Ok(Self { title, kind, selections, condition })
    }

    pub(crate) fn holds(&self, event: &Event) -> bool {
        self.condition.holds(&self.selections, event)
    }
}

/// By the log source, as rules/README.md has it.
fn kind(document: &Value, detection: &str) -> Result<Kind, String> {
    let source = document.get("logsource").ok_or("no log source")?;
    let key = |name: &str| source.get(name).and_then(Value::as_str);
    match (key("category"), key("product"), key("service")) {
        (Some("process_creation"), Some("linux") | None, None) => Ok(Kind::Exec),
        (Some("file_event"), Some("linux") | None, None) => Ok(Kind::FileWrite),
        (Some("network_connection"), Some("linux") | None, None) => Ok(Kind::Connection),
        (Some("webserver"), None, None) if detection.contains("\"sc-status") => Ok(Kind::Exchange),
        (Some("webserver"), None, None) => Ok(Kind::Request),
        // Of what audit records, arguments are of execs; names are of other records.
        (None, Some("linux"), Some("auditd"))
            if ["\"a0", "\"a1", "\"a2"].iter().any(|key| detection.contains(key))
                && !detection.contains("\"name") =>
        {
            Ok(Kind::Exec)
        }
        (category, product, service) => {
            let parts: Vec<&str> = [category, product, service].into_iter().flatten().collect();
            Err(format!("the log source {}", parts.join(", ")))
        }
    }
}

fn selection(body: &Value) -> Result<Selection, String> {
    match body {
        Value::Object(lines) => lines
            .iter()
            .map(|(key, value)| value::line(key, value))
            .collect::<Result<_, _>>()
            .map(Selection::All),
        Value::Array(items) if items.iter().all(Value::is_object) => {
            items.iter().map(selection).collect::<Result<_, _>>().map(Selection::One)
        }
        // What the whole event is each engine decides.
        _ => Err("keywords".to_owned()),
    }
}

impl Selection {
    fn holds(&self, event: &Event) -> bool {
        match self {
            Self::All(lines) => lines.iter().all(|line| line.holds(event)),
            Self::One(parts) => parts.iter().any(|part| part.holds(event)),
        }
    }
}

fn or(words: &mut Vec<&str>) -> Option<Condition> {
    let mut out = and(words)?;
    while words.last().is_some_and(|word| word.eq_ignore_ascii_case("or")) {
        words.pop();
        out = Condition::Or(Box::new(out), Box::new(and(words)?));
    }
    Some(out)
}

fn and(words: &mut Vec<&str>) -> Option<Condition> {
    let mut out = one(words)?;
    while words.last().is_some_and(|word| word.eq_ignore_ascii_case("and")) {
        words.pop();
        out = Condition::And(Box::new(out), Box::new(one(words)?));
    }
    Some(out)
}

fn one(words: &mut Vec<&str>) -> Option<Condition> {
    let word = words.pop()?;
    Some(match word.to_lowercase().as_str() {
        "not" => Condition::Not(Box::new(one(words)?)),
        "(" => {
            let inner = or(words)?;
            words.pop().filter(|word| *word == ")")?;
            inner
        }
        quantity @ ("1" | "any" | "all")
            if words.last().is_some_and(|word| word.eq_ignore_ascii_case("of")) =>
        {
            words.pop();
            Condition::Of { all: quantity == "all", pattern: words.pop()?.to_owned() }
        }
        ")" | "and" | "or" | "of" => return None,
        _ => Condition::Name(word.to_owned()),
    })
}

impl Condition {
    fn holds(&self, selections: &[(String, Selection)], event: &Event) -> bool {
        match self {
            Self::Not(inner) => !inner.holds(selections, event),
            Self::And(one, two) => one.holds(selections, event) && two.holds(selections, event),
            Self::Or(one, two) => one.holds(selections, event) || two.holds(selections, event),
            Self::Name(name) => selections.iter().any(|(known, one)| known == name && one.holds(event)),
            Self::Of { all, pattern } => {
                let pattern = if pattern == "them" { "*" } else { pattern };
                let named = |name: &str| match pattern.split_once('*') {
                    Some((head, tail)) => {
                        name.len() >= head.len() + tail.len()
                            && name.starts_with(head)
                            && name.ends_with(tail)
                    }
                    None => name == pattern,
                };
                let mut chosen = selections
                    .iter()
                    .filter(|(name, _)| named(name) && !(pattern == "*" && name.starts_with('_')));
                if *all {
                    chosen.all(|(_, one)| one.holds(event))
                } else {
                    chosen.any(|(_, one)| one.holds(event))
                }
            }
        }
    }
}
