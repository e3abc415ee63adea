//! Values that fields can have, and what an event is given to have them.
use crate::field::{AUDIT_SYSCALLS, Field, Kinds, Type};
use guardbee_model::file;

/// What an event is given, and what is read of the field.
pub(super) struct Case {
    pub(super) set: Vec<(Field, Vec<Box<str>>)>,
    pub(super) read: Vec<String>,
}

impl Case {
    /// Read as it was given.
    fn new(field: Field, values: &[&str]) -> Self {
        let set = values.iter().map(|value| (*value).into()).collect();
        Self { set: vec![(field, set)], read: values.iter().map(|value| (*value).to_owned()).collect() }
    }

    /// The event has this too.
    fn with(mut self, field: Field, value: &str) -> Self {
        self.set.push((field, vec![value.into()]));
        self
    }

    /// More is read than was given.
    fn reads(self, values: &[&str]) -> Self {
        Self { read: values.iter().map(|value| (*value).to_owned()).collect(), ..self }
    }
}

/// What rules look for in the field.
pub(super) fn words(field: Field) -> Vec<String> {
    if let Type::Word(words) = field.row().kind {
        return words.iter().map(|word| (*word).to_owned()).collect();
    }
    let actions = Kinds::each().filter(|kind| field.row().actions.meets(*kind));
    let mut out: Vec<_> =
        actions.flat_map(|action| cases(field, action)).flat_map(|case| case.read).collect();
    out.sort_unstable();
    out.dedup();
    out
}

/// Events of this action that have the field.
pub(super) fn cases(field: Field, action: Kinds) -> Vec<Case> {
    let one = |value: &str| Case::new(field, &[value]);
    let each = |values: &[&str]| values.iter().map(|value| one(value)).collect();
    let calls = || AUDIT_SYSCALLS.iter().filter(|name| Kinds::of_call(name) == action);
    match field {
        // The action alone says these.
        Field::Initiated => each(&[if Kinds::OUTBOUND.meets(action) { "true" } else { "false" }]),
        Field::Transport if action == Kinds::DATAGRAM => each(&["udp"]),
        Field::Transport if action == Kinds::LISTEN => each(&["tcp"]),
        Field::Transport => each(&["tcp", "unix"]),
        Field::FileOperation => action.members().map(one).collect(),
        Field::FileNameType => each(&[match action {
            Kinds::FILE_OPEN | Kinds::FILE_MODIFY | Kinds::FILE_ATTRIBUTE | Kinds::FOLDER_OPEN => "NORMAL",
            Kinds::FILE_DELETE | Kinds::FOLDER_DELETE => "DELETE",
            _ => "CREATE",
        }]),
        Field::FileType if action == Kinds::FILE_SYMLINK => each(&["symlink"]),
        Field::FileType
            if Kinds::FOLDER_CREATE.or(Kinds::FOLDER_DELETE).or(Kinds::FOLDER_OPEN).meets(action) =>
        {
            each(&["folder"])
        }
        // Of a connect, and of an open.
        Field::ErrorType if action == Kinds::CONNECT => each(&["connection_refused", "timeout", "_OTHER"]),
        Field::ErrorType => file::open_errors().map(one).collect(),
        Field::FileNode => {
            let disk = one("8:17").with(Field::FileType, "block_device");
            vec![disk, one("240:4096").with(Field::FileType, "character_device")]
        }
        // For a request its link is itself.
        Field::Link if action == Kinds::REQUEST || action == Kinds::EXCHANGE => each(&["exact"]),
        // Audit's record of an exec, which is seen if it succeeds; of a path; of a call, whose name an event must have.
        Field::AuditType if action == Kinds::EXEC => vec![one("EXECVE").reads(&["EXECVE", "SYSCALL"])],
        Field::AuditType if Kinds::FILE.meets(action) => each(&["PATH"]),
        Field::AuditType => calls().map(|name| one("SYSCALL").with(Field::AuditSyscall, name)).collect(),
        Field::AuditSyscall => calls().map(|name| one(name)).collect(),
        Field::AuditSuccess => calls().map(|name| one("yes").with(Field::AuditSyscall, name)).collect(),
        Field::AuditExit if action == Kinds::EXEC => each(&["0"]),
        Field::AuditExit => calls().map(|name| one("7").with(Field::AuditSyscall, name)).collect(),
        _ if field.argument().is_some() && action != Kinds::EXEC => {
            let registers = ["7", "7f00"].map(|value| calls().next().map(|name| (value, name)));
            let case = |(value, name): (&str, &&str)| one(value).with(Field::AuditSyscall, name);
            registers.into_iter().flatten().map(case).collect()
        }
        // More than what is said.
        Field::User | Field::ParentUser => vec![one("one").reads(&["1000", "one"]), one("4242")],
        Field::QueryOrTarget => {
            vec![one("one=1").reads(&["one=1", "/?one=1"]), one("two=2").reads(&["two=2", "/?two=2"])]
        }
        // Who opens to read modifies a file by cutting it.
        Field::FileFlags if action == Kinds::FILE_MODIFY => vec![
            one("O_RDONLY").reads(&["O_RDONLY", "O_TRUNC"]),
            one("O_WRONLY"),
            one("O_APPEND").reads(&["O_RDONLY", "O_TRUNC", "O_APPEND"]),
        ],
        Field::FileFlags => {
            let mut out: Vec<_> = each(&["O_RDONLY", "O_WRONLY", "O_RDWR"]);
            let others = ["O_CREAT", "O_EXCL", "O_TRUNC", "O_APPEND", "O_NONBLOCK", "O_DSYNC"];
            out.extend(others.map(|flag| one(flag).reads(&["O_RDONLY", flag])));
            out.push(one("O_SYNC").reads(&["O_RDONLY", "O_DSYNC", "O_SYNC"]));
            out
        }
        _ => {
            let values = usual(field);
            let mut out: Vec<_> = each(values);
            if let (true, Some(both)) = (several(field), values.get(..2)) {
                out.push(Case::new(field, both));
            }
            out
        }
    }
}

