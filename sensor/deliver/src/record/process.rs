//! `process.*`, `user.*` and `container.*` of records.
use super::attributes::Attributes;
use guardbee_model::{
    clock::WallOffset,
    container::Configuration,
    executable::{Hash, Package},
    process::{Args, Login, Process, terminal},
    redact,
    system::capabilities,
    text,
};

/// Of `st_mode`: what chmod sets.
const PERMISSIONS: u16 = 0o7777;
const SECOND_NS: u64 = 1_000_000_000;

/// Ancestors that a record names; enrich gives no more as a rule.
pub(crate) const ANCESTORS: usize = 16;

/// A command line with its secrets replaced, escaped, not bounded.
pub(crate) fn command_line(args: &Args) -> String {
    let words = redact::args(&args.words);
    let line = text::escape(&words.join(&b' ')).into_owned();
    if args.truncated { format!("{line} …({} bytes in all)", args.total_bytes) } else { line }
}

/// What a span says of its process: little, it is in every span.
pub(super) fn brief(process: &Process, attributes: &mut Attributes) {
    attributes.int("process.pid", process.key.tgid);
    attributes.bytes("process.executable.path", &process.exe);
    if let Some(container) = &process.container {
        attributes.text("container.id", &*container.id);
    }
    if let Some(known) = &process.configured {
        if let Some(image) = &known.image {
            attributes.bytes("container.image.name", image.name.as_bytes());
        }
        attributes.bytes("container.name", known.name.as_bytes());
        attributes.bytes("k8s.namespace.name", known.namespace.as_bytes());
        attributes.bytes("k8s.pod.name", known.pod.as_bytes());
    }
}

/// What a finding says of its actor; its ancestors are in the body.
pub(super) fn full(process: &Process, offset: WallOffset, attributes: &mut Attributes) {
    brief(process, attributes);
    executable(process, offset, attributes);
    attributes.text("process.command_line", command_line(&process.args));
    attributes.bytes("process.working_directory", &process.cwd);
    attributes.text("guardbee.process.id", process.key.to_string());
    if process.recovered {
        // Its exec was not seen: it is older than the sensor, or the event was lost.
        attributes.word("guardbee.process.lineage", "recovered");
    }
    attributes.text("user.id", process.credentials.uid.to_string());
    if let Some(user) = &process.user {
        attributes.text("user.name", &*user.name);
        attributes.text("guardbee.user.source", user.table.name());
    }
    place(process, attributes);
}

/// The file that it runs, as it was at the exec.
fn executable(process: &Process, offset: WallOffset, attributes: &mut Attributes) {
    // Whatever was opened has an inode.
    let Some(file) = process.file.as_ref().filter(|file| file.inode != 0) else { return };
    attributes.text("guardbee.executable.owner.id", file.uid.to_string());
    attributes.text("guardbee.executable.group.id", file.gid.to_string());
    attributes.text("guardbee.executable.mode", format!("{:04o}", file.mode & PERMISSIONS));
    let age_ns = process.executed.and_then(|executed| file.age_ns(offset.wall(executed)));
    if let Some(age_ns) = age_ns {
        attributes.size("guardbee.executable.age_seconds", age_ns / SECOND_NS);
    }
    match &process.executable.hash {
        Hash::Sha256(hash) => attributes.text("guardbee.executable.sha256", hash.to_string()),
        Hash::Not(why) => attributes.word("guardbee.executable.not_hashed", why.name()),
        Hash::Unknown => {}
    }
    match &process.executable.package {
        Package::Named(name) => attributes.text("guardbee.executable.package", &**name),
        Package::None => attributes.word("guardbee.executable.package", "none"),
        Package::Unknown => {}
    }
}

/// What a runtime's files say of the container, beside what every span says.
fn configuration(known: &Configuration, attributes: &mut Attributes) {
    if let Some(image) = &known.image {
        if !image.tag.is_empty() {
            attributes.json("container.image.tags", &serde_json::json!([text::said(image.tag.as_bytes())]));
        }
        attributes.bytes("guardbee.container.image.digest", image.digest.as_bytes());
    }
    attributes.bytes("k8s.container.name", known.pod_container.as_bytes());
    if let Some(privileged) = known.privileged {
        attributes.fact("guardbee.container.privileged", privileged);
    }
    if let Some(set) = known.capabilities {
        let names: Vec<_> = capabilities(set).collect();
        attributes.json("guardbee.container.capabilities", &serde_json::json!(names));
    }
}

/// Where on the node it runs.
fn place(process: &Process, attributes: &mut Attributes) {
    if process.ns_tgid != 0 {
        attributes.int("process.vpid", process.ns_tgid);
    }
    if process.session != 0 {
        attributes.int("process.session_leader.pid", process.session);
    }
    if let Some(login) = process.login.filter(|login| login.user != Login::NONE) {
        attributes.int("guardbee.login.user.id", login.user);
        attributes.int("guardbee.login.session", login.session);
    }
    attributes.text("guardbee.process.tty", terminal(process.tty).unwrap_or_default());
    if let Some(container) = &process.container {
        attributes.text("container.runtime", &*container.runtime);
        if let Some(pod) = &container.pod {
            attributes.text("k8s.pod.uid", &*pod.uid);
            attributes.text("guardbee.k8s.pod.qos", pod.qos.name());
        }
    }
    if let Some(known) = &process.configured {
        configuration(known, attributes);
    }
    if let Some(cgroup) = &process.cgroup {
        // Runtimes and systemd give these names, in which ids look drawn.
        attributes.text("process.linux.cgroup", text::escape(&cgroup.path));
        attributes.text("systemd.unit", &*cgroup.unit);
        attributes.text("systemd.slice", &*cgroup.slice);
    }
}
