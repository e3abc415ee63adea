//! Names of users: the host's passwd, and those of containers, which are what the container claims.
use guardbee_model::{process::Container, text};
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

/// The host's users, and those of each container.
#[derive(Debug)]
pub(crate) struct Directory {
    host: Users,
    /// [`None`]: not known yet.
    containers: LruCache<Arc<Container>, Option<Users>>,
    forgotten: u64,
}

impl Directory {
    pub(crate) fn new(limit: NonZeroUsize) -> Self {
        Self { host: Users::default(), containers: LruCache::new(limit), forgotten: 0 }
    }

    /// A user's name. In a container its own table counts alone, but for root, who is root everywhere.
    pub(crate) fn name(&self, uid: u32, container: Option<&Arc<Container>>) -> Option<Arc<str>> {
        let Some(container) = container else { return self.host.name(uid) };
        let own = self.containers.peek(container).and_then(Option::as_ref);
        own.and_then(|users| users.name(uid)).or_else(|| (uid == 0).then(|| "root".into()))
    }

    /// A container was seen; true: for the first time, its users should be asked for.
    pub(crate) fn meet(&mut self, container: &Arc<Container>) -> bool {
        let new = self.containers.get(container).is_none();
        if new {
            self.put(container, None);
        }
        new
    }

    /// Takes the users of a container, or of the host.
    pub(crate) fn learn(&mut self, container: Option<&Arc<Container>>, users: Users) {
        match container {
            Some(container) => self.put(container, Some(users)),
            None => self.host = users,
        }
    }

    /// Containers that there was no room for since this was last asked.
    pub(crate) fn take_forgotten(&mut self) -> u64 {
        std::mem::take(&mut self.forgotten)
    }

    fn put(&mut self, container: &Arc<Container>, users: Option<Users>) {
        let old = self.containers.push(Arc::clone(container), users);
        self.forgotten += u64::from(old.is_some_and(|(other, _)| other != *container));
    }
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
    }
}
