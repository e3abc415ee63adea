//! Falco's rules, imported.
use guardbee_rules::falco::{self, Outcome};
use std::{collections::BTreeMap, env, fs};

/// Public rules: the files that `GUARDBEE_FALCO_CORPUS` names, separated by `:`, are imported and counted.
#[test]
fn public_rules_are_imported_and_counted() {
    let Some(paths) = env::var_os("GUARDBEE_FALCO_CORPUS") else { return };
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let (mut written, mut events, mut all) = (0, 0, 0);
    let files: Vec<_> = env::split_paths(&paths)
        .map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap()))
        .collect();
    let import = falco::import(&files).unwrap_or_else(|problems| panic!("{problems:#?}"));
    for rule in &import.rules {
        all += 1;
        match &rule.outcome {
            Outcome::Written { yaml, .. } => {
                written += 1;
                println!("{yaml}");
            }
            Outcome::Disabled => {}
            Outcome::Refused(obstacles) => {
                println!("# {}:{}: {}", rule.file, rule.line, rule.name);
                events += usize::from(obstacles.iter().all(|obstacle| obstacle.event));
                let mut why: Vec<_> = obstacles
                    .iter()
                    .map(|o| if o.event { format!("needs {}", o.what) } else { o.why.clone() })
                    .collect();
                why.sort();
                why.dedup();
                for why in why {
                    *reasons.entry(why).or_default() += 1;
                }
                for o in obstacles {
                    println!("#     {}:{}: {}: {}", o.line, o.column, o.what, o.why);
                }
            }
        }
    }
    for (why, rules) in &reasons {
        println!("{rules:4} {why}");
    }
    println!("{all} rules, {written} written, {events} wait for an event only");
}
