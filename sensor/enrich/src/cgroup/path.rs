//! What a cgroup's path says: container, pod, unit, by the names that runtimes and service managers give.
//!
//! A workload may make cgroups below its own and name them as it likes. So the outermost name counts, and what a whole path says
//! stands over what its last names alone say ([`super::Cgroups`] sees to that). Names as made by: runc's and crun's cgroup
//! managers, Docker (`cgroupdriver`), containerd and CRI-O (`cgroup_manager`), libpod, the kubelet (`pkg/kubelet/cm`), LXC
//! (`lxc.cgroup.dir`), systemd (systemd.unit(5), `cg_escape`).
use guardbee_model::container::{Container, Pod, Qos};

/// Prefix of a name that ends with the id, and the runtime that names so.
const PREFIXES: [(&str, &str); 5] = [
    ("docker-", "docker"),
    ("cri-containerd-", "containerd"),
    ("nerdctl-", "containerd"),
    ("crio-", "cri-o"),
    ("libpod-", "podman"),
];
/// Parents of a directory that is named by the bare id (the cgroupfs drivers), likewise.
const PARENTS: [(&str, &str); 3] =
    [("docker", "docker"), ("k8s.io", "containerd"), ("default", "containerd")];
/// Kinds of units that have processes (systemd.unit(5)).
const UNITS: [&str; 5] = [".service", ".scope", ".socket", ".mount", ".swap"];
/// What the kernel writes behind the path of a cgroup that was removed.
const DELETED: &str = " (deleted)";

/// What the names of a path say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names<'a> {
    /// The outermost container.
    pub container: Option<Container>,
    /// The outermost unit; empty: none.
    pub unit: &'a str,
    /// The innermost slice around both; empty: none.
    pub slice: &'a str,
}

/// Reads a path, or the last names of one. Total: of names that say nothing it makes nothing.
pub fn names(path: &str) -> Names<'_> {
    let path = path.strip_suffix(DELETED).unwrap_or(path);
    let mut found = Names::default();
    let mut pod = None;
    let mut walk = Walk { whole: path.starts_with('/') && !path.starts_with("/.."), ..Walk::default() };
    for name in path.split('/').filter(|name| !name.is_empty() && *name != "..") {
        if found.container.is_none() && pod.is_none() {
            pod = pod_of_slice(name).or_else(|| pod_of_folder(name, &walk));
        }
        if found.container.is_none() {
            found.container = container(name, &walk);
        }
        let name_of_unit = name.strip_prefix('_').unwrap_or(name);
        if found.unit.is_empty() && UNITS.iter().any(|suffix| name_of_unit.ends_with(suffix)) {
            found.unit = name_of_unit;
        }
        if found.container.is_some() {
            break;
        }
        if found.unit.is_empty() && name_of_unit.strip_suffix(".slice").is_some() {
            found.slice = name_of_unit;
        }
        walk.parent = Some(name);
        walk.depth += 1;
        walk.monitor |= name == "lxc.monitor" || name.starts_with("lxc.monitor.");
    }
    if let Some(container) = &mut found.container {
        container.pod = container.pod.take().or(pod);
    }
    found
}

/// What stood before a name.
#[derive(Clone, Copy, Debug, Default)]
struct Walk<'a> {
    parent: Option<&'a str>,
    depth: usize,
    /// The path begins at the root of its hierarchy.
    whole: bool,
    /// LXC's monitor has a cgroup of its own, named like its container's: below it is no container.
    monitor: bool,
}

