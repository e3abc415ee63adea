//! Observations out of the field values of a test, as the sensor would make them.
mod defaults;
mod file;
mod system;

use crate::{
    date::Date,
    eval::network,
    field::{Field, Kinds},
    rule::{ExampleEvent, Links},
};
use defaults::{address, exec, file, process, request, response, socket};
use guardbee_model::{
    clock::{BootTime, WallOffset},
    container::{Cgroup, Configuration, Container, Image, Pod, Qos},
    event::{Connect, Exec, Exit, Fork, Listen},
    executable::{Hash, Package, Sha256},
    file::{FileEvent, open_error},
    finding::{Action, Observation},
    id::{ConnectionId, RequestId, TraceId},
    link::{Link, LinkKind},
    process::{Args, Fd, Login, Process, ProcessKey, User, UserTable},
    request::{Request, Response, TraceSource},
    socket::{Endpoint, Role, Socket},
    text,
};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};
use system::Doing;
pub(crate) use system::signals;

/// In a test the machine started in 1970: boot time is wall time.
pub(crate) const WALL: WallOffset = WallOffset(0);
/// When the first event of a test happens: late on a day ten years on, so that files and processes can be older than that.
const START: u64 = 315_440_000_000_000_000;
/// Where programs are of which a test tells the name alone.
const PROGRAMS: &str = "/usr/bin";
const ROOT: &str = "root";
/// Bytes of the name of a thread: `TASK_COMM_LEN` without the last.
const COMM: usize = 15;

/// Builds the observation of `event`; `sequence` tells it from the others of its test.
pub(crate) fn observation(event: &ExampleEvent, sequence: u64) -> Observation {
    let time = BootTime(START.saturating_add(event.offset_ns));
    let mut draft = Draft::new(time, event.action);
    // In the order of the table: what says more comes behind what says less, however the test is written.
    let mut values: Vec<_> = event.values.iter().collect();
    values.sort_by_key(|(field, _)| *field);
    for (field, values) in values {
        draft.set(*field, values);
    }
    draft.finish(sequence)
}

/// The default is a process without parents, container and link, and a request `GET /`.
struct Draft {
    time: BootTime,
    kind: Kinds,
    exec: Exec,
    file: FileEvent,
    process: Process,
    parent: Option<Process>,
    /// Beyond the parent.
    ancestors: Vec<Process>,
    socket: Socket,
    /// Source and destination are those of who connects.
    source: SocketAddr,
    destination: SocketAddr,
    /// Path of a unix socket.
    unix: Option<Box<[u8]>>,
    error: i32,
    name: Arc<[u8]>,
    listening: bool,
    exit: u32,
    doing: Doing,
    link: Option<LinkKind>,
    of_request: bool,
    request: Request,
    response: Option<Response>,
}

impl Draft {
    fn new(time: BootTime, kind: Kinds) -> Self {
        let client = address(Ipv4Addr::new(192, 0, 2, 1), 40_000);
        let server = address(Ipv4Addr::new(198, 51, 100, 1), 80);
        Self {
            time,
            kind,
            exec: exec(),
            file: file(),
            process: process(1000),
            parent: None,
            ancestors: Vec::new(),
            socket: socket(time),
            source: client,
            destination: server,
            unix: None,
            error: 0,
            name: Arc::default(),
            listening: true,
            exit: 0,
            doing: Doing::new(),
            link: None,
            of_request: false,
            request: request(time, client, server),
            response: None,
        }
    }

    fn set(&mut self, field: Field, values: &[Box<str>]) {
        let text = values.first().map(|value| &**value).unwrap_or_default();
        if field.of_request() {
            self.of_request = true;
            set_request(&mut self.request, field, text);
        } else if field.of_response() {
            set_response(self.response.get_or_insert_with(|| response(self.time)), field, text);
        } else if field.of_file() {
            file::set(&mut self.file, field, text, values);
        } else if field.of_network() {
            self.set_network(field, text);
        } else if field == Field::Link {
            self.link = Links::ALL.into_iter().find(|kind| kind.name() == text);
        } else if !self.doing.set(field, text, values) && !self.set_process(field, text, values) {
            self.set_exec(field, text);
        }
    }

