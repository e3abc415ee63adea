//! The system calls that have a program each on the 5.10 list, one after another over a pair of sockets.
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use nix::sys::socket::{MsgFlags, MultiHeaders, UnixAddr, recvmmsg};
use rustix::fs::sendfile;
use rustix::io::{ReadWriteFlags, preadv2, pwritev2, read, readv, write, writev};
use rustix::net::{
    MMsgHdr, RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendFlags, recvmsg, sendmmsg, sendmsg,
};

use crate::EXECUTABLE;

const BYTES: &[u8] = b"guardbee";
/// Of a socket, which has no offsets: the only one that it takes.
const HERE: u64 = u64::MAX;

/// Each sending call is answered by another receiving one; what `sendfile` sent is left unread.
pub(super) fn all() -> io::Result<()> {
    let (one, other) = UnixStream::pair()?;
    let mut room = [0; BYTES.len()];
    write(&one, BYTES)?;
    read(&other, &mut room)?;
    writev(&one, &[IoSlice::new(BYTES)])?;
    readv(&other, &mut [IoSliceMut::new(&mut room)])?;
    pwritev2(&one, &[IoSlice::new(BYTES)], HERE, ReadWriteFlags::empty())?;
    preadv2(&other, &mut [IoSliceMut::new(&mut room)], HERE, ReadWriteFlags::empty())?;
    messages(&one, &other, &mut room)?;
    sendfile(&one, File::open(EXECUTABLE)?, None, BYTES.len())?;
    files();
    Ok(())
}

/// What has a program each of the calls that name files. There is no such folder, so that nothing is changed: the programs run
/// all the same.
fn files() {
    const NOWHERE: &str = "/proc/self/guardbee-self-test/file";
    let refused: [io::Result<()>; 8] = [
        File::open(NOWHERE).map(drop),
        nix::unistd::truncate(NOWHERE, 0).map_err(io::Error::from),
        std::fs::rename(NOWHERE, NOWHERE),
        std::fs::hard_link(NOWHERE, NOWHERE),
        std::os::unix::fs::symlink(NOWHERE, NOWHERE),
        std::fs::remove_file(NOWHERE),
        std::fs::create_dir(NOWHERE),
        rustix::fs::chmod(NOWHERE, rustix::fs::Mode::RUSR).map_err(io::Error::from),
    ];
    // Each has failed, which is not what is asked here.
    drop(refused);
}

fn messages(one: &UnixStream, other: &UnixStream, room: &mut [u8]) -> io::Result<()> {
    let bytes = [IoSlice::new(BYTES)];
    sendmsg(one, &bytes, &mut SendAncillaryBuffer::default(), SendFlags::empty())?;
    recvmsg(other, &mut [IoSliceMut::new(room)], &mut RecvAncillaryBuffer::default(), RecvFlags::empty())?;
    sendmmsg(one, &mut [MMsgHdr::new(&bytes, &mut SendAncillaryBuffer::default())], SendFlags::empty())?;
    let mut headers = MultiHeaders::<UnixAddr>::preallocate(1, None);
    recvmmsg(other.as_raw_fd(), &mut headers, [&mut [IoSliceMut::new(room)]], MsgFlags::empty(), None)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_call_works_on_one_thread() {
        super::all().unwrap();
    }
}
