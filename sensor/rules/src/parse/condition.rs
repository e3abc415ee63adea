//! Sigma's condition language: `selection and not 1 of filter_*`.
//!
//! Grammar (rules specification 2.1, condition), weakest first: `or`, `and`, `not`, `1 of` / `all of`, parentheses.

/// Parentheses and `not` within each other.
const DEPTH: usize = 50;
/// Words and parentheses of one condition.
const TOKENS: usize = 2_000;

/// A condition, its names not yet looked up. Offsets are characters from the start of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    Not(Box<Condition>),
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Name { name: String, offset: usize },
    Of { how_many: HowMany, target: String, offset: usize },
}

/// How many of the named selections must match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HowMany {
    One,
    All,
}

/// Why a text is no condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Error {
    pub(crate) offset: usize,
    pub(crate) message: String,
    pub(crate) remedy: String,
}

#[derive(Clone, Debug)]
struct Token {
    text: String,
    offset: usize,
}

/// Parses a whole condition.
pub(crate) fn parse(text: &str) -> Result<Condition, Error> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, end: text.chars().count() };
    let condition = parser.or(0)?;
    match parser.peek() {
        None => Ok(condition),
        Some(token) => Err(parser.beyond(token)),
    }
}

impl Condition {
    /// Where a part stands together with its own contrary, and whether the whole then always holds, or never.
    pub(crate) fn pointless(&self) -> Option<(usize, bool)> {
        let (parts, or) = match self {
            Self::Not(inner) => return inner.pointless(),
            Self::Name { .. } | Self::Of { .. } => return None,
            Self::And(parts) => (parts, false),
            Self::Or(parts) => (parts, true),
        };
        let mut flat = Vec::new();
        flatten(parts, or, &mut flat);
        // Conditions of rules are short; generated ones may not cost the square of their length.
        flat.truncate(100);
        let contrary = flat.iter().find_map(|part| match part {
            Self::Not(inner) if flat.iter().any(|other| other.says_as(inner)) => Some((part.offset(), or)),
            _ => None,
        });
        contrary.or_else(|| parts.iter().find_map(Self::pointless))
    }

    /// The same wherever it stands.
    fn says_as(&self, other: &Self) -> bool {
        let all = |one: &[Self], two: &[Self]| {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| one.says_as(two))
        };
        match (self, other) {
            (Self::Not(one), Self::Not(two)) => one.says_as(two),
            (Self::And(one), Self::And(two)) | (Self::Or(one), Self::Or(two)) => all(one, two),
            (Self::Name { name: one, .. }, Self::Name { name: two, .. }) => one == two,
            (Self::Of { how_many: a, target: one, .. }, Self::Of { how_many: b, target: two, .. }) => {
                a == b && one == two
            }
            _ => false,
        }
    }

    fn offset(&self) -> usize {
        match self {
            Self::Not(inner) => inner.offset(),
            Self::And(parts) | Self::Or(parts) => parts.first().map_or(0, Self::offset),
            Self::Name { offset, .. } | Self::Of { offset, .. } => *offset,
        }
    }
}

