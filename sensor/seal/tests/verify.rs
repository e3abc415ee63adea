//! What a collector may do, what an attacker does.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "helpers of tests panic as tests do; the lints' exception covers only functions marked as tests"
)]
mod export;

use export::{
    SECOND, at, attribute, export as exported, finding, flush, line, lines, long_term, named, otlp, public,
    sealer, span, story, story_from, verify, verify_text,
};
use guardbee_model::record::{Record, Stream};
use guardbee_seal::{
    LossTotals, Params, Sealer, SigningKey,
    proof::{MANIFEST, Manifest},
    verify::{Class, Options, Trust},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// An untouched export; made once, since opening a key file is slow on purpose.
fn clean() -> Vec<Value> {
    static CLEAN: LazyLock<Vec<Value>> =
        LazyLock::new(|| exported(&story(&mut sealer("node", Some(&long_term())))));
    CLEAN.clone()
}

#[test]
fn an_untouched_export_verifies() {
    let outcome = verify(&clean());
    assert_eq!(outcome.said(), Vec::<String>::new());
    assert_eq!(outcome.class(), Class::Ok);
    let [audit, findings, spans] = &outcome.report.streams[..] else { panic!() };
    assert_eq!((audit.present, findings.present, spans.present), (2, 6, 3));
    assert_eq!(findings.origin.as_deref(), Some("guardbee/test/node/boot"));
}

#[test]
fn what_a_collector_may_do_is_lawful() {
    let mut records = clean();
    for record in &mut records {
        for attribute in record["attributes"].as_array_mut().unwrap() {
            let value = &mut attribute["value"];
            let scalar = value.get("intValue").or_else(|| value.get("boolValue")).cloned();
            if let Some(scalar) = scalar {
                let text = scalar.as_str().map_or_else(|| scalar.to_string(), str::to_owned);
                *value = json!({"stringValue": text});
            }
        }
        for time in ["startTimeUnixNano", "endTimeUnixNano", "timeUnixNano", "observedTimeUnixNano"] {
            if let Some(text) = record.get(time).and_then(Value::as_str) {
                let cut = text.parse::<u64>().unwrap() / 1000 * 1000;
                record[time] = json!(cut);
            }
        }
        if record.get("startTimeUnixNano").is_some() {
            record["traceState"] = json!("ot=rv:00000000000000;th:0");
            record["flags"] = json!(256);
        }
    }
    records.reverse();
    // Batched anew, with another resource.
    let (spans, logs): (Vec<_>, Vec<_>) = records.iter().partition(|r| r.get("startTimeUnixNano").is_some());
    let resource = json!({"attributes": [{"key": "k8s.cluster.name", "value": {"stringValue": "x"}}]});
    let text = json!({
        "resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}], "schemaUrl": "https://x"}],
        "resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": logs}]}],
    });
    let options = Options::new(Trust::Key(Box::new(public())));
    let once = verify_text(&format!("\n{text}\n\n"), &options);
    assert_eq!(once.said(), Vec::<String>::new());
    let twice = verify_text(&format!("{text}\n{text}"), &options);
    assert_eq!(twice.report.totals["DUPLICATE"], 11);
    assert_eq!(twice.class(), Class::Ok);
}

#[test]
fn added_attributes_are_named_and_no_problem() {
    let mut records = clean();
    let at = named(&records, "GET /ping")[0];
    let list = records[at]["attributes"].as_array_mut().unwrap();
    list.push(json!({"key": "deployment.environment", "value": {"arrayValue": {"values": []}}}));
    records[at]["events"] = json!([{"name": "x"}]);
    let outcome = verify(&records);
    let said = outcome.said();
    assert!(said[0].ends_with("VERIFIED+UNSIGNED-FIELDS (events, deployment.environment)"), "{said:?}");
    assert_eq!((said.len(), outcome.class()), (1, Class::Ok));
}