    fn set_process(&mut self, field: Field, text: &str, values: &[Box<str>]) -> bool {
        match field {
            Field::Executable => self.process.exe = bytes(text).into(),
            Field::ExecutableName => self.process.exe = called(&self.process.exe, text, PROGRAMS).into(),
            Field::Comm => self.process.comm = comm(text),
            Field::CommandLine => self.process.args = args(text.split(' ')),
            Field::CommandArgs => self.process.args = args(values.iter().map(|value| &**value)),
            Field::Environment => {
                self.exec.environment.variables =
                    values.iter().map(|value| bytes(value)).map(Into::into).collect();
            }
            Field::WorkingDirectory => self.process.cwd = bytes(text).into(),
            Field::Time => self.time = moment(text),
            Field::Created => self.process.key.start = moment(text),
            Field::Pid => set_pid(&mut self.process, text),
            Field::UserId => set_user_id(&mut self.process, text),
            Field::RealUserId => self.process.credentials.uid = number(text),
            Field::Capabilities => self.process.credentials.effective = system::capabilities(values),
            Field::User | Field::UserName => set_user(&mut self.process, text),
            Field::PreviousExecutable => self.process.previous = bytes(text).into(),
            Field::ParentExecutable => self.parent().exe = bytes(text).into(),
            Field::ParentName => {
                let parent = self.parent();
                parent.exe = called(&parent.exe, text, PROGRAMS).into();
            }
            Field::ParentCommandLine => self.parent().args = args(text.split(' ')),
            Field::ParentPid => set_pid(self.parent(), text),
            Field::ParentUser => set_user(self.parent(), text),
            Field::Ancestors => {
                let chain = values.iter().zip((0..=998).rev());
                let chain = chain.map(|(exe, pid)| Process { exe: bytes(exe).into(), ..process(pid) });
                self.ancestors = chain.collect();
            }
            Field::Vpid => self.process.ns_tgid = number(text),
            Field::UserSource => {
                let table = UserTable::ALL.into_iter().find(|table| table.name() == text);
                let table = table.unwrap_or(UserTable::Host);
                self.process.user.get_or_insert_with(|| User { name: "me".into(), table }).table = table;
                // It is told of the real user alone.
                self.process.credentials.uid = self.process.credentials.euid;
            }
            Field::Age => self.process.key.start = BootTime(self.time.0.saturating_sub(number(text))),
            Field::SessionLeader => self.process.session = number(text),
            Field::SessionLeaderName => self.set_leader(text),
            Field::Terminal => {
                self.process.tty = terminal(text);
                self.exec.tty = self.process.tty;
            }
            Field::Interactive => {
                self.process.tty = u32::from(text.eq_ignore_ascii_case("true"));
                self.exec.tty = self.process.tty;
                self.process.session = self.process.session.max(1);
            }
            Field::LoginUser => self.login().user = number(text),
            Field::LoginSession => self.login().session = number(text),
            Field::SavedUserId => self.process.credentials.suid = number(text),
            Field::FsUserId => self.process.credentials.fsuid = number(text),
            Field::GroupId => self.process.credentials.egid = number(text),
            Field::RealGroupId => self.process.credentials.gid = number(text),
            Field::SavedGroupId => self.process.credentials.sgid = number(text),
            Field::FsGroupId => self.process.credentials.fsgid = number(text),
            Field::CapabilitiesPermitted => self.process.credentials.permitted = system::capabilities(values),
            _ => {
                return self.set_ancestor(field, text)
                    || self.set_executable(field, text)
                    || self.set_place(field, text)
                    || self.set_configuration(field, text, values);
            }
        }
        true
    }

