//! Opening the things of a process: fixed names below `/proc/PID`, read-only, never a path from a request.
//!
//! A descriptor of `/proc/PID` is bound to the kernel's `struct pid`, not to the number: once that process is gone every
//! lookup below it fails with ESRCH, also when the number is given out again. So the start time is compared once, through
//! that descriptor, and what is opened through it afterwards is of that process or nothing.
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use guardbee_wire::Thing;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, open, openat, openat2};
use rustix::io::Errno;

use crate::request::Process;

/// Why there is no descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The process ended, or the number is another process's now.
    Gone,
    /// The kernel said so.
    Errno(Errno),
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::SRCH => Self::Gone,
            other => Self::Errno(other),
        }
    }
}

/// What was opened; `file` is (device, inode) of an executable.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) fd: OwnedFd,
    pub(crate) file: Option<(u64, u64)>,
}

/// Opens `thing` of `process`.
pub(crate) fn open_thing(process: Process, thing: Thing) -> Result<Opened, Failure> {
    let directory = directory(process)?;
    match thing {
        Thing::Cmdline => plain(&directory, "cmdline"),
        Thing::Cgroup => plain(&directory, "cgroup"),
        Thing::Maps => plain(&directory, "maps"),
        Thing::Status => plain(&directory, "status"),
        Thing::Mountinfo => plain(&directory, "mountinfo"),
        Thing::UidMap => plain(&directory, "uid_map"),
        Thing::Exe => {
            // A kernel thread has no executable: ENOENT from the link itself.
            let path = openat(&directory, "exe", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
            let (fd, file) = regular(&path)?;
            Ok(Opened { fd, file: Some(file) })
        }
        Thing::Passwd => {
            let root = openat(
                &directory,
                "root",
                OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
                Mode::empty(),
            )?;
            let flags = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
            let path = openat2(&root, "etc/passwd", OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), flags)?;
            let (fd, _) = regular(&path)?;
            Ok(Opened { fd, file: None })
        }
    }
}

/// `/proc/PID` of this very process.
fn directory(process: Process) -> Result<OwnedFd, Failure> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let directory = match open(format!("/proc/{}", process.tgid), flags, Mode::empty()) {
        Err(Errno::NOENT) => return Err(Failure::Gone),
        other => other?,
    };
    if start_ticks(&directory)? == ticks(process.start_ns) { Ok(directory) } else { Err(Failure::Gone) }
}

/// As the kernel's `nsec_to_clock_t` does it, whole ticks.
fn ticks(ns: u64) -> u64 {
    let tick_ns = 1_000_000_000 / rustix::param::clock_ticks_per_second().max(1);
    ns / tick_ns.max(1)
}

/// Field 22 of `stat`. The name in field 2 is the workload's; everything after its last `)` is the kernel's.
fn start_ticks(directory: &OwnedFd) -> Result<u64, Failure> {
    let stat = openat(directory, "stat", OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())?;
    let mut line = [0; 1024];
    let length = rustix::io::read(&stat, &mut line)?;
    line.get(..length).and_then(start_field).ok_or(Failure::Errno(Errno::PROTO))
}

fn start_field(line: &[u8]) -> Option<u64> {
    let name_end = line.iter().rposition(|byte| *byte == b')')?;
    let field = line.get(name_end..)?.split(|byte| *byte == b' ').nth(20)?;
    std::str::from_utf8(field).ok()?.parse().ok()
}

fn plain(directory: &OwnedFd, name: &str) -> Result<Opened, Failure> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    match openat(directory, name, flags, Mode::empty()) {
        // The process ended between the check and now: an entry of /proc/PID doesn't vanish otherwise.
        Err(Errno::NOENT) => Err(Failure::Gone),
        other => Ok(Opened { fd: other?, file: None }),
    }
}

/// Opens what `path` (an `O_PATH` descriptor) names, if it is a regular file. Looking first matters: opening a device
/// or a FIFO has effects.
fn regular(path: &OwnedFd) -> Result<(OwnedFd, (u64, u64)), Failure> {
    let stat = fstat(path)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Failure::Errno(Errno::INVAL));
    }
    Ok((reopen(path.as_fd())?, (stat.st_dev, stat.st_ino)))
}

/// The same file under a new description: own offset, read-only.
pub(crate) fn reopen(fd: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    use std::os::fd::AsRawFd;
    let link = format!("/proc/self/fd/{}", fd.as_raw_fd());
    openat(CWD, link, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK, Mode::empty())
}

/// Closes what whoever started us left open: the pipeline would inherit it.
pub(crate) fn close_inherited() -> io::Result<()> {
    // Collected first: an entry keeps the folder open, whose own number is among them.
    let numbers: Vec<i32> = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for number in numbers.into_iter().filter(|number| *number > 2) {
        nix::unistd::close(number).ok();
    }
    Ok(())
}

/// The long-term key: a regular file, opened while the loader still may.
pub(crate) fn open_key(path: &std::path::Path) -> io::Result<OwnedFd> {
    let link = open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    regular(&link).map(|(fd, _)| fd).map_err(|failure| match failure {
        Failure::Gone => Errno::NOENT.into(),
        Failure::Errno(errno) => errno.into(),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn own() -> Process {
        let tgid = std::process::id();
        let line = std::fs::read(format!("/proc/{tgid}/stat")).unwrap();
        let tick_ns = 1_000_000_000 / rustix::param::clock_ticks_per_second();
        Process { tgid, start_ns: start_field(&line).unwrap() * tick_ns + 7 }
    }

    fn text(thing: Thing) -> Vec<u8> {
        let mut bytes = Vec::new();
        std::fs::File::from(open_thing(own(), thing).unwrap().fd).read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn things_of_this_process_are_this_processs() {
        assert_eq!(text(Thing::Cgroup), std::fs::read("/proc/self/cgroup").unwrap());
        assert_eq!(text(Thing::Passwd), std::fs::read("/etc/passwd").unwrap());
        assert!(text(Thing::Status).starts_with(b"Name:"));
        let opened = open_thing(own(), Thing::Exe).unwrap();
        let exe = fstat(&opened.fd).unwrap();
        assert_eq!(opened.file, Some((exe.st_dev, exe.st_ino)));
    }

    #[test]
    fn another_start_time_is_another_process() {
        let later = Process { start_ns: own().start_ns + 10_000_000, ..own() };
        assert_eq!(open_thing(later, Thing::Cmdline).unwrap_err(), Failure::Gone);
        let none = Process { tgid: 0, start_ns: 0 };
        assert_eq!(open_thing(none, Thing::Cmdline).unwrap_err(), Failure::Gone);
    }

    #[test]
    fn descriptors_are_read_only() {
        let opened = open_thing(own(), Thing::Cmdline).unwrap();
        assert_eq!(rustix::io::write(&opened.fd, b"x"), Err(Errno::BADF));
    }

    #[test]
    fn a_name_full_of_fields_does_not_move_the_start() {
        let line = b"7 (a) 1 2 3 (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20 21";
        assert_eq!(start_field(line), Some(4242));
        assert_eq!(start_field(b"7 (a S 1"), None);
        assert_eq!(start_field(b""), None);
    }
}
