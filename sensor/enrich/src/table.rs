//! The process table: events in, processes out.
mod answers;
mod executables;

pub use executables::Host;

use crate::{
    cgroup::{Cgroups, Home, Paths, Place},
    configuration::Sought,
    containers::Containers,
    executables::Executables,
    store::Store,
    users::Directory,
};
use executables::HostPackages;
use guardbee_model::{
    clock::BootTime,
    container::{Cgroup, Container},
    event::{Body, Event, Exec, Fork, Header, Hook, UserIds},
    executable::Executable,
    loss::{Loss, LossCounter, Stage},
    process::{Args, Credentials, Process, ProcessKey},
    system::{Deed, System},
};
use std::{collections::VecDeque, num::NonZeroUsize, sync::Arc};

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Images of processes, ended ones included.
    pub processes: NonZeroUsize,
    /// Cgroups, containers whose users are known, and those whose configuration is.
    pub containers: NonZeroUsize,
    /// Files of which something was found out.
    pub executables: NonZeroUsize,
    /// Wants that nobody has taken.
    pub wants: usize,
    /// How long an ended process is kept, in event time, while few have ended.
    pub keep_ns: u64,
}

impl Default for Limits {
    fn default() -> Self {
        let most = |n| NonZeroUsize::new(n).unwrap_or(NonZeroUsize::MIN);
        Self {
            processes: most(65_536),
            containers: most(4096),
            executables: most(8192),
            wants: 1024,
            keep_ns: 30_000_000_000,
        }
    }
}

/// What may be wanted of a process; each is a file below `/proc/PID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Thing {
    /// `cmdline`.
    Cmdline,
    /// `cgroup`.
    Cgroup,
    /// `root/etc/passwd`.
    Passwd,
    /// `uid_map`.
    UidMap,
}

/// Something that events don't say. Whoever can, gives it to [`Table::provide`]; nobody waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Want {
    /// Of which process.
    pub key: ProcessKey,
    /// What.
    pub thing: Thing,
}

/// The host's first process.
const INIT: u32 = 1;

/// Every process that events were about, and its ancestors.
#[derive(Debug)]
pub struct Table {
    store: Store,
    cgroups: Cgroups,
    directory: Directory,
    executables: Executables,
    packages: HostPackages,
    containers: Containers,
    wants: VecDeque<Want>,
    sought: VecDeque<Sought>,
    wants_max: usize,
    losses: LossCounter,
}

