//! What runtimes keep of containers: the core asks, a thread of its own has the files opened, reads and parses them.
//!
//! Nobody knows on which file system root keeps them: if one hangs, nothing else does. What hangs stays pending, so that no more is
//! asked than there is room for, and is told as late.
use crate::rpc::Error;
use crossbeam_channel::{Receiver, Sender, bounded};
use guardbee_enrich::{Malformed, RECORD_BYTES, Record, Sought, read_record};
use guardbee_model::{
    clock::BootTime,
    container::Configuration,
    loss::{Loss, LossCounter, Stage},
};
use guardbee_wire::Status;
use rustix::io::Errno;
use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read as _},
    sync::Arc,
};

/// Containers that are asked for at once.
const WAITING: usize = 1024;
/// For how long something may wait for an answer.
const PATIENCE_NS: u64 = 250_000_000;

/// How a record is opened: by asking the loader.
pub(crate) type Open = Arc<dyn Fn([u8; 32], guardbee_wire::Record) -> Result<File, Error> + Send + Sync>;

/// What became of a question.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) sought: Sought,
    pub(crate) found: Found,
    /// Why there is not all that there could be; empty: there is.
    lost: &'static str,
}

/// What the files said.
#[derive(Debug)]
pub(crate) enum Found {
    Known(Configuration),
    /// There will be no other answer.
    Nothing,
    /// There was no time: it may be asked for again.
    Later,
}

/// The core's end; the thread ends with it.
pub(crate) struct Containers {
    work: Sender<Sought>,
    done: Receiver<Answer>,
    /// What was asked for and has no answer yet, since when.
    pending: HashMap<[u8; 32], BootTime>,
    lost: LossCounter,
}

impl Containers {
    /// Starts the thread.
    pub(crate) fn start(open: Open) -> io::Result<Self> {
        let ((work, asked), (answered, done)) = (bounded(WAITING), bounded(WAITING));
        std::thread::Builder::new()
            .name("containers".into())
            .spawn(move || serve(&asked, &answered, &open))?;
        Ok(Self { work, done, pending: HashMap::new(), lost: LossCounter::new(Stage::Enrich) })
    }

    /// Asks for what is known of a container; with too many it isn't, until it is seen again. False: there was no room.
    pub(crate) fn want(&mut self, sought: Sought, now: BootTime) -> bool {
        let room = self.pending.len() < WAITING && self.work.try_send(sought).is_ok();
        if room {
            self.pending.insert(sought.id, now);
        } else {
            self.lost.add("questions_full", "container", 1);
        }
        room
    }

    /// An answer that has come.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        let answer = self.done.try_recv().ok()?;
        self.pending.remove(&answer.sought.id);
        if !answer.lost.is_empty() {
            self.lost.add(answer.lost, "container", 1);
        }
        Some(answer)
    }

    /// It was asked for, there is no answer yet, and that is not for too long.
    pub(crate) fn is_awaited(&self, id: [u8; 32], now: BootTime) -> bool {
        self.pending.get(&id).is_some_and(|since| now.since(*since) < PATIENCE_NS)
    }

    /// It was asked for and there is no answer yet.
    pub(crate) fn is_pending(&self, id: [u8; 32]) -> bool {
        self.pending.contains_key(&id)
    }

    /// Until when what was made may go: what waits for an answer, and what is behind it, not yet, but never for long.
    pub(crate) fn held_until(&self, until: BootTime, now: BootTime) -> BootTime {
        let waits = self.pending.values().filter(|since| now.since(**since) < PATIENCE_NS);
        waits.map(|since| BootTime(since.0.saturating_sub(1))).min().map_or(until, |held| held.min(until))
    }

    /// Nothing is pending.
    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// A rule looks at what runs in a container, and saw something in it before that was known.
    pub(crate) fn unseen(&mut self) {
        self.lost.add("configuration_late", "container", 1);
    }

    /// What could not be read since this was last asked, by why.
    pub(crate) fn losses(&mut self, now: BootTime) -> Vec<Loss> {
        self.lost.drain(now)
    }
}

fn serve(asked: &Receiver<Sought>, answered: &Sender<Answer>, open: &Open) {
    for sought in asked {
        // No more answers than questions wait: there is room, or nobody is there.
        if answered.send(look(sought, open)).is_err() {
            return;
        }
    }
}

/// Why a record says nothing.
enum Missing {
    /// There is none.
    Absent,
    Late,
    Unreadable,
    Malformed,
}

fn look(sought: Sought, open: &Open) -> Answer {
    let mut known = Configuration::default();
    let (mut late, mut lost) = (false, "");
    for record in sought.records {
        match read(&sought, *record, open, &mut known) {
            Ok(()) | Err(Missing::Absent) => {}
            Err(Missing::Late) => (late, lost) = (true, "configuration_stuck"),
            Err(Missing::Unreadable) => lost = "configuration_unreadable",
            Err(Missing::Malformed) => lost = "configuration_malformed",
        }
    }
    // Of every runtime one of the files says that; a list may still have a container whose other files are gone.
    let knows_privileged = known.privileged.is_some();
    let found = match known == Configuration::default() {
        false => Found::Known(known),
        true if late => Found::Later,
        true => Found::Nothing,
    };
    if !knows_privileged && lost.is_empty() {
        lost = "configuration_absent";
    }
    Answer { sought, found, lost }
}

