//! A JSON Schema (draft 2020-12) of a rule's document, for editors: made of the tables that the loader checks with.
//!
//! It says what can be said of one document alone: keys, names of fields, modifiers, kinds of values. What it accepts may
//! still be wrong, and the loader says why; what the loader takes without a warning, it accepts.
use super::{baseline, block, correlation, exception, join, logsource, meta, suppress, value::modifiers};
use crate::{
    field::{self, Field, Kinds, Type},
    rule::{JoinKey, Links},
};
use guardbee_model::{finding::Level, link::LinkKind};
use serde_json::{Map, Value, json};

/// Keys of documents that stand for others of their file.
const ACTION: &str = "action";
/// Nanoseconds are told in whole units.
const DURATION: &str = "^[0-9]+(?:ms|s|m|h|d)$";
const DAY: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$";
const UUID: &str = "^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$";

/// The schema as JSON text.
pub(crate) fn schema() -> String {
    let mut properties = described(meta::KEYS, of_document);
    properties.insert(ACTION.into(), json!({ "enum": ["global", "reset", "repeat"] }));
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A rule of Guardbee: Sigma 2.1, and `guardbee`",
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": false,
        "allOf": conditions(),
        "$defs": definitions(),
    });
    format!("{schema:#}\n")
}

/// A property for each key of a table.
fn described(keys: &[&str], describe: fn(&str) -> Option<Value>) -> Map<String, Value> {
    keys.iter().map(|key| ((*key).to_owned(), describe(key).unwrap_or_else(|| json!({})))).collect()
}

fn object(keys: &[&str], describe: fn(&str) -> Option<Value>, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": described(keys, describe),
        "additionalProperties": false,
        "required": required,
    })
}

fn text(meaning: &str) -> Value {
    json!({ "type": ["string", "number", "boolean"], "description": meaning })
}

fn texts(meaning: &str) -> Value {
    let one = ["string", "number", "boolean"];
    json!({ "type": ["array", "null", one[0], one[1], one[2]], "items": { "type": one }, "description": meaning })
}

fn list(items: &Value) -> Value {
    json!({ "anyOf": [items, { "type": "array", "items": items, "minItems": 1 }] })
}

fn to(definition: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{definition}") })
}

/// A value of a document; [`None`]: the key is not known here.
fn of_document(key: &str) -> Option<Value> {
    Some(match key {
        "title" => json!({
            "type": ["string", "number", "boolean"],
            "minLength": 1,
            "maxLength": meta::TITLE,
            "description": "What it finds.",
        }),
        "id" => json!({ "type": "string", "pattern": UUID, "description": "A UUID of its own." }),
        "name" => text("A readable name, for correlations and filters."),
        "related" => list(&object(&["id", "type"], of_relation, &["id", "type"])),
        "taxonomy" => json!({ "enum": ["sigma", "guardbee"] }),
        "status" => json!({ "enum": meta::STATUS }),
        "description" | "license" | "author" => text(""),
        "date" | "modified" => json!({ "type": "string", "pattern": "^[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}$" }),
        "references" | "fields" | "falsepositives" | "scope" => texts(""),
        "tags" => json!({
            "type": ["array", "string", "null"],
            "items": { "type": "string", "pattern": r"\." },
            "pattern": r"\.",
            "description": "Such as attack.t1059.004.",
        }),
        "level" => json!({ "enum": meta::LEVELS.map(Level::name) }),
        "logsource" => to("logsource"),
        "detection" => to("detection"),
        "correlation" => {
            let required = ["type", "rules", "timespan"];
            object(correlation::KEYS, of_correlation, &required)
        }
        "filter" => json!({ "type": "object", "required": ["rules", "condition"] }),
        "guardbee" => json!({ "type": "object", "description": "What Guardbee adds to Sigma." }),
        "custom" | "sigma-version" | "simulation" | "regression_tests_path" => json!(true),
        _ => return None,
    })
}

