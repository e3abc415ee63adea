//! Events put together at random of parts of others: many nearly match.
use guardbee_model::finding::{Action, Observation};
use std::sync::Arc;

/// A sequence of numbers that is the same each time.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % most.max(1)
    }
}

/// An event of parts of two of these.
pub(crate) fn collage(events: &[Arc<Observation>], random: &mut Random) -> Arc<Observation> {
    let mut event = (*events[random.below(events.len())]).clone();
    let other = &events[random.below(events.len())];
    match (&mut event.action, &other.action) {
        (Action::Exec(exec), Action::Exec(parts)) => {
            let exec = Arc::make_mut(exec);
            exec.args.words.extend(parts.args.words.iter().cloned());
            if random.below(2) == 0 {
                exec.exe.clone_from(&parts.exe);
            }
            if random.below(4) == 0 {
                exec.cwd.clone_from(&parts.cwd);
            }
        }
        (Action::Exchange(request, _), Action::Exchange(parts, _))
        | (Action::RequestHead(request), Action::RequestHead(parts)) => {
            let request = Arc::make_mut(request);
            if random.below(2) == 0 {
                request.path.clone_from(&parts.path);
            }
            if random.below(2) == 0 {
                request.query.clone_from(&parts.query);
            }
            if random.below(2) == 0 {
                request.user_agent.clone_from(&parts.user_agent);
            }
            if random.below(4) == 0 {
                request.method.clone_from(&parts.method);
            }
        }
        (Action::File(file), Action::File(parts)) => {
            let file = Arc::make_mut(file);
            if random.below(2) == 0 {
                file.path = [&file.path[..file.path.len() / 2], &parts.path].concat().into();
            }
        }
        (
            Action::Connect(connect) | Action::Datagram(connect),
            Action::Connect(parts) | Action::Datagram(parts),
        ) if random.below(2) == 0 => {
            Arc::make_mut(connect).socket.remote = parts.socket.remote.clone();
        }
        _ => {}
    }
    if random.below(2) == 0 {
        event.ancestors = Arc::clone(&other.ancestors);
    }
    if !matches!(event.action, Action::Exec(_)) && random.below(2) == 0 {
        event.process.clone_from(&other.process);
    }
    Arc::new(event)
}
