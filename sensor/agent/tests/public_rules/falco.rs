//! Falco's public rules: each that is imported fires on records that its condition describes, and not on others that are near.
use crate::tried;
use guardbee_rules::{
    RuleSet,
    falco::{self, Exclusions, Obstacle, Outcome},
};
use std::{env, fs, sync::Arc};

/// Why a rule is not imported, each reason once.
fn reasons(obstacles: &[Obstacle]) -> String {
    let said = |one: &Obstacle| {
        if one.event { format!("needs {}", one.what) } else { format!("{}: {}", one.field, one.why) }
    };
    let mut all: Vec<_> = obstacles.iter().map(said).collect();
    all.sort();
    all.dedup();
    all.join("; ")
}

#[test]
fn imported_rules_fire_on_records_and_not_on_near_ones() {
    let Some(paths) = env::var_os("GUARDBEE_FALCO_CORPUS") else {
        println!("NOT RUN: no rules of Falco's here; name their files in GUARDBEE_FALCO_CORPUS");
        return;
    };
    let files: Vec<_> = env::split_paths(&paths)
        .map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap()))
        .collect();
    let import =
        falco::import(&files, Exclusions::LeftOut).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let (mut imported, mut wider, mut fired, mut near, mut disabled) = (0, 0, 0, 0, 0);
    println!("\n| rule | became | on records |\n|---|---|---|");
    for rule in &import.rules {
        let (yaml, left_out) = match &rule.outcome {
            Outcome::Written { yaml, left_out, unfilled, .. } => {
                // As its description says to.
                let fill =
                    |yaml: String, name| yaml.replace(&format!("{name}: []"), &format!("{name}: [shop]"));
                (unfilled.iter().fold(yaml.clone(), fill), left_out)
            }
            Outcome::Disabled => {
                disabled += 1;
                println!("| {} | disabled, as in Falco | |", rule.name);
                continue;
            }
            Outcome::Refused(obstacles) => {
                println!("| {} | refused | {} |", rule.name, reasons(obstacles));
                continue;
            }
        };
        imported += 1;
        wider += usize::from(!left_out.is_empty());
        let set = Arc::new(RuleSet::load(&[("", yaml)]).unwrap_or_else(|problems| panic!("{problems:#?}")));
        let mut told = Vec::new();
        let (mut all_fired, mut all_near) = (true, true);
        for place in 0..set.rules().len() {
            match tried(&set, place) {
                Ok(tried) => {
                    all_near &= tried.near.is_some();
                    let near = tried.near.map_or_else(
                        || "nothing near misses".to_owned(),
                        |field| format!("not with another `{field}`"),
                    );
                    told.push(format!("{}: fires, {near}", tried.action));
                }
                Err(why) => {
                    (all_fired, all_near) = (false, false);
                    told.push(why);
                }
            }
        }
        fired += usize::from(all_fired);
        near += usize::from(all_near);
        if !left_out.is_empty() {
            told.push(format!("left out: {}", reasons(left_out)));
        }
        println!("| {} | {} | {} |", rule.name, set.rules().len(), told.join("; "));
    }
    println!(
        "\nrules: {}\nimported: {imported}\nwider: {wider}\ndisabled: {disabled}\nfire: {fired}\nnear misses: {near}",
        import.rules.len()
    );
}
