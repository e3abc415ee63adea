//! Judges a driver: which of the sensor's findings are about its attack and its twin, and whether they are those that must be.
use super::{
    coverage::{Found, Twin, Verdict},
    driver::{Driver, Expects},
    trial::{End, Ran, Script, Trial},
};
use crate::accept::lab::Lab;
use anyhow::Context as _;
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path, process::Command};

/// One sensor with the shipped rules, before which drivers are tried.
pub(super) struct Judge<'a> {
    trial: Trial<'a>,
    /// Kinds of event that rules can be about.
    kinds: BTreeSet<String>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(trial: Trial<'a>, kinds: BTreeSet<String>) -> Self {
        Self { trial, kinds }
    }

    /// Carries out the attack.
    pub(super) fn attack(&mut self, driver: &Driver) -> anyhow::Result<Verdict> {
        let ran = self.trial.run(&self.script(driver), "attack")?;
        let did = match &ran.end {
            End::Cannot(why) => return Ok(Verdict::CannotRun(why.clone())),
            End::Done(did) => did,
        };
        let saw = |what: Expects| did[what.key()].as_str().map(str::to_owned);
        let came = driver.expects.map(|expects| (expects, saw(expects)));
        let instead = driver.unless.and_then(|unless| Some((unless, saw(unless)?)));
        if driver.ends_sensor {
            self.trial.last_words(&ran)?;
        } else {
            self.trial.fence(&ran)?;
        }
        let found = self.found(&ran);
        let missed: Vec<&str> = driver
            .rules
            .iter()
            .map(String::as_str)
            .filter(|rule| !found.iter().any(|found| found.rule == *rule))
            .collect();
        let unknown: Vec<&str> =
            driver.needs.iter().map(String::as_str).filter(|kind| !self.kinds.contains(*kind)).collect();
        let seconds = ran.ended.elapsed().as_secs_f64();
        Ok(if let Some((expects, None)) = came {
            Verdict::Missed(format!("it was not {}", expects.key()))
        } else if let (Some((expects, Some(how))), true) = (&came, driver.rules.is_empty()) {
            Verdict::Came(*expects, how.clone())
        } else if driver.rules.is_empty() && !unknown.is_empty() {
            Verdict::Unseen(format!("no event of kind {}", unknown.join(", ")))
        } else if driver.rules.is_empty() {
            Verdict::Unseen(driver.lacks.clone().unwrap_or_else(|| "no rule".to_owned()))
        } else if missed.is_empty() {
            Verdict::Detected { found, seconds }
        } else if let Some((unless, how)) = instead {
            Verdict::Came(unless, how)
        } else {
            Verdict::Missed(format!("{} did not find it{}", missed.join(", "), self.instead(&ran, &found)))
        })
    }

    /// What else is known of an attack that was missed.
    fn instead(&self, ran: &Ran, found: &[Found]) -> String {
        let rules: BTreeSet<&str> = found.iter().map(|found| &*found.rule).collect();
        let rules = rules.into_iter().collect::<Vec<_>>().join(", ");
        let found = if rules.is_empty() { "nothing" } else { &rules };
        format!("; {found} did{}", self.trial.lost_since(ran))
    }

    /// Carries out the twin.
    pub(super) fn twin(&mut self, driver: &Driver) -> Twin {
        let found = self.trial.run(&self.script(driver), "twin").and_then(|ran| {
            if let End::Cannot(why) = ran.end {
                return Ok(Twin::CannotRun(why));
            }
            self.trial.fence(&ran)?;
            let rules: BTreeSet<String> = self.found(&ran).into_iter().map(|found| found.rule).collect();
            Ok(if rules.is_empty() {
                Twin::Silent
            } else {
                Twin::Found(rules.into_iter().collect::<Vec<_>>().join(", "))
            })
        });
        found.unwrap_or_else(|error| Twin::Failed(format!("{error:#}")))
    }

    fn script(&self, driver: &Driver) -> Script {
        let path = self.trial.yard.drivers().join(&driver.file);
        Script { path, id: driver.id().to_owned(), learn: driver.learn }
    }

    fn found(&self, ran: &Ran) -> Vec<Found> {
        let about = self.trial.findings_of(ran);
        about
            .map(|finding| Found {
                rule: stem(finding.text("/unmapped/guardbee/rule_source")),
                events: words(&finding.event["finding_info"]["data_sources"]),
                link: finding.link.as_ref().filter(|link| link.proven()).map(|link| link.kind.clone()),
            })
            .collect()
    }
}

/// Kinds of event that this sensor's rules can be about: it lists them when it is asked for one that doesn't exist.
pub(super) fn kinds(lab: &Lab) -> anyhow::Result<BTreeSet<String>> {
    let path = lab.dir.path().join("unknown.yml");
    let rule = "title: Which Kinds\nid: 1f0f3e2c-58f1-4c0e-9f2a-0d8a0c6a7b11\nlogsource: {product: guardbee, service: '?'}\ndetection: {selection: {pid: 1}, condition: selection}\n";
    fs::write(&path, rule)?;
    let out = Command::new(lab.guardbee()).args(["rules", "check"]).arg(&path).output()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let (_, list) = text.split_once("services are: ").with_context(|| format!("rules check says: {text}"))?;
    let list = list.lines().next().unwrap_or_default();
    Ok(list.split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect())
}

fn stem(source: &str) -> String {
    // A document in a file of several may be told by a line behind it.
    let path = source.split(':').next().unwrap_or_default();
    Path::new(path).file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn words(list: &Value) -> String {
    let list = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    list.collect::<Vec<_>>().join(" + ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_its_file() {
        assert_eq!(stem("/x/rules/execution/a_b.yml:12"), "a_b");
    }
}
