//! How an event was brought about, and whom it was done to.
use crate::ProcessKey;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `enum call`: the system calls that events come from, by numbers of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
#[expect(missing_docs, reason = "syscalls(2) names these")]
pub enum Call {
    None = 0,
    Setuid = 1,
    Setgid = 2,
    Setreuid = 3,
    Setregid = 4,
    Setresuid = 5,
    Setresgid = 6,
    Setfsuid = 7,
    Setfsgid = 8,
    Setgroups = 9,
    Capset = 10,
    Ptrace = 11,
    ProcessVmReadv = 12,
    ProcessVmWritev = 13,
    PidfdGetfd = 14,
    Setns = 15,
    Unshare = 16,
    Clone = 17,
    Mount = 18,
    Umount2 = 19,
    MoveMount = 20,
    PivotRoot = 21,
    Chroot = 22,
    Socket = 23,
    Bind = 24,
    Setsockopt = 25,
    Dup = 26,
    Dup2 = 27,
    Dup3 = 28,
    Bpf = 29,
    PerfEventOpen = 30,
    InitModule = 31,
    FinitModule = 32,
    Mprotect = 33,
    PkeyMprotect = 34,
    Mmap = 35,
    MemfdCreate = 36,
    Reboot = 37,
    Syslog = 38,
    Userfaultfd = 39,
    OpenByHandleAt = 40,
    KexecLoad = 41,
    KexecFileLoad = 42,
    Sysinfo = 43,
    Prlimit64 = 44,
    Setpriority = 45,
    IoprioSet = 46,
    SchedSetaffinity = 47,
    SchedSetscheduler = 48,
    SchedSetparam = 49,
    SchedSetattr = 50,
}

/// Their names, by number; none: the kernel's own tracepoint saw it.
pub const CALL_NAMES: [&str; 51] = [
    "",
    "setuid",
    "setgid",
    "setreuid",
    "setregid",
    "setresuid",
    "setresgid",
    "setfsuid",
    "setfsgid",
    "setgroups",
    "capset",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "pidfd_getfd",
    "setns",
    "unshare",
    "clone",
    "mount",
    "umount2",
    "move_mount",
    "pivot_root",
    "chroot",
    "socket",
    "bind",
    "setsockopt",
    "dup",
    "dup2",
    "dup3",
    "bpf",
    "perf_event_open",
    "init_module",
    "finit_module",
    "mprotect",
    "pkey_mprotect",
    "mmap",
    "memfd_create",
    "reboot",
    "syslog",
    "userfaultfd",
    "open_by_handle_at",
    "kexec_load",
    "kexec_file_load",
    "sysinfo",
    "prlimit64",
    "setpriority",
    "ioprio_set",
    "sched_setaffinity",
    "sched_setscheduler",
    "sched_setparam",
    "sched_setattr",
];

/// `struct call_info`: audit's SYSCALL, a0 to a3 and exit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct CallInfo {
    /// As the registers had them.
    pub arguments: [u64; 4],
    /// What it answered.
    pub result: i64,
    /// [`Call`].
    pub call: u16,
    /// Zero.
    pub pad: [u8; 6],
}

/// `struct target_info`: whom an event was done to; tgid 0: not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct TargetInfo {
    /// Which.
    pub process: ProcessKey,
    /// Which thread of it.
    pub tid: u32,
    /// Effective user.
    pub uid: u32,
}
