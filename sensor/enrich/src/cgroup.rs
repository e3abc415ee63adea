//! Which container, pod and unit a cgroup belongs to.
mod path;
mod proc;

use guardbee_model::container::{Cgroup, Container};
use lru::LruCache;
use std::{num::NonZeroUsize, sync::Arc};

pub use path::{Names, names};
pub use proc::paths;

/// How often a cgroup's path is asked for: whoever was asked about may have ended meanwhile.
const ASKED_MAX: u8 = 3;

/// Where a process is in the hierarchy that tells containers apart and, where that is another one, in the v2 hierarchy: a path,
/// or its last names without a `/` before them; empty: not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paths<'a> {
    /// In the one that tells containers apart.
    pub own: &'a [u8],
    /// In the v2 hierarchy, if it is another one.
    pub unified: &'a [u8],
}

/// What the names of cgroups say of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) container: Option<Arc<Container>>,
    pub(crate) cgroup: Option<Arc<Cgroup>>,
}

impl Place {
    fn read(path: &[u8]) -> Self {
        if path.is_empty() {
            return Self::default();
        }
        let text = String::from_utf8_lossy(path);
        let found = names(&text);
        let cgroup = Cgroup { path: path.into(), unit: found.unit.into(), slice: found.slice.into() };
        Self { container: found.container.map(Arc::new), cgroup: Some(Arc::new(cgroup)) }
    }

    fn is_known(&self) -> bool {
        self.cgroup.is_some()
    }

    /// Adds what another hierarchy says: a container where this one names none, a unit likewise. The path is that of the
    /// hierarchy that told the more.
    fn or_of(&self, unified: &[u8]) -> Self {
        if unified.is_empty() {
            return self.clone();
        }
        let other = Self::read(unified);
        let own_is_root = self.cgroup.as_ref().is_none_or(|cgroup| &*cgroup.path == b"/");
        if own_is_root || (self.container.is_none() && other.container.is_some()) {
            return other;
        }
        let mut merged = self.clone();
        if let (Some(cgroup), Some(other)) = (&mut merged.cgroup, other.cgroup)
            && cgroup.unit.is_empty()
        {
            let cgroup = Arc::make_mut(cgroup);
            cgroup.unit.clone_from(&other.unit);
            cgroup.slice.clone_from(&other.slice);
        }
        merged
    }
}

/// What cgroups are known to be.
#[derive(Debug)]
pub(crate) struct Cgroups {
    known: LruCache<u64, Known>,
    forgotten: u64,
}

#[derive(Debug, Default)]
struct Known {
    place: Place,
    /// By its whole path, not by its last names alone.
    certain: bool,
    asked: u8,
}

/// What a path told.
#[derive(Debug)]
pub(crate) struct Learned {
    /// The container that members were thought to be in.
    pub(crate) before: Option<Arc<Container>>,
    /// Where the one that was asked about is.
    pub(crate) now: Place,
    /// Where all members are.
    pub(crate) own: Place,
}

impl Cgroups {
    pub(crate) fn new(limit: NonZeroUsize) -> Self {
        Self { known: LruCache::new(limit), forgotten: 0 }
    }

    /// Where members are: what the whole path said, or else what the last names say until it is known. Second: the path should
    /// be asked for.
    pub(crate) fn place(&mut self, id: u64, paths: Paths<'_>) -> (Place, bool) {
        let known = self.get(id);
        if !known.certain && (!known.place.is_known() || paths.own.starts_with(b"/")) {
            known.place = Place::read(paths.own);
            known.certain = paths.own.starts_with(b"/");
        }
        let ask = !known.certain && known.asked < ASKED_MAX;
        known.asked += u8::from(ask);
        (known.place.or_of(paths.unified), ask)
    }

    /// Takes the paths of a member.
    pub(crate) fn learn(&mut self, id: u64, paths: Paths<'_>) -> Learned {
        let known = self.get(id);
        let before = known.place.container.clone();
        known.certain = true;
        let mut found = Place::read(paths.own);
        // Who shares a container shares it by pointer.
        if found.container == before {
            found.container.clone_from(&before);
        }
        known.place = found;
        Learned { before, now: known.place.or_of(paths.unified), own: known.place.clone() }
    }

    /// Cgroups that there was no room for since this was last asked.
    pub(crate) fn take_forgotten(&mut self) -> u64 {
        std::mem::take(&mut self.forgotten)
    }

    fn get(&mut self, id: u64) -> &mut Known {
        let full = self.known.len() == self.known.cap().get() && !self.known.contains(&id);
        self.forgotten += u64::from(full);
        self.known.get_or_insert_mut(id, Known::default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn at<'a>(own: &'a str, unified: &'a str) -> Paths<'a> {
        Paths { own: own.as_bytes(), unified: unified.as_bytes() }
    }

    fn cgroups() -> Cgroups {
        Cgroups::new(NonZeroUsize::MIN)
    }

    fn told(place: &Place) -> (&str, &str, &str) {
        let cgroup = place.cgroup.as_deref();
        (
            place.container.as_ref().map_or("", |container| &container.runtime),
            cgroup.map_or("", |cgroup| std::str::from_utf8(&cgroup.path).unwrap()),
            cgroup.map_or("", |cgroup| &cgroup.unit),
        )
    }

    #[test]
    fn a_whole_path_need_not_be_asked_for() {
        let (path, mut cgroups) = (format!("/docker/{A}"), cgroups());
        let (place, ask) = cgroups.place(1, at(&path, ""));
        assert_eq!((told(&place), ask), (("docker", &*path, ""), false));
    }

    #[test]
    fn last_names_until_the_path_is_known() {
        let (tail, mut cgroups) = (format!("c/d/libpod-{A}"), cgroups());
        for asked in [true, true, true, false] {
            let (place, ask) = cgroups.place(1, at(&tail, ""));
            assert_eq!((told(&place).0, ask), ("podman", asked));
        }
        let learned = cgroups.learn(1, at("/system.slice/x.service/c/d/y", ""));
        assert_eq!(told(&learned.now), ("", "/system.slice/x.service/c/d/y", "x.service"));
        assert_eq!(learned.before.map(|container| container.id.to_string()), Some(A.to_owned()));
        assert_eq!(told(&cgroups.place(1, at(&tail, "")).0).0, "");
    }

    #[test]
    fn what_only_the_other_hierarchy_says() {
        let unit = format!("docker-{A}.scope");
        let scope = format!("/x.slice/{unit}");
        let docker = format!("/docker/{A}");
        for (own, unified, container, path, unit) in [
            ("/", "/system.slice/ssh.service", "", "/system.slice/ssh.service", "ssh.service"),
            ("/system.slice", "/system.slice/ssh.service", "", "/system.slice", "ssh.service"),
            ("/job", &scope, "docker", &*scope, &*unit),
            (&docker, "/user.slice/user-0.slice/session-1.scope", "docker", &*docker, "session-1.scope"),
            ("", "", "", "", ""),
        ] {
            let (place, _) = cgroups().place(1, at(own, unified));
            assert_eq!(told(&place), (container, path, unit), "{own} {unified}");
        }
    }

    #[test]
    fn the_longest_silent_one_makes_room() {
        let mut cgroups = cgroups();
        for id in 1..=3 {
            cgroups.place(id, Paths::default());
        }
        assert_eq!((cgroups.take_forgotten(), cgroups.take_forgotten()), (2, 0));
    }
}
