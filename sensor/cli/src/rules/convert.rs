//! `guardbee rules convert`.
use super::load;
use crate::{
    PROBLEMS,
    terminal::{self, Tone},
};
use anyhow::Context as _;
use guardbee_rules::RuleSet;
use serde_json::json;
use std::{fs::OpenOptions, io::Write as _, path::PathBuf, process::ExitCode};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Rule files, or folders of them; default: the shipped pack.
    paths: Vec<PathBuf>,
    /// Write the files here; without it, only say what can be converted. Files that are there are not overwritten.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// One JSON document instead of the table, with the text of each file.
    #[arg(long)]
    json: bool,
}

/// A file is converted whole or not at all: its documents may need each other.
struct File {
    name: String,
    /// The text, or for each rule that stands in the way its title and why.
    outcome: Result<String, Vec<(String, String)>>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Some(set) = load(&args.paths, args.json)? else { return Ok(ExitCode::from(PROBLEMS)) };
    let texts = guardbee_agent::rule_files::read_or_shipped(&args.paths)?;
    let files: Vec<_> = texts.iter().map(|(name, text)| convert(&set, name, text)).collect();
    if let Some(folder) = &args.out {
        std::fs::create_dir_all(folder).with_context(|| format!("make the folder {}", folder.display()))?;
        for file in &files {
            let Ok(text) = &file.outcome else { continue };
            let path = folder.join(file.name.rsplit('/').next().unwrap_or(&file.name));
            let context = || format!("write {}: name an empty folder, or remove it first", path.display());
            let mut new =
                OpenOptions::new().write(true).create_new(true).open(&path).with_context(context)?;
            new.write_all(text.as_bytes()).with_context(context)?;
        }
    }
    let refused = files.iter().filter(|file| file.outcome.is_err()).count();
    if args.json {
        let one = |file: &File| match &file.outcome {
            Ok(text) => json!({ "file": file.name, "outcome": "converted", "yaml": text }),
            Err(reasons) => {
                let reasons: Vec<_> =
                    reasons.iter().map(|(rule, why)| json!({ "rule": rule, "why": why })).collect();
                json!({ "file": file.name, "outcome": "refused", "reasons": reasons })
            }
        };
        outln!("{:#}", json!({ "files": files.iter().map(one).collect::<Vec<_>>() }));
    } else {
        out!("{}", terminal::table(&files.iter().flat_map(rows).collect::<Vec<_>>()));
        outln!("{} files: {} converted, {refused} refused", files.len(), files.len() - refused);
    }
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(PROBLEMS) })
}

fn rows(file: &File) -> Vec<Vec<(String, Tone)>> {
    let plain = |text: &str| (text.to_owned(), Tone::Plain);
    match &file.outcome {
        Ok(_) => vec![vec![("converted".to_owned(), Tone::Good), plain(&file.name)]],
        Err(reasons) => reasons
            .iter()
            .map(|(rule, why)| {
                vec![("refused".to_owned(), Tone::Bad), plain(&file.name), plain(rule), plain(why)]
            })
            .collect(),
    }
}

fn convert(set: &RuleSet, name: &str, text: &str) -> File {
    let rules = set.rules().into_iter().enumerate().filter(|(_, rule)| &*rule.info.source == name);
    let mut reasons: Vec<_> = rules
        .filter_map(|(place, rule)| Some((rule.info.title.to_string(), set.bound_to_guardbee(place)?)))
        .collect();
    let text = without_block(text);
    let left = |line: &str| !line.trim_start().starts_with('#') && line.contains("guardbee");
    if reasons.is_empty() && text.lines().any(left) {
        let why = "something of Guardbee's is left: write `guardbee:` as a block of its own at the end of the rule, and name \
                   log sources that are Sigma's";
        reasons.push((String::new(), why.to_owned()));
    }
    let outcome = if reasons.is_empty() { Ok(text) } else { Err(reasons) };
    File { name: name.to_owned(), outcome }
}

/// The lines of a file but for those of the `guardbee` keys of its documents.
fn without_block(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut within = false;
    for line in text.split_inclusive('\n') {
        // A key of a document begins in the first column, and so does the end of a document.
        let begins = !line.starts_with([' ', '\t', '\n', '\r', '#', '-']) || line.starts_with("---");
        if begins {
            within = line.starts_with("guardbee:");
        }
        if !within {
            out.push_str(line);
        }
    }
    out
}
