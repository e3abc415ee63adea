//! Witnesses: for each rule texts of which one must be there for the rule to match.
use crate::{
    endings::Ending,
    field::{Field, Kinds, Type},
    pattern::{self, Pattern, Piece},
    rule::{Expression, Rule, Test},
};
use rustc_hash::FxHashMap;
use std::borrow::Cow;

/// How a text must stand in one of the field's values in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// Anything at all.
    Present,
    Whole,
    /// After the last `/`, of which there is one.
    Name,
    Within,
}

/// One alternative of a witness.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Literal {
    pub(super) field: Field,
    pub(super) place: Place,
    pub(super) text: Vec<u8>,
}

/// How many rules name a literal: what many rules look for is seen often, as a rule.
#[derive(Debug, Default)]
pub(super) struct Census(FxHashMap<Literal, u64>);

impl Census {
    /// Counts the literals that could be witnesses of `rule`.
    pub(super) fn add(&mut self, rule: &Rule) {
        self.visit(&rule.condition, true);
    }

    fn visit(&mut self, expression: &Expression, holds: bool) {
        match expression {
            Expression::Not(inner) => self.visit(inner, !holds),
            Expression::And(parts) | Expression::Or(parts) => {
                for part in parts {
                    self.visit(part, holds);
                }
            }
            Expression::Field(field, test) if holds => {
                for literal in literals(*field, test) {
                    *self.0.entry(literal).or_default() += 1;
                }
            }
            Expression::Constant(_) | Expression::Field(..) | Expression::Keyword(_) => {}
        }
    }

    /// The cheapest witness; none of its literals: the rule never matches. [`None`]: there is no witness.
    pub(super) fn witness(&self, rule: &Rule) -> Option<Vec<Literal>> {
        let linked = rule.links.map(|links| {
            let accepted = links.kinds().map(|kind| Literal {
                field: Field::Link,
                place: Place::Whole,
                text: kind.name().into(),
            });
            self.priced(accepted.collect())
        });
        let of_request = rule.kinds.meets(Kinds::REQUEST.or(Kinds::EXCHANGE));
        let condition = self.best(&rule.condition, true);
        let (_, best) = linked.into_iter().chain(condition).min_by_key(|(cost, _)| *cost)?;
        // To be there tells something only of fields that most events lack.
        let tells = |literal: &Literal| literal.place != Place::Present || !of_request && rare(literal.field);
        best.iter().all(tells).then_some(best)
    }

    fn priced(&self, literals: Vec<Literal>) -> (u64, Vec<Literal>) {
        let cost = literals.iter().map(|literal| self.cost(literal)).fold(0, u64::saturating_add);
        (cost, literals)
    }

    /// The cheapest set of literals of which one is there whenever `expression` holds, or does not.
    fn best(&self, expression: &Expression, holds: bool) -> Option<(u64, Vec<Literal>)> {
        match (expression, holds) {
            (Expression::Constant(constant), _) => (*constant != holds).then(Default::default),
            (Expression::Not(inner), _) => self.best(inner, !holds),
            (Expression::And(parts), true) | (Expression::Or(parts), false) => {
                parts.iter().filter_map(|part| self.best(part, holds)).min_by_key(|(cost, _)| *cost)
            }
            (Expression::Or(parts), true) | (Expression::And(parts), false) => {
                let (mut sum, mut all) = (0_u64, Vec::new());
                for part in parts {
                    let (cost, literals) = self.best(part, holds)?;
                    sum = sum.saturating_add(cost);
                    all.extend(literals);
                }
                Some((sum, all))
            }
            (Expression::Field(field, test), true) => Some(self.priced(literals(*field, test))),
            (Expression::Keyword(test), true) => {
                let searched = Field::ALL.iter().filter(|field| field.row().searched);
                Some(self.priced(searched.flat_map(|field| literals(*field, test)).collect()))
            }
            (Expression::Field(..) | Expression::Keyword(_), false) => None,
        }
    }

