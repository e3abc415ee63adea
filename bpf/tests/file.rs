//! What is done to files, as real calls do it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, which may panic as tests do"
)]
mod watch;

use guardbee_bpf::{HookList, Options, ProgramState};
use guardbee_wire::{
    EventKind, FileAttribute, FileEvent, FileEventFlag, FileFlag, FileWants, StringId, WatchKey, WatchRole,
};
use rustix::fs::{AtFlags, CWD, Dev, FileType, Mode, OFlags, Timestamps, XattrFlags};
use std::{
    fmt::Write as _,
    fs::{self, File},
    os::fd::AsRawFd as _,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::Path,
    process::Command,
};
use watch::{Record, Watch, small, ways};

fn start(way: &Options, wants: &FileWants, names: &[(WatchKey, u32)]) -> Watch {
    let mut watch = Watch::start(&Options { files: true, ..way.clone() });
    watch.kernel.want_files(wants, names).unwrap();
    watch
}

/// Likewise, with a trampoline if this kernel takes one. A virtual machine's must: `GUARDBEE_TRAMPOLINE` says so.
fn start_best(wants: &FileWants, names: &[(WatchKey, u32)]) -> Watch {
    let mut watch = Watch::start(&Options { files: true, ..small() });
    watch.kernel.want_files(wants, names).unwrap();
    if std::env::var_os("GUARDBEE_TRAMPOLINE").is_some() {
        let refused: Vec<_> =
            GROUPS.into_iter().filter(|name| !watch.kernel.told_by_trampoline(name)).collect();
        // Debian's 5.10 calls a part of vfs_rmdir that its compiler has split off.
        let known: &[&str] = if release().starts_with("5.10.") { &["file_delete"] } else { &[] };
        assert_eq!(refused, known, "the kernel takes no trampolines for these");
    }
    watch
}

fn release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// Programs of calls whose work trampolines do.
const GROUPS: [&str; 6] =
    ["file_open", "file_rename", "file_link", "file_symlink", "file_delete", "file_make"];

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
    if event.attribute != FileAttribute::None as u8 {
        write!(out, " attribute {}", event.attribute).unwrap();
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

/// The same with whole paths, whoever knew what the name is relative to: `path a in ~/b` is `path ~/b/a`.
fn whole(line: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut words = line.split(' ').peekable();
    while let Some(word) = words.next() {
        let is_source = word == "from" && words.next_if_eq(&"in").is_some();
        if word != "in" && !is_source {
            out.push(word.to_owned());
            continue;
        }
        let folder = words.next().unwrap();
        // By descriptor there is no name.
        let named = out.len() > 2;
        let name = if named { format!("/{}", out.pop().unwrap()) } else { String::new() };
        out.extend((!named).then(|| "path".to_owned()));
        out.push(format!("{folder}{name}"));
    }
    out.join(" ")
}

fn whole_all(lines: &[impl AsRef<str>]) -> Vec<String> {
    lines.iter().map(|line| whole(line.as_ref())).collect()
}

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
    nix_truncate(&at("made"));
    fs::rename(at("made"), at("renamed")).unwrap();
    rustix::fs::renameat(&handle, "renamed", &handle, "again").unwrap();
    fs::hard_link(at("again"), at("linked")).unwrap();
    symlink("../target", at("symbolic")).unwrap();
    rustix::fs::symlinkat("text", &handle, "symbolic-at").unwrap();
    fs::set_permissions(at("again"), fs::Permissions::from_mode(0o4755)).unwrap();
    let file = File::open(at("again")).unwrap();
    rustix::fs::fchmod(&file, Mode::from_raw_mode(0o600)).unwrap();
    rustix::fs::chownat(CWD, at("again"), None, None, AtFlags::empty()).unwrap();
    rustix::fs::fsetxattr(&file, "trusted.guardbee", b"x", XattrFlags::empty()).unwrap();
    let now = rustix::fs::Timespec { tv_sec: 1, tv_nsec: 0 };
    rustix::fs::futimens(&file, &Timestamps { last_access: now, last_modification: now }).unwrap();
    fs::create_dir(at("folder")).unwrap();
    rustix::fs::mknodat(&handle, "fifo", FileType::Fifo, Mode::from_raw_mode(0o640), Dev::default()).unwrap();
    rustix::fs::mknodat(&handle, "plain", FileType::RegularFile, Mode::from_raw_mode(0o600), Dev::default())
        .unwrap();
    fs::remove_dir(at("folder")).unwrap();
    rustix::fs::unlinkat(&handle, "fifo", AtFlags::empty()).unwrap();
    fs::remove_file(at("linked")).unwrap();
}

