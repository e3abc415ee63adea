//! Every field of every action that the table says has it: what an event is given is read, and rules find it; no other action has it.
mod values;

use super::{Scratch, View};
use crate::{
    engine::{Engine, Params},
    field::{Field, Kinds},
    rule::ExampleEvent,
    sample,
    set::RuleSet,
};
use guardbee_model::finding::Observation;
use std::{fmt::Write as _, sync::Arc};
use values::{Case, cases, words};

fn event(case: &Case, action: Kinds) -> Arc<Observation> {
    let values = case.set.iter().map(|(field, texts)| (*field, texts.clone())).collect();
    Arc::new(sample::observation(&ExampleEvent { offset_ns: 0, action, values }, 0))
}

fn read(field: Field, event: &Observation) -> Vec<String> {
    let mut scratch = Scratch::default();
    scratch.set_wall(sample::WALL);
    let mut view = View::new(event, &mut scratch);
    view.values(field).map(|value| String::from_utf8_lossy(value).into_owned()).collect()
}

/// A rule for each of these values of each action that has the field; its title is the action and the value.
fn rules(field: Field, values: &[String]) -> String {
    let name = field.row().name;
    let mut out = String::new();
    for action in field.row().actions.members() {
        for value in values {
            let logsource = format!("{{product: guardbee, service: {action}}}");
            let detection = format!("{{selection: {{{name}: '{value}'}}, condition: selection}}");
            let title = format!("{action} {value}");
            writeln!(out, "---\ntitle: '{title}'\nlogsource: {logsource}\ndetection: {detection}").unwrap();
        }
    }
    out
}

#[test]
fn every_action_that_has_a_field_says_it_and_rules_find_it() {
    let mut wrong = Vec::new();
    for field in Field::ALL.iter().copied() {
        let words = words(field);
        let set = RuleSet::load(&[("rules.yml", &rules(field, &words))]);
        let set = set.unwrap_or_else(|problems| panic!("{field:?}: {problems:#?}"));
        let mut engine = Engine::new(Arc::new(set), Params::default());
        engine.set_wall(sample::WALL);
        for action in Kinds::each().filter(|kind| field.row().actions.meets(*kind)) {
            let name = action.names();
            let cases = cases(field, action);
            assert!(!cases.is_empty(), "{field:?} of {name}: nothing is tried");
            for case in cases {
                // Else it can't be seen that another value is not found.
                assert!(
                    words.iter().any(|word| !case.read.contains(word)),
                    "{field:?} of {name}: no other value"
                );
                let event = event(&case, action);
                let said = read(field, &event);
                let mut found = Vec::new();
                engine.observe(&event, &mut found);
                let found: Vec<_> = found.iter().map(|one| one.rule.title.to_string()).collect();
                let wanted = words.iter().filter(|word| case.read.contains(word));
                let wanted: Vec<_> = wanted.map(|word| format!("{name} {word}")).collect();
                if said != case.read || found != wanted || found.is_empty() {
                    let of = format!("{field:?} of {name}, {:?}", case.read);
                    wrong.push(format!("{of}: {said:?} is read, {found:?} are found"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn no_other_action_has_a_field() {
    let mut wrong = Vec::new();
    for field in Field::ALL.iter().copied() {
        let actions = field.row().actions;
        let having = Kinds::each().filter(|kind| actions.meets(*kind));
        let cases: Vec<_> = having.flat_map(|kind| cases(field, kind)).collect();
        for action in Kinds::each().filter(|kind| !actions.meets(*kind)) {
            for case in &cases {
                let said = read(field, &event(case, action));
                if !said.is_empty() {
                    wrong.push(format!("{field:?} of {}: {said:?}", action.names()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}
