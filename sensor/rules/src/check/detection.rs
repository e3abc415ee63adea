//! Selections and conditions to one expression.
use super::{
    Context, baseline, block, exception, hint,
    logsource::{self, Source},
    meta, outline, requires, suppress,
    value::{self, Scope, Shared},
};
use crate::{
    field::{self, Field, Found, Kinds},
    parse::{
        Entry, Mark, Node, Scalar, Style, Value,
        condition::{self, Condition, HowMany},
    },
    pattern::Pattern,
    problem::{Problems, shown, suggest},
    rule::{CanFire, Expression, Rule, Test},
    workbench::{
        explain::link_text,
        outline::{Part, Shape},
    },
};

/// Parts of one condition after `1 of` and names are replaced by what they stand for.
const PARTS: usize = 200_000;

struct Selection<'a> {
    name: &'a str,
    mark: Mark,
    expression: Expression,
    used: bool,
}

/// Checks a rule about single observations.
pub(super) fn rule(
    node: &Node,
    detection: &Entry,
    context: &Context,
    problems: &mut Problems,
) -> Option<Rule> {
    let info = meta::info(node, problems);
    let source = logsource::source(node, problems)?;
    let block = block::rule(node, problems);
    let scope = Scope::new(&source, &detection.node, (&context.placeholders, &context.spent));
    let mut missing = Vec::new();
    let condition = expression(&detection.node, scope, &mut missing, problems)?;
    if matches!(condition, Expression::Constant(true)) {
        problems.warn(
            detection.key_mark,
            "the condition holds for every event",
            "its filters use nothing that is recorded here; add a selection",
        );
    }
    let info = info?;
    let condition = match context.filters.of(node, &info, scope, &mut missing) {
        Some(demand) => Expression::and(vec![condition, demand]),
        None => condition,
    };
    let kinds = without_datagrams(scope.kinds.unwrap_or(Kinds::NONE), &condition);
    let (requires, there) = requires::of(node, problems);
    let can_fire = can_fire(source, &condition, &missing).and(there);
    if scope.kinds.is_some() {
        requires.check(kinds, problems);
    }
    let exceptions = exception::of(node, scope, problems);
    let baseline = baseline::of(node, kinds, problems);
    let suppress = suppress::of(node, kinds, problems);
    let examples = block::examples(node, kinds, problems);
    let mark = detection.key_mark;
    let outline = context.outlines.then(|| {
        let mut parts =
            vec![Part::new(&format!("an event of {}", kinds.names()), mark, Shape::Actions(kinds))];
        parts.extend(
            block.links.map(|links| Part::new(&link_text(links), block.links_mark, Shape::Link(links))),
        );
        parts.extend(outline::detection(&detection.node, scope));
        parts.extend(context.filters.outlines(node, &info, scope));
        parts.extend(exception::outline(node, scope));
        Part::new(&info.title, mark, Shape::All(parts))
    });
    let links = block.links;
    Some(Rule {
        info,
        kinds,
        condition,
        links,
        exceptions,
        requires,
        baseline,
        suppress,
        can_fire,
        missing,
        examples,
        outline,
    })
}

impl<'a> Scope<'a> {
    /// The scope of a rule of this log source.
    pub(super) fn new(source: &Source, detection: &Node, shared: Shared<'a>) -> Self {
        Self { kinds: kinds(source, detection), shared, audit: matches!(source, Source::Audit) }
    }
}

/// A webserver's rule that uses no field of the answer is decided when the request was read, before anything that the
/// request causes; one that does, when it is answered.
fn kinds(source: &Source, detection: &Node) -> Option<Kinds> {
    match source {
        Source::Actions(kinds) => Some(*kinds),
        Source::Audit => Some(audit_kinds(detection)),
        Source::Web if mentions(detection, Field::of_response) => Some(Kinds::EXCHANGE),
        Source::Web => Some(Kinds::REQUEST),
        Source::Nothing(_) => None,
    }
}

/// A rule of network connections that no datagram fulfils doesn't look at them: nobody has them observed for its sake.
fn without_datagrams(kinds: Kinds, condition: &Expression) -> Kinds {
    if kinds == Kinds::CONNECTION && of_datagram(condition) == Some(false) {
        return Kinds::CONNECT.or(Kinds::ACCEPT);
    }
    kinds
}

