//! Opening what a runtime keeps of a container: fixed names in fixed folders of the host, found by the container's id alone.
//!
//! The id comes as bytes and is written as digits here, so no request can lead anywhere else. The folders are root's, and may lie
//! behind links that root has made; below them no link is followed, and no mount entered. What is opened must be root's and nobody
//! else's to write. Nothing of it is read here.
use std::fmt::Write as _;
use std::os::fd::{AsFd, OwnedFd};

use guardbee_wire::Record;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, open, openat2};
use rustix::io::Errno;

use crate::process::{Failure, Opened, reopen};

/// A runtime's file is a few KiB, a list some hundred bytes for each container.
const LARGEST: u64 = 4 << 20;
/// `S_IWGRP` and `S_IWOTH`.
const OTHERS_WRITE: u32 = 0o022;

/// Docker's, and as a snap.
const DOCKER: &[&str] = &["var/lib/docker/containers", "var/snap/docker/common/var-lib-docker/containers"];
/// containerd's tasks by namespace: as a service, as Docker's child, in K3s, in `MicroK8s`.
const CONTAINERD: &[&str] = &[
    "run/containerd/io.containerd.runtime.v2.task/k8s.io",
    "run/containerd/io.containerd.runtime.v2.task/moby",
    "run/containerd/io.containerd.runtime.v2.task/default",
    "run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby",
    "run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io",
    "var/snap/microk8s/common/run/containerd/io.containerd.runtime.v2.task/k8s.io",
];
/// CRI-O's and podman's, by the driver of their storage.
const STORAGE: &[&str] = &[
    "run/containers/storage/overlay-containers",
    "var/lib/containers/storage/overlay-containers",
    "var/lib/containers/storage/vfs-containers",
    "var/lib/containers/storage/btrfs-containers",
    "var/lib/containers/storage/zfs-containers",
];

/// Opens a record of the container with this id.
pub(crate) fn open_record(id: &[u8; 32], record: Record) -> Result<Opened, Failure> {
    open_below(&host()?, id, record)
}

/// The root that the machine's first process sees. Where nobody may look at that one, it is ours.
fn host() -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    open("/proc/1/root", flags, Mode::empty()).or_else(|_| open("/", flags, Mode::empty()))
}

/// The first that is there, as the folders are ordered.
fn open_below(root: &OwnedFd, id: &[u8; 32], record: Record) -> Result<Opened, Failure> {
    let id = digits(id);
    let (folders, name) = match record {
        Record::DockerConfig => (DOCKER, format!("{id}/config.v2.json")),
        Record::DockerHost => (DOCKER, format!("{id}/hostconfig.json")),
        Record::ContainerdSpec => (CONTAINERD, format!("{id}/config.json")),
        Record::StorageSpec => (STORAGE, format!("{id}/userdata/config.json")),
        Record::StorageList => (STORAGE, "containers.json".to_owned()),
        Record::StorageVolatile => (STORAGE, "volatile-containers.json".to_owned()),
    };
    for folder in folders {
        match open_in(root, folder, &id, &name) {
            Err(Failure::Errno(Errno::NOENT | Errno::NOTDIR)) => {}
            other => return other,
        }
    }
    Err(Errno::NOENT.into())
}

fn open_in(root: &OwnedFd, folder: &str, id: &str, name: &str) -> Result<Opened, Failure> {
    let place = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let links = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let folder = openat2(root, folder, place, Mode::empty(), links)?;
    let none = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    // Of a list too: that of the storage which has this container.
    openat2(&folder, id, place, Mode::empty(), none)?;
    let path = openat2(&folder, name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), none)?;
    let stat = fstat(&path)?;
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    let is_roots = stat.st_uid == 0 && stat.st_mode & OTHERS_WRITE == 0;
    if !is_file || !is_roots {
        return Err(Errno::PERM.into());
    }
    if u64::try_from(stat.st_size).is_ok_and(|size| size > LARGEST) {
        return Err(Errno::FBIG.into());
    }
    Ok(Opened { fd: reopen(path.as_fd())?, file: None })
}

