//! Containers on real input: by podman and crun on v1 and v2 hierarchies, and as plain cgroups with the names that runtimes give.
//! Whoever runs in them ends at once, so that nobody can be asked afterwards. Needs root, BTF, podman and crun; fails without.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod support;

use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use support::{Running, SOON, UID, guardbee, need_root, sensor, wait};
use tempfile::TempDir;

/// A user that only the containers' passwd knows by this name.
const STOKER: u32 = 33;
/// Plain cgroups at once.
const MANY: usize = 1000;
/// Containers of a real runtime at once.
const SOME: usize = 100;

/// Room for all that happens on a busy machine meanwhile: this is not about what is lost.
const RING: usize = 64 << 20;

fn run(command: &mut Command) -> String {
    let out = command.stdin(Stdio::null()).output().unwrap();
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// What a test has: a folder, a file system for containers in it, and a sensor that makes a finding of each of their execs.
struct Lab {
    folder: TempDir,
    _sensor: Running,
    numbers: std::cell::Cell<u32>,
}

impl Lab {
    fn start() -> Self {
        need_root();
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["out", "root", "root/bin", "root/etc", "root/proc", "root/dev", "root/sys"] {
            fs::create_dir(at(name)).unwrap();
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/targets/containers/app.c");
        run(Command::new("gcc").args(["-static", "-Os", "-o"]).arg(at("root/bin/app")).arg(source));
        fs::write(at("root/etc/passwd"), format!("root:x:0:0::/:\nstoker:x:{STOKER}:{STOKER}::/:\n"))
            .unwrap();
        // By the last two digits, each for fifty of a thousand: what one makes in a second is capped at a hundred.
        fs::create_dir(at("rules")).unwrap();
        for (digit, tens) in (0..10).flat_map(|digit| [(digit, "-02468"), (digit, "13579")]) {
            let rule = format!(
                "title: It ran ({tens}, {digit})\nstatus: test\nlogsource: {{category: process_creation, product: linux}}\n\
                 detection:\n  selection:\n    Image|endswith: /bin/app\n    CommandLine|contains: gbc-\n    \
                 CommandLine|re: '[{tens}]{digit}( wait)?$'\n  condition: selection\nlevel: low\n"
            );
            fs::write(at(&format!("rules/{tens}{digit}.yml")), rule).unwrap();
        }
        fs::write(at("rules/image.yml"), of_image()).unwrap();
        let (rules, records) = (at("rules"), at("out/records.jsonl"));
        let config = format!(
            "rules: [{}]\ndeliver: {{console: false, records_file: {}}}\nkernel: {{security_ring_bytes: {RING}}}\n",
            rules.display(),
            records.display()
        );
        fs::write(at("guardbee.yaml"), config).unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        for name in ["out", "rules", "guardbee.yaml"] {
            chown(at(name), Some(UID), Some(UID)).unwrap();
        }
        let sensor = sensor(folder.path(), &mut guardbee());
        Self { folder, _sensor: sensor, numbers: std::cell::Cell::new(0) }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A word that nobody else's command line has.
    fn nonce(&self) -> String {
        self.numbers.set(self.numbers.get() + 1);
        format!("gbc-{}-{}", std::process::id(), self.numbers.get())
    }

    /// What the findings of all these say, by nonce.
    fn findings(&self, nonces: &[String]) -> BTreeMap<String, Told> {
        let deadline = Instant::now() + SOON;
        loop {
            let found = told(&fs::read_to_string(self.at("out/records.jsonl")).unwrap_or_default());
            let missing: Vec<_> = nonces.iter().filter(|nonce| !found.contains_key(*nonce)).collect();
            if missing.is_empty() {
                return found;
            }
            let (some, count) = (&missing[..missing.len().min(5)], missing.len());
            assert!(Instant::now() < deadline, "no finding of {count} of {} yet: {some:?}", nonces.len());
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    fn finding(&self, nonce: &str) -> Told {
        self.findings(&[nonce.to_owned()]).remove(nonce).unwrap()
    }

    /// The rule of that title has a finding of the command line with this word.
    fn has_found(&self, title: &str, nonce: &str) -> bool {
        let records = fs::read_to_string(self.at("out/records.jsonl")).unwrap_or_default();
        records.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).any(|line| {
            lists(&line, "attributes").into_iter().map(|list| of_finding(list)).any(|told| {
                of(&told, "security_rule.name") == title && of(&told, "process.command_line").contains(nonce)
            })
        })
    }

    /// An OCI bundle that runs the application as [`STOKER`].
    fn bundle(&self, id: &str, cgroup: &str, words: &[&str]) -> PathBuf {
        let bundle = self.at(id);
        fs::create_dir(&bundle).unwrap();
        let spaces = ["pid", "mount", "ipc", "uts"].map(|kind| serde_json::json!({ "type": kind }));
        let args: Vec<&str> = ["/bin/app"].iter().chain(words).copied().collect();
        let config = serde_json::json!({
            "ociVersion": "1.0.2",
            "process": {
                "user": { "uid": STOKER, "gid": STOKER }, "args": args, "cwd": "/",
                "env": ["PATH=/bin"],
            },
            "root": { "path": self.at("root") },
            "mounts": [
                { "destination": "/proc", "type": "proc", "source": "proc" },
                // Its own, as runtimes do: crun makes links there, and of two that share it one fails.
                { "destination": "/dev", "type": "tmpfs", "source": "tmpfs" },
            ],
            "linux": { "cgroupsPath": cgroup, "namespaces": spaces },
        });
        fs::write(bundle.join("config.json"), config.to_string()).unwrap();
        bundle
    }
}

/// Attributes of a finding.
type Told = BTreeMap<String, String>;

/// Findings in a file of OTLP JSON lines, by the second word of the command line.
fn told(records: &str) -> BTreeMap<String, Told> {
    let mut found = BTreeMap::new();
    for line in records.lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
        for told in lists(&line, "attributes").into_iter().map(|list| of_finding(list)) {
            let line = told.get("process.command_line").map(String::as_str).unwrap_or_default();
            if let Some(nonce) = line.split_once("/app ").and_then(|(_, rest)| rest.split(' ').next()) {
                found.insert(nonce.to_owned(), told.clone());
            }
        }
    }
    found
}

fn of_finding(attributes: &[Value]) -> Told {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pair = |pair: &Value| {
        let (_, value) = pair["value"].as_object()?.iter().next()?;
        Some((pair["key"].as_str()?.to_owned(), text(value)))
    };
    attributes.iter().filter_map(pair).collect()
}

/// Every list of that name, however deep.
fn lists<'a>(value: &'a Value, name: &str) -> Vec<&'a Vec<Value>> {
    match value {
        Value::Array(values) => values.iter().flat_map(|value| lists(value, name)).collect(),
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| match value {
                Value::Array(list) if key == name => vec![list],
                other => lists(other, name),
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn of<'a>(told: &'a Told, key: &str) -> &'a str {
    told.get(key).map(String::as_str).unwrap_or_default()
}

fn id() -> String {
    let mut bytes = fs::read("/proc/sys/kernel/random/uuid").unwrap();
    bytes.extend(fs::read("/proc/sys/kernel/random/uuid").unwrap());
    bytes.retain(u8::is_ascii_hexdigit);
    String::from_utf8(bytes).unwrap()
}

/// Mount point of the hierarchy: `memory`, or `None` for v2.
fn hierarchy(controller: Option<&str>) -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let words = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let found = words.into_iter().find(|words| match controller {
        None => words[2] == "cgroup2",
        Some(wanted) => words[2] == "cgroup" && words[3].split(',').any(|option| option == wanted),
    })?;
    Some(found[1].into())
}

/// In a mount namespace of its own, where only that version's hierarchies are mounted: what runtimes decide by.
fn under(version: Version) -> Command {
    let script = match version {
        Version::One => "for m in $(awk '$3 == \"cgroup2\" {print $2}' /proc/mounts); do umount $m; done",
        Version::Two => "umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup",
    };
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", &format!("{script}; exec \"$@\""), "sh"]);
    command
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// Of those, what this kernel can still give a runtime.
fn versions() -> Vec<Version> {
    let has_v1 = hierarchy(Some("memory")).is_some();
    if has_v1 { vec![Version::One, Version::Two] } else { vec![Version::Two] }
}

