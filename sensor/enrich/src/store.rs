//! Processes by key, bounded: who ended goes first, and among the living who was silent longest.
use guardbee_model::{
    clock::BootTime,
    process::{Process, ProcessKey},
};
use lru::LruCache;
use std::{
    collections::{HashMap, VecDeque},
    num::NonZeroUsize,
    sync::Arc,
};

/// An image that did nothing but be replaced (a fork's, until its exec) is needed for events that come late, no longer.
const REPLACED_NS: u64 = 1_000_000_000;
/// Where more than this many have ended, each is kept for a fraction of the time: an exec storm makes the table no larger.
const CROWD: usize = 8_192;
const CROWD_FRACTION: u64 = 15;

/// What is known of a process, and how long that is worth keeping.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) process: Arc<Process>,
    /// The process ended, or replaced this image.
    ended: bool,
    /// Something was seen of it besides its beginning.
    acted: bool,
    /// Entries whose parent this is.
    children: u32,
}

/// Entries by key.
#[derive(Debug)]
pub(crate) struct Store {
    entries: LruCache<ProcessKey, Entry>,
    /// The image that a life has now.
    current: HashMap<(u32, BootTime), ProcessKey>,
    /// Who ended, and when; each ended entry is here or in `replaced`, once.
    ended: VecDeque<(BootTime, ProcessKey)>,
    /// Images that never acted and have ended, likewise.
    replaced: VecDeque<(BootTime, ProcessKey)>,
    limit: usize,
    keep_ns: u64,
    evicted: u64,
    /// Something that is known of processes may have changed.
    changed: bool,
}

impl Store {
    /// At most `limit` entries; an ended one is kept for `keep_ns` or, where many have ended, a fraction of it, and for as
    /// long as somebody holds it or has it for a parent.
    pub(crate) fn new(limit: NonZeroUsize, keep_ns: u64) -> Self {
        Self {
            entries: LruCache::unbounded(),
            current: HashMap::new(),
            ended: VecDeque::new(),
            replaced: VecDeque::new(),
            limit: limit.get(),
            keep_ns,
            evicted: 0,
            changed: false,
        }
    }

    /// A process acts: its entry counts as used now. What was known of it; [`None`]: there is no entry.
    pub(crate) fn acts(&mut self, key: ProcessKey) -> Option<&Process> {
        let entry = self.entries.get_mut(&key)?;
        entry.acted = true;
        Some(&entry.process)
    }

    /// The entry, which counts as used now.
    pub(crate) fn get_mut(&mut self, key: ProcessKey) -> Option<&mut Entry> {
        self.changed = true;
        self.entries.get_mut(&key)
    }

    /// The entry.
    pub(crate) fn peek(&self, key: ProcessKey) -> Option<&Entry> {
        self.entries.peek(&key)
    }

    /// The image that this life has now.
    pub(crate) fn current(&self, life: (u32, BootTime)) -> Option<ProcessKey> {
        self.current.get(&life).copied()
    }

    /// All entries, to be changed; their keys and parents stay.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.changed = true;
        self.entries.iter_mut().map(|(_, entry)| entry)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds a process that isn't there. An older image of the same life has ended with it, and this one has ended if a
    /// newer one is known.
    pub(crate) fn insert(&mut self, process: Process, now: BootTime) {
        self.changed = true;
        let (key, parent) = (process.key, process.parent);
        while self.entries.len() >= self.limit {
            self.evict();
        }
        if let Some(parent) = parent.and_then(|parent| self.entries.peek_mut(&parent)) {
            parent.children += 1;
        }
        let process = Arc::new(process);
        let entry = Entry { process, ended: false, acted: false, children: 0 };
        self.entries.push(key, entry);
        match self.current.get(&key.life()).copied() {
            Some(newer) if newer.exec_number > key.exec_number => self.replace(key, now),
            older => {
                self.current.insert(key.life(), key);
                if let Some(older) = older {
                    self.replace(older, now);
                }
            }
        }
    }

    /// Gives a process the parent that it was found to have.
    pub(crate) fn set_parent(&mut self, key: ProcessKey, parent: ProcessKey) {
        if let Some(entry) = self.entries.peek_mut(&key)
            && entry.process.parent.is_none()
        {
            self.changed = true;
            Arc::make_mut(&mut entry.process).parent = Some(parent);
            if let Some(parent) = self.entries.peek_mut(&parent) {
                parent.children += 1;
            }
        }
    }

    /// The process ended.
    pub(crate) fn end(&mut self, key: ProcessKey, now: BootTime) {
        if let Some(entry) = self.entries.peek_mut(&key)
            && !entry.ended
        {
            entry.ended = true;
            self.ended.push_back((now, key));
        }
    }

    /// The process has another image now.
    fn replace(&mut self, key: ProcessKey, now: BootTime) {
        match self.entries.peek_mut(&key) {
            Some(entry) if !entry.ended && !entry.acted => {
                entry.ended = true;
                self.replaced.push_back((now, key));
            }
            _ => self.end(key, now),
        }
    }

    /// Forgets who ended long enough ago and isn't needed.
    pub(crate) fn forget(&mut self, now: BootTime) {
        let replaced_ns = self.keep_ns.min(REPLACED_NS);
        while let Some(&(since, key)) = self.replaced.front()
            && now.since(since) >= replaced_ns
        {
            self.replaced.pop_front();
            self.forget_unless_needed(key, now);
        }
        let (mut looks, crowded_ns) = (self.ended.len(), self.keep_ns / CROWD_FRACTION);
        while let Some(&(since, key)) = self.ended.front()
            && looks > 0
        {
            let keep_ns = if self.ended.len() > CROWD { crowded_ns } else { self.keep_ns };
            if now.since(since) < keep_ns {
                break;
            }
            looks -= 1;
            self.ended.pop_front();
            self.forget_unless_needed(key, now);
        }
    }

    fn forget_unless_needed(&mut self, key: ProcessKey, now: BootTime) {
        match self.entries.peek(&key) {
            Some(entry) if entry.children > 0 || Arc::strong_count(&entry.process) > 1 => {
                self.ended.push_back((now, key));
            }
            _ => self.remove(key),
        }
    }

    /// Whether anything that is known of processes may have changed since this was last asked. That one was forgotten is no change.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Processes that were forgotten too early since this was last asked.
    pub(crate) fn take_evicted(&mut self) -> u64 {
        std::mem::take(&mut self.evicted)
    }

    fn evict(&mut self) {
        let ended = self.ended.pop_front().or_else(|| self.replaced.pop_front()).map(|(_, key)| key);
        if let Some(key) = ended.or_else(|| self.entries.peek_lru().map(|(key, _)| *key)) {
            self.remove(key);
            self.evicted += 1;
        }
    }

    fn remove(&mut self, key: ProcessKey) {
        let Some(entry) = self.entries.pop(&key) else { return };
        if self.current.get(&key.life()) == Some(&key) {
            self.current.remove(&key.life());
        }
        if let Some(parent) = entry.process.parent.and_then(|parent| self.entries.peek_mut(&parent)) {
            parent.children = parent.children.saturating_sub(1);
        }
    }
}
