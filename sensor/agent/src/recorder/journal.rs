//! The journal: a recording in files of a folder, within so many bytes; the oldest make room.
use crate::replay::SUFFIX;
use anyhow::Context as _;
use guardbee_model::{
    clock::{BootTime, WallOffset},
    loss::{Loss, LossCounter, Stage},
};
use guardbee_recording::{Error, Head, Item, Sight, Writer};
use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Files that the quota is divided into.
const FILES: u64 = 16;
/// Before another file is tried after one could not be written.
const PAUSE: Duration = Duration::from_secs(5);

/// Where it stands, and how far it has come.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    quota: u64,
    head: Head,
    pub(super) current: Option<(PathBuf, Writer<File>)>,
    /// Of the next file.
    pub(super) number: u64,
    /// Complete ones, the oldest first, with their bytes.
    files: VecDeque<(PathBuf, u64)>,
    /// What a new file begins with.
    time: Option<(BootTime, WallOffset)>,
    sight: Option<Sight>,
    /// Not before this.
    retry: Option<Instant>,
    dropped: LossCounter,
}

impl Journal {
    /// Goes on where the one before ended, in another file.
    pub(crate) fn open(folder: &Path, quota: u64, head: Head) -> anyhow::Result<Self> {
        let context = || format!("journal.folder {}: create it, owned by run_as", folder.display());
        let mut files = Vec::new();
        for entry in folder.read_dir().with_context(context)? {
            let path = entry.with_context(context)?.path();
            if path.extension().is_some_and(|extension| extension == SUFFIX) {
                let bytes = path.metadata().with_context(context)?.len();
                files.push((path, bytes));
            }
        }
        files.sort();
        let last = files.last().and_then(|(path, _)| path.file_stem()?.to_str()?.parse::<u64>().ok());
        let number = last.map_or(1, |last| last.saturating_add(1));
        Ok(Self {
            folder: folder.to_owned(),
            quota,
            head,
            current: None,
            number,
            files: files.into(),
            time: None,
            sight: None,
            retry: None,
            dropped: LossCounter::new(Stage::Recording),
        })
    }

    pub(super) fn put(&mut self, item: &Item) -> Result<(), Error> {
        match item {
            Item::Time(now, offset) => self.time = Some((*now, *offset)),
            Item::Sight(sight) => self.sight = Some(sight.clone()),
            Item::Loss(_) | Item::Observation(_) => {}
        }
        if self.retry.is_some_and(|at| Instant::now() < at) {
            self.dropped.add(
                "journal_broken",
                "observation",
                u64::from(matches!(item, Item::Observation(_))),
            );
            return Ok(());
        }
        if self.current.is_none() {
            self.retry = None;
            let begun = self.begin();
            self.checked(begun)?;
            // It begins with both.
            if matches!(item, Item::Time(..) | Item::Sight(_)) {
                return Ok(());
            }
        }
        let put = self.current.as_mut().map_or(Ok(()), |(_, writer)| writer.put(item));
        self.checked(put)?;
        self.end_if_full();
        Ok(())
    }

    pub(super) fn cut(&mut self) -> Result<(), Error> {
        let cut = self.current.as_mut().map_or(Ok(()), |(_, writer)| writer.cut());
        self.checked(cut)?;
        self.end_if_full();
        Ok(())
    }

    fn end_if_full(&mut self) {
        let full = |(_, writer): &(_, Writer<File>)| writer.is_cut() && writer.bytes() >= self.quota / FILES;
        if self.current.as_ref().is_some_and(full) {
            self.end();
        }
    }

    pub(super) fn losses(&mut self, now: BootTime) -> Vec<Loss> {
        let mut losses = self.dropped.drain(now);
        if let Some((_, writer)) = &mut self.current {
            losses.extend(writer.losses(now));
        }
        losses
    }

    /// A file that can't be written is left as it is.
    fn checked(&mut self, done: Result<(), Error>) -> Result<(), Error> {
        if done.is_err() {
            if let Some((_, writer)) = &mut self.current {
                for loss in writer.losses(BootTime(0)) {
                    self.dropped.add(loss.cause, loss.kind, loss.count);
                }
            }
            self.end();
            self.retry = Some(Instant::now() + PAUSE);
        }
        done
    }

    fn begin(&mut self) -> Result<(), Error> {
        self.make_room();
        let path = self.folder.join(format!("{:016}.{SUFFIX}", self.number));
        self.number += 1;
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(|source| Error::Io { doing: "begin", source })?;
        let mut writer = Writer::new(file, &self.head)?;
        // Where the file before ended: there is no gap between them.
        if let Some((now, offset)) = self.time {
            writer.put(&Item::Time(now, offset))?;
            if let Some(sight) = &self.sight {
                writer.put(&Item::Sight(Sight { since: now.max(sight.since), ..sight.clone() }))?;
            }
        }
        self.current = Some((path, writer));
        Ok(())
    }

    fn end(&mut self) {
        let Some((path, writer)) = self.current.take() else { return };
        self.files.push_back((path, writer.bytes()));
    }

    /// For one more file, and for the frame that goes beyond it.
    fn make_room(&mut self) {
        let room = self.quota - self.quota / FILES * 2;
        let mut bytes: u64 = self.files.iter().map(|(_, bytes)| bytes).sum();
        while bytes > room {
            let Some((path, oldest)) = self.files.pop_front() else { break };
            bytes = bytes.saturating_sub(oldest);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::error!(%error, path = %path.display(), "An old file of the journal can't be removed.");
                }
                _ => {}
            }
        }
    }
}
