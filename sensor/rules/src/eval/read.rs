//! The values of each field of the table, out of an observation.
use super::{executable, file, flag::flag, system, view::Texts};
use crate::{
    date::Date,
    field::{Field, Kinds, Type},
};
use guardbee_model::{
    clock::{BootTime, WallOffset},
    container::Configuration,
    event::Exec,
    finding::{Action, Observation},
    process::{Args, Credentials, Fd, Process, terminal},
    request::{Request, Response},
    socket::{Endpoint, Socket},
    system::capabilities,
};
use std::net::{IpAddr, Ipv4Addr};

/// Reads one field.
pub(crate) fn field(field: Field, o: &Observation, wall: Option<WallOffset>, out: &mut Texts) {
    let read = match field {
        _ if field.row().kind == Type::Flag => flag(field, o).map(|value| out.flag(value)),
        Field::Time => date(o.time, wall, out),
        Field::Created => o.process.as_ref().and_then(|process| date(process.key.start, wall, out)),
        Field::ExecutableAge => executable::age(o, wall, out),
        Field::ErrorType => error_type(&o.action).map(|word| out.put(word.as_bytes())),
        Field::Link => o.link.as_ref().map(|link| out.put(link.kind.name().as_bytes())),
        _ if field.of_request() => request(o).and_then(|request| of_request(field, request, out)),
        _ if field.of_file() => file::field(field, o, out),
        _ if field.of_network() => of_network(field, o, out),
        _ => of_process(field, o, out).or_else(|| of_action(field, o, out)),
    };
    // Absent fields put nothing.
    read.unwrap_or_default();
}

fn error_type(action: &Action) -> Option<&'static str> {
    match action {
        Action::Connect(connect) => connect.error_type(),
        Action::File(file) => file.error_type(),
        _ => None,
    }
}

fn date(time: BootTime, wall: Option<WallOffset>, out: &mut Texts) -> Option<()> {
    out.shown(Date::of(wall?.wall(time).0));
    Some(())
}

/// The request itself, or the proven one: of candidates nothing is said.
fn request(o: &Observation) -> Option<&Request> {
    match &o.action {
        Action::RequestHead(request) | Action::Exchange(request, _) => Some(request),
        _ => o.link.as_ref()?.proven().map(AsRef::as_ref),
    }
}

fn of_process(field: Field, o: &Observation, out: &mut Texts) -> Option<()> {
    let process = o.process.as_deref();
    let exec = match &o.action {
        Action::Exec(exec) => Some(&**exec),
        _ => None,
    };
    let exe = exec.map(|exec| &*exec.exe).or_else(|| process.map(|process| &*process.exe));
    let args = exec.map(|exec| &exec.args).or_else(|| process.map(|process| &*process.args));
    let credentials =
        exec.map(|exec| &exec.credentials).or_else(|| process.map(|process| &process.credentials));
    let parent = o.ancestors.first().map(AsRef::as_ref);
    match field {
        Field::Executable => out.known(exe?),
        Field::ExecutableName => out.known(exe?.rsplit(|&byte| byte == b'/').next()?),
        Field::CommandLine => command_line(args?, out),
        Field::CommandArgs => words(args?, out),
        Field::Comm => {
            out.known(exec.map(|exec| &*exec.comm).or_else(|| process.map(|process| &*process.comm))?);
        }
        Field::WorkingDirectory => {
            out.known(exec.map(|exec| &*exec.cwd).or_else(|| process.map(|process| &*process.cwd))?);
        }
        Field::Pid => out.shown(process?.key.tgid),
        Field::Vpid => out.shown(process.map(|process| process.ns_tgid).filter(|pid| *pid > 0)?),
        Field::User => user(credentials?, process, out),
        Field::UserId => out.shown(credentials?.euid),
        Field::UserName => out.known(user_name(credentials?, process)?),
        Field::UserSource if credentials?.euid == credentials?.uid => {
            out.put(process?.user.as_ref()?.table.name().as_bytes());
        }
        Field::RealUserId => out.shown(credentials?.uid),
        Field::Capabilities => {
            capabilities(credentials?.effective).for_each(|name| out.put(name.as_bytes()));
        }
        Field::Age => out.shown(o.time.since(process?.key.start)),
        Field::PreviousExecutable => out.known(&process?.previous),
        Field::ParentExecutable => out.known(&parent?.exe),
        Field::ParentName => out.known(parent?.exe.rsplit(|&byte| byte == b'/').next()?),
        Field::ParentCommandLine => command_line(&parent?.args, out),
        Field::ParentPid => match parent {
            Some(parent) => out.shown(parent.key.tgid),
            None => out.shown(process?.parent?.tgid),
        },
        Field::ParentUser => user(&parent?.credentials, parent, out),
        Field::Ancestors => o.ancestors.iter().for_each(|one| out.put(&one.exe)),
        Field::Workload => workload(process?, exe?, out),
        _ => {
            let of = executable::field(field, o, out)
                .or_else(|| of_session(field, o, out))
                .or_else(|| of_credentials(field, credentials, out))
                .or_else(|| of_ancestor(field, o, out));
            return of.or_else(|| of_place(field, process?, out));
        }
    }
    Some(())
}

