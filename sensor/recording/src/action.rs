//! Actions: what happened.
use crate::{
    bytes::{Put, Take},
    error::Wrong,
    process::{
        put_args, put_credentials, put_environment, put_key, put_login, take_args, take_credentials,
        take_environment, take_key, take_login,
    },
    request::{put_response, take_response},
    socket::{self, ROLES, put_address, take_address},
    system,
    tables::{Puts, Takes},
};
use guardbee_model::{
    event::{Connect, Exec, Exit, Fork, Listen},
    file::{Attribute, FileEvent, Operation},
    finding::Action,
    id::ConnectionId,
    process::{Fd, File},
    stamp::{Layer, Stamp},
};
use std::sync::Arc;

const ACCEPT: u8 = 0;
const CONNECT: u8 = 1;
const EXEC: u8 = 2;
const EXIT: u8 = 3;
const FORK: u8 = 4;
const LISTEN: u8 = 5;
const REQUEST: u8 = 6;
const EXCHANGE: u8 = 7;
const FILE: u8 = 8;
const DATAGRAM: u8 = 9;
const SYSTEM: u8 = 32;

const LAYERS: [Layer; 2] = [Layer::Plain, Layer::Tls];

pub(crate) fn put(action: &Action, tables: &mut Puts, put: &mut Put) {
    match action {
        Action::Accept(socket) => {
            put.byte(ACCEPT);
            socket::put(socket, put);
        }
        Action::Connect(connect) => {
            put.byte(CONNECT);
            put_connect(connect, put);
        }
        Action::Datagram(sent) => {
            put.byte(DATAGRAM);
            put_connect(sent, put);
        }
        Action::Exec(exec) => {
            put.byte(EXEC);
            put_exec(exec, put);
        }
        Action::Exit(exit) => {
            put.byte(EXIT);
            put.number(exit.code);
        }
        Action::File(event) => {
            put.byte(FILE);
            put_file_event(event, put);
        }
        Action::Fork(fork) => {
            put.byte(FORK);
            put_fork(fork, put);
        }
        Action::Listen(listen) => {
            put.byte(LISTEN);
            socket::put(&listen.socket, put);
            put.flags(&[listen.listening]);
        }
        Action::RequestHead(request) => {
            put.byte(REQUEST);
            tables.request(request, put);
        }
        Action::Exchange(request, response) => {
            put.byte(EXCHANGE);
            tables.request(request, put);
            put.option(*response, |put, response| put_response(response, put));
        }
        Action::System(deed, target) => {
            put.byte(SYSTEM);
            system::put(deed, tables, put);
            put.option(target.as_ref(), |put, target| tables.process(target, put));
        }
    }
}

fn put_connect(connect: &Connect, put: &mut Put) {
    socket::put(&connect.socket, put);
    put.time(connect.begun);
    put.signed(connect.error.into());
    put.said(&connect.name);
}

fn take_connect(take: &mut Take<'_>) -> Result<Connect, Wrong> {
    let (socket, begun) = (socket::take(take)?, take.time()?);
    let error = i32::try_from(take.signed()?).map_err(|_| Wrong("an errno is too large"))?;
    Ok(Connect { socket, begun, error, name: take.text()?.into() })
}

pub(crate) fn take(take: &mut Take<'_>, tables: &mut Takes) -> Result<Action, Wrong> {
    Ok(match take.byte()? {
        ACCEPT => Action::Accept(Arc::new(socket::take(take)?)),
        CONNECT => Action::Connect(Arc::new(take_connect(take)?)),
        DATAGRAM => Action::Datagram(Arc::new(take_connect(take)?)),
        EXEC => Action::Exec(Arc::new(take_exec(take)?)),
        EXIT => Action::Exit(Exit { code: take.narrow()? }),
        FILE => Action::File(Arc::new(take_file_event(take)?)),
        FORK => Action::Fork(Arc::new(take_fork(take)?)),
        LISTEN => {
            let socket = socket::take(take)?;
            let [listening] = take.flags()?;
            Action::Listen(Arc::new(Listen { socket, listening }))
        }
        REQUEST => Action::RequestHead(tables.request(take)?),
        EXCHANGE => Action::Exchange(tables.request(take)?, take.option(take_response)?),
        SYSTEM => {
            let deed = Arc::new(system::take(take, tables)?);
            Action::System(deed, take.option(|take| tables.process(take))?)
        }
        _ => return Err(Wrong("an action is unknown")),
    })
}

