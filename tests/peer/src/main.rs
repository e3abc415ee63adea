//! Our rule engine beside an independent one, rsigma: do they find the same, and what does that take?
//!
//! `guardbee-peer equal FOLDER`, `guardbee-peer speed FOLDER` and `guardbee-peer recorded FOLDER RECORDING...`, with the folder of
//! Sigma's public rules. What is compared are the rules that use no more than the fields which [`naive`] gives to both.
#![expect(clippy::print_stdout, reason = "a command-line tool")]
#[path = "../../../sensor/rules/tests/collage/mod.rs"]
mod collage;
mod equal;
#[path = "../../../sensor/rules/tests/naive/mod.rs"]
mod naive;
mod recorded;
mod speed;

use guardbee_rules::RuleSet;
use std::{env, error::Error, fs, path::Path, sync::Arc};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One file of the folder.
struct File {
    name: String,
    text: String,
    /// As the naive evaluator reads it, or why it isn't comparable.
    rule: std::result::Result<naive::Rule, String>,
}

impl File {
    fn new(name: String, text: String) -> Self {
        let document = serde_saphyr::from_str::<serde_json::Value>(&text);
        let rule = document.map_err(|error| error.to_string()).and_then(|one| naive::Rule::of(&one));
        Self { name, text, rule }
    }
}

fn main() -> Result<()> {
    let mut args = env::args().skip(1);
    let (what, folder) = (args.next().unwrap_or_default(), args.next().unwrap_or_default());
    let more: Vec<String> = args.collect();
    match (what.as_str(), more.first()) {
        ("memory", Some(size)) => return speed::memory(&folder, size),
        ("correlations", _) => return speed::correlations(),
        _ => {}
    }
    let mut files = Vec::new();
    read(Path::new(&folder), &mut files)?;
    match what.as_str() {
        "equal" => equal::run(&files),
        "speed" => speed::run(&files),
        "recorded" => recorded::run(&files, &more),
        other => Err(format!("`{other}` is none of `equal`, `speed` and `recorded`").into()),
    }
}

fn read(folder: &Path, out: &mut Vec<File>) -> Result<()> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read(&path, out)?;
        } else if path.extension().is_some_and(|extension| extension == "yml") {
            out.push(File::new(path.display().to_string(), fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

/// Ours, of these files.
fn ours(files: &[&File]) -> Result<Arc<RuleSet>> {
    let files: Vec<(&str, &str)> =
        files.iter().map(|file| (file.name.as_str(), file.text.as_str())).collect();
    let set = RuleSet::load(&files);
    set.map(Arc::new).map_err(|problems| problems.iter().map(ToString::to_string).collect::<String>().into())
}

/// The other engine, of these files.
fn theirs(files: &[&File]) -> Result<rsigma_eval::Engine> {
    let mut all = rsigma_parser::SigmaCollection::default();
    for file in files {
        let one =
            rsigma_parser::parse_sigma_yaml(&file.text).map_err(|error| format!("{}: {error}", file.name))?;
        all.rules.extend(one.rules);
    }
    let mut engine = rsigma_eval::Engine::new();
    engine.add_collection(&all)?;
    Ok(engine)
}

/// The event as the other engine takes it: a field with several values is a list.
fn json(event: &naive::Event) -> serde_json::Value {
    let fields = event.values().map(|(name, texts)| {
        let mut texts: Vec<serde_json::Value> = texts.iter().map(|one| one.text.as_str().into()).collect();
        let value = if texts.len() == 1 { texts.remove(0) } else { texts.into() };
        (name.to_owned(), value)
    });
    fields.collect::<serde_json::Map<_, _>>().into()
}
