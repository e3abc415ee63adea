//! The values of each field of the table, out of an observation.
use super::view::Values;
use crate::field::Field;
use guardbee_model::{
    event::Exec,
    finding::{Action, Observation},
    process::{Args, Credentials, Fd, Process},
    request::{Request, Response},
    socket::{Endpoint, Socket},
};
use std::borrow::Cow;

/// Reads one field.
pub(crate) fn field(field: Field, o: &Observation) -> Values<'_> {
    match field {
        Field::Link => o.link.as_ref().map_or(Values::None, |link| Values::word(link.kind.name())),
        _ if field.of_request() => request(o).map_or(Values::None, |request| of_request(field, request)),
        _ if field.of_network() => of_network(field, o).unwrap_or_default(),
        _ => of_process(field, o).or_else(|| of_action(field, o)).unwrap_or_default(),
    }
}

/// The request itself, or the proven one: of candidates nothing is said.
fn request(o: &Observation) -> Option<&Request> {
    match &o.action {
        Action::RequestHead(request) | Action::Exchange(request, _) => Some(request),
        _ => o.link.as_ref()?.proven().map(AsRef::as_ref),
    }
}

fn of_process(field: Field, o: &Observation) -> Option<Values<'_>> {
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
    let values = match field {
        Field::Executable => Values::known(exe?),
        Field::ExecutableName => Values::known(exe?.rsplit(|&byte| byte == b'/').next()?),
        Field::CommandLine => command_line(args?)?,
        Field::CommandArgs => words(args?)?,
        Field::WorkingDirectory => {
            Values::known(exec.map(|exec| &*exec.cwd).or_else(|| process.map(|process| &*process.cwd))?)
        }
        Field::Pid => Values::shown(process?.key.tgid),
        Field::User => user(credentials?, process),
        Field::UserId => Values::shown(credentials?.euid),
        Field::UserName => Values::known(user_name(credentials?, process)?),
        Field::RealUserId => Values::shown(credentials?.uid),
        Field::ParentExecutable => Values::known(&parent?.exe),
        Field::ParentCommandLine => command_line(&parent?.args)?,
        Field::ParentPid => match parent {
            Some(parent) => Values::shown(parent.key.tgid),
            None => Values::shown(process?.parent?.tgid),
        },
        Field::ParentUser => user(&parent?.credentials, parent),
        Field::Ancestors => Values::Many(o.ancestors.iter().map(|one| Cow::Borrowed(&*one.exe)).collect()),
        Field::ContainerId => Values::known(process?.container.as_ref()?.id.as_bytes()),
        Field::ContainerRuntime => Values::known(process?.container.as_ref()?.runtime.as_bytes()),
        _ => return None,
    };
    Some(values)
}

/// Absent where the sensor could not read it, or a process has no command line (kernel threads).
fn command_line(args: &Args) -> Option<Values<'_>> {
    match args.words.as_slice() {
        [] if args.unreadable => None,
        [only] => Some(Values::borrowed(only)),
        _ => Some(Values::One(Cow::Owned(args.command_line()))),
    }
}

fn words(args: &Args) -> Option<Values<'_>> {
    (!args.unreadable).then(|| Values::Many(args.words.iter().map(|word| Cow::Borrowed(&**word)).collect()))
}

fn user<'a>(credentials: &Credentials, process: Option<&'a Process>) -> Values<'a> {
    let id = Cow::Owned(credentials.euid.to_string().into_bytes());
    match user_name(credentials, process) {
        Some(name) => Values::Many(vec![id, Cow::Borrowed(name)]),
        None => Values::One(id),
    }
}

/// The name is that of the real user: it says nothing of another effective one, but root is root.
fn user_name<'a>(credentials: &Credentials, process: Option<&'a Process>) -> Option<&'a [u8]> {
    if credentials.euid == credentials.uid
        && let Some(name) = process.and_then(|process| process.user.as_ref())
    {
        return Some(name.as_bytes());
    }
    (credentials.euid == 0).then_some(b"root")
}

fn of_action(field: Field, o: &Observation) -> Option<Values<'_>> {
    match &o.action {
        Action::Exec(exec) => of_exec(field, exec),
        Action::Exit(exit) if field == Field::ExitStatus => Some(Values::shown(exit.code)),
        Action::Listen(listen) if field == Field::Listening => Some(Values::flag(listen.listening)),
        Action::Exchange(_, Some(response)) => of_response(field, response),
        _ => None,
    }
}

