//! Public rules: whatever folder `GUARDBEE_SIGMA_CORPUS` names is loaded, file by file, and counted.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
use guardbee_rules::RuleSet;
use std::{env, fs, path::Path};

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

#[test]
fn public_rules_load_as_they_are() {
    let Some(folder) = env::var_os("GUARDBEE_SIGMA_CORPUS") else { return };
    let mut all = Vec::new();
    files(Path::new(&folder), &mut all);
    let (mut refused, mut silent) = (Vec::new(), Vec::new());
    for file in &all {
        match RuleSet::load(std::slice::from_ref(file)) {
            Ok(set) => {
                set.warnings().iter().for_each(|warning| println!("{warning}"));
                silent.extend(
                    set.rules()
                        .into_iter()
                        .filter_map(|rule| Some(format!("{}: {}", rule.info.source, rule.can_fire.err()?))),
                );
            }
            Err(problems) => refused.extend(problems),
        }
    }
    for line in silent.iter().cloned().chain(refused.iter().map(ToString::to_string)) {
        println!("{line}");
    }
    println!("{} files, {} can't fire here, {} problems", all.len(), silent.len(), refused.len());
    assert!(refused.is_empty(), "{} problems", refused.len());
}
