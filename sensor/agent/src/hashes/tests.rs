//! Budgets, queues, and what becomes of files that never end or never open.
use super::*;
use crate::identity;
use guardbee_model::executable::Sha256;
use rustix::fs::{CWD, Mode, mkfifoat, stat};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

fn users() -> Want {
    Want { key: ProcessKey::default(), thing: guardbee_enrich::Thing::Passwd }
}

fn file(inode: u64, size_bytes: u64) -> File {
    File { inode, size_bytes, ..File::default() }
}

/// Nothing is opened until the sender says which file it is, or is dropped.
fn hashes() -> (Hashes, Sender<PathBuf>, BootTime) {
    let (paths, next) = bounded::<PathBuf>(WAITING);
    let open: Open = Arc::new(move |_, _| {
        let path = next.recv().map_err(|_| Error::Refused(Status::Gone, 0))?;
        if path.as_os_str() == "late" {
            return Err(Error::Refused(Status::Late, 0));
        }
        Opened::open(path).map_err(Error::Io)
    });
    let hashes = Hashes::start(open).unwrap();
    let now = hashes.moved;
    (hashes, paths, now)
}

/// Why it isn't to be read.
fn want(hashes: &mut Hashes, file: &File, now: BootTime) -> Result<(), NotHashed> {
    hashes.want((ProcessKey::default(), 1), file, now)
}

fn next(hashes: &mut Hashes, now: BootTime) -> Done {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(done) = hashes.answer(now) {
            return done;
        }
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
}

fn next_hash(hashes: &mut Hashes, now: BootTime) -> Hash {
    let Done::Hash(_, hash) = next(hashes, now) else { panic!("no hash") };
    hash
}

fn told(hashes: &mut Hashes, now: BootTime) -> Vec<(&'static str, u64)> {
    hashes.losses(now).iter().map(|loss| (loss.cause, loss.count)).collect()
}

#[test]
fn what_is_over_the_budget_is_refused_and_counted() {
    let (mut hashes, _opened, now) = hashes();
    assert_eq!(want(&mut hashes, &file(1, LARGEST), now), Ok(()));
    assert_eq!(want(&mut hashes, &file(1, LARGEST), now), Ok(()), "asked for already");
    assert_eq!(want(&mut hashes, &file(2, 1), now), Err(NotHashed::Budget));
    assert_eq!(want(&mut hashes, &file(3, LARGEST + 1), now), Err(NotHashed::TooLarge));
    let later = BootTime(now.0 + SECOND_NS);
    assert_eq!(want(&mut hashes, &file(2, BYTES_PER_SECOND), later), Ok(()));
    assert_eq!(want(&mut hashes, &file(4, 1), later), Err(NotHashed::Budget));
    assert_eq!(told(&mut hashes, later), [("hash_budget", 2), ("hash_too_large", 1)]);
}

#[test]
fn a_full_queue_refuses() {
    let (mut hashes, opened, now) = hashes();
    for inode in 1..=WAITING as u64 {
        assert_eq!(want(&mut hashes, &file(inode, 0), now), Ok(()));
    }
    assert_eq!(want(&mut hashes, &file(1000, 0), now), Err(NotHashed::Budget));
    for _ in 0..=WAITING {
        hashes.want_users(users(), now);
    }
    assert_eq!(told(&mut hashes, now), [("hash_budget", 1), ("questions_full", 1)]);
    drop(opened);
    (0..WAITING * 2).for_each(|_| drop(next(&mut hashes, now)));
    assert!(hashes.is_idle());
    assert_eq!(want(&mut hashes, &file(1000, 0), now), Ok(()));
}

