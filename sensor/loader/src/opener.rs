//! The process that opens what a workload may serve: executables, and passwd files below a process's root. What runtimes keep of
//! containers too, since nobody knows on which file system.
//!
//! A file system that is served by a process (FUSE, a network's, an overlay of one) decides how long a lookup, a stat and an open take,
//! and whoever waits there can't even be killed. So nobody waits there whom anybody needs: each question has a thread of its own in
//! here, and who waits for the answer gives up. What hangs holds nothing but a socket.
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use guardbee_wire::{Request, Status};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, recv, sendmsg};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::capability;
use crate::process::{Failure, Opened, open_thing};
use crate::record::open_record;
use crate::request::{Ask, decode};

/// The hidden subcommand by which the binary runs [`opener`].
pub const OPENER_COMMAND: &str = "opener";

/// Questions at once, those that hang included; beyond it they are answered [`Status::Busy`].
const THREADS: usize = 32;
/// Of a thread: it makes a few system calls.
const STACK_BYTES: usize = 64 << 10;

/// What became of a question; the descriptor rides beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub(crate) struct Said {
    /// Of the question.
    pub(crate) id: u64,
    /// [`Status`].
    pub(crate) status: u32,
    /// Where that is [`Status::Refused`].
    pub(crate) errno: u32,
    /// Of an executable; else 0.
    pub(crate) device: u64,
    /// Likewise.
    pub(crate) inode: u64,
}

/// Answers what the loader asks over the socket on standard input, until that is closed. Returns the exit code.
pub fn opener() -> i32 {
    let confined = capability::drop_to(capability::OPENER);
    let Ok(socket) = rustix::stdio::stdin().try_clone_to_owned() else { return 1 };
    if confined.is_err() || rustix::thread::set_no_new_privs(true).is_err() {
        return 1;
    }
    let (socket, threads) = (Arc::new(socket), Arc::new(AtomicUsize::new(0)));
    let mut buffer = [0; size_of::<Request>() + 1];
    loop {
        let length = match recv(&*socket, &mut buffer, RecvFlags::empty()) {
            Ok((length, _)) if length > 0 => length,
            Err(Errno::INTR) => continue,
            Ok(_) | Err(_) => return 0,
        };
        // The loader is trusted; a message that makes no sense is one of another version's.
        let Ok((id, ask)) = decode(buffer.get(..length).unwrap_or_default()) else { return 1 };
        let busy = Said { id, status: Status::Busy as u32, ..Said::default() };
        if threads.fetch_add(1, Ordering::Relaxed) >= THREADS {
            threads.fetch_sub(1, Ordering::Relaxed);
            say(socket.as_fd(), &busy, None);
            continue;
        }
        let (to, count) = (Arc::clone(&socket), Arc::clone(&threads));
        let open = move || {
            let (said, fd) = answer(id, open(&ask));
            // Before the answer, so that whoever has it may ask again.
            count.fetch_sub(1, Ordering::Relaxed);
            say(to.as_fd(), &said, fd.as_ref());
        };
        let thread = thread::Builder::new().name("opener".into()).stack_size(STACK_BYTES);
        if thread.spawn(open).is_err() {
            threads.fetch_sub(1, Ordering::Relaxed);
            say(socket.as_fd(), &busy, None);
        }
    }
}

fn open(ask: &Ask) -> Result<Opened, Failure> {
    match ask {
        Ask::Open(process, thing) => open_thing(*process, *thing),
        Ask::OpenRecord(id, record) => open_record(id, *record),
        _ => Err(Errno::INVAL.into()),
    }
}

fn answer(id: u64, outcome: Result<Opened, Failure>) -> (Said, Option<OwnedFd>) {
    let said = |status: Status| Said { id, status: status as u32, ..Said::default() };
    match outcome {
        Ok(opened) => {
            let (device, inode) = opened.file.unwrap_or_default();
            (Said { device, inode, ..said(Status::Done) }, Some(opened.fd))
        }
        Err(Failure::Gone) => (said(Status::Gone), None),
        Err(Failure::Errno(errno)) => {
            (Said { errno: errno.raw_os_error().unsigned_abs(), ..said(Status::Refused) }, None)
        }
    }
}

/// The loader takes answers at all times: one that can't be sent has nobody who waits for it.
fn say(socket: BorrowedFd<'_>, said: &Said, fd: Option<&OwnedFd>) {
    let fds: Vec<BorrowedFd<'_>> = fd.into_iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if fds.is_empty() || control.push(SendAncillaryMessage::ScmRights(&fds)) {
        sendmsg(socket, &[IoSlice::new(said.as_bytes())], &mut control, SendFlags::NOSIGNAL).ok();
    }
}
