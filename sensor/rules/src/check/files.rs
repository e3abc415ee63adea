//! The files of a set, read: documents to check, and what they need to know of each other.
use super::{action, action::Document, filter::Filters, hint, unknown_keys, value::Spent};
use crate::{
    parse::{self, Mark, Node, Value},
    placeholder::{Definition, Placeholders, is_name},
    problem::{Problem, Problems, shown},
};

/// Values of one placeholder.
const VALUES: usize = 10_000;

/// A file whose documents stand in the order of the text.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) documents: Vec<Document>,
    pub(crate) problems: Problems,
}

/// What documents know of all files.
#[derive(Debug, Default)]
pub(crate) struct Context {
    pub(super) placeholders: Placeholders,
    pub(super) filters: Filters,
    /// What values of all files have used up.
    pub(super) spent: Spent,
    /// Rules keep their outlines.
    pub(crate) outlines: bool,
}

impl Context {
    /// Problems of what the files say of each other; call it when all documents were checked.
    pub(crate) fn unmet(&self) -> Vec<Problem> {
        self.filters.unmet()
    }
}

/// Reads files given as (name, text).
pub(crate) fn read<N: AsRef<str>, T: AsRef<str>>(files: &[(N, T)]) -> (Vec<File>, Context) {
    let mut context = Context::default();
    let mut out = Vec::new();
    for (name, text) in files {
        let mut problems = Problems::new(name.as_ref());
        let documents = parse::documents(text.as_ref(), &mut problems);
        if documents.as_ref().is_some_and(|all| all.iter().all(Node::is_null)) {
            let start = Mark { line: 1, column: 1 };
            problems.warn(start, "the file has no rule", "write one, or remove the file");
        }
        let documents = documents.unwrap_or_default();
        let mut documents = action::resolve(documents, &mut problems);
        documents.retain(|document| {
            let defines = placeholders(&document.node);
            if let Some(node) = defines {
                define(node, &mut context.placeholders, &mut problems);
            }
            defines.is_none()
        });
        out.push(File { documents, problems });
    }
    // A filter may use placeholders of any file.
    for file in &mut out {
        let Context { placeholders, filters, spent, .. } = &mut context;
        file.documents.retain(|document| {
            let is_filter = document.node.get("filter").is_some();
            if is_filter {
                filters.add(&document.node, (placeholders, spent), &mut file.problems);
            }
            !is_filter
        });
    }
    (out, context)
}

/// The definitions of a document that has nothing else.
fn placeholders(node: &Node) -> Option<&Node> {
    match node.entries() {
        [only] if &*only.key == "guardbee" => {
            let defines =
                only.node.get("placeholders").is_some() || hint::misspelt(&only.node, "placeholders");
            defines.then_some(&only.node)
        }
        _ => None,
    }
}

fn define(block: &Node, out: &mut Placeholders, problems: &mut Problems) {
    unknown_keys(block.entries(), "a `guardbee` block of placeholders", &["placeholders"], problems);
    let Some(all) = block.get("placeholders") else { return };
    if !matches!(all.node.value, Value::Map(_)) {
        let message = format!("`placeholders` is a map, not {}", all.node.kind());
        problems.error(all.node.mark, message, "write `placeholders: {name: [value, value]}`");
        return;
    }
    for entry in all.node.entries() {
        if entry.key.is_empty() || !entry.key.chars().all(is_name) {
            let message = format!("`{}` can't be the name of a placeholder", shown(&entry.key));
            let remedy = match entry.key.strip_prefix('%') {
                Some(_) => "percent signs are for its use: define it without them",
                None => "use letters, digits, `_`, `-` and `.`",
            };
            problems.error(entry.key_mark, message, remedy);
            continue;
        }
        let mut values = Vec::new();
        for item in entry.node.items() {
            match item.text() {
                Some(text) => values.push(text.into()),
                None => problems.error(
                    item.mark,
                    format!("{} stands where a value should", item.kind()),
                    "a placeholder has one value or a list of values, `[]` if they are to come",
                ),
            }
        }
        if values.len() > VALUES {
            let message = format!("the placeholder has {} values, more than {VALUES}", values.len());
            problems.error(entry.key_mark, message, "use wildcards, or split it");
            continue;
        }
        let definition = Definition { file: problems.file().into(), mark: entry.key_mark, values };
        if let Err(first) = out.define(&entry.key, definition) {
            problems.error(
                entry.key_mark,
                format!(
                    "the placeholder `{}` was defined in {}:{} already",
                    shown(&entry.key),
                    first.file,
                    first.mark.line
                ),
                "keep one of the two",
            );
        }
    }
}
