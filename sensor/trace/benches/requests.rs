//! What a request costs from payload events to spans: `cargo bench -p guardbee-trace`.
//!
//! The events are those that the kernel half makes; times are CPU time of this thread, the best of several rounds. What
//! comes out is dropped within the time that is measured.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark's result; it may fail loudly"
)]

use guardbee_model::{
    clock::BootTime,
    event::{Body, Close, Data, Direction, Event, Header, Hook},
    id::{ConnectionId, SpanId, TraceId},
    process::{Process, ProcessKey},
    socket::{Endpoint, Role, Socket},
    stamp::{Layer, Stamp},
};
use guardbee_trace::{ExecutionModel, IdSource, Output, Params, Processes, Tracer};
use nix::time::{ClockId, clock_gettime};
use std::{collections::HashMap, hint::black_box, net::SocketAddr, sync::Arc};

/// Requests in a round.
const REQUESTS: usize = 20_000;
/// Events between two calls of `advance`.
const BATCH: usize = 200;
const ROUNDS: usize = 5;
/// Between two events: 150,000 requests a second without a proxy.
const STEP_NS: u64 = 3_000;
const ANSWER: usize = 612;

const NGINX: u32 = 100;
const WRK: u32 = 200;
const APP: u32 = 300;

#[derive(Debug, Default)]
struct Counted(u64);

impl IdSource for Counted {
    fn trace(&mut self) -> TraceId {
        self.0 += 1;
        TraceId(u128::from(self.0).to_be_bytes())
    }
    fn span(&mut self) -> SpanId {
        self.0 += 1;
        SpanId(self.0.to_be_bytes())
    }
}

#[derive(Debug)]
struct Nobody;

impl Processes for Nobody {
    fn process(&self, _: ProcessKey) -> Option<Arc<Process>> {
        None
    }
    fn execution_model(&self, _: ProcessKey) -> ExecutionModel {
        ExecutionModel::Unknown
    }
}

/// Who speaks to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// A server asked from elsewhere.
    Server,
    /// The client is on this node too.
    Local,
    /// Asked from elsewhere, it asks a server on this node.
    Proxy,
    /// The same with all connections busy at once.
    Busy,
    /// A connection for each request.
    Short,
}

impl Shape {
    fn spans(self) -> usize {
        match self {
            Self::Server | Self::Short => 1,
            Self::Local => 2,
            Self::Proxy | Self::Busy => 3,
        }
    }
}

#[derive(Debug)]
struct Node {
    shape: Shape,
    now: u64,
    next: u64,
    positions: HashMap<(u64, Direction), u64>,
    made: Vec<Event>,
    /// Connections: asked from elsewhere, and the two ends of each on this node.
    fronts: Vec<u64>,
    backs: Vec<(u64, u64)>,
}

fn request(number: u64) -> Vec<u8> {
    let head = format!("GET /static/page-{}.html HTTP/1.1\r\nHost: www.example.org\r\n", number % 512);
    [head.as_bytes(), b"User-Agent: curl/8.5.0\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n"].concat()
}

fn answer() -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 21 Nov 2026 08:00:00 GMT\r\nContent-Type: \
         text/html\r\nContent-Length: {ANSWER}\r\nLast-Modified: Tue, 04 Nov 2025 10:00:00 GMT\r\nConnection: \
         keep-alive\r\nETag: \"6909d2a0-264\"\r\nAccept-Ranges: bytes\r\n\r\n"
    );
    [head.as_bytes(), &[b'x'; ANSWER]].concat()
}

impl Node {
    fn new(shape: Shape, connections: usize) -> Self {
        let mut node = Self {
            shape,
            now: 1_000_000_000,
            next: 0,
            positions: HashMap::new(),
            made: Vec::new(),
            fronts: Vec::new(),
            backs: Vec::new(),
        };
        if shape == Shape::Short {
            return node;
        }
        for _ in 0..connections {
            if shape != Shape::Local {
                let front = node.accept();
                node.fronts.push(front);
            }
            if matches!(shape, Shape::Local | Shape::Proxy | Shape::Busy) {
                let pair = node.connect();
                node.backs.push(pair);
            }
        }
        node
    }

