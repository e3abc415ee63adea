//! The table of Falco's events that are something done to files or to the system: which of ours they are, and their arguments.
use super::text::Dialect;

/// Events of Falco's that are one of ours.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// Tells its document from those of the other kinds that a rule is about.
    pub(super) name: &'static str,
    /// Our log source.
    pub(super) service: &'static str,
    /// Falco's names for it; of opens the first is the one that stands for all.
    pub(super) events: &'static [&'static str],
    /// Our events name the system call; else Falco's events are not told apart.
    pub(super) by_call: bool,
    /// What tells it from other events of the log source.
    pub(super) lines: &'static [(&'static str, &'static str)],
    pub(super) descriptor: Descriptor,
    /// Events (none: all), name, what it is.
    pub(super) arguments: &'static [(&'static [&'static str], &'static str, Argument)],
    /// Where it differs a little from Falco's.
    pub(super) notes: &'static [&'static str],
    /// Calls of that name that are not recorded, and what says of an event that it is none of them.
    pub(super) beyond: &'static [(&'static str, &'static [&'static str])],
}

/// What `fd.*` is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Descriptor {
    /// The event has none: nothing is true of it.
    None,
    /// What was opened.
    Opened,
    /// In calls that take one, the file whose attributes are set.
    Attribute,
    /// A connection that became standard input, output or error.
    Standard,
    /// There is one, and it isn't recorded.
    Unknown,
}

/// What an argument of a system call is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    Text(&'static str, Dialect),
    /// One of these names, each a field and its value; without a field it is not recorded.
    One(&'static [Named]),
    /// Any of these names, together.
    Set(&'static [Named]),
    /// A user: the field that has his number, and the one that has his name, if any.
    User(&'static str, Option<&'static str>),
    /// Known to Falco, and not recorded.
    Missing(&'static str),
}

/// Falco's name, our field, its value.
pub(super) type Named = (&'static str, &'static str, &'static str);

const PATH: Argument = Argument::Text("file.path", Dialect::Same);
const SOURCE: Argument = Argument::Text("guardbee.file.source", Dialect::Same);
const NO_MODE: Argument = Argument::Missing("the mode that a call was given is recorded of chmod only");
const NO_FLAGS: Argument = Argument::Missing("flags of this call are not recorded");
const NO_NUMBER: Argument = Argument::Missing("numbers of descriptors and devices are not recorded");
const FLAGS: &str = "guardbee.file.flags";
const A0: &str = "guardbee.audit.a0";

const OPEN_FLAGS: &[Named] = &[
    ("O_RDONLY", FLAGS, "O_RDONLY"),
    ("O_WRONLY", FLAGS, "O_WRONLY"),
    ("O_RDWR", FLAGS, "O_RDWR"),
    ("O_CREAT", FLAGS, "O_CREAT"),
    ("O_EXCL", FLAGS, "O_EXCL"),
    ("O_TRUNC", FLAGS, "O_TRUNC"),
    ("O_APPEND", FLAGS, "O_APPEND"),
    ("O_NONBLOCK", FLAGS, "O_NONBLOCK"),
    ("O_DSYNC", FLAGS, "O_DSYNC"),
    ("O_SYNC", FLAGS, "O_SYNC"),
];
/// An open of which nothing came.
pub(super) const OPEN_FAILED: &str = "file_open_failed";
const OPENS: &[&str] = &["openat", "open", "openat2", "creat"];
const OPEN_ARGUMENTS: &[(&[&str], &str, Argument)] = &[
    (&[], "name", PATH),
    (&["open", "openat", "openat2"], "flags", Argument::Set(OPEN_FLAGS)),
    (&[], "mode", NO_MODE),
    (&[], "fd", NO_NUMBER),
    (&[], "dirfd", NO_NUMBER),
    (&[], "dev", NO_NUMBER),
    (&[], "ino", NO_NUMBER),
    (&["openat2"], "resolve", NO_FLAGS),
    (&["creat"], "creat_flags", NO_FLAGS),
];
const OPEN_NOTES: &[&str] = &[
    "Seen is what the kernel has opened, symbolic links in its path resolved; not seen are devices that keep nothing, such as \
     /dev/null.",
    "Files that are opened by `open`, `openat`, `openat2`, `creat` or by a handle are not told apart.",
];

const fn open(name: &'static str, lines: &'static [(&'static str, &'static str)]) -> Kind {
    Kind {
        name,
        service: name,
        events: OPENS,
        by_call: false,
        lines,
        descriptor: Descriptor::Opened,
        arguments: OPEN_ARGUMENTS,
        notes: OPEN_NOTES,
        beyond: &[],
    }
}

/// A call that takes names of files.
const fn path(
    name: &'static str,
    service: &'static str,
    events: &'static [&'static str],
    arguments: &'static [(&'static [&'static str], &'static str, Argument)],
) -> Kind {
    Kind {
        name,
        service,
        events,
        by_call: false,
        lines: &[],
        descriptor: Descriptor::None,
        arguments,
        notes: &[],
        beyond: &[],
    }
}

/// A call that does something to the system.
const fn call(name: &'static str, service: &'static str, events: &'static [&'static str]) -> Kind {
    Kind { by_call: true, ..path(name, service, events, &[]) }
}