fn read(sought: &Sought, record: Record, open: &Open, known: &mut Configuration) -> Result<(), Missing> {
    let absent = u64::from(Errno::NOENT.raw_os_error().unsigned_abs());
    let file = open(sought.id, wire(record)).map_err(|error| match error {
        Error::Refused(Status::Refused, errno) if errno == absent => Missing::Absent,
        Error::Refused(Status::Late | Status::Busy, _) => Missing::Late,
        _ => Missing::Unreadable,
    })?;
    let mut json = Vec::new();
    let most = RECORD_BYTES as u64 + 1;
    file.take(most).read_to_end(&mut json).map_err(|_| Missing::Unreadable)?;
    read_record(sought, record, &json, known).map_err(|Malformed| Missing::Malformed)
}

fn wire(record: Record) -> guardbee_wire::Record {
    match record {
        Record::DockerConfig => guardbee_wire::Record::DockerConfig,
        Record::DockerHost => guardbee_wire::Record::DockerHost,
        Record::ContainerdSpec => guardbee_wire::Record::ContainerdSpec,
        Record::StorageSpec => guardbee_wire::Record::StorageSpec,
        Record::StorageList => guardbee_wire::Record::StorageList,
        Record::StorageVolatile => guardbee_wire::Record::StorageVolatile,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guardbee_model::container::Container;
    use std::{
        io::Write as _,
        time::{Duration, Instant},
    };

    fn sought(digit: &str) -> Sought {
        Sought::of(&Container::new(&digit.repeat(64), "podman")).unwrap()
    }

    fn file(text: &str) -> File {
        use std::io::Seek as _;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.rewind().unwrap();
        file
    }

    fn refused(errno: Errno) -> Error {
        Error::Refused(Status::Refused, errno.raw_os_error().unsigned_abs().into())
    }

    fn list(digit: &str, image: &str) -> String {
        let id = digit.repeat(64);
        format!(r#"[{{"id": "{id}", "metadata": "{{\"image-name\": \"{image}\"}}"}}]"#)
    }

    fn next(containers: &mut Containers) -> Answer {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            if let Some(answer) = containers.answer() {
                return answer;
            }
            assert!(Instant::now() < deadline);
            std::thread::yield_now();
        }
    }

    #[test]
    fn what_is_missing_is_told_by_why() {
        let open: Open = Arc::new(|id, record| match (id[0], record) {
            (0x11, guardbee_wire::Record::StorageList) => Ok(file(&list("1", "web:1"))),
            (0x22, _) => Err(Error::Refused(Status::Late, 0)),
            (0x33, _) => Err(refused(Errno::PERM)),
            (0x44, guardbee_wire::Record::StorageList) => Ok(file(&list("4", "web:4"))),
            (0x44, guardbee_wire::Record::StorageSpec) => Ok(file("{")),
            _ => Err(refused(Errno::NOENT)),
        });
        let mut containers = Containers::start(open).unwrap();
        let mut told = Vec::new();
        for digit in ["1", "2", "3", "4", "5"] {
            assert!(containers.want(sought(digit), BootTime(1)));
            let Answer { found, .. } = next(&mut containers);
            told.push(match found {
                Found::Known(known) => known.image.map_or_else(String::new, |image| image.reference.into()),
                other => format!("{other:?}"),
            });
            assert!(containers.is_idle());
        }
        assert_eq!(told, ["web:1", "Later", "Nothing", "web:4", "Nothing"]);
        let mut losses: Vec<_> =
            containers.losses(BootTime(2)).iter().map(|loss| (loss.cause, loss.count)).collect();
        losses.sort_unstable();
        assert_eq!(
            losses,
            [
                ("configuration_absent", 2),
                ("configuration_malformed", 1),
                ("configuration_stuck", 1),
                ("configuration_unreadable", 1)
            ]
        );
    }

    #[test]
    fn nobody_waits_for_long_and_a_full_queue_refuses() {
        let (go, wait) = bounded::<()>(0);
        let open: Open = Arc::new(move |_, _| {
            wait.recv().ok();
            Err(refused(Errno::NOENT))
        });
        let mut containers = Containers::start(open).unwrap();
        let one = sought("1");
        assert!(containers.want(one, BootTime(5)));
        let late = BootTime(5 + PATIENCE_NS);
        assert!(containers.is_awaited(one.id, BootTime(6)) && !containers.is_awaited(one.id, late));
        assert_eq!(containers.held_until(BootTime(9), BootTime(9)), BootTime(4));
        assert_eq!(containers.held_until(late, late), late);
        for number in 0..WAITING {
            let name = format!("{number:064x}");
            containers.want(Sought::of(&Container::new(&name, "podman")).unwrap(), late);
        }
        assert_eq!(containers.pending.len(), WAITING);
        let losses = containers.losses(late);
        assert_eq!((losses[0].cause, losses[0].count), ("questions_full", 1));
        drop(go);
        (0..WAITING).for_each(|_| drop(next(&mut containers)));
        assert!(containers.is_idle());
    }
}
