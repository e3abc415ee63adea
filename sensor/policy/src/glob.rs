//! Patterns with `*` and `?`, of a name or of a path, name by name.
use std::str::Chars;

/// Of one name: `*` stands for any characters, `?` for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob(Box<str>);

impl Glob {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.into())
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        fits(&self.0, text, |wanted, found| wanted == '?' || wanted == found)
    }

    /// Whatever matches `other` matches this.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        fits(&self.0, &other.0, |wanted, found| found != '*' && (wanted == '?' || wanted == found))
    }
}

/// Of a cgroup's path: it stands for the cgroup and for all below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathGlob(Box<[Glob]>);

impl PathGlob {
    pub(crate) fn new(path: &str) -> Self {
        Self(names(path).map(Glob::new).collect())
    }

    pub(crate) fn matches(&self, path: &str) -> bool {
        let mut found = names(path);
        self.0.iter().all(|wanted| found.next().is_some_and(|name| wanted.matches(name)))
    }

    /// Whatever matches `other` matches this.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let mut found = other.0.iter();
        self.0.iter().all(|wanted| found.next().is_some_and(|name| wanted.covers(name)))
    }
}

fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|name| !name.is_empty())
}

/// Goes back to the last `*` where it doesn't fit: no more than the product of both lengths.
fn fits(pattern: &str, text: &str, one: impl Fn(char, char) -> bool) -> bool {
    let (mut wanted, mut found) = (pattern.chars(), text.chars());
    // What stands behind the last `*`, and where it was tried last.
    let mut star: Option<(Chars<'_>, Chars<'_>)> = None;
    loop {
        let (mut next, mut rest) = (wanted.clone(), found.clone());
        match (next.next(), rest.next()) {
            (Some('*'), _) => {
                star = Some((next.clone(), found.clone()));
                wanted = next;
            }
            (None, None) => return true,
            (Some(letter), Some(other)) if one(letter, other) => (wanted, found) = (next, rest),
            _ => {
                let Some((behind, from)) = &mut star else { return false };
                if from.next().is_none() {
                    return false;
                }
                (wanted, found) = (behind.clone(), from.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_match_whole() {
        for (pattern, text, yes) in [
            ("nginx.service", "nginx.service", true),
            ("nginx.service", "nginx.service2", false),
            ("php*.service", "php8.3-fpm.service", true),
            ("*", "", true),
            ("?", "", false),
            ("a?c", "abc", true),
            ("*a*b", "xaxxb", true),
            ("*a*b", "xaxxbc", false),
            ("ä?", "äö", true),
            ("?*?", "ö", false),
            ("*ö?*", "äöüß", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(text), yes, "{pattern} {text}");
        }
    }

    #[test]
    fn a_path_stands_for_what_is_below_it() {
        for (pattern, path, yes) in [
            ("/system.slice/web.service", "/system.slice/web.service", true),
            ("/system.slice/web.service", "/system.slice/web.service/worker-1", true),
            ("/system.slice/web.service", "/system.slice/web.service2", false),
            ("/system.slice/*", "/system.slice", false),
            ("/*/web.service", "/a/b/web.service", false),
            ("/", "/", true),
            ("/", "/anything", true),
        ] {
            assert_eq!(PathGlob::new(pattern).matches(path), yes, "{pattern} {path}");
        }
    }

    #[test]
    fn what_covers_another() {
        let covers = |one: &str, other: &str| Glob::new(one).covers(&Glob::new(other));
        assert!(covers("*", "a*") && covers("a*", "ab*c") && covers("a?", "a?") && covers("a*", "a?"));
        assert!(!covers("a?", "a*") && !covers("ab*", "a*") && !covers("?", "*"));
        let covers = |one: &str, other: &str| PathGlob::new(one).covers(&PathGlob::new(other));
        assert!(covers("/a", "/a/b") && covers("/*/b", "/a/b/c") && covers("/", "/a"));
        assert!(!covers("/a/b", "/a") && !covers("/a/*", "/a"));
    }

    /// What a pattern means, letter by letter, in whatever time it takes.
    fn slowly(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) => {
                slowly(rest, text) || text.split_first().is_some_and(|(_, less)| slowly(pattern, less))
            }
            ([one, rest @ ..], [other, less @ ..]) => (*one == '?' || one == other) && slowly(rest, less),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn matching_is_what_it_means(pattern in "[aö*?]{0,6}", text in "[aö]{0,8}") {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(Glob::new(&pattern).matches(&text), slowly(&letters(&pattern), &letters(&text)));
        }

        #[test]
        fn covering_is_true_of_every_match(one in "[ab*?]{0,6}", other in "[ab*?]{0,6}", text in "[ab]{0,6}") {
            let (one, other) = (Glob::new(&one), Glob::new(&other));
            if one.covers(&other) && other.matches(&text) {
                prop_assert!(one.matches(&text));
            }
        }
    }
}
