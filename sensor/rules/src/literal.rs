//! Literals that whatever a regular expression matches must have: for the index, and to try the expression only where they are.
use regex_syntax::{
    ParserBuilder,
    hir::{Class, Hir, HirKind},
};
use std::cmp::Reverse;

/// Literals of one alternative.
const MOST: usize = 64;

/// Texts of which one must be there.
pub(crate) type OneOf = Vec<Vec<u8>>;

/// In lower case; whatever matches `pattern` has one of each once it is in lower case too. What says most comes first. Empty: nothing
/// is known.
pub(crate) fn required(pattern: &str, ignore_case: bool, unicode: bool) -> Vec<OneOf> {
    let mut parser = ParserBuilder::new();
    parser.case_insensitive(ignore_case).unicode(unicode).utf8(false).nest_limit(50);
    let mut all = parser.build().parse(pattern).map_or(Vec::new(), |hir| of(&hir).all());
    all.sort_by_key(|texts| Reverse(worth(texts)));
    all.dedup();
    all
}

/// What is known of the text that an expression matches.
enum Known {
    /// In lower case it is this.
    Exactly(Vec<u8>),
    /// In lower case it has one of each of these.
    All(Vec<OneOf>),
}

impl Known {
    fn all(self) -> Vec<OneOf> {
        match self {
            Self::Exactly(text) if text.is_empty() => Vec::new(),
            Self::Exactly(text) => vec![vec![text]],
            Self::All(all) => all,
        }
    }

    /// What says most.
    fn one_of(self) -> Option<OneOf> {
        self.all().into_iter().min_by_key(|texts| Reverse(worth(texts)))
    }
}

fn of(hir: &Hir) -> Known {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Known::Exactly(Vec::new()),
        // Only ASCII is the same in lower case wherever it stands in the text: beside other bytes it may be part of a character.
        HirKind::Literal(literal) if literal.0.is_ascii() => Known::Exactly(literal.0.to_ascii_lowercase()),
        HirKind::Class(class) => {
            folded(class).map_or(Known::All(Vec::new()), |character| Known::Exactly(vec![character]))
        }
        HirKind::Capture(capture) => of(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => Known::All(of(&repetition.sub).all()),
        HirKind::Concat(parts) => concat(parts),
        HirKind::Alternation(parts) => alternation(parts),
        HirKind::Literal(_) | HirKind::Repetition(_) => Known::All(Vec::new()),
    }
}

/// The one ASCII character that all members of the class are in lower case.
fn folded(class: &Class) -> Option<u8> {
    let lower = |character: char| {
        let mut lower = character.to_lowercase();
        lower.next().filter(char::is_ascii).filter(|_| lower.next().is_none())
    };
    let mut members: Vec<char> = Vec::new();
    match class {
        Class::Bytes(class) => {
            for range in class.ranges() {
                members.extend((range.start()..=range.end()).take(4).map(char::from));
            }
        }
        Class::Unicode(class) => {
            for range in class.ranges() {
                members.extend((range.start()..=range.end()).take(4));
            }
        }
    }
    let first = lower(*members.first()?)?;
    members.iter().all(|member| lower(*member) == Some(first)).then_some(first)?;
    u8::try_from(first).ok()
}

/// Parts that are known exactly are joined.
fn concat(parts: &[Hir]) -> Known {
    let (mut run, mut all) = (Vec::new(), Vec::new());
    let mut whole = true;
    for part in parts {
        match of(part) {
            Known::Exactly(text) => run.extend(text),
            Known::All(others) => {
                whole = false;
                all.extend(Known::Exactly(std::mem::take(&mut run)).all());
                all.extend(others);
            }
        }
    }
    if whole {
        return Known::Exactly(run);
    }
    all.extend(Known::Exactly(run).all());
    Known::All(all)
}

/// The shortest text decides; of equals, fewer are better.
fn worth(texts: &[Vec<u8>]) -> (usize, Reverse<usize>) {
    (texts.iter().map(Vec::len).min().unwrap_or_default(), Reverse(texts.len()))
}

fn alternation(parts: &[Hir]) -> Known {
    let mut all = Vec::new();
    for part in parts {
        match of(part).one_of() {
            Some(texts) if all.len() + texts.len() <= MOST => all.extend(texts),
            _ => return Known::All(Vec::new()),
        }
    }
    Known::All(vec![all])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pattern: &str, ignore_case: bool, unicode: bool) -> Vec<Vec<String>> {
        let text = |text| String::from_utf8(text).unwrap();
        let all = required(pattern, ignore_case, unicode).into_iter();
        all.map(|texts| texts.into_iter().map(text).collect()).collect()
    }

    fn literals(pattern: &str, ignore_case: bool, unicode: bool) -> Vec<String> {
        all(pattern, ignore_case, unicode).into_iter().next().unwrap_or_default()
    }

    #[test]
    fn what_must_be_there() {
        for (pattern, right) in [
            (r"/dev/(tcp|udp)/\d+", vec!["/dev/"]),
            (r"\s(curl|wget)\s", vec!["curl", "wget"]),
            (r"^BASE64\b.*decode$", vec!["base64"]),
            (r"(ab)+c", vec!["ab"]),
            (r"(ab)?c", vec!["c"]),
            (r"(ab|)", vec![]),
            (r"[0-9]+", vec![]),
            (r"a|[bc]", vec![]),
            (r"(?:xé|yz)", vec![]),
            (r"(?i)Kelvin", vec!["kelvin"]),
            ("", vec![]),
        ] {
            assert_eq!(literals(pattern, false, false), right, "{pattern}");
        }
    }

    #[test]
    fn each_of_several_must_be_there() {
        let right: [&[&str]; 4] = [&["forget"], &["--all", "--prune"], &["restic"], &[" "]];
        let mut found = all(r"(^|/)restic\s(.*\s)?FORGET\s.*(--all|--prune) \d+ ", false, false);
        found.sort();
        let mut right: Vec<Vec<&str>> = right.iter().map(|texts| texts.to_vec()).collect();
        right.sort();
        assert_eq!(found, right);
        assert_eq!(all(r"(ab\s+cd|ef)x", false, false), [vec!["ab", "ef"], vec!["x"]]);
    }

    #[test]
    fn a_class_is_one_character_only_if_all_its_members_are() {
        assert_eq!(literals("(?-i)[Aa]bc", false, false), ["abc"]);
        assert_eq!(literals("[ab]c", false, false), ["c"]);
        // U+212A is k in lower case; U+017F stays what it is.
        assert_eq!(literals("mask", true, true), ["ma"]);
        assert_eq!(literals("kit", true, true), ["kit"]);
        assert_eq!(literals("mask", true, false), ["mask"]);
    }
}
