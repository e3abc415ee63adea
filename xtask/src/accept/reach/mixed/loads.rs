//! The loads: scripts of tests/load/mixed, each a round of something, again and again; and execs, as many as an hour is to have.
use crate::{bench::Place, process::output};
use anyhow::Context as _;
use std::{
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread::{Scope, ScopedJoinHandle},
    time::{Duration, Instant},
};

const SCRIPTS: [&str; 4] = ["packages", "builds", "database", "containers"];
/// Beneath which all of it stays: tests/load/reap.c.
pub(super) const REAP: &str = "reap";
const ROUND_LIMIT: Duration = Duration::from_mins(10);
/// In an hour.
const EXECS: u32 = 1_000_000;
/// A second, while there are not enough yet: a quarter more than that, as a busy machine makes fewer.
const RATE: u32 = EXECS / 3600 * 5 / 4;
/// They are made in parts, so that their number can be told.
const PART_SECONDS: u32 = 10;

struct Script {
    name: &'static str,
    /// Kept from round to round.
    folder: PathBuf,
    rounds: AtomicU32,
}

pub(super) struct Loads<'a> {
    place: &'a Place,
    scripts: Vec<Script>,
    /// Of the execs.
    folder: PathBuf,
    execs: AtomicU32,
}

impl<'a> Loads<'a> {
    pub(super) fn new(place: &'a Place) -> anyhow::Result<Self> {
        let script = |name: &'static str| -> anyhow::Result<Script> {
            Ok(Script { name, folder: place.folder(name)?, rounds: AtomicU32::new(0) })
        };
        Ok(Self {
            place,
            scripts: SCRIPTS.into_iter().map(script).collect::<anyhow::Result<_>>()?,
            folder: place.folder("execs")?,
            execs: AtomicU32::new(0),
        })
    }

    /// A round of each script: what must be downloaded is, and what they lack is said before the hour begins.
    pub(super) fn warm_up(&self) -> anyhow::Result<String> {
        let round = |script: &Script| -> anyhow::Result<String> {
            let began = Instant::now();
            self.round(script)?;
            Ok(format!("{} {} s", script.name, began.elapsed().as_secs()))
        };
        Ok(self.scripts.iter().map(round).collect::<anyhow::Result<Vec<_>>>()?.join(", "))
    }

    fn round(&self, script: &Script) -> anyhow::Result<()> {
        let path = self.place.root.join("tests/load/mixed").join(script.name).with_extension("sh");
        let mut command = Command::new(self.place.built(REAP));
        output(script.name, command.arg(path).arg(&script.folder), &script.folder, ROUND_LIMIT).map(drop)
    }

    /// Each until all is done; one that fails ends all.
    pub(super) fn start<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        done: &'scope AtomicBool,
        minutes: u32,
    ) -> Vec<ScopedJoinHandle<'scope, anyhow::Result<()>>> {
        let again = |script: &'scope Script| {
            let round = || {
                self.round(script)?;
                script.rounds.fetch_add(1, Ordering::Relaxed);
                Ok(true)
            };
            until(done, round)
        };
        let mut running: Vec<_> =
            self.scripts.iter().map(|script| scope.spawn(move || again(script))).collect();
        running.push(scope.spawn(move || until(done, || self.execs(wanted(minutes)))));
        running
    }

    /// The next part of them; false: there are enough.
    fn execs(&self, wanted: u32) -> anyhow::Result<bool> {
        let part = (RATE * PART_SECONDS).min(wanted - self.execs.load(Ordering::Relaxed));
        if part == 0 {
            return Ok(false);
        }
        let mut command = Command::new(self.place.built(REAP));
        command
            .arg(self.place.built("loads"))
            .args(["exec", &part.to_string()])
            .arg(self.place.built("tiny"))
            .arg(RATE.to_string());
        output("loads", command, &self.folder, ROUND_LIMIT)?;
        self.execs.fetch_add(part, Ordering::Relaxed);
        Ok(true)
    }

    pub(super) fn told(&self) -> String {
        let rounds = |script: &Script| format!("{} {}", script.name, script.rounds.load(Ordering::Relaxed));
        let rounds = self.scripts.iter().map(rounds).collect::<Vec<_>>().join(", ");
        format!("rounds of {rounds}; {} execs", self.execs.load(Ordering::Relaxed))
    }

    /// Every load, and as many execs as that time is to have.
    pub(super) fn all_ran(&self, minutes: u32) -> bool {
        let ran = self.scripts.iter().all(|script| script.rounds.load(Ordering::Relaxed) > 0);
        ran && self.execs.load(Ordering::Relaxed) >= wanted(minutes)
    }
}

fn wanted(minutes: u32) -> u32 {
    EXECS.div_ceil(60) * minutes
}

/// Again and again, until all is done, or it says that it was enough; whoever fails ends all.
fn until(done: &AtomicBool, mut work: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    while !done.load(Ordering::Relaxed) {
        match work() {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                done.store(true, Ordering::Relaxed);
                return Err(error).context("a load failed");
            }
        }
    }
    Ok(())
}
