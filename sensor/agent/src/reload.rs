//! Other rules and policies while the sensor runs: read and checked beside the core, taken over between two of its turns.
use crate::{clock::SystemClock, policies, rule_files};
use anyhow::Context as _;
use crossbeam_channel::{Receiver, TryRecvError, bounded};
use guardbee_deliver::record::Statement;
use guardbee_model::{
    clock::{BootTime, Clock as _},
    finding::RuleInfo,
};
use guardbee_policy::PolicySet;
use guardbee_rules::{Changes, Digest, RuleSet};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Rules that a statement names of each kind of change; more are counted.
const NAMED: usize = 32;

/// Rules and policies that load, or why they don't: what `guardbee rules check` and `guardbee policy check` say.
pub(crate) type Loaded = Result<(Arc<RuleSet>, Arc<PolicySet>), String>;

/// Loads what stands in these files and folders.
pub(crate) fn load(paths: &[PathBuf]) -> anyhow::Result<Arc<RuleSet>> {
    let files = rule_files::read_or_shipped(paths)?;
    let set = RuleSet::load(&files).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{}\nthe rules don't load; `guardbee rules check` says the same", lines.join("\n"))
    })?;
    let clock = SystemClock;
    for problem in set.expired(clock.wall_offset().wall(clock.boot())) {
        tracing::warn!("{problem}");
    }
    Ok(Arc::new(set))
}

/// Loads the policies that stand in these files and folders.
pub(crate) fn load_policies(paths: &[PathBuf]) -> anyhow::Result<Arc<PolicySet>> {
    let set = policies::load(paths)?.map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        let lines = lines.join("\n");
        anyhow::anyhow!("{lines}\nthe policies don't load; `guardbee policy check` says the same")
    })?;
    for problem in set.warnings() {
        tracing::warn!("{problem}");
    }
    Ok(Arc::new(set))
}

/// Where rules stand: what is configured, or the shipped pack, found while that can still be looked for.
pub(crate) fn places(configured: &[PathBuf]) -> Vec<PathBuf> {
    if configured.is_empty() { rule_files::shipped().into_iter().collect() } else { configured.to_vec() }
}

/// Folders that must stay readable: a file that is replaced is another one under the same name.
pub(crate) fn folders(places: &[PathBuf]) -> Vec<PathBuf> {
    let folder = |place: &PathBuf| {
        if place.is_dir() {
            place.clone()
        } else {
            place.parent().unwrap_or_else(|| Path::new("/")).to_owned()
        }
    };
    places.iter().map(folder).collect()
}

/// Loads rules and policies again when asked to, on a thread that ends with it.
#[derive(Debug)]
pub(crate) struct Reloader {
    rules: Vec<PathBuf>,
    policies: Vec<PathBuf>,
    loading: Option<Receiver<Loaded>>,
    /// Asked for while it was loading: what it loads may be older than that.
    again: bool,
}

impl Reloader {
    pub(crate) fn new(rules: Vec<PathBuf>, policies: Vec<PathBuf>) -> Self {
        Self { rules, policies, loading: None, again: false }
    }

    /// Begins to load, or will when what is loading is done.
    pub(crate) fn ask(&mut self) {
        if self.loading.is_some() {
            self.again = true;
            return;
        }
        let (done, loading) = bounded(1);
        let (rules, policies) = (self.rules.clone(), self.policies.clone());
        let load = move || {
            let loaded = load(&rules)
                .context("load the rules again")
                .and_then(|rules| Ok((rules, load_policies(&policies).context("load the policies again")?)));
            let loaded = loaded.map_err(|error| format!("{error:#}"));
            // Nobody waits for it any more when the sensor ends.
            done.send(loaded).unwrap_or_default();
        };
        match std::thread::Builder::new().name("rules".into()).spawn(load) {
            Ok(_) => self.loading = Some(loading),
            Err(error) => tracing::error!(%error, "Rules and policies could not be loaded again: no thread."),
        }
    }

    /// What was loaded, once.
    pub(crate) fn loaded(&mut self) -> Option<Loaded> {
        let loaded = match self.loading.as_ref()?.try_recv() {
            Ok(loaded) => loaded,
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => Err("loading rules and policies again failed".to_owned()),
        };
        self.loading = None;
        if std::mem::take(&mut self.again) {
            self.ask();
        }
        Some(loaded)
    }

    /// Something is being loaded: look often.
    pub(crate) fn is_loading(&self) -> bool {
        self.loading.is_some()
    }
}

