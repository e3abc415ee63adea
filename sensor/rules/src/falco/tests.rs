//! The condition grammar: what is written is read again, and nothing that is thrown at it does harm.
use super::{
    Exclusions,
    condition::parse,
    logic::{Logic, Missing},
    source::Place,
    syntax::{Argument, Check, Condition, Operand, Operator, Quantifier, Right, Text},
};
use proptest::prelude::*;

fn without_offsets(condition: Condition) -> Condition {
    let all = |parts: Vec<Condition>| parts.into_iter().map(without_offsets).collect();
    match condition {
        Condition::Not(inner) => Condition::Not(Box::new(without_offsets(*inner))),
        Condition::And(parts) => Condition::And(all(parts)),
        Condition::Or(parts) => Condition::Or(all(parts)),
        Condition::Macro { name, .. } => Condition::Macro { name, at: 0 },
        Condition::Check { check, .. } => Condition::Check { check, at: 0 },
    }
}

fn text() -> impl Strategy<Value = Text> {
    prop_oneof![
        "[a-zA-Z0-9/_.:*<>!-]{1,12}"
            .prop_filter("no field and no transformer", |word| !word.contains('('))
            .prop_map(|text| Text { text, quoted: false }),
        "\\PC{0,12}|[\"'\\\\ \n\t]{1,6}".prop_map(|text| Text { text, quoted: true }),
    ]
}

fn field() -> impl Strategy<Value = Operand> {
    ("[a-z]{2,4}(\\.[a-z_]{1,6}){1,2}", prop::option::of("[0-9]|[a-z/*]{1,5}|\\PC{1,5}"))
        .prop_map(|(name, argument)| Operand::Field { name, argument })
}

fn operand() -> impl Strategy<Value = Operand> {
    let function = prop::sample::select(vec!["toupper", "tolower", "b64", "basename", "len"]);
    prop_oneof![
        4 => field(),
        1 => (function, field()).prop_map(|(function, inner)| Operand::Call {
            function: function.to_owned(),
            arguments: vec![Argument::Operand(inner)],
        }),
        1 => (field(), field(), "\\PC{0,5}").prop_map(|(a, b, separator)| Operand::Call {
            function: "join".to_owned(),
            arguments: vec![
                Argument::Text(separator),
                Argument::List(vec![Argument::Operand(a), Argument::Operand(b)]),
            ],
        }),
    ]
}

fn check() -> impl Strategy<Value = Check> {
    let operators: Vec<Operator> = Operator::ALL.iter().map(|(_, operator)| *operator).collect();
    let quantifier =
        prop::option::of(prop::sample::select(vec![Quantifier::Any, Quantifier::All, Quantifier::One]));
    let values = prop::collection::vec(text(), 0..4);
    let value = field().prop_map(|inner| Operand::Call {
        function: "val".to_owned(),
        arguments: vec![Argument::Operand(inner)],
    });
    (operand(), prop::sample::select(operators), quantifier, text(), values, prop::option::of(value))
        .prop_map(|(left, operator, quantifier, one, many, other)| {
            let exists = operator == Operator::Exists;
            let quantifier = quantifier.filter(|_| !exists && !operator.of_list() && other.is_none());
            let right = match other {
                _ if exists => Right::Nothing,
                Some(operand) => Right::Operand(operand),
                None if operator.of_list() || quantifier.is_some() => Right::List(many),
                None => Right::Value(one),
            };
            Check { left, operator, quantifier, right }
        })
}

fn condition() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![
        "[a-z][a-z0-9]{0,3}_x".prop_map(|name| Condition::Macro { name, at: 0 }),
        check().prop_map(|check| Condition::Check { check, at: 0 }),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Condition::Not(Box::new(inner))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Condition::And),
            prop::collection::vec(inner, 2..4).prop_map(Condition::Or),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(condition in condition()) {
        let written = condition.to_string();
        prop_assert_eq!(parse(&written).map(without_offsets), Ok(condition), "{}", written);
    }

    #[test]
    fn nothing_does_harm(text in "([()\"'=,.a-z\\\\ ]|and |or |not |in |proc.name |evt.arg\\[|val\\(){0,60}") {
        if let Err(error) = parse(&text) {
            prop_assert!(error.at <= text.len());
            prop_assert!(!error.message.is_empty() && !error.remedy.is_empty());
        }
    }
}

#[test]
fn the_grammar_is_falcos() {
    for (written, right) in [
        ("a", "a"),
        ("(a)", "a"),
        ("a or b and not c", "a or (b and not c)"),
        ("(a or b)and(not c)", "(a or b) and not c"),
        ("not(a)", "not a"),
        ("not not a", "not (not a)"),
        ("proc.name=sh", "proc.name = sh"),
        ("proc.name!=\"sh\"", "proc.name != \"sh\""),
        ("proc.name == sh", "proc.name = sh"),
        ("fd.num>=0 and fd.num<5", "fd.num >= 0 and fd.num < 5"),
        ("proc.name in(a,b)", "proc.name in (a, b)"),
        ("proc.name in ()", "proc.name in ()"),
        ("proc.name in shells", "proc.name in (shells)"),
        ("proc.aname[2]=sshd", "proc.aname[2] = sshd"),
        ("evt.arg[\"a b\"] exists", "evt.arg[\"a b\"] exists"),
        ("proc.pname exists or a", "proc.pname exists or a"),
        ("proc.name in (runc:[0:PARENT], exe)", "proc.name in (runc:[0:PARENT], exe)"),
        ("toupper(proc.name) = SH", "toupper(proc.name) = SH"),
        ("proc.name = val(proc.pname)", "proc.name = val(proc.pname)"),
        ("tolower(toupper(proc.name)) = sh", "tolower(toupper(proc.name)) = sh"),
        ("proc.name contains anyof (a, b)", "proc.name contains anyof (a, b)"),
        ("fd.name glob '/home/*/.ssh/*'", "fd.name glob \"/home/*/.ssh/*\""),
        ("proc.cmdline = \"a \\\"b\\\" \\\\\"", "proc.cmdline = \"a \\\"b\\\" \\\\\""),
    ] {
        let shown = parse(written).map_or_else(|error| error.message, |condition| condition.to_string());
        assert_eq!(shown, right, "{written}");
    }
}

