//! Rules of Falco's files: defined, appended to, overridden, switched on and off.
use super::{
    define::{Change, Reader},
    exception::{self, Exception},
    source::{Place, Prose},
};
use crate::{
    parse::{Entry, Node, Value},
    problem::{shown, suggest},
};
use guardbee_model::finding::Level;

/// A rule.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) condition: Prose,
    pub(super) description: String,
    pub(super) output: String,
    pub(super) level: Level,
    pub(super) tags: Vec<String>,
    pub(super) source: String,
    pub(super) enabled: bool,
    pub(super) exceptions: Vec<Exception>,
}

const RULE_KEYS: &[&str] = &[
    "rule",
    "condition",
    "desc",
    "output",
    "priority",
    "tags",
    "enabled",
    "source",
    "exceptions",
    "append",
    "override",
    "capture",
    "capture_duration",
    "warn_evttypes",
    "skip-if-unknown-filter",
    "examples",
];
const APPENDABLE: &[&str] = &["condition", "output", "desc", "tags", "exceptions"];
const REPLACEABLE: &[&str] = &[
    "condition",
    "output",
    "desc",
    "priority",
    "tags",
    "exceptions",
    "enabled",
    "capture",
    "capture_duration",
    "warn_evttypes",
    "skip-if-unknown-filter",
];
const PRIORITIES: &[(&str, Level)] = &[
    ("emergency", Level::Critical),
    ("alert", Level::Critical),
    ("critical", Level::Critical),
    ("error", Level::High),
    ("warning", Level::Medium),
    ("notice", Level::Low),
    ("informational", Level::Informational),
    ("info", Level::Informational),
    ("debug", Level::Informational),
];

