//! What an event has in each field, as the names say it: read without the engine.
use super::Kind;
use guardbee_model::{
    event::Exec,
    file::Operation,
    finding::{Action, Observation},
    process::{Args, Credentials, Process},
    request::Request,
    socket::Socket,
};
use std::fmt::Display;

/// What is known of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Image,
    ImageName,
    CommandLine,
    Directory,
    ParentImage,
    ParentLine,
    Ancestors,
    Comm,
    User,
    Euid,
    Uid,
    Container,
    Memfd,
    Deleted,
    OverlayUpper,
    Setuid,
    Setgid,
    Secure,
    Type,
    Syscall,
    A0,
    A1,
    A2,
    A3,
    A4,
    A5,
    A6,
    A7,
    File,
    FileName,
    Address,
    Port,
    Initiated,
    Transport,
    Method,
    Path,
    Query,
    UserAgent,
    Referer,
    Host,
    Status,
}

/// In their order, with their names, all of which mean the same.
const NAMES: [(Field, &[&str]); 41] = [
    (Field::Image, &["Image", "exe", "process.executable.path"]),
    (Field::ImageName, &["process.executable.name"]),
    (Field::CommandLine, &["CommandLine", "process.command_line"]),
    (Field::Directory, &["CurrentDirectory", "process.working_directory"]),
    (Field::ParentImage, &["ParentImage", "process.parent.executable.path"]),
    (Field::ParentLine, &["ParentCommandLine", "process.parent.command_line"]),
    (Field::Ancestors, &["process.ancestors.executable"]),
    (Field::Comm, &["comm"]),
    (Field::User, &["User"]),
    (Field::Euid, &["euid", "process.user.id"]),
    (Field::Uid, &["uid", "process.real_user.id"]),
    (Field::Container, &["container.id"]),
    (Field::Memfd, &["process.executable.memfd"]),
    (Field::Deleted, &["process.executable.deleted"]),
    (Field::OverlayUpper, &["process.executable.overlay_upper"]),
    (Field::Setuid, &["process.executable.setuid"]),
    (Field::Setgid, &["process.executable.setgid"]),
    (Field::Secure, &["process.secure"]),
    (Field::Type, &["type"]),
    (Field::Syscall, &["SYSCALL"]),
    (Field::A0, &["a0"]),
    (Field::A1, &["a1"]),
    (Field::A2, &["a2"]),
    (Field::A3, &["a3"]),
    (Field::A4, &["a4"]),
    (Field::A5, &["a5"]),
    (Field::A6, &["a6"]),
    (Field::A7, &["a7"]),
    (Field::File, &["TargetFilename", "name", "file.path"]),
    (Field::FileName, &["file.name"]),
    (Field::Address, &["DestinationIp"]),
    (Field::Port, &["DestinationPort"]),
    (Field::Initiated, &["Initiated"]),
    (Field::Transport, &["network.transport"]),
    (Field::Method, &["cs-method"]),
    (Field::Path, &["cs-uri-stem", "url.path"]),
    (Field::Query, &["cs-uri-query"]),
    (Field::UserAgent, &["cs-user-agent", "user_agent.original"]),
    (Field::Referer, &["cs-referer"]),
    (Field::Host, &["cs-host"]),
    (Field::Status, &["sc-status"]),
];

const ARGUMENTS: [Field; 8] =
    [Field::A0, Field::A1, Field::A2, Field::A3, Field::A4, Field::A5, Field::A6, Field::A7];

/// The field of this name, if it is known here.
pub(super) fn field(name: &str) -> Option<Field> {
    NAMES.iter().find(|(_, names)| names.contains(&name)).map(|(field, _)| *field)
}

/// One value.
pub(crate) struct Text {
    pub(crate) text: String,
    /// In lower case, one letter after another.
    pub(super) lower: String,
}

/// Values of an event by field; a field may have several, and then says what any of them says.
pub(crate) struct Event {
    pub(crate) kind: Kind,
    values: Vec<Vec<Text>>,
    /// Some bytes are no text.
    unsound: bool,
}

impl Event {
    /// [`None`]: it has bytes that are no text, or is of another kind.
    pub(crate) fn of(observation: &Observation) -> Option<Self> {
        let kind = match &observation.action {
            Action::Exec(_) => Kind::Exec,
            Action::File(file) => match file.operation {
                Operation::Modify
                | Operation::Create
                | Operation::Rename
                | Operation::Link
                | Operation::Symlink => Kind::FileWrite,
                _ => return None,
            },
            Action::Connect(_) | Action::Datagram(_) | Action::Accept(_) => Kind::Connection,
            Action::RequestHead(_) => Kind::Request,
            Action::Exchange(..) => Kind::Exchange,
            _ => return None,
        };
        let values = NAMES.iter().map(|_| Vec::new()).collect();
        let mut event = Self { kind, values, unsound: false };
        if let Some(process) = &observation.process {
            event.process(process);
        }
        if let Some(parent) = observation.ancestors.first() {
            event.known(Field::ParentImage, &parent.exe);
            event.line(Field::ParentLine, &parent.args);
        }
        for ancestor in observation.ancestors.iter() {
            if !ancestor.exe.is_empty() {
                event.add(Field::Ancestors, &ancestor.exe);
            }
        }
        match &observation.action {
            Action::Exec(exec) => event.exec(exec, observation.process.as_deref()),
            Action::File(file) => {
                event.known(Field::File, &file.path);
                event.known(Field::FileName, last(&file.path));
            }
            Action::Connect(connect) => event.connection(&connect.socket, true, b"tcp"),
            Action::Datagram(sent) => event.connection(&sent.socket, true, b"udp"),
            Action::Accept(socket) => event.connection(socket, false, b"tcp"),
            Action::RequestHead(request) => event.request(request),
            Action::Exchange(request, response) => {
                event.request(request);
                if let Some(response) = response.filter(|response| response.status > 0) {
                    event.shown(Field::Status, response.status);
                }
            }
            _ => {}
        }
        (!event.unsound).then_some(event)
    }

