//! Names of users: the host's passwd, and those of containers, which are what the container claims.
use guardbee_model::{
    container::Container,
    process::{User, UserTable},
    text,
};
use lru::LruCache;
use std::{collections::HashMap, num::NonZeroUsize, sync::Arc};

/// No passwd file is larger.
const FILE_MAX: usize = 1 << 20;
const NAME_MAX: usize = 256;

/// User names by uid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users(HashMap<u32, Arc<str>>);

impl Users {
    /// The name of a user.
    pub fn name(&self, uid: u32) -> Option<Arc<str>> {
        self.0.get(&uid).cloned()
    }
}

/// Which user of the host each user inside a user namespace is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserMap(Vec<Range>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    inside: u32,
    outside: u32,
    count: u32,
}

impl UserMap {
    /// Who the host's user is inside; [`None`]: nobody that the namespace knows.
    pub fn inside(&self, outside: u32) -> Option<u32> {
        self.0.iter().find_map(|range| {
            let offset = outside.checked_sub(range.outside).filter(|offset| *offset < range.count)?;
            range.inside.checked_add(offset)
        })
    }
}

/// The host's users, and those of each container.
#[derive(Debug)]
pub(crate) struct Directory {
    host: Users,
    /// By the container's id.
    containers: LruCache<Box<str>, Inside>,
    forgotten: u64,
}

/// What is known of a container's users. Without the map the names say nothing: who root is inside may be anybody.
#[derive(Debug, Default)]
struct Inside {
    users: Option<Users>,
    map: Option<UserMap>,
}

impl Directory {
    pub(crate) fn new(limit: NonZeroUsize) -> Self {
        Self { host: Users::default(), containers: LruCache::new(limit), forgotten: 0 }
    }

    /// A user's name: in a container its own table's, else the host's.
    pub(crate) fn user(&self, uid: u32, container: Option<&Arc<Container>>) -> Option<User> {
        let inside = container.and_then(|container| {
            let Inside { users: Some(users), map: Some(map) } = self.containers.peek(&container.id)? else {
                return None;
            };
            users.name(map.inside(uid)?)
        });
        let (name, table) = match inside {
            Some(name) => (name, UserTable::Container),
            None => (self.host.name(uid).or_else(|| (uid == 0).then(|| "root".into()))?, UserTable::Host),
        };
        Some(User { name, table })
    }

    /// A container was seen; true: for the first time, its users should be asked for.
    pub(crate) fn meet(&mut self, container: &Container) -> bool {
        let new = self.containers.get(&container.id).is_none();
        if new {
            self.inside(container);
        }
        new
    }

    /// Takes the host's users.
    pub(crate) fn learn_host(&mut self, users: Users) {
        self.host = users;
    }

    /// Takes the users of a container.
    pub(crate) fn learn(&mut self, container: &Container, users: Users) {
        self.inside(container).users = Some(users);
    }

    /// Takes the map of a container's user namespace.
    pub(crate) fn learn_map(&mut self, container: &Container, map: UserMap) {
        self.inside(container).map = Some(map);
    }

    /// Containers that there was no room for since this was last asked.
    pub(crate) fn take_forgotten(&mut self) -> u64 {
        std::mem::take(&mut self.forgotten)
    }

    fn inside(&mut self, container: &Container) -> &mut Inside {
        let full = self.containers.len() == self.containers.cap().get();
        self.forgotten += u64::from(full && !self.containers.contains(&container.id));
        self.containers.get_or_insert_mut(container.id.clone(), Inside::default)
    }
}

/// The ranges of a `/proc/PID/uid_map` (`user_namespaces(7)`); lines that make no sense are passed over. The kernel keeps no more
/// than 340 of them.
pub fn parse_uid_map(content: &[u8]) -> UserMap {
    const RANGES_MAX: usize = 340;
    let content = content.get(..content.len().min(FILE_MAX)).unwrap_or_default();
    let lines = content.split(|&byte| byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    let range = |line: &str| {
        let mut numbers = line.split_ascii_whitespace().map(|word| word.parse().ok());
        let (inside, outside, count) = (numbers.next()??, numbers.next()??, numbers.next()??);
        numbers.next().is_none().then_some(Range { inside, outside, count })
    };
    UserMap(lines.filter_map(range).take(RANGES_MAX).collect())
}

/// Users of a passwd(5) file. Of two with one uid the first counts, as for getpwuid(3); lines that make no sense are
/// passed over, and so is what is behind the first MiB.
pub fn parse_passwd(content: &[u8]) -> Users {
    let mut users = HashMap::new();
    let content = content.get(..content.len().min(FILE_MAX)).unwrap_or_default();
    for line in content.split(|&byte| byte == b'\n') {
        if let Some((uid, name)) = user(line) {
            users.entry(uid).or_insert_with(|| text::escape(name).into());
        }
    }
    Users(users)
}

fn user(line: &[u8]) -> Option<(u32, &[u8])> {
    let mut fields = line.split(|&byte| byte == b':');
    let (name, _password, uid) = (fields.next()?, fields.next()?, fields.next()?);
    let sane = !name.is_empty() && name.len() <= NAME_MAX && !name.contains(&0);
    if !sane || !uid.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some((std::str::from_utf8(uid).ok()?.parse().ok()?, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hostile_lines_are_passed_over() {
        let users = parse_passwd(
            b"root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/:\n\n:x:1:\nx:y\na:x:+7:\nb:x:99999999999:\n\
              caf\xc3\xa9:x:5:5\nraw\xff:x:6:6\nz:x:1000",
        );
        for (uid, name) in [
            (0, Some("root")),
            (1, None),
            (7, None),
            (5, Some("café")),
            (6, Some("raw\\xff")),
            (1000, Some("z")),
        ] {
            assert_eq!(users.name(uid).as_deref(), name);
        }
    }

    #[test]
    fn who_is_who_inside() {
        let map = parse_uid_map(b"         0       1000          1\n         1     100000      65536\n");
        for (outside, inside) in [
            (0, None),
            (1000, Some(0)),
            (1001, None),
            (100_000, Some(1)),
            (165_535, Some(65_536)),
            (165_536, None),
        ] {
            assert_eq!(map.inside(outside), inside, "{outside}");
        }
        let whole = parse_uid_map(b"0 0 4294967295\n");
        assert_eq!((whole.inside(0), whole.inside(65_534)), (Some(0), Some(65_534)));
        for hostile in [&b""[..], b"x", b"1 2", b"1 2 3 4", b"-1 0 1", b"\xff 1 1", b"1 1 99999999999"] {
            assert_eq!(parse_uid_map(hostile), UserMap::default());
        }
        assert_eq!(parse_uid_map(b"4294967295 0 10").inside(5), None);
    }

    #[test]
    fn no_more_than_a_mebibyte_is_read() {
        let mut file = b"#".repeat(FILE_MAX);
        file.extend(b"\nlate:x:1:1\n");
        assert_eq!(parse_passwd(&file), Users::default());
    }

    proptest! {
        #[test]
        fn total(content in "([a-z:\\x00\n0-9]{0,20}\n?){0,20}") {
            prop_assert!(parse_passwd(content.as_bytes()).0.len() <= content.len());
        }

        #[test]
        fn total_map(content in "([0-9]{0,10}[ \\n]){0,20}", uid in any::<u32>()) {
            parse_uid_map(content.as_bytes()).inside(uid);
        }
    }
}
