//! Lookups: a question and its answer come out as one event, with the request behind the question.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]
mod world;

use guardbee_model::{
    clock::BootTime,
    dns::{Dns, Lookup, Part},
    event::{Body, Connect, Direction, Event},
    id::ConnectionId,
    link::Link,
    socket::{Endpoint, Role},
    system::Deed,
};
use guardbee_trace::{Output, Params};
use std::sync::Arc;
use world::{Reads, World, process};

const SERVER: u32 = 100;

/// A message that asks for a name, or answers it with an address whose last number is the id.
fn message(id: u16, name: &str, answered: bool) -> Vec<u8> {
    let labels: Vec<u8> = name
        .split('.')
        .flat_map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat())
        .collect();
    let flags = if answered { 0x8180 } else { 0x0100 };
    let header: Vec<u8> =
        [id, flags, 1, u16::from(answered), 0, 0].into_iter().flat_map(u16::to_be_bytes).collect();
    let last = id.to_be_bytes()[1];
    let record: &[u8] = &[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 203, 0, 113, last];
    [&header[..], &labels, &[0, 0, 1, 0, 1], if answered { record } else { &[] }].concat()
}

fn moved(world: &mut World, tid: u32, from: (u64, Direction), bytes: Vec<u8>) {
    put(world, tid, from, None, bytes);
}

fn put(
    world: &mut World,
    tid: u32,
    (socket, direction): (u64, Direction),
    part: Option<Part>,
    bytes: Vec<u8>,
) {
    let header = world.header(process(SERVER), tid);
    let dns = Dns {
        socket,
        server: "192.0.2.53".parse().unwrap(),
        direction,
        part,
        length: u32::try_from(bytes.len()).unwrap(),
        bytes: bytes.into(),
        comm: b"app".as_slice().into(),
    };
    world.made.push(Event { header, body: Body::Dns(Box::new(dns)) });
}

fn ask(world: &mut World, socket: u64, id: u16, name: &str) {
    moved(world, SERVER, (socket, Direction::Sent), message(id, name, false));
}

fn answer(world: &mut World, socket: u64, id: u16, name: &str) {
    moved(world, SERVER, (socket, Direction::Received), message(id, name, true));
}

/// Lookups that came out, with when and with which link.
fn told(world: &World) -> Vec<(BootTime, &Lookup, Option<&Link>)> {
    let lookup = |output| match output {
        &Output::Security { event: Event { ref header, body: Body::System(ref system) }, ref link } => {
            let Deed::Lookup(lookup) = &system.deed else { return None };
            Some((header.time, lookup, link.as_ref()))
        }
        _ => None,
    };
    world.out.iter().filter_map(lookup).collect()
}

fn names(world: &World) -> Vec<(String, bool)> {
    let name = |lookup: &Lookup| String::from_utf8(lookup.question.name.to_vec()).unwrap();
    told(world).iter().map(|(_, lookup, _)| (name(lookup), lookup.answer.is_some())).collect()
}

fn consumed(world: &World) -> usize {
    world.out.iter().filter(|output| matches!(output, Output::Consumed)).count()
}

#[test]
fn a_question_comes_out_with_its_answer_once() {
    let mut world = World::default();
    ask(&mut world, 1, 7, "www.example.com");
    // Asked again, and answered twice.
    ask(&mut world, 1, 7, "www.example.com");
    answer(&mut world, 1, 7, "WWW.example.COM");
    answer(&mut world, 1, 7, "www.example.com");
    world.wait(1);
    let lookups = told(&world);
    let [(time, lookup, None)] = lookups.as_slice() else { panic!("{lookups:?}") };
    assert_eq!((&*lookup.question.registered, lookup.question.kind), (&b"example.com"[..], 1));
    let answer = lookup.answer.as_ref().unwrap();
    assert_eq!((answer.code, &*answer.records[0].data), (0, &b"203.0.113.7"[..]));
    assert!(*time > lookup.asked);
    // Of four messages one became an event.
    assert_eq!(consumed(&world), 3);
}

/// Bytes of one connection, by one call each; answers where the next ones are.
fn stream(world: &mut World, direction: Direction, from: u64, calls: &[&[u8]]) -> u64 {
    calls.iter().fold(from, |position, bytes| {
        let part = Part { connection: ConnectionId(5), position, middle: false };
        put(world, SERVER, (1, direction), Some(part), bytes.to_vec());
        position + bytes.len() as u64
    })
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
}

