//! Names of the kernel half's programs, and what is lost when one can't run.
use crate::EventKind;

/// In the object and in bpftool, by number (`enum program_id`): index of [`crate::CounterSlot::fired`] and of
/// [`crate::Reply::programs`].
pub const PROGRAM_NAMES: [&str; 73] = [
    "process_fork",
    "process_exec",
    "process_exit",
    "net_state",
    "net_send",
    "net_receive",
    "net_read",
    "net_write",
    "net_readv",
    "net_writev",
    "net_recvfrom",
    "net_sendto",
    "net_recvmsg",
    "net_sendmsg",
    "net_recvmmsg",
    "net_sendmmsg",
    "net_preadv2",
    "net_pwritev2",
    "net_sendfile",
    "iter_task",
    "iter_listener",
    "iter_socket",
    "credentials_fork",
    "credentials_exec",
    "credentials_exit",
    "credentials_setuid",
    "credentials_setgid",
    "credentials_setreuid",
    "credentials_setregid",
    "credentials_setresuid",
    "credentials_setresgid",
    "credentials_setfsuid",
    "credentials_setfsgid",
    "credentials_setgroups",
    "credentials_capset",
    "access_ptrace",
    "access_process_vm_readv",
    "access_process_vm_writev",
    "access_pidfd_getfd",
    "namespace_fork",
    "namespace_setns_enter",
    "namespace_setns",
    "namespace_unshare_enter",
    "namespace_unshare",
    "mount_mount",
    "mount_umount",
    "mount_move_mount",
    "mount_pivot_root",
    "mount_chroot",
    "socket_change_socket",
    "socket_change_bind",
    "socket_change_setsockopt",
    "socket_change_dup",
    "socket_change_dup2",
    "socket_change_dup3",
    "extension_bpf",
    "extension_perf_event_open",
    "extension_init_module",
    "extension_finit_module",
    "extension_kexec_load",
    "extension_kexec_file_load",
    "signal_generate",
    "memory_mprotect",
    "memory_pkey_mprotect",
    "memory_mmap",
    "memory_memfd_create",
    "title_rename",
    "io_uring_made",
    "io_uring_submitted",
    "control_reboot",
    "control_userfaultfd",
    "control_syslog",
    "control_open_by_handle_at",
];

/// The kind of event that is lost when the kernel refuses this program; its name where it may be one of several, or where
/// nothing says which.
pub fn kind_lost_with(program: usize) -> &'static str {
    let name = PROGRAM_NAMES.get(program).copied().unwrap_or("unknown");
    let kind = match name {
        "process_fork" => EventKind::Fork,
        "process_exec" => EventKind::Exec,
        "process_exit" => EventKind::Exit,
        "iter_task" => EventKind::Process,
        "iter_listener" | "iter_socket" => EventKind::Socket,
        bytes if bytes.starts_with("net_") && bytes != "net_state" => EventKind::Data,
        _ => {
            let ours = |kind: &EventKind| *kind as u16 >= 32 && name.starts_with(kind.name());
            return EventKind::ALL.into_iter().find(ours).map_or(name, EventKind::name);
        }
    };
    kind.name()
}