impl Table {
    /// Knows nobody yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            store: Store::new(limits.processes, limits.keep_ns),
            cgroups: Cgroups::new(limits.containers),
            directory: Directory::new(limits.containers),
            executables: Executables::new(limits.executables),
            packages: HostPackages::default(),
            containers: Containers::new(limits.containers),
            wants: VecDeque::new(),
            sought: VecDeque::new(),
            wants_max: limits.wants,
            losses: LossCounter::new(Stage::Enrich),
        }
    }

    /// Takes the next event. The process of its header is known afterwards.
    pub fn observe(&mut self, event: &Event) {
        let header = &event.header;
        match &event.body {
            Body::Exec(exec) => self.image(header, exec, false),
            Body::Process(exec) => self.image(header, exec, true),
            Body::Fork(fork) => {
                self.recover(header);
                self.child(header, fork);
            }
            Body::Exit(_) => {
                self.recover(header);
                if let Some(key) = header.process {
                    self.store.end(key, header.time);
                }
            }
            Body::System(system) => {
                self.recover(header);
                if let Deed::Credentials(change) = &system.deed {
                    self.changed(header, change.after);
                }
            }
            _ => self.recover(header),
        }
        if header.hook != Hook::Iterator {
            self.store.forget(header.time);
        }
    }

    /// Whether anything that is known of processes may have changed since this was last asked.
    pub fn take_changed(&mut self) -> bool {
        self.store.take_changed()
    }

    /// What is known of a process.
    pub fn process(&self, key: ProcessKey) -> Option<Arc<Process>> {
        self.store.peek(key).map(|entry| Arc::clone(&entry.process))
    }

    /// The event, with the name of whom the process works as from now on if that is what it tells.
    pub fn named(&self, process: Option<ProcessKey>, mut system: Arc<System>) -> Arc<System> {
        if let Deed::Credentials(change) = &system.deed
            && let Some(process) = process.and_then(|key| self.process(key))
        {
            let user = self.directory.user(change.after.euid, process.container.as_ref());
            if let Deed::Credentials(change) = &mut Arc::make_mut(&mut system).deed {
                change.user = user;
            }
        }
        system
    }

    /// Parent, its parent, and so on: at most `most`, as far as they are known.
    pub fn ancestors(&self, key: ProcessKey, most: usize) -> Arc<[Arc<Process>]> {
        let parent = |process: &Arc<Process>| process.parent.and_then(|key| self.process(key));
        let first = self.process(key).and_then(|process| parent(&process));
        std::iter::successors(first, parent).take(most).collect()
    }

    /// Images that are known.
    pub fn len(&self) -> usize {
        self.store.len()
    }

    /// No image is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is wanted since this was last asked.
    pub fn wants(&mut self) -> impl Iterator<Item = Want> {
        self.wants.drain(..)
    }

    /// Containers whose files are wanted since this was last asked; the answer is for [`Table::configure`].
    pub fn sought(&mut self) -> impl Iterator<Item = Sought> {
        self.sought.drain(..)
    }

    /// Cgroups whose whole path, or whose container's configuration, is known since this was last asked; [`None`]: it was
    /// forgotten. Empty at nearly all times, so that it may be asked after each event.
    pub fn homes_changed(&mut self) -> Vec<(u64, Option<Home>)> {
        if !self.cgroups.have_changed() {
            return Vec::new();
        }
        let changed = self.cgroups.take_changed().into_iter();
        changed.map(|(id, home)| (id, home.map(|home| self.furnished(home)))).collect()
    }

    /// All cgroups whose whole path is known.
    pub fn homes(&self) -> impl Iterator<Item = Home> {
        self.cgroups.homes().map(|home| self.furnished(home))
    }

    fn furnished(&self, home: Home) -> Home {
        let configured = self.containers.configured(home.container.as_ref(), Some(&home.cgroup));
        Home { configured, ..home }
    }

    /// What had to be forgotten or was not asked for since this was last asked.
    pub fn losses(&mut self, now: BootTime) -> Vec<Loss> {
        for (cause, kind, count) in [
            ("processes_full", "process", self.store.take_evicted()),
            ("cgroups_full", "cgroup", self.cgroups.take_forgotten()),
            ("containers_full", "container", self.directory.take_forgotten()),
            ("configurations_full", "container", self.containers.take_forgotten()),
        ] {
            if count > 0 {
                self.losses.add(cause, kind, count);
            }
        }
        self.losses.drain(now)
    }

    /// A process acts: is it still where it was, and who it was? One that isn't known is taken in: its exec was lost, or it is older
    /// than the sensor.
    fn recover(&mut self, header: &Header) {
        let Some(key) = header.process else { return };
        if let Some(known) = self.store.acts(key) {
            let credentials = acting(header, known.credentials);
            let (moved, became) = (known.cgroup_id != header.cgroup_id, known.credentials != credentials);
            if moved {
                self.moved(key, header.cgroup_id);
            }
            if became {
                self.works_as(key, credentials);
            }
            return;
        }
        let mut process = blank(key);
        let before = self.store.current(key.life()).and_then(|key| self.store.peek(key));
        let inherited = before.and_then(|entry| entry.process.container.clone());
        process.parent = before.and_then(|entry| entry.process.parent);
        process.cgroup_id = header.cgroup_id;
        process.credentials = acting(header, process.credentials);
        self.admit(process, Paths::default(), inherited, header.time);
        self.store.acts(key);
        if !header.kthread {
            self.want(key, Thing::Cmdline);
        }
    }

    /// A process acts in another cgroup than before. A container is not left by that.
    fn moved(&mut self, key: ProcessKey, cgroup_id: u64) {
        let Some(known) = self.process(key) else { return };
        let mut process = (*known).clone();
        process.cgroup_id = cgroup_id;
        let place = self.place(key, cgroup_id, Paths::default());
        process.cgroup = place.cgroup;
        if process.container.is_none() {
            process.container = place.container;
            self.look_up(&mut process);
        }
        if let Some(entry) = self.store.get_mut(key) {
            entry.process = Arc::new(process);
        }
    }

    /// Credentials changed without an exec. A thread may have some of its own: those of the process are its first one's.
    fn changed(&mut self, header: &Header, after: Credentials) {
        if let Some(key) = header.process.filter(|key| key.tgid == header.tid) {
            self.works_as(key, after);
        }
    }

    fn works_as(&mut self, key: ProcessKey, credentials: Credentials) {
        if let Some(entry) = self.store.get_mut(key) {
            let process = Arc::make_mut(&mut entry.process);
            process.credentials = credentials;
            process.user = self.directory.user(credentials.uid, process.container.as_ref());
        }
    }

    fn child(&mut self, header: &Header, fork: &Fork) {
        let Some(parent) = header.process.and_then(|key| self.process(key)) else { return };
        if self.store.peek(fork.child).is_some() {
            return;
        }
        let process = Process {
            key: fork.child,
            parent: Some(parent.key),
            comm: fork.comm.clone(),
            previous: Arc::default(),
            ns_tgid: fork.child_ns_tgid,
            cgroup_id: header.cgroup_id,
            ..(*parent).clone()
        };
        let paths = Paths { own: &fork.cgroup, unified: &fork.unified };
        self.admit(process, paths, parent.container.clone(), header.time);
    }

    /// An image, seen at exec or found by the iterator.
    fn image(&mut self, header: &Header, exec: &Exec, older: bool) {
        let Some(key) = header.process else { return };
        if self.store.get_mut(key).is_some() {
            self.complete(header.time, key, exec, older);
        } else {
            let before = self.store.current(key.life()).and_then(|key| self.process(key));
            let mut process = blank(key);
            // Who forked it is its parent for good; the event names who would reap it now.
            process.parent = before.as_ref().and_then(|before| before.parent).or(exec.parent);
            process.cgroup_id = header.cgroup_id;
            process.recovered = older;
            describe(&mut process, exec);
            // A later image is known where this exec comes late.
            if let Some(before) = before.as_ref().filter(|before| before.key.exec_number < key.exec_number) {
                process.previous = Arc::clone(&before.exe);
            }
            process.executed = (!older).then_some(header.time);
            let inherited = before.and_then(|before| before.container.clone());
            self.admit(process, paths_of(exec), inherited, header.time);
        }
        if older && !header.kthread && exec.args.words.is_empty() {
            self.want(key, Thing::Cmdline);
        }
        if older {
            self.meet_host(key, header.kthread);
        }
    }

    /// Adds to a process that is known: what was seen live stands, what was guessed or found gives way to it.
    fn complete(&mut self, now: BootTime, key: ProcessKey, exec: &Exec, older: bool) {
        if let Some(parent) = exec.parent {
            self.store.set_parent(key, parent);
        }
        let Some(known) = self.process(key) else { return };
        let better = if older { known.exe.is_empty() } else { known.recovered };
        if !better {
            return;
        }
        let mut process = (*known).clone();
        let args = Arc::clone(&process.args);
        describe(&mut process, exec);
        process.executed = (!older).then_some(now);
        if process.args.words.is_empty() {
            process.args = args;
        }
        process.recovered = older;
        let place = self.place(key, process.cgroup_id, paths_of(exec));
        process.cgroup = place.cgroup.or(process.cgroup);
        process.container = process.container.or(place.container);
        self.recognise(&mut process);
        self.look_up(&mut process);
        if let Some(entry) = self.store.get_mut(key) {
            entry.process = Arc::new(process);
        }
    }

    /// Adds a process after finding its place and its user. `inherited`: the container of the parent or of the image before, which
    /// a process can't leave by naming a cgroup.
    fn admit(
        &mut self,
        mut process: Process,
        paths: Paths<'_>,
        inherited: Option<Arc<Container>>,
        now: BootTime,
    ) {
        let place = self.place(process.key, process.cgroup_id, paths);
        process.cgroup = place.cgroup;
        process.container = inherited.or(place.container);
        self.meet(process.key, process.container.as_ref(), process.cgroup.as_ref());
        // Who was forked runs what its parent does.
        if process.executable == Executable::default() {
            self.recognise(&mut process);
        }
        self.look_up(&mut process);
        self.store.insert(process, now);
    }

    fn place(&mut self, key: ProcessKey, cgroup_id: u64, paths: Paths<'_>) -> Place {
        let (place, ask) = self.cgroups.place(cgroup_id, paths);
        if ask {
            self.want(key, Thing::Cgroup);
        }
        self.meet(key, place.container.as_ref(), place.cgroup.as_ref());
        place
    }

    /// A container that is new has users, and a configuration, that are not known.
    fn meet(&mut self, key: ProcessKey, container: Option<&Arc<Container>>, cgroup: Option<&Arc<Cgroup>>) {
        let Some(container) = container else { return };
        if self.directory.meet(container) {
            self.want(key, Thing::UidMap);
            self.want(key, Thing::Passwd);
        }
        if let Some(sought) = self.containers.meet(container, cgroup) {
            if self.sought.len() < self.wants_max {
                self.sought.push_back(sought);
            } else {
                self.containers.ask_again(&container.id);
                self.losses.add("wants_full", "container", 1);
            }
        }
    }

    /// What follows from the container that a process is in: its user's name, and what runs there.
    fn look_up(&self, process: &mut Process) {
        let (container, cgroup) = (process.container.as_ref(), process.cgroup.as_ref());
        process.user = self.directory.user(process.credentials.uid, container);
        process.configured = self.containers.configured(container, cgroup);
    }

    fn want(&mut self, key: ProcessKey, thing: Thing) {
        if self.wants.len() < self.wants_max {
            self.wants.push_back(Want { key, thing });
        } else {
            self.losses.add("wants_full", "process", 1);
        }
    }
}

