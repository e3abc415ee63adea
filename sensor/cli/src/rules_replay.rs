//! `guardbee rules replay`.
use crate::{
    PROBLEMS,
    terminal::{self, Tone},
};
use guardbee_agent::{
    replay::{Ending, Found, Hole, Outcome, Replay, Source},
    rule_files,
};
use guardbee_model::{
    clock::WallTime,
    finding::{Action, Level},
    record::{Record, Value},
};
use guardbee_recording::{End, Head, Secrets};
use guardbee_rules::{Listed, RuleSet};
use serde_json::json;
use std::{
    collections::BTreeMap,
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

/// Bytes between two looks at how far it has come.
const STEP: u64 = 4 << 20;
/// Holes that are listed; more are counted.
const HOLES: usize = 8;

/// What to play, and to whom.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Rule files, or folders of them; default: the shipped pack.
    rules: Vec<PathBuf>,
    /// What `guardbee record` wrote, or the journal's folder.
    #[arg(long, value_name = "FILE")]
    recording: PathBuf,
    /// Rules to compare with, such as those before a change: `+` is what only RULES find, `-` what only these do.
    #[arg(long, value_name = "OTHER_RULES")]
    diff: Option<PathBuf>,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

/// What one set of rules made of it.
struct Played {
    rules: Vec<Listed>,
    outcome: Outcome,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Some(rules) = load(&rule_files::read_or_shipped(&args.rules)?) else {
        return Ok(ExitCode::from(PROBLEMS));
    };
    let other = match &args.diff {
        Some(path) => match load(&rule_files::read(std::slice::from_ref(path))?) {
            Some(other) => Some(other),
            None => return Ok(ExitCode::from(PROBLEMS)),
        },
        None => None,
    };
    let sets: Vec<_> = std::iter::once(rules).chain(other).collect();
    let (played, heads, endings) = play(&sets, &args.recording)?;
    if args.json {
        outln!("{}", as_json(&played, &heads, &endings));
    } else {
        tell(&played, &heads, &endings);
    }
    let damaged = endings.iter().any(|ending| matches!(ending.end, End::Damaged { .. }));
    Ok(if damaged { ExitCode::from(PROBLEMS) } else { ExitCode::SUCCESS })
}

fn load(files: &[(String, String)]) -> Option<Arc<RuleSet>> {
    match RuleSet::load(files) {
        Ok(set) => Some(Arc::new(set)),
        Err(problems) => {
            for problem in &problems {
                noteln!("{problem}");
            }
            noteln!("{} problems in {} files", problems.len(), files.len());
            None
        }
    }
}

fn play(sets: &[Arc<RuleSet>], path: &Path) -> anyhow::Result<(Vec<Played>, Vec<Head>, Vec<Ending>)> {
    let source = Source::find(path)?;
    let mut replays: Vec<_> = sets.iter().map(|set| Replay::new(Arc::clone(set))).collect();
    let replays_of = std::cell::RefCell::new(&mut replays);
    let mut heads: Vec<Head> = Vec::new();
    let (mut progress, mut shown) = (Progress::new(source.bytes()), 0);
    let endings = source.play(
        &mut |head| {
            if heads.last().is_none_or(|last| last.instance != head.instance) {
                heads.push(head.clone());
            }
            replays_of.borrow_mut().iter_mut().for_each(|replay| replay.begin(head));
        },
        &mut |item, at| {
            replays_of.borrow_mut().iter_mut().for_each(|replay| replay.item(&item));
            if at >= shown {
                progress.show(at);
                shown = at + STEP;
            }
        },
    )?;
    progress.clear();
    let played = replays.into_iter().zip(sets);
    let played = played.map(|(replay, set)| Played { rules: set.rules(), outcome: replay.finish() });
    Ok((played.collect(), heads, endings))
}

/// How far it has come, on a terminal.
struct Progress {
    bytes: u64,
    terminal: bool,
}

impl Progress {
    fn new(bytes: u64) -> Self {
        Self { bytes, terminal: std::io::stderr().is_terminal() && bytes > STEP }
    }

    fn show(&mut self, at: u64) {
        if self.terminal {
            let percent = at.min(self.bytes) * 100 / self.bytes.max(1);
            note!("\r{percent:3} % of {} MB", self.bytes / 1_000_000);
            std::io::stderr().flush().unwrap_or_default();
        }
    }

    fn clear(&mut self) {
        if self.terminal {
            note!("\r\x1b[K");
        }
    }
}

/// Findings of both sets, in order: what only the first found, only the second, or both.
fn compared(played: &[Played]) -> Vec<(Sign, &Found)> {
    let Some(Played { outcome, .. }) = played.first() else { return Vec::new() };
    let Some(Played { outcome: other, .. }) = played.get(1) else {
        return outcome.found.iter().map(|found| (Sign::Both, found)).collect();
    };
    let mut left: BTreeMap<_, Vec<&Found>> = BTreeMap::new();
    for found in &other.found {
        left.entry(found.key()).or_default().push(found);
    }
    let mut signs: Vec<_> = outcome
        .found
        .iter()
        .map(|found| {
            let both = left.get_mut(&found.key()).and_then(Vec::pop).is_some();
            (if both { Sign::Both } else { Sign::Only }, found)
        })
        .collect();
    signs.extend(left.into_values().flatten().map(|found| (Sign::Other, found)));
    signs.sort_by_key(|(_, found)| found.time);
    signs
}

/// Who found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Only,
    Other,
    Both,
}

