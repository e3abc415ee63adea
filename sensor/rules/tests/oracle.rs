//! The engine against a naive evaluator: generated rules on generated events, equal verdicts.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]
use guardbee_rules::RuleSet;
use proptest::prelude::*;
use std::{fmt::Write as _, sync::Arc};

const FIELDS: [&str; 3] = ["Image", "CommandLine", "CurrentDirectory"];

#[derive(Clone, Debug)]
struct Line {
    field: usize,
    place: &'static str,
    all: bool,
    cased: bool,
    neq: bool,
    values: Vec<String>,
}

#[derive(Clone, Debug)]
enum Condition {
    Selection(usize),
    OneOfThem,
    AllOfThem,
    Not(Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
}

#[derive(Clone, Debug)]
struct Rule {
    selections: Vec<Vec<Line>>,
    condition: Condition,
    exceptions: Vec<Exception>,
}

/// Fields with how they are compared, and values of all of them.
#[derive(Clone, Debug)]
struct Exception {
    fields: Vec<(usize, &'static str)>,
    values: Vec<Vec<String>>,
}

type Event = [Option<String>; 3];

fn line() -> impl Strategy<Value = Line> {
    let place = prop::sample::select(vec!["", "contains", "startswith", "endswith"]);
    let values = prop::collection::vec("[aAbé*?/\\\\]{0,4}", 1..5);
    (0..3_usize, place, any::<bool>(), any::<bool>(), any::<bool>(), values)
        .prop_map(|(field, place, all, cased, neq, values)| Line { field, place, all, cased, neq, values })
}

fn condition() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![
        (0..2_usize).prop_map(Condition::Selection),
        Just(Condition::OneOfThem),
        Just(Condition::AllOfThem)
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| Condition::Not(Box::new(one))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Condition::And(Box::new(a), Box::new(b))),
            (inner.clone(), inner).prop_map(|(a, b)| Condition::Or(Box::new(a), Box::new(b))),
        ]
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    let lines = prop::collection::vec(line(), 1..3);
    (prop::collection::vec(lines, 2), condition(), prop::collection::vec(exception(), 0..3))
        .prop_map(|(selections, condition, exceptions)| Rule { selections, condition, exceptions })
}

fn exception() -> impl Strategy<Value = Exception> {
    let place = prop::sample::select(vec!["", "|contains", "|startswith", "|endswith"]);
    (prop::collection::vec((0..3_usize, place), 1..4)).prop_flat_map(|fields| {
        let tuple = prop::collection::vec("[aAbé*/]{1,3}", fields.len());
        prop::collection::vec(tuple, 1..4)
            .prop_map(move |values| Exception { fields: fields.clone(), values })
    })
}

fn event() -> impl Strategy<Value = Event> {
    let value = || prop::option::of("[aAbBéÉ/\\\\]{1,6}");
    [value(), value(), value()]
}

fn text(condition: &Condition) -> String {
    match condition {
        Condition::Selection(number) => format!("s{number}"),
        Condition::OneOfThem => "1 of them".into(),
        Condition::AllOfThem => "all of s*".into(),
        Condition::Not(inner) => format!("not ({})", text(inner)),
        Condition::And(a, b) => format!("({} and {})", text(a), text(b)),
        Condition::Or(a, b) => format!("(({}) or ({}))", text(a), text(b)),
    }
}

fn yaml(rule: &Rule, event: &Event) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let mut out =
        "title: T\nlogsource: {product: linux, category: process_creation}\ndetection:\n".to_owned();
    for (number, lines) in rule.selections.iter().enumerate() {
        // A list of maps would be OR: a map of keys that differ is AND, so equal keys go into selections of their own.
        writeln!(out, "  s{number}:").unwrap();
        for line in lines {
            let mut key = FIELDS[line.field].to_owned();
            for (modifier, on) in [
                (line.place, !line.place.is_empty()),
                ("all", line.all),
                ("cased", line.cased),
                ("neq", line.neq),
            ] {
                if on {
                    write!(key, "|{modifier}").unwrap();
                }
            }
            let values: Vec<_> = line.values.iter().map(|value| quoted(value)).collect();
            writeln!(out, "    {key}: [{}]", values.join(", ")).unwrap();
        }
    }
    writeln!(out, "  condition: {}\nguardbee:", text(&rule.condition)).unwrap();
    for (number, Exception { fields, values }) in rule.exceptions.iter().enumerate() {
        if number == 0 {
            writeln!(out, "  exceptions:").unwrap();
        }
        let fields: Vec<_> =
            fields.iter().map(|(field, place)| format!("{}{place}", FIELDS[*field])).collect();
        let tuple = |tuple: &Vec<String>| {
            format!("[{}]", tuple.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", "))
        };
        let values: Vec<_> = values.iter().map(tuple).collect();
        let (fields, values) = (fields.join(", "), values.join(", "));
        writeln!(out, "    - {{name: e{number}, fields: [{fields}], values: [{values}], reason: r}}")
            .unwrap();
    }
    writeln!(out, "  tests:\n    - expect: match\n      event:").unwrap();
    writeln!(out, "        process.pid: 1").unwrap();
    for (field, value) in FIELDS.iter().zip(event) {
        if let Some(value) = value {
            writeln!(out, "        {field}: {}", quoted(value)).unwrap();
        }
    }
    out
}

