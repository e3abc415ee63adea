//! Row d: certificates that a real Collector refuses, or that the sensor refuses; delivery resumes when the file is replaced.
use super::{Judged, part, part_not_built};
use crate::accept::{
    collector::Collector,
    driver, export,
    lab::Lab,
    process::wait_for,
    sensor::{Options, Sensor},
    table::Table,
    target::{Server, Target},
};
use anyhow::{Context as _, ensure};
use std::{fs, path::Path, time::Duration};

const ATTACKS: usize = 5;
const ERROR_LIMIT: Duration = Duration::from_secs(15);
/// Retries back off: this is several of them.
const RESUME_LIMIT: Duration = Duration::from_mins(1);

#[expect(clippy::unnecessary_wraps, reason = "the form of every row")]
pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    for (name, certificate) in [("expired certificate, replaced", "expired"), ("wrong CA, replaced", "rogue")]
    {
        part(lab, table, 'd', name, || replaced(lab, certificate));
    }
    part(lab, table, 'd', "revoked server", || revoked_server(lab));
    for name in ["no client certificate", "revoked client (strict server)", "UNKNOWN, CANCELLED retried"] {
        part_not_built(lab, table, 'd', name, "");
    }
    Ok(())
}

/// Puts the certificate of this name where the sensor looks for its own, each file at once.
fn show(collector: &Collector, certificate: &str, dir: &Path) -> anyhow::Result<()> {
    for kind in ["key", "crt"] {
        let new = dir.join(format!("new.{kind}"));
        fs::copy(collector.pki.join(format!("{certificate}.{kind}")), &new)?;
        fs::rename(new, dir.join(format!("client.{kind}")))?;
    }
    Ok(())
}

fn replaced(lab: &Lab, certificate: &str) -> Judged {
    let collector = Collector::start(lab)?;
    let shown = lab.folder("shown")?;
    show(&collector, certificate, &shown)?;
    let options = Options { collector: Some(&collector), shown: Some(&shown), ..Options::default() };
    let sensor = Sensor::start(lab, &options)?;
    let target = Target::start(lab, Server::Fork)?;
    let truth = driver::one_by_one(lab, target.port, ATTACKS)?;
    let error = complaint(&sensor)?;
    ensure!(
        export::logs(&collector.logs()).is_empty(),
        "the Collector took records from a client it must refuse"
    );
    show(&collector, "client", &shown)?;
    let all = || {
        let text = fs::read_to_string(collector.logs()).unwrap_or_default();
        truth.nonces().iter().all(|nonce| text.contains(*nonce))
    };
    ensure!(
        wait_for(RESUME_LIMIT, all),
        "not every finding arrived after the certificate was replaced; said before: {error}"
    );
    sensor.stop()?;
    Ok((true, format!("{ATTACKS} findings arrived after it; said before: {}", shortened(&error))))
}

fn revoked_server(lab: &Lab) -> Judged {
    let collector = Collector::start_as(lab, "revoked-server")?;
    let sensor = Sensor::start(lab, &Options { collector: Some(&collector), ..Options::default() })?;
    let target = Target::start(lab, Server::Fork)?;
    driver::one_by_one(lab, target.port, 1)?;
    let error = complaint(&sensor)?;
    ensure!(error.to_lowercase().contains("revoked"), "the error does not say that it is revoked: {error}");
    ensure!(
        export::logs(&collector.logs()).is_empty(),
        "records went to a server whose certificate is revoked"
    );
    sensor.stop()?;
    Ok((true, shortened(&error)))
}

/// The first line of the sensor's log that is about a certificate.
fn complaint(sensor: &Sensor) -> anyhow::Result<String> {
    let find =
        || sensor.log().lines().find(|line| line.to_lowercase().contains("certificate")).map(str::to_owned);
    wait_for(ERROR_LIMIT, || find().is_some());
    let line = find().context("the sensor says nothing of a certificate")?;
    Ok(line)
}

/// Without the time, and not longer than a line of the table.
fn shortened(line: &str) -> String {
    line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ").chars().take(150).collect()
}
