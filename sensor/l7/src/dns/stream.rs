//! Messages of the DNS over TCP: each has its length before it (RFC 1035, 4.2.2). Bytes come as calls have moved them: two of the length
//! alone, several messages at once, cut, with gaps. Who has lost his place says nothing until a call begins with a message and ends with it.
use super::{HEADER, Unread, header, parse};
use std::mem;

/// Bytes of a message that are kept.
pub const KEPT: usize = 4096;
/// Messages that are read out of what one call has moved.
pub const MESSAGES: usize = 64;

/// One direction of a connection.
#[derive(Debug, Default)]
pub struct Stream {
    /// Position of the next byte.
    at: u64,
    place: Place,
}

#[derive(Debug, Default)]
enum Place {
    #[default]
    Between,
    /// Behind the first byte of a length.
    Length(u8),
    Within(Part),
    Lost,
}

/// A message so far.
#[derive(Debug)]
struct Part {
    length: u16,
    seen: u16,
    /// The first of its bytes, as far as none is missing.
    bytes: Vec<u8>,
}

/// What is known after a call.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Messages that are over, and one that can be none: their first bytes, and how many they have.
    pub messages: Vec<(Vec<u8>, u32)>,
    /// Something was missed: from there on it is not known where messages begin.
    pub lost: bool,
}

impl Stream {
    /// Of a connection whose beginning was not seen.
    pub fn middle() -> Self {
        Self { at: 0, place: Place::Lost }
    }

    /// Takes what a call has moved: `length` bytes, of which these are the first.
    pub fn take(&mut self, position: u64, length: u32, bytes: &[u8]) -> Read {
        let mut read = Read::default();
        match position.checked_sub(self.at) {
            Some(gap) => self.skip(gap, &mut read),
            None => self.lose(&mut read),
        }
        self.at = position.saturating_add(u64::from(length));
        if matches!(self.place, Place::Lost) && is_message(bytes, length) {
            self.place = Place::Between;
        }
        let bytes = bytes.get(..length as usize).unwrap_or(bytes);
        self.feed(bytes, &mut read);
        self.skip(u64::from(length).saturating_sub(bytes.len() as u64), &mut read);
        read
    }

    fn lose(&mut self, read: &mut Read) {
        read.lost |= !matches!(self.place, Place::Lost);
        self.place = Place::Lost;
    }

    fn feed(&mut self, mut bytes: &[u8], read: &mut Read) {
        while let Some((&first, rest)) = bytes.split_first() {
            match &mut self.place {
                Place::Lost => return,
                Place::Between => (self.place, bytes) = (Place::Length(first), rest),
                Place::Length(high) => {
                    let length = u16::from_be_bytes([*high, first]);
                    self.place = Place::Within(Part { length, seen: 0, bytes: Vec::new() });
                    bytes = rest;
                    self.pass(0, &[], read);
                }
                Place::Within(part) => {
                    let count = usize::from(part.length - part.seen).min(bytes.len());
                    let (these, others) = bytes.split_at(count);
                    bytes = others;
                    self.pass(u16::try_from(count).unwrap_or(u16::MAX), these, read);
                }
            }
        }
    }

    /// So many bytes were not seen.
    fn skip(&mut self, mut count: u64, read: &mut Read) {
        while count > 0 {
            let Place::Within(part) = &self.place else { return self.lose(read) };
            let now = u16::try_from(count).unwrap_or(u16::MAX).min(part.length - part.seen);
            count -= u64::from(now);
            self.pass(now, &[], read);
        }
    }

    /// So many bytes of the message have passed, of which these were seen.
    fn pass(&mut self, count: u16, bytes: &[u8], read: &mut Read) {
        let Place::Within(part) = &mut self.place else { return };
        let before = part.bytes.len();
        if before == usize::from(part.seen) {
            part.bytes.extend(bytes.iter().take(KEPT - before));
        }
        part.seen = part.seen.saturating_add(count);
        let is_over = part.seen >= part.length;
        let is_header = before < HEADER && part.bytes.len() >= HEADER;
        let is_none = is_header && header(&part.bytes) == Err(Unread::Malformed);
        if !is_over && !is_none {
            return;
        }
        read.messages.push((mem::take(&mut part.bytes), part.length.into()));
        // Behind what is no message nothing is to be expected, and nothing is missed.
        let is_message = !is_none && usize::from(part.length) >= HEADER;
        self.place = if is_message { Place::Between } else { Place::Lost };
        if read.messages.len() >= MESSAGES {
            self.lose(read);
        }
    }
}

