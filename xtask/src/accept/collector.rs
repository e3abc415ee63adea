//! A real OpenTelemetry Collector, mutual TLS in, a file for each signal out.
use super::{
    lab::{self, Lab},
    process::Process,
};
use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A running Collector; dropped, it is ended.
pub(crate) struct Collector {
    port: u16,
    /// Certificates by name: tests/interop/pki.sh.
    pub(crate) pki: PathBuf,
    pub(crate) dir: PathBuf,
    binary: PathBuf,
    process: Process,
}

impl Collector {
    /// Builds it where that was never done: minutes.
    pub(crate) fn start(lab: &Lab) -> anyhow::Result<Self> {
        Self::start_as(lab, "server")
    }

    /// With the server certificate of this name.
    pub(crate) fn start_as(lab: &Lab, certificate: &str) -> anyhow::Result<Self> {
        let binary =
            PathBuf::from(lab::last_line(Command::new(lab.root.join("tests/interop/otelcol/setup.sh")))?);
        let dir = lab.folder("collector")?;
        let pki = dir.join("pki");
        let made = Command::new(lab.root.join("tests/interop/pki.sh")).arg(&pki).status()?;
        ensure!(made.success(), "tests/interop/pki.sh: {made}");
        let port = lab.port();
        let template = fs::read_to_string(lab.root.join("tests/interop/otelcol/collector.yaml"))?;
        let config = template
            .replace("@PORT@", &port.to_string())
            .replace("@PKI@/server.", &format!("@PKI@/{certificate}."))
            .replace("@PKI@", &pki.display().to_string());
        fs::write(dir.join("collector.yaml"), config)?;
        let process = launch(&binary, &dir, port)?;
        Ok(Self { port, pki, dir, binary, process })
    }

    /// Again at the same port, `old` in its configuration replaced by `new`; what it wrote before is gone.
    pub(crate) fn restart(&mut self, old: &str, new: &str) -> anyhow::Result<()> {
        let path = self.dir.join("collector.yaml");
        let config = fs::read_to_string(&path)?;
        ensure!(config.contains(old), "{} has no `{old}`", path.display());
        fs::write(&path, config.replace(old, new))?;
        self.process.stop(STOP_LIMIT).context("stop the Collector")?;
        self.process = launch(&self.binary, &self.dir, self.port)?;
        Ok(())
    }

    /// What the sensor is told, to show the client certificate and key in `shown`.
    pub(crate) fn destination(&self, shown: &Path) -> Value {
        json!({
            "endpoint": format!("https://localhost:{}", self.port),
            "ca": self.pki.join("ca.crt"),
            "certificate": shown.join("client.crt"),
            "key": shown.join("client.key"),
            "crl": [self.pki.join("ca.crl")],
        })
    }

    pub(crate) fn traces(&self) -> PathBuf {
        self.dir.join("traces.jsonl")
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.dir.join("logs.jsonl")
    }
}

fn launch(binary: &Path, dir: &Path, port: u16) -> anyhow::Result<Process> {
    let mut command = Command::new(binary);
    command.args(["--config", "collector.yaml"]).current_dir(dir);
    let mut process = Process::start("otelcol", command, dir.join("log"))?;
    process.wait_until("ready", START_LIMIT, || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
    Ok(process)
}
