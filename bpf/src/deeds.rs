//! Tries everything that the programs look at, so that each of them runs. Whatever would change something is asked for in
//! a way that the kernel refuses: a program has run when its call has ended, well or not.
use guardbee_wire::SELF_TEST_NAME;
use rustix::fs::{
    AtFlags, Dev, FileType, Mode, OFlags, Timespec, Timestamps, UTIME_NOW, XattrFlags, chmodat, chownat,
    fsetxattr, linkat, mkdirat, mknodat, openat, removexattr, renameat, setxattr, symlinkat, unlinkat,
    utimensat,
};
use std::{
    ffi::CString,
    io,
    os::fd::{AsFd, AsRawFd as _, BorrowedFd},
    process::Command,
};

/// A system call with arguments that can do no harm.
type Attempt = (libc::c_long, [i64; 3]);

/// No descriptor, no id, no address.
const NONE: i64 = -1;

const ATTEMPTS: &[Attempt] = &[
    (libc::SYS_setuid, [NONE, 0, 0]),
    (libc::SYS_setgid, [NONE, 0, 0]),
    // Leave each as it is.
    (libc::SYS_setreuid, [NONE, NONE, 0]),
    (libc::SYS_setregid, [NONE, NONE, 0]),
    (libc::SYS_setresuid, [NONE, NONE, NONE]),
    (libc::SYS_setresgid, [NONE, NONE, NONE]),
    (libc::SYS_setfsuid, [NONE, 0, 0]),
    (libc::SYS_setfsgid, [NONE, 0, 0]),
    (libc::SYS_setgroups, [NONE, 0, 0]),
    (libc::SYS_capset, [0, 0, 0]),
    (libc::SYS_ptrace, [libc::PTRACE_ATTACH as i64, 0, 0]),
    (libc::SYS_process_vm_readv, [0, 0, 0]),
    (libc::SYS_process_vm_writev, [0, 0, 0]),
    (libc::SYS_pidfd_getfd, [NONE, NONE, 0]),
    // No such process, no such set of them.
    (libc::SYS_prlimit64, [NONE, NONE, NONE]),
    (libc::SYS_setpriority, [NONE, NONE, 0]),
    (libc::SYS_setns, [NONE, 0, 0]),
    (libc::SYS_unshare, [NONE, 0, 0]),
    (libc::SYS_mount, [0, 0, 0]),
    (libc::SYS_umount2, [0, 0, 0]),
    (libc::SYS_move_mount, [NONE, 0, NONE]),
    (libc::SYS_pivot_root, [0, 0, 0]),
    (libc::SYS_chroot, [0, 0, 0]),
    (libc::SYS_socket, [NONE, 0, 0]),
    (libc::SYS_bind, [NONE, 0, 0]),
    (libc::SYS_setsockopt, [NONE, 1, 26]),
    (libc::SYS_dup, [NONE, 0, 0]),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_dup2, [NONE, 0, 0]),
    (libc::SYS_dup3, [NONE, 0, 0]),
    (libc::SYS_bpf, [5, 0, 0]),
    (libc::SYS_perf_event_open, [0, 0, 0]),
    (libc::SYS_init_module, [0, 0, 0]),
    (libc::SYS_finit_module, [NONE, 0, 0]),
    (libc::SYS_kexec_load, [0, NONE, 0]),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_kexec_file_load, [NONE, NONE, 0]),
    // Addresses that begin no page.
    (libc::SYS_mprotect, [1, 1, 4]),
    (libc::SYS_pkey_mprotect, [1, 1, 4]),
    (libc::SYS_mmap, [0, 0, 6]),
    (libc::SYS_memfd_create, [0, NONE, 0]),
    // Without its magic number.
    (libc::SYS_reboot, [0, 0, 0]),
    (libc::SYS_userfaultfd, [NONE, 0, 0]),
    // A level that there isn't.
    (libc::SYS_syslog, [8, 0, 0]),
    (libc::SYS_open_by_handle_at, [NONE, 0, 0]),
    (libc::SYS_sysinfo, [0, 0, 0]),
];

/// Tries all of it once. What the kernel doesn't have, or forbids altogether, stays unseen, which is for the self-test to say.
pub fn attempt() -> io::Result<()> {
    for &(number, [first, second, third]) in ATTEMPTS {
        #[expect(unsafe_code, reason = "the point of each is the call itself")]
        // SAFETY: no argument names memory or a descriptor of ours, so that the kernel finds nothing to change.
        let _refused = unsafe { libc::syscall(number, first, second, third, 0_i64, 0_i64, 0_i64) };
    }
    std::fs::write("/proc/thread-self/comm", "self-test")?;
    let mut child = Command::new("/proc/self/exe").arg("self-test").arg("waits").spawn()?;
    child.kill()?;
    child.wait()?;
    ring();
    Ok(())
}

