//! The thread that reads executables and passwd files, through descriptors that the loader has had opened.
use super::{Done, Ends, Job, Work};
use crate::{
    identity,
    rpc::{Error, Target},
};
use guardbee_model::{
    executable::{FileId, Hash, NotHashed, Sha256},
    process::ProcessKey,
};
use guardbee_wire::{Status, Thing};
use rustix::fs::{fstat, fstatfs};
use sha2::Digest as _;
use std::{fs::File, io::Read as _, sync::Arc};

/// Read at once.
const CHUNK: usize = 128 << 10;
/// Of a passwd file; its content is the workload's.
const USERS_BYTES: u64 = 1 << 20;
/// `BTRFS_SUPER_MAGIC` and `OVERLAYFS_SUPER_MAGIC` (magic.h): stat gives another device than the kernel's own `s_dev`.
const OWN_DEVICES: [u32; 2] = [0x9123_683e, 0x794c_7630];

/// Reads what is asked for, until nobody asks any more.
pub(super) fn serve(ends: &Ends) {
    let mut chunk = vec![0; CHUNK];
    for work in &ends.work {
        let done = match work {
            Work::Hash(job) => {
                let opened = (ends.open)(target(job.process), Thing::Exe).map_err(|error| why(&error));
                let hash = opened.and_then(|file| hash(file, &job, &mut chunk));
                Done::Hash(job.file, hash.map_or_else(Hash::Not, |hash| Hash::Sha256(Arc::new(hash))))
            }
            Work::Users(want) => {
                let opened = (ends.open)(target(want.key), Thing::Passwd);
                Done::Users(want, opened.and_then(|file| content(file).map_err(Error::Io)))
            }
        };
        // No more answers than questions wait: there is room, or nobody is there.
        if ends.done.send(done).is_err() {
            return;
        }
    }
}

fn target(process: ProcessKey) -> Target {
    Target { tgid: process.tgid, start_ns: process.start.0 }
}

fn why(error: &Error) -> NotHashed {
    match error {
        Error::Refused(Status::Gone, _) => NotHashed::Gone,
        Error::Refused(Status::Late, _) => NotHashed::Stuck,
        // Too many that others serve wait to be opened.
        Error::Refused(Status::Busy, _) => NotHashed::Budget,
        _ => NotHashed::Unreadable,
    }
}

fn content(file: File) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(USERS_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn hash(mut file: File, job: &Job, chunk: &mut [u8]) -> Result<Sha256, NotHashed> {
    let unreadable = |_| NotHashed::Unreadable;
    let before = fstat(&file).map_err(unreadable)?;
    if !is(&file, identity::of(&before), job.file) {
        return Err(NotHashed::Gone);
    }
    let mut read = 0_u64;
    let mut sum = sha2::Sha256::new();
    loop {
        let length = file.read(chunk).map_err(|_| NotHashed::Unreadable)?;
        read += length as u64;
        if read > job.size_bytes {
            return Err(NotHashed::Changed);
        }
        match chunk.get(..length) {
            None | Some([]) => break,
            Some(bytes) => sum.update(bytes),
        }
    }
    let after = fstat(&file).map_err(unreadable)?;
    if read != job.size_bytes || identity::of(&after).ctime_ns != job.file.ctime_ns {
        return Err(NotHashed::Changed);
    }
    Ok(Sha256(sum.finalize().into()))
}

/// Whether this is the file that was executed, as it was then.
fn is(file: &File, found: FileId, wanted: FileId) -> bool {
    let own_device = || {
        fstatfs(file).is_ok_and(|system| {
            OWN_DEVICES.iter().any(|magic| u64::try_from(system.f_type) == Ok(u64::from(*magic)))
        })
    };
    FileId { device: wanted.device, ..found } == wanted && (found.device == wanted.device || own_device())
}

#[cfg(test)]
mod tests {
    use super::*;
    use guardbee_model::process::ProcessKey;
    use std::{io::Write as _, path::Path};

    fn job(path: &Path) -> Job {
        let stat = rustix::fs::stat(path).unwrap();
        Job {
            process: ProcessKey::default(),
            file: identity::of(&stat),
            size_bytes: stat.st_size.try_into().unwrap(),
        }
    }

    #[test]
    fn as_sha256sum_has_it() {
        let exe = std::env::current_exe().unwrap();
        let told = std::process::Command::new("sha256sum").arg(&exe).output().unwrap().stdout;
        let told = String::from_utf8(told).unwrap();
        let hash = hash(File::open(&exe).unwrap(), &job(&exe), &mut vec![0; CHUNK]).unwrap();
        assert_eq!(Some(hash.to_string().as_str()), told.split(' ').next());
    }

    #[test]
    fn another_file_and_another_content_are_no_answer() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        std::fs::write(&one, "one").unwrap();
        std::fs::write(&two, "two").unwrap();
        let was = job(&one);
        let hashed = |path: &Path, job: &Job| hash(File::open(path).unwrap(), job, &mut [0; 2]);
        assert!(hashed(&one, &was).is_ok());
        assert_eq!(hashed(&two, &was), Err(NotHashed::Gone));
        for size_bytes in [2, 4] {
            let other = Job { size_bytes, ..was };
            assert_eq!(hashed(&one, &other), Err(NotHashed::Changed), "no more is read than is paid for");
        }
        // Until the clock that files are stamped by has gone on.
        while job(&one).file == was.file {
            std::fs::OpenOptions::new().append(true).open(&one).unwrap().write_all(b"!").unwrap();
        }
        assert_eq!(hashed(&one, &was), Err(NotHashed::Gone));
    }

    #[test]
    fn answers_come_in_order_and_the_thread_ends() {
        let (send, work) = crossbeam_channel::bounded(2);
        let (done, answers) = crossbeam_channel::bounded(2);
        let one = FileId { device: 1, inode: 1, ctime_ns: 1 };
        for tgid in [1, 2] {
            let process = ProcessKey { tgid, ..ProcessKey::default() };
            send.send(Work::Hash(Job { process, file: one, size_bytes: 1 })).unwrap();
        }
        drop(send);
        let open = |target: Target, _| match target.tgid {
            1 => Err(Error::Refused(Status::Late, 0)),
            _ => File::open("/proc/self/exe").map_err(Error::Io),
        };
        serve(&Ends { work, done, open: Arc::new(open) });
        let got: Vec<_> = answers.try_iter().map(|done| format!("{done:?}")).collect();
        let expected = [NotHashed::Stuck, NotHashed::Gone].map(|why| Done::Hash(one, Hash::Not(why)));
        assert_eq!(got, expected.map(|done| format!("{done:?}")));
    }
}
