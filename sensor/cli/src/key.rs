//! `guardbee key`: a long-term key, in the form that cosign writes and reads.
use anyhow::Context as _;
use clap::Subcommand;
use guardbee_seal::SigningKey;
use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a key pair: ECDSA P-256, the private key encrypted under a password.
    New {
        /// Where the private key goes; must not exist yet.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Where the public key goes; must not exist yet. Give it to whoever verifies.
        #[arg(long, value_name = "FILE")]
        public: PathBuf,
        /// File with the password, its last newline left out; without it the password is empty.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let Command::New { out, public, password_file } = command;
    let password = match password_file {
        Some(path) => guardbee_agent::password(path)?,
        None => zeroize::Zeroizing::new(Vec::new()),
    };
    let key = SigningKey::generate().context("make a key pair")?;
    write(out, key.to_encrypted_pem(&password).context("encrypt the private key")?.as_bytes(), 0o600)?;
    write(public, key.public_pem()?.as_bytes(), 0o644)?;
    outln!("private key: {}\npublic key:  {}", out.display(), public.display());
    Ok(ExitCode::SUCCESS)
}

/// A new file: a key that was there is never overwritten.
fn write(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    file.and_then(|mut file| file.write_all(bytes))
        .with_context(|| format!("write {}; give the name of a file that doesn't exist yet", path.display()))
}