#[test]
fn a_long_text_that_a_store_cut_is_proven_as_far_as_it_goes() {
    let mut records = clean();
    let at = named(&records, "guardbee.finding")[0];
    let text = attribute(&mut records[at], "process.command_line");
    let cut: String = text.as_str().unwrap().chars().take(1000).collect();
    *text = json!(cut);
    let said = verify(&records).said();
    assert!(said[0].ends_with("(process.command_line (cut: proven are its first 1024 bytes))"), "{said:?}");
    *attribute(&mut records[at], "process.command_line") = json!("sh");
    assert!(verify(&records).said()[0].ends_with("MODIFIED (process.command_line has 2 bytes, not 3006)"));
}

/// Every place in an OTLP value that is signed.
fn signed_paths(record: &Value) -> Vec<String> {
    let fields = [
        "traceId",
        "spanId",
        "parentSpanId",
        "name",
        "eventName",
        "kind",
        "severityNumber",
        "startTimeUnixNano",
        "endTimeUnixNano",
        "timeUnixNano",
        "observedTimeUnixNano",
    ];
    let mut paths: Vec<String> = fields
        .iter()
        .filter(|field| record.get(**field).is_some())
        .map(|field| format!("/{field}"))
        .collect();
    if record.get("kind").is_some() {
        paths.push("/status/code".into());
    } else {
        paths.push("/body/stringValue".into());
    }
    for (at, attribute) in record["attributes"].as_array().unwrap().iter().enumerate() {
        let kind = attribute["value"].as_object().unwrap().keys().next().unwrap();
        if attribute["key"].as_str() != Some("guardbee.seal.ref") {
            paths.push(format!("/attributes/{at}/key"));
        }
        paths.push(format!("/attributes/{at}/value/{kind}"));
    }
    paths
}

/// Changes one byte of a value so that it stays readable.
fn change(value: &mut Value, position: usize) {
    *value = match value.clone() {
        Value::Bool(flag) => json!(!flag),
        Value::Number(number) => json!(number.as_u64().unwrap() + 1),
        Value::String(text) if text.is_empty() => json!("x"),
        Value::String(text) => {
            let mut bytes = text.into_bytes();
            let at = position % bytes.len();
            // ASCII: a digit becomes another digit, a letter another letter.
            if bytes[at].is_ascii() {
                bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
            } else {
                bytes.push(b'1');
            }
            json!(String::from_utf8(bytes).unwrap())
        }
        other => panic!("{other}"),
    };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn a_changed_byte_in_any_signed_field_is_named(name in 0..2_usize, which: prop::sample::Index, position: usize) {
        let mut records = clean();
        let at = named(&records, ["GET /ping", "guardbee.finding"][name])[1];
        let paths = signed_paths(&records[at]);
        let path = which.get(&paths);
        let before = records[at].clone();
        change(records[at].pointer_mut(path).unwrap(), position);
        prop_assume!(before != records[at]);
        let outcome = verify(&records);
        prop_assert_eq!(outcome.class(), Class::Problems, "{}", path);
        let bad = ["MODIFIED", "REPLAYED", "UNKNOWN-BATCH", "UNSEALED", "KEY-UNTRUSTED"];
        prop_assert!(outcome.judged.iter().any(|judged| bad.contains(&judged.verdict.word())), "{} {:?}", path, outcome.said());
    }
}

#[test]
fn a_record_robbed_of_its_reference_is_unsealed_and_its_place_is_empty() {
    let mut records = clean();
    for name in ["GET /ping", "guardbee.finding"] {
        let at = named(&records, name)[1];
        let list = records[at]["attributes"].as_array_mut().unwrap();
        list.retain(|attribute| !attribute["key"].as_str().unwrap().starts_with("guardbee.seal."));
    }
    let outcome = verify(&records);
    assert_eq!(outcome.report.totals["UNSEALED"], 2);
    let said = outcome.said();
    assert_eq!(said[2..], ["findings: MISSING seq 1", "spans: ABSENT seq 1 (sampled or removed)"]);
}

