//! The tail of a record: strings by id.
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// [`EventString::total`] of a string that could not be read.
pub const UNREADABLE: u32 = u32::MAX;

/// `struct event_string`: leads each string of a tail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct EventString {
    /// [`StringId`].
    pub id: u16,
    /// Bytes that follow.
    pub length: u16,
    /// Bytes there were; more than `length`: cut; [`UNREADABLE`].
    pub total: u32,
}

/// `enum string_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum StringId {
    /// Path of the executable.
    Exe = 1,
    /// Working directory.
    Cwd = 2,
    /// As given to execve.
    Filename = 3,
    /// argv, words separated by NUL: the first 4 KiB.
    Args = 4,
    /// The last 4 KiB of a longer argv.
    ArgsTail = 5,
    /// `task_struct.comm`.
    Comm = 6,
    /// Leaf name of the cgroup that tells containers apart; none: it is the root.
    Cgroup = 7,
    /// Path of the listening side of a unix socket; an abstract name begins with NUL.
    UnixPath = 8,
    /// Of a file: by dentry walk, or the name that the call was given.
    Path = 9,
    /// What that name is relative to.
    Folder = 10,
    /// The former name, the linked one, or a symbolic link's text, as given.
    Source = 11,
    /// What that is relative to.
    SourceFolder = 12,
    /// Of an open: the name that the call was given.
    Given = 13,
    /// `task_struct.comm` of whom it was done to.
    Target = 16,
    /// A new `task_struct.comm`.
    Title = 17,
    /// Type of a file system.
    Fstype = 18,
    /// Of a mount: device or folder.
    From = 19,
    /// Of a mount: where it is; of the root: where that is now.
    Place = 20,
    /// As the struct says.
    Detail = 21,
    /// Name of the parent of that cgroup; none: it is the root.
    CgroupParent = 22,
    /// Likewise of the parent's parent.
    CgroupGrandparent = 23,
    /// As [`StringId::Cgroup`] in the v2 hierarchy, where a v1 hierarchy tells containers apart.
    Unified = 24,
    /// Likewise.
    UnifiedParent = 25,
    /// Likewise.
    UnifiedGrandparent = 26,
    /// Of DNS: its first [`crate::DNS_BYTES`].
    Message = 27,
    /// Variables that are on the watch list, `name=value`, each ended by NUL; the last may be cut.
    Environment = 28,
}

impl StringId {
    /// One more than the largest number.
    pub const END: usize = Self::Environment as usize + 1;
}

/// Walks the strings of a tail; stops at the first that doesn't fit.
#[derive(Clone, Debug)]
pub struct Strings<'a>(&'a [u8]);

impl<'a> Strings<'a> {
    /// `tail` is what follows the fixed part of a record.
    pub fn new(tail: &'a [u8]) -> Self {
        Self(tail)
    }

    /// The bytes that were not walked; not empty and not all zero after the walk: the tail was malformed.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }
}

impl<'a> Iterator for Strings<'a> {
    type Item = (EventString, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (head, rest) = EventString::read_from_prefix(self.0).ok()?;
        if head.id == 0 {
            return None;
        }
        let length = usize::from(head.length);
        let bytes = rest.get(..length)?;
        self.0 = rest.get(length.next_multiple_of(8)..)?;
        Some((head, bytes))
    }
}
