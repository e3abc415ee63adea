//! What can be wrong with where records shall go.
use std::{io, path::PathBuf};

/// Why delivery can't begin, or goes on with older credentials. Each names the setting or file and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The endpoint can't be used.
    #[error("endpoint `{endpoint}`: {problem}")]
    Endpoint {
        /// As configured.
        endpoint: String,
        /// What is wrong with it and what to write instead.
        problem: &'static str,
    },
    /// Settings that don't fit together.
    #[error("{setting}: {problem}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What is wrong and what to do.
        problem: &'static str,
    },
    /// A file could not be read.
    #[error("read {role} {path}: {source}; {remedy}")]
    Read {
        /// What the file is for.
        role: &'static str,
        /// Which file.
        path: PathBuf,
        /// What to do.
        remedy: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{role} {path}: {problem}")]
    Credential {
        /// What the file is for.
        role: &'static str,
        /// Which file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// TLS could not be set up.
    #[error("set up TLS")]
    Tls(#[source] rustls::Error),
    /// A file could not be appended to.
    #[error("write {path}: {source}; check its folder, owner and free space")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
