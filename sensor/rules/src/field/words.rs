//! The words that a field of type [`super::Type::Word`] can have.

pub(super) const FD_KINDS: &[&str] =
    &["closed", "regular", "directory", "character", "block", "pipe", "socket", "other"];
pub(super) const LINK_KINDS: &[&str] = &["exact", "inherited", "lineage", "sole", "ambiguous", "unproven"];

pub(super) const USER_TABLES: &[&str] = &["host", "container"];
/// Of connects, of opens, of both.
pub(super) const ERRORS: &[&str] = &[
    "connection_refused",
    "connection_reset",
    "given_up",
    "timeout",
    "unreachable",
    "not_permitted",
    "not_found",
    "no_device",
    "permission_denied",
    "busy",
    "exists",
    "not_a_folder",
    "is_a_folder",
    "executable_in_use",
    "no_space",
    "read_only",
    "too_many_links",
    "_OTHER",
];
pub(super) const NETWORKS: &[&str] = &["loopback", "link_local", "private", "public"];
pub(super) const QOS: &[&str] = &["guaranteed", "burstable", "besteffort"];

pub(super) const FILE_OPERATIONS: &[&str] = &[
    "file_open",
    "file_modify",
    "file_create",
    "file_rename",
    "file_link",
    "file_symlink",
    "file_delete",
    "file_attribute",
    "folder_create",
    "folder_delete",
    "file_node",
    "folder_open",
    "file_open_failed",
];
pub(super) const FILE_ATTRIBUTES: &[&str] = &["mode", "owner", "extended", "times"];

/// Seen as `execve`.
pub(crate) const EXECVEAT: &str = "execveat";
pub(super) const AUDIT_TYPES: &[&str] = &["EXECVE", "PATH", "SYSCALL"];
pub(crate) const AUDIT_SYSCALLS: &[&str] = &[
    "execve",
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
