//! What is forgotten, when, and what is said of it.
mod world;

use guardbee_model::{
    clock::BootTime,
    loss::{Loss, Stage},
    socket::{Endpoint, Role, Socket},
};
use guardbee_trace::Params;
use world::{MS, Reads, World, process};

const APP: u32 = 100;

fn losses(world: &mut World) -> Vec<(&'static str, u64)> {
    let now = BootTime(world.now);
    world.tracer.losses(now).iter().map(|loss| (loss.cause, loss.count)).collect()
}

/// A unix connection that the server `APP` accepted.
fn accept_unix(world: &mut World, id: u64) {
    let path = || Endpoint::Unix(b"/run/app.sock"[..].into());
    world.open(Socket { local: path(), remote: path(), ..World::socket(id, Role::Accepted) }, process(APP));
}

#[test]
fn a_unix_connection_that_is_idle_is_forgotten() {
    let (mut world, app) = (World::default(), process(APP));
    for id in 1..=100 {
        accept_unix(&mut world, id);
        world.get(id, app, 101, Reads::Blocking, "/a");
        world.answer(id, app, 101);
    }
    world.wait(14 * 60 * 1000);
    assert_eq!(world.tracer.connections(), 100);
    // One of them lives.
    world.get(7, app, 107, Reads::Blocking, "/long");
    world.wait(2 * 60 * 1000);
    assert_eq!(world.tracer.connections(), 1);
    assert_eq!(world.tracer.flags().get("unix_idle"), Some(&99));
    world.act(app, 107, 1);
    world.act(app, 101, 2);
    world.wait(20);
    assert_eq!([1, 2].map(|nonce| world.says(nonce)), ["exact /long", "sole /long"]);
    world.wait(20 * 60 * 1000);
    assert_eq!((world.tracer.connections(), world.spans().len()), (0, 101));
    assert_eq!(losses(&mut world), []);
}

