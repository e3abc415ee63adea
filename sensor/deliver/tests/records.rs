//! Spans and findings in every form: names, redaction, the schema of OCSF.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
mod schema;

use guardbee_deliver::{
    console::{self, Colour},
    ocsf, otlp,
    record::losses,
    testing::sample::{self, OFFSET, SECRET},
};
use guardbee_model::{
    clock::BootTime,
    executable::{Executable, Hash, NotHashed, Package, Sha256},
    finding::{Finding, Observation, Repeats, RuleInfo},
    id::SpanId,
    link::LinkKind,
    process::{Args, File, Process},
    record::{Record, Shape, Value},
    request::Request,
    span::{Span, SpanKind},
};
use std::{fmt::Write as _, sync::Arc};

fn shown(record: &Record) -> String {
    let mut out = format!(
        "{:?} {:?} {}\ntrace {} span {} parent {}\n{} - {}\n",
        record.stream,
        record.shape,
        record.name,
        record.trace,
        record.span,
        record.parent,
        record.start.0,
        record.end.0
    );
    for (key, value) in &record.resource.attributes {
        writeln!(out, "resource {key} = {value}").unwrap();
    }
    for (key, value) in &record.attributes {
        writeln!(out, "{key} = {value:?}").unwrap();
    }
    out
}

fn span(kind: SpanKind, status: u16) -> Record {
    sample::encoder().span(&sample::span(kind, status), OFFSET)
}

fn with_evidence(change: impl FnOnce(&mut Observation)) -> Finding {
    let mut finding = sample::finding();
    let mut observation = Observation::clone(&finding.evidence[0]);
    change(&mut observation);
    finding.evidence = vec![Arc::new(observation)];
    finding
}

fn linked(kind: LinkKind, candidates: usize, more: u32) -> Finding {
    with_evidence(|observation| {
        let link = observation.link.as_mut().unwrap();
        link.kind = kind;
        link.requests = vec![Arc::clone(&link.requests[0]); candidates];
        link.more = more;
    })
}

#[test]
fn a_server_span() {
    insta::assert_snapshot!(shown(&span(SpanKind::Server, 200)));
}

#[test]
fn a_client_span() {
    insta::assert_snapshot!(shown(&span(SpanKind::Client, 404)));
}

#[test]
fn errors_by_the_conventions() {
    for (kind, status, code) in [
        (SpanKind::Server, 404, 0),
        (SpanKind::Server, 500, 2),
        (SpanKind::Client, 399, 0),
        (SpanKind::Client, 400, 2),
    ] {
        let record = span(kind, status);
        let Shape::Span { status: found, .. } = record.shape else { panic!("{record:?}") };
        assert_eq!(found, code, "{kind:?} {status}");
        let error = (code == 2).then(|| Value::from(status.to_string()));
        assert_eq!(record.attribute("error.type"), error.as_ref());
    }
    let unanswered = Span { response: None, ..sample::span(SpanKind::Server, 200) };
    let record = sample::encoder().span(&unanswered, OFFSET);
    assert_eq!(record.attribute("error.type"), Some(&Value::from("no_response")));
    assert!(matches!(record.shape, Shape::Span { status: 2, .. }));
    let unseen = Span { incomplete: true, ..unanswered };
    let record = sample::encoder().span(&unseen, OFFSET);
    assert_eq!(
        (record.attribute("error.type"), record.attribute("guardbee.incomplete")),
        (None, Some(&Value::Bool(true)))
    );
    assert!(matches!(record.shape, Shape::Span { status: 0, .. }));
}

#[test]
fn an_unknown_method_names_no_span() {
    let mut odd = sample::span(SpanKind::Server, 200);
    let mut request = sample::request();
    request.method = b"get".as_slice().into();
    odd.request = Arc::new(request);
    let record = sample::encoder().span(&odd, OFFSET);
    assert_eq!(&*record.name, "HTTP");
    assert_eq!(record.attribute("http.request.method"), Some(&Value::from("_OTHER")));
    assert_eq!(record.attribute("http.request.method_original"), Some(&Value::from("get")));
}

