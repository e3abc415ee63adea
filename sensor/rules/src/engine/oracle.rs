//! The index against evaluating every rule: the same matches in the same order, whatever the rules and the events.
use super::*;
use crate::{field::Field, rule::ExampleEvent, sample};
use proptest::prelude::*;
use std::{env, fmt::Write as _, fs, path::Path};

const TEXTS: &[Field] = &[
    Field::Executable,
    Field::CommandLine,
    Field::CommandArgs,
    Field::WorkingDirectory,
    Field::ParentExecutable,
    Field::Ancestors,
    Field::Path,
];

/// Letters whose lower case is longer, shorter or somebody else's, bytes that are no text, and what patterns treat apart.
const LETTER: &str = r"(a|A|b|é|É|İ|ı|K|k|ſ|s|S|ß|Σ|/|\.|-| |\\x80|\\xff)";

fn text(most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(LETTER, 0..most).prop_map(|letters| letters.concat())
}

/// A value of a rule: as an event's, with wildcards and escapes.
fn value() -> impl Strategy<Value = String> {
    let letter = prop_oneof![5 => LETTER, 1 => Just("*".to_owned()), 1 => Just("?".to_owned()), 1 => Just(r"\".to_owned())];
    prop::collection::vec(letter, 0..7)
        .prop_map(|letters| letters.concat().replace(r"\x80", "x").replace(r"\xff", "y"))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// One line of a selection.
fn line() -> impl Strategy<Value = String> {
    let name = prop::sample::select(TEXTS).prop_map(|field| field.row().name);
    let place = prop::sample::select(
        &["", "|contains", "|startswith", "|endswith", "|windash", "|windash|contains"][..],
    );
    let encoded = prop::sample::select(&["|base64|contains", "|wide|base64offset|contains"][..]);
    let plain = text(6).prop_map(|text| quoted(&format!("x{}", text.replace('\\', "y"))));
    let more = prop::sample::select(&["", "|cased", "|all", "|cased|all", "|neq"][..]);
    let values = prop::collection::vec(value().prop_map(|value| quoted(&value)), 1..5);
    let regex = prop::sample::select(
        &[
            "a+b",
            "(?:a|bé)/",
            "^.?/a",
            "[kK]s",
            "(?i)mask|ks",
            "a.*/-",
            r"\.[^a]+",
            "(?:)",
            "s{2}",
            r"\xff",
            "ſ|[^a]b",
        ][..],
    );
    let flags = prop::sample::select(&["", "|i", "|m", "|s"][..]);
    prop_oneof![
        8 => (name.clone(), place, more, values)
            .prop_map(|(name, place, more, values)| format!("{name}{place}{more}: [{}]", values.join(", "))),
        2 => (name.clone(), flags, regex).prop_map(|(name, flags, regex)| format!("{name}|re{flags}: {}", quoted(regex))),
        1 => name.clone().prop_map(|name| format!("{name}: null")),
        1 => (name.clone(), encoded, plain).prop_map(|(name, encoded, text)| format!("{name}{encoded}: {text}")),
        1 => name.clone().prop_map(|name| format!("{name}|fieldref|contains: process.parent.command_line")),
        1 => (name, any::<bool>()).prop_map(|(name, there)| format!("{name}|exists: {there}")),
        1 => (0..4_u32).prop_map(|pid| format!("process.pid|gt: {pid}")),
        1 => (0..4_u32).prop_map(|pid| format!("process.pid: {pid}")),
        1 => any::<bool>().prop_map(|there| format!("process.executable.memfd: {there}")),
        1 => prop::sample::select(&["exact", "sole"][..]).prop_map(|kind| format!("guardbee.link: {kind}")),
        1 => Just("client.address|cidr: 192.0.2.0/24".to_owned()),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(&["a", "b", "k", "1 of them", "all of them", "1 of a*"][..])
        .prop_map(str::to_owned);
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| format!("not ({one})")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one} and {other})")),
            (inner.clone(), inner).prop_map(|(one, other)| format!("({one} or {other})")),
        ]
    })
}

/// Detection and block of a rule; selection `k` has keywords.
fn rule() -> impl Strategy<Value = String> {
    let word = value().prop_filter("a keyword of its own", |value| !value.is_empty());
    let word = word.prop_map(|value| quoted(&value));
    let link = prop::sample::select(
        &[
            "",
            "\nguardbee: {link: [exact, inherited]}",
            "\nguardbee: {exceptions: [{name: n, reason: r, fields: [process.pid], values: [1, 2]}]}",
            "\nguardbee: {exceptions: [{name: n, reason: r, fields: [process.command_line|contains, User], values: [[a, root], [é, '*']]}]}",
        ][..],
    );
    (line(), line(), prop::collection::vec(word, 1..4), condition(), link).prop_map(
        |(a, b, words, condition, link)| {
            format!(
                "detection:\n  a:\n    {a}\n  b:\n    - {b}\n  k: [{}]\n  condition: {condition}{link}",
                words.join(", ")
            )
        },
    )
}

