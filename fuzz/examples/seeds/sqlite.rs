//! Databases as `SQLite` itself writes them (Python's, which is a copy of it), with and without a log, with rows of rpm's form.
use super::{Seeds, packages};
use std::{error::Error, fs, process::Command};

/// Of argv a folder, the page size, rows before and after the log begins, and a header.
const MAKE: &str = r#"
import os, shutil, sqlite3, sys
folder, page, before, after = sys.argv[1], *map(int, sys.argv[2:5])
header = bytes.fromhex(sys.argv[5])
at = os.path.join(folder, "open")
db = sqlite3.connect(at, isolation_level=None)
db.execute(f"PRAGMA page_size = {page}")
db.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
put = lambda n: db.execute("INSERT INTO Packages VALUES (?, ?)", (n, header + bytes(n * n * 20)))
for n in range(before):
    put(n)
db.execute("PRAGMA journal_mode = WAL")
db.execute("PRAGMA wal_autocheckpoint = 0")
for n in range(before, after):
    put(n)
for end in ("", "-wal"):
    to = os.path.join(folder, "db" + end)
    if os.path.exists(at + end):
        shutil.copy(at + end, to)
    else:
        open(to, "w").close()
"#;

pub(crate) fn seeds() -> Result<Seeds, Box<dyn Error>> {
    let header: String = packages::header().iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = std::env::temp_dir().join(format!("guardbee-seeds-{}", std::process::id()));
    let mut seeds = Seeds::new();
    for (name, numbers) in
        [("rows", [512, 8, 8]), ("log", [512, 3, 9]), ("large-pages", [4096, 5, 5]), ("none", [512, 0, 0])]
    {
        fs::create_dir(&folder)?;
        let numbers = numbers.map(|number: u32| number.to_string());
        let done =
            Command::new("python3").args(["-c", MAKE]).arg(&folder).args(numbers).arg(&header).status()?;
        let (file, log) = (fs::read(folder.join("db"))?, fs::read(folder.join("db-wal"))?);
        fs::remove_dir_all(&folder)?;
        if !done.success() {
            return Err("python3 has not made the database".into());
        }
        let seed = |log: &[u8], file: &[u8]| -> Result<Vec<u8>, Box<dyn Error>> {
            Ok([&u16::try_from(log.len())?.to_le_bytes(), log, file].concat())
        };
        seeds.push((name.to_owned(), seed(&log, &file)?));
        seeds.push((format!("{name}-cut"), seed(&log, &file[..file.len() / 2])?));
    }
    Ok(seeds)
}
