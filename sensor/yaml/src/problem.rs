//! What is wrong with a file: where, what, and what to do about it.
use crate::Mark;
use std::fmt;

/// Problems reported of one file; a file with more than these has something wrong that is bigger than a slip.
const PER_FILE: usize = 100;

/// Whether the file can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It can, but the author should know.
    Warning,
    /// It can't.
    Error,
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as named by the caller.
    pub file: Box<str>,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, in a sentence without a stop.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, severity, message, remedy } = self;
        let severity = match severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{file}:{line}:{column}: {severity}: {message}\n    {remedy}")
    }
}

impl std::error::Error for Problem {}

/// Collects the problems of one file; beyond a hundred they are no longer told.
#[derive(Debug)]
pub struct Problems {
    file: Box<str>,
    list: Vec<Problem>,
    errors: usize,
}

impl Problems {
    /// None yet, of the file of this name.
    pub fn new(file: &str) -> Self {
        Self { file: file.into(), list: Vec::new(), errors: 0 }
    }

    /// The file's name.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The file can't be used.
    pub fn error(&mut self, mark: Mark, message: impl Into<String>, remedy: impl Into<String>) {
        self.push(Severity::Error, mark, message.into(), remedy.into());
    }

    /// The author should know.
    pub fn warn(&mut self, mark: Mark, message: impl Into<String>, remedy: impl Into<String>) {
        self.push(Severity::Warning, mark, message.into(), remedy.into());
    }

    /// Errors so far: a caller compares two counts to know whether its part was sound.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// All, in the order in which they were found.
    pub fn into_list(self) -> Vec<Problem> {
        self.list
    }

    fn push(&mut self, severity: Severity, mark: Mark, message: String, remedy: String) {
        self.errors += usize::from(severity == Severity::Error);
        let (message, remedy) = match self.list.len() {
            0..PER_FILE => (message, remedy),
            PER_FILE => (
                format!("more than {PER_FILE} problems in this file"),
                "repair those above and check again".to_owned(),
            ),
            _ => {
                // An error that is no longer told still makes the file one that can't be used.
                if let (Severity::Error, Some(last)) = (severity, self.list.last_mut()) {
                    last.severity = Severity::Error;
                }
                return;
            }
        };
        let Mark { line, column } = mark;
        self.list.push(Problem { file: self.file.clone(), line, column, severity, message, remedy });
    }
}

/// A name as shown in messages: what was written may be hostile and long.
pub fn shown(text: &str) -> String {
    const MOST: usize = 60;
    let mut out: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST).is_some() {
        out.push('…');
    }
    out
}

/// "did you mean ...", or `otherwise`.
pub fn suggest<'a>(
    written: &str,
    right: impl IntoIterator<Item = &'a str>,
    otherwise: impl Into<String>,
) -> String {
    match nearest(written, right) {
        Some(name) => format!("did you mean `{name}`?"),
        None => otherwise.into(),
    }
}

/// The name that `written` was likely meant to be: at most a third of its letters away.
pub fn nearest<'a>(written: &str, right: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters: Vec<char> = written.chars().flat_map(char::to_lowercase).take(65).collect();
    if letters.len() > 64 {
        return None;
    }
    let most = (letters.len() / 3).clamp(1, 4);
    right
        .into_iter()
        .map(|name| (distance(&letters, &name.to_lowercase().chars().collect::<Vec<_>>()), name))
        .filter(|(far, _)| *far <= most)
        .min_by_key(|(far, _)| *far)
        .map(|(_, name)| name)
}

/// Letters inserted, deleted, replaced, or exchanged with their neighbour.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let replaced = at(&above, j) + usize::from(x != y);
            let mut least = replaced.min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            let exchanged = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if exchanged {
                least = least.min(at(&before, j - 1) + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_behind_many_warnings_still_refuses_the_file() {
        let mut problems = Problems::new("f");
        for line in 1..=200 {
            problems.warn(Mark { line, column: 1 }, "strange", "look at it");
        }
        assert_eq!(problems.errors(), 0);
        problems.error(Mark { line: 201, column: 1 }, "wrong", "repair it");
        assert_eq!(problems.errors(), 1);
        let list = problems.into_list();
        assert_eq!(list.len(), PER_FILE + 1);
        assert!(list.iter().any(|problem| problem.severity == Severity::Error));
    }

    #[test]
    fn the_nearest_name_is_found_and_far_ones_are_not() {
        let names = ["Image", "CommandLine", "ParentImage", "endswith", "startswith"];
        for (written, right) in [
            ("image", Some("Image")),
            ("Imgae", Some("Image")),
            ("CommandLin", Some("CommandLine")),
            ("Parentimage", Some("ParentImage")),
            ("endwith", Some("endswith")),
            ("Registry", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, names), right, "{written}");
        }
    }
}
