//! Messages between loader and pipeline: one datagram each, with descriptors beside answers.
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use guardbee_wire::{Reply, Status};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use zerocopy::IntoBytes;

use crate::Error;
use crate::pipeline::Running;

/// Most descriptors in one answer: rings, counters, ledger, key.
const ANSWER_FDS: usize = guardbee_wire::RINGS + 3;

/// An answer and its descriptors.
pub(crate) type Answer = (Reply, Vec<OwnedFd>);

/// A message from the pipeline.
pub(crate) struct Received<'a> {
    pub(crate) datagram: &'a [u8],
    pub(crate) had_descriptors: bool,
}

/// Without room for control messages the kernel closes what descriptors a datagram carries, and says so.
pub(crate) fn receive<'a>(socket: BorrowedFd<'_>, buffer: &'a mut [u8]) -> Result<Received<'a>, Errno> {
    let mut none = RecvAncillaryBuffer::new(&mut []);
    let message = recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut none, RecvFlags::DONTWAIT)?;
    let had_descriptors = message.flags.contains(ReturnFlags::CTRUNC);
    Ok(Received { datagram: buffer.get(..message.bytes).unwrap_or_default(), had_descriptors })
}

/// Sends, or keeps what the socket has no room for.
pub(crate) fn send(running: &mut Running, (mut reply, mut fds): Answer) -> Result<(), Error> {
    let mut outcome = send_with(&running.socket, &reply, &fds);
    if outcome == Err(Errno::TOOMANYREFS) {
        running.served.without_descriptors += 1;
        (reply.status, reply.value, reply.has_key) = (Status::Busy as u16, 0, 0);
        fds.clear();
        outcome = send_with(&running.socket, &reply, &fds);
    }
    match outcome {
        Ok(()) => {}
        Err(Errno::AGAIN | Errno::INTR) => running.unsent = Some((reply, fds)),
        Err(Errno::PIPE | Errno::CONNRESET) => running.hung_up = true,
        Err(other) => return Err(Error::System { step: "answer the pipeline", source: other.into() }),
    }
    Ok(())
}

fn send_with(socket: &OwnedFd, reply: &Reply, fds: &[OwnedFd]) -> Result<(), Errno> {
    let borrowed: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(ANSWER_FDS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !borrowed.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&borrowed)) {
        return Err(Errno::TOOMANYREFS);
    }
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    sendmsg(socket, &[std::io::IoSlice::new(reply.as_bytes())], &mut control, flags).map(|_| ())
}