impl Reader<'_> {
    pub(super) fn rule(&mut self, item: &Node) {
        let Some(name) = self.text(item, "rule") else { return };
        self.known(item, RULE_KEYS);
        let appends = item.get("append").is_some_and(|entry| self.flag(entry));
        let overrides = self.overrides(item, APPENDABLE, REPLACEABLE);
        if item.get("override").is_some() {
            self.unexpected(item, &overrides);
            return self.update(item, name, &overrides);
        }
        if appends {
            let keys = ["condition", "exceptions"].into_iter().filter(|key| item.get(key).is_some());
            let changes: Vec<_> = keys.map(|key| (Box::from(key), Change::Append)).collect();
            if changes.is_empty() {
                let remedy = "add `condition:` or `exceptions:`";
                self.problems.error(item.mark, "`append: true` appends nothing", remedy);
            }
            return self.update(item, name, &changes);
        }
        let whole = ["condition", "output", "desc", "priority"].iter().any(|key| item.get(key).is_some());
        if whole || item.get("enabled").is_none() {
            self.define_rule(item, name);
        } else {
            self.update(item, name, &[(Box::from("enabled"), Change::Replace)]);
        }
    }

    fn unexpected(&mut self, item: &Node, overrides: &[(Box<str>, Change)]) {
        let changing = |key: &str| REPLACEABLE.contains(&key) && !overrides.iter().any(|(k, _)| &**k == key);
        for entry in item.entries().iter().filter(|entry| changing(&entry.key)) {
            let message = format!("`{}` is given, but `override` doesn't say what to do with it", entry.key);
            let remedy = format!("add `{}: append` or `{}: replace` under `override`", entry.key, entry.key);
            self.problems.error(entry.key_mark, message, remedy);
        }
    }

    fn define_rule(&mut self, item: &Node, name: &str) {
        let condition = self.condition(item);
        let output = self.text(item, "output");
        let description = self.text(item, "desc");
        let level = self.priority(item);
        let tags = self.tags(item);
        let enabled = item.get("enabled").is_none_or(|entry| self.flag(entry));
        let source = item.get("source").and_then(|entry| entry.node.text()).unwrap_or("syscall");
        let exceptions = exception::read(self, item);
        let (Some(condition), Some(output), Some(description), Some(level)) =
            (condition, output, description, level)
        else {
            return;
        };
        let rule = Rule {
            name: name.to_owned(),
            place: self.place(item.mark),
            condition,
            description: description.to_owned(),
            output: output.to_owned(),
            level,
            tags,
            source: source.to_owned(),
            enabled,
            exceptions,
        };
        match self.out.rules.iter_mut().find(|rule| rule.name == name) {
            Some(before) => *before = rule,
            None => self.out.rules.push(rule),
        }
    }

    fn priority(&mut self, item: &Node) -> Option<Level> {
        let written = self.text(item, "priority")?;
        let known = PRIORITIES.iter().find(|(name, _)| name.eq_ignore_ascii_case(written.trim()));
        if known.is_none() {
            let names = PRIORITIES.iter().map(|(name, _)| *name);
            let all = names.clone().collect::<Vec<_>>().join(", ");
            let mark = item.get("priority").map_or(item.mark, |entry| entry.node.mark);
            let message = format!("unknown priority `{}`", shown(written));
            self.problems.error(mark, message, suggest(written, names, format!("priorities are: {all}")));
        }
        known.map(|(_, level)| *level)
    }

    fn tags(&mut self, item: &Node) -> Vec<String> {
        let Some(Entry { node, .. }) = item.get("tags") else { return Vec::new() };
        if !matches!(node.value, Value::List(_)) {
            let message = format!("`tags` is a list, not {}", node.kind());
            self.problems.error(node.mark, message, "write `tags: [host, process]`");
            return Vec::new();
        }
        node.items().iter().filter_map(|tag| tag.text().map(str::to_owned)).collect()
    }

    /// Changes a rule that an earlier item defined.
    fn update(&mut self, item: &Node, name: &str, changes: &[(Box<str>, Change)]) {
        let Some(at) = self.out.rules.iter().position(|rule| rule.name == name) else {
            let known: Vec<_> = self.out.rules.iter().map(|rule| rule.name.clone()).collect();
            return self.nothing_to_change(item, "rule", name, known.iter().map(String::as_str));
        };
        for (key, change) in changes {
            self.update_key(item, at, key, *change);
        }
    }

    fn update_key(&mut self, item: &Node, at: usize, key: &str, change: Change) {
        let replaces = change == Change::Replace;
        let condition = if key == "condition" { self.condition(item) } else { None };
        let text = match key {
            "output" | "desc" => self.text(item, key),
            _ => None,
        };
        let level = if key == "priority" { self.priority(item) } else { None };
        let tags = if key == "tags" { self.tags(item) } else { Vec::new() };
        let enabled = item.get("enabled").filter(|_| key == "enabled").map(|entry| self.flag(entry));
        let exceptions = if key == "exceptions" { exception::read(self, item) } else { Vec::new() };
        let Some(rule) = self.out.rules.get_mut(at) else { return };
        match key {
            "condition" => match condition {
                Some(new) if replaces => rule.condition = new,
                Some(new) => rule.condition.append(new),
                None => {}
            },
            "output" | "desc" => {
                let old = if key == "output" { &mut rule.output } else { &mut rule.description };
                match text {
                    Some(new) if replaces => new.clone_into(old),
                    Some(new) => *old = format!("{old} {new}"),
                    None => {}
                }
            }
            "priority" => rule.level = level.unwrap_or(rule.level),
            "tags" if replaces => rule.tags = tags,
            "tags" => {
                let new: Vec<_> = tags.into_iter().filter(|tag| !rule.tags.contains(tag)).collect();
                rule.tags.extend(new);
            }
            "enabled" => rule.enabled = enabled.unwrap_or(rule.enabled),
            "exceptions" if replaces => rule.exceptions = exceptions,
            "exceptions" => exception::append(&mut rule.exceptions, exceptions, self.problems),
            _ => {}
        }
    }
}
