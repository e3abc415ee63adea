//! What the kernel half saw, decoded: one type for each kind, under one header.
use crate::{
    clock::BootTime,
    dns::Dns,
    file::FileEvent,
    id::ConnectionId,
    process::{Args, Credentials, Environment, Fd, File, Login, ProcessKey},
    socket::Socket,
    stamp::Stamp,
    system::System,
};
use std::sync::Arc;

/// Which list of hooks made an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// `bpf_iter`: it was so when the sensor looked.
    Iterator,
    /// Tracepoints, kernels from 6.3 on.
    Tracepoint6_3,
    /// Tracepoints, kernels from 5.10 on.
    Tracepoint5_10,
    /// Trampolines at functions of the kernel, whoever calls them.
    Trampoline,
}

/// For whom a thread works, as the host counts users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserIds {
    /// Whose it is.
    pub real: u32,
    /// By whose rights it acts.
    pub effective: u32,
}

/// What every event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// When.
    pub time: BootTime,
    /// Who; [`None`]: softirq without a known owner.
    pub process: Option<ProcessKey>,
    /// Which thread.
    pub tid: u32,
    /// Cgroup that tells containers apart.
    pub cgroup_id: u64,
    /// Key of filters and throttles.
    pub scope: u32,
    /// Whom the acting thread works for; [`None`]: not known.
    pub user: Option<UserIds>,
    /// A 32-bit process.
    pub compat: bool,
    /// A kernel thread acts.
    pub kthread: bool,
    /// The stamp table was full: the absence of a stamp proves nothing.
    pub stamp_lost: bool,
    /// By which hook.
    pub hook: Hook,
    /// What the acting thread last read from an accepted connection.
    pub serving: Option<Stamp>,
    /// What the forking thread was serving when this process was made, for life.
    pub origin: Option<Stamp>,
}

/// An event with what is special to its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What every event says.
    pub header: Header,
    /// What is special.
    pub body: Body,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// First use of an accepted connection by a process.
    Accept(Socket),
    /// A connection ended.
    Close(Close),
    /// An outbound connection succeeded or failed.
    Connect(Box<Connect>),
    /// Bytes moved over a connection.
    Data(Data),
    /// A process replaced its image.
    Exec(Arc<Exec>),
    /// The last thread of a process ended.
    Exit(Exit),
    /// Something was done to a file.
    File(Arc<FileEvent>),
    /// A process was created.
    Fork(Arc<Fork>),
    /// A TCP socket began or ceased to listen.
    Listen(Listen),
    /// A process older than the sensor, told like an exec.
    Process(Arc<Exec>),
    /// A UDP socket sent to somebody for the first time.
    Datagram(Box<Connect>),
    /// A message to or from a name server.
    Dns(Box<Dns>),
    /// Leads the data of a connection.
    Socket(Socket),
    /// Something was done to the system or to another process.
    System(Arc<System>),
    /// A scope exceeded its budget, or is within it again.
    Throttle(Throttle),
}

impl Body {
    /// The name used in counters, records and messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Accept(_) => "accept",
            Self::Close(_) => "close",
            Self::Connect(_) => "connect",
            Self::Data(_) => "data",
            Self::Datagram(_) => "datagram",
            Self::Dns(_) => "dns",
            Self::Exec(_) => "exec",
            Self::Exit(_) => "exit",
            Self::File(file) => file.operation.name(),
            Self::Fork(_) => "fork",
            Self::Listen(_) => "listen",
            Self::Process(_) => "process",
            Self::Socket(_) => "socket",
            Self::System(system) => system.deed.kind(),
            Self::Throttle(_) => "throttle",
        }
    }

    /// Payload events make spans; all others are security events and never compete with them.
    pub fn is_payload(&self) -> bool {
        matches!(self, Self::Socket(_) | Self::Data(_) | Self::Close(_))
    }
}

/// A process was created; the header is the parent's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The new one.
    pub child: ProcessKey,
    /// Its origin, for life.
    pub child_origin: Option<Stamp>,
    /// Its pid in its own namespace.
    pub child_ns_tgid: u32,
    /// `task_struct.comm`.
    pub comm: Box<[u8]>,
    /// The parent's cgroup, as [`Exec::cgroup`].
    pub cgroup: Box<[u8]>,
    /// As [`Exec::unified`].
    pub unified: Box<[u8]>,
}