fn container(name: &str, walk: &Walk<'_>) -> Option<Container> {
    if walk.monitor {
        return None;
    }
    let parent = walk.parent.unwrap_or_default();
    // containerd below a kubelet with the other driver: `kubepods-...-pod1.slice:cri-containerd:<id>`.
    if let Some((rest, id)) = name.rsplit_once(':') {
        let (slice, runtime) = rest.rsplit_once(':').unwrap_or(("", rest));
        let (_, runtime) =
            PREFIXES.into_iter().find(|(prefix, _)| prefix.trim_end_matches('-') == runtime)?;
        let mut made = hex(id).then(|| Container::new(id, runtime))?;
        made.pod = pod_of_slice(slice);
        return Some(made);
    }
    let scope = name.strip_suffix(".scope");
    let bare = scope.unwrap_or(name);
    if let Some((rest, runtime)) =
        PREFIXES.into_iter().find_map(|(prefix, runtime)| Some((bare.strip_prefix(prefix)?, runtime)))
    {
        return hex(rest).then(|| Container::new(rest, runtime));
    }
    if let Some(scope) = scope {
        if let Some(machine) = scope.strip_prefix("machine-") {
            return of_machine(machine);
        }
        // A runtime that is not in the table: the id is what it is by its form.
        let id = scope.rsplit('-').next()?;
        return hex(id).then(|| Container::new(id, ""));
    }
    let service = name.strip_prefix("systemd-nspawn@").and_then(|name| name.strip_suffix(".service"));
    if let Some(machine) = service {
        return named(&unescaped(machine), "systemd-nspawn");
    }
    let payload = name.strip_prefix("lxc.payload.");
    let below_lxc = (parent == "lxc.payload" || is_lxc(walk)).then_some(name);
    if let Some(name) = payload.or(below_lxc) {
        return named(name, "lxc");
    }
    // Below that parent a bare id is podman's pod.
    if !hex(name) || parent == "libpod_parent" {
        return None;
    }
    let runtime = PARENTS.into_iter().find(|(folder, _)| *folder == parent);
    Some(Container::new(name, runtime.map_or("", |(_, runtime)| runtime)))
}

/// LXC before 4.0: `/lxc/<name>`, at the top only, since anybody may call a folder that.
fn is_lxc(walk: &Walk<'_>) -> bool {
    walk.parent == Some("lxc") && walk.depth == 1 && walk.whole
}

/// Scopes that systemd-machined makes for others: of virtual machines, which are no containers, and of containers.
fn of_machine(machine: &str) -> Option<Container> {
    let machine = unescaped(machine);
    if machine.starts_with("qemu-") {
        return None;
    }
    let libvirt = machine.strip_prefix("lxc-").and_then(|rest| rest.split_once('-'));
    match libvirt {
        Some((number, name)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
            named(name, "libvirt-lxc")
        }
        _ => named(&machine, "systemd-nspawn"),
    }
}

/// A container that is known by its name.
fn named(name: &str, runtime: &str) -> Option<Container> {
    let sane = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (!name.is_empty() && name.bytes().all(sane)).then(|| Container::new(name, runtime))
}

