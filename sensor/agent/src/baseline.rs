//! What baselines have learned, in a file: read before the first event, written now and then and at the end.
//!
//! It is written beside the old one and put in its place, so that there is always a whole one. One that can't be read is put
//! aside, said so, and learning begins anew.
use crate::clock::SystemClock;
use anyhow::Context as _;
use crossbeam_channel::{Receiver, bounded};
use guardbee_deliver::record::Statement;
use guardbee_model::clock::{BootTime, Clock as _};
use guardbee_rules::{Engine, Learned};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// The file, the one that will be it, and one that could not be read.
const FILE: &str = "baselines";
const NEXT: &str = "baselines.next";
const REFUSED: &str = "baselines.refused";
/// More is not ours: the engine's bound for what baselines take is less.
const MAX_BYTES: u64 = 64 << 20;
/// A killed sensor has forgotten what it learned within so long.
const EVERY_NS: u64 = 60_000_000_000;

/// Where it is kept.
#[derive(Debug)]
pub(crate) struct Keeper {
    folder: PathBuf,
    saved: BootTime,
    saving: Option<Receiver<io::Result<()>>>,
    /// The last time it could not be written.
    failed: bool,
}

/// What stood in the file; [`None`]: there was none.
pub(crate) type Found = io::Result<Option<Vec<u8>>>;

impl Keeper {
    /// Looks at the folder, and reads what is there.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<(Self, Found)> {
        let context = || format!("baseline.folder {}: create it, owned by run_as", folder.display());
        folder.read_dir().with_context(context)?;
        let keeper = Self { folder: folder.to_owned(), saved: BootTime(0), saving: None, failed: false };
        let found = read(&folder.join(FILE));
        Ok((keeper, found))
    }

    /// Gives the engine what was found, and says what that was.
    pub(crate) fn load(
        &mut self,
        found: Found,
        engine: &mut Engine,
        clock: SystemClock,
    ) -> Option<Statement> {
        let (now, offset) = (clock.boot(), clock.wall_offset());
        self.saved = now;
        let learned = match found {
            Ok(None) => return None,
            Ok(Some(bytes)) => {
                Learned::from_bytes(&bytes, offset, offset.wall(now)).map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        Some(match learned {
            Ok(learned) => {
                let values = i64::try_from(learned.values()).unwrap_or(i64::MAX);
                let rules = engine.learn(learned);
                let body = format!("{rules} rules know what they have learned before");
                let mut statement = Statement::info("guardbee.baseline.loaded", now, body);
                statement.attributes.push(("guardbee.baseline.values".into(), values.into()));
                statement
            }
            Err(problem) => self.refuse(&problem, now),
        })
    }

    fn refuse(&self, problem: &str, now: BootTime) -> Statement {
        let (path, aside) = (self.folder.join(FILE), self.folder.join(REFUSED));
        let problem = match fs::rename(&path, &aside) {
            Ok(()) => format!("{}: {problem}; it is {} now", path.display(), aside.display()),
            Err(error) => format!("{}: {problem}; it could not be put aside: {error}", path.display()),
        };
        tracing::error!("Baselines learn anew: {problem}.");
        let body = "what baselines had learned can't be read: they learn anew";
        let mut statement = Statement::warning("guardbee.baseline.refused", now, body);
        statement.attributes.push(("guardbee.baseline.problem".into(), problem.into()));
        statement
    }

    /// Writes what is known, if it is time to, on a thread; says so where that fails and did not before.
    pub(crate) fn turn(&mut self, engine: &Engine, now: BootTime, clock: SystemClock) -> Option<Statement> {
        let told = self.saving.as_ref().and_then(|saving| saving.try_recv().ok());
        if told.is_some() {
            self.saving = None;
        }
        let told = told.and_then(|done| self.tell(done, now));
        if self.saving.is_none() && now.since(self.saved) >= EVERY_NS {
            self.saved = now;
            let (folder, bytes) = (self.folder.clone(), engine.learned().to_bytes(clock.wall_offset()));
            let (done, saving) = bounded(1);
            let save = move || done.send(write(&folder, &bytes)).unwrap_or_default();
            match std::thread::Builder::new().name("baselines".into()).spawn(save) {
                Ok(_) => self.saving = Some(saving),
                Err(error) => return told.or_else(|| self.tell(Err(error), now)),
            }
        }
        told
    }

    /// Writes it for the last time.
    pub(crate) fn finish(mut self, engine: &Engine, clock: SystemClock) -> Option<Statement> {
        if let Some(saving) = self.saving.take() {
            // What it came to is told by what follows.
            drop(saving.recv());
        }
        let bytes = engine.learned().to_bytes(clock.wall_offset());
        let done = write(&self.folder, &bytes);
        self.tell(done, clock.boot())
    }

    fn tell(&mut self, done: io::Result<()>, now: BootTime) -> Option<Statement> {
        let Err(error) = done else {
            self.failed = false;
            return None;
        };
        if std::mem::replace(&mut self.failed, true) {
            return None;
        }
        let problem = format!("baseline.folder {}: {error}", self.folder.display());
        tracing::error!("What baselines learn is not kept: {problem}.");
        let mut statement =
            Statement::warning("guardbee.baseline.unsaved", now, "what baselines learn is not kept");
        statement.attributes.push(("guardbee.baseline.problem".into(), problem.into()));
        Some(statement)
    }
}

fn read(path: &Path) -> Found {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("it has more than {MAX_BYTES} bytes")));
    }
    Ok(Some(bytes))
}

