//! The table: on the terminal as it comes, and whole in docs/coverage.md.
use super::driver::{Driver, Expects};
use anyhow::ensure;
use serde_json::json;
use std::{
    collections::BTreeSet,
    fmt::{self, Display, Formatter, Write as _},
    process::Command,
};

/// A finding about a driver's processes.
pub(crate) struct Found {
    /// The rule's file, without its ending.
    pub(crate) rule: String,
    /// Kinds of the events that are its evidence.
    pub(crate) events: String,
    /// How the request behind it is known, where one is proven.
    pub(crate) link: Option<String>,
}

/// What became of an attack.
pub(crate) enum Verdict {
    /// By each of its rules, perhaps by others too.
    Detected { found: Vec<Found>, seconds: f64 },
    /// What was expected of it, and how.
    Came(Expects, String),
    /// The sensor has nothing to see it with.
    Unseen(String),
    /// A rule that must find it didn't.
    Missed(String),
    /// This machine can't do it.
    CannotRun(String),
    /// The driver didn't do what it says.
    Failed(String),
}

/// What became of its twin.
pub(crate) enum Twin {
    Silent,
    /// By these rules, which are wrong.
    Found(String),
    CannotRun(String),
    Failed(String),
}

/// A driver and what became of it.
pub(crate) struct Line {
    pub(crate) driver: Driver,
    pub(crate) verdict: Verdict,
    pub(crate) twin: Twin,
    /// Attack and twin.
    pub(crate) seconds: f64,
}

/// Headline of the terminal's table.
pub(crate) fn head() {
    println!("{:<4} {:<11} {:<13} {:<7} {:>7}  what", "no.", "technique", "verdict", "twin", "seconds");
}

impl Line {
    pub(crate) fn print(&self) {
        let Self { driver, seconds, .. } = self;
        let (number, technique) = (driver.number(), driver.technique.as_str());
        let (verdict, why) = self.told();
        let (twin, about_twin) = self.twin.told();
        print!("{number:<4} {technique:<11} {verdict:<13} {twin:<7} {seconds:>7.1}  {}", driver.title);
        for text in [why, about_twin].iter().filter(|text| !text.is_empty()) {
            print!(": {text}");
        }
        println!();
    }

    /// The verdict, and what it rests on.
    fn told(&self) -> (&'static str, String) {
        let (verdict, why) = self.verdict.told();
        match (&self.verdict, self.driver.learn) {
            (Verdict::Detected { .. }, Some(seconds)) => {
                (verdict, format!("{why}; it learned for {seconds} s here, for days elsewhere"))
            }
            _ => (verdict, why),
        }
    }

    /// Its line of the page.
    fn cells(&self) -> [String; 8] {
        let driver = &self.driver;
        let (verdict, why) = self.told();
        let (twin, about_twin) = self.twin.told();
        [
            driver.id().to_owned(),
            driver.title.clone(),
            driver.technique.clone(),
            verdict.to_owned(),
            why,
            self.verdict.events(&driver.needs.join(", ")),
            self.verdict.seconds(),
            if about_twin.is_empty() { twin.to_owned() } else { format!("{twin}: {about_twin}") },
        ]
    }

    /// Nothing that must be mended.
    fn good(&self) -> bool {
        let verdict = !matches!(self.verdict, Verdict::Missed(_) | Verdict::Failed(_));
        verdict && !matches!(self.twin, Twin::Found(_) | Twin::Failed(_))
    }
}

impl Verdict {
    /// Its name, and by which rules or why.
    fn told(&self) -> (&'static str, String) {
        match self {
            Self::Detected { found, .. } => ("detected", rules(found)),
            Self::Came(Expects::Prevented, how) => ("prevented", how.clone()),
            Self::Came(Expects::Doctor, how) => ("doctor says", how.clone()),
            Self::Came(Expects::Statement, how) => ("sensor says", how.clone()),
            Self::Unseen(why) => ("not detected", why.clone()),
            Self::Missed(why) => ("MISSED", why.clone()),
            Self::CannotRun(why) => ("can't run", why.clone()),
            Self::Failed(why) => ("FAILED", why.clone()),
        }
    }

    fn seconds(&self) -> String {
        match self {
            Self::Detected { seconds, .. } => format!("{seconds:.1}"),
            _ => String::new(),
        }
    }

    /// Kinds of event by which it was found, or else would be.
    fn events(&self, needs: &str) -> String {
        let Self::Detected { found, .. } = self else { return format!("({needs})") };
        let events: BTreeSet<&str> = found.iter().flat_map(|found| found.events.split(" + ")).collect();
        let links: BTreeSet<&str> = found.iter().filter_map(|found| found.link.as_deref()).collect();
        let mut text = events.into_iter().collect::<Vec<_>>().join(", ");
        if !links.is_empty() {
            let links: Vec<&str> = links.into_iter().collect();
            text = format!("{text}; request {}", links.join(", "));
        }
        text
    }
}

fn rules(found: &[Found]) -> String {
    let rules: BTreeSet<&str> = found.iter().map(|found| found.rule.as_str()).collect();
    rules.into_iter().collect::<Vec<_>>().join(", ")
}

impl Twin {
    fn told(&self) -> (&'static str, String) {
        match self {
            Self::Silent => ("silent", String::new()),
            Self::Found(rules) => ("FOUND", format!("its twin too, by {rules}")),
            Self::CannotRun(why) => ("can't", why.clone()),
            Self::Failed(why) => ("FAILED", why.clone()),
        }
    }
}

