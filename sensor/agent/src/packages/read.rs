//! What the databases list, and which files that is.
use crate::identity;
use guardbee_enrich::packages::{
    Catalogue, Packages,
    apk::{self, Entry},
    dpkg::{self, Diversions},
    rpm::Header,
    sqlite::{self, Database, Unreadable},
};
use guardbee_model::executable::FileId;
use rustix::{
    fs::{FileType, lstat, stat},
    io::Errno,
};
use std::{
    collections::HashMap,
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read as _},
    os::unix::{ffi::OsStrExt as _, fs::FileExt as _},
    path::{Path, PathBuf},
};

/// Of one file of a database.
const FILE_BYTES: u64 = 64 << 20;
/// Folders whose real path is remembered while databases are read.
const FOLDERS_KNOWN: usize = 1 << 16;
/// Where no programs lie, but most of what packages bring.
const NO_PROGRAMS: [&[u8]; 3] = [b"/usr/share/doc/", b"/usr/share/man/", b"/usr/share/locale/"];

const DPKG: [&str; 3] = ["var/lib/dpkg/info", "var/lib/dpkg/status", "var/lib/dpkg/diversions"];
const APK: [&str; 2] = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];
const RPM: [&str; 2] = ["usr/lib/sysimage/rpm/rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite"];
/// What is not in the database yet.
const LOGS: [&str; 2] = ["usr/lib/sysimage/rpm/rpmdb.sqlite-wal", "var/lib/rpm/rpmdb.sqlite-wal"];
/// Databases of rpm in forms that are not read (Berkeley DB, ndb): whatever is in them is left out.
const UNREAD: [&str; 3] =
    ["var/lib/rpm/Packages", "var/lib/rpm/Packages.db", "usr/lib/sysimage/rpm/Packages.db"];

/// Where the databases and what they list lie.
pub(super) struct Root {
    pub(super) path: PathBuf,
}

impl Root {
    pub(super) fn at(&self, path: &[u8]) -> PathBuf {
        self.path.join(OsStr::from_bytes(path.strip_prefix(b"/").unwrap_or(path)))
    }

    /// What changes with the databases; empty: there are none.
    pub(super) fn stamp(&self) -> Vec<FileId> {
        let parts =
            DPKG.into_iter().chain(APK).chain(RPM).chain(LOGS).chain(UNREAD).map(|part| self.path.join(part));
        parts.filter_map(|part| stat(part).ok().map(|stat| identity::of(&stat))).collect()
    }

    pub(super) fn read(&self) -> Packages {
        let mut reading = Reading {
            root: self,
            owner: stat(&self.path).map_or(0, |stat| stat.st_uid),
            folders: HashMap::new(),
            catalogue: Catalogue::default(),
        };
        reading.dpkg();
        reading.apk();
        reading.rpm();
        reading.catalogue.finish()
    }
}

/// Databases while they are read. What can't be is left out, which is counted: then nothing is said to be of no package.
struct Reading<'a> {
    root: &'a Root,
    /// Who owns the system's files.
    owner: u32,
    /// Where folders really lie: lists have some by the names of links, such as `/bin`.
    folders: HashMap<Box<[u8]>, Box<[u8]>>,
    catalogue: Catalogue,
}

