//! Other rules, the same state: what has not changed goes on where it was.
use super::{Candidates, Engine, Match, report::suppressors};
use crate::{correlate::Correlator, digest::Digest, set::RuleSet};
use guardbee_model::{clock::BootTime, finding::RuleInfo};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// How two sets of rules differ.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Rules that were not there before.
    pub added: Vec<(Arc<RuleInfo>, Digest)>,
    /// Rules that are not there any more.
    pub removed: Vec<(Arc<RuleInfo>, Digest)>,
    /// Rules that say something else: as they were, as they are.
    pub changed: Vec<[(Arc<RuleInfo>, Digest); 2]>,
    /// Rules that are the same.
    pub kept: usize,
}

impl Changes {
    /// What makes `to` of `from`. A rule that is not the same is a changed one if it has the id of one before, without an
    /// id its title.
    pub fn between(from: &RuleSet, to: &RuleSet) -> Self {
        let places = places(from, to);
        let kept: HashSet<usize> = places.iter().flatten().copied().collect();
        let mut before: HashMap<&str, (Arc<RuleInfo>, Digest)> = HashMap::new();
        let removed: Vec<usize> = (0..from.digests.len()).filter(|place| !kept.contains(place)).collect();
        let all: Vec<_> = from.infos().zip(&from.digests).collect();
        for (info, digest) in removed.iter().filter_map(|place| all.get(*place)) {
            before.entry(name(info)).or_insert_with(|| (Arc::clone(info), **digest));
        }
        let mut changes = Self { kept: kept.len(), ..Self::default() };
        for ((info, digest), place) in to.infos().zip(&to.digests).zip(&places) {
            let now = (Arc::clone(info), *digest);
            match (place, before.remove(name(info))) {
                (Some(_), other) => before.extend(other.map(|other| (name(info), other))),
                (None, Some(was)) => changes.changed.push([was, now]),
                (None, None) => changes.added.push(now),
            }
        }
        let was: HashSet<Digest> = changes.changed.iter().map(|[was, _]| was.1).collect();
        let removed = removed.iter().filter_map(|place| all.get(*place));
        let removed = removed.filter(|(_, digest)| !was.contains(digest));
        changes.removed = removed.map(|(info, digest)| (Arc::clone(info), **digest)).collect();
        changes
    }

    /// Nothing is different.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// What people call a rule.
fn name(info: &RuleInfo) -> &str {
    if info.id.is_empty() { &info.title } else { &info.id }
}

/// For each rule, then correlation, of `to` its place in `from`, if it is there. Of equal ones each is another.
fn places(from: &RuleSet, to: &RuleSet) -> Vec<Option<usize>> {
    let mut known: HashMap<Digest, Vec<usize>> = HashMap::new();
    for (place, digest) in from.digests.iter().enumerate().rev() {
        known.entry(*digest).or_default().push(place);
    }
    to.digests.iter().map(|digest| known.get_mut(digest)?.pop()).collect()
}

impl Engine {
    /// Evaluates other rules from the next observation on. Counts of rules, open correlations and suppressions that are the
    /// same go on; what changed begins anew, and what it held back goes out.
    pub fn replace(&mut self, set: Arc<RuleSet>, out: &mut Vec<Match>) -> Changes {
        let changes = Changes::between(&self.set, &set);
        let places = places(&self.set, &set);
        self.replace_suppressors(&set, &places, out);
        self.replace_baselines(&set);
        self.tally.rearrange(&places);
        let share = self.params.correlation_bytes / set.correlations.len().max(1);
        let mut before: Vec<_> = std::mem::take(&mut self.correlators).into_iter().map(Some).collect();
        let mut evicted = 0;
        let old_rules = self.set.rules.len();
        let of_correlations = places.get(set.rules.len()..).unwrap_or_default();
        for (one, place) in set.correlations.iter().zip(of_correlations) {
            let same = place.and_then(|place| before.get_mut(place.checked_sub(old_rules)?)?.take());
            let mut correlator =
                same.unwrap_or_else(|| Correlator::new(one.machine.clone(), one.steps.len(), share));
            correlator.set_share(share);
            evicted += correlator.take_evicted();
            self.correlators.push(correlator);
        }
        self.tally.lost("correlation_full", "correlation", evicted);
        self.candidates = Candidates::new(set.rules.len());
        self.set = set;
        self.due = self.next_due().map_or(BootTime(u64::MAX), |(due, _)| due);
        changes
    }