/// Fields that have several values at once.
fn several(field: Field) -> bool {
    matches!(
        field,
        Field::CommandArgs
            | Field::Environment
            | Field::Ancestors
            | Field::Capabilities
            | Field::CapabilitiesPermitted
            | Field::ContainerCapabilities
            | Field::Gained
            | Field::Namespaces
            | Field::HostNamespaces
            | Field::DnsAnswers
            | Field::DnsAddress
    )
}

/// Two values or more; those of a list in the order in which they are read.
fn usual(field: Field) -> &'static [&'static str] {
    match field {
        Field::ExecutableMode | Field::FileMode => &["0640", "4755"],
        Field::ExecutableHash => &[
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210",
        ],
        Field::ExecutableHashes => &[
            "SHA256=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "SHA256=fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210",
        ],
        Field::ExecutablePackage => &["one", "none"],
        Field::Capabilities | Field::CapabilitiesPermitted | Field::ContainerCapabilities | Field::Gained => {
            &["CAP_KILL", "CAP_SYS_ADMIN", "CAP_CHECKPOINT_RESTORE"]
        }
        Field::Terminal => &["pts/7", "tty1", "ttyS0", "console", "204:64"],
        Field::Workload => &["container:one", "service:one.service", "program:/opt/one"],
        Field::UnixPath => &["/run/one", "@another"],
        Field::SocketFamily => &["packet", "alg", "99"],
        Field::SocketType => &["raw", "seqpacket", "99"],
        Field::Signal => &["SIGKILL", "SIGTSTP"],
        Field::IoUring => &["setup", "openat", "99"],
        Field::DnsType => &["A", "TXT", "TYPE4242"],
        Field::DnsCode => &["NOERROR", "NXDOMAIN", "99"],
        Field::Environment => &["ONE=one", "TWO=two=three", "THREE="],
        Field::Request => &["1f-0", "ffffffffffffffff-2a"],
        Field::Trace => &["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"],
        Field::HttpVersion => &["1.0", "1.1"],
        _ => match field.row().kind {
            Type::Word(words) => words,
            Type::Flag => &["false", "true"],
            Type::Number => &["7", "4242"],
            Type::Address => &["203.0.113.7", "2001:db8::7", "::1"],
            Type::Time => &["1970-01-01 21:00:00.007", "1970-01-01 22:00:00.000"],
            Type::Text => &["one", "another", "third"],
        },
    }
}
