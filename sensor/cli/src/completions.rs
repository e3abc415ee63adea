//! `guardbee completions`.
use clap::CommandFactory as _;
use std::process::ExitCode;

/// For which shell.
#[derive(clap::Args)]
pub(crate) struct Args {
    shell: clap_complete::Shell,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    clap_complete::generate(args.shell, &mut crate::Cli::command(), "guardbee", &mut std::io::stdout());
    ExitCode::SUCCESS
}
