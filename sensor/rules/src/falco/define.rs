//! What Falco's files define, after appending and overriding (falco.org/docs, "Rules", "Overriding Rules").
use super::{
    define_rule::Rule,
    source::{Place, Prose},
};
use crate::{
    parse::{self, Entry, Mark, Node, Value},
    problem::{Problem, Problems, nearest, shown, suggest},
};
use std::collections::HashMap;

/// A list of values; the names of other lists stand for what is in them.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub(super) items: Vec<(String, Place)>,
    /// Only lists that were defined before the last change of this one are seen by it.
    pub(super) defined: usize,
    pub(super) changed: usize,
}

/// Everything that the files define, in their order.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    pub(super) lists: HashMap<String, List>,
    pub(super) macros: HashMap<String, (Prose, Place)>,
    pub(super) rules: Vec<Rule>,
    pub(super) problems: Vec<Problem>,
}

/// Reads files given as (name, text), in Falco's order: later ones change what earlier ones defined.
pub(super) fn read(files: &[(&str, &str)]) -> Definitions {
    let mut out = Definitions::default();
    let mut number = 0;
    for (file, (name, text)) in files.iter().enumerate() {
        let mut problems = Problems::new(name);
        for document in parse::documents(text, &mut problems).unwrap_or_default() {
            if document.is_null() {
                continue;
            }
            let Value::List(items) = &document.value else {
                let message = format!("{} stands where the list of rules should", document.kind());
                problems.error(document.mark, message, "Falco's files are lists: begin each part with `- `");
                continue;
            };
            for item in items.iter().filter(|item| !item.is_null()) {
                number += 1;
                Reader { out: &mut out, problems: &mut problems, file, number }.item(item);
            }
        }
        out.problems.extend(problems.into_list());
    }
    out
}

/// Reads one item of a file.
pub(super) struct Reader<'a> {
    pub(super) out: &'a mut Definitions,
    pub(super) problems: &'a mut Problems,
    file: usize,
    number: usize,
}

/// How an item changes what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Define,
    Append,
    Replace,
}

