//! What conditions on files and on what is done to the system match.
use super::{matches, rule, yaml};

/// Log source, event and condition, an event that matches, and one that is near.
const DEEDS: &[(&str, &str, &str, &str)] = &[
    (
        "file_modify",
        "evt.type in (open, openat, openat2) and evt.is_open_write = true and fd.typechar = 'f' and fd.num >= 0 \
         and fd.name startswith /etc/cron",
        "file.path: /etc/cron.d/x, guardbee.file.flags: O_WRONLY",
        "file.path: /etc/cron.d/x, guardbee.file.flags: O_RDONLY",
    ),
    (
        "file_create",
        "evt.type in (open, openat) and evt.arg.flags contains O_CREAT and fd.directory = /dev",
        "file.path: /dev/x",
        "file.path: /dev/shm/x",
    ),
    (
        "file_modify",
        "evt.type in (open, openat) and evt.arg.flags contains O_TRUNC and fd.filename in (a.log, b.log)",
        "file.path: /x/b.log, guardbee.file.flags: [O_WRONLY, O_TRUNC]",
        "file.path: /x/b.log, guardbee.file.flags: O_WRONLY",
    ),
    // truncate(2) is no open.
    (
        "file_modify",
        "evt.type in (open, openat) and fd.name = /x",
        "file.path: /x, guardbee.file.flags: O_WRONLY",
        "file.path: /x",
    ),
    (
        "file_open",
        "evt.type in (open, openat) and evt.is_open_read = true and fd.name glob /proc/*/environ",
        "file.path: /proc/7/environ",
        "file.path: /proc/7/maps",
    ),
    (
        "file_modify",
        "evt.type in (open, openat) and evt.is_open_read = true and fd.name = /x",
        "file.path: /x, guardbee.file.flags: O_RDWR",
        "file.path: /x, guardbee.file.flags: O_WRONLY",
    ),
    (
        "file_rename",
        "evt.type in (rename, renameat) and evt.arg.oldpath endswith ash_history",
        "guardbee.file.source: /root/.bash_history",
        "file.path: /root/.bash_history",
    ),
    (
        "file_delete",
        "evt.type in (unlink, unlinkat) and (evt.arg.name endswith .x or evt.arg.path endswith .x)",
        "file.path: /a.x",
        "file.path: /a.y",
    ),
    ("folder_delete", "evt.type = rmdir and fs.path.name = /a", "file.path: /a", "file.path: /b"),
    (
        "file_symlink",
        "evt.type in (symlink, symlinkat) and evt.arg.target in (/etc, /root)",
        "guardbee.file.source: /etc, file.path: /tmp/x",
        "guardbee.file.source: /tmp/x, file.path: /etc",
    ),
    (
        "file_link",
        "evt.type in (link, linkat) and fs.path.source = /etc/shadow",
        "guardbee.file.source: /etc/shadow",
        "file.path: /etc/shadow",
    ),
    (
        "file_attribute",
        "evt.type in (chmod, fchmod, fchmodat) and (evt.arg.mode contains S_ISUID or evt.arg.mode contains S_ISGID)",
        "guardbee.file.attribute: mode, file.mode: '2755'",
        "guardbee.file.attribute: mode, file.mode: '0755'",
    ),
    (
        "file_attribute",
        "evt.type in (chown, fchown) and evt.arg.uid = root",
        "guardbee.file.attribute: owner, file.owner.id: 0",
        "guardbee.file.attribute: owner, file.owner.id: 1",
    ),
    (
        "access",
        "evt.type = ptrace and evt.arg.request contains PTRACE_SETREGS",
        "SYSCALL: ptrace, a0: '4205'",
        "SYSCALL: ptrace, a0: '10'",
    ),
    (
        "access",
        "evt.type = ptrace and evt.arg.request = PTRACE_TRACEME",
        "SYSCALL: ptrace, a0: '0'",
        "SYSCALL: ptrace, a0: '10'",
    ),
    (
        "namespace",
        "evt.type = setns and proc.name = x",
        "SYSCALL: setns, comm: x",
        "SYSCALL: unshare, comm: x",
    ),
    (
        "namespace",
        "evt.type = unshare and not thread.cap_permitted contains CAP_SYS_ADMIN",
        "SYSCALL: unshare",
        "SYSCALL: unshare, process.thread.capabilities.permitted: CAP_SYS_ADMIN",
    ),
    (
        "mount",
        "evt.type = mount and evt.arg.dir = /mnt",
        "SYSCALL: mount, guardbee.mount.place: /mnt",
        "SYSCALL: move_mount, guardbee.mount.place: /mnt",
    ),
    (
        "extension",
        "evt.type = bpf and (evt.arg.cmd = 5 or evt.arg.cmd = BPF_PROG_LOAD)",
        "SYSCALL: bpf, a0: '5'",
        "SYSCALL: bpf, a0: '8'",
    ),
    (
        "extension",
        "evt.type in (init_module, finit_module) and thread.cap_effective icontains sys_module",
        "SYSCALL: finit_module, process.thread.capabilities.effective: CAP_SYS_MODULE",
        "SYSCALL: finit_module",
    ),
    (
        "socket_change",
        "evt.type = socket and evt.arg.domain contains AF_PACKET",
        "SYSCALL: socket, guardbee.socket.family: packet",
        "SYSCALL: socket, guardbee.socket.family: alg",
    ),
    (
        "socket_change",
        "evt.type in (dup, dup2, dup3) and evt.rawres in (0, 1, 2) and fd.type in (ipv4, ipv6)",
        "SYSCALL: dup2, exit: 2, guardbee.socket.family: inet6",
        "SYSCALL: dup2, exit: 2, guardbee.socket.family: vsock",
    ),
    (
        "socket_change",
        "evt.type = dup3 and evt.rawres = 0 and fd.type = ipv4",
        "SYSCALL: dup3, exit: 0",
        "SYSCALL: dup2, exit: 0",
    ),
    (
        "credentials",
        "evt.type = setuid and evt.arg.uid = root",
        "SYSCALL: setuid, a0: '0'",
        "SYSCALL: setuid, a0: '1'",
    ),
    (
        "memory",
        "evt.type = memfd_create and proc.name = x",
        "SYSCALL: memfd_create, comm: x",
        "SYSCALL: mprotect, comm: x",
    ),
    (
        "control",
        "evt.type = userfaultfd and user.uid = 7",
        "SYSCALL: userfaultfd, euid: 7",
        "SYSCALL: reboot, euid: 7",
    ),
    (
        "control",
        "evt.type = userfaultfd and proc.tty = 0 and proc.is_exe_from_memfd = true",
        "SYSCALL: userfaultfd, process.interactive: false, process.executable.memfd: true",
        "SYSCALL: userfaultfd, process.interactive: true, process.executable.memfd: true",
    ),
    (
        "io_uring",
        "evt.type = io_uring_setup and proc.name = x",
        "guardbee.io_uring: setup, comm: x",
        "guardbee.io_uring: openat, comm: x",
    ),
    (
        "file_open",
        "evt.type in (open, openat) and fd.name = /x and not proc.duration <= 5000000000",
        "file.path: /x, guardbee.process.age: 5000000001",
        "file.path: /x, guardbee.process.age: 5000000000",
    ),
];

#[test]
fn deeds_match_as_in_falco() {
    for (event, condition, hit, near) in DEEDS {
        let imported = rule(condition);
        let yaml = yaml(&imported);
        assert!(matches(yaml, event, hit), "`{condition}` misses {hit}:\n{yaml}");
        assert!(!matches(yaml, event, near), "`{condition}` takes {near}:\n{yaml}");
    }
}
