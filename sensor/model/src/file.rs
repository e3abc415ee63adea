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
}

impl Operation {
    /// All, in the order of their numbers in the kernel half.
    pub const ALL: [Self; 11] = [
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