fn tell(played: &[Played], heads: &[Head], endings: &[Ending]) {
    let comparing = played.len() > 1;
    let compared = compared(played);
    let node = heads.first().map(|head| head.node.as_str()).unwrap_or_default();
    let told = compared.iter().filter(|(sign, _)| !comparing || *sign != Sign::Both);
    let rows: Vec<_> = told.map(|(sign, found)| row(*sign, comparing, found, node)).collect();
    out!("{}", terminal::table(&rows));
    let Some(Played { rules, outcome }) = played.first() else { return };
    if comparing {
        let count = |wanted| compared.iter().filter(|(sign, _)| *sign == wanted).count();
        let (only, other, both) = (count(Sign::Only), count(Sign::Other), count(Sign::Both));
        outln!("{only} findings only with RULES, {other} only with OTHER_RULES, {both} with both");
    }
    outln!("{}", summary(outcome));
    for Played { outcome, .. } in played.iter().filter(|played| played.outcome.more > 0) {
        outln!("{} findings more than are kept: choose fewer rules", outcome.more);
    }
    for head in heads.iter().filter(|head| head.secrets == Secrets::Raw) {
        warn(&format!("the recording of {} is raw: secrets are in it", head.node));
    }
    for lost in &outcome.seen.lost {
        let (loss, from, to) = (&lost.loss, time(lost.from), time(lost.to));
        let (stage, cause, kind, count) = (loss.stage.name(), loss.cause, loss.kind, loss.count);
        warn(&format!("{count} {kind} lost between {from} and {to} ({stage}: {cause})"));
    }
    for ending in endings {
        warn(&ended(ending));
    }
    silent(rules, outcome);
}

fn warn(text: &str) {
    outln!("{}", terminal::paint(text, Tone::Warn));
}

fn summary(outcome: &Outcome) -> String {
    let found = outcome.found.len() as u64 + outcome.more;
    let seconds = outcome.elapsed.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = outcome.events as f64 / seconds.max(1e-9);
    let between = match outcome.seen.whole() {
        Some((from, to)) => format!("recorded between {} and {}", time(from), time(to)),
        None => "of which nothing says when it was recorded".to_owned(),
    };
    format!("{found} findings in {} events {between}; {rate:.0} events a second", outcome.events)
}

fn row(sign: Sign, comparing: bool, found: &Found, node: &str) -> Vec<(String, Tone)> {
    let record = found.record(node);
    let level = found.rule.level;
    let tone = if level >= Level::High { Tone::Bad } else { Tone::Warn };
    let mut row = vec![
        (time(found.time), Tone::Plain),
        (level.name().to_owned(), tone),
        (found.rule.title.to_string(), Tone::Plain),
        (what(found, &record), Tone::Plain),
    ];
    if comparing {
        let (sign, tone) = if sign == Sign::Only { ("+", Tone::Good) } else { ("-", Tone::Bad) };
        row.insert(0, (sign.to_owned(), tone));
    }
    row
}

/// Its last step, in a line; from the record, in which secrets are replaced.
fn what(found: &Found, record: &Record) -> String {
    let text = |key: &str| match record.attribute(key) {
        Some(Value::Text(text)) => text.to_string(),
        Some(Value::Int(number)) => number.to_string(),
        _ => String::new(),
    };
    let request = || {
        let query = text("url.query");
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{} {}{mark}{query}", text("http.request.method"), text("url.path"))
    };
    let steps = match found.evidence.len() {
        0 | 1 => String::new(),
        steps => format!(", {steps} steps"),
    };
    let last = found.evidence.last().map(|last| &last.action);
    let act = match last {
        Some(Action::RequestHead(_) | Action::Exchange(..)) => request(),
        Some(Action::Connect(_) | Action::Datagram(_)) => {
            format!(
                "{} to {}:{}",
                text("process.executable.path"),
                text("destination.address"),
                text("destination.port")
            )
        }
        _ => text("process.command_line"),
    };
    format!("{}: {act}{steps}", last.map(Action::name).unwrap_or_default())
}

