//! `proc.env`: of an environment only the variables that rules name are recorded.
use super::{
    logic::{Line, Logic, Value},
    map::equals,
    syntax::Operator,
    text::escaped,
};

pub(super) const FIELD: &str = "guardbee.process.environment_variables";

/// Said where Falco's text is looked for in a way that differs.
pub(super) const NOTE: &str =
    "Of the environment the variable of that name is looked at, Falco looks for the text anywhere in it.";

/// The check of the whole environment, `name=value` after `name=value`, or of the variable in brackets.
pub(super) fn compare(variable: Option<&str>, operator: Operator, value: &str) -> Result<Logic, String> {
    match variable {
        None => of_all(operator, value),
        Some(variable) if is_name(variable) => of_one(variable, operator, value),
        Some(_) => Err("what stands in brackets is no name of a variable".to_owned()),
    }
}

fn of_all(operator: Operator, value: &str) -> Result<Logic, String> {
    let (modifiers, begin) = match operator {
        Operator::Contains => ("|cased", value),
        Operator::IContains => ("", value),
        _ => {
            return Err(
                "the environment as a whole is compared by `contains` and `icontains` only".to_owned()
            );
        }
    };
    // A blank behind the value says that it ends there.
    let (begin, ends) = match begin.strip_suffix(' ') {
        Some(begin) => (begin, true),
        None => (begin, false),
    };
    let name = begin.split_once('=').map_or(begin, |(name, _)| name);
    if !is_name(name) {
        return Err(format!("of the environment variables are looked at by name, which `{begin}` is not"));
    }
    let mut text = escaped(begin);
    if name.len() == begin.len() {
        text.push('=');
    }
    if !ends {
        text.push('*');
    }
    Ok(line(modifiers, text))
}

fn of_one(variable: &str, operator: Operator, value: &str) -> Result<Logic, String> {
    let value = escaped(value);
    let (modifiers, value) = match operator {
        Operator::Exists => ("|cased", "*".to_owned()),
        _ if equals(operator) => ("|cased", value),
        Operator::Contains => ("|cased", format!("*{value}*")),
        Operator::IContains => ("", format!("*{value}*")),
        Operator::StartsWith => ("|cased", format!("{value}*")),
        Operator::EndsWith => ("|cased", format!("*{value}")),
        other => return Err(format!("`{}` of a variable can't be said", other.word())),
    };
    Ok(line(modifiers, format!("{variable}={value}")))
}

fn line(modifiers: &str, text: String) -> Logic {
    Line::new(FIELD, modifiers, Value::Text(text)).into()
}

/// As shells take it.
fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let begins = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    begins && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
