//! Row d: a receiver refuses the sensor, or is refused: a clear error, records wait, and go on when the file is replaced.
use super::{Judged, part};
use crate::accept::{
    collector::Collector,
    driver,
    export::{self, Loss},
    lab::Lab,
    process::wait_for,
    sensor::{Options, Sensor},
    strict::{Manner, Strict},
    table::Table,
    target::{Server, Target},
};
use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

const ATTACKS: usize = 5;
const ERROR_LIMIT: Duration = Duration::from_secs(20);
/// Retries back off: this is several of them.
const RESUME_LIMIT: Duration = Duration::from_mins(1);
/// gRPC's codes of failed calls are in the log too.
const LOG: &str = "info,guardbee_deliver=debug";

#[expect(clippy::unnecessary_wraps, reason = "the form of every row")]
pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    part(lab, table, 'd', "expired certificate, replaced", || {
        shown_to_collector(lab, "expired", "has expired: replace it")
    });
    part(lab, table, 'd', "wrong CA, replaced", || {
        shown_to_collector(lab, "rogue", "comes from an authority it does not know: have one issued")
    });
    part(lab, table, 'd', "no client certificate", || no_certificate(lab));
    part(lab, table, 'd', "revoked client (strict server)", || revoked(lab, &Manner::Prompt, None));
    part(lab, table, 'd', "UNKNOWN kept (verdict in a call)", || {
        revoked(lab, &Manner::Slow, Some("code=Unknown"))
    });
    part(lab, table, 'd', "CANCELLED kept", || cancelled(lab));
    part(lab, table, 'd', "revoked server, replaced", || revoked_server(lab));
    part(lab, table, 'd', "beyond the queue's bound", || beyond_the_bound(lab));
    Ok(())
}

/// Puts the certificate of this name where the sensor looks for its own, each file at once.
fn show(pki: &Path, certificate: &str, dir: &Path) -> anyhow::Result<()> {
    for kind in ["key", "crt"] {
        let new = dir.join(format!("new.{kind}"));
        fs::copy(pki.join(format!("{certificate}.{kind}")), &new)?;
        fs::rename(new, dir.join(format!("client.{kind}")))?;
    }
    Ok(())
}

/// A delivery that fails at first.
struct Refusal<'a> {
    otlp: Value,
    /// Problem and remedy, in one line of the sensor's log.
    said: &'a str,
    /// gRPC's code, as the log has it.
    code: Option<&'a str>,
    /// Where the receiver writes what it takes.
    taken: PathBuf,
}

impl Refusal<'_> {
    /// Findings are made meanwhile; nothing of them may be lost, and all arrive after `mend`.
    fn mended_by(self, lab: &Lab, mend: impl FnOnce() -> anyhow::Result<()>) -> Judged {
        let sensor =
            Sensor::start(lab, &Options { otlp: Some(self.otlp), log: Some(LOG), ..Options::default() })?;
        let target = Target::start(lab, Server::Fork)?;
        let truth = driver::one_by_one(lab, target.port, ATTACKS)?;
        let error = complaint(&sensor, self.said)?;
        if let Some(code) = self.code {
            ensure!(sensor.log().contains(code), "no call failed with `{code}`");
        }
        let text = || fs::read_to_string(&self.taken).unwrap_or_default();
        ensure!(text().is_empty(), "the receiver took records: {:.200}", text());
        mend()?;
        let all = || truth.nonces().iter().all(|nonce| text().contains(*nonce));
        ensure!(
            wait_for(RESUME_LIMIT, all),
            "not every finding arrived afterwards; the sensor said before: {error}"
        );
        let records = sensor.records.clone();
        sensor.stop()?;
        // It took nothing before, so nothing may come twice.
        let came = finding_ids(&self.taken);
        let twice = came.len() - came.iter().collect::<BTreeSet<_>>().len();
        ensure!(twice == 0, "{twice} of {} findings arrived twice", came.len());
        let lost: u64 = delivery_losses(&records).iter().map(|loss| loss.count).sum();
        Ok((
            lost == 0,
            format!("{ATTACKS} of {ATTACKS} findings arrived afterwards, {lost} lost; said: {error}"),
        ))
    }
}

fn shown_to_collector(lab: &Lab, certificate: &str, said: &str) -> Judged {
    let collector = Collector::start(lab)?;
    let shown = lab.folder("shown")?;
    show(&collector.pki, certificate, &shown)?;
    let refusal = Refusal { otlp: collector.destination(&shown), said, code: None, taken: collector.logs() };
    refusal.mended_by(lab, || show(&collector.pki, "client", &shown))
}

/// The sensor has no file to replace: the Collector is told to let in anybody.
fn no_certificate(lab: &Lab) -> Judged {
    let mut collector = Collector::start(lab)?;
    let mut otlp = collector.destination(&collector.pki);
    for key in ["certificate", "key"] {
        otlp.as_object_mut().and_then(|otlp| otlp.remove(key)).context("a destination has a certificate")?;
    }
    let said = "demands a client certificate and we have none: set `certificate` and `key`";
    let demand = format!("client_ca_file: {}/ca.crt, ", collector.pki.display());
    let refusal = Refusal { otlp, said, code: None, taken: collector.logs() };
    refusal.mended_by(lab, || collector.restart(&demand, ""))
}