    fn set_executable(&mut self, field: Field, text: &str) -> bool {
        if let Field::ExecutableHash | Field::ExecutableHashes = field {
            let digits = text.rsplit('=').next().unwrap_or_default();
            let hash = Sha256::from_hex(digits).map(|hash| Hash::Sha256(Arc::new(hash)));
            self.process.executable.hash = hash.unwrap_or_default();
            return true;
        }
        let flag = text.eq_ignore_ascii_case("true");
        if field == Field::ExecutablePackage {
            self.process.executable.package =
                if text == "none" { Package::None } else { Package::Named(text.into()) };
            return true;
        }
        for file in [&mut self.exec.file, self.process.file.get_or_insert_default()] {
            match field {
                Field::Memfd => file.memfd = flag,
                Field::Deleted => file.deleted = flag,
                Field::OverlayUpper => file.overlay_upper = flag,
                Field::ExecutableOwner => file.uid = number(text),
                Field::ExecutableGroup => file.gid = number(text),
                Field::ExecutableMode => file.mode = u16::from_str_radix(text, 8).unwrap_or_default(),
                Field::ExecutableAge => {
                    let age_ns = number::<u64>(text).saturating_mul(1_000_000_000);
                    file.ctime_ns = self.time.0.saturating_sub(age_ns).max(1);
                }
                _ => return false,
            }
            // Otherwise a test says nothing of the file.
            file.inode = 1;
        }
        true
    }

    /// One by its number; those before it are unknown unless a test names them, too.
    fn set_ancestor(&mut self, field: Field, text: &str) -> bool {
        let Some((number, line)) = field.ancestor() else { return false };
        self.parent();
        let beyond = number.saturating_sub(1);
        let unknown = |nth: usize| process(u32::try_from(998 - nth).unwrap_or_default());
        self.ancestors.extend((self.ancestors.len()..beyond).map(unknown));
        if let Some(ancestor) = self.ancestors.get_mut(beyond.saturating_sub(1)) {
            if line {
                ancestor.args = args(text.split(' '));
            } else {
                ancestor.exe = bytes(&format!("/usr/bin/{text}")).into();
            }
        }
        true
    }

    /// The process or the nearest above it that is called so; else the parent, if a test says nothing of it, else one behind all.
    fn set_leader(&mut self, name: &str) {
        let wanted = bytes(name);
        let is_it = |one: &&Process| one.exe.rsplit(|byte| *byte == b'/').next() == Some(&wanted);
        let chain = std::iter::once(&self.process).chain(&self.parent).chain(&self.ancestors);
        if let Some(leader) = chain.into_iter().find(is_it) {
            self.process.session = leader.key.tgid;
            return;
        }
        let exe = called(&[], name, PROGRAMS).into();
        if self.parent().exe.is_empty() {
            self.parent().exe = exe;
            self.process.session = self.parent().key.tgid;
        } else {
            // Below every other number of the chain.
            let pid = u32::try_from(998_usize.saturating_sub(self.ancestors.len())).unwrap_or_default();
            self.ancestors.push(Process { exe, ..process(pid) });
            self.process.session = pid;
        }
    }

    fn set_place(&mut self, field: Field, text: &str) -> bool {
        match field {
            Field::ContainerId => self.container().id = text.into(),
            Field::ContainerRuntime => self.container().runtime = text.into(),
            Field::PodUid => self.pod().uid = text.into(),
            Field::PodQos => {
                self.pod().qos =
                    Qos::ALL.into_iter().find(|qos| qos.name() == text).unwrap_or(Qos::Guaranteed);
            }
            Field::CgroupPath => self.cgroup().path = bytes(text).into(),
            Field::SystemdUnit => self.cgroup().unit = text.into(),
            Field::SystemdSlice => self.cgroup().slice = text.into(),
            Field::Workload => match text.split_once(':') {
                Some(("container", id)) => self.container().id = id.into(),
                Some(("service", unit)) => self.cgroup().unit = unit.into(),
                Some(("program", path)) => self.process.exe = bytes(path).into(),
                _ => {}
            },
            _ => return false,
        }
        true
    }

