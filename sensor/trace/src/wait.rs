//! Security events that wait for the payload that their stamps name: for a position, not for a time.
use crate::{Life, Output, Processes, Tracer, later};
use guardbee_model::{
    clock::BootTime,
    event::{Body, Direction, Event},
    process::ProcessKey,
    stamp::Stamp,
};
use std::collections::HashSet;

impl Tracer {
    /// Takes a security event, which comes out by [`Tracer::pump`].
    pub(crate) fn hold(&mut self, event: Event, processes: &dyn Processes, out: &mut Vec<Output>) {
        if self.waiting.len() >= self.params.waiting
            && let Some(oldest) = self.waiting.pop_front()
        {
            self.counter.add("waiting_full", oldest.body.kind(), 1);
            self.release(oldest, processes, out);
        }
        self.waiting.push_back(event);
    }

    /// Releases what can be decided. What a process did stays in order, and a child waits for its fork.
    pub(crate) fn pump(&mut self, processes: &dyn Processes, out: &mut Vec<Output>) {
        if self.waiting.is_empty() {
            return;
        }
        let mut blocked: HashSet<Life> = HashSet::new();
        for event in std::mem::take(&mut self.waiting) {
            let life = event.header.process.map(ProcessKey::life);
            if !life.is_some_and(|life| blocked.contains(&life)) && self.ready(&event) {
                self.release(event, processes, out);
                continue;
            }
            blocked.extend(life);
            if let Body::Fork(fork) = &event.body {
                blocked.insert(fork.child.life());
            }
            self.waiting.push_back(event);
        }
    }

    fn ready(&self, event: &Event) -> bool {
        let header = &event.header;
        let decided = header.process.is_none_or(|key| self.origins.contains(&key.life()));
        let origin = header.origin.as_ref().filter(|_| !decided);
        self.now >= later(header.time, self.params.wait)
            || header.serving.iter().chain(origin).all(|stamp| self.settled(stamp, header.time))
    }

    /// Nothing that is still to come says more about this stamp at that time.
    fn settled(&self, stamp: &Stamp, time: BootTime) -> bool {
        if stamp.untracked {
            return true;
        }
        if self.now < later(time, self.params.settle) {
            return false;
        }
        self.losses.overlap(time, time)
            || self.table.conns.peek(&stamp.connection).is_some_and(|conn| {
                conn.parser.requests() == Some(Direction::Sent)
                    || conn.parser.parsed(Direction::Received) >= stamp.position
            })
    }

    fn release(&mut self, event: Event, processes: &dyn Processes, out: &mut Vec<Output>) {
        let link = self.link(&event.header, processes, out);
        match &event.body {
            Body::Fork(fork) => self.remember_origin(&event.header, fork, link.as_ref()),
            Body::Exit(_) => {
                if let Some(key) = event.header.process {
                    self.origins.pop(&key.life());
                }
            }
            _ => {}
        }
        out.push(Output::Security { event, link });
    }
}
