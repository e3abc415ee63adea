//! What is done to files, as real calls do it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, which may panic as tests do"
)]
#[path = "file/opened.rs"]
mod opened;
#[path = "file/trampoline.rs"]
mod trampoline;
mod watch;

use guardbee_bpf::{Options, ProgramState};
use guardbee_wire::{
    EventKind, FileAttribute, FileEvent, FileEventFlag, FileFlag, StringId, Wants, WatchKey, WatchRole,
};
use rustix::fs::{AtFlags, CWD, Dev, FileType, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags};
use std::{
    fmt::Write as _,
    fs::{self, File},
    os::fd::AsRawFd as _,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown, symlink},
    path::Path,
};
use watch::{Record, Watch, small, ways};

fn start(way: &Options, wants: &Wants, names: &[(WatchKey, u32)]) -> Watch {
    let mut watch = Watch::start(&Options { files: true, ..way.clone() });
    watch.kernel.want(wants, names).unwrap();
    watch
}

/// Likewise, with trampolines if this kernel takes them. A virtual machine's must: `GUARDBEE_TRAMPOLINE` says so.
fn start_best(wants: &Wants, names: &[(WatchKey, u32)]) -> Watch {
    let mut watch = Watch::start(&Options { files: true, ..small() });
    watch.kernel.want(wants, names).unwrap();
    if std::env::var_os("GUARDBEE_TRAMPOLINE").is_some() {
        let (_, left) = watch.kernel.told_by_trampolines();
        // Debian's 5.10 calls a part of vfs_rmdir that its compiler has split off.
        let known: &[&str] = if release().starts_with("5.10.") { &["rmdir"] } else { &[] };
        assert_eq!(left, known, "the kernel takes no trampolines for these");
    }
    watch
}

fn release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// What one event says, as people would.
fn told(record: &Record) -> String {
    let event: FileEvent = record.fixed();
    let text = |id| record.text::<FileEvent>(id);
    let mut out = format!("{:?}", record.kind());
    for (name, id) in [
        ("path", StringId::Path),
        ("in", StringId::Folder),
        ("from", StringId::Source),
        ("from in", StringId::SourceFolder),
        ("given", StringId::Given),
    ] {
        if record.string::<FileEvent>(id).is_some() {
            write!(out, " {name} {}", text(id)).unwrap();
        }
    }
    // Access mode, O_CREAT, O_EXCL, O_TRUNC.
    if event.open_flags & 0o1303 != 0 {
        write!(out, " open {:o}", event.open_flags & 0o1303).unwrap();
    }
    if event.mode != 0 {
        write!(out, " mode {:o}", event.mode).unwrap();
    }
    if event.device != 0 {
        write!(out, " device {:x}", event.device).unwrap();
    }
    if event.attribute == FileAttribute::Owner as u8 {
        let [user, group] = [event.uid, event.gid].map(u32::cast_signed);
        write!(out, " owner {user} {group}").unwrap();
    }
    if event.attribute != FileAttribute::None as u8 {
        write!(out, " attribute {}", event.attribute).unwrap();
    }
    if event.error != 0 {
        write!(out, " error {}", event.error).unwrap();
    }
    out
}

/// Our own events below `folder`, without its name.
fn below(watch: &Watch, folder: &Path) -> Vec<String> {
    let ours = |record: &&Record| {
        EventKind::FILES.contains(&record.kind()) && record.header().tgid == std::process::id()
    };
    let folder = folder.to_str().unwrap();
    watch
        .records()
        .iter()
        .filter(ours)
        .map(told)
        .filter(|line| line.contains(folder))
        .map(|line| line.replace(folder, "~"))
        .collect()
}

const THEN: Timestamps = {
    let then = Timespec { tv_sec: 1, tv_nsec: 0 };
    Timestamps { last_access: then, last_modification: then }
};

/// An access control list: its version, then tag, permissions and id of owner, a user, group, mask and others.
const LIST: &[u8] = &[
    2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 1, 0, 0, 0, 4, 0, 4, 0, 255, 255, 255, 255, 16,
    0, 4, 0, 255, 255, 255, 255, 32, 0, 4, 0, 255, 255, 255, 255,
];

