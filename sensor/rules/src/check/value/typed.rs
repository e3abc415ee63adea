//! Values against the type of their field.
use super::{
    Line, Target, Wanted,
    modifiers::{Modifiers, Operator},
    transform,
};
use crate::{
    check::hint,
    field::{Field, Type},
    parse::Mark,
    pattern::{self, Case, Pattern, Piece, Place},
    problem::{nearest, shown, suggest},
    rule::{Cidr, Order, Reference, Test, TimePart},
};

/// Whether the modifiers can look at such a field at all; else message and remedy.
pub(super) fn sense(field: Field, modifiers: &Modifiers) -> Result<(), (String, &'static str)> {
    let row = field.row();
    match modifiers.operator {
        Operator::Number(_) if row.kind != Type::Number => Err((
            format!("`{}` is no number, and can't be less or greater than one", row.name),
            "compare it with `contains`, `startswith`, `endswith` or `re`",
        )),
        Operator::Time(part, _) if row.kind != Type::Time => Err((
            format!("`{}` is no date, and has no {}", row.name, part.range().0),
            "dates are: guardbee.time, process.creation.time",
        )),
        _ if !modifiers.changes.is_empty() && row.kind != Type::Text => Err((
            format!("`{}` has no texts that could be encoded or have dashes", row.name),
            "remove the modifier that changes the value",
        )),
        _ => Ok(()),
    }
}