#[allow(unsafe_code, reason = "truncate by name has no safe face in std or rustix")]
fn nix_truncate(path: &Path) {
    let path = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: a valid name.
    assert_eq!(unsafe { libc::truncate(path.as_ptr(), 7) }, 0);
}

const EVERYTHING: &[&str] = &[
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
    "FileAttribute path ~/again attribute 2",
    "FileAttribute in ~/again attribute 3",
    "FileAttribute in ~/again attribute 4",
    "FolderCreate path ~/folder mode 777",
    "FileNode path fifo in ~ mode 10640",
    "FileNode path plain in ~ mode 100600",
    "FolderDelete path ~/folder",
    "FileDelete path fifo in ~",
    "FileDelete path ~/linked",
];

#[test]
fn every_call_is_one_event_with_its_path_by_every_way() {
    for way in ways() {
        let folder = tempfile::tempdir().unwrap();
        let watch = start(&way, &FileWants::ALL, &[]);
        everything(folder.path());
        assert_eq!(below(&watch, folder.path()), EVERYTHING, "{:?} {:?}", way.hooks, way.dispatch);
    }
}

/// Where the kernel takes no trampoline the calls' tracepoints must do all of it.
#[test]
fn a_trampoline_gives_the_same_events_as_the_calls() {
    let folder = tempfile::tempdir().unwrap();
    let watch = start_best(&FileWants::ALL, &[]);
    everything(folder.path());
    // An exec is no opening, by whatever function the kernel opens the file.
    let program = folder.path().join("program");
    fs::copy("/bin/true", &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    Command::new(&program).status().unwrap();
    let seen = below(&watch, folder.path());
    let copied = ["FileCreate path ~/program open 1101", "FileAttribute in ~/program mode 755 attribute 1"];
    let last = "FileAttribute path ~/program mode 755 attribute 1";
    let right: Vec<_> = EVERYTHING.iter().copied().chain(copied).chain([last]).collect();
    assert_eq!(whole_all(&seen), whole_all(&right));
    let hook = |record: &Record| record.header().hook;
    let opened = watch.wait("an open", |record| {
        record.kind() == EventKind::FileCreate && record.header().tgid == std::process::id()
    });
    assert_eq!(hook(&opened) == HookList::Trampoline as u8, watch.kernel.trampoline().is_some());
}

/// If it can't be attached, nothing may be left to it.
#[test]
fn without_trampolines_the_calls_tell_all() {
    // One of them is enough.
    for part in ["file_opened", "_before", "_after"] {
        let folder = tempfile::tempdir().unwrap();
        let mut watch =
            Watch::attached(&Options { files: true, ..small() }, |program, _| !program.name.ends_with(part));
        watch.kernel.want_files(&FileWants::ALL, &[]).unwrap();
        everything(folder.path());
        assert_eq!(whole_all(&below(&watch, folder.path())), whole_all(EVERYTHING), "without {part}");
    }
}

/// `int 0x80`: what a 32-bit program calls.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "a system call that no library makes")]
fn call_as_32_bit(number: i32, names: &[&Path]) -> i64 {
    const ROOM: usize = 2048;
    // SAFETY: a page of our own below 4 GiB that is big enough; the call changes eax alone, and r8 to r11 on older kernels.
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT;
        let page = libc::mmap(std::ptr::null_mut(), 4096, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
        assert_ne!(page, libc::MAP_FAILED);
        for (at, name) in names.iter().enumerate() {
            let bytes = name.as_os_str().as_encoded_bytes();
            assert!(bytes.len() < ROOM && at < 2);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), page.cast::<u8>().add(at * ROOM), bytes.len());
        }
        let second = if names.len() > 1 { page as usize + ROOM } else { 0 };
        let mut result = number;
        std::arch::asm!(
            "xchg rbx, {name}",
            "int 0x80",
            "xchg rbx, {name}",
            name = inout(reg) page => _,
            inout("eax") result,
            in("ecx") u32::try_from(second).unwrap(),
            in("edx") 0,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
        libc::munmap(page, 4096);
        i64::from(result)
    }
}

