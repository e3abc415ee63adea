//! What every stage talks about.
//!
//! Plain types without I/O: no clock is read here but in [`clock`], nothing blocks, nothing is shared. A stage takes
//! these in and gives these out; how the kernel lays bytes out is `wire`'s business, how a collector wants them is
//! `deliver`'s.
#![forbid(unsafe_code)]

pub mod clock;
pub mod container;
pub mod dns;
pub mod event;
pub mod executable;
pub mod file;
pub mod finding;
pub mod id;
pub mod link;
pub mod loss;
pub mod process;
pub mod record;
pub mod redact;
pub mod request;
pub mod socket;
pub mod span;
pub mod stamp;
pub mod system;
pub mod text;
pub mod watch;
