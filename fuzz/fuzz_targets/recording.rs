//! Recordings: any bytes end, and what comes out of them goes in again and comes out the same.
//!
//! Bytes that are no recording are taken as what a frame holds: its checksums are made right, so that the items are reached.
#![no_main]

use flate2::{Compression, Crc, write::DeflateEncoder};
use guardbee_recording::{FRAME_BYTES, Head, Item, Reader, Secrets, Writer};
use libfuzzer_sys::fuzz_target;
use std::io::Write as _;

/// Items of one input.
const ITEMS: usize = 20_000;

fuzz_target!(|data: &[u8]| {
    if Reader::new(data).is_ok() {
        check(data);
    } else if let Some((items, raw)) = data.split_first_chunk() {
        check(&framed(u16::from_le_bytes(*items).into(), raw));
    }
});

fn check(recording: &[u8]) {
    let items = read(recording);
    let head = Head { secrets: Secrets::Raw, ..Head::default() };
    let mut writer = Writer::new(Vec::new(), &head).expect("memory takes it");
    for item in &items {
        writer.put(item).expect("memory takes it");
        assert!(!format!("{item:?}").is_empty());
    }
    let again = writer.finish().expect("memory takes it");
    assert_eq!(read(&again), items);
}

fn read(recording: &[u8]) -> Vec<Item> {
    let mut reader = Reader::new(recording).expect("it has a head");
    let mut items = Vec::new();
    while let Some(item) = reader.next_item().expect("memory can be read") {
        items.push(item);
        if items.len() == ITEMS {
            return items;
        }
    }
    assert!(reader.end().is_some() && reader.at() <= recording.len() as u64);
    items
}

fn framed(items: u32, raw: &[u8]) -> Vec<u8> {
    let writer = Writer::new(Vec::new(), &Head::default()).expect("memory takes it");
    let mut all = writer.finish().expect("memory takes it");
    let raw = &raw[..raw.len().min(FRAME_BYTES)];
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(raw).expect("memory takes it");
    let packed = packed.finish().expect("memory takes it");
    let word = |number: usize| u32::try_from(number).expect("short").to_le_bytes();
    let times = [0; 16];
    let sum = |bytes: &[u8]| {
        let mut crc = Crc::new();
        crc.update(bytes);
        crc.sum().to_le_bytes()
    };
    let parts = [items.to_le_bytes(), word(packed.len()), word(raw.len())].concat();
    let header = [b"GBFR".as_slice(), &parts, &times, &sum(&packed)].concat();
    all.extend_from_slice(&header);
    all.extend_from_slice(&sum(&header));
    all.extend_from_slice(&packed);
    all
}