#[test]
fn over_tcp_messages_come_out_whole_and_each_record_counts_once() {
    let mut world = World::default();
    let [one, two] = [false, true]
        .map(|told| [message(7, "one.example", told), message(8, "two.example", told)])
        .map(|[one, two]| [framed(&one), framed(&two)]);
    // Both questions by one call; the answers as resolvers read them: first the length, then the rest.
    stream(&mut world, Direction::Sent, 0, &[&one.concat()]);
    let (length, rest) = two[0].split_at(2);
    stream(&mut world, Direction::Received, 0, &[length, rest, &two[1]]);
    world.wait(1);
    assert_eq!(names(&world), [("one.example".to_owned(), true), ("two.example".to_owned(), true)]);
    let further: Vec<_> = told(&world).iter().map(|(_, lookup, _)| lookup.further).collect();
    assert_eq!(further, [false, true]);
    // Four records: one counts for both events, the answers become none.
    assert_eq!(consumed(&world), 3);
}

#[test]
fn over_tcp_what_is_missed_is_a_loss_and_what_is_no_message_is_told() {
    let mut world = World::default();
    let asked = framed(&message(7, "one.example", false));
    stream(&mut world, Direction::Sent, 10, &[&asked[1..]]);
    world.wait(3_000);
    let losses = world.tracer.losses(BootTime(1));
    assert_eq!(
        losses.iter().map(|loss| (loss.cause, loss.count)).collect::<Vec<_>>(),
        [("message_unread", 1)]
    );
    assert!(names(&world).is_empty());
    stream(&mut world, Direction::Sent, 2_000, &[&asked]);
    world.wait(3_000);
    assert_eq!(names(&world).len(), 1);
    let other = b"\x16\x03\x01\x01\xfc\x01\x00\x01\xf8\x03\x03 and so on";
    stream(&mut world, Direction::Sent, 2_000 + asked.len() as u64, &[other, other]);
    world.wait(3_000);
    assert!(told(&world)[1].1.is_malformed() && told(&world).len() == 2);
}

#[test]
fn what_is_not_answered_comes_out_later() {
    let mut world = World::default();
    ask(&mut world, 1, 7, "silent.example");
    world.wait(1_000);
    assert!(names(&world).is_empty());
    world.wait(1_500);
    assert_eq!(names(&world), [("silent.example".to_owned(), false)]);
    // Too late.
    answer(&mut world, 1, 7, "silent.example");
    world.wait(1);
    assert_eq!((told(&world).len(), world.tracer.flags()["dns_unasked"]), (1, 1));
}

#[test]
fn answers_are_told_apart_by_socket_id_and_name() {
    let mut world = World::default();
    ask(&mut world, 1, 7, "one.example");
    for (socket, id, name) in [(2, 7, "one.example"), (1, 8, "one.example"), (1, 7, "two.example")] {
        answer(&mut world, socket, id, name);
    }
    world.wait(1);
    assert!(names(&world).is_empty());
    answer(&mut world, 1, 7, "one.example");
    world.wait(1);
    assert_eq!(names(&world), [("one.example".to_owned(), true)]);
}

#[test]
fn the_request_behind_a_question_is_known() {
    let mut world = World::default();
    world.accept(5, process(SERVER));
    world.get(5, process(SERVER), SERVER, Reads::Blocking, "/fetch?host=x");
    ask(&mut world, 1, 7, "evil.example");
    // The answer is there before it is clear which request it was.
    answer(&mut world, 1, 7, "evil.example");
    world.wait(100);
    let lookups = told(&world);
    let [(_, _, Some(link))] = lookups.as_slice() else { panic!("{lookups:?}") };
    assert_eq!((link.kind.name(), link.requests.len()), ("exact", 1));
}

#[test]
fn with_no_room_the_oldest_goes_without_its_answer() {
    let mut world = World::new(Params { lookups: 2, ..Params::default() });
    for id in 0..4 {
        ask(&mut world, 1, id, &format!("n{id}.example"));
    }
    world.wait(1);
    assert_eq!(names(&world), [("n0.example".to_owned(), false), ("n1.example".to_owned(), false)]);
    let losses = world.tracer.losses(BootTime(world.now));
    assert_eq!((losses[0].cause, losses[0].kind, losses[0].count), ("lookups_full", "dns", 2));
    world.wait(3_000);
    assert_eq!(names(&world).len(), 4);
}

