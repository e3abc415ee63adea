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
    /// As they are now.
    Read(Box<Packages>),
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

fn watch(root: &Root, tell: &Sender<Told>, ends: &Receiver<()>) {
    let mut known = root.stamp();
    let mut changing: Option<Changing> = None;
    if tell.send(Told::Read(Box::new(root.read()))).is_err() {
        return;
    }
    while ends.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
        let (stamp, now) = (root.stamp(), Instant::now());
        match &mut changing {
            None if stamp == known => continue,
            None => {
                if tell.send(Told::Changing).is_err() {
                    return;
                }
                changing = Some(Changing { since: now, quiet_since: now, stamp });
                continue;
            }
            Some(before) if before.stamp != stamp => {
                (before.stamp, before.quiet_since) = (stamp, now);
            }
            Some(_) => {}
        }
        let due = |one: &mut Changing| now - one.quiet_since >= QUIET || now - one.since >= AT_LEAST;
        if let Some(over) = changing.take_if(due) {
            known = over.stamp;
            if tell.send(Told::Read(Box::new(root.read()))).is_err() {
                return;
            }
        }
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
        assert!(matches!(next(), Told::Read(packages) if packages.counts()[0] == 1));
        let (added, known) = (at.join("var/lib/dpkg/info/b.list"), Root { path: at.clone() }.stamp());
        // Until the clock that files are stamped by has gone on.
        while (Root { path: at.clone() }).stamp() == known {
            fs::remove_file(&added).ok();
            fs::write(&added, "/usr/bin/new\n").unwrap();
        }
        assert!(matches!(next(), Told::Changing));
        let Told::Read(packages) = next() else { panic!("it was not read") };
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