fn put_exec(exec: &Exec, put: &mut Put) {
    put.option(exec.parent, |put, key| put_key(key, put));
    for path in [&exec.exe, &exec.filename, &exec.cwd] {
        put.said(path);
    }
    put_args(&exec.args, put);
    put_environment(&exec.environment, put);
    put.said(&exec.comm);
    put.text(&exec.cgroup);
    put.text(&exec.unified);
    put_file(&exec.file, put);
    put_credentials(&exec.credentials, put);
    exec.fds.iter().for_each(|fd| put_fd(*fd, put));
    let Exec { pid_ns, mnt_ns, net_ns, ns_tgid, session, tty, .. } = *exec;
    for number in [pid_ns, mnt_ns, net_ns, ns_tgid, session, tty] {
        put.number(number);
    }
    put.option(exec.login, put_login);
    put.flags(&[exec.secure, exec.outside, exec.cwd_outside]);
}

fn take_exec(take: &mut Take<'_>) -> Result<Exec, Wrong> {
    let parent = take.option(take_key)?;
    let (exe, filename, cwd) = (take.text()?.into(), take.text()?.into(), take.text()?.into());
    let (args, environment) = (take_args(take)?, take_environment(take)?);
    let (comm, cgroup, unified) = (take.text()?.into(), take.text()?.into(), take.text()?.into());
    let (file, credentials) = (take_file(take)?, take_credentials(take)?);
    let fds = [take_fd(take)?, take_fd(take)?, take_fd(take)?];
    let (pid_ns, mnt_ns, net_ns) = (take.narrow()?, take.narrow()?, take.narrow()?);
    let (ns_tgid, session, tty) = (take.narrow()?, take.narrow()?, take.narrow()?);
    let login = take.option(take_login)?;
    let [secure, outside, cwd_outside] = take.flags()?;
    Ok(Exec {
        parent,
        exe,
        filename,
        cwd,
        args,
        environment,
        comm,
        cgroup,
        unified,
        file,
        credentials,
        fds,
        pid_ns,
        mnt_ns,
        net_ns,
        ns_tgid,
        session,
        tty,
        login,
        secure,
        outside,
        cwd_outside,
    })
}

fn put_file_event(event: &FileEvent, put: &mut Put) {
    put.one_of(&Operation::ALL, &event.operation);
    put.said(&event.path);
    put.said(&event.source);
    put.flags(&[event.named, event.path_cut]);
    put.option(event.file, |put, file| put_file(&file, put));
    for number in [event.open_flags, event.mode, event.owner, event.group, event.device] {
        put.option(number, Put::number);
    }
    put.option(event.attribute, |put, attribute| put.one_of(&Attribute::ALL, &attribute));
    put.said(&event.given);
    put.option(event.error, Put::number);
}

fn take_file_event(take: &mut Take<'_>) -> Result<FileEvent, Wrong> {
    let operation = take.one_of(&Operation::ALL)?;
    let (path, source) = (take.text()?.into(), take.text()?.into());
    let [named, path_cut] = take.flags()?;
    let file = take.option(take_file)?;
    let (open_flags, mode) = (take.option(Take::narrow)?, take.option(Take::narrow)?);
    let owner = take.option(Take::narrow)?;
    let (group, device) = (take.option(Take::narrow)?, take.option(Take::narrow)?);
    let attribute = take.option(|take| take.one_of(&Attribute::ALL))?;
    let (given, error) = (take.text()?.into(), take.option(Take::narrow)?);
    Ok(FileEvent {
        operation,
        path,
        source,
        named,
        path_cut,
        file,
        open_flags,
        mode,
        owner,
        group,
        device,
        attribute,
        given,
        error,
    })
}

