//! Where a policy holds: conditions on a cgroup, and what is known of it.
use crate::glob::{Glob, PathGlob};
use guardbee_model::container::{Container, Qos};
use guardbee_yaml::Mark;

/// A cgroup, as far as the node itself tells.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The whole path, from the root of its hierarchy.
    pub path: &'a str,
    /// The outermost systemd unit; empty: none.
    pub unit: &'a str,
    /// The outermost container.
    pub container: Option<&'a Container>,
}

/// What a condition looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Cgroup,
    Unit,
    Runtime,
    Container,
    Pod,
    Qos,
    Namespace,
    Labels,
    Image,
}

impl Subject {
    pub(crate) const ALL: [Self; 9] = [
        Self::Cgroup,
        Self::Unit,
        Self::Runtime,
        Self::Container,
        Self::Pod,
        Self::Qos,
        Self::Namespace,
        Self::Labels,
        Self::Image,
    ];

    /// Its key under `match`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Cgroup => "cgroup",
            Self::Unit => "unit",
            Self::Runtime => "runtime",
            Self::Container => "container",
            Self::Pod => "pod",
            Self::Qos => "qos",
            Self::Namespace => "namespace",
            Self::Labels => "labels",
            Self::Image => "image",
        }
    }

    /// Why no cgroup tells it.
    pub(crate) const fn unknown(self) -> Option<&'static str> {
        match self {
            Self::Namespace | Self::Labels => Some(
                "the sensor doesn't ask Kubernetes: a pod's namespace and labels are not known on the node",
            ),
            Self::Image => Some(
                "the sensor doesn't ask the container runtime: a container's image is not known on the node",
            ),
            _ => None,
        }
    }
}

/// Names that runtimes are known by.
pub(crate) const RUNTIMES: [&str; 7] =
    ["docker", "containerd", "cri-o", "podman", "lxc", "systemd-nspawn", "libvirt-lxc"];

/// One of the values that a condition allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    Path(PathGlob),
    Name(Glob),
    /// A label's name, and its value.
    Label(Box<str>, Glob),
}

impl Pattern {
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Path(one), Self::Path(other)) => one.covers(other),
            (Self::Name(one), Self::Name(other)) => one.covers(other),
            (Self::Label(name, one), Self::Label(of, other)) => name == of && one.covers(other),
            _ => false,
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Path(path) => path.matches(text),
            Self::Name(name) | Self::Label(_, name) => name.matches(text),
        }
    }
}

/// Holds where any of its patterns matches.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    pub(crate) subject: Subject,
    pub(crate) patterns: Vec<Pattern>,
    /// As it was written.
    pub(crate) text: Box<str>,
    pub(crate) mark: Mark,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    Yes,
    No,
    /// Nothing here tells.
    Unknown(&'static str),
}

impl Condition {
    pub(crate) fn holds(&self, place: &Place<'_>) -> Holds {
        if let Some(why) = self.subject.unknown() {
            let container = place.container.is_some_and(|container| {
                // What isn't in a container has no image, and what isn't in a pod no namespace.
                self.subject == Subject::Image || container.pod.is_some()
            });
            return if container { Holds::Unknown(why) } else { Holds::No };
        }
        let seen = self.seen(place);
        if !seen.is_empty() && self.patterns.iter().any(|pattern| pattern.matches(seen)) {
            Holds::Yes
        } else {
            Holds::No
        }
    }

    /// What the place has of it; empty: nothing.
    pub(crate) fn seen<'a>(&self, place: &Place<'a>) -> &'a str {
        let container = place.container;
        let pod = container.and_then(|container| container.pod.as_ref());
        match self.subject {
            Subject::Cgroup => place.path,
            Subject::Unit => place.unit,
            Subject::Runtime => container.map_or("", |container| &container.runtime),
            Subject::Container => container.map_or("", |container| &container.id),
            Subject::Pod => pod.map_or("", |pod| &pod.uid),
            Subject::Qos => pod.map_or("", |pod| Qos::name(pod.qos)),
            Subject::Namespace | Subject::Labels | Subject::Image => "",
        }
    }

    /// Where `other` holds, this holds too.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let covered = |one: &Pattern| self.patterns.iter().any(|pattern| pattern.covers(one));
        self.subject == other.subject && other.patterns.iter().all(covered)
    }
}
