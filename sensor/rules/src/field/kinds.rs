//! Sets of actions: what a rule looks at, and what has a field.
use guardbee_model::finding::Action;

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
    /// Bits of the mask.
    pub(crate) const COUNT: usize = 8;
    const NAMED: [(&'static str, Self); Self::COUNT] = [
        ("accept", Self::ACCEPT),
        ("connect", Self::CONNECT),
        ("exec", Self::EXEC),
        ("exit", Self::EXIT),
        ("fork", Self::FORK),
        ("listen", Self::LISTEN),
        ("request", Self::REQUEST),
        ("exchange", Self::EXCHANGE),
    ];

    pub(crate) const fn of(action: &Action) -> Self {
        match action {
            Action::Accept(_) => Self::ACCEPT,
            Action::Connect(_) => Self::CONNECT,
            Action::Exec(_) => Self::EXEC,
            Action::Exit(_) => Self::EXIT,
            Action::Fork(_) => Self::FORK,
            Action::Listen(_) => Self::LISTEN,
            Action::RequestHead(_) => Self::REQUEST,
            Action::Exchange(..) => Self::EXCHANGE,
        }
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
