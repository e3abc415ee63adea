//! Protocol parsers: bytes to facts.
//!
//! HTTP/1.0 and 1.1 (RFC 9112), and FastCGI, as two byte streams that were cut, sampled and sometimes lost on their way here. No I/O, no
//! clock; every function is total, memory is bounded ([`connection::Connection`] says by what), and where the bytes do
//! not prove something the facts say so instead of guessing. Beside them, messages of the DNS one by one.
#![forbid(unsafe_code)]

mod authorization;
mod chunk;
pub mod connection;
pub mod dns;
pub mod fact;
mod fastcgi;
mod http1;
pub mod route;
pub mod target;
pub mod traceparent;

pub use chunk::Chunk;
pub use connection::Connection;
pub use fact::{Ended, Fact, Flag, RequestHead, ResponseHead};

use guardbee_model::{clock::BootTime, event::Direction};

/// Drives everything here with bytes of a stranger: what the fuzz target calls. Each step takes three bytes of control
/// (direction, captured length, gap) and then payload.
pub fn fuzz(data: &[u8]) {
    let (mut connection, mut facts) = (Connection::new(data.len().is_multiple_of(2)), Vec::new());
    let (mut rest, mut positions, mut time) = (data, [0_u64; 2], 0_u64);
    while let [control, captured, gap, tail @ ..] = rest {
        let direction = if control & 1 == 0 { Direction::Received } else { Direction::Sent };
        let position = match direction {
            Direction::Received => positions.first_mut(),
            Direction::Sent => positions.last_mut(),
        };
        let Some(position) = position else { return };
        let (bytes, next) = tail.split_at(usize::from(*captured).min(tail.len()));
        if control & 2 != 0 {
            *position += u64::from(*gap);
        }
        let unseen = if control & 4 != 0 { u64::from(*gap) } else { 0 };
        let length = u32::try_from(bytes.len() as u64 + unseen).unwrap_or(u32::MAX);
        time += 1;
        connection
            .feed(&Chunk { direction, position: *position, length, bytes, time: BootTime(time) }, &mut facts);
        *position += u64::from(length);
        rest = next;
        facts.clear();
    }
    connection.close(Some(positions), BootTime(time + 1), &mut facts);
    let _ = traceparent::parse(data);
    let _ = route::template(data);
    let _ = target::split(b"GET", data);
}
