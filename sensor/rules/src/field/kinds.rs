//! Sets of actions: what a rule looks at, and what has a field.
use guardbee_model::{finding::Action, system::Deed};

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
    pub(super) const NET: Self = Self(1 | 2 | 32);
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
    /// What is done to the system and to other processes.
    pub(crate) const SYSTEM: Self = Self(((1 << 11) - 1) << 8);
    /// Of these, what has another process as its target.
    pub(super) const TARGETED: Self = Self::ACCESS.or(Self::SIGNAL).or(Self::TITLE);
    /// Of these, what a system call that was looked at led to.
    pub(super) const CALLED: Self =
        Self(Self::SYSTEM.0 & !(Self::SIGNAL.0 | Self::TITLE.0 | Self::IO_URING.0));
    /// What audit has records of.
    pub(super) const AUDITED: Self = Self::EXEC.or(Self::CALLED);
    /// Bits of the mask.
    pub(crate) const COUNT: usize = 19;
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
    ];

    pub(crate) fn of(action: &Action) -> Self {
        match action {
            Action::Accept(_) => Self::ACCEPT,
            Action::Connect(_) => Self::CONNECT,
            Action::Exec(_) => Self::EXEC,
            Action::Exit(_) => Self::EXIT,
            Action::Fork(_) => Self::FORK,
            Action::Listen(_) => Self::LISTEN,
            Action::RequestHead(_) => Self::REQUEST,
            Action::Exchange(..) => Self::EXCHANGE,
            Action::System(system, _) => Self::of_deed(&system.deed),
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

    /// Positions of the members, for tables by action.
    pub(crate) fn indices(self) -> impl Iterator<Item = usize> {
        (0..Self::COUNT).filter(move |bit| self.0 >> bit & 1 == 1)
    }

    /// `accept or connect`.
    pub(crate) fn names(self) -> String {
        self.members().collect::<Vec<_>>().join(" or ")
    }

    /// Names of the members.
    pub(crate) fn members(self) -> impl Iterator<Item = &'static str> {
        Self::NAMED.iter().filter(move |(_, kinds)| self.meets(*kinds)).map(|(name, _)| *name)
    }

    pub(crate) fn all_names() -> impl Iterator<Item = &'static str> {
        Self::NAMED.iter().map(|(name, _)| *name)
    }
}
