//! What was done to the system and to other processes.
use crate::{
    action::{put_fd, take_fd},
    bytes::{Put, Take},
    error::Wrong,
    process::{put_credentials, put_key, put_user, take_credentials, take_key, take_user},
    socket::{ROLES, put_address, take_address},
    tables::{Puts, Takes},
};
use guardbee_model::{
    dns::{Answer, Lookup, Question, Record},
    id::ConnectionId,
    system::{
        Access, Call, Change, Control, Deed, Extension, ExtensionKind, IoUring, Memory, MemoryKind, Mount,
        MountKind, Namespace, Reach, Signal, SocketChange, SocketKind, System, Target, Title,
    },
};

const MOUNTS: [MountKind; 3] = [MountKind::Mounted, MountKind::Unmounted, MountKind::RootChanged];
const SOCKETS: [SocketKind; 4] =
    [SocketKind::Made, SocketKind::Bound, SocketKind::Filtered, SocketKind::Standard];
const EXTENSIONS: [ExtensionKind; 5] = [
    ExtensionKind::Program,
    ExtensionKind::Link,
    ExtensionKind::Probe,
    ExtensionKind::Module,
    ExtensionKind::Kernel,
];
/// Of an answer.
const RECORDS: usize = 64;
const MEMORIES: [MemoryKind; 3] = [MemoryKind::Protected, MemoryKind::Mapped, MemoryKind::File];

pub(crate) fn put(system: &System, tables: &mut Puts, put: &mut Put) {
    put.option(system.call, |put, call| {
        tables.name(call.name, put);
        call.arguments.into_iter().for_each(|argument| put.number(argument));
        put.signed(call.result);
    });
    put.said(&system.comm);
    match &system.deed {
        Deed::Credentials(change) => {
            put.byte(0);
            put.option(change.before.as_ref(), |put, before| put_credentials(before, put));
            put_credentials(&change.after, put);
            put.option(change.user.as_ref(), put_user);
            put.number(change.groups);
            put.number(change.user_ns);
            put.flags(&[change.unexplained]);
        }
        Deed::Access(access) => {
            put.byte(1);
            put.one_of(&Reach::ALL, &access.reach);
            put.option(access.target.as_ref(), |put, target| put_target(target, put));
            put_fd(access.fd, put);
            put.number(access.bytes);
        }
        Deed::Namespace(namespace) => {
            put.byte(2);
            put.option(namespace.subject, |put, key| put_key(key, put));
            namespace.after.into_iter().for_each(|number| put.number(number));
            put.byte(namespace.changed);
            put.byte(namespace.host);
        }
        Deed::Mount(mount) => {
            put.byte(3);
            put.one_of(&MOUNTS, &mount.what);
            put.flags(&[mount.claimed]);
            for text in [&mount.fstype, &mount.from, &mount.place] {
                put.said(text);
            }
        }
        Deed::SocketChange(socket) => {
            put.byte(4);
            put_socket(socket, put);
        }
        Deed::Extension(extension) => {
            put.byte(5);
            put.one_of(&EXTENSIONS, &extension.what);
            put.number(extension.kind);
            put.number(extension.id);
            put.said(&extension.detail);
        }
        Deed::Signal(signal) => {
            put.byte(6);
            put_target(&signal.target, put);
            put.signed(signal.code.into());
            put.number(signal.number);
        }
        Deed::Memory(memory) => {
            put.byte(7);
            put.one_of(&MEMORIES, &memory.what);
            put.number(memory.address);
            put.number(memory.length);
            put.number(memory.protection);
            put.said(&memory.detail);
        }
        Deed::Title(title) => {
            put.byte(8);
            put_target(&title.target, put);
            put.said(&title.after);
        }
        Deed::IoUring(ring) => {
            put.byte(9);
            put.number(ring.entries);
            put.byte(ring.opcode);
            for text in [&ring.path, &ring.source, &ring.attribute] {
                put.said(text);
            }
            put.flags(&[ring.path_cut]);
        }
        Deed::Control(control) => {
            put.byte(10);
            put.said(&control.detail);
        }
        Deed::Inquiry => put.byte(12),
        Deed::Lookup(lookup) => {
            put.byte(11);
            put_lookup(lookup, put);
        }
    }
}

