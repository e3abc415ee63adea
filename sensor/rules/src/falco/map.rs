//! From Falco's checks to lines of ours, for one kind of event at a time.
use super::{
    deed::{self, Asked},
    environment,
    events::{self, Class},
    expand::Tree,
    fields::{self, Target},
    kinds::Kind,
    logic::{Line, Logic, Missing, Value},
    network,
    source::Place,
    syntax::{Check, Operator, Quantifier, Right, Text},
    text::{Comparison, Dialect, escaped},
    transform::{self, Change, operand},
};
use guardbee_model::{process::Login, system::CAPABILITIES};
use std::collections::BTreeSet;

/// An event that a condition is looked at for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Recorded(Class, &'static str),
    /// Of a kind that is recorded in part, what is not: the place in [`Kind::beyond`].
    Beyond(&'static Kind, usize, &'static str),
    /// By Falco's name.
    Unrecorded(String),
    /// A call that sends, over a socket that is no UDP one; by Falco's name.
    Stream(String),
    /// Any that the condition doesn't name.
    Other,
}

impl Event {
    fn name(&self) -> &str {
        match self {
            Self::Recorded(_, name) | Self::Beyond(_, _, name) => name,
            Self::Unrecorded(name) | Self::Stream(name) => name,
            Self::Other => "",
        }
    }

    /// What would have to be recorded.
    pub(super) fn needs(&self) -> String {
        match self {
            Self::Recorded(class, _) => class.name().to_owned(),
            Self::Beyond(kind, part, _) => {
                kind.beyond.get(*part).map_or_else(String::new, |(what, _)| (*what).to_owned())
            }
            Self::Unrecorded(name) | Self::Stream(name) => events::unrecorded(name),
            Self::Other => "every event: it doesn't say which".to_owned(),
        }
    }
}

/// Translates conditions for one event.
pub(super) struct Mapper<'a> {
    pub(super) event: &'a Event,
    /// Where a translation differs a little from what Falco does.
    pub(super) notes: &'a mut BTreeSet<&'static str>,
    /// A list without values is a placeholder of its name; else nothing is in it.
    pub(super) placeholders: bool,
}

/// `equal`, and whatever takes a list of equals.
pub(super) fn equals(operator: Operator) -> bool {
    matches!(operator, Operator::Equal | Operator::In | Operator::Intersects)
}

/// A comparison with zero of a number that is never negative. [`None`]: it depends on the number.
pub(super) fn sign(operator: Operator, value: &str) -> Option<bool> {
    let value = network::parsed(value)?;
    match operator {
        Operator::GreaterOrEqual if value <= 0 => Some(true),
        Operator::Greater if value < 0 => Some(true),
        Operator::Less if value <= 0 => Some(false),
        Operator::LessOrEqual | Operator::Equal | Operator::In if value < 0 => Some(false),
        Operator::Exists => Some(true),
        _ => None,
    }
}

/// The lines that compare with the placeholder, with what makes values of it.
fn expanding(logic: Logic, placeholder: &str) -> Result<Logic, String> {
    let all = |parts: Vec<Logic>| -> Result<Vec<Logic>, String> {
        parts.into_iter().map(|part| expanding(part, placeholder)).collect()
    };
    match logic {
        Logic::Line(line) if line.values == [Value::Text(placeholder.to_owned())] => {
            let modifiers = format!("|expand{}", line.modifiers);
            Ok(Line { modifiers, ..line }.into())
        }
        Logic::And(parts) => Ok(Logic::And(all(parts)?)),
        Logic::Or(parts) => Ok(Logic::Or(all(parts)?)),
        _ => Err("what it is compared with can't be left open".to_owned()),
    }
}

