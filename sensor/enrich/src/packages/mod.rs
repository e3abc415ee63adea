//! Which of the host's packages brought a file: what package databases list, as an index that is small enough to be kept.
//!
//! No I/O: the agent reads the databases and looks the files up. A file is known by device, inode and change time, so neither a
//! path that looks alike nor an inode that was given out again has the package of another.
pub mod apk;
pub mod dpkg;
pub mod rpm;
pub mod sqlite;

use guardbee_model::{
    executable::{FileId, Package},
    text,
};
use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
};

/// Paths that are kept, eight bytes each: those of a host with everything installed are fewer.
const PATHS: usize = 2 << 20;
/// Executables that are kept.
const FILES: usize = 256 << 10;
/// Packages.
const NAMES: usize = 64 << 10;
/// Bytes of a package's name.
const NAME: usize = 128;
/// `PATH_MAX`.
const PATH: usize = 4096;

/// What databases list, while it is gathered.
#[derive(Debug, Default)]
pub struct Catalogue {
    names: Vec<Arc<str>>,
    /// The place of the last package's name.
    current: Option<u32>,
    files: HashMap<FileId, u32>,
    paths: HashSet<u64>,
    state: RandomState,
    left_out: u64,
}

impl Catalogue {
    /// From here on paths are of this package.
    pub fn package(&mut self, name: &[u8]) {
        let name = text::escape(name.get(..name.len().min(NAME)).unwrap_or_default());
        self.current = u32::try_from(self.names.len()).ok().filter(|_| self.names.len() < NAMES);
        if self.current.is_some() {
            self.names.push(Arc::from(&*name));
        } else {
            self.leave_out();
        }
    }

    /// A path of the last package, as the kernel would name it, and which file that is, where it is an executable.
    pub fn path(&mut self, path: &[u8], file: Option<FileId>) {
        let Some(package) = self.current else { return };
        if path.len() > PATH || self.paths.len() >= PATHS || self.files.len() >= FILES {
            return self.leave_out();
        }
        self.paths.insert(self.state.hash_one(path));
        if let Some(file) = file {
            // Two packages that have one file (a diversion that is not told): which is right can't be said.
            self.files.entry(file).or_insert(package);
        }
    }

    /// Something that is listed can't be told.
    pub fn leave_out(&mut self) {
        self.left_out += 1;
    }

    /// Ready to be asked.
    pub fn finish(mut self) -> Packages {
        let mut paths: Vec<u64> = self.paths.drain().collect();
        paths.sort_unstable();
        self.files.shrink_to_fit();
        Packages {
            names: self.names.into(),
            files: self.files,
            paths: paths.into(),
            state: self.state,
            left_out: self.left_out,
        }
    }
}

/// The index.
#[derive(Debug)]
pub struct Packages {
    names: Box<[Arc<str>]>,
    /// Executables, by the place of their package's name.
    files: HashMap<FileId, u32>,
    /// Hashes of all paths that some package has, sorted. Two of a host's paths with one hash would only cost an answer.
    paths: Box<[u64]>,
    state: RandomState,
    left_out: u64,
}

impl Packages {
    /// Whose the file is that was executed by this path. [`Package::Unknown`]: a package has that path, but this file isn't the
    /// one that lay there when the database was read; or there was no room for all.
    pub fn owner(&self, file: FileId, path: &[u8]) -> Package {
        let name = self.files.get(&file).and_then(|place| self.names.get(usize::try_from(*place).ok()?));
        match name {
            Some(name) => Package::Named(Arc::clone(name)),
            None if self.left_out == 0 && !self.lists(path) => Package::None,
            None => Package::Unknown,
        }
    }

    fn lists(&self, path: &[u8]) -> bool {
        self.paths.binary_search(&self.state.hash_one(path)).is_ok()
    }

    /// Packages, executables, and paths that are known; what there was no room for.
    pub fn counts(&self) -> [usize; 4] {
        let left_out = usize::try_from(self.left_out).unwrap_or(usize::MAX);
        [self.names.len(), self.files.len(), self.paths.len(), left_out]
    }

    /// Bytes that it takes.
    pub fn memory_bytes(&self) -> usize {
        // A byte of control each, and a table is at most seven eighths full.
        let files = self.files.capacity() * 8 / 7 * (size_of::<(FileId, u32)>() + 1);
        let names: usize = self.names.iter().map(|name| name.len() + 3 * size_of::<usize>()).sum();
        files + names + size_of_val(&*self.names) + size_of_val(&*self.paths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(inode: u64) -> FileId {
        FileId { device: 1, inode, ctime_ns: 7 }
    }

    fn two() -> Packages {
        let mut catalogue = Catalogue::default();
        catalogue.path(b"/usr/bin/early", Some(file(9)));
        catalogue.package(b"coreutils");
        catalogue.path(b"/usr/bin/ls", Some(file(1)));
        catalogue.package(b"bash");
        catalogue.path(b"/usr/bin/bash", Some(file(2)));
        catalogue.path(b"/usr/share/doc/bash/README", None);
        catalogue.finish()
    }

    #[test]
    fn named_none_and_unknown_are_three_things() {
        let packages = two();
        let named = |name: &str| Package::Named(name.into());
        assert_eq!(packages.owner(file(1), b"/usr/bin/ls"), named("coreutils"));
        assert_eq!(packages.owner(file(2), b"/anywhere"), named("bash"), "a second name, a bind mount");
        assert_eq!(packages.owner(file(3), b"/tmp/x"), Package::None);
        assert_eq!(packages.owner(file(3), b"/usr/bin/ls"), Package::Unknown, "another file lies there now");
        let later = FileId { ctime_ns: 8, ..file(1) };
        assert_eq!(packages.owner(later, b"/usr/bin/ls"), Package::Unknown, "it was changed");
        assert_eq!(packages.owner(later, b"/tmp/x"), Package::None, "its number is another file's now");
        assert_eq!(packages.owner(file(9), b"/usr/bin/early"), Package::None, "of no package");
        assert_eq!(packages.counts(), [2, 2, 3, 0]);
    }

    #[test]
    fn without_room_for_all_nothing_is_nobodys() {
        let mut catalogue = Catalogue::default();
        catalogue.package(b"large");
        catalogue.path(&vec![b'x'; PATH + 1], None);
        assert_eq!(catalogue.finish().owner(file(3), b"/tmp/x"), Package::Unknown);
    }
}