impl Reading<'_> {
    fn dpkg(&mut self) {
        let entries = match fs::read_dir(self.root.at(b"var/lib/dpkg/info")) {
            Ok(entries) => entries,
            Err(error) => return self.missing(&error),
        };
        let diversions = self.part(&self.root.at(b"var/lib/dpkg/diversions")).unwrap_or_default();
        let diversions = Diversions::parse(&diversions);
        (0..diversions.left_out).for_each(|_| self.catalogue.leave_out());
        for entry in entries {
            let Ok(entry) = entry else {
                self.catalogue.leave_out();
                continue;
            };
            let file_name = entry.file_name();
            let Some(package) = dpkg::package(file_name.as_bytes()) else { continue };
            let Some(list) = self.part(&entry.path()) else { continue };
            self.catalogue.package(package);
            for path in dpkg::paths(&list) {
                self.add(diversions.place(package, path));
            }
        }
    }

    fn apk(&mut self) {
        let Some(list) = APK.iter().find_map(|part| self.part(&self.root.path.join(part))) else { return };
        for entry in apk::entries(&list) {
            match entry {
                Entry::Package(name) => self.catalogue.package(&name),
                Entry::Path(path) => self.add(&path),
            }
        }
    }

    fn rpm(&mut self) {
        for part in UNREAD {
            if !stat(self.root.path.join(part)).is_err_and(|error| error == Errno::NOENT) {
                self.catalogue.leave_out();
            }
        }
        // One may be a link to the other's folder.
        for (part, log) in RPM.into_iter().zip(LOGS) {
            match File::open(self.root.path.join(part)) {
                Ok(file) => {
                    let log = File::open(self.root.path.join(log));
                    let log = log.map_err(|error| self.missing(&error)).ok();
                    if self.headers(file, log).is_err() {
                        self.catalogue.leave_out();
                    }
                    return;
                }
                Err(error) => self.missing(&error),
            }
        }
    }

    fn headers(&mut self, file: File, log: Option<File>) -> Result<(), Unreadable> {
        let bytes = file.metadata().map_or(0, |known| known.len());
        let mut database = Database::open(At(file), bytes, log.map(At))?;
        database.blobs("Packages", |blob| {
            let header = Header::parse(blob);
            let Some((header, name)) = header.and_then(|header| Some((header, header.name()?))) else {
                return self.catalogue.leave_out();
            };
            self.catalogue.package(name);
            header.paths(|path| match path {
                Some(path) => self.add(path),
                None => self.catalogue.leave_out(),
            });
        })
    }

    /// A file of a database, if it is there.
    fn part(&mut self, path: &Path) -> Option<Vec<u8>> {
        match content(path) {
            Ok(content) => Some(content),
            Err(error) => {
                self.missing(&error);
                None
            }
        }
    }

    /// What isn't there lists nothing; what can't be read might.
    fn missing(&mut self, error: &io::Error) {
        if error.kind() != io::ErrorKind::NotFound {
            self.catalogue.leave_out();
        }
    }

    fn add(&mut self, path: &[u8]) {
        if NO_PROGRAMS.iter().any(|folder| path.starts_with(folder)) {
            return self.catalogue.path(path, None);
        }
        let path = self.real(path);
        let file = self.program(&path);
        self.catalogue.path(&path, file);
    }

    /// The path that the kernel would name.
    fn real(&mut self, path: &[u8]) -> Vec<u8> {
        let Some(slash) = path.iter().rposition(|&byte| byte == b'/') else { return path.to_vec() };
        let (folder, name) = path.split_at(slash);
        if let Some(real) = self.folders.get(folder) {
            return [real, name].concat();
        }
        let real = fs::canonicalize(self.root.at(folder)).ok();
        let below = real.as_ref().and_then(|real| real.strip_prefix(&self.root.path).ok());
        let real = match below.map(|below| below.as_os_str().as_bytes()) {
            Some(b"") => Box::default(),
            Some(below) => [b"/", below].concat().into(),
            None => Box::from(folder),
        };
        let path = [&*real, name].concat();
        if self.folders.len() < FOLDERS_KNOWN {
            self.folders.insert(folder.into(), real);
        }
        path
    }

    /// The file, if it can be executed. What a link leads to is another's path; and what others may write to, or have put where a
    /// package's file was, is nobody's word.
    fn program(&self, path: &[u8]) -> Option<FileId> {
        let stat = lstat(self.root.at(path)).ok()?;
        let executable = stat.st_mode & 0o111 != 0;
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        let system = stat.st_uid == self.owner && stat.st_mode & 0o022 == 0;
        (regular && executable && system).then(|| identity::of(&stat))
    }
}

/// A part of the database.
struct At(File);

impl sqlite::File for At {
    fn read(&mut self, at: u64, to: &mut [u8]) -> bool {
        self.0.read_exact_at(to, at).is_ok()
    }
}

