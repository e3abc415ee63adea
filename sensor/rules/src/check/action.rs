//! `action:` documents, of Sigma before version 2 and still found in the wild: what several rules of a file share.
//!
//! `global` is merged into every rule behind it, `reset` ends that, `repeat` is the rule before it with changes. Where both
//! say something, what is merged in stands, as in pySigma.
use crate::{
    parse::{Entry, Mark, Node, Value},
    problem::{Problems, shown, suggest},
};

/// A document that defines something.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) node: Node,
    /// Its id is that of another document too, from which it was taken.
    pub(crate) shares_id: bool,
}

/// Values of one file after merging: what is shared counts as often as it is used.
const NODES: usize = 100_000;

/// Merges what `action` documents say into the documents that they are about.
pub(super) fn resolve(documents: Vec<Node>, problems: &mut Problems) -> Vec<Document> {
    let mut out: Vec<Document> = Vec::new();
    let mut global: Option<Node> = None;
    // The place of a global document that no rule stands behind yet.
    let mut idle: Option<Mark> = None;
    let mut nodes = 0;
    for node in documents {
        let place = node.mark;
        let Some((mark, action)) = action(&node) else {
            let mergeable = ["correlation", "filter"].iter().all(|key| node.get(key).is_none());
            out.push(match &global {
                Some(global) if mergeable && !node.is_null() => {
                    idle = None;
                    nodes += size(global);
                    if nodes > NODES {
                        too_large(place, problems);
                        break;
                    }
                    warn_of_own(&node, global, problems);
                    let shares_id = global.get("id").is_some();
                    Document { node: merged(&node, global), shares_id }
                }
                _ => Document { node, shares_id: false },
            });
            continue;
        };
        let rest = without_action(&node);
        match (&*action, out.last()) {
            ("global" | "reset", _) => {
                warn_of_idle(idle.take(), problems);
                global = (action == "global").then_some(rest);
                idle = global.as_ref().map(|_| mark);
            }
            ("repeat", Some(before)) => {
                nodes += size(&before.node);
                if nodes > NODES {
                    too_large(place, problems);
                    break;
                }
                let shares_id = rest.get("id").is_none();
                let mut node = merged(&before.node, &rest);
                node.mark = rest.mark;
                out.push(Document { node, shares_id });
            }
            ("repeat", None) => {
                problems.error(mark, "there is no rule before it to repeat", "put the rule first");
            }
            (other, _) => {
                let remedy =
                    suggest(other, ["global", "reset", "repeat"], "actions are: global, reset, repeat");
                let message = match node.get("action").map(|entry| &entry.node) {
                    Some(value) if value.text().is_none() => {
                        format!("`action` is a word, not {}", value.kind())
                    }
                    _ => format!("unknown action `{}`", shown(other)),
                };
                problems.error(mark, message, remedy);
            }
        }
    }
    warn_of_idle(idle, problems);
    out
}

fn too_large(mark: Mark, problems: &mut Problems) {
    let message =
        format!("the file has more than {NODES} values, shared ones counted as often as they are used");
    problems.error(mark, message, "split the file");
}

/// Values in it.
fn size(node: &Node) -> usize {
    match &node.value {
        Value::Scalar(_) => 1,
        Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|entry| size(&entry.node)).sum::<usize>(),
    }
}

fn warn_of_idle(global: Option<Mark>, problems: &mut Problems) {
    if let Some(mark) = global {
        problems.warn(
            mark,
            "no rule follows the global document",
            "put its rules behind it, into the same file",
        );
    }
}

fn action(node: &Node) -> Option<(Mark, String)> {
    let entry = node.get("action")?;
    // A rule for this sensor never has the key; a text that is no action is told as such.
    Some((entry.node.mark, entry.node.text().unwrap_or_default().to_owned()))
}

fn without_action(node: &Node) -> Node {
    let entries = node.entries().iter().filter(|entry| &*entry.key != "action").cloned().collect();
    Node { mark: node.mark, value: Value::Map(entries) }
}

/// A rule that says itself what the global document says would be astonished.
fn warn_of_own(node: &Node, global: &Node, problems: &mut Problems) {
    for entry in node.entries() {
        let scalar = |entry: &Entry| matches!(entry.node.value, Value::Scalar(_));
        if global.get(&entry.key).is_some_and(scalar) {
            problems.warn(
                entry.key_mark,
                format!("`{}` is given by the global document, which stands", shown(&entry.key)),
                "remove it here, or there",
            );
        }
    }
}

/// `base` with all that `more` says; maps are merged, anything else is replaced.
fn merged(base: &Node, more: &Node) -> Node {
    if !matches!((&base.value, &more.value), (Value::Map(_), Value::Map(_))) {
        return more.clone();
    }
    let mut entries: Vec<Entry> = base.entries().to_vec();
    for entry in more.entries() {
        match entries.iter_mut().find(|known| known.key == entry.key) {
            Some(known) => known.node = merged(&known.node, &entry.node),
            None => entries.push(entry.clone()),
        }
    }
    Node { mark: base.mark, value: Value::Map(entries) }
}
