//! CPU time of events that a sensor recorded on a node: each comes to an engine just after it was read, as it does in the sensor.
//!
//! Compared are events of the kinds that public rules are about, and the rules that mean the same to both engines; how often they match is
//! said for both. What all events take of our engine with the shipped rules is said beside it.
use crate::{File, Result, equal, json, naive, ours, theirs};
use guardbee_model::finding::Observation;
use guardbee_recording::{End, Item, Reader};
use guardbee_rules::{Engine, Match, Params, RuleSet};
use rsigma_eval::event::JsonEvent;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    hint::black_box,
    io::BufReader,
    path::Path,
    sync::Arc,
    time::Duration,
};

/// So many are read, then evaluated: what was read last is near.
const CHUNK: usize = 64;
const TURNS: usize = 3;

/// What one turn took, and found.
#[derive(Default)]
struct Turn {
    spent: Duration,
    events: u32,
    matches: u64,
}

impl Turn {
    fn each(&self) -> u128 {
        (self.spent / self.events.max(1)).as_nanos().max(1)
    }
}

pub(crate) fn run(files: &[File], recordings: &[String]) -> Result<()> {
    let (kinds, _) = equal::comparable(files)?;
    let rules: Vec<&File> = kinds.values().flatten().copied().collect();
    let params = Params { findings_per_second: u32::MAX, ..Params::default() };
    let set = ours(&rules)?;
    let mut engines = BTreeMap::new();
    for (kind, files) in &kinds {
        engines.insert(*kind, theirs(files)?);
    }
    let kinds_of = census(recordings)?;
    let compared: Vec<bool> = kinds_of.iter().map(Option::is_some).collect();
    let (mut our_best, mut their_best) = (u128::MAX, u128::MAX);
    let mut matches = BTreeSet::new();
    for _ in 0..TURNS {
        let turn = our_turn(&mut Engine::new(Arc::clone(&set), params), recordings, &compared)?;
        our_best = our_best.min(turn.each());
        matches.insert(turn.matches);
    }
    // Which of its indexes is the best for these rules the other engine leaves to who uses it.
    for (bloom, automaton) in [(false, false), (true, false), (false, true)] {
        for engine in engines.values_mut() {
            engine.set_bloom_prefilter(bloom);
            engine.set_cross_rule_ac(automaton);
        }
        for _ in 0..TURNS {
            let turn = their_turn(&engines, recordings, &compared)?;
            their_best = their_best.min(turn.each());
            matches.insert(turn.matches);
        }
    }
    // One number, if both engines found as many in every turn.
    let matches: Vec<String> = matches.iter().map(|count| format!("matches={count}")).collect();
    println!(
        "speed: recorded rules={} ours_ns={our_best} theirs_ns={their_best} {}",
        rules.len(),
        matches.join(" ")
    );
    for kind in kinds.keys() {
        let of_kind: Vec<bool> = kinds_of.iter().map(|one| one.as_ref() == Some(kind)).collect();
        let turn = our_turn(&mut Engine::new(Arc::clone(&set), params), recordings, &of_kind)?;
        if turn.events > 0 {
            println!("recorded kind={kind:?} events={} ours_ns={}", turn.events, turn.each());
        }
    }
    let shipped = shipped()?;
    let mut best = u128::MAX;
    for _ in 0..TURNS {
        let turn = our_turn(
            &mut Engine::new(Arc::clone(&shipped), params),
            recordings,
            &vec![true; kinds_of.len()],
        )?;
        best = best.min(turn.each());
    }
    println!("speed: shipped rules={} ours_ns={best}", shipped.rules().len());
    Ok(())
}

/// The rules of this repository.
fn shipped() -> Result<Arc<RuleSet>> {
    let mut files = Vec::new();
    crate::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules"), &mut files)?;
    ours(&files.iter().collect::<Vec<_>>())
}

/// How many events of which kinds, and how different they are. Gives of each, in order, with the rules of which kind it is compared.
fn census(recordings: &[String]) -> Result<Vec<Option<naive::Kind>>> {
    let mut actions: BTreeMap<&str, usize> = BTreeMap::new();
    let mut kinds = Vec::new();
    let mut different = BTreeSet::new();
    read(recordings, &|_| true, &mut |chunk| {
        for event in chunk {
            *actions.entry(event.action.name()).or_default() += 1;
            let known = naive::Event::of(event);
            kinds.push(known.as_ref().map(|known| known.kind));
            different.extend(known.map(|known| json(&known).to_string()));
        }
        Ok(())
    })?;
    let compared = kinds.iter().flatten().count();
    println!("recorded: events={} compared={compared} different={}", kinds.len(), different.len());
    for (action, count) in actions {
        println!("recorded {action}: {count}");
    }
    Ok(kinds)
}

fn our_turn(engine: &mut Engine, recordings: &[String], wanted: &[bool]) -> Result<Turn> {
    let mut turn = Turn::default();
    let mut found: Vec<Match> = Vec::new();
    read(recordings, &|nth| wanted[nth], &mut |chunk| {
        turn.spent += crate::speed::cpu_of(|| {
            for event in chunk {
                engine.observe(black_box(event), &mut found);
            }
        });
        turn.events += u32::try_from(chunk.len())?;
        turn.matches += found.len() as u64;
        found.clear();
        Ok(())
    })?;
    Ok(turn)
}

fn their_turn(
    engines: &BTreeMap<naive::Kind, rsigma_eval::Engine>,
    recordings: &[String],
    wanted: &[bool],
) -> Result<Turn> {
    let mut turn = Turn::default();
    read(recordings, &|nth| wanted[nth], &mut |chunk| {
        // Parsed before, and given to the rules of its kind alone.
        let known = chunk.iter().filter_map(|event| naive::Event::of(event));
        let values: Vec<_> = known.map(|event| (engines.get(&event.kind), json(&event))).collect();
        turn.spent += crate::speed::cpu_of(|| {
            for (engine, value) in &values {
                let Some(engine) = engine else { continue };
                turn.matches += engine.evaluate(&JsonEvent::borrow(black_box(value))).len() as u64;
            }
        });
        turn.events += u32::try_from(values.len())?;
        Ok(())
    })?;
    Ok(turn)
}

/// Gives the observations that are wanted by their number, some at a time, as soon as they are read: so they are in the caches still.
fn read(
    recordings: &[String],
    wanted: &dyn Fn(usize) -> bool,
    give: &mut dyn FnMut(&[Arc<Observation>]) -> Result<()>,
) -> Result<()> {
    let mut chunk = Vec::with_capacity(CHUNK);
    let mut numbers = 0..;
    for path in recordings {
        let mut reader = Reader::new(BufReader::new(fs::File::open(path)?))?;
        while let Some(item) = reader.next_item()? {
            let Item::Observation(observation) = item else { continue };
            if numbers.next().is_some_and(wanted) {
                chunk.push(observation);
            }
            if chunk.len() == CHUNK {
                give(&chunk)?;
                chunk.clear();
            }
        }
        if reader.end() != Some(End::Whole) {
            return Err(format!("{path} ends before its end: {:?}", reader.end()).into());
        }
    }
    give(&chunk)
}
