//! `guardbee verify`.
use crate::{
    PROBLEMS,
    terminal::{Tone, paint},
};
use anyhow::{Context as _, bail};
use guardbee_seal::{
    PublicKey,
    verify::{self, Class, Input, Judged, Options, Trust},
};
use std::{
    fs::File,
    io::{BufRead, BufReader, Read as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Longer is no public key.
const KEY_BYTES: u64 = 64 << 10;

/// What to prove, against whom.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Exports: OTLP JSON lines, as a collector's file exporter writes them.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The public key that certified the sensors (cosign.pub).
    #[arg(long, value_name = "FILE", conflicts_with = "ephemeral")]
    key: Option<PathBuf>,
    /// There is no long-term key: take keys that certified themselves.
    #[arg(long)]
    ephemeral: bool,
    /// Say only what is wrong, and the totals.
    #[arg(long)]
    quiet: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let trust = match &args.key {
        Some(path) => Trust::Key(Box::new(public_key(path)?)),
        None if args.ephemeral => Trust::Ephemeral,
        None => Trust::Nobody,
    };
    let inputs: Vec<_> = args.files.iter().map(|path| input(path)).collect::<anyhow::Result<_>>()?;
    let report = verify::run(&inputs, &Options::new(trust), &mut |judged| show(&judged, args.quiet))?;
    out!("{report}");
    let (word, tone, code) = match report.class() {
        Class::Ok => ("everything is as it was sealed", Tone::Good, ExitCode::SUCCESS),
        Class::Problems => ("NOT everything is as it was sealed", Tone::Bad, ExitCode::from(PROBLEMS)),
        Class::Unreadable => ("not everything could be read", Tone::Bad, ExitCode::from(2)),
    };
    outln!("{}", paint(word, tone));
    Ok(code)
}

fn show(judged: &Judged, quiet: bool) {
    let lawful = judged.verdict.is_lawful();
    if !(quiet && lawful) {
        outln!("{}", paint(&judged.to_string(), if lawful { Tone::Good } else { Tone::Bad }));
    }
}

fn public_key(path: &Path) -> anyhow::Result<PublicKey> {
    let mut pem = Vec::new();
    let file = File::open(path).with_context(|| format!("read the public key {}", path.display()))?;
    file.take(KEY_BYTES).read_to_end(&mut pem)?;
    PublicKey::from_pem(&pem).with_context(|| path.display().to_string())
}

/// Verification reads an export three times: a pipe can't be rewound.
fn input(path: &Path) -> anyhow::Result<Input<'_>> {
    let file = std::fs::metadata(path).with_context(|| format!("read the export {}", path.display()))?;
    if !file.is_file() {
        bail!("the export {} is no regular file: write it to one first", path.display());
    }
    Ok(Input::new(path.display().to_string(), move || {
        Ok(Box::new(BufReader::new(File::open(path)?)) as Box<dyn BufRead>)
    }))
}