impl Mapper<'_> {
    pub(super) fn tree(&mut self, tree: &Tree) -> Logic {
        match tree {
            Tree::Not(inner) => Logic::not(self.tree(inner)),
            Tree::And(parts) => Logic::And(parts.iter().map(|part| self.tree(part)).collect()),
            Tree::Or(parts) => Logic::Or(parts.iter().map(|part| self.tree(part)).collect()),
            Tree::Named(name, inner) => Logic::Named(name.clone(), Box::new(self.tree(inner))),
            Tree::Check(check, place) => self.check(check, *place),
        }
    }

    fn check(&mut self, check: &Check, place: Place) -> Logic {
        let only = |operator, right| Check { operator, right, quantifier: None, left: check.left.clone() };
        if check.operator == Operator::NotEqual {
            // A field that is absent is not unequal either.
            let exists = only(Operator::Exists, Right::Nothing);
            let equal = self.check(&Check { operator: Operator::Equal, ..check.clone() }, place);
            let deed = matches!(self.event, Event::Recorded(Class::Deed(_), _));
            if deed && equal.is(true) && check.left.to_string().starts_with("evt.res") {
                return missing(check, deed::FAILED.to_owned(), place);
            }
            return Logic::And(vec![self.check(&exists, place), Logic::not(equal)]);
        }
        let (values, all): (Vec<&Text>, bool) = match &check.right {
            Right::Nothing => {
                return self.value(check, "").unwrap_or_else(|why| missing(check, why, place));
            }
            Right::Operand(other) => {
                let said = match self.event {
                    Event::Recorded(..) => transform::reference(check, other),
                    event => Err(format!("needs {}", event.needs())),
                };
                return said.unwrap_or_else(|why| missing(check, why, place));
            }
            Right::Unfilled(list) if self.placeholders => {
                let placeholder = format!("%{list}%");
                let said = self.value(check, &placeholder).and_then(|logic| expanding(logic, &placeholder));
                return said.unwrap_or_else(|why| missing(check, why, place));
            }
            Right::Unfilled(_) => (Vec::new(), check.quantifier == Some(Quantifier::All)),
            Right::Value(value) => (vec![value], false),
            Right::List(values) => match check.quantifier {
                Some(Quantifier::One) if values.len() > 1 => {
                    return missing(check, "`oneof` can't be said".to_owned(), place);
                }
                quantifier => (values.iter().collect(), quantifier == Some(Quantifier::All)),
            },
        };
        let mut said = Vec::new();
        let mut parts = Vec::new();
        for value in values {
            match self.value(check, &value.text) {
                Ok(logic) => parts.push(logic),
                Err(why) if why.contains('`') => {
                    let right = match check.right {
                        Right::List(_) => Right::List(vec![value.clone()]),
                        _ => Right::Value(value.clone()),
                    };
                    parts.push(missing(&only(check.operator, right), why, place));
                }
                // What is wrong with the field is wrong with each of its values: say it once.
                Err(why) if said.contains(&why) => {}
                Err(why) => {
                    said.push(why.clone());
                    parts.push(missing(check, why, place));
                }
            }
        }
        if all { Logic::And(parts) } else { Logic::Or(parts) }
    }

    /// The check with one of its values.
    fn value(&mut self, check: &Check, value: &str) -> Result<Logic, String> {
        let (name, argument, change) = operand(&check.left)?;
        let operator = check.operator;
        if let Some(constant) = self.constant(name, operator, value) {
            return constant;
        }
        let class = match self.event {
            &Event::Recorded(class, _) => class,
            // What is recorded is said of nothing beyond.
            &Event::Beyond(kind, part, event) => {
                let asked = Asked { kind, event, name, change, operator, value };
                let tells = kind.beyond.get(part).is_some_and(|(_, fields)| fields.contains(&name));
                let standard = name != "evt.rawres" || equals(operator) && matches!(value, "0" | "1" | "2");
                return match asked.said(self.notes).filter(|_| tells && standard) {
                    Some(Ok(_)) => Ok(Logic::Constant(false)),
                    _ => Err(format!("needs {}", self.event.needs())),
                };
            }
            event => return Err(format!("needs {}", event.needs())),
        };
        if let Class::Deed(kind) = class {
            let event = self.event.name();
            let asked = Asked { kind, event, name, change, operator, value };
            if let Some(said) = asked.said(self.notes) {
                return said;
            }
        } else if name.starts_with("fd.") || name.starts_with("fdlist.") {
            if !class.of_network() {
                // An exec has no descriptor: nothing is true of it.
                return Ok(Logic::Constant(false));
            }
            if change != Change::None {
                return Err("transformers of a connection's fields can't be said".to_owned());
            }
            if class.outbound() && fields::NAMES.contains(&name) {
                self.notes.insert(
                    "The name of who is connected to is the one that was asked for: Falco asks for the rule's own \
                     names and compares addresses.",
                );
                let (field, dialect) = ("destination.domain", Dialect::Same);
                return change.compare(Comparison { field, dialect, ignore_case: true, operator, value });
            }
            return network::compare(class, name, operator, value)
                .unwrap_or_else(|| Err(fields::reason(name)));
        }
        if name == "proc.env" && class == Class::Exec && change == Change::None {
            self.notes.insert(environment::NOTE);
            return environment::compare(argument, operator, value);
        }
        let mut target = fields::target(name, argument)?;
        if class == Class::Exec {
            target = fields::at_exec(target);
        } else if target == Target::Terminal {
            self.notes.insert("Terminals are those that processes had at their execs.");
        }
        self.target(target, change, operator, value)
    }

    fn target(
        &mut self,
        target: Target,
        change: Change,
        operator: Operator,
        value: &str,
    ) -> Result<Logic, String> {
        let exists = operator == Operator::Exists;
        let there = |field| Ok(Line::new(field, "|exists", Value::Flag(true)).into());
        match target {
            // To Falco these are always there: what it doesn't know is `<NA>`.
            Target::Text(field, _) | Target::Number(field) | Target::Flag(field) | Target::Fact(field)
                if exists =>
            {
                let another = ["process.parent", "process.ancestors", "guardbee.ancestor"];
                let of_another = another.iter().any(|begin| field.starts_with(begin));
                if of_another { there(field) } else { Ok(Logic::Constant(true)) }
            }
            Target::Text(field, dialect) => {
                if matches!(dialect, Dialect::Name | Dialect::NameOfPath) {
                    self.notes.insert(
                        "Names of parents and ancestors are those of their executables: a script counts as its \
                         interpreter, and what is one program under many names by its own.",
                    );
                }
                change.compare(Comparison { field, dialect, ignore_case: false, operator, value })
            }
            _ if change != Change::None => Err("this transformer is for texts".to_owned()),
            Target::Number(field) => network::number(field, operator, value),
            Target::Flag(field) | Target::Fact(field) => match flag(value) {
                Some(is) if equals(operator) => Ok(Line::new(field, "", Value::Flag(is)).into()),
                _ => Err("it is true or false, and compared with something else".to_owned()),
            },
            Target::Capabilities(field) => {
                self.notes.insert("Capabilities are those that the process had after its exec.");
                capabilities(field, operator, value)
            }
            Target::Terminal => terminal(operator, value),
            Target::Login => login(operator, value),
            Target::Container => container(operator, value),
        }
    }

    /// What the kind of event decides. [`None`]: nothing.
    fn constant(&mut self, name: &str, operator: Operator, value: &str) -> Option<Result<Logic, String>> {
        let is = |subject: &str| Some(Ok(Logic::Constant(holds(subject, operator, value)?)));
        match (name, self.event) {
            ("evt.type" | "syscall.type", event) => {
                let unknown = || Some(Err("this comparison of names is not known".to_owned()));
                return is(event.name()).or_else(unknown);
            }
            // Events are seen when the system call ends.
            ("evt.dir", _) => return is("<"),
            ("evt.source", _) => return is("syscall"),
            ("evt.num", _) => {
                let never_zero = equals(operator) && network::parsed(value) == Some(0);
                let above = operator == Operator::Greater && network::parsed(value) == Some(0);
                let known = match (never_zero, above) {
                    (true, _) => Some(false),
                    (_, true) => Some(true),
                    _ => sign(operator, value),
                };
                return Some(known.map(Logic::Constant).ok_or_else(|| "events have no number".to_owned()));
            }
            ("fd.l4proto", Event::Stream(_)) => return is("tcp"),
            // Who is sent to changes with a datagram only.
            ("fd.name_changed", Event::Stream(_)) => return is("false"),
            ("fd.name_changed", Event::Recorded(Class::Datagram, event)) if *event != "connect" => {
                return is("true");
            }
            ("fd.connected", Event::Recorded(Class::Datagram, event)) => {
                return is(if *event == "connect" { "true" } else { "false" });
            }
            _ => {}
        }
        let Event::Recorded(class, _) = self.event else { return None };
        match name {
            _ if matches!(class, Class::Deed(_)) => None,
            "evt.is_open_read" | "evt.is_open_write" | "evt.is_open_exec" | "evt.is_open_create" => {
                let wanted = flag(value).unwrap_or(operator == Operator::Exists);
                Some(Ok(Logic::Constant(operator == Operator::Exists || !wanted)))
            }
            "evt.res" | "evt.rawres" | "evt.failed" => Some(self.result(*class, name, operator, value)),
            _ => None,
        }
    }

    /// How the system call ended.
    fn result(&mut self, class: Class, name: &str, operator: Operator, value: &str) -> Result<Logic, String> {
        const ERROR: &str = "guardbee.connect.error";
        let unknown = || "this result of the system call is not recorded".to_owned();
        let error = |modifier: &str, number| Line::new(ERROR, modifier, Value::Number(number)).into();
        if operator == Operator::Exists {
            return Ok(Logic::Constant(true));
        }
        if class != Class::Connect {
            // Of others only those that succeed are recorded.
            let known = match name {
                "evt.rawres" if class == Class::Accept => sign(operator, value),
                "evt.rawres" if class == Class::Datagram && self.event.name() != "connect" => {
                    sign(operator, value)
                }
                "evt.rawres" => network::parsed(value).and_then(|value| order(operator, 0, value)),
                "evt.res" => holds("SUCCESS", operator, value),
                _ => flag(value).map(|failed| !failed),
            };
            return known.map(Logic::Constant).ok_or_else(unknown);
        }
        match (name, operator, value) {
            ("evt.rawres", _, value) => match (operator, network::parsed(value).ok_or_else(unknown)?) {
                (Operator::GreaterOrEqual | Operator::Equal | Operator::In, 0) => Ok(error("", 0)),
                (Operator::Less, 0) => Ok(error("|gt", 0)),
                (Operator::Equal | Operator::In, number) if number < 0 => Ok(error("", -number)),
                _ => Err(unknown()),
            },
            ("evt.res", _, "SUCCESS") if equals(operator) => Ok(error("", 0)),
            ("evt.res", _, "EINPROGRESS") if equals(operator) => {
                self.notes.insert(
                    "A connection is seen when it succeeded or failed, not when it began: one that fails after all \
                     is not matched as `EINPROGRESS`.",
                );
                Ok(Logic::Constant(false))
            }
            ("evt.res", Operator::StartsWith, "E") => Ok(error("|gt", 0)),
            ("evt.failed", _, _) => match flag(value) {
                Some(true) => Ok(error("|gt", 0)),
                Some(false) => Ok(error("", 0)),
                None => Err(unknown()),
            },
            _ => Err(unknown()),
        }
    }
}

