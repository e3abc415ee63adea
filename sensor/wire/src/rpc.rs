//! The RPC between pipeline and loader: fixed messages over `SOCK_SEQPACKET`, one datagram each.
//!
//! No request carries a path. A process is named by (tgid, start), a thing by [`Thing`]; a container by its id, what its runtime
//! keeps of it by [`Record`]; the answer is a read-only fd by `SCM_RIGHTS`. Requests have ids, answers repeat them; an answer may come later than the next request. A message
//! of another length, with another ABI, an operation outside [`Operation`] or padding that isn't zero is refused with
//! [`Status::Malformed`] and counted.
use core::time::Duration;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Programs that a reply can describe.
pub const RPC_PROGRAMS: usize = crate::PROGRAMS;

/// How old [`Reply::recursion_misses`] are at most: asking the kernel for them is a system call for each program.
pub const MISSES_AGE: Duration = Duration::from_secs(1);

/// What the pipeline may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Operation {
    /// Rings, counters, state of the programs. Fds: security ring, payload rings, counters,
    /// ledger, [key].
    Hello = 1,
    /// An iterator fd over all processes.
    IterateProcesses = 2,
    /// An iterator fd over all sockets.
    IterateSockets = 3,
    /// A [`Thing`] of a process, read-only.
    Open = 4,
    /// Attach a uprobe: token of an ELF, offset, program.
    Attach = 5,
    /// Remember `bytes` (the last batch's hash) for the next pipeline.
    Heartbeat = 6,
    /// Fire every program again and say which ran.
    SelfTest = 7,
    /// Put a name on the next watch list of files: role (`thing`), length (`tgid`), kinds (`program`), first bytes.
    WatchName = 8,
    /// From now on these file events and variables (`bytes`: [`crate::Wants`]), by the watch list that was named since the last time.
    /// Programs that none of them needs are detached. `value`: the errno of a program that could not be attached.
    Want = 9,
    /// From now on these events beside the basic ones: in `program` a bit for each kind from [`crate::EventKind::Credentials`] on.
    /// Programs that give no other kind are detached.
    Watch = 10,
    /// What holds under a policy's number (`program`) from now on: `bytes`, a [`crate::Policy`]. 0: where no policy does.
    Policy = 11,
    /// Which policy holds in a cgroup (`offset`) from now on: its number in `program`, and in `thing` whether payload may be read
    /// (1) or not (2); 0: none does. `value`: the errno where there is no room for another cgroup.
    Scope = 12,
    /// A [`Record`] (`thing`) of the container with this id (`bytes`), read-only.
    OpenRecord = 13,
}

impl Operation {
    /// The operation with this number.
    pub fn from_number(number: u16) -> Option<Self> {
        [
            Self::Hello,
            Self::IterateProcesses,
            Self::IterateSockets,
            Self::Open,
            Self::Attach,
            Self::Heartbeat,
            Self::SelfTest,
            Self::WatchName,
            Self::Want,
            Self::Watch,
            Self::Policy,
            Self::Scope,
            Self::OpenRecord,
        ]
        .into_iter()
        .find(|operation| *operation as u16 == number)
    }
}

/// What may be opened of a process. Each is a fixed name below `/proc/PID`, opened read-only by the loader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Thing {
    /// `cmdline`.
    Cmdline = 1,
    /// `cgroup`.
    Cgroup = 2,
    /// `maps`.
    Maps = 3,
    /// `exe`: a regular file; the answer has a token for [`Operation::Attach`].
    Exe = 4,
    /// `status`.
    Status = 5,
    /// `root/etc/passwd`, resolved below the process's root.
    Passwd = 6,
    /// `mountinfo`.
    Mountinfo = 7,
    /// `uid_map`, as seen from the initial user namespace.
    UidMap = 8,
}

impl Thing {
    /// The thing with this number.
    pub fn from_number(number: u16) -> Option<Self> {
        [
            Self::Cmdline,
            Self::Cgroup,
            Self::Maps,
            Self::Exe,
            Self::Status,
            Self::Passwd,
            Self::Mountinfo,
            Self::UidMap,
        ]
        .into_iter()
        .find(|thing| *thing as u16 == number)
    }
}

/// A file that a runtime keeps of a container. Each is a fixed name in one of a few fixed folders of the host
/// (`sensor/loader/src/record.rs`), opened read-only by the loader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Record {
    /// Docker's `config.v2.json`.
    DockerConfig = 1,
    /// Docker's `hostconfig.json`.
    DockerHost = 2,
    /// The OCI configuration that containerd has made, for Docker's containers too.
    ContainerdSpec = 3,
    /// The OCI configuration that CRI-O or podman has made.
    StorageSpec = 4,
    /// The list of containers that CRI-O and podman keep, where this one has a folder beside it.
    StorageList = 5,
    /// The same of those that don't outlive the machine's next start.
    StorageVolatile = 6,
}

