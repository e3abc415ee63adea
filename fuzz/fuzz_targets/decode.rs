//! Records of the kernel half: whatever a ring or an iterator holds becomes an event or an error with a name.
#![no_main]

use guardbee_capture::{decode, read_iterator};
use guardbee_model::{
    event::{Body, Event, Exec},
    loss::{LossCounter, Stage},
    text,
};
use guardbee_wire::EventHeader;
use libfuzzer_sys::fuzz_target;
use std::mem::offset_of;

/// Of an iterator, in one run.
const LIMIT: usize = 1 << 20;

fuzz_target!(|data: &[u8]| {
    record(data);
    // Most mutations break the length first: what is behind it must be reached all the same.
    let mut framed = data.to_vec();
    framed.truncate(data.len() / 8 * 8);
    let at = offset_of!(EventHeader, size);
    let size = u32::try_from(framed.len()).unwrap_or(u32::MAX).to_ne_bytes();
    if let Some(field) = framed.get_mut(at..at + size.len()) {
        field.copy_from_slice(&size);
        record(&framed);
    }

    let (mut events, mut losses) = (Vec::new(), LossCounter::new(Stage::Capture));
    match read_iterator(data, LIMIT, &mut events, &mut losses) {
        Ok(()) => events.iter().for_each(|event| bounded(event, data)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let words: usize = decode::words(data).map(|word| word.len()).sum();
    assert!(words <= data.len());
    assert_eq!(text::unescape(&text::escape(data)), data);
});

fn record(bytes: &[u8]) {
    let source = decode::source(bytes);
    match decode::record(bytes) {
        Ok(event) => {
            assert!(source.is_some(), "an event without a number in a sequence");
            bounded(&event, bytes);
        }
        Err(error) => assert!(!error.cause().is_empty() && !error.kind().is_empty()),
    }
}

/// An event owns no more than there was.
fn bounded(event: &Event, record: &[u8]) {
    let owned = match &event.body {
        Body::Data(data) => {
            assert!(data.bytes.len() as u64 <= u64::from(data.length));
            assert!(data.position.checked_add(data.length.into()).is_some());
            data.bytes.len()
        }
        Body::Exec(exec) | Body::Process(exec) => strings(exec),
        Body::File(file) => file.path.len() + file.source.len(),
        Body::Fork(fork) => fork.comm.len() + fork.cgroup.len() + fork.unified.len(),
        _ => 0,
    };
    assert!(owned <= record.len(), "{owned} bytes out of {}", record.len());
}

fn strings(exec: &Exec) -> usize {
    let fixed = [&exec.exe, &exec.filename, &exec.cwd, &exec.comm, &exec.cgroup];
    let words = exec.args.words.iter().map(|word| word.len()).sum::<usize>();
    assert!(exec.args.truncated || words <= exec.args.total_bytes as usize);
    fixed.iter().map(|string| string.len()).sum::<usize>() + words
}
