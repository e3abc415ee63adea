//! Names of the kernel half's programs, and what is lost when one can't run.
use crate::EventKind;

/// In the object and in bpftool, by number (`enum program_id`): index of [`crate::CounterSlot::fired`] and of
/// [`crate::Reply::programs`].
pub const PROGRAM_NAMES: [&str; 98] = [
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
    "namespace_setns",
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
    "file_open",
    "file_truncate",
    "file_rename",
    "file_link",
    "file_symlink",
    "file_delete",
    "file_make",
    "file_attribute",
    "file_opened",
    "inquiry_sysinfo",
    "dispatch",
    "dispatch_again",
    "file_rename_before",
    "file_rename_after",
    "file_link_before",
    "file_link_after",
    "file_symlink_before",
    "file_symlink_after",
    "file_delete_before",
    "file_delete_after",
    "folder_delete_before",
    "folder_delete_after",
    "folder_create_before",
    "folder_create_after",
    "file_node_before",
    "file_node_after",
    "file_node_regular",
];

/// What the names begin with that are changed so that programs fire.
pub const SELF_TEST_NAME: &str = "guardbee-self-test";

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
            let alone =
                |kind: &EventKind| name.strip_prefix(kind.name()).is_some_and(|rest| rest.starts_with('_'));
            let ours = |kind: &EventKind| alone(kind) || *kind as u16 >= 32 && name.starts_with(kind.name());
            return EventKind::ALL.into_iter().find(ours).map_or(name, EventKind::name);
        }
    };
    kind.name()
}
