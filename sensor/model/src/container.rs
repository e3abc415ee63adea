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

/// What a runtime's own files say of a container. Names are as it was asked for: whoever may start containers has chosen them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// Of its image; [`None`]: not known.
    pub image: Option<Image>,
    /// As the runtime calls it, in a pod the pod's name for it; empty: not known.
    pub name: Box<str>,
    /// Name of the Kubernetes pod; empty: not known, or none. This and the next two.
    pub pod: Box<str>,
    /// Namespace of the pod.
    pub namespace: Box<str>,
    /// What the pod calls this container.
    pub pod_container: Box<str>,
    /// Whether it was given all that its runtime can give.
    pub privileged: Option<bool>,
    /// The bounding set that its first process begins with, a bit for each of [`crate::system::CAPABILITIES`].
    pub capabilities: Option<u64>,
}

/// A reference to an image, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// The whole, as the runtime has it.
    pub reference: Box<str>,
    /// Registry and repository; empty: it is referred to by its digest alone.
    pub name: Box<str>,
    /// Empty: none was said.
    pub tag: Box<str>,
    /// Such as `sha256:` and 64 hex digits; empty: none was said.
    pub digest: Box<str>,
}

impl Image {
    /// Takes a reference apart: `registry:5000/shop/web:1.2@sha256:...`. Total.
    pub fn new(reference: &str) -> Self {
        let (rest, digest) = match reference.split_once('@') {
            Some((rest, digest)) => (rest, digest),
            None if is_digest(reference) => ("", reference),
            None => (reference, ""),
        };
        let (name, tag) = match rest.rsplit_once(':') {
            // A port is followed by a path.
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (rest, ""),
        };
        Self { reference: reference.into(), name: name.into(), tag: tag.into(), digest: digest.into() }
    }

    /// Puts one together.
    pub fn join(name: &str, tag: &str, digest: &str) -> Self {
        let before =
            |mark: &str, text: &str| if text.is_empty() { String::new() } else { format!("{mark}{text}") };
        let reference = format!("{name}{}{}", before(":", tag), before("@", digest));
        Self { reference: reference.into(), name: name.into(), tag: tag.into(), digest: digest.into() }
    }
}

/// `sha256:` and its digits, or these alone.
fn is_digest(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_taken_apart() {
        let hex = "0123456789abcdef".repeat(4);
        let sha = format!("sha256:{hex}");
        for (reference, name, tag, digest) in [
            ("nginx", "nginx", "", ""),
            ("nginx:1.25", "nginx", "1.25", ""),
            ("registry:5000/shop/web", "registry:5000/shop/web", "", ""),
            ("registry:5000/shop/web:1.2", "registry:5000/shop/web", "1.2", ""),
            (&format!("ghcr.io/a/b:v1@{sha}"), "ghcr.io/a/b", "v1", &sha),
            (&format!("ghcr.io/a/b@{sha}"), "ghcr.io/a/b", "", &sha),
            (&sha, "", "", &sha),
            (&hex, "", "", &hex),
            ("", "", "", ""),
            (":", "", "", ""),
            ("@", "", "", ""),
        ] {
            let image = Image::new(reference);
            assert_eq!((&*image.name, &*image.tag, &*image.digest), (name, tag, digest), "{reference}");
            assert_eq!(&*image.reference, reference);
        }
    }
}
