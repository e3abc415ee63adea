//! Exports that nobody should have written: each is named with file, line and reason.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests panic as tests do"
)]

mod export;

use export::{at, attribute, export as exported, long_term, named, public, sealer, story, verify_text};
use guardbee_seal::{
    Error,
    merkle::Digest,
    proof::Manifest,
    verify::{Class, Input, Options, Trust, run},
};
use serde_json::{Value, json};
use std::io;

fn options() -> Options {
    Options::new(Trust::Key(Box::new(public())))
}

#[test]
fn unreadable_lines_are_named() {
    let span =
        |fields: &str| format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{fields}}}]}}]}}]}}"#);
    let log =
        |fields: &str| format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{{fields}}}]}}]}}]}}"#);
    let cases = [
        ("nonsense".to_owned(), "column 2: expected ident"),
        ("{".to_owned(), "column 1: EOF while parsing an object"),
        ("[]".to_owned(), "it has neither resourceSpans nor resourceLogs; give OTLP JSON lines"),
        ("{}".to_owned(), "it has neither resourceSpans nor resourceLogs; give OTLP JSON lines"),
        (r#"{"resourceSpans":7}"#.to_owned(), "column 18: invalid type: integer `7`, expected a sequence"),
        (span(r#""traceId":"zz""#), "traceId is not 32 hex digits"),
        (span(r#""spanId":"00""#), "spanId is not 16 hex digits"),
        (span(r#""parentSpanId":"0""#), "parentSpanId is not 16 hex digits"),
        (span(r#""kind":700"#), "span kind 700 is not known to OTLP"),
        (span(r#""status":{"code":256}"#), "status code 256 is not known to OTLP"),
        (span(r#""kind":"SERVER""#), "column 60: `SERVER` is not a whole number of 64 bits"),
        (span(r#""startTimeUnixNano":"-1""#), "column 69: `-1` is not a whole number of 64 bits"),
        (span(r#""startTimeUnixNano":1.5"#), "column 68: `1.5` is not a whole number of 64 bits"),
        (
            span(r#""endTimeUnixNano":"18446744073709551616""#),
            "column 85: `18446744073709551616` is not a whole number of 64 bits",
        ),
        (span(r#""name":"a","name":"b""#), "column 61: duplicate field `name`"),
        (log(r#""severityNumber":999"#), "severity 999 is not known to OTLP"),
        (log(r#""attributes":{}"#), "column 60: invalid type: map, expected a sequence"),
        (log(r#""body":"text""#), "column 60: invalid type: string \"text\", expected an OTLP value"),
        (
            format!("{{\"resourceLogs\":{}{}", "[".repeat(200), "]".repeat(200)),
            "column 22: invalid type: sequence, expected a string",
        ),
    ];
    let mut wrong = Vec::new();
    for (text, why) in &cases {
        let outcome = verify_text(&format!("{{\"resourceSpans\":[]}}\n\n{text}\n"), &options());
        let said: Vec<_> = outcome.report.unreadable.iter().map(ToString::to_string).collect();
        if outcome.class() != Class::Unreadable || said != [format!("export.jsonl:3: {why}")] {
            wrong.push((text.clone(), said));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    println!("cases: {}", cases.len());
}

/// A record that is not as it was sealed is named with its line and the reason, and counted.
fn named_as_modified(records: &[Value], at: usize, why: &str) {
    let outcome = export::verify(records);
    let said = outcome.said();
    let (begin, end) = (format!("export.jsonl:{}: ", at + 1), format!("MODIFIED ({why})"));
    let names = |line: &String| line.starts_with(&begin) && line.ends_with(&end);
    assert!(said.iter().any(names), "line {}, {why}: {said:#?}", at + 1);
    assert!(outcome.report.totals["MODIFIED"] > 0);
}

#[test]
fn malformed_seals_are_named() {
    let clean = exported(&story(&mut sealer("node", Some(&long_term()))));
    let instance = "0123456789abcdef";
    let cases = [
        ("guardbee.seal.ref", String::new(), "guardbee.seal.ref: its version is not 1"),
        ("guardbee.seal.ref", "2;".into(), "guardbee.seal.ref: its version is not 1"),
        ("guardbee.seal.ref", "1".into(), "guardbee.seal.ref: it has no place"),
        ("guardbee.seal.ref", format!("1;{instance}/spans/1/0"), "guardbee.seal.ref: it has no nanoseconds"),
        (
            "guardbee.seal.ref",
            "1;x/y;0,0;=".into(),
            "guardbee.seal.ref: its place is not instance/stream/batch/index",
        ),
        (
            "guardbee.seal.ref",
            format!("1;{instance}/spans/01/0;0,0;="),
            "guardbee.seal.ref: its place is not instance/stream/batch/index",
        ),
        (
            "guardbee.seal.ref",
            format!("1;{instance}/spans/1/0;1000,0;="),
            "guardbee.seal.ref: its nanoseconds are not two numbers below 1000",
        ),
        ("guardbee.seal.ref", format!("1;{instance}/spans/1/0;0,0"), "guardbee.seal.ref: it has no key list"),
        (
            "guardbee.seal.ref",
            format!("1;{instance}/spans/1/0;0,0;x"),
            "guardbee.seal.ref: its key list begins with neither = nor # and eight digits",
        ),
        (
            "guardbee.seal.ref",
            format!("1;{instance}/spans/1/0;0,0;=a"),
            "guardbee.seal.ref: a signed key has no type",
        ),
        (
            "guardbee.seal.ref",
            format!("1;{instance}/spans/1/0;0,0;=x:a"),
            "guardbee.seal.ref: a signed key has an unknown type",
        ),
        (
            "guardbee.seal.ref",
            format!("1;{instance}/spans/1/0;0,0;=s:b,s:a"),
            "guardbee.seal.ref: the signed keys are not sorted",
        ),
        (
            "guardbee.seal.ref",
            format!("1;{instance}/spans/1/0;0,0;=s:~b"),
            "guardbee.seal.ref: a signed key repeats a prefix that is not there",
        ),
        (
            "guardbee.seal.ref",
            format!("1;{instance}/spans/1/0;0,0;=s:%2"),
            "guardbee.seal.ref: a signed key is badly quoted",
        ),
        (
            "guardbee.seal.ref",
            format!("1;{instance}/spans/1/0;0,0;=;b:1"),
            "guardbee.seal.ref: its long texts are malformed",
        ),
        (
            "guardbee.seal.ref",
            format!("1;{instance}/spans/1/0;0,0;=;b:1;"),
            "guardbee.seal.ref: its long texts are malformed",
        ),
        ("guardbee.seal.proof", "!".into(), "guardbee.seal.proof: it is not base64url"),
        ("guardbee.seal.proof", "AA".into(), "guardbee.seal.proof: its version is not 1"),
        ("guardbee.seal.proof", "AQ".into(), "guardbee.seal.proof: it is cut short"),
        (
            "guardbee.seal.proof",
            "AQAAAAAAAAAAAAAAAAA".into(),
            "guardbee.seal.proof: its batch record is malformed",
        ),
    ];
    println!("cases: {}", cases.len());
    for (key, text, why) in cases {
        let mut records = clean.clone();
        let at = named(&records, "guardbee.finding")[0];
        *attribute(&mut records[at], key) = json!(text);
        named_as_modified(&records, at, why);
    }
}

#[test]
fn malformed_manifests_are_named() {
    let clean = exported(&story(&mut sealer("node", Some(&long_term()))));
    let text = |at: usize| clean[at]["body"]["stringValue"].as_str().unwrap();
    let several = |at: &usize| Manifest::parse(text(*at)).unwrap().leaves.len() > 1;
    let at = named(&clean, "guardbee.seal.manifest").into_iter().find(several).unwrap();
    let good = text(at);
    let changed = |change: fn(&mut Manifest)| {
        let mut manifest = Manifest::parse(good).unwrap();
        change(&mut manifest);
        manifest.text()
    };
    let cut = |bytes: usize| good[..bytes.div_ceil(3) * 4].to_owned();
    let cases = [
        ("!".to_owned(), "it is not base64"),
        (format!("={good}"), "it is not base64"),
        (String::new(), "its batch record is malformed"),
        ("AAAA".into(), "its batch record is malformed"),
        (cut(60), "its batch record is malformed"),
        (changed(|manifest| manifest.leaves.clear()), "it has fewer leaves than its batch record says"),
        (changed(|manifest| manifest.leaves.truncate(1)), "it has fewer leaves than its batch record says"),
        (changed(|manifest| manifest.leaves.swap(0, 1)), "its leaves are not those of its root"),
        (changed(|manifest| manifest.leaves[0].0[0] ^= 1), "its leaves are not those of its root"),
        (changed(|manifest| manifest.record.root.0[31] ^= 1), "its leaves are not those of its root"),
        (
            changed(|manifest| manifest.leaves.push(Digest([0xff; 16]))),
            "it has more leaves than its batch record says",
        ),
    ];
    println!("cases: {}", cases.len());
    for (text, why) in cases {
        let mut records = clean.clone();
        records[at]["body"]["stringValue"] = json!(text);
        named_as_modified(&records, at, &format!("manifest: {why}"));
    }
}

#[test]
fn a_line_over_the_limit_is_skipped_and_named() {
    let mut options = options();
    options.limits.line = 64;
    let outcome = verify_text(&format!("{{\"resourceSpans\":[]}}\n{}\n{{}}\n", " ".repeat(500)), &options);
    let said: Vec<_> = outcome.report.unreadable.iter().map(ToString::to_string).collect();
    assert_eq!(said[0], "export.jsonl:2: it is longer than the limit for a line");
    assert!(said[1].starts_with("export.jsonl:3: "));
}

#[test]
fn over_the_limits_nothing_is_said_of_the_whole() {
    let mut options = options();
    options.limits.batches = 2;
    let records = exported(&story(&mut sealer("node", Some(&long_term()))));
    let outcome = verify_text(&export::lines(&records), &options);
    assert!(outcome.report.left_out > 0);
    assert_eq!(outcome.class(), Class::Unreadable);
    assert_eq!(at(0).0.0, 100 * export::SECOND);
}

#[test]
fn a_file_that_cannot_be_opened_is_an_error() {
    let input = Input::new("gone.jsonl", || Err(io::Error::from(io::ErrorKind::NotFound)));
    let error = run(&[input], &options(), &mut |_| ()).unwrap_err();
    assert_eq!(error.to_string(), "read gone.jsonl");
    assert!(matches!(error, Error::Read { .. }));
}

#[test]
fn ocsf_is_not_verifiable_alone() {
    let outcome = verify_text("{\"class_uid\": 2004, \"unmapped\": {}}", &options());
    assert_eq!(outcome.report.totals["NOT-VERIFIABLE"], 1);
}
