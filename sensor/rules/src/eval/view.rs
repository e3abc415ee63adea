//! An observation as rules see it: each field read once, folded once, and only if a rule asks.
use super::read;
use crate::{field::Field, pattern};
use guardbee_model::finding::Observation;
use std::{borrow::Cow, cell::OnceCell, slice};

/// The values of a field.
#[derive(Debug, Default)]
pub(crate) enum Values<'a> {
    /// The field is absent.
    #[default]
    None,
    One(Cow<'a, [u8]>),
    Many(Vec<Cow<'a, [u8]>>),
}

impl<'a> Values<'a> {
    pub(crate) fn borrowed(value: &'a [u8]) -> Self {
        Self::One(Cow::Borrowed(value))
    }

    /// Absent where empty: for names that an empty string says nothing of.
    pub(crate) fn known(value: &'a [u8]) -> Self {
        if value.is_empty() { Self::None } else { Self::borrowed(value) }
    }

    #[expect(clippy::needless_pass_by_value, reason = "numbers and addresses, which are Copy")]
    pub(crate) fn shown(value: impl ToString) -> Self {
        Self::One(Cow::Owned(value.to_string().into_bytes()))
    }

    pub(crate) const fn word(value: &'static str) -> Self {
        Self::One(Cow::Borrowed(value.as_bytes()))
    }

    pub(crate) const fn flag(value: bool) -> Self {
        Self::word(if value { "true" } else { "false" })
    }

    fn as_slice(&self) -> &[Cow<'a, [u8]>] {
        match self {
            Self::None => &[],
            Self::One(value) => slice::from_ref(value),
            Self::Many(values) => values,
        }
    }

    /// [`None`]: folding changes nothing.
    fn folded(&self) -> Option<Values<'static>> {
        let folded: Vec<_> = self.as_slice().iter().map(|value| pattern::fold(value)).collect();
        if folded.iter().all(|value| matches!(value, Cow::Borrowed(_))) {
            return None;
        }
        let mut owned: Vec<_> = folded.into_iter().map(|value| Cow::Owned(value.into_owned())).collect();
        match (owned.pop(), owned.is_empty()) {
            (Some(only), true) => Some(Values::One(only)),
            (last, _) => {
                owned.extend(last);
                Some(Values::Many(owned))
            }
        }
    }
}

/// Reads an observation's fields, and remembers them.
#[derive(Debug)]
pub(crate) struct View<'a> {
    observation: &'a Observation,
    values: [OnceCell<Values<'a>>; Field::COUNT],
    folded: [OnceCell<Option<Values<'static>>>; Field::COUNT],
}

impl<'a> View<'a> {
    pub(crate) fn new(observation: &'a Observation) -> Self {
        Self {
            observation,
            values: [const { OnceCell::new() }; Field::COUNT],
            folded: [const { OnceCell::new() }; Field::COUNT],
        }
    }

    pub(crate) fn observation(&self) -> &'a Observation {
        self.observation
    }

    /// As they are; empty: absent.
    pub(crate) fn values(&self, field: Field) -> &[Cow<'a, [u8]>] {
        let Some(cell) = self.values.get(field.index()) else { return &[] };
        cell.get_or_init(|| read::field(field, self.observation)).as_slice()
    }

    /// In lower case.
    pub(crate) fn folded(&self, field: Field) -> &[Cow<'_, [u8]>] {
        let values = self.values(field);
        let Some(cell) = self.folded.get(field.index()) else { return values };
        let folded = cell
            .get_or_init(|| self.values.get(field.index()).and_then(OnceCell::get).and_then(Values::folded));
        match folded {
            Some(folded) => folded.as_slice(),
            None => values,
        }
    }
}
