//! Any items at all, drawn from bytes: the same bytes draw the same items.
mod system;

use guardbee_model::{
    clock::{BootTime, WallOffset},
    container::{Cgroup, Configuration, Container, Image, Pod, Qos},
    event::{Connect, Exec, Exit, Fork, Listen},
    executable::{Executable, Hash, NotHashed, Package, Sha256},
    file::{Attribute, FileEvent, Operation},
    finding::{Action, Observation},
    id::{ConnectionId, RequestId, SpanId, TraceId},
    link::{Link, LinkKind},
    loss::{Loss, Stage},
    process::{Args, Credentials, Environment, Fd, File, Login, Process, ProcessKey, User, UserTable},
    request::{Request, Response, TraceContext, TraceSource},
    socket::{Endpoint, Role, Socket},
    stamp::{Layer, Stamp},
    watch::{self, Selection},
};
use guardbee_recording::{Item, Sight};
use std::{net::SocketAddr, sync::Arc};

/// Bytes to draw from; when they are used up everything is 0.
pub(crate) struct Draw<'a> {
    bytes: &'a [u8],
    processes: Vec<Arc<Process>>,
    requests: Vec<Arc<Request>>,
    chains: Vec<Arc<[Arc<Process>]>>,
}

impl<'a> Draw<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, processes: Vec::new(), requests: Vec::new(), chains: Vec::new() }
    }

    pub(crate) fn items(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        while !self.bytes.is_empty() {
            items.push(self.item());
        }
        items
    }

    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        *first
    }

    fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Mostly small, sometimes of any size.
    fn number(&mut self) -> u64 {
        match self.byte() {
            255 => u64::MAX,
            254 => u64::from_le_bytes(std::array::from_fn(|_| self.byte())),
            small => small.into(),
        }
    }

    fn word(&mut self) -> u32 {
        self.number().try_into().unwrap_or(u32::MAX)
    }

    fn time(&mut self) -> BootTime {
        BootTime(self.number())
    }

    fn text(&mut self) -> Vec<u8> {
        let length = self.byte() % 12;
        (0..length).map(|_| self.byte()).collect()
    }

    fn boxed(&mut self) -> Box<[u8]> {
        self.text().into()
    }

    fn name(&mut self) -> String {
        String::from_utf8_lossy(&self.text()).into_owned()
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.byte()) % all.len()]
    }

    fn option<T>(&mut self, draw: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| draw(self))
    }

    fn item(&mut self) -> Item {
        const STAGES: [Stage; 8] = [
            Stage::Kernel,
            Stage::Capture,
            Stage::Enrich,
            Stage::Trace,
            Stage::Rules,
            Stage::Seal,
            Stage::Deliver,
            Stage::Recording,
        ];
        match self.byte() % 8 {
            0 => Item::Loss(Loss {
                stage: self.one_of(&STAGES),
                cause: self.one_of(&["ring_full", "", "gap"]),
                kind: self.one_of(&["exec", "fork"]),
                count: self.number(),
                from: self.time(),
                to: self.time(),
            }),
            1 => Item::Time(self.time(), WallOffset(self.number())),
            2 => Item::Sight(Sight {
                since: self.time(),
                observed: (0..self.byte() % 4).map(|_| self.one_of(&["exec", "fork", "exit"])).collect(),
                selection: self.selection(),
                wanted: (0..self.byte() % 4).map(|_| self.one_of(&["exec", "request"])).collect(),
                rules: self.word(),
                digest: [self.byte(); 32],
            }),
            _ => Item::Observation(Arc::new(self.observation())),
        }
    }

    fn selection(&mut self) -> Selection {
        let mut selection = Selection::default();
        for _ in 0..self.byte() % 4 {
            match self.byte() % 7 {
                0 => selection.all(self.one_of(&Operation::ALL)),
                6 => selection.climbing(self.one_of(&watch::OPENED)),
                4 => selection.given(self.one_of(&watch::OPENED)),
                5 => selection.error(self.one_of(&["permission_denied", "not_found", "_OTHER"])),
                1 => selection.attribute(self.one_of(&Attribute::ALL)),
                2 => drop(selection.variables.insert(self.boxed())),
                _ => {
                    let name = (self.one_of(&watch::Role::ALL), self.boxed());
                    selection.named(name, self.one_of(&Operation::ALL));
                }
            }
        }
        selection
    }

    fn observation(&mut self) -> Observation {
        const KINDS: [LinkKind; 6] = [
            LinkKind::Exact,
            LinkKind::Inherited,
            LinkKind::Lineage,
            LinkKind::Sole,
            LinkKind::Ambiguous,
            LinkKind::Unproven,
        ];
        Observation {
            time: self.time(),
            action: self.action(),
            process: self.option(Self::process),
            ancestors: self.chain(),
            link: self.option(|draw| Link {
                kind: draw.one_of(&KINDS),
                requests: (0..draw.byte() % 4).map(|_| draw.request()).collect(),
                more: draw.word(),
                reason: draw.one_of(&["one thread", "the request itself"]),
            }),
            sequence: self.number(),
        }
    }

    fn connect(&mut self) -> Arc<Connect> {
        Arc::new(Connect {
            socket: self.socket(),
            begun: self.time(),
            error: i32::from(self.byte()) - 128,
            name: self.text().into(),
        })
    }

    fn action(&mut self) -> Action {
        match self.byte() % 11 {
            0 => Action::Accept(Arc::new(self.socket())),
            1 => Action::Connect(self.connect()),
            9 => Action::Datagram(self.connect()),
            2 => Action::Exec(Arc::new(self.exec())),
            3 => Action::Exit(Exit { code: self.word() }),
            4 => Action::Fork(Arc::new(self.fork())),
            5 => Action::Listen(Arc::new(Listen { socket: self.socket(), listening: self.flag() })),
            6 => Action::RequestHead(self.request()),
            7 => Action::System(Arc::new(self.system()), self.option(Self::process)),
            8 => Action::File(Arc::new(self.file_event())),
            _ => Action::Exchange(
                self.request(),
                self.option(|draw| Response {
                    status: u16::from(draw.byte()) * 4,
                    start: draw.time(),
                    end: draw.time(),
                    request_body_bytes: draw.option(Self::number),
                    response_body_bytes: draw.option(Self::number),
                }),
            ),
        }
    }

    fn exec(&mut self) -> Exec {
        Exec {
            parent: self.option(Self::key),
            exe: self.boxed(),
            filename: self.boxed(),
            cwd: self.boxed(),
            args: self.args(),
            environment: Environment {
                variables: (0..self.byte() % 3).map(|_| self.boxed()).collect(),
                cut: self.flag(),
            },
            comm: self.boxed(),
            cgroup: self.boxed(),
            unified: self.boxed(),
            file: self.file(),
            credentials: self.credentials(),
            fds: std::array::from_fn(|_| self.fd()),
            pid_ns: self.word(),
            mnt_ns: self.word(),
            net_ns: self.word(),
            ns_tgid: self.word(),
            session: self.word(),
            tty: self.word(),
            login: self.option(|draw| Login { user: draw.word(), session: draw.word() }),
            secure: self.flag(),
            outside: self.flag(),
            cwd_outside: self.flag(),
        }
    }

    fn file_event(&mut self) -> FileEvent {
        FileEvent {
            operation: self.one_of(&Operation::ALL),
            path: self.boxed(),
            source: self.boxed(),
            named: self.flag(),
            path_cut: self.flag(),
            file: self.option(Self::file),
            open_flags: self.option(Self::word),
            given: self.boxed(),
            error: self.option(|draw| u8::try_from(draw.word() & 0xff).unwrap()),
            mode: self.option(Self::word),
            owner: self.option(Self::word),
            group: self.option(Self::word),
            device: self.option(Self::word),
            attribute: self.option(|draw| draw.one_of(&Attribute::ALL)),
        }
    }

    fn file(&mut self) -> File {
        File {
            inode: self.number(),
            device: self.word(),
            size_bytes: self.number(),
            ctime_ns: self.number(),
            mode: self.byte().into(),
            uid: self.word(),
            gid: self.word(),
            memfd: self.flag(),
            deleted: self.flag(),
            overlay_upper: self.flag(),
            setuid: self.flag(),
            setgid: self.flag(),
            path_cut: self.flag(),
        }
    }

    fn fd(&mut self) -> Fd {
        match self.byte() % 8 {
            0 => Fd::Closed,
            1 => Fd::Regular,
            2 => Fd::Directory,
            3 => Fd::Character(self.word()),
            4 => Fd::Block,
            5 => Fd::Pipe,
            6 => Fd::Socket {
                remote: self.option(Self::address),
                family: self.byte().into(),
                role: self.role(),
                connection: ConnectionId(self.number()),
            },
            _ => Fd::Other,
        }
    }

    fn fork(&mut self) -> Fork {
        Fork {
            child: self.key(),
            child_origin: self.option(|draw| Stamp {
                connection: ConnectionId(draw.number()),
                position: draw.number(),
                reads: draw.word(),
                tid: draw.word(),
                layer: draw.one_of(&[Layer::Plain, Layer::Tls]),
                epoll: draw.flag(),
                nonblock: draw.flag(),
                io_uring: draw.flag(),
                no_file: draw.flag(),
                untracked: draw.flag(),
            }),
            child_ns_tgid: self.word(),
            comm: self.boxed(),
            cgroup: self.boxed(),
            unified: self.boxed(),
        }
    }

    fn key(&mut self) -> ProcessKey {
        ProcessKey { tgid: self.word(), start: self.time(), exec_number: self.word() }
    }

    fn args(&mut self) -> Args {
        Args {
            words: (0..self.byte() % 5).map(|_| self.boxed()).collect(),
            total_bytes: self.word(),
            truncated: self.flag(),
            unreadable: self.flag(),
        }
    }

    fn credentials(&mut self) -> Credentials {
        Credentials {
            uid: self.word(),
            euid: self.word(),
            suid: self.word(),
            fsuid: self.word(),
            gid: self.word(),
            egid: self.word(),
            sgid: self.word(),
            fsgid: self.word(),
            permitted: self.number(),
            effective: self.number(),
            inheritable: self.number(),
        }
    }

    fn user(&mut self) -> User {
        User { name: self.name().into(), table: self.one_of(&UserTable::ALL) }
    }

    /// One that was drawn before, or another.
    fn process(&mut self) -> Arc<Process> {
        if !self.processes.is_empty() && self.flag() {
            let at = usize::from(self.byte()) % self.processes.len();
            return Arc::clone(&self.processes[at]);
        }
        let process = Arc::new(Process {
            key: self.key(),
            parent: self.option(Self::key),
            exe: self.text().into(),
            previous: self.text().into(),
            file: self.option(Self::file),
            executed: self.option(Self::time),
            executable: self.executable(),
            args: Arc::new(self.args()),
            comm: self.boxed(),
            cwd: self.text().into(),
            credentials: self.credentials(),
            user: self.option(Self::user),
            ns_tgid: self.word(),
            session: self.word(),
            tty: self.word(),
            login: self.option(|draw| Login { user: draw.word(), session: draw.word() }),
            mnt_ns: self.word(),
            cgroup_id: self.number(),
            cgroup: self.option(|draw| {
                let (path, unit, slice) = (draw.boxed(), draw.name().into(), draw.name().into());
                Arc::new(Cgroup { path, unit, slice })
            }),
            container: self.option(|draw| Arc::new(draw.container())),
            configured: self.option(|draw| Arc::new(draw.configuration())),
            recovered: self.flag(),
        });
        self.processes.push(Arc::clone(&process));
        process
    }

    fn executable(&mut self) -> Executable {
        let hash = match self.byte() % 3 {
            0 => Hash::Unknown,
            1 => Hash::Sha256(Arc::new(Sha256([self.byte(); 32]))),
            _ => Hash::Not(self.one_of(&NotHashed::ALL)),
        };
        let package = match self.byte() % 3 {
            0 => Package::Unknown,
            1 => Package::None,
            _ => Package::Named(self.name().into()),
        };
        Executable { hash, package }
    }

    fn container(&mut self) -> Container {
        let (id, runtime) = (self.name().into(), self.name().into());
        let pod = self.option(|draw| Pod { uid: draw.name().into(), qos: draw.one_of(&Qos::ALL) });
        Container { id, runtime, pod }
    }

    fn configuration(&mut self) -> Configuration {
        Configuration {
            image: self.option(|draw| Image::new(&draw.name())),
            name: self.name().into(),
            pod: self.name().into(),
            namespace: self.name().into(),
            pod_container: self.name().into(),
            privileged: self.option(Self::flag),
            capabilities: self.option(Self::number),
        }
    }

    fn chain(&mut self) -> Arc<[Arc<Process>]> {
        if !self.chains.is_empty() && self.flag() {
            let at = usize::from(self.byte()) % self.chains.len();
            return Arc::clone(&self.chains[at]);
        }
        let chain: Arc<[_]> = (0..self.byte() % 4).map(|_| self.process()).collect();
        self.chains.push(Arc::clone(&chain));
        chain
    }

    fn request(&mut self) -> Arc<Request> {
        if !self.requests.is_empty() && self.flag() {
            let at = usize::from(self.byte()) % self.requests.len();
            return Arc::clone(&self.requests[at]);
        }
        let request = Arc::new(Request {
            id: RequestId { connection: ConnectionId(self.number()), position: self.number() },
            process: self.option(Self::key),
            trace: TraceContext {
                trace: TraceId([self.byte(); 16]),
                span: SpanId([self.byte(); 8]),
                parent: self.option(|draw| SpanId([draw.byte(); 8])),
                source: self.one_of(&[TraceSource::Own, TraceSource::ClientClaimed, TraceSource::Local]),
            },
            start: self.time(),
            method: self.boxed(),
            path: self.boxed(),
            query: self.option(Self::boxed),
            route: self.name().into(),
            host: self.boxed(),
            user_agent: self.boxed(),
            referer: self.boxed(),
            user: self.boxed(),
            content_type: self.boxed(),
            minor_version: self.byte(),
            client: self.endpoint(),
            forwarded_for: self.boxed(),
            server: self.endpoint(),
        });
        self.requests.push(Arc::clone(&request));
        request
    }

    fn socket(&mut self) -> Socket {
        Socket {
            connection: ConnectionId(self.number()),
            inode: self.number(),
            peer_inode: self.number(),
            peer_tgid: self.word(),
            opened: self.time(),
            local: self.endpoint(),
            remote: self.endpoint(),
            role: self.role(),
            role_guessed: self.flag(),
            middle: self.flag(),
            net_ns: self.word(),
        }
    }

    pub(crate) fn role(&mut self) -> Role {
        self.one_of(&[Role::Unknown, Role::Accepted, Role::Connected, Role::Listening])
    }

    fn endpoint(&mut self) -> Endpoint {
        if self.flag() { Endpoint::Unix(self.boxed()) } else { Endpoint::Ip(self.address()) }
    }

    fn address(&mut self) -> SocketAddr {
        let port = u16::from(self.byte()) * 257;
        if self.flag() {
            SocketAddr::from(([self.byte(), self.byte(), self.byte(), self.byte()], port))
        } else {
            SocketAddr::from((std::array::from_fn::<u16, 8, _>(|_| self.byte().into()), port))
        }
    }
}