/// As written in the specification, one character after another.
fn glob(pattern: &[char], value: &[char]) -> bool {
    match pattern {
        [] => value.is_empty(),
        ['\\', escaped @ ('*' | '?' | '\\'), rest @ ..] | [escaped, rest @ ..]
            if pattern[0] == '\\' || !matches!(escaped, '*' | '?') =>
        {
            value.first() == Some(escaped) && glob(rest, &value[1..])
        }
        ['*', rest @ ..] => (0..=value.len()).any(|skip| glob(rest, &value[skip..])),
        [_, rest @ ..] => !value.is_empty() && glob(rest, &value[1..]),
    }
}

fn line_holds(line: &Line, event: &Event) -> bool {
    let one = |value: &String| {
        let Some(actual) = &event[line.field] else { return false };
        let case = |text: &str| if line.cased { text.to_owned() } else { text.to_lowercase() };
        let mut pattern: Vec<char> = Vec::new();
        if matches!(line.place, "contains" | "endswith") {
            pattern.push('*');
        }
        pattern.extend(case(value).chars());
        if matches!(line.place, "contains" | "startswith") {
            // A backslash at the end must not escape the star.
            let tail = value.chars().rev().take_while(|character| *character == '\\').count();
            if tail % 2 == 1 {
                pattern.push('\\');
            }
            pattern.push('*');
        }
        glob(&pattern, &case(actual).chars().collect::<Vec<_>>())
    };
    let holds = if line.all { line.values.iter().all(one) } else { line.values.iter().any(one) };
    holds != line.neq
}

fn holds(rule: &Rule, condition: &Condition, event: &Event) -> bool {
    let selection = |number: usize| rule.selections[number].iter().all(|line| line_holds(line, event));
    match condition {
        Condition::Selection(number) => selection(*number),
        Condition::OneOfThem => selection(0) || selection(1),
        Condition::AllOfThem => selection(0) && selection(1),
        Condition::Not(inner) => !holds(rule, inner, event),
        Condition::And(a, b) => holds(rule, a, event) && holds(rule, b, event),
        Condition::Or(a, b) => holds(rule, a, event) || holds(rule, b, event),
    }
}

/// No exception has a value whose parts all hold.
fn wanted(rule: &Rule, event: &Event) -> bool {
    let part = |(field, place): &(usize, &'static str), value: &String| {
        let place = place.trim_start_matches('|');
        let values = vec![value.clone()];
        line_holds(&Line { field: *field, place, all: false, cased: false, neq: false, values }, event)
    };
    !rule.exceptions.iter().any(|Exception { fields, values }| {
        values.iter().any(|tuple| fields.iter().zip(tuple).all(|(field, value)| part(field, value)))
    })
}

/// YAML has one value for a key.
fn keys_differ(rule: &Rule) -> bool {
    rule.selections.iter().all(|lines| {
        let mut keys: Vec<_> =
            lines.iter().map(|line| (line.field, line.place, line.all, line.cased, line.neq)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.len() == lines.len()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_engine_agrees_with_the_naive_evaluator(rule in rule().prop_filter("keys", keys_differ), event in event()) {
        let text = yaml(&rule, &event);
        let set = RuleSet::load_outlined(&[("rule.yml", &text)]).map_err(|problems| TestCaseError::fail(format!("{problems:?}\n{text}")))?;
        let set = Arc::new(set);
        let can_fire = set.rules()[0].can_fire.is_ok();
        let matched = can_fire && set.run_tests()[0].failure().is_none();
        let right = holds(&rule, &rule.condition, &event) && wanted(&rule, &event);
        prop_assert_eq!(matched, right, "{}", text);
        // And so does what is told of it.
        let test = set.test_names(0)[0];
        let told = set.explain(0, &set.test_events(0, test).unwrap());
        prop_assert_eq!(told[0].holds, matched, "{}\n{:#?}", text, told);
    }
}
