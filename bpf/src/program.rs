//! The programs: number, name, what they are for, which list of hooks they belong to.
use guardbee_wire::{EventKind, FileAttribute, HookList, PROGRAM_NAMES, ProgramState, Wants};

/// What a sensor can see. Each needs all programs of at least one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Capability {
    /// fork, exec, exit.
    Process,
    /// TCP states: connect, listen, close.
    Socket,
    /// Bytes moved over sockets: data, stamps, accepts, unix connections.
    Payload,
    /// What is older than the sensor.
    Iterate,
    /// Credentials that change.
    Credentials,
    /// Reaching into other processes.
    Access,
    /// Namespaces that are entered or made.
    Namespace,
    /// Mounts and roots.
    Mount,
    /// Rare sockets, bindings, filters, sockets as standard input and output.
    SocketChange,
    /// Programs, probes and modules put into the kernel.
    Extension,
    /// Signals that end or stop other processes.
    Signal,
    /// Memory that becomes executable, files in memory.
    Memory,
    /// Names of threads.
    Title,
    /// Rings of `io_uring` and what goes through them.
    IoUring,
    /// Calls that act on the machine itself.
    Control,
    /// What name servers are asked: by the programs of payload.
    Dns,
    /// Calls that ask what machine it is.
    Inquiry,
    /// Whom UDP sockets send to: by the programs of payload.
    Datagram,
    /// What is done to files.
    File,
    /// Leading calls to their programs, where one sees the ends of all of them.
    Dispatch,
}

impl Capability {
    /// All, in the order of their importance.
    pub const ALL: [Self; 20] = [
        Self::Process,
        Self::Socket,
        Self::Payload,
        Self::Iterate,
        Self::Credentials,
        Self::Access,
        Self::Namespace,
        Self::Mount,
        Self::SocketChange,
        Self::Extension,
        Self::Signal,
        Self::Memory,
        Self::Title,
        Self::IoUring,
        Self::Control,
        Self::Dns,
        Self::Inquiry,
        Self::Datagram,
        Self::File,
        Self::Dispatch,
    ];

    /// Looked at only where somebody wants them. From the others it is known who acts, and for which request.
    pub const OPTIONAL: [Self; 14] = [
        Self::Credentials,
        Self::Access,
        Self::Namespace,
        Self::Mount,
        Self::SocketChange,
        Self::Extension,
        Self::Signal,
        Self::Memory,
        Self::Title,
        Self::IoUring,
        Self::Control,
        Self::Dns,
        Self::Inquiry,
        Self::Datagram,
    ];

    /// Its bit in a set of [`Self::OPTIONAL`], which has them in the order of the kinds of events that they give; of others
    /// none.
    pub fn bit(self) -> u32 {
        Self::OPTIONAL.iter().position(|one| *one == self).map_or(0, |place| 1 << place)
    }

    /// Is it attached always?
    pub const fn is_basic(self) -> bool {
        matches!(self, Self::Process | Self::Socket | Self::Payload | Self::Iterate)
    }
}

/// One program and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// `enum program_id`: index of [`guardbee_wire::CounterSlot::fired`].
    pub id: u8,
    /// Name in the object and in bpftool.
    pub name: &'static str,
    /// What it is for.
    pub capability: Capability,
    /// The list that it belongs to; `None`: to both; [`HookList::Trampoline`]: to both, where the kernel takes it.
    pub hooks: Option<HookList>,
    /// [`ProgramState::Silent`] once attached: whether it fires is for the self-test to say.
    pub state: ProgramState,
    /// Why it isn't loaded or attached; 0: it is, or was not wanted.
    pub errno: i32,
}

impl Program {
    /// Are there programs to do its work where the kernel refuses it?
    pub fn has_spares(&self) -> bool {
        !self.spares().is_empty()
    }

