//! A connection, whatever is spoken on it.
use crate::{chunk::Chunk, fact::Fact, fastcgi, http1};
use guardbee_model::{clock::BootTime, event::Direction};

pub use http1::PENDING;

/// A connection as one of its ends sees it.
#[derive(Debug)]
pub struct Connection {
    protocol: Protocol,
    /// Bytes were read: what is spoken here is decided.
    decided: bool,
}

#[derive(Debug)]
enum Protocol {
    Http1(http1::Connection),
    FastCgi(fastcgi::Connection),
}

impl Connection {
    /// `middle`: it is older than the sensor.
    pub fn new(middle: bool) -> Self {
        Self { protocol: Protocol::Http1(http1::Connection::new(middle)), decided: false }
    }

    /// Which direction carries requests: received, and this end is a server; sent, and it is a client.
    pub fn requests(&self) -> Option<Direction> {
        match &self.protocol {
            Protocol::Http1(http1) => http1.requests(),
            Protocol::FastCgi(fastcgi) => Some(fastcgi.requests()),
        }
    }

    /// Everything of this direction before this position was looked at.
    pub fn parsed(&self, direction: Direction) -> u64 {
        match &self.protocol {
            Protocol::Http1(http1) => http1.parsed(direction),
            Protocol::FastCgi(fastcgi) => fastcgi.parsed(direction),
        }
    }

    /// Something else is spoken here, for good.
    pub fn is_opaque(&self) -> bool {
        match &self.protocol {
            Protocol::Http1(http1) => http1.is_opaque(),
            Protocol::FastCgi(fastcgi) => fastcgi.is_opaque(),
        }
    }

    /// Requests that have not been answered completely, as far as known.
    pub fn unanswered(&self) -> usize {
        match &self.protocol {
            Protocol::Http1(http1) => http1.unanswered(),
            Protocol::FastCgi(fastcgi) => fastcgi.unanswered(),
        }
    }

    /// Bytes of heads that are not complete yet.
    pub fn held_bytes(&self) -> usize {
        match &self.protocol {
            Protocol::Http1(http1) => http1.held_bytes(),
            Protocol::FastCgi(fastcgi) => fastcgi.held_bytes(),
        }
    }

    /// The answer in progress is there, but where it ends can't be seen.
    pub fn end_unseen(&self) -> bool {
        match &self.protocol {
            Protocol::Http1(http1) => http1.end_unseen(),
            Protocol::FastCgi(_) => false,
        }
    }

    /// Only silence, or the end of the connection, can end the answer in progress.
    pub fn waits_for_an_unseen_end(&self) -> bool {
        match &self.protocol {
            Protocol::Http1(http1) => http1.waits_for_an_unseen_end(),
            Protocol::FastCgi(_) => false,
        }
    }

    /// Nothing more can come: the last answer is there and said that it is the last.
    pub fn is_over(&self) -> bool {
        match &self.protocol {
            Protocol::Http1(http1) => http1.is_over(),
            Protocol::FastCgi(fastcgi) => fastcgi.is_over(),
        }
    }

    /// Reads `chunk`.
    pub fn feed(&mut self, chunk: &Chunk<'_>, out: &mut Vec<Fact>) {
        if !self.decided && !chunk.bytes.is_empty() {
            self.decide(chunk);
        }
        match &mut self.protocol {
            Protocol::Http1(http1) => http1.feed(chunk, out),
            Protocol::FastCgi(fastcgi) => fastcgi.feed(chunk, out),
        }
    }

    /// By the first bytes that are read: those of FastCGI begin no HTTP/1 message.
    fn decide(&mut self, chunk: &Chunk<'_>) {
        self.decided = true;
        if let Protocol::Http1(http1) = &self.protocol
            && fastcgi::begins(chunk.bytes)
        {
            let seen = http1.seen();
            self.protocol = Protocol::FastCgi(fastcgi::Connection::new(chunk.direction, chunk.time, seen));
        }
    }

    /// The connection ended; `totals`: bytes received and sent by then, if known.
    pub fn close(&mut self, totals: Option<[u64; 2]>, time: BootTime, out: &mut Vec<Fact>) {
        match &mut self.protocol {
            Protocol::Http1(http1) => http1.close(totals, time, out),
            Protocol::FastCgi(fastcgi) => fastcgi.close(time, out),
        }
    }

    /// Nobody waits any longer for what is outstanding.
    pub fn give_up(&mut self, time: BootTime, out: &mut Vec<Fact>) {
        match &mut self.protocol {
            Protocol::Http1(http1) => http1.give_up(time, out),
            Protocol::FastCgi(fastcgi) => fastcgi.give_up(time, out),
        }
    }
}
