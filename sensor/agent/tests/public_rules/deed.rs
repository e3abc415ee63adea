//! Records of what is done to files and to the system.
use crate::{
    image::{fd, file},
    record::{Tail, address, credentials, header, key, record},
};
use guardbee_model::{
    file::{Attribute, FileEvent, Operation},
    process::ProcessKey,
    system::{Change, Deed, Mount, Namespace, SocketChange, SocketKind, System, Target},
    watch::OPENED,
};
use guardbee_wire::{
    self as wire, AccessEvent, CALL_NAMES, CallInfo, ControlEvent, CredentialsEvent, EventHeader, EventKind,
    ExtensionEvent, FileEventFlag, IoUringEvent, MemoryEvent, MountEvent, NamespaceEvent, Namespaces,
    SignalEvent, SocketChangeEvent, SocketInfo, StringId, TargetInfo, TitleEvent,
};

/// Who does it, and when.
#[derive(Clone, Copy)]
pub(crate) struct Actor {
    pub(crate) key: ProcessKey,
    pub(crate) now: u64,
    pub(crate) cgroup_id: u64,
}

impl Actor {
    pub(crate) fn header(self, kind: EventKind) -> EventHeader {
        header(kind, self.key, self.now, self.cgroup_id)
    }
}

/// A file event, with what every record of its kind has.
pub(crate) fn of_file(actor: Actor, from: &FileEvent) -> Vec<u8> {
    let operation = Operation::ALL.iter().position(|one| *one == from.operation).unwrap();
    let failed = from.operation == Operation::OpenFailed;
    let opens = OPENED.contains(&from.operation);
    let given = from.open_flags.unwrap_or(match from.operation {
        Operation::Open | Operation::FolderOpen | Operation::OpenFailed => 0,
        Operation::Modify => 0o1,
        _ => 0o101,
    });
    let known = from.file.unwrap_or_default();
    let kind = if from.operation == Operation::FolderOpen { 0o040_755 } else { 0o100_644 };
    let mode = if known.mode == 0 { kind } else { known.mode };
    let attribute = from.attribute.or_else(|| match from.operation {
        Operation::Attribute if from.owner.or(from.group).is_some() => Some(Attribute::Owner),
        Operation::Attribute => Some(Attribute::Mode),
        _ => None,
    });
    let opened = guardbee_model::process::File { mode, ..known };
    let flags = if from.named { FileEventFlag::Named as u16 } else { 0 };
    let event = wire::FileEvent {
        header: actor.header(EventKind::FILES[operation]),
        file: if !failed && (opens || from.file.is_some()) {
            file(&opened)
        } else {
            wire::FileInfo::default()
        },
        open_flags: if opens { given } else { 0 },
        mode: from.mode.unwrap_or_default(),
        uid: from.owner.unwrap_or(u32::MAX),
        gid: from.group.unwrap_or(u32::MAX),
        device: from.device.unwrap_or_default(),
        flags,
        attribute: attribute.map_or(0, |one| {
            1 + u8::try_from(Attribute::ALL.iter().position(|known| *known == one).unwrap()).unwrap()
        }),
        error: from.error.unwrap_or_default(),
    };
    let tail = Tail::default().with(StringId::Source, &from.source);
    if !failed || from.given.is_empty() {
        return record(&event, &tail.with(StringId::Path, &from.path).with(StringId::Given, &from.given));
    }
    // The path is that of the name as it was given: from as many folders below it as that leads up.
    let up = from.given.split(|byte| *byte == b'/').filter(|part| *part == b"..").count();
    let folder = [from.path.to_vec(), b"/x".repeat(up)].concat();
    record(&event, &tail.with(StringId::Path, &from.given).with(StringId::Folder, &folder))
}

fn target(from: &Target) -> TargetInfo {
    TargetInfo { process: key(from.process), tid: from.tid, uid: from.uid }
}

fn namespaces(from: [u32; 8]) -> Namespaces {
    let [cgroup, ipc, mnt, net, pid, time, user, uts] = from;
    Namespaces { cgroup, ipc, mnt, net, pid, time, user, uts }
}

/// A call that leads to such a deed, where none was said.
fn usual(deed: &Deed) -> &'static str {
    match deed {
        Deed::Credentials(_) => "setresuid",
        Deed::Access(_) => "ptrace",
        Deed::Namespace(_) => "setns",
        Deed::Mount(_) => "mount",
        Deed::SocketChange(_) => "socket",
        Deed::Extension(_) => "bpf",
        Deed::Memory(_) => "mprotect",
        Deed::Control(_) => "reboot",
        Deed::Inquiry => "sysinfo",
        Deed::Signal(_) | Deed::Title(_) | Deed::IoUring(_) | Deed::Lookup(_) => "",
    }
}

/// [`None`]: no event is of that call.
fn call(system: &System) -> Option<CallInfo> {
    let name = system.call.map_or_else(|| usual(&system.deed), |call| call.name);
    let number = CALL_NAMES.iter().position(|known| *known == name)?;
    Some(CallInfo {
        arguments: system.call.map(|call| call.arguments).unwrap_or_default(),
        result: system.call.map_or(0, |call| call.result),
        call: u16::try_from(number).unwrap(),
        pad: [0; 6],
    })
}

/// Place in an enumeration whose members are numbered from 1 on.
fn number(names: &[&str], name: &str) -> u8 {
    1 + u8::try_from(names.iter().position(|known| *known == name).unwrap()).unwrap()
}

