//! `guardbee rules explain`.
use super::{load, problem_json, show};
use crate::{
    PROBLEMS,
    terminal::{self, Tone},
};
use anyhow::{Context as _, bail};
use guardbee_model::finding::Observation;
use guardbee_rules::{Explained, Listed, Problem, RuleSet, Seen};
use serde_json::{Value, json};
use std::{
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

/// A larger file of events is an accident.
const MAX_BYTES: u64 = 1 << 20;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A rule file, or the id, name or title of a rule that `--rules` has.
    rule: String,
    /// The name of a test of the rule, or a file of events, `-` for standard input: JSON or YAML, fields as in tests.
    /// Default: each test of the rule.
    event: Option<String>,
    /// Rule files, or folders of them, that are loaded; default: RULE if it is a file, else the shipped pack.
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// JSON instead of trees.
    #[arg(long)]
    json: bool,
}

/// A rule on the events of one test or file.
struct Case<'a> {
    rule: &'a Listed,
    /// The test's name, or the file's.
    name: String,
    trees: Vec<Explained>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let is_file = Path::new(&args.rule).is_file();
    let paths = if args.rules.is_empty() && is_file { &[PathBuf::from(&args.rule)] } else { &*args.rules };
    let Some(set) = load(paths, args.json)? else { return Ok(ExitCode::from(PROBLEMS)) };
    let places = set.find(&args.rule);
    if places.is_empty() {
        bail!(
            "no rule has the id, name or title `{}`: `guardbee rules check` lists them; --rules says where",
            args.rule
        );
    }
    let mut cases = Vec::new();
    let rules = set.rules();
    for place in places {
        let Some(rule) = rules.get(place) else { continue };
        match events(&set, place, args.event.as_deref())? {
            Ok(all) => cases.extend(all.into_iter().map(|(name, events)| {
                let trees = set.explain(place, &events);
                Case { rule, name, trees }
            })),
            Err(problems) => {
                tell(&problems, args.json);
                return Ok(ExitCode::from(PROBLEMS));
            }
        }
    }
    if cases.is_empty() {
        let tests: Vec<_> =
            set.find(&args.rule).into_iter().flat_map(|place| set.test_names(place)).collect();
        let known =
            if tests.is_empty() { "it has none".to_owned() } else { format!("it has: {}", tests.join(", ")) };
        bail!(
            "`{}` is no test of the rule ({known}) and no file",
            args.event.as_deref().unwrap_or("(every test)")
        );
    }
    if args.json {
        outln!("{:#}", json!({ "explanations": cases.iter().map(case_json).collect::<Vec<_>>() }));
    } else {
        cases.iter().for_each(print);
    }
    Ok(ExitCode::SUCCESS)
}

type Named = Vec<(String, Vec<Arc<Observation>>)>;

/// The events that are asked for; none: the rule has no such test.
fn events(set: &RuleSet, place: usize, wanted: Option<&str>) -> anyhow::Result<Result<Named, Vec<Problem>>> {
    let of_test = |name: &str| set.test_events(place, name).map(|events| (name.to_owned(), events));
    let Some(wanted) = wanted else {
        return Ok(Ok(set.test_names(place).into_iter().filter_map(of_test).collect()));
    };
    if let Some(found) = of_test(wanted) {
        return Ok(Ok(vec![found]));
    }
    if wanted != "-" && !Path::new(wanted).is_file() {
        return Ok(Ok(Vec::new()));
    }
    let text = read(wanted).with_context(|| format!("read the events {wanted}"))?;
    Ok(set.read_events(place, wanted, &text).map(|events| vec![(wanted.to_owned(), events)]))
}

fn read(path: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    if path == "-" {
        std::io::stdin().take(MAX_BYTES + 1).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    }
    anyhow::ensure!(
        text.len() as u64 <= MAX_BYTES,
        "more than {MAX_BYTES} bytes: take the events in question out"
    );
    Ok(text)
}

fn tell(problems: &[Problem], json: bool) {
    if json {
        outln!("{:#}", json!({ "problems": problems.iter().map(problem_json).collect::<Vec<_>>() }));
    } else {
        problems.iter().for_each(show);
    }
}

fn print(case: &Case<'_>) {
    let info = &case.rule.info;
    for tree in &case.trees {
        let (word, tone) = if tree.holds { ("match", Tone::Good) } else { ("no match", Tone::Bad) };
        outln!("{}: {} on {}", terminal::paint(word, tone), info.title, case.name);
        outln!("  {}", info.source);
        outln!("  {}", weight(case.rule));
        if !case.rule.requires.is_empty() {
            outln!(
                "  requires {}: `guardbee rules doctor` says whether hooks here make them",
                case.rule.requires.join(", ")
            );
        }
        let mut lines = Vec::new();
        for part in &tree.parts {
            draw(part, 1, true, &mut lines);
        }
        out!("{}", terminal::table(&lines));
        if let Some(note) = &tree.note {
            outln!("  {}", terminal::paint(note, Tone::Warn));
        }
    }
}

/// What its findings say of how much they matter.
fn weight(rule: &Listed) -> String {
    let risk = rule.info.risk.map(|risk| format!(", risk {risk} of 100"));
    format!("level {}{}", rule.info.level.name(), risk.unwrap_or_default())
}

/// Green is what helps the rule to match: under a `not`, what doesn't hold.
fn draw(part: &Explained, depth: usize, wanted: bool, out: &mut Vec<Vec<(String, Tone)>>) {
    let tone = if part.holds == wanted { Tone::Good } else { Tone::Bad };
    let word = if part.holds { "yes" } else { "no " };
    let text = format!("{}{word} {}", "  ".repeat(depth), part.text);
    let file = part.filter.iter().map(|file| format!("of {file}"));
    let seen = part.seen.iter().map(Seen::sentence);
    let facts: Vec<String> = seen.chain(part.note.clone()).chain(file).collect();
    let line = if part.line > 0 { format!("{}:{}", part.line, part.column) } else { String::new() };
    out.push(vec![(text, tone), (line, Tone::Plain), (facts.join("; "), Tone::Plain)]);
    let wanted = if part.join == guardbee_rules::Join::Not { !wanted } else { wanted };
    for inner in &part.parts {
        draw(inner, depth + 1, wanted, out);
    }
}

fn case_json(case: &Case<'_>) -> Value {
    let info = &case.rule.info;
    json!({
        "rule": info.title,
        "id": info.id,
        "file": info.source,
        "level": info.level.name(),
        "risk": info.risk,
        "requires": case.rule.requires,
        "why_not": case.rule.can_fire.as_ref().err(),
        "events": case.name,
        "explained": case.trees.iter().map(tree_json).collect::<Vec<_>>(),
    })
}

fn tree_json(tree: &Explained) -> Value {
    let Explained { text, line, column, filter, holds, join, seen, note, parts } = tree;
    let seen: Vec<_> =
        seen.iter().map(|seen| json!({ "field": seen.field, "values": seen.values })).collect();
    json!({
        "text": text,
        "line": line,
        "column": column,
        "filter": filter,
        "holds": holds,
        "join": join.name(),
        "seen": seen,
        "note": note,
        "parts": parts.iter().map(tree_json).collect::<Vec<_>>(),
    })
}
