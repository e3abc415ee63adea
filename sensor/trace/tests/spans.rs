//! Spans: both sides of an exchange, and whose word names the trace.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod world;

use guardbee_model::{
    event::Body,
    link::LinkKind,
    process::ProcessKey,
    request::TraceSource,
    socket::{Endpoint, Role, Socket},
    span::{Span, SpanKind},
};
use world::{Reads, World, process};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CLIENT: u32 = 10;
const PROXY: u32 = 80;
const APP: u32 = 100;

/// Both ends of a TCP connection over loopback: `id` at the client, `id + 100` at the server.
fn connect(world: &mut World, id: u64, client: ProcessKey, server: ProcessKey) {
    let sent = World::socket(id, Role::Connected);
    let accepted = Socket {
        connection: guardbee_model::id::ConnectionId(id + 100),
        inode: id + 100,
        role: Role::Accepted,
        local: sent.remote.clone(),
        remote: sent.local.clone(),
        ..sent.clone()
    };
    world.open(sent, client);
    world.open(accepted, server);
}

fn span(world: &World, path: &str, kind: SpanKind, tgid: u32) -> Span {
    let of = |span: &&&Span| {
        &*span.request.path == path.as_bytes()
            && span.kind == kind
            && span.request.process.is_some_and(|key| key.tgid == tgid)
    };
    Span::clone(world.spans().iter().find(of).unwrap_or_else(|| panic!("no {kind:?} span of {path}")))
}

/// The server's span is the child of the client's, in its trace, on the word of this node.
fn assert_joined(world: &World, path: &str) {
    let (client, server) =
        (span(world, path, SpanKind::Client, CLIENT), span(world, path, SpanKind::Server, APP));
    assert_eq!(server.request.trace.trace, client.request.trace.trace);
    assert_eq!(server.request.trace.parent, Some(client.request.trace.span));
    assert_eq!(server.request.trace.source, TraceSource::Local);
    assert_eq!(
        (client.request.client.clone(), client.request.server.clone()),
        (server.request.client.clone(), server.request.server.clone())
    );
    assert!(!server.incomplete && server.response.unwrap().status == 200);
}

