//! Rule files: any text is a set of rules that can be run, or a list of problems with places in it.
#![no_main]

use guardbee_rules::{RuleSet, Severity};
use libfuzzer_sys::{Corpus, fuzz_target};
use std::sync::Arc;

fuzz_target!(|data: &[u8]| -> Corpus {
    // Files that aren't UTF-8 are refused before they come here.
    let Ok(text) = std::str::from_utf8(data) else { return Corpus::Reject };
    let problems = match RuleSet::load(&[("fuzz.yml", text)]) {
        Ok(set) => {
            let set = Arc::new(set);
            assert!(set.warnings().iter().all(|problem| problem.severity == Severity::Warning));
            let tests = set.rules().iter().map(|rule| rule.tests).sum::<usize>();
            let results = set.run_tests();
            assert!(results.len() <= tests);
            let failures = results.into_iter().filter_map(|result| result.failure().cloned());
            failures.chain(set.warnings().iter().cloned()).collect()
        }
        Err(problems) => {
            assert!(problems.iter().any(|problem| problem.severity == Severity::Error));
            problems
        }
    };
    for problem in problems {
        assert!(problem.line > 0 && problem.column > 0 && !problem.remedy.is_empty(), "{problem:?}");
        assert!(!problem.to_string().is_empty());
    }
    Corpus::Keep
});
