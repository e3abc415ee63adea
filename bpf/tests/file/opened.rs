//! Folders that are opened, opens that fail, and the names that opens are given.
use super::{below, start, start_best, watch::ways};
use guardbee_wire::{EventKind, Wants, WatchKey, WatchRole};
use rustix::fs::{CWD, Mode, OFlags};
use std::{fs, path::Path};

/// Opens in all ways, few of which succeed.
fn opens(folder: &Path) {
    let at = |name: &str| folder.join(name);
    let open = |name: &Path, flags| rustix::fs::open(name, flags, Mode::RUSR);
    fs::create_dir(at("inner")).unwrap();
    fs::write(at("file"), "x").unwrap();
    let handle = open(folder, OFlags::DIRECTORY).unwrap();
    drop(rustix::fs::openat(&handle, "./inner", OFlags::RDONLY, Mode::empty()).unwrap());
    open(&at("missing"), OFlags::RDONLY).unwrap_err();
    rustix::fs::openat(&handle, "inner/../none", OFlags::RDWR, Mode::empty()).unwrap_err();
    open(&at("file"), OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY).unwrap_err();
    open(&at("file/below"), OFlags::RDONLY).unwrap_err();
    open(&at("inner"), OFlags::WRONLY).unwrap_err();
    // Neither of these has looked for a file.
    open(&at(&"n/".repeat(4096)), OFlags::RDONLY).unwrap_err();
    // A descriptor that neither reads nor lists.
    drop(open(&at("inner"), OFlags::PATH).unwrap());
    drop(rustix::fs::openat(CWD, at("inner/../file"), OFlags::RDONLY, Mode::empty()).unwrap());
}

#[test]
fn folders_and_what_is_not_there_are_told() {
    let kinds = [EventKind::FolderOpen, EventKind::FileOpenFailed].map(Wants::bit);
    let wants = Wants { all: kinds[0] | kinds[1], errors: u32::MAX, ..Wants::default() };
    let watches = ways().into_iter().map(|way| start(&way, &wants, &[]));
    for watch in watches.chain([start_best(&wants, &[])]) {
        let folder = tempfile::tempdir().unwrap();
        opens(folder.path());
        let right = [
            "FolderOpen path ~",
            "FolderOpen path ~/inner",
            "FileOpenFailed path ~/missing error 2",
            "FileOpenFailed path inner/../none in ~ open 2 error 2",
            "FileOpenFailed path ~/file open 301 error 17",
            "FileOpenFailed path ~/file/below error 20",
            "FileOpenFailed path ~/inner open 1 error 21",
        ];
        let seen = below(&watch, folder.path());
        assert_eq!(seen, right, "{:?} {:?}", watch.kernel.hooks(), watch.kernel.trampoline());
    }
}

#[test]
fn only_errors_that_are_wanted_are_told() {
    let wants = Wants {
        all: Wants::bit(EventKind::FileOpenFailed),
        errors: Wants::error(17) | Wants::error(20) | Wants::error(40),
        ..Wants::default()
    };
    let watches = ways().into_iter().map(|way| start(&way, &wants, &[]));
    for watch in watches.chain([start_best(&wants, &[])]) {
        let folder = tempfile::tempdir().unwrap();
        opens(folder.path());
        let round = folder.path().join("round");
        std::os::unix::fs::symlink("round", &round).unwrap();
        fs::File::open(&round).unwrap_err();
        let right = [
            "FileOpenFailed path ~/file open 301 error 17",
            "FileOpenFailed path ~/file/below error 20",
            "FileOpenFailed path ~/round error 40",
        ];
        let seen = below(&watch, folder.path());
        assert_eq!(seen, right, "{:?} {:?}", watch.kernel.hooks(), watch.kernel.trampoline());
    }
}

#[test]
fn names_that_were_given_are_told_where_they_are_wanted() {
    let bit = Wants::bit(EventKind::FileOpen);
    let wants = Wants { all: bit | Wants::bit(EventKind::FileCreate), given: bit, ..Wants::default() };
    let watches = ways().into_iter().map(|way| start(&way, &wants, &[]));
    for watch in watches.chain([start_best(&wants, &[])]) {
        let folder = tempfile::tempdir().unwrap();
        opens(folder.path());
        let seen = below(&watch, folder.path());
        let right = ["FileCreate path ~/file open 1101", "FileOpen path ~/file given ~/inner/../file"];
        assert_eq!(seen, right, "{:?} {:?}", watch.kernel.hooks(), watch.kernel.trampoline());
    }
}