fn write(folder: &Path, bytes: &[u8]) -> io::Result<()> {
    let next = folder.join(NEXT);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&next)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&next, folder.join(FILE))?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use guardbee_model::event::Exit;
    use guardbee_model::finding::{Action, Observation};
    use guardbee_rules::{Match, Params, RuleSet};
    use std::{
        sync::Arc,
        time::{Duration, Instant},
    };

    const RULE: &str = "title: Ends Otherwise\nlogsource: {category: process_termination}\n\
                        detection: {s: {guardbee.exit.status|gte: 0}, condition: s}\n\
                        guardbee: {baseline: {by: [guardbee.exit.status], learn: 1s, forget: 1d}}\n";

    fn engine() -> Engine {
        Engine::new(Arc::new(RuleSet::load(&[("rule.yml", RULE)]).unwrap()), Params::default())
    }

    /// Whether an exit with this status is told, `ms` from now.
    fn told(engine: &mut Engine, code: u32, ms: u64) -> bool {
        let time = BootTime(SystemClock.boot().0 + ms * 1_000_000);
        let action = Action::Exit(Exit { code });
        let one =
            Observation { time, action, process: None, ancestors: Arc::default(), link: None, sequence: 1 };
        let mut out: Vec<Match> = Vec::new();
        engine.observe(&Arc::new(one), &mut out);
        !out.is_empty()
    }

    fn open(folder: &Path, engine: &mut Engine) -> (Keeper, Option<Statement>) {
        let (mut keeper, found) = Keeper::open(folder).unwrap();
        let told = keeper.load(found, engine, SystemClock);
        (keeper, told)
    }

    #[test]
    fn what_was_learned_is_known_to_the_next_sensor() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = engine();
        let (keeper, said) = open(folder.path(), &mut first);
        assert!(said.is_none());
        assert!(!told(&mut first, 7, 0) && told(&mut first, 8, 1_500));
        assert!(keeper.finish(&first, SystemClock).is_none());
        let mut second = engine();
        let (_, said) = open(folder.path(), &mut second);
        assert_eq!(said.unwrap().event, "guardbee.baseline.loaded");
        let news: Vec<bool> = [7, 8, 9].into_iter().map(|code| told(&mut second, code, 1_600)).collect();
        assert_eq!(news, [false, false, true]);
    }

    #[test]
    fn a_damaged_file_is_put_aside_and_learning_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (keeper, _) = open(folder.path(), &mut engine());
        keeper.finish(&engine(), SystemClock);
        let path = folder.path().join(FILE);
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, &bytes).unwrap();
        let mut next = engine();
        let (_, said) = open(folder.path(), &mut next);
        let said = said.unwrap();
        assert_eq!(said.event, "guardbee.baseline.refused");
        let shown = format!("{said:?}");
        assert!(shown.contains("cut or damaged") && shown.contains(REFUSED), "{shown}");
        assert!(!path.exists() && fs::read(folder.path().join(REFUSED)).unwrap() == bytes);
        assert!(!told(&mut next, 7, 0) && told(&mut next, 8, 1_500));
    }

    #[test]
    fn it_is_written_now_and_then_and_a_failure_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut engine = engine();
        let (mut keeper, _) = open(folder.path(), &mut engine);
        told(&mut engine, 7, 0);
        let path = folder.path().join(FILE);
        let mut now = BootTime(SystemClock.boot().0 + EVERY_NS + 1_000_000_000);
        assert!(keeper.turn(&engine, now, SystemClock).is_none());
        let deadline = Instant::now() + Duration::from_secs(30);
        let wait = |keeper: &mut Keeper, now: BootTime| {
            let mut said = None;
            while keeper.saving.is_some() {
                assert!(Instant::now() < deadline, "it was not written");
                std::thread::sleep(Duration::from_millis(1));
                let told = keeper.turn(&engine, now, SystemClock);
                said = said.or(told);
            }
            said
        };
        assert!(wait(&mut keeper, now).is_none() && path.exists());
        // A folder stands where the file should: it can't be replaced.
        fs::remove_file(&path).unwrap();
        fs::create_dir_all(path.join("x")).unwrap();
        let mut events = Vec::new();
        for _ in 0..2 {
            now.0 += EVERY_NS;
            events.extend(keeper.turn(&engine, now, SystemClock));
            events.extend(wait(&mut keeper, now));
        }
        let events: Vec<_> = events.iter().map(|said| said.event).collect();
        assert_eq!(events, ["guardbee.baseline.unsaved"]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let error = Keeper::open(Path::new("/nowhere/at/all")).map(drop).unwrap_err();
        assert_eq!(error.to_string(), "baseline.folder /nowhere/at/all: create it, owned by run_as");
    }
}