pub(crate) fn of_system(actor: Actor, comm: &[u8], from: &System) -> Option<Vec<u8>> {
    let call = call(from)?;
    let tail = Tail::default().with(StringId::Comm, comm);
    Some(match &from.deed {
        Deed::Credentials(change) => of_credentials(actor, call, change, &tail),
        Deed::Access(access) => {
            let event = AccessEvent {
                header: actor.header(EventKind::Access),
                call,
                target: access.target.as_ref().map(target).unwrap_or_default(),
                fd: fd(&access.fd),
                bytes: access.bytes,
                access: number(guardbee_model::system::Reach::NAMES, access.reach.name()),
                pad: [0; 7],
            };
            let comm = access.target.as_ref().map(|target| &*target.comm).unwrap_or_default();
            record(&event, &tail.with(StringId::Target, comm))
        }
        Deed::Namespace(namespace) => of_namespace(actor, call, namespace, &tail),
        Deed::Mount(mount) => of_mount(actor, call, mount, tail),
        Deed::SocketChange(socket) => of_socket(actor, call, socket, tail),
        Deed::Extension(extension) => {
            let event = ExtensionEvent {
                header: actor.header(EventKind::Extension),
                call,
                kind: extension.kind,
                id: extension.id,
                what: number(guardbee_model::system::ExtensionKind::NAMES, extension.what.name()),
                pad: [0; 7],
            };
            record(&event, &tail.with(StringId::Detail, &extension.detail))
        }
        Deed::Signal(signal) => {
            let event = SignalEvent {
                header: actor.header(EventKind::Signal),
                target: target(&signal.target),
                code: signal.code,
                signal: signal.number,
                pad: [0; 2],
            };
            record(&event, &tail.with(StringId::Target, &signal.target.comm))
        }
        Deed::Memory(memory) => {
            let event = MemoryEvent {
                header: actor.header(EventKind::Memory),
                call,
                address: memory.address,
                length: memory.length,
                protection: memory.protection,
                what: number(guardbee_model::system::MemoryKind::NAMES, memory.what.name()),
                pad: [0; 3],
            };
            record(&event, &tail.with(StringId::Detail, &memory.detail))
        }
        Deed::Title(title) => {
            let event = TitleEvent { header: actor.header(EventKind::Title), target: target(&title.target) };
            record(
                &event,
                &tail.with(StringId::Target, &title.target.comm).with(StringId::Title, &title.after),
            )
        }
        Deed::IoUring(ring) => {
            let event = IoUringEvent {
                header: actor.header(EventKind::IoUring),
                entries: ring.entries,
                flags: 0,
                opcode: ring.opcode,
                pad: 0,
            };
            let tail = tail.with(StringId::Path, &ring.path).with(StringId::Source, &ring.source);
            record(&event, &tail.with(StringId::Detail, &ring.attribute))
        }
        Deed::Inquiry => {
            let event = ControlEvent { header: actor.header(EventKind::Inquiry), call };
            record(&event, &tail)
        }
        Deed::Control(control) => {
            let event = ControlEvent { header: actor.header(EventKind::Control), call };
            record(&event, &tail.with(StringId::Detail, &control.detail))
        }
        // No public rule of Linux looks at these.
        Deed::Lookup(_) => return None,
    })
}

fn of_credentials(actor: Actor, call: CallInfo, change: &Change, tail: &Tail) -> Vec<u8> {
    let cause =
        if change.unexplained { wire::CredentialsCause::Unexplained } else { wire::CredentialsCause::Call };
    let event = CredentialsEvent {
        header: actor.header(EventKind::Credentials),
        call,
        before: credentials(&change.before.unwrap_or_default()),
        after: credentials(&change.after),
        groups: change.groups,
        user_ns: change.user_ns,
        cause: cause as u8,
        flags: if change.before.is_none() { wire::CredentialsFlag::First as u8 } else { 0 },
        pad: [0; 6],
    };
    record(&event, tail)
}

fn of_namespace(actor: Actor, call: CallInfo, namespace: &Namespace, tail: &Tail) -> Vec<u8> {
    // Without a change there is no event.
    let changed = if namespace.changed == 0 { wire::NamespaceFlag::Uts as u8 } else { namespace.changed };
    let event = NamespaceEvent {
        header: actor.header(EventKind::Namespace),
        call,
        subject: key(actor.key),
        after: namespaces(namespace.after),
        changed,
        host: namespace.host & changed,
        pad: [0; 6],
    };
    record(&event, tail)
}

fn of_mount(actor: Actor, call: CallInfo, mount: &Mount, tail: Tail) -> Vec<u8> {
    let event = MountEvent {
        header: actor.header(EventKind::Mount),
        call,
        what: number(guardbee_model::system::MountKind::NAMES, mount.what.name()),
        flags: if mount.claimed { wire::MountFlag::UserPaths as u8 } else { 0 },
        pad: [0; 6],
    };
    let tail = tail.with(StringId::Fstype, &mount.fstype).with(StringId::From, &mount.from);
    record(&event, &tail.with(StringId::Place, &mount.place))
}

fn of_socket(actor: Actor, call: CallInfo, socket: &SocketChange, tail: Tail) -> Vec<u8> {
    let (local_address, local_port) = socket.local.map(address).unwrap_or_default();
    let (remote_address, remote_port) = socket.remote.map(address).unwrap_or_default();
    let info = SocketInfo {
        connection: socket.connection.0,
        local_address,
        local_port,
        remote_address,
        remote_port,
        family: socket.family,
        ..SocketInfo::default()
    };
    let event = SocketChangeEvent {
        header: actor.header(EventKind::SocketChange),
        call,
        socket: info,
        kind: socket.kind,
        protocol: socket.protocol,
        fd: socket.fd,
        what: number(SocketKind::NAMES, socket.what.name()),
        flags: u8::from(socket.submitted),
        pad: [0; 6],
    };
    record(&event, &tail.with(StringId::Detail, &socket.detail))
}
