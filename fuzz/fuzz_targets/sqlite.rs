//! rpm's database: any bytes are rows, or there is a reason why not. The first two say how much of the rest is the log.
#![no_main]

use guardbee_enrich::packages::{
    rpm::Header,
    sqlite::{Database, File},
};
use libfuzzer_sys::fuzz_target;

struct Bytes<'a>(&'a [u8]);

impl File for Bytes<'_> {
    fn read(&mut self, at: u64, to: &mut [u8]) -> bool {
        let at = usize::try_from(at).expect("64 bits");
        let Some(found) = at.checked_add(to.len()).and_then(|end| self.0.get(at..end)) else { return false };
        to.copy_from_slice(found);
        true
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((log, rest)) = data.split_first_chunk() else { return };
    let (log, file) = rest.split_at(usize::from(u16::from_le_bytes(*log)).min(rest.len()));
    let log = (!log.is_empty()).then_some(Bytes(log));
    let Ok(mut database) = Database::open(Bytes(file), file.len() as u64, log) else { return };
    let whole = database.blobs("Packages", |row| {
        assert!(row.len() <= data.len(), "a page is read once");
        if let Some(header) = Header::parse(row) {
            header.paths(|_| ());
        }
    });
    assert!(whole.is_ok() || whole.is_err_and(|why| !why.0.is_empty()));
});
