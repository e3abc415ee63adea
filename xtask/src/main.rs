//! What developers do: `cargo xtask help`.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a command-line tool")]
#![allow(
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "a tool for developers, on its own data"
)]

mod accept;
mod actions;
mod attacks;
mod bench;
mod deny;
mod form;
mod layers;
mod nouns;
mod process;
mod stage;
mod tidy;

use clap::{Parser, Subcommand};
use stage::Stages;
use std::process::ExitCode;

/// What developers do.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show what an issue must show, on real programs: a table of rows.
    Accept(accept::Args),
    /// Carry out what public rules are about before a running sensor that has loaded them.
    Actions(actions::Args),
    /// Carry out attacks before a running sensor, and write down which of them it finds.
    Attacks(attacks::Args),
    /// What the sensor costs: side by side with nothing and with empty hooks.
    Bench(bench::Args),
    /// Form: formatting, lints, the import table, names, licences. No tests.
    Check,
    /// Every check, every test of the pure and the host lane, the rows' quick parts.
    Test,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Accept(args) => accept::run(args),
        Command::Actions(args) => actions::run(args),
        Command::Attacks(args) => attacks::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Check => check(&mut Stages::default()),
        Command::Test => test(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn check(stages: &mut Stages) -> anyhow::Result<()> {
    stages.run("import table", layers::check)?;
    stages.run("same nouns", nouns::check)?;
    stages.run("tidy", tidy::check)?;
    stages.run("licences, sources, bans", deny::check)?;
    stages.command("format", "cargo", &["fmt", "--all", "--check"])?;
    stages.run("format of C", form::check)?;
    stages.command(
        "lints",
        "cargo",
        &["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"],
    )
}

fn test() -> anyhow::Result<()> {
    let mut stages = Stages::default();
    check(&mut stages)?;
    stages.command("tests, built", "cargo", &["test", "--workspace", "--no-run", "--quiet"])?;
    stages.command(
        "tests: pure and host lane",
        "cargo",
        &["test", "--workspace", "--quiet", "--no-fail-fast"],
    )?;
    // With the binary that the tests were run with.
    let rows = ["xtask", "accept", "thread", "--quick", "--guardbee", "target/debug/guardbee"];
    stages.command("rows: quick parts", "cargo", &rows)?;
    stages.command(
        "binary without libbpf",
        "cargo",
        &["check", "--package", "guardbee-cli", "--no-default-features", "--quiet"],
    )?;
    // Workspaces of their own.
    let fuzz = ["check", "--manifest-path", "fuzz/Cargo.toml", "--bins", "--examples", "--locked", "--quiet"];
    stages.command(
        "fuzz targets, checked",
        "cargo",
        &[&fuzz[..], &["--target-dir", "fuzz/target"]].concat(),
    )?;
    let peer = ["check", "--manifest-path", "tests/peer/Cargo.toml", "--locked", "--quiet"];
    stages.command(
        "the independent rule engine, checked",
        "cargo",
        &[&peer[..], &["--target-dir", "target/peer"]].concat(),
    )?;
    stages.print();
    println!(
        "not run here: the rows' other parts, with the interop lane and the vm lane's other kernels \
         (`cargo xtask accept thread`)"
    );
    Ok(())
}
