//! What was done to the system and to files, in the records of findings: every kind, redacted, valid as OCSF.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
mod schema;

use guardbee_deliver::{
    console::{self, Colour},
    ocsf,
    testing::sample::{self, OFFSET, SECRET},
};
use guardbee_model::{
    clock::BootTime,
    dns::{Answer, Lookup, Question, Record},
    file::{FileEvent, Operation},
    finding::{Action, Finding, Observation},
    id::ConnectionId,
    process::{Credentials, Fd, ProcessKey, User, UserTable},
    record::Value,
    socket::Role,
    system::{
        Access, Call, Change, Control, Deed, Extension, ExtensionKind, IoUring, Memory, MemoryKind, Mount,
        MountKind, Namespace, Reach, Signal, SocketChange, SocketKind, System, Target, Title,
    },
};
use std::{fmt::Write as _, sync::Arc};

const SHADOW: &[u8] = b"/etc/shadow";

fn of(action: Action) -> Finding {
    let mut finding = sample::finding();
    let observation = Observation { action, ..Observation::clone(&finding.evidence[0]) };
    finding.evidence = vec![Arc::new(observation)];
    finding
}

fn target() -> Target {
    let process = ProcessKey { tgid: 77, start: BootTime(77_000), exec_number: 2 };
    Target { process, tid: 78, uid: 0, comm: b"sshd".as_slice().into() }
}

fn secret() -> Box<[u8]> {
    format!("smb://u:{SECRET}@files/share").into_bytes().into()
}

fn change() -> Change {
    let before = Credentials { uid: 33, euid: 33, gid: 33, egid: 33, ..Credentials::default() };
    let after = Credentials { effective: 1 << 21 | 1, ..Credentials::default() };
    let user = Some(User { name: "root".into(), table: UserTable::Container });
    Change { before: Some(before), after, user, groups: 0, user_ns: 4_026_531_837, unexplained: true }
}

fn ring() -> IoUring {
    let (source, attribute) = (b"/tmp/x".as_slice().into(), Box::default());
    IoUring { entries: 0, opcode: 35, path: SHADOW.into(), source, attribute, path_cut: false }
}

fn standard() -> SocketChange {
    SocketChange {
        what: SocketKind::Standard,
        family: 2,
        kind: 1,
        protocol: 6,
        fd: 0,
        connection: ConnectionId(9),
        role: Role::Connected,
        local: Some("10.0.0.1:5000".parse().unwrap()),
        remote: Some("203.0.113.7:4444".parse().unwrap()),
        detail: Box::default(),
        submitted: false,
    }
}

/// A name that carries a secret out, answered with another.
fn lookup() -> Lookup {
    let text = |text: &[u8]| Box::<[u8]>::from(text);
    let record = |kind, data: &[u8]| Record { kind, data: text(data) };
    Lookup {
        asked: BootTime(1),
        server: "192.0.2.53".parse().unwrap(),
        socket: 5,
        id: 6,
        question: Question {
            name: format!("password={SECRET}.evil.example").into_bytes().into(),
            registered: text(b"evil.example"),
            kind: 16,
            class: 1,
        },
        answer: Some(Answer {
            code: 0,
            records: [record(16, &secret()), record(1, b"203.0.113.7")].into(),
            cut: false,
        }),
        further: false,
    }
}

/// One of each kind, with the call that led to it, where there is one.
fn deeds() -> Vec<(&'static str, Deed)> {
    let remote = Some("203.0.113.7:4444".parse().unwrap());
    let fd = Fd::Socket { remote, family: 2, role: Role::Accepted, connection: ConnectionId(3) };
    vec![
        ("setresuid", Deed::Credentials(change())),
        (
            "pidfd_getfd",
            Deed::Access(Access { reach: Reach::Descriptor, target: Some(target()), fd, bytes: 0 }),
        ),
        (
            "setns",
            Deed::Namespace(Namespace {
                subject: Some(target().process),
                after: [1, 2, 13, 14, 5, 6, 7, 8],
                changed: 0b1100,
                host: 0b100,
            }),
        ),
        (
            "mount",
            Deed::Mount(Mount {
                what: MountKind::Mounted,
                claimed: true,
                fstype: b"cifs".as_slice().into(),
                from: secret(),
                place: b"/mnt".as_slice().into(),
            }),
        ),
        ("dup2", Deed::SocketChange(standard())),
        (
            "bpf",
            Deed::Extension(Extension {
                what: ExtensionKind::Program,
                kind: 1,
                id: 55,
                detail: b"hook_getdents".as_slice().into(),
            }),
        ),
        ("", Deed::Signal(Signal { target: target(), code: -6, number: 9 })),
        (
            "mmap",
            Deed::Memory(Memory {
                what: MemoryKind::Mapped,
                address: 0x7f00_0000_1000,
                length: 8192,
                protection: 7,
                detail: Box::default(),
            }),
        ),
        ("", Deed::Title(Title { target: target(), after: b"kworker/0:1".as_slice().into() })),
        ("", Deed::IoUring(ring())),
        ("open_by_handle_at", Deed::Control(Control { detail: SHADOW.into() })),
        ("", Deed::Lookup(lookup())),
        ("sysinfo", Deed::Inquiry),
    ]
}