/// Whether it holds for datagrams. [`None`]: for some.
fn of_datagram(condition: &Expression) -> Option<bool> {
    let all = |parts: &[Expression], holds: bool| {
        let mut known = parts.iter().map(of_datagram);
        let decided = known.clone().any(|one| one == Some(!holds));
        if decided { Some(!holds) } else { known.all(|one| one == Some(holds)).then_some(holds) }
    };
    match condition {
        Expression::Constant(constant) => Some(*constant),
        Expression::Not(inner) => of_datagram(inner).map(|holds| !holds),
        Expression::And(parts) => all(parts, true),
        Expression::Or(parts) => all(parts, false),
        Expression::Field(Field::Transport, Test::Folded(Pattern::Exact(text))) => Some(text == b"udp"),
        Expression::Field(Field::Initiated, Test::Folded(Pattern::Exact(text))) => Some(text == b"true"),
        Expression::Field(Field::UnixPath, _) => Some(false),
        Expression::Field(..) | Expression::Keyword(_) => None,
    }
}

/// Audit's PATH records are of what is done to files, its EXECVE records of execs, its SYSCALL records of both and of the calls that a
/// rule names.
fn audit_kinds(detection: &Node) -> Kinds {
    let files = if mentions(detection, Field::of_file) { Kinds::FILE_DONE } else { Kinds::NONE };
    let execs = files == Kinds::NONE || mentions(detection, |field| field.argument().is_some());
    files.or(calls(detection)).or(if execs { Kinds::EXEC } else { Kinds::NONE })
}

/// What the calls that are named in it lead to.
fn calls(node: &Node) -> Kinds {
    let of_entry = |entry: &Entry| match named(entry) {
        Some(Field::AuditSyscall) => {
            let texts = entry.node.items().iter().filter_map(Node::text);
            texts
                .map(|text| Kinds::of_call(field::syscall_named(text).unwrap_or(text)))
                .fold(Kinds::NONE, Kinds::or)
        }
        _ => calls(&entry.node),
    };
    match &node.value {
        Value::Scalar(_) => Kinds::NONE,
        Value::List(items) => items.iter().map(calls).fold(Kinds::NONE, Kinds::or),
        Value::Map(entries) => entries.iter().map(of_entry).fold(Kinds::NONE, Kinds::or),
    }
}

/// Whether a field of this sort is named in it.
fn mentions(node: &Node, sort: fn(Field) -> bool) -> bool {
    match &node.value {
        Value::Scalar(_) => false,
        Value::List(items) => items.iter().any(|item| mentions(item, sort)),
        Value::Map(entries) => {
            entries.iter().any(|entry| named(entry).is_some_and(sort) || mentions(&entry.node, sort))
        }
    }
}

/// The field that the entry is about.
fn named(entry: &Entry) -> Option<Field> {
    match field::find(entry.key.split('|').next().unwrap_or_default())? {
        Found::Field(field) => Some(field),
        Found::Unavailable(_) => None,
    }
}

fn can_fire(source: Source, condition: &Expression, missing: &[String]) -> CanFire {
    match (source, condition) {
        (Source::Nothing(why), _) => Err(why),
        (_, Expression::Constant(false)) if missing.is_empty() => Err("its condition never holds".to_owned()),
        (_, Expression::Constant(false)) => Err(missing.join("; ")),
        _ => Ok(()),
    }
}

