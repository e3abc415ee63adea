//! Regular expressions of values: bounded one by one, and together.
use super::Line;
use crate::{
    check::hint,
    literal,
    parse::Mark,
    pattern::Pattern,
    rule::{Regex, Test},
};
use regex::bytes::RegexBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// Bytes that one compiled expression may take.
const ONE: usize = 256 << 10;
/// Bytes that all of a set may take together: the public rules need a hundredth of it.
const ALL: usize = 64 << 20;
/// Bytes of an expression beside its states, and of one state: about what is measured of the compiled ones.
const EXPRESSION: usize = 4 << 10;
const STATE: usize = 48;

/// Bytes of a text that is worth looking for before an expression is tried, and of how many parts one is: each takes 2 KiB.
const TELLING: usize = 2;
const PARTS: usize = 4;

impl Line<'_> {
    pub(super) fn regex(
        &mut self,
        mark: Mark,
        written: &str,
        mut builder: RegexBuilder,
        flags: [bool; 3],
    ) -> Option<Test> {
        builder.size_limit(ONE).dfa_size_limit(ONE).nest_limit(50);
        if !self.room(mark, written) {
            return None;
        }
        // Without Unicode `.` also matches bytes that are no UTF-8: such a byte must not hide an argument. A class with
        // letters beyond ASCII needs Unicode.
        let mut build = |unicode| {
            let compiled = builder.unicode(unicode).build()?;
            let required = literal::required(compiled.as_str(), flags[0], unicode);
            let telling = required.iter().filter(|texts| texts.iter().all(|text| text.len() >= TELLING));
            let first = telling.filter_map(|texts| Pattern::one_of(texts)).take(PARTS).collect();
            let required = required.into_iter().next().unwrap_or_default();
            Ok(Test::Regex(Regex { compiled, flags, required, first }))
        };
        match build(false).or_else(|_| build(true)) {
            Ok(test) => Some(test),
            Err(regex::Error::CompiledTooBig(_)) => {
                let message = format!("the regular expression takes more than {} KiB", ONE >> 10);
                self.wrong(mark, message, "use smaller repetition counts, or several values");
                None
            }
            Err(error) => {
                let said = error.to_string();
                let said = said.lines().last().unwrap_or_default();
                let said = said.trim_start_matches("error: ");
                let at = hint::place_in_regex(written);
                let at = at.map_or(String::new(), |at| format!(", at its character {at}"));
                self.wrong(mark, format!("not a regular expression: {said}{at}"), hint::regex(written, said));
                None
            }
        }
    }

    /// Whether all expressions together are small enough with this one; the first that is not is told.
    fn room(&mut self, mark: Mark, text: &str) -> bool {
        let states = regex_syntax::Parser::new().parse(text).map_or(0, |hir| states(&hir));
        let (_, spent) = self.scope.shared;
        let before = spent.regex_bytes.get();
        let bytes = states.saturating_mul(STATE).min(ONE).saturating_add(EXPRESSION);
        spent.regex_bytes.set(before.saturating_add(bytes));
        if spent.regex_bytes.get() > ALL && before <= ALL {
            let message = format!("all regular expressions together take more than {} MiB", ALL >> 20);
            self.wrong(mark, message, "use smaller repetition counts, or `contains` and wildcards");
        }
        spent.regex_bytes.get() <= ALL
    }
}

/// States that an expression is compiled to, about.
fn states(hir: &Hir) -> usize {
    let sum = |parts: &[Hir]| parts.iter().fold(1_usize, |sum, part| sum.saturating_add(states(part)));
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Bytes(class)) => class.ranges().len(),
        // A range of characters is several of bytes.
        HirKind::Class(Class::Unicode(class)) if class.is_ascii() => class.ranges().len(),
        HirKind::Class(Class::Unicode(class)) => 4 * class.ranges().len(),
        HirKind::Capture(capture) => states(&capture.sub).saturating_add(2),
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or_else(|| repetition.min.saturating_add(1)).max(1);
            states(&repetition.sub).saturating_add(1).saturating_mul(times as usize)
        }
        HirKind::Concat(parts) | HirKind::Alternation(parts) => sum(parts),
    }
}
