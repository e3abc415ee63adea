//! What processes do to the system and to each other, files and connections aside.
mod machine;
mod process;

pub use machine::{Control, Extension, ExtensionKind, IoUring, Mount, MountKind, SocketChange, SocketKind};
pub use process::{
    Access, CAPABILITIES, Change, Memory, MemoryKind, NAMESPACES, Namespace, Reach, Signal, Title,
    capabilities,
};

use crate::{dns::Lookup, process::ProcessKey};

/// Something was done; the header says by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// The system call, where one was looked at: others may lead to the same.
    pub call: Option<Call>,
    /// `task_struct.comm` of who did it.
    pub comm: Box<[u8]>,
    /// What.
    pub deed: Deed,
}

/// A system call as audit would record it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// As in syscalls(2).
    pub name: &'static str,
    /// The first ones, as the registers had them.
    pub arguments: [u64; 4],
    /// What it answered.
    pub result: i64,
}

/// Whom something was done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which process.
    pub process: ProcessKey,
    /// Which thread of it.
    pub tid: u32,
    /// Its effective user.
    pub uid: u32,
    /// `task_struct.comm`.
    pub comm: Box<[u8]>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A thread's credentials changed.
    Credentials(Change),
    /// A process reached into another one.
    Access(Access),
    /// A process is in other namespaces, or its new child is.
    Namespace(Namespace),
    /// The tree of mounts changed, or a process's root.
    Mount(Mount),
    /// A rare socket was made, or one bound, filtered, or put in place of standard input or output.
    SocketChange(SocketChange),
    /// Something was added to the kernel.
    Extension(Extension),
    /// A signal that ends or stops was sent to another process.
    Signal(Signal),
    /// Memory became executable, or a file was made in memory.
    Memory(Memory),
    /// A thread's name was changed.
    Title(Title),
    /// A ring was made, or an operation submitted through one.
    IoUring(IoUring),
    /// A call that acts on the machine itself.
    Control(Control),
    /// Asked the kernel what machine it is.
    Inquiry,
    /// A name was asked for.
    Lookup(Lookup),
}

impl Deed {
    /// The name used in counters, records and messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Credentials(_) => "credentials",
            Self::Access(_) => "access",
            Self::Namespace(_) => "namespace",
            Self::Mount(_) => "mount",
            Self::SocketChange(_) => "socket_change",
            Self::Extension(_) => "extension",
            Self::Signal(_) => "signal",
            Self::Memory(_) => "memory",
            Self::Title(_) => "title",
            Self::IoUring(_) => "io_uring",
            Self::Control(_) => "control",
            Self::Inquiry => "inquiry",
            Self::Lookup(_) => "dns",
        }
    }

    /// Whom it was done to, where that is another process.
    pub const fn target(&self) -> Option<&Target> {
        match self {
            Self::Access(access) => access.target.as_ref(),
            Self::Signal(signal) => Some(&signal.target),
            Self::Title(title) => Some(&title.target),
            _ => None,
        }
    }
}
