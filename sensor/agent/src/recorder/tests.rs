//! The recorder, with a folder and without room.
use super::*;
use crate::replay::{Replay, Source};
use guardbee_model::{event::Exit, watch::Selection};
use guardbee_recording::{End, Reader};
use std::{fs, path::Path};

fn observation(sequence: u64) -> Arc<Observation> {
    let (time, action) = (BootTime(sequence * 1_000_000), Action::Exit(Exit { code: 7 }));
    Arc::new(Observation { time, action, process: None, ancestors: Arc::default(), link: None, sequence })
}

fn sight_of(since: u64) -> Sight {
    Sight { since: BootTime(since), observed: vec!["exit"], ..Sight::default() }
}

fn journal(folder: &Path, quota: u64) -> Journal {
    Journal::open(folder, quota, Head::default()).unwrap()
}

fn bytes(folder: &Path) -> u64 {
    folder.read_dir().unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

/// What replaying the folder gives: events, and times in which nothing was recorded.
fn played(folder: &Path) -> (u64, usize) {
    let replay = std::cell::RefCell::new(Replay::new(Arc::default()));
    let source = Source::find(folder).unwrap();
    let begin = &mut |head: &Head| replay.borrow_mut().begin(head);
    source.play(begin, &mut |item, _| replay.borrow_mut().item(&item)).unwrap();
    let outcome = replay.into_inner().finish();
    (outcome.events, outcome.seen.holes(&["exit"], &Selection::default()).len())
}

#[test]
fn a_journal_stays_within_its_quota_and_has_no_gaps() {
    let folder = tempfile::tempdir().unwrap();
    let quota = 64 << 10;
    let mut journal = journal(folder.path(), quota);
    journal.put(&Item::Time(BootTime(1), WallOffset(0))).unwrap();
    journal.put(&Item::Sight(sight_of(1))).unwrap();
    for round in 0..4000_u64 {
        for one in 0..20 {
            journal.put(&Item::Observation(observation(round * 1000 + one * 37))).unwrap();
        }
        journal.put(&Item::Time(BootTime((round + 1) * 1_000_000_000), WallOffset(0))).unwrap();
        journal.cut().unwrap();
        assert!(bytes(folder.path()) <= quota, "{} in round {round}", bytes(folder.path()));
    }
    assert!(bytes(folder.path()) > quota / 2 && journal.number > 20);
    let (events, holes) = played(folder.path());
    assert!(events > 1000 && holes == 0, "{events} events, {holes} holes");
    // Another run: what was there counts, and goes on.
    let before = journal.number;
    drop(journal);
    let again = Journal::open(folder.path(), quota, Head { instance: [1; 16], ..Head::default() }).unwrap();
    assert_eq!(again.number, before);
}

/// What was cut is there, whatever becomes of the process.
#[test]
fn a_killed_journal_has_its_whole_frames() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = journal(folder.path(), 1 << 20);
    for round in 1..=3_u64 {
        journal.put(&Item::Time(BootTime(round), WallOffset(0))).unwrap();
        journal.put(&Item::Observation(observation(round))).unwrap();
        journal.cut().unwrap();
    }
    journal.put(&Item::Observation(observation(4))).unwrap();
    // As a kill does: nothing is written any more. Of the last write only a part was done.
    let (path, _) = journal.current.as_ref().unwrap();
    let whole = fs::read(path).unwrap();
    fs::write(path, &whole[..whole.len() - 3]).unwrap();
    assert_eq!(played(folder.path()).0, 2);
}

#[test]
fn a_folder_that_is_gone_is_a_counted_loss() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = journal(folder.path(), 1 << 20);
    drop(folder);
    assert!(journal.put(&Item::Observation(observation(1))).is_err());
    assert!(journal.put(&Item::Observation(observation(2))).is_ok(), "not tried again at once");
    let [loss] = &journal.losses(BootTime(9))[..] else { panic!("one loss") };
    assert_eq!((loss.cause, loss.count), ("journal_broken", 1));
}

fn read(bytes: &[u8]) -> Vec<Item> {
    let mut reader = Reader::new(bytes).unwrap();
    let mut items = Vec::new();
    while let Some(item) = reader.next_item().unwrap() {
        items.push(item);
    }
    assert_eq!(reader.end(), Some(End::Whole));
    items
}

#[test]
fn what_the_core_gives_is_written_and_what_finds_no_room_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.gbrec");
    let to = Writer::new(File::create(&path).unwrap(), &Head::default()).unwrap();
    let mut recorder = Recorder::start(To::Stream(Box::new(to))).unwrap();
    recorder.sight(sight_of(1), WallOffset(5));
    recorder.observation(&observation(1));
    assert_eq!(recorder.turn(BootTime(10), WallOffset(5)), []);
    // More than may be on its way, in one turn.
    let many = PENDING_BYTES / OBSERVATION + 1;
    for number in 0..many as u64 {
        recorder.observation(&observation(number));
    }
    let told = recorder.turn(BootTime(20), WallOffset(5));
    let [loss] = &told[..] else { panic!("{told:?}") };
    assert_eq!((loss.stage, loss.cause, loss.count), (Stage::Recording, "recorder_full", many as u64));
    recorder.observation(&observation(2));
    assert_eq!(recorder.turn(BootTime(30), WallOffset(5)), []);
    assert_eq!(recorder.pending.load(Ordering::Relaxed) % OBSERVATION, 0);
    recorder.finish();
    let right = [
        Item::Time(BootTime(1), WallOffset(5)),
        Item::Sight(sight_of(1)),
        Item::Observation(observation(1)),
        Item::Time(BootTime(10), WallOffset(5)),
        Item::Loss(*loss),
        Item::Observation(observation(2)),
        Item::Time(BootTime(30), WallOffset(5)),
    ];
    assert_eq!(read(&fs::read(&path).unwrap()), right);
}
