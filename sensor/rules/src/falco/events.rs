//! Falco's events and ours.

/// A kind of event that this sensor records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Exec,
    Connect,
    Accept,
    Listen,
}

impl Class {
    pub(super) const ALL: [Self; 4] = [Self::Exec, Self::Connect, Self::Accept, Self::Listen];

    /// Falco's names for it; we can't tell them apart.
    pub(super) const fn events(self) -> &'static [&'static str] {
        match self {
            Self::Exec => &["execve", "execveat"],
            Self::Connect => &["connect"],
            Self::Accept => &["accept", "accept4"],
            Self::Listen => &["listen"],
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Connect => "connect",
            Self::Accept => "accept",
            Self::Listen => "listen",
        }
    }

    /// What is lost where a rule tells its events apart.
    pub(super) const fn note(self) -> Option<&'static str> {
        match self {
            Self::Exec => Some("`execve` and `execveat` are not told apart."),
            Self::Accept => Some("`accept` and `accept4` are not told apart."),
            Self::Connect | Self::Listen => None,
        }
    }

    pub(super) const fn logsource(self) -> &'static str {
        match self {
            Self::Exec => "{product: linux, category: process_creation}",
            Self::Connect => "{product: guardbee, service: connect}",
            Self::Accept => "{product: guardbee, service: accept}",
            Self::Listen => "{product: guardbee, service: listen}",
        }
    }

    pub(super) fn of(event: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.events().contains(&event))
    }

    /// Its descriptor is a socket.
    pub(super) const fn of_network(self) -> bool {
        !matches!(self, Self::Exec)
    }
}

/// What Falco calls an event that nothing here records, in our words.
const UNRECORDED: &[(&str, &[&str])] = &[
    ("file opens", &["open", "openat", "openat2", "creat", "open_by_handle_at", "name_to_handle_at"]),
    ("file reads and writes", &["read", "readv", "pread", "preadv", "write", "writev", "pwrite", "pwritev"]),
    ("file renames", &["rename", "renameat", "renameat2"]),
    ("file deletions", &["unlink", "unlinkat", "rmdir"]),
    ("directory creations", &["mkdir", "mkdirat"]),
    ("mode changes of files", &["chmod", "fchmod", "fchmodat"]),
    ("owner changes of files", &["chown", "fchown", "lchown", "fchownat"]),
    ("hard links", &["link", "linkat"]),
    ("symbolic links", &["symlink", "symlinkat"]),
    ("device node creations", &["mknod", "mknodat"]),
    ("ptrace calls", &["ptrace"]),
    ("namespace changes", &["setns", "unshare"]),
    ("changes of the root folder", &["chroot", "pivot_root"]),
    ("mounts", &["mount", "umount", "umount2", "fsconfig"]),
    ("bpf calls", &["bpf"]),
    ("kernel module loads", &["init_module", "finit_module", "delete_module"]),
    ("socket creations", &["socket", "socketpair"]),
    ("socket bindings", &["bind"]),
    ("descriptor duplications", &["dup", "dup2", "dup3"]),
    ("user and group changes", &["setuid", "setgid", "setresuid", "setresgid", "seteuid", "setegid"]),
    ("capability changes", &["capset"]),
    ("data sent", &["sendto", "sendmsg", "sendmmsg", "send", "sendfile"]),
    ("data received", &["recvfrom", "recvmsg", "recvmmsg", "recv"]),
    ("process and thread creations", &["clone", "clone3", "fork", "vfork"]),
    ("thread ends", &["procexit", "exit", "exit_group"]),
    ("signals sent", &["kill", "tkill", "tgkill", "pidfd_send_signal"]),
    ("memory mappings", &["mmap", "mmap2", "mprotect", "munmap", "mremap"]),
    ("memory file creations", &["memfd_create"]),
    ("fault handler creations", &["userfaultfd"]),
    ("io_uring set-ups", &["io_uring_setup", "io_uring_enter", "io_uring_register"]),
    ("container starts", &["container"]),
];

/// What would have to be recorded for Falco's `event`.
pub(super) fn unrecorded(event: &str) -> String {
    let known = UNRECORDED.iter().find(|(_, events)| events.contains(&event));
    known.map_or_else(|| format!("`{}` events", crate::problem::shown(event)), |(kind, _)| (*kind).to_owned())
}

/// Every event that has a name here.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    let recorded = Class::ALL.into_iter().flat_map(|class| class.events().iter().copied());
    recorded.chain(UNRECORDED.iter().flat_map(|(_, events)| events.iter().copied()))
}