/// Is it one message and nothing else?
fn is_message(bytes: &[u8], length: u32) -> bool {
    let Some((told, message)) = bytes.split_first_chunk::<2>() else { return false };
    let told = u32::from(u16::from_be_bytes(*told));
    length.checked_sub(told) == Some(2) && parse(message, told).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A question for a name, with its length before it.
    fn framed(name: &str) -> Vec<u8> {
        let label = [&[u8::try_from(name.len()).unwrap()], name.as_bytes()].concat();
        let message = [&[0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &label, &[0, 0, 1, 0, 1]].concat();
        [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], &message].concat()
    }

    fn count(bytes: &[u8]) -> u32 {
        u32::try_from(bytes.len()).unwrap()
    }

    /// What is read of these pieces, one behind the other.
    fn read(pieces: &[&[u8]]) -> Read {
        let (mut stream, mut position, mut all) = (Stream::default(), 0, Read::default());
        for piece in pieces {
            let one = stream.take(position, count(piece), piece);
            position += piece.len() as u64;
            all.messages.extend(one.messages);
            all.lost |= one.lost;
        }
        all
    }

    fn whole(names: &[&str]) -> Read {
        let messages = names.iter().map(|name| framed(name)[2..].to_vec());
        Read { messages: messages.map(|message| (message.clone(), count(&message))).collect(), lost: false }
    }

    #[test]
    fn messages_are_found_however_calls_cut_them() {
        let (one, two) = (framed("one"), framed("two"));
        let both = [&one[..], &two].concat();
        assert_eq!(read(&[&both]), whole(&["one", "two"]));
        assert_eq!(read(&[&one[..2], &one[2..], &two]), whole(&["one", "two"]));
        assert_eq!(read(&[&both[..4], &both[4..one.len()], &both[one.len()..]]), whole(&["one", "two"]));
        let bytes: Vec<&[u8]> = both.chunks(1).collect();
        assert_eq!(read(&bytes), whole(&["one", "two"]));
    }

    #[test]
    fn what_is_cut_of_a_long_message_leaves_its_end_known() {
        let long = [&u16::to_be_bytes(10_000)[..], &framed("one")[2..], &[0; 10_000]].concat();
        let mut stream = Stream::default();
        let first = stream.take(0, 9_000, &long[..1024]);
        assert_eq!(first, Read::default());
        let end = stream.take(9_000, 1_002, &[]);
        let [(bytes, 10_000)] = end.messages.as_slice() else { panic!("{end:?}") };
        assert_eq!(bytes, &long[2..1024]);
        assert_eq!(stream.take(10_002, count(&framed("two")), &framed("two")), whole(&["two"]));
        let kept = read(&[&long[..10_002]]);
        assert_eq!((kept.messages[0].0.len(), kept.messages[0].1), (KEPT, 10_000));
    }

    #[test]
    fn who_has_lost_his_place_begins_again_with_a_call_that_is_a_message() {
        let one = framed("one");
        let mut stream = Stream::default();
        assert!(stream.take(0, 5_000, &one).lost, "beginnings of messages were not seen");
        assert_eq!(stream.take(5_000, count(&one[3..]), &one[3..]), Read::default());
        assert_eq!(stream.take(6_000, count(&one), &one), whole(&["one"]));
        assert!(stream.take(1, 1, &[0]).lost, "positions go on");
        let mut middle = Stream::middle();
        assert_eq!(middle.take(0, 100, &[b'x'; 100]), Read::default());
        assert_eq!(middle.take(100, count(&one), &one), whole(&["one"]));
    }

    #[test]
    fn what_is_no_message_comes_out_once() {
        let tls = b"\x16\x03\x01\x01\xfc\x01\x00\x01\xf8\x03\x03 and so on".as_slice();
        let found = read(&[tls, tls, tls]);
        assert_eq!((found.messages.len(), found.messages[0].1, found.lost), (1, 0x1603, false));
        assert_eq!(parse(&found.messages[0].0, found.messages[0].1), Err(Unread::Malformed));
        let zeroes = read(&[&[0; 4096]]);
        assert_eq!((zeroes.messages, zeroes.lost), (vec![(vec![], 0)], false));
        let many = read(&[&framed("x").repeat(100)]);
        assert_eq!((many.messages.len(), many.lost), (MESSAGES, true));
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_bounded_messages(
            parts in proptest::collection::vec((0_u64..9000, 0_u32..9000, proptest::collection::vec(any::<u8>(), 0..300)), 0..30)
        ) {
            let mut stream = Stream::default();
            for (position, length, bytes) in parts {
                let read = stream.take(position, length, &bytes);
                prop_assert!(read.messages.len() <= MESSAGES + 1);
                prop_assert!(read.messages.iter().all(|(bytes, length)| bytes.len() <= KEPT && bytes.len() <= *length as usize));
            }
        }
    }
}
