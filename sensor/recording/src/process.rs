//! Processes: who acts.
use crate::{
    action::{put_file, take_file},
    bytes::{Put, Take},
    error::Wrong,
};
use guardbee_model::{
    container::{Cgroup, Configuration, Container, Image, Pod, Qos},
    executable::{Executable, Hash, NotHashed, Package, Sha256},
    process::{Args, Credentials, Environment, Login, Process, ProcessKey, User, UserTable},
};
use std::sync::Arc;

/// Words of a command line.
const WORDS: usize = 1 << 16;

pub(crate) fn put(process: &Process, put: &mut Put) {
    put_key(process.key, put);
    put.option(process.parent, |put, key| put_key(key, put));
    put.said(&process.exe);
    put.said(&process.previous);
    put.option(process.file.as_ref(), |put, file| put_file(file, put));
    put.option(process.executed, Put::time);
    put_executable(&process.executable, put);
    put_args(&process.args, put);
    put.said(&process.comm);
    put.said(&process.cwd);
    put_credentials(&process.credentials, put);
    put.option(process.user.as_ref(), put_user);
    for number in [process.ns_tgid, process.session, process.tty, process.mnt_ns] {
        put.number(number);
    }
    put.option(process.login, put_login);
    put.number(process.cgroup_id);
    put.option(process.cgroup.as_deref(), |put, cgroup| {
        put.text(&cgroup.path);
        put.text(&*cgroup.unit);
        put.text(&*cgroup.slice);
    });
    put.option(process.container.as_deref(), put_container);
    put.option(process.configured.as_deref(), put_configuration);
    put.flags(&[process.recovered]);
}

pub(crate) fn take(take: &mut Take<'_>) -> Result<Process, Wrong> {
    let key = take_key(take)?;
    let parent = take.option(take_key)?;
    let (exe, previous) = (take.text()?.into(), take.text()?.into());
    let file = take.option(take_file)?;
    let (executed, executable) = (take.option(Take::time)?, take_executable(take)?);
    let args = Arc::new(take_args(take)?);
    let (comm, cwd) = (take.text()?.into(), take.text()?.into());
    let credentials = take_credentials(take)?;
    let user = take.option(take_user)?;
    let (ns_tgid, session, tty) = (take.narrow()?, take.narrow()?, take.narrow()?);
    let (mnt_ns, login, cgroup_id) = (take.narrow()?, take.option(take_login)?, take.number()?);
    let cgroup = take.option(|take| {
        let (path, unit, slice) = (take.text()?.into(), take.string()?.into(), take.string()?.into());
        Ok(Arc::new(Cgroup { path, unit, slice }))
    })?;
    let container = take.option(|take| take_container(take).map(Arc::new))?;
    let configured = take.option(|take| take_configuration(take).map(Arc::new))?;
    let [recovered] = take.flags()?;
    Ok(Process {
        key,
        parent,
        exe,
        previous,
        file,
        executed,
        executable,
        args,
        comm,
        cwd,
        credentials,
        user,
        ns_tgid,
        session,
        tty,
        login,
        mnt_ns,
        cgroup_id,
        cgroup,
        container,
        configured,
        recovered,
    })
}

fn put_executable(executable: &Executable, put: &mut Put) {
    match &executable.hash {
        Hash::Unknown => put.byte(0),
        Hash::Sha256(hash) => {
            put.byte(1);
            put.text(hash.0);
        }
        Hash::Not(why) => {
            put.byte(2);
            put.one_of(&NotHashed::ALL, why);
        }
    }
    match &executable.package {
        Package::Unknown => put.byte(0),
        Package::None => put.byte(1),
        Package::Named(name) => {
            put.byte(2);
            put.said(name.as_bytes());
        }
    }
}

fn take_executable(take: &mut Take<'_>) -> Result<Executable, Wrong> {
    let hash = match take.byte()? {
        0 => Hash::Unknown,
        1 => {
            let bytes = take.text()?.try_into().map_err(|_| Wrong("a hash has not 32 bytes"))?;
            Hash::Sha256(Arc::new(Sha256(bytes)))
        }
        2 => Hash::Not(take.one_of(&NotHashed::ALL)?),
        _ => return Err(Wrong("a hash is of an unknown kind")),
    };
    let package = match take.byte()? {
        0 => Package::Unknown,
        1 => Package::None,
        2 => Package::Named(take.string()?.into()),
        _ => return Err(Wrong("a package is of an unknown kind")),
    };
    Ok(Executable { hash, package })
}

