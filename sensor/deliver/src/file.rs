//! Lines appended to a file: each whole or not at all, found again after rotation.
use crate::Error;
use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// A file of lines, such as findings in OCSF.
#[derive(Debug)]
pub struct Lines {
    path: PathBuf,
    file: Option<File>,
}

impl Lines {
    /// Opens or makes the file, readable by its owner only. Where a writer was killed within a line, that line is ended:
    /// what comes must not be joined to it.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        let mut file = open(&path)?;
        if is_cut(&path) {
            whole(&mut file, b"\n").map_err(|source| Error::Write { path: path.clone(), source })?;
        }
        Ok(Self { path, file: Some(file) })
    }

    /// Appends lines in one write; the last ends in a line feed too. After an error nothing of them is in the file, and the
    /// next call tries the file anew: count them as lost.
    pub fn append(&mut self, lines: &[u8]) -> Result<(), Error> {
        let mut file = match self.file.take() {
            Some(file) if still_at(&file, &self.path) => file,
            _ => open(&self.path)?,
        };
        whole(&mut file, lines).map_err(|source| Error::Write { path: self.path.clone(), source })?;
        self.file = Some(file);
        Ok(())
    }
}

fn open(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(|source| Error::Write { path: path.into(), source })
}

/// Whether its last line has no end. What can't be read, or is no file, is taken as it is.
fn is_cut(path: &Path) -> bool {
    let last = || {
        let mut file = File::open(path)?;
        if !file.metadata()?.is_file() {
            return Ok(*b"\n");
        }
        file.seek(SeekFrom::End(-1))?;
        let mut byte = [0];
        file.read_exact(&mut byte)?;
        io::Result::Ok(byte)
    };
    last().is_ok_and(|byte| byte != *b"\n")
}

/// Whether the path still leads to this file: rotation renames or removes it.
fn still_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(ours), Ok(now)) => (ours.dev(), ours.ino()) == (now.dev(), now.ino()),
        _ => false,
    }
}

/// One write; where the disk took a part only, that part is taken back.
fn whole(file: &mut File, line: &[u8]) -> io::Result<()> {
    let before = file.metadata()?.len();
    match file.write(line) {
        Ok(written) if written == line.len() => Ok(()),
        Ok(_) => {
            file.set_len(before)?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn appends_and_follows_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("findings.jsonl");
        std::fs::write(&path, "old\n").unwrap();
        let mut lines = Lines::open(&path).unwrap();
        lines.append(b"one\n").unwrap();
        std::fs::rename(&path, folder.path().join("findings.jsonl.1")).unwrap();
        lines.append(b"two\n").unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("findings.jsonl.1")).unwrap(), "old\none\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_line_that_was_cut_stays_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        for (before, after) in [("one\nha", "one\nha\ntwo\n"), ("one\n", "one\ntwo\n"), ("", "two\n")] {
            std::fs::write(&path, before).unwrap();
            Lines::open(&path).unwrap().append(b"two\n").unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
        }
    }

    #[test]
    fn a_full_disk_leaves_no_part_of_a_line() {
        let mut lines = Lines::open("/dev/full").unwrap();
        let error = lines.append(b"x\n").unwrap_err().to_string();
        assert_eq!(
            error,
            "write /dev/full: No space left on device (os error 28); check its folder, owner and free space"
        );
    }

    #[test]
    fn a_missing_folder_is_named_and_writing_goes_on_when_it_comes() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        let mut lines = Lines::open(inner.join("f")).unwrap();
        std::fs::remove_dir_all(&inner).unwrap();
        assert!(lines.append(b"lost\n").unwrap_err().to_string().contains("inner/f: No such file"));
        std::fs::create_dir(&inner).unwrap();
        lines.append(b"kept\n").unwrap();
        assert_eq!(std::fs::read_to_string(inner.join("f")).unwrap(), "kept\n");
    }
}
