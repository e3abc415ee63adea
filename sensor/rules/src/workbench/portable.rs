//! Whether a rule means the same to other Sigma engines once its `guardbee:` block is gone.
use super::{
    Which,
    outline::{Part, Shape},
};
use crate::set::RuleSet;

impl RuleSet {
    /// Why the rule at `place` would match other things elsewhere; [`None`]: it would not. A set that was not
    /// [loaded](RuleSet::load_outlined) for it can't tell.
    pub fn bound_to_guardbee(&self, place: usize) -> Option<String> {
        match self.which(place) {
            Which::Rule(number) => {
                let rule = self.rules.get(number)?;
                if let Some(exception) = rule.exceptions.first() {
                    return Some(beyond_sigma(&exception.name));
                }
                if rule.baseline.is_some() {
                    return Some(
                        "its `baseline` can't be said in Sigma: elsewhere it would fire for what is known"
                            .to_owned(),
                    );
                }
                let Some(outline) = &rule.outline else {
                    return Some("it was loaded without what was written".to_owned());
                };
                own(outline)
            }
            Which::Correlation(number) => {
                let correlation = self.correlations.get(number)?;
                if let Some(exception) = correlation.exceptions.first() {
                    return Some(beyond_sigma(&exception.name));
                }
                if !correlation.joins.is_empty() {
                    return Some(
                        "its `join` can't be said in Sigma: elsewhere all events are one group".to_owned(),
                    );
                }
                if !correlation.until.is_empty() {
                    return Some(
                        "its `until` can't be said in Sigma: elsewhere it would fire more often".to_owned(),
                    );
                }
                if let Some(name) = &correlation.foreign {
                    return Some(format!(
                        "it groups by or measures `{name}`, which is no name of Sigma's taxonomy: elsewhere it is absent, and all events are \
                         one group"
                    ));
                }
                if correlation.timespan_ns % 1_000_000_000 != 0 {
                    return Some(
                        "its timespan is no whole number of seconds, which Sigma has no word for".to_owned(),
                    );
                }
                (0..correlation.steps.len()).find_map(|step| {
                    let (rules, parts) = self.of_step(number, step);
                    let places =
                        rules.into_iter().chain(parts.into_iter().map(|part| self.rules.len() + part));
                    let mut why = places.filter_map(|place| self.bound_to_guardbee(place));
                    why.next().map(|why| format!("of its step {}: {why}", step + 1))
                })
            }
        }
    }
}

fn beyond_sigma(exception: &str) -> String {
    format!(
        "its exception `{exception}` can't be said in Sigma: elsewhere the rule would fire for what is wanted"
    )
}

fn own(part: &Part) -> Option<String> {
    match &part.shape {
        Shape::All(parts) | Shape::One(parts) => parts.iter().find_map(|part| own(part)),
        Shape::Not(part) => own(part),
        Shape::Link(_) => Some(format!(
            "line {}: `{}` can't be said in Sigma: elsewhere the rule would fire without a request behind it",
            part.mark.line, part.text
        )),
        Shape::Line(_) => {
            // Sigma's own names, and those of auditd, have no dot; where another engine lacks a field, `not` holds.
            let (key, value) = part.text.split_once(": ").unwrap_or((&part.text, ""));
            let name = key.split('|').next().unwrap_or_default();
            let name = if key.contains("|fieldref") && value.contains('.') { value } else { name };
            let why =
                "is no name of Sigma's taxonomy: elsewhere it is absent, and its filters hold for everything";
            name.contains('.').then(|| format!("line {}: `{name}` {why}", part.mark.line))
        }
        Shape::Actions(_) => None,
    }
}