fn put_container(put: &mut Put, container: &Container) {
    put.text(&*container.id);
    put.text(&*container.runtime);
    put.option(container.pod.as_ref(), |put, pod| {
        put.text(&*pod.uid);
        put.one_of(&Qos::ALL, &pod.qos);
    });
}

fn take_container(take: &mut Take<'_>) -> Result<Container, Wrong> {
    let (id, runtime) = (take.string()?.into(), take.string()?.into());
    let pod = take.option(|take| Ok(Pod { uid: take.string()?.into(), qos: take.one_of(&Qos::ALL)? }))?;
    Ok(Container { id, runtime, pod })
}

pub(crate) fn put_login(put: &mut Put, login: Login) {
    put.number(login.user);
    put.number(login.session);
}

pub(crate) fn take_login(take: &mut Take<'_>) -> Result<Login, Wrong> {
    Ok(Login { user: take.narrow()?, session: take.narrow()? })
}

fn put_configuration(put: &mut Put, known: &Configuration) {
    put.option(known.image.as_ref(), |put, image| put.said(image.reference.as_bytes()));
    for name in [&known.name, &known.pod, &known.namespace, &known.pod_container] {
        put.said(name.as_bytes());
    }
    put.option(known.privileged, |put, privileged| put.flags(&[privileged]));
    put.option(known.capabilities, Put::number);
}

fn take_configuration(take: &mut Take<'_>) -> Result<Configuration, Wrong> {
    Ok(Configuration {
        image: take.option(|take| take.string().map(Image::new))?,
        name: take.string()?.into(),
        pod: take.string()?.into(),
        namespace: take.string()?.into(),
        pod_container: take.string()?.into(),
        privileged: take.option(|take| take.flags().map(|[privileged]| privileged))?,
        capabilities: take.option(Take::number)?,
    })
}

pub(crate) fn put_key(key: ProcessKey, put: &mut Put) {
    put.number(key.tgid);
    put.time(key.start);
    put.number(key.exec_number);
}

pub(crate) fn take_key(take: &mut Take<'_>) -> Result<ProcessKey, Wrong> {
    Ok(ProcessKey { tgid: take.narrow()?, start: take.time()?, exec_number: take.narrow()? })
}

pub(crate) fn put_args(args: &Args, put: &mut Put) {
    put.words(&args.words);
    put.number(args.total_bytes);
    put.flags(&[args.truncated, args.unreadable]);
}

pub(crate) fn take_args(take: &mut Take<'_>) -> Result<Args, Wrong> {
    let words = take.list(WORDS, |take| take.text().map(Box::from))?;
    let total_bytes = take.narrow()?;
    let [truncated, unreadable] = take.flags()?;
    Ok(Args { words, total_bytes, truncated, unreadable })
}

pub(crate) fn put_environment(environment: &Environment, put: &mut Put) {
    put.length(environment.variables.len());
    environment.variables.iter().for_each(|variable| put.said(variable));
    put.flags(&[environment.cut]);
}

pub(crate) fn take_environment(take: &mut Take<'_>) -> Result<Environment, Wrong> {
    let variables = take.list(WORDS, |take| take.text().map(Box::from))?;
    let [cut] = take.flags()?;
    Ok(Environment { variables, cut })
}

pub(crate) fn put_user(put: &mut Put, user: &User) {
    put.text(&*user.name);
    put.one_of(&UserTable::ALL, &user.table);
}

pub(crate) fn take_user(take: &mut Take<'_>) -> Result<User, Wrong> {
    Ok(User { name: take.string()?.into(), table: take.one_of(&UserTable::ALL)? })
}

pub(crate) fn put_credentials(credentials: &Credentials, put: &mut Put) {
    let Credentials { uid, euid, suid, fsuid, gid, egid, sgid, fsgid, permitted, effective, inheritable } =
        *credentials;
    for id in [uid, euid, suid, fsuid, gid, egid, sgid, fsgid] {
        put.number(id);
    }
    for set in [permitted, effective, inheritable] {
        put.number(set);
    }
}

pub(crate) fn take_credentials(take: &mut Take<'_>) -> Result<Credentials, Wrong> {
    Ok(Credentials {
        uid: take.narrow()?,
        euid: take.narrow()?,
        suid: take.narrow()?,
        fsuid: take.narrow()?,
        gid: take.narrow()?,
        egid: take.narrow()?,
        sgid: take.narrow()?,
        fsgid: take.narrow()?,
        permitted: take.number()?,
        effective: take.number()?,
        inheritable: take.number()?,
    })
}
