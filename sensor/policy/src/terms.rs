//! What holds in a scope: what is observed, whether payload is read, how many events there may be.
use guardbee_model::file::Operation;

/// Actions on files that a policy may leave out, by the names that rules have for them.
pub const FILES: [&str; Operation::ALL.len()] = [
    Operation::Open.name(),
    Operation::Modify.name(),
    Operation::Create.name(),
    Operation::Rename.name(),
    Operation::Link.name(),
    Operation::Symlink.name(),
    Operation::Delete.name(),
    Operation::Attribute.name(),
    Operation::FolderCreate.name(),
    Operation::FolderDelete.name(),
    Operation::Node.name(),
    Operation::FolderOpen.name(),
    Operation::OpenFailed.name(),
];

/// Actions on the system and on other processes, likewise.
pub const SYSTEM: [&str; 14] = [
    "credentials",
    "access",
    "namespace",
    "mount",
    "socket_change",
    "extension",
    "signal",
    "memory",
    "title",
    "io_uring",
    "control",
    "dns",
    "inquiry",
    "datagram",
];

/// Always observed: from them it is known who acts, and for which request.
pub(crate) const ALWAYS: [&str; 6] = ["fork", "exec", "exit", "accept", "connect", "listen"];
/// Made of payload.
pub(crate) const OF_PAYLOAD: [&str; 2] = ["request", "exchange"];

/// Names of several actions at once.
pub(crate) const GROUPS: [(&str, &[&str]); 2] = [("files", &FILES), ("system", &SYSTEM)];

/// A set of the actions that may be left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Actions(u32);

impl Actions {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const ALL: Self = Self((1 << (FILES.len() + SYSTEM.len())) - 1);

    /// Of an action's name or a group's.
    pub(crate) fn named(name: &str) -> Option<Self> {
        if let Some((_, members)) = GROUPS.into_iter().find(|(group, _)| *group == name) {
            return Some(members.iter().filter_map(|name| Self::named(name)).fold(Self::NONE, Self::or));
        }
        Self::names().position(|known| known == name).map(|at| Self(1 << at))
    }

    pub(crate) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// All that there are.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        FILES.into_iter().chain(SYSTEM)
    }

    pub(crate) fn members(self) -> impl Iterator<Item = &'static str> {
        Self::names().enumerate().filter(move |(at, _)| self.0 >> at & 1 == 1).map(|(_, name)| name)
    }
}

/// How many events there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// Of each kind of event, of each cgroup.
    pub events_per_second: u32,
    /// Likewise, at once after a pause.
    pub burst: u32,
}

/// What holds in a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Payload may be read.
    pub payload: bool,
    /// [`None`]: as many events as there is room for.
    pub throttle: Option<Throttle>,
    pub(crate) observed: Actions,
}

impl Default for Terms {
    /// As without any policy.
    fn default() -> Self {
        Self { payload: true, throttle: None, observed: Actions::ALL }
    }
}

impl Terms {
    /// Actions that are not observed.
    pub fn left_out(&self) -> impl Iterator<Item = &'static str> + use<> {
        Actions::ALL.without(self.observed).members()
    }

    /// In words: `observes files, payload never, at most 5 events/s`.
    pub fn describe(&self) -> String {
        let observed = match Actions::ALL.without(self.observed) {
            Actions::NONE => "observes all".to_owned(),
            Actions::ALL => "observes processes and connections alone".to_owned(),
            left => {
                let names: Vec<_> = left.members().collect();
                format!("leaves out {}", names.join(" "))
            }
        };
        let payload = if self.payload { "payload read" } else { "payload never read" };
        let throttle = self.throttle.map_or_else(String::new, |Throttle { events_per_second, burst }| {
            format!(", at most {events_per_second} events/s of a kind, {burst} at once")
        });
        format!("{observed}, {payload}{throttle}")
    }
}

/// What a policy says of its own; the rest is the default's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) observed: Option<Actions>,
    pub(crate) left_out: Actions,
    pub(crate) payload: Option<bool>,
    pub(crate) throttle: Option<Limit>,
}

/// What a policy says of its throttle: that there is none is more than nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    Lifted,
    At(Throttle),
}

impl Said {
    pub(crate) fn over(self, default: Terms) -> Terms {
        Terms {
            observed: self.observed.unwrap_or(default.observed).without(self.left_out),
            payload: self.payload.unwrap_or(default.payload),
            throttle: match self.throttle {
                None => default.throttle,
                Some(Limit::Lifted) => None,
                Some(Limit::At(throttle)) => Some(throttle),
            },
        }
    }
}
