//! Exceptions of a rule: tuples of values for which it stays silent (falco.org/docs, "Rule Exceptions").
use super::{
    condition,
    define::Reader,
    lexer::Error,
    source::Place,
    syntax::{Condition, Operator},
};
use crate::{
    parse::{Entry, Node, Value},
    problem::{Problems, shown, suggest},
};

/// One exception; those that add values to another have no fields.
#[derive(Clone, Debug)]
pub(super) struct Exception {
    pub(super) name: String,
    pub(super) place: Place,
    /// [`None`]: not given.
    fields: Option<Strings>,
    comps: Option<Strings>,
    values: Vec<Vec<Strings>>,
}

/// A value, or a list of them: Falco tells one from a list of one.
#[derive(Clone, Debug)]
enum Strings {
    One(String),
    Many(Vec<String>),
}

impl Strings {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// The exceptions that `item` has.
pub(super) fn read(reader: &mut Reader<'_>, item: &Node) -> Vec<Exception> {
    let Some(Entry { node, .. }) = item.get("exceptions") else { return Vec::new() };
    if node.is_null() {
        return Vec::new();
    }
    if !matches!(node.value, Value::List(_)) {
        let message = format!("`exceptions` is a list, not {}", node.kind());
        reader.problems.error(node.mark, message, "write `exceptions:` and below it `- name: ...`");
        return Vec::new();
    }
    let mut out: Vec<Exception> = Vec::new();
    for one in node.items() {
        let Some(exception) = exception(reader, one) else { continue };
        if out.iter().any(|before| before.name == exception.name) {
            let message = format!("two exceptions are called `{}`", shown(&exception.name));
            reader.problems.error(one.mark, message, "put the values of both into one");
            continue;
        }
        out.push(exception);
    }
    out
}

fn exception(reader: &mut Reader<'_>, node: &Node) -> Option<Exception> {
    if node.entries().is_empty() {
        let message = format!("an exception is a map, not {}", node.kind());
        reader.problems.error(node.mark, message, "write `- {name: ..., fields: [...], values: [...]}`");
        return None;
    }
    let name = reader.text(node, "name")?.to_owned();
    reader.known(node, &["name", "fields", "comps", "values"]);
    let fields = node.get("fields").map(|entry| strings(reader, &entry.node));
    let comps = node.get("comps").map(|entry| strings(reader, &entry.node));
    let place = reader.place(node.mark);
    let comps = comps.or_else(|| {
        fields.as_ref().map(|fields| match fields {
            Strings::One(_) => Strings::One("in".to_owned()),
            Strings::Many(many) => Strings::Many(vec!["=".to_owned(); many.len()]),
        })
    });
    check(reader.problems, node, fields.as_ref(), comps.as_ref())?;
    let mut values = Vec::new();
    for row in node.get("values").map_or(&[][..], |entry| match &entry.node.value {
        Value::List(rows) => rows,
        _ => std::slice::from_ref(&entry.node),
    }) {
        values.push(match &row.value {
            Value::List(cells) => cells.iter().map(|cell| strings(reader, cell)).collect(),
            _ => vec![strings(reader, row)],
        });
        if let (Some(fields), Some(row_values)) = (&fields, values.last()) {
            fits(reader.problems, row, fields, row_values);
        }
    }
    Some(Exception { name, place, fields, comps, values })
}

fn strings(reader: &mut Reader<'_>, node: &Node) -> Strings {
    let mut text = |node: &Node| {
        if node.text().is_none() {
            let message = format!("{} stands where a value of an exception should", node.kind());
            reader.problems.error(node.mark, message, "write a text, or a list of texts");
        }
        node.text().unwrap_or_default().trim().to_owned()
    };
    match &node.value {
        Value::List(items) => Strings::Many(items.iter().map(text).collect()),
        _ => Strings::One(text(node)),
    }
}

fn check(
    problems: &mut Problems,
    node: &Node,
    fields: Option<&Strings>,
    comps: Option<&Strings>,
) -> Option<()> {
    let before = problems.errors();
    let words = Operator::ALL.iter().map(|(word, _)| *word).chain(["=="]);
    for comp in comps.map_or(&[][..], Strings::as_slice) {
        if !words.clone().any(|word| word == comp) {
            let message = format!("`{}` is no operator", shown(comp));
            let all = words.clone().collect::<Vec<_>>().join(" ");
            problems.error(node.mark, message, suggest(comp, words.clone(), format!("operators are: {all}")));
        }
    }
    match (fields, comps) {
        (Some(Strings::Many(fields)), Some(comps)) if fields.len() != comps.as_slice().len() => {
            let (fields, comps) = (fields.len(), comps.as_slice().len());
            let message = format!("the exception has {fields} fields and {comps} comps");
            problems.error(node.mark, message, "give each field its operator, or leave `comps` out");
        }
        (Some(Strings::One(_)), Some(comps)) if !matches!(comps, Strings::One(one) if matches!(&**one, "in" | "pmatch" | "intersects")) =>
        {
            let message = "with a single field `comps` is `in`, `pmatch` or `intersects`";
            problems.error(node.mark, message, "or write `fields` and `comps` as lists");
        }
        _ => {}
    }
    (problems.errors() == before).then_some(())
}

fn fits(problems: &mut Problems, row: &Node, fields: &Strings, values: &[Strings]) {
    match fields {
        Strings::Many(fields) if fields.len() != values.len() => {
            let message =
                format!("the exception has {} fields, and here are {} values", fields.len(), values.len());
            problems.error(row.mark, message, "each line of `values` has a value for each field");
        }
        Strings::One(_) if matches!(row.value, Value::List(_)) => problems.error(
            row.mark,
            "with a single field the values are texts, not lists",
            "write `values: [a, b]`, or `fields` as a list",
        ),
        _ => {}
    }
}

/// Adds exceptions of an appending item: new ones, or values for one that is there.
pub(super) fn append(there: &mut Vec<Exception>, new: Vec<Exception>, problems: &mut Problems) {
    for one in new {
        let mark = one.place.mark;
        match there.iter_mut().find(|before| before.name == one.name) {
            Some(_) if one.fields.is_some() || one.comps.is_some() => problems.error(
                mark,
                format!("the exception `{}` has fields already", shown(&one.name)),
                "give only `name` and `values` to add values to it",
            ),
            Some(before) => {
                let wanted = before.fields.as_ref().map_or(0, |fields| fields.as_slice().len());
                if let Some(row) = one.values.iter().find(|row| row.len() != wanted) {
                    let message =
                        format!("the exception has {wanted} fields, and here are {} values", row.len());
                    problems.error(mark, message, "each line of `values` has a value for each field");
                }
                before.values.extend(one.values);
            }
            None => there.push(one),
        }
    }
}

impl Exception {
    /// The condition under which the rule stays silent. [`None`]: there are no values.
    pub(super) fn condition(&self) -> Option<Result<Condition, Error>> {
        let (Some(fields), Some(comps)) = (&self.fields, &self.comps) else {
            let message = format!("the exception `{}` has no `fields`", shown(&self.name));
            return Some(Err(Error { at: 0, message, remedy: "add `fields: [proc.name]`".to_owned() }));
        };
        if self.values.is_empty() {
            return None;
        }
        let text = match fields {
            Strings::One(field) => {
                let all = self.values.iter().flatten().flat_map(Strings::as_slice);
                let all: Vec<_> = all.map(|value| quoted(value)).collect();
                let comp = comps.as_slice().first().map_or("in", String::as_str);
                format!("{field} {comp} ({})", all.join(", "))
            }
            Strings::Many(fields) => {
                let row = |row: &Vec<Strings>| {
                    let checks: Vec<_> = fields
                        .iter()
                        .zip(comps.as_slice())
                        .zip(row)
                        .map(|((field, comp), value)| format!("{field} {comp} {}", side(comp, value)))
                        .collect();
                    format!("({})", checks.join(" and "))
                };
                self.values.iter().map(row).collect::<Vec<_>>().join(" or ")
            }
        };
        Some(condition::parse(&text))
    }
}

fn side(comp: &str, value: &Strings) -> String {
    let list = matches!(comp, "in" | "pmatch" | "intersects");
    match value {
        Strings::One(one) if list && !one.starts_with('(') => format!("({})", quoted(one)),
        Strings::One(one) if list => one.clone(),
        Strings::One(one) => quoted(one),
        Strings::Many(many) => {
            format!("({})", many.iter().map(|one| quoted(one)).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Values with blanks and such are quoted, unless the author did.
fn quoted(value: &str) -> String {
    let special = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | '=' | '"' | '\'');
    let done = value.starts_with(['"', '\'']);
    if done || !(value.is_empty() || value.contains(special)) {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}