pub(crate) fn put_file(file: &File, put: &mut Put) {
    put.number(file.inode);
    put.number(file.device);
    put.number(file.size_bytes);
    put.number(file.ctime_ns);
    put.number(file.mode);
    put.number(file.uid);
    put.number(file.gid);
    let File { memfd, deleted, overlay_upper, setuid, setgid, path_cut, .. } = *file;
    put.flags(&[memfd, deleted, overlay_upper, setuid, setgid, path_cut]);
}

pub(crate) fn take_file(take: &mut Take<'_>) -> Result<File, Wrong> {
    let (inode, device, size_bytes, ctime_ns) =
        (take.number()?, take.narrow()?, take.number()?, take.number()?);
    let (mode, uid, gid) = (take.narrow()?, take.narrow()?, take.narrow()?);
    let [memfd, deleted, overlay_upper, setuid, setgid, path_cut] = take.flags()?;
    Ok(File {
        inode,
        device,
        size_bytes,
        ctime_ns,
        mode,
        uid,
        gid,
        memfd,
        deleted,
        overlay_upper,
        setuid,
        setgid,
        path_cut,
    })
}

pub(crate) fn put_fd(fd: Fd, put: &mut Put) {
    match fd {
        Fd::Closed => put.byte(0),
        Fd::Regular => put.byte(1),
        Fd::Directory => put.byte(2),
        Fd::Character(device) => {
            put.byte(3);
            put.number(device);
        }
        Fd::Block => put.byte(4),
        Fd::Pipe => put.byte(5),
        Fd::Socket { remote, family, role, connection } => {
            put.byte(6);
            put.option(remote, |put, address| put_address(address, put));
            put.number(family);
            put.one_of(&ROLES, &role);
            put.number(connection.0);
        }
        Fd::Other => put.byte(7),
    }
}

pub(crate) fn take_fd(take: &mut Take<'_>) -> Result<Fd, Wrong> {
    Ok(match take.byte()? {
        0 => Fd::Closed,
        1 => Fd::Regular,
        2 => Fd::Directory,
        3 => Fd::Character(take.narrow()?),
        4 => Fd::Block,
        5 => Fd::Pipe,
        6 => Fd::Socket {
            remote: take.option(take_address)?,
            family: take.narrow()?,
            role: take.one_of(&ROLES)?,
            connection: ConnectionId(take.number()?),
        },
        7 => Fd::Other,
        _ => return Err(Wrong("a descriptor is of an unknown kind")),
    })
}

fn put_fork(fork: &Fork, put: &mut Put) {
    put_key(fork.child, put);
    put.option(fork.child_origin, |put, stamp| put_stamp(&stamp, put));
    put.number(fork.child_ns_tgid);
    put.said(&fork.comm);
    put.text(&fork.cgroup);
    put.text(&fork.unified);
}

fn take_fork(take: &mut Take<'_>) -> Result<Fork, Wrong> {
    Ok(Fork {
        child: take_key(take)?,
        child_origin: take.option(take_stamp)?,
        child_ns_tgid: take.narrow()?,
        comm: take.text()?.into(),
        cgroup: take.text()?.into(),
        unified: take.text()?.into(),
    })
}

fn put_stamp(stamp: &Stamp, put: &mut Put) {
    put.number(stamp.connection.0);
    put.number(stamp.position);
    put.number(stamp.reads);
    put.number(stamp.tid);
    put.one_of(&LAYERS, &stamp.layer);
    put.flags(&[stamp.epoll, stamp.nonblock, stamp.io_uring, stamp.no_file, stamp.untracked]);
}

fn take_stamp(take: &mut Take<'_>) -> Result<Stamp, Wrong> {
    let connection = ConnectionId(take.number()?);
    let (position, reads, tid) = (take.number()?, take.narrow()?, take.narrow()?);
    let layer = take.one_of(&LAYERS)?;
    let [epoll, nonblock, io_uring, no_file, untracked] = take.flags()?;
    Ok(Stamp { connection, position, reads, tid, layer, epoll, nonblock, io_uring, no_file, untracked })
}
