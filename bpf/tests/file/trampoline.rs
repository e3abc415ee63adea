//! What trampolines tell of files, beside what the ends of calls do.
use super::{
    EVERYTHING, Record, THEN, Watch, below, everything, release, start, start_best, told, truncate,
    watch::{ring::submit, small, ways},
};
use guardbee_bpf::{HookList, Options};
use guardbee_wire::{EventKind, FileEvent, FileEventFlag, Wants};
use rustix::fs::{AtFlags, CWD, Mode, XattrFlags};
use std::{
    fs::{self, File},
    os::fd::AsRawFd as _,
    os::unix::fs::{PermissionsExt as _, lchown, symlink},
    path::Path,
    process::Command,
};

/// Do trampolines tell it?
fn by_trampoline(watch: &Watch, what: &str) -> bool {
    watch.kernel.told_by_trampolines().0.contains(&what)
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

/// Where the kernel takes no trampoline the calls' tracepoints must do all of it.
#[test]
fn a_trampoline_gives_the_same_events_as_the_calls() {
    let folder = tempfile::tempdir().unwrap();
    let watch = start_best(&Wants::ALL, &[]);
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
    for part in ["file_opened", "_before", "_after", "_truncated", "file_attribute_"] {
        let folder = tempfile::tempdir().unwrap();
        let mut watch =
            Watch::attached(&Options { files: true, ..small() }, |program, _| !program.name.contains(part));
        watch.kernel.want(&Wants::ALL, &[]).unwrap();
        everything(folder.path());
        assert_eq!(whole_all(&below(&watch, folder.path())), whole_all(EVERYTHING), "without {part}");
    }
}

/// No tracepoint of a call tells this, the functions that do it do.
#[cfg(target_arch = "x86_64")]
#[test]
fn what_32_bit_calls_do_to_files_is_told() {
    use super::watch::low::{Low, call_32};
    const OPEN: i32 = 5;
    const UNLINK: i32 = 10;
    const CHMOD: i32 = 15;
    const LCHOWN: i32 = 16;
    const UTIME: i32 = 30;
    const RENAME: i32 = 38;
    const MKDIR: i32 = 39;
    const TRUNCATE: i32 = 92;
    const SETXATTR: i32 = 226;
    const REMOVEXATTR: i32 = 235;
    let folder = tempfile::tempdir().unwrap();
    let low = Low::new();
    let named = |at, name: &str| low.path(at, &folder.path().join(name));
    let [secret, other, made] =
        [(0, "secret"), (1024, "other"), (2048, "made")].map(|(at, name)| named(at, name));
    let attribute = low.path(3072, Path::new("trusted.guardbee"));
    fs::write(folder.path().join("secret"), "x").unwrap();
    let watch = start_best(&Wants::ALL, &[]);
    let calls = [
        (OPEN, [secret, 0, 0, 0], "open", "FileOpen path ~/secret"),
        (CHMOD, [secret, 0o4750, 0, 0], "chmod", "FileAttribute path ~/secret mode 4750 attribute 1"),
        // Ids of 16 bits.
        (LCHOWN, [secret, 1, 0xffff, 0], "chown", "FileAttribute path ~/secret owner 1 -1 attribute 2"),
        (UTIME, [secret, 0, 0, 0], "utimes", "FileAttribute path ~/secret attribute 4"),
        (SETXATTR, [secret, attribute, attribute, 4], "setxattr", "FileAttribute path ~/secret attribute 3"),
        (REMOVEXATTR, [secret, attribute, 0, 0], "setxattr", "FileAttribute path ~/secret attribute 3"),
        (TRUNCATE, [secret, 3, 0, 0], "truncate", "FileModify path ~/secret"),
        (RENAME, [secret, other, 0, 0], "rename", "FileRename path ~/other from ~/secret"),
        (UNLINK, [other, 0, 0, 0], "unlink", "FileDelete path ~/other"),
        (MKDIR, [made, 0, 0, 0], "mkdir and mknod", "FolderCreate path ~/made"),
    ];
    let mut right = Vec::new();
    for (number, arguments, what, line) in calls {
        let result = call_32(number, arguments);
        assert!(
            result >= 0,
            "{what}: {}",
            std::io::Error::from_raw_os_error(i32::try_from(-result).unwrap())
        );
        right.extend(by_trampoline(&watch, what).then_some(line));
    }
    assert_eq!(whole_all(&below(&watch, folder.path())), right);
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
fn files_in_overlays_in_bind_mounts_and_without_a_folder_are_told_the_same() {
    in_own_mounts(|| {
        let ways = ways().into_iter().map(|way| start(&way, &Wants::ALL, &[]));
        let seen: Vec<_> =
            ways.chain([start_best(&Wants::ALL, &[])]).map(|watch| among_mounts(&watch)).collect();
        let right = [
            // What the overlay does in the file system below it is its own affair.
            "FileAttribute path ~/overlay/kept mode 640 attribute 1",
            "FileAttribute path ~/overlay/kept owner 1 -1 attribute 2",
            "FileAttribute path ~/overlay/kept attribute 3",
            "FileAttribute path ~/overlay/kept attribute 3",
            "FileAttribute path ~/overlay/kept attribute 4",
            "FileModify path ~/overlay/kept",
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

/// Changes files in a fresh overlay, and in a bind mount by names that are relative.
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
    for name in ["lower/lower", "lower/below", "lower/kept", "source/file"] {
        fs::write(behind(name), "x").unwrap();
    }
    let layers = ["lower", "upper", "work"].map(|name| format!("{name}dir={}", behind(name).display()));
    let layers = std::ffi::CString::new(layers.join(",")).unwrap();
    mount("overlay", at("overlay"), "overlay", MountFlags::empty(), &*layers).unwrap();
    mount_bind(behind("source"), at("bound")).unwrap();
    let before = below(watch, folder.path()).len();

    // The first of these copies the file up.
    fs::set_permissions(at("overlay/kept"), fs::Permissions::from_mode(0o640)).unwrap();
    lchown(at("overlay/kept"), Some(1), None).unwrap();
    rustix::fs::setxattr(at("overlay/kept"), "trusted.guardbee", b"x", XattrFlags::empty()).unwrap();
    rustix::fs::removexattr(at("overlay/kept"), "trusted.guardbee").unwrap();
    rustix::fs::utimensat(CWD, at("overlay/kept"), &THEN, AtFlags::empty()).unwrap();
    truncate(&at("overlay/kept"));
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

/// Neither does any tracepoint of a call tell this.
#[test]
fn what_io_uring_does_to_files_is_told() {
    const HERE: u64 = libc::AT_FDCWD.cast_unsigned() as u64;
    // IORING_OP_RENAMEAT and those behind it.
    let [rename, unlink, mkdir, link_to, symlink_to] = [35, 36, 37, 39, 38];
    let folder = tempfile::tempdir().unwrap();
    let at = |name| std::ffi::CString::new(folder.path().join(name).to_str().unwrap()).unwrap();
    let [file, other, link, symbolic, made] = ["file", "other", "link", "symbolic", "made"].map(at);
    let place = |name: &std::ffi::CString| name.as_ptr() as u64;
    fs::write(folder.path().join("file"), "x").unwrap();
    let watch = start_best(&Wants::ALL, &[]);
    let entries = [
        [rename, place(&other), place(&file), HERE],
        [link_to, place(&link), place(&other), HERE],
        [symlink_to, place(&symbolic), place(&file), 0],
        [unlink, 0, place(&other), 0],
        [mkdir, 0, place(&made), 0o700],
    ];
    for [operation, second, first, length] in entries {
        let result = submit([operation | HERE << 32, second, first, length, 0, 0, 0, 0]);
        if result == -libc::EINVAL {
            assert!(release().starts_with("5.10."), "rings that change no files");
            return;
        }
        assert_eq!(result, 0, "{operation}");
    }
    // IORING_OP_FSETXATTR and the next: the name of the attribute, its value, its length, at last the file's name.
    let [set_by_file, set_by_name] = [41, 42];
    let (name, value) = (c"trusted.guardbee".as_ptr() as u64, c"x".as_ptr() as u64);
    let file = File::create(folder.path().join("attributes")).unwrap();
    let by_file =
        submit([set_by_file | u64::try_from(file.as_raw_fd()).unwrap() << 32, value, name, 1, 0, 0, 0, 0]);
    let by_name = submit([set_by_name | HERE << 32, value, name, 1, 0, 0, place(&at("attributes")), 0]);
    assert_eq!((by_file, by_name), (0, 0));
    let right = [
        "FileRename path ~/other from ~/file",
        "FileLink path ~/link from ~/other",
        "FileSymlink path ~/symbolic from ~/file",
        "FileDelete path ~/other",
        "FolderCreate path ~/made mode 700",
        "FileAttribute path ~/attributes attribute 3",
        "FileAttribute path ~/attributes attribute 3",
    ];
    // A worker of the ring does it, at any time until the result is there.
    let right = if watch.kernel.trampoline().is_some() { &right[..] } else { &[] };
    let mut seen = whole_all(&below(&watch, folder.path()));
    seen.retain(|line| !line.starts_with("FileCreate"));
    assert_eq!(seen, right);
}

/// The name lies where another thread can exchange it while the call is under way: the kernel has its own copy by then. Some of the
/// calls arm64 never had.
#[test]
fn a_name_that_is_exchanged_meanwhile_deceives_nobody() {
    let watch = start_best(&Wants::ALL, &[]);
    let name = c"trusted.guardbee".as_ptr() as u64;
    for (what, number, second, line) in [
        #[cfg(target_arch = "x86_64")]
        ("chmod", libc::SYS_chmod, 0o640, "FileAttribute path ~/victim mode 640 attribute 1"),
        #[cfg(target_arch = "x86_64")]
        ("chown", libc::SYS_chown, 1, "FileAttribute path ~/victim owner 1 0 attribute 2"),
        #[cfg(target_arch = "x86_64")]
        ("utimes", libc::SYS_utime, 0, "FileAttribute path ~/victim attribute 4"),
        ("truncate", libc::SYS_truncate, 1, "FileModify path ~/victim"),
        ("setxattr", libc::SYS_setxattr, name, "FileAttribute path ~/victim attribute 3"),
        #[cfg(target_arch = "x86_64")]
        ("unlink", libc::SYS_unlink, 0, "FileDelete path ~/victim"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let [victim, innocent] = ["victim", "honest"].map(|name| folder.path().join(name));
        fs::write(&victim, "x").unwrap();
        call_and_exchange(&victim, &innocent, (number, second));
        // By the end of the call the caller's memory says what it likes.
        let by_trampoline = by_trampoline(&watch, what);
        let right = if by_trampoline { line.to_owned() } else { line.replace("victim", "honest") };
        assert_eq!(whole_all(&below(&watch, folder.path())).last(), Some(&right), "{what}");
        let ours = |record: &&Record| told(record).contains(folder.path().to_str().unwrap());
        let event: FileEvent = watch.records().iter().rfind(ours).unwrap().fixed();
        let named = if by_trampoline { 0 } else { FileEventFlag::Named as u16 };
        assert_eq!((event.flags, event.file.inode != 0), (named, by_trampoline), "{what}");
    }
}

/// Calls with the first name, which is the second when the call ends. What makes it wait in the kernel: it needs the inode's lock, which
/// a write holds while the page that it writes from is waited for, as userfaultfd has it.
#[allow(unsafe_code, reason = "userfaultfd has no safe face")]
fn call_and_exchange(victim: &Path, innocent: &Path, (number, second): (libc::c_long, u64)) {
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
        let caller = std::thread::spawn(move || {
            tell.send(libc::syscall(libc::SYS_gettid)).unwrap();
            libc::syscall(number, shared as *const libc::c_char, second, 0, 0, 0)
        });
        let now = format!("/proc/self/task/{}/syscall", told.recv().unwrap());
        let waits = format!("{number} ");
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        // Of a thread that runs it has no number.
        while !fs::read_to_string(&now).unwrap().starts_with(&waits) {
            assert!(std::time::Instant::now() < deadline, "call {number} does not wait");
            std::thread::yield_now();
        }
        (shared as *mut u8).copy_from(other.as_ptr(), other.len());
        ask(ZEROPAGE, &mut [page as u64, PAGE as u64, 0, 0]);
        writer.join().unwrap();
        assert_eq!(caller.join().unwrap(), 0);
        libc::close(i32::try_from(faults).unwrap());
        libc::munmap(page as *mut libc::c_void, PAGE);
        libc::munmap(shared as *mut libc::c_void, PAGE);
    }
}
