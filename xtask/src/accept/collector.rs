//! A real OpenTelemetry Collector, mutual TLS in, a file for each signal out.
use super::{
    lab::{self, Lab},
    process::Process,
};
use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use std::{fs, net::TcpStream, path::PathBuf, process::Command, time::Duration};

const START_LIMIT: Duration = Duration::from_secs(30);

/// A running Collector; dropped, it is ended.
pub(crate) struct Collector {
    port: u16,
    /// Certificates by name: tests/interop/pki.sh.
    pub(crate) pki: PathBuf,
    pub(crate) dir: PathBuf,
    _process: Process,
}

impl Collector {
    /// Builds it where that was never done: minutes.
    pub(crate) fn start(lab: &Lab) -> anyhow::Result<Self> {
        let binary = lab::last_line(Command::new(lab.root.join("tests/interop/otelcol/setup.sh")))?;
        let dir = lab.folder("collector")?;
        let pki = dir.join("pki");
        let made = Command::new(lab.root.join("tests/interop/pki.sh")).arg(&pki).status()?;
        ensure!(made.success(), "tests/interop/pki.sh: {made}");
        let port = lab.port();
        let template = fs::read_to_string(lab.root.join("tests/interop/otelcol/collector.yaml"))?;
        let config =
            template.replace("@PORT@", &port.to_string()).replace("@PKI@", &pki.display().to_string());
        fs::write(dir.join("collector.yaml"), config)?;
        let mut command = Command::new(binary);
        command.args(["--config", "collector.yaml"]).current_dir(&dir);
        let mut process = Process::start("otelcol", command, dir.join("log"))?;
        process.wait_until("ready", START_LIMIT, || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        Ok(Self { port, pki, dir, _process: process })
    }

    /// What the sensor is told, to show the client certificate of this name.
    pub(crate) fn destination(&self, certificate: &str) -> Value {
        json!({
            "endpoint": format!("https://localhost:{}", self.port),
            "ca": self.pki.join("ca.crt"),
            "certificate": self.pki.join(format!("{certificate}.crt")),
            "key": self.pki.join(format!("{certificate}.key")),
        })
    }

    pub(crate) fn traces(&self) -> PathBuf {
        self.dir.join("traces.jsonl")
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.dir.join("logs.jsonl")
    }

    /// Spans that it has written.
    pub(crate) fn spans(&self) -> anyhow::Result<Vec<Value>> {
        let text = fs::read_to_string(self.traces()).context("read what the Collector wrote")?;
        let mut spans = Vec::new();
        for line in text.lines() {
            let Ok(batch) = serde_json::from_str::<Value>(line) else { continue }; // the last may be half written
            for resource in batch["resourceSpans"].as_array().into_iter().flatten() {
                for scope in resource["scopeSpans"].as_array().into_iter().flatten() {
                    spans.extend(scope["spans"].as_array().into_iter().flatten().cloned());
                }
            }
        }
        Ok(spans)
    }
}

/// A text attribute of a span or log record in OTLP's JSON form.
pub(crate) fn attribute<'a>(record: &'a Value, key: &str) -> Option<&'a str> {
    let found = record["attributes"].as_array()?.iter().find(|attribute| attribute["key"] == key)?;
    found["value"]["stringValue"].as_str()
}