const CHMOD: &[Named] =
    &[("S_ISUID", "guardbee.file.setuid", "true"), ("S_ISGID", "guardbee.file.setgid", "true")];
const PTRACE: &[Named] = &[
    ("PTRACE_TRACEME", A0, "0"),
    ("PTRACE_PEEKTEXT", "", ""),
    ("PTRACE_PEEKDATA", "", ""),
    ("PTRACE_PEEKUSR", "", ""),
    ("PTRACE_POKETEXT", A0, "4"),
    ("PTRACE_POKEDATA", A0, "5"),
    ("PTRACE_POKEUSR", A0, "6"),
    ("PTRACE_CONT", "", ""),
    ("PTRACE_KILL", "", ""),
    ("PTRACE_SINGLESTEP", "", ""),
    ("PTRACE_GETREGS", "", ""),
    ("PTRACE_SETREGS", A0, "d"),
    ("PTRACE_GETFPREGS", "", ""),
    ("PTRACE_SETFPREGS", A0, "f"),
    ("PTRACE_ATTACH", A0, "10"),
    ("PTRACE_DETACH", "", ""),
    ("PTRACE_GETFPXREGS", "", ""),
    ("PTRACE_SETFPXREGS", "", ""),
    ("PTRACE_SETOPTIONS", "", ""),
    ("PTRACE_GETEVENTMSG", "", ""),
    ("PTRACE_GETSIGINFO", "", ""),
    ("PTRACE_SETSIGINFO", "", ""),
    ("PTRACE_GETREGSET", "", ""),
    ("PTRACE_SETREGSET", A0, "4205"),
    ("PTRACE_SEIZE", A0, "4206"),
    ("PTRACE_INTERRUPT", "", ""),
    ("PTRACE_LISTEN", "", ""),
    ("PTRACE_PEEKSIGINFO", "", ""),
];
const BPF: &[Named] = &[
    ("BPF_PROG_LOAD", A0, "5"),
    ("5", A0, "5"),
    ("BPF_PROG_ATTACH", A0, "8"),
    ("8", A0, "8"),
    ("BPF_RAW_TRACEPOINT_OPEN", A0, "11"),
    ("17", A0, "11"),
    ("BPF_LINK_CREATE", A0, "1c"),
    ("28", A0, "1c"),
];
const FAMILY: &str = "guardbee.socket.family";
const DOMAINS: &[Named] = &[
    ("AF_PACKET", FAMILY, "packet"),
    ("AF_ALG", FAMILY, "alg"),
    ("AF_VSOCK", FAMILY, "vsock"),
    ("AF_XDP", FAMILY, "xdp"),
    ("AF_INET", "", ""),
    ("AF_INET6", "", ""),
    ("AF_UNIX", "", ""),
    ("AF_LOCAL", "", ""),
    ("AF_NETLINK", "", ""),
];
const NAMESPACE: &str = "guardbee.namespace.changed";
const CLONE: &[Named] = &[
    ("CLONE_NEWCGROUP", NAMESPACE, "cgroup"),
    ("CLONE_NEWIPC", NAMESPACE, "ipc"),
    ("CLONE_NEWNET", NAMESPACE, "net"),
    ("CLONE_NEWNS", NAMESPACE, "mnt"),
    ("CLONE_NEWPID", NAMESPACE, "pid"),
    ("CLONE_NEWTIME", NAMESPACE, "time"),
    ("CLONE_NEWUSER", NAMESPACE, "user"),
    ("CLONE_NEWUTS", NAMESPACE, "uts"),
];
const UNCHANGED_CREDENTIALS: &[&str] =
    &["A call that leaves the process with the credentials it had is not seen."];

