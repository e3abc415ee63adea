//! Waiting for rings without a busy loop.
use crate::Error;
use nix::{
    errno::Errno,
    sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
};
use std::{os::fd::AsFd, time::Duration};

/// Ends a wait early: when the kernel half flagged a record as urgent, or another descriptor is ready.
///
/// Rings are watched by edge: most records are submitted without a wake-up, and a ring that merely holds some would end
/// every wait at once. Other descriptors are watched by level.
#[derive(Debug)]
pub struct Waiter(Epoll);

/// What ended a wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Woken {
    /// A ring has an urgent record.
    pub ring: bool,
    /// One of the other descriptors is ready.
    pub other: bool,
}

const RING: u64 = 0;
const OTHER: u64 = 1;

impl Waiter {
    /// Watches `rings` and `others`, which must outlive it or be closed before.
    pub fn new<'a, R: AsFd + 'a, O: AsFd>(
        rings: impl IntoIterator<Item = &'a R>,
        others: &[O],
    ) -> Result<Self, Error> {
        let failed = |errno: Errno| Error::Wait { source: errno.into() };
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(failed)?;
        for ring in rings {
            let event = EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, RING);
            epoll.add(ring, event).map_err(failed)?;
        }
        for other in others {
            epoll.add(other, EpollEvent::new(EpollFlags::EPOLLIN, OTHER)).map_err(failed)?;
        }
        Ok(Self(epoll))
    }

    /// Waits for at most `timeout`; a signal ends it too.
    pub fn wait(&self, timeout: Duration) -> Result<Woken, Error> {
        let timeout = u16::try_from(timeout.as_millis()).map_or(EpollTimeout::MAX, EpollTimeout::from);
        let mut events = [EpollEvent::empty(); 8];
        let count = match self.0.wait(&mut events, timeout) {
            Ok(count) => count,
            Err(Errno::EINTR) => 0,
            Err(errno) => return Err(Error::Wait { source: errno.into() }),
        };
        let ready = |what| events.iter().take(count).any(|event| event.data() == what);
        Ok(Woken { ring: ready(RING), other: ready(OTHER) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::eventfd::EventFd;
    use std::time::Instant;

    #[test]
    fn a_ring_wakes_by_edge_and_another_by_level() {
        let (ring, other) = (EventFd::new().unwrap(), EventFd::new().unwrap());
        let waiter = Waiter::new([&ring], &[&other]).unwrap();
        let wait = || waiter.wait(Duration::from_millis(1)).unwrap();
        assert_eq!(wait(), Woken::default());
        ring.write(1).unwrap();
        assert_eq!(wait(), Woken { ring: true, other: false });
        assert_eq!(wait(), Woken::default());
        other.write(1).unwrap();
        assert_eq!(wait(), Woken { ring: false, other: true });
        assert_eq!(wait(), Woken { ring: false, other: true });
    }

    #[test]
    fn nothing_ends_it_but_the_timeout() {
        let waiter = Waiter::new::<EventFd, EventFd>([], &[]).unwrap();
        let begun = Instant::now();
        assert_eq!(waiter.wait(Duration::from_millis(20)).unwrap(), Woken::default());
        assert!(begun.elapsed() >= Duration::from_millis(20));
    }
}
