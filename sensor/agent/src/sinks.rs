//! Everything that takes records: the collector, files, the console.
use crate::config::{Compression, Config, Otlp};
use anyhow::Context as _;
use guardbee_deliver::{Deliver, Lines, Waiting, console, ocsf, otlp, record};
use guardbee_model::{
    clock::{BootTime, WallOffset},
    finding::Finding,
    loss::{Loss, LossCounter, Stage},
    record::Record,
    span::Span,
};
use std::{
    io::{IsTerminal as _, Write as _},
    time::Duration,
};
use tokio::runtime::Runtime;

/// Threads of delivery's runtime.
const THREADS: usize = 1;

/// Records whose lines share a write: all of them are in the file, or none.
const WRITTEN_AT_ONCE: usize = 64;

/// All sinks that are configured.
#[derive(Debug)]
pub(crate) struct Sinks {
    findings: Option<Lines>,
    records: Option<Lines>,
    console: Option<console::Colour>,
    console_spans: bool,
    collector: Option<(Runtime, Deliver)>,
    spans: Spans,
    refused: LossCounter,
}

/// Spans that are sealed as soon as their batch is; encoded when they came, as their records were still in the processor's
/// caches.
#[derive(Debug, Default)]
struct Spans {
    lines: Vec<u8>,
    /// Where in `lines` each ends.
    ends: Vec<usize>,
    waiting: Vec<Waiting>,
}

impl Sinks {
    /// Opens files, and checks what can be checked without connecting.
    pub(crate) fn open(config: &Config) -> anyhow::Result<Self> {
        let deliver = &config.deliver;
        let lines = |path: &Option<std::path::PathBuf>| path.as_ref().map(Lines::open).transpose();
        if let Some(otlp) = &deliver.otlp {
            self::otlp(otlp).check().context("deliver.otlp")?;
        }
        let colour =
            if std::io::stdout().is_terminal() { console::Colour::Ansi } else { console::Colour::Plain };
        Ok(Self {
            findings: lines(&deliver.findings_file).context("deliver.findings_file")?,
            records: lines(&deliver.records_file).context("deliver.records_file")?,
            console: deliver.console.then_some(colour),
            console_spans: deliver.console_spans,
            collector: None,
            spans: Spans::default(),
            refused: LossCounter::new(Stage::Deliver),
        })
    }

    /// Starts what needs threads: after the sandbox.
    pub(crate) fn start(&mut self, config: &Config) -> anyhow::Result<()> {
        let Some(otlp) = &config.deliver.otlp else { return Ok(()) };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .max_blocking_threads(2)
            .thread_name("deliver")
            .enable_all()
            .build()
            .context("start delivery's threads")?;
        let deliver = Deliver::start(&self::otlp(otlp), runtime.handle()).context("deliver.otlp")?;
        self.collector = Some((runtime, deliver));
        Ok(())
    }

    /// A finding, for people.
    pub(crate) fn finding(&mut self, finding: &Finding, offset: WallOffset) {
        if let Some(colour) = self.console {
            self.print(&console::finding(finding, offset, colour));
        }
    }

    /// A span, for people.
    pub(crate) fn span(&mut self, span: &Span, offset: WallOffset) {
        if self.console.is_some() && self.console_spans {
            self.print(&console::span(span, offset));
        }
    }

    /// Keeps a span until its batch is sealed.
    pub(crate) fn keep(&mut self, span: &Record) {
        let Spans { lines, ends, waiting } = &mut self.spans;
        if self.records.is_some() {
            otlp::json::append(lines, span);
            ends.push(lines.len());
        }
        if self.collector.is_some() {
            waiting.push(Waiting::new(span));
        }
    }

    /// The batch of the spans that were kept is sealed, or lost.
    pub(crate) fn settle(&mut self, sealed: bool) {
        let Spans { mut lines, mut ends, waiting } = std::mem::take(&mut self.spans);
        if sealed {
            self.write(&lines, &ends);
            if let Some((_, deliver)) = &self.collector {
                deliver.send_encoded(waiting);
            }
        }
        lines.clear();
        ends.clear();
        // The room is used again.
        self.spans = Spans { lines, ends, waiting: Vec::new() };
    }

    /// Sealed records, in order.
    pub(crate) fn records(&mut self, records: Vec<Record>) {
        for record in records.iter().filter(|record| &*record.name == record::EVENT_NAME) {
            self.finding_line(record);
        }
        if self.records.is_some() {
            let mut lines = Vec::new();
            let line = |record| {
                otlp::json::append(&mut lines, record);
                lines.len()
            };
            let ends: Vec<usize> = records.iter().map(line).collect();
            self.write(&lines, &ends);
        }
        if let Some((_, deliver)) = &self.collector {
            deliver.send_all(records);
        }
    }

    /// Lines, and where each of them ends.
    fn write(&mut self, lines: &[u8], ends: &[usize]) {
        let Some(file) = &mut self.records else { return };
        let mut begin = 0;
        for some in ends.chunks(WRITTEN_AT_ONCE) {
            let end = some.last().copied().unwrap_or(begin);
            if let Err(error) = file.append(lines.get(begin..end).unwrap_or_default()) {
                tracing::error!(%error, "Records could not be written and are lost to the file.");
                self.refused.add("file_write", "record", some.len() as u64);
            }
            begin = end;
        }
    }

    fn finding_line(&mut self, sealed: &Record) {
        let Some(file) = &mut self.findings else { return };
        if let Err(error) = file.append(ocsf::line(sealed).as_bytes()) {
            tracing::error!(%error, "A finding could not be written and is lost to the file.");
            self.refused.add("file_write", "finding", 1);
        }
    }

    /// What was lost since this was last asked.
    pub(crate) fn losses(&mut self, now: BootTime) -> Vec<Loss> {
        let mut losses = self.refused.drain(now);
        if let Some((_, deliver)) = &self.collector {
            losses.extend(deliver.losses(now));
        }
        losses
    }

    /// Waits until the collector has everything, or `limit` has passed.
    pub(crate) fn stop(&mut self, limit: Duration) {
        let Some((runtime, mut deliver)) = self.collector.take() else { return };
        if !deliver.stop(limit) {
            let lost: u64 = deliver.losses(BootTime(0)).iter().map(|loss| loss.count).sum();
            tracing::error!(lost, "The collector did not take everything before the end.");
        }
        runtime.shutdown_background();
    }

    /// A reader that went away is no reason to stop observing.
    fn print(&mut self, text: &str) {
        if std::io::stdout().lock().write_all(text.as_bytes()).is_err() {
            self.console = None;
            tracing::warn!("Nobody reads the console any more: it is switched off.");
        }
    }
}

/// The collector as delivery wants it.
pub(crate) fn otlp(otlp: &Otlp) -> guardbee_deliver::Otlp {
    guardbee_deliver::Otlp {
        endpoint: otlp.endpoint.clone(),
        server_name: otlp.server_name.clone(),
        files: guardbee_deliver::Files {
            ca: otlp.ca.clone(),
            certificate: otlp.certificate.clone(),
            key: otlp.key.clone(),
            crls: otlp.crl.clone(),
        },
        insecure: otlp.insecure,
        compression: match otlp.compression {
            Compression::Gzip => guardbee_deliver::Compression::Gzip,
            Compression::None => guardbee_deliver::Compression::None,
        },
        ..guardbee_deliver::Otlp::default()
    }
}
