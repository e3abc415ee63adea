//! Security events that wait for the payload that their stamps name: for a position, not for a time.
use crate::{Life, Output, Processes, Tracer, later};
use guardbee_model::{
    clock::BootTime,
    event::{Body, Direction, Event},
    process::ProcessKey,
    stamp::Stamp,
};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::VecDeque;

/// Between two looks at those whose payload has not come.
const AGAIN: std::time::Duration = std::time::Duration::from_millis(1);

/// The waiting room.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// Too young for their payload to be missed, in the order they came.
    young: VecDeque<Event>,
    /// Their payload has not come, or others of their process wait before them.
    late: VecDeque<Event>,
    /// How many events each process has here, and how many forks of it.
    lives: FxHashMap<Life, usize>,
    /// When to look at `late` again.
    again: BootTime,
    /// Of the processes of `late`, while that is gone through.
    blocked: FxHashSet<Life>,
}

impl Waiting {
    fn len(&self) -> usize {
        self.young.len() + self.late.len()
    }

    fn enter(&mut self, event: Event) {
        for life in lives(&event) {
            *self.lives.entry(life).or_default() += 1;
        }
        self.young.push_back(event);
    }

    fn leave(&mut self, event: &Event) {
        for life in lives(event) {
            if let Some(count) = self.lives.get_mut(&life) {
                *count -= 1;
                if *count == 0 {
                    self.lives.remove(&life);
                }
            }
        }
    }
}

/// Processes whose later events come after this one: its own, and the one that it makes.
fn lives(event: &Event) -> impl Iterator<Item = Life> + use<> {
    let child = if let Body::Fork(fork) = &event.body { Some(fork.child) } else { None };
    event.header.process.into_iter().chain(child).map(ProcessKey::life)
}

impl Tracer {
    /// Takes a security event: it comes out at once, or by [`Tracer::pump`].
    pub(crate) fn hold(&mut self, event: Event, processes: &dyn Processes, out: &mut Vec<Output>) {
        let life = event.header.process.map(ProcessKey::life);
        if !life.is_some_and(|life| self.waiting.lives.contains_key(&life)) && self.ready(&event) {
            return self.release(event, false, processes, out);
        }
        if self.waiting.len() >= self.params.waiting
            && let Some(oldest) = self.waiting.late.pop_front().or_else(|| self.waiting.young.pop_front())
        {
            self.counter.add("waiting_full", oldest.body.kind(), 1);
            self.waiting.leave(&oldest);
            let early = !self.ready(&oldest);
            self.release(oldest, early, processes, out);
        }
        self.waiting.enter(event);
    }

    /// Releases what can be decided. What a process did stays in order, and a child waits for its fork.
    pub(crate) fn pump(&mut self, processes: &dyn Processes, out: &mut Vec<Output>) {
        let due = |event: &Event, now| later(event.header.time, self.params.settle) <= now;
        let young = self.waiting.young.front().is_some_and(|event| due(event, self.now));
        let late = !self.waiting.late.is_empty() && self.waiting.again <= self.now;
        if !young && !late {
            return;
        }
        self.waiting.again = later(self.now, AGAIN);
        self.waiting.blocked.clear();
        for _ in 0..self.waiting.late.len() {
            let Some(event) = self.waiting.late.pop_front() else { break };
            self.judge(event, processes, out);
        }
        while let Some(event) = self.waiting.young.pop_front() {
            if later(event.header.time, self.params.settle) > self.now {
                self.waiting.young.push_front(event);
                break;
            }
            self.judge(event, processes, out);
        }
    }

    /// Releases an event, or has it wait with those that are late.
    fn judge(&mut self, event: Event, processes: &dyn Processes, out: &mut Vec<Output>) {
        let life = event.header.process.map(ProcessKey::life);
        if !life.is_some_and(|life| self.waiting.blocked.contains(&life)) && self.ready(&event) {
            self.waiting.leave(&event);
            return self.release(event, false, processes, out);
        }
        self.waiting.blocked.extend(lives(&event));
        self.waiting.late.push_back(event);
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
            || self.table.conn(stamp.connection).is_some_and(|conn| {
                conn.parser.requests() == Some(Direction::Sent)
                    || conn.parser.parsed(Direction::Received) >= stamp.position
            })
    }

    /// `early`: before what its stamps name could be there.
    fn release(&mut self, event: Event, early: bool, processes: &dyn Processes, out: &mut Vec<Output>) {
        let link = if early {
            self.early_link(&event.header, processes, out)
        } else {
            self.link(&event.header, processes, out)
        };
        match &event.body {
            Body::Fork(fork) => self.remember_origin(&event.header, fork, link.as_ref()),
            Body::Exit(_) => {
                if let Some(key) = event.header.process {
                    self.origins.pop(&key.life());
                }
            }
            _ => {}
        }
        if let Some((event, link)) = self.linked(event, link, out) {
            out.push(Output::Security { event, link });
        }
    }
}
