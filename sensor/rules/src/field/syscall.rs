//! Numbers of the system calls that events name, where audit records have numbers: those of x86-64 (`syscall_64.tbl`).

const NUMBERS: &[(u16, &str)] = &[
    (9, "mmap"),
    (10, "mprotect"),
    (32, "dup"),
    (33, "dup2"),
    (41, "socket"),
    (49, "bind"),
    (54, "setsockopt"),
    (56, "clone"),
    (59, "execve"),
    (99, "sysinfo"),
    (101, "ptrace"),
    (103, "syslog"),
    (105, "setuid"),
    (106, "setgid"),
    (113, "setreuid"),
    (114, "setregid"),
    (116, "setgroups"),
    (117, "setresuid"),
    (119, "setresgid"),
    (122, "setfsuid"),
    (123, "setfsgid"),
    (126, "capset"),
    (141, "setpriority"),
    (142, "sched_setparam"),
    (144, "sched_setscheduler"),
    (155, "pivot_root"),
    (161, "chroot"),
    (165, "mount"),
    (166, "umount2"),
    (169, "reboot"),
    (175, "init_module"),
    (203, "sched_setaffinity"),
    (246, "kexec_load"),
    (251, "ioprio_set"),
    (272, "unshare"),
    (292, "dup3"),
    (298, "perf_event_open"),
    (302, "prlimit64"),
    (304, "open_by_handle_at"),
    (308, "setns"),
    (310, "process_vm_readv"),
    (311, "process_vm_writev"),
    (313, "finit_module"),
    (314, "sched_setattr"),
    (319, "memfd_create"),
    (320, "kexec_file_load"),
    (321, "bpf"),
    (322, "execveat"),
    (323, "userfaultfd"),
    (329, "pkey_mprotect"),
    (429, "move_mount"),
    (438, "pidfd_getfd"),
];

/// The name of the call with this number in decimal digits.
pub(crate) fn syscall_named(number: &str) -> Option<&'static str> {
    let number: u16 = number.parse().ok()?;
    NUMBERS.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{AUDIT_SYSCALLS, Kinds};

    #[test]
    fn every_call_has_its_number() {
        for name in AUDIT_SYSCALLS {
            assert!(NUMBERS.iter().any(|(_, known)| known == name), "{name}");
        }
        let others: Vec<_> = NUMBERS.iter().filter(|(_, name)| !AUDIT_SYSCALLS.contains(name)).collect();
        assert_eq!(others, [&(322, "execveat")], "seen, and not told apart from execve");
        assert!(NUMBERS.is_sorted());
        let led_nowhere = AUDIT_SYSCALLS.iter().find(|name| Kinds::of_call(name) == Kinds::NONE);
        assert_eq!(led_nowhere, None);
    }
}
