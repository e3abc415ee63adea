//! Filters: documents that add a condition to rules of other documents (filters specification 2.1, `any` of 2.2).
//!
//! A rule matches if its own condition and those of its filters hold, as in pySigma: what shall be left out is written
//! `condition: not selection`.
use super::{
    detection, logsource, meta, outline,
    value::{Scope, Shared},
};
use crate::{
    parse::{Entry, Mark, Node, Value},
    problem::{Problem, Problems, shown},
    rule::Expression,
    workbench::outline::{Part, Shape},
};
use guardbee_model::finding::RuleInfo;
use std::{cell::Cell, sync::Arc};

/// Filters of one set.
const FILTERS: usize = 1_000;
/// Comparisons that all filters together may add to all rules.
const ADDED: usize = 1_000_000;

/// All filters of a set.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    list: Vec<Filter>,
    /// Comparisons that they added to rules.
    spent: Cell<usize>,
}

#[derive(Debug)]
struct Filter {
    title: Box<str>,
    file: Box<str>,
    mark: Mark,
    logsource: Node,
    /// [`None`]: any.
    rules: Option<Vec<Wanted>>,
    /// Its selections and condition.
    detection: Node,
}

/// A rule that a filter names.
#[derive(Debug)]
struct Wanted {
    name: Box<str>,
    mark: Mark,
    found: Cell<Found>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    No,
    OfOtherSource,
    Yes,
}

impl Filters {
    /// Checks a filter and keeps it.
    pub(super) fn add(&mut self, node: &Node, shared: Shared<'_>, problems: &mut Problems) {
        let before = problems.errors();
        let Some(filter) = node.get("filter") else { return };
        if let Some(other) = node.get("detection").or_else(|| node.get("correlation")) {
            let message = format!("a filter has no `{}`", other.key);
            problems.error(other.key_mark, message, "make a document of its own of it");
        }
        meta::keys(node.entries(), problems);
        let info = meta::info(node, problems);
        let source = logsource::source(node, problems);
        if !matches!(filter.node.value, Value::Map(_)) {
            let message = format!("`filter` is a map, not {}", filter.node.kind());
            problems.error(filter.node.mark, message, "write `rules`, a selection and `condition` below it");
            return;
        }
        let rules = rules(filter, problems);
        let detection = without_rules(&filter.node);
        // Every selection is looked at once here, in the widest scope; again with each rule that it is for.
        if let Some(source) = source {
            let scope = Scope::new(&source, &detection, shared);
            detection::expression(&detection, scope, &mut Vec::new(), problems);
        }
        if self.list.len() >= FILTERS {
            problems.error(node.mark, format!("more than {FILTERS} filters"), "join some of them");
        }
        if let (Some(info), Some(rules), Some(logsource)) = (info, rules, node.get("logsource"))
            && problems.errors() == before
        {
            let logsource = logsource.node.clone();
            let (title, file) = (info.title.clone(), problems.file().into());
            self.list.push(Filter { title, file, mark: node.mark, logsource, rules, detection });
        }
    }

    /// What the filters of a rule demand; [`None`]: it has none.
    pub(super) fn of(
        &self,
        rule: &Node,
        info: &RuleInfo,
        scope: Scope<'_>,
        missing: &mut Vec<String>,
    ) -> Option<Expression> {
        let mut demands = Vec::new();
        for filter in self.list.iter().filter(|filter| filter.concerns(rule, info)) {
            if self.spent.get() > ADDED {
                break;
            }
            // Its own problems were told with the filter.
            let mut ignored = Problems::new(&filter.file);
            let demand = detection::expression(&filter.detection, scope, missing, &mut ignored);
            self.spent.set(self.spent.get() + demand.as_ref().map_or(0, Expression::size));
            demands.extend(demand);
        }
        (!demands.is_empty()).then(|| Expression::and(demands))
    }

