//! One story: a request to a Python application makes it spawn `sh -c id`; with secrets planted where they occur.
use crate::record::{Encoder, Identity};
use guardbee_model::{
    clock::{BootTime, WallOffset},
    container::{Cgroup, Container, Pod, Qos},
    event::Exec,
    executable::Executable,
    finding::{Action, Finding, Level, Observation, RuleInfo},
    id::{ConnectionId, FindingId, RequestId, SpanId, TraceId},
    link::{Link, LinkKind},
    loss::{Loss, Stage},
    process::{Args, Credentials, Environment, Fd, File, Process, ProcessKey, User, UserTable},
    request::{Request, Response, TraceContext, TraceSource},
    socket::Endpoint,
    span::{ParentLink, Span, SpanKind},
};
use std::sync::{Arc, LazyLock};

/// Stands for every secret; must not be in anything that leaves.
pub const SECRET: &str = "hunter2";

/// From boot time to 2026.
pub const OFFSET: WallOffset = WallOffset(1_767_225_600_000_000_000);

/// The sensor.
pub fn encoder() -> Encoder {
    Encoder::new(identity().clone())
}

/// Its names.
pub fn identity() -> &'static Identity {
    static IDENTITY: LazyLock<Identity> = LazyLock::new(|| Identity {
        host: "node-7".into(),
        instance: "node-7/boot-1".into(),
        version: "0.1.0".into(),
    });
    &IDENTITY
}

const CONTAINER: &str = "3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a";
const POD: &str = "0fa2b6e4-96ac-4a5c-8c0e-1df7a2b9c3d1";

/// A process with this pid, path and command line.
pub fn process(pid: u32, exe: &str, line: &str) -> Arc<Process> {
    let words = line.split(' ').map(|word| word.as_bytes().into()).collect();
    Arc::new(Process {
        key: ProcessKey { tgid: pid, start: BootTime(u64::from(pid) * 1000), exec_number: 1 },
        parent: None,
        exe: exe.as_bytes().into(),
        previous: Arc::default(),
        file: None,
        executed: None,
        executable: Executable::default(),
        args: Arc::new(Args { words, total_bytes: 0, truncated: false, unreadable: false }),
        comm: b"comm".as_slice().into(),
        cwd: b"/srv/app".as_slice().into(),
        credentials: Credentials { uid: 33, euid: 33, ..Credentials::default() },
        user: Some(User { name: "www-data".into(), table: UserTable::Container }),
        ns_tgid: pid,
        session: 0,
        tty: 0,
        login: None,
        mnt_ns: 0,
        cgroup_id: 1,
        cgroup: Some(Arc::new(Cgroup {
            path: format!("/kubepods/burstable/pod{POD}/{CONTAINER}").into_bytes().into(),
            unit: "containerd.service".into(),
            slice: "system.slice".into(),
        })),
        container: Some(Arc::new(Container {
            pod: Some(Pod { uid: POD.into(), qos: Qos::Burstable }),
            ..Container::new(CONTAINER, "containerd")
        })),
        configured: None,
        recovered: false,
    })
}

/// A POST over TCP with a claimed trace.
pub fn request() -> Request {
    Request {
        id: RequestId { connection: ConnectionId(42), position: 0 },
        process: None,
        trace: TraceContext {
            trace: TraceId([0x4b; 16]),
            span: SpanId([0xf0; 8]),
            parent: Some(SpanId([0x0a; 8])),
            source: TraceSource::ClientClaimed,
        },
        start: BootTime(123_000_000),
        method: b"POST".as_slice().into(),
        path: b"/api/render".as_slice().into(),
        query: Some(format!("tpl=7&token={SECRET}").into_bytes().into()),
        route: "/api/render".into(),
        host: b"shop.example:8080".as_slice().into(),
        user_agent: b"curl/8".as_slice().into(),
        referer: format!("http://u:{SECRET}@shop.example/?session={SECRET}").into_bytes().into(),
        user: SECRET.as_bytes().into(),
        content_type: format!("multipart/form-data; token={SECRET}").into_bytes().into(),
        minor_version: 1,
        client: Endpoint::Ip("10.0.0.9:5555".parse().expect("an address")),
        forwarded_for: b"203.0.113.7".as_slice().into(),
        server: Endpoint::Ip("10.0.0.1:8080".parse().expect("an address")),
    }
}