pub(crate) fn take(take: &mut Take<'_>, tables: &mut Takes) -> Result<System, Wrong> {
    let call = take.option(|take| {
        let name = tables.name(take)?;
        let arguments = [take.number()?, take.number()?, take.number()?, take.number()?];
        Ok(Call { name, arguments, result: take.signed()? })
    })?;
    let comm = take.text()?.into();
    let deed = match take.byte()? {
        0 => Deed::Credentials(take_change(take)?),
        1 => Deed::Access(Access {
            reach: take.one_of(&Reach::ALL)?,
            target: take.option(take_target)?,
            fd: take_fd(take)?,
            bytes: take.number()?,
        }),
        2 => Deed::Namespace(Namespace {
            subject: take.option(take_key)?,
            after: eight(take)?,
            changed: take.byte()?,
            host: take.byte()?,
        }),
        3 => {
            let what = take.one_of(&MOUNTS)?;
            let [claimed] = take.flags()?;
            let (fstype, from, place) = (take.text()?.into(), take.text()?.into(), take.text()?.into());
            Deed::Mount(Mount { what, claimed, fstype, from, place })
        }
        4 => Deed::SocketChange(take_socket(take)?),
        5 => Deed::Extension(Extension {
            what: take.one_of(&EXTENSIONS)?,
            kind: take.narrow()?,
            id: take.narrow()?,
            detail: take.text()?.into(),
        }),
        6 => {
            let target = take_target(take)?;
            let code = i32::try_from(take.signed()?).map_err(|_| Wrong("a signal's code is too large"))?;
            Deed::Signal(Signal { target, code, number: take.narrow()? })
        }
        7 => Deed::Memory(Memory {
            what: take.one_of(&MEMORIES)?,
            address: take.number()?,
            length: take.number()?,
            protection: take.narrow()?,
            detail: take.text()?.into(),
        }),
        8 => Deed::Title(Title { target: take_target(take)?, after: take.text()?.into() }),
        9 => {
            let (entries, opcode) = (take.narrow()?, take.byte()?);
            let (path, source) = (take.text()?.into(), take.text()?.into());
            let attribute = take.text()?.into();
            let [path_cut] = take.flags()?;
            Deed::IoUring(IoUring { entries, opcode, path, source, attribute, path_cut })
        }
        10 => Deed::Control(Control { detail: take.text()?.into() }),
        11 => Deed::Lookup(take_lookup(take)?),
        12 => Deed::Inquiry,
        _ => return Err(Wrong("a deed is unknown")),
    };
    Ok(System { call, comm, deed })
}

fn take_change(take: &mut Take<'_>) -> Result<Change, Wrong> {
    let (before, after) = (take.option(take_credentials)?, take_credentials(take)?);
    let user = take.option(take_user)?;
    let (groups, user_ns) = (take.narrow()?, take.narrow()?);
    let [unexplained] = take.flags()?;
    Ok(Change { before, after, user, groups, user_ns, unexplained })
}

fn eight(take: &mut Take<'_>) -> Result<[u32; 8], Wrong> {
    let mut numbers = [0; 8];
    numbers.iter_mut().try_for_each(|number| take.narrow().map(|taken| *number = taken))?;
    Ok(numbers)
}

fn put_target(target: &Target, put: &mut Put) {
    put_key(target.process, put);
    put.number(target.tid);
    put.number(target.uid);
    put.said(&target.comm);
}

fn take_target(take: &mut Take<'_>) -> Result<Target, Wrong> {
    let (process, tid, uid) = (take_key(take)?, take.narrow()?, take.narrow()?);
    Ok(Target { process, tid, uid, comm: take.text()?.into() })
}

fn put_socket(socket: &SocketChange, put: &mut Put) {
    put.one_of(&SOCKETS, &socket.what);
    put.number(socket.family);
    put.number(socket.kind);
    put.number(socket.protocol);
    put.signed(socket.fd.into());
    put.number(socket.connection.0);
    put.one_of(&ROLES, &socket.role);
    put.option(socket.local, |put, address| put_address(address, put));
    put.option(socket.remote, |put, address| put_address(address, put));
    put.said(&socket.detail);
    put.flags(&[socket.submitted]);
}

fn take_socket(take: &mut Take<'_>) -> Result<SocketChange, Wrong> {
    let what = take.one_of(&SOCKETS)?;
    let (family, kind, protocol) = (take.narrow()?, take.narrow()?, take.narrow()?);
    let fd = i32::try_from(take.signed()?).map_err(|_| Wrong("a descriptor is too large"))?;
    let (connection, role) = (ConnectionId(take.number()?), take.one_of(&ROLES)?);
    let (local, remote) = (take.option(take_address)?, take.option(take_address)?);
    let detail = take.text()?.into();
    let [submitted] = take.flags()?;
    Ok(SocketChange { what, family, kind, protocol, fd, connection, role, local, remote, detail, submitted })
}

fn put_lookup(lookup: &Lookup, put: &mut Put) {
    put.time(lookup.asked);
    put_address((lookup.server, 0).into(), put);
    put.number(lookup.socket);
    put.number(lookup.id);
    put.said(&lookup.question.name);
    put.said(&lookup.question.registered);
    put.number(lookup.question.kind);
    put.number(lookup.question.class);
    put.option(lookup.answer.as_ref(), |put, answer| {
        put.byte(answer.code);
        put.flags(&[answer.cut]);
        put.length(answer.records.len());
        for record in &answer.records {
            put.number(record.kind);
            put.said(&record.data);
        }
    });
}

fn take_lookup(take: &mut Take<'_>) -> Result<Lookup, Wrong> {
    let (asked, server, socket, id) =
        (take.time()?, take_address(take)?.ip(), take.number()?, take.narrow()?);
    let (name, registered) = (take.text()?.into(), take.text()?.into());
    let question = Question { name, registered, kind: take.narrow()?, class: take.narrow()? };
    let answer = take.option(|take| {
        let code = take.byte()?;
        let [cut] = take.flags()?;
        let records =
            take.list(RECORDS, |take| Ok(Record { kind: take.narrow()?, data: take.text()?.into() }))?;
        Ok(Answer { code, records: records.into(), cut })
    })?;
    Ok(Lookup { asked, server, socket, id, question, answer, further: false })
}
