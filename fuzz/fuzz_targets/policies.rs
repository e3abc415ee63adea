//! Policy files: any text is a set that decides for any place, or a list of problems with places in it.
#![no_main]

use guardbee_model::container::Configuration;
use guardbee_policy::{Place, PolicySet, Severity};
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|data: &[u8]| -> Corpus {
    // Files that aren't UTF-8 are refused before they come here.
    let Ok(text) = std::str::from_utf8(data) else { return Corpus::Reject };
    let problems = match PolicySet::load(&[("fuzz.yaml", text)]) {
        Ok(set) => {
            assert!(set.warnings().iter().all(|problem| problem.severity == Severity::Warning));
            let configuration = Configuration { namespace: "shop".into(), ..Configuration::default() };
            for configured in [None, Some(&configuration)] {
                let (path, unit) = ("/system.slice/a.service/b", "a.service");
                let place = Place { path, unit, container: None, configured };
                let (decision, all) = set.explain(&place);
                assert_eq!(decision, set.decide(&place));
                assert_eq!(all.len(), set.policies().len() + 1);
            }
            set.warnings().to_vec()
        }
        Err(problems) => {
            assert!(problems.iter().any(|problem| problem.severity == Severity::Error));
            problems
        }
    };
    for problem in problems {
        assert!(problem.line > 0 && problem.column > 0 && !problem.remedy.is_empty(), "{problem:?}");
    }
    Corpus::Keep
});
