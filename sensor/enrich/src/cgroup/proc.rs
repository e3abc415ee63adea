//! `/proc/PID/cgroup`: cgroups(7).
use super::Paths;

/// Of files that workloads influence, no more than this is looked at.
const FILE_MAX: usize = 64 << 10;

/// The paths in such a file: in the hierarchy that tells containers apart, chosen as the kernel half chooses it, and in the v2
/// hierarchy where that is another one. On hosts of v1 alone systemd's own hierarchy stands for it. Lines that make no sense
/// are passed over.
pub fn paths(content: &[u8]) -> Paths<'_> {
    let content = content.get(..content.len().min(FILE_MAX)).unwrap_or_default();
    let (mut unified, mut systemd, mut memory, mut pids) = (None, None, None, None);
    for line in content.split(|&byte| byte == b'\n') {
        let mut parts = line.splitn(3, |&byte| byte == b':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        for controller in controllers.split(|&byte| byte == b',') {
            let place = match controller {
                b"" => &mut unified,
                b"name=systemd" => &mut systemd,
                b"memory" => &mut memory,
                b"pids" => &mut pids,
                _ => continue,
            };
            place.get_or_insert(path);
        }
    }
    match memory.or(pids) {
        None => Paths { own: unified.unwrap_or_default(), unified: b"" },
        Some(own) => {
            Paths { own, unified: unified.filter(|path| *path != b"/").or(systemd).unwrap_or_default() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_hierarchy_that_tells_containers_apart() {
        for (file, own, unified) in [
            // v2.
            ("0::/system.slice/ssh.service\n", "/system.slice/ssh.service", ""),
            ("1:name=systemd:/x\n0::/a\n", "/a", ""),
            // Hybrid.
            ("9:pids:/docker/A\n8:cpu,memory:/docker/B\n0::/\n", "/docker/B", ""),
            ("9:pids:/docker/A\n0::/init.scope\n", "/docker/A", "/init.scope"),
            ("4:memory:/\n1:name=systemd:/init.scope\n0::/\n", "/", "/init.scope"),
            // v1.
            ("4:memory:/a\n1:name=systemd:/b\n", "/a", "/b"),
            ("4:memory:/a:b\n", "/a:b", ""),
            ("4:cpuset:/a\n", "", ""),
            // Hostile.
            ("0::/first\n0::/second\n", "/first", ""),
            ("0::/caf\u{e9}\n", "/caf\u{e9}", ""),
            ("", "", ""),
            ("0:", "", ""),
            (":::", ":", ""),
        ] {
            let paths = paths(file.as_bytes());
            assert_eq!((paths.own, paths.unified), (own.as_bytes(), unified.as_bytes()), "{file}");
        }
        assert_eq!(paths(b"0::/a\xff\n").own, b"/a\xff");
    }

    proptest! {
        #[test]
        fn total(content in prop::collection::vec(prop_oneof![Just(b':'), Just(b'\n'), any::<u8>()], 0..300)) {
            paths(&content);
        }
    }
}