impl Line<'_> {
    pub(super) fn text(&mut self, mark: Mark, text: &str, place: Place) -> Option<Test> {
        let pieces = pattern::pieces(text);
        let plain = place == Place::Whole && !pieces.iter().any(|piece| *piece != Piece::Text(text.into()));
        let canonical = match self.kind() {
            Type::Text | Type::Time => None,
            Type::Number if plain => Some(self.number(mark, text)?.to_string()),
            Type::Address if plain => Some(self.address(mark, text)?),
            Type::Flag => Some(self.flag(mark, text)?.to_owned()),
            Type::Number | Type::Address => {
                self.only(mark, &pieces)?;
                None
            }
            Type::Word(words) => {
                self.word(mark, text, &pieces, place, words)?;
                None
            }
        };
        Some(self.pattern(canonical.map_or(pieces, |text| vec![Piece::Text(text.into())]), place))
    }

    /// Values that mean something, but hardly what was meant.
    pub(super) fn doubt(&mut self, mark: Mark, text: &str) {
        let (empty, whole) = match self.modifiers.operator {
            Operator::Text(place) => (text.is_empty() && place != Place::Whole, place == Place::Whole),
            Operator::Regex { .. } => (text.is_empty(), false),
            _ => return,
        };
        if empty {
            self.problems.warn(
                mark,
                "the empty text is part of every value",
                "write a text; for any value a field with `exists: true`",
            );
        }
        if text.starts_with(['\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}']) {
            self.problems.warn(
                mark,
                "the value begins with a typographic quote, which is part of it",
                "write ' or \", or leave quotes out",
            );
        }
        let path = matches!(
            self.field,
            Some(Field::Executable | Field::PreviousExecutable | Field::ParentExecutable)
        );
        if path
            && whole
            && self.modifiers.changes.is_empty()
            && !text.is_empty()
            && !text.contains(['/', '*', '?'])
        {
            self.problems.warn(
                mark,
                format!("paths of executables are whole: none is `{}`", shown(text)),
                format!("write `|endswith: /{}` behind the field's name", shown(text)),
            );
        }
    }

    fn pattern(&self, pieces: Vec<Piece>, place: Place) -> Test {
        if self.modifiers.cased {
            return Test::Cased(Pattern::new(pieces, place, Case::Kept));
        }
        Test::Folded(Pattern::new(pieces, place, Case::Ignored))
    }

    /// The forms of a value that is encoded or has dashes.
    pub(super) fn changed(&mut self, mark: Mark, text: &str, place: Place) -> Vec<Wanted> {
        let (_, spent) = self.scope.shared;
        if spent.forms.get() > super::FORMS {
            return Vec::new();
        }
        match transform::variants(text, &self.modifiers.changes) {
            Ok(forms) if !self.within(forms.len(), mark) => Vec::new(),
            Ok(forms) => forms.into_iter().map(|pieces| Wanted::Test(self.pattern(pieces, place))).collect(),
            Err((message, remedy)) => {
                self.wrong(mark, message, remedy);
                Vec::new()
            }
        }
    }

    /// A word that the field never has here, though it is no mistake.
    pub(super) fn unrecorded(&mut self, text: &str) -> Option<Wanted> {
        let field = self.field?;
        let Type::Word(words) = field.row().kind else { return None };
        if self.modifiers.operator != Operator::Text(Place::Whole)
            || words.iter().any(|word| word.eq_ignore_ascii_case(text))
        {
            return None;
        }
        // What nearly is a word is a mistake; system calls are many and short, and a variant of one is another.
        let mistake = field == Field::AuditType && nearest(text, words.iter().copied()).is_some();
        let why = field.unrecorded(text).filter(|_| !mistake)?;
        Target::Absent(Some(why)).note(self.missing);
        Some(Wanted::Never)
    }

    pub(super) fn number(&mut self, mark: Mark, text: &str) -> Option<i64> {
        if self.field.is_none() && text.parse::<f64>().is_ok() {
            // Of a field that nothing records it is not known whether its numbers are whole.
            return Some(0);
        }
        let number = text.parse().ok();
        if number.is_none() {
            let message = format!("`{}` is not a whole number, and the field only has those", shown(text));
            self.wrong(mark, message, hint::number(text));
        }
        number
    }

    fn address(&mut self, mark: Mark, text: &str) -> Option<String> {
        let address = text.parse::<std::net::IpAddr>().ok();
        if address.is_none() {
            let message = format!("`{}` is not an IP address, and the field only has those", shown(text));
            self.wrong(mark, message, hint::address(text));
        }
        address.map(|address| address.to_string())
    }

    fn flag(&mut self, mark: Mark, text: &str) -> Option<&'static str> {
        match text.to_ascii_lowercase().as_str() {
            "true" => Some("true"),
            "false" => Some("false"),
            _ => {
                let message =
                    format!("`{}` is neither true nor false, and the field only has those", shown(text));
                self.wrong(mark, message, "write true or false");
                None
            }
        }
    }

    /// Parts of numbers and addresses are digits, dots, colons.
    fn only(&mut self, mark: Mark, pieces: &[Piece]) -> Option<()> {
        let number = self.kind() == Type::Number;
        let possible = pieces.iter().all(|piece| match piece {
            Piece::Text(text) if number => text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-'),
            Piece::Text(text) => {
                text.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':'))
            }
            Piece::One | Piece::Any | Piece::Dash => true,
        });
        if !possible {
            let what = if number { "numbers" } else { "IP addresses" };
            let message = format!("the field only has {what}, and this can be no part of one");
            self.wrong(mark, message, "correct the value, or look at another field");
        }
        possible.then_some(())
    }

    fn word(
        &mut self,
        mark: Mark,
        text: &str,
        pieces: &[Piece],
        place: Place,
        words: &[&'static str],
    ) -> Option<()> {
        let pattern = Pattern::new(pieces.to_vec(), place, Case::Ignored);
        let possible = words.iter().any(|word| pattern.matches(&pattern::fold(word.as_bytes())));
        if !possible {
            let remedy = match text {
                // The nearest name means the opposite.
                "proven" => "proven links are: exact, inherited, lineage".to_owned(),
                _ => suggest(text, words.iter().copied(), format!("values are: {}", words.join(", "))),
            };
            self.wrong(mark, format!("the field never has the value `{}`", shown(text)), &remedy);
        }
        possible.then_some(())
    }

    pub(super) fn cidr(&mut self, mark: Mark, text: &str) -> Option<Test> {
        if !matches!(self.kind(), Type::Address | Type::Text) {
            let message = "`cidr` is for IP addresses, and the field has none".to_owned();
            self.wrong(mark, message, "compare it as it is");
            return None;
        }
        let cidr = Cidr::parse(text);
        if cidr.is_none() {
            let message = format!("`{}` is not a block of IP addresses", shown(text));
            self.wrong(mark, message, "write one such as 10.0.0.0/8 or fe80::/10");
        }
        cidr.map(Test::Cidr)
    }

    pub(super) fn exists(&mut self, mark: Mark, text: &str) -> Option<Wanted> {
        match self.flag(mark, text)? {
            "true" => Some(Wanted::Test(Test::Exists)),
            _ => Some(Wanted::Absent),
        }
    }

    pub(super) fn reference(&mut self, mark: Mark, name: &str, place: Place) -> Option<Wanted> {
        let target = self.scope.find(name, mark, self.problems)?;
        target.note(self.missing);
        let Target::Field(other) = target else { return Some(Wanted::Never) };
        let Some(own) = self.field else { return Some(Wanted::Never) };
        if own == other {
            let message = format!("`{}` is compared with itself", own.row().name);
            self.wrong(mark, message, "name another field");
            return None;
        }
        let (one, two) = (own.row().kind, other.row().kind);
        let texts = one == Type::Text || two == Type::Text;
        if !texts && std::mem::discriminant(&one) != std::mem::discriminant(&two) {
            let message =
                format!("`{}` and `{}` never have the same values", own.row().name, other.row().name);
            self.wrong(mark, message, "compare fields of one type");
            return None;
        }
        Some(Wanted::Test(Test::Reference(Reference { field: other, place, cased: self.modifiers.cased })))
    }

    pub(super) fn time(&mut self, mark: Mark, text: &str, part: TimePart, order: Order) -> Option<Test> {
        let (name, least, most) = part.range();
        let number = text.parse::<i64>().ok().filter(|number| (least..=most).contains(number));
        if number.is_none() {
            let message = format!("`{}` is no {name}", shown(text));
            self.wrong(mark, message, &format!("write a number from {least} to {most}; dates are in UTC"));
        }
        number.map(|number| Test::Time(part, order, number))
    }
}
