//! What is put in comes out, whatever is done to the bytes meanwhile is noticed, and secrets stay out.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

mod draw;

use draw::Draw;
use guardbee_model::{
    clock::{BootTime, WallOffset, WallTime},
    loss::Stage,
};
use guardbee_recording::{End, FRAME_BYTES, Head, Item, Progress, Reader, Secrets, Sight, Writer};
use proptest::prelude::*;

fn head(secrets: Secrets) -> Head {
    Head {
        secrets,
        node: "node".to_owned(),
        boot: "boot".to_owned(),
        instance: [1; 16],
        by: env!("CARGO_PKG_VERSION").to_owned(),
        begun: WallTime(5),
    }
}

/// A recording of `items`, with a frame's end after those that `cuts` names.
fn recorded(items: &[Item], cuts: &[bool]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &head(Secrets::Raw)).unwrap();
    for (item, cut) in items.iter().zip(cuts.iter().chain(std::iter::repeat(&false))) {
        writer.put(item).unwrap();
        if *cut {
            writer.cut().unwrap();
            assert!(writer.is_cut());
        }
    }
    assert_eq!(writer.losses(BootTime(1)), []);
    writer.finish().unwrap()
}

fn read(bytes: &[u8]) -> (Vec<Item>, End) {
    let mut reader = Reader::new(bytes).unwrap();
    let mut items = Vec::new();
    while let Some(item) = reader.next_item().unwrap() {
        items.push(item);
    }
    assert!(reader.at() <= bytes.len() as u64);
    (items, reader.end().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_put_in_comes_out(bytes in prop::collection::vec(any::<u8>(), 0..3000), cuts: Vec<bool>) {
        let items = Draw::new(&bytes).items();
        let recording = recorded(&items, &cuts);
        let (read, end) = read(&recording);
        prop_assert_eq!(&read, &items);
        prop_assert_eq!(end, End::Whole);
        // Shared things are shared again: as much memory as they took.
        let again = recorded(&read, &cuts);
        prop_assert_eq!(again, recording);
    }

    /// A killed writer leaves the frames before the last one.
    #[test]
    fn a_cut_recording_gives_its_whole_frames(
        bytes in prop::collection::vec(any::<u8>(), 100..2000),
        cut_at in any::<prop::sample::Index>(),
    ) {
        let items = Draw::new(&bytes).items();
        let recording = recorded(&items, &vec![true; items.len()]);
        let begin = recorded(&[], &[]).len();
        let length = begin + cut_at.index(recording.len() - begin);
        let (read, end) = read(&recording[..length]);
        prop_assert_eq!(&read, &items[..read.len()]);
        if length < recording.len() {
            prop_assert!(read.len() < items.len());
        }
        let whole = recorded(&read, &vec![true; read.len()]).len();
        prop_assert_eq!(end, if whole == length { End::Whole } else { End::Cut { at: whole as u64 } });
    }

    /// One wrong byte costs the frame that it is in, or all behind it; it never becomes an event.
    #[test]
    fn a_wrong_byte_is_a_loss(
        bytes in prop::collection::vec(any::<u8>(), 100..2000),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let items = Draw::new(&bytes).items();
        let mut recording = recorded(&items, &vec![true; items.len()]);
        let begin = recorded(&[], &[]).len();
        let at = begin + at.index(recording.len() - begin);
        recording[at] ^= 1 << bit;
        let (read, end) = read(&recording);
        let first_wrong = read.iter().zip(&items).position(|(read, item)| read != item).unwrap_or(read.len());
        match read.get(first_wrong) {
            Some(Item::Loss(loss)) => {
                prop_assert_eq!((loss.stage, loss.cause, loss.count), (Stage::Recording, "frame_damaged", 1));
                prop_assert_eq!(&read[first_wrong + 1..], &items[first_wrong + 1..]);
                prop_assert_eq!(end, End::Whole);
            }
            Some(other) => prop_assert!(false, "{other:?}"),
            None => prop_assert!(matches!(end, End::Damaged { .. } | End::Cut { .. }), "{end:?}"),
        }
    }

    #[test]
    fn any_bytes_are_read_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        let mut all = recorded(&[], &[]);
        all.extend_from_slice(&bytes);
        read(&all);
        prop_assert!(Reader::new(bytes.as_slice()).is_err());
    }
}

#[test]
fn progress_follows_whole_frames() {
    let items = Draw::new(&(0..2000_u32).map(|n| (n * 7 % 251) as u8).collect::<Vec<_>>()).items();
    let recording = recorded(&items, &vec![true; items.len()]);
    let mut progress = Progress::default();
    for length in [0, 20, recording.len() / 3, recording.len() - 1, recording.len()] {
        progress.follow(&mut std::io::Cursor::new(&recording[..length])).unwrap();
        let whole = if length < 100 { 0 } else { read(&recording[..length]).0.len() };
        assert_eq!(progress.items, whole as u64, "{length}");
    }
    assert_eq!(progress.last, items.iter().map(Item::time).max().unwrap());
    assert!(Progress::default().follow(&mut std::io::Cursor::new(vec![b'x'; 5000])).is_err());
}

#[test]
fn an_item_larger_than_a_frame_is_counted() {
    let huge = Sight { observed: vec!["exec"; 256], ..Sight::default() };
    let mut writer = Writer::new(Vec::new(), &head(Secrets::Redacted)).unwrap();
    writer.put(&Item::Sight(huge.clone())).unwrap();
    let mut observation = match &Draw::new(&[3, 1, 3, 9]).items()[0] {
        Item::Observation(one) => (**one).clone(),
        other => panic!("{other:?}"),
    };
    let mut process = match &Draw::new(&[3, 1, 3, 9, 1, 1]).items()[0] {
        Item::Observation(one) => one.process.as_deref().cloned().unwrap(),
        other => panic!("{other:?}"),
    };
    process.exe = vec![b'x'; FRAME_BYTES].into();
    observation.process = Some(process.into());
    writer.put(&Item::Observation(observation.into())).unwrap();
    let after = Item::Time(BootTime(9), WallOffset(9));
    writer.put(&after).unwrap();
    let [loss] = writer.losses(BootTime(10))[..] else { panic!("one loss") };
    assert_eq!((loss.cause, loss.count), ("item_too_large", 1));
    assert_eq!(read(&writer.finish().unwrap()), (vec![Item::Sight(huge), after], End::Whole));
}

#[test]
fn a_frame_is_small_beside_what_it_holds() {
    let bytes: Vec<u8> = (0..200_000_u32).map(|n| (n * 31 % 241) as u8).collect();
    let items = Draw::new(&bytes).items();
    let recording = recorded(&items, &[]);
    assert!(recording.len() < bytes.len(), "{} items, {} bytes", items.len(), recording.len());
}
