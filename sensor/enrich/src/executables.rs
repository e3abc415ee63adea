//! What was found out of executables, by the file as it was.
use guardbee_model::{
    executable::{FileId, Hash},
    process::File,
};
use lru::LruCache;
use std::num::NonZeroUsize;

/// Answers by file; the one that was needed longest ago goes first, and is asked for again.
#[derive(Debug)]
pub(crate) struct Executables {
    hashes: LruCache<FileId, Hash>,
}

impl Executables {
    pub(crate) fn new(limit: NonZeroUsize) -> Self {
        Self { hashes: LruCache::new(limit) }
    }

    /// The file's hash, or why it has none.
    pub(crate) fn hash(&mut self, id: FileId) -> Hash {
        self.hashes.get(&id).cloned().unwrap_or_default()
    }

    pub(crate) fn learn(&mut self, id: FileId, hash: Hash) {
        self.hashes.put(id, hash);
    }
}

/// The file that an event is sure of: whatever was opened has an inode.
pub(crate) fn identity(file: Option<&File>) -> Option<FileId> {
    file.filter(|file| file.inode != 0).map(File::id)
}
