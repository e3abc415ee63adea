//! Row d, on real events: the sensor records what this machine does while it builds programs and installs packages, and both engines
//! are given that.
use super::{
    corpora, peer,
    speed::{MISSED, PUBLIC, value},
};
use crate::{
    accept::{
        lab::Lab,
        reach::mixed,
        table::{Line, Table, Verdict},
    },
    process::{Process, output},
};
use anyhow::{Context as _, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// As many as are asked for, and how many rounds of the loads that may take: of packages alone one has more than thirty thousand.
const EVENTS: f64 = 100_000.0;
const ROUNDS: usize = 10;
/// Scripts of tests/load/mixed, side by side.
const SCRIPTS: [&str; 2] = ["builds", "packages"];
const CONFIG: &str = "guardbee.yaml";
const ROUND_LIMIT: Duration = Duration::from_mins(10);
const START_LIMIT: Duration = Duration::from_secs(30);

pub(super) fn run(lab: &Lab, table: &mut Table) {
    const NAME: &str = "recorded real events";
    if lab.wanted(NAME) {
        let began = Instant::now();
        let (verdict, figure) = measure(lab).unwrap_or_else(|error| (Verdict::Fail, format!("{error:#}")));
        table.add(Line::new('d', NAME, verdict, figure, began));
    }
}

fn measure(lab: &Lab) -> Judged {
    lab.ready_sensor()?;
    mixed::set_up(lab)?;
    let recordings = record(lab)?;
    let suite = peer(lab, "recorded", &corpora(lab)?.join("sigma"), &recordings)?;
    for line in suite.text.lines().filter(|line| line.starts_with("recorded ")) {
        println!("    {line}");
    }
    judge(&suite.text)
}

/// A recording of each round, until there are events enough.
fn record(lab: &Lab) -> anyhow::Result<Vec<PathBuf>> {
    let folder = lab.folder("recorded")?;
    configure(lab, &folder)?;
    let mut recordings = Vec::new();
    let mut events = 0.0;
    while events < EVENTS {
        let round = recordings.len();
        ensure!(round < ROUNDS, "{events} events in {round} rounds: the loads make fewer than they did");
        let path = folder.join(format!("{round}.gbrec"));
        events += record_round(lab, &folder, &path).with_context(|| format!("record round {round}"))?;
        println!("    {events} events in {} rounds", round + 1);
        recordings.push(path);
    }
    Ok(recordings)
}

/// With the shipped rules, which say of what on files and the system there are events.
fn configure(lab: &Lab, folder: &Path) -> anyhow::Result<()> {
    // The pipeline can't look into root's home, where the checkout may be.
    let rules = folder.join("rules");
    let copied = Command::new("cp").arg("-r").arg(lab.root.join("rules")).arg(&rules).status()?;
    ensure!(copied.success(), "copy the shipped rules: {copied}");
    let config = serde_json::json!({ "rules": [rules] }); // JSON is YAML
    fs::write(folder.join(CONFIG), config.to_string()).context("write the sensor's configuration")
}

/// Gives how many events it has.
fn record_round(lab: &Lab, folder: &Path, path: &Path) -> anyhow::Result<f64> {
    let mut command = Command::new(lab.guardbee());
    command.args(["record", "--config"]).arg(folder.join(CONFIG)).arg("--out").arg(path);
    let mut sensor = Process::start("record", command, path.with_extension("log"))?;
    // Its head is written once it observes.
    sensor.wait_until("recording", START_LIMIT, || fs::metadata(path).is_ok_and(|file| file.len() > 0))?;
    std::thread::scope(|scope| {
        let running = SCRIPTS.map(|script| scope.spawn(move || load(lab, script, &folder.join(script))));
        let ended = running.into_iter().map(|load| load.join().ok().context("a load's thread panicked")?);
        ended.collect::<anyhow::Result<Vec<()>>>()
    })?;
    let status = sensor.stop(START_LIMIT)?;
    let said = sensor.log();
    ensure!(status.success(), "the recording sensor: {status}: {said}");
    let events = said.lines().find_map(|line| line.split_once(" events, ")?.0.parse().ok());
    events.with_context(|| format!("`guardbee record` does not say how many events there are: {said}"))
}

/// A round of a script, in a folder that is kept from round to round.
fn load(lab: &Lab, script: &str, kept: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(kept).with_context(|| format!("make {}", kept.display()))?;
    let mut command = Command::new(lab.root.join("tests/load/mixed").join(script).with_extension("sh"));
    output(script, command.arg(kept), kept, ROUND_LIMIT).map(drop)
}

type Judged = anyhow::Result<(Verdict, String)>;

fn judge(text: &str) -> Judged {
    let line = |begin: &str| {
        text.lines().find(|line| line.starts_with(begin)).with_context(|| format!("no `{begin}` in: {text}"))
    };
    let (recorded, speed) = (line("recorded: ")?, line("speed: recorded ")?);
    let shipped = line("speed: shipped ")?;
    let events = value(recorded, "events")?;
    let (ours, theirs) = (value(speed, "ours_ns")?, value(speed, "theirs_ns")?);
    // It is said once, if both found as many in every turn.
    let (matches, same) = (value(speed, "matches")?, speed.matches(" matches=").count() == 1);
    let rate = 1e9 / ours;
    let found = if same { "as many matches of both" } else { "not as many matches of both" };
    let figure = format!(
        "{:.2} M events a second of a core, goal {:.1} M: x{:.1} rsigma 0.23.0 in the same run, with its best index and events that were \
         parsed before and sorted by kind ({} public rules; of {events} events of this machine {} are of their kinds, {} of those \
         different; {found}: {matches}); with the {} shipped rules {:.2} M a second of all events",
        rate / 1e6,
        PUBLIC / 1e6,
        theirs / ours,
        value(speed, "rules")?,
        value(recorded, "compared")?,
        value(recorded, "different")?,
        value(shipped, "rules")?,
        1e3 / value(shipped, "ours_ns")?,
    );
    let sound = events >= EVENTS && same && theirs > ours;
    if sound && (MISSED..PUBLIC).contains(&rate) {
        return Ok((
            Verdict::Missed,
            format!("{figure}; execs take most of it, and the public rules' line says why"),
        ));
    }
    Ok((Verdict::of(sound && rate >= PUBLIC), figure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_events_other_matches_and_a_slower_engine_fail() {
        let text = |events: u32, ours: u32, theirs: u32, matches: &str| {
            format!(
                "recorded: events={events} compared=400 different=300\nspeed: recorded rules=98 ours_ns={ours} theirs_ns={theirs} \
                 {matches}\nspeed: shipped rules=150 ours_ns=250\n"
            )
        };
        let verdict = |text: &str| judge(text).unwrap().0;
        for (right, text) in [
            (Verdict::Pass, text(100_000, 300, 5_000, "matches=7")),
            (Verdict::Missed, text(100_000, 500, 5_000, "matches=7")),
            (Verdict::Fail, text(100_000, 2_500, 5_000, "matches=7")),
            (Verdict::Fail, text(99_999, 300, 5_000, "matches=7")),
            (Verdict::Fail, text(100_000, 300, 200, "matches=7")),
            (Verdict::Fail, text(100_000, 300, 5_000, "matches=7 matches=8")),
        ] {
            assert!(verdict(&text) == right, "{text}");
        }
        assert!(judge("nothing").is_err());
    }
}
