//! HTTP/1 connections: bytes of both directions, cut, overlapping, partly captured or lost, at any position.
//!
//! The first byte is [`MIDDLE`] and [`TOTALS`]; each step is three bytes (what, captured bytes, amount) and then payload.
#![no_main]

use guardbee_l7::{Chunk, Connection, Fact, connection::PENDING, route, target, traceparent};
use guardbee_model::{clock::BootTime, event::Direction};
use libfuzzer_sys::fuzz_target;
use std::collections::HashMap;

/// The connection is older than the sensor.
const MIDDLE: u8 = 1 << 0;
/// How much was moved is known at its end.
const TOTALS: u8 = 1 << 1;

/// Sent, not received.
const SENT: u8 = 1 << 0;
/// The amount was lost before this chunk.
const LOST: u8 = 1 << 1;
/// The amount was moved behind what was captured of it.
const UNSEEN: u8 = 1 << 2;
/// The amount was told before.
const AGAIN: u8 = 1 << 3;
/// Then everybody loses patience.
const GIVE_UP: u8 = 1 << 4;
/// The length is in units of 16.
const LONG: u8 = 1 << 5;
/// The two highest bits: how far the amount is shifted to the left.
const SHIFTS: [u32; 4] = [0, 8, 32, 56];

/// Bytes of partial heads: two of 16 KiB.
const HELD: usize = 2 * (16 << 10);

/// Bytes of a route: 13 parts of 40 bytes, each byte escaped by at most four, and what is between them.
const ROUTE: usize = 13 * (40 * 4 + 1) + 1;

fuzz_target!(|data: &[u8]| {
    let Some((&setup, steps)) = data.split_first() else { return };
    let mut run = Run::new(setup & MIDDLE != 0);
    let mut rest = steps;
    while let [what, captured, amount, tail @ ..] = rest {
        let captured = usize::from(*captured) * if what & LONG == 0 { 1 } else { 16 };
        let (bytes, next) = tail.split_at(captured.min(tail.len()));
        let amount = u64::from(*amount) << SHIFTS[usize::from(what >> 6)];
        if !run.step(*what, amount, bytes) {
            break;
        }
        rest = next;
    }
    run.close(setup & TOTALS != 0);

    if let Some(traceparent) = traceparent::parse(data) {
        assert!(data.len() >= 55, "{traceparent:?}");
    }
    assert!(route::template(data).len() <= ROUTE);
    let _ = target::split(b"GET", data);
    let _ = target::split(b"CONNECT", data);
});

struct Run {
    connection: Connection,
    facts: Vec<Fact>,
    positions: [u64; 2],
    time: u64,
    /// Requests by position; whether they have ended.
    requests: HashMap<u64, bool>,
}

impl Run {
    fn new(middle: bool) -> Self {
        let connection = Connection::new(middle);
        Self { connection, facts: Vec::new(), positions: [0; 2], time: 0, requests: HashMap::new() }
    }

    /// Whether there may be another: capture refuses data at the end of all positions.
    fn step(&mut self, what: u8, amount: u64, bytes: &[u8]) -> bool {
        let (direction, side) =
            if what & SENT == 0 { (Direction::Received, 0) } else { (Direction::Sent, 1) };
        let mut position = self.positions[side];
        if what & LOST != 0 {
            position = position.saturating_add(amount);
        }
        if what & AGAIN != 0 {
            position = position.saturating_sub(amount);
        }
        let unseen = if what & UNSEEN == 0 { 0 } else { amount };
        let length = u32::try_from(unseen.saturating_add(bytes.len() as u64)).unwrap_or(u32::MAX);
        let Some(end) = position.checked_add(length.into()) else { return false };
        self.time += 1;
        let parsed = self.connection.parsed(direction);
        let chunk = Chunk { direction, position, length, bytes, time: BootTime(self.time) };
        self.connection.feed(&chunk, &mut self.facts);
        assert!(self.connection.parsed(direction) >= parsed, "parsed back");
        if what & GIVE_UP != 0 {
            self.time += 1;
            self.connection.give_up(BootTime(self.time), &mut self.facts);
        }
        self.positions[side] = self.positions[side].max(end);
        self.check();
        true
    }

    fn close(&mut self, totals: bool) {
        self.time += 1;
        self.connection.close(totals.then_some(self.positions), BootTime(self.time), &mut self.facts);
        self.check();
        assert_eq!(self.connection.unanswered(), 0);
        assert!(self.requests.values().all(|ended| *ended), "closed, and a request has not ended");
    }

    /// Memory is bounded; a request is announced once, ends once, and nothing is said of others.
    fn check(&mut self) {
        assert!(self.connection.held_bytes() <= HELD && self.connection.unanswered() <= PENDING);
        for fact in self.facts.drain(..) {
            match fact {
                Fact::Request(head) => {
                    assert!(head.position < head.end && head.start <= head.time, "{head:?}");
                    assert_eq!(self.requests.insert(head.position, false), None, "announced twice");
                }
                Fact::RequestEnd { request, position, .. } => {
                    assert!(self.requests.contains_key(&request) && position > request);
                }
                Fact::Response(head) => {
                    assert_eq!(self.requests.get(&head.request), Some(&false), "{head:?}");
                    assert!(head.start <= head.time);
                }
                Fact::Ended(end) => {
                    assert_eq!(self.requests.insert(end.request, true), Some(false), "{end:?}");
                    assert!(end.since <= end.time && end.time.0 <= self.time, "{end:?}");
                }
                Fact::Flag(flag) => assert!(!flag.name().is_empty()),
            }
        }
    }
}
