//! The `guardbee` binary.
#![forbid(unsafe_code)]

#[macro_use]
mod terminal;

mod completions;
mod config;
#[cfg(feature = "run")]
mod doctor;
mod key;
mod policy;
#[cfg(feature = "run")]
mod record;
mod rules;
mod rules_import;
mod rules_replay;
#[cfg(feature = "run")]
mod run;
mod verify;

use clap::{Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};

/// A sensor that knows which request caused what, and can prove it.
///
/// Exit codes: 0 done; 1 problems were found, such as a record that doesn't verify; 2 the command could not run.
#[derive(Parser)]
#[command(name = "guardbee", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print a completion script for a shell.
    Completions(completions::Args),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(config::Command),
    /// What works on this node, by which hook; what can't be seen, why, and what to do about it.
    #[cfg(feature = "run")]
    Doctor(doctor::Args),
    /// Long-term keys.
    #[command(subcommand)]
    Key(key::Command),
    /// What opens files that others may serve; the loader starts it.
    #[cfg(feature = "run")]
    #[command(hide = true)]
    Opener,
    /// The privileged half; `run` starts it.
    #[cfg(feature = "run")]
    #[command(hide = true)]
    Loader(run::LoaderArgs),
    /// The unprivileged half; the loader starts it.
    #[cfg(feature = "run")]
    #[command(hide = true)]
    Pipeline(run::PipelineArgs),
    /// The unprivileged half in its sandbox, for `doctor`.
    #[cfg(feature = "run")]
    #[command(hide = true)]
    Sandbox(run::PipelineArgs),
    /// What to observe where, whose payload may be read, how much each scope may use.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Record what rules see on this node, to run rules on it later.
    ///
    /// Of files, and of what is done to the system, that is what the configured rules look at; by default the shipped pack's.
    #[cfg(feature = "run")]
    Record(record::Args),
    /// Detection rules.
    #[command(subcommand)]
    Rules(rules::Command),
    /// Observe this node until SIGTERM or Ctrl-C.
    #[cfg(feature = "run")]
    Run(run::Args),
    /// What the loader's self-test does, so that every program fires.
    #[cfg(feature = "run")]
    #[command(hide = true)]
    SelfTest {
        /// `leaf`: the process that it starts.
        role: Option<String>,
    },
    /// Prove exported records, offline.
    Verify(verify::Args),
}

/// Where the configuration comes from.
#[derive(clap::Args, Clone, Debug, Default)]
struct ConfigArgs {
    /// The configuration file; default: /etc/guardbee/guardbee.yaml, if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting, such as `deliver.console=false`; wins over file and environment.
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
}

fn setting(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("`{text}` has no `=`; write it as NAME=VALUE, such as deliver.console=false"))
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Completions(args) => Ok(completions::run(&args)),
        Command::Config(command) => config::run(&command),
        #[cfg(feature = "run")]
        Command::Doctor(args) => doctor::run(&args),
        Command::Key(command) => key::run(&command),
        #[cfg(feature = "run")]
        Command::Loader(args) => run::loader(&args),
        #[cfg(feature = "run")]
        Command::Pipeline(args) => run::pipeline(&args),
        #[cfg(feature = "run")]
        Command::Record(args) => record::run(&args),
        Command::Policy(command) => policy::run(&command),
        Command::Rules(command) => rules::run(&command),
        #[cfg(feature = "run")]
        Command::Sandbox(args) => run::sandbox(&args),
        #[cfg(feature = "run")]
        Command::Run(args) => run::run(&args),
        #[cfg(feature = "run")]
        Command::Opener => Ok(run::opener()),
        #[cfg(feature = "run")]
        Command::SelfTest { .. } => Ok(run::self_test()),
        Command::Verify(args) => verify::run(&args),
    };
    result.unwrap_or_else(|error| {
        noteln!("guardbee: {error:#}");
        ExitCode::from(2)
    })
}

/// What was asked was done, and the answer is bad news.
const PROBLEMS: u8 = 1;