#[test]
fn what_is_answered_makes_room() {
    let mut world = World::new(Params { lookups: 2, ..Params::default() });
    for id in 0..10 {
        let name = format!("n{id}.example");
        ask(&mut world, 1, id, &name);
        answer(&mut world, 1, id, &name);
        // Their links are known only later.
        world.wait(20);
    }
    assert!(names(&world).len() == 10 && names(&world).iter().all(|(_, answered)| *answered));
    assert!(world.tracer.losses(BootTime(world.now)).is_empty());
}

#[test]
fn what_is_sent_there_and_is_no_question_is_told_at_once() {
    let mut world = World::default();
    moved(&mut world, SERVER, (1, Direction::Sent), b"anything but DNS".to_vec());
    world.wait(20);
    let lookups = told(&world);
    let [(_, lookup, None)] = lookups.as_slice() else { panic!("{lookups:?}") };
    assert!(lookup.is_malformed() && consumed(&world) == 0);
}

#[test]
fn messages_that_say_nothing_are_counted() {
    let mut world = World::default();
    let (sent, received) = ((1, Direction::Sent), (1, Direction::Received));
    moved(&mut world, SERVER, sent, Vec::new());
    moved(&mut world, SERVER, received, vec![1, 2, 3]);
    moved(&mut world, SERVER, sent, message(1, "a.example", true));
    moved(&mut world, SERVER, received, message(1, "a.example", false));
    let mut update = message(1, "a.example", false);
    update[2] = 0x28;
    moved(&mut world, SERVER, sent, update);
    world.wait(3_000);
    assert_eq!((told(&world).len(), consumed(&world)), (0, 5));
    let flags = world.tracer.flags();
    assert_eq!((flags["dns_malformed"], flags["dns_backwards"], flags["dns_no_question"]), (1, 2, 1));
    let losses = world.tracer.losses(BootTime(world.now));
    assert_eq!((losses[0].cause, losses[0].count), ("message_unread", 1));
}

/// A connection to an address, begun so long ago.
fn connect(world: &mut World, to: &str, begun_ms: u64) {
    let mut socket = World::socket(9, Role::Connected);
    socket.remote = Endpoint::Ip(format!("{to}:443").parse().unwrap());
    let header = world.header(process(SERVER), SERVER);
    let begun = BootTime(world.now - begun_ms * world::MS);
    let connect = Connect { socket, begun, error: 0, name: Arc::default() };
    world.made.push(Event { header, body: Body::Connect(Box::new(connect)) });
}

/// Names of those who were connected to.
fn peers(world: &World) -> Vec<String> {
    let name = |output: &Output| match output {
        Output::Security { event: Event { body: Body::Connect(connect), .. }, .. } => {
            Some(String::from_utf8(connect.name.to_vec()).unwrap())
        }
        _ => None,
    };
    world.out.iter().filter_map(name).collect()
}

#[test]
fn who_is_connected_to_goes_by_the_name_that_was_asked_for() {
    let mut world = World::default();
    connect(&mut world, "203.0.113.7", 0);
    ask(&mut world, 1, 7, "WWW.Example.com");
    answer(&mut world, 1, 7, "www.example.COM");
    // Begun before there was an answer, to another address, and to that one.
    connect(&mut world, "203.0.113.7", 1);
    connect(&mut world, "203.0.113.8", 0);
    connect(&mut world, "203.0.113.7", 0);
    // What nobody asked tells nobody's name.
    answer(&mut world, 1, 8, "stranger.example");
    connect(&mut world, "203.0.113.7", 0);
    world.wait(300);
    assert_eq!(peers(&world), ["", "", "", "www.example.com", "www.example.com"]);
}

#[test]
fn names_that_find_no_room_are_a_loss() {
    let mut world = World::new(Params { names: 1, ..Params::default() });
    for id in 0..3 {
        ask(&mut world, 1, id, "www.example.com");
        answer(&mut world, 1, id, "www.example.com");
    }
    world.wait(1);
    let losses = world.tracer.losses(BootTime(world.now));
    assert_eq!((losses[0].cause, losses[0].kind, losses[0].count), ("names_full", "dns", 2));
}
