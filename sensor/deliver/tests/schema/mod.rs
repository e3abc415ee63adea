//! The part of JSON Schema that the generated schema of OCSF 1.8.0's Detection Finding uses, and what it can't say.
use serde_json::Value;
use std::sync::LazyLock;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../ocsf-1.8.0-detection_finding.schema.json")).unwrap()
});

/// Panics with all that is wrong.
pub(crate) fn check(event: &Value) {
    let mut wrong = Vec::new();
    validate(event, &SCHEMA, "", &mut wrong);
    let number = |key: &str| event[key].as_u64().unwrap();
    if number("type_uid") != number("class_uid") * 100 + number("activity_id") {
        wrong.push("type_uid is not class_uid * 100 + activity_id".into());
    }
    if number("category_uid") != number("class_uid") / 1000 {
        wrong.push("category_uid is not that of the class".into());
    }
    assert!(wrong.is_empty(), "{wrong:#?}\n{event:#}");
}

fn validate(value: &Value, schema: &Value, at: &str, wrong: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().unwrap() {
        let holds = match keyword.as_str() {
            "$ref" => {
                let target = SCHEMA.pointer(rule.as_str().unwrap().strip_prefix('#').unwrap()).unwrap();
                validate(value, target, at, wrong);
                true
            }
            "type" => is(value, rule.as_str().unwrap()),
            "enum" => rule.as_array().unwrap().contains(value),
            "const" => rule == value,
            "minimum" => value.as_i64() >= rule.as_i64(),
            "maximum" => value.as_i64() <= rule.as_i64(),
            "maxLength" => {
                value.as_str().is_none_or(|text| text.chars().count() as u64 <= rule.as_u64().unwrap())
            }
            "required" => {
                rule.as_array().unwrap().iter().all(|key| value.get(key.as_str().unwrap()).is_some())
            }
            "anyOf" => rule.as_array().unwrap().iter().any(|one| passes(value, one)),
            "oneOf" => rule.as_array().unwrap().iter().filter(|one| passes(value, one)).count() == 1,
            "items" => {
                for (number, item) in value.as_array().into_iter().flatten().enumerate() {
                    validate(item, rule, &format!("{at}/{number}"), wrong);
                }
                true
            }
            "properties" => {
                for (key, value) in value.as_object().into_iter().flatten() {
                    if let Some(rule) = rule.get(key) {
                        validate(value, rule, &format!("{at}/{key}"), wrong);
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = &schema["properties"];
                rule != false
                    || value
                        .as_object()
                        .is_none_or(|object| object.keys().all(|key| known.get(key).is_some()))
            }
            // The pattern of addresses is right by construction: they are printed from `IpAddr`.
            "pattern" | "$schema" | "$id" | "title" | "$defs" => true,
            other => panic!("the schema uses `{other}`: teach this validator"),
        };
        if !holds {
            wrong.push(format!("{at}: {keyword} {rule}: {value}"));
        }
    }
}

fn passes(value: &Value, schema: &Value) -> bool {
    let mut wrong = Vec::new();
    validate(value, schema, "", &mut wrong);
    wrong.is_empty()
}

fn is(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        other => panic!("the schema uses the type `{other}`: teach this validator"),
    }
}
