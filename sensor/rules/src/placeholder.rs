//! Placeholders: `%name%` in a value with `expand` stands for what a site defines.
//!
//! A document of the rule set that has nothing but `guardbee: {placeholders: {name: [value, ...]}}` defines them, for all
//! files. The values may have wildcards (rules specification 2.1, placeholders). One that is `[]` waits for its values: what needs
//! it never holds until then.
use crate::parse::Mark;
use std::collections::BTreeMap;

/// Values that one written value may become.
const MOST: usize = 10_000;

/// A definition and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) file: Box<str>,
    pub(crate) mark: Mark,
    pub(crate) values: Vec<Box<str>>,
}

/// What placeholders stand for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Placeholders(BTreeMap<Box<str>, Definition>);

/// Why a value can't be expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    Undefined(String),
    /// It has no values as yet.
    Unfilled(String),
    TooMany,
}

impl Placeholders {
    /// Gives the first definition back if there is one already that says something else.
    pub(crate) fn define(&mut self, name: &str, definition: Definition) -> Result<(), Definition> {
        if let Some(first) = self.0.get(name) {
            return if first.values == definition.values { Ok(()) } else { Err(first.clone()) };
        }
        self.0.insert(name.into(), definition);
        Ok(())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(AsRef::as_ref)
    }

    /// All that `written` stands for, and whether it has a placeholder at all. `\%` is a plain percent sign.
    pub(crate) fn expand(&self, written: &str) -> Result<(Vec<String>, bool), Error> {
        let mut all = vec![String::new()];
        let mut any = false;
        let mut rest = written;
        while let Some(at) = rest.find(['%', '\\']) {
            let (before, special) = rest.split_at(at);
            append(&mut all, before);
            if let Some(after) = special.strip_prefix(r"\%") {
                append(&mut all, "%");
                rest = after;
            } else if let Some((name, after)) = placeholder(special) {
                let definition = self.0.get(name).ok_or_else(|| Error::Undefined(name.to_owned()))?;
                if definition.values.is_empty() {
                    return Err(Error::Unfilled(name.to_owned()));
                }
                if all.len().saturating_mul(definition.values.len()) > MOST {
                    return Err(Error::TooMany);
                }
                let spellings =
                    all.iter().flat_map(|one| definition.values.iter().map(move |v| format!("{one}{v}")));
                all = spellings.collect();
                any = true;
                rest = after;
            } else {
                let width = special.char_indices().nth(1).map_or(special.len(), |(next, _)| next);
                let (plain, after) = special.split_at(width);
                append(&mut all, plain);
                rest = after;
            }
        }
        append(&mut all, rest);
        Ok((all, any))
    }
}

/// `%name%` at the start, and what follows.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('%')?.split_once('%')?;
    let sound = !name.is_empty() && name.chars().all(is_name);
    sound.then_some((name, after))
}

/// A character of a placeholder's name.
pub(crate) fn is_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.')
}

fn append(all: &mut [String], text: &str) {
    for one in all {
        one.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(written: &str) -> Result<Vec<String>, Error> {
        let mut placeholders = Placeholders::default();
        let definitions = [("admins", vec!["root", "adm_*"]), ("Servers", vec!["srv"]), ("later", vec![])];
        for (name, values) in definitions {
            let values = values.into_iter().map(Into::into).collect();
            let mark = Mark::default();
            placeholders.define(name, Definition { file: "f".into(), mark, values }).unwrap();
        }
        placeholders.expand(written).map(|(all, _)| all)
    }

    #[test]
    fn names_are_replaced_and_percent_signs_are_not() {
        let texts = |all: &[&str]| Ok(all.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(expand("%admins%"), texts(&["root", "adm_*"]));
        assert_eq!(expand("%admins%@%Servers%"), texts(&["root@srv", "adm_*@srv"]));
        assert_eq!(expand(r"\%plain%admins%"), texts(&["%plainroot", "%plainadm_*"]));
        assert_eq!(expand("100%"), texts(&["100%"]));
        assert_eq!(expand("a % b % c"), texts(&["a % b % c"]));
        assert_eq!(expand(r"C:\%Servers"), texts(&["C:%Servers"]));
        assert_eq!(expand("%other%"), Err(Error::Undefined("other".into())));
        assert_eq!(expand("x%later%"), Err(Error::Unfilled("later".into())));
    }
}