/// No tracepoint of a call tells this, the functions that do it do.
#[cfg(target_arch = "x86_64")]
#[test]
fn what_32_bit_calls_do_to_files_is_told() {
    const OPEN: i32 = 5;
    const UNLINK: i32 = 10;
    const RENAME: i32 = 38;
    const MKDIR: i32 = 39;
    let folder = tempfile::tempdir().unwrap();
    let [secret, other, made] = ["secret", "other", "made"].map(|name| folder.path().join(name));
    fs::write(&secret, "x").unwrap();
    let watch = start_best(&FileWants::ALL, &[]);
    let calls: [(i32, &[&Path]); 4] =
        [(OPEN, &[&secret]), (RENAME, &[&secret, &other]), (UNLINK, &[&other]), (MKDIR, &[&made])];
    for (number, names) in calls {
        let result = call_as_32_bit(number, names);
        if result == -i64::from(libc::ENOSYS) {
            assert!(watch.kernel.trampoline().is_none(), "a kernel without 32-bit calls can't show this");
            return;
        }
        assert!(
            result >= 0,
            "{number}: {}",
            std::io::Error::from_raw_os_error(i32::try_from(-result).unwrap())
        );
    }
    let seen = whole_all(&below(&watch, folder.path()));
    let right: Vec<_> = [
        ("file_open", "FileOpen path ~/secret"),
        ("file_rename", "FileRename path ~/other from ~/secret"),
        ("file_delete", "FileDelete path ~/other"),
        ("file_make", "FolderCreate path ~/made"),
    ]
    .into_iter()
    .filter(|(program, _)| watch.kernel.told_by_trampoline(program))
    .map(|(_, line)| line)
    .collect();
    assert_eq!(seen, right);
}

/// Runs a test among mounts of its own, which are gone with it.
#[allow(unsafe_code, reason = "unshare has no safe face")]
fn in_own_mounts(test: fn()) {
    use rustix::mount::{MountPropagationFlags as Flags, mount_change};
    let run = move || {
        // SAFETY: of this thread alone, which shares nothing else that this changes.
        assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNS) }, 0);
        mount_change("/", Flags::PRIVATE | Flags::REC).unwrap();
        test();
    };
    std::thread::spawn(run).join().unwrap();
}

#[test]
fn names_in_overlays_in_bind_mounts_and_without_a_folder_are_told_the_same() {
    in_own_mounts(|| {
        let ways = ways().into_iter().map(|way| start(&way, &FileWants::ALL, &[]));
        let seen: Vec<_> =
            ways.chain([start_best(&FileWants::ALL, &[])]).map(|watch| among_mounts(&watch)).collect();
        let right = [
            // What the overlay does in the file system below it is its own affair.
            "FileRename path ~/overlay/renamed from ~/overlay/lower",
            "FileLink path ~/overlay/linked from ~/overlay/renamed",
            "FileSymlink path ~/overlay/symbolic from text",
            "FolderCreate path ~/overlay/folder mode 700",
            "FileDelete path ~/overlay/below",
            "FolderDelete path ~/overlay/folder",
            "FileRename path ~/bound/again from ~/bound/file",
            "FolderCreate path ~/bound/made mode 700",
            "FileRename path ~/bound/made/again from ~/bound/again",
            "FileDelete path ~/bound/made/again",
        ];
        for seen in seen {
            assert_eq!(seen, right);
        }
    });
}

