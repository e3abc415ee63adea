//! One line of a selection: field, modifiers, values, typed against the field table.
mod expression;
pub(super) mod modifiers;
mod transform;
mod typed;

use super::{detection::absent, hint};
use crate::{
    endings::Endings,
    environment,
    field::{self, Field, Found, Kinds, Type},
    parse::{Entry, Mark, Node, Value},
    pattern::{Pattern, Place},
    placeholder::{self, Placeholders},
    problem::{Problems, shown, suggest},
    rule::{Expression, Test},
};
use modifiers::{Modifiers, Operator};
use regex::bytes::RegexBuilder;
use std::cell::Cell;

/// Bytes of one value.
const VALUE: usize = 4096;
/// From this many on, plain values are searched for together.
const TOGETHER: usize = 3;

/// Forms of values beyond those written, in all files: placeholders, dashes and encodings.
const FORMS: usize = 200_000;

/// What the values of all files have used up.
#[derive(Debug, Default)]
pub(crate) struct Spent {
    /// Forms beyond those written.
    forms: Cell<usize>,
    /// Bytes that regular expressions take, about.
    regex_bytes: Cell<usize>,
}

/// Placeholders, and what was used up.
pub(super) type Shared<'a> = (&'a Placeholders, &'a Spent);

/// What a selection's names are looked up in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    /// [`None`]: nothing here makes such events, so their fields are unknown.
    pub(super) kinds: Option<Kinds>,
    pub(super) shared: Shared<'a>,
    /// Names of audit records are known too.
    pub(super) audit: bool,
}

impl Scope<'_> {
    /// What a name stands for. [`None`]: a problem was reported, at `mark`.
    fn find(&self, name: &str, mark: Mark, problems: &mut Problems) -> Option<Target> {
        Some(match (field::find(name), self.kinds) {
            (_, None) => Target::Absent(None),
            (Some(Found::Field(field)), Some(kinds)) if field.row().actions.meets(kinds) => {
                Target::Field(field)
            }
            (Some(Found::Field(field)), Some(kinds)) => Target::Absent(Some(absent(field, kinds))),
            (Some(Found::Unavailable(why)), _) => Target::Absent(Some(format!("`{name}`: {why}"))),
            (None, Some(_)) if self.audit && field::in_audit_records(name) => {
                Target::Absent(Some(format!("`{name}`: this part of audit records is not observed yet")))
            }
            (None, Some(_)) => {
                problems.error(mark, format!("unknown field `{}`", shown(name)), hint::field(name));
                return None;
            }
        })
    }
}

/// Checks `Field|modifier: values`.
pub(super) fn entry(
    entry: &Entry,
    scope: Scope<'_>,
    missing: &mut Vec<String>,
    problems: &mut Problems,
) -> Expression {
    const WRONG: Expression = Expression::Constant(false);
    let (name, written) = match entry.key.split_once('|') {
        Some((name, modifiers)) => (name, Some(modifiers)),
        None => (&*entry.key, None),
    };
    let at = entry.key_mark.right(name.chars().count() + 1);
    let Some(modifiers) = modifiers::parse(written, at, problems) else { return WRONG };
    if name.is_empty() {
        let items: Vec<_> = entry.node.items().iter().collect();
        return keywords_with(&items, modifiers, at, scope, problems);
    }
    if let Some(remedy) = hint::nested(name, &entry.node) {
        let message = format!("`{}` has a map, where values should stand", shown(name));
        problems.error(entry.key_mark, message, remedy);
        return WRONG;
    }
    let Some(target) = scope.find(name, entry.key_mark, problems) else { return WRONG };
    target.note(missing);
    if let Target::Field(field) = &target
        && let Err((message, remedy)) = typed::sense(*field, &modifiers)
    {
        problems.error(at, message, remedy);
        return WRONG;
    }
    let field = match target {
        Target::Field(field) => Some(field),
        Target::Absent(_) => None,
    };
    if modifiers.all && entry.node.items().len() == 1 {
        problems.warn(at, "`all` has one value to hold for", "remove `all`, or give a list");
    }
    let all = modifiers.all;
    let neq = modifiers.neq;
    let before = missing.len();
    let mut line = Line { field, modifiers, scope, missing, problems };
    let groups = line.values(&entry.node);
    if field == Some(Field::AuditSyscall) && names_both(&entry.node) {
        missing.truncate(before);
    }
    let joined = joined(groups, all, |wanted| match (field, wanted) {
        (Some(field), Wanted::Test(test)) => Expression::Field(field, test),
        (Some(field), Wanted::Absent) => Expression::Field(field, Test::Exists).not(),
        (None, Wanted::Absent) => Expression::Constant(true),
        (None, Wanted::Test(_)) | (_, Wanted::Never) => Expression::Constant(false),
    });
    if neq { joined.not() } else { joined }
}

/// Whoever asks for `execve` or `execveat`, and nothing else, is given both.
fn names_both(node: &Node) -> bool {
    let names = node.items().iter().filter_map(Node::text);
    let mut names: Vec<_> = names.map(|name| field::syscall_named(name).unwrap_or(name)).collect();
    names.sort_unstable();
    names == ["execve", field::EXECVEAT]
}

