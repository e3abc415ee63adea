//! `guardbee config`.
use crate::{ConfigArgs, terminal};
use clap::Subcommand;
use guardbee_agent::config;
use std::process::ExitCode;

/// What to do with it.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Every setting with its value.
    Show {
        #[command(flatten)]
        config: ConfigArgs,
        /// And where the value comes from.
        #[arg(long)]
        origin: bool,
    },
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let Command::Show { config, origin } = command;
    let (_, settings) = config::load(config.config.as_deref(), std::env::vars(), &config.set)?;
    let plain = |text: String| (text, terminal::Tone::Plain);
    let rows: Vec<_> = settings
        .into_iter()
        .map(|setting| {
            let mut row = vec![plain(setting.name), plain(setting.value)];
            if *origin {
                row.push(plain(setting.origin.to_string()));
            }
            row
        })
        .collect();
    out!("{}", terminal::table(&rows));
    Ok(ExitCode::SUCCESS)
}
