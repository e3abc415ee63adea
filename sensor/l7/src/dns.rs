//! Messages of the DNS: RFC 1035, 4. Total, bounded: a name has 255 bytes, and a pointer leads back.
pub mod stream;

use guardbee_model::dns::{Answer, Question, Record};
use std::{
    io::Write as _,
    net::{Ipv4Addr, Ipv6Addr},
};

/// Records of an answer that are kept.
const RECORDS: usize = 32;
/// Bytes of a record's data, as text.
const DATA: usize = 512;
/// Of a name, with the lengths of its labels: RFC 1035, 2.3.4.
const NAME: usize = 255;

/// `OPCODE`: inverse query, status, notify, update, stateful operations.
const OTHERS: [u16; 5] = [1, 2, 4, 5, 6];
const HEADER: usize = 12;
const POINTER: u8 = 0xc0;

/// Why a message says nothing that we could tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// Not even the header is there.
    Short,
    /// No standard query and no answer to one, but one of IANA's operations.
    OtherOperation,
    /// It asks for nothing.
    NoQuestion,
    /// It is no message of the DNS, or breaks off before the end of its question.
    Malformed,
}

/// A question, or its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What the two have in common.
    pub id: u16,
    /// What is asked for: an answer repeats it.
    pub question: Question,
    /// [`None`]: it is a question.
    pub answer: Option<Answer>,
    /// For so many seconds all records of the answer hold: the least of their times to live. Of none 0.
    pub ttl: u32,
}

/// Reads a message of `length` bytes, of which these are the first.
pub fn parse(bytes: &[u8], length: u32) -> Result<Message, Unread> {
    let (id, flags, answers) = header(bytes)?;
    let (name, at) = name(bytes, HEADER).ok_or(Unread::Malformed)?;
    let (kind, class) =
        (two(bytes, at).ok_or(Unread::Malformed)?, two(bytes, at + 2).ok_or(Unread::Malformed)?);
    let registered = registered(&name);
    let question = Question { name, registered, kind, class };
    let is_answer = flags & 0x8000 != 0;
    let mut ttl = 0;
    let answer = is_answer.then(|| {
        let (records, least, whole) = records(bytes, at + 4, answers);
        ttl = least.unwrap_or(0);
        let truncated = flags & 0x0200 != 0;
        let cut =
            !whole || truncated || (length as usize > bytes.len() && records.len() < usize::from(answers));
        Answer { code: u8::try_from(flags & 0xf).unwrap_or(0), records, cut }
    });
    Ok(Message { id, question, answer, ttl })
}

/// Id, flags and how many records there are, of a question or its answer.
fn header(bytes: &[u8]) -> Result<(u16, u16, u16), Unread> {
    let word = |at| two(bytes, at).ok_or(Unread::Short);
    let (id, flags, questions, answers) = (word(0)?, word(2)?, word(4)?, word(6)?);
    word(HEADER - 2)?;
    match (flags >> 11 & 0xf, questions) {
        (0, 1) => Ok((id, flags, answers)),
        (0, 0) => Err(Unread::NoQuestion),
        // No server answers several at once: RFC 9619.
        (0, _) => Err(Unread::Malformed),
        (operation, _) if OTHERS.contains(&operation) => Err(Unread::OtherOperation),
        _ => Err(Unread::Malformed),
    }
}

/// The part that somebody registered, lower case: one label more than the public suffix. Empty: there is none, as of `localhost`.
fn registered(name: &[u8]) -> Box<[u8]> {
    let lower = name.to_ascii_lowercase();
    psl::domain(&lower).map(|domain| domain.as_bytes().into()).unwrap_or_default()
}

