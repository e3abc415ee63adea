//! Files of processes, honest and hostile.
use super::Seeds;
use std::error::Error;

pub(crate) fn seeds() -> Result<Seeds, Box<dyn Error>> {
    let container = format!("0::/system.slice/docker-{}.scope\n", "a".repeat(64));
    let hybrid = format!("4:memory:/docker/{0}\n1:name=systemd:/docker/{0}\n0::/\n", "b".repeat(64));
    let seeds: [(&str, u8, &[u8]); 10] = [
        ("cmdline", 0, b"nginx\0-g\0daemon off;\0"),
        ("cmdline-title", 0, b"sshd: me [priv]\0\0\0\0"),
        ("cgroup", 1, container.as_bytes()),
        ("cgroup-hybrid", 1, hybrid.as_bytes()),
        ("cgroup-pod", 1, b"0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod0a1b.slice/cri-containerd-c.scope\n"),
        ("passwd", 2, b"root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/usr/sbin/nologin\n"),
        ("passwd-hostile", 2, b"a:x:0:\n:x:1:\nx:y\nb:x:99999999999:\nraw\xff:x:6:6\nz:x:+7"),
        ("uid-map", 3, b"         0       1000          1\n         1     100000      65536\n"),
        ("uid-map-whole", 3, b"0 0 4294967295\n"),
        ("uid-map-hostile", 3, b"4294967295 0 10\n-1 0 1\n1 2 3 4\n"),
    ];
    Ok(seeds.map(|(name, which, bytes)| (name.to_owned(), [&[which], bytes].concat())).to_vec())
}