#[test]
fn hosts_and_ports() {
    for (host, address, port) in [
        ("shop.example", "shop.example", Some(8080)),
        ("shop.example:81", "shop.example", Some(81)),
        ("[::1]:81", "[::1]", Some(81)),
        ("[::1]", "[::1]", Some(8080)),
        ("a:b", "a:b", Some(8080)),
        ("u:p@shop.example:81", "shop.example", Some(81)),
        ("", "10.0.0.1", Some(8080)),
    ] {
        let mut one = sample::span(SpanKind::Server, 200);
        let mut request = sample::request();
        request.host = host.as_bytes().into();
        one.request = Arc::new(request);
        let record = sample::encoder().span(&one, OFFSET);
        assert_eq!(record.attribute("server.address"), Some(&Value::from(address)), "{host}");
        assert_eq!(record.attribute("server.port"), port.map(Value::Int).as_ref(), "{host}");
    }
}

#[test]
fn a_finding() {
    insta::assert_snapshot!(shown(&sample::encoder().finding(&sample::finding(), OFFSET)));
}

#[test]
fn a_finding_is_on_a_trace_only_when_there_is_one_request() {
    for (kind, candidates, more, on_trace) in [
        (LinkKind::Exact, 1, 0, true),
        (LinkKind::Sole, 1, 0, true),
        (LinkKind::Ambiguous, 2, 0, false),
        (LinkKind::Unproven, 1, 1, false),
        (LinkKind::Unproven, 0, 0, false),
    ] {
        let finding = linked(kind, candidates, more);
        let record = sample::encoder().finding(&finding, OFFSET);
        assert_eq!(
            (!record.trace.is_zero(), record.span != SpanId::default()),
            (on_trace, on_trace),
            "{kind:?}"
        );
        assert_eq!(record.attribute("guardbee.request.id").is_some(), on_trace);
        assert_eq!(record.attribute("url.path").is_some(), on_trace);
        schema::check(&ocsf::finding(&finding, sample::identity(), OFFSET));
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
    }
}

#[test]
fn what_is_known_of_executables() {
    let known = |executable: Executable| {
        with_evidence(|observation| {
            let mut process = Process::clone(observation.process.as_ref().unwrap());
            let executed = BootTime(90_000_000_000);
            let ctime_ns = OFFSET.wall(BootTime(30_500_000_000)).0;
            process.file =
                Some(File { inode: 7, uid: 33, gid: 34, mode: 0o104_755, ctime_ns, ..File::default() });
            (process.executed, process.session, process.tty) = (Some(executed), 40, 136 << 20 | 2);
            process.executable = executable;
            observation.process = Some(Arc::new(process));
        })
    };
    let told = |finding: &Finding, key: &str| {
        let record = sample::encoder().finding(finding, OFFSET);
        record.attribute(key).map(plain)
    };
    let hash = Hash::Sha256(Arc::new(Sha256([0xab; 32])));
    let finding = known(Executable { hash, package: Package::Named("coreutils".into()) });
    let digits = "ab".repeat(32);
    for (key, value) in [
        ("guardbee.executable.owner.id", "33"),
        ("guardbee.executable.group.id", "34"),
        ("guardbee.executable.mode", "4755"),
        ("guardbee.executable.age_seconds", "59"),
        ("guardbee.executable.sha256", &digits),
        ("guardbee.executable.package", "coreutils"),
        ("process.session_leader.pid", "40"),
        ("guardbee.process.tty", "pts/2"),
    ] {
        assert_eq!(told(&finding, key).as_deref(), Some(value), "{key}");
    }
    let event = ocsf::finding(&finding, sample::identity(), OFFSET);
    schema::check(&event);
    let evidence = &event["evidences"][0];
    assert_eq!(evidence["process"]["file"]["hashes"][0]["value"], digits);
    assert_eq!(evidence["process"]["file"]["owner"]["uid"], "33");
    assert_eq!(evidence["data"]["executables"][0]["package"], "coreutils");

    let finding = known(Executable { hash: Hash::Not(NotHashed::Budget), package: Package::None });
    assert_eq!(told(&finding, "guardbee.executable.not_hashed").as_deref(), Some("budget"));
    assert_eq!(told(&finding, "guardbee.executable.package").as_deref(), Some("none"));
    let event = ocsf::finding(&finding, sample::identity(), OFFSET);
    schema::check(&event);
    assert_eq!(event["evidences"][0]["data"]["executables"][0]["not_hashed"], "budget");
    let finding = known(Executable::default());
    for key in ["guardbee.executable.not_hashed", "guardbee.executable.sha256", "guardbee.executable.package"]
    {
        assert_eq!(told(&finding, key), None);
    }
}