fn of_relation(key: &str) -> Option<Value> {
    Some(match key {
        "id" => json!({ "type": "string", "pattern": UUID }),
        "type" => json!({ "enum": meta::RELATED }),
        _ => return None,
    })
}

fn of_correlation(key: &str) -> Option<Value> {
    Some(match key {
        "type" => json!({ "enum": correlation::TYPES }),
        "rules" => list(&text("Name or id of a rule that is loaded with it.")),
        "group-by" => list(&to("name_or_alias")),
        "timespan" => json!({ "type": "string", "pattern": DURATION, "description": "Such as 10s, 5m, 2h." }),
        "aliases" => json!({ "type": "object", "additionalProperties": {
            "type": "object", "additionalProperties": to("name"),
        } }),
        "generate" => {
            json!({ "enum": [true, false, "true", "false"], "description": "The rules report on their own as well." })
        }
        "condition" => {
            let mut keys: Vec<&str> = correlation::BOUNDS.iter().map(|(name, _)| *name).collect();
            keys.extend(["field", "percentile"]);
            object(&keys, of_measure, &[])
        }
        _ => return None,
    })
}

fn of_measure(key: &str) -> Option<Value> {
    Some(match key {
        "field" => list(&to("name")),
        "percentile" => json!({ "type": "integer", "minimum": 1, "maximum": 100 }),
        _ if correlation::BOUNDS.iter().any(|(name, _)| *name == key) => {
            json!({ "type": ["integer", "string"] })
        }
        _ => return None,
    })
}

fn of_block(key: &str) -> Option<Value> {
    let kind = json!({ "enum": Links::ALL.map(LinkKind::name) });
    let weakest = json!({
        "type": "object",
        "properties": { block::WEAKEST: kind },
        "required": [block::WEAKEST],
        "additionalProperties": false,
    });
    let links = json!({ "anyOf": [list(&kind), weakest] });
    Some(match key {
        "tests" => list(&object(block::OF_TEST, of_test, &["expect"])),
        "link" | "accept" => links,
        "exceptions" => list(&object(exception::KEYS, of_exception, &["name", "fields", "values", "reason"])),
        "join" => {
            let key = json!({ "enum": JoinKey::ALL.map(JoinKey::name) });
            list(&json!({ "anyOf": [key, object(join::KEYS, of_join, &["key"])] }))
        }
        "until" => list(&text("Name or id of a rule: its match ends what its group has begun or counted.")),
        "grace" => {
            json!({ "type": "string", "pattern": DURATION, "description": "For so long after its end a group goes on." })
        }
        "requires" => {
            let names: Vec<_> = Kinds::all_names().chain(logsource::WITHOUT_EVENTS.iter().copied()).collect();
            list(&json!({ "enum": names, "description": "An action without which it can't fire." }))
        }
        "risk" => {
            json!({ "type": "integer", "minimum": 0, "maximum": meta::RISK, "description": "How much is at stake." })
        }
        "baseline" => object(baseline::KEYS, of_baseline, &["by", "learn", "forget"]),
        "suppress" => object(suppress::KEYS, of_suppression, &["for"]),
        _ => return None,
    })
}

fn of_join(key: &str) -> Option<Value> {
    Some(match key {
        "key" => {
            json!({ "enum": JoinKey::ALL.map(JoinKey::name), "description": "From what proves most on." })
        }
        "within" => json!({ "type": "string", "pattern": DURATION }),
        _ => return None,
    })
}

fn of_test(key: &str) -> Option<Value> {
    Some(match key {
        "name" | "description" => text(""),
        "expect" => json!({ "enum": block::EXPECTED }),
        "events" => list(&object(block::OF_EVENT, of_event, &["event"])),
        _ => return of_event(key),
    })
}

fn of_event(key: &str) -> Option<Value> {
    Some(match key {
        "event" => to("event"),
        "offset" => json!({ "type": "string", "pattern": DURATION }),
        "action" => json!({ "enum": Kinds::all_names().collect::<Vec<_>>() }),
        _ => return None,
    })
}