/// A process replaced its image; the header is that of the new image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exec {
    /// The parent as it is now.
    pub parent: Option<ProcessKey>,
    /// Path of the executable, from the process's root.
    pub exe: Box<[u8]>,
    /// As given to execve.
    pub filename: Box<[u8]>,
    /// Working directory.
    pub cwd: Box<[u8]>,
    /// Command line.
    pub args: Args,
    /// What somebody asks for of the environment; of a process older than the sensor nothing.
    pub environment: Environment,
    /// `task_struct.comm`.
    pub comm: Box<[u8]>,
    /// Path of the cgroup that tells containers apart: its last names, or with a `/` before them all of it.
    pub cgroup: Box<[u8]>,
    /// Likewise in the v2 hierarchy, where a v1 hierarchy tells containers apart.
    pub unified: Box<[u8]>,
    /// The executable.
    pub file: File,
    /// After the exec.
    pub credentials: Credentials,
    /// Standard input, output, error.
    pub fds: [Fd; 3],
    /// Inode number of the pid namespace.
    pub pid_ns: u32,
    /// Of the mount namespace.
    pub mnt_ns: u32,
    /// Of the network namespace.
    pub net_ns: u32,
    /// Pid in its own namespace.
    pub ns_tgid: u32,
    /// Session id.
    pub session: u32,
    /// Controlling terminal's device, 0: none.
    pub tty: u32,
    /// The login that it descends from.
    pub login: Option<Login>,
    /// `AT_SECURE`: runs with more than its caller had.
    pub secure: bool,
    /// No path leads to the executable from the process's root: a descriptor did.
    pub outside: bool,
    /// The same of the working directory.
    pub cwd_outside: bool,
}

/// The last thread of a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// As wait(2) gives it.
    pub code: u32,
}

/// An outbound connection succeeded or failed, or a socket of UDP has sent its first datagram to somebody; the header is that of
/// the caller, with the stamps of the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// Which.
    pub socket: Socket,
    /// When connect was called; the header has the end. Of a datagram the same.
    pub begun: BootTime,
    /// 0, an errno or [`Connect::GIVEN_UP`].
    pub error: i32,
    /// Name that was asked for and answered with the address, lower case; empty: not known.
    pub name: Arc<[u8]>,
}

/// What [`Connect::error_type`] says, and of which errors.
const CONNECT_ERRORS: [(&str, &[i32]); 5] = [
    ("connection_refused", &[111]),
    ("connection_reset", &[104, 103]),
    ("given_up", &[Connect::GIVEN_UP]),
    ("timeout", &[110]),
    // Also protocol not available and access denied: so routers say of IPv4 and IPv6 that they let nothing through.
    ("unreachable", &[113, 101, 112, 100, 92, 13]),
];

impl Connect {
    /// Nobody answered, until who asked closed the socket.
    pub const GIVEN_UP: i32 = -1;

    /// Why it failed, as OpenTelemetry's `error.type`, which says `_OTHER` of the rest; [`None`]: it succeeded.
    pub fn error_type(&self) -> Option<&'static str> {
        let known = CONNECT_ERRORS.iter().find(|(_, errors)| errors.contains(&self.error));
        (self.error != 0).then(|| known.map_or("_OTHER", |(word, _)| *word))
    }

    /// An error of that type.
    pub fn error_of(word: &str) -> Option<i32> {
        let (_, errors) = CONNECT_ERRORS.iter().find(|(known, _)| *known == word)?;
        errors.first().copied()
    }
}

/// A TCP socket began or ceased to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Which.
    pub socket: Socket,
    /// Began, not ceased.
    pub listening: bool,
}

/// Which way bytes went, seen from the acting process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// In.
    Received,
    /// Out.
    Sent,
}

/// Bytes moved over a connection by one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// Over which.
    pub connection: ConnectionId,
    /// Which way.
    pub direction: Direction,
    /// Of the first byte, in the stream of this direction.
    pub position: u64,
    /// Bytes that the call moved.
    pub length: u32,
    /// The first of them; the others were over budget or could not be read.
    pub bytes: Box<[u8]>,
}

/// A connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close {
    /// Which.
    pub connection: ConnectionId,
    /// Stream position at the end.
    pub received_bytes: u64,
    /// Likewise.
    pub sent_bytes: u64,
}

/// A scope exceeded its budget for a kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// Which kind.
    pub kind: &'static str,
    /// Dropped so far in this episode; 0: it begins.
    pub dropped: u64,
    /// When it began.
    pub since: BootTime,
}
