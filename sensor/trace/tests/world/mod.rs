//! A small world for tests: processes, threads and connections whose events are made as the kernel half makes them.
#![allow(dead_code, unreachable_pub, reason = "each test is a crate of its own and uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::option_option,
    clippy::missing_panics_doc,
    clippy::format_push_string,
    missing_docs,
    reason = "a test may fail loudly"
)]
use guardbee_model::{
    clock::BootTime,
    event::{Body, Close, Data, Direction, Event, Exit, Fork, Header, Hook},
    id::{ConnectionId, SpanId, TraceId},
    link::Link,
    process::{Process, ProcessKey},
    request::Request,
    socket::{Endpoint, Role, Socket},
    span::Span,
    stamp::{Layer, Stamp},
};
use guardbee_trace::{ExecutionModel, IdSource, Output, Params, Processes, Tracer};
use std::{collections::HashMap, sync::Arc};

pub const MS: u64 = 1_000_000;

/// Counts, so that tests can name ids.
#[derive(Debug, Default)]
pub struct Counted(u64);

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

#[derive(Debug, Default)]
pub struct Known {
    pub identified: Vec<u32>,
}

impl Processes for Known {
    fn process(&self, _: ProcessKey) -> Option<Arc<Process>> {
        None
    }
    fn execution_model(&self, key: ProcessKey) -> ExecutionModel {
        if self.identified.contains(&key.tgid) {
            ExecutionModel::OneRequestPerThread
        } else {
            ExecutionModel::Unknown
        }
    }
}

/// How a thread reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    Blocking,
    Polling,
}

pub fn process(tgid: u32) -> ProcessKey {
    ProcessKey { tgid, start: BootTime(u64::from(tgid)), exec_number: 1 }
}

#[derive(Debug)]
pub struct World {
    pub tracer: Tracer,
    pub known: Known,
    pub out: Vec<Output>,
    pub now: u64,
    /// Made, but not given yet, in the order of time.
    pub made: Vec<Event>,
    positions: HashMap<(u64, Direction), u64>,
    serving: HashMap<u32, Stamp>,
    origins: HashMap<u32, Stamp>,
}

impl Default for World {
    fn default() -> Self {
        Self::new(Params::default())
    }
}

impl World {
    pub fn new(params: Params) -> Self {
        Self {
            tracer: Tracer::new(params, Box::new(Counted::default())),
            known: Known::default(),
            out: Vec::new(),
            now: 1000 * MS,
            made: Vec::new(),
            positions: HashMap::new(),
            serving: HashMap::new(),
            origins: HashMap::new(),
        }
    }

    pub fn header(&mut self, key: ProcessKey, tid: u32) -> Header {
        self.now += MS / 100;
        Header {
            time: BootTime(self.now),
            process: Some(key),
            tid,
            cgroup_id: 1,
            scope: 0,
            user: None,
            compat: false,
            kthread: false,
            stamp_lost: false,
            hook: Hook::Tracepoint6_3,
            serving: self.serving.get(&tid).copied(),
            origin: self.origins.get(&key.tgid).copied(),
        }
    }

    /// Gives everything that was made.
    pub fn give(&mut self) {
        for event in std::mem::take(&mut self.made) {
            self.tracer.event(event, &self.known, &mut self.out);
        }
    }

    /// What was made but for sockets was never seen, and nothing that it left behind: a sensor starts now.
    pub fn forget(&mut self) {
        self.made.retain(|event| matches!(event.body, Body::Socket(_)));
        self.positions.clear();
        self.serving.clear();
        self.origins.clear();
    }

    pub fn wait(&mut self, ms: u64) {
        self.give();
        self.now += ms * MS;
        self.tracer.advance(BootTime(self.now), &self.known, &mut self.out);
    }

    pub fn socket(id: u64, role: Role) -> Socket {
        let (server, client) = ("127.0.0.1:8000", format!("127.0.0.1:{}", 40000 + id % 10_000));
        let (local, remote) = if role == Role::Accepted { (server, &*client) } else { (&*client, server) };
        Socket {
            connection: ConnectionId(id),
            inode: id,
            peer_inode: 0,
            peer_tgid: 0,
            opened: BootTime(1),
            local: Endpoint::Ip(local.parse().unwrap()),
            remote: Endpoint::Ip(remote.parse().unwrap()),
            role,
            role_guessed: false,
            middle: false,
            net_ns: 1,
        }
    }

    /// A connection from outside.
    pub fn accept(&mut self, id: u64, key: ProcessKey) {
        let remote = format!("203.0.113.7:{}", 1000 + id % 60_000).parse().unwrap();
        let local = "198.51.100.1:80".parse().unwrap();
        let socket = Socket {
            local: Endpoint::Ip(local),
            remote: Endpoint::Ip(remote),
            ..Self::socket(id, Role::Accepted)
        };
        self.open(socket, key);
    }

    /// Its first use, as a security event tells it.
    pub fn announce(&mut self, socket: Socket, key: ProcessKey) {
        let header = self.header(key, key.tgid);
        self.made.push(Event { header, body: Body::Accept(socket) });
    }

    pub fn open(&mut self, socket: Socket, key: ProcessKey) {
        let header = self.header(key, key.tgid);
        self.made.push(Event { header, body: Body::Socket(socket) });
    }