    /// Names of the programs behind it that do its work where the kernel refuses it: `spare.h`.
    pub(crate) fn spares(&self) -> &'static [&'static str] {
        match self.name {
            "process_fork" => &["process_fork_spare", "process_fork_last"],
            "process_exec" => &["process_exec_spare", "process_exec_last"],
            "process_exit" => &["process_exit_spare", "process_exit_last"],
            "net_state" => &["net_state_spare", "net_state_last"],
            "net_send" => &["net_send_spare", "net_send_last"],
            "net_receive" => &["net_receive_spare", "net_receive_last"],
            _ => &[],
        }
    }

    /// System calls at whose end it runs, of those that this kernel has: several may mean the same. Empty: the program's
    /// section says where it is attached.
    pub(crate) fn calls(&self) -> &'static [&'static str] {
        match self.name {
            "file_open" => &["open", "openat", "openat2", "creat", "open_by_handle_at"],
            "file_truncate" => &["truncate"],
            "file_rename" => &["rename", "renameat", "renameat2"],
            "file_link" => &["link", "linkat"],
            "file_symlink" => &["symlink", "symlinkat"],
            "file_delete" => &["unlink", "unlinkat", "rmdir"],
            "file_make" => &["mkdir", "mkdirat", "mknod", "mknodat"],
            "file_attribute" => ATTRIBUTE_CALLS,
            "access_scheduled" => SCHEDULING_CALLS,
            _ => &[],
        }
    }

    /// Kinds of file events that it makes, as in [`guardbee_wire::Wants`]; 0: it is there for something else.
    pub(crate) fn file_kinds(&self) -> u32 {
        let kinds: &[EventKind] = match self.name {
            "file_open" | "file_opened" => &[
                EventKind::FileOpen,
                EventKind::FileModify,
                EventKind::FileCreate,
                EventKind::FolderOpen,
                EventKind::FileOpenFailed,
            ],
            "file_truncate" | "file_truncated" => &[EventKind::FileModify],
            "file_rename" | "file_rename_before" | "file_rename_after" => &[EventKind::FileRename],
            "file_link" | "file_link_before" | "file_link_after" => &[EventKind::FileLink],
            "file_symlink" | "file_symlink_before" | "file_symlink_after" => &[EventKind::FileSymlink],
            "file_delete" => &[EventKind::FileDelete, EventKind::FolderDelete],
            "file_make" => &[EventKind::FolderCreate, EventKind::FileNode],
            name if name.starts_with("file_attribute") => &[EventKind::FileAttribute],
            "file_delete_before" | "file_delete_after" => &[EventKind::FileDelete],
            "folder_delete_before" | "folder_delete_after" => &[EventKind::FolderDelete],
            "folder_create_before" | "folder_create_after" => &[EventKind::FolderCreate],
            "file_node_before" | "file_node_after" | "file_node_regular" => &[EventKind::FileNode],
            _ => &[],
        };
        kinds.iter().fold(0, |bits, kind| bits | Wants::bit(*kind))
    }

    /// Does it do something of files that is wanted? None: it is there for something else.
    pub(crate) fn is_wanted(&self, wants: &Wants) -> Option<bool> {
        let attribute = match self.name {
            "file_attribute_mode" => FileAttribute::Mode,
            "file_attribute_owner" => FileAttribute::Owner,
            "file_attribute_times" => FileAttribute::Times,
            name if name.starts_with("file_attribute_") => FileAttribute::Extended,
            _ => FileAttribute::None,
        };
        let is_set = attribute == FileAttribute::None || wants.attributes >> attribute as u8 & 1 != 0;
        let kinds = self.file_kinds();
        (kinds != 0).then_some(kinds & wants.kinds() != 0 && is_set)
    }
}

const ATTRIBUTE_CALLS: &[&str] = &[
    "chmod",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "chown",
    "fchown",
    "lchown",
    "fchownat",
    "setxattr",
    "lsetxattr",
    "fsetxattr",
    "setxattrat",
    "removexattr",
    "lremovexattr",
    "fremovexattr",
    "removexattrat",
    "utime",
    "utimes",
    "futimesat",
    "utimensat",
];

const SCHEDULING_CALLS: &[&str] = &[
    "setpriority",
    "ioprio_set",
    "sched_setaffinity",
    "sched_setscheduler",
    "sched_setparam",
    "sched_setattr",
];

#[expect(clippy::indexing_slicing, reason = "at compile time")]
const fn program(id: u8, capability: Capability, hooks: Option<HookList>) -> Program {
    let name = PROGRAM_NAMES[id as usize];
    Program { id, name, capability, hooks, state: ProgramState::Unused, errno: 0 }
}

