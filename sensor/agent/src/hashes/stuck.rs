//! Devices that let us wait: left alone for longer each time, since what hangs may hang for good.
use super::SECOND_NS;
use guardbee_model::clock::BootTime;
use std::collections::HashMap;

/// At first; a machine may just have been busy.
const FIRST_NS: u64 = 10 * SECOND_NS;
/// How often that is doubled: until it is three hours.
const DOUBLED: u32 = 10;
/// Devices that are remembered.
const DEVICES: usize = 512;

/// Whom to leave alone: since when, and how often before, by device.
#[derive(Debug, Default)]
pub(super) struct Stuck(HashMap<u32, (BootTime, u32)>);

fn is_over((since, times): (BootTime, u32), now: BootTime) -> bool {
    now.since(since) >= FIRST_NS << times.min(DOUBLED)
}

impl Stuck {
    /// Whether nothing of that device should be opened now.
    pub(super) fn has(&self, device: u32, now: BootTime) -> bool {
        self.0.get(&device).is_some_and(|since| !is_over(*since, now))
    }

    /// Something could not be opened in time.
    pub(super) fn waited(&mut self, device: u32, now: BootTime) {
        let times = self.0.get(&device).map_or(0, |(_, times)| times + 1);
        if self.0.len() >= DEVICES {
            self.0.retain(|_, since| !is_over(*since, now));
        }
        if self.0.len() < DEVICES || self.0.contains_key(&device) {
            self.0.insert(device, (now, times));
        }
    }

    /// Something was read.
    pub(super) fn answered(&mut self, device: u32) {
        self.0.remove(&device);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_left_alone_for_longer_each_time() {
        let mut stuck = Stuck::default();
        let mut now = BootTime(0);
        for times in 0..DOUBLED + 3 {
            stuck.waited(1, now);
            let until = now.0 + (FIRST_NS << times.min(DOUBLED));
            assert!(stuck.has(1, BootTime(until - 1)) && !stuck.has(9, now), "{times}");
            now = BootTime(until);
            assert!(!stuck.has(1, now));
        }
        stuck.answered(1);
        stuck.waited(1, now);
        assert!(!stuck.has(1, BootTime(now.0 + FIRST_NS)), "it begins anew");
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let mut stuck = Stuck::default();
        for device in 0..=u32::try_from(DEVICES).unwrap() {
            stuck.waited(device, BootTime(0));
        }
        assert_eq!(stuck.0.len(), DEVICES);
        stuck.waited(9999, BootTime(FIRST_NS));
        assert_eq!(stuck.0.len(), 1, "the others' time is over");
    }
}