/// How the request was answered.
pub fn response(status: u16) -> Response {
    Response {
        status,
        start: BootTime(150_000_000),
        end: BootTime(160_000_000),
        request_body_bytes: Some(5),
        response_body_bytes: Some(40),
    }
}

/// The server's span of the request.
pub fn span(kind: SpanKind, status: u16) -> Span {
    Span {
        kind,
        request: Arc::new(request()),
        response: Some(response(status)),
        end: BootTime(160_000_000),
        process: Some(process(41, "/usr/bin/python3", "python3 app.py")),
        parent: (kind == SpanKind::Client)
            .then_some(ParentLink { kind: LinkKind::Sole, reason: "the process's only open request" }),
        incomplete: false,
    }
}

/// What the rule's file says.
pub fn rule() -> RuleInfo {
    RuleInfo {
        id: "7f6a2c1e-9b0c-4b7e-8a11-2f0d9b7f2f10".into(),
        name: "request_spawns_shell".into(),
        title: "Shell spawned by a request".into(),
        description: "A request to a server made it start a shell.".into(),
        author: "Guardbee".into(),
        license: "DRL-1.1".into(),
        level: Level::High,
        risk: None,
        tags: ["attack.initial-access", "attack.t1190", "attack.execution", "attack.t1059.004", "cve.2024-1"]
            .map(Into::into)
            .to_vec(),
        references: vec!["https://attack.mitre.org/techniques/T1059/004/".into()],
        source: "rules/request_spawns_shell.yml".into(),
    }
}

fn exec() -> Exec {
    Exec {
        parent: None,
        exe: b"/bin/sh".as_slice().into(),
        filename: b"/bin/sh".as_slice().into(),
        cwd: b"/srv/app".as_slice().into(),
        args: Args::default(),
        environment: Environment { variables: vec![b"LD_PRELOAD=/tmp/x.so".as_slice().into()], cut: false },
        comm: b"sh".as_slice().into(),
        cgroup: Box::default(),
        unified: Box::default(),
        file: File::default(),
        credentials: Credentials::default(),
        fds: [Fd::Closed; 3],
        pid_ns: 0,
        mnt_ns: 0,
        net_ns: 0,
        ns_tgid: 0,
        session: 0,
        tty: 0,
        login: None,
        secure: false,
        outside: false,
        cwd_outside: false,
    }
}

/// The finding: an exec with an exact link, an ancestry, and a loss in its window.
pub fn finding() -> Finding {
    let line = format!("sh -c id --password={SECRET}");
    let observation = Observation {
        time: BootTime(140_000_000),
        action: Action::Exec(Arc::new(exec())),
        process: Some(process(4312, "/bin/sh", &line)),
        ancestors: Arc::new([
            process(41, "/usr/bin/python3", &format!("python3 app.py --db mysql://u:{SECRET}@db/x")),
            process(1, "/sbin/init", "init"),
        ]),
        link: Some(Link {
            kind: LinkKind::Exact,
            requests: vec![Arc::new(request())],
            more: 0,
            reason: "one unanswered request on an exclusive connection",
        }),
        sequence: 7,
    };
    Finding {
        id: FindingId([0x9b; 16]),
        rule: Arc::new(rule()),
        time: BootTime(140_000_000),
        evidence: vec![Arc::new(observation)],
        losses: vec![Loss {
            stage: Stage::Kernel,
            cause: "ring_full",
            kind: "data",
            count: 3,
            from: BootTime(100),
            to: BootTime(200),
        }],
        repeats: None,
        joined: None,
    }
}
