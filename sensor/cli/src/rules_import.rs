//! `guardbee rules import falco`.
use crate::{
    PROBLEMS,
    rules::{problem_json, show},
    terminal::{self, Tone},
};
use anyhow::Context as _;
use guardbee_rules::falco::{self, Exclusions, Import, Imported, Obstacle, Outcome};
use serde_json::{Value, json};
use std::{
    fs::{self, OpenOptions},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

/// A larger file is an accident or an attack.
const MAX_BYTES: u64 = 10 << 20;
/// Reasons of one rule that the table shows.
const REASONS: usize = 8;

/// From which language.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Rule files of Falco, in the order in which Falco reads them: later ones change what earlier ones define.
    ///
    /// Exit code 1: not every rule could be imported. Disabled rules don't count.
    Falco(Args),
}

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Falco's rule files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write the imported rules here, a file each; without it, only say what can be imported. Files that are there
    /// already are not overwritten.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Leave out exclusions that can't be said, in place of refusing their rules: these find more than Falco's, and say so.
    #[arg(long)]
    without_exclusions: bool,
    /// One JSON document instead of the table, with the rules in it.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let Command::Falco(args) = command;
    let files = args.files.iter().map(|path| read(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let exclusions = if args.without_exclusions { Exclusions::LeftOut } else { Exclusions::Needed };
    let import = match falco::import(&files, exclusions) {
        Ok(import) => import,
        Err(problems) => {
            if args.json {
                outln!("{:#}", json!({ "problems": problems.iter().map(problem_json).collect::<Vec<_>>() }));
            } else {
                problems.iter().for_each(show);
                outln!("{} problems in {} files: nothing was imported", problems.len(), files.len());
            }
            return Ok(ExitCode::from(PROBLEMS));
        }
    };
    if let Some(folder) = &args.out {
        write(&import, folder)?;
    }
    if args.json {
        outln!("{:#}", report(&import));
    } else {
        import.warnings.iter().for_each(show);
        out!("{}", terminal::table(&import.rules.iter().flat_map(rows).collect::<Vec<_>>()));
        outln!("{}", summary(&import, args.out.as_deref()));
    }
    let refused = import.rules.iter().any(|rule| matches!(rule.outcome, Outcome::Refused(_)));
    Ok(if refused { ExitCode::from(PROBLEMS) } else { ExitCode::SUCCESS })
}

fn read(path: &Path) -> anyhow::Result<(String, String)> {
    let file = fs::File::open(path).with_context(|| format!("read Falco's rules {}", path.display()))?;
    let mut text = String::new();
    file.take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("read Falco's rules {}: rules are UTF-8", path.display()))?;
    anyhow::ensure!(
        text.len() as u64 <= MAX_BYTES,
        "{} is longer than {MAX_BYTES} bytes: split it",
        path.display()
    );
    Ok((path.display().to_string(), text))
}

