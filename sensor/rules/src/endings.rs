//! Texts of which one must end a value, or be all of it: lists of programs are long, and a value has one name only.
use rustc_hash::FxHashMap;

/// A text that must stand at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) text: Vec<u8>,
    /// Nothing may stand before it.
    pub(crate) whole: bool,
}

/// They are looked up by the name behind the last slash, whatever their number.
#[derive(Clone, Debug)]
pub(crate) struct Endings {
    all: Vec<Ending>,
    by_name: FxHashMap<Box<[u8]>, Vec<Ending>>,
}

impl Ending {
    /// [`None`]: it may begin within a name, so that none is known.
    pub(crate) fn new(text: &[u8], whole: bool) -> Option<Self> {
        (whole || text.contains(&b'/')).then(|| Self { text: text.to_vec(), whole })
    }

    fn matches(&self, value: &[u8]) -> bool {
        if self.whole { value == self.text } else { value.ends_with(&self.text) }
    }
}

impl Endings {
    pub(crate) fn new(all: Vec<Ending>) -> Self {
        let mut by_name: FxHashMap<Box<[u8]>, Vec<Ending>> = FxHashMap::default();
        for ending in &all {
            by_name.entry(name(&ending.text).into()).or_default().push(ending.clone());
        }
        Self { all, by_name }
    }

    pub(crate) fn all(&self) -> &[Ending] {
        &self.all
    }

    pub(crate) fn matches(&self, value: &[u8]) -> bool {
        let endings = self.by_name.get(name(value)).map(Vec::as_slice).unwrap_or_default();
        endings.iter().any(|ending| ending.matches(value))
    }
}

/// Behind the last slash; all of it where there is none.
fn name(text: &[u8]) -> &[u8] {
    let start = memchr::memrchr(b'/', text).map_or(0, |slash| slash + 1);
    text.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_them_is_enough() {
        let endings = [
            ("/sh", false),
            ("/bin/sh", false),
            ("/usr/bin/env", true),
            ("word", true),
            ("/", false),
            ("", true),
        ];
        let endings = endings.into_iter().map(|(text, whole)| Ending::new(text.as_bytes(), whole).unwrap());
        let endings = Endings::new(endings.collect());
        for (value, right) in [
            ("/bin/sh", true),
            ("/opt/sh", true),
            ("sh", false),
            ("/bin/bash", false),
            ("/usr/bin/env", true),
            ("/x/usr/bin/env", false),
            ("word", true),
            ("a/word", false),
            ("/srv/", true),
            ("", true),
        ] {
            assert_eq!(endings.matches(value.as_bytes()), right, "{value:?}");
        }
        assert_eq!(Ending::new(b"sh", false), None, "`bash` ends so, too");
    }
}
