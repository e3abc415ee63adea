//! The process, connection and request that a test did not speak of.
use super::request_id;
use guardbee_model::{
    clock::BootTime,
    event::Exec,
    executable::Executable,
    file::{FileEvent, Operation},
    id::{ConnectionId, SpanId, TraceId},
    process::{Args, Credentials, Environment, Fd, File, Process, ProcessKey},
    request::{Request, Response, TraceContext, TraceSource},
    socket::{Endpoint, Role, Socket},
};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

pub(super) fn address(ip: Ipv4Addr, port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(ip), port)
}

pub(super) fn credentials() -> Credentials {
    Credentials {
        uid: 1000,
        euid: 1000,
        suid: 1000,
        fsuid: 1000,
        gid: 1000,
        egid: 1000,
        ..Credentials::default()
    }
}

pub(super) fn process(tgid: u32) -> Process {
    Process {
        key: ProcessKey { tgid, start: BootTime(u64::from(tgid)), exec_number: 1 },
        parent: None,
        exe: Arc::from([]),
        previous: Arc::default(),
        file: Some(File::default()),
        executed: None,
        executable: Executable::default(),
        args: Arc::new(Args { unreadable: true, ..Args::default() }),
        comm: Box::default(),
        cwd: Arc::from([]),
        credentials: credentials(),
        user: None,
        ns_tgid: tgid,
        session: 0,
        tty: 0,
        login: None,
        mnt_ns: 0,
        cgroup_id: 1,
        cgroup: None,
        container: None,
        configured: None,
        recovered: false,
    }
}

pub(super) fn exec() -> Exec {
    Exec {
        parent: None,
        exe: Box::default(),
        filename: Box::default(),
        cwd: Box::default(),
        args: Args::default(),
        environment: Environment::default(),
        comm: Box::default(),
        cgroup: Box::default(),
        unified: Box::default(),
        file: File::default(),
        credentials: credentials(),
        fds: [Fd::Pipe, Fd::Pipe, Fd::Pipe],
        pid_ns: 1,
        mnt_ns: 1,
        net_ns: 1,
        ns_tgid: 1000,
        session: 1000,
        tty: 0,
        login: None,
        secure: false,
        outside: false,
        cwd_outside: false,
    }
}

pub(super) fn file() -> FileEvent {
    FileEvent {
        operation: Operation::Modify,
        path: Box::default(),
        source: Box::default(),
        named: false,
        path_cut: false,
        file: None,
        open_flags: None,
        given: Box::default(),
        error: None,
        mode: None,
        owner: None,
        group: None,
        device: None,
        attribute: None,
    }
}

pub(super) fn socket(opened: BootTime) -> Socket {
    let nowhere = Endpoint::Ip(address(Ipv4Addr::UNSPECIFIED, 0));
    Socket {
        connection: ConnectionId(2),
        inode: 2,
        peer_inode: 0,
        peer_tgid: 0,
        opened,
        local: nowhere.clone(),
        remote: nowhere,
        role: Role::Unknown,
        role_guessed: false,
        middle: false,
        net_ns: 1,
    }
}

pub(super) fn request(start: BootTime, client: SocketAddr, server: SocketAddr) -> Request {
    Request {
        id: request_id("test"),
        process: None,
        trace: TraceContext {
            trace: TraceId([1; 16]),
            span: SpanId([1; 8]),
            parent: None,
            source: TraceSource::Own,
        },
        start,
        method: (*b"GET").into(),
        path: (*b"/").into(),
        query: None,
        route: "/".into(),
        host: Box::default(),
        user_agent: Box::default(),
        referer: Box::default(),
        user: Box::default(),
        content_type: Box::default(),
        minor_version: 1,
        client: Endpoint::Ip(client),
        forwarded_for: Box::default(),
        server: Endpoint::Ip(server),
    }
}

pub(super) fn response(time: BootTime) -> Response {
    Response { status: 200, start: time, end: time, request_body_bytes: None, response_body_bytes: None }
}
