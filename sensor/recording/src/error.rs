//! Why a recording can't be made or read: what, where, and what to do.
use crate::head::FORMAT;
use std::io;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The first bytes are none of ours.
    #[error("this is no recording; `guardbee record --out FILE` makes one, and the journal's files are some")]
    NotARecording,
    /// Another version's format.
    #[error(
        "the recording has format {format} and was written by guardbee {by}; this is guardbee {}, which reads format \
         {FORMAT}: use guardbee {by}, or record again",
        env!("CARGO_PKG_VERSION")
    )]
    Format {
        /// Its format.
        format: u16,
        /// The version that wrote it.
        by: String,
    },
    /// The head makes no sense.
    #[error("the head of the recording is damaged ({what}): nothing of it can be trusted, use another copy")]
    Head {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The stream itself.
    #[error("{doing} the recording")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

/// Bytes that make no sense: what they should have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wrong(pub(crate) &'static str);
