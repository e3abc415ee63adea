//! Files as the kernel half names them.
use guardbee_model::executable::FileId;
use rustix::fs::{Stat, major, minor};

/// The file that stat(2) told of.
pub(crate) fn of(stat: &Stat) -> FileId {
    let seconds = u64::try_from(stat.st_ctime).unwrap_or(0);
    FileId {
        device: major(stat.st_dev) << 20 | minor(stat.st_dev),
        inode: stat.st_ino,
        ctime_ns: seconds.saturating_mul(1_000_000_000).saturating_add(stat.st_ctime_nsec),
    }
}
