//! The thread that reads executables, through descriptors that the loader opened.
use super::{Job, Opened};
use crate::identity;
use crossbeam_channel::{Receiver, Sender};
use guardbee_model::executable::{FileId, Hash, NotHashed, Sha256};
use rustix::fs::{fstat, fstatfs};
use sha2::Digest as _;
use std::{fs::File, io::Read as _, sync::Arc};

/// Read at once.
const CHUNK: usize = 128 << 10;
/// `BTRFS_SUPER_MAGIC` and `OVERLAYFS_SUPER_MAGIC` (magic.h): stat gives another device than the kernel's own `s_dev`.
const OWN_DEVICES: [u32; 2] = [0x9123_683e, 0x794c_7630];

/// Hashes what comes, until nobody sends any more.
pub(super) fn serve(files: &Receiver<Opened>, answered: &Sender<(FileId, Hash)>) {
    let mut chunk = vec![0; CHUNK];
    for (job, opened) in files {
        let hash = match opened.and_then(|file| hash(file, &job, &mut chunk)) {
            Ok(hash) => Hash::Sha256(Arc::new(hash)),
            Err(why) => Hash::Not(why),
        };
        // No more answers than questions wait: there is room, or nobody is there.
        if answered.send((job.file, hash)).is_err() {
            return;
        }
    }
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
        let (send, files) = crossbeam_channel::bounded(2);
        let (answered, answers) = crossbeam_channel::bounded(2);
        let one = FileId { device: 1, inode: 1, ctime_ns: 1 };
        let job = Job { process: ProcessKey::default(), file: one, size_bytes: 1 };
        send.send((job, Err(NotHashed::Gone))).unwrap();
        send.send((job, File::open("/proc/self/exe").map_err(|_| NotHashed::Unreadable))).unwrap();
        drop(send);
        serve(&files, &answered);
        let got: Vec<_> = answers.try_iter().collect();
        assert_eq!(got, [(one, Hash::Not(NotHashed::Gone)), (one, Hash::Not(NotHashed::Gone))]);
    }
}
