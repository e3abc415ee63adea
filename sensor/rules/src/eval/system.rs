//! The values of fields that say what was done to the system and to other processes.
use super::view::Texts;
use crate::field::Field;
use guardbee_model::{
    dns::{self, Lookup},
    process::Process,
    system::{Change, Deed, Mount, Namespace, SocketChange, SocketKind, System, Target},
};

pub(super) fn field(field: Field, system: &System, target: Option<&Process>, out: &mut Texts) -> Option<()> {
    if let Some(call) = &system.call {
        match field {
            Field::AuditType => out.put(b"SYSCALL"),
            Field::AuditSyscall => out.put(call.name.as_bytes()),
            Field::AuditExit => out.shown(call.result),
            Field::AuditSuccess => out.put(if call.result < 0 { b"no" } else { b"yes" }),
            _ => {
                if let Some(register) = field.argument().and_then(|number| call.arguments.get(number)) {
                    out.shown(format_args!("{register:x}"));
                }
            }
        }
    }
    if let Some(whom) = system.deed.target() {
        of_target(field, whom, target, out);
    }
    match &system.deed {
        Deed::Credentials(change) => of_credentials(field, change, out),
        Deed::Access(access) if field == Field::Reach => out.put(access.reach.name().as_bytes()),
        Deed::Namespace(namespace) => match field {
            Field::Namespaces => words(Namespace::names(namespace.changed), out),
            Field::HostNamespaces => words(Namespace::names(namespace.host), out),
            _ => return None,
        },
        Deed::Mount(mount) => of_mount(field, mount, out),
        Deed::SocketChange(socket) => return of_socket(field, socket, out),
        Deed::Extension(extension) => match field {
            Field::Extension => out.put(extension.what.name().as_bytes()),
            Field::ExtensionName => out.known(&extension.detail),
            _ => return None,
        },
        Deed::Signal(signal) if field == Field::Signal => out.known(signal.name().as_bytes()),
        Deed::Memory(memory) => match field {
            Field::Memory => out.put(memory.what.name().as_bytes()),
            Field::MemoryName => out.known(&memory.detail),
            _ => return None,
        },
        Deed::Title(title) if field == Field::Title => out.known(&title.after),
        Deed::IoUring(ring) => match field {
            Field::IoUring if ring.operation().is_empty() => out.shown(ring.opcode),
            Field::IoUring => out.put(ring.operation().as_bytes()),
            Field::IoUringPath => out.known(&ring.path),
            Field::IoUringSource => out.known(&ring.source),
            Field::IoUringAttribute => out.known(&ring.attribute),
            _ => return None,
        },
        Deed::Control(control) if field == Field::ControlPath => out.known(&control.detail),
        Deed::Lookup(lookup) => of_lookup(field, lookup, out),
        _ => return None,
    }
    Some(())
}

fn words<'a>(words: impl Iterator<Item = &'a str>, out: &mut Texts) {
    words.for_each(|word| out.put(word.as_bytes()));
}

/// `known`: what the sensor knows of it beyond the event.
fn of_target(field: Field, target: &Target, known: Option<&Process>, out: &mut Texts) {
    let exe = known.map(|process| &*process.exe).unwrap_or_default();
    match field {
        Field::TargetExecutable => out.known(exe),
        Field::TargetName => out.known(exe.rsplit(|&byte| byte == b'/').next().unwrap_or_default()),
        Field::TargetComm => out.known(&target.comm),
        Field::TargetPid => out.shown(target.process.tgid),
        Field::TargetUserId => out.shown(target.uid),
        _ => {}
    }
}

fn of_credentials(field: Field, change: &Change, out: &mut Texts) {
    match (field, &change.before) {
        (Field::UserBefore, Some(before)) => out.shown(before.euid),
        (Field::RealUserBefore, Some(before)) => out.shown(before.uid),
        (Field::UserAfter, _) => out.shown(change.after.euid),
        (Field::UserNameAfter, _) => change.user.iter().for_each(|user| out.known(user.name.as_bytes())),
        (Field::RealUserAfter, _) => out.shown(change.after.uid),
        (Field::Gained, _) => words(change.gained(), out),
        _ => {}
    }
}

fn of_mount(field: Field, mount: &Mount, out: &mut Texts) {
    match field {
        Field::Mount => out.put(mount.what.name().as_bytes()),
        Field::MountPlace => out.known(&mount.place),
        Field::MountFrom => out.known(&mount.from),
        Field::MountType => out.known(&mount.fstype),
        _ => {}
    }
}

fn of_socket(field: Field, socket: &SocketChange, out: &mut Texts) -> Option<()> {
    let address = if socket.what == SocketKind::Bound { socket.local } else { socket.remote };
    match field {
        Field::SocketChange => out.put(socket.what.name().as_bytes()),
        Field::SocketFamily if socket.family_name().is_empty() => out.shown(socket.family),
        Field::SocketFamily => out.put(socket.family_name().as_bytes()),
        Field::SocketType if socket.kind_name().is_empty() => out.shown(socket.kind),
        Field::SocketType => out.put(socket.kind_name().as_bytes()),
        Field::SocketFd if socket.fd < 0 => return None,
        Field::SocketFd => out.shown(socket.fd),
        Field::SocketRole => out.known(socket.role.name().as_bytes()),
        Field::SocketAddress => out.shown(address?.ip()),
        Field::SocketPort => out.shown(address?.port()),
        Field::SocketAlgorithm => out.known(&socket.detail),
        _ => return None,
    }
    Some(())
}

fn of_lookup(field: Field, lookup: &Lookup, out: &mut Texts) {
    let answer = lookup.answer.as_ref();
    let records = || answer.iter().flat_map(|answer| &answer.records);
    match field {
        Field::DnsName => out.known(&lookup.question.name),
        Field::DnsDomain => out.known(&lookup.question.registered),
        Field::DnsType if lookup.is_malformed() => {}
        Field::DnsType => out.put(dns::type_name(lookup.question.kind).as_bytes()),
        Field::DnsServer => out.shown(lookup.server),
        Field::DnsCode => answer.iter().for_each(|answer| out.put(dns::code_name(answer.code).as_bytes())),
        Field::DnsAnswers => records().for_each(|record| out.known(&record.data)),
        Field::DnsAddress => {
            records().filter(|record| record.is_address()).for_each(|record| out.known(&record.data));
        }
        _ => {}
    }
}