/// All of them.
pub(super) static KINDS: &[Kind] = &[
    open("file_open", &[]),
    // truncate(2) opens nothing.
    open("file_modify", &[(FLAGS, "|exists")]),
    open("file_create", &[]),
    open("folder_open", &[]),
    open(OPEN_FAILED, &[]),
    path(
        "rename",
        "file_rename",
        &["rename", "renameat", "renameat2"],
        &[
            (&[], "oldpath", SOURCE),
            (&[], "newpath", PATH),
            (&["renameat", "renameat2"], "olddirfd", NO_NUMBER),
            (&["renameat", "renameat2"], "newdirfd", NO_NUMBER),
            (&["renameat2"], "flags", NO_FLAGS),
        ],
    ),
    path(
        "link",
        "file_link",
        &["link", "linkat"],
        &[
            (&[], "oldpath", SOURCE),
            (&[], "newpath", PATH),
            (&["linkat"], "olddir", NO_NUMBER),
            (&["linkat"], "newdir", NO_NUMBER),
            (&["linkat"], "flags", NO_FLAGS),
        ],
    ),
    path(
        "symlink",
        "file_symlink",
        &["symlink", "symlinkat"],
        &[(&[], "target", SOURCE), (&[], "linkpath", PATH), (&["symlinkat"], "linkdirfd", NO_NUMBER)],
    ),
    path(
        "unlink",
        "file_delete",
        &["unlink", "unlinkat"],
        &[
            (&["unlink"], "path", PATH),
            (&["unlinkat"], "name", PATH),
            (&["unlinkat"], "dirfd", NO_NUMBER),
            (&["unlinkat"], "flags", NO_FLAGS),
        ],
    ),
    path(
        "rmdir",
        "folder_delete",
        &["rmdir", "unlinkat"],
        &[
            (&["rmdir"], "path", PATH),
            (&["unlinkat"], "name", PATH),
            (&["unlinkat"], "dirfd", NO_NUMBER),
            (&["unlinkat"], "flags", NO_FLAGS),
        ],
    ),
    path(
        "mkdir",
        "folder_create",
        &["mkdir", "mkdirat"],
        &[(&[], "path", PATH), (&[], "mode", NO_MODE), (&["mkdirat"], "dirfd", NO_NUMBER)],
    ),
    path(
        "mknod",
        "file_node",
        &["mknod", "mknodat"],
        &[
            (&[], "path", PATH),
            (&[], "mode", NO_MODE),
            (&[], "dev", NO_NUMBER),
            (&["mknodat"], "dirfd", NO_NUMBER),
        ],
    ),
    Kind {
        lines: &[("guardbee.file.attribute", "mode")],
        descriptor: Descriptor::Attribute,
        ..path(
            "chmod",
            "file_attribute",
            &["chmod", "fchmod", "fchmodat"],
            &[
                (&["chmod", "fchmodat"], "filename", PATH),
                (&[], "mode", Argument::Set(CHMOD)),
                (&["fchmod"], "fd", NO_NUMBER),
                (&["fchmodat"], "dirfd", NO_NUMBER),
            ],
        )
    },
    Kind {
        lines: &[("guardbee.file.attribute", "owner")],
        descriptor: Descriptor::Attribute,
        ..path(
            "chown",
            "file_attribute",
            &["chown", "lchown", "fchown", "fchownat"],
            &[
                (&["chown", "lchown"], "path", PATH),
                (&["fchownat"], "pathname", PATH),
                (&[], "uid", Argument::User("file.owner.id", None)),
                (&[], "gid", Argument::Missing("names of groups are not known")),
                (&["fchown"], "fd", NO_NUMBER),
                (&["fchownat"], "dirfd", NO_NUMBER),
                (&["fchownat"], "flags", NO_FLAGS),
            ],
        )
    },
    Kind {
        arguments: &[
            (&[], "request", Argument::One(PTRACE)),
            (&[], "pid", Argument::Text("guardbee.target.pid", Dialect::Same)),
            (&[], "addr", NO_NUMBER),
            (&[], "data", NO_NUMBER),
        ],
        beyond: &[("calls of ptrace that neither attach nor write", &["evt.arg.request"])],
        ..call("ptrace", "access", &["ptrace"])
    },
    call("process_vm_writev", "access", &["process_vm_writev"]),
    call("pidfd_getfd", "access", &["pidfd_getfd"]),
    Kind {
        descriptor: Descriptor::Unknown,
        arguments: &[(&[], "fd", NO_NUMBER), (&[], "nstype", NO_FLAGS)],
        ..call("setns", "namespace", &["setns"])
    },
    Kind {
        arguments: &[(&[], "flags", Argument::Set(CLONE))],
        notes: &["A call of `unshare` that asks for no namespace is not seen."],
        ..call("unshare", "namespace", &["unshare"])
    },
    Kind {
        arguments: &[
            (&[], "dev", Argument::Text("guardbee.mount.from", Dialect::Same)),
            (&[], "dir", Argument::Text("guardbee.mount.place", Dialect::Same)),
            (&[], "type", Argument::Text("guardbee.mount.type", Dialect::Same)),
            (&[], "flags", NO_FLAGS),
        ],
        ..call("mount", "mount", &["mount"])
    },
    Kind {
        lines: &[("guardbee.audit.syscall", "umount2")],
        ..path(
            "umount",
            "mount",
            &["umount2", "umount"],
            &[
                (&[], "name", Argument::Text("guardbee.mount.place", Dialect::Same)),
                (&["umount2"], "flags", NO_FLAGS),
            ],
        )
    },
    Kind {
        arguments: &[(&["chroot"], "path", Argument::Missing("the new root is recorded as it is now"))],
        ..call("root", "mount", &["chroot", "pivot_root"])
    },
    Kind {
        descriptor: Descriptor::Unknown,
        arguments: &[(&[], "cmd", Argument::One(BPF)), (&[], "fd", NO_NUMBER)],
        beyond: &[("calls of bpf that neither load nor attach a program", &["evt.arg.cmd"])],
        ..call("bpf", "extension", &["bpf"])
    },
    Kind {
        descriptor: Descriptor::Unknown,
        arguments: &[
            (&["init_module"], "img", NO_NUMBER),
            (&["init_module"], "length", NO_NUMBER),
            (&["finit_module"], "fd", NO_NUMBER),
            (&[], "uargs", Argument::Missing("parameters of modules are not recorded")),
            (&["finit_module"], "flags", NO_FLAGS),
        ],
        ..call("module", "extension", &["init_module", "finit_module"])
    },
    Kind {
        descriptor: Descriptor::Unknown,
        arguments: &[
            (&[], "domain", Argument::One(DOMAINS)),
            (&[], "type", Argument::Missing("types of sockets are recorded of rare families only")),
            (&[], "proto", Argument::Missing("protocols of sockets are not recorded")),
            (&[], "fd", NO_NUMBER),
        ],
        beyond: &[("sockets of common families", &["evt.arg.domain"])],
        ..call("socket", "socket_change", &["socket"])
    },
    Kind {
        descriptor: Descriptor::Standard,
        arguments: &[
            (&[], "fd", NO_NUMBER),
            (&[], "oldfd", NO_NUMBER),
            (&["dup2", "dup3"], "newfd", NO_NUMBER),
            (&["dup3"], "flags", NO_FLAGS),
        ],
        beyond: &[
            ("descriptors beyond standard error", &["evt.rawres"]),
            (
                "files and local sockets as standard input or output",
                &["fd.type", "fd.typechar", "fd.sockfamily"],
            ),
        ],
        ..call("dup", "socket_change", &["dup", "dup2", "dup3"])
    },
    Kind {
        arguments: &[(&[], "uid", Argument::User(A0, Some("guardbee.credentials.after.user.name")))],
        notes: UNCHANGED_CREDENTIALS,
        ..call("setuid", "credentials", &["setuid"])
    },
    Kind {
        arguments: &[
            (&[], "ruid", Argument::User(A0, None)),
            (&[], "euid", Argument::User("guardbee.audit.a1", None)),
            (&["setresuid"], "suid", Argument::User("guardbee.audit.a2", None)),
        ],
        notes: UNCHANGED_CREDENTIALS,
        ..call("setresuid", "credentials", &["setresuid", "setreuid"])
    },
    Kind {
        arguments: &[
            (&[], "gid", Argument::Missing("names of groups are not known")),
            (&[], "rgid", Argument::Missing("names of groups are not known")),
            (&[], "egid", Argument::Missing("names of groups are not known")),
            (&[], "sgid", Argument::Missing("names of groups are not known")),
        ],
        notes: UNCHANGED_CREDENTIALS,
        ..call("setgid", "credentials", &["setgid", "setresgid", "setregid"])
    },
    Kind {
        arguments: &[
            (&[], "cap_inheritable", Argument::Missing("capabilities are recorded where they are gained")),
            (&[], "cap_permitted", Argument::Missing("capabilities are recorded where they are gained")),
            (&[], "cap_effective", Argument::Missing("capabilities are recorded where they are gained")),
        ],
        notes: UNCHANGED_CREDENTIALS,
        ..call("capset", "credentials", &["capset"])
    },
    Kind {
        descriptor: Descriptor::Unknown,
        arguments: &[
            (&[], "name", Argument::Missing("names of memory files are recorded as the kernel makes them")),
            (&[], "fd", NO_NUMBER),
            (&[], "flags", NO_FLAGS),
        ],
        ..call("memfd_create", "memory", &["memfd_create"])
    },
    Kind {
        descriptor: Descriptor::Unknown,
        arguments: &[(&[], "flags", NO_FLAGS)],
        ..call("userfaultfd", "control", &["userfaultfd"])
    },
    Kind {
        lines: &[("guardbee.io_uring", "setup")],
        descriptor: Descriptor::Unknown,
        ..path(
            "io_uring_setup",
            "io_uring",
            &["io_uring_setup"],
            &[
                (&[], "entries", NO_NUMBER),
                (&[], "sq_entries", NO_NUMBER),
                (&[], "cq_entries", NO_NUMBER),
                (&[], "flags", NO_FLAGS),
                (&[], "sq_thread_cpu", NO_NUMBER),
                (&[], "sq_thread_idle", NO_NUMBER),
                (&[], "features", NO_FLAGS),
            ],
        )
    },
];
