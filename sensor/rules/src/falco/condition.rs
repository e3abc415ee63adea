//! The grammar of Falco's conditions (falco.org/docs, "Condition Syntax"; libsinsp, filter grammar): `and`, `or`, `not`,
//! parentheses over checks `field operator value` and names of macros.
use super::{
    lexer::{Error, Parser},
    syntax::{Argument, Check, Condition, Operand, Operator, Quantifier, Right, Text},
};
use crate::problem::{shown, suggest};

/// Parentheses, `not` and transformers within each other.
const DEPTH: usize = 100;
/// Bytes of one condition.
const LENGTH: usize = 256 << 10;

/// Parses a whole condition.
pub(super) fn parse(text: &str) -> Result<Condition, Error> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    if text.len() > LENGTH {
        return parser.fail(
            format!("the condition has {} bytes, more than {LENGTH}", text.len()),
            "make macros of its parts",
        );
    }
    let condition = parser.or()?;
    parser.blank();
    if parser.rest().starts_with(')') {
        return parser.fail("a closing parenthesis without an opening one", "remove it, or open it");
    }
    if !parser.rest().is_empty() {
        let next = parser.next_word();
        return parser
            .fail(format!("`{next}` follows a whole condition"), "join the parts with `and` or `or`");
    }
    Ok(condition)
}

