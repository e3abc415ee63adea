//! A message of the DNS: its length, which may be more than there is of it, and its bytes; and the same bytes as a stream of messages, cut.
#![no_main]

use guardbee_l7::dns::{
    self,
    stream::{KEPT, MESSAGES, Stream},
};
use guardbee_model::dns::{code_name, code_named, type_name, type_named};
use libfuzzer_sys::fuzz_target;

/// Bytes of a name, each escaped by at most four.
const NAME: usize = 4 * 255;
const RECORDS: usize = 32;
const DATA: usize = 512;

fuzz_target!(|data: &[u8]| {
    let Some((more, bytes)) = data.split_first() else { return };
    streamed(usize::from(*more), bytes);
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).saturating_add(u32::from(*more));
    let Ok(message) = dns::parse(bytes, length) else { return };
    let (name, registered) = (&message.question.name, &message.question.registered);
    assert!(!name.is_empty() && name.len() <= NAME);
    assert!(name.to_ascii_lowercase().ends_with(registered), "{message:?}");
    assert_eq!(type_named(&type_name(message.question.kind)), Some(message.question.kind));
    let Some(answer) = message.answer else { return };
    assert_eq!(code_named(&code_name(answer.code)), Some(answer.code));
    assert!(answer.records.len() <= RECORDS);
    assert!(answer.records.iter().all(|record| record.data.len() <= DATA), "{answer:?}");
});

/// However calls cut it: the messages are the same.
fn streamed(size: usize, bytes: &[u8]) {
    let (mut cut, mut whole, mut position, mut messages) = (Stream::default(), Stream::default(), 0, Vec::new());
    for piece in bytes.chunks(size.max(1)) {
        let length = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        messages.extend(cut.take(position, length, piece).messages);
        position += u64::from(length);
    }
    let read = whole.take(0, u32::try_from(bytes.len()).unwrap_or(u32::MAX), bytes);
    assert!(read.messages.iter().all(|(bytes, length)| bytes.len() <= KEPT && bytes.len() <= *length as usize));
    assert!(read.messages.len() <= MESSAGES);
    assert_eq!(messages.get(..read.messages.len()), Some(&*read.messages));
}