/// Entries of a ring: the opening of a file that is there for everybody, and a socket of a type that there isn't.
fn entries() -> [[u64; 4]; 2] {
    const OPENAT: u64 = 18;
    const SOCKET: u64 = 45;
    const VSOCK: u64 = 40;
    let here = u64::from(libc::AT_FDCWD.cast_unsigned());
    [[here << 32 | OPENAT, 0, c"/proc/self/comm".as_ptr() as u64, 0], [VSOCK << 32 | SOCKET, 0xf, 0, 0]]
}

/// Submits them, where rings aren't forbidden.
fn ring() {
    const BYTES: usize = 4096;
    const ENTRIES: i64 = 0x1000_0000;
    let mut parameters = [0_u32; 30];
    #[expect(unsafe_code, reason = "rings are memory shared with the kernel")]
    // SAFETY: the kernel writes 120 bytes of parameters; both mappings have a page, which is more than a ring of two entries
    // needs, and nobody else submits to it.
    unsafe {
        let fd = libc::syscall(libc::SYS_io_uring_setup, 2, parameters.as_mut_ptr());
        let Ok(fd) = i32::try_from(fd) else { return };
        if fd < 0 {
            return;
        }
        let map = |offset| {
            libc::mmap(
                std::ptr::null_mut(),
                BYTES,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                fd,
                offset,
            )
        };
        let (queue, entry) = (map(0), map(ENTRIES));
        if queue != libc::MAP_FAILED && entry != libc::MAP_FAILED {
            // struct io_sqring_offsets begins at word 10: head, tail, mask, entries, flags, dropped, array.
            let [tail, array] =
                [11, 16].map(|word: usize| parameters.get(word).copied().unwrap_or(0) as usize);
            let words = queue.cast::<u32>();
            for (at, first) in (0_u32..).zip(entries()) {
                // Each has 64 bytes, and one may be refused alone: one after the other.
                let place = at as usize;
                entry.cast::<[u64; 4]>().add(2 * place).write(first);
                if tail < BYTES && array + 4 * place < BYTES {
                    words.add(array / 4 + place).write(at);
                    words.add(tail / 4).write_volatile(at + 1);
                    libc::syscall(libc::SYS_io_uring_enter, fd, 1, 1, 1, 0, 0);
                }
            }
            libc::munmap(entry, BYTES);
            libc::munmap(queue, BYTES);
        }
        libc::close(fd);
    }
}

/// An access control list that says no more than a mode: version 2, then tag, permissions and id of owner, group and others.
const ACL: &[u8] = &[
    2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 4, 0, 4, 0, 255, 255, 255, 255, 32, 0, 4, 0, 255, 255, 255,
    255,
];

/// Changes files in an empty folder that nobody else uses, in every way that has a trampoline, and leaves nothing there. What the kernel
/// doesn't let happen stays unseen, which is for the self-test to say.
pub fn changes(folder: impl AsFd) {
    const FILE: &str = SELF_TEST_NAME;
    const OTHER: &str = "guardbee-self-test-again";
    let folder: BorrowedFd<'_> = folder.as_fd();
    let none = Dev::default();
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let now = Timestamps { last_access: now, last_modification: now };
    let path = format!("/proc/self/fd/{}/{FILE}", folder.as_raw_fd());
    let opened = || openat(folder, FILE, OFlags::RDONLY | OFlags::NOFOLLOW, Mode::empty());
    let done: [rustix::io::Result<()>; 19] = [
        mknodat(folder, FILE, FileType::Fifo, Mode::RUSR, none),
        unlinkat(folder, FILE, AtFlags::empty()),
        mknodat(folder, FILE, FileType::RegularFile, Mode::RUSR, none),
        chmodat(folder, FILE, Mode::RWXU, AtFlags::empty()),
        chownat(folder, FILE, None, None, AtFlags::empty()),
        utimensat(folder, FILE, &now, AtFlags::empty()),
        truncate(&path),
        setxattr(&path, "system.posix_acl_access", ACL, XattrFlags::empty()),
        removexattr(&path, "system.posix_acl_access"),
        opened().and_then(|file| fsetxattr(file, "system.posix_acl_access", ACL, XattrFlags::empty())),
        removexattr(&path, "user.guardbee"),
        linkat(folder, FILE, folder, OTHER, AtFlags::empty()),
        unlinkat(folder, FILE, AtFlags::empty()),
        renameat(folder, OTHER, folder, FILE),
        unlinkat(folder, FILE, AtFlags::empty()),
        symlinkat(OTHER, folder, FILE),
        unlinkat(folder, FILE, AtFlags::empty()),
        mkdirat(folder, FILE, Mode::RUSR),
        unlinkat(folder, FILE, AtFlags::REMOVEDIR),
    ];
    for attempt in done {
        // It may have failed, which is not what is asked here.
        attempt.ok();
    }
}

/// To no length, which the file has.
fn truncate(path: &str) -> rustix::io::Result<()> {
    let path = CString::new(path).map_err(|_zero| rustix::io::Errno::INVAL)?;
    #[expect(unsafe_code, reason = "truncate by name has no safe face in std or rustix")]
    // SAFETY: a text that ends with a zero.
    let result = unsafe { libc::truncate(path.as_ptr(), 0) };
    if result == 0 { Ok(()) } else { Err(rustix::io::Errno::IO) }
}
