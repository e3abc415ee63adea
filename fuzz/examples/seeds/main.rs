//! Writes the corpora that are committed: `cargo run --manifest-path fuzz/Cargo.toml --example seeds`.
//!
//! Real bytes of each format, whole, cut and wrong: what the fuzzer can't guess. It finds the rest itself.
mod condition;
mod config;
mod configurations;
mod decode;
mod dns;
mod evaluate;
mod falco;
mod http;
mod packages;
mod policies;
mod recording;
mod rpc;
mod rules;
mod sqlite;
mod things;
mod verify;

use std::{error::Error, fs, path::Path};

type Seeds = Vec<(String, Vec<u8>)>;
/// How the seeds of a target are made.
type Make = fn() -> Result<Seeds, Box<dyn Error>>;

const TARGETS: [(&str, Make); 16] = [
    ("condition", condition::seeds),
    ("config", config::seeds),
    ("configurations", configurations::seeds),
    ("decode", decode::seeds),
    ("dns", dns::seeds),
    ("evaluate", evaluate::seeds),
    ("falco", falco::seeds),
    ("http", http::seeds),
    ("packages", packages::seeds),
    ("policies", policies::seeds),
    ("recording", recording::seeds),
    ("rpc", rpc::seeds),
    ("rules", rules::seeds),
    ("sqlite", sqlite::seeds),
    ("things", things::seeds),
    ("verify", verify::seeds),
];

fn main() -> Result<(), Box<dyn Error>> {
    for (target, make) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let seeds = make()?;
        let bytes: usize = seeds.iter().map(|(_, seed)| seed.len()).sum();
        println!("{target}: {} seeds, {bytes} bytes", seeds.len());
        for (name, seed) in seeds {
            fs::write(folder.join(name), seed)?;
        }
    }
    Ok(())
}
