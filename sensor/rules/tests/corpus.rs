//! Public rules: whatever folder `GUARDBEE_SIGMA_CORPUS` names is loaded, file by file, and counted.
//!
//! `cargo test -p guardbee-rules --test corpus -- --nocapture` prints two tables: how many rules of each log source can
//! fire, and what the others lack.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
use guardbee_rules::{Listed, RuleSet};
use std::{collections::BTreeMap, env, fs, path::Path};

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

/// Whole, in part, not at all.
#[derive(Default)]
struct Row {
    whole: usize,
    part: usize,
    silent: usize,
}

impl Row {
    fn add(&mut self, rule: &Listed) {
        match (&rule.can_fire, rule.missing.is_empty()) {
            (Err(_), _) => self.silent += 1,
            (Ok(()), true) => self.whole += 1,
            (Ok(()), false) => self.part += 1,
        }
    }
}

/// Product, category and service, as the text has them.
fn source(text: &str) -> String {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(':'));
        line.map(|value| value.split('#').next().unwrap_or_default().trim().to_owned())
    };
    let parts: Vec<_> = ["product", "category", "service"].into_iter().filter_map(value).collect();
    parts.join(" ")
}

#[test]
fn public_rules_load_as_they_are() {
    let Some(folder) = env::var_os("GUARDBEE_SIGMA_CORPUS") else {
        println!("NOT RUN: no public rules here; name their folder in GUARDBEE_SIGMA_CORPUS");
        return;
    };
    let mut all = Vec::new();
    files(Path::new(&folder), &mut all);
    assert!(!all.is_empty(), "GUARDBEE_SIGMA_CORPUS has no .yml file");
    let mut refused = Vec::new();
    let mut sources: BTreeMap<String, Row> = BTreeMap::new();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut sum = Row::default();
    for file in &all {
        let rules = match RuleSet::load(std::slice::from_ref(file)) {
            Ok(set) => {
                set.warnings().iter().for_each(|warning| println!("{warning}"));
                set.rules()
            }
            Err(problems) => {
                refused.extend(problems);
                continue;
            }
        };
        for rule in rules {
            sum.add(&rule);
            sources.entry(source(&file.1)).or_default().add(&rule);
            let lacks = match (&rule.can_fire, rule.missing.as_slice()) {
                (Err(why), []) => vec![why.clone()],
                (_, missing) => missing.to_vec(),
            };
            for reason in lacks {
                let how = if rule.can_fire.is_ok() { "in part" } else { "not" };
                *reasons.entry(format!("| {how} | {reason} |")).or_default() += 1;
            }
        }
    }
    println!("\n| log source | rules | can fire | in part | can't |\n|---|---:|---:|---:|---:|");
    for (source, Row { whole, part, silent }) in &sources {
        println!("| {source} | {} | {whole} | {part} | {silent} |", whole + part + silent);
    }
    println!(
        "| sum | {} | {} | {} | {} |",
        sum.whole + sum.part + sum.silent,
        sum.whole,
        sum.part,
        sum.silent
    );
    println!("\n| rules | can fire | what is missing |\n|---:|---|---|");
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (reason, count) in reasons {
        println!("| {count} {reason}");
    }
    for problem in &refused {
        println!("{problem}");
    }
    println!("\n{} files, {} problems", all.len(), refused.len());
    assert!(refused.is_empty(), "{} problems", refused.len());
}