#[test]
fn every_way_to_make_a_container() {
    let lab = Lab::start();
    podman(&lab);
    images(&lab);
    bundles(&lab);
    plain_cgroups(&lab);
    many_at_once(&lab);
    real_at_once(&lab);
    remove_parents();
}

/// Runtimes leave the parents of their containers' cgroups; what another one still uses stays, since it isn't empty.
fn remove_parents() {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let hierarchies = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    for hierarchy in hierarchies.filter(|words| words[2].starts_with("cgroup")) {
        for (path, ..) in places("none") {
            for parent in Path::new(&path).ancestors().skip(1).filter(|parent| *parent != Path::new("/")) {
                fs::remove_dir(format!("{}{}", hierarchy[1], parent.display())).ok();
            }
        }
    }
}

/// Of a container of a real runtime.
fn podman(lab: &Lab) {
    let (nonce, file) = (lab.nonce(), lab.at("podman-id"));
    let mut podman = under(versions()[0]);
    podman.args(["podman", "--cgroup-manager=cgroupfs", "--runtime=crun", "run", "--rm", "--net=host"]);
    // What a machine without CAP_SYS_RESOURCE can give.
    podman.args(["--privileged", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024", "--pids-limit=-1"]);
    podman.arg(format!("--user={STOKER}")).arg("--cidfile").arg(&file);
    run(podman.arg("--rootfs").arg(lab.at("root")).args(["/bin/app", &nonce]));
    let told = lab.finding(&nonce);
    let id = fs::read_to_string(file).unwrap();
    assert_eq!((of(&told, "container.id"), of(&told, "container.runtime")), (&*id, "podman"), "{told:?}");
    assert!(of(&told, "process.linux.cgroup").contains(&id), "{told:?}");
}

/// An image that nobody else has.
const IMAGE: &str = "registry.test:5000/guardbee/app";
/// A rule that looks at what a runtime keeps of its containers.
const PRIVILEGED: &str = "It ran, privileged, of the test's image";

fn of_image() -> String {
    format!(
        "title: {PRIVILEGED}\nstatus: test\nlogsource: {{category: process_creation, product: linux}}\n\
         detection:\n  selection:\n    Image|endswith: /bin/app\n    container.image.name: {IMAGE}\n    \
         container.privileged: true\n  condition: selection\nlevel: low\n"
    )
}

/// Removed when the test is over.
struct Image;

impl Image {
    fn build(lab: &Lab) -> Self {
        let context = lab.at("context");
        fs::create_dir(&context).unwrap();
        fs::copy(lab.at("root/bin/app"), context.join("app")).unwrap();
        fs::write(context.join("Containerfile"), "FROM scratch\nCOPY app /bin/app\n").unwrap();
        let mut podman = under(versions()[0]);
        podman.args(["podman", "--cgroup-manager=cgroupfs", "--runtime=crun", "build", "--quiet", "--tag"]);
        run(podman.arg(format!("{IMAGE}:1.2")).arg(&context));
        Self
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        Command::new("podman").args(["rmi", "--force", &format!("{IMAGE}:1.2")]).output().ok();
    }
}

/// What podman keeps of a container names it, also one that ends at once, and a rule that looks at it finds it.
fn images(lab: &Lab) {
    let _image = Image::build(lab);
    for privileged in [true, false] {
        let (nonce, name) = (lab.nonce(), format!("gbt-{}-{privileged}", std::process::id()));
        let mut podman = under(versions()[0]);
        podman.args(["podman", "--cgroup-manager=cgroupfs", "--runtime=crun", "run", "--rm", "--net=host"]);
        podman.args([
            "--ulimit=nofile=1024:1024",
            "--ulimit=nproc=1024:1024",
            "--pids-limit=-1",
            "--name",
            &name,
        ]);
        if privileged {
            podman.arg("--privileged");
        }
        run(podman.arg(format!("{IMAGE}:1.2")).args(["/bin/app", &nonce]));
        let told = lab.finding(&nonce);
        let image = (of(&told, "container.image.name"), of(&told, "container.image.tags"));
        assert_eq!(image, (IMAGE, r#"["1.2"]"#), "{told:?}");
        assert_eq!(of(&told, "container.name"), name, "{told:?}");
        assert_eq!(of(&told, "guardbee.container.privileged"), privileged.to_string(), "{told:?}");
        let capabilities = of(&told, "guardbee.container.capabilities");
        assert!(capabilities.contains("CAP_CHOWN"), "{told:?}");
        assert_eq!(capabilities.contains("CAP_SYS_MODULE"), privileged, "{told:?}");
        if privileged {
            wait("the rule that looks at images", || lab.has_found(PRIVILEGED, &nonce));
        } else {
            assert!(!lab.has_found(PRIVILEGED, &nonce));
        }
    }
}

/// Runs in a container of crun's until its end is asked for.
struct Crun {
    id: String,
    child: Child,
}

impl Crun {
    fn start(lab: &Lab, version: Version, id: &str, cgroup: &str, nonce: &str) -> Self {
        let bundle = lab.bundle(id, cgroup, &[nonce, "wait"]);
        let mut crun = under(version);
        // What it complains of is seen beside the test's own words.
        crun.args(["crun", "run", "--bundle"]).arg(bundle).arg(id).stdin(Stdio::piped());
        Self { id: id.to_owned(), child: crun.spawn().unwrap() }
    }

    fn end(mut self) {
        drop(self.child.stdin.take());
        let status = self.child.wait().unwrap();
        assert!(status.success(), "crun run {}: {status}", self.id);
    }
}

/// Where runtimes put containers: the path, and what it says.
fn places(id: &str) -> [(String, &'static str, &'static str, &'static str); 3] {
    const UID: &str = "0fa2b6e4-96ac-4a5c-8c0e-1df7a2b9c3d1";
    let slice = format!("kubepods-besteffort-pod{}.slice", UID.replace('-', "_"));
    [
        (format!("/docker/{id}"), "docker", "", ""),
        (format!("/kubepods/burstable/pod{UID}/{id}"), "", UID, "burstable"),
        (
            format!("/kubepods.slice/kubepods-besteffort.slice/{slice}/crio-{id}.scope"),
            "cri-o",
            UID,
            "besteffort",
        ),
    ]
}

/// Made as Docker, CRI-O and the kubelet make them, all running at the same time, each with pid 1.
fn bundles(lab: &Lab) {
    for version in versions() {
        let ids = [id(), id(), id()];
        let mut running = Vec::new();
        for (at, id) in ids.iter().enumerate() {
            let (place, nonce) = (places(id)[at].clone(), lab.nonce());
            let crun = Crun::start(lab, version, id, &place.0, &nonce);
            running.push((crun, place, nonce));
        }
        let nonces: Vec<String> = running.iter().map(|(_, _, nonce)| nonce.clone()).collect();
        let found = lab.findings(&nonces);
        for (crun, (path, runtime, pod, qos), nonce) in &running {
            let told = &found[nonce];
            let says = |key| of(told, key);
            assert_eq!((says("container.id"), says("container.runtime")), (&*crun.id, *runtime), "{told:?}");
            assert_eq!((says("k8s.pod.uid"), says("guardbee.k8s.pod.qos")), (*pod, *qos), "{told:?}");
            assert_eq!(says("process.vpid"), "1");
            assert!(path.ends_with(says("process.linux.cgroup").trim_start_matches('/')), "{told:?}");
        }
        let pids: std::collections::BTreeSet<_> =
            found.values().map(|told| of(told, "process.pid")).collect();
        assert!(pids.len() >= nonces.len() && !pids.contains("1"), "{pids:?}");
        names_of_users(lab, version, &running[0].0.id);
        for (crun, ..) in running {
            crun.end();
        }
    }
}

/// The container's own passwd names its users, once it was read.
fn names_of_users(lab: &Lab, version: Version, id: &str) {
    wait("the container's users", || {
        let nonce = lab.nonce();
        run(under(version).args([
            "crun",
            "exec",
            "--user",
            &format!("{STOKER}:{STOKER}"),
            id,
            "/bin/app",
            &nonce,
        ]));
        let told = lab.finding(&nonce);
        assert_eq!(of(&told, "container.id"), id, "{told:?}");
        let user = (of(&told, "user.name"), of(&told, "guardbee.user.source"));
        assert!(user.1 != "container" || user.0 == "stoker", "{told:?}");
        user.1 == "container"
    });
}

/// A shell that puts itself into a new cgroup, runs the application there, and removes the cgroup.
const IN_CGROUP: &str =
    "mkdir \"$1\"; sh -c 'echo 0 > \"$0/cgroup.procs\"; exec \"$@\"' \"$1\" \"$2\" \"$3\"; rmdir \"$1\"";

/// Children of the v1 and of the v2 hierarchy, gone when anybody could look.
fn plain_cgroups(lab: &Lab) {
    for controller in [Some("memory"), None] {
        let Some(mount) = hierarchy(controller) else { continue };
        let top = mount.join(format!("gbt-{}", std::process::id()));
        fs::create_dir(&top).unwrap();
        let id = id();
        for (name, container) in [(format!("docker-{id}.scope"), &*id), ("job-7".to_owned(), "")] {
            let nonce = lab.nonce();
            let mut shell = Command::new("sh");
            shell.args(["-c", IN_CGROUP, "sh"]);
            run(shell.arg(top.join(&name)).arg(lab.at("root/bin/app")).arg(&nonce));
            let told = lab.finding(&nonce);
            assert_eq!(of(&told, "container.id"), container, "{controller:?} {told:?}");
            // On hosts with v1 hierarchies the sensor is told of both; a path is one's.
            if controller.is_some() || !container.is_empty() {
                let path = format!("{}/{name}", top.file_name().unwrap().display());
                assert!(of(&told, "process.linux.cgroup").ends_with(&path), "{controller:?} {told:?}");
            }
        }
        fs::remove_dir(&top).unwrap();
    }
}

/// Many at the same time, each told from the others.
fn many_at_once(lab: &Lab) {
    let mount = hierarchy(Some("memory")).or_else(|| hierarchy(None)).unwrap();
    let top = mount.join(format!("gbt-{}", std::process::id()));
    fs::create_dir(&top).unwrap();
    let expected: BTreeMap<String, String> = (0..MANY).map(|_| (lab.nonce(), id())).collect();
    let app = lab.at("root/bin/app");
    let shells: Vec<Child> = expected
        .iter()
        .collect::<Vec<_>>()
        .chunks(MANY.div_ceil(8))
        .map(|some| {
            let lines = some.iter().map(|(nonce, id)| {
                let cgroup = top.join(format!("libpod-{id}.scope"));
                let (cgroup, app) = (cgroup.display(), app.display());
                format!(
                    "mkdir {cgroup}; (echo 0 > {cgroup}/cgroup.procs; exec {app} {nonce}); rmdir {cgroup}\n"
                )
            });
            let lines = "set -e\n".to_owned() + &lines.collect::<String>();
            let file = lab.at(&format!("many-{}", some[0].0));
            fs::write(&file, lines).unwrap();
            Command::new("sh").arg(file).spawn().unwrap()
        })
        .collect();
    for mut shell in shells {
        assert!(shell.wait().unwrap().success());
    }
    fs::remove_dir(&top).unwrap();
    let nonces: Vec<String> = expected.keys().cloned().collect();
    let found = lab.findings(&nonces);
    for (nonce, id) in &expected {
        assert_eq!(of(&found[nonce], "container.id"), id, "{:?}", found[nonce]);
    }
}

/// Real containers at once.
fn real_at_once(lab: &Lab) {
    let version = versions()[0];
    let some: Vec<(Crun, String)> = (0..SOME)
        .map(|_| {
            let (id, nonce) = (id(), lab.nonce());
            (Crun::start(lab, version, &id, &format!("/docker/{id}"), &nonce), nonce)
        })
        .collect();
    let nonces: Vec<String> = some.iter().map(|(_, nonce)| nonce.clone()).collect();
    let found = lab.findings(&nonces);
    for (crun, nonce) in some {
        let told = &found[&nonce];
        assert_eq!((of(told, "container.id"), of(told, "process.vpid")), (&*crun.id, "1"), "{told:?}");
        crun.end();
    }
}
