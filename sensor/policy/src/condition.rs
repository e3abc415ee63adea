//! Where a policy holds: conditions on a cgroup, and what is known of it.
use crate::glob::{Glob, PathGlob};
use guardbee_model::container::{Configuration, Container, Qos};
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
    /// What a runtime's files say of it, where they are known.
    pub configured: Option<&'a Configuration>,
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

    /// Why nothing on the node tells it.
    pub(crate) const fn unknown(self) -> Option<&'static str> {
        match self {
            Self::Labels => {
                Some("the sensor doesn't ask Kubernetes: a pod's labels are not known on the node")
            }
            _ => None,
        }
    }

    /// What the cgroup alone doesn't tell: a runtime's files do, a moment later.
    pub(crate) const fn is_configured(self) -> bool {
        matches!(self, Self::Namespace | Self::Image)
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

/// Why an image or a namespace is not known.
const UNREAD: &str = "no runtime's file has told it, or not yet";

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
        let seen = self.seen(place);
        let unknown = self.subject.unknown();
        let unknown = unknown.or_else(|| (self.subject.is_configured() && seen.is_empty()).then_some(UNREAD));
        if let Some(why) = unknown {
            let container = place.container.is_some_and(|container| {
                // What isn't in a container has no image, and what isn't in a pod no namespace.
                self.subject == Subject::Image || container.pod.is_some()
            });
            return if container { Holds::Unknown(why) } else { Holds::No };
        }
        let is = |text: &str| !text.is_empty() && self.patterns.iter().any(|pattern| pattern.matches(text));
        // With its tag and digest, or without.
        let image = || place.configured?.image.as_ref().filter(|_| self.subject == Subject::Image);
        if is(seen) || image().is_some_and(|image| is(&image.name)) { Holds::Yes } else { Holds::No }
    }

    /// It is of containers or pods, and the place is in none.
    pub(crate) fn cannot_be(&self, place: &Place<'_>) -> bool {
        let of_container = self.subject.unknown().is_some() || self.subject.is_configured();
        of_container && self.seen(place).is_empty()
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
            Subject::Namespace => place.configured.map_or("", |known| &known.namespace),
            Subject::Image => {
                place.configured.and_then(|known| known.image.as_ref()).map_or("", |image| &image.reference)
            }
            Subject::Labels => "",
        }
    }

    /// Where `other` holds, this holds too.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let covered = |one: &Pattern| self.patterns.iter().any(|pattern| pattern.covers(one));
        self.subject == other.subject && other.patterns.iter().all(covered)
    }
}