/// Users and groups beside the real and the effective user, and capabilities.
fn of_credentials(field: Field, credentials: Option<&Credentials>, out: &mut Texts) -> Option<()> {
    let credentials = credentials?;
    match field {
        Field::SavedUserId => out.shown(credentials.suid),
        Field::FsUserId => out.shown(credentials.fsuid),
        Field::GroupId => out.shown(credentials.egid),
        Field::RealGroupId => out.shown(credentials.gid),
        Field::SavedGroupId => out.shown(credentials.sgid),
        Field::FsGroupId => out.shown(credentials.fsgid),
        Field::CapabilitiesPermitted => {
            capabilities(credentials.permitted).for_each(|name| out.put(name.as_bytes()));
        }
        _ => return None,
    }
    Some(())
}

/// Session and terminal.
fn of_session(field: Field, o: &Observation, out: &mut Texts) -> Option<()> {
    let process = o.process.as_deref()?;
    match field {
        Field::SessionLeader if process.session != 0 => out.shown(process.session),
        // A session is left to children alone: whoever began it is the process or one of those above it.
        Field::SessionLeaderName => {
            let chain = std::iter::once(process).chain(o.ancestors.iter().map(AsRef::as_ref));
            let leader = chain.into_iter().find(|one| one.key.tgid == process.session)?;
            out.known(leader.exe.rsplit(|&byte| byte == b'/').next()?);
        }
        Field::Terminal => out.known(terminal(process.tty)?.as_bytes()),
        Field::LoginUser => out.shown(process.login?.user),
        Field::LoginSession => out.shown(process.login?.session),
        _ => return None,
    }
    Some(())
}

/// Beyond the parent.
fn of_ancestor(field: Field, o: &Observation, out: &mut Texts) -> Option<()> {
    let (number, line) = field.ancestor()?;
    let process = o.ancestors.get(number.checked_sub(1)?)?;
    if line {
        command_line(&process.args, out);
    } else {
        out.known(process.exe.rsplit(|&byte| byte == b'/').next()?);
    }
    Some(())
}

/// Container, pod, cgroup, unit.
fn of_place(field: Field, process: &Process, out: &mut Texts) -> Option<()> {
    let (container, cgroup) = (process.container.as_deref(), process.cgroup.as_deref());
    let pod = container.and_then(|container| container.pod.as_ref());
    match field {
        Field::ContainerId => out.known(container?.id.as_bytes()),
        Field::ContainerRuntime => out.known(container?.runtime.as_bytes()),
        Field::PodUid => out.known(pod?.uid.as_bytes()),
        Field::PodQos => out.put(pod?.qos.name().as_bytes()),
        Field::CgroupPath => out.known(&cgroup?.path),
        Field::SystemdUnit => out.known(cgroup?.unit.as_bytes()),
        Field::SystemdSlice => out.known(cgroup?.slice.as_bytes()),
        _ => return of_configuration(field, process.configured.as_deref()?, out),
    }
    Some(())
}

/// What a runtime's files say of the container.
fn of_configuration(field: Field, known: &Configuration, out: &mut Texts) -> Option<()> {
    let image = known.image.as_ref();
    match field {
        Field::ContainerImageName => out.known(image?.name.as_bytes()),
        Field::ContainerImageTag => out.known(image?.tag.as_bytes()),
        Field::ContainerImageDigest => out.known(image?.digest.as_bytes()),
        Field::ContainerImage => out.known(image?.reference.as_bytes()),
        Field::ContainerName => out.known(known.name.as_bytes()),
        Field::ContainerCapabilities => {
            capabilities(known.capabilities?).for_each(|name| out.put(name.as_bytes()));
        }
        Field::PodName => out.known(known.pod.as_bytes()),
        Field::PodNamespace => out.known(known.namespace.as_bytes()),
        Field::PodContainer => out.known(known.pod_container.as_bytes()),
        _ => return None,
    }
    Some(())
}

/// A user's manager is around all that its user starts: no workload.
fn workload(process: &Process, exe: &[u8], out: &mut Texts) {
    let unit = process.cgroup.as_ref().map_or("", |cgroup| &cgroup.unit);
    let (kind, name) = match &process.container {
        Some(container) => ("container:", container.id.as_bytes()),
        None if unit.ends_with(".service") && !unit.starts_with("user@") => ("service:", unit.as_bytes()),
        None => ("program:", exe),
    };
    if !name.is_empty() {
        out.build(|bytes| bytes.extend([kind.as_bytes(), name].concat()));
    }
}

