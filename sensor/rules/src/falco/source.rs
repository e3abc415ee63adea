//! Texts with the places that they came from: a condition may be appended to from another file.
use crate::parse::{Mark, Node, Scalar, Style, Value};

/// A place in one of the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Position among the files.
    pub(super) file: usize,
    pub(super) mark: Mark,
}

/// A text that knows where its parts stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Prose {
    pub(super) text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug)]
struct Part {
    /// Where in the text it begins.
    from: usize,
    place: Place,
    style: Style,
}

impl Prose {
    /// The text of `node`, if it has one.
    pub(super) fn new(node: &Node, file: usize) -> Option<Self> {
        let Value::Scalar(Scalar { text, style }) = &node.value else { return None };
        let part = Part { from: 0, place: Place { file, mark: node.mark }, style: *style };
        (!text.trim().is_empty()).then(|| Self { text: text.to_string(), parts: vec![part] })
    }

    /// Falco appends texts, not expressions: what comes first decides what belongs together.
    pub(super) fn append(&mut self, other: Self) {
        self.text.push(' ');
        let from = self.text.len();
        self.text.push_str(&other.text);
        self.parts.extend(other.parts.into_iter().map(|part| Part { from: part.from + from, ..part }));
    }

    /// Where the byte at `offset` stands in the files, of which `texts` are the texts.
    pub(super) fn place(&self, offset: usize, texts: &[&str]) -> Place {
        let Some(part) = self.parts.iter().rev().find(|part| part.from <= offset) else {
            return Place::default();
        };
        let source = texts.get(part.place.file).copied().unwrap_or_default();
        let before = self.text.get(part.from..offset).unwrap_or_default();
        // What is missing at the end is missing behind the last word.
        let at_end = self.text.get(offset..).unwrap_or_default().trim().is_empty();
        let last = before.trim_end().char_indices().next_back().map(|(at, _)| at).filter(|_| at_end);
        let mark = match last {
            Some(last) => {
                follow(source, part, before.get(..last).unwrap_or_default()).map(|mark| mark.right(1))
            }
            None => follow(source, part, before),
        };
        Place { mark: mark.unwrap_or(part.place.mark), ..part.place }
    }
}

/// Finds in `source` what `before` was folded from: both are the same but for blanks.
fn follow(source: &str, part: &Part, before: &str) -> Option<Mark> {
    let Mark { line, column } = part.place.mark;
    let mut lines = (line..).zip(source.lines().skip(usize::try_from(line).ok()?.checked_sub(1)?));
    let (mut number, first) = lines.next()?;
    let skipped = usize::try_from(column).ok()?.checked_sub(1)?;
    let mut rest = first.char_indices().nth(skipped).and_then(|(at, _)| first.get(at..))?;
    let mut at = column;
    if part.style == Style::Block && rest.starts_with(['>', '|']) {
        (number, rest) = lines.next()?;
        at = 1;
    }
    if part.style == Style::Quoted {
        (at, rest) = (at + 1, rest.get(1..)?);
    }
    // One more than was written before: the first of what is looked for.
    let mut wanted = before.chars().filter(|c| !c.is_whitespace()).map(Some).chain([None]);
    let mut next = wanted.next()?;
    loop {
        for character in rest.chars() {
            match next {
                _ if character.is_whitespace() => {}
                None => return Some(Mark { line: number, column: at }),
                Some(same) if same == character => next = wanted.next()?,
                // An escape, or a comment within a plain text.
                Some(_) => return None,
            }
            at += 1;
        }
        (number, rest) = lines.next()?;
        at = 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{parse, problem::Problems};

    #[test]
    fn a_word_is_found_again_where_it_was_written() {
        for yaml in [
            "- a: x and yy\n       and zz",
            "- a: >\n    x and yy\n    and zz\n",
            "- a: |\n    x and yy\n    and zz\n",
            "- a: 'x and yy\n     and zz'",
        ] {
            let nodes = parse::documents(yaml, &mut Problems::new("f")).unwrap();
            let node = &nodes[0].items()[0].get("a").unwrap().node;
            let prose = Prose::new(node, 0).unwrap();
            for word in ["yy", "zz"] {
                let mark = prose.place(prose.text.find(word).unwrap(), &[yaml]).mark;
                let line = yaml.lines().nth(mark.line as usize - 1).unwrap();
                assert_eq!(line.find(word), Some(mark.column as usize - 1), "{word} in {yaml}");
            }
        }
    }
}