    fn set_configuration(&mut self, field: Field, text: &str, values: &[Box<str>]) -> bool {
        if !Field::OF_CONFIGURATION.contains(&field) {
            return false;
        }
        self.container();
        let known: &mut Configuration = Arc::make_mut(self.process.configured.get_or_insert_default());
        let image = |known: &mut Configuration, set: fn(&mut Image, &str)| {
            let image = known.image.get_or_insert_default();
            set(image, text);
            if field != Field::ContainerImage {
                *image = Image::join(&image.name, &image.tag, &image.digest);
            }
        };
        match field {
            Field::ContainerImageName => image(known, |image, text| image.name = text.into()),
            Field::ContainerImageTag => image(known, |image, text| image.tag = text.into()),
            Field::ContainerImageDigest => image(known, |image, text| image.digest = text.into()),
            Field::ContainerImage => image(known, |image, text| *image = Image::new(text)),
            Field::ContainerName => known.name = text.into(),
            Field::ContainerPrivileged => known.privileged = Some(text.eq_ignore_ascii_case("true")),
            Field::ContainerCapabilities => known.capabilities = Some(system::capabilities(values)),
            Field::PodName => known.pod = text.into(),
            Field::PodNamespace => known.namespace = text.into(),
            _ => known.pod_container = text.into(),
        }
        true
    }

    fn set_exec(&mut self, field: Field, text: &str) {
        if let Some(number) = field.argument() {
            let args = Arc::make_mut(&mut self.process.args);
            args.unreadable = false;
            let words = &mut args.words;
            words.resize(words.len().max(number + 1), Box::default());
            if let Some(word) = words.get_mut(number) {
                *word = bytes(text).into();
            }
            return;
        }
        let exec = &mut self.exec;
        let flag = text.eq_ignore_ascii_case("true");
        let [fd0, fd1, fd2] = &mut exec.fds;
        match field {
            Field::ExecFilename => exec.filename = bytes(text).into(),
            Field::ExecutablePathCut => exec.file.path_cut = flag,
            Field::EnvironmentCut => exec.environment.cut = flag,
            Field::CommandLineCut => Arc::make_mut(&mut self.process.args).truncated = flag,
            Field::Setuid => exec.file.setuid = flag,
            Field::Setgid => exec.file.setgid = flag,
            Field::Secure => exec.secure = flag,
            Field::OutsideRoot => exec.outside = flag,
            Field::DirectoryOutsideRoot => exec.cwd_outside = flag,
            Field::Fd0 => *fd0 = fd(text),
            Field::Fd1 => *fd1 = fd(text),
            Field::Fd2 => *fd2 = fd(text),
            Field::Fd0Address => {
                let remote = text.parse().ok().map(|ip: IpAddr| SocketAddr::new(ip, 4444));
                *fd0 = connected(remote);
            }
            Field::ExitStatus => self.exit = number(text),
            Field::Listening => self.listening = flag,
            _ => {}
        }
    }

    fn set_network(&mut self, field: Field, text: &str) {
        let ip = text.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        match field {
            Field::DestinationAddress => self.destination.set_ip(ip),
            Field::PeerAddress => self.peer().set_ip(ip),
            Field::SourceAddress => self.source.set_ip(ip),
            Field::DestinationNetwork if network(self.destination.ip()) == text => {}
            Field::DestinationNetwork => self.destination.set_ip(of_network(text)),
            Field::DestinationPort => self.destination.set_port(number(text)),
            Field::PeerPort => self.peer().set_port(number(text)),
            Field::SourcePort => self.source.set_port(number(text)),
            Field::ConnectError => self.error = number(text),
            // Of the others no error is known by name: the highest that there can be.
            Field::ErrorType => {
                self.error = Connect::error_of(text).unwrap_or(4095);
                self.file.error = Some(open_error(text).unwrap_or(u8::MAX));
            }
            Field::DestinationName => self.name = bytes(&text.to_ascii_lowercase()).into(),
            Field::UnixPath => {
                self.unix = Some(match text.strip_prefix('@') {
                    Some(name) => [b"\0", name.as_bytes()].concat().into(),
                    None => bytes(text).into(),
                });
            }
            Field::Transport if text == "unix" => drop(self.unix.get_or_insert_default()),
            _ => {}
        }
    }

