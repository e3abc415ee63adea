//! Attacks, really carried out before a running sensor: what it finds of each, and that their honest twins stay silent.
//!
//! A driver's action is the driver's by the process tree in a finding, never by time alone.
pub(crate) mod coverage;
pub(crate) mod driver;
mod judge;
mod pack;
pub(crate) mod trial;
pub(crate) mod yard;

use crate::{
    accept::{
        lab::Lab,
        sensor::{Options, Sensor},
    },
    process,
};
use anyhow::{Context as _, ensure};
use clap::Parser;
use coverage::{Line, Verdict};
use driver::Driver;
use judge::Judge;
use std::{collections::BTreeMap, fs, path::PathBuf, time::Instant};
use trial::Trial;
use yard::Yard;

/// Which attacks, which binary.
#[derive(Parser)]
pub(crate) struct Args {
    /// Only drivers whose file name begins with this, such as `004`; may be given several times.
    #[arg(long, value_name = "NUMBER")]
    only: Vec<String>,
    /// The sensor; without: it is built, release.
    #[arg(long, value_name = "FILE")]
    guardbee: Option<PathBuf>,
    /// Tools that `accept reach --row c` compiled on another machine: nothing is installed or compiled here.
    #[arg(long, value_name = "FOLDER", hide = true)]
    tools: Option<PathBuf>,
    /// Write the lines into this file, as JSON, and no page.
    #[arg(long, value_name = "FILE", hide = true)]
    lines: Option<PathBuf>,
    /// Keep the folders with configurations, logs and findings.
    #[arg(long)]
    keep: bool,
}

/// Carries out the attacks and prints a line for each; writes `docs/coverage.md` when none was left out. An error if a driver
/// could not do what it says, a twin was found, or a rule that must find an attack did not.
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let mut lab = Lab::without_targets(None, args.keep)?;
    (lab.given, lab.tools) = (args.guardbee, args.tools);
    lab.ready_sensor()?;
    let whole = args.only.is_empty();
    let lines = carry_out(&lab, args.keep, |driver| {
        whole || args.only.iter().any(|only| driver.file.starts_with(only))
    })?;
    if let Some(path) = args.lines {
        fs::write(&path, coverage::json(&lines)).with_context(|| format!("write {}", path.display()))?;
    } else if whole {
        let path = lab.root.join("docs/coverage.md");
        fs::write(&path, coverage::page(&lines)?).with_context(|| format!("write {}", path.display()))?;
        println!("written: docs/coverage.md");
    }
    coverage::finish(&lines)
}

/// Carries out the attacks that are wanted and their twins, one after another, before a sensor with the shipped rules; those that
/// need one of their own come last.
pub(crate) fn carry_out(
    lab: &Lab,
    keep: bool,
    is_wanted: impl Fn(&Driver) -> bool,
) -> anyhow::Result<Vec<Line>> {
    ensure!(nix::unistd::geteuid().is_root(), "attacks need root, and so does the sensor: run this as root");
    let yard = Yard::new(&lab.root, keep, lab.tools.as_deref())?;
    process::end_on_signals(vec![lab.dir.path().to_owned(), yard.dir().to_owned()])?;
    let wanted: Vec<Driver> = driver::all(&lab.root)?.into_iter().filter(is_wanted).collect();
    ensure!(!wanted.is_empty(), "no driver's file name begins with what --only says; see tests/attacks");
    let kinds = judge::kinds(lab)?;
    let elder = yard.elder()?;
    let mut groups = BTreeMap::<_, Vec<Driver>>::new();
    for driver in wanted {
        groups.entry(driver.before()).or_default().push(driver);
    }
    coverage::head();
    let mut lines = Vec::new();
    for (before, drivers) in groups {
        let packs = vec![pack::of(lab, &drivers)?];
        let sensor = Sensor::start(lab, &Options { packs, dispatch: before.dispatch, ..Options::default() })?;
        let mut judge = Judge::new(Trial::new(lab, &yard, &elder, &sensor), kinds.clone());
        let mut ended = false;
        for driver in drivers {
            let line = try_out(&mut judge, driver);
            ended |= line.driver.ends_sensor;
            line.print();
            lines.push(line);
        }
        // One that the attack was to end is ended with it, if need be.
        if !ended {
            sensor.stop()?;
        }
    }
    lines.sort_by(|a, b| a.driver.file.cmp(&b.driver.file));
    Ok(lines)
}

/// The attack, then its twin; the other way round where nobody could see the twin behind the attack.
fn try_out(judge: &mut Judge<'_>, driver: Driver) -> Line {
    let began = Instant::now();
    let first = driver.ends_sensor.then(|| judge.twin(&driver));
    let verdict = judge.attack(&driver).unwrap_or_else(|error| Verdict::Failed(format!("{error:#}")));
    let twin = first.unwrap_or_else(|| judge.twin(&driver));
    Line { driver, verdict, twin, seconds: began.elapsed().as_secs_f64() }
}