/// Absent where the sensor could not read it, or a process has no command line (kernel threads).
fn command_line(args: &Args, out: &mut Texts) {
    if args.words.is_empty() && args.unreadable {
        return;
    }
    out.build(|bytes| {
        for (nth, word) in args.words.iter().enumerate() {
            if nth > 0 {
                bytes.push(b' ');
            }
            bytes.extend_from_slice(word);
        }
    });
}

fn words(args: &Args, out: &mut Texts) {
    if !args.unreadable {
        args.words.iter().for_each(|word| out.put(word));
    }
}

fn user(credentials: &Credentials, process: Option<&Process>, out: &mut Texts) {
    out.shown(credentials.euid);
    if let Some(name) = user_name(credentials, process) {
        out.put(name);
    }
}

/// The name is that of the real user: it says nothing of another effective one, but root is root.
fn user_name<'a>(credentials: &Credentials, process: Option<&'a Process>) -> Option<&'a [u8]> {
    if credentials.euid == credentials.uid
        && let Some(user) = process.and_then(|process| process.user.as_ref())
    {
        return Some(user.name.as_bytes());
    }
    (credentials.euid == 0).then_some(b"root")
}

fn of_action(field: Field, o: &Observation, out: &mut Texts) -> Option<()> {
    match &o.action {
        Action::Exec(exec) => of_exec(field, exec, out),
        Action::File(_) if field == Field::AuditType && Kinds::FILE_DONE.meets(Kinds::of(&o.action)) => {
            out.put(b"PATH");
            Some(())
        }
        Action::Exit(exit) if field == Field::ExitStatus => {
            out.shown(exit.code);
            Some(())
        }
        Action::System(system, target) => system::field(field, system, target.as_deref(), out),
        Action::Exchange(_, Some(response)) => of_response(field, response, out),
        _ => None,
    }
}

/// Behind what is missing from a long command line, no word has a number that is known.
fn argument(args: &Args, number: usize) -> Option<&[u8]> {
    const WHOLE: usize = 4096;
    let before: usize = args.words.iter().take(number + 1).map(|word| word.len() + 1).sum();
    (!args.truncated || before <= WHOLE).then(|| args.words.get(number).map(AsRef::as_ref))?
}

fn of_exec(field: Field, exec: &Exec, out: &mut Texts) -> Option<()> {
    let [fd0, fd1, fd2] = &exec.fds;
    if let Some(number) = field.argument() {
        out.put(argument(&exec.args, number)?);
        return Some(());
    }
    match field {
        Field::ExecFilename => out.known(&exec.filename),
        Field::Environment => exec.environment.variables.iter().for_each(|variable| out.put(variable)),
        Field::AuditType => {
            out.put(b"EXECVE");
            out.put(b"SYSCALL");
        }
        Field::AuditSyscall => out.put(b"execve"),
        Field::AuditExit => out.shown(0),
        Field::AuditSuccess => out.put(b"yes"),
        Field::Fd0 => out.put(fd_kind(fd0).as_bytes()),
        Field::Fd1 => out.put(fd_kind(fd1).as_bytes()),
        Field::Fd2 => out.put(fd_kind(fd2).as_bytes()),
        Field::Fd0Address => match fd0 {
            Fd::Socket { remote: Some(remote), .. } => out.shown(remote.ip()),
            _ => return None,
        },
        _ => return None,
    }
    Some(())
}

fn fd_kind(fd: &Fd) -> &'static str {
    match fd {
        Fd::Closed => "closed",
        Fd::Regular => "regular",
        Fd::Directory => "directory",
        Fd::Character(_) => "character",
        Fd::Block => "block",
        Fd::Pipe => "pipe",
        Fd::Socket { .. } => "socket",
        Fd::Other => "other",
    }
}

fn of_response(field: Field, response: &Response, out: &mut Texts) -> Option<()> {
    match field {
        Field::Status if response.status != 0 => out.shown(response.status),
        Field::ResponseSize => out.shown(response.response_body_bytes?),
        Field::RequestSize => out.shown(response.request_body_bytes?),
        _ => return None,
    }
    Some(())
}

