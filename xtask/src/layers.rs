//! The import table: who may import whom among our crates. A crate without a row is an error, so this table *is* the
//! architecture; a new row or edge is a commit of its own, with the reason.
use anyhow::{Context as _, ensure};
use std::{collections::BTreeMap, process::Command};

/// In the order of the data flow.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("guardbee-wire", &[]),
    ("guardbee-bpf", &["guardbee-wire"]),
    ("guardbee-loader", &["guardbee-bpf", "guardbee-wire"]),
    ("guardbee-model", &[]),
    ("guardbee-capture", &["guardbee-wire", "guardbee-model"]),
    ("guardbee-enrich", &["guardbee-model"]),
    ("guardbee-l7", &["guardbee-model"]),
    ("guardbee-trace", &["guardbee-l7", "guardbee-model"]),
    ("guardbee-yaml", &[]),
    ("guardbee-policy", &["guardbee-model", "guardbee-yaml"]),
    ("guardbee-rules", &["guardbee-model", "guardbee-yaml"]),
    ("guardbee-recording", &["guardbee-model"]),
    ("guardbee-seal", &["guardbee-model"]),
    ("guardbee-deliver", &["guardbee-model", "guardbee-seal"]),
    (
        "guardbee-agent",
        &[
            "guardbee-wire",
            "guardbee-model",
            "guardbee-capture",
            "guardbee-enrich",
            "guardbee-l7",
            "guardbee-trace",
            "guardbee-policy",
            "guardbee-rules",
            "guardbee-recording",
            "guardbee-seal",
            "guardbee-deliver",
        ],
    ),
    (
        "guardbee-cli",
        &[
            "guardbee-model",
            "guardbee-policy",
            "guardbee-rules",
            "guardbee-recording",
            "guardbee-seal",
            "guardbee-agent",
            "guardbee-loader",
        ],
    ),
    ("xtask", &["guardbee-yaml"]),
];

/// Libraries that only some crates may use, because of what they bring with them.
const ONLY_FOR: &[(&str, &[&str])] = &[
    ("libbpf-rs", &["guardbee-bpf"]),
    ("tokio", &["guardbee-deliver", "guardbee-agent"]),
    ("tonic", &["guardbee-deliver"]),
    ("rustls", &["guardbee-deliver"]),
    ("clap", &["guardbee-cli", "xtask"]),
    ("serde-saphyr", &["guardbee-rules", "guardbee-agent"]),
];

pub(crate) fn check() -> anyhow::Result<()> {
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps"])
        .output()
        .context("run cargo metadata")?;
    let metadata: serde_json::Value = serde_json::from_slice(&out.stdout).context("read cargo metadata")?;
    let table: BTreeMap<_, _> = MAY_IMPORT.iter().copied().collect();
    for package in metadata["packages"].as_array().context("packages")? {
        let name = package["name"].as_str().context("name")?;
        let may = table
            .get(name)
            .with_context(|| format!("{name} has no row in xtask/src/layers.rs: MAY_IMPORT"))?;
        for dependency in package["dependencies"].as_array().context("dependencies")? {
            let other = dependency["name"].as_str().context("dependency")?;
            if dependency["kind"].as_str() == Some("dev") {
                continue;
            }
            if table.contains_key(other) {
                ensure!(
                    may.contains(&other),
                    "{name} must not import {other}: see ARCHITECTURE.md, the import table"
                );
            }
            if let Some((_, users)) = ONLY_FOR.iter().find(|(library, _)| *library == other) {
                ensure!(users.contains(&name), "{name} must not use {other}: only {} may", users.join(", "));
            }
        }
    }
    Ok(())
}
