//! Containers, pods and units: where on the node a process belongs.

/// A container, as far as the node itself tells.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Container {
    /// 64 hex digits for OCI runtimes; the name for those that know containers by name (LXC, nspawn).
    pub id: Box<str>,
    /// `docker`, `containerd`, `cri-o`, `podman`, `lxc`, ...; empty: unknown.
    pub runtime: Box<str>,
    /// The Kubernetes pod that it is part of.
    pub pod: Option<Pod>,
}

impl Container {
    /// One of which nothing else is known.
    pub fn new(id: &str, runtime: &str) -> Self {
        Self { id: id.into(), runtime: runtime.into(), pod: None }
    }
}

/// A Kubernetes pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pod {
    /// The API's UID, in small letters: 36 characters with dashes; of a static pod 32 hex digits, the hash of its manifest.
    pub uid: Box<str>,
    /// What the scheduler promised it.
    pub qos: Qos,
}

/// Quality of service of a pod (Kubernetes, `PodQOSClass`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names of Kubernetes")]
pub enum Qos {
    Guaranteed,
    Burstable,
    BestEffort,
}

impl Qos {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Guaranteed, Self::Burstable, Self::BestEffort];

    /// As Kubernetes writes it in the names of cgroups, but in full.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Guaranteed => "guaranteed",
            Self::Burstable => "burstable",
            Self::BestEffort => "besteffort",
        }
    }
}

/// A control group and what its names say besides a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cgroup {
    /// From the root of its hierarchy, beginning with `/`. Where only the last names are known it begins with a name.
    pub path: Box<[u8]>,
    /// The systemd unit, such as `ssh.service` or `session-3.scope`; empty: none. Of a user's units, the user manager's own.
    pub unit: Box<str>,
    /// The innermost systemd slice around unit and container; empty: none.
    pub slice: Box<str>,
}