    fn moved(&mut self, id: u64, direction: Direction, key: ProcessKey, tid: u32, bytes: &[u8]) -> u64 {
        let at = self.positions.entry((id, direction)).or_default();
        let position = *at;
        *at += bytes.len() as u64;
        let end = *at;
        let header = self.header(key, tid);
        let data = Data {
            connection: ConnectionId(id),
            direction,
            position,
            length: u32::try_from(bytes.len()).unwrap(),
            bytes: bytes.into(),
        };
        self.made.push(Event { header, body: Body::Data(data) });
        end
    }

    /// A thread reads from an accepted connection and is stamped.
    pub fn read(&mut self, id: u64, key: ProcessKey, tid: u32, how: Reads, bytes: &str) {
        let position = self.moved(id, Direction::Received, key, tid, bytes.as_bytes());
        let reads = self.serving.get(&tid).map_or(1, |stamp| stamp.reads + 1);
        self.serving.insert(
            tid,
            Stamp {
                connection: ConnectionId(id),
                position,
                reads,
                tid,
                layer: Layer::Plain,
                epoll: how == Reads::Polling,
                nonblock: how == Reads::Polling,
                io_uring: false,
                no_file: false,
                untracked: false,
            },
        );
    }

    pub fn stamp(&mut self, tid: u32) -> &mut Stamp {
        self.serving.get_mut(&tid).unwrap()
    }

    /// A client reads: no stamp.
    pub fn receive(&mut self, id: u64, key: ProcessKey, tid: u32, bytes: &str) {
        self.moved(id, Direction::Received, key, tid, bytes.as_bytes());
    }

    pub fn send(&mut self, id: u64, key: ProcessKey, tid: u32, bytes: &str) {
        self.moved(id, Direction::Sent, key, tid, bytes.as_bytes());
    }

    pub fn get(&mut self, id: u64, key: ProcessKey, tid: u32, how: Reads, path: &str) {
        self.read(id, key, tid, how, &format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
    }

    pub fn answer(&mut self, id: u64, key: ProcessKey, tid: u32) {
        self.send(id, key, tid, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }

    pub fn close(&mut self, id: u64, key: ProcessKey) {
        let at = |direction| self.positions.get(&(id, direction)).copied().unwrap_or(0);
        let (received_bytes, sent_bytes) = (at(Direction::Received), at(Direction::Sent));
        let header = self.header(key, key.tgid);
        let close = Close { connection: ConnectionId(id), received_bytes, sent_bytes };
        self.made.push(Event { header, body: Body::Close(close) });
    }

    /// A thread forks; the child is fork's answer.
    pub fn fork(&mut self, key: ProcessKey, tid: u32, child: u32) -> ProcessKey {
        let header = self.header(key, tid);
        let child_origin = header.serving.or(header.origin);
        let child = ProcessKey { tgid: child, start: BootTime(self.now - 1), exec_number: 1 };
        self.origins.remove(&child.tgid);
        self.serving.remove(&child.tgid);
        if let Some(origin) = child_origin {
            self.origins.insert(child.tgid, origin);
        }
        let fork = Fork {
            child,
            child_origin,
            child_ns_tgid: 0,
            comm: Box::default(),
            cgroup: Box::default(),
            unified: Box::default(),
        };
        self.made.push(Event { header, body: Body::Fork(Arc::new(fork)) });
        child
    }

    /// Something that has a link; `nonce` tells it from others.
    pub fn act(&mut self, key: ProcessKey, tid: u32, nonce: u32) {
        let header = self.header(key, tid);
        let socket = Self::socket(u64::from(nonce), Role::Listening);
        let listen = guardbee_model::event::Listen { socket, listening: true };
        self.made.push(Event { header, body: Body::Listen(listen) });
    }

    pub fn exit(&mut self, key: ProcessKey) {
        let header = self.header(key, key.tgid);
        self.made.push(Event { header, body: Body::Exit(Exit { code: 0 }) });
    }

    /// The link of what [`World::act`] did, once it came out.
    pub fn seen(&self, nonce: u32) -> Option<Option<&Link>> {
        self.out.iter().find_map(|output| match output {
            Output::Security { event: Event { body: Body::Listen(listen), .. }, link }
                if listen.socket.connection == ConnectionId(u64::from(nonce)) =>
            {
                Some(link.as_ref())
            }
            _ => None,
        })
    }

    /// `exact /a`, `ambiguous /a /b +1`, `none`, `waiting`.
    pub fn says(&self, nonce: u32) -> String {
        match self.seen(nonce) {
            None => "waiting".to_owned(),
            Some(None) => "none".to_owned(),
            Some(Some(link)) => {
                let mut said = link.kind.name().to_owned();
                for request in &link.requests {
                    said.push(' ');
                    said.push_str(&String::from_utf8_lossy(&request.path));
                }
                if link.more > 0 {
                    said.push_str(&format!(" +{}", link.more));
                }
                said
            }
        }
    }

    pub fn spans(&self) -> Vec<&Span> {
        self.out
            .iter()
            .filter_map(|output| if let Output::Span(span) = output { Some(span) } else { None })
            .collect()
    }

    pub fn requests(&self) -> Vec<&Arc<Request>> {
        self.out
            .iter()
            .filter_map(|output| if let Output::Request(request) = output { Some(request) } else { None })
            .collect()
    }
}
