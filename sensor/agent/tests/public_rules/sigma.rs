//! Sigma's public rules: how many load, fire whole, in part, not, and why not.
use crate::tried;
use guardbee_rules::RuleSet;
use std::{collections::BTreeMap, env, fs, path::Path, sync::Arc};

/// Rules of a log source.
#[derive(Default)]
struct Row {
    rules: usize,
    whole: usize,
    part: usize,
}

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

/// Product, category and service, as the text has them.
fn source(text: &str) -> String {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(':'));
        line.map(|value| value.split('#').next().unwrap_or_default().trim().to_owned())
    };
    let parts: Vec<_> = ["product", "category", "service"].into_iter().filter_map(value).collect();
    parts.join(" ")
}

/// About Linux, or about no system in particular.
fn ours(source: &str) -> Option<&'static str> {
    match source {
        source if source.starts_with("linux") => Some("linux"),
        source if source.split(' ').any(|word| word == "webserver") => Some("webserver"),
        _ => None,
    }
}

#[test]
fn rules_fire_on_records() {
    let Some(folder) = env::var_os("GUARDBEE_SIGMA_CORPUS") else {
        println!("NOT RUN: no public rules here; name their folder in GUARDBEE_SIGMA_CORPUS");
        return;
    };
    let mut all = Vec::new();
    files(Path::new(&folder), &mut all);
    assert!(!all.is_empty(), "GUARDBEE_SIGMA_CORPUS has no .yml file");
    let (mut rows, mut reasons) = (BTreeMap::<String, Row>::new(), BTreeMap::<String, usize>::new());
    let (mut refused, mut near, mut silent) = (Vec::new(), 0, Vec::new());
    let mut groups: BTreeMap<&str, Row> = BTreeMap::new();
    let mut rules = 0;
    for file in &all {
        let set = match RuleSet::load(std::slice::from_ref(file)) {
            Ok(set) => Arc::new(set),
            Err(problems) => {
                refused.extend(problems);
                continue;
            }
        };
        let source = source(&file.1);
        for (place, rule) in set.rules().iter().enumerate() {
            rules += 1;
            let Some(group) = ours(&source) else { continue };
            let mut count = |what: fn(&mut Row)| {
                what(rows.entry(source.clone()).or_default());
                what(groups.entry(group).or_default());
            };
            count(|row| row.rules += 1);
            let lacks: Vec<String> = match (&rule.can_fire, tried(&set, place)) {
                (Err(why), _) if rule.missing.is_empty() => vec![format!("not | {why}")],
                (Err(_), _) => rule.missing.iter().map(|why| format!("not | {why}")).collect(),
                (Ok(()), Err(why)) => {
                    silent.push(format!("{}: {why}", file.0));
                    vec!["not | no record was found that makes it match".to_owned()]
                }
                (Ok(()), Ok(tried)) => {
                    near += usize::from(tried.near.is_some());
                    if rule.missing.is_empty() {
                        count(|row| row.whole += 1);
                    } else {
                        count(|row| row.part += 1);
                    }
                    rule.missing.iter().map(|why| format!("in part | {why}")).collect()
                }
            };
            for reason in lacks {
                *reasons.entry(reason).or_default() += 1;
            }
        }
    }
    println!("\n| log source | rules | fire | in part | don't |\n|---|---:|---:|---:|---:|");
    for (source, Row { rules, whole, part }) in &rows {
        println!("| {source} | {rules} | {whole} | {part} | {} |", rules - whole - part);
    }
    println!("\n| rules | can fire | what is missing |\n|---:|---|---|");
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (reason, count) in &reasons {
        println!("| {count} | {reason} |");
    }
    println!("\nRules that could fire by what they ask for, and no record was found for:");
    for line in &silent {
        println!("- {line}");
    }
    for problem in &refused {
        println!("{problem}");
    }
    println!("\nloaded: {rules}\nrefused: {}\nnear misses: {near}", refused.len());
    for (group, Row { rules, whole, part }) in &groups {
        println!("{group} rules: {rules}\n{group} whole: {whole}\n{group} in part: {part}");
    }
    assert!(refused.is_empty(), "{} problems", refused.len());
}
