//! What only silence ends: an answer whose end can't be seen, and a unix connection, of which no event says that it is
//! closed. Each is looked at when its time has come, and no other is.
use crate::{Output, Processes, Tracer, later};
use guardbee_model::id::ConnectionId;
use std::{cmp::Reverse, time::Duration};

/// Connections that are gone leave their time behind: swept when there are this many more than connections.
const STALE: usize = 1_024;

impl Tracer {
    /// Looks at this connection when it has been silent for so long.
    pub(crate) fn watch(&mut self, id: ConnectionId, silence: Duration) {
        let Some(conn) = self.table.conns.peek_mut(&id) else { return };
        let due = later(conn.last, silence);
        if conn.watched.is_some_and(|earlier| earlier <= due) {
            return;
        }
        conn.watched = Some(due);
        self.silent.push(Reverse((due, id)));
        if self.silent.len() > self.table.conns.len() * 2 + STALE {
            let conns = &self.table.conns;
            self.silent
                .retain(|Reverse((due, id))| conns.peek(id).is_some_and(|conn| conn.watched == Some(*due)));
        }
    }

    /// Ends what has been silent for too long.
    pub(crate) fn end_silent(&mut self, processes: &dyn Processes, out: &mut Vec<Output>) {
        while let Some(&Reverse((due, id))) = self.silent.peek() {
            if self.now < due {
                return;
            }
            self.silent.pop();
            let Some(conn) = self.table.conns.peek_mut(&id).filter(|conn| conn.watched == Some(due)) else {
                continue;
            };
            conn.watched = None;
            self.silence(id, processes, out);
        }
    }

    fn silence(&mut self, id: ConnectionId, processes: &dyn Processes, out: &mut Vec<Output>) {
        let (quiet, idle) = (self.params.quiet, self.params.unix_idle);
        let Some(conn) = self.table.conns.peek_mut(&id) else { return };
        let (is_unix, waits) = (conn.is_unix(), conn.parser.waits_for_an_unseen_end());
        if is_unix && later(conn.last, idle) <= self.now {
            // If it speaks again after all, that is counted, and it is taken up like one older than the sensor.
            self.count("unix_idle");
            return self.forget(id, None, processes, out);
        }
        if waits && later(conn.last, quiet) <= self.now {
            let mut facts = std::mem::take(&mut self.facts);
            conn.parser.give_up(self.now, &mut facts);
            self.facts(id, None, &mut facts, processes, out);
            self.facts = facts;
        } else if waits {
            self.watch(id, quiet);
        }
        if is_unix {
            self.watch(id, idle);
        }
    }
}