/// Nothing is overwritten: an imported rule may have been edited since.
fn write(import: &Import, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("make the folder {}", folder.display()))?;
    for rule in &import.rules {
        let Outcome::Written { file, yaml, .. } = &rule.outcome else { continue };
        let path = folder.join(file);
        let mut new =
            OpenOptions::new().write(true).create_new(true).open(&path).with_context(|| {
                format!("write {}: name an empty folder, or remove it first", path.display())
            })?;
        new.write_all(yaml.as_bytes()).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

/// A line for each rule, and one for each reason why it isn't imported.
fn rows(rule: &Imported) -> Vec<Vec<(String, Tone)>> {
    let plain = |text: String| (text, Tone::Plain);
    let (word, tone, lines) = match &rule.outcome {
        Outcome::Written { left_out, unfilled, .. } if left_out.is_empty() => {
            let fill = |name: &String| format!("finds nothing until `{name}` has values");
            ("imported", Tone::Good, unfilled.iter().map(fill).collect())
        }
        Outcome::Written { left_out, .. } => ("finds more", Tone::Warn, reasons(left_out)),
        Outcome::Disabled => ("disabled", Tone::Plain, Vec::new()),
        Outcome::Refused(obstacles) if obstacles.iter().all(|obstacle| obstacle.event) => {
            ("needs events", Tone::Warn, reasons(obstacles))
        }
        Outcome::Refused(obstacles) => ("not imported", Tone::Bad, reasons(obstacles)),
    };
    let place = format!("{}:{}", name(&rule.file), rule.line);
    let mut lines = lines.into_iter();
    let first = lines.next().unwrap_or_default();
    let mut out = vec![vec![(word.to_owned(), tone), plain(place), plain(rule.name.clone()), plain(first)]];
    out.extend(lines.map(|line| {
        let nothing = || plain(String::new());
        vec![nothing(), nothing(), nothing(), plain(line)]
    }));
    out
}

/// Obstacles by field and reason.
fn reasons(obstacles: &[Obstacle]) -> Vec<String> {
    let mut groups: Vec<(&Obstacle, usize)> = Vec::new();
    for one in obstacles {
        match groups.iter_mut().find(|(known, _)| known.field == one.field && known.why == one.why) {
            Some((_, count)) => *count += 1,
            None => groups.push((one, 1)),
        }
    }
    let more = groups.len().saturating_sub(REASONS);
    let mut out: Vec<_> = groups.into_iter().take(REASONS).map(|(one, count)| reason(one, count)).collect();
    if more > 0 {
        out.push(format!("and {more} more reasons: see --json"));
    }
    out
}

fn reason(one: &Obstacle, count: usize) -> String {
    if one.event {
        return format!("{}: {}", one.field, one.why);
    }
    let others = if count > 1 { format!(" and {} more places", count - 1) } else { String::new() };
    let what = if count > 1 { &one.field } else { &one.what };
    let mut what: String = what.chars().take(70).collect();
    if count == 1 && what.len() < one.what.len() {
        what.push('…');
    }
    format!("{what}: {} ({}:{}{others})", one.why, name(&one.file), one.line)
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn summary(import: &Import, folder: Option<&Path>) -> String {
    let (mut written, mut wider, mut disabled, mut waiting, mut refused) = (0, 0, 0, 0, 0);
    for rule in &import.rules {
        match &rule.outcome {
            Outcome::Written { left_out, .. } => {
                written += 1;
                wider += usize::from(!left_out.is_empty());
            }
            Outcome::Disabled => disabled += 1,
            Outcome::Refused(obstacles) if obstacles.iter().all(|one| one.event) => waiting += 1,
            Outcome::Refused(_) => refused += 1,
        }
    }
    let to = match folder {
        Some(folder) => format!("written to {}", folder.display()),
        None => "importable (write them with --out DIR)".to_owned(),
    };
    let to =
        if wider == 0 { to } else { format!("{to}, {wider} of them without exclusions that can't be said") };
    let all = import.rules.len();
    format!(
        "{all} rules: {written} {to}, {waiting} need events that are not recorded, {refused} can't be said, {disabled} disabled"
    )
}

fn report(import: &Import) -> Value {
    let rules: Vec<Value> = import.rules.iter().map(rule).collect();
    json!({ "rules": rules, "problems": import.warnings.iter().map(problem_json).collect::<Vec<_>>() })
}

fn rule(rule: &Imported) -> Value {
    let mut out = json!({ "name": rule.name, "file": rule.file, "line": rule.line });
    let more = match &rule.outcome {
        Outcome::Written { file, yaml, notes, left_out, unfilled } => {
            let left_out: Vec<Value> = left_out.iter().map(obstacle).collect();
            json!({
                "outcome": "imported",
                "written_as": file,
                "yaml": yaml,
                "notes": notes,
                "left_out": left_out,
                "unfilled": unfilled,
            })
        }
        Outcome::Disabled => json!({ "outcome": "disabled" }),
        Outcome::Refused(obstacles) => {
            let events = obstacles.iter().all(|obstacle| obstacle.event);
            let word = if events { "needs-events" } else { "not-imported" };
            json!({ "outcome": word, "reasons": obstacles.iter().map(obstacle).collect::<Vec<_>>() })
        }
    };
    if let (Value::Object(out), Value::Object(more)) = (&mut out, more) {
        out.extend(more);
    }
    out
}

fn obstacle(one: &Obstacle) -> Value {
    json!({
        "file": one.file,
        "line": one.line,
        "column": one.column,
        "kind": if one.event { "event" } else { "condition" },
        "field": one.field,
        "what": one.what,
        "why": one.why,
    })
}
