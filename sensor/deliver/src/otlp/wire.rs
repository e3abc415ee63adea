//! The protobuf wire format, as far as OTLP needs it (protobuf.dev, "Encoding"). Fields with their default are left out.

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH: u32 = 2;
const FIXED32: u32 = 5;

fn tag(out: &mut Vec<u8>, field: u32, kind: u32) {
    varint(out, u64::from(field << 3 | kind));
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

pub(super) fn varint_field(out: &mut Vec<u8>, field: u32, value: u64) {
    tag(out, field, VARINT);
    varint(out, value);
}

pub(super) fn number(out: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        varint_field(out, field, value);
    }
}

pub(super) fn fixed64(out: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        tag(out, field, FIXED64);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

pub(super) fn fixed32(out: &mut Vec<u8>, field: u32, value: u32) {
    if value != 0 {
        tag(out, field, FIXED32);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// Bytes, or a message that is encoded already; written even where there are none.
pub(super) fn bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    tag(out, field, LENGTH);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(super) fn text(out: &mut Vec<u8>, field: u32, text: &str) {
    if !text.is_empty() {
        bytes(out, field, text.as_bytes());
    }
}

/// Tag and length of a message of `length` bytes that the caller appends.
pub(super) fn begin(out: &mut Vec<u8>, field: u32, length: usize) {
    tag(out, field, LENGTH);
    varint(out, length as u64);
}

/// How many bytes a varint takes.
pub(super) fn varint_size(value: u64) -> usize {
    value.checked_ilog2().map_or(1, |bits| bits as usize / 7 + 1)
}

/// How many bytes `length` bytes take with their length and the tag of a field below 16.
pub(super) fn bytes_size(length: usize) -> usize {
    1 + varint_size(length as u64) + length
}

/// A message that `write` appends. Its length stands before it and is known after it: room for `usual` bytes is left, and
/// only if the length takes another number of bytes is the message moved.
pub(super) fn message(out: &mut Vec<u8>, field: u32, usual: usize, write: impl FnOnce(&mut Vec<u8>)) {
    const ROOM: [u8; 10] = [0; 10];
    tag(out, field, LENGTH);
    let at = out.len();
    out.extend_from_slice(ROOM.get(..usual).unwrap_or(&ROOM));
    let begin = out.len();
    write(out);
    let mut length = Vec::new();
    varint(&mut length, (out.len() - begin) as u64);
    match out.get_mut(at..begin) {
        Some(room) if room.len() == length.len() => room.copy_from_slice(&length),
        _ => drop(out.splice(at..begin, length)),
    }
}
