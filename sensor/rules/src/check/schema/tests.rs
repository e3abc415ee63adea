//! The schema against everything that loads, and against what doesn't.
use super::*;
use crate::{
    RuleSet,
    parse::{self, Node, Scalar, Style},
    problem::Problems,
};
use jsonschema::Validator;
use std::{fs, path::Path};

const LANGUAGE: &str = include_str!("../../../tests/language.yml");

fn validator() -> Validator {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// As an editor takes YAML: its core schema.
fn value(node: &Node) -> Value {
    match &node.value {
        parse::Value::Map(entries) => {
            entries.iter().map(|entry| (entry.key.to_string(), value(&entry.node))).collect()
        }
        parse::Value::List(items) => items.iter().map(value).collect(),
        parse::Value::Scalar(scalar) if scalar.is_null() => Value::Null,
        parse::Value::Scalar(Scalar { text, style: Style::Plain }) => match &**text {
            "true" | "True" | "TRUE" => json!(true),
            "false" | "False" | "FALSE" => json!(false),
            text => number(text).unwrap_or_else(|| json!(text)),
        },
        parse::Value::Scalar(scalar) => json!(scalar.text),
    }
}

fn number(text: &str) -> Option<Value> {
    let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'+' | b'-' | b'e' | b'E'));
    let whole = || text.parse::<i64>().ok().map(Value::from);
    whole().or_else(|| text.parse::<f64>().ok().filter(|_| digits).map(Value::from))
}

fn documents(text: &str) -> Option<Vec<Value>> {
    Some(parse::documents(text, &mut Problems::new("f"))?.iter().map(value).collect())
}