    /// The end that is not here.
    fn peer(&mut self) -> &mut SocketAddr {
        if Kinds::OUTBOUND.meets(self.kind) { &mut self.destination } else { &mut self.source }
    }

    fn parent(&mut self) -> &mut Process {
        self.parent.get_or_insert_with(|| process(999))
    }

    fn login(&mut self) -> &mut Login {
        self.process.login.get_or_insert(Login { user: Login::NONE, session: Login::NONE })
    }

    fn container(&mut self) -> &mut Container {
        let container = self
            .process
            .container
            .get_or_insert_with(|| Arc::new(Container::new(&"0".repeat(64), "containerd")));
        Arc::make_mut(container)
    }

    fn pod(&mut self) -> &mut Pod {
        let uid = "00000000-0000-4000-8000-000000000000";
        self.container().pod.get_or_insert_with(|| Pod { uid: uid.into(), qos: Qos::Guaranteed })
    }

    fn cgroup(&mut self) -> &mut Cgroup {
        Arc::make_mut(self.process.cgroup.get_or_insert_default())
    }

    fn finish(mut self, sequence: u64) -> Observation {
        let request = Arc::new(self.request.clone());
        let own = self.kind == Kinds::REQUEST || self.kind == Kinds::EXCHANGE;
        // A test that names a field of the request means a proven one unless it says otherwise.
        let link = match self.link {
            _ if own => Some(LinkKind::Exact),
            None => self.of_request.then_some(LinkKind::Exact),
            said => said,
        };
        let link = link.map(|kind| Link {
            kind,
            requests: vec![Arc::clone(&request)],
            more: u32::from(kind == LinkKind::Ambiguous),
            reason: "a test says so",
        });
        let action = self.action(request);
        let parents: Arc<[_]> = self.parent.into_iter().chain(self.ancestors).map(Arc::new).collect();
        self.process.parent = parents.first().map(|parent| parent.key);
        self.process.executed = Some(self.time);
        Observation {
            time: self.time,
            action,
            process: Some(Arc::new(self.process)),
            ancestors: parents,
            link,
            sequence,
        }
    }

    /// The socket of a connection, or one that listens, which has no other end.
    fn socket(&self) -> Socket {
        let (source, destination) = match &self.unix {
            Some(path) if Kinds::STREAM.meets(self.kind) => {
                (Endpoint::Unix(Box::default()), Endpoint::Unix(path.clone()))
            }
            _ => (Endpoint::Ip(self.source), Endpoint::Ip(self.destination)),
        };
        let socket = self.socket.clone();
        match self.kind {
            Kinds::CONNECT | Kinds::DATAGRAM => Socket { local: source, remote: destination, ..socket },
            Kinds::LISTEN => Socket { local: destination, ..socket },
            _ => Socket { local: destination, remote: source, ..socket },
        }
    }

