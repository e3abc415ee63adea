//! Package databases: any bytes are packages and paths that make sense, or are left out. The first byte says in whose form.
#![no_main]

use guardbee_enrich::packages::{
    Catalogue, apk,
    dpkg::{self, Diversions},
    rpm::Header,
};
use guardbee_model::executable::{FileId, Package};
use libfuzzer_sys::fuzz_target;

/// `PATH_MAX`.
const PATH: usize = 4096;

fuzz_target!(|data: &[u8]| {
    let Some((form, data)) = data.split_first() else { return };
    let mut catalogue = Catalogue::default();
    let mut last = None;
    match form % 3 {
        0 => rpm(data, &mut catalogue, &mut last),
        1 => {
            for entry in apk::entries(data) {
                match entry {
                    apk::Entry::Package(name) => catalogue.package(&name),
                    apk::Entry::Path(path) => take(&path, &mut catalogue, &mut last),
                }
            }
        }
        _ => {
            let diversions = Diversions::parse(data);
            if let Some(name) = dpkg::package(data) {
                catalogue.package(name);
            }
            catalogue.package(b"x");
            for path in dpkg::paths(data) {
                take(diversions.place(b"x", path), &mut catalogue, &mut last);
            }
        }
    }
    let packages = catalogue.finish();
    let [names, _, paths, left_out] = packages.counts();
    assert!(packages.memory_bytes() >= paths * 8);
    if let (Some((file, path)), true) = (last, names > 0 && left_out == 0) {
        assert!(paths == 0 || packages.owner(file, &path) != Package::None, "{path:?} is listed");
    }
});

fn rpm(data: &[u8], catalogue: &mut Catalogue, last: &mut Option<(FileId, Vec<u8>)>) {
    let Some(header) = Header::parse(data) else { return };
    let Some(name) = header.name() else { return };
    catalogue.package(name);
    header.paths(|path| match path {
        Some(path) => {
            assert!(path.len() <= PATH);
            take(path, catalogue, last);
        }
        None => catalogue.leave_out(),
    });
}

/// Every path is another file.
fn take(path: &[u8], catalogue: &mut Catalogue, last: &mut Option<(FileId, Vec<u8>)>) {
    assert!(path.starts_with(b"/"));
    let inode = last.as_ref().map_or(1, |(file, _): &(FileId, _)| file.inode + 1);
    let file = FileId { device: 1, inode, ctime_ns: 1 };
    catalogue.path(path, Some(file));
    *last = Some((file, path.to_vec()));
}