fn two(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A name and where what follows it begins. Pointers lead back only, so that it ends.
fn name(bytes: &[u8], begin: usize) -> Option<(Box<[u8]>, usize)> {
    let (mut text, mut at, mut next, mut used, mut before) = (Vec::new(), begin, None, 1, begin);
    loop {
        let length = *bytes.get(at)?;
        match length & POINTER {
            POINTER => {
                let target = usize::from(two(bytes, at)? & 0x3fff);
                next.get_or_insert(at + 2);
                if target >= before {
                    return None;
                }
                (at, before) = (target, target);
            }
            0 if length == 0 => break,
            0 => {
                let label = bytes.get(at + 1..at + 1 + usize::from(length))?;
                used += label.len() + 1;
                if used > NAME {
                    return None;
                }
                if !text.is_empty() {
                    text.push(b'.');
                }
                for byte in label {
                    escape(*byte, b".\\", &mut text);
                }
                at += label.len() + 1;
            }
            _ => return None,
        }
    }
    if text.is_empty() {
        text.push(b'.');
    }
    Some((text.into(), next.unwrap_or(at + 1)))
}

/// As zone files have it: RFC 1035, 5.1.
fn escape(byte: u8, marked: &[u8], text: &mut Vec<u8>) {
    if marked.contains(&byte) {
        text.extend([b'\\', byte]);
    } else if byte.is_ascii_graphic() {
        text.push(byte);
    } else {
        // Writing to memory can't fail.
        drop(write!(text, "\\{byte:03}"));
    }
}

/// Records, the least of their times to live, and whether all that were told of are there.
fn records(bytes: &[u8], mut at: usize, told: u16) -> (Box<[Record]>, Option<u32>, bool) {
    let (mut records, mut least) = (Vec::new(), None);
    for _ in 0..usize::from(told).min(RECORDS) {
        match record(bytes, at) {
            Some((record, ttl, next)) => {
                records.push(record);
                least = Some(least.map_or(ttl, |least: u32| least.min(ttl)));
                at = next;
            }
            None => break,
        }
    }
    let whole = records.len() == usize::from(told);
    (records.into(), least, whole)
}

/// A record, its time to live and where the next one begins.
fn record(bytes: &[u8], at: usize) -> Option<(Record, u32, usize)> {
    let (_, at) = name(bytes, at)?;
    let kind = two(bytes, at)?;
    // Of which the first bit says nothing: RFC 2181, 8.
    let ttl = u32::from_be_bytes(*bytes.get(at + 4..)?.first_chunk()?);
    let ttl = if ttl > i32::MAX.cast_unsigned() { 0 } else { ttl };
    let begin = at + 10;
    let end = begin + usize::from(two(bytes, at + 8)?);
    let raw = bytes.get(begin..end)?;
    let mut data = data(bytes, kind, begin, raw).unwrap_or_else(|| generic(raw));
    data.truncate(DATA);
    Some((Record { kind, data: data.into() }, ttl, end))
}

/// [`None`]: of no type whose form is known, or not of that form.
fn data(bytes: &[u8], kind: u16, begin: usize, raw: &[u8]) -> Option<Vec<u8>> {
    let name_at = |at| name(bytes, at).map(|(name, _)| name.into_vec());
    let number = |at| two(raw, at);
    Some(match kind {
        1 => Ipv4Addr::from(*raw.as_array::<4>()?).to_string().into_bytes(),
        28 => Ipv6Addr::from(*raw.as_array::<16>()?).to_string().into_bytes(),
        // NS, CNAME, PTR, DNAME.
        2 | 5 | 12 | 39 => name_at(begin)?,
        // MX: preference; SRV: priority, weight, port. Then a name.
        15 => [format!("{} ", number(0)?).into_bytes(), name_at(begin + 2)?].concat(),
        33 => {
            let numbers = format!("{} {} {} ", number(0)?, number(2)?, number(4)?);
            [numbers.into_bytes(), name_at(begin + 6)?].concat()
        }
        // TXT, SPF.
        16 | 99 => texts(raw)?,
        _ => return None,
    })
}

/// Strings that are told by their lengths, one behind the other as those who use them read them.
fn texts(mut raw: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    while let [length, rest @ ..] = raw {
        let (one, rest) = rest.split_at_checked(usize::from(*length))?;
        for byte in one {
            if *byte == b' ' { text.push(b' ') } else { escape(*byte, b"\\", &mut text) }
        }
        raw = rest;
    }
    Some(text)
}

/// Of an unknown type: RFC 3597, 5.
fn generic(raw: &[u8]) -> Vec<u8> {
    let mut text = format!("\\# {}", raw.len()).into_bytes();
    if !raw.is_empty() {
        text.push(b' ');
    }
    for byte in raw.iter().take(DATA) {
        drop(write!(text, "{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::str;

    /// A message with one question for `name`, whose labels are told by their lengths.
    fn message(flags: u16, counts: [u16; 2], name: &[u8], rest: &[u8]) -> Vec<u8> {
        let [questions, answers] = counts;
        let header: Vec<u8> =
            [7, flags, questions, answers, 0, 0].into_iter().flat_map(u16::to_be_bytes).collect();
        [&header, name, &[0, 1, 0, 1], rest].concat()
    }

    fn read(bytes: &[u8]) -> Result<Message, Unread> {
        parse(bytes, u32::try_from(bytes.len()).unwrap())
    }

    const NAME_OF: &[u8] = b"\x03wWw\x07example\x02co\x02uk\0";

    #[test]
    fn a_question_has_its_name_and_who_registered_it() {
        let message = read(&message(0x0100, [1, 0], NAME_OF, &[])).unwrap();
        assert_eq!((message.id, message.answer), (7, None));
        let Question { name, registered, kind, class } = message.question;
        assert_eq!((&*name, &*registered), (&b"wWw.example.co.uk"[..], &b"example.co.uk"[..]));
        assert_eq!((kind, class), (1, 1));
    }

    #[test]
    fn names_that_are_no_host_names_are_escaped() {
        let odd = read(&message(0, [1, 0], b"\x05a.b\\\xff\x01 \0", &[])).unwrap();
        assert_eq!(&*odd.question.name, b"a\\.b\\\\\\255.\\032");
        let root = read(&message(0, [1, 0], b"\0", &[])).unwrap();
        assert_eq!((&*root.question.name, &*root.question.registered), (&b"."[..], &b""[..]));
        let local = read(&message(0, [1, 0], b"\x09localhost\0", &[])).unwrap();
        assert_eq!(&*local.question.registered, b"");
    }

    #[test]
    fn answers_have_their_data_as_zone_files_write_it() {
        // Each: owner (a pointer to the question), type, class, time to live, data.
        let one = |kind: u16, data: &[u8]| {
            let length = u16::try_from(data.len()).unwrap().to_be_bytes();
            [&[0xc0, 12], &kind.to_be_bytes()[..], &[0, 1, 0, 0, 0, 60], &length, data].concat()
        };
        let records = [
            one(5, b"\x03cdn\xc0\x10"),
            one(1, &[192, 0, 2, 7]),
            one(28, &Ipv6Addr::LOCALHOST.octets()),
            one(15, b"\0\x0a\x04mail\xc0\x10"),
            one(33, b"\0\x01\0\x02\x01\xbb\xc0\x0c"),
            one(16, b"\x05v=x y\x02;\xff"),
            one(65, b"\0\x01"),
            one(1, b"\x01"),
        ];
        let bytes = message(0x8180, [1, 8], NAME_OF, &records.concat());
        let answer = read(&bytes).unwrap().answer.unwrap();
        let data: Vec<&str> =
            answer.records.iter().map(|record| str::from_utf8(&record.data).unwrap()).collect();
        let expected = [
            "cdn.example.co.uk",
            "192.0.2.7",
            "::1",
            "10 mail.example.co.uk",
            "1 2 443 wWw.example.co.uk",
            "v=x y;\\255",
            "\\# 2 0001",
            "\\# 1 01",
        ];
        assert_eq!(data, expected);
        assert_eq!((answer.code, answer.cut), (0, false));
        let addresses: Vec<_> = answer.addresses().map(|address| address.to_string()).collect();
        assert_eq!(addresses, ["192.0.2.7", "::1"]);
    }

    #[test]
    fn an_answer_holds_for_as_long_as_all_of_its_records() {
        let one =
            |ttl: u32| [&[0xc0, 12, 0, 1, 0, 1][..], &ttl.to_be_bytes(), &[0, 4, 192, 0, 2, 7]].concat();
        for (ttls, least) in [(vec![300, 60, 9000], 60), (vec![1 << 31], 0), (vec![], 0)] {
            let count = u16::try_from(ttls.len()).unwrap();
            let records: Vec<u8> = ttls.iter().flat_map(|ttl| one(*ttl)).collect();
            assert_eq!(read(&message(0x8180, [1, count], NAME_OF, &records)).unwrap().ttl, least, "{ttls:?}");
        }
    }

    #[test]
    fn what_is_missing_of_an_answer_is_said() {
        let whole = [&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4][..], &[192, 0, 2, 7]].concat();
        let two = message(0x8183, [1, 2], NAME_OF, &[&whole[..], &whole[..9]].concat());
        let answer = read(&two).unwrap().answer.unwrap();
        assert_eq!((answer.code, answer.records.len(), answer.cut), (3, 1, true));
        let truncated = read(&message(0x8380, [1, 1], NAME_OF, &whole)).unwrap().answer.unwrap();
        assert!(truncated.cut);
        let many = read(&message(0x8180, [1, 40], NAME_OF, &whole.repeat(40))).unwrap().answer.unwrap();
        assert_eq!((many.records.len(), many.cut), (RECORDS, true));
    }

    #[test]
    fn what_is_no_question_is_named() {
        let cut = message(0, [1, 0], NAME_OF, &[]);
        for (bytes, why) in [
            (&cut[..11], Unread::Short),
            (&cut[..20], Unread::Malformed),
            (&message(0x2800, [1, 0], NAME_OF, &[]), Unread::OtherOperation),
            (&message(0, [0, 0], NAME_OF, &[]), Unread::NoQuestion),
            (&message(0, [2, 0], NAME_OF, &[]), Unread::Malformed),
            (&message(0x7800, [1, 0], NAME_OF, &[]), Unread::Malformed),
            // To itself, ahead, of an unknown kind of label, too long.
            (&message(0, [1, 0], b"\xc0\x0c", &[]), Unread::Malformed),
            (&message(0, [1, 0], b"\x01a\xc0\x0c", &[]), Unread::Malformed),
            (&message(0, [1, 0], b"\xc0\x20", &[0; 30]), Unread::Malformed),
            (&message(0, [1, 0], b"\x41a\0", &[]), Unread::Malformed),
            (&message(0, [1, 0], &[&b"\x3f"[..], &[b'a'; 63]].concat().repeat(4), &[0]), Unread::Malformed),
        ] {
            assert_eq!(read(bytes), Err(why), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_a_bounded_message(bytes in proptest::collection::vec(any::<u8>(), 0..600), length: u32) {
            if let Ok(message) = parse(&bytes, length) {
                prop_assert!(message.question.name.len() <= 4 * NAME);
                let records = message.answer.map(|answer| answer.records).unwrap_or_default();
                prop_assert!(records.len() <= RECORDS && records.iter().all(|record| record.data.len() <= DATA));
            }
        }
    }
}