impl Reader<'_> {
    pub(super) fn place(&self, mark: Mark) -> Place {
        Place { file: self.file, mark }
    }

    fn item(&mut self, item: &Node) {
        const KINDS: [&str; 5] =
            ["rule", "macro", "list", "required_engine_version", "required_plugin_versions"];
        if item.entries().is_empty() {
            let message = format!("{} stands where a rule, macro or list should", item.kind());
            self.problems.error(item.mark, message, "write `- rule: NAME` and its keys below");
            return;
        }
        match KINDS.into_iter().find(|kind| item.get(kind).is_some()) {
            Some("rule") => self.rule(item),
            Some("macro") => self.define_macro(item),
            Some("list") => self.list(item),
            // Versions of another engine and of its plugins say nothing here.
            Some(_) => {}
            None => {
                let first = item.entries().first();
                let (written, mark) = first.map_or(("", item.mark), |entry| (&*entry.key, entry.key_mark));
                let message = format!("`{}` is neither rule, macro nor list", shown(written));
                let remedy =
                    suggest(written, KINDS, "begin it with `rule:`, `macro:` or `list:` and its name");
                self.problems.error(mark, message, remedy);
            }
        }
    }

    /// The text under `key`; a problem if it is missing or something else.
    pub(super) fn text<'n>(&mut self, item: &'n Node, key: &str) -> Option<&'n str> {
        let Some(entry) = item.get(key) else {
            let message = format!("`{key}` is missing");
            self.problems.error(item.mark, message, format!("add `{key}:`"));
            return None;
        };
        let text = entry.node.text().filter(|text| !text.trim().is_empty());
        if text.is_none() {
            let message = format!("`{key}` is a text, not {}", entry.node.kind());
            let remedy = format!("write `{key}: some text`, quoted if it has a colon");
            self.problems.error(entry.node.mark, message, remedy);
        }
        text
    }

    pub(super) fn flag(&mut self, entry: &Entry) -> bool {
        match entry.node.text() {
            Some("true" | "True" | "TRUE" | "yes" | "on") => true,
            Some("false" | "False" | "FALSE" | "no" | "off") => false,
            _ => {
                let message = format!("`{}` is neither true nor false", entry.key);
                self.problems.error(entry.node.mark, message, "write true or false");
                false
            }
        }
    }

    pub(super) fn condition(&mut self, item: &Node) -> Option<Prose> {
        self.text(item, "condition")?;
        item.get("condition").and_then(|entry| Prose::new(&entry.node, self.file))
    }

    pub(super) fn known(&mut self, item: &Node, known: &[&str]) {
        for entry in item.entries().iter().filter(|entry| !known.contains(&&*entry.key)) {
            let remedy =
                suggest(&entry.key, known.iter().copied(), format!("keys are: {}", known.join(", ")));
            let message = format!("unknown key `{}` is ignored, as Falco does", shown(&entry.key));
            self.problems.warn(entry.key_mark, message, remedy);
        }
    }

    /// What `append` and `override` say of `key`, the only one that can change.
    fn change(&mut self, item: &Node, key: &str) -> Change {
        let appends = item.get("append").is_some_and(|entry| self.flag(entry));
        let overrides = self.overrides(item, &[key], &[key]);
        match (appends, overrides.first()) {
            (true, _) => Change::Append,
            (false, Some((_, change))) => *change,
            (false, None) => Change::Define,
        }
    }

    /// Keys under `override` and what is done to them.
    pub(super) fn overrides(
        &mut self,
        item: &Node,
        append: &[&str],
        replace: &[&str],
    ) -> Vec<(Box<str>, Change)> {
        let Some(entry) = item.get("override") else { return Vec::new() };
        if item.get("append").is_some_and(|append| self.flag(append)) {
            self.problems.error(
                entry.key_mark,
                "`append: true` and `override` exclude each other",
                "remove `append`; it is the older way",
            );
        }
        if entry.node.entries().is_empty() {
            let message = format!("`override` is a map, not {}", entry.node.kind());
            self.problems.error(entry.node.mark, message, "write `override: {condition: append}`");
        }
        let mut out = Vec::new();
        for Entry { key, key_mark, node } in entry.node.entries() {
            let (allowed, change) = match node.text() {
                Some("append") => (append, Change::Append),
                Some("replace") => (replace, Change::Replace),
                other => {
                    let message =
                        format!("`{}` is no way to override", shown(other.unwrap_or_else(|| node.kind())));
                    self.problems.error(node.mark, message, "write append or replace");
                    continue;
                }
            };
            if !allowed.contains(&&**key) {
                let message = format!("`{}` can't be overridden in this way", shown(key));
                let remedy = format!("keys that can are: {}", allowed.join(", "));
                self.problems.error(*key_mark, message, suggest(key, allowed.iter().copied(), remedy));
            } else if item.get(key).is_none() {
                let message = format!("`override` names `{key}`, which is not given");
                self.problems.error(*key_mark, message, format!("add `{key}:`, or remove it here"));
            } else {
                out.push((key.clone(), change));
            }
        }
        out
    }

    /// `append` and `override` need something to change.
    pub(super) fn nothing_to_change<'n>(
        &mut self,
        item: &Node,
        what: &str,
        name: &str,
        known: impl Iterator<Item = &'n str>,
    ) {
        let message = format!("there is no {what} `{}` before this to change", shown(name));
        let remedy = nearest(name, known).map_or_else(
            || "name the file that defines it first, in Falco's order".to_owned(),
            |name| format!("did you mean `{name}`? Else name the file that defines it first"),
        );
        self.problems.error(item.mark, message, remedy);
    }

    fn list(&mut self, item: &Node) {
        let Some(name) = self.text(item, "list") else { return };
        self.known(item, &["list", "items", "append", "override"]);
        let change = self.change(item, "items");
        let Some(Entry { node, .. }) = item.get("items") else {
            self.problems.error(item.mark, "`items` is missing", "add `items: []`");
            return;
        };
        if !matches!(node.value, Value::List(_)) && !node.is_null() {
            let message = format!("`items` is a list, not {}", node.kind());
            self.problems.error(node.mark, message, "write `items: [a, b]`");
            return;
        }
        let mut items = Vec::new();
        for one in if node.is_null() { &[] } else { node.items() } {
            if let Some(text) = one.text() {
                items.push((text.trim().to_owned(), self.place(one.mark)));
            } else {
                let message = format!("{} stands where a value should", one.kind());
                self.problems.error(one.mark, message, "a list has values and names of other lists");
            }
        }
        let number = self.number;
        match self.out.lists.get_mut(name) {
            Some(before) if change == Change::Append => {
                before.items.extend(items);
                before.changed = number;
            }
            Some(before) => {
                before.items = items;
                before.changed = number;
            }
            None if change == Change::Define => {
                self.out.lists.insert(name.to_owned(), List { items, defined: number, changed: number });
            }
            None => {
                let known: Vec<_> = self.out.lists.keys().cloned().collect();
                self.nothing_to_change(item, "list", name, known.iter().map(String::as_str));
            }
        }
    }

    fn define_macro(&mut self, item: &Node) {
        let Some(name) = self.text(item, "macro") else { return };
        self.known(item, &["macro", "condition", "append", "override"]);
        let well_formed = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !well_formed {
            let message = format!("`{}` can't be the name of a macro", shown(name));
            self.problems.error(item.mark, message, "use letters, digits and `_`, a letter first");
        }
        let change = self.change(item, "condition");
        let Some(condition) = self.condition(item) else { return };
        let place = self.place(item.mark);
        match self.out.macros.get_mut(name) {
            Some((before, _)) if change == Change::Append => before.append(condition),
            Some(before) => *before = (condition, place),
            None if change == Change::Define => {
                self.out.macros.insert(name.to_owned(), (condition, place));
            }
            None => {
                let known: Vec<_> = self.out.macros.keys().cloned().collect();
                self.nothing_to_change(item, "macro", name, known.iter().map(String::as_str));
            }
        }
    }
}
