//! The parser's events to a tree.
use crate::{
    Entry, Mark, Node, Scalar, Style, Value,
    complaint::complaint,
    problem::{Problems, shown},
};
use granit_parser::{Event, Marker, Parser, ScalarStyle, Span, options};
use std::collections::{BTreeMap, HashMap};

/// Bytes of one file.
const DOCUMENT_BYTES: usize = 1 << 20;
/// Collections within collections.
const DEPTH: usize = 32;
/// Nodes of one file, with aliases unfolded.
const NODES: usize = 100_000;
/// So many bytes of a text count as another node: an alias of a long one is short.
const NODE_BYTES: usize = 256;

/// What to do where only the kind of file tells.
#[derive(Clone, Copy, Debug)]
pub struct Advice {
    /// The file is too long.
    pub long: &'static str,
    /// An alias stands inside of what it names.
    pub alias: &'static str,
    /// The key `<<`.
    pub merge: &'static str,
    /// A key was given twice.
    pub twice: &'static str,
}

/// The documents of a file. A problem was reported where it is [`None`].
pub fn documents(text: &str, advice: &Advice, problems: &mut Problems) -> Option<Vec<Node>> {
    if text.len() > DOCUMENT_BYTES {
        let message = format!("the file has {} bytes, more than {DOCUMENT_BYTES}", text.len());
        problems.error(Mark { line: 1, column: 1 }, message, advice.long);
        return None;
    }
    let options = options! {
        emit_comments: false,
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
    };
    let mut tree = Tree::default();
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = match next {
            Ok(next) => next,
            Err(error) => {
                let (message, remedy) = complaint(text, &error, DEPTH);
                problems.error(mark(*error.marker()), message, remedy);
                return None;
            }
        };
        if let Err(refused) = tree.take(event, span, advice) {
            problems.error(mark(span.start), refused.message, refused.remedy);
            return None;
        }
    }
    Some(tree.documents)
}

fn mark(marker: Marker) -> Mark {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Mark { line: number(marker.line().max(1)), column: number(marker.col() + 1) }
}

struct Refused {
    message: String,
    remedy: String,
}

fn refused(message: impl Into<String>, remedy: impl Into<String>) -> Refused {
    Refused { message: message.into(), remedy: remedy.into() }
}

/// Plain texts that YAML takes for something else than their author.
fn plain(text: &str, tagged: bool, span: Span) -> Result<(), Refused> {
    if tagged && text.is_empty() {
        return Err(refused(
            "a word that begins with `!` is a tag, and no text follows it",
            "put a text that begins with `!` into quotes",
        ));
    }
    if text.starts_with('-') && span.end.line() > span.start.line() {
        return Err(refused(
            "a dash without a blank behind it begins no item: these lines are one text",
            "put a blank behind each dash, or the text into quotes",
        ));
    }
    Ok(())
}

/// A collection whose end was not yet seen.
#[derive(Debug)]
enum Open {
    List { mark: Mark, anchor: usize, first: usize, items: Vec<Node> },
    Map { mark: Mark, anchor: usize, first: usize, map: Map },
}

#[derive(Debug, Default)]
struct Map {
    entries: Vec<Entry>,
    /// Line of each key, to find the second of two.
    lines: HashMap<Box<str>, u32>,
    key: Option<(Box<str>, Mark)>,
}

#[derive(Debug, Default)]
struct Tree {
    documents: Vec<Node>,
    open: Vec<Open>,
    /// Anchored nodes with their sizes in nodes.
    anchors: BTreeMap<usize, (Node, usize)>,
    nodes: usize,
}