#[test]
fn exchanged_sequence_numbers_are_named() {
    let original = clean();
    for (name, key) in [("guardbee.finding", "guardbee.seal.ref"), ("GET /ping", "guardbee.seal.ref")] {
        let mut records = original.clone();
        let at = named(&records, name);
        let (a, b) = (at[0], at[1]);
        let first = attribute(&mut records[a], key).clone();
        let second = attribute(&mut records[b], key).clone();
        *attribute(&mut records[a], key) = second;
        *attribute(&mut records[b], key) = first;
        let exchanged = |said: &[String], from: u64, to: u64| {
            let what =
                format!("its sequence number was exchanged: it was sealed as seq {from} and says seq {to})");
            assert!(said.iter().any(|line| line.ends_with(&what)), "{what} not in {said:#?}");
        };
        let said = verify(&records).said();
        exchanged(&said, 0, 1);
        exchanged(&said, 1, 0);
        if name == "guardbee.finding" {
            // With the proofs too.
            let first = attribute(&mut records[a], "guardbee.seal.proof").clone();
            let second = attribute(&mut records[b], "guardbee.seal.proof").clone();
            *attribute(&mut records[a], "guardbee.seal.proof") = second;
            *attribute(&mut records[b], "guardbee.seal.proof") = first;
            let said = verify(&records).said();
            exchanged(&said, 0, 1);
            exchanged(&said, 1, 0);
        }
    }
}

#[test]
fn swapped_proofs_are_named() {
    let mut records = clean();
    let at = named(&records, "guardbee.finding");
    let second = attribute(&mut records[at[1]], "guardbee.seal.proof").clone();
    *attribute(&mut records[at[0]], "guardbee.seal.proof") = second;
    let said = verify(&records).said();
    assert!(said[0].ends_with("seq 0: MODIFIED (its proof is that of seq 1)"), "{said:?}");
}

#[test]
fn keys_are_named() {
    let with = |key: Option<&SigningKey>| exported(&story(&mut sealer("node", key)));
    let foreign = verify(&with(Some(&SigningKey::generate().unwrap())));
    assert_eq!(foreign.report.totals.keys().copied().collect::<Vec<_>>(), ["FOREIGN-KEY"]);
    let ephemeral = verify(&with(None));
    assert_eq!(ephemeral.judged[0].verdict.to_string(), "KEY-UNTRUSTED (ephemeral)");
    assert_eq!(ephemeral.class(), Class::Problems);
    let accepted = verify_text(&lines(&with(None)), &Options::new(Trust::Ephemeral));
    assert_eq!(accepted.class(), Class::Ok);
    assert_eq!(accepted.report.totals.keys().copied().collect::<Vec<_>>(), ["KEY-UNTRUSTED"]);
    let nobody = verify_text(&lines(&clean()), &Options::new(Trust::Nobody));
    assert_eq!(nobody.report.totals.keys().copied().collect::<Vec<_>>(), ["KEY-UNTRUSTED"]);
    let mut robbed = clean();
    robbed.retain(|record| record["eventName"] != "guardbee.seal.epoch");
    let said = verify(&robbed).said();
    assert!(said[0].ends_with("KEY-UNTRUSTED (no epoch statement; export the audit stream too)"), "{said:?}");
}

#[test]
fn a_replayed_batch_is_named() {
    let mut a = sealer("a", Some(&long_term()));
    let mut b = sealer("b", Some(&long_term()));
    let (from, to) = (a.instance().to_string(), b.instance().to_string());
    let mut records = exported(&story(&mut a));
    let others = exported(&story_from(&mut b, 20));
    records.extend(others);
    let count = records.len();
    // A genuine finding and a genuine span of a, said to be of b.
    for name in ["guardbee.finding", "GET /ping"] {
        let at = named(&records[..count], name)[2];
        let mut copy = records[at].clone();
        let text = attribute(&mut copy, "guardbee.seal.ref");
        *text = json!(text.as_str().unwrap().replace(&from, &to));
        records.push(copy);
    }
    // Of another stream of the same instance.
    let mut copy = records[named(&records, "guardbee.finding")[0]].clone();
    let text = attribute(&mut copy, "guardbee.seal.ref");
    *text = json!(text.as_str().unwrap().replace("/findings/", "/audit/"));
    records.push(copy);
    // A manifest.
    let mut copy = records[named(&records, MANIFEST)[0]].clone();
    let text = attribute(&mut copy, "guardbee.seal.batch");
    *text = json!(text.as_str().unwrap().replace(&from, &to));
    records.push(copy);
    let outcome = verify(&records);
    assert_eq!(outcome.report.totals.get("REPLAYED"), Some(&4), "{:#?}", outcome.said());
    assert_eq!(outcome.report.totals.keys().copied().collect::<Vec<_>>(), ["REPLAYED", "VERIFIED"]);
}

