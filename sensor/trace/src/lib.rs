//! Spans out of protocol facts, and the join of requests and actions.
//!
//! Takes what the kernel half saw, in roughly the order of time, and gives requests, exchanges, spans, and every
//! security event with its link (design section 6). Never a wrong link: what is not proven is a candidate, and is called so.
//!
//! What the caller promises: a payload event, or the [`Loss`] that stands for it, is given at most [`Params::settle`]
//! after a security event of the same time. Times come from events and from [`Tracer::advance`]; there is no clock here.
#![forbid(unsafe_code)]

mod context;
mod emit;
mod history;
mod join;
mod lookups;
mod losses;
mod names;
mod pair;
mod servers;
mod silence;
mod table;
mod wait;

use guardbee_l7::Fact;
use guardbee_model::{
    clock::BootTime,
    event::{Body, Event},
    id::{ConnectionId, RequestId, SpanId, TraceId},
    link::Link,
    loss::{Loss, LossCounter, Stage},
    process::{Process, ProcessKey},
    request::{Request, Response},
    span::Span,
};
use join::Origin;
use lookups::Lookups;
use losses::Losses;
use lru::LruCache;
use names::{Found, Names, Who};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, VecDeque},
    fmt,
    num::NonZeroUsize,
    sync::Arc,
    time::Duration,
};
use table::Table;
use wait::Waiting;

/// A process whatever it executes.
type Life = (u32, BootTime);

/// Bounds. What each drops when it is full is counted ([`Tracer::losses`]).
#[derive(Clone, Copy, Debug)]
pub struct Params {
    /// Candidates that a link names.
    pub candidates: usize,
    /// Connections that are followed.
    pub connections: usize,
    /// Connections that are remembered after their end.
    pub closed: usize,
    /// Answered requests that are kept for events that come late.
    pub history: usize,
    /// Server processes whose requests are followed.
    pub servers: usize,
    /// Processes whose origin is remembered.
    pub origins: usize,
    /// Security events that wait for payload.
    pub waiting: usize,
    /// Questions to name servers that are kept for [`Params::patience`], answered ones among them.
    pub lookups: usize,
    /// Directions of connections to name servers that are followed.
    pub name_streams: usize,
    /// How long they wait for their answers.
    pub patience: Duration,
    /// Addresses whose names are remembered, for the processes that asked, and as many for the containers.
    pub names: usize,
    /// How long an event waits for the payload that its stamp names.
    pub wait: Duration,
    /// How much later than a security event a payload event of the same time may come.
    pub settle: Duration,
    /// After this long without bytes, an answer whose end can't be seen is over.
    pub quiet: Duration,
    /// After this long without bytes, a unix connection is over: no event says so.
    pub unix_idle: Duration,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            candidates: guardbee_model::link::CANDIDATES,
            connections: 16_384,
            closed: 4_096,
            history: 16_384,
            servers: 4_096,
            origins: 65_536,
            waiting: 8_192,
            lookups: 16_384,
            name_streams: 2_048,
            patience: Duration::from_secs(2),
            names: 8_192,
            wait: Duration::from_millis(250),
            settle: Duration::from_millis(10),
            quiet: Duration::from_secs(5),
            unix_idle: Duration::from_mins(15),
        }
    }
}

/// How a process runs requests on threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExecutionModel {
    /// Not positively identified: stamps must prove it by themselves.
    #[default]
    Unknown,
    /// Positively identified: a thread takes one request and runs it to its end (Apache, PHP-FPM, ...).
    OneRequestPerThread,
}

/// What is known of processes.
pub trait Processes {
    /// A process, if it is known.
    fn process(&self, key: ProcessKey) -> Option<Arc<Process>>;
    /// How it runs requests.
    fn execution_model(&self, key: ProcessKey) -> ExecutionModel;
}

/// Where ids come from: random in the sensor, counted in tests.
pub trait IdSource: fmt::Debug + Send {
    /// A new trace.
    fn trace(&mut self) -> TraceId;
    /// A new span.
    fn span(&mut self) -> SpanId;
}

/// What comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A security event and what is behind it.
    Security {
        /// The event.
        event: Event,
        /// The request behind it.
        link: Option<Link>,
    },
    /// A server read a request.
    Request(Arc<Request>),
    /// A server answered it, or nothing more will be known of it.
    Exchange(Arc<Request>, Option<Response>),
    /// One side of an exchange is over.
    Span(Span),
    /// A message to or from a name server was taken of which no event of its own comes.
    Consumed,
}

/// The stage.
#[derive(Debug)]
pub struct Tracer {
    params: Params,
    ids: Box<dyn IdSource>,
    table: Table,
    origins: LruCache<Life, Origin>,
    waiting: Waiting,
    lookups: Lookups,
    names: Names,
    /// Server requests whose trace may still come from their client, with the last moment.
    undecided: VecDeque<(RequestId, BootTime)>,
    /// Connections that silence may end, by when they are looked at.
    silent: BinaryHeap<Reverse<(BootTime, ConnectionId)>>,
    losses: Losses,
    counter: LossCounter,
    flags: BTreeMap<&'static str, u64>,
    facts: Vec<Fact>,
    now: BootTime,
}

