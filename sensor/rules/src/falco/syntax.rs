//! A Falco condition as it is written, and how it is written again.
use std::fmt;

/// A condition. Offsets are bytes from the start of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Not(Box<Condition>),
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Macro { name: String, at: usize },
    Check { check: Check, at: usize },
}

/// `field operator value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) left: Operand,
    pub(super) operator: Operator,
    /// `anyof` and so on behind the operator.
    pub(super) quantifier: Option<Quantifier>,
    pub(super) right: Right,
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    Field { name: String, argument: Option<String> },
    Call { function: String, arguments: Vec<Argument> },
}

/// What a transformer is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    Operand(Operand),
    Text(String),
    List(Vec<Argument>),
}

/// What it is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Right {
    Nothing,
    Value(Text),
    List(Vec<Text>),
    /// A list of this name, which has no values as yet: whoever uses the rule fills it.
    Unfilled(String),
    Operand(Operand),
}

/// A value: only a bare word can be the name of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) quoted: bool,
}

/// How many of a list's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantifier {
    Any,
    All,
    One,
}

macro_rules! operators {
    ($($name:ident $word:literal)*) => {
        /// How a field is compared.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Operator { $($name,)* }

        impl Operator {
            /// Longer ones first: `<=` is not `<`.
            pub(super) const ALL: &'static [(&'static str, Self)] = &[$(($word, Self::$name)),*];

            pub(super) fn word(self) -> &'static str {
                Self::ALL.iter().find(|(_, known)| *known == self).map_or("", |(word, _)| word)
            }
        }
    };
}

operators! {
    Exists "exists"
    LessOrEqual "<=" GreaterOrEqual ">=" Less "<" Greater ">"
    NotEqual "!=" Equal "="
    Intersects "intersects" In "in" PathMatch "pmatch"
    Contains "contains" IContains "icontains" BContains "bcontains"
    StartsWith "startswith" BStartsWith "bstartswith" EndsWith "endswith"
    Glob "glob" IGlob "iglob" Regex "regex"
}

impl Operator {
    /// Takes a list in parentheses.
    pub(super) fn of_list(self) -> bool {
        matches!(self, Self::In | Self::Intersects | Self::PathMatch)
    }
}

impl Quantifier {
    pub(super) const ALL: [(&'static str, Self); 3] =
        [("anyof", Self::Any), ("allof", Self::All), ("oneof", Self::One)];
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Self], by: &str| {
            for (nth, part) in parts.iter().enumerate() {
                let between = if nth > 0 { by } else { "" };
                match part {
                    Self::And(_) | Self::Or(_) => write!(f, "{between}({part})")?,
                    _ => write!(f, "{between}{part}")?,
                }
            }
            Ok(())
        };
        match self {
            Self::Not(inner) => match &**inner {
                Self::And(_) | Self::Or(_) | Self::Not(_) => write!(f, "not ({inner})"),
                _ => write!(f, "not {inner}"),
            },
            Self::And(parts) => joined(f, parts, " and "),
            Self::Or(parts) => joined(f, parts, " or "),
            Self::Macro { name, .. } => f.write_str(name),
            Self::Check { check, .. } => check.fmt(f),
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.left, self.operator.word())?;
        if let Some(quantifier) = self.quantifier {
            let word = Quantifier::ALL.iter().find(|(_, known)| *known == quantifier);
            write!(f, " {}", word.map_or("", |(word, _)| word))?;
        }
        match &self.right {
            Right::Nothing => Ok(()),
            Right::Value(value) => write!(f, " {value}"),
            Right::List(values) => write!(f, " ({})", join(values)),
            Right::Unfilled(list) => write!(f, " ({list})"),
            Right::Operand(operand) => write!(f, " {operand}"),
        }
    }
}

fn join<T: fmt::Display>(parts: &[T]) -> String {
    parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field { name, argument: None } => f.write_str(name),
            Self::Field { name, argument: Some(argument) } => {
                let plain = !argument.is_empty()
                    && !argument.contains(|c: char| c.is_whitespace() || matches!(c, '[' | ']' | '"' | '\''));
                if plain {
                    write!(f, "{name}[{argument}]")
                } else {
                    write!(f, "{name}[{}]", quoted(argument))
                }
            }
            Self::Call { function, arguments } => write!(f, "{function}({})", join(arguments)),
        }
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operand(operand) => operand.fmt(f),
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::List(all) => write!(f, "({})", join(all)),
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.quoted { f.write_str(&quoted(&self.text)) } else { f.write_str(&self.text) }
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
    out
}