#[test]
fn a_removed_finding_is_missing_and_a_removed_span_absent() {
    let mut records = clean();
    let findings = named(&records, "guardbee.finding");
    let span = named(&records, "GET /ping")[1];
    // One of a batch of three; one that was its batch alone.
    let gone = [findings[1], findings[4], span];
    let mut at = 0;
    records.retain(|_| {
        at += 1;
        !gone.contains(&(at - 1))
    });
    let outcome = verify(&records);
    assert_eq!(
        outcome.said(),
        [
            "findings: MISSING seq 1",
            "findings: MISSING seq 4",
            "findings: MISSING batch 3 (1 records)",
            "spans: ABSENT seq 1 (sampled or removed)"
        ]
    );
    assert_eq!(outcome.class(), Class::Problems);
}

#[test]
fn a_cut_tail_shows() {
    let mut sealer = sealer("node", Some(&long_term()));
    let mut records = story(&mut sealer);
    records.extend(flush(&mut sealer, &[], at(20)));
    records.extend(flush(&mut sealer, &[], at(30)));
    // Everything of the findings after the third: the chain ends, the others go on.
    let mut records = exported(&records);
    let alone = named(&records, "guardbee.finding")[3];
    let mut at = 0;
    records.retain(|record| {
        at += 1;
        let place = record["attributes"].as_array().unwrap().iter().find_map(|attribute| {
            let seal = attribute["key"].as_str().unwrap().starts_with("guardbee.seal.");
            seal.then(|| attribute["value"]["stringValue"].as_str().unwrap().contains("/findings/"))
        });
        at <= alone || place != Some(true)
    });
    let said = verify(&records).said();
    assert_eq!(said, ["findings: TRUNCATED (no heartbeat in the last 29 s)"]);
    // And where all streams end: by the time that was asked for.
    let mut options = Options::new(Trust::Key(Box::new(public())));
    options.until = Some(export::at(60).1);
    let outcome = verify_text(&lines(&clean()), &options);
    assert_eq!(outcome.said().len(), 3);
    assert!(outcome.said()[0].contains("TRUNCATED (no heartbeat in the last 48 s)"));
    // A stream that is gone altogether.
    let mut records = clean();
    records.retain(|record| !record.to_string().contains("/findings/"));
    assert!(
        verify(&records).said().contains(&"findings: MISSING (no batch of it, not even a heartbeat)".into())
    );
}

#[test]
fn forged_manifests_are_named() {
    let original = clean();
    let of_spans = |records: &[Value]| {
        let is = |at: &&usize| records[**at].to_string().contains("/spans/1\"");
        named(records, MANIFEST).iter().filter(is).copied().collect::<Vec<_>>()
    };
    let forge = |change: &dyn Fn(&mut Manifest)| {
        let mut records = original.clone();
        for at in of_spans(&records) {
            let text = records[at]["body"]["stringValue"].as_str().unwrap();
            let mut manifest = Manifest::parse(text).unwrap();
            change(&mut manifest);
            records[at]["body"]["stringValue"] = json!(manifest.text());
        }
        verify(&records).said()
    };
    assert_eq!(of_spans(&original).len(), 1);
    let said = forge(&|manifest| manifest.record.losses = LossTotals::default());
    assert_eq!(said, Vec::<String>::new(), "nothing was changed");
    let said = forge(&|manifest| manifest.record.losses.add_count(guardbee_model::loss::Stage::Deliver, 1));
    assert!(
        said.iter().any(|line| line.ends_with("MODIFIED (the signature is not over this manifest)")),
        "{said:#?}"
    );
    let said = forge(&|manifest| manifest.leaves[0].0[0] ^= 1);
    let what = "MODIFIED (manifest: its leaves are not those of its root)";
    assert!(said.iter().any(|line| line.ends_with(what)), "{said:#?}");
    assert!(said.iter().any(|line| line.contains("UNKNOWN-BATCH")), "{said:#?}");
}