fn paths_of(exec: &Exec) -> Paths<'_> {
    Paths { own: &exec.cgroup, unified: &exec.unified }
}

/// With the users that an event says its thread has now: who is let in as root and works as somebody else does so without an exec.
fn acting(header: &Header, known: Credentials) -> Credentials {
    match header.user {
        Some(UserIds { real, effective }) => Credentials { uid: real, euid: effective, ..known },
        None => known,
    }
}

/// A process of which nothing is known but its key.
pub(crate) fn blank(key: ProcessKey) -> Process {
    Process {
        key,
        parent: None,
        exe: Arc::default(),
        previous: Arc::default(),
        file: None,
        executed: None,
        executable: Executable::default(),
        args: Arc::new(Args::default()),
        comm: Box::default(),
        cwd: Arc::default(),
        credentials: Credentials::default(),
        user: None,
        ns_tgid: 0,
        session: 0,
        tty: 0,
        login: None,
        mnt_ns: 0,
        cgroup_id: 0,
        cgroup: None,
        container: None,
        configured: None,
        recovered: true,
    }
}

fn describe(process: &mut Process, exec: &Exec) {
    process.exe = (&*exec.exe).into();
    process.file = Some(exec.file);
    process.args = Arc::new(exec.args.clone());
    process.comm.clone_from(&exec.comm);
    process.cwd = (&*exec.cwd).into();
    process.credentials = exec.credentials;
    process.ns_tgid = exec.ns_tgid;
    (process.session, process.tty, process.mnt_ns) = (exec.session, exec.tty, exec.mnt_ns);
    process.login = exec.login;
}

#[cfg(test)]
mod tests;
