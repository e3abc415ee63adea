//! What the table knows of executables, beyond what events say.
use super::{INIT, Table, Thing};
use crate::{executables::identity, packages::Packages};
use guardbee_model::{
    executable::{Executable, FileId, Hash, Package},
    process::{Process, ProcessKey},
};
use std::sync::Arc;

/// The host's files, as its first process sees them: by this whoever reads them makes sure that they are the host's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Inode number of its mount namespace.
    pub mnt_ns: u32,
    /// Path of that process's executable.
    pub exe: Arc<[u8]>,
    /// Which file that is; [`None`]: not known.
    pub file: Option<FileId>,
    /// Who shows it; [`None`]: the kernel's own threads.
    pub witness: Option<ProcessKey>,
}

/// The host's packages.
#[derive(Debug, Default)]
pub(super) struct HostPackages {
    host: Option<Host>,
    packages: Option<Packages>,
    /// They have not changed since they were read.
    current: bool,
}

impl HostPackages {
    /// Whose executable a process runs. A file that a package has is known wherever it is seen; that none has it can only be said
    /// of a process that sees the host's files.
    fn owner(&self, process: &Process) -> Package {
        let (Some(packages), Some(host), Some(file)) = (&self.packages, &self.host, &process.file) else {
            return Package::Unknown;
        };
        let Some(id) = identity(Some(file)) else { return Package::Unknown };
        let of_host = process.container.is_none() && process.mnt_ns == host.mnt_ns && host.mnt_ns != 0;
        let sure = self.current && of_host && !file.path_cut && (!file.deleted || file.memfd);
        match packages.owner(id, &process.exe) {
            Package::None if !sure => Package::Unknown,
            owner => owner,
        }
    }
}

impl Table {
    /// The host, where its first process has been seen.
    pub fn host(&self) -> Option<&Host> {
        self.packages.host.as_ref()
    }

    /// Takes what the host's package databases say now.
    pub fn learn_packages(&mut self, packages: Packages) {
        (self.packages.packages, self.packages.current) = (Some(packages), true);
        for entry in self.store.iter_mut() {
            // Who runs a file that was replaced since runs the package's all the same.
            if !matches!(entry.process.executable.package, Package::Named(_)) {
                let owner = self.packages.owner(&entry.process);
                if owner != entry.process.executable.package {
                    Arc::make_mut(&mut entry.process).executable.package = owner;
                }
            }
        }
    }

    /// The databases are being changed: until they were read again it can't be said that a file is of no package.
    pub fn doubt_packages(&mut self) {
        self.packages.current = false;
    }

    /// A file's hash, or why it has none, as [`Table::learn_hash`] was told; [`Hash::Unknown`]: it wasn't, or too long ago.
    pub fn hash(&mut self, id: FileId) -> Hash {
        self.executables.hash(id)
    }

    /// Takes a file's hash, or why it has none.
    pub fn learn_hash(&mut self, id: FileId, hash: Hash) {
        self.executables.learn(id, hash);
    }

    /// A process, with what has become known of its hash since it executed its file.
    pub fn recognised(&mut self, key: ProcessKey) -> Option<Arc<Process>> {
        let entry = self.store.get_mut(key)?;
        if entry.process.executable.hash.sha256().is_none()
            && let Some(id) = identity(entry.process.file.as_ref())
        {
            let hash = self.executables.hash(id);
            if hash != entry.process.executable.hash {
                Arc::make_mut(&mut entry.process).executable.hash = hash;
            }
        }
        Some(Arc::clone(&entry.process))
    }

    /// What is known of the file that a new image runs.
    pub(super) fn recognise(&mut self, process: &mut Process) {
        let hash = identity(process.file.as_ref()).map(|id| self.executables.hash(id)).unwrap_or_default();
        process.executable = Executable { hash, package: self.packages.owner(process) };
    }

    /// A process that was there before may show the host. The first process does. Some kernels keep that one from iterators: then
    /// it is the oldest process in the mount namespace of the kernel's own threads, where the first one began.
    pub(super) fn meet_host(&mut self, key: ProcessKey, kthread: bool) {
        let Some(process) = self.process(key) else { return };
        let better = match &self.packages.host {
            _ if key.tgid == INIT => true,
            None => kthread,
            Some(Host { mnt_ns, witness, .. }) => {
                let older = witness.is_none_or(|witness| witness.tgid != INIT && key.start < witness.start);
                !kthread && process.container.is_none() && process.mnt_ns == *mnt_ns && older
            }
        };
        if better {
            let (mnt_ns, exe) = (process.mnt_ns, Arc::clone(&process.exe));
            let witness = (!kthread).then_some(key);
            self.packages.host = Some(Host { mnt_ns, exe, file: identity(process.file.as_ref()), witness });
        }
    }

