//! What the YAML parser complains of, in words of somebody who writes files.
use crate::problem::shown;
use granit_parser::{ErrorKind, ScanError};

/// Message and remedy; `deepest` is how deep collections may be.
pub(super) fn complaint(text: &str, error: &ScanError, deepest: usize) -> (String, String) {
    if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
        return (
            format!("lists and maps stand more than {deepest} deep within each other"),
            format!("nest at most {deepest}"),
        );
    }
    let line = text.lines().nth(error.marker().line().saturating_sub(1)).unwrap_or_default();
    let column = error.marker().col();
    let before: String = line.chars().take(column).collect();
    let rest: String = line.chars().skip(column).collect();
    let (said, remedy) = said(&error.info(), &before, &rest);
    (format!("not valid YAML: {said}"), remedy.to_owned())
}

/// By what the parser says, and the line around the place.
fn said(info: &str, before: &str, rest: &str) -> (String, &'static str) {
    let any = |words: &[&str]| words.iter().any(|word| info.contains(word));
    let word = || shown(rest.split([' ', ',', ']', '}']).next().unwrap_or_default());
    let fixed = |said: &str, remedy| (said.to_owned(), remedy);
    if any(&["tab"]) {
        return fixed("a tab stands where the line is indented", "indent with blanks");
    }
    if any(&["unknown anchor"]) {
        return (
            format!("`{}` is an alias, and nothing before it has that name", word()),
            "put a text that begins with `*` into quotes",
        );
    }
    if any(&["unexpected character"]) {
        let first = rest.chars().next().map_or(String::new(), |first| shown(&first.to_string()));
        return (format!("no text begins with `{first}`"), "put the whole text into quotes");
    }
    if any(&["escape"]) {
        return fixed(
            "a backslash in double quotes begins an escape, and this is none",
            "use single quotes: in them a backslash is itself",
        );
    }
    if any(&["after single-quoted"]) {
        return fixed(
            "the quote was closed before this",
            "write an apostrophe in single quotes twice: 'it''s'",
        );
    }
    if any(&["after double-quoted"]) {
        return fixed("the quote was closed before this", "put all of the text into quotes, or none of it");
    }
    if any(&["quoted scalar"]) {
        return fixed("a quote is not closed", "close it where its text ends");
    }
    if any(&["mapping values are not allowed"]) {
        return if before.contains(": ") {
            fixed(
                "a second `:` in one line",
                "put the text into quotes if it has the `:`; else begin a new line",
            )
        } else {
            fixed("this `:` has no key before it", "put a blank behind the `:` of the line above")
        };
    }
    if any(&["flow mapping", "flow sequence", "placement of ':'"]) {
        return fixed(
            "a comma is missing, or a bracket or brace that was opened is not closed",
            "part items by commas, and close `[` with `]`, `{` with `}`",
        );
    }
    if any(&["block mapping"]) {
        return if before.trim().is_empty() {
            fixed("the line is indented otherwise than those it belongs to", "indent it like its neighbours")
        } else {
            fixed(
                "the value has ended before this",
                "put a text that begins with a bracket or quote into quotes",
            )
        };
    }
    if any(&["block collection"]) {
        return fixed(
            "a key stands among the items of a list",
            "begin the line with `- `, or indent it like the list's own key",
        );
    }
    if any(&["simple key"]) {
        let remedy = if rest.trim().bytes().all(|byte| byte == b'-') {
            "documents are parted by three dashes: `---`"
        } else {
            "write `key: value`, or `- item`"
        };
        return fixed("the line is neither a key with its value nor an item of a list", remedy);
    }
    if any(&["YAML major version", "directive"]) {
        return fixed("the directive is of another YAML", "leave it out: this is YAML 1.2");
    }
    (info.to_owned(), "check indentation, quotes and colons here and in the line above")
}