#[test]
fn ocsf_by_its_schema() {
    let event = ocsf::finding(&sample::finding(), sample::identity(), OFFSET);
    schema::check(&event);
    insta::assert_snapshot!(serde_json::to_string_pretty(&event).unwrap());
}

#[test]
fn ocsf_of_bare_findings_is_valid_too() {
    let mut bare = sample::finding();
    bare.evidence.clear();
    bare.losses.clear();
    schema::check(&ocsf::finding(&bare, sample::identity(), OFFSET));
    schema::check(&ocsf::finding(
        &with_evidence(|observation| observation.link = None),
        sample::identity(),
        OFFSET,
    ));
    schema::check(&ocsf::finding(
        &with_evidence(|observation| observation.process = None),
        sample::identity(),
        OFFSET,
    ));
    let many =
        Finding { evidence: vec![Arc::clone(&sample::finding().evidence[0]); 100], ..sample::finding() };
    let event = ocsf::finding(&many, sample::identity(), OFFSET);
    schema::check(&event);
    assert_eq!(event["evidences"].as_array().unwrap().len(), 8);
    assert_eq!(event["unmapped"]["guardbee"]["evidence_omitted"], 92);
}

/// What a suppression held back is told by the one that goes out for it.
#[test]
fn a_finding_tells_how_many_it_stands_for() {
    let repeats = Repeats { count: 12, first: BootTime(100_000_000), last: BootTime(140_000_000) };
    let finding = Finding { repeats: Some(repeats), ..sample::finding() };
    let event = ocsf::finding(&finding, sample::identity(), OFFSET);
    schema::check(&event);
    let time = event["time"].as_u64().unwrap();
    assert_eq!((&event["count"], &event["start_time"]), (&12.into(), &(time - 40).into()));
    assert_eq!(event["end_time"], time);
    let record = sample::encoder().finding(&finding, OFFSET);
    assert_eq!(record.attribute("guardbee.finding.count"), Some(&Value::Int(12)));
    assert!(record.attribute("guardbee.finding.first_time").is_some());
    assert!(console::finding(&finding, OFFSET, Colour::Plain).contains("repeated the last of 12 since "));
}

#[test]
fn a_finding_tells_the_risk_that_its_rule_says() {
    let mut finding = sample::finding();
    assert!(ocsf::finding(&finding, sample::identity(), OFFSET).get("risk_score").is_none());
    finding.rule = Arc::new(RuleInfo { risk: Some(60), ..sample::rule() });
    let event = ocsf::finding(&finding, sample::identity(), OFFSET);
    schema::check(&event);
    assert_eq!(event["risk_score"], 60);
    let record = sample::encoder().finding(&finding, OFFSET);
    assert_eq!(record.attribute("guardbee.rule.risk"), Some(&Value::Int(60)));
}

/// What is held together by less than its request is not as sure as that.
#[test]
fn a_finding_tells_what_holds_its_evidence_together() {
    for (joined, confidence) in
        [(Some("guardbee.request"), 3), (Some("process.tree"), 2), (Some("container.id"), 1), (None, 3)]
    {
        let finding = Finding { joined, ..sample::finding() };
        let event = ocsf::finding(&finding, sample::identity(), OFFSET);
        schema::check(&event);
        assert_eq!(event["confidence_id"], confidence, "{joined:?}");
        assert_eq!(event["unmapped"]["guardbee"]["joined"].as_str(), joined);
        let record = sample::encoder().finding(&finding, OFFSET);
        let told = joined.map(|joined| Value::Text(joined.into()));
        assert_eq!(record.attribute("guardbee.finding.joined"), told.as_ref());
        let shown = console::finding(&finding, OFFSET, Colour::Plain);
        assert_eq!(shown.contains("  joined   "), joined.is_some(), "{shown}");
    }
}

