//! What was done to the system or to another process: by the names that rules know it by, since no convention has any.
use super::{attributes::Attributes, file::path, process::command_line};
use guardbee_model::{
    dns::{self, Answer, Lookup},
    process::{Credentials, Fd, Process},
    system::{
        Access, Call, Change, Deed, Extension, IoUring, Memory, Mount, Namespace, SocketChange, SocketKind,
        System, Target, capabilities,
    },
    text,
};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// Of a lookup that are told.
const ANSWERS: usize = 8;

/// One thing that a record says.
enum Fact {
    Text(String),
    Int(i64),
    Flag(bool),
    List(Vec<Cow<'static, str>>),
}

/// Keys and what is said of them; empty texts and lists are left out.
struct Facts(Vec<(&'static str, Fact)>);

impl Facts {
    fn text(&mut self, key: &'static str, value: impl Into<String>) {
        let value = value.into();
        if !value.is_empty() {
            self.0.push((key, Fact::Text(value)));
        }
    }

    /// Bytes from outside: secrets replaced, escaped.
    fn said(&mut self, key: &'static str, value: &[u8]) {
        self.text(key, path(value));
    }

    fn int(&mut self, key: &'static str, value: impl Into<i64>) {
        self.0.push((key, Fact::Int(value.into())));
    }

    fn flag(&mut self, key: &'static str, value: bool) {
        self.0.push((key, Fact::Flag(value)));
    }

    fn list(&mut self, key: &'static str, words: impl Iterator<Item: Into<Cow<'static, str>>>) {
        let words: Vec<_> = words.map(Into::into).collect();
        if !words.is_empty() {
            self.0.push((key, Fact::List(words)));
        }
    }
}

/// Adds to a finding's attributes what its last step did; `target`: what is known of whom it was done to.
pub(super) fn add(system: &System, target: Option<&Process>, attributes: &mut Attributes) {
    for (key, fact) in facts(system, target).0 {
        match fact {
            Fact::Text(value) => attributes.text(key, value),
            Fact::Int(value) => attributes.int(key, value),
            Fact::Flag(value) => attributes.fact(key, value),
            Fact::List(words) => attributes.json(key, &json!(words)),
        }
    }
}

/// The same as an object, for evidence; its texts are no longer than that.
pub(crate) fn object(system: &System, target: Option<&Process>, longest: usize) -> Map<String, Value> {
    let shown = |fact| match fact {
        Fact::Text(value) => json!(super::text::bounded_to(&value, longest)),
        Fact::Int(value) => json!(value),
        Fact::Flag(value) => json!(value),
        Fact::List(words) => {
            json!(words.iter().map(|word| super::text::bounded_to(word, longest)).collect::<Vec<_>>())
        }
    };
    facts(system, target).0.into_iter().map(|(key, fact)| (key.to_owned(), shown(fact))).collect()
}

fn facts(system: &System, target: Option<&Process>) -> Facts {
    let mut facts = Facts(Vec::new());
    if let Some(call) = &system.call {
        of_call(call, &mut facts);
    }
    if let Some(whom) = system.deed.target() {
        of_target(whom, target, &mut facts);
    }
    match &system.deed {
        Deed::Credentials(change) => of_credentials(change, &mut facts),
        Deed::Access(access) => of_access(access, &mut facts),
        Deed::Namespace(namespace) => of_namespace(namespace, &mut facts),
        Deed::Mount(mount) => of_mount(mount, &mut facts),
        Deed::SocketChange(socket) => of_socket(socket, &mut facts),
        Deed::Extension(extension) => of_extension(extension, &mut facts),
        Deed::Signal(signal) => {
            facts.text("guardbee.signal", signal.name());
            facts.int("guardbee.signal.number", signal.number);
            facts.int("guardbee.signal.code", signal.code);
        }
        Deed::Memory(memory) => of_memory(memory, &mut facts),
        Deed::Title(title) => facts.said("guardbee.title", &title.after),
        Deed::IoUring(ring) => of_ring(ring, &mut facts),
        Deed::Control(control) => facts.said("guardbee.control.path", &control.detail),
        Deed::Inquiry => {}
        Deed::Lookup(lookup) => of_lookup(lookup, &mut facts),
    }
    facts
}

fn of_call(call: &Call, facts: &mut Facts) {
    const ARGUMENTS: [&str; 4] =
        ["guardbee.audit.a0", "guardbee.audit.a1", "guardbee.audit.a2", "guardbee.audit.a3"];
    facts.text("guardbee.audit.syscall", call.name);
    for (key, argument) in ARGUMENTS.into_iter().zip(call.arguments) {
        facts.text(key, format!("{argument:x}"));
    }
    facts.int("guardbee.audit.exit", call.result);
}

fn of_target(target: &Target, known: Option<&Process>, facts: &mut Facts) {
    facts.int("guardbee.target.pid", target.process.tgid);
    facts.int("guardbee.target.thread.id", target.tid);
    facts.said("guardbee.target.thread.name", &target.comm);
    facts.int("guardbee.target.user.id", target.uid);
    facts.text("guardbee.target.process.id", target.process.to_string());
    let Some(process) = known else { return };
    facts.text("guardbee.target.executable.path", text::said(&process.exe));
    facts.text("guardbee.target.command_line", command_line(&process.args));
    if let Some(container) = &process.container {
        facts.text("guardbee.target.container.id", &*container.id);
    }
}

fn of_credentials(change: &Change, facts: &mut Facts) {
    if let Some(before) = &change.before {
        let Credentials { uid, euid, gid, egid, .. } = *before;
        facts.int("guardbee.credentials.before.user.id", euid);
        facts.int("guardbee.credentials.before.real_user.id", uid);
        facts.int("guardbee.credentials.before.group.id", egid);
        facts.int("guardbee.credentials.before.real_group.id", gid);
    }
    let Credentials { uid, euid, gid, egid, effective, .. } = change.after;
    facts.int("guardbee.credentials.after.user.id", euid);
    if let Some(user) = &change.user {
        facts.text("guardbee.credentials.after.user.name", &*user.name);
        facts.text("guardbee.credentials.after.user.source", user.table.name());
    }
    facts.int("guardbee.credentials.after.real_user.id", uid);
    facts.int("guardbee.credentials.after.group.id", egid);
    facts.int("guardbee.credentials.after.real_group.id", gid);
    facts.list("guardbee.credentials.after.capabilities", capabilities(effective));
    facts.list("guardbee.credentials.gained", change.gained());
    facts.flag("guardbee.credentials.unexplained", change.unexplained);
    facts.int("guardbee.credentials.user_namespace", change.user_ns);
}

fn of_access(access: &Access, facts: &mut Facts) {
    facts.text("guardbee.access", access.reach.name());
    if access.bytes > 0 {
        facts.int("guardbee.access.bytes", i64::try_from(access.bytes).unwrap_or(i64::MAX));
    }
    // What stands behind the descriptor that was taken.
    let taken = match access.fd {
        Fd::Closed => "",
        Fd::Regular => "regular",
        Fd::Directory => "directory",
        Fd::Character(_) => "character",
        Fd::Block => "block",
        Fd::Pipe => "pipe",
        Fd::Socket { .. } => "socket",
        Fd::Other => "other",
    };
    facts.text("guardbee.access.descriptor", taken);
    if let Fd::Socket { remote: Some(remote), .. } = access.fd {
        facts.text("guardbee.access.descriptor.peer", remote.to_string());
    }
}

fn of_namespace(namespace: &Namespace, facts: &mut Facts) {
    facts.list("guardbee.namespace.changed", Namespace::names(namespace.changed));
    facts.list("guardbee.namespace.host", Namespace::names(namespace.host));
    // As /proc/PID/ns names them.
    let pairs = Namespace::names(u8::MAX).zip(namespace.after).enumerate();
    let changed = pairs.filter(|(bit, _)| namespace.changed >> bit & 1 == 1);
    let inodes: Vec<String> = changed.map(|(_, (name, inode))| format!("{name}:[{inode}]")).collect();
    facts.text("guardbee.namespace.after", inodes.join(" "));
    if let Some(subject) = namespace.subject {
        facts.text("guardbee.namespace.process.id", subject.to_string());
    }
}

fn of_mount(mount: &Mount, facts: &mut Facts) {
    facts.text("guardbee.mount", mount.what.name());
    facts.said("guardbee.mount.place", &mount.place);
    facts.said("guardbee.mount.from", &mount.from);
    facts.said("guardbee.mount.type", &mount.fstype);
    facts.text("guardbee.mount.path.from", if mount.claimed { "caller" } else { "kernel" });
}

fn of_socket(socket: &SocketChange, facts: &mut Facts) {
    let named = |name: &str, number: u16| if name.is_empty() { number.to_string() } else { name.to_owned() };
    facts.text("guardbee.socket", socket.what.name());
    facts.text("guardbee.socket.family", named(socket.family_name(), socket.family));
    facts.text("guardbee.socket.type", named(socket.kind_name(), socket.kind));
    facts.int("guardbee.socket.protocol", socket.protocol);
    if socket.fd >= 0 {
        facts.int("guardbee.socket.fd", socket.fd);
    }
    facts.text("guardbee.socket.role", socket.role.name());
    let address = if socket.what == SocketKind::Bound { socket.local } else { socket.remote };
    if let Some(address) = address {
        facts.text("guardbee.socket.address", address.ip().to_string());
        facts.int("guardbee.socket.port", address.port());
    }
    facts.said("guardbee.socket.algorithm", &socket.detail);
    if socket.submitted {
        facts.flag("guardbee.socket.submitted", true);
    }
}

fn of_extension(extension: &Extension, facts: &mut Facts) {
    facts.text("guardbee.extension", extension.what.name());
    facts.said("guardbee.extension.name", &extension.detail);
    facts.int("guardbee.extension.type", extension.kind);
    facts.int("guardbee.extension.id", extension.id);
}

fn of_memory(memory: &Memory, facts: &mut Facts) {
    facts.text("guardbee.memory", memory.what.name());
    facts.said("guardbee.memory.name", &memory.detail);
    facts.flag("guardbee.memory.writable", memory.is_writable());
    if memory.length > 0 {
        facts.text("guardbee.memory.address", format!("{:x}", memory.address));
        facts.int("guardbee.memory.length", i64::try_from(memory.length).unwrap_or(i64::MAX));
        let protection = [(1, 'r'), (2, 'w'), (4, 'x')];
        let shown = protection.map(|(bit, letter)| if memory.protection & bit == 0 { '-' } else { letter });
        facts.text("guardbee.memory.protection", shown.iter().collect::<String>());
    }
}

fn of_ring(ring: &IoUring, facts: &mut Facts) {
    let operation = ring.operation();
    let number = ring.opcode.to_string();
    facts.text("guardbee.io_uring", if operation.is_empty() { &number } else { operation });
    if ring.entries > 0 {
        facts.int("guardbee.io_uring.entries", ring.entries);
    } else {
        facts.int("guardbee.io_uring.opcode", ring.opcode);
    }
    facts.said("guardbee.io_uring.path", &ring.path);
    facts.said("guardbee.io_uring.source", &ring.source);
    facts.said("guardbee.io_uring.attribute", &ring.attribute);
    if ring.path_cut {
        facts.flag("guardbee.io_uring.path.cut", true);
    }
}

fn of_lookup(lookup: &Lookup, facts: &mut Facts) {
    let Lookup { server, question, answer, .. } = lookup;
    facts.said("dns.question.name", &question.name);
    facts.said("dns.question.registered_domain", &question.registered);
    if lookup.is_malformed() {
        facts.flag("guardbee.dns.malformed", true);
    } else {
        facts.text("dns.question.type", dns::type_name(question.kind));
    }
    facts.text("guardbee.dns.server.address", server.to_string());
    let Some(Answer { code, records, cut }) = answer else { return };
    facts.text("dns.response_code", dns::code_name(*code));
    facts.list("dns.answers", records.iter().take(ANSWERS).map(|record| path(&record.data)));
    facts.flag("guardbee.dns.answers.cut", *cut || records.len() > ANSWERS);
}

/// A line for people: what was done, and to whom.
pub(crate) fn line(system: &System, target: Option<&Process>) -> String {
    let facts = facts(system, target);
    let skipped = |key: &str| key.starts_with("guardbee.audit.a") || key.starts_with("guardbee.target.");
    let mut words = Vec::new();
    if let Some(call) = &system.call {
        words.push(call.name.to_owned());
    }
    for (key, fact) in facts.0.iter().filter(|(key, _)| !skipped(key) && *key != "guardbee.audit.syscall") {
        // What it is about has been said by the rule's title; the rest by the last words of the key.
        let name = key.splitn(3, '.').last().unwrap_or(key);
        words.push(match fact {
            Fact::Text(value) => format!("{name} {value}"),
            Fact::Int(value) => format!("{name} {value}"),
            Fact::Flag(true) => name.to_owned(),
            Fact::Flag(false) => continue,
            Fact::List(list) => format!("{name} {}", list.join("+")),
        });
    }
    words.join(", ")
}

/// Whom it was done to, for people.
pub(crate) fn whom(system: &System, target: Option<&Process>) -> String {
    let Some(whom) = system.deed.target() else { return String::new() };
    let name = match target {
        Some(process) if !process.exe.is_empty() => process.name().into_owned(),
        _ => text::said(&whom.comm).into_owned(),
    };
    format!("{name}({})", whom.process.tgid)
}
