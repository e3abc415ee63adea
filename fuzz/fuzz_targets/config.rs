//! Configurations: any text is one that can be run, or an error with its place; any variable too.
//!
//! The file ends at the first byte 0; each line behind it is a variable, `NAME=VALUE`, or a flag, `name=value`.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use std::path::Path;

// The configuration without its crate, which has the whole pipeline: it needs nothing of it.
#[path = "../../sensor/agent/src/config/mod.rs"]
#[allow(dead_code, unused_imports, reason = "of it only what parses is called")]
mod config;

const NAME: &str = "fuzz.yaml";

fuzz_target!(|data: &[u8]| -> Corpus {
    // Files that aren't UTF-8 are refused before they come here.
    let Ok(text) = std::str::from_utf8(data) else { return Corpus::Reject };
    let (file, overrides) = text.split_once('\0').unwrap_or((text, ""));
    let pairs = || overrides.lines().filter_map(|line| line.split_once('='));
    let (variables, flags): (Vec<_>, Vec<_>) = pairs()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .partition(|(name, _)| name.starts_with(|c: char| c.is_ascii_uppercase()));
    match config::load_from(Some((Path::new(NAME), file)), variables.into_iter(), &flags) {
        Ok((config, settings)) => {
            assert!(config.run_as.uid != 0 && config.run_as.gid != 0);
            assert!((1..=4096).contains(&config.trace.candidates));
            assert!(config.kernel.security_ring_bytes.is_power_of_two());
            assert!(!settings.is_empty() && settings.iter().all(|setting| !setting.name.is_empty()));
        }
        Err(error) => {
            let said = error.to_string();
            let named = |(name, _): (&str, &str)| said.contains(name);
            assert!(said.contains(NAME) || said.contains("--set") || pairs().any(named), "{said}");
        }
    }
    Corpus::Keep
});