#[test]
fn hostile_conditions_are_refused_at_once() {
    for text in
        ["(".repeat(100_000), "not ".repeat(50_000), "toupper(".repeat(50_000), "a and ".repeat(90_000)]
    {
        assert!(parse(&text).is_err());
    }
}

/// Macros that double at each step stand for more than any file has.
#[test]
fn macros_that_double_are_bounded() {
    let mut text = "- macro: n0\n  condition: proc.name = a\n".to_owned();
    for n in 1..40 {
        let before = n - 1;
        text.extend([format!("- macro: n{n}\n  condition: n{before} or n{before}\n")]);
    }
    text.push_str(
        "- rule: R\n  desc: d\n  output: o\n  priority: INFO\n  condition: evt.type = execve and n39\n",
    );
    let problems = super::import(&[("f", &text)], Exclusions::Needed).unwrap_err();
    assert!(problems[0].message.contains("unfold"), "{problems:#?}");
}

/// What was quadratic would take minutes here.
#[test]
fn long_conditions_take_no_longer_than_they_are() {
    let many = |count: usize, one: &dyn Fn(usize) -> String, by: &str| {
        (0..count).map(one).collect::<Vec<_>>().join(by)
    };
    let names = |count| many(count, &|n| format!("ev{n}"), ", ");
    let checks = |field| many(9000, &|n| format!("{field} = v{n}"), " or ");
    for (condition, right) in [
        (format!("evt.type in ({})", names(9000)), "more than 500 kinds of event"),
        (checks("evt.type"), "more than 500 kinds of event"),
        (format!("evt.type = execve and proc.name in ({})", names(9000)), "ev8999"),
        (format!("evt.type = execve and ({})", checks("proc.name")), "v8999"),
        (
            format!("evt.type = execve and ({})", checks("k8s.rc.id")),
            "of pods only name, namespace and uid are known",
        ),
        (format!("evt.type in ({}) and proc.name in ({})", names(400), names(9000)), "and 9400 values"),
        (format!("evt.type in ({}) and ({})", names(400), checks("proc.name")), "and 9400 values"),
    ] {
        let head = "- rule: R\n  desc: d\n  output: o\n  priority: INFO\n  condition: >\n    ";
        let import = super::import(&[("f", &format!("{head}{condition}\n"))], Exclusions::LeftOut).unwrap();
        let said = match &import.rules[0].outcome {
            super::Outcome::Written { yaml, .. } => yaml.clone(),
            super::Outcome::Refused(obstacles) => obstacles[0].why.clone(),
            super::Outcome::Disabled => String::new(),
        };
        assert!(said.contains(right), "{right}: {said:.300}");
    }
}

/// Constants and four checks that can't be said, each by its name.
fn logic() -> impl Strategy<Value = Logic> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Logic::Constant),
        prop::sample::select(vec!["a", "b", "c", "d"]).prop_map(|what| {
            let place = Place { file: 0, mark: crate::parse::Mark { line: 1, column: 1 } };
            Logic::Missing(Missing { field: what.into(), what: what.into(), why: "x".into(), place })
        }),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let parts = prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            inner.clone().prop_map(Logic::not),
            inner.prop_map(|inner| Logic::Named("m".into(), Box::new(inner))),
            parts.clone().prop_map(Logic::And),
            parts.prop_map(Logic::Or),
        ]
    })
}

/// Whether it holds when those checks of which the names are given do.
fn holds(logic: &Logic, which: &str) -> bool {
    match logic {
        Logic::Constant(value) => *value,
        Logic::Not(inner) => !holds(inner, which),
        Logic::Named(_, inner) => holds(inner, which),
        Logic::And(parts) => parts.iter().all(|part| holds(part, which)),
        Logic::Or(parts) => parts.iter().any(|part| holds(part, which)),
        Logic::Missing(missing) => which.contains(&missing.what),
        Logic::Line(_) => false,
    }
}

proptest! {
    /// What excludes is gone, and nothing that was found is lost.
    #[test]
    fn without_exclusions_more_is_found(logic in logic(), which in "[abcd]{0,4}") {
        let mut out = Vec::new();
        let wider = logic.clone().without_exclusions(&mut out);
        prop_assert!(holds(&wider, &which) || !holds(&logic, &which));
        let mut again = Vec::new();
        prop_assert_eq!(wider.clone().without_exclusions(&mut again), wider);
        prop_assert!(again.is_empty());
    }
}
