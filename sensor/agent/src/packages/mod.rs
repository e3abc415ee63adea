//! The host's package databases, read by a thread of their own at the start and whenever they have changed.
mod read;

use crate::identity;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use guardbee_enrich::{Host, packages::Packages};
use guardbee_model::executable::FileId;
use read::Root;
use rustix::fs::stat;
use std::{
    ffi::OsStr,
    fs, io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// How often it is looked whether they have changed: what a package has just brought must not run before they are doubted.
const EVERY: Duration = Duration::from_millis(100);
/// Unchanged for that long, they are read again.
const QUIET: Duration = Duration::from_secs(1);
/// While they keep changing they are read this seldom.
const AT_LEAST: Duration = Duration::from_secs(30);
/// What the sandbox must leave open to be read: folders, since databases are replaced by renaming.
pub(crate) const FOLDERS: [&str; 5] =
    ["/var/lib/dpkg", "/lib/apk/db", "/usr/lib/apk/db", "/var/lib/rpm", "/usr/lib/sysimage/rpm"];

/// What the thread tells.
#[derive(Debug)]
pub(crate) enum Told {
    /// They are being changed.
    Changing,
    /// What they say.
    Read {
        packages: Box<Packages>,
        /// They have not changed meanwhile.
        current: bool,
    },
}

/// The core's end; without it the thread ends.
#[derive(Debug)]
pub(crate) struct PackageReader {
    pub(crate) told: Receiver<Told>,
    _lives: Sender<()>,
}

impl PackageReader {
    /// Starts the thread, if the files that this process sees are the host's and have a database among them.
    pub(crate) fn start(host: Option<&Host>) -> io::Result<Option<Self>> {
        let root = Root { path: PathBuf::from("/") };
        if !host.is_some_and(is_here) || root.stamp().is_empty() {
            return Ok(None);
        }
        let (tell, told) = bounded(2);
        let (lives, ends) = bounded(0);
        let watch = move || watch(&root, &tell, &ends);
        std::thread::Builder::new().name("packages".into()).spawn(watch)?;
        Ok(Some(Self { told, _lives: lives }))
    }
}

/// Whether this process sees the host's files: it is in the mount namespace of the first process, or that one's executable lies
/// at its path.
fn is_here(host: &Host) -> bool {
    let own = fs::read_link("/proc/self/ns/mnt").ok();
    let same_namespace =
        own.is_some_and(|name| name.as_os_str() == format!("mnt:[{}]", host.mnt_ns).as_str());
    let exe = Path::new(OsStr::from_bytes(&host.exe));
    same_namespace || host.file.is_some() && stat(exe).ok().map(|stat| identity::of(&stat)) == host.file
}

/// Databases that are being changed.
struct Changing {
    since: Instant,
    /// Since when they are as they are.
    quiet_since: Instant,
    stamp: Vec<FileId>,
}

impl Changing {
    fn new(stamp: Vec<FileId>, now: Instant) -> Self {
        Self { since: now, quiet_since: now, stamp }
    }

    fn is_due(&mut self, stamp: &[FileId], now: Instant) -> bool {
        if self.stamp != stamp {
            (self.stamp, self.quiet_since) = (stamp.to_owned(), now);
        }
        now - self.quiet_since >= QUIET || now - self.since >= AT_LEAST
    }
}

fn watch(root: &Root, tell: &Sender<Told>, ends: &Receiver<()>) {
    let read = |stamp: &[FileId]| {
        let packages = Box::new(root.read());
        let after = root.stamp();
        let current = after == stamp;
        let told = tell.send(Told::Read { packages, current });
        told.map(|()| (!current).then(|| Changing::new(after, Instant::now())))
    };
    let mut known = root.stamp();
    let Ok(mut changing) = read(&known) else { return };
    while ends.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
        let (stamp, now) = (root.stamp(), Instant::now());
        let due = changing.as_mut().map(|change| change.is_due(&stamp, now));
        let told = match due {
            None if stamp == known => continue,
            None => tell.send(Told::Changing).map(|()| Some(Changing::new(stamp, now))),
            Some(false) => continue,
            Some(true) => {
                known = stamp;
                read(&known)
            }
        };
        let Ok(next) = told else { return };
        changing = next;
    }
}

#[cfg(test)]
mod tests {
    use super::{
        read::tests::{named, owner, root},
        *,
    };

    #[test]
    fn what_changes_is_doubted_then_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let root = root(
            folder.path(),
            &[
                ("usr/bin/new", ""),
                ("var/lib/dpkg/status", "x"),
                ("var/lib/dpkg/info/a.list", "/usr/bin/a\n"),
            ],
        );
        let (tell, told) = bounded(2);
        let (lives, ends) = bounded(0);
        let at = root.path.clone();
        let thread = std::thread::spawn(move || watch(&root, &tell, &ends));
        let next = || told.recv_timeout(Duration::from_mins(1)).unwrap();
        assert!(matches!(next(), Told::Read { packages, current: true } if packages.counts()[0] == 1));
        let (added, known) = (at.join("var/lib/dpkg/info/b.list"), Root { path: at.clone() }.stamp());
        // Until the clock that files are stamped by has gone on.
        while (Root { path: at.clone() }).stamp() == known {
            fs::remove_file(&added).ok();
            fs::write(&added, "/usr/bin/new\n").unwrap();
        }
        assert!(matches!(next(), Told::Changing));
        let Told::Read { packages, .. } = next() else { panic!("it was not read") };
        assert_eq!(owner(&Root { path: at }, &packages, "/usr/bin/new"), named("b"));
        drop(lives);
        thread.join().unwrap();
    }

    #[test]
    fn a_host_without_a_database_has_no_stamp() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Root { path: folder.path().to_owned() }.stamp().is_empty());
        let other = Host { mnt_ns: 1, exe: b"/nowhere"[..].into(), file: None, witness: None };
        assert!(!is_here(&other));
    }
}