fn digits(id: &[u8; 32]) -> String {
    id.iter().fold(String::with_capacity(64), |mut text, byte| {
        // A string has room.
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};
    use std::path::{Path, PathBuf};

    use super::*;

    const ID: [u8; 32] = [0x3f; 32];

    fn name() -> String {
        "3f".repeat(32)
    }

    fn put(root: &Path, path: &str, text: &str) -> PathBuf {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn opened(root: &Path, record: Record) -> Result<String, Failure> {
        let root = open(root, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap();
        let opened = open_below(&root, &ID, record)?;
        assert_eq!(rustix::io::write(&opened.fd, b"x"), Err(Errno::BADF), "read-only");
        let mut text = String::new();
        fs::File::from(opened.fd).read_to_string(&mut text).unwrap();
        Ok(text)
    }

    fn absent() -> Result<String, Failure> {
        Err(Errno::NOENT.into())
    }

    #[test]
    fn each_record_has_its_place() {
        let root = tempfile::tempdir().unwrap();
        let (root, id) = (root.path(), name());
        for record in (1..).map_while(Record::from_number) {
            assert_eq!(opened(root, record), absent());
        }
        for (record, path) in [
            (Record::DockerConfig, format!("var/lib/docker/containers/{id}/config.v2.json")),
            (Record::DockerHost, format!("var/lib/docker/containers/{id}/hostconfig.json")),
            (
                Record::ContainerdSpec,
                format!("run/containerd/io.containerd.runtime.v2.task/k8s.io/{id}/config.json"),
            ),
            (
                Record::StorageSpec,
                format!("var/lib/containers/storage/overlay-containers/{id}/userdata/config.json"),
            ),
            (Record::StorageList, "var/lib/containers/storage/overlay-containers/containers.json".to_owned()),
            (
                Record::StorageVolatile,
                "var/lib/containers/storage/overlay-containers/volatile-containers.json".to_owned(),
            ),
        ] {
            put(root, &path, &path);
            assert_eq!(opened(root, record).as_deref(), Ok(&*path));
        }
    }

    #[test]
    fn a_list_is_that_of_the_storage_that_has_the_container() {
        let root = tempfile::tempdir().unwrap();
        let storage = "var/lib/containers/storage";
        put(root.path(), &format!("{storage}/overlay-containers/containers.json"), "other");
        assert_eq!(opened(root.path(), Record::StorageList), absent());
        put(root.path(), &format!("{storage}/vfs-containers/containers.json"), "its");
        fs::create_dir(root.path().join(format!("{storage}/vfs-containers/{}", name()))).unwrap();
        assert_eq!(opened(root.path(), Record::StorageList).as_deref(), Ok("its"));
    }

    #[test]
    fn what_is_not_roots_alone_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let folder = format!("var/lib/docker/containers/{}", name());
        let file = put(root.path(), &format!("{folder}/config.v2.json"), "{}");
        let refused = Err(Failure::Errno(Errno::PERM));
        for mode in [0o664, 0o646] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(opened(root.path(), Record::DockerConfig), refused, "{mode:o}");
        }
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(opened(root.path(), Record::DockerConfig).as_deref(), Ok("{}"));
        chown(&file, Some(1000), None).unwrap();
        assert_eq!(opened(root.path(), Record::DockerConfig), refused);
        fs::create_dir(root.path().join(&folder).join("hostconfig.json")).unwrap();
        assert_eq!(opened(root.path(), Record::DockerHost), refused);
        fs::remove_dir(root.path().join(&folder).join("hostconfig.json")).unwrap();
        let large = put(root.path(), &format!("{folder}/hostconfig.json"), "");
        fs::File::options().write(true).open(large).unwrap().set_len(LARGEST + 1).unwrap();
        assert_eq!(opened(root.path(), Record::DockerHost), Err(Failure::Errno(Errno::FBIG)));
    }

    /// Root may have put Docker's folder elsewhere; what is in it leads nowhere.
    #[test]
    fn links_lead_to_the_folder_and_not_on() {
        let root = tempfile::tempdir().unwrap();
        let (root, id) = (root.path(), name());
        put(root, &format!("data/docker/containers/{id}/config.v2.json"), "moved");
        put(root, "etc/shadow", "secret");
        fs::create_dir_all(root.join("var/lib")).unwrap();
        symlink("/data/docker", root.join("var/lib/docker")).unwrap();
        assert_eq!(opened(root, Record::DockerConfig).as_deref(), Ok("moved"));
        symlink("../../../../etc/shadow", root.join(format!("data/docker/containers/{id}/hostconfig.json")))
            .unwrap();
        assert_eq!(opened(root, Record::DockerHost), Err(Failure::Errno(Errno::LOOP)));
    }
}