#[test]
fn names_that_climb_are_told_where_only_they_are_wanted() {
    let [open, failed, folders] =
        [EventKind::FileOpen, EventKind::FileOpenFailed, EventKind::FolderOpen].map(Wants::bit);
    let wants = Wants {
        named: open | failed,
        given: open | Wants::climbing(folders),
        errors: u32::MAX,
        ..Wants::default()
    };
    let names = [(WatchKey::new(WatchRole::Name, b"passwd"), Wants::climbing(open | failed))];
    let watches = ways().into_iter().map(|way| start(&way, &wants, &names));
    for watch in watches.chain([start_best(&wants, &names)]) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("inner")).unwrap();
        fs::write(at("passwd"), "x").unwrap();
        fs::write(at("other"), "x").unwrap();
        let handle = rustix::fs::open(at("inner"), OFlags::DIRECTORY, Mode::empty()).unwrap();
        let long = format!("inner/../{}passwd", "./".repeat(128));
        for name in ["passwd", "./passwd", "inner/../passwd", "inner/../other", "inner/..", &long] {
            drop(rustix::fs::open(at(name), OFlags::RDONLY, Mode::empty()).unwrap());
        }
        drop(rustix::fs::openat(&handle, "../passwd", OFlags::RDONLY, Mode::empty()).unwrap());
        for name in ["none/passwd", "none/../passwd", "none/../other"] {
            rustix::fs::open(at(name), OFlags::RDONLY, Mode::empty()).unwrap_err();
        }
        let right = [
            "FileOpen path ~/passwd given ~/inner/../passwd",
            "FolderOpen path ~ given ~/inner/..",
            &format!("FileOpen path ~/passwd given ~/{long}"),
            "FileOpen path ~/passwd given ../passwd",
            "FileOpenFailed path ~/none/../passwd error 2",
        ];
        let seen = below(&watch, folder.path());
        assert_eq!(seen, right, "{:?} {:?}", watch.kernel.hooks(), watch.kernel.trampoline());
    }
}

#[test]
fn names_that_are_not_there_are_looked_for_in_the_kernel() {
    let bit = Wants::bit(EventKind::FileOpenFailed);
    let wants = Wants { named: bit, folders: bit, extensions: bit, errors: u32::MAX, ..Wants::default() };
    let names = [
        (WatchKey::new(WatchRole::Name, b"shadow"), bit),
        (WatchKey::new(WatchRole::Folder, b"x11"), bit),
        (WatchKey::new(WatchRole::Extension, b".service"), bit),
    ];
    let watches = ways().into_iter().map(|way| start(&way, &wants, &names));
    for watch in watches.chain([start_best(&wants, &names)]) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("X11")).unwrap();
        let handle = rustix::fs::open(at("X11"), OFlags::DIRECTORY, Mode::empty()).unwrap();
        let deep = format!("{}shadowless", "deep/".repeat(60));
        for name in
            ["shadow", "shadowy", "X11/../none", "../X12/none", "a.Service", "a.services", "Shadow/..", &deep]
        {
            rustix::fs::open(at(name), OFlags::RDONLY, Mode::empty()).unwrap_err();
        }
        rustix::fs::openat(&handle, "missing", OFlags::RDONLY, Mode::empty()).unwrap_err();
        let right = [
            "FileOpenFailed path ~/shadow error 2",
            "FileOpenFailed path ~/X11/../none error 2",
            "FileOpenFailed path ~/a.Service error 2",
            // Whose last component is another one, and who is too long to be looked through.
            "FileOpenFailed path ~/Shadow/.. error 2",
            &format!("FileOpenFailed path ~/{deep} error 2"),
            "FileOpenFailed path missing in ~/X11 error 2",
        ];
        let seen = below(&watch, folder.path());
        assert_eq!(seen, right, "{:?} {:?}", watch.kernel.hooks(), watch.kernel.trampoline());
    }
}
