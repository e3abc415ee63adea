//! Comparisons of text: Falco's operators on Falco's strings, as Sigma says them of ours.
//!
//! Not every string of Falco's is a field of ours: its command line begins with the kernel's name of the process, its names
//! end after 15 bytes. What differs is said by regular expressions.
use super::{
    logic::{Line, Logic, Value},
    syntax::Operator,
};

/// `TASK_COMM_LEN` without its NUL: longer names of processes are cut.
const COMM: usize = 15;

/// How a string of Falco's is found in a field of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// The field is the string.
    Same,
    /// The kernel's name of a process, in a field that has the whole one.
    Name,
    /// The same, in a field that has the path.
    NameOfPath,
    /// The last component of a path.
    LastOfPath,
    /// Name and arguments, in a field that has all arguments.
    CommandLine,
    /// The arguments but the first.
    Arguments,
    /// The first argument.
    FirstArgument,
    /// A folder, which Falco ends with a slash.
    Folder,
}

/// A comparison whose value is one text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Comparison<'a> {
    pub(super) field: &'static str,
    pub(super) dialect: Dialect,
    pub(super) ignore_case: bool,
    pub(super) operator: Operator,
    pub(super) value: &'a str,
}

/// Says it. [`Err`]: why that can't be.
pub(super) fn compare(c: Comparison<'_>) -> Result<Logic, String> {
    let Comparison { field, operator, value, .. } = c;
    let c = match operator {
        Operator::IContains => Comparison { ignore_case: true, operator: Operator::Contains, ..c },
        Operator::IGlob => Comparison { ignore_case: true, operator: Operator::Glob, ..c },
        Operator::In | Operator::Intersects => Comparison { operator: Operator::Equal, ..c },
        Operator::BContains | Operator::BStartsWith => {
            let bytes = unhex(value).and_then(|bytes| String::from_utf8(bytes).ok());
            let text = bytes.ok_or("its bytes are no UTF-8, which a rule can't be compared with")?;
            let text_operator = match operator {
                Operator::BContains => Operator::Contains,
                _ => Operator::StartsWith,
            };
            return compare(Comparison { operator: text_operator, value: &text, ..c });
        }
        _ => c,
    };
    // Falco's words for what it doesn't know.
    let unknown = matches!(value, "<NA>" | "N/A")
        || value.is_empty() && matches!(c.dialect, Dialect::Name | Dialect::NameOfPath);
    if c.operator == Operator::Equal && unknown {
        return Ok(Line::new(field, "", Value::Null).into());
    }
    if c.operator == Operator::PathMatch {
        return path_match(c);
    }
    match c.dialect {
        Dialect::Same => same(c),
        Dialect::Name => name(c),
        Dialect::NameOfPath => cut(c).unwrap_or_else(|| of_path(c)),
        Dialect::LastOfPath => of_path(c),
        Dialect::CommandLine => command_line(c),
        Dialect::Arguments => arguments(c),
        Dialect::FirstArgument => first_argument(c),
        Dialect::Folder => folder(c),
    }
}

impl Comparison<'_> {
    fn line(&self, modifiers: &str, value: String) -> Logic {
        let cased = if self.ignore_case { "" } else { "|cased" };
        Line::new(self.field, &format!("{modifiers}{cased}"), Value::Text(value)).into()
    }

    fn plain(&self, modifiers: &str) -> Logic {
        self.line(modifiers, escaped(self.value))
    }

    fn regex(&self, pattern: String) -> Logic {
        let flags = if self.ignore_case { "|re|i|s" } else { "|re|s" };
        Line::new(self.field, flags, Value::Text(pattern)).into()
    }
}

fn same(c: Comparison<'_>) -> Result<Logic, String> {
    Ok(match c.operator {
        Operator::Equal => c.plain(""),
        Operator::Contains => c.plain("|contains"),
        Operator::StartsWith => c.plain("|startswith"),
        Operator::EndsWith => c.plain("|endswith"),
        Operator::Glob => match wildcards(c.value) {
            Some(pattern) => c.line("", pattern),
            None => c.regex(format!("^{}$", glob(c.value, ".")?)),
        },
        Operator::Regex => c.regex(format!("^(?:{})$", c.value)),
        other => return Err(not_text(other)),
    })
}

