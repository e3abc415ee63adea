//! apk's database, `/lib/apk/db/installed`: paragraphs of `X:value` lines, of which name, folders and files are read.

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// From here on files are of this package.
    Package(Box<[u8]>),
    /// The path of a file.
    Path(Box<[u8]>),
}

/// Packages and their files, in order; what makes no sense is passed over.
pub fn entries(content: &[u8]) -> impl Iterator<Item = Entry> {
    let mut folder: &[u8] = b"";
    content.split(|&byte| byte == b'\n').filter_map(move |line| match line {
        [b'P', b':', name @ ..] if sane(name) => {
            folder = b"";
            Some(Entry::Package(name.into()))
        }
        [b'F', b':', name @ ..] if !name.contains(&0) => {
            folder = name;
            None
        }
        [b'R', b':', name @ ..] if sane(name) => Some(Entry::Path(match folder {
            b"" => [b"/", name].concat().into(),
            folder => [b"/", folder, b"/", name].concat().into(),
        })),
        _ => None,
    })
}

fn sane(name: &[u8]) -> bool {
    !name.is_empty() && !name.iter().any(|byte| matches!(byte, 0 | b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn as_apk_writes_it() {
        let content =
            b"C:Q1x=\nP:busybox\nV:1.36.1-r5\nF:bin\nR:busybox\na:0:0:755\nZ:Q1y=\nF:etc\nR:securetty\n\n\
                        P:root\nR:x\nR:a/b\nP:\n";
        let told: Vec<Entry> = entries(content).collect();
        let package = |name: &str| Entry::Package(name.as_bytes().into());
        let path = |path: &str| Entry::Path(path.as_bytes().into());
        assert_eq!(
            told,
            [package("busybox"), path("/bin/busybox"), path("/etc/securetty"), package("root"), path("/x")]
        );
    }

    proptest! {
        #[test]
        fn total(content in proptest::collection::vec(
            prop_oneof![Just(b'\n'), Just(b':'), Just(b'P'), Just(b'F'), Just(b'R'), any::<u8>()], 0..400)
        ) {
            for entry in entries(&content) {
                if let Entry::Path(path) = entry {
                    prop_assert!(path.starts_with(b"/"));
                }
            }
        }
    }
}
