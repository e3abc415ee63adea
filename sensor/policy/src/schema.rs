//! A JSON Schema (draft 2020-12) of one document of a policy file, for editors: made of the tables that the loader checks with.
use crate::{
    check::{EVENTS, EXTENT, KEYS, NAME, NO_THROTTLE, OF_THROTTLE, PAYLOAD},
    condition::{RUNTIMES, Subject},
    terms::{Actions, GROUPS},
};
use guardbee_model::container::Qos;
use serde_json::{Map, Value, json};

/// The schema as JSON text.
pub fn schema() -> String {
    let properties: Map<String, Value> = KEYS.iter().map(|key| ((*key).to_owned(), of_policy(key))).collect();
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A policy of Guardbee",
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": false,
        "required": ["name"],
    });
    format!("{schema:#}\n")
}

fn list(items: &Value) -> Value {
    json!({ "anyOf": [items, { "type": "array", "items": items, "minItems": 1 }] })
}

fn of_policy(key: &str) -> Value {
    let names: Vec<_> = GROUPS.into_iter().map(|(group, _)| group).chain(Actions::names()).collect();
    let actions = list(&json!({ "enum": names }));
    match key {
        "name" => json!({ "type": "string", "pattern": "^[A-Za-z0-9._-]+$", "maxLength": NAME }),
        "description" => json!({ "type": ["string", "number", "boolean"] }),
        "match" => {
            let subjects = Subject::ALL.map(|subject| (subject.name().to_owned(), of_match(subject)));
            json!({
                "type": "object",
                "properties": subjects.into_iter().collect::<Map<_, _>>(),
                "additionalProperties": false,
                "minProperties": 1,
                "description": "All must hold; without it the policy is the default.",
            })
        }
        "observe" => json!({ "anyOf": [{ "enum": EXTENT }, actions] }),
        "leave_out" => actions,
        "payload" => json!({ "enum": PAYLOAD, "description": "Whether requests may be read." }),
        "throttle" => {
            let count = json!({ "type": "integer", "minimum": 1, "maximum": EVENTS });
            let counts = OF_THROTTLE.iter().map(|key| ((*key).to_owned(), count.clone()));
            json!({ "anyOf": [{ "const": NO_THROTTLE }, {
                "type": "object",
                "properties": counts.collect::<Map<_, _>>(),
                "additionalProperties": false,
                "required": ["events_per_second"],
            }] })
        }
        _ => json!(true),
    }
}

fn of_match(subject: Subject) -> Value {
    let text = json!({ "type": ["string", "number", "boolean"] });
    match subject {
        Subject::Cgroup => list(&json!({ "type": "string", "pattern": "^/" })),
        Subject::Unit => {
            list(&json!({ "type": "string", "pattern": r"(?:\.(?:service|scope|socket|mount|swap)|\*)$" }))
        }
        Subject::Runtime => list(&json!({ "enum": RUNTIMES })),
        Subject::Qos => list(&json!({ "enum": Qos::ALL.map(Qos::name) })),
        Subject::Labels => json!({ "type": "object", "additionalProperties": text, "minProperties": 1 }),
        Subject::Container | Subject::Pod | Subject::Namespace | Subject::Image => list(&text),
    }
}
