//! `guardbee rules doctor`.
use super::load;
use crate::{
    PROBLEMS,
    terminal::{self, Tone},
};
use guardbee_agent::hooks;
use guardbee_model::file::Operation;
use guardbee_rules::Listed;
use serde_json::{Value, json};
use std::{path::PathBuf, process::ExitCode};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Rule files, or folders of them; default: the shipped pack.
    paths: Vec<PathBuf>,
    #[cfg(feature = "run")]
    #[command(flatten)]
    config: crate::ConfigArgs,
    /// One JSON document instead of the table.
    #[arg(long)]
    json: bool,
}

/// What is known of this node's kernel half.
struct Node {
    /// Why it was not tried; none: it was.
    untried: Option<String>,
    programs: Vec<Tried>,
    /// Actions that the configured policies leave out everywhere.
    nowhere: Vec<&'static str>,
}

/// A program after the self-test.
struct Tried {
    name: &'static str,
    /// Why it doesn't work; none: it was loaded, attached and fired.
    fault: Option<String>,
}

/// An action that a rule looks at, on this node.
struct Need {
    action: &'static str,
    programs: Vec<&'static str>,
    /// Of the programs that were tried, how many work; none: nothing was tried.
    works: Option<(usize, usize)>,
    faults: Vec<String>,
    /// By policy, everywhere.
    left_out: bool,
}

impl Need {
    /// It is left out, or was tried, and nothing that makes the action works.
    fn is_dark(&self) -> bool {
        self.left_out || self.works.is_some_and(|(works, _)| works == 0)
    }
}

/// Whether a rule can fire here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Fires,
    InPart,
    Never,
}

impl Word {
    fn name(self, tried: bool) -> &'static str {
        match self {
            Self::Fires if tried => "fires",
            Self::Fires => "can fire",
            Self::InPart => "fires in part",
            Self::Never => "can't fire",
        }
    }
}

/// A rule and what there is to say of it.
struct Visit {
    rule: Listed,
    word: Word,
    needs: Vec<Need>,
    every_open: Vec<Operation>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Some(set) = load(&args.paths, args.json)? else { return Ok(ExitCode::from(PROBLEMS)) };
    let node = node(args)?;
    let visits: Vec<_> = set.rules().into_iter().map(|rule| visit(rule, &node)).collect();
    if args.json {
        let rules: Vec<_> = visits.iter().map(|visit| as_json(visit, &node)).collect();
        outln!("{:#}", json!({ "tried": node.untried.is_none(), "not_tried": node.untried, "rules": rules }));
    } else {
        let rows: Vec<_> = visits.iter().flat_map(|visit| rows(visit, &node)).collect();
        out!("{}", terminal::table(&rows));
        outln!("{}", summary(&visits, &node));
    }
    let never = visits.iter().any(|visit| visit.word == Word::Never);
    Ok(if never { ExitCode::from(PROBLEMS) } else { ExitCode::SUCCESS })
}

#[cfg(not(feature = "run"))]
fn node(_: &Args) -> anyhow::Result<Node> {
    let untried = "this binary is built without the kernel half".to_owned();
    Ok(Node { untried: Some(untried), programs: Vec::new(), nowhere: Vec::new() })
}

/// As root, what `guardbee doctor` finds.
#[cfg(feature = "run")]
fn node(args: &Args) -> anyhow::Result<Node> {
    use crate::doctor::{self, verdict};
    use guardbee_agent::{config, policies};
    use guardbee_loader::ProgramState;
    let (config, _) = config::load(args.config.config.as_deref(), std::env::vars(), &args.config.set)?;
    // Policies that don't load are told by `guardbee doctor` and `guardbee policy check`.
    let policies = policies::load(&config.policies)?.unwrap_or_default();
    let nowhere: Vec<_> = policies.observed_nowhere().collect();
    let untried = |why: String| Node { untried: Some(why), programs: Vec::new(), nowhere: nowhere.clone() };
    if !nix::unistd::geteuid().is_root() {
        return Ok(untried("hooks need root: run it as root to have them tested".to_owned()));
    }
    let (report, _) = doctor::look(&args.config)?;
    if let Some(failure) = &report.failure {
        return Ok(untried(format!("{failure}; `guardbee doctor` says more")));
    }
    let programs = doctor::chosen(&report)
        .map(|program| {
            let fault = match program.state {
                ProgramState::Works => None,
                ProgramState::Silent => Some("the self-test did not make it run".to_owned()),
                ProgramState::NotAttached => {
                    Some(format!("not attached: {}", verdict::refusal(program.errno)))
                }
                ProgramState::NotLoaded | ProgramState::Unused => {
                    Some(format!("not loaded: {}", verdict::refusal(program.errno)))
                }
            };
            Tried { name: program.name, fault }
        })
        .collect();
    Ok(Node { untried: None, programs, nowhere })
}