/// Changes names in a fresh overlay, and in a bind mount by names that are relative.
fn among_mounts(watch: &Watch) -> Vec<String> {
    use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, unmount};
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // What is made here is told too, and left out: by where it is.
    for name in ["overlay", "bound"] {
        fs::create_dir(at(name)).unwrap();
    }
    let stage = tempfile::tempdir().unwrap();
    let behind = |name: &str| stage.path().join(name);
    mount("stage", stage.path(), "tmpfs", MountFlags::empty(), None).unwrap();
    for name in ["lower", "upper", "work", "source"] {
        fs::create_dir(behind(name)).unwrap();
    }
    for name in ["lower/lower", "lower/below", "source/file"] {
        fs::write(behind(name), "x").unwrap();
    }
    let layers = ["lower", "upper", "work"].map(|name| format!("{name}dir={}", behind(name).display()));
    let layers = std::ffi::CString::new(layers.join(",")).unwrap();
    mount("overlay", at("overlay"), "overlay", MountFlags::empty(), &*layers).unwrap();
    mount_bind(behind("source"), at("bound")).unwrap();
    let before = below(watch, folder.path()).len();

    fs::rename(at("overlay/lower"), at("overlay/renamed")).unwrap();
    fs::hard_link(at("overlay/renamed"), at("overlay/linked")).unwrap();
    symlink("text", at("overlay/symbolic")).unwrap();
    rustix::fs::mkdir(at("overlay/folder"), Mode::RWXU).unwrap();
    fs::remove_file(at("overlay/below")).unwrap();
    fs::remove_dir(at("overlay/folder")).unwrap();
    // Of this thread alone: its working directory was unshared with its mounts.
    rustix::process::chdir(at("bound")).unwrap();
    fs::rename("file", "./again").unwrap();
    rustix::fs::mkdir("made", Mode::RWXU).unwrap();
    fs::rename("again", "made/../made/again").unwrap();
    fs::remove_file("made/again").unwrap();
    rustix::process::chdir("/").unwrap();

    let seen = below(watch, folder.path()).split_off(before);
    for name in ["overlay", "bound"] {
        unmount(at(name), UnmountFlags::DETACH).unwrap();
    }
    unmount(stage.path(), UnmountFlags::DETACH).unwrap();
    whole_all(&seen).iter().map(|line| plain(line)).collect()
}

/// The last of `a/../` undone: by the text, as the sensor does with names that a call was given.
fn plain(line: &str) -> String {
    line.replace("/./", "/").replace("made/../", "")
}

