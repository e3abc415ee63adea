//! Public rules, where there are any.
use guardbee_rules::{
    RuleSet,
    falco::{self, Exclusions, Obstacle, Outcome},
};
use std::{collections::BTreeMap, env, fs};

/// The files that `GUARDBEE_FALCO_CORPUS` names, separated by `:`, are imported and counted.
#[test]
fn public_rules_are_imported_and_counted() {
    let Some(paths) = env::var_os("GUARDBEE_FALCO_CORPUS") else { return };
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let (mut written, mut events) = (Vec::new(), 0);
    let files: Vec<_> = env::split_paths(&paths)
        .map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap()))
        .collect();
    let import = falco::import(&files, Exclusions::Needed).unwrap_or_else(|problems| panic!("{problems:#?}"));
    for rule in &import.rules {
        match &rule.outcome {
            Outcome::Written { file, yaml, .. } => written.push((file, yaml)),
            Outcome::Disabled => {}
            Outcome::Refused(obstacles) => {
                events += usize::from(obstacles.iter().all(|one| one.event));
                let said =
                    |one: &Obstacle| if one.event { format!("needs {}", one.what) } else { one.why.clone() };
                let mut why: Vec<_> = obstacles.iter().map(said).collect();
                why.sort();
                why.dedup();
                for why in why {
                    *reasons.entry(why).or_default() += 1;
                }
            }
        }
    }
    for (why, rules) in &reasons {
        println!("{rules:4} {why}");
    }
    // All of them together, as they would be used.
    let set = RuleSet::load(&written).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert!(set.warnings().is_empty(), "{:#?}", set.warnings());
    println!("{} rules, {} written, {events} need events only", import.rules.len(), written.len());
}