impl Record {
    /// The record with this number.
    pub fn from_number(number: u16) -> Option<Self> {
        [
            Self::DockerConfig,
            Self::DockerHost,
            Self::ContainerdSpec,
            Self::StorageSpec,
            Self::StorageList,
            Self::StorageVolatile,
        ]
        .into_iter()
        .find(|record| *record as u16 == number)
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Status {
    /// Done; fds as the operation says.
    Done = 0,
    /// Not a message of this ABI.
    Malformed = 1,
    /// The process is gone, or the pid is another process's now.
    Gone = 2,
    /// The kernel refused; `value` is the errno.
    Refused = 3,
    /// No such token or program.
    Unknown = 4,
    /// Too many tokens or requests; ask later.
    Busy = 5,
    /// Whoever serves the file system has not let it be opened in time.
    Late = 6,
}

impl Status {
    /// The status with this number.
    pub fn from_number(number: u16) -> Option<Self> {
        [Self::Done, Self::Malformed, Self::Gone, Self::Refused, Self::Unknown, Self::Busy, Self::Late]
            .into_iter()
            .find(|status| *status as u16 == number)
    }
}

/// A request; exactly this many bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct Request {
    /// [`crate::ABI`].
    pub abi: u32,
    /// [`Operation`].
    pub operation: u16,
    /// [`Thing`], for [`Operation::Open`]; [`Record`], for [`Operation::OpenRecord`]; [`crate::WatchRole`], for [`Operation::WatchName`]; of payload, for
    /// [`Operation::Scope`]; else 0.
    pub thing: u16,
    /// Repeated in the answer.
    pub id: u64,
    /// Which process, for [`Operation::Open`]; else 0.
    pub start_ns: u64,
    /// Likewise; length of the name, for [`Operation::WatchName`].
    pub tgid: u32,
    /// Program, for [`Operation::Attach`]; kinds, for [`Operation::Watch`] and, as in [`crate::Wants`], for
    /// [`Operation::WatchName`]; a policy's number, for [`Operation::Policy`] and [`Operation::Scope`]; else 0.
    pub program: u32,
    /// ELF that the loader opened, for [`Operation::Attach`]; else 0.
    pub token: u64,
    /// File offset, for [`Operation::Attach`]; sequence of the batch, for [`Operation::Heartbeat`]; a cgroup's id,
    /// for [`Operation::Scope`]; else 0.
    pub offset: u64,
    /// Hash of the last batch record, for [`Operation::Heartbeat`]; a name's first bytes, for [`Operation::WatchName`];
    /// [`crate::Wants`], for [`Operation::Want`]; [`crate::Policy`], for [`Operation::Policy`]; a container's id, for
    /// [`Operation::OpenRecord`]; else 0.
    pub bytes: [u8; 32],
}

/// State of one program, in [`Reply::programs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ProgramState {
    /// Not wanted: another list of hooks serves the capability.
    Unused = 0,
    /// The kernel refused to load it.
    NotLoaded = 1,
    /// Loaded, not attached.
    NotAttached = 2,
    /// Attached, but the self-test did not make it run.
    Silent = 3,
    /// Loaded, attached, fired.
    Works = 4,
}

/// An answer; exactly this many bytes. Fds ride beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct Reply {
    /// [`crate::ABI`].
    pub abi: u32,
    /// [`Status`].
    pub status: u16,
    /// [`Operation`] that was asked; 0 where it wasn't known.
    pub operation: u16,
    /// Of the request; 0 where it could not be read.
    pub id: u64,
    /// errno, token, or count of fds, by operation.
    pub value: u64,
    /// CPUs that have counter slots.
    pub cpus: u32,
    /// Payload rings.
    pub payload_rings: u32,
    /// Bytes of the security ring.
    pub security_bytes: u32,
    /// Bytes of each payload ring.
    pub payload_bytes: u32,
    /// SHA-256 of the loaded objects, one after another.
    pub object_hash: [u8; 32],
    /// The last heartbeat of the pipeline before this one; zeroes: there was none.
    pub previous_hash: [u8; 32],
    /// Its batch sequence.
    pub previous_sequence: u64,
    /// Pipelines started before this one.
    pub previous_pipelines: u64,
    /// Events lost because the kernel refused a program that was running already, by program; in the answers to hello,
    /// heartbeat, self-test. At most [`MISSES_AGE`] old.
    pub recursion_misses: [u64; RPC_PROGRAMS],
    /// errno of what failed, by program.
    pub errors: [u8; RPC_PROGRAMS],
    /// [`ProgramState`], by program, as the last self-test found them; in the answers to hello, heartbeat, self-test.
    pub programs: [u8; RPC_PROGRAMS],
    /// Kernel counters when the pipeline before this one ended: produced, by kind.
    pub previous_produced: [u64; crate::EVENT_KINDS],
    /// Likewise: lost of these, by kind.
    pub previous_lost: [u64; crate::EVENT_KINDS],
    /// 1: a long-term key's fd is the last one.
    pub has_key: u32,
    /// Zero.
    pub pad: u32,
}

impl Default for Reply {
    fn default() -> Self {
        zerocopy::FromZeros::new_zeroed()
    }
}