fn faults(validator: &Validator, document: &Value) -> Vec<String> {
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn accepted(validator: &Validator, name: &str, text: &str) -> usize {
    let documents = documents(text).unwrap_or_else(|| panic!("{name} is no YAML"));
    for document in &documents {
        let faults = faults(validator, document);
        assert!(faults.is_empty(), "{name}: {document:#}\n{}", faults.join("\n"));
    }
    documents.len()
}

fn pack(folder: &Path, out: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pack(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "yml") {
            out.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn what_loads_is_accepted() {
    let validator = validator();
    let mut files = vec![("language.yml".to_owned(), LANGUAGE.to_owned())];
    pack(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules"), &mut files);
    let documents: usize = files.iter().map(|(name, text)| accepted(&validator, name, text)).sum();
    println!("{} files, {documents} documents", files.len());
    assert!(files.len() > 50);
}

const RULE: &str = "title: T\nlogsource: {product: linux, category: process_creation}\n\
                    detection: {s: {Image|endswith: /sh}, condition: s}\n";

/// Each is one step from a rule that is accepted.
#[test]
fn what_is_wrong_is_refused() {
    let validator = validator();
    accepted(&validator, "the rule", RULE);
    for (from, to) in [
        ("title", "titel"),
        ("title: T\n", ""),
        ("logsource", "log_source"),
        ("category", "kategory"),
        ("{product: linux, category: process_creation}", "[]"),
        ("{product: linux, category: process_creation}", "{product: guardbee, service: exce}"),
        ("{product: linux, category: process_creation}", "{product: guardbee}"),
        ("Image|endswith", "Imgae|endswith"),
        ("Image|endswith", "Imgae"),
        ("Image|endswith", "Image|endwith"),
        ("Image|endswith", "Image|"),
        ("Image|endswith: /sh", "Image: {}"),
        ("Image|endswith: /sh", "process.executable.memfd: perhaps"),
        ("Image|endswith: /sh", "process.pid: 1.5"),
        ("{Image|endswith: /sh}", "[[/sh]]"),
        (", condition: s", ""),
        ("condition: s", "condition: {}"),
        ("condition: s", "condition: s, timeframe: 5m"),
        ("detection", "detektion"),
        ("title: T", "title: T\nlevel: hihg"),
        ("title: T", "title: T\nid: 1"),
        ("title: T", "title: T\ntags: [t1059]"),
        ("title: T", "title: T\nstatus: done"),
        ("title: T", "title: T\ndate: yesterday"),
        ("title: T", "title: T\nguardbee: {linnk: exact}"),
        ("title: T", "title: T\nguardbee: {link: proven}"),
        ("title: T", "title: T\nguardbee: {tests: [{event: {Image: /x}}]}"),
        ("title: T", "title: T\nguardbee: {tests: [{expect: maybe, event: {Image: /x}}]}"),
        ("title: T", "title: T\nguardbee: {tests: [{expect: match, event: {Imgae: /x}}]}"),
        ("title: T", "title: T\nguardbee: {tests: [{expect: match, event: {Image|endswith: /x}}]}"),
        ("title: T", "title: T\nguardbee: {tests: [{expect: match, event: {md5: x}}]}"),
        ("title: T", "title: T\nguardbee: {accept: exact}"),
        ("title: T", "title: T\nguardbee: {until: [x]}"),
        ("title: T", "title: T\nguardbee: {risk: 101}"),
        ("title: T", "title: T\nguardbee: {risk: high}"),
        ("title: T", "title: T\nguardbee: {baseline: {by: [Image], learn: 1d}}"),
        ("title: T", "title: T\nguardbee: {baseline: {by: [Imgae], learn: 1d, forget: 14d}}"),
        ("title: T", "title: T\nguardbee: {baseline: {by: [Image], learn: a day, forget: 14d}}"),
        ("title: T", "title: T\nguardbee: {baseline: {by: [Image], learn: 1d, forget: 14d, most: 0}}"),
        ("title: T", "title: T\nguardbee: {join: [guardbee.request]}"),
        ("title: T", "title: T\nguardbee: {link: {weakest: proven}}"),
        ("title: T", "title: T\nguardbee: {link: {strongest: exact}}"),
        ("title: T", "title: T\nguardbee: {requires: [exce]}"),
        ("title: T", "title: T\nguardbee: {suppress: {by: [Image]}}"),
        ("title: T", "title: T\nguardbee: {suppress: {by: [Imgae], for: 10m}}"),
        ("title: T", "title: T\nguardbee: {suppress: {for: 10 minutes}}"),
        ("title: T", "title: T\nguardbee: {exceptions: [{name: n, fields: [Image], values: [/x]}]}"),
        (
            "title: T",
            "title: T\nguardbee: {exceptions: [{name: n, fields: [Imgae], values: [/x], reason: r}]}",
        ),
        (
            "title: T",
            "title: T\nguardbee: {exceptions: [{name: n, fields: Image, values: /x, reason: r, expires: soon}]}",
        ),
    ] {
        let text = RULE.replace(from, to);
        assert_ne!(text, RULE, "{from}");
        let documents = documents(&text).unwrap();
        assert!(documents.iter().any(|one| !validator.is_valid(one)), "accepted:\n{text}");
        assert!(RuleSet::load(&[("rule.yml", &text)]).is_err(), "the loader takes it:\n{text}");
    }
}

/// Of what people get wrong, it sees what one document shows.
#[test]
fn many_mistakes_are_seen_while_they_are_written() {
    let validator = validator();
    let (mut all, mut seen) = (0, 0);
    for topic in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong")).unwrap() {
        for case in fs::read_to_string(topic.unwrap().path()).unwrap().split("### ").skip(1) {
            let text = case.split_once('\n').map(|(_, text)| text);
            let Some(documents) = text.and_then(documents) else { continue };
            all += 1;
            seen += usize::from(documents.iter().any(|one| !validator.is_valid(one)));
        }
    }
    println!("{seen} of {all} wrong rules");
    assert!(seen * 3 > all, "{seen} of {all}");
}

#[test]
fn every_key_of_the_loader_is_described() {
    for (keys, describe) in [
        (meta::KEYS, of_document as fn(&str) -> Option<Value>),
        (correlation::KEYS, of_correlation),
        (block::OF_RULE, of_block),
        (block::OF_CORRELATION, of_block),
        (block::OF_TEST, of_test),
        (block::OF_EVENT, of_event),
        (exception::KEYS, of_exception),
        (join::KEYS, of_join),
        (baseline::KEYS, of_baseline),
        (suppress::KEYS, of_suppression),
        (logsource::KEYS, of_source),
    ] {
        for key in keys {
            assert!(describe(key).is_some(), "`{key}` has no schema");
        }
    }
}

/// Names of fields are known where the loader knows them.
#[test]
fn fields_are_checked_where_the_loader_checks_them() {
    let validator = validator();
    let with = |values: &[&'static str]| {
        let mut all = vec![None];
        all.extend(values.iter().copied().map(Some));
        all
    };
    let categories = with(&[logsource::WITH_EVENTS, &["network", "image_load", "xyzzy"]].concat());
    for product in with(&["linux", "guardbee", "windows"]) {
        for &category in &categories {
            for service in with(&["exec", "sysmon", "connection", "sshd"]) {
                let keys = [("product", product), ("category", category), ("service", service)];
                let source: Map<String, Value> =
                    keys.into_iter().filter_map(|(key, value)| Some((key.into(), json!(value?)))).collect();
                let mut rule = json!({ "title": "T", "logsource": source });
                rule["detection"] = json!({ "s": { "Image": "/x" }, "condition": "s" });
                let loads = |rule: &Value| RuleSet::load(&[("rule.yml", rule.to_string())]).is_ok();
                if !loads(&rule) {
                    continue;
                }
                assert!(faults(&validator, &rule).is_empty(), "{rule}: {:?}", faults(&validator, &rule));
                rule["detection"]["s"] = json!({ "Imgae": "/x" });
                assert_eq!(validator.is_valid(&rule), loads(&rule), "{rule}");
            }
        }
    }
}