/// As `enum program_id` has them.
pub(crate) const PROGRAMS: [Program; PROGRAM_NAMES.len()] = {
    use Capability::{
        Access, Control, Credentials, Dispatch, Extension, File, Inquiry, IoUring, Iterate, Memory, Mount,
        Namespace, Payload, Process, Signal, Socket, SocketChange, Title,
    };
    const NEW: Option<HookList> = Some(HookList::Tracepoint6_3);
    const OLD: Option<HookList> = Some(HookList::Tracepoint5_10);
    const ITERATOR: Option<HookList> = Some(HookList::Iterator);
    const TRAMPOLINE: Option<HookList> = Some(HookList::Trampoline);
    [
        program(0, Process, None),
        program(1, Process, None),
        program(2, Process, None),
        program(3, Socket, None),
        program(4, Payload, NEW),
        program(5, Payload, NEW),
        program(6, Payload, OLD),
        program(7, Payload, OLD),
        program(8, Payload, OLD),
        program(9, Payload, OLD),
        program(10, Payload, OLD),
        program(11, Payload, OLD),
        program(12, Payload, OLD),
        program(13, Payload, OLD),
        program(14, Payload, OLD),
        program(15, Payload, OLD),
        program(16, Payload, OLD),
        program(17, Payload, OLD),
        program(18, Payload, OLD),
        program(19, Iterate, ITERATOR),
        program(20, Iterate, ITERATOR),
        program(21, Iterate, ITERATOR),
        program(22, Credentials, None),
        program(23, Credentials, None),
        program(24, Credentials, None),
        program(25, Credentials, None),
        program(26, Credentials, None),
        program(27, Credentials, None),
        program(28, Credentials, None),
        program(29, Credentials, None),
        program(30, Credentials, None),
        program(31, Credentials, None),
        program(32, Credentials, None),
        program(33, Credentials, None),
        program(34, Credentials, None),
        program(35, Access, None),
        program(36, Access, None),
        program(37, Access, None),
        program(38, Access, None),
        program(39, Namespace, None),
        program(40, Namespace, None),
        program(41, Namespace, None),
        program(42, Mount, None),
        program(43, Mount, None),
        program(44, Mount, None),
        program(45, Mount, None),
        program(46, Mount, None),
        program(47, SocketChange, None),
        program(48, SocketChange, None),
        program(49, SocketChange, None),
        program(50, SocketChange, None),
        program(51, SocketChange, None),
        program(52, SocketChange, None),
        program(53, Extension, None),
        program(54, Extension, None),
        program(55, Extension, None),
        program(56, Extension, None),
        program(57, Extension, None),
        program(58, Extension, None),
        program(59, Signal, None),
        program(60, Memory, None),
        program(61, Memory, None),
        program(62, Memory, None),
        program(63, Memory, None),
        program(64, Title, None),
        program(65, IoUring, None),
        program(66, IoUring, None),
        program(67, Control, None),
        program(68, Control, None),
        program(69, Control, None),
        program(70, Control, None),
        program(71, File, None),
        program(72, File, None),
        program(73, File, None),
        program(74, File, None),
        program(75, File, None),
        program(76, File, None),
        program(77, File, None),
        program(78, File, None),
        program(79, File, TRAMPOLINE),
        program(80, Inquiry, None),
        program(81, Dispatch, None),
        program(82, Dispatch, None),
        program(83, File, TRAMPOLINE),
        program(84, File, TRAMPOLINE),
        program(85, File, TRAMPOLINE),
        program(86, File, TRAMPOLINE),
        program(87, File, TRAMPOLINE),
        program(88, File, TRAMPOLINE),
        program(89, File, TRAMPOLINE),
        program(90, File, TRAMPOLINE),
        program(91, File, TRAMPOLINE),
        program(92, File, TRAMPOLINE),
        program(93, File, TRAMPOLINE),
        program(94, File, TRAMPOLINE),
        program(95, File, TRAMPOLINE),
        program(96, File, TRAMPOLINE),
        program(97, File, TRAMPOLINE),
        program(98, File, TRAMPOLINE),
        program(99, File, TRAMPOLINE),
        program(100, File, TRAMPOLINE),
        program(101, File, TRAMPOLINE),
        program(102, File, TRAMPOLINE),
        program(103, File, TRAMPOLINE),
        program(104, File, TRAMPOLINE),
        program(105, File, TRAMPOLINE),
        program(106, File, TRAMPOLINE),
        program(107, Access, None),
        program(108, Access, None),
        program(109, SocketChange, None),
    ]
};
