//! What an issue must show, on real programs.
use clap::Parser;

/// Which rows.
#[derive(Parser)]
pub(crate) struct Args {
    /// The issue, such as `thread`.
    issue: String,
    /// Only these rows.
    #[arg(long)]
    row: Vec<char>,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    anyhow::bail!("{}: rows {:?} are not built", args.issue, args.row)
}
