//! Recordings: what rules saw, to be seen again.
//!
//! A recording is taken after the merge: observations with the process knowledge and the links that they had, what was
//! lost, what was observed at all, and how far time had come. [`Writer`] makes one, [`Reader`] gives back what was put in,
//! whatever bytes it is given: both work on streams, neither opens files.
//!
//! ```text
//! file   = "\x89GBREC\r\n"  format u16  flags u16 (1: raw)  version {u8, text}  length u32  checksum u32  head  frame*
//! frame  = "GBFR"  items u32  compressed u32  raw u32  first u64  last u64  checksum u32  header checksum u32  deflate
//! ```
//!
//! Numbers are little-endian; a checksum is a CRC-32 of what it is for. What stands before `length` is the same in every
//! format that will be, so that any version can name the one that is needed. A frame is whole in itself: one can be lost,
//! skipped or be the last one of a sensor that was killed. Secrets are replaced ([`guardbee_model::redact`]) unless the
//! head says `raw`.
#![forbid(unsafe_code)]

mod action;
mod bytes;
mod error;
mod frame;
mod head;
mod item;
mod names;
mod process;
mod reader;
mod request;
mod socket;
mod system;
mod tables;
mod writer;

pub use error::Error;
pub use frame::{FRAME_BYTES, Progress};
pub use head::{FORMAT, Head, Secrets};
pub use item::{Item, Sight};
pub use reader::{End, Reader};
pub use writer::Writer;