    /// Whatever was there before has been told: the host's users are those of whoever shows it.
    pub fn settle_host(&mut self) {
        if let Some(witness) = self.host().and_then(|host| host.witness) {
            self.want(witness, Thing::Passwd);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{described, fork, header, key};
    use super::*;
    use crate::{Limits, Want, packages::Catalogue};
    use guardbee_model::{
        clock::BootTime,
        event::{Body, Event, Hook},
        executable::{NotHashed, Sha256},
        process::File,
    };

    const HOST: u32 = 100;
    const ELSEWHERE: u32 = 200;

    fn image(tgid: u32, exe: &str, inode: u64, mnt_ns: u32, older: bool) -> Event {
        let mut exec = described(key(1, 1), exe, "");
        (exec.file, exec.mnt_ns) = (File { inode, device: 1, ctime_ns: 7, ..File::default() }, mnt_ns);
        let (exec, mut header) = (Arc::new(exec), header(key(tgid, 1), 50));
        if older {
            header.hook = Hook::Iterator;
        }
        Event { header, body: if older { Body::Process(exec) } else { Body::Exec(exec) } }
    }

    fn packages() -> Packages {
        let mut catalogue = Catalogue::default();
        catalogue.package(b"coreutils");
        catalogue.path(b"/usr/bin/id", Some(FileId { device: 1, inode: 5, ctime_ns: 7 }));
        catalogue.finish()
    }

    fn package(table: &Table, tgid: u32) -> Package {
        table.process(key(tgid, 1)).unwrap().executable.package.clone()
    }

    fn named() -> Package {
        Package::Named("coreutils".into())
    }

    #[test]
    fn nobodys_is_only_what_the_host_has() {
        let mut table = Table::new(Limits::default());
        table.observe(&image(1, "/sbin/init", 3, HOST, true));
        assert_eq!(table.host().map(|host| host.mnt_ns), Some(HOST));
        table.observe(&image(2, "/usr/bin/id", 5, HOST, false));
        assert_eq!(package(&table, 2), Package::Unknown, "nothing was read yet");
        table.learn_packages(packages());
        assert_eq!((package(&table, 2), package(&table, 1)), (named(), Package::None));
        for (tgid, exe, inode, mnt_ns, owner) in [
            (3, "/tmp/x", 9, HOST, Package::None),
            (4, "/tmp/x", 9, ELSEWHERE, Package::Unknown),
            (5, "/usr/bin/id", 9, HOST, Package::Unknown),
            (6, "/mnt/id", 5, ELSEWHERE, named()),
            (7, "/tmp/x", 0, HOST, Package::Unknown),
        ] {
            table.observe(&image(tgid, exe, inode, mnt_ns, false));
            assert_eq!(package(&table, tgid), owner, "{tgid}");
        }
        table.doubt_packages();
        table.observe(&image(8, "/tmp/x", 9, HOST, false));
        table.observe(&image(9, "/usr/bin/id", 5, HOST, false));
        assert_eq!((package(&table, 8), package(&table, 9)), (Package::Unknown, named()));
        table.learn_packages(Catalogue::default().finish());
        assert_eq!(
            (package(&table, 8), package(&table, 9)),
            (Package::None, named()),
            "it was replaced, not denied"
        );
    }

    #[test]
    fn without_the_first_process_the_oldest_beside_the_kernel_shows_the_host() {
        let mut table = Table::new(Limits::default());
        let mut thread = image(2, "", 0, HOST, true);
        thread.header.kthread = true;
        table.observe(&thread);
        let asked = |table: &mut Table| -> Vec<Want> {
            table.settle_host();
            table.wants().filter(|want| want.thing == Thing::Passwd).collect()
        };
        assert_eq!(asked(&mut table), [], "the kernel's threads have no files");
        for (tgid, mnt_ns) in [(30, HOST), (20, HOST), (40, HOST), (10, ELSEWHERE)] {
            table.observe(&image(tgid, "/usr/sbin/daemon", 3, mnt_ns, true));
        }
        assert_eq!(asked(&mut table), [Want { key: key(20, 1), thing: Thing::Passwd }]);
        table.provide(key(30, 1), Thing::Passwd, b"forged:x:33:33\n");
        table.provide(key(20, 1), Thing::Passwd, b"daemon:x:33:33\n");
        let name = |table: &Table| table.process(key(40, 1)).unwrap().user.clone().unwrap().name;
        assert_eq!(&*name(&table), "daemon");
        table.observe(&image(1, "/sbin/init", 3, HOST, true));
        assert_eq!(table.host().and_then(|host| host.witness), Some(key(1, 1)));
        table.observe(&image(15, "/usr/sbin/daemon", 3, HOST, true));
        assert_eq!(table.host().and_then(|host| host.witness), Some(key(1, 1)));
    }

    #[test]
    fn in_a_container_nothing_is_nobodys() {
        let id = "a".repeat(64);
        let mut table = Table::new(Limits::default());
        table.observe(&image(1, "/sbin/init", 3, HOST, true));
        table.learn_packages(packages());
        let mut event = image(2, "/tmp/x", 9, HOST, false);
        if let Body::Exec(exec) = &mut event.body {
            Arc::make_mut(exec).cgroup = format!("/docker/{id}").into_bytes().into();
        }
        event.header.cgroup_id = 77;
        table.observe(&event);
        assert!(table.process(key(2, 1)).unwrap().container.is_some());
        assert_eq!(package(&table, 2), Package::Unknown);
    }

    #[test]
    fn a_hash_is_of_all_who_run_the_file() {
        let mut table = Table::new(Limits::default());
        let id = FileId { device: 1, inode: 9, ctime_ns: 7 };
        let hash = Hash::Sha256(Arc::new(Sha256([7; 32])));
        table.observe(&image(2, "/tmp/x", 9, HOST, false));
        table.observe(&fork(key(2, 1), key(3, 1), 60));
        table.learn_hash(id, Hash::Not(NotHashed::Budget));
        assert_eq!(table.hash(id), Hash::Not(NotHashed::Budget));
        table.learn_hash(id, hash.clone());
        table.observe(&image(4, "/tmp/y", 9, HOST, false));
        table.observe(&image(5, "/tmp/x", 10, HOST, false));
        let executed = table.process(key(2, 1)).unwrap().executed;
        let mut told = |tgid| table.recognised(key(tgid, 1)).unwrap().executable.hash.clone();
        assert_eq!([told(2), told(3), told(4)], [hash.clone(), hash.clone(), hash]);
        assert_eq!(told(5), Hash::Unknown);
        assert_eq!(executed, Some(BootTime(50)));
    }
}