    fn action(&mut self, request: Arc<Request>) -> Action {
        let connect = |draft: &Self| {
            let (socket, name) = (draft.socket(), Arc::clone(&draft.name));
            Arc::new(Connect { socket, begun: draft.time, error: draft.error, name })
        };
        match self.kind {
            Kinds::ACCEPT => Action::Accept(Arc::new(self.socket())),
            Kinds::CONNECT => Action::Connect(connect(self)),
            Kinds::DATAGRAM => Action::Datagram(connect(self)),
            Kinds::EXIT => Action::Exit(Exit { code: self.exit }),
            Kinds::FORK => Action::Fork(Arc::new(Fork {
                child: ProcessKey { tgid: 1001, start: self.time, exec_number: 0 },
                child_origin: None,
                child_ns_tgid: 1001,
                comm: Box::default(),
                cgroup: Box::default(),
                unified: Box::default(),
            })),
            Kinds::LISTEN => {
                Action::Listen(Arc::new(Listen { socket: self.socket(), listening: self.listening }))
            }
            kind if kind.meets(Kinds::FILE) => Action::File(Arc::new(file::finish(&self.file, kind))),
            Kinds::REQUEST => Action::RequestHead(request),
            Kinds::EXCHANGE => Action::Exchange(request, self.response),
            kind if Kinds::SYSTEM.meets(kind) => {
                std::mem::replace(&mut self.doing, Doing::new()).finish(kind)
            }
            _ => Action::Exec(Arc::new(Exec {
                parent: None,
                exe: self.process.exe.to_vec().into(),
                comm: self.process.comm.clone(),
                args: Args::clone(&self.process.args),
                cwd: self.process.cwd.to_vec().into(),
                credentials: self.process.credentials,
                ..self.exec.clone()
            })),
        }
    }
}

/// The same pid is the same process, unless a test says when it started.
fn set_pid(process: &mut Process, text: &str) {
    let key = &mut process.key;
    let usual = key.start == BootTime(u64::from(key.tgid));
    key.tgid = number(text);
    if usual {
        key.start = BootTime(u64::from(key.tgid));
    }
}

fn set_user(process: &mut Process, text: &str) {
    if let Ok(id) = text.parse() {
        process.credentials.euid = id;
        return;
    }
    if text == ROOT {
        process.credentials.euid = 0;
    }
    // The name is the real user's, and is told of no other.
    process.credentials.uid = process.credentials.euid;
    let table = process.user.as_ref().map_or(UserTable::Host, |user| user.table);
    process.user = Some(User { name: text.into(), table });
}

/// Whoever has a name has it with that id, unless it is the one whose id all know.
fn set_user_id(process: &mut Process, text: &str) {
    process.credentials.euid = number(text);
    if process.user.as_ref().is_some_and(|user| &*user.name != ROOT) {
        process.credentials.uid = process.credentials.euid;
    }
}

fn set_request(request: &mut Request, field: Field, text: &str) {
    match field {
        Field::Request => request.id = request_id(text),
        Field::Trace => request.trace.trace = TraceId::from_hex(text).unwrap_or_default(),
        Field::TraceSource => {
            request.trace.source = match text {
                "client-claimed" => TraceSource::ClientClaimed,
                "local" => TraceSource::Local,
                _ => TraceSource::Own,
            }
        }
        Field::Method => request.method = bytes(text).into(),
        Field::Path => request.path = bytes(text).into(),
        Field::Query => request.query = Some(bytes(text).into()),
        Field::QueryOrTarget if !text.contains('?') && !text.starts_with('/') => {
            request.query = Some(bytes(text).into());
        }
        Field::Target | Field::QueryOrTarget | Field::DecodedTarget => match text.split_once('?') {
            Some((path, query)) => {
                request.path = bytes(path).into();
                request.query = Some(bytes(query).into());
            }
            None => request.path = bytes(text).into(),
        },
        Field::Route => request.route = text.into(),
        Field::Host => request.host = bytes(text).into(),
        Field::UserAgent => request.user_agent = bytes(text).into(),
        Field::Referer => request.referer = bytes(text).into(),
        Field::EndUser => request.user = bytes(text).into(),
        Field::ContentType => request.content_type = bytes(text).into(),
        Field::ForwardedFor => request.forwarded_for = bytes(text).into(),
        Field::HttpVersion => request.minor_version = u8::from(text != "1.0"),
        Field::ClientAddress => set_ip(&mut request.client, text),
        Field::ClientPort => set_port(&mut request.client, text),
        Field::ServerPort => set_port(&mut request.server, text),
        _ => {}
    }
}

