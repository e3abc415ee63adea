//! For tests: a strict receiver and an authority that issues what it wants to see.
#![expect(
    clippy::missing_panics_doc,
    clippy::expect_used,
    reason = "only tests have it; a panic is how they fail"
)]
mod export;
mod pki;
pub mod sample;
mod server;

pub use self::{
    pki::{Authority, Issued, Leaf},
    server::{Answer, Received, Server, Trust},
};