    fn process(&mut self, process: &Process) {
        self.known(Field::Image, &process.exe);
        self.known(Field::ImageName, last(&process.exe));
        self.line(Field::CommandLine, &process.args);
        self.known(Field::Directory, &process.cwd);
        self.known(Field::Comm, &process.comm);
        if let Some(container) = &process.container {
            self.known(Field::Container, container.id.as_bytes());
        }
        self.credentials(&process.credentials, Some(process));
        if let Some(file) = &process.file {
            self.shown(Field::Memfd, file.memfd);
            self.shown(Field::Deleted, file.deleted);
            self.shown(Field::OverlayUpper, file.overlay_upper);
        }
    }

    /// What a process became is told by the exec, not by what it was.
    fn exec(&mut self, exec: &Exec, process: Option<&Process>) {
        self.known(Field::Image, &exec.exe);
        self.known(Field::ImageName, last(&exec.exe));
        self.line(Field::CommandLine, &exec.args);
        self.known(Field::Directory, &exec.cwd);
        self.known(Field::Comm, &exec.comm);
        self.credentials(&exec.credentials, process);
        self.shown(Field::Memfd, exec.file.memfd);
        self.shown(Field::Deleted, exec.file.deleted);
        self.shown(Field::OverlayUpper, exec.file.overlay_upper);
        self.shown(Field::Setuid, exec.file.setuid);
        self.shown(Field::Setgid, exec.file.setgid);
        self.shown(Field::Secure, exec.secure);
        self.put(Field::Type, b"EXECVE");
        self.add(Field::Type, b"SYSCALL");
        self.put(Field::Syscall, b"execve");
        for (argument, word) in ARGUMENTS.into_iter().zip(&exec.args.words) {
            self.put(argument, word);
        }
    }

    fn credentials(&mut self, credentials: &Credentials, process: Option<&Process>) {
        let Credentials { uid, euid, .. } = *credentials;
        self.shown(Field::Euid, euid);
        self.shown(Field::Uid, uid);
        self.shown(Field::User, euid);
        // A name is that of the real user.
        let name = process.and_then(|process| process.user.as_ref()).filter(|_| uid == euid);
        match name {
            Some(user) => self.add(Field::User, user.name.as_bytes()),
            None if euid == 0 => self.add(Field::User, b"root"),
            None => {}
        }
    }

    fn connection(&mut self, socket: &Socket, initiated: bool, of_ip: &[u8]) {
        let destination = if initiated { &socket.remote } else { &socket.local };
        self.shown(Field::Initiated, initiated);
        if let (Some(address), Some(port)) = (destination.ip(), destination.port()) {
            self.shown(Field::Address, address);
            self.shown(Field::Port, port);
        }
        self.put(Field::Transport, if destination.ip().is_some() { of_ip } else { b"unix" });
    }

    fn request(&mut self, request: &Request) {
        self.known(Field::Method, &request.method);
        self.put(Field::Path, &request.path);
        self.known(Field::UserAgent, &request.user_agent);
        self.known(Field::Referer, &request.referer);
        self.known(Field::Host, &request.host);
        // Rules mean by the query whatever stands behind the host, too.
        let mut target = request.path.to_vec();
        if let Some(query) = &request.query {
            self.put(Field::Query, query);
            target.push(b'?');
            target.extend_from_slice(query);
        }
        self.add(Field::Query, &target);
    }

    fn line(&mut self, field: Field, args: &Args) {
        if !args.words.is_empty() || !args.unreadable {
            self.put(field, &args.words.join(&b' '));
        }
    }

    /// The empty text says that nothing is known.
    fn known(&mut self, field: Field, bytes: &[u8]) {
        self.clear(field);
        if !bytes.is_empty() {
            self.add(field, bytes);
        }
    }

    fn shown(&mut self, field: Field, value: impl Display) {
        self.put(field, value.to_string().as_bytes());
    }

    fn clear(&mut self, field: Field) {
        if let Some(values) = self.values.get_mut(field as usize) {
            values.clear();
        }
    }

    /// In place of what it had.
    fn put(&mut self, field: Field, bytes: &[u8]) {
        self.clear(field);
        self.add(field, bytes);
    }

    fn add(&mut self, field: Field, bytes: &[u8]) {
        let Ok(text) = String::from_utf8(bytes.to_vec()) else {
            self.unsound = true;
            return;
        };
        let lower = text.chars().flat_map(char::to_lowercase).collect();
        if let Some(values) = self.values.get_mut(field as usize) {
            values.push(Text { text, lower });
        }
    }

    pub(super) fn get(&self, field: Field) -> &[Text] {
        self.values.get(field as usize).map_or(&[], Vec::as_slice)
    }

    /// All values by each of their names.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&'static str, &[Text])> {
        let named = NAMES.iter().zip(&self.values).filter(|(_, values)| !values.is_empty());
        named.flat_map(|((_, names), values)| names.iter().map(|name| (*name, values.as_slice())))
    }
}

fn last(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}
