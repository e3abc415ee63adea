//! The unprivileged process: wiring, sandbox, configuration.
mod actors;
mod asker;
mod baseline;
pub mod clock;
pub mod config;
mod containers;
mod core;
mod enforcer;
mod files;
mod hashes;
mod holding;
pub mod hooks;
mod identity;
pub mod ids;
mod outbox;
mod packages;
pub mod pipeline;
pub mod policies;
mod recorder;
mod reload;
pub mod replay;
pub mod rpc;
pub mod rule_files;
pub mod sandbox;
mod sealing;
mod sinks;
mod statement;
pub mod sys;
mod unable;
mod waiting;

use anyhow::{Context as _, bail};
use std::{io::Read as _, path::Path};

/// Longer is no password.
const PASSWORD_BYTES: u64 = 4096;

/// The password in a file, without its last newline.
pub fn password(path: &Path) -> anyhow::Result<zeroize::Zeroizing<Vec<u8>>> {
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    let file =
        std::fs::File::open(path).with_context(|| format!("read the password file {}", path.display()))?;
    file.take(PASSWORD_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > PASSWORD_BYTES {
        bail!("the password file {} is longer than {PASSWORD_BYTES} bytes", path.display());
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Ok(bytes)
}
