//! Exec records, of the acting process and of those above it.
use crate::record::{Tail, address, credentials, header, key, record};
use guardbee_model::{
    container::Container,
    event::Exec,
    process::{Args, Fd, File, Process, ProcessKey},
};
use guardbee_wire::{
    self as wire, EventKind, ExecEvent, ExecFlag, FdInfo, FdKind, FileFlag, FileInfo, StringId,
};

/// Bytes of argv at each end that the kernel half copies.
const ARGS: usize = 4096;
/// `TASK_COMM_LEN` without its NUL.
const COMM: usize = 15;

/// What a process became, as its exec record says it. [`None`]: no cgroup's name could say that container.
pub(crate) fn exec(
    process: &Process,
    exec: Option<&Exec>,
    parent: Option<ProcessKey>,
    now: u64,
) -> Option<Vec<u8>> {
    let (known_exe, known_args) = (&*process.exe, &*process.args);
    let exe = exec.map_or(known_exe, |exec| &*exec.exe);
    let comm = exec.map_or(&*process.comm, |exec| &*exec.comm);
    let name =
        if exe.is_empty() { comm } else { exe.rsplit(|byte| *byte == b'/').next().unwrap_or_default() };
    // Every image has a path, and every thread a name, made of it.
    let name = if name.is_empty() { b"program" } else { name };
    let path = if exe.is_empty() { [&b"/usr/bin/"[..], name].concat() } else { exe.to_vec() };
    let comm =
        if comm.is_empty() { path.rsplit(|byte| *byte == b'/').next().unwrap_or_default() } else { comm };
    let args = exec.map_or(known_args, |exec| &exec.args);
    let event = ExecEvent {
        header: header(EventKind::Exec, process.key, now, process.cgroup_id),
        parent: parent.map(key).unwrap_or_default(),
        file: exec.map(|exec| file(&exec.file)).unwrap_or_default(),
        credentials: credentials(exec.map_or(&process.credentials, |exec| &exec.credentials)),
        fds: exec.map_or_else(Default::default, |exec| exec.fds.map(|one| fd(&one))),
        ns_tgid: process.ns_tgid,
        session: exec.map_or(process.session, |exec| exec.session),
        tty: exec.map_or(process.tty, |exec| exec.tty),
        login_uid: process.login.map_or(u32::MAX, |login| login.user),
        login_session: process.login.map_or(u32::MAX, |login| login.session),
        argc: u32::try_from(args.words.len()).unwrap(),
        flags: exec.map_or(0, flags),
        ..ExecEvent::default()
    };
    let cwd = exec.map_or(&*process.cwd, |exec| &*exec.cwd);
    let tail = Tail::default()
        .with(StringId::Exe, &path)
        .with(StringId::Cwd, if cwd.is_empty() { b"/" } else { cwd })
        .with(StringId::Filename, exec.map_or(&[][..], |exec| &*exec.filename));
    let variables: Vec<u8> = exec
        .into_iter()
        .flat_map(|exec| &exec.environment.variables)
        .flat_map(|variable| [&**variable, b"\0"].concat())
        .collect();
    let tail = argv(tail, args);
    let tail = if variables.is_empty() { tail } else { tail.with(StringId::Environment, &variables) };
    let tail = tail.with(StringId::Comm, comm.get(..COMM).unwrap_or(comm));
    Some(record(&event, &place(tail, process)?))
}

fn flags(exec: &Exec) -> u32 {
    let told = [
        (exec.secure, ExecFlag::Secure),
        (exec.outside, ExecFlag::Outside),
        (exec.cwd_outside, ExecFlag::CwdOutside),
        (exec.environment.cut, ExecFlag::EnvironmentCut),
    ];
    told.into_iter().filter(|(is, _)| *is).fold(0, |flags, (_, flag)| flags | flag as u32)
}

fn argv(tail: Tail, args: &Args) -> Tail {
    if args.unreadable {
        return tail.unreadable(StringId::Args);
    }
    let mut all = args.words.iter().flat_map(|word| [&**word, b"\0"].concat()).collect::<Vec<u8>>();
    if args.truncated {
        all.resize(all.len().max(3 * ARGS), b'x');
    }
    if all.len() <= ARGS {
        return tail.with(StringId::Args, &all);
    }
    let tail = tail.cut(StringId::Args, &all[..ARGS], all.len());
    let last = &all[all.len() - ARGS..];
    tail.with(StringId::ArgsTail, last)
}

/// The cgroup by the last names of its path.
fn place(tail: Tail, process: &Process) -> Option<Tail> {
    let Some(container) = &process.container else {
        let Some(cgroup) = &process.cgroup else {
            return Some(tail.with(StringId::Cgroup, b"session-1.scope"));
        };
        let unit = cgroup.unit.as_bytes();
        return Some(tail.with(StringId::Cgroup, unit).with(StringId::CgroupParent, cgroup.slice.as_bytes()));
    };
    let Container { id, runtime, .. } = &**container;
    let hex = id.bytes().all(|byte| byte.is_ascii_hexdigit()) && id.len() <= 64;
    let id = format!("{id:0<64}");
    let prefix = match &**runtime {
        "docker" => "docker-",
        "cri-o" => "crio-",
        "podman" => "libpod-",
        "containerd" | "" => "cri-containerd-",
        _ => return None,
    };
    let named = hex.then(|| tail.with(StringId::Cgroup, format!("{prefix}{id}.scope").as_bytes()))?;
    let pod = container.pod.as_ref().map(|pod| {
        let uid = pod.uid.replace('-', "_");
        match pod.qos.name() {
            "guaranteed" => format!("kubepods-pod{uid}.slice"),
            qos => format!("kubepods-{qos}-pod{uid}.slice"),
        }
    });
    Some(named.with(StringId::CgroupParent, pod.as_deref().unwrap_or("system.slice").as_bytes()))
}

pub(crate) fn file(from: &File) -> FileInfo {
    let flags = [
        (from.memfd, FileFlag::Memfd),
        (from.deleted, FileFlag::Deleted),
        (from.overlay_upper, FileFlag::OverlayUpper),
        (from.setuid, FileFlag::Setuid),
        (from.setgid, FileFlag::Setgid),
        (from.path_cut, FileFlag::PathCut),
    ];
    let flags = flags.into_iter().filter(|(is, _)| *is).fold(0, |all, (_, flag)| all | flag as u16);
    let &File { inode, size_bytes, ctime_ns, device, uid, gid, mode, .. } = from;
    // Whatever is opened has an inode.
    FileInfo { inode: inode.max(1), size_bytes, ctime_ns, device, uid, gid, mode, flags }
}

pub(crate) fn fd(from: &Fd) -> FdInfo {
    let plain = |kind: FdKind| FdInfo { kind: kind as u8, ..FdInfo::default() };
    match from {
        Fd::Closed => plain(FdKind::Closed),
        Fd::Regular => plain(FdKind::Regular),
        Fd::Directory => plain(FdKind::Directory),
        Fd::Character(device) => FdInfo { device: *device, ..plain(FdKind::Character) },
        Fd::Block => plain(FdKind::Block),
        Fd::Pipe => plain(FdKind::Pipe),
        Fd::Socket { remote, connection, .. } => {
            let (remote_address, remote_port) = remote.map(address).unwrap_or_default();
            FdInfo {
                remote_address,
                remote_port,
                connection: connection.0,
                // Of other families the other end is not told.
                family: if remote.is_some() { 2 } else { 1 },
                role: wire::SocketRole::Connected as u8,
                ..plain(FdKind::Socket)
            }
        }
        Fd::Other => plain(FdKind::Other),
    }
}
