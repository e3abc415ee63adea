//! Falco's fields and ours.
use super::{environment, text::Dialect};

/// What a field of Falco's is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Text(&'static str, Dialect),
    Number(&'static str),
    Flag(&'static str),
    /// A flag of any event, which may not be known.
    Fact(&'static str),
    /// A field with a capability's name for each.
    Capabilities(&'static str),
    /// The terminal's number; we know whether there is one.
    Terminal,
    /// Who logged in; -1: nobody did.
    Login,
    /// `host` for what is in no container, else the first twelve digits.
    Container,
}

/// The kernel's name of the process.
const COMM: &str = "process.thread.name";
const EXECUTABLE: &str = "process.executable.path";
const COMMAND_LINE: &str = "process.command_line";
const PARENT: &str = "process.parent.executable.path";
const PARENT_NAME: &str = "process.parent.executable.name";
const PARENT_LINE: &str = "process.parent.command_line";
const ANCESTORS: &str = "process.ancestors.executable";
/// A flag that is absent where it is not known.
pub(super) const PRIVILEGED: &str = "guardbee.container.privileged";

/// Fields of processes, users and containers (falco.org/docs, "Supported Fields for Conditions and Outputs").
const TARGETS: &[(&str, Target)] = {
    use Dialect::{Arguments, CommandLine, FirstArgument, Folder, Name, NameOfPath, Same};
    use Target::{Capabilities, Container, Fact, Flag, Login, Number, Terminal, Text};
    &[
        ("proc.name", Text(COMM, Same)),
        ("proc.pname", Text(PARENT_NAME, Name)),
        ("proc.aname", Text(ANCESTORS, NameOfPath)),
        ("proc.aname[0]", Text(COMM, Same)),
        ("proc.aname[1]", Text(PARENT_NAME, Name)),
        ("proc.aname[2]", Text("guardbee.ancestor.2.executable.name", Name)),
        ("proc.aname[3]", Text("guardbee.ancestor.3.executable.name", Name)),
        ("proc.aname[4]", Text("guardbee.ancestor.4.executable.name", Name)),
        ("proc.aname[5]", Text("guardbee.ancestor.5.executable.name", Name)),
        ("proc.aname[6]", Text("guardbee.ancestor.6.executable.name", Name)),
        ("proc.aname[7]", Text("guardbee.ancestor.7.executable.name", Name)),
        ("proc.aexe[2]", Text("guardbee.ancestor.2.command_line", FirstArgument)),
        ("proc.aexe[3]", Text("guardbee.ancestor.3.command_line", FirstArgument)),
        ("proc.aexe[4]", Text("guardbee.ancestor.4.command_line", FirstArgument)),
        ("proc.acmdline[2]", Text("guardbee.ancestor.2.command_line", CommandLine)),
        ("proc.acmdline[3]", Text("guardbee.ancestor.3.command_line", CommandLine)),
        ("proc.acmdline[4]", Text("guardbee.ancestor.4.command_line", CommandLine)),
        ("proc.exe", Text(COMMAND_LINE, FirstArgument)),
        ("proc.pexe", Text(PARENT_LINE, FirstArgument)),
        ("proc.aexe[0]", Text(COMMAND_LINE, FirstArgument)),
        ("proc.aexe[1]", Text(PARENT_LINE, FirstArgument)),
        ("proc.exepath", Text(EXECUTABLE, Same)),
        ("proc.pexepath", Text(PARENT, Same)),
        ("proc.aexepath", Text(ANCESTORS, Same)),
        ("proc.aexepath[0]", Text(EXECUTABLE, Same)),
        ("proc.aexepath[1]", Text(PARENT, Same)),
        ("proc.cmdline", Text(COMMAND_LINE, CommandLine)),
        ("proc.pcmdline", Text(PARENT_LINE, CommandLine)),
        ("proc.acmdline[0]", Text(COMMAND_LINE, CommandLine)),
        ("proc.acmdline[1]", Text(PARENT_LINE, CommandLine)),
        ("proc.args", Text(COMMAND_LINE, Arguments)),
        ("proc.cwd", Text("process.working_directory", Folder)),
        ("proc.pid", Number("process.pid")),
        ("proc.vpid", Number("process.vpid")),
        ("proc.apid[0]", Number("process.pid")),
        ("proc.ppid", Number("process.parent_pid")),
        ("proc.apid[1]", Number("process.parent_pid")),
        ("proc.sid", Number("process.session_leader.pid")),
        ("proc.sname", Text("guardbee.session_leader.executable.name", Name)),
        ("proc.duration", Number("guardbee.process.age")),
        ("proc.tty", Terminal),
        ("proc.is_exe_upper_layer", Flag("process.executable.overlay_upper")),
        ("proc.is_exe_from_memfd", Flag("process.executable.memfd")),
        ("thread.cap_effective", Capabilities("process.thread.capabilities.effective")),
        ("thread.cap_permitted", Capabilities("process.thread.capabilities.permitted")),
        ("user.uid", Number("process.user.id")),
        ("user.name", Text("process.user.name", Same)),
        ("user.loginuid", Login),
        ("container.id", Container),
        ("container.type", Text("container.runtime", Same)),
        ("container.image", Text("guardbee.container.image.reference", Same)),
        ("container.image.repository", Text("container.image.name", Same)),
        ("container.image.tag", Text("container.image.tags", Same)),
        ("container.image.digest", Text("guardbee.container.image.digest", Same)),
        ("container.name", Text("container.name", Same)),
        ("container.privileged", Fact(PRIVILEGED)),
        ("k8s.ns.name", Text("k8s.namespace.name", Same)),
        ("k8s.pod.name", Text("k8s.pod.name", Same)),
        ("k8s.pod.uid", Text("k8s.pod.uid", Same)),
    ]
};

/// What an exec tells beyond what other events do: its first argument as it was, not only within the command line.
pub(super) fn at_exec(target: Target) -> Target {
    match target {
        Target::Text(COMMAND_LINE, Dialect::FirstArgument) => {
            Target::Text("guardbee.audit.a0", Dialect::Same)
        }
        other => other,
    }
}

/// Why a field is none of ours, by how its name begins; the first that fits.
const REASONS: &[(&str, &str)] = &[
    ("container.image", "of images only name, tag and digest are known"),
    ("container.", "of containers only id, name, image, runtime and whether they are privileged are known"),
    ("k8s.", "of pods only name, namespace and uid are known"),
    ("proc.aname", "of one ancestor the name is known up to the seventh; beyond it, of all of them together"),
    ("proc.aexepath", "of one ancestor only the parent's path can be named; beyond it, all of them together"),
    ("proc.aexe", "of one ancestor the arguments are known up to the fourth"),
    ("proc.acmdline", "of one ancestor the arguments are known up to the fourth"),
    ("proc.apid", "of one ancestor only the parent can be named"),
    ("proc.env", "the environment is recorded at an exec only"),
    ("proc.aenv", "environments of ancestors are not recorded"),
    ("proc.pvpid", "ids within a pid namespace are no field of rules"),
    ("proc.vpgid", "process groups are not recorded"),
    ("proc.pgid", "process groups are not recorded"),
    ("proc.is_vpgid", "process groups are not recorded"),
    ("proc.s", "of sessions only the pid and the name of the leader are known"),
    ("proc.is_sid", "of sessions only the pid and the name of the leader are known"),
    ("proc.ppid.duration", "how long a process has run is no field of rules"),
    ("proc.", "this is not recorded of processes"),
    ("thread.cap", "inheritable capabilities are no field of rules"),
    ("thread.", "threads are not told apart"),
    ("user.login", "of who logged in only the id is known"),
    ("user.", "of users only id and name are known"),
    ("group.", "groups are no field of rules"),
    ("evt.arg", "of this event no arguments are recorded"),
    ("evt.rawarg", "arguments of system calls are recorded as Falco shows them, not as numbers"),
    ("evt.time", "the time of day is no field of rules"),
    ("evt.hostname", "the name of the node is no field of rules"),
    ("evt.", "this is not recorded of events"),
    ("fd.name", "the text of a connection is no field: compare fd.sip, fd.sport and so on"),
    ("fd.sip.name", "only of connect the name of the other end is known: that which was asked for"),
    ("fd.rip.name", "only of connect the name of the other end is known: that which was asked for"),
    ("fd.cip.name", "nobody here asks for the names of those who connect"),
    ("fd.lip.name", "nobody here asks for the host's own name"),
    ("fd.", "this is not recorded of sockets"),
    ("fs.path.", "paths of system calls are not recorded"),
    ("fdlist.", "lists of descriptors are not recorded"),
];

/// What Falco's field is here; `argument` is what stands in brackets. [`Err`]: why nothing.
pub(super) fn target(name: &str, argument: Option<&str>) -> Result<Target, String> {
    let whole = argument.map_or_else(|| name.to_owned(), |argument| format!("{name}[{argument}]"));
    let found = TARGETS.iter().find(|(known, _)| *known == whole);
    found.map(|(_, target)| *target).ok_or_else(|| reason(&whole))
}

/// Why a field is none of ours.
pub(super) fn reason(name: &str) -> String {
    // Whole names first: `proc.pnam` begins like many.
    let plain = TARGETS.iter().map(|(known, _)| *known).filter(|known| !known.contains('['));
    let specific = REASONS.iter().filter(|(begin, _)| !begin.ends_with('.'));
    let specific =
        specific.filter(|(begin, _)| name.starts_with(begin) && begin.len() > 6).max_by_key(|(b, _)| b.len());
    if let Some((_, why)) = specific {
        return (*why).to_owned();
    }
    if let Some(meant) = crate::problem::nearest(name, plain) {
        return format!("no such field is known; did you mean `{meant}`?");
    }
    let general = REASONS.iter().find(|(begin, _)| name.starts_with(begin));
    general.map_or_else(|| "no such field is known".to_owned(), |(_, why)| (*why).to_owned())
}

/// The field that shows what Falco's output shows.
pub(super) fn shown(name: &str) -> Option<&'static str> {
    let network = NETWORK.iter().find(|(known, _)| *known == name).map(|(_, ours)| *ours);
    let (name, argument) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
        Some((name, argument)) => (name, Some(argument)),
        None => (name, None),
    };
    if name == "proc.env" {
        return Some(environment::FIELD);
    }
    network.or_else(|| match target(name, argument).ok()? {
        Target::Text(field, _)
        | Target::Number(field)
        | Target::Flag(field)
        | Target::Fact(field)
        | Target::Capabilities(field) => Some(field),
        Target::Terminal => Some("process.interactive"),
        Target::Login => Some("guardbee.login.user.id"),
        Target::Container => Some("container.id"),
    })
}

/// By which name the other end goes.
pub(super) const NAMES: [&str; 2] = ["fd.sip.name", "fd.rip.name"];

/// What of connections Falco's outputs show.
const NETWORK: &[(&str, &str)] = &[
    ("fd.sip", "destination.address"),
    ("fd.sport", "destination.port"),
    ("fd.cip", "source.address"),
    ("fd.cport", "source.port"),
    ("fd.rip", "network.peer.address"),
    ("fd.rport", "network.peer.port"),
    ("fd.sip.name", "destination.domain"),
    ("fd.rip.name", "destination.domain"),
    ("fd.l4proto", "network.transport"),
    ("fd.type", "network.transport"),
];
