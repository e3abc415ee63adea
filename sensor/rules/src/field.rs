//! The one table of field names: what each means, its type, which actions have it, and by what other names it goes.
//!
//! The canonical name is that of the OpenTelemetry semantic conventions where they have one; what only this sensor knows
//! begins with `guardbee.`. Sigma's names (taxonomy appendix 2.1) are aliases.
mod kinds;
mod syscall;
mod unavailable;
mod words;

use guardbee_model::{file, socket::Role, system};
pub(crate) use kinds::Kinds;
pub(crate) use syscall::syscall_named;
use unavailable::UNAVAILABLE;
pub(crate) use unavailable::in_audit_records;
pub(crate) use words::{AUDIT_SYSCALLS, EXECVEAT};
use words::{
    AUDIT_TYPES, ERRORS, FD_KINDS, FILE_ATTRIBUTES, FILE_OPERATIONS, LINK_KINDS, NETWORKS, QOS, USER_TABLES,
};

/// What values a field can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// Bytes, as the kernel or the peer gave them.
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Flag,
    /// An IP address.
    Address,
    /// A moment in UTC, as `2026-11-21 08:51:00.008`.
    Time,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// A line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) kind: Type,
    pub(crate) actions: Kinds,
    pub(crate) aliases: &'static [&'static str],
    /// Whether a keyword search looks at it.
    pub(crate) searched: bool,
}

