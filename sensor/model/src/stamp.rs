//! The two stamps of the join, as user space sees them.
use crate::id::ConnectionId;

/// What the bytes were when they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The socket's own.
    Plain,
    /// The plaintext of a TLS library.
    Tls,
}

/// The last successful read of a thread from an accepted connection: a fact, never inherited by threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts of one read")]
pub struct Stamp {
    /// The connection read from; 0 where `untracked`.
    pub connection: ConnectionId,
    /// Stream position after the read.
    pub position: u64,
    /// Such reads by the thread so far.
    pub reads: u32,
    /// The thread that read.
    pub tid: u32,
    /// Socket or TLS.
    pub layer: Layer,
    /// The socket's file was in an epoll set.
    pub epoll: bool,
    /// The read could not block.
    pub nonblock: bool,
    /// Read through `io_uring`.
    pub io_uring: bool,
    /// The socket had no file: `epoll` and `nonblock` say nothing.
    pub no_file: bool,
    /// The connection table was full: which connection it was is unknown.
    pub untracked: bool,
}

impl Stamp {
    /// Read with a blocking call and in no epoll set: nothing that multiplexes requests on a thread can afford that
    /// (design section 6, measured).
    pub fn exclusive(&self) -> bool {
        !(self.epoll || self.nonblock || self.io_uring || self.no_file || self.untracked)
    }
}