/// All lines in a few numbers.
pub(crate) struct Summary {
    found: usize,
    came: usize,
    cannot_run: Vec<String>,
    /// Neither found nor impossible here, or something is wrong with them or their twins.
    others: Vec<String>,
}

impl Summary {
    pub(crate) fn of(lines: &[Line]) -> Self {
        let mut summary = Self { found: 0, came: 0, cannot_run: Vec::new(), others: Vec::new() };
        for line in lines {
            let number = line.driver.number().to_owned();
            match &line.verdict {
                _ if !line.good() => summary.others.push(number),
                Verdict::Detected { .. } => summary.found += 1,
                Verdict::Came(..) => summary.came += 1,
                Verdict::CannotRun(why) => summary.cannot_run.push(format!("{number} ({why})")),
                Verdict::Unseen(_) | Verdict::Missed(_) | Verdict::Failed(_) => summary.others.push(number),
            }
        }
        summary
    }

    /// None is left that could have been found and wasn't.
    pub(crate) fn is_whole(&self) -> bool {
        self.others.is_empty() && self.found > 0
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { found, came, cannot_run, others } = self;
        write!(f, "{found} found, {came} prevented or told, {} can't run here", cannot_run.len())?;
        if !cannot_run.is_empty() {
            write!(f, " ({})", cannot_run.join("; "))?;
        }
        if others.is_empty() { Ok(()) } else { write!(f, "; not as they must be: {}", others.join(", ")) }
    }
}

/// The page `docs/coverage.md`.
pub(crate) fn page(lines: &[Line]) -> anyhow::Result<String> {
    let said = |command: &str, args: &[&str]| {
        let out = Command::new(command).args(args).output().map(|out| out.stdout).unwrap_or_default();
        String::from_utf8_lossy(&out).trim().to_owned()
    };
    let mut page = String::from("# Coverage: attacks that were really carried out\n\n");
    writeln!(
        page,
        "Generated by `cargo xtask attacks` on {}, kernel {} {}. Not written by hand: each line is a script of\n\
         [tests/attacks](../tests/attacks/README.md) that did the thing before a running sensor with the shipped rules. A finding counts\n\
         if the driver's own process is in its process tree. *Seconds*: from the attack's end to its findings.\n\
         *Twin*: something honest that looks near; it must not be found.\n",
        said("date", &["-u", "+%F"]),
        said("uname", &["-r"]),
        said("uname", &["-m"]),
    )?;
    let (bypasses, attacks): (Vec<&Line>, Vec<&Line>) =
        lines.iter().partition(|line| line.driver.is_bypass());
    table(&mut page, "Attacks", &attacks)?;
    table(&mut page, "Ways around a sensor", &bypasses)?;
    Ok(page)
}

fn table(page: &mut String, title: &str, lines: &[&Line]) -> anyhow::Result<()> {
    let count = |wanted: fn(&Verdict) -> bool| lines.iter().filter(|line| wanted(&line.verdict)).count();
    let silent = lines.iter().filter(|line| matches!(line.twin, Twin::Silent)).count();
    writeln!(
        page,
        "## {title}\n\n{} of them: {} detected, {} prevented or told by doctor or sensor, {} not detected, {} missed, {} can't run here, \
         {} failed. {silent} twins silent.\n",
        lines.len(),
        count(|verdict| matches!(verdict, Verdict::Detected { .. })),
        count(|verdict| matches!(verdict, Verdict::Came(..))),
        count(|verdict| matches!(verdict, Verdict::Unseen(_))),
        count(|verdict| matches!(verdict, Verdict::Missed(_))),
        count(|verdict| matches!(verdict, Verdict::CannotRun(_))),
        count(|verdict| matches!(verdict, Verdict::Failed(_))),
    )?;
    writeln!(page, "| no. | attack | ATT&CK | verdict | by, or why not | events | seconds | twin |")?;
    writeln!(page, "|---|---|---|---|---|---|---|---|")?;
    for line in lines {
        writeln!(page, "| {} |", line.cells().map(|cell| cell.replace('|', "\\|")).join(" | "))?;
    }
    writeln!(page)?;
    Ok(())
}

/// A line of JSON for each.
pub(crate) fn json(lines: &[Line]) -> String {
    let mut out = String::new();
    for line in lines {
        let [(verdict, why), (twin, about_twin)] = [line.told(), line.twin.told()];
        let Driver { file, title, .. } = &line.driver;
        let good = line.good();
        let line = json!({"file": file, "title": title, "verdict": verdict, "why": why, "twin": twin, "about_twin": about_twin, "good": good});
        out.push_str(&line.to_string());
        out.push('\n');
    }
    out
}

/// An error if something must be mended: a driver, a rule that misses, a rule that finds too much.
pub(crate) fn finish(lines: &[Line]) -> anyhow::Result<()> {
    let bad: Vec<&str> = lines.iter().filter(|line| !line.good()).map(|line| line.driver.number()).collect();
    let detected = lines.iter().filter(|line| matches!(line.verdict, Verdict::Detected { .. })).count();
    println!("{detected} of {} detected", lines.len());
    ensure!(bad.is_empty(), "to be mended: {}", bad.join(", "));
    Ok(())
}