/// A name is cut after 15 bytes, so a value of 15 stands for all longer ones, and a longer one for none.
fn name(c: Comparison<'_>) -> Result<Logic, String> {
    if let Some(answer) = cut(c) {
        return answer;
    }
    match c.operator {
        Operator::Equal if c.value.len() == COMM => Ok(c.line("", format!("{}*", escaped(c.value)))),
        Operator::Contains | Operator::EndsWith => {
            let (value, before) = (quoted(c.value), COMM - c.value.len());
            Ok(match c.operator {
                Operator::Contains => c.regex(format!("^.{{0,{before}}}{value}")),
                _ => c.regex(format!("^(?:.{{0,{before}}}{value}|.{{{before}}}{value}.*)$")),
            })
        }
        _ => same(c),
    }
}

fn cut(c: Comparison<'_>) -> Option<Result<Logic, String>> {
    let whole = matches!(
        c.operator,
        Operator::Equal | Operator::StartsWith | Operator::EndsWith | Operator::Contains
    );
    (whole && c.value.len() > COMM).then_some(Ok(Logic::Constant(false)))
}

fn of_path(c: Comparison<'_>) -> Result<Logic, String> {
    let value = quoted(c.value);
    let cut = c.dialect == Dialect::NameOfPath && c.value.len() == COMM;
    if c.value.contains('/') && !matches!(c.operator, Operator::Glob | Operator::Regex) {
        return Ok(Logic::Constant(false));
    }
    Ok(match c.operator {
        Operator::Equal if cut => c.regex(format!("/{value}[^/]*$")),
        Operator::Equal => c.line("|endswith", format!("/{}", escaped(c.value))),
        Operator::StartsWith => c.regex(format!("/{value}[^/]*$")),
        Operator::EndsWith => c.plain("|endswith"),
        Operator::Contains => c.regex(format!("{value}[^/]*$")),
        Operator::Glob => c.regex(format!("/{}$", glob(c.value, "[^/]")?)),
        Operator::Regex => c.regex(format!("/(?:{})$", c.value)),
        other => return Err(not_text(other)),
    })
}

fn command_line(c: Comparison<'_>) -> Result<Logic, String> {
    // The first argument may have a path where the name has none.
    const PATH: &str = "^(?:[^ ]*/)?";
    let value = quoted(c.value);
    Ok(match c.operator {
        Operator::Equal => c.regex(format!("{PATH}{value}$")),
        Operator::StartsWith => c.regex(format!("{PATH}{value}")),
        Operator::EndsWith => c.plain("|endswith"),
        Operator::Contains => c.plain("|contains"),
        Operator::Glob => c.regex(format!("{PATH}{}$", glob(c.value, ".")?)),
        Operator::Regex => c.regex(format!("{PATH}(?:{})$", c.value)),
        other => return Err(not_text(other)),
    })
}

fn arguments(c: Comparison<'_>) -> Result<Logic, String> {
    const FIRST: &str = "^[^ ]* ";
    let value = quoted(c.value);
    if c.value.is_empty() && c.operator != Operator::Equal && c.operator != Operator::Glob {
        return Ok(Logic::Constant(true));
    }
    Ok(match c.operator {
        Operator::Equal if c.value.is_empty() => c.regex("^[^ ]*$".to_owned()),
        Operator::Equal => c.regex(format!("{FIRST}{value}$")),
        Operator::StartsWith => c.regex(format!("{FIRST}{value}")),
        Operator::EndsWith => c.regex(format!("{FIRST}.*{value}$")),
        // A blank only stands between arguments, or within one.
        Operator::Contains if c.value.starts_with(' ') => c.plain("|contains"),
        Operator::Contains => c.regex(format!("{FIRST}.*{value}")),
        Operator::Glob => c.regex(format!("{FIRST}{}$", glob(c.value, ".")?)),
        Operator::Regex => c.regex(format!("{FIRST}(?:{})$", c.value)),
        other => return Err(not_text(other)),
    })
}

