//! Which request caused an action: one case a test, the link as it comes out.
mod world;

use guardbee_model::{
    clock::BootTime,
    event::{Body, Event},
    loss::{Loss, Stage},
    socket::{Role, Socket},
};
use guardbee_trace::Params;
use world::{MS, Reads, World, process};

const APP: u32 = 100;

/// A server with one open connection from outside.
fn server() -> World {
    let mut world = World::default();
    world.accept(1, process(APP));
    world
}

#[test]
fn a_blocking_thread_acts_and_its_child_acts() {
    let (mut world, app) = (server(), process(APP));
    world.get(1, app, 101, Reads::Blocking, "/a");
    world.act(app, 101, 1);
    let child = world.fork(app, 101, 500);
    world.act(child, 500, 2);
    let grandchild = world.fork(child, 500, 501);
    world.act(grandchild, 501, 3);
    world.answer(1, app, 101);
    world.act(app, 101, 4);
    world.wait(60_000);
    world.act(grandchild, 501, 5);
    world.wait(20);
    assert_eq!(
        [1, 2, 3, 4, 5].map(|n| world.says(n)),
        ["exact /a", "inherited /a", "inherited /a", "none", "inherited /a"]
    );
}

#[test]
fn an_event_loop_has_candidates_only() {
    let (mut world, app) = (server(), process(APP));
    world.accept(2, app);
    world.accept(3, app);
    for (id, path) in [(1, "/a"), (2, "/b"), (3, "/c")] {
        world.get(id, app, APP, Reads::Polling, path);
    }
    world.act(app, APP, 1);
    let child = world.fork(app, APP, 500);
    world.answer(1, app, APP);
    world.act(app, APP, 2);
    world.answer(2, app, APP);
    world.act(app, APP, 3);
    world.act(app, 177, 4); // A pool thread, which never read.
    world.wait(20);
    world.answer(3, app, APP);
    world.act(app, APP, 5);
    world.act(child, 500, 6);
    world.wait(20);
    assert_eq!(world.says(1), "ambiguous /a /b /c");
    assert_eq!(world.says(2), "ambiguous /b /c");
    assert_eq!([3, 4, 5].map(|n| world.says(n)), ["sole /c", "sole /c", "none"]);
    assert_eq!(world.says(6), "ambiguous /a /b /c");
}

#[test]
fn candidates_are_at_most_so_many() {
    let mut world = World::new(Params { candidates: 2, ..Params::default() });
    let app = process(APP);
    for id in 1..=5 {
        world.accept(id, app);
        world.get(id, app, APP, Reads::Polling, &format!("/{id}"));
    }
    world.act(app, APP, 1);
    world.wait(20);
    assert_eq!(world.says(1), "ambiguous /1 /2 +3");
}

#[test]
fn a_timer_on_another_thread_of_a_blocking_server_is_no_proof() {
    let (mut world, app) = (server(), process(APP));
    world.get(1, app, 101, Reads::Blocking, "/a");
    world.act(app, 102, 1);
    world.wait(20);
    assert_eq!(world.says(1), "sole /a");
}

#[test]
fn a_pool_thread_made_within_a_request_inherits_nothing() {
    let (mut world, app) = (server(), process(APP));
    world.get(1, app, 101, Reads::Blocking, "/a");
    world.give();
    world.answer(1, app, 101);
    world.act(app, 199, 1);
    world.wait(20);
    assert_eq!(world.says(1), "none");
}

#[test]
fn payload_that_comes_late_is_waited_for() {
    let (mut world, app) = (server(), process(APP));
    world.give();
    world.get(1, app, 101, Reads::Blocking, "/a");
    world.act(app, 101, 1);
    world.act(app, 102, 2); // Not stamped, but after the first of its process.
    let mut events = std::mem::take(&mut world.made);
    let head = events.remove(0);
    for event in events {
        world.tracer.event(event, &world.known, &mut world.out);
    }
    world.wait(100);
    assert_eq!(world.says(1), "waiting");
    assert_eq!(world.says(2), "waiting");
    world.tracer.event(head, &world.known, &mut world.out);
    world.wait(1);
    assert_eq!(world.says(1), "exact /a");
    assert_eq!(world.says(2), "sole /a");
}

#[test]
fn what_never_comes_is_unproven_after_the_bound() {
    let (mut world, app) = (server(), process(APP));
    world.get(1, app, 101, Reads::Blocking, "/a");
    world.made.pop();
    world.act(app, 101, 1);
    world.wait(249);
    assert_eq!(world.says(1), "waiting");
    world.wait(2);
    assert_eq!(world.says(1), "unproven");
}

#[test]
fn unstamped_events_never_wait() {
    let (mut world, app) = (server(), process(APP));
    world.act(app, 101, 1);
    world.give();
    assert_eq!(world.says(1), "none");
}

