//! Something was done to a file.
use crate::process::File;

/// What was done: one word for a meaning, however many system calls lead to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Opened for reading only.
    Open,
    /// Opened for writing, or truncated.
    Modify,
    /// Made by an open.
    Create,
    /// Has another name.
    Rename,
    /// Has a further name.
    Link,
    /// A symbolic link was made.
    Symlink,
    /// Lost a name.
    Delete,
    /// Mode, owner, extended attributes or times were set.
    Attribute,
    /// A folder was made.
    FolderCreate,
    /// A folder was removed.
    FolderDelete,
    /// A device, FIFO or socket was made.
    Node,
    /// A folder was opened.
    FolderOpen,
    /// Nothing was opened.
    OpenFailed,
}

impl Operation {
    /// All, in the order of their numbers in the kernel half.
    pub const ALL: [Self; 13] = [
        Self::Open,
        Self::Modify,
        Self::Create,
        Self::Rename,
        Self::Link,
        Self::Symlink,
        Self::Delete,
        Self::Attribute,
        Self::FolderCreate,
        Self::FolderDelete,
        Self::Node,
        Self::FolderOpen,
        Self::OpenFailed,
    ];

    /// The name used in counters, records, rules and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "file_open",
            Self::Modify => "file_modify",
            Self::Create => "file_create",
            Self::Rename => "file_rename",
            Self::Link => "file_link",
            Self::Symlink => "file_symlink",
            Self::Delete => "file_delete",
            Self::Attribute => "file_attribute",
            Self::FolderCreate => "folder_create",
            Self::FolderDelete => "folder_delete",
            Self::Node => "file_node",
            Self::FolderOpen => "folder_open",
            Self::OpenFailed => "file_open_failed",
        }
    }
}

/// What of a file's attributes was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// Permissions and set-id bits.
    Mode,
    /// User, group.
    Owner,
    /// Extended attributes: capabilities, labels, ...
    Extended,
    /// Access and modification time.
    Times,
}

impl Attribute {
    /// All, in the order of their numbers in the kernel half, which begin with 1.
    pub const ALL: [Self; 4] = [Self::Mode, Self::Owner, Self::Extended, Self::Times];

    /// The name used in records and rules.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mode => "mode",
            Self::Owner => "owner",
            Self::Extended => "extended",
            Self::Times => "times",
        }
    }
}

/// What a file is: inode(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A plain file.
    Regular,
    /// A directory.
    Folder,
    /// A symbolic link.
    Symlink,
    /// A device that has blocks: a disk.
    Block,
    /// A device that has none.
    Character,
    /// A named pipe.
    Fifo,
    /// A socket that has a name.
    Socket,
}

impl FileKind {
    /// All, each with what `st_mode` has of it.
    pub const ALL: [(Self, u32); 7] = [
        (Self::Regular, 0o100_000),
        (Self::Folder, 0o040_000),
        (Self::Symlink, 0o120_000),
        (Self::Block, 0o060_000),
        (Self::Character, 0o020_000),
        (Self::Fifo, 0o010_000),
        (Self::Socket, 0o140_000),
    ];

    /// All names, for rules.
    pub const NAMES: &'static [&'static str] =
        &["regular", "folder", "symlink", "block_device", "character_device", "fifo", "socket"];

    /// The name used in records and rules.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Regular => "regular",
            Self::Folder => "folder",
            Self::Symlink => "symlink",
            Self::Block => "block_device",
            Self::Character => "character_device",
            Self::Fifo => "fifo",
            Self::Socket => "socket",
        }
    }

    /// By `st_mode`; [`None`]: it says nothing of that.
    pub fn of_mode(mode: u32) -> Option<Self> {
        /// `S_IFMT`.
        const KIND: u32 = 0o170_000;
        Self::ALL.into_iter().find(|(_, bits)| mode & KIND == *bits).map(|(kind, _)| kind)
    }
}

/// Names of flags of open(2) whose bits are the same on every architecture, with those bits.
const FLAGS: [(&str, u32); 7] = [
    ("O_CREAT", 0o100),
    ("O_EXCL", 0o200),
    ("O_TRUNC", 0o1000),
    ("O_APPEND", 0o2000),
    ("O_NONBLOCK", 0o4000),
    ("O_DSYNC", 0o10000),
    ("O_SYNC", 0o4_010_000),
];
/// The access modes, by number.
const ACCESS: [&str; 3] = ["O_RDONLY", "O_WRONLY", "O_RDWR"];

/// Every name that [`flag_names`] gives.
pub const FLAG_NAMES: [&str; 10] = {
    let [read, write, both] = ACCESS;
    let [(create, _), (only, _), (cut, _), (end, _), (still, _), (data, _), (all, _)] = FLAGS;
    [read, write, both, create, only, cut, end, still, data, all]
};

/// What flags of open(2) are called: the access mode, and what else was asked for.
pub fn flag_names(flags: u32) -> impl Iterator<Item = &'static str> {
    let access = ACCESS.get(flags as usize & 3).copied();
    access
        .into_iter()
        .chain(FLAGS.into_iter().filter(move |(_, bit)| flags & bit == *bit).map(|(name, _)| name))
}

