//! A text that a regular expression matches.
use regex_syntax::{
    ParserBuilder,
    hir::{Class, Hir, HirKind, Look},
};

/// Bytes of the longest text that is made.
const LENGTH: usize = 4096;

/// What matches, and whether it must stand at the start and at the end of the value.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) text: String,
    pub(super) start: bool,
    pub(super) end: bool,
}

/// The shortest text that is easily found. [`None`]: none was.
pub(super) fn matching(pattern: &str, [case_insensitive, multi_line, dot_all]: [bool; 3]) -> Option<Made> {
    let mut parser = ParserBuilder::new()
        .case_insensitive(case_insensitive)
        .multi_line(multi_line)
        .dot_matches_new_line(dot_all)
        .utf8(false)
        .build();
    let hir = parser.parse(pattern).ok()?;
    let mut bytes = Vec::new();
    put(&hir, &mut bytes)?;
    let looks = hir.properties();
    Some(Made {
        text: String::from_utf8(bytes).ok()?,
        start: looks.look_set_prefix_any().contains(Look::Start),
        end: looks.look_set_suffix_any().contains(Look::End),
    })
}

fn put(hir: &Hir, out: &mut Vec<u8>) -> Option<()> {
    if out.len() > LENGTH {
        return None;
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.extend_from_slice(&literal.0),
        HirKind::Class(class) => {
            let character = member(class)?;
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        HirKind::Repetition(repetition) => {
            // A word that may be empty is a word; what may be missing is.
            let word = matches!(repetition.sub.kind(), HirKind::Class(_)) && repetition.max.is_none();
            for _ in 0..repetition.min.max(u32::from(word)) {
                put(&repetition.sub, out)?;
            }
        }
        HirKind::Capture(capture) => put(&capture.sub, out)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| put(part, out))?,
        HirKind::Alternation(parts) => put(parts.first()?, out)?,
    }
    Some(())
}

/// A letter if there is one, else a digit, else whatever can be printed.
fn member(class: &Class) -> Option<char> {
    let has = |character: char| match class {
        Class::Unicode(class) => class.iter().any(|range| (range.start()..=range.end()).contains(&character)),
        Class::Bytes(class) => u8::try_from(character)
            .is_ok_and(|byte| class.iter().any(|range| (range.start()..=range.end()).contains(&byte))),
    };
    ('a'..='z').chain('0'..='9').chain(' '..='~').chain(['\t', '\n']).find(|character| has(*character))
}
