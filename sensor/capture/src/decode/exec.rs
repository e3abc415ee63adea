//! A process replaced its image; a process older than the sensor is told likewise.
use super::{DecodeError, header::process_key, socket, strings::Strings};
use guardbee_model::{
    event::{Body, Exec},
    id::ConnectionId,
    process::{Args, Credentials, Environment, Fd, File, Login},
};
use guardbee_wire::{self as wire, ExecEvent, ExecFlag, FdInfo, FdKind, FileFlag, StringId};
use std::sync::Arc;

pub(super) fn exec(record: &(ExecEvent, &[u8])) -> Result<Body, DecodeError> {
    image("exec", record).map(|exec| Body::Exec(Arc::new(exec)))
}

pub(super) fn process(record: &(ExecEvent, &[u8])) -> Result<Body, DecodeError> {
    image("process", record).map(|exec| Body::Process(Arc::new(exec)))
}

fn image(kind: &'static str, (raw, tail): &(ExecEvent, &[u8])) -> Result<Exec, DecodeError> {
    let strings = Strings::walk(kind, tail)?;
    let [stdin, stdout, stderr] = &raw.fds;
    let has = |flag: ExecFlag| raw.flags & flag as u32 != 0;
    Ok(Exec {
        parent: process_key(raw.parent),
        exe: strings.bytes(StringId::Exe).into(),
        filename: strings.bytes(StringId::Filename).into(),
        cwd: strings.bytes(StringId::Cwd).into(),
        args: args(&strings),
        environment: Environment {
            variables: words(strings.bytes(StringId::Environment)).collect(),
            cut: has(ExecFlag::EnvironmentCut),
        },
        comm: strings.bytes(StringId::Comm).into(),
        cgroup: strings.cgroup(),
        unified: strings.unified(),
        file: file(&raw.file),
        credentials: credentials(&raw.credentials),
        fds: [fd(kind, stdin)?, fd(kind, stdout)?, fd(kind, stderr)?],
        pid_ns: raw.pid_ns,
        mnt_ns: raw.mnt_ns,
        net_ns: raw.net_ns,
        ns_tgid: raw.ns_tgid,
        session: raw.session,
        tty: raw.tty,
        login: Some(Login { user: raw.login_uid, session: raw.login_session }),
        secure: has(ExecFlag::Secure),
        outside: has(ExecFlag::Outside),
        cwd_outside: has(ExecFlag::CwdOutside),
    })
}

/// Head and tail of argv; what is between them is missing unless they meet.
fn args(strings: &Strings<'_>) -> Args {
    let Some(head) = strings.get(StringId::Args) else { return Args::default() };
    if head.unreadable {
        return Args { unreadable: true, ..Args::default() };
    }
    let total = head.total as usize;
    let tail = strings.bytes(StringId::ArgsTail);
    let missing = total.saturating_sub(head.bytes.len() + tail.len());
    // Both are at most 4 KiB, the tail being the last of argv: of an argv below 8 KiB they may overlap.
    let overlap = (head.bytes.len() + tail.len()).saturating_sub(total);
    let all;
    let mut words = Vec::new();
    if missing == 0 {
        all = [head.bytes, tail.get(overlap..).unwrap_or_default()].concat();
        words.extend(self::words(&all));
    } else {
        words.extend(self::words(head.bytes));
        words.extend(self::words(tail));
    }
    Args { words, total_bytes: head.total, truncated: missing > 0, unreadable: false }
}

/// Words of a command line as the kernel keeps it, each ended by NUL; the last may be cut.
pub fn words(bytes: &[u8]) -> impl Iterator<Item = Box<[u8]>> {
    let bytes = bytes.strip_suffix(&[0]).map_or(bytes, |bytes| bytes);
    let none = bytes.is_empty();
    bytes.split(|&byte| byte == 0).filter(move |_| !none).map(Box::from)
}

pub(super) fn file(raw: &wire::FileInfo) -> File {
    let is = |flag: FileFlag| raw.flags & flag as u16 != 0;
    File {
        inode: raw.inode,
        device: raw.device,
        size_bytes: raw.size_bytes,
        ctime_ns: raw.ctime_ns,
        mode: raw.mode,
        uid: raw.uid,
        gid: raw.gid,
        memfd: is(FileFlag::Memfd),
        deleted: is(FileFlag::Deleted),
        overlay_upper: is(FileFlag::OverlayUpper),
        setuid: is(FileFlag::Setuid),
        setgid: is(FileFlag::Setgid),
        path_cut: is(FileFlag::PathCut),
    }
}

pub(super) fn credentials(raw: &wire::Credentials) -> Credentials {
    Credentials {
        uid: raw.uid,
        euid: raw.euid,
        suid: raw.suid,
        fsuid: raw.fsuid,
        gid: raw.gid,
        egid: raw.egid,
        sgid: raw.sgid,
        fsgid: raw.fsgid,
        permitted: raw.permitted,
        effective: raw.effective,
        inheritable: raw.inheritable,
    }
}

pub(super) fn fd(kind: &'static str, raw: &FdInfo) -> Result<Fd, DecodeError> {
    Ok(match raw.kind {
        number if number == FdKind::Closed as u8 => Fd::Closed,
        number if number == FdKind::Regular as u8 => Fd::Regular,
        number if number == FdKind::Directory as u8 => Fd::Directory,
        number if number == FdKind::Character as u8 => Fd::Character(raw.device),
        number if number == FdKind::Block as u8 => Fd::Block,
        number if number == FdKind::Pipe as u8 => Fd::Pipe,
        number if number == FdKind::Socket as u8 => Fd::Socket {
            remote: socket::is_ip(raw.family).then(|| socket::address(raw.remote_address, raw.remote_port)),
            family: raw.family,
            role: socket::role(kind, "fds.role", raw.role)?,
            connection: ConnectionId(raw.connection),
        },
        number if number == FdKind::Other as u8 => Fd::Other,
        number => return Err(DecodeError::Value { kind, field: "fds.kind", value: number.into() }),
    })
}