/// The rules of now are these, and what that changed.
pub(crate) fn taken_over(changes: &Changes, set: &RuleSet, now: BootTime) -> Statement {
    let Changes { added, removed, changed, kept } = changes;
    let body = format!(
        "other rules: {} added, {} removed, {} changed, {kept} as before",
        added.len(),
        removed.len(),
        changed.len()
    );
    tracing::info!("Rules were loaded again: {body}.");
    let mut statement = Statement::info("guardbee.rules.reloaded", now, body);
    let mut told = |key: &'static str, count: usize, names: Vec<String>| {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        statement.attributes.push((format!("guardbee.rules.{key}").into(), count.into()));
        if !names.is_empty() {
            statement
                .attributes
                .push((format!("guardbee.rules.{key}.names").into(), names.join("; ").into()));
        }
    };
    let names = |rules: &[(Arc<RuleInfo>, Digest)]| {
        rules.iter().take(NAMED).map(|(info, digest)| format!("{} {}", info.title, short(*digest))).collect()
    };
    let pairs = changed.iter().take(NAMED);
    let pairs = pairs.map(|[was, now]| format!("{} {} to {}", now.0.title, short(was.1), short(now.1)));
    told("added", added.len(), names(added));
    told("removed", removed.len(), names(removed));
    told("changed", changed.len(), pairs.collect());
    told("kept", *kept, Vec::new());
    statement.attributes.push(("guardbee.rules.digest".into(), set.digest().to_string().into()));
    statement
}

/// The new rules or policies don't load: both of before go on.
pub(crate) fn refused(problem: &str, now: BootTime) -> Statement {
    tracing::error!("Rules and policies were not changed: {problem}");
    let body = "the new rules or policies don't load: those before go on";
    let mut statement = Statement::warning("guardbee.rules.refused", now, body);
    statement.attributes.push(("guardbee.rules.problem".into(), problem.into()));
    statement
}

/// Enough of it to find it in a list.
fn short(digest: Digest) -> String {
    digest.to_string().chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs,
        time::{Duration, Instant},
    };

    fn wait(reloader: &mut Reloader) -> Loaded {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(loaded) = reloader.loaded() {
                return loaded;
            }
            assert!(Instant::now() < deadline, "the rules were not loaded");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn what_is_there_when_asked_for_is_loaded_and_a_broken_set_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rule.yml");
        let rule = |title: &str| {
            let source = "logsource: {product: linux, category: process_creation}";
            let text = format!("title: {title}\n{source}\ndetection: {{s: {{Image: /x}}, condition: s}}\n");
            fs::write(&file, text).unwrap();
        };
        rule("One");
        let policies = folder.path().join("policies");
        fs::create_dir(&policies).unwrap();
        let mut reloader = Reloader::new(vec![file.clone()], vec![policies.clone()]);
        assert!(reloader.loaded().is_none() && !reloader.is_loading());
        let before = load(std::slice::from_ref(&file)).unwrap();
        reloader.ask();
        // Whatever the first gets to see, the second sees this.
        rule("Two");
        reloader.ask();
        assert!(wait(&mut reloader).is_ok() && reloader.is_loading());
        let (after, none) = wait(&mut reloader).unwrap();
        assert!(none.is_empty());
        assert!(!reloader.is_loading());
        let told = taken_over(&Changes::between(&before, &after), &after, BootTime(1));
        assert_eq!(told.body, "other rules: 1 added, 1 removed, 0 changed, 0 as before");
        assert!(format!("{told:?}").contains("Two "), "{told:?}");
        fs::write(policies.join("a.yaml"), "name: a\nmatch: {unit: a.service}\n").unwrap();
        reloader.ask();
        assert_eq!(wait(&mut reloader).unwrap().1.policies().len(), 1);
        fs::write(policies.join("a.yaml"), "name: a\npayload: perhaps\n").unwrap();
        reloader.ask();
        let problem = wait(&mut reloader).unwrap_err();
        assert!(problem.contains("a.yaml:2:10") && problem.contains("guardbee policy check"), "{problem}");
        fs::remove_file(policies.join("a.yaml")).unwrap();
        fs::write(&file, "title: [").unwrap();
        reloader.ask();
        let problem = wait(&mut reloader).unwrap_err();
        assert!(problem.contains("rule.yml:1:"), "{problem}");
        assert!(format!("{:?}", refused(&problem, BootTime(1))).contains("rule.yml:1:"));
    }
}