fn system(call: &'static str, deed: Deed) -> Action {
    let call =
        (!call.is_empty()).then_some(Call { name: call, arguments: [0x7ffc_0000_0010, 2, 0, 0], result: -1 });
    let known = deed.target().map(|_| sample::process(77, "/usr/sbin/sshd", "sshd -D"));
    Action::System(Arc::new(System { call, comm: b"x".as_slice().into(), deed }), known)
}

/// Its own attributes: what a bare finding has as well is left out.
fn shown(finding: &Finding) -> String {
    let of_any = sample::encoder().finding(&sample::finding(), OFFSET);
    let mut out = String::new();
    for (key, value) in &sample::encoder().finding(finding, OFFSET).attributes {
        if of_any.attribute(key) != Some(value) {
            writeln!(out, "{key} = {value:?}").unwrap();
        }
    }
    out
}

#[test]
fn every_deed_in_attributes() {
    let all: Vec<String> = deeds().into_iter().map(|(call, deed)| shown(&of(system(call, deed)))).collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn every_deed_in_evidence() {
    let mut all = Vec::new();
    for (call, deed) in deeds() {
        let event = ocsf::finding(&of(system(call, deed)), sample::identity(), OFFSET);
        schema::check(&event);
        let evidence = &event["evidences"][0];
        all.push(serde_json::json!({ "api": evidence["api"], "system": evidence["data"]["system"] }));
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&all).unwrap());
}

#[test]
fn every_deed_on_the_console() {
    let lines: Vec<String> = deeds()
        .into_iter()
        .map(|(call, deed)| console::finding(&of(system(call, deed)), OFFSET, Colour::Plain))
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|line| line.starts_with("  did ") || line.starts_with("  to "))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn no_secret_of_a_deed_gets_out() {
    for (call, deed) in deeds() {
        let finding = of(system(call, deed));
        let record = sample::encoder().finding(&finding, OFFSET);
        for text in
            [format!("{record:?}"), ocsf::line(&record), console::finding(&finding, OFFSET, Colour::Ansi)]
        {
            assert!(!text.contains(SECRET), "{text}");
        }
    }
}

fn file(operation: Operation, path: &str) -> FileEvent {
    FileEvent {
        operation,
        path: path.as_bytes().into(),
        source: Box::default(),
        named: true,
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

#[test]
fn a_device_that_was_made() {
    let file = FileEvent {
        mode: Some(0o060_600),
        device: Some(0x0080_0110), // major 1, minor 0x810
        ..file(Operation::Node, "/srv/.disk.raw")
    };
    let finding = of(Action::File(Arc::new(file)));
    insta::assert_snapshot!(shown(&finding));
    let event = ocsf::finding(&finding, sample::identity(), OFFSET);
    schema::check(&event);
    assert_eq!(event["evidences"][0]["file"]["parent_folder"], "/srv");
    assert_eq!(
        sample::encoder().finding(&finding, OFFSET).attribute("guardbee.file.node"),
        Some(&Value::from("1:2064"))
    );
}

#[test]
fn an_open_that_was_denied() {
    let given = [b"/srv/app/../../".as_slice(), &secret()].concat().into();
    let file = FileEvent { given, error: Some(13), ..file(Operation::OpenFailed, "/etc/shadow") };
    let finding = of(Action::File(Arc::new(file)));
    insta::assert_snapshot!(shown(&finding));
    let event = ocsf::finding(&finding, sample::identity(), OFFSET);
    schema::check(&event);
    assert_eq!(event["evidences"][0]["data"]["file"]["error"], "permission_denied");
    let console = console::finding(&finding, OFFSET, Colour::Plain);
    assert!(console.contains("/etc/shadow (permission_denied)"), "{console}");
    for text in [event.to_string(), console] {
        assert!(text.contains("/srv/app/../../") && !text.contains(SECRET), "{text}");
    }
}