fn exchange(world: &mut World, id: u64, path: &str) {
    let (client, app) = (process(CLIENT), process(APP));
    world.send(id, client, CLIENT, &format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
    world.get(id + 100, app, 101, Reads::Blocking, path);
    world.answer(id + 100, app, 101);
    world.receive(id, client, CLIENT, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

#[test]
fn tcp_ends_are_joined_within_a_namespace() {
    let mut world = World::default();
    connect(&mut world, 1, process(CLIENT), process(APP));
    exchange(&mut world, 1, "/a");
    exchange(&mut world, 1, "/b");
    world.wait(20);
    assert_joined(&world, "/a");
    assert_joined(&world, "/b");
}

#[test]
fn the_same_loopback_addresses_in_another_namespace_are_another_connection() {
    let mut world = World::default();
    connect(&mut world, 1, process(CLIENT), process(APP));
    let Body::Socket(socket) = &mut world.made.last_mut().unwrap().body else { panic!() };
    socket.net_ns = 2;
    exchange(&mut world, 1, "/a");
    world.wait(20);
    let server = span(&world, "/a", SpanKind::Server, APP);
    assert_eq!((server.request.trace.source, server.request.trace.parent), (TraceSource::Own, None));
}

#[test]
fn unix_ends_are_joined_whichever_knows_the_other() {
    for knows in [Role::Accepted, Role::Connected] {
        let mut world = World::default();
        connect(&mut world, 1, process(CLIENT), process(APP));
        for event in &mut world.made {
            let Body::Socket(socket) = &mut event.body else { continue };
            socket.local = Endpoint::Unix(b"/run/app.sock"[..].into());
            socket.remote = socket.local.clone();
            let peer = if socket.role == Role::Accepted { 1 } else { 101 };
            socket.peer_inode = if socket.role == knows { peer } else { 0 };
        }
        exchange(&mut world, 1, "/a");
        world.wait(20);
        assert_joined(&world, "/a");
    }
}

#[test]
fn the_servers_side_may_be_seen_first() {
    let mut world = World::default();
    connect(&mut world, 1, process(CLIENT), process(APP));
    exchange(&mut world, 1, "/a");
    world.made.swap(2, 3);
    world.wait(20);
    assert_joined(&world, "/a");
}

#[test]
fn a_traceparent_is_a_claim_and_suppresses_nothing() {
    let (mut world, app) = (World::default(), process(APP));
    for (id, value) in [
        (1, format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-00\r\n")),
        (2, format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-0\r\n")),
        (3, format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-00\r\n").repeat(2)),
        (4, String::new()),
    ] {
        world.accept(id, app);
        world.read(
            id,
            app,
            100 + u32::try_from(id).unwrap(),
            Reads::Blocking,
            &format!("GET /{id} HTTP/1.1\r\n{value}\r\n"),
        );
        world.act(app, 100 + u32::try_from(id).unwrap(), u32::try_from(id).unwrap());
        world.answer(id, app, 100 + u32::try_from(id).unwrap());
    }
    world.wait(20);
    let claimed = span(&world, "/1", SpanKind::Server, APP).request;
    assert_eq!(claimed.trace.trace.to_string(), TRACE);
    assert_eq!(claimed.trace.source, TraceSource::ClientClaimed);
    assert_eq!(world.says(1), "exact /1");
    assert_eq!(world.seen(1).unwrap().unwrap().request().unwrap().id, claimed.id);
    for path in ["/2", "/3", "/4"] {
        assert_eq!(
            span(&world, path, SpanKind::Server, APP).request.trace.source,
            TraceSource::Own,
            "{path}"
        );
    }
    assert_eq!(world.tracer.flags().get("invalid_traceparent"), Some(&2));
}

/// An outside client, a proxy that multiplexes, an application behind it.
fn through_proxy(header: &str) -> World {
    let (mut world, proxy, app) = (World::default(), process(PROXY), process(APP));
    world.accept(50, proxy);
    world.accept(51, proxy);
    connect(&mut world, 1, proxy, app);
    world.get(51, proxy, PROXY, Reads::Polling, "/other");
    let head = format!("GET /a HTTP/1.1\r\n{header}\r\n");
    world.read(50, proxy, PROXY, Reads::Polling, &head);
    world.send(1, proxy, PROXY, &head);
    world.read(101, app, 101, Reads::Blocking, &head);
    world.act(app, 101, 1);
    world.answer(101, app, 101);
    world.receive(1, proxy, PROXY, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    world.answer(50, proxy, PROXY);
    world.wait(20);
    world
}

#[test]
fn a_proxy_and_what_is_behind_it_are_one_trace() {
    let claim = format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-00\r\n");
    for (header, source, by) in [
        ("", TraceSource::Own, "parent_content"),
        (&*claim, TraceSource::ClientClaimed, "parent_traceparent"),
    ] {
        let world = through_proxy(header);
        let outer = span(&world, "/a", SpanKind::Server, PROXY).request.trace;
        let sent = span(&world, "/a", SpanKind::Client, PROXY).request.trace;
        let inner = span(&world, "/a", SpanKind::Server, APP).request.trace;
        assert_eq!((outer.source, outer.trace), (source, inner.trace));
        assert_eq!((sent.parent, inner.parent), (Some(outer.span), Some(sent.span)));
        // What came from outside stays a claim, whoever hands it on.
        let expected =
            if source == TraceSource::Own { TraceSource::Local } else { TraceSource::ClientClaimed };
        assert_eq!(inner.source, expected);
        assert_eq!(world.tracer.flags().get(by), Some(&1));
        let parent = span(&world, "/a", SpanKind::Client, PROXY).parent.unwrap();
        assert_eq!((parent.kind, parent.reason.is_empty()), (LinkKind::Sole, false));
        assert_eq!(span(&world, "/a", SpanKind::Server, APP).parent, None);
        assert_eq!(world.says(1), "exact /a");
    }
}

#[test]
fn a_proxy_with_two_alike_in_flight_has_no_parent() {
    let (mut world, proxy, app) = (World::default(), process(PROXY), process(APP));
    world.accept(50, proxy);
    world.accept(51, proxy);
    connect(&mut world, 1, proxy, app);
    world.get(50, proxy, PROXY, Reads::Polling, "/a");
    world.get(51, proxy, PROXY, Reads::Polling, "/a");
    world.send(1, proxy, PROXY, "GET /a HTTP/1.1\r\n\r\n");
    world.receive(1, proxy, PROXY, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    world.wait(20);
    assert_eq!(span(&world, "/a", SpanKind::Client, PROXY).request.trace.parent, None);
}

#[test]
fn exporting_spans_makes_no_spans_but_hides_nothing() {
    let (mut world, app) = (World::default(), process(APP));
    world.accept(1, app);
    let head =
        "POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
    world.read(1, app, 101, Reads::Blocking, head);
    world.act(app, 101, 1);
    world.answer(1, app, 101);
    world.wait(20);
    assert_eq!((world.spans().len(), world.requests().len()), (0, 1));
    assert_eq!(world.says(1), "exact /v1/traces");
    assert_eq!(world.tracer.flags().get("own_telemetry"), Some(&1));
}

#[test]
fn silence_ends_an_answer_whose_end_was_not_captured() {
    let (mut world, app) = (World::default(), process(APP));
    world.accept(1, app);
    world.get(1, app, 101, Reads::Blocking, "/a");
    world.send(1, app, 101, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n");
    let Body::Data(data) = &mut world.made.last_mut().unwrap().body else { panic!() };
    data.bytes = data.bytes[..50].into();
    world.wait(1000);
    assert_eq!(world.spans().len(), 0);
    world.wait(6000);
    let span = span(&world, "/a", SpanKind::Server, APP);
    assert!(span.incomplete && span.response.unwrap().status == 200);
}