/// Parts of parts that are joined in the same way.
fn flatten<'a>(parts: &'a [Condition], or: bool, out: &mut Vec<&'a Condition>) {
    for part in parts {
        match part {
            Condition::And(inner) if !or => flatten(inner, or, out),
            Condition::Or(inner) if or => flatten(inner, or, out),
            other => out.push(other),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, Error> {
    let mut out: Vec<Token> = Vec::new();
    let mut in_word = false;
    for (offset, character) in text.chars().enumerate() {
        if character.is_whitespace() {
            in_word = false;
        } else if matches!(character, '(' | ')' | '|') {
            in_word = false;
            out.push(Token { text: character.into(), offset });
        } else if let (true, Some(word)) = (in_word, out.last_mut()) {
            word.text.push(character);
        } else {
            in_word = true;
            out.push(Token { text: character.into(), offset });
        }
        if out.len() > TOKENS {
            return Err(Error {
                offset,
                message: format!("the condition has more than {TOKENS} words"),
                remedy: "use `1 of name*` and `all of name*`".into(),
            });
        }
    }
    Ok(out)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    end: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    /// Why a whole condition can't go on with this token.
    fn beyond(&self, token: &Token) -> Error {
        let said =
            |at: Option<usize>| at.and_then(|at| self.tokens.get(at)).map_or("", |token| token.text.as_str());
        let before = said(self.at.checked_sub(1)).to_ascii_lowercase();
        let follows = || format!("`{}` follows a whole condition", crate::problem::shown(&token.text));
        let (message, remedy) = match (before.as_str(), token.text.as_str()) {
            (_, ")") => ("a closing parenthesis without an opening one".to_owned(), "remove it, or open it"),
            (_, "|") if said(self.at.checked_add(1)) == "|" => {
                ("`||` is no word of a condition".to_owned(), "write `or`")
            }
            (_, "|") => (
                "aggregations after `|` were replaced in Sigma 2".to_owned(),
                "write a correlation document instead",
            ),
            (_, "&" | "&&" | "+") => (format!("`{}` is no word of a condition", token.text), "write `and`"),
            ("one" | "some", "of") => (format!("`{before} of` is no quantity"), "write `1 of`"),
            ("none" | "no", "of") => (format!("`{before} of` is no quantity"), "write `not 1 of`"),
            (_, "of") => (
                format!("`{} of` is no quantity", crate::problem::shown(&before)),
                "write `1 of` or `all of`",
            ),
            ("1" | "any" | "all", _) => {
                (follows(), "write `of` between quantity and name: `1 of selection_*`")
            }
            ("of", _) => {
                (follows(), "write how many before `of`: `1 of selection_*` or `all of selection_*`")
            }
            (before, _) if before.ends_with(',') => {
                (follows(), "join the parts with `and` or `or`, without a comma")
            }
            _ => (follows(), "join the parts with `and` or `or`"),
        };
        Error { offset: token.offset, message, remedy: remedy.into() }
    }

    /// Takes the word if it comes next.
    fn word(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|token| token.text.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn or(&mut self, depth: usize) -> Result<Condition, Error> {
        let mut parts = vec![self.and(depth)?];
        while self.word("or") {
            parts.push(self.and(depth)?);
        }
        Ok(only_or(parts, Condition::Or))
    }

    fn and(&mut self, depth: usize) -> Result<Condition, Error> {
        let mut parts = vec![self.unary(depth)?];
        while self.word("and") {
            parts.push(self.unary(depth)?);
        }
        Ok(only_or(parts, Condition::And))
    }

    fn unary(&mut self, depth: usize) -> Result<Condition, Error> {
        let Some(token) = self.next() else {
            return Err(Error {
                offset: self.end,
                message: "the condition ends where a selection's name should stand".into(),
                remedy: "finish it, such as `selection and not filter`".into(),
            });
        };
        if depth > DEPTH {
            return Err(Error {
                offset: token.offset,
                message: format!("more than {DEPTH} parentheses or `not` within each other"),
                remedy: "give parts of it names as selections".into(),
            });
        }
        match token.text.to_ascii_lowercase().as_str() {
            "not" => Ok(Condition::Not(Box::new(self.unary(depth + 1)?))),
            "(" => {
                let inner = self.or(depth + 1)?;
                if self.word(")") {
                    return Ok(inner);
                }
                Err(Error {
                    offset: token.offset,
                    message: "this parenthesis is never closed".into(),
                    remedy: "close it with `)`".into(),
                })
            }
            "and" | "or" | ")" | "|" | "&" | "&&" => Err(Error {
                offset: token.offset,
                message: format!("`{}` stands where a selection's name should", token.text),
                remedy: "put a name before it, such as `selection and not filter`".into(),
            }),
            "1" | "any" | "all" if self.word("of") => self.of(&token),
            number if number.parse::<u32>().is_ok() && self.word("of") => Err(Error {
                offset: token.offset,
                message: format!("Sigma knows `1 of` and `all of`, not `{number} of`"),
                remedy: "write `1 of` or `all of`, or spell the combinations out".into(),
            }),
            _ => Ok(Condition::Name { name: token.text, offset: token.offset }),
        }
    }

    fn of(&mut self, quantifier: &Token) -> Result<Condition, Error> {
        let how_many = if quantifier.text.eq_ignore_ascii_case("all") { HowMany::All } else { HowMany::One };
        match self.next() {
            Some(Token { text, offset }) if !matches!(text.as_str(), "(" | ")" | "|") => {
                Ok(Condition::Of { how_many, target: text, offset })
            }
            Some(Token { text, offset }) if text == "(" => Err(Error {
                offset,
                message: "`of` takes one name, not a list of them".into(),
                remedy: "let the selections begin alike, and write `1 of selection_*`".into(),
            }),
            other => Err(Error {
                offset: other.map_or(self.end, |token| token.offset),
                message: "`of` needs a name".into(),
                remedy: "write `them` or the beginning of selection names, such as `1 of selection_*`".into(),
            }),
        }
    }
}

fn only_or(mut parts: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match parts.len() {
        1 => parts.pop().unwrap_or(Condition::Or(Vec::new())),
        _ => join(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> String {
        fn show(condition: &Condition) -> String {
            let all = |parts: &[Condition], by: &str| {
                format!("({})", parts.iter().map(show).collect::<Vec<_>>().join(by))
            };
            match condition {
                Condition::Not(inner) => format!("!{}", show(inner)),
                Condition::And(parts) => all(parts, " & "),
                Condition::Or(parts) => all(parts, " | "),
                Condition::Name { name, .. } => name.clone(),
                Condition::Of { how_many, target, .. } => format!("{how_many:?}:{target}"),
            }
        }
        parse(text).map_or_else(|error| format!("{}: {}", error.offset, error.message), |c| show(&c))
    }

    #[test]
    fn precedence_and_quantifiers() {
        for (text, right) in [
            ("a", "a"),
            ("a or b and not c", "(a | (b & !c))"),
            ("(a or b) AND NOT c", "((a | b) & !c)"),
            ("1 of sel_* and all of them", "(One:sel_* & All:them)"),
            ("not not a", "!!a"),
            ("all", "all"),
        ] {
            assert_eq!(shape(text), right, "{text}");
        }
    }

    #[test]
    fn what_stands_beside_its_contrary_is_found() {
        for (text, right) in [
            ("a and not a", Some((10, false))),
            ("a or (b or not a)", Some((15, true))),
            ("a and (b or not a)", None),
            ("x and (b and (1 of c* and not 1 of c*))", Some((35, false))),
            ("not a and not b", None),
            ("(a or b) and not (a or b)", Some((18, false))),
        ] {
            assert_eq!(parse(text).unwrap().pointless(), right, "{text}");
        }
    }

    #[test]
    fn errors_know_their_place() {
        for (text, right) in [
            ("", "0: the condition ends where a selection's name should stand"),
            ("a and", "5: the condition ends where a selection's name should stand"),
            ("a b", "2: `b` follows a whole condition"),
            ("(a or b", "0: this parenthesis is never closed"),
            ("a)", "1: a closing parenthesis without an opening one"),
            ("a | count() > 5", "2: aggregations after `|` were replaced in Sigma 2"),
            ("2 of a*", "0: Sigma knows `1 of` and `all of`, not `2 of`"),
            ("1 of", "4: `of` needs a name"),
        ] {
            assert_eq!(shape(text), right, "{text}");
        }
        assert!(parse(&"(".repeat(100_000)).is_err());
        assert!(parse(&"not ".repeat(1000)).is_err());
    }
}
