//! What arrives, what is tried again, what is counted as lost.
use crate::{Bench, SOON, finding, span, statement, until, until_error};
use guardbee_deliver::{
    Bound, Bounds, Compression, Otlp,
    testing::{Answer, Leaf, Server, Trust},
};
use guardbee_model::{
    clock::BootTime,
    loss::{Loss, Stage},
};
use std::time::Duration;
use tonic::Code;

#[test]
fn spans_findings_and_statements_arrive() {
    let bench = Bench::new();
    let deliver = bench.start(&bench.otlp());
    deliver.send_all([span(), finding(), statement("one"), statement("two")]);
    assert!(deliver.flush(SOON), "{:?}", deliver.status());
    let received = bench.server.received();
    let (service, span) = &received.spans[0];
    assert_eq!((service.as_str(), span.name.as_str(), span.kind), ("unknown_service:python3", "POST", 2));
    assert_eq!((&span.trace_id[..], &span.parent_span_id[..]), (&[0x4b; 16][..], &[0x0a; 8][..]));
    let finding = received.logs.iter().find(|log| log.event_name == "security.finding").unwrap();
    assert_eq!((&finding.trace_id[..], &finding.span_id[..]), (&[0x4b; 16][..], &[0xf0; 8][..]));
    assert_eq!((finding.severity_number, finding.flags), (17, 1));
    assert_eq!(received.logs.len(), 3);
    let status = deliver.status();
    assert!(status.connected_for.is_some() && status.error.is_none() && status.lost.is_empty(), "{status:?}");
    assert_eq!((status.delivered, status.certificate_not_after), (4, Some(4_102_444_800)));
}

#[test]
fn records_of_a_lane_keep_their_order() {
    let bench = Bench::new();
    let deliver = bench.start(&bench.otlp());
    let bodies: Vec<String> = (0..3000).map(|number| number.to_string()).collect();
    for body in &bodies {
        deliver.send(&statement(body));
    }
    assert!(deliver.flush(SOON), "{:?}", deliver.status());
    let logs = bench.server.received().logs;
    let came: Vec<String> = logs.into_iter().map(|log| text(log.body.unwrap())).collect();
    assert_eq!(came, bodies);
}

