//! Something was done to a file; which file events are wanted.
use crate::{EventHeader, EventKind, FileInfo};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `enum file_attribute`: what a call has set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FileAttribute {
    /// No event of attributes.
    None = 0,
    /// chmod.
    Mode = 1,
    /// chown.
    Owner = 2,
    /// setxattr, removexattr.
    Extended = 3,
    /// utime.
    Times = 4,
}

/// `enum file_event_flag`, bits of [`FileEvent::flags`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum FileEventFlag {
    /// The path was read from user memory after the call.
    Named = 1 << 0,
    /// What the path is relative to is unknown.
    NoFolder = 1 << 1,
    /// Likewise of the source.
    NoSourceFolder = 1 << 2,
    /// The first components of a folder are missing.
    FolderCut = 1 << 3,
}

/// `struct file_event`; tail: path, folder, source, source folder, given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct FileEvent {
    /// Who.
    pub header: EventHeader,
    /// What was opened, or named by a descriptor; all zero: not known.
    pub file: FileInfo,
    /// Of an open: `file.f_flags`; `O_CREAT`, `O_EXCL`, `O_TRUNC`, and all of one that failed, as open and openat were given them.
    pub open_flags: u32,
    /// Given to chmod, mkdir, mknod.
    pub mode: u32,
    /// Given to chown; [`u32::MAX`]: left as it is.
    pub uid: u32,
    /// Likewise.
    pub gid: u32,
    /// Given to mknod.
    pub device: u32,
    /// [`FileEventFlag`] bits.
    pub flags: u16,
    /// [`FileAttribute`].
    pub attribute: u8,
    /// Of an open that failed: its number.
    pub error: u8,
}

/// `enum watch_role`: what a name on the watch list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum WatchRole {
    /// The last component of a path.
    Name = 0,
    /// Any component before it.
    Folder = 1,
    /// The end of the last component, from its last dot on; at most [`EXTENSION_BYTES`].
    Extension = 2,
    /// Of the environment at an exec.
    Variable = 3,
}

impl WatchRole {
    /// The role with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        [Self::Name, Self::Folder, Self::Extension, Self::Variable]
            .into_iter()
            .find(|role| *role as u32 == number)
    }
}

/// Bytes of a name that are compared; of a longer one the first and, but for variables, its length.
pub const WATCH_BYTES: usize = 32;
/// See [`Wants::climbing`].
const CLIMBING_SHIFT: u32 = 16;
/// Bytes of the longest extension, its dot included.
pub const EXTENSION_BYTES: usize = 16;
/// Names on the watch list.
pub const WATCH_NAMES: usize = 4096;

/// `struct watch_key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct WatchKey {
    /// [`WatchRole`].
    pub role: u32,
    /// Of the whole name; of a variable 0.
    pub length: u32,
    /// ASCII letters in lower case; zeroes behind it.
    pub name: [u8; WATCH_BYTES],
}

impl WatchKey {
    /// Of a name in lower case.
    pub fn new(role: WatchRole, text: &[u8]) -> Self {
        let mut name = [0; WATCH_BYTES];
        name.iter_mut().zip(text).for_each(|(to, byte)| *to = *byte);
        let length =
            if role == WatchRole::Variable { 0 } else { u32::try_from(text.len()).unwrap_or(u32::MAX) };
        Self { role: role as u32, length, name }
    }
}

/// `struct wants`: of file events a bit for each kind, see [`Wants::bit`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct Wants {
    /// Whatever the path.
    pub all: u32,
    /// Where a name of the watch list is in the path.
    pub named: u32,
    /// Of these, where folders are on the list.
    pub folders: u32,
    /// Likewise extensions.
    pub extensions: u32,
    /// A bit for each [`FileAttribute`].
    pub attributes: u32,
    /// A bit for what the first byte of each variable on the watch list ends with: [`Wants::variable`].
    pub variables: u32,
    /// Of which opens the name that was given is told; as [`Wants::climbing`], which are looked at whatever the path where it has `..` in it.
    pub given: u32,
    /// Of opens that failed, a bit for each number of an error: [`Wants::error`].
    pub errors: u32,
}

impl Wants {
    /// Everything.
    pub const ALL: Self = Self {
        all: (1 << EventKind::FILES.len()) - 1,
        named: 0,
        folders: 0,
        extensions: 0,
        attributes: u32::MAX,
        variables: 0,
        given: 0,
        errors: u32::MAX,
    };

    /// The bit of a kind of file event; 0: it is none.
    pub fn bit(kind: EventKind) -> u32 {
        EventKind::FILES.into_iter().position(|file| file == kind).map_or(0, |at| 1 << at)
    }

    /// The bit of a variable: of the letter with which its name begins, in whatever case, and of few others.
    pub fn variable(name: &[u8]) -> u32 {
        name.first().map_or(0, |byte| 1 << (byte & 31))
    }

    /// The bit of an error of an open: of its number, and of all above 31 the first.
    pub fn error(number: u8) -> u32 {
        1_u32.checked_shl(number.into()).unwrap_or(1)
    }

    /// `CLIMBING()`, of a value on the watch list and of [`Self::given`]: the kinds, where the name was given with `..` in it.
    pub fn climbing(kinds: u32) -> u32 {
        kinds << CLIMBING_SHIFT
    }

    /// Whether every bit of a kind is one of a kind that there is.
    pub fn is_sound(&self) -> bool {
        let kinds = Self::ALL.all;
        [self.all, self.named, self.folders, self.extensions].iter().all(|bits| bits & !kinds == 0)
            && self.given & !(kinds | Self::climbing(kinds)) == 0
    }

    /// Kinds that are wanted at all.
    pub fn kinds(&self) -> u32 {
        self.all | self.named | self.given >> CLIMBING_SHIFT
    }
}
