//! Databases as `SQLite` itself writes them (Python's, which is a copy of it), with their write-ahead logs, and broken ones.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]

use guardbee_enrich::packages::sqlite::{Database, File, Unreadable};
use proptest::prelude::*;
use std::{path::Path, process::Command};

/// Makes `db` and `db-wal` in a folder, as they are while a writer has them open: of argv the page size and how many rows there
/// are before and after the log begins.
const MAKE: &str = r#"
import os, shutil, sqlite3, sys
folder, page, before, after = sys.argv[1], *map(int, sys.argv[2:])
at = os.path.join(folder, "open")
db = sqlite3.connect(at, isolation_level=None)
db.execute(f"PRAGMA page_size = {page}")
for n in range(40):
    db.execute(f"CREATE TABLE Other{n} (a TEXT, b BLOB)")
db.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
db.execute("PRAGMA synchronous = OFF")
def put(n, bytes_of_row=None):
    content = bytes((n * 7 + i) % 251 for i in range(n * n * 3 if bytes_of_row is None else bytes_of_row))
    db.execute("INSERT INTO Packages VALUES (?, ?)", (n, content))
for n in range(before):
    put(n)
db.execute("PRAGMA journal_mode = WAL")
db.execute("PRAGMA wal_autocheckpoint = 0")
for n in range(before, after):
    put(n)
db.execute("BEGIN")
put(9999, 10)
db.execute("ROLLBACK")
for end in ("", "-wal"):
    if os.path.exists(at + end):
        shutil.copy(at + end, os.path.join(folder, "db" + end))
"#;

struct Bytes(Vec<u8>);

impl File for Bytes {
    fn read(&mut self, at: u64, to: &mut [u8]) -> bool {
        let at = usize::try_from(at).unwrap();
        let Some(found) = at.checked_add(to.len()).and_then(|end| self.0.get(at..end)) else { return false };
        to.copy_from_slice(found);
        true
    }
}

fn make(folder: &Path, page: usize, before: usize, after: usize) -> (Vec<u8>, Vec<u8>) {
    let numbers = [page, before, after].map(|number| number.to_string());
    let done = Command::new("python3").args(["-c", MAKE]).arg(folder).args(numbers).status().unwrap();
    assert!(done.success());
    (std::fs::read(folder.join("db")).unwrap(), std::fs::read(folder.join("db-wal")).unwrap_or_default())
}

fn read(file: &[u8], log: &[u8]) -> Result<Vec<Vec<u8>>, Unreadable> {
    let mut rows = Vec::new();
    let log = (!log.is_empty()).then(|| Bytes(log.to_vec()));
    let mut database = Database::open(Bytes(file.to_vec()), file.len() as u64, log)?;
    database.blobs("Packages", |row| rows.push(row.to_vec()))?;
    Ok(rows)
}

fn written(rows: usize) -> Vec<Vec<u8>> {
    let row = |n: usize| (0..n * n * 3).map(|i| u8::try_from((n * 7 + i) % 251).unwrap()).collect();
    (0..rows).map(row).collect()
}

#[test]
fn rows_as_they_were_written() {
    for (page, before, after) in
        [(512, 60, 60), (4096, 100, 100), (4096, 30, 90), (65_536, 10, 120), (4096, 0, 0)]
    {
        let folder = tempfile::tempdir().unwrap();
        let (file, log) = make(folder.path(), page, before, after);
        assert_eq!(log.is_empty(), before == after, "{page}");
        assert!(read(&file, &log).unwrap() == written(after), "pages of {page}, {before} and {after} rows");
        if before < after {
            assert!(read(&file, &[]).unwrap() == written(before), "without the log");
            // Its last commit is not whole: those before are.
            let cut = read(&file, &log[..log.len() - page]).unwrap();
            assert!((before..after).contains(&cut.len()), "{}", cut.len());
            assert!(cut == written(cut.len()));
        }
    }
}

#[test]
fn what_is_no_database_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = make(folder.path(), 512, 3, 3);
    let why = |file: &[u8]| read(file, &[]).unwrap_err().0;
    assert!(why(b"").contains("no SQLite database"));
    assert!(why(&file[..1024]).contains("less than it says"), "{}", why(&file[..1024]));
    let mut wrong = file.clone();
    wrong[16] = 3;
    assert!(why(&wrong).contains("page size"));
    let mut database = Database::open(Bytes(file.clone()), file.len() as u64, None).unwrap();
    assert_eq!(database.blobs("Nothing", |_| ()), Err(Unreadable("it has no such table")));
}

#[test]
fn any_bytes_come_to_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let (file, log) = make(folder.path(), 512, 20, 30);
    let change = (any::<prop::sample::Index>(), any::<u8>());
    proptest!(|(changes in proptest::collection::vec(change, 1..40), in_log in any::<bool>())| {
        let (mut file, mut log) = (file.clone(), log.clone());
        let bytes = if in_log { &mut log } else { &mut file };
        for (at, byte) in changes {
            // Most of a database are rows: its first bytes of a page say where they are.
            let at = at.index(bytes.len());
            let at = if byte % 2 == 0 { at } else { at / 512 * 512 + at % 12 };
            bytes[at] = byte;
        }
        read(&file, &log).ok();
    });
}