/// A file, whole or not at all.
fn content(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use guardbee_model::executable::Package;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    pub(in super::super) fn root(folder: &Path, files: &[(&str, &str)]) -> Root {
        for (path, text) in files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            let mode = if text.is_empty() { 0o755 } else { 0o644 };
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        Root { path: folder.canonicalize().unwrap() }
    }

    pub(in super::super) fn owner(root: &Root, packages: &Packages, path: &str) -> Package {
        let stat = stat(root.at(path.as_bytes())).unwrap();
        packages.owner(identity::of(&stat), path.as_bytes())
    }

    pub(in super::super) fn named(name: &str) -> Package {
        Package::Named(name.into())
    }

    #[test]
    fn dpkg_with_merged_folders_and_diversions() {
        let folder = tempfile::tempdir().unwrap();
        let root = root(
            folder.path(),
            &[
                ("usr/bin/ls", ""),
                ("usr/bin/perf", ""),
                ("usr/bin/perf.wrapper", ""),
                ("usr/bin/stray", ""),
                ("usr/bin/data", "no program"),
                ("usr/bin/open", ""),
                ("usr/lib/tool/run", ""),
                ("var/lib/dpkg/status", "x"),
                ("var/lib/dpkg/diversions", "/usr/bin/perf\n/usr/bin/perf.wrapper\nlinux-perf\n"),
                ("var/lib/dpkg/info/coreutils.list", "/.\n/bin\n/bin/ls\n/usr/bin/data\n/bin/open\n"),
                ("var/lib/dpkg/info/tool.list", "/usr/share/doc/tool\n/usr/libexec/tool/run\n"),
                ("var/lib/dpkg/info/linux-base:all.list", "/usr/bin/perf\n"),
                ("var/lib/dpkg/info/linux-perf.list", "/usr/bin/perf\n"),
            ],
        );
        symlink("usr/bin", folder.path().join("bin")).unwrap();
        symlink("lib", folder.path().join("usr/libexec")).unwrap();
        let open = fs::Permissions::from_mode(0o777);
        fs::set_permissions(folder.path().join("usr/bin/open"), open).unwrap();
        let packages = root.read();
        assert_eq!(owner(&root, &packages, "/usr/bin/ls"), named("coreutils"));
        assert_eq!(owner(&root, &packages, "/usr/bin/perf"), named("linux-perf"));
        assert_eq!(owner(&root, &packages, "/usr/bin/perf.wrapper"), named("linux-base"));
        assert_eq!(owner(&root, &packages, "/usr/bin/stray"), Package::None);
        assert_eq!(owner(&root, &packages, "/usr/bin/data"), Package::Unknown, "it was no program then");
        assert_eq!(owner(&root, &packages, "/usr/bin/open"), Package::Unknown, "anybody may have written it");
        assert_eq!(
            owner(&root, &packages, "/usr/lib/tool/run"),
            named("tool"),
            "below a link that is no root folder's"
        );
        assert_eq!(packages.counts(), [4, 4, 8, 0]);
    }

    #[test]
    fn with_a_list_that_cannot_be_read_nothing_is_nobodys() {
        let folder = tempfile::tempdir().unwrap();
        let root = root(
            folder.path(),
            &[("usr/bin/new", ""), ("var/lib/dpkg/status", "x"), ("var/lib/dpkg/info/a.list/x", "x")],
        );
        let packages = root.read();
        assert_eq!(packages.counts()[3], 1);
        assert_eq!(owner(&root, &packages, "/usr/bin/new"), Package::Unknown);
        fs::remove_dir_all(root.at(b"var/lib/dpkg/info")).unwrap();
        fs::write(root.at(b"var/lib/dpkg/info"), "no folder").unwrap();
        assert_eq!(owner(&root, &root.read(), "/usr/bin/new"), Package::Unknown);
    }

    #[test]
    fn apk() {
        let folder = tempfile::tempdir().unwrap();
        let root = root(
            folder.path(),
            &[
                ("bin/busybox", ""),
                ("bin/stray", ""),
                ("lib/apk/db/installed", "P:busybox\nF:bin\nR:busybox\n"),
            ],
        );
        let packages = root.read();
        assert_eq!(owner(&root, &packages, "/bin/busybox"), named("busybox"));
        assert_eq!(owner(&root, &packages, "/bin/stray"), Package::None);
    }

    #[test]
    fn beside_a_database_in_another_form_nothing_is_nobodys() {
        let folder = tempfile::tempdir().unwrap();
        let root = root(
            folder.path(),
            &[
                ("usr/bin/dpkg", ""),
                ("usr/bin/rpm", ""),
                ("var/lib/dpkg/info/dpkg.list", "/usr/bin/dpkg\n"),
                ("var/lib/rpm/Packages.db", "x"),
            ],
        );
        let packages = root.read();
        assert_eq!(owner(&root, &packages, "/usr/bin/dpkg"), named("dpkg"));
        assert_eq!(owner(&root, &packages, "/usr/bin/rpm"), Package::Unknown);
    }
}
