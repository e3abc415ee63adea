//! dpkg's database: a list of paths for each package, and diversions (`dpkg-divert(1)`).
use std::collections::HashMap;

/// Of all files together; a host has some megabytes of lists.
const DIVERSIONS: usize = 64 << 10;

/// The package that the file `NAME.list` below `/var/lib/dpkg/info` is of; of one of several architectures without these.
pub fn package(file_name: &[u8]) -> Option<&[u8]> {
    let name = file_name.strip_suffix(b".list")?;
    name.split(|&byte| byte == b':').next().filter(|name| !name.is_empty())
}

/// Paths of a package's list; what makes no sense is passed over.
pub fn paths(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&byte| byte == b'\n').filter(|line| absolute(line))
}

fn absolute(line: &[u8]) -> bool {
    line.len() > 1 && line.starts_with(b"/") && line != b"/." && !line.contains(&0)
}

/// Bytes of a path, or of a package's name.
type Name = Box<[u8]>;

/// Files that lie elsewhere than their package has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diversions {
    all: HashMap<Name, (Name, Name)>,
    /// Those that make no sense, or for which there was no room.
    pub left_out: u64,
}

impl Diversions {
    /// The file `/var/lib/dpkg/diversions`: three lines each, the path, where it is diverted to, and the package for whose
    /// sake; `:` stands for the administrator.
    pub fn parse(content: &[u8]) -> Self {
        let mut lines = content.split(|&byte| byte == b'\n');
        let mut told = Self::default();
        while let (Some(from), Some(to), Some(by)) = (lines.next(), lines.next(), lines.next()) {
            if absolute(from) && absolute(to) && told.all.len() < DIVERSIONS {
                told.all.insert(from.into(), (to.into(), by.into()));
            } else {
                told.left_out += 1;
            }
        }
        told
    }

    /// Where the path of a package really lies.
    pub fn place<'a>(&'a self, package: &[u8], path: &'a [u8]) -> &'a [u8] {
        match self.all.get(path) {
            Some((to, by)) if **by != *package => to,
            _ => path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lists() {
        assert_eq!(package(b"coreutils.list"), Some(&b"coreutils"[..]));
        assert_eq!(package(b"libc6:amd64.list"), Some(&b"libc6"[..]));
        assert_eq!(package(b"coreutils.md5sums"), None);
        assert_eq!(package(b".list"), None);
        let list = b"/.\n/bin\n/bin/ls\nrelative\n\n/with\0zero\n/last";
        let told: Vec<&[u8]> = paths(list).collect();
        assert_eq!(told, [&b"/bin"[..], b"/bin/ls", b"/last"]);
    }

    #[test]
    fn whoever_diverts_keeps_the_path() {
        let all = Diversions::parse(
            b"/bin/sh\n/bin/sh.distrib\ndash\n/bin/x\n/bin/x.real\n:\nbroken\n/y\nz\n/cut\n",
        );
        assert_eq!(all.place(b"bash", b"/bin/sh"), b"/bin/sh.distrib");
        assert_eq!(all.place(b"dash", b"/bin/sh"), b"/bin/sh");
        assert_eq!(all.place(b"any", b"/bin/x"), b"/bin/x.real");
        assert_eq!(all.place(b"any", b"/cut"), b"/cut");
        assert_eq!((all.all.len(), all.left_out), (2, 1));
    }

    proptest! {
        #[test]
        fn total(content in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'/'), any::<u8>()], 0..400)) {
            let all = Diversions::parse(&content);
            for path in paths(&content) {
                prop_assert!(path.starts_with(b"/"));
                prop_assert!(all.place(b"x", path).starts_with(b"/"));
            }
            package(&content);
        }
    }
}
