//! What is done to processes: credentials, memory, namespaces, signals, names.
use super::Target;
use crate::process::{Credentials, Fd, ProcessKey, User};

/// A thread's credentials changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When last looked at; [`None`]: never.
    pub before: Option<Credentials>,
    /// Now.
    pub after: Credentials,
    /// Name of the effective user now; [`None`]: not known.
    pub user: Option<User>,
    /// Supplementary groups, after it.
    pub groups: u32,
    /// Inode number of the user namespace.
    pub user_ns: u32,
    /// No call, and no exec, could have led from the one to the other.
    pub unexplained: bool,
}

/// Names of capability bits: capabilities(7).
pub const CAPABILITIES: [&str; 41] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];

/// Names of the bits of a set of capabilities.
pub fn capabilities(bits: u64) -> impl Iterator<Item = &'static str> {
    // Most processes have none.
    let mut rest = bits;
    let set = std::iter::from_fn(move || {
        let bit = (rest != 0).then(|| rest.trailing_zeros())?;
        rest &= rest - 1;
        Some(bit)
    });
    set.filter_map(|bit| CAPABILITIES.get(bit as usize).copied())
}

impl Change {
    /// Effective capabilities that it has now and had not; none where the former are not known.
    pub fn gained(&self) -> impl Iterator<Item = &'static str> {
        capabilities(self.before.map_or(0, |before| self.after.effective & !before.effective))
    }
}

/// How a process reached into another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Traces it from now on.
    Attached,
    /// Lets its parent trace it: of its own will.
    Traced,
    /// Wrote its memory.
    Wrote,
    /// Changed its registers.
    Registers,
    /// Read its memory.
    Read,
    /// Took a copy of a descriptor.
    Descriptor,
    /// Set how much it may use.
    Limited,
    /// Set when and where it runs: priority, policy, processors.
    Scheduled,
}

impl Reach {
    /// All, in the order of their numbers in the kernel half, which begin with 1.
    pub const ALL: [Self; 8] = [
        Self::Attached,
        Self::Traced,
        Self::Wrote,
        Self::Registers,
        Self::Read,
        Self::Descriptor,
        Self::Limited,
        Self::Scheduled,
    ];

    /// All names, for rules.
    pub const NAMES: &'static [&'static str] =
        &["attached", "traced", "wrote", "registers", "read", "descriptor", "limited", "scheduled"];

    /// Ours.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attached => "attached",
            Self::Traced => "traced",
            Self::Wrote => "wrote",
            Self::Registers => "registers",
            Self::Read => "read",
            Self::Descriptor => "descriptor",
            Self::Limited => "limited",
            Self::Scheduled => "scheduled",
        }
    }
}

/// A process reached into another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// How.
    pub reach: Reach,
    /// Whom; [`None`]: its parent, who was gone at once, or all processes of a user.
    pub target: Option<Target>,
    /// The descriptor that was taken.
    pub fd: Fd,
    /// Moved.
    pub bytes: u64,
}

/// Kinds of namespaces, in the order of the bits of [`Namespace::changed`]: namespaces(7).
pub const NAMESPACES: [&str; 8] = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];

/// A process is in other namespaces, or its new child is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Whose they are: the caller, or the child.
    pub subject: Option<ProcessKey>,
    /// Inode numbers by kind.
    pub after: [u32; 8],
    /// Bits of those that were entered or made, of a child's those that aren't its parent's.
    pub changed: u8,
    /// Of these, those that are the first process's.
    pub host: u8,
}

impl Namespace {
    /// Names of the bits.
    pub fn names(bits: u8) -> impl Iterator<Item = &'static str> {
        NAMESPACES.into_iter().enumerate().filter(move |(bit, _)| bits >> bit & 1 == 1).map(|(_, name)| name)
    }
}

/// A signal that ends or stops was sent to another process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// To whom.
    pub target: Target,
    /// `SI_*`.
    pub code: i32,
    /// signal(7).
    pub number: u16,
}

impl Signal {
    /// By number, as in signal(7): of those that end or stop, and of real-time ones as the C library counts them, which has
    /// two for itself. Empty: it neither ends nor stops.
    #[rustfmt::skip]
    pub const NAMES: [&'static str; 65] = [
        "", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL",
        "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "", "", "SIGSTOP",
        "SIGTSTP", "SIGTTIN", "SIGTTOU", "", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "", "SIGIO",
        "SIGPWR", "SIGSYS", "SIGRTMIN-2", "SIGRTMIN-1", "SIGRTMIN", "SIGRTMIN+1", "SIGRTMIN+2", "SIGRTMIN+3",
        "SIGRTMIN+4", "SIGRTMIN+5", "SIGRTMIN+6", "SIGRTMIN+7", "SIGRTMIN+8", "SIGRTMIN+9", "SIGRTMIN+10",
        "SIGRTMIN+11", "SIGRTMIN+12", "SIGRTMIN+13", "SIGRTMIN+14", "SIGRTMIN+15", "SIGRTMIN+16",
        "SIGRTMIN+17", "SIGRTMIN+18", "SIGRTMIN+19", "SIGRTMIN+20", "SIGRTMIN+21", "SIGRTMIN+22",
        "SIGRTMIN+23", "SIGRTMIN+24", "SIGRTMIN+25", "SIGRTMIN+26", "SIGRTMIN+27", "SIGRTMIN+28",
        "SIGRTMIN+29", "SIGRTMAX",
    ];

    /// Its name.
    pub fn name(&self) -> &'static str {
        Self::NAMES.get(usize::from(self.number)).copied().unwrap_or("")
    }
}

/// What memory became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryKind {
    /// What there was became executable.
    Protected,
    /// Executable without a file, or writable at once.
    Mapped,
    /// A file that lives in memory only.
    File,
}

impl MemoryKind {
    /// All names, for rules.
    pub const NAMES: &'static [&'static str] = &["protected", "mapped", "file"];

    /// Ours.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Protected => "protected",
            Self::Mapped => "mapped",
            Self::File => "file",
        }
    }
}

/// Memory became executable, or a file was made in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// What.
    pub what: MemoryKind,
    /// Of its first byte.
    pub address: u64,
    /// Bytes.
    pub length: u64,
    /// `PROT_*`.
    pub protection: u32,
    /// Name of the file.
    pub detail: Box<[u8]>,
}

impl Memory {
    /// Writable and executable at once.
    pub const fn is_writable(&self) -> bool {
        self.protection & 2 != 0
    }
}

/// A thread's name was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title {
    /// Whose; its comm is the old name.
    pub target: Target,
    /// The new one.
    pub after: Box<[u8]>,
}
