//! Which container a cgroup belongs to, by the names that runtimes give.
//!
//! A workload may make cgroups below its own and name them as it likes. So in a path the outermost name counts, and what
//! a path says stands over what a leaf alone says ([`Cgroups`] sees to that).
use guardbee_model::process::Container;
use lru::LruCache;
use std::{num::NonZeroUsize, sync::Arc};

/// Prefix and suffix of a systemd scope, and the runtime that names it so.
const SCOPES: [(&str, &str); 5] = [
    ("docker-", "docker"),
    ("cri-containerd-", "containerd"),
    ("nerdctl-", "containerd"),
    ("crio-", "cri-o"),
    ("libpod-", "podman"),
];
/// Parents of a directory that is named by the bare id (the cgroupfs driver).
const PARENTS: [(&str, &str); 2] = [("docker", "docker"), ("libpod_parent", "podman")];
/// Of files that workloads influence, no more than this is looked at.
const FILE_MAX: usize = 64 << 10;

/// The container that the last component of a cgroup's path names.
pub fn from_leaf(leaf: &[u8]) -> Option<Container> {
    named(std::str::from_utf8(leaf).ok()?, None)
}

/// The container that `/proc/PID/cgroup` names: the unified hierarchy, then memory and pids, then any other.
pub fn from_proc(content: &[u8]) -> Option<Container> {
    let content = content.get(..content.len().min(FILE_MAX))?;
    let lines = || content.split(|&byte| byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    let with = |wanted: fn(&str) -> bool| {
        lines().find_map(move |line| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            if wanted(controllers) { from_path(path) } else { None }
        })
    };
    with(str::is_empty)
        .or_else(|| with(|names| names.split(',').any(|name| matches!(name, "memory" | "pids"))))
        .or_else(|| with(|_| true))
}

/// What cgroups are known to be.
#[derive(Debug)]
pub(crate) struct Cgroups {
    known: LruCache<u64, Cgroup>,
    forgotten: u64,
}

#[derive(Debug, Default)]
struct Cgroup {
    container: Option<Arc<Container>>,
    /// By its path, not by its leaf name alone.
    certain: bool,
    asked: u8,
}

/// What a path told.
#[derive(Debug)]
pub(crate) struct Learned {
    pub(crate) before: Option<Arc<Container>>,
    pub(crate) now: Option<Arc<Container>>,
}

/// How often a cgroup's path is asked for: whoever was asked about may have ended meanwhile.
const ASKED_MAX: u8 = 3;

impl Cgroups {
    pub(crate) fn new(limit: NonZeroUsize) -> Self {
        Self { known: LruCache::new(limit), forgotten: 0 }
    }

    /// The container: what the path said, or else what the leaf name says until the path is known. Second: the path
    /// should be asked for.
    pub(crate) fn container(&mut self, id: u64, leaf: &[u8]) -> (Option<Arc<Container>>, bool) {
        let cgroup = self.get(id);
        if !cgroup.certain && cgroup.container.is_none() {
            cgroup.container = from_leaf(leaf).map(Arc::new);
        }
        let ask = !cgroup.certain && cgroup.asked < ASKED_MAX;
        cgroup.asked += u8::from(ask);
        (cgroup.container.clone(), ask)
    }

    /// Takes the content of `/proc/PID/cgroup` of a member: which container it is in, and which it was thought to be in.
    pub(crate) fn learn(&mut self, id: u64, content: &[u8]) -> Learned {
        let found = from_proc(content);
        let cgroup = self.get(id);
        cgroup.certain = true;
        let before = cgroup.container.clone();
        if before.as_deref() != found.as_ref() {
            cgroup.container = found.map(Arc::new);
        }
        Learned { before, now: cgroup.container.clone() }
    }

    /// Cgroups that there was no room for since this was last asked.
    pub(crate) fn take_forgotten(&mut self) -> u64 {
        std::mem::take(&mut self.forgotten)
    }

    fn get(&mut self, id: u64) -> &mut Cgroup {
        let full = self.known.len() == self.known.cap().get() && !self.known.contains(&id);
        self.forgotten += u64::from(full);
        self.known.get_or_insert_mut(id, Cgroup::default)
    }
}

fn from_path(path: &str) -> Option<Container> {
    let mut parent = None;
    for name in path.split('/') {
        if let Some(container) = named(name, parent) {
            return Some(container);
        }
        parent = Some(name);
    }
    None
}