impl Parser<'_> {
    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth >= DEPTH {
            return self.fail(
                format!("more than {DEPTH} parentheses or `not` within each other"),
                "make macros of its parts",
            );
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn or(&mut self) -> Result<Condition, Error> {
        let mut parts = vec![self.and()?];
        while self.keyword("or") {
            parts.push(self.and()?);
        }
        Ok(only_or(parts, Condition::Or))
    }

    fn and(&mut self) -> Result<Condition, Error> {
        let mut parts = vec![self.not()?];
        while self.keyword("and") {
            parts.push(self.not()?);
        }
        Ok(only_or(parts, Condition::And))
    }

    fn not(&mut self) -> Result<Condition, Error> {
        if self.keyword("not") {
            return self.deeper(Self::not).map(|inner| Condition::Not(Box::new(inner)));
        }
        let opened = self.at;
        if !self.symbol('(') {
            return self.check();
        }
        let inner = self.deeper(Self::or)?;
        if self.symbol(')') {
            return Ok(inner);
        }
        if !self.rest().is_empty() {
            let next = self.next_word();
            return self
                .fail(format!("`{next}` follows a whole condition"), "join the parts with `and` or `or`");
        }
        self.at = opened;
        self.blank();
        self.fail("this parenthesis is never closed", "close it with `)`")
    }

    fn check(&mut self) -> Result<Condition, Error> {
        self.blank();
        let at = self.at;
        let name = self.name();
        match name {
            "" => {
                return self.fail(
                    match self.rest() {
                        "" => "the condition ends where a field or a macro should stand".to_owned(),
                        _ => format!("`{}` stands where a field or a macro should", self.next_word()),
                    },
                    "write `field operator value`, such as `proc.name = sh`, or the name of a macro",
                );
            }
            "and" | "or" | "not" | "exists" => {
                self.at = at;
                return self.fail(
                    format!("`{name}` stands where a field or a macro should"),
                    "write `field operator value`, such as `proc.name = sh`, or the name of a macro",
                );
            }
            _ => {}
        }
        let left = match self.rest().starts_with('(') {
            true => self.call(name)?,
            false if name.contains('.') => self.field(name)?,
            false => return self.macro_name(name, at),
        };
        let check = self.comparison(left)?;
        Ok(Condition::Check { check, at })
    }

    fn macro_name(&mut self, name: &str, at: usize) -> Result<Condition, Error> {
        let end = self.at;
        if self.operator().is_some() {
            self.at = at;
            return self.fail(
                format!("`{}` is compared, but is no field", shown(name)),
                "fields have a class and a dot, such as `proc.name`",
            );
        }
        self.at = end;
        Ok(Condition::Macro { name: name.to_owned(), at })
    }

    /// `[argument]` behind a field's name.
    fn field(&mut self, name: &str) -> Result<Operand, Error> {
        let mut argument = None;
        if self.rest().starts_with('[') {
            self.at += 1;
            let written = match self.quoted()? {
                Some(text) => text,
                None => self.take(|c| !c.is_whitespace() && !matches!(c, '[' | ']' | '"' | '\'')).to_owned(),
            };
            if !self.rest().starts_with(']') {
                return self.fail(
                    format!("the argument of `{}` is never closed", shown(name)),
                    "close it with `]`, such as `proc.aname[2]`",
                );
            }
            self.at += 1;
            argument = Some(written);
        }
        Ok(Operand::Field { name: name.to_owned(), argument })
    }

    fn call(&mut self, function: &str) -> Result<Operand, Error> {
        const KNOWN: [&str; 9] =
            ["tolower", "toupper", "b64", "basename", "len", "join", "concat", "getopt", "val"];
        if !KNOWN.contains(&function) {
            self.at -= function.len();
            return self.fail(
                format!("unknown transformer `{}`", shown(function)),
                suggest(function, KNOWN, format!("transformers are: {}", KNOWN.join(", "))),
            );
        }
        let arguments = self.deeper(Self::arguments)?;
        Ok(Operand::Call { function: function.to_owned(), arguments })
    }

    fn arguments(&mut self) -> Result<Vec<Argument>, Error> {
        let mut out = Vec::new();
        if !self.symbol('(') {
            return Ok(out);
        }
        loop {
            self.blank();
            out.push(self.argument()?);
            if self.symbol(',') {
                continue;
            }
            if self.symbol(')') {
                return Ok(out);
            }
            return self.fail("the arguments of a transformer are never closed", "close them with `)`");
        }
    }

    fn argument(&mut self) -> Result<Argument, Error> {
        if self.rest().starts_with('(') {
            return self.deeper(Self::arguments).map(Argument::List);
        }
        if let Some(text) = self.quoted()? {
            return Ok(Argument::Text(text));
        }
        let begin = self.at;
        let name = self.name();
        if self.rest().starts_with('(') && !name.is_empty() {
            return self.call(name).map(Argument::Operand);
        }
        if name.contains('.') {
            return self.field(name).map(Argument::Operand);
        }
        self.at = begin;
        let text = self.bare();
        if text.is_empty() {
            return self
                .fail("a transformer is given nothing", "put a field into it, such as `toupper(proc.name)`");
        }
        Ok(Argument::Text(text.to_owned()))
    }

    fn operator(&mut self) -> Option<Operator> {
        self.blank();
        if self.rest().starts_with("==") {
            self.at += 2;
            return Some(Operator::Equal);
        }
        for (word, operator) in Operator::ALL {
            let symbol = !word.starts_with(|c: char| c.is_ascii_alphabetic());
            if symbol && self.rest().starts_with(word) {
                self.at += word.len();
                return Some(*operator);
            }
            if !symbol && self.keyword(word) {
                return Some(*operator);
            }
        }
        None
    }

    fn comparison(&mut self, left: Operand) -> Result<Check, Error> {
        let Some(operator) = self.operator() else {
            let written = self.next_word();
            let known = Operator::ALL.iter().map(|(word, _)| *word);
            let all = known.clone().collect::<Vec<_>>().join(" ");
            let all = format!("operators are: {all}");
            if written.is_empty() {
                return self.fail(format!("nothing is said of `{left}`"), all);
            }
            return self.fail(format!("`{written}` is no operator"), suggest(&written, known, all));
        };
        if operator == Operator::Exists {
            return Ok(Check { left, operator, quantifier: None, right: Right::Nothing });
        }
        let quantifier = Quantifier::ALL.iter().find(|(word, _)| self.keyword(word)).map(|(_, q)| *q);
        self.blank();
        let right = match self.transformed()? {
            Some(operand) => Right::Operand(operand),
            None if operator.of_list() || quantifier.is_some() => self.list(operator)?,
            None => Right::Value(self.value(operator)?),
        };
        Ok(Check { left, operator, quantifier, right })
    }

    /// `val(field)` or another transformer on the right.
    fn transformed(&mut self) -> Result<Option<Operand>, Error> {
        let begin = self.at;
        let name = self.name();
        if !name.is_empty() && self.rest().starts_with('(') {
            return self.call(name).map(Some);
        }
        self.at = begin;
        Ok(None)
    }

    fn list(&mut self, operator: Operator) -> Result<Right, Error> {
        let opened = self.at;
        if !self.symbol('(') {
            let name = self.bare();
            if name.is_empty() {
                return self.fail(
                    format!("`{}` needs a list in parentheses", operator.word()),
                    "write it as `in (sh, bash)`",
                );
            }
            return Ok(Right::List(vec![Text { text: name.to_owned(), quoted: false }]));
        }
        let mut values = Vec::new();
        if self.symbol(')') {
            return Ok(Right::List(values));
        }
        loop {
            self.blank();
            values.push(self.value(operator)?);
            if self.symbol(',') {
                continue;
            }
            if self.symbol(')') {
                return Ok(Right::List(values));
            }
            if self.rest().is_empty() {
                self.at = opened;
                return self.fail("this list is never closed", "close it with `)`");
            }
            let next = self.next_word();
            return self
                .fail(format!("`{next}` follows a value of a list"), "put a comma between, or quote it");
        }
    }

    fn value(&mut self, operator: Operator) -> Result<Text, Error> {
        if let Some(text) = self.quoted()? {
            return Ok(Text { text, quoted: true });
        }
        let text = self.bare();
        if text.is_empty() {
            return self.fail(
                format!("`{}` is compared with nothing", operator.word()),
                "write a value; quote it if it has blanks, commas, quotes, `=` or parentheses",
            );
        }
        Ok(Text { text: text.to_owned(), quoted: false })
    }
}

fn only_or(mut parts: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match parts.len() {
        1 => parts.pop().unwrap_or(Condition::Or(Vec::new())),
        _ => join(parts),
    }
}