pub(super) fn expression(
    detection: &Node,
    scope: Scope<'_>,
    missing: &mut Vec<String>,
    problems: &mut Problems,
) -> Option<Expression> {
    if detection.entries().is_empty() {
        problems.error(
            detection.mark,
            format!("a detection is a map of selections and a condition, not {}", detection.kind()),
            "write `selection:` with fields below, and `condition: selection`",
        );
        return None;
    }
    let mut selections = Vec::new();
    for entry in detection.entries() {
        match &*entry.key {
            "condition" => {}
            "timeframe" => problems.error(
                entry.key_mark,
                "`timeframe` was replaced in Sigma 2",
                "write a correlation document with `timespan`",
            ),
            outer @ ("logsource" | "guardbee" | "level" | "tags" | "falsepositives")
                if !is_named(detection, outer) =>
            {
                problems.error(
                    entry.key_mark,
                    format!("`{outer}` stands within the detection"),
                    "move it to the left edge, beside `detection`",
                );
            }
            name if name.contains(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '|')) => {
                problems.error(
                    entry.key_mark,
                    format!("no condition can name `{}`: a name is one word", shown(name)),
                    "use letters, digits, `_` and `-`",
                );
                return None;
            }
            name => {
                let expression = selection(&entry.node, scope, missing, problems);
                selections.push(Selection { name, mark: entry.key_mark, expression, used: false });
            }
        }
    }
    let Some(condition) = detection.get("condition") else {
        let meant = |entry: &&Entry| guardbee_yaml::meant(&entry.key, &["condition"], hint::KEYS).is_some();
        let meant = detection.entries().iter().find(meant);
        match meant {
            Some(entry) => problems.error(
                entry.key_mark,
                format!("there is no `condition`, but `{}`", shown(&entry.key)),
                "did you mean `condition`?",
            ),
            None => problems.error(
                detection.mark,
                "there is no `condition`",
                "add `condition: selection`, with the names of your selections",
            ),
        }
        return None;
    };
    if condition.node.items().is_empty() {
        problems.error(condition.node.mark, "the list of conditions is empty", "name a selection in it");
    }
    let mut parts = 0;
    let mut alternatives = Vec::new();
    for node in condition.node.items() {
        alternatives.push(one_condition(node, &mut selections, &mut parts, problems)?);
    }
    for unused in selections.iter().filter(|selection| !selection.used) {
        problems.warn(
            unused.mark,
            format!("the selection `{}` is not used by the condition", shown(unused.name)),
            "name it in the condition, or remove it",
        );
    }
    Some(Expression::or(alternatives))
}

/// Whether the condition has this word: public rules have selections named like keys.
fn is_named(detection: &Node, name: &str) -> bool {
    let conditions = detection.get("condition").map(|entry| entry.node.items()).unwrap_or_default();
    let mut texts = conditions.iter().filter_map(Node::text);
    texts.any(|text| {
        text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')')).any(|word| word == name)
    })
}

