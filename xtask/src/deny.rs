//! cargo-deny, at the version that the project was checked with; built once into the cache where it is missing.
use anyhow::{Context as _, ensure};
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

const VERSION: &str = "0.20.2";

/// Licences, sources and bans of `deny.toml`. Advisories need the internet and are no part of the test command.
pub(crate) fn check() -> anyhow::Result<()> {
    let tool = installed()?;
    let status = Command::new(tool)
        .args(["--log-level", "error", "check", "bans", "licenses", "sources"])
        .status()
        .context("run cargo-deny")?;
    ensure!(status.success(), "deny.toml is not kept: {status}");
    Ok(())
}

fn installed() -> anyhow::Result<PathBuf> {
    let root = cache()?.join(format!("cargo-deny-{VERSION}"));
    let tool = root.join("bin/cargo-deny");
    if !tool.is_file() {
        println!("   building cargo-deny {VERSION}, once");
        let status = Command::new(env!("CARGO"))
            .args(["install", "--quiet", "--locked", "--no-default-features", "cargo-deny"])
            .args(["--version", VERSION, "--root"])
            .arg(&root)
            .status()
            .context("run cargo install")?;
        ensure!(status.success(), "install cargo-deny {VERSION}: {status}");
    }
    Ok(tool)
}

/// Where tools are kept between runs.
fn cache() -> anyhow::Result<PathBuf> {
    let base = match env::var_os("XDG_CACHE_HOME") {
        Some(base) => PathBuf::from(base),
        None => {
            Path::new(&env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set")?).join(".cache")
        }
    };
    Ok(base.join("guardbee"))
}
