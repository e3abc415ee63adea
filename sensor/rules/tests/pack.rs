//! The rules that ship with the sensor: they load without a warning, all can fire, and each passes tests of its own.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
use guardbee_model::{file::Operation, watch::Role};
use guardbee_rules::RuleSet;
use std::{fs, path::Path, sync::Arc};

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

fn pack() -> Arc<RuleSet> {
    let mut all = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules"), &mut all);
    let set = RuleSet::load(&all).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    Arc::new(set)
}

#[test]
fn every_rule_loads_and_can_fire() {
    let set = pack();
    assert!(set.warnings().is_empty(), "{:#?}", set.warnings());
    for rule in set.rules() {
        assert_eq!(rule.can_fire, Ok(()), "{}", rule.info.title);
    }
}

/// `GUARDBEE_UPDATE=1` writes it.
#[test]
fn the_readme_has_the_field_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules/README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, _) = readme.split_once("<!-- fields -->\n").unwrap();
    let right = format!("{before}<!-- fields -->\n{}", guardbee_rules::field_reference());
    if std::env::var_os("GUARDBEE_UPDATE").is_some() {
        fs::write(&path, &right).unwrap();
    }
    assert!(readme == right, "rules/README.md is out of date: run this test with GUARDBEE_UPDATE=1");
}

#[test]
fn every_rule_says_who_wrote_it_what_it_finds_and_what_else_looks_like_it() {
    for rule in pack().rules() {
        let info = &rule.info;
        for (what, said) in [("id", &info.id), ("author", &info.author), ("description", &info.description)] {
            assert!(!said.is_empty(), "{} has no {what}", info.source);
        }
        assert!(info.techniques().next().is_some(), "{} names no ATT&CK technique", info.source);
        assert!(!info.references.is_empty(), "{} has no reference", info.source);
    }
}

#[test]
fn every_rule_passes_its_tests_and_has_a_match_and_a_near_miss() {
    let set = pack();
    let results = set.run_tests();
    let failures: Vec<String> =
        results.iter().filter_map(|result| result.failure().map(ToString::to_string)).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    for rule in set.rules() {
        assert!(rule.tests >= 2, "{} has {} tests", rule.info.title, rule.tests);
    }
}

/// Otherwise every open of every process would be a record.
#[test]
fn what_is_opened_is_wanted_by_name() {
    let mut all = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules"), &mut all);
    for (path, text) in &all {
        // One that needs rules of other files correlates: it looks at no file.
        let Ok(set) = RuleSet::load(&[(path, text)]) else { continue };
        let needs = set.needs();
        assert!(needs.every_open().is_empty(), "{path} wants every path: {needs:?}");
        // The name of everything that is opened would have to be looked through.
        assert!(needs.climbing.is_empty(), "{path} wants every name that climbs: {needs:?}");
        // Most opens that fail find nothing: there are more of them than of others.
        assert!(!needs.errors.contains(&"not_found"), "{path} wants what is not there");
    }
    for ((role, name), operations) in pack().needs().named {
        let name = String::from_utf8_lossy(&name);
        // Every folder on the way to every file that is read would have to be looked up, or its extension found.
        let last = matches!(role, Role::Name | Role::Climbing);
        assert!(last || !operations.contains(&Operation::Open), "{role:?} {name} for reading");
        // As good as every path.
        assert!(!["etc", "usr", "lib", "proc", "dev", "var"].contains(&&*name), "{name}");
    }
}