#[test]
fn a_unix_connection_whose_last_answer_is_there_is_forgotten_at_once() {
    let (mut world, app) = (World::default(), process(APP));
    for id in 1..=1000 {
        accept_unix(&mut world, id);
        world.get(id, app, 101, Reads::Blocking, "/a");
        world.send(id, app, 101, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    world.wait(20);
    assert_eq!((world.tracer.connections(), world.spans().len()), (0, 1000));
}

#[test]
fn a_tcp_connection_is_kept_until_its_close() {
    let (mut world, app) = (World::default(), process(APP));
    world.accept(1, app);
    world.get(1, app, 101, Reads::Blocking, "/a");
    world.answer(1, app, 101);
    world.wait(60 * 60 * 1000);
    assert_eq!(world.tracer.connections(), 1);
    world.close(1, app);
    world.act(app, 101, 1);
    world.wait(20);
    assert_eq!((world.tracer.connections(), &*world.says(1)), (0, "none"));
}

#[test]
fn connections_are_bounded_and_what_they_owed_is_told() {
    let mut world = World::new(Params { connections: 8, closed: 2, ..Params::default() });
    let app = process(APP);
    for id in 1..=20 {
        accept_unix(&mut world, id);
        world.get(id, app, APP, Reads::Polling, "/a");
    }
    world.wait(20);
    assert_eq!((world.tracer.connections(), losses(&mut world)), (8, vec![("connections_full", 12)]));
    assert_eq!(world.spans().iter().filter(|span| span.incomplete && span.response.is_none()).count(), 12);
    // One of the last that were forgotten speaks again: its ends are known, what it had open is not.
    world.answer(12, app, APP);
    world.get(12, app, APP, Reads::Polling, "/again");
    world.answer(12, app, APP);
    world.wait(20);
    assert_eq!(losses(&mut world), [("connections_full", 1), ("connections_full", 1)]);
    let again = world.spans().into_iter().find(|span| *span.request.path == *b"/again").cloned();
    assert!(
        again.is_some_and(|span| matches!(&span.request.server, Endpoint::Unix(path) if !path.is_empty()))
    );
}

#[test]
fn the_connection_that_is_idle_is_forgotten_first() {
    let mut world = World::new(Params { connections: 8, ..Params::default() });
    let app = process(APP);
    for id in 1..=8 {
        world.accept(id, app);
    }
    // One of the oldest speaks twice a second all the time.
    for _ in 0..10 {
        world.wait(500);
        world.get(2, app, 102, Reads::Blocking, "/a");
        world.answer(2, app, 102);
    }
    for id in 11..=17 {
        world.accept(id, app);
    }
    world.get(2, app, 102, Reads::Blocking, "/b");
    world.act(app, 102, 1);
    world.wait(20);
    assert_eq!((&*world.says(1), losses(&mut world)), ("exact /b", vec![]));
}

#[test]
fn an_answered_request_that_is_forgotten_early_costs_a_link_and_no_span() {
    let mut world = World::new(Params { history: 2, ..Params::default() });
    let app = process(APP);
    world.accept(1, app);
    world.get(1, app, 101, Reads::Blocking, "/a");
    world.act(app, 101, 1);
    for path in ["/b", "/c", "/d"] {
        world.answer(1, app, 101);
        world.get(1, app, 101, Reads::Blocking, path);
    }
    world.act(app, 101, 2);
    world.answer(1, app, 101);
    world.wait(20);
    assert_eq!([1, 2].map(|nonce| world.says(nonce)), ["unproven", "exact /d"]);
    assert_eq!((world.spans().len(), losses(&mut world)), (4, vec![("history_full", 2)]));
    // Later it costs nothing, and is not counted.
    for path in ["/e", "/f", "/g"] {
        world.wait(1000);
        world.get(1, app, 101, Reads::Blocking, path);
        world.answer(1, app, 101);
    }
    world.wait(20);
    assert_eq!((world.spans().len(), losses(&mut world)), (7, vec![]));
}

#[test]
fn more_unanswered_requests_than_are_followed_prove_nothing() {
    let (mut world, app) = (World::default(), process(APP));
    for id in 1..=16_384 {
        world.accept(id, app);
        world.get(id, app, 102, Reads::Polling, "/a");
    }
    world.give();
    // From here on there is no room in the list of the process, and none for connections.
    for id in [20_001, 20_002] {
        world.accept(id, app);
        world.read(id, app, 101, Reads::Blocking, "GET /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\n");
    }
    world.act(app, 101, 1);
    world.wait(20);
    let said = world.says(1);
    assert!(said.starts_with("unproven") || said.starts_with("ambiguous"), "{said}");
    assert!(losses(&mut world).contains(&("open_full", 2)));
}

#[test]
fn a_busy_server_waits_for_no_one_for_long() {
    let (mut world, app) = (World::default(), process(APP));
    world.accept(1, app);
    world.get(1, app, 101, Reads::Blocking, "/a");
    let lost = world.made.pop();
    for nonce in 0..100 {
        world.act(app, 101, nonce);
        world.act(process(300), 300, 1000 + nonce);
    }
    world.give();
    assert_eq!((&*world.says(0), &*world.says(1099)), ("waiting", "none"));
    let (from, to) = (BootTime(world.now - 10 * MS), BootTime(world.now));
    world.tracer.loss(&Loss { stage: Stage::Kernel, cause: "ring_full", kind: "data", count: 1, from, to });
    world.wait(11);
    assert_eq!((&*world.says(0), &*world.says(99)), ("unproven", "unproven"));
    drop(lost);
}

#[test]
fn a_connection_is_known_by_its_accept_where_the_record_before_its_payload_is_lost() {
    let (mut world, app) = (World::default(), process(APP));
    let remote: std::net::SocketAddr = "203.0.113.7:1234".parse().unwrap();
    let ends = |id| Socket { remote: Endpoint::Ip(remote), ..World::socket(id, Role::Accepted) };
    world.announce(ends(1), app);
    world.get(1, app, 101, Reads::Blocking, "/a");
    world.act(app, 101, 1);
    world.answer(1, app, 101);
    world.wait(20);
    assert_eq!(world.says(1), "exact /a");
    assert_eq!(world.spans()[0].request.client, Endpoint::Ip(remote));
    // Of one that was never used nothing is kept.
    world.announce(ends(2), app);
    world.wait(1);
    assert_eq!(world.tracer.connections(), 2);
    world.close(2, app);
    world.wait(1);
    assert_eq!((world.tracer.connections(), losses(&mut world)), (1, vec![]));
    // What the kernel half had no room to follow has no number.
    world.announce(ends(0), app);
    world.wait(1);
    assert_eq!(world.tracer.connections(), 1);
}
