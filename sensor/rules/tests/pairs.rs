//! Equality with the oracle, in pairs of a rule and an event that the rule looks at: what the engine finds against an
//! evaluator that shares nothing with it.
//!
//! The rules are those that are shipped, those of the folder that `GUARDBEE_SIGMA_CORPUS` names, and generated ones; the events
//! those that the rules want, the events nearest to those, and collages of their parts. `GUARDBEE_PAIRS` says how many pairs there
//! are at least, and `GUARDBEE_SEED` makes them others.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]
mod collage;
mod generated;
mod naive;

use collage::{Random, collage};
use guardbee_model::finding::{Observation, RuleInfo};
use guardbee_rules::{Engine, Params, RuleSet};
use naive::Kind;
use std::{
    collections::{BTreeMap, HashMap},
    env, fs,
    path::Path,
    sync::Arc,
    thread,
};

/// Without the variable: what the test command has.
const PAIRS: u64 = 100_000_000;
const GENERATED: usize = 150;
/// Events of one turn.
const TURN: usize = 1_000;

fn files(folder: &Path, out: &mut Vec<(String, String)>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "yml") {
            out.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

/// A rule as the naive evaluator has it, with what tells its findings from others.
struct Compared {
    rule: naive::Rule,
    file: String,
    info: Arc<RuleInfo>,
}

/// All rules, those that are compared, and what keeps the others from it.
fn rules() -> (Arc<RuleSet>, Vec<Compared>, BTreeMap<String, usize>) {
    let mut all = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules"), &mut all);
    if let Some(folder) = env::var_os("GUARDBEE_SIGMA_CORPUS") {
        files(Path::new(&folder), &mut all);
    }
    all.extend(generated::rules(GENERATED));
    let set = RuleSet::load(&all).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let can_fire = set.rules().into_iter().filter(|rule| rule.can_fire.is_ok() && rule.missing.is_empty());
    let can_fire: HashMap<(String, String), Arc<RuleInfo>> = can_fire
        .map(|rule| ((rule.info.source.to_string(), rule.info.title.to_string()), rule.info))
        .collect();
    let mut rules = Vec::new();
    let mut others: BTreeMap<String, usize> = BTreeMap::new();
    for (file, text) in &all {
        for document in serde_saphyr::from_multiple::<serde_json::Value>(text).unwrap() {
            match naive::Rule::of(&document) {
                Ok(rule) => match can_fire.get(&(file.clone(), rule.title.clone())) {
                    Some(info) => rules.push(Compared { rule, file: file.clone(), info: Arc::clone(info) }),
                    None => *others.entry("a field that is not observed".to_owned()).or_default() += 1,
                },
                Err(why) => *others.entry(why).or_default() += 1,
            }
        }
    }
    (Arc::new(set), rules, others)
}

/// The events that the rules want, and those nearest to them, by what they are.
fn wanted(set: &RuleSet) -> BTreeMap<Kind, Vec<Arc<Observation>>> {
    let mut out: BTreeMap<Kind, Vec<Arc<Observation>>> = BTreeMap::new();
    for wanted in (0..set.rules().len()).flat_map(|place| set.wanted(place)) {
        for event in std::iter::once(wanted.hit).chain(wanted.near.into_iter().map(|(_, event)| event)) {
            if let Some(known) = naive::Event::of(&event) {
                out.entry(known.kind).or_default().push(event);
            }
        }
    }
    out
}

/// What was compared, and how much of it matched.
#[derive(Default)]
struct Sum {
    pairs: u64,
    matches: u64,
    events: u64,
}

struct Lab {
    set: Arc<RuleSet>,
    /// By kind.
    rules: BTreeMap<Kind, Vec<Compared>>,
    wanted: BTreeMap<Kind, Vec<Arc<Observation>>>,
}

impl Lab {
    fn compare(&self, seed: u64, pairs: u64) -> Sum {
        let params = Params { findings_per_second: u32::MAX, timed_every: 0, ..Params::default() };
        let mut engine = Engine::new(Arc::clone(&self.set), params);
        let mut random = Random::new(seed);
        let mut sum = Sum::default();
        // Each thread begins with its part of what is wanted, and goes on with what it makes of all.
        for event in self.wanted.values().flatten() {
            if random.below(2) == 0 {
                self.judge(&mut engine, event, &mut sum);
            }
        }
        while sum.pairs < pairs {
            for wanted in self.wanted.values() {
                for _ in 0..TURN {
                    self.judge(&mut engine, &collage(wanted, &mut random), &mut sum);
                }
            }
        }
        sum
    }

    /// Each rule about this kind of event is a pair.
    fn judge(&self, engine: &mut Engine, observation: &Arc<Observation>, sum: &mut Sum) {
        let Some(event) = naive::Event::of(observation) else { return };
        let mut out = Vec::new();
        engine.observe(observation, &mut out);
        let mut found: Vec<_> = out.iter().map(|one| Arc::as_ptr(&one.rule)).collect();
        found.sort_unstable();
        let rules = self.rules.get(&event.kind).map_or(&[][..], Vec::as_slice);
        let mut held = 0;
        for Compared { rule, file, info } in rules {
            let (holds, engine) = (rule.holds(&event), found.binary_search(&Arc::as_ptr(info)).is_ok());
            if holds != engine {
                let shown: Vec<(&str, Vec<&str>)> = event
                    .values()
                    .map(|(name, texts)| (name, texts.iter().map(|one| one.text.as_str()).collect()))
                    .collect();
                panic!("{file}, {}: the engine says {engine}, the oracle {holds}, of {shown:#?}", rule.title);
            }
            held += u64::from(holds);
        }
        sum.pairs += rules.len() as u64;
        sum.matches += held;
        sum.events += 1;
    }
}

#[test]
fn pairs_of_rules_and_events() {
    let (set, rules, others) = rules();
    println!("rules: {}", set.rules().len());
    println!("compared: {}", rules.len());
    println!("not compared for: {others:?}");
    let wanted = wanted(&set);
    let mut by_kind: BTreeMap<Kind, Vec<Compared>> = BTreeMap::new();
    for one in rules {
        by_kind.entry(one.rule.kind).or_default().push(one);
    }
    let lab = Lab { set, rules: by_kind, wanted };
    let pairs = env::var("GUARDBEE_PAIRS").ok().map_or(PAIRS, |text| text.parse().unwrap());
    let seed: u64 = env::var("GUARDBEE_SEED").ok().map_or(0, |text| text.parse().unwrap());
    let threads = thread::available_parallelism().map_or(1, usize::from) as u64;
    let sums: Vec<Sum> = thread::scope(|scope| {
        let lab = &lab;
        let run = |thread| scope.spawn(move || lab.compare(seed * threads + thread, pairs.div_ceil(threads)));
        let threads: Vec<_> = (0..threads).map(run).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let total = |of: fn(&Sum) -> u64| sums.iter().map(of).sum::<u64>();
    for (kind, rules) in &lab.rules {
        let wanted = lab.wanted.get(kind).map_or(0, Vec::len);
        println!("{kind:?}: {} rules, {wanted} wanted events", rules.len());
    }
    println!("pairs: {}", total(|sum| sum.pairs));
    println!("events: {}", total(|sum| sum.events));
    println!("matches: {}", total(|sum| sum.matches));
    assert!(total(|sum| sum.matches) * 1_000 > total(|sum| sum.pairs), "too little matches to tell anything");
}