impl Tree {
    fn take(&mut self, event: Event<'_>, span: Span, advice: &Advice) -> Result<(), Refused> {
        let mark = mark(span.start);
        match event {
            Event::DocumentEnd => {
                self.anchors.clear();
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                if style == ScalarStyle::Plain {
                    plain(&text, tag.is_some(), span)?;
                }
                let style = match style {
                    ScalarStyle::Plain if tag.is_none() => Style::Plain,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                    _ => Style::Quoted,
                };
                let first = self.count(1 + text.len() / NODE_BYTES)?;
                let value = Value::Scalar(Scalar { text: text.into(), style });
                self.finish(Node { mark, value }, anchor, first, advice)
            }
            Event::SequenceStart(_, anchor, _) => {
                let first = self.count(1)?;
                self.open.push(Open::List { mark, anchor, first, items: Vec::new() });
                Ok(())
            }
            Event::MappingStart(_, anchor, _) => {
                let first = self.count(1)?;
                self.open.push(Open::Map { mark, anchor, first, map: Map::default() });
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(advice),
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err(refused("the alias stands inside of what it names", advice.alias));
                };
                let first = self.count(size)?;
                self.finish(node, 0, first, advice)
            }
            _ => Ok(()),
        }
    }

    /// Counts `more` nodes; gives the number before them.
    fn count(&mut self, more: usize) -> Result<usize, Refused> {
        let first = self.nodes;
        self.nodes += more;
        if self.nodes > NODES {
            return Err(refused(
                format!("the file has more than {NODES} values, aliases unfolded"),
                "split the file; aliases count as often as they are used",
            ));
        }
        Ok(first)
    }

    fn close(&mut self, advice: &Advice) -> Result<(), Refused> {
        match self.open.pop() {
            Some(Open::List { mark, anchor, first, items }) => {
                self.finish(Node { mark, value: Value::List(items) }, anchor, first, advice)
            }
            Some(Open::Map { mark, anchor, first, map }) => {
                self.finish(Node { mark, value: Value::Map(map.entries) }, anchor, first, advice)
            }
            None => Ok(()),
        }
    }

    /// Puts a whole node where it belongs.
    fn finish(&mut self, node: Node, anchor: usize, first: usize, advice: &Advice) -> Result<(), Refused> {
        if anchor > 0 {
            // Each copy that an anchor keeps is work: it counts like the nodes themselves.
            let size = self.nodes - first;
            self.count(size)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.open.last_mut() {
            None => self.documents.push(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { map, .. }) => map.take(node, advice)?,
        }
        Ok(())
    }
}

impl Map {
    fn take(&mut self, node: Node, advice: &Advice) -> Result<(), Refused> {
        let Some((key, key_mark)) = self.key.take() else {
            let mark = node.mark;
            let Value::Scalar(Scalar { text, .. }) = node.value else {
                return Err(refused(
                    format!("{} stands where a key should", node.kind()),
                    "keys are plain words; is a quote or a dash missing?",
                ));
            };
            if text.starts_with('\u{a0}') {
                return Err(refused(
                    "the key begins with a no-break space, which is no indentation",
                    "replace it by blanks: it came with text that was copied from a page",
                ));
            }
            if &*text == "<<" {
                return Err(refused("`<<` merges nothing here", advice.merge));
            }
            if let Some(line) = self.lines.insert(text.clone(), mark.line) {
                return Err(refused(
                    format!("the key `{}` was given already in line {line}", shown(&text)),
                    advice.twice,
                ));
            }
            self.key = Some((text, mark));
            return Ok(());
        };
        self.entries.push(Entry { key, key_mark, node });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    const ADVICE: Advice =
        Advice { long: "split it", alias: "unfold it", merge: "write it", twice: "choose" };

    fn refusal(text: &str) -> String {
        let mut problems = Problems::new("f");
        assert!(documents(text, &ADVICE, &mut problems).is_none(), "accepted");
        problems.into_list().first().unwrap().to_string()
    }

    #[test]
    fn every_node_knows_its_place() {
        let mut problems = Problems::new("f");
        let all = documents("a: 1\n---\nb:\n  - ä: 'x'\n    c: [y, z]\n", &ADVICE, &mut problems).unwrap();
        let [_, second] = all.as_slice() else { panic!("two documents") };
        let list = &second.get("b").unwrap().node;
        let c = list.items()[0].get("c").unwrap();
        assert_eq!(c.key_mark, Mark { line: 5, column: 5 });
        assert_eq!(c.node.items()[1].mark, Mark { line: 5, column: 12 });
    }

    #[test]
    fn hostile_files_are_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..12 {
            writeln!(bomb, "a{n}: &a{n} [*a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}]", n - 1)
                .unwrap();
        }
        let mut block = String::new();
        for n in 0..600 {
            writeln!(block, "{:n$}a:", "").unwrap();
        }
        for (text, part) in [
            (bomb, "aliases unfolded"),
            (format!("- &a {}\n{}", "x".repeat(500_000), "- *a\n".repeat(90_000)), "aliases unfolded"),
            ("[".repeat(100_000), "deep within each other"),
            ("- ".repeat(100_000), "deep within each other"),
            (block, "deep within each other"),
            (format!("a: {}", "x".repeat(10 << 20)), "bytes"),
            ("a: &a [*a]".to_owned(), "inside of what it names"),
            ("- x\n".repeat(200_000), "more than 100000 values"),
            ("a: 1\nb: 2\na: 3".to_owned(), "given already in line 1"),
            ("a: 'x".to_owned(), "not valid YAML"),
            ("? [a]\n: b".to_owned(), "where a key should"),
        ] {
            let said = refusal(&text);
            assert!(said.contains(part), "{said}");
        }
    }
}
