//! A ring of `io_uring` was made, or an operation submitted through one.
use super::{DecodeError, call::system, strings::Strings};
use guardbee_model::{
    event::Body,
    system::{Deed, IoUring},
};
use guardbee_wire::{IoUringEvent, StringId};

pub(super) fn io_uring((raw, tail): &(IoUringEvent, &[u8])) -> Result<Body, DecodeError> {
    let strings = Strings::walk("io_uring", tail)?;
    let detail = strings.bytes(StringId::Detail).into();
    let deed = Deed::IoUring(IoUring { entries: raw.entries, opcode: raw.opcode, detail });
    Ok(system(None, &strings, deed))
}