/// Every call that has a program, by name, by folder, by descriptor.
fn everything(folder: &Path) {
    // 5.10 takes away what it says before a trampoline sees the mode.
    rustix::process::umask(Mode::empty());
    let at = |name: &str| folder.join(name);
    let handle = rustix::fs::open(folder, OFlags::DIRECTORY | OFlags::RDONLY, Mode::empty()).unwrap();
    drop(File::create(at("made")).unwrap());
    drop(File::options().append(true).open(at("made")).unwrap());
    drop(File::open(at("made")).unwrap());
    drop(rustix::fs::openat(&handle, "made", OFlags::RDONLY | OFlags::TRUNC, Mode::empty()).unwrap());
    truncate(&at("made"));
    fs::rename(at("made"), at("renamed")).unwrap();
    rustix::fs::renameat(&handle, "renamed", &handle, "again").unwrap();
    fs::hard_link(at("again"), at("linked")).unwrap();
    symlink("../target", at("symbolic")).unwrap();
    rustix::fs::symlinkat("text", &handle, "symbolic-at").unwrap();
    fs::set_permissions(at("again"), fs::Permissions::from_mode(0o4755)).unwrap();
    let file = File::open(at("again")).unwrap();
    rustix::fs::fchmod(&file, Mode::from_raw_mode(0o600)).unwrap();
    rustix::fs::chownat(CWD, at("again"), None, None, AtFlags::empty()).unwrap();
    rustix::fs::fchown(&file, Some(Uid::from_raw(1)), None).unwrap();
    lchown(at("symbolic"), None, Some(2)).unwrap();
    rustix::fs::fsetxattr(&file, "trusted.guardbee", b"x", XattrFlags::empty()).unwrap();
    rustix::fs::setxattr(at("again"), "trusted.again", b"x", XattrFlags::empty()).unwrap();
    rustix::fs::fremovexattr(&file, "trusted.again").unwrap();
    rustix::fs::removexattr(at("again"), "trusted.guardbee").unwrap();
    rustix::fs::setxattr(at("again"), "system.posix_acl_access", LIST, XattrFlags::empty()).unwrap();
    rustix::fs::fsetxattr(&file, "system.posix_acl_access", LIST, XattrFlags::empty()).unwrap();
    rustix::fs::removexattr(at("again"), "system.posix_acl_access").unwrap();
    rustix::fs::removexattr(at("again"), "trusted.none").unwrap_err();
    rustix::fs::futimens(&file, &THEN).unwrap();
    rustix::fs::utimensat(&handle, "symbolic", &THEN, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    fs::create_dir(at("folder")).unwrap();
    rustix::fs::mknodat(&handle, "fifo", FileType::Fifo, Mode::from_raw_mode(0o640), Dev::default()).unwrap();
    rustix::fs::mknodat(&handle, "plain", FileType::RegularFile, Mode::from_raw_mode(0o600), Dev::default())
        .unwrap();
    let disk = rustix::fs::makedev(8, 1);
    rustix::fs::mknodat(&handle, "disk", FileType::BlockDevice, Mode::from_raw_mode(0o600), disk).unwrap();
    fs::remove_dir(at("folder")).unwrap();
    rustix::fs::unlinkat(&handle, "fifo", AtFlags::empty()).unwrap();
    fs::remove_file(at("linked")).unwrap();
}

#[allow(unsafe_code, reason = "truncate by name has no safe face in std or rustix")]
fn truncate(path: &Path) {
    let path = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: a valid name.
    assert_eq!(unsafe { libc::truncate(path.as_ptr(), 7) }, 0);
}

const EVERYTHING: &[&str] = &[
    "FolderOpen path ~",
    "FileCreate path ~/made open 1101",
    "FileModify path ~/made open 1",
    "FileOpen path ~/made",
    "FileModify path ~/made open 1000",
    "FileModify path ~/made",
    "FileRename path ~/renamed from ~/made",
    "FileRename path again in ~ from renamed from in ~",
    "FileLink path ~/linked from ~/again",
    "FileSymlink path ~/symbolic from ../target",
    "FileSymlink path symbolic-at in ~ from text",
    "FileAttribute path ~/again mode 4755 attribute 1",
    "FileOpen path ~/again",
    "FileAttribute in ~/again mode 600 attribute 1",
    "FileAttribute path ~/again owner -1 -1 attribute 2",
    "FileAttribute in ~/again owner 1 -1 attribute 2",
    "FileAttribute path ~/symbolic owner -1 2 attribute 2",
    "FileAttribute in ~/again attribute 3",
    "FileAttribute path ~/again attribute 3",
    "FileAttribute in ~/again attribute 3",
    "FileAttribute path ~/again attribute 3",
    "FileAttribute path ~/again attribute 3",
    "FileAttribute in ~/again attribute 3",
    "FileAttribute path ~/again attribute 3",
    "FileAttribute in ~/again attribute 4",
    "FileAttribute path symbolic in ~ attribute 4",
    "FolderCreate path ~/folder mode 777",
    "FileNode path fifo in ~ mode 10640",
    "FileNode path plain in ~ mode 100600",
    "FileNode path disk in ~ mode 60600 device 801",
    "FolderDelete path ~/folder",
    "FileDelete path fifo in ~",
    "FileDelete path ~/linked",
];

#[test]
fn every_call_is_one_event_with_its_path_by_every_way() {
    for way in ways() {
        let folder = tempfile::tempdir().unwrap();
        let watch = start(&way, &Wants::ALL, &[]);
        everything(folder.path());
        assert_eq!(below(&watch, folder.path()), EVERYTHING, "{:?} {:?}", way.hooks, way.dispatch);
    }
}

#[test]
fn what_was_opened_is_told_by_its_inode_whatever_it_was_called() {
    let watch = start_best(&Wants::ALL, &[]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("real");
    fs::write(&path, "x").unwrap();
    symlink("real", folder.path().join("alias")).unwrap();
    let through = Path::new("/proc/self/root").join(folder.path().strip_prefix("/").unwrap()).join("alias");
    drop(File::open(through).unwrap());
    let opened = watch.wait("open", |record| {
        record.kind() == EventKind::FileOpen
            && record.text::<FileEvent>(StringId::Path) == path.to_str().unwrap()
    });
    let event: FileEvent = opened.fixed();
    let right = fs::metadata(&path).unwrap();
    assert_eq!((event.file.inode, event.file.size_bytes, event.file.uid), (right.ino(), 1, 0));
    assert_eq!(event.flags & FileEventFlag::Named as u16, 0, "the kernel's own path");
    let kept = File::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    drop(File::open(format!("/proc/self/fd/{}", kept.as_raw_fd())).unwrap());
    watch.wait("open of the deleted", |record| {
        record.kind() == EventKind::FileOpen
            && record.fixed::<FileEvent>().file.inode == right.ino()
            && record.fixed::<FileEvent>().file.flags & FileFlag::Deleted as u16 != 0
    });
}

#[test]
fn names_folders_and_extensions_are_looked_for_in_the_kernel() {
    let bit = Wants::bit;
    let wants = Wants {
        named: bit(EventKind::FileOpen) | bit(EventKind::FileCreate),
        folders: bit(EventKind::FileCreate),
        extensions: bit(EventKind::FileCreate),
        ..Wants::default()
    };
    let names = [
        (WatchKey::new(WatchRole::Name, b"shadow"), bit(EventKind::FileOpen)),
        (WatchKey::new(WatchRole::Folder, b"x11"), bit(EventKind::FileCreate)),
        (WatchKey::new(WatchRole::Extension, b".service"), bit(EventKind::FileCreate)),
        (WatchKey::new(WatchRole::Name, "n".repeat(60).as_bytes()), bit(EventKind::FileOpen)),
    ];
    let watches = ways().into_iter().map(|way| start(&way, &wants, &names));
    for watch in watches.chain([start_best(&wants, &names)]) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("X11/deep")).unwrap();
        let long = "N".repeat(60);
        for name in ["shadow", "shadowy", "X11/deep/file", "a.Service", "a.services", &long, &"n".repeat(61)]
        {
            fs::write(at(name), "").unwrap();
            drop(File::open(at(name)).unwrap());
        }
        let right = [
            "FileOpen path ~/shadow",
            "FileCreate path ~/X11/deep/file open 1101",
            "FileCreate path ~/a.Service open 1101",
        ];
        let right = right.map(str::to_owned).into_iter().chain([format!("FileOpen path ~/{long}")]);
        let seen = below(&watch, folder.path());
        assert_eq!(
            seen,
            right.collect::<Vec<_>>(),
            "{:?} {:?}",
            watch.kernel.hooks(),
            watch.kernel.trampoline()
        );
    }
}

