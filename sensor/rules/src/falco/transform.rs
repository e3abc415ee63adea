//! Transformers, and fields compared with fields.
use super::{
    fields::{self, Target},
    logic::{Line, Logic, Value},
    syntax::{Argument, Check, Operand, Operator},
    text::{self, Comparison, Dialect},
};

/// What transformers do to a text before it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    None,
    Upper,
    Lower,
    LastComponent,
}

/// The field within transformers, its argument, and what they do.
pub(super) fn operand(operand: &Operand) -> Result<(&str, Option<&str>, Change), String> {
    match operand {
        Operand::Field { name, argument } => Ok((name, argument.as_deref(), Change::None)),
        Operand::Call { function, arguments } => {
            let change = match function.as_str() {
                "toupper" => Change::Upper,
                "tolower" => Change::Lower,
                "basename" => Change::LastComponent,
                other => return Err(format!("the transformer `{other}` can't be said")),
            };
            let [Argument::Operand(inner)] = arguments.as_slice() else {
                return Err(format!("`{function}` takes one field"));
            };
            match self::operand(inner)? {
                (name, argument, Change::None) => Ok((name, argument, change)),
                _ => Err("transformers within transformers can't be said".to_owned()),
            }
        }
    }
}

impl Change {
    /// Compares what it makes of the text.
    pub(super) fn compare(self, comparison: Comparison<'_>) -> Result<Logic, String> {
        let Comparison { value, dialect, operator, .. } = comparison;
        let never = match self {
            Self::None => return text::compare(comparison),
            Self::LastComponent if dialect != Dialect::Same => {
                return Err("`basename` of this field can't be said".to_owned());
            }
            Self::LastComponent => {
                return text::compare(Comparison { dialect: Dialect::LastOfPath, ..comparison });
            }
            // In another case it is never equal to what its transformer makes.
            Self::Upper => value.chars().any(char::is_lowercase),
            Self::Lower => value.chars().any(char::is_uppercase),
        };
        let patterns = matches!(operator, Operator::Regex | Operator::BContains | Operator::BStartsWith);
        match (never, patterns) {
            (_, true) => Err(format!("`{}` of a transformed text can't be said", operator.word())),
            (true, _) if !matches!(operator, Operator::IContains | Operator::IGlob) => {
                Ok(Logic::Constant(false))
            }
            _ => text::compare(Comparison { ignore_case: true, ..comparison }),
        }
    }
}

/// `field = val(other)`.
pub(super) fn reference(check: &Check, other: &Operand) -> Result<Logic, String> {
    let (name, argument, Change::None) = operand(&check.left)? else {
        return Err("a transformed field can't be compared with another one".to_owned());
    };
    let other = match other {
        Operand::Call { function, arguments } if function == "val" => match arguments.as_slice() {
            [Argument::Operand(Operand::Field { name, argument })] => {
                fields::target(name, argument.as_deref())?
            }
            _ => return Err("`val` takes one field".to_owned()),
        },
        _ => return Err("a field can't be compared with a transformed one".to_owned()),
    };
    let (field, other, cased) = match (fields::target(name, argument)?, other) {
        (Target::Text(a, as_a), Target::Text(b, as_b)) if as_a == as_b => (a, b, "|cased"),
        (Target::Number(a), Target::Number(b)) => (a, b, ""),
        _ => return Err("these two fields are not comparable here".to_owned()),
    };
    let place = match check.operator {
        Operator::Equal => "",
        Operator::StartsWith => "|startswith",
        Operator::EndsWith => "|endswith",
        Operator::Contains => "|contains",
        other => return Err(format!("`{}` of two fields can't be said", other.word())),
    };
    Ok(Line::new(field, &format!("|fieldref{place}{cased}"), Value::Text(other.to_owned())).into())
}