fn of_exception(key: &str) -> Option<Value> {
    Some(match key {
        "name" => text("It is counted by this name."),
        "fields" => list(&json!({ "type": "string", "pattern": key_pattern("") })),
        "values" => json!({
            "type": ["array", "string", "number", "boolean"],
            "minItems": 1,
            "description": "Each a list with a part for each field; of one field, its values.",
        }),
        "reason" => text("Why these events are wanted."),
        "expires" => {
            json!({ "type": "string", "pattern": DAY, "description": "The last day on which it holds." })
        }
        _ => return None,
    })
}

fn of_baseline(key: &str) -> Option<Value> {
    let time = |meaning: &str| json!({ "type": "string", "pattern": DURATION, "description": meaning });
    Some(match key {
        "by" | "per" => list(&to("name")),
        "learn" => time("For so long a scope only learns."),
        "forget" => time("What was not there for so long is new again."),
        "most" => json!({
            "type": "integer",
            "minimum": 1,
            "maximum": baseline::MOST,
            "description": "A scope with more values has no profile: nothing of it is told.",
        }),
        _ => return None,
    })
}

fn of_suppression(key: &str) -> Option<Value> {
    Some(match key {
        "by" => list(&to("name")),
        "for" => json!({ "type": "string", "pattern": DURATION }),
        _ => return None,
    })
}

fn of_source(key: &str) -> Option<Value> {
    let known = |names: &[&str]| json!({ "anyOf": [{ "enum": names }, { "type": "string" }] });
    Some(match key {
        "category" => known(&[logsource::WITH_EVENTS, logsource::WITHOUT_EVENTS].concat()),
        "product" => known(logsource::PRODUCTS),
        "service" => known(&["auditd", "connection"]),
        "definition" => text(""),
        _ => return None,
    })
}

/// What a document must have, by what it is.
fn conditions() -> Value {
    let has = |key: &str| json!({ "required": [key] });
    let block =
        |keys, required: &[&str]| json!({ "properties": { "guardbee": object(keys, of_block, required) } });
    let placeholders = json!({
        "required": ["guardbee"],
        "maxProperties": 1,
        "properties": { "guardbee": {
            "properties": { "placeholders": { "type": "object", "additionalProperties": texts("") } },
            "required": ["placeholders"],
            "additionalProperties": false,
        } },
    });
    let rule = json!({ "allOf": [has("logsource"), block(block::OF_RULE, &[])] });
    json!([
        {
            "if": { "not": { "anyOf": [{ "type": "null" }, has(ACTION), placeholders] } },
            "then": {
                "required": ["title"],
                "oneOf": [has("detection"), has("correlation"), has("filter")],
            },
        },
        { "if": has("detection"), "then": rule },
        { "if": has("correlation"), "then": block(block::OF_CORRELATION, &[]) },
        { "if": has("filter"), "then": has("logsource") },
        // Of what no event is made for, nobody knows the fields.
        { "if": observed(), "then": { "properties": { "detection": to("known_detection") } } },
    ])
}

/// The log sources that events are made for, audit's left out: it has more names than fields.
fn observed() -> Value {
    let is = |key: &str, values: &[&str]| json!({ "properties": { (key): { "enum": values } }, "required": [key] });
    let none = |key: &str| json!({ "not": { "required": [key] } });
    let linux = json!({ "anyOf": [none("product"), is("product", &["linux"])] });
    let service = json!({ "anyOf": [none("service"), is("service", &["sysmon"])] });
    let network = json!({ "allOf": [is("category", &["network"]), is("service", &["connection"])] });
    json!({
        "required": ["logsource"],
        "properties": { "logsource": { "anyOf": [
            is("product", &["guardbee"]),
            { "allOf": [linux, network] },
            { "allOf": [linux, is("category", logsource::WITH_EVENTS), service] },
        ] } },
    })
}