    /// Suppressions of rules that are the same take their places; those of others are over.
    fn replace_suppressors(&mut self, set: &RuleSet, places: &[Option<usize>], out: &mut Vec<Match>) {
        let mut before = std::mem::take(&mut self.suppressors);
        let mut now = suppressors(set, self.params.suppression_bytes);
        for (place, suppressor) in &mut now {
            let same = places.get(*place).copied().flatten().and_then(|place| before.remove(&place));
            if let Some(mut same) = same {
                same.set_share(suppressor.share());
                *suppressor = same;
            }
        }
        self.suppressors = before;
        self.end(out);
        self.suppressors = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::correlations::{correlation, egress, engine, found, rules_with, shell, shown};
    use proptest::prelude::*;

    fn pair(title: &str, timespan: &str) -> String {
        let timespan = format!("timespan: {timespan}");
        correlation(
            title,
            &["type: temporal", "rules: [shell, egress]", "group-by: [container.id]", &timespan],
        )
    }

    fn titles(rules: &[(Arc<RuleInfo>, Digest)]) -> Vec<&str> {
        rules.iter().map(|(info, _)| &*info.title).collect()
    }

    #[test]
    fn what_is_the_same_goes_on_and_what_changed_begins_anew() {
        let mut engine = engine(&[pair("Kept", "1s"), pair("Changed", "2s"), pair("Removed", "1s")]);
        let mut out: Vec<Match> = Vec::new();
        engine.observe(&shell(0, "a"), &mut out);
        let set = rules_with(&[pair("Added", "1s"), pair("Changed", "3s"), pair("Kept", "1s")]);
        let digest = set.digest();
        let changes = engine.replace(set, &mut out);
        assert_eq!(titles(&changes.added), ["Added"]);
        assert_eq!(titles(&changes.removed), ["Removed"]);
        let [[was, now]] = &changes.changed[..] else { panic!("{changes:#?}") };
        assert!(was.0.title == now.0.title && was.1 != now.1 && !changes.is_empty());
        // Kept, and the four rules that there are.
        assert_eq!(changes.kept, 5);
        assert_eq!(engine.set.digest(), digest);
        assert_eq!(found(&mut engine, &[egress(5, "a", "1")]), ["Kept 0,5"]);
        let hits: Vec<_> = engine.counts().map(|(info, counts)| (&*info.title, counts.hits)).collect();
        assert!(hits.contains(&("Shell", 1)) && hits.contains(&("Changed", 0)), "{hits:?}");
    }

    #[test]
    fn the_place_and_the_order_of_rules_change_nothing() {
        let (first, second) = (
            rules_with(&[pair("A", "1s"), pair("B", "1s")]),
            rules_with(&[pair("B", "1s"), pair("A", "1s")]),
        );
        assert_eq!(first.digest(), second.digest());
        assert!(Changes::between(&first, &second).is_empty());
        assert_ne!(first.digest(), rules_with(&[pair("A", "1s")]).digest());
    }

    /// A correlation is not the same when one of its rules isn't; nor is a rule whose filter or placeholder changed.
    #[test]
    fn what_others_say_counts() {
        let load = |shell: &str, filter: &str, value: &str| {
            let text = format!(
                "title: Shell\nname: shell\nlogsource: {{product: linux, category: process_creation}}\n\
                 detection: {{selection: {{Image|endswith: {shell}}}, condition: selection}}\n---\n\
                 title: Egress\nname: egress\nlogsource: {{product: linux, category: network_connection}}\n\
                 detection: {{selection: {{DestinationPort|expand: '%port%'}}, condition: selection}}\n---\n\
                 guardbee: {{placeholders: {{port: [{value}]}}}}\n---\n\
                 title: Filter\nlogsource: {{product: linux, category: process_creation}}\n\
                 filter: {{rules: [shell], selection: {{CommandLine|{filter}: 'a.b'}}, condition: not selection}}\n{}",
                pair("Both", "1s")
            );
            RuleSet::load(&[("rules.yml", text)]).unwrap_or_else(|problems| panic!("{problems:#?}"))
        };
        let before = load("/sh", "re|m", "1");
        let changed = |after: &RuleSet| {
            let changes = Changes::between(&before, after);
            let titles: Vec<_> = changes.changed.iter().map(|[_, now]| now.0.title.to_string()).collect();
            titles.join(" ")
        };
        assert_eq!(changed(&load("/sh", "re|m", "1")), "");
        assert_eq!(changed(&load("/ash", "re|m", "1")), "Shell Both");
        assert_eq!(changed(&load("/sh", "re|s", "1")), "Shell Both");
        assert_eq!(changed(&load("/sh", "re|m", "2")), "Egress Both");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]
        /// Whenever rules are replaced by the same ones and others: the same ones find the same, and nothing is lost.
        #[test]
        fn the_moment_changes_nothing(
            steps in prop::collection::vec((0..12_u64, any::<bool>(), 0..3_usize, any::<bool>()), 1..60),
        ) {
            let kept = [pair("Kept", "1s"), correlation(
                "Least",
                &["type: event_count", "rules: [shell]", "group-by: [container.id]", "timespan: 2s", "condition: {lt: 3}"],
            )];
            let other = |number: usize| [kept.to_vec(), vec![pair("Other", &format!("{}s", number + 1))]].concat();
            let (mut whole, mut reloaded) = (engine(&kept), engine(&kept));
            let (mut right, mut out, mut now) = (Vec::new(), Vec::new(), 10);
            for (number, (gap, exec, container, reload)) in steps.into_iter().enumerate() {
                now += gap;
                let container = ["a", "b", "c"][container];
                let event = if exec { shell(now, container) } else { egress(now, container, "1") };
                if reload {
                    reloaded.replace(rules_with(&other(number % 4)), &mut out);
                }
                whole.observe(&event, &mut right);
                reloaded.observe(&event, &mut out);
            }
            reloaded.replace(rules_with(&kept), &mut out);
            for (engine, out) in [(&mut whole, &mut right), (&mut reloaded, &mut out)] {
                engine.advance(BootTime(u64::MAX), out);
            }
            out.retain(|one| &*one.rule.title != "Other");
            prop_assert_eq!(shown(&out), shown(&right));
            prop_assert_eq!(reloaded.losses(BootTime(now)), whole.losses(BootTime(now)));
            prop_assert_eq!(reloaded.partials(), whole.partials());
        }
    }
}
