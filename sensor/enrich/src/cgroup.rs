//! Which container, pod and unit a cgroup belongs to.
mod path;
mod proc;

use guardbee_model::container::{Cgroup, Configuration, Container};
use lru::LruCache;
use std::{num::NonZeroUsize, sync::Arc};

pub use path::{Names, names};
pub use proc::paths;

/// How often a cgroup's path is asked for: whoever was asked about may have ended meanwhile.
const ASKED_MAX: u8 = 3;

/// The kernel's number of the root of each hierarchy (`kernfs_create_root()`: the first one it gives).
const ROOT: u64 = 1;

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

    /// A path that was read later is of the same cgroup, by what is known of its names.
    fn agrees(&self, path: &[u8]) -> bool {
        let Some(cgroup) = &self.cgroup else { return true };
        let above = path.strip_suffix(&*cgroup.path);
        above.is_some_and(|above| {
            if cgroup.path.starts_with(b"/") { above.is_empty() } else { above.ends_with(b"/") }
        })
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
    /// Of which more is known now, or that were forgotten, since this was last asked.
    changed: Vec<u64>,
}

/// A cgroup whose whole path is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// The kernel's number of it, in the hierarchy that tells containers apart.
    pub id: u64,
    /// Its path there, and its unit.
    pub cgroup: Arc<Cgroup>,
    /// The outermost container.
    pub container: Option<Arc<Container>>,
    /// What is known of that.
    pub configured: Option<Arc<Configuration>>,
}

#[derive(Debug, Default)]
struct Known {
    place: Place,
    /// By its whole path, not by its last names alone.
    certain: bool,
    asked: u8,
}