#[test]
fn a_file_that_never_ends_holds_up_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let (pipe, plain) = (folder.path().join("pipe"), folder.path().join("plain"));
    mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR).unwrap();
    std::fs::write(&plain, "plain").unwrap();
    let writer = std::fs::File::options().read(true).write(true).open(&pipe).unwrap();
    let (mut hashes, opened, now) = hashes();
    for path in [&pipe, &plain] {
        let FileId { device, inode, ctime_ns } = identity::of(&stat(path).unwrap());
        let file = File { device, inode, ctime_ns, size_bytes: 5, ..File::default() };
        assert_eq!(want(&mut hashes, &file, now), Ok(()));
        opened.send(path.clone()).unwrap();
    }
    assert!(hashes.answer(BootTime(now.0 + STUCK_NS - 1)).is_none());
    assert_eq!(hashes.readers, 1);
    let later = BootTime(now.0 + STUCK_NS);
    assert!(hashes.answer(later).is_none());
    assert_eq!((hashes.readers, told(&mut hashes, later)), (2, vec![("reader_stuck", 1)]));
    assert!(next_hash(&mut hashes, later).sha256().is_some());
    drop(writer);
    assert_eq!(next_hash(&mut hashes, later), Hash::Not(NotHashed::Changed));
}

#[test]
fn a_device_that_kept_us_waiting_is_left_alone() {
    let (mut hashes, opened, now) = hashes();
    let on = |device, inode| File { device, ..file(inode, 1) };
    assert_eq!(want(&mut hashes, &on(7, 1), now), Ok(()));
    opened.send("late".into()).unwrap();
    assert_eq!(next_hash(&mut hashes, now), Hash::Not(NotHashed::Stuck));
    assert_eq!(want(&mut hashes, &on(7, 2), now), Err(NotHashed::Stuck));
    assert_eq!(want(&mut hashes, &on(8, 2), now), Ok(()));
    hashes.want_users(users(), now);
    (0..2).for_each(|_| opened.send("late".into()).unwrap());
    (0..2).for_each(|_| drop(next(&mut hashes, now)));
    let mut causes = told(&mut hashes, now);
    causes.sort_unstable();
    assert_eq!(causes, [("hash_stuck", 3), ("users_stuck", 1)]);
    let later = BootTime(now.0 + 3600 * SECOND_NS);
    assert_eq!(want(&mut hashes, &on(7, 2), later), Ok(()));
}

#[test]
fn passwd_files_are_read_as_far_as_anybody_would() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("passwd");
    std::fs::write(&path, vec![b'x'; (2 << 20) + 1]).unwrap();
    let (mut hashes, opened, now) = hashes();
    hashes.want_users(users(), now);
    opened.send(path).unwrap();
    let Done::Users(want, Ok(bytes)) = next(&mut hashes, now) else { panic!("it was not read") };
    assert_eq!((want, bytes.len()), (users(), 1 << 20));
}

#[test]
fn what_a_rule_could_not_see_is_counted() {
    let (mut hashes, _opened, now) = hashes();
    let hash = Sha256([0; 32]);
    for why in NotHashed::ALL.map(Hash::Not).into_iter().chain([Hash::Unknown, Hash::Sha256(hash.into())]) {
        hashes.unseen(&why);
    }
    let mut causes = told(&mut hashes, now);
    causes.sort_unstable();
    let expected = [("hash_changed", 1), ("hash_gone", 1), ("hash_late", 2), ("hash_unreadable", 1)];
    assert_eq!(causes, expected);
}

#[test]
fn nobody_waits_for_long() {
    let (mut hashes, _opened, now) = hashes();
    let asked = BootTime(now.0 + 1000);
    let at = |after| BootTime(asked.0 + after);
    assert_eq!(hashes.held_until(at(5), at(5)), at(5));
    assert_eq!(want(&mut hashes, &file(1, 1), asked), Ok(()));
    assert!(hashes.is_awaited(file(1, 1).id(), at(5)));
    assert_eq!(hashes.held_until(at(5), at(5)), BootTime(asked.0 - 1));
    assert_eq!(hashes.held_until(BootTime(3), at(5)), BootTime(3));
    assert_eq!(hashes.held_until(at(5), at(PATIENCE_NS)), at(5));
    assert!(!hashes.is_idle());
    assert!(!hashes.is_awaited(file(1, 1).id(), at(PATIENCE_NS)), "not again by the next one");
}