fn visit(rule: Listed, node: &Node) -> Visit {
    let mut needs: Vec<_> = rule.wants.iter().map(|action| need(action, node)).collect();
    let beside = rule.requires.iter().filter(|action| !rule.wants.contains(action));
    needs.extend(beside.map(|action| need(action, node)));
    let lacks = |need: &Need| rule.requires.contains(&need.action) && need.is_dark();
    let dark = needs.iter().filter(|need| need.is_dark()).count();
    let dim = needs.iter().any(|need| need.left_out || need.works.is_some_and(|(works, all)| works < all));
    let word = match &rule.can_fire {
        Err(_) => Word::Never,
        Ok(()) if dark > 0 && dark == needs.len() || needs.iter().any(lacks) => Word::Never,
        Ok(()) if dim || !rule.missing.is_empty() => Word::InPart,
        Ok(()) => Word::Fires,
    };
    let every_open = rule.selection.every_open();
    Visit { rule, word, needs, every_open }
}

fn need(action: &'static str, node: &Node) -> Need {
    let tried: Vec<_> = node.programs.iter().filter(|program| hooks::makes(program.name, action)).collect();
    let faults =
        tried.iter().filter_map(|program| Some(format!("{} {}", program.name, program.fault.as_ref()?)));
    let faults: Vec<_> = faults.collect();
    let works = node.untried.is_none().then_some((tried.len() - faults.len(), tried.len()));
    let programs = match works {
        Some(_) => tried.iter().map(|program| program.name).collect(),
        None => hooks::programs(action).collect(),
    };
    Need { action, programs, works, faults, left_out: node.nowhere.contains(&action) }
}

fn rows(visit: &Visit, node: &Node) -> Vec<Vec<(String, Tone)>> {
    let tone = match visit.word {
        Word::Fires => Tone::Good,
        Word::InPart => Tone::Warn,
        Word::Never => Tone::Bad,
    };
    let word = visit.word.name(node.untried.is_none());
    let plain = |text: String| (text, Tone::Plain);
    let actions: Vec<_> = visit.needs.iter().map(|need| need.action).collect();
    let mut out = vec![vec![
        (word.to_owned(), tone),
        plain(visit.rule.info.title.to_string()),
        plain(actions.join(", ")),
    ]];
    let empty = || plain(String::new());
    out.extend(remarks(visit).into_iter().map(|remark| vec![empty(), empty(), (remark, Tone::Warn)]));
    out
}

/// What its author or whoever runs it should know.
fn remarks(visit: &Visit) -> Vec<String> {
    let mut out = Vec::new();
    out.extend(visit.rule.can_fire.as_ref().err().cloned());
    out.extend(
        visit.rule.missing.iter().filter(|_| visit.rule.can_fire.is_ok()).map(|why| format!("lacks {why}")),
    );
    let lacking =
        visit.needs.iter().filter(|need| need.is_dark() && visit.rule.requires.contains(&need.action));
    out.extend(
        lacking
            .filter(|need| !need.left_out)
            .map(|need| format!("requires `{}`, and no hook of it works", need.action)),
    );
    let left_out = visit.needs.iter().filter(|need| need.left_out);
    out.extend(left_out.map(|need| format!("policies leave `{}` out everywhere", need.action)));
    out.extend(visit.needs.iter().flat_map(|need| &need.faults).cloned());
    if !visit.every_open.is_empty() {
        let names: Vec<_> = visit.every_open.iter().map(|operation| operation.name()).collect();
        out.push(format!(
            "wants every {} whatever its path, which costs every process: name a file or a folder",
            names.join(", ")
        ));
    }
    if visit.rule.always {
        out.push(
            "is evaluated for every event of its kinds: no text must be there for it to match".to_owned(),
        );
    }
    out
}

fn summary(visits: &[Visit], node: &Node) -> String {
    let count = |word| visits.iter().filter(|visit| visit.word == word).count();
    let tried = match &node.untried {
        None => "hooks were loaded and tested".to_owned(),
        Some(why) => format!("hooks were not tried: {why}"),
    };
    format!(
        "{} rules: {} {}, {} in part, {} can't; {tried}",
        visits.len(),
        count(Word::Fires),
        if node.untried.is_none() { "fire" } else { "can fire" },
        count(Word::InPart),
        count(Word::Never)
    )
}

fn as_json(visit: &Visit, node: &Node) -> Value {
    let need = |need: &Need| {
        json!({
            "action": need.action,
            "always_attached": hooks::is_basic(need.action),
            "programs": need.programs,
            "works": need.works.map(|(works, _)| works),
            "faults": need.faults,
            "left_out": need.left_out,
        })
    };
    let rule = &visit.rule;
    json!({
        "title": rule.info.title,
        "id": rule.info.id,
        "file": rule.info.source,
        "verdict": visit.word.name(node.untried.is_none()),
        "why_not": rule.can_fire.as_ref().err(),
        "missing": rule.missing,
        "requires": rule.requires,
        "needs": visit.needs.iter().map(need).collect::<Vec<_>>(),
        "every_open": visit.every_open.iter().map(|operation| operation.name()).collect::<Vec<_>>(),
        "always": rule.always,
    })
}