fn text(value: guardbee_deliver::otlp::proto::common::v1::AnyValue) -> String {
    use guardbee_deliver::otlp::proto::common::v1::any_value::Value;
    match value.value {
        Some(Value::StringValue(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn requests_stay_below_what_receivers_take() {
    let bench = Bench::new();
    let deliver = bench.start(&bench.otlp());
    let mut record = finding();
    record.body = "x".repeat(20_000).into();
    deliver.send_all(vec![record; 400]);
    assert!(deliver.flush(SOON), "{:?}", deliver.status());
    let received = bench.server.received();
    assert_eq!(received.logs.len(), 400);
    assert!((1 << 20..=3_500 << 10).contains(&received.largest), "{}", received.largest);
}

#[test]
fn requests_are_compressed_unless_told_otherwise() {
    let mut bytes = Vec::new();
    for compression in [Compression::Gzip, Compression::None] {
        let bench = Bench::new();
        let deliver = bench.start(&Otlp { compression, ..bench.otlp() });
        deliver.send_all(vec![finding(); 100]);
        assert!(deliver.flush(SOON), "{:?}", deliver.status());
        let received = bench.server.received();
        assert_eq!(received.logs.len(), 100);
        bytes.push(received.bytes);
    }
    assert!(bytes[0] * 5 < bytes[1], "{bytes:?}");
}

#[test]
fn a_receiver_that_cannot_decompress_gets_plain_requests() {
    let server = Server::start_without_gzip();
    let bench = Bench::with(guardbee_deliver::testing::Authority::new("unused"), server);
    let endpoint = format!("http://127.0.0.1:{}", bench.server.address.port());
    let deliver = bench.start(&Otlp { endpoint, insecure: true, ..Otlp::default() });
    deliver.send_all([span(), finding(), finding()]);
    assert!(deliver.flush(SOON), "{:?}", deliver.status());
    let received = bench.server.received();
    assert_eq!((received.spans.len(), received.logs.len()), (1, 2));
    assert_eq!((deliver.status().delivered, deliver.status().lost), (3, vec![]));
}

#[test]
fn what_can_come_right_is_tried_again() {
    let bench = Bench::new();
    let deliver = bench.start(&Otlp { timeout: Duration::from_millis(200), ..bench.otlp() });
    for (answer, error) in [
        (Answer::Code(Code::Unavailable, "restarting"), "the receiver answered Unavailable: restarting"),
        (Answer::Code(Code::PermissionDenied, "who?"), "allow the sensor's certificate at the receiver"),
        (Answer::RetryAfter(Code::ResourceExhausted, Duration::from_millis(1)), "ResourceExhausted: wait"),
        (Answer::Hang, "the receiver did not answer within 0.2 s"),
    ] {
        bench.server.answer(answer);
        let before = bench.server.received().requests;
        deliver.send(&finding());
        until_error(&deliver, error);
        bench.server.wait("a second attempt", |received| received.requests > before + 1);
        bench.server.answer(Answer::Accept);
        assert!(deliver.flush(SOON), "{:?}", deliver.status());
    }
    assert_eq!(bench.server.received().logs.len(), 4);
    assert_eq!(deliver.status().lost, []);
}

#[test]
fn what_is_refused_is_counted_and_not_tried_again() {
    let bench = Bench::new();
    let deliver = bench.start(&bench.otlp());
    for (answer, error) in [
        (Answer::Code(Code::InvalidArgument, "no"), "the receiver answered InvalidArgument: no"),
        (Answer::Code(Code::Unknown, "no"), "the receiver answered Unknown: no"),
        (Answer::Code(Code::ResourceExhausted, "no"), "the receiver answered ResourceExhausted: no"),
        (Answer::Code(Code::Unimplemented, "no"), "does the receiver have a pipeline for this signal"),
    ] {
        bench.server.answer(answer);
        deliver.send(&span());
        assert!(deliver.flush(SOON));
        until_error(&deliver, error);
    }
    // The last one twice: it could have been for the compression.
    assert_eq!(bench.server.received().requests, 5);
    assert_eq!(deliver.status().lost, [("refused", "span", 4)]);
    let loss = Loss {
        stage: Stage::Deliver,
        cause: "refused",
        kind: "span",
        count: 4,
        from: BootTime(0),
        to: BootTime(9),
    };
    assert_eq!(deliver.losses(BootTime(9)), [loss]);
    assert_eq!(deliver.losses(BootTime(10)), []);
}

#[test]
fn partial_success_is_counted_and_not_tried_again() {
    let bench = Bench::new();
    bench.server.answer(Answer::Partial(2, "too old"));
    let deliver = bench.start(&bench.otlp());
    deliver.send_all([finding(), finding(), finding()]);
    assert!(deliver.flush(SOON));
    let status = deliver.status();
    assert_eq!((status.delivered, status.lost), (1, vec![("rejected", "finding", 2)]));
    assert_eq!(status.warning.as_deref(), Some("2 of 3 findings rejected: too old"));
    assert_eq!(bench.server.received().requests, 1);
}

#[test]
fn a_flood_of_spans_costs_no_finding() {
    let bench = Bench::new();
    bench.server.answer(Answer::Code(Code::Unavailable, "later"));
    let bounds = Bounds { spans: Bound { records: 10, bytes: 1 << 20 }, ..Bounds::default() };
    let mut deliver = bench.start(&Otlp { bounds, ..bench.otlp() });
    for _ in 0..100 {
        deliver.send(&span());
    }
    deliver.send(&finding());
    assert_eq!(deliver.status().lost, [("queue_full", "span", 90)]);
    bench.server.answer(Answer::Accept);
    assert!(deliver.stop(SOON));
    let received = bench.server.received();
    assert_eq!((received.logs.len(), received.spans.len()), (1, 10));
}

#[test]
fn what_is_left_at_the_end_is_counted() {
    let bench = Bench::new();
    bench.server.answer(Answer::Hang);
    let mut deliver = bench.start(&bench.otlp());
    deliver.send_all([finding(), span()]);
    bench.server.wait("both", |received| received.requests == 2);
    deliver.send(&finding());
    assert!(!deliver.stop(Duration::ZERO));
    deliver.send(&statement("late"));
    let lost = [("closed", "audit", 1), ("shutdown", "finding", 2), ("shutdown", "span", 1)];
    assert_eq!((deliver.status().delivered, deliver.status().lost), (0, lost.to_vec()));
}

#[test]
fn a_receiver_that_restarts_gets_everything() {
    let authority = guardbee_deliver::testing::Authority::new("one");
    let identity = authority.issue(&Leaf::localhost());
    let server = Server::start(&identity, &Trust { clients: Some(&authority), crls: vec![] });
    let address = server.address.to_string();
    let mut bench = Bench::with(authority, server);
    let deliver = bench.start(&bench.otlp());
    deliver.send(&finding());
    assert!(deliver.flush(SOON));
    let anyone = Trust { clients: None, crls: vec![] };
    let elsewhere = Server::start(&identity, &anyone);
    drop(std::mem::replace(&mut bench.server, elsewhere));
    deliver.send(&finding());
    until_error(&deliver, "nobody listens there; is the receiver running");
    let trust = Trust { clients: Some(&bench.authority), crls: vec![] };
    bench.server = Server::start_at(&address, &identity, &trust);
    assert!(deliver.flush(SOON), "{:?}", deliver.status());
    assert_eq!(bench.server.received().logs.len(), 1);
    until(&deliver, "no error", |status| status.error.is_none());
}

#[test]
fn plain_text_to_this_node_where_it_is_asked_for() {
    let authority = guardbee_deliver::testing::Authority::new("one");
    let bench = Bench::with(authority, Server::start_plain());
    let endpoint = format!("http://127.0.0.1:{}", bench.server.address.port());
    let deliver = bench.start(&Otlp { endpoint, insecure: true, ..bench.otlp() });
    deliver.send(&finding());
    assert!(deliver.flush(SOON), "{:?}", deliver.status());
    assert_eq!(bench.server.received().logs.len(), 1);
}