fn set(rules: &[String]) -> Arc<RuleSet> {
    let mut yaml = String::new();
    for (number, rule) in rules.iter().enumerate() {
        let source = if number % 4 == 3 {
            "category: webserver"
        } else {
            "product: linux, category: process_creation"
        };
        write!(yaml, "title: Rule {number}\nlogsource: {{{source}}}\n{rule}\n---\n").unwrap();
    }
    Arc::new(
        RuleSet::load(&[("rules.yml", &yaml)]).unwrap_or_else(|problems| panic!("{problems:#?}\n{yaml}")),
    )
}

fn event() -> impl Strategy<Value = ExampleEvent> {
    let one = |field: Field| prop::option::of(text(8)).prop_map(move |text| (field, text));
    let texts: Vec<_> = TEXTS.iter().map(|field| one(*field)).collect();
    let kinds = prop::sample::select(&[Kinds::EXEC, Kinds::EXEC, Kinds::EXEC, Kinds::REQUEST][..]);
    let link = prop::option::of(prop::sample::select(&["exact", "sole", "inherited"][..]));
    (kinds, texts, link, 0..4_u32, any::<bool>()).prop_map(|(action, texts, link, pid, memfd)| {
        let mut values: Vec<(Field, Vec<Box<str>>)> = Vec::new();
        for (field, text) in texts {
            // Arguments and the command line are one thing; an absent text is no value.
            let Some(text) = text.filter(|_| field != Field::CommandArgs) else { continue };
            let of_request = field.of_request();
            if !of_request || action == Kinds::REQUEST || link.is_some() {
                values.push((field, vec![text.into()]));
            }
        }
        values.push((Field::Pid, vec![pid.to_string().into()]));
        values.push((Field::Memfd, vec![memfd.to_string().into()]));
        values.extend(link.map(|kind| (Field::Link, vec![kind.into()])));
        ExampleEvent { offset_ns: 0, action, values }
    })
}

/// Which rule matched on which observation.
fn matched(set: &Arc<RuleSet>, events: &[Arc<Observation>], index: bool) -> Vec<(Box<str>, u64)> {
    let mut engine =
        Engine::new(Arc::clone(set), Params { index, findings_per_second: u32::MAX, ..Params::default() });
    let mut out = Vec::new();
    for event in events {
        engine.observe(event, &mut out);
    }
    let place = |found: &Match| Some((found.rule.title.clone(), found.evidence.last()?.sequence));
    out.iter().filter_map(place).collect()
}

fn observations(events: &[ExampleEvent]) -> Vec<Arc<Observation>> {
    (0..).zip(events).map(|(nth, event)| Arc::new(sample::observation(event, nth))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_index_changes_nothing(
        rules in prop::collection::vec(rule(), 1..12),
        events in prop::collection::vec(event(), 1..8),
    ) {
        let set = set(&rules);
        // Twice: what is remembered of a value must be right for it, too.
        let events = observations(&[events.clone(), events].concat());
        prop_assert_eq!(matched(&set, &events, true), matched(&set, &events, false));
    }
}

fn files(folder: &Path, out: &mut Vec<(String, String)>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "yml") {
            out.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Whatever stands in the rules' own texts, put together at random: events that nearly match.
fn collage(rules: &[(String, String)], count: u64) -> Vec<Arc<Observation>> {
    let text = rules.iter().flat_map(|(_, text)| text.lines());
    let values = text.filter_map(|line| {
        let value =
            line.trim().strip_prefix("- ").or_else(|| line.split_once(": ").map(|(_, value)| value))?;
        let value = value.trim().trim_matches(|c| matches!(c, '\'' | '"' | '[' | ']')).replace('*', "x");
        (!value.is_empty() && value.len() < 60).then_some(value)
    });
    let words: Vec<String> = values.collect();
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut word = move |most: usize| {
        let picked: Vec<&str> = (0..=next(most)).map(|_| words[next(words.len())].as_str()).collect();
        picked.join(" ")
    };
    let event = |number: u64| {
        let action = if number.is_multiple_of(3) { Kinds::EXCHANGE } else { Kinds::EXEC };
        let mut values = vec![
            (Field::Executable, word(1)),
            (Field::CommandLine, word(5)),
            (Field::ParentExecutable, word(1)),
            (Field::ParentCommandLine, word(2)),
        ];
        if action == Kinds::EXCHANGE {
            values = vec![
                (Field::Path, word(1)),
                (Field::Query, word(3)),
                (Field::UserAgent, word(1)),
                (Field::Status, "200".into()),
            ];
        }
        let values = values.into_iter().map(|(field, value)| (field, vec![value.into()])).collect();
        Arc::new(sample::observation(&ExampleEvent { offset_ns: 0, action, values }, number))
    };
    (0..count).map(event).collect()
}

/// The shipped rules, and those of the folder that `GUARDBEE_SIGMA_CORPUS` names.
#[test]
fn the_index_changes_nothing_for_real_rules() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    for folder in [Some(shipped.into()), env::var_os("GUARDBEE_SIGMA_CORPUS")].into_iter().flatten() {
        let mut all = Vec::new();
        files(Path::new(&folder), &mut all);
        let set = Arc::new(RuleSet::load(&all).unwrap());
        let events = collage(&all, 4000);
        let right = matched(&set, &events, false);
        println!("{} rules, {} events, {} matches", set.rules().len(), events.len(), right.len());
        assert_eq!(matched(&set, &events, true), right);
    }
}