    fn push(&mut self, tgid: u32, body: Body) {
        self.now += STEP_NS;
        let process = ProcessKey { tgid, start: BootTime(u64::from(tgid)), exec_number: 1 };
        let stamp = |connection| Stamp {
            connection,
            position: 1,
            reads: 1,
            tid: tgid,
            layer: Layer::Plain,
            epoll: true,
            nonblock: true,
            io_uring: false,
            no_file: false,
            untracked: false,
        };
        let serving = match &body {
            Body::Data(data) if tgid != WRK => Some(stamp(data.connection)),
            _ => None,
        };
        let header = Header {
            time: BootTime(self.now),
            process: Some(process),
            tid: tgid,
            cgroup_id: 1,
            scope: 1,
            user: None,
            compat: false,
            kthread: false,
            stamp_lost: false,
            hook: Hook::Tracepoint6_3,
            serving,
            origin: None,
        };
        self.made.push(Event { header, body });
    }

    fn socket(&mut self, tgid: u32, role: Role, local: SocketAddr, remote: SocketAddr) -> u64 {
        self.next += 1;
        let id = self.next;
        let socket = Socket {
            connection: ConnectionId(id),
            inode: id,
            peer_inode: 0,
            peer_tgid: 0,
            opened: BootTime(self.now),
            local: Endpoint::Ip(local),
            remote: Endpoint::Ip(remote),
            role,
            role_guessed: false,
            middle: false,
            net_ns: 1,
        };
        self.push(tgid, Body::Socket(socket));
        id
    }

    /// A connection from elsewhere.
    fn accept(&mut self) -> u64 {
        let port = u16::try_from(self.next % 60_000).unwrap();
        self.socket(NGINX, Role::Accepted, ([198, 51, 100, 1], 80).into(), ([203, 0, 113, 7], port).into())
    }

    /// Both ends of a connection on this node.
    fn connect(&mut self) -> (u64, u64) {
        let (client, server) = self.ends();
        let port = u16::try_from(self.next % 60_000).unwrap();
        let (near, far) = (([127, 0, 0, 1], port).into(), ([127, 0, 0, 1], 8_000).into());
        (self.socket(client, Role::Connected, near, far), self.socket(server, Role::Accepted, far, near))
    }

    fn ends(&self) -> (u32, u32) {
        if self.shape == Shape::Local { (WRK, NGINX) } else { (NGINX, APP) }
    }

    fn moved(&mut self, tgid: u32, id: u64, direction: Direction, bytes: &[u8]) {
        let at = self.positions.entry((id, direction)).or_default();
        let position = *at;
        *at += bytes.len() as u64;
        let length = u32::try_from(bytes.len()).unwrap();
        let data = Data { connection: ConnectionId(id), direction, position, length, bytes: bytes.into() };
        self.push(tgid, Body::Data(data));
    }

    fn ask(&mut self, (near, far): (u64, u64), number: u64) {
        let (client, server) = self.ends();
        self.moved(client, near, Direction::Sent, &request(number));
        self.moved(server, far, Direction::Received, &request(number));
    }

    fn reply(&mut self, (near, far): (u64, u64)) {
        let (client, server) = self.ends();
        self.moved(server, far, Direction::Sent, &answer());
        self.moved(client, near, Direction::Received, &answer());
    }

    /// The events of `REQUESTS` requests, some at a time: `take` has them while they are warm, as from a ring.
    fn round(&mut self, mut take: impl FnMut(&mut Self)) {
        let mut at = 0;
        while at < REQUESTS {
            let together = if self.shape == Shape::Busy { self.fronts.len().min(REQUESTS - at) } else { 1 };
            let numbers = || at..at + together;
            for (number, begins) in numbers().map(|n| (n, true)).chain(numbers().map(|n| (n, false))) {
                if begins {
                    self.begin(number);
                } else {
                    self.end(number);
                }
                if self.made.len() >= BATCH {
                    take(self);
                }
            }
            at += together;
        }
        take(self);
    }