/// Undoes what systemd-escape(1) does to bytes that a unit's name can't have, as far as it makes text.
fn unescaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, after)) = rest.split_once("\\x") {
        out.push_str(before);
        let code = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(code) = code.filter(u8::is_ascii) {
            out.push(char::from(code));
            rest = after.get(2..).unwrap_or_default();
        } else {
            out.push_str("\\x");
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// The kubelet with systemd's driver: `kubepods-burstable-pod<uid>.slice`, perhaps below a prefix, dashes as `_`.
fn pod_of_slice(name: &str) -> Option<Pod> {
    let (parents, uid) = name.strip_suffix(".slice")?.rsplit_once("-pod")?;
    let mut parents = parents.rsplit('-');
    let last = parents.next()?;
    let qos = match last {
        "burstable" => Qos::Burstable,
        "besteffort" => Qos::BestEffort,
        _ => Qos::Guaranteed,
    };
    let root = if qos == Qos::Guaranteed { Some(last) } else { parents.next() };
    if root == Some("kubepods") { pod(uid, qos) } else { None }
}

/// The kubelet with the cgroupfs driver: `kubepods/burstable/pod<uid>`.
fn pod_of_folder(name: &str, walk: &Walk<'_>) -> Option<Pod> {
    let uid = name.strip_prefix("pod")?;
    let qos = match walk.parent? {
        "kubepods" => Qos::Guaranteed,
        "burstable" => Qos::Burstable,
        "besteffort" => Qos::BestEffort,
        _ => return None,
    };
    pod(uid, qos)
}

/// A UUID, or a static pod's hash.
fn pod(uid: &str, qos: Qos) -> Option<Pod> {
    let uid = uid.replace('_', "-");
    let dashes = uid.len() == 36 && [8, 13, 18, 23].iter().all(|at| uid.as_bytes().get(*at) == Some(&b'-'));
    let digits = uid.bytes().filter(u8::is_ascii_hexdigit).count();
    let sane = digits == 32 && (uid.len() == 32 || dashes);
    sane.then(|| Pod { uid: uid.to_ascii_lowercase().into(), qos })
}

/// 256 bits, as OCI runtimes' ids are.
fn hex(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    const UID: &str = "0fa2b6e4-96ac-4a5c-8c0e-1df7a2b9c3d1";
    const UID_: &str = "0fa2b6e4_96ac_4a5c_8c0e_1df7a2b9c3d1";
    /// A static pod's.
    const HASH: &str = "0123456789abcdef0123456789abcdef";

    /// Path, then `runtime:id pod qos unit slice`, `-` for what there is not. `A`, `B`, `U`, `V`, `H` stand for the above.
    const CASES: &[(&str, &str)] = &[
        // Docker: cgroupfs driver, systemd driver, rootless, in a cgroup of its own making.
        ("/docker/A", "docker:A - - -"),
        ("/system.slice/docker-A.scope", "docker:A - docker-A.scope system.slice"),
        (
            "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-A.scope",
            "docker:A - user@1000.service user-1000.slice",
        ),
        ("/docker/A/init.scope", "docker:A - - -"),
        ("/docker/A/docker/B", "docker:A - - -"),
        ("/system.slice/docker-A.scope/docker-B.scope", "docker:A - docker-A.scope system.slice"),
        ("/system.slice/docker.service", "- - docker.service system.slice"),
        ("/custom/parent/A", ":A - - -"),
        // containerd by ctr and nerdctl.
        ("/default/A", "containerd:A - - -"),
        ("/k8s.io/A", "containerd:A - - -"),
        ("/system.slice/nerdctl-A.scope", "containerd:A - nerdctl-A.scope system.slice"),
        // Podman: rootful, rootless, runc and crun, in a pod of its own, its monitor.
        ("/machine.slice/libpod-A.scope", "podman:A - libpod-A.scope machine.slice"),
        ("/machine.slice/libpod-A.scope/container", "podman:A - libpod-A.scope machine.slice"),
        (
            "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-A.scope/container",
            "podman:A - user@1000.service user-1000.slice",
        ),
        (
            "/machine.slice/machine-libpod_pod_B.slice/libpod-A.scope",
            "podman:A - libpod-A.scope machine-libpod_pod_B.slice",
        ),
        ("/libpod_parent/libpod-A", "podman:A - - -"),
        ("/libpod_parent/B/libpod-A", "podman:A - - -"),
        ("/libpod_parent/B", "- - - -"),
        ("/libpod_parent/conmon", "- - - -"),
        ("/machine.slice/libpod-conmon-A.scope", "- - libpod-conmon-A.scope machine.slice"),
        // Kubernetes with systemd's driver: containerd, CRI-O, a static pod, kind, the pod itself.
        (
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podV.slice/cri-containerd-A.scope",
            "containerd:A U burstable cri-containerd-A.scope kubepods-burstable-podV.slice",
        ),
        (
            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podV.slice/crio-A.scope/container",
            "cri-o:A U besteffort crio-A.scope kubepods-besteffort-podV.slice",
        ),
        (
            "/kubepods.slice/kubepods-podH.slice/cri-containerd-A.scope",
            "containerd:A H guaranteed cri-containerd-A.scope kubepods-podH.slice",
        ),
        (
            "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-podV.slice/cri-containerd-A.scope",
            "containerd:A U guaranteed cri-containerd-A.scope kubelet-kubepods-podV.slice",
        ),
        (
            "kubepods-burstable-podV.slice/crio-A.scope/container",
            "cri-o:A U burstable crio-A.scope kubepods-burstable-podV.slice",
        ),
        ("/kubepods.slice/kubepods-podV.slice", "- - - kubepods-podV.slice"),
        (
            "/kubepods.slice/kubepods-podV.slice/crio-conmon-A.scope",
            "- - crio-conmon-A.scope kubepods-podV.slice",
        ),
        // With the cgroupfs driver; containerd below a kubelet with the other one.
        ("/kubepods/burstable/podU/A", ":A U burstable - -"),
        ("/kubepods/podU/A", ":A U guaranteed - -"),
        ("/kubelet/kubepods/besteffort/podU/crio-A", "cri-o:A U besteffort - -"),
        ("burstable/podU/A", ":A U burstable - -"),
        (
            "/system.slice/containerd.service/kubepods-burstable-podV.slice:cri-containerd:A",
            "containerd:A U burstable containerd.service system.slice",
        ),
        // What only looks like a pod.
        ("/kubepods/burstable/podcast/A", ":A - - -"),
        ("/elsewhere/podU/A", ":A - - -"),
        ("/my-podV.slice/A", ":A - - my-podV.slice"),
        // LXC, libvirt's LXC, nspawn, virtual machines.
        ("/lxc.payload.web-1", "lxc:web-1 - - -"),
        ("/lxc.payload.web/system.slice/ssh.service", "lxc:web - - -"),
        ("/lxc.payload/web", "lxc:web - - -"),
        ("/lxc/101/ns", "lxc:101 - - -"),
        ("/lxc.monitor.web", "- - - -"),
        ("/lxc.monitor/A", "- - - -"),
        ("a/lxc/web", "- - - -"),
        ("/a/lxc/web", "- - - -"),
        (
            "/machine.slice/machine-deb\\x2d12.scope/payload",
            "systemd-nspawn:deb-12 - machine-deb\\x2d12.scope machine.slice",
        ),
        (
            "/machine.slice/systemd-nspawn@deb.service/payload",
            "systemd-nspawn:deb - systemd-nspawn@deb.service machine.slice",
        ),
        (
            "/machine.slice/machine-lxc\\x2d12\\x2dweb.scope",
            "libvirt-lxc:web - machine-lxc\\x2d12\\x2dweb.scope machine.slice",
        ),
        (
            "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope",
            "- - machine-qemu\\x2d1\\x2dvm.scope machine.slice",
        ),
        // A runtime that is not in the table.
        ("/x.slice/newruntime-A.scope", ":A - newruntime-A.scope x.slice"),
        // Units and plain cgroups.
        ("/system.slice/ssh.service", "- - ssh.service system.slice"),
        ("/system.slice/system-getty.slice/getty@tty1.service", "- - getty@tty1.service system-getty.slice"),
        ("/user.slice/user-0.slice/session-1.scope", "- - session-1.scope user-0.slice"),
        (
            "/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service",
            "- - user@1000.service user-1000.slice",
        ),
        ("/init.scope", "- - init.scope -"),
        ("/system.slice/_cpu.service", "- - cpu.service system.slice"),
        ("/mine/a-child", "- - - -"),
        // Gone, seen from a cgroup namespace, nothing, hostile.
        ("/docker/A (deleted)", "docker:A - - -"),
        ("/../../docker-A.scope", "docker:A - docker-A.scope -"),
        ("/../lxc/web", "- - - -"),
        ("/", "- - - -"),
        ("", "- - - -"),
        ("/docker-A", "docker:A - - -"),
        ("/docker-Aa.scope", "- - docker-Aa.scope -"),
        ("/Aa", "- - - -"),
        ("/x:y:A", "- - - -"),
        (":::", "- - - -"),
    ];

    fn filled(text: &str) -> String {
        let mut out = String::new();
        let words = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
        for word in words {
            let name = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            let whole = match name {
                "A" => A.to_owned(),
                "Aa" => format!("{A}a"),
                "B" => B.to_owned(),
                "U" | "podU" => name.replace('U', UID),
                "podV" => name.replace('V', UID_),
                "H" | "podH" => name.replace('H', HASH),
                _ => name.to_owned(),
            };
            out.push_str(&whole);
            out.push_str(word.get(name.len()..).unwrap_or_default());
        }
        // After an underscore, which is no letter or digit either.
        out
    }

    fn told(names: &Names<'_>) -> String {
        let or_none = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        let container = names.container.as_ref();
        let pod = container.and_then(|container| container.pod.as_ref());
        let pod = pod.map_or_else(|| "-".to_owned(), |pod| format!("{} {}", pod.uid, pod.qos.name()));
        let container = container.map_or_else(|| "-".to_owned(), |c| format!("{}:{}", c.runtime, c.id));
        format!("{container} {pod} {} {}", or_none(names.unit), or_none(names.slice))
    }

    #[test]
    fn every_runtimes_names() {
        for (path, expected) in CASES {
            let path = filled(path);
            assert_eq!(told(&names(&path)), filled(expected), "{path}");
        }
    }

    #[test]
    fn capitals_are_no_runtimes() {
        assert_eq!(names(&format!("/docker/{}", A.to_uppercase())).container, None);
    }

    proptest! {
        #[test]
        fn total(path in "(/?(docker|lxc|kubepods|burstable|libpod_parent|\\.\\.|[a-z]{0,6}-?(pod|x2d|:)?[a-f0-9_-]{0,66}(\\.scope|\\.slice|\\.service)?)){0,6}( \\(deleted\\))?") {
            let found = names(&path);
            prop_assert!(found.container.is_none_or(|c| !c.id.is_empty() && path.contains(&*c.id)));
        }

        #[test]
        fn total_on_anything(path in any::<String>()) {
            names(&path);
        }
    }
}