#[test]
fn no_attacker_makes_a_finding_too_large_to_send() {
    let bytes = vec![1_u8; 16 << 10];
    let mut process = Process::clone(&sample::process(1, "", ""));
    process.exe = bytes.as_slice().into();
    process.cwd = bytes.as_slice().into();
    process.args = Arc::new(Args { words: vec![bytes.as_slice().into()], ..Args::default() });
    let process = Arc::new(process);
    let bytes: Box<[u8]> = bytes.into();
    let request = Arc::new(Request {
        method: bytes.clone(),
        path: bytes.clone(),
        query: Some(bytes.clone()),
        host: bytes.clone(),
        user_agent: bytes.clone(),
        referer: bytes.clone(),
        forwarded_for: bytes.clone(),
        ..sample::request()
    });
    for candidates in [1, 4096] {
        let mut finding = with_evidence(|observation| {
            observation.process = Some(Arc::clone(&process));
            observation.ancestors = vec![Arc::clone(&process); 64].into();
            observation.link.as_mut().unwrap().requests = vec![Arc::clone(&request); candidates];
        });
        finding.evidence = vec![Arc::clone(&finding.evidence[0]); 64];
        let record = sample::encoder().finding(&finding, OFFSET);
        schema::check(&serde_json::from_str(&record.body).unwrap());
        let bytes = otlp::Encoded::new(&record).bound();
        assert!(bytes < 3_500 << 10, "{candidates} candidates: {bytes}");
    }
}

#[test]
fn the_seal_goes_into_the_line_and_not_into_the_body() {
    let finding = sample::finding();
    let mut record = sample::encoder().finding(&finding, OFFSET);
    assert_eq!(ocsf::line(&record), format!("{}\n", record.body));
    record.attributes.push(("guardbee.seal.ref".into(), "1;x".into()));
    record.attributes.push(("guardbee.seal.proof".into(), "AAAA".into()));
    let line = ocsf::line(&record);
    assert_eq!(line.matches('\n').count(), 1);
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    schema::check(&event);
    assert_eq!(event["unmapped"]["guardbee"]["seal"], serde_json::json!({ "ref": "1;x", "proof": "AAAA" }));
}

#[test]
fn no_secret_gets_out() {
    let finding = sample::finding();
    let record = sample::encoder().finding(&finding, OFFSET);
    for text in [
        format!("{record:?}"),
        format!("{:?}", span(SpanKind::Server, 200)),
        format!("{:?}", span(SpanKind::Client, 200)),
        String::from_utf8_lossy(&otlp::request(&[otlp::Encoded::new(&record)])).into_owned(),
        ocsf::line(&record),
        console::finding(&finding, OFFSET, Colour::Ansi),
        console::span(&sample::span(SpanKind::Client, 200), OFFSET),
    ] {
        assert!(!text.contains(SECRET), "{text}");
        assert!(text.contains("REDACTED"), "{text}");
    }
}

#[test]
fn what_is_not_proven_is_not_told_as_a_fact() {
    let message =
        |kind| ocsf::finding(&linked(kind, 1, 0), sample::identity(), OFFSET)["message"].to_string();
    assert!(message(LinkKind::Exact).contains(", caused by POST /api/render"));
    assert!(message(LinkKind::Sole).contains(", perhaps caused by POST /api/render"));
}

#[test]
fn the_console() {
    let mut out = console::finding(&sample::finding(), OFFSET, Colour::Plain);
    out += &console::finding(&linked(LinkKind::Ambiguous, 2, 3), OFFSET, Colour::Plain);
    out += &console::span(&sample::span(SpanKind::Server, 200), OFFSET);
    out += &console::span(&Span { response: None, ..sample::span(SpanKind::Client, 0) }, OFFSET);
    insta::assert_snapshot!(out);
    assert!(console::finding(&sample::finding(), OFFSET, Colour::Ansi).contains("\x1b[1;31mHIGH\x1b[0m"));
}

#[test]
fn losses_become_a_statement() {
    assert_eq!(losses(&[], BootTime(1)), None);
    let statement = losses(&sample::finding().losses, BootTime(1)).unwrap();
    let record = sample::encoder().audit(statement, OFFSET);
    assert_eq!((&*record.name, &*record.body), ("guardbee.loss", "3 events or records lost"));
    assert_eq!(
        record.attribute("guardbee.losses"),
        Some(&Value::from(
            r#"[{"cause":"ring_full","count":3,"from":100,"kind":"data","stage":"kernel","to":200}]"#
        ))
    );
}

#[test]
fn long_values_are_cut_with_a_mark() {
    let mut long = sample::span(SpanKind::Server, 200);
    let mut request = sample::request();
    request.path = vec![b'a'; 10_000].into();
    long.request = Arc::new(request);
    let record = sample::encoder().span(&long, OFFSET);
    let Some(Value::Text(path)) = record.attribute("url.path") else { panic!("{record:?}") };
    assert!(path.ends_with("…(+1808 bytes)") && path.len() < 8300, "{}", path.len());
}