    /// How often it is there, compared with others.
    fn cost(&self, literal: &Literal) -> u64 {
        let others = self.0.get(literal).copied().unwrap_or_default();
        let own = match (literal.place, literal.text.len()) {
            (Place::Present, _) if rare(literal.field) => 1000,
            (Place::Present, _) => 100_000,
            (Place::Whole, _) => few_values(literal),
            (Place::Within, 0 | 1) => 800,
            (Place::Within, 2) => 200,
            (Place::Within, 3) => 50,
            (Place::Within, 4) => 12,
            (Place::Within, _) if literal.text.starts_with(b"/") && literal.text.ends_with(b"/") => 60,
            (Place::Within, 5) => 6,
            (Place::Name, _) | (Place::Within, 6 | 7) => 3,
            (Place::Within, _) => 2,
        };
        let own = match literal.field {
            // All children of a busy server have the same.
            Field::PreviousExecutable
            | Field::ParentExecutable
            | Field::ParentCommandLine
            | Field::ParentUser
            | Field::Ancestors => own * 8,
            _ => own,
        };
        own.saturating_add(others)
    }
}

/// Most events lack it.
fn rare(field: Field) -> bool {
    field.of_request() || matches!(field, Field::Link | Field::Fd0Address | Field::UnixPath)
}

/// A value of few is seen often.
fn few_values(literal: &Literal) -> u64 {
    match (literal.field, literal.field.row().kind) {
        (Field::Link, _) => 3,
        // All execs have the same.
        (Field::AuditType | Field::AuditSyscall, _) => 5000,
        (_, Type::Flag) if literal.text == b"true" => 100,
        (
            Field::User
            | Field::UserName
            | Field::UserNameAfter
            | Field::UserId
            | Field::RealUserId
            | Field::ParentUser
            | Field::Method
            | Field::HttpVersion
            | Field::ContainerRuntime
            | Field::ContainerImageName
            | Field::PodNamespace
            | Field::SystemdSlice,
            _,
        )
        | (_, Type::Flag | Type::Word(_)) => 300,
        (_, Type::Number) => 20,
        (_, Type::Text | Type::Address | Type::Time) => 2,
    }
}

/// Literals of which one is there whenever the test passes.
fn literals(field: Field, test: &Test) -> Vec<Literal> {
    let one = |place, text: &[u8]| Literal { field, place, text: text.to_vec() };
    match test {
        Test::Folded(pattern) => of_pattern(pattern, &one),
        // What is not text folds in ways that depend on what stands beside it.
        Test::Cased(pattern) => {
            let mut literals = of_pattern(pattern, &one);
            for literal in &mut literals {
                if std::str::from_utf8(&literal.text).is_err() {
                    *literal = one(Place::Present, b"");
                } else if let Cow::Owned(folded) = pattern::fold(&literal.text) {
                    literal.text = folded;
                }
            }
            literals
        }
        Test::Regex(regex) if !regex.required.is_empty() => {
            regex.required.iter().map(|text| one(Place::Within, text)).collect()
        }
        Test::Regex(_)
        | Test::Cidr(_)
        | Test::Number(..)
        | Test::Time(..)
        | Test::Before(_)
        | Test::Reference(_)
        | Test::Exists => vec![one(Place::Present, b"")],
    }
}

fn of_pattern(pattern: &Pattern, one: &dyn Fn(Place, &[u8]) -> Literal) -> Vec<Literal> {
    let within = |text: &[u8]| match text {
        [] => one(Place::Present, b""),
        text => one(Place::Within, text),
    };
    let end =
        |text: &[u8]| match text.iter().rposition(|byte| *byte == b'/').and_then(|at| text.get(at + 1..)) {
            Some(name) if !name.is_empty() => one(Place::Name, name),
            _ => within(text),
        };
    match pattern {
        Pattern::Exact(text) => vec![one(Place::Whole, text)],
        Pattern::End(text) => vec![end(text)],
        Pattern::EndOne(endings) => {
            let of = |ending: &Ending| {
                if ending.whole { one(Place::Whole, &ending.text) } else { end(&ending.text) }
            };
            endings.all().iter().map(of).collect()
        }
        Pattern::Start(text) => vec![within(text)],
        Pattern::Contains(finder) => vec![within(finder.needle())],
        Pattern::ContainsOne(needles) => needles.texts().iter().map(|text| within(text)).collect(),
        Pattern::Pieces(pieces) => {
            let texts = pieces.iter().filter_map(|piece| match piece {
                Piece::Text(text) => Some(text.as_slice()),
                Piece::One | Piece::Any | Piece::Dash => None,
            });
            vec![within(texts.max_by_key(|text| text.len()).unwrap_or_default())]
        }
    }
}