#[test]
fn a_gap_before_the_head_is_unproven() {
    let (mut world, app) = (server(), process(APP));
    world.get(1, app, 101, Reads::Blocking, "/lost");
    world.made.pop();
    world.get(1, app, 101, Reads::Blocking, "/b");
    world.act(app, 101, 1);
    world.wait(20);
    assert_eq!(world.says(1), "unproven /b");
}

#[test]
fn a_loss_record_makes_it_unproven() {
    let (mut world, app) = (server(), process(APP));
    world.get(1, app, 101, Reads::Blocking, "/a");
    world.act(app, 101, 1);
    world.give();
    let (from, to) = (BootTime(world.now - MS), BootTime(world.now + MS));
    world.tracer.loss(&Loss { stage: Stage::Kernel, cause: "ring_full", kind: "data", count: 1, from, to });
    world.wait(20);
    assert_eq!(world.says(1), "unproven /a");
}

#[test]
fn an_untracked_stamp_and_a_lost_one_are_unproven() {
    let (mut world, app) = (server(), process(APP));
    world.get(1, app, 101, Reads::Blocking, "/a");
    world.stamp(101).untracked = true;
    world.act(app, 101, 1);
    world.act(app, 102, 2);
    world.made.last_mut().unwrap().header.stamp_lost = true;
    world.wait(20);
    assert_eq!(world.says(1), "unproven /a");
    assert_eq!(world.says(2), "unproven /a");
}

#[test]
fn pid_reuse_is_another_process() {
    let (mut world, app) = (server(), process(APP));
    world.get(1, app, 101, Reads::Blocking, "/a");
    let child = world.fork(app, 101, 500);
    world.act(child, 500, 1);
    world.exit(child);
    world.answer(1, app, 101);
    let again = world.fork(process(7), 7, 500);
    world.act(again, 500, 2);
    world.wait(20);
    assert_eq!([1, 2].map(|n| world.says(n)), ["inherited /a", "none"]);
}

#[test]
fn keep_alive_and_a_child_of_the_request_before() {
    let (mut world, app) = (server(), process(APP));
    world.get(1, app, 101, Reads::Blocking, "/a");
    let child = world.fork(app, 101, 500);
    world.answer(1, app, 101);
    world.get(1, app, 101, Reads::Blocking, "/b");
    world.act(child, 500, 1);
    world.act(app, 101, 2);
    world.wait(20);
    assert_eq!([1, 2].map(|n| world.says(n)), ["inherited /a", "exact /b"]);
}