/// A list without fields: each text is searched for in every text of the event.
pub(super) fn keywords(items: &[&Node], scope: Scope<'_>, problems: &mut Problems) -> Expression {
    let mark = items.first().map(|item| item.mark).unwrap_or_default();
    keywords_with(items, Modifiers::default(), mark, scope, problems)
}

fn keywords_with(
    items: &[&Node],
    mut modifiers: Modifiers,
    at: Mark,
    scope: Scope<'_>,
    problems: &mut Problems,
) -> Expression {
    match modifiers.operator {
        Operator::Text(Place::Whole) => modifiers.operator = Operator::Text(Place::Anywhere),
        Operator::Text(_) | Operator::Regex { .. } | Operator::Cidr => {}
        Operator::Exists | Operator::Number(_) | Operator::Reference(_) | Operator::Time(..) => {
            let message = "keywords have no field that this modifier could look at";
            problems.error(at, message, "write the field's name before the `|`");
            return Expression::Constant(false);
        }
    }
    let all = modifiers.all;
    let neq = modifiers.neq;
    let mut missing = Vec::new();
    let mut line = Line { field: None, modifiers, scope, missing: &mut missing, problems };
    let groups = items.iter().map(|item| line.value(item)).collect();
    let joined = joined(groups, all, |wanted| match wanted {
        Wanted::Test(test) => Expression::Keyword(test),
        Wanted::Absent | Wanted::Never => Expression::Constant(false),
    });
    if neq { joined.not() } else { joined }
}

enum Target {
    Field(Field),
    /// With the reason, unless the whole log source is absent.
    Absent(Option<String>),
}

impl Target {
    fn note(&self, missing: &mut Vec<String>) {
        if let Self::Absent(Some(why)) = self
            && !missing.contains(why)
        {
            missing.push(why.clone());
        }
    }
}

enum Wanted {
    Test(Test),
    /// Sigma's null.
    Absent,
    /// What it is compared with is never there.
    Never,
}

/// One written value may have several forms: one of them is enough, even where `all` values must hold.
fn joined(groups: Vec<Vec<Wanted>>, all: bool, express: impl Fn(Wanted) -> Expression) -> Expression {
    let one_of = |forms: Vec<Wanted>| Expression::or(together(forms).into_iter().map(&express).collect());
    if all {
        return Expression::and(groups.into_iter().map(one_of).collect());
    }
    one_of(groups.into_iter().flatten().collect())
}

/// Texts to be found anywhere become one search, those that end a value one table.
fn together(values: Vec<Wanted>) -> Vec<Wanted> {
    let needle = |pattern: &Pattern| pattern.contained().map(<[u8]>::to_vec);
    let (needles, values) = taken(values, needle, |needles| Pattern::one_of(&needles));
    let (endings, mut values) =
        taken(values, Pattern::ending, |endings| Some(Pattern::EndOne(Box::new(Endings::new(endings)))));
    values.extend([needles, endings].into_iter().flatten().map(|one| Wanted::Test(Test::Folded(one))));
    values
}

/// One pattern for what `part` makes of several, if `join` can, and the others.
fn taken<T>(
    values: Vec<Wanted>,
    part: impl Fn(&Pattern) -> Option<T>,
    join: impl FnOnce(Vec<T>) -> Option<Pattern>,
) -> (Option<Pattern>, Vec<Wanted>) {
    let part = |value: &Wanted| match value {
        Wanted::Test(Test::Folded(pattern)) => part(pattern),
        _ => None,
    };
    let parts: Vec<T> = values.iter().filter_map(part).collect();
    if parts.len() < TOGETHER {
        return (None, values);
    }
    match join(parts) {
        Some(pattern) => (Some(pattern), values.into_iter().filter(|value| part(value).is_none()).collect()),
        None => (None, values),
    }
}

/// Values of one line, checked one after another.
struct Line<'a> {
    /// [`None`]: nothing records it, or keywords are searched.
    field: Option<Field>,
    modifiers: Modifiers,
    scope: Scope<'a>,
    missing: &'a mut Vec<String>,
    problems: &'a mut Problems,
}