#[test]
fn proofs_with_a_changed_byte_are_named() {
    let records = clean();
    let at = named(&records, "guardbee.finding")[0];
    let text = attribute(&mut records.clone()[at], "guardbee.seal.proof").as_str().unwrap().to_owned();
    for position in (0..text.len()).step_by(7) {
        let mut records = records.clone();
        let mut bytes = text.clone().into_bytes();
        bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
        *attribute(&mut records[at], "guardbee.seal.proof") = json!(String::from_utf8(bytes).unwrap());
        assert_eq!(verify(&records).class(), Class::Problems, "{position}");
    }
}

#[test]
fn epochs_follow_each_other_and_instances_name_their_predecessors() {
    let key = long_term();
    let mut sealer = sealer("node", Some(&key));
    let mut records = story(&mut sealer);
    // Each hour a new epoch; the long-term key is not there any more.
    for hour in 1..4 {
        let now = at(12 + hour * 3600);
        sealer.add(finding(10 + hour));
        records.extend(flush(&mut sealer, &Stream::ALL, now));
    }
    let params = Params {
        previous: sealer.heads().map(|(stream, _, hash)| (stream, hash)).to_vec(),
        ..Params::default()
    };
    let origin = guardbee_seal::Origin::new("test", "node", "boot");
    let mut next = Sealer::new(origin, Some(&key), params, at(20_000)).unwrap();
    records.extend(flush(&mut next, &Stream::ALL, at(20_000)));
    let outcome = verify(&exported(&records));
    let said = outcome.said();
    assert_eq!(said.len(), 3, "{said:#?}");
    assert!(said.iter().all(|line| line.contains(": continues ")), "{said:#?}");
    assert_eq!(outcome.class(), Class::Ok);
    // Without one of the statements in between, what follows leads nowhere.
    let mut records = exported(&records);
    records.remove(named(&records, "guardbee.seal.epoch")[1]);
    let outcome = verify(&records);
    assert!(outcome.report.totals["KEY-UNTRUSTED"] > 0);
    assert!(!outcome.report.totals.contains_key("FOREIGN-KEY"));
}

#[test]
fn large_batches_are_split_and_pending_is_bounded_and_counted() {
    let mut sealer = sealer("node", Some(&long_term()));
    let mut full = 0;
    for number in 0..2100 {
        match sealer.add(span(number)) {
            guardbee_seal::Added::Full => full += 1,
            guardbee_seal::Added::Waiting => {}
            guardbee_seal::Added::Dropped => assert!(number >= 2048),
        }
    }
    assert_eq!(full, 2048 - 511);
    assert_eq!(sealer.add_span(&mut span(2100)), guardbee_seal::Added::Dropped);
    // Its proof would have nowhere to go.
    assert_eq!(sealer.add_span(&mut finding(0)), guardbee_seal::Added::Dropped);
    let losses = sealer.drain_losses(at(1).0);
    let mut losses: Vec<_> = losses.iter().map(|loss| (loss.cause, loss.count)).collect();
    losses.sort_unstable();
    assert_eq!(losses, [("seal_no_span", 1), ("seal_pending_full", 53)]);
    let records = flush(&mut sealer, &Stream::ALL, at(1));
    let outcome = verify(&exported(&records));
    assert_eq!(outcome.said(), Vec::<String>::new());
    assert_eq!(outcome.report.streams[2].batches, 4);
}

#[test]
fn proofs_are_small() {
    let mut sealer = sealer("node", Some(&long_term()));
    (0..512).for_each(|number| assert_ne!(sealer.add(finding(number)), guardbee_seal::Added::Dropped));
    let records = flush(&mut sealer, &[Stream::Findings], at(1));
    let longest = |key: &str| {
        let text = |record: &Record| match record.attribute(key) {
            Some(guardbee_model::record::Value::Text(text)) => text.len(),
            _ => 0,
        };
        records.iter().map(text).max().unwrap()
    };
    assert!(longest("guardbee.seal.proof") < 1024, "{}", longest("guardbee.seal.proof"));
    assert!(longest("guardbee.seal.ref") < 256, "{}", longest("guardbee.seal.ref"));
    assert_eq!(SECOND, 1_000_000_000);
    assert!(line(&otlp(&records[0])).starts_with("{\"resourceLogs\""));
}