fn missing(check: &Check, why: String, place: Place) -> Logic {
    Logic::Missing(Missing { field: check.left.to_string(), what: check.to_string(), why, place })
}

/// Falco shows all of them in one text.
fn capabilities(field: &'static str, operator: Operator, value: &str) -> Result<Logic, String> {
    let lower = value.to_ascii_lowercase();
    let is = |name: &&str| match operator {
        Operator::Contains => name.contains(value),
        Operator::IContains => name.to_ascii_lowercase().contains(&lower),
        _ => false,
    };
    if operator == Operator::Exists {
        return Ok(Logic::Constant(true));
    }
    let names: Vec<_> = CAPABILITIES.into_iter().filter(is).collect();
    if names.is_empty() {
        return Err(format!("`{} {value}` of capabilities can't be said", operator.word()));
    }
    let line = |name: &str| Line::new(field, "", Value::Text(name.to_owned())).into();
    Ok(Logic::Or(names.into_iter().map(line).collect()))
}

pub(super) fn flag(value: &str) -> Option<bool> {
    match value {
        "true" | "True" | "1" => Some(true),
        "false" | "False" | "0" => Some(false),
        _ => None,
    }
}

pub(super) fn order(operator: Operator, subject: i64, value: i64) -> Option<bool> {
    Some(match operator {
        Operator::Equal | Operator::In => subject == value,
        Operator::Less => subject < value,
        Operator::LessOrEqual => subject <= value,
        Operator::Greater => subject > value,
        Operator::GreaterOrEqual => subject >= value,
        _ => return None,
    })
}

