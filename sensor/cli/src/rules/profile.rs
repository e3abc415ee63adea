//! `guardbee rules profile`.
use super::load;
use crate::{
    PROBLEMS,
    terminal::{self, Tone},
};
use guardbee_agent::replay::Source;
use guardbee_recording::Item;
use guardbee_rules::{Cost, Counts, Engine, Listed, Params, RuleSet};
use serde_json::json;
use std::{
    cell::RefCell, collections::BTreeMap, path::PathBuf, process::ExitCode, sync::Arc, time::Duration,
};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Rule files, or folders of them; default: the shipped pack.
    paths: Vec<PathBuf>,
    /// What `guardbee record` wrote, or the journal's folder.
    #[arg(long, value_name = "FILE")]
    recording: PathBuf,
    /// One JSON document instead of the table.
    #[arg(long)]
    json: bool,
}

/// Of each rule, in the order of the set.
struct Profile {
    events: u64,
    rules: Vec<(Counts, Cost)>,
    /// By the place of the rule and the exception's name: events.
    exceptions: BTreeMap<(usize, String), u64>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Some(set) = load(&args.paths, args.json)? else { return Ok(ExitCode::from(PROBLEMS)) };
    let profile = profile(&set, args)?;
    let total: Duration = profile.rules.iter().map(|(_, cost)| cost.time).sum();
    let mut rules: Vec<_> = set.rules().into_iter().zip(&profile.rules).enumerate().collect();
    rules.sort_by_key(|(_, (_, (counts, cost)))| std::cmp::Reverse((cost.time, counts.evaluations)));
    if args.json {
        let one = |(place, (rule, (counts, cost))): &(usize, (Listed, &(Counts, Cost)))| {
            let exceptions: Vec<_> = profile
                .exceptions_of(*place)
                .map(|(name, events)| json!({ "name": name, "events": events }))
                .collect();
            json!({
                "title": rule.info.title,
                "id": rule.info.id,
                "file": rule.info.source,
                "evaluations": counts.evaluations,
                "hits": counts.hits,
                "excepted": exceptions,
                "suppressed": counts.suppressed,
                "nanoseconds": u64::try_from(cost.time.as_nanos()).unwrap_or(u64::MAX),
                "always": rule.always,
            })
        };
        let rules: Vec<_> = rules.iter().map(one).collect();
        outln!("{:#}", json!({ "events": profile.events, "rules": rules }));
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![["share", "per evaluation", "evaluations", "hits", "rule"].map(plain).to_vec()];
    for (place, (rule, (counts, cost))) in rules {
        let share = 100.0 * cost.time.as_secs_f64() / total.as_secs_f64().max(f64::MIN_POSITIVE);
        let each = cost.time.as_nanos() / u128::from(cost.evaluations.max(1));
        let title = if rule.always {
            (format!("{} (evaluated for every event of its kind)", rule.info.title), Tone::Warn)
        } else {
            plain(&rule.info.title)
        };
        let numbers = [
            format!("{share:.1} %"),
            format!("{each} ns"),
            counts.evaluations.to_string(),
            counts.hits.to_string(),
        ];
        rows.push(numbers.iter().map(|text| plain(text)).chain([title]).collect());
        let empty = || std::iter::repeat_n(plain(""), 3);
        for (name, events) in profile.exceptions_of(place) {
            let text = plain(&format!("  excepted: {name}"));
            rows.push(empty().chain([plain(&events.to_string()), text]).collect());
        }
        for (count, what) in [
            (counts.suppressed, "  held back, and told by another finding"),
            (counts.known, "  known to its baseline"),
            (counts.learned, "  learned by its baseline"),
            (counts.wide, "  of scopes that are too wide for its baseline"),
        ] {
            if count > 0 {
                rows.push(empty().chain([plain(&count.to_string()), plain(what)]).collect());
            }
        }
    }
    out!("{}", terminal::table(&rows));
    outln!("{} events, {:.3} ms in rules", profile.events, total.as_secs_f64() * 1e3);
    Ok(ExitCode::SUCCESS)
}

fn plain(text: &str) -> (String, Tone) {
    (text.to_owned(), Tone::Plain)
}

fn profile(set: &Arc<RuleSet>, args: &Args) -> anyhow::Result<Profile> {
    let rules = vec![Default::default(); set.rules().len()];
    let profile = Profile { events: 0, rules, exceptions: BTreeMap::new() };
    // Each evaluation is timed.
    let params = Params { timed_every: 1, ..Params::default() };
    let fresh = || Engine::new(Arc::clone(set), params);
    let state = RefCell::new((profile, fresh(), None));
    let mut matches = Vec::new();
    Source::find(&args.recording)?.play(
        &mut |head| {
            let (profile, engine, instance) = &mut *state.borrow_mut();
            // Another run of the sensor knows nothing of the one before.
            if instance.replace(head.instance).is_some_and(|before| before != head.instance) {
                profile.add(&std::mem::replace(engine, fresh()));
            }
        },
        &mut |item, _| {
            let (profile, engine, _) = &mut *state.borrow_mut();
            match item {
                Item::Observation(observation) => {
                    profile.events += 1;
                    engine.observe(&observation, &mut matches);
                }
                Item::Time(now, offset) => {
                    engine.set_wall(offset);
                    engine.advance(now, &mut matches);
                }
                Item::Loss(_) | Item::Sight(_) => {}
            }
            matches.clear();
        },
    )?;
    let (mut profile, engine, _) = state.into_inner();
    profile.add(&engine);
    Ok(profile)
}

impl Profile {
    fn add(&mut self, engine: &Engine) {
        let now = engine.counts().zip(engine.costs());
        for ((counts, cost), ((_, more), (_, dearer))) in self.rules.iter_mut().zip(now) {
            counts.evaluations += more.evaluations;
            counts.hits += more.hits;
            counts.suppressed += more.suppressed;
            counts.known += more.known;
            counts.learned += more.learned;
            counts.wide += more.wide;
            cost.evaluations += dearer.evaluations;
            cost.time += dearer.time;
        }
        for (place, name, events) in engine.exceptions() {
            *self.exceptions.entry((place, name.to_owned())).or_default() += events;
        }
    }

    fn exceptions_of(&self, place: usize) -> impl Iterator<Item = (&str, u64)> {
        let of_rule = self.exceptions.iter().filter(move |((of, _), _)| *of == place);
        of_rule.map(|((_, name), events)| (&**name, *events))
    }
}
