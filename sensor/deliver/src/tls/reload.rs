//! The set in use, and its replacement when the files change.
use super::{Files, Set, expired, files, load};
use crate::Error;
use arc_swap::ArcSwapOption;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// The credentials of one receiver.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub(crate) files: Files,
    set: ArcSwapOption<Set>,
    /// What the files were when they were last read.
    seen: Mutex<Vec<files::FileId>>,
    /// Why they could not be used then.
    problem: Mutex<Option<String>>,
    /// Grows with each new set.
    generation: watch::Sender<u64>,
}

impl Credentials {
    /// Reads the files once. That they are wrong is no error here: they can be replaced at any time.
    pub(crate) fn new(files: Files) -> Self {
        let credentials = Self {
            files,
            set: ArcSwapOption::empty(),
            seen: Mutex::default(),
            problem: Mutex::default(),
            generation: watch::Sender::new(0),
        };
        credentials.refresh();
        credentials
    }

    /// The set in use and its generation.
    pub(crate) fn current(&self) -> (u64, Option<Arc<Set>>) {
        (*self.generation.borrow(), self.set.load_full())
    }

    /// Tells of new sets.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Why the files as they are now can't be used.
    pub(crate) fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the files again if any of them is another one than before.
    pub(crate) fn refresh(&self) {
        // Looked at before reading: a change in between is seen next time.
        let now: Vec<_> = self.files.all().map(files::file_id).collect();
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == now {
                return;
            }
            *seen = now;
        }
        let problem = match load(&self.files) {
            Ok(set) => {
                self.warn_of_expiry(&set);
                self.set.store(Some(Arc::new(set)));
                self.generation.send_modify(|generation| *generation += 1);
                None
            }
            Err(error) => Some(self.keep_former(&error)),
        };
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }

    fn warn_of_expiry(&self, set: &Set) {
        if set.not_after.is_some_and(expired) {
            tracing::warn!(path = %self.files.certificate.display(), "The client certificate has expired; replace it.");
        }
    }

    fn keep_former(&self, error: &Error) -> String {
        let mut text = chain(error);
        if self.set.load().is_some() {
            text.push_str(" (the former credentials stay in use)");
        }
        tracing::error!(error = %text, "Credentials can't be used.");
        text
    }
}

/// An error with its causes, but for those that it shows itself.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let shown = error.to_string();
        if !text.contains(&shown) {
            text.push_str(": ");
            text.push_str(&shown);
        }
        cause = error.source();
    }
    text
}