fn of_network(field: Field, o: &Observation, out: &mut Texts) -> Option<()> {
    let (socket, initiated): (&Socket, _) = match &o.action {
        Action::Connect(connect) | Action::Datagram(connect) => (&connect.socket, true),
        Action::Accept(socket) => (socket, false),
        Action::Listen(listen) => (&listen.socket, false),
        _ => return None,
    };
    // A listening socket has one end.
    let peer = (!matches!(o.action, Action::Listen(_))).then_some(&socket.remote);
    let (source, destination) =
        if initiated { (Some(&socket.local), &socket.remote) } else { (peer, &socket.local) };
    // Of any address: the kernel chose one for each datagram.
    let chosen = |ip: &IpAddr| !(ip.is_unspecified() && matches!(o.action, Action::Datagram(_)));
    match field {
        Field::DestinationAddress => out.shown(destination.ip()?),
        Field::DestinationPort => out.shown(destination.port()?),
        Field::DestinationName => match &o.action {
            Action::Connect(connect) | Action::Datagram(connect) => out.known(&connect.name),
            _ => return None,
        },
        Field::DestinationNetwork => out.put(network(destination.ip()?).as_bytes()),
        Field::SourceAddress => out.shown(source?.ip().filter(chosen)?),
        Field::SourcePort => out.shown(source?.port()?),
        Field::PeerAddress => out.shown(peer?.ip()?),
        Field::PeerPort => out.shown(peer?.port()?),
        Field::Transport => out.put(match destination {
            Endpoint::Ip(_) if matches!(o.action, Action::Datagram(_)) => b"udp",
            Endpoint::Ip(_) => b"tcp",
            Endpoint::Unix(_) => b"unix",
        }),
        Field::UnixPath => match destination {
            Endpoint::Unix(path) => match path.split_first() {
                Some((0, name)) => out.build(|bytes| {
                    bytes.push(b'@');
                    bytes.extend_from_slice(name);
                }),
                _ => out.known(path),
            },
            Endpoint::Ip(_) => return None,
        },
        Field::ConnectError => match &o.action {
            Action::Connect(connect) => out.shown(connect.error),
            _ => return None,
        },
        _ => return None,
    }
    Some(())
}

/// Mapped addresses are IPv4's already.
pub(crate) fn network(address: IpAddr) -> &'static str {
    let shared = |ip: Ipv4Addr| ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
    match address {
        // Whoever connects to no address connects to this host.
        ip if ip.is_loopback() || ip.is_unspecified() => "loopback",
        IpAddr::V4(ip) if ip.is_link_local() => "link_local",
        IpAddr::V6(ip) if ip.is_unicast_link_local() => "link_local",
        IpAddr::V4(ip) if ip.is_private() || shared(ip) => "private",
        IpAddr::V6(ip) if ip.is_unique_local() => "private",
        _ => "public",
    }
}

fn of_request(field: Field, request: &Request, out: &mut Texts) -> Option<()> {
    match field {
        Field::Request => out.shown(request.id),
        Field::Trace => out.shown(request.trace.trace),
        Field::TraceSource => out.put(request.trace.source.name().as_bytes()),
        Field::Method => out.known(&request.method),
        Field::Path => out.put(&request.path),
        Field::Query => out.put(request.query.as_deref()?),
        Field::QueryOrTarget => {
            if let Some(query) = request.query.as_deref() {
                out.put(query);
            }
            out.build(|bytes| target(request, bytes));
        }
        Field::Target => out.build(|bytes| target(request, bytes)),
        Field::DecodedTarget => {
            let mut whole = Vec::new();
            target(request, &mut whole);
            out.put(&decoded(&decoded(&whole)));
        }
        Field::Route => out.known(request.route.as_bytes()),
        Field::Host => out.known(&request.host),
        Field::UserAgent => out.known(&request.user_agent),
        Field::Referer => out.known(&request.referer),
        Field::EndUser => out.known(&request.user),
        Field::ContentType => out.known(&request.content_type),
        Field::ForwardedFor => out.known(&request.forwarded_for),
        Field::HttpVersion => out.shown(format_args!("1.{}", request.minor_version)),
        Field::ClientAddress => out.shown(request.client.ip()?),
        Field::ClientPort => out.shown(request.client.port()?),
        Field::ServerPort => out.shown(request.server.port()?),
        _ => return None,
    }
    Some(())
}

fn target(request: &Request, out: &mut Vec<u8>) {
    out.extend_from_slice(&request.path);
    if let Some(query) = request.query.as_deref() {
        out.push(b'?');
        out.extend_from_slice(query);
    }
}

/// `%HH` decoded, `+` as a blank.
fn decoded(text: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        match (first, tail) {
            (b'%', [high, low, after @ ..]) => match digit(*high).zip(digit(*low)) {
                Some((high, low)) => {
                    out.push(high << 4 | low);
                    rest = after;
                }
                None => out.push(first),
            },
            (b'+', _) => out.push(b' '),
            _ => out.push(first),
        }
    }
    out
}
