//! A receiver stricter than the Collector, which can't look into revocation lists: an example of the delivery crate.
use super::{lab::Lab, process::Process};
use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

const START_LIMIT: Duration = Duration::from_secs(10);

/// How it differs from a prompt one that accepts.
pub(crate) enum Manner {
    Prompt,
    /// Its verdict on a certificate comes within a call.
    Slow,
    /// It cancels each call until it is told otherwise.
    Cancel,
}

/// A running receiver; dropped, it is ended.
pub(crate) struct Strict {
    port: u16,
    /// Certificates `client` and `revoked`, and what is taken: `logs.txt`.
    pub(crate) dir: PathBuf,
    _process: Process,
}

impl Strict {
    pub(crate) fn start(lab: &Lab, manner: &Manner) -> anyhow::Result<Self> {
        let args = ["build", "--quiet", "--package", "guardbee-deliver", "--example", "strict_receiver"];
        let built = Command::new("cargo").args(args).current_dir(&lab.root).status()?;
        ensure!(built.success(), "the strict receiver could not be built");
        let dir = lab.folder("strict")?;
        let mut command = Command::new(lab.root.join("target/debug/examples/strict_receiver"));
        command.arg(&dir).args(match manner {
            Manner::Prompt => None,
            Manner::Slow => Some("slow"),
            Manner::Cancel => Some("cancel"),
        });
        let log = dir.join("log");
        let mut process = Process::start("strict_receiver", command, log)?;
        process.wait_until_said("listening", START_LIMIT)?;
        let text = process.log();
        let port = text.lines().find_map(|line| line.strip_prefix("listening ")?.parse().ok());
        Ok(Self { port: port.context("the strict receiver names no port")?, dir, _process: process })
    }

    /// What the sensor is told, to show the client certificate and key in `shown`.
    pub(crate) fn destination(&self, shown: &Path) -> Value {
        json!({
            "endpoint": format!("https://localhost:{}", self.port),
            "ca": self.dir.join("ca.crt"),
            "certificate": shown.join("client.crt"),
            "key": shown.join("client.key"),
            "crl": [self.dir.join("ca.crl")],
        })
    }

    /// From now on it accepts.
    pub(crate) fn accept(&self) -> anyhow::Result<()> {
        fs::write(self.dir.join("go"), "").context("tell the strict receiver to accept")
    }

    pub(crate) fn taken(&self) -> PathBuf {
        self.dir.join("logs.txt")
    }
}