#[test]
fn what_nobody_wants_is_not_attached() {
    for way in [&ways()[0], &ways()[ways().len() - 1]] {
        unwanted(way);
    }
}

fn unwanted(way: &Options) {
    let only = Wants { all: Wants::bit(EventKind::FileDelete), attributes: u32::MAX, ..Wants::default() };
    let mut watch = start(way, &only, &[]);
    let state = |watch: &Watch, name| {
        watch.kernel.programs().iter().find(|program| program.name == name).unwrap().state
    };
    assert_eq!(state(&watch, "file_delete"), ProgramState::Silent);
    assert_eq!(state(&watch, "file_open"), ProgramState::Unused);
    let folder = tempfile::tempdir().unwrap();
    everything(folder.path());
    assert_eq!(below(&watch, folder.path()), ["FileDelete path fifo in ~", "FileDelete path ~/linked"]);
    let folder = tempfile::tempdir().unwrap();
    watch.kernel.want(&Wants::ALL, &[]).unwrap();
    assert_eq!(state(&watch, "file_open"), ProgramState::Silent);
    everything(folder.path());
    assert_eq!(below(&watch, folder.path()), EVERYTHING);
    watch.kernel.want(&Wants::default(), &[]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    everything(folder.path());
    assert!(below(&watch, folder.path()).is_empty());
}