#[test]
fn what_was_opened_is_told_by_its_inode_whatever_it_was_called() {
    let watch = start_best(&FileWants::ALL, &[]);
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
    let bit = FileWants::bit;
    let wants = FileWants {
        named: bit(EventKind::FileOpen) | bit(EventKind::FileCreate),
        folders: bit(EventKind::FileCreate),
        extensions: bit(EventKind::FileCreate),
        ..FileWants::default()
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
    let only = FileWants {
        all: FileWants::bit(EventKind::FileDelete),
        attributes: u32::MAX,
        ..FileWants::default()
    };
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
    watch.kernel.want_files(&FileWants::ALL, &[]).unwrap();
    assert_eq!(state(&watch, "file_open"), ProgramState::Silent);
    everything(folder.path());
    assert_eq!(below(&watch, folder.path()), EVERYTHING);
    watch.kernel.want_files(&FileWants::default(), &[]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    everything(folder.path());
    assert!(below(&watch, folder.path()).is_empty());
}

/// Submits one entry to a ring of its own and answers its result.
#[allow(unsafe_code, reason = "rings are memory shared with the kernel")]
fn submit(entry: [u64; 4]) -> i32 {
    const BYTES: usize = 4096;
    const ENTRIES: i64 = 0x1000_0000;
    let mut parameters = [0_u32; 30];
    // SAFETY: the kernel writes 120 bytes of parameters; both mappings have a page, which is more than a ring of one entry needs.
    unsafe {
        let fd = libc::syscall(libc::SYS_io_uring_setup, 1, parameters.as_mut_ptr());
        assert!(fd >= 0, "a ring: {}", std::io::Error::last_os_error());
        let [queue, entries] = [0, ENTRIES].map(|offset| {
            let (rights, null) = (libc::PROT_READ | libc::PROT_WRITE, std::ptr::null_mut());
            libc::mmap(null, BYTES, rights, libc::MAP_SHARED, i32::try_from(fd).unwrap(), offset)
        });
        assert!(queue != libc::MAP_FAILED && entries != libc::MAP_FAILED);
        // struct io_sqring_offsets begins at word 10 with head, tail; array is its sixth; io_cqring_offsets at 20, cqes its fifth.
        let [tail, array, results] = [11, 16, 25].map(|word: usize| parameters[word] as usize);
        entries.cast::<[u64; 4]>().write(entry);
        queue.cast::<u32>().add(array / 4).write(0);
        queue.cast::<u32>().add(tail / 4).write_volatile(1);
        assert_eq!(libc::syscall(libc::SYS_io_uring_enter, fd, 1, 1, 1, 0, 0), 1);
        let result = queue.cast::<i32>().add(results / 4 + 2).read_volatile();
        libc::munmap(entries, BYTES);
        libc::munmap(queue, BYTES);
        libc::close(i32::try_from(fd).unwrap());
        result
    }
}

/// Neither does any tracepoint of a call tell this.
#[test]
fn what_io_uring_does_to_names_is_told() {
    const HERE: u64 = libc::AT_FDCWD.cast_unsigned() as u64;
    // IORING_OP_RENAMEAT and those behind it.
    let [rename, unlink, mkdir, link_to, symlink_to] = [35, 36, 37, 39, 38];
    let folder = tempfile::tempdir().unwrap();
    let at = |name| std::ffi::CString::new(folder.path().join(name).to_str().unwrap()).unwrap();
    let [file, other, link, symbolic, made] = ["file", "other", "link", "symbolic", "made"].map(at);
    let place = |name: &std::ffi::CString| name.as_ptr() as u64;
    fs::write(folder.path().join("file"), "x").unwrap();
    let watch = start_best(&FileWants::ALL, &[]);
    let entries = [
        [rename, place(&other), place(&file), HERE],
        [link_to, place(&link), place(&other), HERE],
        [symlink_to, place(&symbolic), place(&file), 0],
        [unlink, 0, place(&other), 0],
        [mkdir, 0, place(&made), 0o700],
    ];
    for [operation, second, first, length] in entries {
        let result = submit([operation | HERE << 32, second, first, length]);
        if result == -libc::EINVAL {
            assert!(release().starts_with("5.10."), "rings that change no names");
            return;
        }
        assert_eq!(result, 0, "{operation}");
    }
    let right = [
        "FileRename path ~/other from ~/file",
        "FileLink path ~/link from ~/other",
        "FileSymlink path ~/symbolic from ~/file",
        "FileDelete path ~/other",
        "FolderCreate path ~/made mode 700",
    ];
    // A worker of the ring does it, at any time until the result is there.
    let right = if watch.kernel.trampoline().is_some() { &right[..] } else { &[] };
    assert_eq!(whole_all(&below(&watch, folder.path())), right);
}

/// The name lies where another thread can exchange it while the call is under way: the kernel has its own copy by then.
#[test]
fn a_name_that_is_exchanged_meanwhile_deceives_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let [victim, innocent] = ["victim", "honest"].map(|name| folder.path().join(name));
    fs::write(&victim, "x").unwrap();
    let watch = start_best(&FileWants::ALL, &[]);
    unlink_and_exchange(&victim, &innocent);
    assert!(!victim.exists());
    let deleted = watch.wait("the removal", |record| {
        record.kind() == EventKind::FileDelete && record.header().tgid == std::process::id()
    });
    let told = whole(&told(&deleted).replace(folder.path().to_str().unwrap(), "~"));
    // By the end of the call the caller's memory says what it likes.
    let by_trampoline = watch.kernel.told_by_trampoline("file_delete");
    let (right, named) = if by_trampoline {
        ("FileDelete path ~/victim", 0)
    } else {
        ("FileDelete path ~/honest", FileEventFlag::Named as u16)
    };
    let event: FileEvent = deleted.fixed();
    assert_eq!((told.as_str(), event.flags), (right, named));
    assert_eq!(event.file.size_bytes, u64::from(by_trampoline));
}

/// Removes the first by a name that is the second's when the call ends. What makes it wait in the kernel: it needs the inode's lock, which
/// a write holds while the page that it writes from is waited for, as userfaultfd has it.
#[allow(unsafe_code, reason = "userfaultfd has no safe face")]
fn unlink_and_exchange(victim: &Path, innocent: &Path) {
    const API: libc::c_ulong = 0xc018_aa3f;
    const REGISTER: libc::c_ulong = 0xc020_aa00;
    const ZEROPAGE: libc::c_ulong = 0xc020_aa04;
    const PAGE: usize = 4096;
    let bytes = |path: &Path| std::ffi::CString::new(path.to_str().unwrap()).unwrap().into_bytes_with_nul();
    let (name, other) = (bytes(victim), bytes(innocent));
    assert_eq!(name.len(), other.len(), "no moment in which it is neither");
    let file = File::options().write(true).open(victim).unwrap();
    // SAFETY: pages of our own, which live until both threads have ended; the kernel reads and writes what the structures say.
    unsafe {
        let (rights, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let map = || libc::mmap(std::ptr::null_mut(), PAGE, rights, flags, -1, 0);
        let (page, shared) = (map(), map());
        assert!(page != libc::MAP_FAILED && shared != libc::MAP_FAILED);
        shared.cast::<u8>().copy_from(name.as_ptr(), name.len());
        let faults = libc::syscall(libc::SYS_userfaultfd, libc::O_CLOEXEC);
        assert!(faults >= 0, "userfaultfd: {}", std::io::Error::last_os_error());
        let ask = |what, words: &mut [u64]| {
            let answer = libc::ioctl(i32::try_from(faults).unwrap(), what, words.as_mut_ptr());
            assert_eq!(answer, 0, "{}", std::io::Error::last_os_error());
        };
        ask(API, &mut [0xaa, 0, 0]);
        // Missing pages are waited for.
        ask(REGISTER, &mut [page as u64, PAGE as u64, 1, 0]);
        let (page, shared) = (page as usize, shared as usize);
        let writer = std::thread::spawn(move || {
            let written = libc::write(file.as_raw_fd(), page as *const libc::c_void, 8);
            assert_eq!(written, 8);
        });
        // Who waits for the page is in the middle of the write.
        let mut message = [0_u64; 4];
        assert_eq!(libc::read(i32::try_from(faults).unwrap(), message.as_mut_ptr().cast(), 32), 32);
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        let remover = std::thread::spawn(move || {
            tell.send(libc::syscall(libc::SYS_gettid)).unwrap();
            libc::syscall(libc::SYS_unlinkat, libc::AT_FDCWD, shared as *const libc::c_char, 0)
        });
        let now = format!("/proc/self/task/{}/syscall", told.recv().unwrap());
        let waits = format!("{} ", libc::SYS_unlinkat);
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        // Of a thread that runs it has no number.
        while !fs::read_to_string(&now).unwrap().starts_with(&waits) {
            assert!(std::time::Instant::now() < deadline, "the removal does not wait");
            std::thread::yield_now();
        }
        (shared as *mut u8).copy_from(other.as_ptr(), other.len());
        ask(ZEROPAGE, &mut [page as u64, PAGE as u64, 0, 0]);
        writer.join().unwrap();
        assert_eq!(remover.join().unwrap(), 0);
        libc::close(i32::try_from(faults).unwrap());
        libc::munmap(page as *mut libc::c_void, PAGE);
        libc::munmap(shared as *mut libc::c_void, PAGE);
    }
}
