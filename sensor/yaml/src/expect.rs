//! What a document is expected to hold, said where it doesn't.
use crate::{
    Entry, Node,
    problem::{Problems, nearest, shown},
};

/// The one of `right` that a written key stands for: by its letters, or as a word of others, each given with ours.
pub fn meant<'a>(written: &str, right: &[&'a str], foreign: &[(&str, &str)]) -> Option<&'a str> {
    let mut foreign = foreign.iter().filter(|(other, _)| other.eq_ignore_ascii_case(written));
    let foreign = foreign.find_map(|(_, ours)| right.iter().copied().find(|known| known == ours));
    foreign.or_else(|| nearest(written, right.iter().copied()))
}

/// Reports keys of `entries` that aren't in `known`, with what was [`meant`].
pub fn unknown_keys(
    entries: &[Entry],
    what: &str,
    known: &[&str],
    foreign: &[(&str, &str)],
    problems: &mut Problems,
) {
    for entry in entries.iter().filter(|entry| !known.contains(&&*entry.key)) {
        let remedy = match meant(&entry.key, known, foreign) {
            Some(key) => format!("did you mean `{key}`?"),
            None => format!("{what} knows: {}", known.join(", ")),
        };
        problems.error(entry.key_mark, format!("unknown key `{}` in {what}", shown(&entry.key)), remedy);
    }
}

/// The text under `key`; a problem if something else is there.
pub fn text<'a>(node: &'a Node, key: &str, problems: &mut Problems) -> Option<(&'a Node, &'a str)> {
    let entry = node.get(key)?;
    let text = entry.node.text();
    if text.is_none() {
        problems.error(
            entry.node.mark,
            format!("`{key}` is a text, not {}", entry.node.kind()),
            format!("write `{key}: some text`, quoted if it has a colon"),
        );
    }
    text.map(|text| (&entry.node, text))
}