impl Tracer {
    /// Nothing seen yet.
    pub fn new(params: Params, ids: Box<dyn IdSource>) -> Self {
        let origins = NonZeroUsize::new(params.origins).unwrap_or(NonZeroUsize::MIN);
        Self {
            table: Table::new(&params),
            origins: LruCache::new(origins),
            names: Names::new(params.names),
            params,
            ids,
            waiting: Waiting::default(),
            lookups: Lookups::new(params.name_streams),
            undecided: VecDeque::new(),
            silent: BinaryHeap::new(),
            losses: Losses::default(),
            counter: LossCounter::new(Stage::Trace),
            flags: BTreeMap::new(),
            facts: Vec::new(),
            now: BootTime(0),
        }
    }

    /// Takes the next event. Payload is consumed; a security event comes out again, now or later.
    pub fn event(&mut self, mut event: Event, processes: &dyn Processes, out: &mut Vec<Output>) {
        self.now = self.now.max(event.header.time);
        match event.body {
            Body::Socket(socket) => self.open(socket, processes, out),
            Body::Data(ref data) => self.data(&event.header, data, processes, out),
            Body::Close(close) => self.close(close, processes, out),
            Body::Dns(message) => self.dns(event.header, &message, processes, out),
            _ => {
                self.name(&mut event, processes);
                self.introduce(&event.body, processes, out);
                self.hold(event, processes, out);
            }
        }
        self.decide(processes, out);
        self.pump(processes, out);
    }

    /// A connection that security events tell of is known also where the record that leads its payload is lost.
    fn introduce(&mut self, body: &Body, processes: &dyn Processes, out: &mut Vec<Output>) {
        let socket = match body {
            Body::Accept(socket) => socket,
            Body::Connect(connect) if connect.error == 0 => &connect.socket,
            _ => return,
        };
        let tracked = socket.connection != ConnectionId(0);
        if tracked && self.table.conn(socket.connection).is_none() {
            self.open(socket.clone(), processes, out);
        }
    }

    /// Says by which name the address goes that is connected to.
    fn name(&mut self, event: &mut Event, processes: &dyn Processes) {
        let Some(key) = event.header.process else { return };
        let (Body::Connect(connect) | Body::Datagram(connect)) = &mut event.body else { return };
        let Some(address) = connect.socket.remote.ip() else { return };
        match self.names.find(&Who::new(key, processes), address, connect.begun) {
            Found::Name(name) => connect.name = name,
            Found::Several => self.count("name_ambiguous"),
            Found::Unknown => {}
        }
    }

    /// Learns that events were lost: what their payload could have disproved is not proven any more.
    pub fn loss(&mut self, loss: &Loss) {
        // Full tables are told by the stamps themselves.
        let elsewhere = matches!(loss.cause, "connections_full" | "stamps_full");
        if matches!(loss.kind, "data" | "socket" | "close") && !elsewhere {
            self.losses.add(loss.from, loss.to);
        }
    }

    /// Time goes on: releases what waited long enough, ends what is idle.
    pub fn advance(&mut self, now: BootTime, processes: &dyn Processes, out: &mut Vec<Output>) {
        self.now = self.now.max(now);
        self.end_silent(processes, out);
        self.give_up(out);
        self.decide(processes, out);
        self.pump(processes, out);
    }

    /// What was dropped since the last call, by cause:
    ///
    /// | cause | what it costs |
    /// |---|---|
    /// | `connections_full`, `requests_full` | answers: spans that are incomplete; `connection`: what it was, when it speaks again |
    /// | `socket_missing` | addresses of a connection, and the first requests on it |
    /// | `undecided_full` | the client's half of a trace |
    /// | `history_full`, `open_full`, `servers_full`, `origins_full` | no span; links that say `unproven` |
    /// | `names_full` | names of addresses that are connected to |
    /// | `lookups_full`, `message_unread` | answers of name servers; `message_unread` also questions, and with them the event; over TCP all up to where a call begins with a message |
    /// | `waiting_full` | the payload that an action's link waited for: it says `unproven` |
    pub fn losses(&mut self, now: BootTime) -> Vec<Loss> {
        self.counter.drain(now)
    }

    /// Counted so far: oddities of streams by [`guardbee_l7::Flag::name`], `invalid_traceparent`, `own_telemetry`,
    /// `unix_idle` (forgotten after [`Params::unix_idle`]), messages of name servers that say nothing (`dns_malformed`,
    /// `dns_no_question`, `dns_unasked`: their question was not seen, or they came late; `dns_backwards`), connections to an
    /// address that goes by several names (`name_ambiguous`), and how the parents of client spans were known (`parent_thread`,
    /// `parent_sole`, ...; see `context.rs`).
    pub fn flags(&self) -> &BTreeMap<&'static str, u64> {
        &self.flags
    }

    /// Connections that are followed: at most [`Params::connections`].
    pub fn connections(&self) -> usize {
        self.table.conns.len()
    }

    fn count(&mut self, name: &'static str) {
        *self.flags.entry(name).or_default() += 1;
    }
}

fn later(time: BootTime, by: Duration) -> BootTime {
    BootTime(time.0.saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
}