/// Of rules that found nothing, those of which that says little.
fn silent(rules: &[Listed], outcome: &Outcome) {
    for rule in rules.iter().filter(|rule| !has_found(rule, outcome)) {
        let title = &rule.info.title;
        if let Err(why) = &rule.can_fire {
            warn(&format!("`{title}` can't fire: {why}"));
            continue;
        }
        let holes = outcome.seen.holes(&rule.wants, &rule.selection);
        for hole in holes.iter().take(HOLES) {
            warn(&format!("`{title}`: {}", not_recorded(hole)));
        }
        if holes.len() > HOLES {
            warn(&format!("`{title}`: and {} more such times", holes.len() - HOLES));
        }
        let lost = outcome.seen.lost_of(&rule.wants);
        if lost > 0 {
            warn(&format!("`{title}` found nothing, and {lost} events that it might have matched were lost"));
        }
        if let Some(baseline) = &rule.baseline {
            warn(&format!(
                "`{title}` knows nothing when a recording begins: what is new in its first {} s is learned, not told",
                baseline.learn_seconds
            ));
        }
    }
}

fn not_recorded(hole: &Hole) -> String {
    let (from, to) = (time(hole.from), time(hole.to));
    if hole.missing.is_empty() {
        return format!(
            "not recorded between {from} and {to}: the sensor was not running, or did not record"
        );
    }
    format!("not recorded between {from} and {to}: {}", hole.missing.join(", "))
}

fn has_found(rule: &Listed, outcome: &Outcome) -> bool {
    outcome.found.iter().any(|found| Arc::ptr_eq(&found.rule, &rule.info))
}

fn ended(ending: &Ending) -> String {
    let file = ending.file.display();
    match ending.end {
        End::Whole => format!("{file}: whole"),
        End::Cut { at } => format!("{file}: ends within a frame, at byte {at}: all before it was read"),
        End::Damaged { at, what } => {
            format!("{file}: damaged at byte {at} ({what}): what is behind it was not read")
        }
    }
}

/// UTC, to the millisecond.
fn time(time: WallTime) -> String {
    guardbee_agent::replay::timestamp(time)
}

fn as_json(played: &[Played], heads: &[Head], endings: &[Ending]) -> serde_json::Value {
    let node = heads.first().map(|head| head.node.as_str()).unwrap_or_default();
    let comparing = played.len() > 1;
    let findings: Vec<_> = compared(played)
        .into_iter()
        .map(|(sign, found)| {
            let mut finding = finding(found, node);
            if let Some(object) = finding.as_object_mut().filter(|_| comparing) {
                let by = match sign {
                    Sign::Only => "rules",
                    Sign::Other => "other_rules",
                    Sign::Both => "both",
                };
                object.insert("found_by".to_owned(), by.into());
            }
            finding
        })
        .collect();
    let Some(Played { rules, outcome }) = played.first() else { return json!({}) };
    let hole = |hole: &Hole| json!({"from": time(hole.from), "to": time(hole.to), "missing": hole.missing});
    let rules: Vec<_> = rules.iter().map(|rule| {
        let holes: Vec<_> = outcome.seen.holes(&rule.wants, &rule.selection).iter().map(hole).collect();
        let count = outcome.found.iter().filter(|found| Arc::ptr_eq(&found.rule, &rule.info)).count();
        json!({
            "title": &*rule.info.title, "id": &*rule.info.id, "digest": rule.digest.to_string(), "findings": count,
            "can_fire": rule.can_fire.is_ok(), "not_recorded": holes, "lost": outcome.seen.lost_of(&rule.wants),
        })
    }).collect();
    let losses: Vec<_> = outcome.seen.lost.iter().map(|lost| json!({
        "stage": lost.loss.stage.name(), "cause": lost.loss.cause, "kind": lost.loss.kind, "count": lost.loss.count,
        "from": time(lost.from), "to": time(lost.to),
    })).collect();
    let recordings: Vec<_> = heads
        .iter()
        .map(|head| {
            json!({
                "node": head.node, "boot": head.boot, "version": head.by, "raw": head.secrets == Secrets::Raw,
                "begun": time(head.begun),
            })
        })
        .collect();
    json!({
        "recordings": recordings,
        "from": outcome.seen.whole().map(|(from, _)| time(from)),
        "to": outcome.seen.whole().map(|(_, to)| time(to)),
        "events": outcome.events, "engine_seconds": outcome.elapsed.as_secs_f64(),
        "findings": findings, "findings_more": outcome.more, "rules": rules, "losses": losses,
        "problems": endings.iter().map(ended).collect::<Vec<_>>(),
    })
}

fn finding(found: &Found, node: &str) -> serde_json::Value {
    let record = found.record(node);
    // It has no id of its own: the sensor's are random.
    let attributes = record.attributes.iter().filter(|(key, _)| key != "guardbee.finding.id");
    let attributes: serde_json::Map<_, _> = attributes
        .map(|(key, value)| {
            let value = match value {
                Value::Bool(value) => json!(value),
                Value::Int(value) => json!(value),
                Value::Text(value) => json!(value),
            };
            (key.to_string(), value)
        })
        .collect();
    json!({
        "time": time(found.time),
        "rule": &*found.rule.title,
        "evidence": found.evidence.iter().map(|one| one.sequence).collect::<Vec<_>>(),
        "attributes": attributes,
    })
}