impl Line<'_> {
    fn kind(&self) -> Type {
        self.field.map_or(Type::Text, |field| field.row().kind)
    }

    fn values(&mut self, node: &Node) -> Vec<Vec<Wanted>> {
        let items = node.items();
        if items.is_empty() {
            self.problems.error(node.mark, "the list is empty", "put values into it, or remove the line");
        }
        let listed = matches!(node.value, Value::List(_));
        if let (true, Some(null)) = (listed, items.iter().find(|item| item.is_null())) {
            self.problems.warn(
                null.mark,
                "`null` stands in a list, which Sigma leaves undefined",
                "it is taken as: or the field is absent; write a selection of its own to be understood everywhere",
            );
        }
        items.iter().map(|item| self.value(item)).collect()
    }

    /// All forms of one written value.
    fn value(&mut self, node: &Node) -> Vec<Wanted> {
        let Value::Scalar(scalar) = &node.value else {
            self.problems.error(
                node.mark,
                format!("{} stands where a value should", node.kind()),
                "a field has one value or a list of values",
            );
            return Vec::new();
        };
        if scalar.text.len() > VALUE {
            self.problems.error(
                node.mark,
                format!("the value has {} bytes, more than {VALUE}", scalar.text.len()),
                "look for its telling part with `contains`",
            );
            return Vec::new();
        }
        if scalar.is_null() {
            let plain = self.modifiers.operator == Operator::Text(Place::Whole);
            if plain && self.modifiers.changes.is_empty() {
                return self.variables(node.mark, vec![Wanted::Absent]);
            }
            let remedy = "give a value, in quotes if it begins with `#`; an absent field is `Field: null`, without modifiers";
            self.wrong(node.mark, "nothing stands where a value should".to_owned(), remedy);
            return Vec::new();
        }
        let forms = self.expanded(node.mark, &scalar.text);
        let wanted = forms.iter().flat_map(|text| self.form(node.mark, text)).collect();
        self.variables(node.mark, wanted)
    }

    /// Of the environment only variables that rules name are recorded.
    fn variables(&mut self, mark: Mark, wanted: Vec<Wanted>) -> Vec<Wanted> {
        let names = |wanted: &Wanted| match wanted {
            Wanted::Test(test) => environment::variables(test).is_some(),
            Wanted::Absent => false,
            Wanted::Never => true,
        };
        if self.field == Some(Field::Environment) && !wanted.iter().all(names) {
            let remedy =
                "begin with the name and `=`, as `NAME=value` or `NAME=*`: others don't leave the kernel";
            self.wrong(mark, "the value names no variable of the environment".to_owned(), remedy);
            return Vec::new();
        }
        wanted
    }

    fn expanded(&mut self, mark: Mark, text: &str) -> Vec<String> {
        if !self.modifiers.expand {
            return vec![text.to_owned()];
        }
        let (placeholders, spent) = self.scope.shared;
        if spent.forms.get() > FORMS {
            return Vec::new();
        }
        match placeholders.expand(text) {
            Ok((forms, any)) => {
                if !any {
                    let message = "`expand` finds no placeholder in the value";
                    self.problems.warn(mark, message, "a placeholder is `%name%`; else remove `expand`");
                }
                return if self.within(forms.len(), mark) { forms } else { Vec::new() };
            }
            Err(placeholder::Error::Undefined(name)) => {
                let otherwise = format!(
                    "define it: `guardbee: {{placeholders: {{{name}: [value]}}}}` in a document of its own"
                );
                let remedy = suggest(&name, placeholders.names(), otherwise);
                self.wrong(mark, format!("the placeholder `%{}%` is not defined", shown(&name)), &remedy);
            }
            Err(placeholder::Error::Unfilled(name)) => {
                self.missing.push(format!("the placeholder `%{}%` has no values as yet", shown(&name)));
            }
            Err(placeholder::Error::TooMany) => {
                let message = "the placeholders stand for too many values together".to_owned();
                self.wrong(mark, message, "split the value");
            }
        }
        Vec::new()
    }

    /// Counts forms of a value; an error is told once there are too many.
    fn within(&mut self, forms: usize, mark: Mark) -> bool {
        let (_, spent) = self.scope.shared;
        let before = spent.forms.get();
        spent.forms.set(before.saturating_add(forms.saturating_sub(1)));
        if spent.forms.get() > FORMS && before <= FORMS {
            let message =
                format!("placeholders, dashes and encodings make more than {FORMS} values of those written");
            self.wrong(mark, message, "use fewer values, or wildcards in them");
        }
        spent.forms.get() <= FORMS
    }

    fn form(&mut self, mark: Mark, text: &str) -> Vec<Wanted> {
        self.doubt(mark, text);
        // The kernel's audit writes numbers, and auditd may make names of them.
        let text = match self.field {
            Some(Field::AuditSyscall) => field::syscall_named(text).unwrap_or(text),
            _ => text,
        };
        if let Some(never) = self.unrecorded(text) {
            return vec![never];
        }
        let wanted = match self.modifiers.operator {
            Operator::Text(place) if self.modifiers.changes.is_empty() => self.text(mark, text, place),
            Operator::Text(place) => return self.changed(mark, text, place),
            Operator::Regex { ignore_case, multi_line, dot_all } => {
                let mut builder = RegexBuilder::new(text);
                builder.case_insensitive(ignore_case).multi_line(multi_line).dot_matches_new_line(dot_all);
                self.regex(mark, text, builder, [ignore_case, multi_line, dot_all])
            }
            Operator::Cidr => self.cidr(mark, text),
            Operator::Exists => return self.exists(mark, text).into_iter().collect(),
            Operator::Number(order) => self.number(mark, text).map(|bound| Test::Number(order, bound)),
            Operator::Reference(place) => return self.reference(mark, text, place).into_iter().collect(),
            Operator::Time(part, order) => self.time(mark, text, part, order),
        };
        wanted.map(Wanted::Test).into_iter().collect()
    }

    fn wrong(&mut self, mark: Mark, message: String, remedy: &str) {
        self.problems.error(mark, message, remedy);
    }
}