    /// The outlines of what the filters of a rule demand.
    pub(super) fn outlines(&self, rule: &Node, info: &RuleInfo, scope: Scope<'_>) -> Vec<Arc<Part>> {
        let of_rule = self.list.iter().filter(|filter| filter.concerns(rule, info));
        let part = |filter: &Filter| {
            let demand = outline::detection(&filter.detection, scope)?;
            Some(Arc::new(Part {
                text: format!("filter `{}`", filter.title).into(),
                mark: filter.mark,
                filter: Some(filter.file.clone()),
                shape: Shape::All(vec![demand]),
            }))
        };
        of_rule.filter_map(part).collect()
    }

    /// Rules that filters name and no file has.
    pub(crate) fn unmet(&self) -> Vec<Problem> {
        let mut out = Vec::new();
        for (nth, filter) in self.list.iter().enumerate() {
            let mut problems = Problems::new(&filter.file);
            if nth == 0 && self.spent.get() > ADDED {
                let message =
                    format!("all filters add more than {ADDED} comparisons to the rules they are for");
                problems.error(filter.mark, message, "name the rules instead of `any`, or use fewer values");
            }
            for wanted in filter.rules.iter().flatten() {
                let name = shown(&wanted.name);
                match wanted.found.get() {
                    Found::Yes => {}
                    Found::No => problems.warn(
                        wanted.mark,
                        format!("no rule that is loaded has the id or name `{name}`"),
                        match name.as_str() {
                            "all" | "*" | "every" => "for every rule of the log source write `rules: any`",
                            _ if name.contains('*') => {
                                "names have no wildcards: list them, or write `rules: any`"
                            }
                            _ => "load its file too, or remove it from the filter",
                        },
                    ),
                    Found::OfOtherSource => problems.warn(
                        wanted.mark,
                        format!("the rule `{name}` has another `logsource`, so the filter is not for it"),
                        "a filter has the log source of its rules, or less of it",
                    ),
                }
            }
            out.extend(problems.into_list());
        }
        out
    }
}

impl Filter {
    fn concerns(&self, rule: &Node, info: &RuleInfo) -> bool {
        let source = rule.get("logsource").map(|entry| &entry.node);
        let same = ["category", "product", "service"].iter().all(|key| match self.logsource.get(key) {
            Some(wanted) => {
                source.and_then(|source| source.get(key)).and_then(|entry| entry.node.text())
                    == wanted.node.text()
            }
            None => true,
        });
        let Some(rules) = &self.rules else { return same };
        let is = |wanted: &&Wanted| wanted.name.eq_ignore_ascii_case(&info.id) || wanted.name == info.name;
        let named = rules.iter().find(is);
        if let Some(wanted) = named
            && wanted.found.get() != Found::Yes
        {
            wanted.found.set(if same { Found::Yes } else { Found::OfOtherSource });
        }
        same && named.is_some()
    }
}

/// The rules that are named; inner [`None`]: any. Outer: a problem was reported.
#[expect(clippy::option_option, reason = "wrong, any, or these")]
fn rules(filter: &Entry, problems: &mut Problems) -> Option<Option<Vec<Wanted>>> {
    let Some(entry) = filter.node.get("rules") else {
        let remedy = "list ids or names of rules, or write `rules: any`";
        problems.error(filter.node.mark, "the filter has no `rules`", remedy);
        return None;
    };
    if entry.node.text() == Some("any") {
        return Some(None);
    }
    let mut out = Vec::new();
    for item in entry.node.items() {
        match item.text().filter(|text| !text.is_empty()) {
            Some(name) => {
                out.push(Wanted { name: name.into(), mark: item.mark, found: Cell::new(Found::No) });
            }
            None => problems.error(
                item.mark,
                format!("{} stands where a rule's id should", item.kind()),
                "list ids or names of rules, or write `rules: any`",
            ),
        }
    }
    if entry.node.items().is_empty() {
        problems.error(entry.node.mark, "the filter is for no rule", "list some, or write `rules: any`");
    }
    Some(Some(out))
}

fn without_rules(filter: &Node) -> Node {
    let entries = filter.entries().iter().filter(|entry| &*entry.key != "rules").cloned().collect();
    Node { mark: filter.mark, value: Value::Map(entries) }
}
