//! Whether an expression holds for an observation.
mod executable;
mod file;
mod flag;
mod read;
mod system;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use flag::flag;
pub(crate) use read::network;
pub(crate) use view::{Scratch, View};

use crate::{
    date::Date,
    field::Field,
    rule::{Expression, Test},
};

/// Evaluates without allocation beyond what the view keeps.
pub(crate) fn holds(expression: &Expression, view: &mut View<'_>) -> bool {
    match expression {
        Expression::Constant(holds) => *holds,
        Expression::Not(inner) => !holds(inner, view),
        Expression::And(parts) => parts.iter().all(|part| holds(part, view)),
        Expression::Or(parts) => parts.iter().any(|part| holds(part, view)),
        Expression::Field(field, test) => passes(*field, test, view),
        Expression::Keyword(test) => {
            Field::ALL.iter().filter(|field| field.row().searched).any(|field| passes(*field, test, view))
        }
    }
}

fn passes(field: Field, test: &Test, view: &mut View<'_>) -> bool {
    match test {
        Test::Exists => view.has(field),
        Test::Folded(pattern) => view.folded(field).any(|value| pattern.matches(value)),
        Test::Cased(pattern) => view.values(field).any(|value| pattern.matches(value)),
        Test::Regex(regex) => {
            regex.first.iter().all(|part| view.folded(field).any(|value| part.matches(value)))
                && view.values(field).any(|value| regex.compiled.is_match(value))
        }
        Test::Cidr(cidr) => {
            view.values(field).any(|value| parsed(value).is_some_and(|address| cidr.contains(address)))
        }
        Test::Number(order, bound) => {
            view.values(field).any(|value| parsed(value).is_some_and(|value| order.holds(value, *bound)))
        }
        Test::Time(part, order, bound) => view.values(field).any(|value| {
            let date = std::str::from_utf8(value).ok().and_then(Date::parse);
            date.is_some_and(|date| order.holds(date.part(*part), *bound))
        }),
        Test::Before(end) => view.values(field).any(|value| {
            let date = std::str::from_utf8(value).ok().and_then(Date::parse);
            date.is_some_and(|date| date.nanoseconds() < end.nanoseconds())
        }),
        Test::Reference(to) => {
            let (mut own, others) = view.pair((field, to.field), to.cased);
            own.any(|value| others.clone().any(|other| to.place.holds(value, other)))
        }
    }
}

fn parsed<T: std::str::FromStr>(value: &[u8]) -> Option<T> {
    std::str::from_utf8(value).ok()?.parse().ok()
}