fn of_exec(field: Field, exec: &Exec) -> Option<Values<'_>> {
    let [fd0, fd1, fd2] = &exec.fds;
    let values = match field {
        Field::ExecFilename => Values::known(&exec.filename),
        Field::Memfd => Values::flag(exec.file.memfd),
        Field::Deleted => Values::flag(exec.file.deleted),
        Field::OverlayUpper => Values::flag(exec.file.overlay_upper),
        Field::Setuid => Values::flag(exec.file.setuid),
        Field::Setgid => Values::flag(exec.file.setgid),
        Field::Secure => Values::flag(exec.secure),
        Field::Interactive => Values::flag(exec.tty != 0),
        Field::Fd0 => Values::word(fd_kind(fd0)),
        Field::Fd1 => Values::word(fd_kind(fd1)),
        Field::Fd2 => Values::word(fd_kind(fd2)),
        Field::Fd0Address => match fd0 {
            Fd::Socket { remote: Some(remote), .. } => Values::shown(remote.ip()),
            _ => return None,
        },
        _ => return None,
    };
    Some(values)
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

fn of_response(field: Field, response: &Response) -> Option<Values<'_>> {
    Some(match field {
        Field::Status if response.status != 0 => Values::shown(response.status),
        Field::ResponseSize => Values::shown(response.response_body_bytes?),
        Field::RequestSize => Values::shown(response.request_body_bytes?),
        _ => return None,
    })
}

fn of_network(field: Field, o: &Observation) -> Option<Values<'_>> {
    let (socket, initiated): (&Socket, _) = match &o.action {
        Action::Connect(connect) => (&connect.socket, true),
        Action::Accept(socket) => (socket, false),
        Action::Listen(listen) => (&listen.socket, false),
        _ => return None,
    };
    let (source, destination) =
        if initiated { (&socket.local, &socket.remote) } else { (&socket.remote, &socket.local) };
    let values = match field {
        Field::DestinationAddress => Values::shown(destination.ip()?),
        Field::DestinationPort => Values::shown(destination.port()?),
        Field::SourceAddress => Values::shown(source.ip()?),
        Field::SourcePort => Values::shown(source.port()?),
        Field::PeerAddress => Values::shown(socket.remote.ip()?),
        Field::PeerPort => Values::shown(socket.remote.port()?),
        Field::Initiated => Values::flag(initiated),
        Field::Transport => Values::word(match destination {
            Endpoint::Ip(_) => "tcp",
            Endpoint::Unix(_) => "unix",
        }),
        Field::UnixPath => match destination {
            Endpoint::Unix(path) => match path.split_first() {
                Some((0, name)) => Values::One(Cow::Owned([b"@", name].concat())),
                _ => Values::known(path),
            },
            Endpoint::Ip(_) => return None,
        },
        Field::ConnectError => match &o.action {
            Action::Connect(connect) => Values::shown(connect.error),
            _ => return None,
        },
        _ => return None,
    };
    Some(values)
}

fn of_request(field: Field, request: &Request) -> Values<'_> {
    match field {
        Field::Request => Values::shown(request.id),
        Field::Trace => Values::shown(request.trace.trace),
        Field::TraceSource => Values::word(request.trace.source.name()),
        Field::Method => Values::known(&request.method),
        Field::Path => Values::borrowed(&request.path),
        Field::Query => request.query.as_deref().map_or(Values::None, Values::borrowed),
        Field::QueryOrTarget => match request.query.as_deref() {
            Some(query) => Values::Many(vec![Cow::Borrowed(query), target(request)]),
            None => Values::borrowed(&request.path),
        },
        Field::Target => Values::One(target(request)),
        Field::DecodedTarget => Values::One(Cow::Owned(decoded(&decoded(&target(request))))),
        Field::Route => Values::known(request.route.as_bytes()),
        Field::Host => Values::known(&request.host),
        Field::UserAgent => Values::known(&request.user_agent),
        Field::Referer => Values::known(&request.referer),
        Field::ForwardedFor => Values::known(&request.forwarded_for),
        Field::HttpVersion => Values::shown(format_args!("1.{}", request.minor_version)),
        Field::ClientAddress => request.client.ip().map_or(Values::None, Values::shown),
        Field::ClientPort => request.client.port().map_or(Values::None, Values::shown),
        Field::ServerPort => request.server.port().map_or(Values::None, Values::shown),
        _ => Values::None,
    }
}

fn target(request: &Request) -> Cow<'_, [u8]> {
    match request.query.as_deref() {
        Some(query) => Cow::Owned([&*request.path, b"?", query].concat()),
        None => Cow::Borrowed(&request.path),
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