fn set_ip(endpoint: &mut Endpoint, text: &str) {
    if let (Endpoint::Ip(address), Ok(ip)) = (endpoint, text.parse()) {
        address.set_ip(ip);
    }
}

fn set_port(endpoint: &mut Endpoint, text: &str) {
    if let Endpoint::Ip(address) = endpoint {
        address.set_port(number(text));
    }
}

fn set_response(response: &mut Response, field: Field, text: &str) {
    match field {
        Field::Status => response.status = number(text),
        Field::ResponseSize => response.response_body_bytes = text.parse().ok(),
        Field::RequestSize => response.request_body_bytes = text.parse().ok(),
        _ => {}
    }
}

/// A test may call its requests what it likes, as by their ids; the same name is the same request.
pub(crate) fn request_id(name: &str) -> RequestId {
    let hex = |digits| u64::from_str_radix(digits, 16).ok();
    if let Some((connection, position)) = name.split_once('-')
        && let (Some(connection), Some(position)) = (hex(connection), hex(position))
    {
        return RequestId { connection: ConnectionId(connection), position };
    }
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    RequestId { connection: ConnectionId(hash), position: 0 }
}

fn bytes(text: &str) -> Vec<u8> {
    text::unescape(text)
}

/// Dates were checked with the test.
fn moment(text: &str) -> BootTime {
    BootTime(Date::parse(text).map_or(START, Date::nanoseconds))
}

fn number<T: std::str::FromStr + Default>(text: &str) -> T {
    text.parse().unwrap_or_default()
}

fn args<'a>(words: impl Iterator<Item = &'a str>) -> Arc<Args> {
    let words: Vec<Box<[u8]>> = words.map(|word| bytes(word).into()).collect();
    let total = words.iter().map(|word| word.len() + 1).sum::<usize>();
    let total_bytes = u32::try_from(total).unwrap_or(u32::MAX);
    Arc::new(Args { words, total_bytes, truncated: false, unreadable: false })
}

/// The path, its last component being this one, in its folder or else in `folder`.
fn called(path: &[u8], name: &str, folder: &str) -> Vec<u8> {
    let own = path.iter().rposition(|byte| *byte == b'/').and_then(|at| path.get(..at));
    [own.unwrap_or(folder.as_bytes()), b"/", &bytes(name)].concat()
}

/// What the kernel keeps of the name of a thread.
fn comm(name: &str) -> Box<[u8]> {
    let mut name = bytes(name);
    name.truncate(COMM);
    name.into()
}

/// Some address there.
fn of_network(name: &str) -> IpAddr {
    let [a, b, c, d] = match name {
        "loopback" => [127, 0, 0, 1],
        "link_local" => [169, 254, 0, 1],
        "private" => [10, 0, 0, 1],
        _ => [203, 0, 113, 1],
    };
    Ipv4Addr::new(a, b, c, d).into()
}

/// The device that a terminal of this name below `/dev` has.
fn terminal(name: &str) -> u32 {
    let (major, minor) = if let Some(nth) = name.strip_prefix("pts/") {
        (136, number(nth))
    } else if let Some(nth) = name.strip_prefix("ttyS") {
        (4, 64_u32.saturating_add(number(nth)))
    } else if let Some(nth) = name.strip_prefix("tty") {
        (4, number(nth))
    } else if let Some((major, minor)) = name.split_once(':') {
        (number(major), number(minor))
    } else {
        (5, 1)
    };
    (major & 0xfff) << 20 | minor & 0xf_ffff
}

fn fd(kind: &str) -> Fd {
    match kind {
        "closed" => Fd::Closed,
        "regular" => Fd::Regular,
        "directory" => Fd::Directory,
        "character" => Fd::Character(0x0010_0003),
        "block" => Fd::Block,
        "pipe" => Fd::Pipe,
        "socket" => connected(None),
        _ => Fd::Other,
    }
}

fn connected(remote: Option<SocketAddr>) -> Fd {
    Fd::Socket { remote, family: 2, role: Role::Connected, connection: ConnectionId(0) }
}