/// Whether a known text passes.
pub(super) fn holds(subject: &str, operator: Operator, value: &str) -> Option<bool> {
    Some(match operator {
        Operator::Exists => true,
        Operator::Equal | Operator::In | Operator::Intersects => subject == value,
        Operator::StartsWith => subject.starts_with(value),
        Operator::EndsWith => subject.ends_with(value),
        Operator::Contains => subject.contains(value),
        _ => return None,
    })
}

fn terminal(operator: Operator, value: &str) -> Result<Logic, String> {
    let zero = network::parsed(value) == Some(0);
    let is = match operator {
        Operator::Exists => return Ok(Logic::Constant(true)),
        Operator::Equal | Operator::In if zero => false,
        Operator::Greater if zero => true,
        _ => return Err("of the terminal only whether there is one is known".to_owned()),
    };
    Ok(Line::new("process.interactive", "", Value::Flag(is)).into())
}

/// To Falco nobody is -1, to the kernel and to us the largest number.
fn login(operator: Operator, value: &str) -> Result<Logic, String> {
    const FIELD: &str = "guardbee.login.user.id";
    match operator {
        Operator::Exists => Ok(Logic::Constant(true)),
        _ if equals(operator) && network::parsed(value) == Some(-1) => {
            network::number(FIELD, operator, &Login::NONE.to_string())
        }
        _ if equals(operator) => network::number(FIELD, operator, value),
        other => Err(format!("`{}` of who logged in can't be said", other.word())),
    }
}

fn container(operator: Operator, value: &str) -> Result<Logic, String> {
    const FIELD: &str = "container.id";
    let cased = |modifier: &str| Line::new(FIELD, modifier, Value::Text(escaped(value))).into();
    match operator {
        Operator::Exists => Ok(Logic::Constant(true)),
        Operator::Equal | Operator::In if matches!(value, "host" | "") => {
            Ok(Line::new(FIELD, "", Value::Null).into())
        }
        // Falco has the first twelve digits only.
        Operator::Equal | Operator::In if value.len() == 12 => Ok(cased("|startswith|cased")),
        Operator::Equal | Operator::In => Ok(cased("|cased")),
        Operator::StartsWith if value.len() <= 12 => Ok(cased("|startswith|cased")),
        other => Err(format!("`{}` of a container's id can't be said", other.word())),
    }
}