fn revoked(lab: &Lab, manner: &Manner, code: Option<&str>) -> Judged {
    let strict = Strict::start(lab, manner)?;
    let shown = lab.folder("shown")?;
    show(&strict.dir, "revoked", &shown)?;
    let said = "is revoked: have a new one issued and replace it";
    let refusal = Refusal { otlp: strict.destination(&shown), said, code, taken: strict.taken() };
    refusal.mended_by(lab, || show(&strict.dir, "client", &shown))
}

fn cancelled(lab: &Lab) -> Judged {
    let strict = Strict::start(lab, &Manner::Cancel)?;
    let refusal = Refusal {
        otlp: strict.destination(&strict.dir),
        said: "the receiver answered Cancelled: not now",
        code: Some("code=Cancelled"),
        taken: strict.taken(),
    };
    refusal.mended_by(lab, || strict.accept())
}

fn revoked_server(lab: &Lab) -> Judged {
    let mut collector = Collector::start_as(lab, "revoked-server")?;
    let refusal = Refusal {
        otlp: collector.destination(&collector.pki),
        said: "the receiver's certificate is revoked: replace it at the receiver",
        code: None,
        taken: collector.logs(),
    };
    refusal.mended_by(lab, || collector.restart("revoked-server.", "server."))
}

/// The line of the sensor's log that says this.
fn complaint(sensor: &Sensor, said: &str) -> anyhow::Result<String> {
    let find = || sensor.log().lines().find(|line| line.contains(said)).map(str::to_owned);
    wait_for(ERROR_LIMIT, || find().is_some());
    let line = find().with_context(|| {
        let log = sensor.log();
        let failed = log.lines().rev().find(|line| line.contains("Delivery fails"));
        format!("the sensor doesn't say `{said}`, but: {}", failed.unwrap_or("nothing"))
    })?;
    let reason = line.split_once("reason=").map_or(line.as_str(), |(_, reason)| reason);
    Ok(reason.chars().take(150).collect())
}

fn delivery_losses(records: &Path) -> Vec<Loss> {
    let mut losses = export::losses(records);
    losses.retain(|loss| loss.stage == "deliver");
    losses
}

/// An argument so long that few findings fill the queue.
const FAT: usize = 6000;
/// Actions between two looks at what is lost, and at most.
const BURST: usize = 100;
const MOST: usize = 10_000;
/// So many findings shall be lost.
const LOST: u64 = 100;

/// More findings than the queue holds: those within arrive, those beyond are counted, by the same signed stream.
fn beyond_the_bound(lab: &Lab) -> Judged {
    let collector = Collector::start(lab)?;
    let shown = lab.folder("shown")?;
    show(&collector.pki, "expired", &shown)?;
    let options = Options { otlp: Some(collector.destination(&shown)), ..Options::default() };
    let sensor = Sensor::start(lab, &options)?;
    let mut made = 0;
    while made < MOST && counted(&sensor.records)? < LOST {
        for number in made..made + BURST {
            act(number)?;
        }
        made += BURST;
    }
    show(&collector.pki, "client", &shown)?;
    let (mut sealed, mut arrived, mut lost) = (0, 0, 0);
    let settled = wait_for(RESUME_LIMIT, || {
        sealed = findings(&sensor.records);
        arrived = findings(&collector.logs());
        lost = counted(&collector.logs()).unwrap_or_default();
        sealed == arrived + lost
    });
    sensor.stop()?;
    let figure =
        format!("{sealed} findings sealed = {arrived} arrived + {lost} counted as lost (queue_full)");
    Ok((settled && lost >= LOST, if settled { figure } else { format!("not so: {figure}") }))
}

/// An action of no request with a long argument.
fn act(number: usize) -> anyhow::Result<()> {
    let mut command = Command::new("/bin/true");
    command.args(["id", &format!("gbx{number:06}"), &"x".repeat(FAT)]);
    ensure!(command.status().context("start /bin/true")?.success(), "/bin/true failed");
    Ok(())
}

/// Findings that the queue had no room for. Nothing else may be lost on the way.
fn counted(records: &Path) -> anyhow::Result<u64> {
    let mut count = 0;
    for loss in delivery_losses(records) {
        ensure!(
            loss.cause == "queue_full" && loss.kind == "finding",
            "{} {} lost for {}",
            loss.count,
            loss.kind,
            loss.cause
        );
        count += loss.count;
    }
    Ok(count)
}

/// Of the findings among these records; a collector may deliver one twice.
fn finding_ids(records: &Path) -> Vec<String> {
    let records = export::logs(records);
    let ids = records.iter().filter_map(|record| export::attribute(record, "guardbee.finding.id"));
    ids.map(str::to_owned).collect()
}

fn findings(records: &Path) -> u64 {
    finding_ids(records).into_iter().collect::<BTreeSet<_>>().len() as u64
}
