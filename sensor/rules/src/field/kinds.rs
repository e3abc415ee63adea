//! Sets of actions: what a rule looks at, and what has a field.
use guardbee_model::{file::Operation, finding::Action, system::Deed};

/// A set of actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kinds(u64);

impl Kinds {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const ACCEPT: Self = Self(1);
    pub(crate) const CONNECT: Self = Self(2);
    pub(crate) const EXEC: Self = Self(4);
    pub(crate) const EXIT: Self = Self(8);
    pub(crate) const FORK: Self = Self(16);
    pub(crate) const LISTEN: Self = Self(32);
    pub(crate) const REQUEST: Self = Self(64);
    pub(crate) const EXCHANGE: Self = Self(128);
    pub(crate) const ALL: Self = Self((1 << Self::COUNT) - 1);
    /// What is observed whatever rules look at: from these it is known who acts, and for which request.
    pub(crate) const ALWAYS: Self = Self(0xff);
    /// Of TCP and unix sockets.
    pub(crate) const STREAM: Self = Self::ACCEPT.or(Self::CONNECT);
    pub(super) const NET: Self = Self::CONNECTION.or(Self::LISTEN);
    /// What goes out.
    pub(crate) const OUTBOUND: Self = Self::CONNECT.or(Self::DATAGRAM);
    /// What network connections are to others: of TCP, unix sockets and UDP.
    pub(crate) const CONNECTION: Self = Self::ACCEPT.or(Self::OUTBOUND);
    pub(crate) const CREDENTIALS: Self = Self(1 << 8);
    pub(crate) const ACCESS: Self = Self(1 << 9);
    pub(crate) const NAMESPACE: Self = Self(1 << 10);
    pub(crate) const MOUNT: Self = Self(1 << 11);
    pub(crate) const SOCKET_CHANGE: Self = Self(1 << 12);
    pub(crate) const EXTENSION: Self = Self(1 << 13);
    pub(crate) const SIGNAL: Self = Self(1 << 14);
    pub(crate) const MEMORY: Self = Self(1 << 15);
    pub(crate) const TITLE: Self = Self(1 << 16);
    pub(crate) const IO_URING: Self = Self(1 << 17);
    pub(crate) const CONTROL: Self = Self(1 << 18);
    pub(crate) const DNS: Self = Self(1 << 19);
    pub(crate) const INQUIRY: Self = Self(1 << 20);
    pub(crate) const DATAGRAM: Self = Self(1 << 21);
    /// What is done to the system and to other processes, and what else is observed only where a rule looks at it.
    pub(crate) const SYSTEM: Self = Self(((1 << 14) - 1) << 8);
    /// Of these, what has another process as its target.
    pub(super) const TARGETED: Self = Self::ACCESS.or(Self::SIGNAL).or(Self::TITLE);
    /// Of these, what a system call that was looked at led to.
    pub(crate) const CALLED: Self = Self(
        Self::SYSTEM.0
            & !(Self::SIGNAL.0 | Self::TITLE.0 | Self::IO_URING.0 | Self::DNS.0 | Self::DATAGRAM.0),
    );
    /// What audit has records of a call of.
    pub(super) const AUDITED: Self = Self::EXEC.or(Self::CALLED);
    /// What audit has records of.
    pub(crate) const AUDIT: Self = Self::AUDITED.or(Self::FILE_DONE);
    /// Bit of the first of the file operations.
    const FIRST_FILE: u64 = 22;
    pub(crate) const FILE_OPEN: Self = Self::file(Operation::Open);
    pub(crate) const FILE_MODIFY: Self = Self::file(Operation::Modify);
    pub(crate) const FILE_CREATE: Self = Self::file(Operation::Create);
    pub(crate) const FILE_RENAME: Self = Self::file(Operation::Rename);
    pub(crate) const FILE_LINK: Self = Self::file(Operation::Link);
    pub(crate) const FILE_SYMLINK: Self = Self::file(Operation::Symlink);
    pub(crate) const FILE_DELETE: Self = Self::file(Operation::Delete);
    pub(crate) const FILE_ATTRIBUTE: Self = Self::file(Operation::Attribute);
    pub(crate) const FOLDER_CREATE: Self = Self::file(Operation::FolderCreate);
    pub(crate) const FOLDER_DELETE: Self = Self::file(Operation::FolderDelete);
    pub(crate) const FILE_NODE: Self = Self::file(Operation::Node);
    pub(crate) const FOLDER_OPEN: Self = Self::file(Operation::FolderOpen);
    pub(crate) const FILE_OPEN_FAILED: Self = Self::file(Operation::OpenFailed);
    /// Everything that is done to files.
    pub(crate) const FILE: Self = Self(0x1fff << Self::FIRST_FILE);
    /// Of these, what is looked at where a rule is about all of them: the others are many, and asked for by name.
    pub(crate) const FILE_DONE: Self = Self(Self::FILE.0 & !(Self::FOLDER_OPEN.0 | Self::FILE_OPEN_FAILED.0));
    /// Of these, what has found something, or left something there.
    pub(crate) const FILE_NAMED: Self = Self(Self::FILE.0 & !Self::FILE_OPEN_FAILED.0);
    /// Of these, what opens.
    pub(crate) const FILE_OPENED: Self = Self(
        Self::FILE_OPEN.0
            | Self::FILE_MODIFY.0
            | Self::FILE_CREATE.0
            | Self::FOLDER_OPEN.0
            | Self::FILE_OPEN_FAILED.0,
    );
    /// What says why it failed.
    pub(crate) const FAILING: Self = Self(Self::CONNECT.0 | Self::FILE_OPEN_FAILED.0);
    /// Of these, what has two paths.
    pub(crate) const FILE_SOURCED: Self = Self::FILE_RENAME.or(Self::FILE_LINK).or(Self::FILE_SYMLINK);
    /// Of these, what puts content under a name or changes it.
    pub(crate) const FILE_WRITE: Self = Self(
        Self::FILE_MODIFY.0
            | Self::FILE_CREATE.0
            | Self::FILE_RENAME.0
            | Self::FILE_LINK.0
            | Self::FILE_SYMLINK.0,
    );
    /// Bits of the mask.
    pub(crate) const COUNT: usize = 35;
    const NAMED: [(&'static str, Self); Self::COUNT] = [
        ("accept", Self::ACCEPT),
        ("connect", Self::CONNECT),
        ("exec", Self::EXEC),
        ("exit", Self::EXIT),
        ("fork", Self::FORK),
        ("listen", Self::LISTEN),
        ("request", Self::REQUEST),
        ("exchange", Self::EXCHANGE),
        ("credentials", Self::CREDENTIALS),
        ("access", Self::ACCESS),
        ("namespace", Self::NAMESPACE),
        ("mount", Self::MOUNT),
        ("socket_change", Self::SOCKET_CHANGE),
        ("extension", Self::EXTENSION),
        ("signal", Self::SIGNAL),
        ("memory", Self::MEMORY),
        ("title", Self::TITLE),
        ("io_uring", Self::IO_URING),
        ("control", Self::CONTROL),
        ("dns", Self::DNS),
        ("inquiry", Self::INQUIRY),
        ("datagram", Self::DATAGRAM),
        ("file_open", Self::FILE_OPEN),
        ("file_modify", Self::FILE_MODIFY),
        ("file_create", Self::FILE_CREATE),
        ("file_rename", Self::FILE_RENAME),
        ("file_link", Self::FILE_LINK),
        ("file_symlink", Self::FILE_SYMLINK),
        ("file_delete", Self::FILE_DELETE),
        ("file_attribute", Self::FILE_ATTRIBUTE),
        ("folder_create", Self::FOLDER_CREATE),
        ("folder_delete", Self::FOLDER_DELETE),
        ("file_node", Self::FILE_NODE),
        ("folder_open", Self::FOLDER_OPEN),
        ("file_open_failed", Self::FILE_OPEN_FAILED),
    ];

    pub(crate) const fn file(operation: Operation) -> Self {
        // A fieldless enum: the discriminant is its place.
        Self(1 << (Self::FIRST_FILE + operation as u64))
    }

    pub(crate) fn of(action: &Action) -> Self {
        match action {
            Action::Accept(_) => Self::ACCEPT,
            Action::Connect(_) => Self::CONNECT,
            Action::Datagram(_) => Self::DATAGRAM,
            Action::Exec(_) => Self::EXEC,
            Action::Exit(_) => Self::EXIT,
            Action::File(file) => Self::file(file.operation),
            Action::Fork(_) => Self::FORK,
            Action::Listen(_) => Self::LISTEN,
            Action::RequestHead(_) => Self::REQUEST,
            Action::Exchange(..) => Self::EXCHANGE,
            Action::System(system, _) => Self::of_deed(&system.deed),
        }
    }

    /// What a system call leads to, of those that are seen.
    pub(crate) fn of_call(name: &str) -> Self {
        match name {
            "execve" | "execveat" => Self::EXEC,
            "setuid" | "setgid" | "setreuid" | "setregid" | "setresuid" | "setresgid" | "setfsuid"
            | "setfsgid" | "setgroups" | "capset" => Self::CREDENTIALS,
            "ptrace" | "process_vm_readv" | "process_vm_writev" | "pidfd_getfd" | "prlimit64"
            | "setpriority" | "ioprio_set" | "sched_setaffinity" | "sched_setscheduler"
            | "sched_setparam" | "sched_setattr" => Self::ACCESS,
            "setns" | "unshare" | "clone" => Self::NAMESPACE,
            "mount" | "umount2" | "move_mount" | "pivot_root" | "chroot" => Self::MOUNT,
            "socket" | "bind" | "setsockopt" | "dup" | "dup2" | "dup3" => Self::SOCKET_CHANGE,
            "bpf" | "perf_event_open" | "init_module" | "finit_module" | "kexec_load" | "kexec_file_load" => {
                Self::EXTENSION
            }
            "mprotect" | "pkey_mprotect" | "mmap" | "memfd_create" => Self::MEMORY,
            "reboot" | "syslog" | "userfaultfd" | "open_by_handle_at" => Self::CONTROL,
            "sysinfo" => Self::INQUIRY,
            _ => Self::NONE,
        }
    }

    const fn of_deed(deed: &Deed) -> Self {
        match deed {
            Deed::Credentials(_) => Self::CREDENTIALS,
            Deed::Access(_) => Self::ACCESS,
            Deed::Namespace(_) => Self::NAMESPACE,
            Deed::Mount(_) => Self::MOUNT,
            Deed::SocketChange(_) => Self::SOCKET_CHANGE,
            Deed::Extension(_) => Self::EXTENSION,
            Deed::Signal(_) => Self::SIGNAL,
            Deed::Memory(_) => Self::MEMORY,
            Deed::Title(_) => Self::TITLE,
            Deed::IoUring(_) => Self::IO_URING,
            Deed::Control(_) => Self::CONTROL,
            Deed::Inquiry => Self::INQUIRY,
            Deed::Lookup(_) => Self::DNS,
        }
    }

    /// Bits of those that are done to the system, from the first on.
    pub(crate) fn system(self) -> u32 {
        u32::try_from((self.0 & Self::SYSTEM.0) >> Self::SYSTEM.0.trailing_zeros()).unwrap_or(0)
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::NAMED.iter().find(|(known, _)| *known == name).map(|(_, kinds)| *kinds)
    }

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Each alone.
    pub(crate) fn each() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(|bit| Self(1 << bit))
    }

    /// Positions of the members, for tables by action.
    pub(crate) fn indices(self) -> impl Iterator<Item = usize> {
        (0..Self::COUNT).filter(move |bit| self.0 >> bit & 1 == 1)
    }

    /// `accept or connect`.
    pub(crate) fn names(self) -> String {
        // All of what is done to files is told in two words.
        let done = if self.0 & Self::FILE.0 == Self::FILE.0 { Self::FILE } else { Self::FILE_DONE };
        let files = self.0 & done.0 == done.0;
        let rest = if files { Self(self.0 & !done.0) } else { self };
        rest.members().chain(files.then_some("any file_*, folder_*")).collect::<Vec<_>>().join(" or ")
    }

    /// Names of the members.
    pub(crate) fn members(self) -> impl Iterator<Item = &'static str> {
        Self::NAMED.iter().filter(move |(_, kinds)| self.meets(*kinds)).map(|(name, _)| *name)
    }

    pub(crate) fn all_names() -> impl Iterator<Item = &'static str> {
        Self::NAMED.iter().map(|(name, _)| *name)
    }
}