#[test]
fn pipelined_requests_are_ambiguous() {
    let (mut world, app) = (server(), process(APP));
    world.read(1, app, 101, Reads::Blocking, "GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
    world.act(app, 101, 1);
    world.answer(1, app, 101);
    world.act(app, 101, 2);
    world.wait(20);
    assert_eq!([1, 2].map(|n| world.says(n)), ["ambiguous /a /b", "sole /b"]);
}

#[test]
fn a_streamed_answer_is_not_over_until_its_last_byte() {
    let (mut world, app) = (server(), process(APP));
    world.get(1, app, 101, Reads::Blocking, "/a");
    world.send(1, app, 101, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
    world.act(app, 101, 1);
    world.send(1, app, 101, "0\r\n\r\n");
    world.act(app, 101, 2);
    world.wait(20);
    assert_eq!([1, 2].map(|n| world.says(n)), ["exact /a", "none"]);
}

#[test]
fn an_end_that_was_not_captured_is_unproven() {
    let (mut world, app) = (server(), process(APP));
    world.get(1, app, 101, Reads::Blocking, "/a");
    world.act(app, 101, 1);
    world.send(1, app, 101, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n");
    let Body::Data(data) = &mut world.made.last_mut().unwrap().body else { panic!() };
    data.bytes = data.bytes[..50].into();
    world.act(app, 101, 2);
    world.wait(20);
    assert_eq!([1, 2].map(|n| world.says(n)), ["exact /a", "unproven /a"]);
}

#[test]
fn a_guessed_role_is_corrected_by_content() {
    let (mut world, curl) = (World::default(), process(200));
    let guessed = Socket { role_guessed: true, ..World::socket(9, Role::Accepted) };
    world.open(guessed, curl);
    world.send(9, curl, 200, "GET /a HTTP/1.1\r\n\r\n");
    world.read(9, curl, 200, Reads::Blocking, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok");
    world.act(curl, 200, 1);
    world.wait(20);
    assert_eq!(world.says(1), "none");
    let (mut world, app) = (World::default(), process(APP));
    let guessed = Socket { role: Role::Connected, role_guessed: true, ..World::socket(9, Role::Connected) };
    world.open(guessed, app);
    world.get(9, app, 101, Reads::Blocking, "/a");
    world.act(app, 101, 1);
    world.wait(20);
    assert_eq!(world.says(1), "exact /a");
}

#[test]
fn an_identified_process_may_poll() {
    for (identified, said) in [(vec![APP], "exact /a"), (vec![], "sole /a")] {
        let (mut world, app) = (server(), process(APP));
        world.known.identified = identified;
        world.get(1, app, 101, Reads::Polling, "/a");
        world.act(app, 101, 1);
        world.wait(20);
        assert_eq!(world.says(1), said);
    }
}

#[test]
fn a_thread_that_hands_its_connection_over_proves_nothing() {
    let (mut world, app) = (server(), process(APP));
    world.read(1, app, 101, Reads::Blocking, "POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\n");
    world.read(1, app, 102, Reads::Blocking, "body");
    world.act(app, 101, 1);
    world.act(app, 102, 2);
    world.wait(20);
    assert_eq!([1, 2].map(|n| world.says(n)), ["sole /a", "sole /a"]);
}

#[test]
fn a_thread_with_two_connections_open_multiplexes_after_all() {
    let (mut world, app) = (server(), process(APP));
    world.accept(2, app);
    world.get(1, app, 101, Reads::Blocking, "/a");
    world.get(2, app, 101, Reads::Blocking, "/b");
    world.act(app, 101, 1);
    world.wait(20);
    assert_eq!(world.says(1), "ambiguous /a /b");
}

#[test]
fn a_fork_that_was_lost_is_resolved_by_its_stamp_while_that_is_possible() {
    let (mut world, app) = (server(), process(APP));
    world.get(1, app, 101, Reads::Blocking, "/a");
    let child = world.fork(app, 101, 500);
    world.made.pop();
    world.act(child, 500, 1);
    world.wait(20);
    assert_eq!(world.says(1), "inherited /a");
    let mut world = World::new(Params { origins: 1, ..Params::default() });
    world.accept(1, app);
    world.accept(2, app);
    world.get(1, app, 101, Reads::Blocking, "/a");
    let child = world.fork(app, 101, 500);
    world.fork(app, 101, 501);
    world.close(1, app);
    world.wait(5_000);
    for number in 0..200 {
        world.get(2, app, 101, Reads::Blocking, &format!("/{number}"));
        world.answer(2, app, 101);
    }
    world.act(child, 500, 1);
    world.wait(20);
    assert_eq!(world.says(1), "inherited /a");
    assert_eq!(
        world.tracer.losses(BootTime(world.now)).iter().filter(|l| l.cause == "origins_full").count(),
        1
    );
}

#[test]
fn older_connections_and_other_protocols_prove_nothing() {
    let mut world = World::default();
    let (ssh, app) = (process(22), process(APP));
    world.accept(1, ssh);
    world.read(1, ssh, 22, Reads::Blocking, "SSH-2.0-OpenSSH\r\n");
    let child = world.fork(ssh, 22, 500);
    world.act(child, 500, 1);
    let middle = Socket { middle: true, ..World::socket(2, Role::Accepted) };
    world.open(middle, app);
    world.read(2, app, 101, Reads::Blocking, "lf of a head\r\n\r\n");
    world.act(app, 101, 2);
    world.answer(2, app, 101);
    world.get(2, app, 101, Reads::Blocking, "/next");
    world.act(app, 101, 3);
    world.wait(20);
    assert_eq!([1, 2, 3].map(|n| world.says(n)), ["none", "unproven", "exact /next"]);
}

#[test]
fn the_waiting_room_is_bounded() {
    let mut world = World::new(Params { waiting: 4, ..Params::default() });
    let app = process(APP);
    world.accept(1, app);
    world.get(1, app, 101, Reads::Blocking, "/a");
    world.made.pop();
    for nonce in 0..10 {
        world.act(app, 101, nonce);
    }
    world.give();
    assert_eq!((world.says(5), world.says(6)), ("unproven".to_owned(), "waiting".to_owned()));
    let full = world.tracer.losses(BootTime(world.now));
    assert_eq!(full.iter().map(|loss| (loss.cause, loss.count)).collect::<Vec<_>>(), [("waiting_full", 6)]);
}

#[test]
fn every_event_comes_out_once_and_in_the_order_of_its_process() {
    let (mut world, app) = (server(), process(APP));
    world.get(1, app, 101, Reads::Blocking, "/a");
    for nonce in 0..20 {
        world.act(app, if nonce % 3 == 0 { 101 } else { 102 }, nonce);
    }
    world.wait(300);
    let order: Vec<_> = world
        .out
        .iter()
        .filter_map(|output| match output {
            guardbee_trace::Output::Security { event: Event { body: Body::Listen(listen), .. }, .. } => {
                Some(listen.socket.connection.0)
            }
            _ => None,
        })
        .collect();
    assert_eq!(order, (0..20).collect::<Vec<_>>());
}