fn one_condition(
    node: &Node,
    selections: &mut [Selection<'_>],
    parts: &mut usize,
    problems: &mut Problems,
) -> Option<Expression> {
    let (Value::Scalar(Scalar { text, style }), false) = (&node.value, node.is_null()) else {
        problems.error(
            node.mark,
            format!("a condition is a text, not {}", node.kind()),
            "write `condition: selection and not filter`",
        );
        return None;
    };
    // Columns within block scalars and beyond line breaks are not known: the start must do.
    let place = |offset: usize| match style {
        Style::Plain => node.mark.right(offset),
        Style::Quoted => node.mark.right(offset + 1),
        Style::Block => node.mark,
    };
    match condition::parse(text) {
        Err(error) => {
            problems.error(place(error.offset), error.message, error.remedy);
            None
        }
        Ok(condition) => {
            if let Some((offset, holds)) = condition.pointless() {
                let message = if holds { "always holds" } else { "never holds" };
                problems.warn(
                    place(offset),
                    format!("this stands beside its own contrary, so that together it {message}"),
                    "remove one of the two",
                );
            }
            resolve(&condition, selections, parts, &place, problems)
        }
    }
}

/// Replaces names by what they stand for.
fn resolve(
    condition: &Condition,
    selections: &mut [Selection<'_>],
    parts: &mut usize,
    place: &dyn Fn(usize) -> Mark,
    problems: &mut Problems,
) -> Option<Expression> {
    let mut all = |conditions: &[Condition], problems: &mut Problems| -> Option<Vec<Expression>> {
        conditions.iter().map(|one| resolve(one, selections, parts, place, problems)).collect()
    };
    match condition {
        Condition::Not(inner) => all(std::slice::from_ref(&**inner), problems)?.pop().map(Expression::not),
        Condition::And(conditions) => all(conditions, problems).map(Expression::and),
        Condition::Or(conditions) => all(conditions, problems).map(Expression::or),
        Condition::Name { name, offset } => {
            let named = take(selections, |selection| selection == name);
            if named.is_empty() {
                let known = selections.iter().map(|selection| selection.name);
                let remedy = hint::name(name).unwrap_or_else(|| {
                    suggest(name, known, "define it beside the condition, or correct the name")
                });
                let message = format!("the condition names `{}`, which is no selection", shown(name));
                problems.error(place(*offset), message, remedy);
                return None;
            }
            within(named, parts, place(*offset), problems).map(Expression::and)
        }
        Condition::Of { how_many, target, offset } => {
            let named = if target.eq_ignore_ascii_case("them") {
                take(selections, |name| !name.starts_with('_'))
            } else {
                take(selections, |name| matches_name(target, name))
            };
            if named.is_empty() {
                let known: Vec<_> = selections.iter().map(|selection| selection.name).collect();
                let remedy = match target.as_str() {
                    "them" => {
                        "`them` leaves out names that begin with `_`: write `_*`, or rename them".to_owned()
                    }
                    _ if crate::problem::nearest(target, ["them"]).is_some() => {
                        "did you mean `them`?".to_owned()
                    }
                    _ => format!("selections are: {}", shown(&known.join(", "))),
                };
                problems.error(place(*offset), format!("no selection matches `{}`", shown(target)), remedy);
                return None;
            }
            within(named, parts, place(*offset), problems).map(match how_many {
                HowMany::One => Expression::or,
                HowMany::All => Expression::and,
            })
        }
    }
}

fn take(selections: &mut [Selection<'_>], wanted: impl Fn(&str) -> bool) -> Vec<Expression> {
    selections
        .iter_mut()
        .filter(|selection| wanted(selection.name))
        .map(|selection| {
            selection.used = true;
            selection.expression.clone()
        })
        .collect()
}

/// A pattern of `of`: `*` stands for anything.
pub(super) fn matches_name(pattern: &str, name: &str) -> bool {
    let pieces = crate::pattern::pieces(pattern);
    crate::pattern::Pattern::new(pieces, crate::pattern::Place::Whole, crate::pattern::Case::Kept)
        .matches(name.as_bytes())
}

fn within(
    named: Vec<Expression>,
    parts: &mut usize,
    mark: Mark,
    problems: &mut Problems,
) -> Option<Vec<Expression>> {
    *parts += named.iter().map(Expression::size).sum::<usize>();
    if *parts > PARTS {
        problems.error(
            mark,
            format!("the condition unfolds to more than {PARTS} comparisons"),
            "name large selections once, or split the rule",
        );
        return None;
    }
    Some(named)
}

/// A map is AND, a list is OR, a text is a keyword.
fn selection(
    node: &Node,
    scope: Scope<'_>,
    missing: &mut Vec<String>,
    problems: &mut Problems,
) -> Expression {
    match &node.value {
        Value::Map(entries) if entries.is_empty() => {
            empty(node, problems);
            Expression::Constant(false)
        }
        Value::Map(entries) => Expression::and(
            entries.iter().map(|entry| value::entry(entry, scope, missing, problems)).collect(),
        ),
        Value::List(items) => {
            if items.is_empty() {
                empty(node, problems);
            }
            let maps = items.iter().filter(|item| matches!(item.value, Value::Map(_)));
            let mut parts: Vec<_> = maps.map(|item| selection(item, scope, missing, problems)).collect();
            let keywords: Vec<_> = items.iter().filter(|item| !matches!(item.value, Value::Map(_))).collect();
            if !keywords.is_empty() {
                parts.push(value::keywords(&keywords, scope, problems));
            }
            Expression::or(parts)
        }
        Value::Scalar(scalar) if scalar.is_null() => {
            empty(node, problems);
            Expression::Constant(false)
        }
        Value::Scalar(_) => value::keywords(&[node], scope, problems),
    }
}

fn empty(node: &Node, problems: &mut Problems) {
    problems.error(
        node.mark,
        "the selection is empty",
        "put fields below it, such as `Image|endswith: /sh`, or remove it",
    );
}

/// The expression of a field that this log source does not have: as if it were absent.
pub(super) fn absent(field: Field, kinds: Kinds) -> String {
    format!("`{}` is not recorded for {}", field.row().name, kinds.names())
}