/// The bits of a flag that has a name.
pub fn flag_bits(name: &str) -> Option<u32> {
    let access = (0..).zip(ACCESS).find(|(_, known)| *known == name).map(|(number, _)| number);
    access.or_else(|| FLAGS.into_iter().find(|(known, _)| *known == name).map(|(_, bit)| bit))
}

/// What [`FileEvent::error_type`] says, and of which errors.
const OPEN_ERRORS: [(&str, u8); 12] = [
    ("not_permitted", 1),
    ("not_found", 2),
    ("no_device", 6),
    ("permission_denied", 13),
    ("busy", 16),
    ("exists", 17),
    ("not_a_folder", 20),
    ("is_a_folder", 21),
    ("executable_in_use", 26),
    ("no_space", 28),
    ("read_only", 30),
    ("too_many_links", 40),
];

/// What [`FileEvent::error_type`] says of the others.
const OTHER_ERROR: &str = "_OTHER";

/// Every word that [`FileEvent::error_type`] says.
pub fn open_errors() -> impl Iterator<Item = &'static str> {
    OPEN_ERRORS.into_iter().map(|(word, _)| word).chain([OTHER_ERROR])
}

/// The number of the error that is called so; [`None`]: it is one of several, or of none.
pub fn open_error(word: &str) -> Option<u8> {
    OPEN_ERRORS.into_iter().find(|(known, _)| *known == word).map(|(_, number)| number)
}

/// The numbers of the errors that are called so; none: no open fails so.
pub fn open_error_numbers(word: &str) -> impl Iterator<Item = u8> {
    let named = open_error(word).map(|number| number..=number);
    let other = (word == OTHER_ERROR).then_some(1..=u8::MAX);
    let known = |number: &u8| OPEN_ERRORS.iter().any(|(_, known)| known == number);
    let other = other.into_iter().flatten().filter(move |number| !known(number));
    named.into_iter().flatten().chain(other)
}

/// A file event; the header has who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEvent {
    /// What.
    pub operation: Operation,
    /// Path from the process's root, the new one where there are two; empty: it could not be read.
    pub path: Box<[u8]>,
    /// The former path (rename), the linked one (link), or the text of a symbolic link; else empty.
    pub source: Box<[u8]>,
    /// The path was read from the caller's memory after the call: symbolic links in it are not resolved, and another thread may
    /// have changed it. Else it is the kernel's own.
    pub named: bool,
    /// The first components are missing: too deep, or relative to what is unknown.
    pub path_cut: bool,
    /// The file, where it was opened or named by a descriptor.
    pub file: Option<File>,
    /// Of an open: its flags, as open(2) has them. `O_CREAT`, `O_EXCL` and `O_TRUNC` of openat2 are not known, and none of one that failed.
    pub open_flags: Option<u32>,
    /// Of an open: the name that the call was given; empty: nobody asked for it, or it was given a handle.
    pub given: Box<[u8]>,
    /// Of [`Operation::OpenFailed`]: the number of the error.
    pub error: Option<u8>,
    /// Given to chmod, mkdir, mknod.
    pub mode: Option<u32>,
    /// Given to chown.
    pub owner: Option<u32>,
    /// Likewise.
    pub group: Option<u32>,
    /// Given to mknod, for devices: as the caller wrote it.
    pub device: Option<u32>,
    /// Of [`Operation::Attribute`]: which.
    pub attribute: Option<Attribute>,
}

impl FileEvent {
    /// What it is, as far as that is known.
    pub fn kind(&self) -> Option<FileKind> {
        let known = self.file.and_then(|file| FileKind::of_mode(file.mode.into()));
        match self.operation {
            Operation::Symlink => Some(FileKind::Symlink),
            Operation::FolderCreate | Operation::FolderDelete | Operation::FolderOpen => {
                Some(FileKind::Folder)
            }
            // mknod makes a plain file where nothing else is asked for.
            Operation::Node => known.or_else(|| match self.mode? {
                mode if mode & !0o7777 == 0 => Some(FileKind::Regular),
                mode => FileKind::of_mode(mode),
            }),
            _ => known,
        }
    }

    /// Why nothing was opened, as OpenTelemetry's `error.type`, which says `_OTHER` of the rest; [`None`]: something was.
    pub fn error_type(&self) -> Option<&'static str> {
        let error = self.error?;
        let known = OPEN_ERRORS.iter().find(|(_, number)| *number == error);
        Some(known.map_or(OTHER_ERROR, |(word, _)| *word))
    }

    /// Major and minor number of the device that was made.
    pub fn node(&self) -> Option<(u32, u32)> {
        let device = matches!(self.kind()?, FileKind::Block | FileKind::Character);
        let number = self.device.filter(|_| device && self.operation == Operation::Node)?;
        // As mknod takes it: the kernel's new_decode_dev.
        Some((number >> 8 & 0xfff, number & 0xff | number >> 12 & 0xf_ff00))
    }
}