    fn begin(&mut self, number: usize) {
        if self.shape == Shape::Short {
            let id = self.accept();
            self.fronts = vec![id];
        }
        let nonce = number as u64;
        if !self.fronts.is_empty() {
            self.moved(NGINX, self.fronts[number % self.fronts.len()], Direction::Received, &request(nonce));
        }
        if !self.backs.is_empty() {
            self.ask(self.backs[number % self.backs.len()], nonce);
        }
    }

    fn end(&mut self, number: usize) {
        if !self.backs.is_empty() {
            self.reply(self.backs[number % self.backs.len()]);
        }
        if !self.fronts.is_empty() {
            self.moved(NGINX, self.fronts[number % self.fronts.len()], Direction::Sent, &answer());
        }
        if self.shape == Shape::Short {
            let connection = ConnectionId(self.fronts[0]);
            let mut at = |direction| self.positions.remove(&(connection.0, direction)).unwrap();
            let (received_bytes, sent_bytes) = (at(Direction::Received), at(Direction::Sent));
            self.push(NGINX, Body::Close(Close { connection, received_bytes, sent_bytes }));
        }
    }
}

fn cpu() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap();
    u64::try_from(time.tv_sec() * 1_000_000_000 + time.tv_nsec()).unwrap()
}

/// Feeds what `node` made; gives the CPU time it took, and the spans that came.
fn feed(tracer: &mut Tracer, node: &mut Node, out: &mut Vec<Output>) -> (u64, usize) {
    let begun = cpu();
    for event in node.made.drain(..) {
        tracer.event(event, &Nobody, out);
    }
    tracer.advance(BootTime(node.now), &Nobody, out);
    let spans = out.iter().filter(|output| matches!(output, Output::Span(_))).count();
    black_box(&mut *out).clear();
    (cpu() - begun, spans)
}

fn measure(name: &str, shape: Shape, connections: usize) {
    let mut node = Node::new(shape, connections);
    let mut tracer =
        Tracer::new(Params { connections: 32_768, ..Params::default() }, Box::new(Counted::default()));
    let mut out = Vec::new();
    feed(&mut tracer, &mut node, &mut out);
    let (mut best, mut spans) = (u64::MAX, 0);
    for round in 0..=ROUNDS {
        let (mut taken, mut made) = (0, 0);
        node.round(|node| {
            let (time, count) = feed(&mut tracer, node, &mut out);
            (taken, made) = (taken + time, made + count);
        });
        if round > 0 {
            // The first one warms up.
            (best, spans) = (best.min(taken), spans + made);
        }
    }
    // Nothing happens any more: what a turn costs.
    let begun = cpu();
    for turn in 0..10_000 {
        tracer.advance(BootTime(node.now + turn * 1_000_000), &Nobody, &mut out);
    }
    let idle = (cpu() - begun) / 10_000;
    let per_request = best / REQUESTS as u64;
    let told = 100 * spans / (REQUESTS * ROUNDS * shape.spans());
    let lost: Vec<_> = tracer
        .losses(BootTime(node.now))
        .iter()
        .map(|loss| format!("{} {}", loss.cause, loss.count))
        .collect();
    println!(
        "{name:34} {connections:6} {per_request:8} ns {:8} ns {idle:8} ns {told:6} % {}",
        per_request / shape.spans() as u64,
        lost.join(", ")
    );
}

fn main() {
    println!(
        "{:34} {:>6} {:>11} {:>11} {:>11} {:>8} lost",
        "load", "conns", "a request", "a span", "idle turn", "spans"
    );
    let only = std::env::args().nth(1).filter(|arg| !arg.starts_with("--"));
    for (name, shape) in [
        ("server, client elsewhere", Shape::Server),
        ("client and server here", Shape::Local),
        ("proxy and upstream here", Shape::Proxy),
        ("the same, all busy at once", Shape::Busy),
        ("a connection for each request", Shape::Short),
    ] {
        let sizes: &[usize] = if shape == Shape::Short { &[1] } else { &[10, 1_000, 10_000] };
        for &connections in sizes {
            if only.as_ref().is_none_or(|only| name.contains(only.as_str())) {
                measure(name, shape, connections);
            }
        }
    }
}
