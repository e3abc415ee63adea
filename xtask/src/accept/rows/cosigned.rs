//! Row c: the long-term key and the statement that it signs are cosign's too, by a real cosign, offline.
use super::{ATTACKS, IN_FLIGHT, Judged, part};
use crate::accept::{
    driver, export,
    lab::{self, Lab},
    process::wait_for,
    sensor::{Options, Sensor, new_key},
    table::Table,
    target::{Server, Target},
};
use anyhow::{Context as _, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

const DEADLINE: Duration = Duration::from_secs(15);
const TYPE: &str = "urn:guardbee:epoch-key:v1";

pub(super) fn run(lab: &Lab, table: &mut Table) {
    part(lab, table, 'c', "a statement under cosign's key", || statement(lab));
    part(lab, table, 'c', "our key in cosign's hands", || exchanged(lab));
}

/// A cosign that calls nobody.
struct Cosign(PathBuf);

impl Cosign {
    /// Builds it where that was never done: minutes.
    fn new(lab: &Lab) -> anyhow::Result<Self> {
        let setup = Command::new(lab.root.join("tests/interop/cosign/setup.sh"));
        Ok(Self(PathBuf::from(lab::last_line(setup)?)))
    }

    /// What it prints, or what it says against it.
    fn run(&self, args: &[&dyn AsRef<Path>]) -> anyhow::Result<Result<String, String>> {
        let mut command = Command::new(&self.0);
        command.env("COSIGN_PASSWORD", "").env("HOME", "/nonexistent");
        let output = command.args(args.iter().map(|arg| arg.as_ref().as_os_str())).output();
        let output = output.with_context(|| format!("run {}", self.0.display()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        Ok(if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) })
    }

    fn accepts(&self, key: &Path, bundle: &Path, blob: &Path) -> anyhow::Result<bool> {
        let args: [&dyn AsRef<Path>; 9] = [
            &"verify-blob-attestation",
            &"--key",
            &key,
            &"--bundle",
            &bundle,
            &"--type",
            &TYPE,
            &"--insecure-ignore-tlog=true",
            &blob,
        ];
        Ok(self.run(&args)?.is_ok())
    }
}

/// `cosign generate-key-pair` makes the key, the sensor seals under it, cosign and we verify.
fn statement(lab: &Lab) -> Judged {
    let cosign = Cosign::new(lab)?;
    let dir = lab.folder("cosign")?;
    let prefix = dir.join("cosign");
    let made = cosign.run(&[&"generate-key-pair", &"--output-key-prefix", &prefix])?;
    ensure!(made.is_ok(), "cosign generate-key-pair: {made:?}");
    let (private, public) = (dir.join("cosign.key"), dir.join("cosign.pub"));
    let records = seal(lab, (private, public.clone()))?;

    let (bundle, key) = epoch(&records)?;
    let write = |name: &str, bytes: &[u8]| -> anyhow::Result<PathBuf> {
        let path = dir.join(name);
        fs::write(&path, bytes)?;
        Ok(path)
    };
    let changed: Vec<u8> = key.iter().copied().map(|byte| byte ^ 1).collect();
    let (blob, other_blob) = (write("epoch.der", &key)?, write("changed.der", &changed)?);
    let whole = write("bundle.json", bundle.as_bytes())?;
    let (_, foreign) = new_key(lab)?;
    let accepted = cosign.accepts(&public, &whole, &blob)?;
    let refused = [
        !cosign.accepts(&public, &whole, &other_blob)?,
        !cosign.accepts(&foreign, &whole, &blob)?,
        !cosign.accepts(&public, &write("forged.json", forged(&bundle)?.as_bytes())?, &blob)?,
    ];
    let mut verify = Command::new(lab.guardbee());
    let ours = verify.arg("verify").arg("--key").arg(&public).arg(&records).output()?.status.success();
    let figure = format!(
        "cosign accepts the statement: {accepted}; refuses another key's DER, another signer, a changed statement: \
         {refused:?}; guardbee verify accepts the records: {ours}"
    );
    Ok((accepted && refused == [true; 3] && ours, figure))
}

/// `guardbee key new` makes the key, cosign reads it and signs with it, and its public half is ours.
fn exchanged(lab: &Lab) -> Judged {
    let cosign = Cosign::new(lab)?;
    let (private, public) = new_key(lab)?;
    let read = cosign.run(&[&"public-key", &"--key", &private])?;
    let same =
        read.as_deref().is_ok_and(|pem| fs::read_to_string(&public).is_ok_and(|own| own.trim() == pem));
    let dir = lab.folder("cosign")?;
    let (blob, bundle) = (dir.join("blob"), dir.join("bundle.json"));
    fs::write(&blob, "signed by cosign")?;
    let signed = cosign.run(&[
        &"sign-blob",
        &"--yes",
        &"--key",
        &private,
        &"--bundle",
        &bundle,
        &"--tlog-upload=false",
        &"--use-signing-config=false",
        &blob,
    ])?;
    let verified = cosign.run(&[
        &"verify-blob",
        &"--key",
        &public,
        &"--bundle",
        &bundle,
        &"--insecure-ignore-tlog=true",
        &blob,
    ])?;
    let figure = format!(
        "cosign reads the same public key: {same}; signs: {}; verifies by our public key: {}",
        signed.is_ok(),
        verified.is_ok()
    );
    Ok((same && signed.is_ok() && verified.is_ok(), figure))
}

/// A sensor's whole life under this key; its records.
fn seal(lab: &Lab, key: (PathBuf, PathBuf)) -> anyhow::Result<PathBuf> {
    let sensor = Sensor::start(lab, &Options { key: Some(key), ..Options::default() })?;
    let target = Target::start(lab, Server::Fork)?;
    let truth = driver::drive(lab, target.port, IN_FLIGHT, ATTACKS)?;
    ensure!(sensor.findings().wait_for_all(&truth.nonces(), DEADLINE), "not every attack has a finding");
    let records = sensor.records.clone();
    sensor.stop()?;
    ensure!(wait_for(DEADLINE, || epoch(&records).is_ok()), "no statement in {}", records.display());
    Ok(records)
}

/// The first epoch's bundle, and the key that it speaks of.
fn epoch(records: &Path) -> anyhow::Result<(String, Vec<u8>)> {
    let logs = export::logs(records);
    let statement = logs.iter().find(|log| log["eventName"] == "guardbee.seal.epoch");
    let bundle = statement.and_then(|log| log["body"]["stringValue"].as_str()).context("no statement")?;
    let key = payload(bundle)?["predicate"]["publicKey"].as_str().map(|key| STANDARD.decode(key));
    Ok((bundle.to_owned(), key.context("a statement of no key")??))
}

fn payload(bundle: &str) -> anyhow::Result<Value> {
    let bundle: Value = serde_json::from_str(bundle)?;
    let payload = bundle["dsseEnvelope"]["payload"].as_str().context("no payload")?;
    Ok(serde_json::from_slice(&STANDARD.decode(payload)?)?)
}

/// The same bundle, of an epoch that ends later.
fn forged(bundle: &str) -> anyhow::Result<String> {
    let mut statement = payload(bundle)?;
    statement["predicate"]["wallNotAfter"] = Value::from(u64::MAX);
    let mut forged: Value = serde_json::from_str(bundle)?;
    forged["dsseEnvelope"]["payload"] = Value::from(STANDARD.encode(statement.to_string()));
    Ok(forged.to_string())
}
