//! Messages of the DNS as resolvers send and get them, cut and wrong.
use crate::Seeds;
use std::error::Error;

/// A message with one question; `answers` records follow it.
fn message(flags: u16, name: &[u8], kind: u16, answers: u16, records: &[u8]) -> Vec<u8> {
    let header = [0x1f2e, flags, 1, answers, 0, 0].map(u16::to_be_bytes).concat();
    [&[0], &header[..], name, &kind.to_be_bytes(), &[0, 1], records].concat()
}

/// One of the question's name.
fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap_or(0).to_be_bytes();
    [&[0xc0, 12], &kind.to_be_bytes()[..], &[0, 1, 0, 0, 0, 60], &length, data].concat()
}

pub(crate) fn seeds() -> Result<Seeds, Box<dyn Error>> {
    let name = b"\x03www\x07example\x02co\x02uk\0";
    let data: [(u16, &[u8]); 9] = [
        (1, &[192, 0, 2, 7]),
        (28, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        (5, b"\x03cdn\xc0\x10"),
        (15, b"\0\x0a\x04mail\xc0\x10"),
        (33, b"\0\x01\0\x02\x01\xbb\xc0\x0c"),
        (16, b"\x07v=spf1 \x04-all"),
        (6, b"\xc0\x0c\xc0\x0c\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05"),
        (65, b"\0\x01\0"),
        (41, &[]),
    ];
    let records: Vec<u8> = data.iter().flat_map(|(kind, data)| record(*kind, data)).collect();
    let whole = message(0x8180, name, 255, 9, &records);
    let mut more = whole.clone();
    more[0] = 200;
    let tunnel = [&[60][..], &[b'a'; 60], &[60], &[b'f'; 60], b"\x06tunnel\x07example\0"].concat();
    let seeds = [
        ("question", message(0x0100, name, 1, 0, &[])),
        ("question-of-the-root", message(0x0100, b"\0", 2, 0, &[])),
        ("question-for-text", message(0x0100, &tunnel, 16, 0, &[])),
        ("answer", whole.clone()),
        ("answer-cut", more),
        ("answer-without-records", message(0x8183, name, 28, 0, &[])),
        ("pointer-to-itself", message(0x0100, b"\xc0\x0c", 1, 0, &[])),
        ("pointer-ahead", message(0x0100, b"\x01a\xc0\x20", 1, 0, &[0; 30])),
        ("bytes-that-are-no-text", message(0x0100, b"\x05a.b\\\xff\x01 \0", 1, 0, &[])),
        ("half-an-answer", whole[..whole.len() / 2].to_vec()),
    ];
    Ok(seeds.map(|(name, seed)| (name.to_owned(), seed)).into())
}
