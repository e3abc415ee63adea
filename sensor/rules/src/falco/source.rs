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
        self.places(texts).at(offset)
    }

    /// Where each of its words stands, found in one walk.
    pub(super) fn places(&self, texts: &[&str]) -> Places {
        let mut marks = Vec::new();
        for (nth, part) in self.parts.iter().enumerate() {
            let end = self.parts.get(nth + 1).map_or(self.text.len(), |next| next.from);
            let source = texts.get(part.place.file).copied().unwrap_or_default();
            let text = self.text.get(part.from..end).unwrap_or_default();
            follow(source, part, text, &mut marks);
        }
        Places { parts: self.parts.iter().map(|part| (part.from, part.place)).collect(), marks }
    }
}

/// Where the words of a prose stand.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// Where each part begins, and its place.
    parts: Vec<(usize, Place)>,
    /// Of each character that is no blank, ascending; [`None`]: it isn't written as it is read.
    marks: Vec<(usize, Option<Mark>)>,
}

impl Places {
    /// Where the byte at `offset`, or the word behind it, stands.
    pub(super) fn at(&self, offset: usize) -> Place {
        let number = self.parts.partition_point(|(from, _)| *from <= offset);
        let Some((from, place)) = number.checked_sub(1).and_then(|number| self.parts.get(number)) else {
            return Place::default();
        };
        let end = self.parts.get(number).map_or(usize::MAX, |(from, _)| *from);
        let next = self.marks.partition_point(|(at, _)| *at < offset);
        let mark = match self.marks.get(next) {
            Some((at, mark)) if *at < end => *mark,
            Some(_) => None,
            // What is missing at the end is missing behind the last word.
            None => self
                .marks
                .last()
                .filter(|(at, _)| at >= from)
                .and_then(|(_, mark)| mark.map(|mark| mark.right(1))),
        };
        Place { mark: mark.unwrap_or(place.mark), ..*place }
    }
}

/// Finds in `source` what `text`, of `part`, was folded from: both are the same but for blanks.
fn follow(source: &str, part: &Part, text: &str, out: &mut Vec<(usize, Option<Mark>)>) {
    let mut written = Written::new(source, part);
    for (at, character) in text.char_indices().filter(|(_, character)| !character.is_whitespace()) {
        let found = written.as_mut().and_then(Written::next);
        out.push((part.from + at, found.map(|(mark, _)| mark)));
        // An escape, or a comment within a plain text.
        if found.is_none_or(|(_, same)| same != character) {
            written = None;
        }
    }
}

/// The characters of a scalar as it stands in a file, without blanks.
struct Written<'a> {
    lines: std::iter::Skip<std::str::Lines<'a>>,
    rest: std::str::Chars<'a>,
    mark: Mark,
}

impl<'a> Written<'a> {
    fn new(source: &'a str, part: &Part) -> Option<Self> {
        let mut mark = part.place.mark;
        let mut lines = source.lines().skip(usize::try_from(mark.line).ok()?.checked_sub(1)?);
        let first = lines.next()?;
        let skipped = usize::try_from(mark.column).ok()?.checked_sub(1)?;
        let mut rest = first.char_indices().nth(skipped).and_then(|(at, _)| first.get(at..))?;
        if part.style == Style::Block && rest.starts_with(['>', '|']) {
            (mark, rest) = (Mark { line: mark.line + 1, column: 1 }, lines.next()?);
        }
        if part.style == Style::Quoted {
            (mark, rest) = (mark.right(1), rest.get(1..)?);
        }
        Some(Self { lines, rest: rest.chars(), mark })
    }

    fn next(&mut self) -> Option<(Mark, char)> {
        loop {
            let Some(character) = self.rest.next() else {
                self.rest = self.lines.next()?.chars();
                self.mark = Mark { line: self.mark.line + 1, column: 1 };
                continue;
            };
            let mark = self.mark;
            self.mark = mark.right(1);
            if !character.is_whitespace() {
                return Some((mark, character));
            }
        }
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
