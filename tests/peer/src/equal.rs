//! Which rules match which events: ours, the other engine's, and, where they differ, what the naive evaluator says.
use crate::{
    File, Result,
    collage::{Random, collage},
    json, naive, ours, theirs,
};
use guardbee_model::finding::Observation;
use guardbee_rules::{Engine, Params, RuleSet};
use rsigma_eval::event::JsonEvent;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Events of each kind beside those that the rules want.
const COLLAGES: usize = 50_000;

/// How one rule differs.
#[derive(Default)]
struct Difference {
    ours: usize,
    theirs: usize,
    /// Where ours is also what the naive evaluator says.
    naive: usize,
    example: String,
}

#[derive(Default)]
struct Sum {
    rules: usize,
    events: usize,
    pairs: usize,
    matches: usize,
    matched: BTreeSet<String>,
    differences: BTreeMap<String, Difference>,
}

pub(crate) fn run(files: &[File]) -> Result<()> {
    println!("files: {}", files.len());
    let mut sum = Sum::default();
    let (kinds, others) = comparable(files)?;
    for (kind, files) in kinds {
        compare(kind, &files, &mut sum)?;
    }
    println!("rules: {}", sum.rules);
    println!("rules that matched: {}", sum.matched.len());
    for (why, count) in others {
        println!("not compared: {count} for {why}");
    }
    println!("events: {}", sum.events);
    println!("pairs: {}", sum.pairs);
    println!("matches: {}", sum.matches);
    println!("differing rules: {}", sum.differences.len());
    for (title, Difference { ours, theirs, naive, example }) in &sum.differences {
        println!(
            "difference: {title}: ours alone {ours}, theirs alone {theirs}, the naive evaluator says what ours says {naive} \
             times, such as {example}"
        );
    }
    Ok(())
}

/// By kind, the files whose rules mean the same to both engines; and for each reason how many others there are.
pub(crate) fn comparable(
    files: &[File],
) -> Result<(BTreeMap<naive::Kind, Vec<&File>>, BTreeMap<String, usize>)> {
    let observed = observed(files)?;
    let mut others: BTreeMap<String, usize> = BTreeMap::new();
    let mut kinds: BTreeMap<naive::Kind, Vec<&File>> = BTreeMap::new();
    for file in files {
        let why = match &file.rule {
            Ok(rule) if observed.contains(&file.name) => match theirs(&[file]) {
                Ok(_) => {
                    kinds.entry(rule.kind).or_default().push(file);
                    continue;
                }
                Err(error) => format!("the other engine refuses it: {error}"),
            },
            Ok(_) => "a field that is not observed".to_owned(),
            Err(why) => why.clone(),
        };
        *others.entry(why).or_default() += 1;
    }
    Ok((kinds, others))
}

/// Files of which our engine can observe everything.
fn observed(files: &[File]) -> Result<BTreeSet<String>> {
    let set = ours(&files.iter().collect::<Vec<_>>())?;
    let whole = set.rules().into_iter().filter(|rule| rule.can_fire.is_ok() && rule.missing.is_empty());
    Ok(whole.map(|rule| rule.info.source.to_string()).collect())
}

fn compare(kind: naive::Kind, files: &[&File], sum: &mut Sum) -> Result<()> {
    let set = ours(files)?;
    let theirs = theirs(files)?;
    let params = Params { findings_per_second: u32::MAX, ..Params::default() };
    let mut ours = Engine::new(Arc::clone(&set), params);
    let by_id: BTreeMap<String, &File> =
        set.rules().iter().zip(files).map(|(rule, file)| (rule.info.id.to_string(), *file)).collect();
    for event in events(&set, kind) {
        let Some(known) = naive::Event::of(&event) else { continue };
        let value = json(&known);
        let mut out = Vec::new();
        ours.observe(&event, &mut out);
        let mine: BTreeSet<String> = out.iter().map(|one| one.rule.id.to_string()).collect();
        let others = theirs.evaluate(&JsonEvent::borrow(&value));
        let others: BTreeSet<String> = others.into_iter().filter_map(|one| one.header.rule_id).collect();
        sum.pairs += files.len();
        sum.events += 1;
        for id in mine.intersection(&others) {
            sum.matches += 1;
            if !sum.matched.contains(id) {
                sum.matched.insert(id.clone());
            }
        }
        for id in mine.symmetric_difference(&others) {
            let Some(Ok(rule)) = by_id.get(id).map(|file| &file.rule) else { continue };
            let found = sum.differences.entry(rule.title.clone()).or_default();
            found.ours += usize::from(mine.contains(id));
            found.theirs += usize::from(others.contains(id));
            found.naive += usize::from(rule.holds(&known) == mine.contains(id));
            found.example = value.to_string();
        }
    }
    sum.rules += files.len();
    Ok(())
}

/// What the rules want, what is nearest to it, and parts of all that put together anew.
fn events(set: &RuleSet, kind: naive::Kind) -> Vec<Arc<Observation>> {
    let wanted = (0..set.rules().len()).flat_map(|place| set.wanted(place));
    let mut events: Vec<Arc<Observation>> = wanted
        .flat_map(|one| std::iter::once(one.hit).chain(one.near.into_iter().map(|(_, event)| event)))
        .filter(|event| naive::Event::of(event).is_some_and(|event| event.kind == kind))
        .collect();
    let mut random = Random::new(1);
    let collages: Vec<_> =
        (0..COLLAGES).take_while(|_| !events.is_empty()).map(|_| collage(&events, &mut random)).collect();
    events.extend(collages);
    events
}
