//! When payload was lost.
use guardbee_model::clock::BootTime;
use std::collections::VecDeque;

/// Windows that are told apart; more become one with their neighbour.
const WINDOWS: usize = 64;

/// Times in which payload was lost.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    windows: VecDeque<(BootTime, BootTime)>,
}

impl Losses {
    pub(crate) fn add(&mut self, from: BootTime, to: BootTime) {
        if self.windows.len() >= WINDOWS
            && let (Some(first), Some(second)) = (self.windows.pop_front(), self.windows.front_mut())
        {
            // Wider than it was: more is called unproven, nothing is called proven.
            *second = (first.0.min(second.0), first.1.max(second.1));
        }
        self.windows.push_back((from, to));
    }

    /// Whether some of it was between these.
    pub(crate) fn overlap(&self, from: BootTime, to: BootTime) -> bool {
        self.windows.iter().any(|&(begin, end)| begin <= to && from <= end)
    }
}