fn definitions() -> Value {
    let mut names: Vec<&str> = names().collect();
    names.sort_unstable();
    let mut known = fields(of_type);
    // What is known and never there: with it a rule loads, and says what it lacks.
    for name in field::names() {
        known.entry(name).or_insert_with(|| to("values"));
    }
    json!({
        "logsource": {
            "type": "object",
            "properties": described(logsource::KEYS, of_source),
            "additionalProperties": false,
            "minProperties": 1,
            "if": { "properties": { "product": { "const": "guardbee" } }, "required": ["product"] },
            "then": {
                "properties": { "service": { "enum": Kinds::all_names().collect::<Vec<_>>() } },
                "required": ["service"],
            },
        },
        "detection": detection("selection"),
        "known_detection": detection("known_selection"),
        "selection": selection(&json!({ "propertyNames": { "pattern": modified(r"[^|]*", "*") } })),
        "known_selection": selection(&json!({
            "properties": known,
            "patternProperties": { (key_pattern("+")): to("values") },
            "additionalProperties": false,
        })),
        "values": {
            "type": ["array", "string", "number", "boolean", "null"],
            "items": { "type": ["string", "number", "boolean", "null"] },
            "minItems": 1,
        },
        "name": { "enum": names },
        "name_or_alias": { "anyOf": [to("name"), { "type": "string" }] },
        "event": { "type": "object", "properties": fields(|_| to("values")), "additionalProperties": false },
    })
}

fn detection(of: &str) -> Value {
    json!({
        "type": "object",
        "properties": { "condition": list(&text("Such as: selection and not 1 of filter_*")), "timeframe": false },
        "additionalProperties": to(of),
        "required": ["condition"],
    })
}

/// A map, a list of maps and keywords, or a keyword.
fn selection(map: &Value) -> Value {
    let mut one = json!({ "type": ["object", "string", "number", "boolean"] });
    if let (Some(one), Some(map)) = (one.as_object_mut(), map.as_object()) {
        one.extend(map.clone());
    }
    list(&one)
}

fn names() -> impl Iterator<Item = &'static str> {
    Field::ALL
        .iter()
        .flat_map(|field| std::iter::once(field.row().name).chain(field.row().aliases.iter().copied()))
}

/// A property for each name of each field.
fn fields(describe: fn(Field) -> Value) -> Map<String, Value> {
    let mut out = Map::new();
    for field in Field::ALL {
        let row = field.row();
        for name in std::iter::once(row.name).chain(row.aliases.iter().copied()) {
            let mut property = describe(*field);
            if let Some(property) = property.as_object_mut() {
                property.insert("description".into(), format!("{}:{}", row.name, row.meaning).into());
            }
            out.insert(name.to_owned(), property);
        }
    }
    out
}

/// What a field's value is compared with; texts may have wildcards.
fn of_type(field: Field) -> Value {
    match field.row().kind {
        Type::Flag => list(&json!({ "enum": [true, false, "true", "false", null] })),
        Type::Number => list(&json!({ "type": ["integer", "string", "null"] })),
        Type::Word(words) => json!({ "anyOf": [list(&json!({ "enum": words })), to("values")] }),
        Type::Text | Type::Address | Type::Time => to("values"),
    }
}

/// A field's name with modifiers behind it; `many`: how often, as in a regular expression.
fn key_pattern(many: &str) -> String {
    let all: Vec<String> = field::names().map(escaped).collect();
    // A key without a name searches every text.
    let name = format!("(?:{}){}", all.join("|"), if many == "+" { "?" } else { "" });
    modified(&name, if many.is_empty() { "*" } else { many })
}

fn modified(name: &str, many: &str) -> String {
    format!(r"^{name}(?:\|(?:{})){many}$", modifiers::KNOWN.join("|"))
}

/// For a regular expression of ECMA-262.
fn escaped(name: &str) -> String {
    name.replace('.', r"\.")
}

#[cfg(test)]
mod tests;