fn first_argument(c: Comparison<'_>) -> Result<Logic, String> {
    let value = quoted(c.value);
    Ok(match c.operator {
        Operator::Equal => c.regex(format!("^{value}(?: |$)")),
        Operator::StartsWith => c.plain("|startswith"),
        Operator::EndsWith => c.regex(format!("^[^ ]*{value}(?: |$)")),
        Operator::Contains => c.regex(format!("^[^ ]*{value}")),
        Operator::Glob => c.regex(format!("^{}(?: |$)", glob(c.value, "[^ ]")?)),
        Operator::Regex => return Err("a pattern of the first argument alone can't be said".to_owned()),
        other => return Err(not_text(other)),
    })
}

fn folder(c: Comparison<'_>) -> Result<Logic, String> {
    if c.value == "/" && c.operator == Operator::Equal {
        return same(c);
    }
    let shorter = c.value.strip_suffix('/').filter(|shorter| !shorter.is_empty());
    let without = |operator| shorter.map(|value| same(Comparison { operator, value, ..c })).transpose();
    Ok(match c.operator {
        Operator::Equal => without(Operator::Equal)?.unwrap_or(Logic::Constant(false)),
        Operator::EndsWith => without(Operator::EndsWith)?.unwrap_or(Logic::Constant(false)),
        Operator::StartsWith => Logic::Or(without(Operator::Equal)?.into_iter().chain([same(c)?]).collect()),
        Operator::Contains => Logic::Or(without(Operator::EndsWith)?.into_iter().chain([same(c)?]).collect()),
        other => return Err(format!("`{}` of a working folder can't be said", other.word())),
    })
}

/// A path, or what is below it.
fn path_match(c: Comparison<'_>) -> Result<Logic, String> {
    if !matches!(c.dialect, Dialect::Same | Dialect::Folder) {
        return Err("`pmatch` is for paths".to_owned());
    }
    let value = c.value.trim_end_matches('/');
    if value.contains(['*', '?', '[']) {
        return Ok(c.regex(format!("^{}(?:/|$)", glob(value, "[^/]")?)));
    }
    let below = format!("{}/", escaped(value));
    let itself = Comparison { value, operator: Operator::Equal, ..c };
    Ok(Logic::Or(vec![itself.plain(""), c.line("|startswith", below)]))
}

fn not_text(operator: Operator) -> String {
    format!("`{}` compares numbers, and the field has none", operator.word())
}

/// `6a 6b` or `6a6b`.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<_> = text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16)).collect();
    let digits: Vec<u32> = digits.into_iter().collect::<Option<_>>()?;
    let byte = |pair: &[u32]| match pair {
        [high, low] => u8::try_from(high * 16 + low).ok(),
        _ => None,
    };
    digits.chunks(2).map(byte).collect()
}

/// `text` without wildcards, for Sigma.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        if matches!(character, '*' | '?' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// A glob that has nothing but `*` and `?`, which mean the same for Sigma.
fn wildcards(pattern: &str) -> Option<String> {
    (!pattern.contains(['[', '\\', '(', '|'])).then(|| pattern.to_owned())
}

/// `text` for a regular expression, to be read by people.
fn quoted(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        if ".\\+*?()|[]{}^$".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// fnmatch(3) to a regular expression; `any` is what `*` and `?` stand for.
fn glob(pattern: &str, any: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        let extended = matches!(character, '?' | '*' | '+' | '@' | '!') && characters.peek() == Some(&'(');
        match character {
            _ if extended => return Err("extended patterns such as `@(a|b)` can't be said".to_owned()),
            '*' => {
                out.push_str(any);
                out.push('*');
            }
            '?' => out.push_str(any),
            '\\' => out.push_str(&quoted(&characters.next().unwrap_or('\\').to_string())),
            '[' => {
                let mut class = String::new();
                while let Some(next) = characters.next_if(|next| *next != ']' || class.is_empty()) {
                    class.push(next);
                }
                if characters.next() != Some(']') || class.contains(['[', '\\', '&', '~']) {
                    return Err("this set of characters can't be said".to_owned());
                }
                let negated = class.starts_with(['!', '^']);
                let class = class.trim_start_matches(['!', '^']);
                out.push_str(if negated { "[^" } else { "[" });
                out.push_str(&class.replace(']', "\\]"));
                out.push(']');
            }
            plain => out.push_str(&quoted(&plain.to_string())),
        }
    }
    Ok(out)
}
