//! Falco's rules: any text is imported or refused with places; what is written of them loads, and fires as it says.
#![no_main]

use guardbee_rules::{
    RuleSet, Severity,
    falco::{self, Outcome},
};
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|data: &[u8]| -> Corpus {
    let Ok(text) = std::str::from_utf8(data) else { return Corpus::Reject };
    let import = match falco::import(&[("falco.yaml", text)], falco::Exclusions::LeftOut) {
        Ok(import) => import,
        Err(problems) => {
            assert!(problems.iter().any(|problem| problem.severity == Severity::Error));
            for problem in problems {
                assert!(problem.line > 0 && problem.column > 0 && !problem.remedy.is_empty(), "{problem:?}");
            }
            return Corpus::Keep;
        }
    };
    for rule in import.rules {
        assert!(rule.line > 0);
        match rule.outcome {
            Outcome::Disabled => {}
            Outcome::Refused(obstacles) => {
                assert!(!obstacles.is_empty(), "{} is refused for nothing", rule.name);
                for obstacle in obstacles {
                    assert!(
                        !obstacle.why.is_empty() && obstacle.line > 0 && obstacle.column > 0,
                        "{obstacle:?}"
                    );
                }
            }
            Outcome::Written { file, yaml, .. } => {
                let loaded = RuleSet::load(&[(file, &yaml)]);
                assert!(loaded.is_ok(), "{:?}\n{yaml}", loaded.err());
            }
        }
    }
    Corpus::Keep
});