impl Known {
    fn home(&self, id: u64) -> Option<Home> {
        let cgroup = self.place.cgroup.clone().filter(|_| self.certain)?;
        Some(Home { id, cgroup, container: self.place.container.clone(), configured: None })
    }
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
        Self { known: LruCache::new(limit), forgotten: 0, changed: Vec::new() }
    }

    /// Where members are: what the whole path said, or else what the last names say until it is known. Second: the path should
    /// be asked for.
    pub(crate) fn place(&mut self, id: u64, paths: Paths<'_>) -> (Place, bool) {
        let known = self.get(id);
        let mut found = false;
        if !known.certain && (!known.place.is_known() || paths.own.starts_with(b"/")) {
            known.place = Place::read(paths.own);
            found = paths.own.starts_with(b"/");
            known.certain = found;
        }
        let ask = !known.certain && known.asked < ASKED_MAX;
        known.asked += u8::from(ask);
        let place = known.place.or_of(paths.unified);
        if found {
            self.changed.push(id);
        }
        (place, ask)
    }

    /// Takes the paths of a member, as `/proc` had them; [`None`]: they are another cgroup's. It may have moved meanwhile, or be
    /// about to end: in v1 hierarchies it is in the root then (`proc_cgroup_show()`), and what its cgroup was called is still true.
    pub(crate) fn learn(&mut self, id: u64, paths: Paths<'_>) -> Option<Learned> {
        let known = self.get(id);
        let before = known.place.container.clone();
        let agrees = known.place.agrees(paths.own) && (paths.own != b"/" || id == ROOT);
        if !known.certain {
            if !agrees {
                return None;
            }
            known.certain = true;
            let mut found = Place::read(paths.own);
            // Who shares a container shares it by pointer.
            if found.container == before {
                found.container.clone_from(&before);
            }
            known.place = found;
            self.changed.push(id);
        }
        let own = self.get(id).place.clone();
        let now = if agrees { own.or_of(paths.unified) } else { own.clone() };
        Some(Learned { before, now, own })
    }

    /// More is known of a container.
    pub(crate) fn know_more(&mut self, id: &str) {
        let is_of = |known: &Known| known.place.container.as_ref().is_some_and(|one| &*one.id == id);
        let certain = self.known.iter().filter(|(_, known)| known.certain && is_of(known));
        self.changed.extend(certain.map(|(id, _)| *id));
    }

    /// Anything to be had from [`Self::take_changed`].
    pub(crate) fn have_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Each cgroup whose whole path, or whose container, is known since this was last asked; [`None`]: it was forgotten. Whoever asks after each event
    /// leaves few to be kept.
    pub(crate) fn take_changed(&mut self) -> Vec<(u64, Option<Home>)> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().map(|id| (id, self.known.peek(&id).and_then(|known| known.home(id)))).collect()
    }

    /// All whose whole path is known.
    pub(crate) fn homes(&self) -> impl Iterator<Item = Home> {
        self.known.iter().filter_map(|(id, known)| known.home(*id))
    }

    /// Cgroups that there was no room for since this was last asked.
    pub(crate) fn take_forgotten(&mut self) -> u64 {
        std::mem::take(&mut self.forgotten)
    }

    fn get(&mut self, id: u64) -> &mut Known {
        let full = self.known.len() == self.known.cap().get() && !self.known.contains(&id);
        if let Some((oldest, _)) = self.known.peek_lru().filter(|_| full) {
            self.forgotten += 1;
            self.changed.push(*oldest);
        }
        self.known.get_or_insert_mut(id, Known::default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

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
        let whole = format!("/docker/{B}/{tail}");
        let learned = cgroups.learn(1, at(&whole, "")).unwrap();
        assert_eq!(told(&learned.now), ("docker", &*whole, ""));
        assert_eq!(learned.before.map(|container| container.id.to_string()), Some(A.to_owned()));
        assert_eq!(told(&cgroups.place(1, at(&tail, "")).0).0, "docker");
    }

    /// Of one that has moved, or that ends, another path is read than that of the cgroup which it was seen in.
    #[test]
    fn anothers_path_is_not_taken() {
        let tail = format!("c/d/libpod-{A}");
        for read in [
            "/",
            "/libpod",
            &format!("/c/x/libpod-{A}"),
            &format!("/x{tail}"),
            &format!("/{tail} (deleted)"),
            "",
        ] {
            let mut cgroups = cgroups();
            cgroups.place(2, at(&tail, ""));
            assert!(cgroups.learn(2, at(read, "")).is_none(), "{read}");
            assert_eq!(told(&cgroups.place(2, at(&tail, "")).0).0, "podman");
            let whole = format!("/{tail}");
            cgroups.place(2, at(&whole, ""));
            let learned = cgroups.learn(2, at(read, "/x.service")).unwrap();
            assert_eq!(
                (told(&learned.now), told(&learned.own)),
                (("podman", &*whole, ""), ("podman", &*whole, ""))
            );
        }
        let mut cgroups = cgroups();
        cgroups.place(2, Paths::default());
        assert!(cgroups.learn(2, at("/", "")).is_none());
        cgroups.place(ROOT, Paths::default());
        assert!(cgroups.learn(ROOT, at("/", "")).is_some());
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

    /// Of last names alone nothing is said: who is in a container may have chosen them.
    #[test]
    fn a_cgroup_is_told_when_its_whole_path_is_known_and_when_it_is_forgotten() {
        let mut cgroups = cgroups();
        cgroups.place(1, at("c/d/e", ""));
        assert!(!cgroups.have_changed() && cgroups.homes().count() == 0);
        cgroups.learn(1, at("/a/b/c/d/e", "")).unwrap();
        let told: Vec<_> = cgroups.take_changed();
        let [(1, Some(home))] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((&*home.cgroup.path, home.container.is_some()), (&b"/a/b/c/d/e"[..], false));
        cgroups.place(2, at("/x.service", ""));
        cgroups.place(2, at("/x.service", ""));
        let told: Vec<_> = cgroups.take_changed();
        let [(1, None), (2, Some(home))] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(&*home.cgroup.unit, "x.service");
        assert_eq!(cgroups.homes().map(|home| home.id).collect::<Vec<_>>(), [2]);
        assert!(!cgroups.have_changed());
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