fn named(name: &str, parent: Option<&str>) -> Option<Container> {
    // The kubelet's systemd driver may leave a prefix: `kubepods-...-pod1.slice:cri-containerd:<id>`.
    if let Some((rest, id)) = name.rsplit_once(':') {
        let runtime = rest.rsplit(':').next().unwrap_or_default();
        let (_, runtime) = SCOPES.into_iter().find(|(prefix, _)| prefix.trim_end_matches('-') == runtime)?;
        return is_id(id).then(|| container(id, runtime));
    }
    if let Some(scope) = name.strip_suffix(".scope") {
        let known =
            SCOPES.into_iter().find_map(|(prefix, runtime)| Some((scope.strip_prefix(prefix)?, runtime)));
        // A runtime that is not in the table: the id is what it is by its form.
        let (id, runtime) = known.or_else(|| Some((scope.rsplit('-').next()?, "")))?;
        return is_id(id).then(|| container(id, runtime));
    }
    if let Some(id) = name.strip_prefix("libpod-") {
        return is_id(id).then(|| container(id, "podman"));
    }
    if let Some(id) = name.strip_prefix("crio-") {
        return is_id(id).then(|| container(id, "cri-o"));
    }
    let runtime = PARENTS.into_iter().find(|(directory, _)| Some(*directory) == parent);
    is_id(name).then(|| container(name, runtime.map_or("", |(_, runtime)| runtime)))
}

fn container(id: &str, runtime: &str) -> Container {
    Container { id: id.into(), runtime: runtime.into() }
}

fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    #[test]
    fn leaves() {
        let upper = A.to_uppercase();
        for (leaf, expected) in [
            (format!("docker-{A}.scope"), Some("docker")),
            (format!("cri-containerd-{A}.scope"), Some("containerd")),
            (format!("nerdctl-{A}.scope"), Some("containerd")),
            (format!("crio-{A}.scope"), Some("cri-o")),
            (format!("libpod-{A}.scope"), Some("podman")),
            (format!("libpod-{A}"), Some("podman")),
            (format!("kubepods-burstable-pod1_2.slice:cri-containerd:{A}"), Some("containerd")),
            (format!("newruntime-{A}.scope"), Some("")),
            (A.to_owned(), Some("")),
            (format!("crio-conmon-{A}.scope"), None),
            (format!("libpod-conmon-{A}.scope"), None),
            (format!("docker-{upper}.scope"), None),
            (format!("docker-{}.scope", "a".repeat(63)), None),
            (format!("{A}a"), None),
            (format!("x:y:{A}"), None),
            ("session-3.scope".to_owned(), None),
            ("ssh.service".to_owned(), None),
            (String::new(), None),
        ] {
            let found = from_leaf(leaf.as_bytes());
            assert_eq!(found.as_ref().map(|c| &*c.runtime), expected, "{leaf}");
            assert!(found.is_none_or(|c| &*c.id == A), "{leaf}");
        }
        assert_eq!(from_leaf(b"\xff\xfe"), None);
    }

    #[test]
    fn files() {
        let kube = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12.slice";
        for (file, id, runtime) in [
            (format!("0::{kube}/cri-containerd-{A}.scope\n"), A, "containerd"),
            (format!("0::{kube}/crio-{A}.scope/container\n"), A, "cri-o"),
            (format!("0::/kubepods/besteffort/pod12-34/{A}\n"), A, ""),
            (format!("0::/docker/{A}\n"), A, "docker"),
            (format!("0::/libpod_parent/libpod-{A}\n"), A, "podman"),
            // A cgroup that the workload made and named.
            (format!("0::/system.slice/docker-{A}.scope/docker-{B}.scope\n"), A, "docker"),
            // v1 and hybrid: the unified hierarchy tells nothing.
            (format!("12:devices:/x\n9:pids:/docker/{A}\n8:cpu,memory:/docker/{B}\n0::/\n"), A, "docker"),
            (format!("1:name=systemd:/docker/{A}\n0::/system.slice\n"), A, "docker"),
            // The sensor in its own cgroup namespace.
            (format!("0::/../../docker-{A}.scope\n"), A, "docker"),
        ] {
            let container = from_proc(file.as_bytes()).expect(&file);
            assert_eq!((&*container.id, &*container.runtime), (id, runtime), "{file}");
        }
        for none in ["", "0::/\n", "0::/user.slice/user-0.slice/session-1.scope", "0:", ":::", "0::/a\0b"] {
            assert_eq!(from_proc(none.as_bytes()), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn total(
            lines in prop::collection::vec("[0-9]?:[a-z,=]{0,8}:(/[a-z:.-]{0,9}(docker-|libpod-|:)?[a-f0-9]{0,65}(.scope)?){0,4}", 0..5),
            noise in prop::collection::vec(any::<u8>(), 0..50),
        ) {
            let content = [lines.join("\n").into_bytes(), noise].concat();
            if let Some(container) = from_proc(&content) {
                prop_assert!(is_id(&container.id));
            }
            from_leaf(&content);
        }
    }
}
