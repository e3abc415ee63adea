//! Literals that whatever a regular expression matches must have, for the index.
use regex_syntax::{
    ParserBuilder,
    hir::{Class, Hir, HirKind},
};

/// Literals of one expression.
const MOST: usize = 64;

/// In lower case; whatever matches `pattern` has one of them once it is in lower case too. Empty: nothing is known.
pub(crate) fn required(pattern: &str, ignore_case: bool, unicode: bool) -> Vec<Vec<u8>> {
    let mut parser = ParserBuilder::new();
    parser.case_insensitive(ignore_case).unicode(unicode).utf8(false).nest_limit(50);
    parser.build().parse(pattern).ok().and_then(|hir| of(&hir).one_of()).unwrap_or_default()
}

/// What is known of the text that an expression matches.
enum Known {
    /// In lower case it is this.
    Exactly(Vec<u8>),
    /// In lower case it has one of these.
    OneOf(Vec<Vec<u8>>),
    Nothing,
}

impl Known {
    fn one_of(self) -> Option<Vec<Vec<u8>>> {
        match self {
            Self::Exactly(text) if !text.is_empty() => Some(vec![text]),
            Self::OneOf(texts) => Some(texts),
            Self::Exactly(_) | Self::Nothing => None,
        }
    }
}

fn of(hir: &Hir) -> Known {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Known::Exactly(Vec::new()),
        // Only ASCII is the same in lower case wherever it stands in the text: beside other bytes it may be part of a character.
        HirKind::Literal(literal) if literal.0.is_ascii() => Known::Exactly(literal.0.to_ascii_lowercase()),
        HirKind::Class(class) => {
            folded(class).map_or(Known::Nothing, |character| Known::Exactly(vec![character]))
        }
        HirKind::Capture(capture) => of(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => {
            of(&repetition.sub).one_of().map_or(Known::Nothing, Known::OneOf)
        }
        HirKind::Concat(parts) => concat(parts),
        HirKind::Alternation(parts) => alternation(parts),
        HirKind::Literal(_) | HirKind::Repetition(_) => Known::Nothing,
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

/// Parts that are known exactly are joined; of what must all be there, the best is taken.
fn concat(parts: &[Hir]) -> Known {
    let mut run = Vec::new();
    let mut whole = true;
    let mut best: Option<Vec<Vec<u8>>> = None;
    let mut consider = |texts: Vec<Vec<u8>>| {
        if best.as_deref().is_none_or(|best| worth(&texts) > worth(best)) {
            best = Some(texts);
        }
    };
    for part in parts {
        match of(part) {
            Known::Exactly(text) => run.extend(text),
            other => {
                whole = false;
                if !run.is_empty() {
                    consider(vec![std::mem::take(&mut run)]);
                }
                if let Some(texts) = other.one_of() {
                    consider(texts);
                }
            }
        }
    }
    if whole {
        return Known::Exactly(run);
    }
    if !run.is_empty() {
        consider(vec![run]);
    }
    best.map_or(Known::Nothing, Known::OneOf)
}

/// The shortest text decides; of equals, fewer are better.
fn worth(texts: &[Vec<u8>]) -> (usize, std::cmp::Reverse<usize>) {
    (texts.iter().map(Vec::len).min().unwrap_or_default(), std::cmp::Reverse(texts.len()))
}

fn alternation(parts: &[Hir]) -> Known {
    let mut all = Vec::new();
    for part in parts {
        match of(part).one_of() {
            Some(texts) if all.len() + texts.len() <= MOST => all.extend(texts),
            _ => return Known::Nothing,
        }
    }
    Known::OneOf(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literals(pattern: &str, ignore_case: bool, unicode: bool) -> Vec<String> {
        let texts = required(pattern, ignore_case, unicode);
        texts.into_iter().map(|text| String::from_utf8(text).unwrap()).collect()
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
    fn a_class_is_one_character_only_if_all_its_members_are() {
        assert_eq!(literals("(?-i)[Aa]bc", false, false), ["abc"]);
        assert_eq!(literals("[ab]c", false, false), ["c"]);
        // U+212A is k in lower case; U+017F stays what it is.
        assert_eq!(literals("mask", true, true), ["ma"]);
        assert_eq!(literals("kit", true, true), ["kit"]);
        assert_eq!(literals("mask", true, false), ["mask"]);
    }
}