macro_rules! fields {
    ($($(#[doc = $doc:literal])* $field:ident $name:literal $kind:expr, $actions:expr, $search:ident [$($alias:literal),*];)*) => {
        /// A field that rules can name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Field { $($(#[doc = $doc])* $field,)* }

        impl Field {
            /// Its place in the table.
            pub(crate) fn index(self) -> usize {
                // A fieldless enum: the discriminant is the place.
                self as usize
            }

            pub(crate) const ALL: &'static [Self] = &[$(Self::$field),*];
            pub(crate) const COUNT: usize = Self::ALL.len();

            pub(crate) const fn row(self) -> &'static Row {
                match self {
                    $(Self::$field => &Row {
                        name: $name,
                        meaning: concat!($($doc),*),
                        kind: { use Type::*; $kind },
                        actions: $actions,
                        aliases: &[$($alias),*],
                        searched: fields!(@ $search),
                    },)*
                }
            }
        }
    };
    (@ searched) => { true };
    (@ plain) => { false };
}

fields! {
    /// When it happened.
    Time "guardbee.time" Time, Kinds::ALL, plain ["UtcTime", "@timestamp"];
    // The acting process; for an exec, what it became.
    /// Path of the executable.
    Executable "process.executable.path" Text, Kinds::ALL, searched ["Image", "process.executable", "exe"];
    /// Its last component.
    ExecutableName "process.executable.name" Text, Kinds::ALL, plain ["process.name"];
    /// The executable lives in memory only. This and the next two: as it was at the exec.
    Memfd "process.executable.memfd" Flag, Kinds::ALL, plain [];
    /// No link to the executable was left.
    Deleted "process.executable.deleted" Flag, Kinds::ALL, plain [];
    /// Changed or created in the container, not part of its image.
    OverlayUpper "process.executable.overlay_upper" Flag, Kinds::ALL, plain [];
    /// Owner of the executable. This and the next three: as it was at the exec.
    ExecutableOwner "guardbee.executable.owner.id" Number, Kinds::ALL, plain [];
    /// Its group.
    ExecutableGroup "guardbee.executable.group.id" Number, Kinds::ALL, plain [];
    /// Its permissions and set-id bits: octal digits.
    ExecutableMode "guardbee.executable.mode" Text, Kinds::ALL, plain [];
    /// Whole seconds from the file's last change (its bytes, permissions, owner or names) to its exec; absent: the exec was not seen, or the clock was set back between them.
    ExecutableAge "guardbee.executable.age_seconds" Number, Kinds::ALL, plain [];
    /// SHA-256 of the executable in hex digits; absent: not known yet, or over the budget, which the finding says.
    ExecutableHash "guardbee.executable.sha256" Text, Kinds::ALL, plain ["sha256", "process.hash.sha256"];
    /// The same as Sysmon writes it: `SHA256=` before the digits.
    ExecutableHashes "guardbee.executable.hashes" Text, Kinds::ALL, plain ["Hashes"];
    /// The host's package that has this executable, as its databases say, not its bytes; `none`: no package has it; absent: not known, as in containers with files of their own.
    ExecutablePackage "guardbee.executable.package" Text, Kinds::ALL, plain [];
    /// The thread's name, 15 bytes of it; a process may change its own.
    Comm "process.thread.name" Text, Kinds::ALL, plain ["comm"];
    /// The arguments joined by one blank, unquoted.
    CommandLine "process.command_line" Text, Kinds::ALL, searched ["CommandLine"];
    /// The arguments, kept apart: a condition holds if it holds for one of them.
    CommandArgs "process.command_args" Text, Kinds::ALL, plain ["process.args"];
    /// At its exec.
    WorkingDirectory "process.working_directory" Text, Kinds::ALL, searched ["CurrentDirectory", "cwd"];
    /// When the process was forked.
    Created "process.creation.time" Time, Kinds::ALL, plain ["process.start"];
    /// In the initial namespace.
    Pid "process.pid" Number, Kinds::ALL, plain ["ProcessId", "pid"];
    /// In its own pid namespace: in a container, the container's number.
    Vpid "process.vpid" Number, Kinds::ALL, plain [];
    /// Effective user: the numeric id or, where it is known, the name.
    User "process.user" Text, Kinds::ALL, searched ["User"];
    /// Effective user.
    UserId "process.user.id" Number, Kinds::ALL, plain ["euid", "user.effective.id"];
    /// Name of the effective user, where it is known.
    UserName "process.user.name" Text, Kinds::ALL, plain ["user.effective.name"];
    /// Whose passwd file has that name.
    UserSource "guardbee.user.source" Word(USER_TABLES), Kinds::ALL, plain [];
    /// Real user. Sysmon for Linux has it, its lowest 16 bits, as `LogonId`.
    RealUserId "process.real_user.id" Number, Kinds::ALL, plain ["uid", "user.id", "LogonId"];
    /// Effective capabilities, such as `CAP_SYS_ADMIN`: a condition holds if it holds for one of them.
    Capabilities "process.thread.capabilities.effective" Text, Kinds::ALL, plain ["process.capabilities"];
    /// Saved user.
    SavedUserId "process.saved_user.id" Number, Kinds::ALL, plain ["suid", "user.saved.id"];
    /// User that file systems check.
    FsUserId "guardbee.process.fs_user.id" Number, Kinds::ALL, plain ["fsuid", "user.filesystem.id"];
    /// Effective group.
    GroupId "process.group.id" Number, Kinds::ALL, plain ["egid", "group.effective.id"];
    /// Real group.
    RealGroupId "process.real_group.id" Number, Kinds::ALL, plain ["gid", "group.id"];
    /// Saved group.
    SavedGroupId "process.saved_group.id" Number, Kinds::ALL, plain ["sgid"];
    /// Group that file systems check.
    FsGroupId "guardbee.process.fs_group.id" Number, Kinds::ALL, plain ["fsgid"];
    /// Permitted capabilities, likewise.
    CapabilitiesPermitted "process.thread.capabilities.permitted" Text, Kinds::ALL, plain [];
    /// Nanoseconds since the process was forked.
    Age "guardbee.process.age" Number, Kinds::ALL, plain [];
    /// What the process executed before that; of its parent's, where it had executed nothing.
    PreviousExecutable "process.previous.executable.path" Text, Kinds::ALL, searched ["process.previous.executable"];
    /// Of the parent.
    ParentExecutable "process.parent.executable.path" Text, Kinds::ALL, searched ["ParentImage", "process.parent.executable"];
    /// Last component of the parent's.
    ParentName "process.parent.executable.name" Text, Kinds::ALL, plain ["process.parent.name"];
    /// Of the parent.
    ParentCommandLine "process.parent.command_line" Text, Kinds::ALL, searched ["ParentCommandLine"];
    /// Of the parent.
    ParentPid "process.parent_pid" Number, Kinds::ALL, plain ["ParentProcessId", "process.parent.pid", "ppid"];
    /// Of the parent, as `process.user`.
    ParentUser "process.parent.user" Text, Kinds::ALL, plain ["ParentUser"];
    /// Of the parent, its parent and so on: a condition holds if it holds for one of them.
    Ancestors "process.ancestors.executable" Text, Kinds::ALL, plain [];
    /// Parent of the parent: last component of its executable.
    Ancestor2Name "guardbee.ancestor.2.executable.name" Text, Kinds::ALL, plain [];
    /// Parent of the second ancestor, likewise.
    Ancestor3Name "guardbee.ancestor.3.executable.name" Text, Kinds::ALL, plain [];
    /// Parent of the third, likewise.
    Ancestor4Name "guardbee.ancestor.4.executable.name" Text, Kinds::ALL, plain [];
    /// Parent of the fourth, likewise.
    Ancestor5Name "guardbee.ancestor.5.executable.name" Text, Kinds::ALL, plain [];
    /// Parent of the fifth, likewise.
    Ancestor6Name "guardbee.ancestor.6.executable.name" Text, Kinds::ALL, plain [];
    /// Parent of the sixth, likewise.
    Ancestor7Name "guardbee.ancestor.7.executable.name" Text, Kinds::ALL, plain [];
    /// Arguments of the parent's parent, as `process.command_line`.
    Ancestor2Line "guardbee.ancestor.2.command_line" Text, Kinds::ALL, plain [];
    /// Of the third ancestor, likewise.
    Ancestor3Line "guardbee.ancestor.3.command_line" Text, Kinds::ALL, plain [];
    /// Of the fourth, likewise.
    Ancestor4Line "guardbee.ancestor.4.command_line" Text, Kinds::ALL, plain [];
    /// Whoever began the session that the process was in at its exec.
    SessionLeader "process.session_leader.pid" Number, Kinds::ALL, plain [];
    /// Last component of its executable, where that is of the process or of one of its ancestors.
    SessionLeaderName "guardbee.session_leader.executable.name" Text, Kinds::ALL, plain ["process.session_leader.name"];
    /// Controlling terminal at the exec, as it is called below `/dev`: `pts/0`, `tty1`; absent: none, or not known.
    Terminal "guardbee.process.tty" Text, Kinds::ALL, plain ["process.tty"];
    /// Has a controlling terminal, as at its exec.
    Interactive "process.interactive" Flag, Kinds::ALL, plain [];
    /// Who logged in (audit's login user), whatever user the process became since, as at its exec; 4294967295: nobody did, as for daemons.
    LoginUser "guardbee.login.user.id" Number, Kinds::ALL, plain ["auid", "user.audit.id"];
    /// Number of that login since the boot (audit's session); 4294967295: there was none.
    LoginSession "guardbee.login.session" Number, Kinds::ALL, plain ["ses", "TerminalSessionId"];
    /// The container that the process is in: 64 hex digits, or the name where the runtime knows no other id.
    ContainerId "container.id" Text, Kinds::ALL, plain ["ContainerId"];
    /// `docker`, `containerd`, `cri-o`, `podman`, `lxc`, `systemd-nspawn`, ...; absent where the names of cgroups don't tell.
    ContainerRuntime "container.runtime" Text, Kinds::ALL, plain ["container.runtime.name", "container.type"];
    /// The Kubernetes pod that the container is part of.
    PodUid "k8s.pod.uid" Text, Kinds::ALL, plain ["kubernetes.pod.uid"];
    /// What the scheduler promised that pod.
    PodQos "guardbee.k8s.pod.qos" Word(QOS), Kinds::ALL, plain [];
    /// Registry and repository of the container's image, as its runtime was asked for it. This and the next nine: what Docker, containerd, CRI-O or podman keeps in files of root's; absent: nothing, or it could not be read.
    ContainerImageName "container.image.name" Text, Kinds::ALL, plain ["container.image.repository"];
    /// The tag that was asked for; absent: none was, as of an image by its digest.
    ContainerImageTag "container.image.tags" Text, Kinds::ALL, plain ["container.image.tag"];
    /// The digest that was asked for.
    ContainerImageDigest "guardbee.container.image.digest" Text, Kinds::ALL, plain ["container.image.digest"];
    /// The whole reference: name, tag, digest.
    ContainerImage "guardbee.container.image.reference" Text, Kinds::ALL, plain ["container.image"];
    /// What the runtime calls the container; in a pod, what the pod calls it.
    ContainerName "container.name" Text, Kinds::ALL, plain [];
    /// It was given all that its runtime can give: Docker and podman say it; else no path in it is masked or read-only and it has every capability.
    ContainerPrivileged "guardbee.container.privileged" Flag, Kinds::ALL, plain ["container.security_context.privileged", "container.privileged"];
    /// Capabilities that processes in the container can have at most, such as `CAP_SYS_ADMIN`: a condition holds if it holds for one of them.
    ContainerCapabilities "guardbee.container.capabilities" Text, Kinds::ALL, plain [];
    /// The Kubernetes pod that the container is part of.
    PodName "k8s.pod.name" Text, Kinds::ALL, plain ["kubernetes.pod.name"];
    /// The namespace of that pod.
    PodNamespace "k8s.namespace.name" Text, Kinds::ALL, plain ["kubernetes.namespace", "k8s.ns.name", "orchestrator.namespace"];
    /// What the pod calls the container.
    PodContainer "k8s.container.name" Text, Kinds::ALL, plain ["kubernetes.container.name"];
    /// Path of the cgroup that tells containers apart; its last names, without a `/` before them, until the path is known.
    CgroupPath "process.linux.cgroup" Text, Kinds::ALL, plain [];
    /// The systemd unit that the process is part of; of a user's units, the user manager's own.
    SystemdUnit "systemd.unit" Text, Kinds::ALL, plain [];
    /// The slice around it.
    SystemdSlice "systemd.slice" Text, Kinds::ALL, plain [];
    /// What the process is part of, by the first of these that is known: `container:` with its id, `service:` with its systemd unit (of users' managers none), `program:` with the executable's path.
    Workload "guardbee.workload" Text, Kinds::ALL, plain [];

    // An exec.
    /// The path as given to execve.
    ExecFilename "guardbee.exec.filename" Text, Kinds::EXEC, plain [];
    /// Its path is too deep: the first components are missing.
    ExecutablePathCut "process.executable.path_cut" Flag, Kinds::EXEC, plain [];
    /// The command line is too long: its middle is missing.
    CommandLineCut "process.command_line_cut" Flag, Kinds::EXEC, plain [];
    /// Variables of the environment, `NAME=value`: those that rules name, no others are recorded. A condition holds if it holds for one of them.
    Environment "guardbee.process.environment_variables" Text, Kinds::EXEC, plain ["process.env_vars"];
    /// The environment is too long to be looked through: variables may be missing.
    EnvironmentCut "guardbee.process.environment_cut" Flag, Kinds::EXEC, plain [];
    /// Set-user-id.
    Setuid "process.executable.setuid" Flag, Kinds::EXEC, plain [];
    /// Set-group-id.
    Setgid "process.executable.setgid" Flag, Kinds::EXEC, plain [];
    /// `AT_SECURE`: runs with more than its caller had.
    Secure "process.secure" Flag, Kinds::EXEC, plain [];
    /// No path leads to the executable from the process's root: a descriptor did.
    OutsideRoot "guardbee.exec.outside_root" Flag, Kinds::EXEC, plain [];
    /// The same of the working directory.
    DirectoryOutsideRoot "guardbee.exec.working_directory_outside_root" Flag, Kinds::EXEC, plain [];
    /// What standard input is.
    Fd0 "process.fd0.kind" Word(FD_KINDS), Kinds::EXEC, plain [];
    /// The other end, where standard input is a TCP socket.
    Fd0Address "process.fd0.address" Address, Kinds::EXEC, plain [];
    /// What standard output is.
    Fd1 "process.fd1.kind" Word(FD_KINDS), Kinds::EXEC, plain [];
    /// What standard error is.
    Fd2 "process.fd2.kind" Word(FD_KINDS), Kinds::EXEC, plain [];

    // An exec, or another call, as the kernel's audit would record it.
    /// Types of its audit records: of an exec `EXECVE` and `SYSCALL`, of another call `SYSCALL`, of files `PATH`.
    AuditType "guardbee.audit.type" Word(AUDIT_TYPES), Kinds::AUDIT, plain ["type"];
    /// The system call by its name; a rule may say it by its number on x86-64. `execveat` is seen as `execve`.
    AuditSyscall "guardbee.audit.syscall" Word(AUDIT_SYSCALLS), Kinds::AUDITED, plain ["SYSCALL", "syscall"];
    /// First argument: of an exec the program's name as it is told, of another call its register in hexadecimal digits.
    Arg0 "guardbee.audit.a0" Text, Kinds::AUDITED, plain ["a0"];
    /// Second argument.
    Arg1 "guardbee.audit.a1" Text, Kinds::AUDITED, plain ["a1"];
    /// Third argument.
    Arg2 "guardbee.audit.a2" Text, Kinds::AUDITED, plain ["a2"];
    /// Fourth argument.
    Arg3 "guardbee.audit.a3" Text, Kinds::AUDITED, plain ["a3"];
    /// Fifth argument.
    Arg4 "guardbee.audit.a4" Text, Kinds::EXEC, plain ["a4"];
    /// Sixth argument.
    Arg5 "guardbee.audit.a5" Text, Kinds::EXEC, plain ["a5"];
    /// Seventh argument.
    Arg6 "guardbee.audit.a6" Text, Kinds::EXEC, plain ["a6"];
    /// Eighth argument.
    Arg7 "guardbee.audit.a7" Text, Kinds::EXEC, plain ["a7"];
    /// Ninth argument.
    Arg8 "guardbee.audit.a8" Text, Kinds::EXEC, plain ["a8"];
    /// Tenth argument.
    Arg9 "guardbee.audit.a9" Text, Kinds::EXEC, plain ["a9"];

    /// What the call answered; of an exec 0, as others are not seen.
    AuditExit "guardbee.audit.exit" Number, Kinds::AUDITED, plain ["exit"];
    /// Whether it succeeded: calls that fail are not seen.
    AuditSuccess "guardbee.audit.success" Word(&["yes", "no"]), Kinds::AUDITED, plain ["success"];

    // An exit.
    /// As wait(2) gives it: status << 8 | signal.
    ExitStatus "guardbee.exit.status" Number, Kinds::EXIT, plain [];

    // Files. Where there are two paths, `file.path` is the one that is new.
    /// Path from the process's root.
    FilePath "file.path" Text, Kinds::FILE, searched ["TargetFilename", "name"];
    /// Its last component.
    FileName "file.name" Text, Kinds::FILE, plain [];
    /// What is before that.
    FileDirectory "file.directory" Text, Kinds::FILE, plain [];
    /// Of the name, from its last dot on, without that.
    FileExtension "file.extension" Text, Kinds::FILE, plain [];
    /// The former path of what was renamed, the path that was linked, the text of a symbolic link.
    FileSource "guardbee.file.source" Text, Kinds::FILE_SOURCED, searched ["SourceFilename"];
    /// What was done.
    FileOperation "guardbee.file.operation" Word(FILE_OPERATIONS), Kinds::FILE, plain [];
    /// As the kernel's audit names the path: `NORMAL`, `CREATE`, `DELETE`.
    FileNameType "guardbee.audit.nametype" Word(&["NORMAL", "CREATE", "DELETE"]), Kinds::FILE_NAMED, plain ["nametype"];
    /// Whether the path is the kernel's own, or was read from the caller's memory and may have been changed.
    FilePathFrom "guardbee.file.path.from" Word(&["kernel", "caller"]), Kinds::FILE, plain [];
    /// The first components of the path are missing.
    FilePathCut "guardbee.file.path.cut" Flag, Kinds::FILE, plain [];
    /// What of its attributes was set.
    FileAttribute "guardbee.file.attribute" Word(FILE_ATTRIBUTES), Kinds::FILE_ATTRIBUTE, plain [];
    /// How it was opened: a condition holds if it holds for one of the flags. Of openat2 `O_CREAT`, `O_EXCL`, `O_TRUNC` are not known.
    FileFlags "guardbee.file.flags" Word(&file::FLAG_NAMES), Kinds::FILE_OPENED, plain [];
    /// The name that the call was given, as it was written: relative to whatever, with `..` in it.
    FileGiven "guardbee.file.given" Text, Kinds::FILE_OPENED, plain [];
    /// What it is; absent: that is not known, as of a file that was named and not opened.
    FileType "guardbee.file.type" Word(file::FileKind::NAMES), Kinds::FILE_NAMED, plain [];
    /// Major and minor number of the device that was made, such as `8:0`.
    FileNode "guardbee.file.node" Text, Kinds::FILE_NODE, plain [];
    /// Permissions and set-id bits, of chmod, mkdir and mknod as given, else as they are: octal digits.
    FileMode "file.mode" Text, Kinds::FILE_NAMED, plain [];
    /// That has the set-user-id bit.
    FileSetuid "guardbee.file.setuid" Flag, Kinds::FILE_NAMED, plain [];
    /// That has the set-group-id bit.
    FileSetgid "guardbee.file.setgid" Flag, Kinds::FILE_NAMED, plain [];
    /// Owner that chown gives, else as it is.
    FileOwner "file.owner.id" Number, Kinds::FILE_NAMED, plain ["file.uid"];
    /// Group that chown gives, else as it is.
    FileGroup "file.group.id" Number, Kinds::FILE_NAMED, plain ["file.gid"];
    /// Of what was opened, or named by a descriptor.
    FileInode "file.inode" Number, Kinds::FILE_NAMED, plain ["inode"];
    /// Bytes, when it was opened.
    FileSize "file.size" Number, Kinds::FILE_NAMED, plain [];
    /// Lives in memory only.
    FileMemfd "guardbee.file.memfd" Flag, Kinds::FILE_NAMED, plain [];
    /// No link to it was left.
    FileDeleted "guardbee.file.deleted" Flag, Kinds::FILE_NAMED, plain [];
    /// Changed or created in the container, not part of its image.
    FileOverlayUpper "guardbee.file.overlay_upper" Flag, Kinds::FILE_NAMED, plain [];

    // Connections. The source is who connects, whichever end is here.
    /// Who is connected to.
    DestinationAddress "destination.address" Address, Kinds::NET, searched ["DestinationIp", "destination.ip", "dst_ip"];
    /// Who is connected to.
    DestinationPort "destination.port" Number, Kinds::NET, plain ["DestinationPort", "dst_port"];
    /// Name, in lower case, that was asked for and answered with that address: the last one that the process itself asked a name server for, else the only one that its container did, or of the host's processes any of them; for a minute at least and an hour at most, as the answer says. Absent: none was, as where a name stands in a file, or it was asked for over TLS.
    DestinationName "destination.domain" Text, Kinds::OUTBOUND, plain ["DestinationHostname"];
    /// Where that is: this host, its link, private networks (RFC 1918, 4193 and 6598), all others; absent: no IP address.
    DestinationNetwork "guardbee.destination.network" Word(NETWORKS), Kinds::NET, plain [];
    /// Who connects; absent: a datagram of a socket that was bound to no address.
    SourceAddress "source.address" Address, Kinds::CONNECTION, searched ["SourceIp", "source.ip", "src_ip"];
    /// Who connects.
    SourcePort "source.port" Number, Kinds::CONNECTION, plain ["SourcePort", "src_port"];
    /// Whether the process connects, not accepts.
    Initiated "guardbee.connection.initiated" Flag, Kinds::NET, plain ["Initiated"];
    /// `tcp`, `udp` or `unix`.
    Transport "network.transport" Word(&["tcp", "udp", "unix"]), Kinds::NET, plain ["Protocol"];
    /// Errno of connect, 0: it succeeded, -1: it was given up before an answer came.
    ConnectError "guardbee.connect.error" Number, Kinds::CONNECT, plain [];
    /// Why connect or open failed; absent: it succeeded. What this host turns down by itself, as without a route, is no connect: nothing was sent.
    ErrorType "error.type" Word(ERRORS), Kinds::FAILING, plain [];
    /// The other end.
    PeerAddress "network.peer.address" Address, Kinds::CONNECTION, plain [];
    /// The other end.
    PeerPort "network.peer.port" Number, Kinds::CONNECTION, plain [];
    /// Path of a unix socket that is connected to; an abstract one begins with `@`.
    UnixPath "guardbee.unix.path" Text, Kinds::STREAM, searched [];
    /// Began to listen, not ceased.
    Listening "guardbee.listening" Flag, Kinds::LISTEN, plain [];

    // What is done to the system and to other processes.
    /// Path of the executable of the process that it was done to.
    TargetExecutable "guardbee.target.executable.path" Text, Kinds::TARGETED, searched ["TargetImage"];
    /// Its last component.
    TargetName "guardbee.target.executable.name" Text, Kinds::TARGETED, plain [];
    /// Name of the thread that it was done to; of a title, the one before.
    TargetComm "guardbee.target.thread.name" Text, Kinds::TARGETED, plain [];
    /// In the initial namespace.
    TargetPid "guardbee.target.pid" Number, Kinds::TARGETED, plain ["TargetProcessId"];
    /// Effective user of the process that it was done to.
    TargetUserId "guardbee.target.user.id" Number, Kinds::TARGETED, plain [];
    /// No call and no exec could have led to these credentials: the kernel was made to give them.
    Unexplained "guardbee.credentials.unexplained" Flag, Kinds::CREDENTIALS, plain [];
    /// Effective user before; absent: the thread is looked at for the first time.
    UserBefore "guardbee.credentials.before.user.id" Number, Kinds::CREDENTIALS, plain [];
    /// Real user before.
    RealUserBefore "guardbee.credentials.before.real_user.id" Number, Kinds::CREDENTIALS, plain [];
    /// Effective user after it.
    UserAfter "guardbee.credentials.after.user.id" Number, Kinds::CREDENTIALS, plain [];
    /// Name of the effective user after it, as the container's passwd has it, else the host's.
    UserNameAfter "guardbee.credentials.after.user.name" Text, Kinds::CREDENTIALS, plain [];
    /// Real user after it.
    RealUserAfter "guardbee.credentials.after.real_user.id" Number, Kinds::CREDENTIALS, plain [];
    /// Effective capabilities that it has now and had not, such as `CAP_SYS_ADMIN`: a condition holds if it holds for one.
    Gained "guardbee.credentials.gained" Text, Kinds::CREDENTIALS, plain [];
    /// How a process reached into another: traced is its own will; limited and scheduled say that it set how much the other may use, or when and where it runs.
    Reach "guardbee.access" Word(system::Reach::NAMES), Kinds::ACCESS, plain [];
    /// Which namespaces are others now: a condition holds if it holds for one of them.
    Namespaces "guardbee.namespace.changed" Word(&system::NAMESPACES), Kinds::NAMESPACE, plain [];
    /// Which of these are now those of the machine's first process.
    HostNamespaces "guardbee.namespace.host" Word(&system::NAMESPACES), Kinds::NAMESPACE, plain [];
    /// What happened to the tree of mounts.
    Mount "guardbee.mount" Word(system::MountKind::NAMES), Kinds::MOUNT, plain [];
    /// Where it is mounted, or the new root is; of mount and umount2 as the caller said.
    MountPlace "guardbee.mount.place" Text, Kinds::MOUNT, searched [];
    /// Device or folder that is mounted, as the caller said.
    MountFrom "guardbee.mount.from" Text, Kinds::MOUNT, searched [];
    /// Type of the file system, where it was said.
    MountType "guardbee.mount.type" Text, Kinds::MOUNT, plain [];
    /// What happened to a socket: made (of a rare kind), bound, filtered, or put in place of standard input or output.
    SocketChange "guardbee.socket" Word(system::SocketKind::NAMES), Kinds::SOCKET_CHANGE, plain [];
    /// `inet`, `packet`, `alg`, ..., or a number.
    SocketFamily "guardbee.socket.family" Text, Kinds::SOCKET_CHANGE, plain [];
    /// `stream`, `dgram`, `raw`, ..., or a number.
    SocketType "guardbee.socket.type" Text, Kinds::SOCKET_CHANGE, plain [];
    /// Its descriptor.
    SocketFd "guardbee.socket.fd" Number, Kinds::SOCKET_CHANGE, plain [];
    /// Which side of its connection it is.
    SocketRole "guardbee.socket.role" Word(Role::NAMES), Kinds::SOCKET_CHANGE, plain [];
    /// The other end; of a bound one, this end.
    SocketAddress "guardbee.socket.address" Address, Kinds::SOCKET_CHANGE, plain [];
    /// The other end's port; of a bound one, this end's.
    SocketPort "guardbee.socket.port" Number, Kinds::SOCKET_CHANGE, plain [];
    /// Of a bound crypto socket: the type of algorithm, as the caller said.
    SocketAlgorithm "guardbee.socket.algorithm" Text, Kinds::SOCKET_CHANGE, plain [];
    /// It was asked for through `io_uring`: whether it was made is not known.
    SocketSubmitted "guardbee.socket.submitted" Flag, Kinds::SOCKET_CHANGE, plain [];
    /// What was added to the kernel.
    Extension "guardbee.extension" Word(system::ExtensionKind::NAMES), Kinds::EXTENSION, plain [];
    /// Name of the program or module, or the path that a probe is put into.
    ExtensionName "guardbee.extension.name" Text, Kinds::EXTENSION, searched [];
    /// Such as `SIGKILL`.
    Signal "guardbee.signal" Text, Kinds::SIGNAL, plain [];
    /// What memory became.
    Memory "guardbee.memory" Word(system::MemoryKind::NAMES), Kinds::MEMORY, plain [];
    /// Writable and executable at once.
    MemoryWritable "guardbee.memory.writable" Flag, Kinds::MEMORY, plain [];
    /// Name of a file that lives in memory only.
    MemoryName "guardbee.memory.name" Text, Kinds::MEMORY, searched [];
    /// The new name of the thread.
    Title "guardbee.title" Text, Kinds::TITLE, searched [];
    /// `setup`, or an operation such as `openat`.
    IoUring "guardbee.io_uring" Text, Kinds::IO_URING, plain [];
    /// The path that the operation names; of two the new one.
    IoUringPath "guardbee.io_uring.path" Text, Kinds::IO_URING, searched [];
    /// The former path of a rename, the linked one, or the text of a symbolic link.
    IoUringSource "guardbee.io_uring.source" Text, Kinds::IO_URING, searched [];
    /// Name of the extended attribute that is set.
    IoUringAttribute "guardbee.io_uring.attribute" Text, Kinds::IO_URING, plain [];
    /// `open_by_handle_at`: what was opened.
    ControlPath "guardbee.control.path" Text, Kinds::CONTROL, searched [];

    // What name servers are asked.
    /// The name that is asked for, case as it was sent: labels joined by dots, without one at the end.
    DnsName "dns.question.name" Text, Kinds::DNS, searched ["QueryName", "query"];
    /// The part of that name that somebody registered, by the public suffix list, lower case; absent: it has none.
    DnsDomain "dns.question.registered_domain" Text, Kinds::DNS, plain ["parent_domain"];
    /// What was sent to a name server is no message of the DNS.
    DnsMalformed "guardbee.dns.malformed" Flag, Kinds::DNS, plain [];
    /// Such as `A` or `TXT`; of an unknown type `TYPE` and its number.
    DnsType "dns.question.type" Text, Kinds::DNS, plain ["record_type"];
    /// Who is asked.
    DnsServer "guardbee.dns.server.address" Address, Kinds::DNS, plain [];
    /// Such as `NOERROR` or `NXDOMAIN`, or a number; absent: no answer was seen within two seconds.
    DnsCode "dns.response_code" Text, Kinds::DNS, plain [];
    /// Addresses, names and texts of the answer, as zone files write them: a condition holds if it holds for one of them.
    DnsAnswers "dns.answers" Text, Kinds::DNS, searched ["answer", "QueryResults", "dns.answers.data"];
    /// Addresses of the answer: a condition holds if it holds for one of them.
    DnsAddress "dns.resolved_ip" Address, Kinds::DNS, plain [];

    // The request: of request and exchange itself, of every other action the one that its link proves.
    /// Our id of the proven request.
    Request "guardbee.request" Text, Kinds::ALL, plain [];
    /// How the link is known; absent: no server process is behind the action.
    Link "guardbee.link" Word(LINK_KINDS), Kinds::ALL, plain [];
    /// The trace of the request.
    Trace "trace.id" Text, Kinds::ALL, plain ["TraceId", "trace_id"];
    /// Who named the trace.
    TraceSource "guardbee.trace.source" Word(&["own", "client-claimed", "local"]), Kinds::ALL, plain [];
    /// As sent.
    Method "http.request.method" Text, Kinds::ALL, searched ["cs-method"];
    /// Path as sent, percent-encoding and all.
    Path "url.path" Text, Kinds::ALL, plain ["cs-uri-stem", "c-uri-stem"];
    /// Query as sent, without `?`.
    Query "url.query" Text, Kinds::ALL, plain [];
    /// Query, or path and query: public rules mean the one as often as the other.
    QueryOrTarget "guardbee.url.query_or_target" Text, Kinds::ALL, plain ["cs-uri-query", "c-uri-query"];
    /// Path and query as sent.
    Target "guardbee.url.target" Text, Kinds::ALL, searched ["cs-uri", "c-uri", "url.original"];
    /// Path and query with `%HH` decoded twice (attackers encode twice) and `+` as a blank.
    DecodedTarget "guardbee.url.decoded" Text, Kinds::ALL, plain [];
    /// The path with what looks like ids replaced.
    Route "http.route" Text, Kinds::ALL, plain [];
    /// `Host` as sent.
    Host "server.address" Text, Kinds::ALL, searched ["cs-host", "r-dns", "url.domain"];
    /// Of the server's end of the connection.
    ServerPort "server.port" Number, Kinds::ALL, plain ["s-port"];
    /// As sent.
    UserAgent "user_agent.original" Text, Kinds::ALL, searched ["cs-user-agent", "c-useragent"];
    /// As sent.
    Referer "http.request.header.referer" Text, Kinds::ALL, searched ["cs-referer", "cs-referrer", "http.request.referrer"];
    /// As whom the request says it is made: the name in `Authorization: Basic`, or whom the web server told an application over FastCGI. Whether the name is believed, the answer tells; said in other ways, as by a cookie, it is not known.
    EndUser "enduser.id" Text, Kinds::ALL, searched ["cs-username"];
    /// As sent, with its parameters.
    ContentType "http.request.header.content-type" Text, Kinds::ALL, plain ["cs-content-type"];
    /// The other end of the connection: perhaps a proxy.
    ClientAddress "client.address" Address, Kinds::ALL, searched ["c-ip", "client.ip"];
    /// The other end of the connection.
    ClientPort "client.port" Number, Kinds::ALL, plain ["c-port"];
    /// First address of `X-Forwarded-For` or `Forwarded`: a claim.
    ForwardedFor "guardbee.forwarded_for" Text, Kinds::ALL, plain ["x-forwarded-for"];
    /// Such as `1.1`.
    HttpVersion "network.protocol.version" Text, Kinds::ALL, plain ["cs-version"];

    // The answer.
    /// Absent: the connection ended without one.
    Status "http.response.status_code" Number, Kinds::EXCHANGE, plain ["sc-status"];
    /// Of the body, where known.
    ResponseSize "http.response.body.size" Number, Kinds::EXCHANGE, plain ["sc-bytes", "http.response.body.bytes"];
    /// Of the body, where known.
    RequestSize "http.request.body.size" Number, Kinds::EXCHANGE, plain ["cs-bytes", "http.request.body.bytes"];
}

impl Field {
    /// Says something of a request, not of the action that the request caused.
    pub(crate) fn of_request(self) -> bool {
        (Self::Request..=Self::HttpVersion).contains(&self) && self != Self::Link
    }

    /// Those that say what a runtime's files say of a container.
    pub(crate) const OF_CONFIGURATION: [Self; 10] = [
        Self::ContainerImageName,
        Self::ContainerImageTag,
        Self::ContainerImageDigest,
        Self::ContainerImage,
        Self::ContainerName,
        Self::ContainerPrivileged,
        Self::ContainerCapabilities,
        Self::PodName,
        Self::PodNamespace,
        Self::PodContainer,
    ];

    /// Says something of a file.
    pub(crate) fn of_file(self) -> bool {
        (Self::FilePath..=Self::FileOverlayUpper).contains(&self)
    }

    /// Says something of a connection.
    pub(crate) fn of_network(self) -> bool {
        (Self::DestinationAddress..=Self::UnixPath).contains(&self)
    }

    /// Which argument of a program it is.
    pub(crate) fn argument(self) -> Option<usize> {
        let within = (Self::Arg0..=Self::Arg9).contains(&self);
        within.then(|| self.index() - Self::Arg0.index())
    }

    /// Which ancestor it is about, the parent being the first, and whether its command line, not its name.
    pub(crate) fn ancestor(self) -> Option<(usize, bool)> {
        let of = |first: Self, last: Self| {
            (first..=last).contains(&self).then(|| 2 + self.index() - first.index())
        };
        let name = of(Self::Ancestor2Name, Self::Ancestor7Name).map(|number| (number, false));
        name.or_else(|| of(Self::Ancestor2Line, Self::Ancestor4Line).map(|number| (number, true)))
    }

    /// Why the field, whose values are words, never has a word that other sensors know.
    pub(crate) fn unrecorded(self, word: &str) -> Option<String> {
        let name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if word.is_empty() || !word.bytes().all(name) {
            return None;
        }
        match self {
            Self::AuditType => Some(format!("audit records of type `{word}` are not observed yet")),
            Self::AuditSyscall if word == EXECVEAT => {
                Some("the system call `execveat` is not told apart from `execve`".to_owned())
            }
            Self::AuditSyscall => Some(format!("the system call `{word}` is not observed yet")),
            _ => None,
        }
    }

    /// Says something of an answer.
    pub(crate) fn of_response(self) -> bool {
        (Self::Status..=Self::RequestSize).contains(&self)
    }
}

/// The table for people, as Markdown: what can be written, what it means, which actions have it.
pub fn reference() -> String {
    let mut out =
        "| field | also written | type | recorded for | meaning |\n|---|---|---|---|---|\n".to_owned();
    out.extend(Field::ALL.iter().map(|field| field.row().reference()));
    out.push_str("\n| known, but never there | why |\n|---|---|\n");
    out.extend(UNAVAILABLE.iter().map(|(name, why)| format!("| `{name}` | {why} |\n")));
    out
}

impl Row {
    fn reference(&self) -> String {
        let Self { name, meaning, kind, actions, aliases, .. } = self;
        let kind = match kind {
            Type::Text => "text".to_owned(),
            Type::Number => "number".to_owned(),
            Type::Flag => "true, false".to_owned(),
            Type::Address => "IP address".to_owned(),
            Type::Time => "UTC date and time".to_owned(),
            Type::Word(words) => words.join(", "),
        };
        let actions = if *actions == Kinds::ALL { "all".to_owned() } else { actions.names() };
        let aliases: Vec<String> = aliases.iter().map(|alias| format!("`{alias}`")).collect();
        format!("| `{name}` | {} | {kind} | {actions} |{meaning} |\n", aliases.join(" "))
    }
}

/// What a written name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Field(Field),
    /// Known, but nothing records it; says why.
    Unavailable(&'static str),
}

/// Looks a name up, case as in the table.
pub(crate) fn find(name: &str) -> Option<Found> {
    let field = Field::ALL.iter().copied().find(|field| {
        let row = field.row();
        row.name == name || row.aliases.contains(&name)
    });
    field.map(Found::Field).or_else(|| {
        UNAVAILABLE.iter().find(|(known, _)| *known == name).map(|(_, why)| Found::Unavailable(why))
    })
}

/// Every name that [`find`] knows, for suggestions.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    Field::ALL
        .iter()
        .flat_map(|field| std::iter::once(field.row().name).chain(field.row().aliases.iter().copied()))
        .chain(UNAVAILABLE.iter().map(|(name, _)| *name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_means_two_things() {
        let mut all: Vec<_> = names().collect();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
