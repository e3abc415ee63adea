//! One lane's sender: takes a batch, tries until it is taken or refused.
use crate::{
    client::{Accepted, Client},
    queue::{Batch, Queue},
    retry::{Backoff, Failure},
    tls::Credentials,
};
use guardbee_model::record::Stream;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// How the workers of one receiver fare.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<Facts>);

#[derive(Debug, Default)]
struct Facts {
    connected: Option<Instant>,
    error: Option<String>,
    warning: Option<String>,
}

impl Health {
    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn connected_for(&self) -> Option<Duration> {
        self.facts().connected.map(|since| since.elapsed())
    }

    pub(crate) fn error(&self) -> Option<String> {
        self.facts().error.clone()
    }

    pub(crate) fn warning(&self) -> Option<String> {
        self.facts().warning.clone()
    }

    fn worked(&self) {
        let mut facts = self.facts();
        facts.connected.get_or_insert_with(Instant::now);
        facts.error = None;
    }

    /// Says whether it is news.
    fn failed(&self, reason: &str) -> bool {
        let mut facts = self.facts();
        facts.connected = None;
        let news = facts.error.as_deref() != Some(reason);
        facts.error = Some(reason.to_owned());
        news
    }

    fn warned(&self, message: String) {
        self.facts().warning = Some(message);
    }
}

pub(crate) struct Worker {
    pub(crate) stream: Stream,
    pub(crate) queue: Arc<Queue>,
    pub(crate) client: Client,
    pub(crate) credentials: Option<Arc<Credentials>>,
    pub(crate) backoff: Backoff,
    pub(crate) health: Arc<Health>,
}

impl Worker {
    /// Until the queue is closed.
    pub(crate) async fn run(mut self) {
        while let Some(batch) = self.queue.next(self.stream).await {
            self.deliver(&batch).await;
        }
    }

    async fn deliver(&mut self, batch: &Batch) {
        let mut failures = 0_u32;
        // From before the first attempt on, so that no change in between is missed.
        let mut changes = self.credentials.as_ref().map(|credentials| credentials.changes());
        loop {
            match self.client.export(batch).await {
                Ok(accepted) => return self.accepted(batch, accepted),
                Err(Failure::Refused { reason }) => {
                    let (kind, count) = (batch.kind, batch.count());
                    tracing::error!(kind, count, %reason, "The receiver refuses records; they are lost.");
                    self.health.failed(&reason);
                    return self.queue.finish(batch, "refused", count);
                }
                Err(Failure::Retry { reason, after, .. }) => {
                    failures = failures.saturating_add(1);
                    if self.health.failed(&reason) {
                        tracing::warn!(stream = self.stream.name(), %reason, "Delivery fails; records wait.");
                    }
                    let delay = after.unwrap_or_else(|| self.backoff.delay(failures));
                    if wait(delay, changes.as_mut()).await == Woken::NewCredentials {
                        failures = 0;
                    }
                }
            }
        }
    }

    /// A partial success is never tried again: which records were not taken is not said.
    fn accepted(&self, batch: &Batch, accepted: Accepted) {
        let Accepted { rejected, message } = accepted;
        self.health.worked();
        if rejected > 0 || !message.is_empty() {
            tracing::warn!(
                kind = batch.kind,
                rejected,
                message,
                "The receiver took a request with reservations."
            );
            self.health.warned(format!(
                "{rejected} of {} {}s rejected: {message}",
                batch.count(),
                batch.kind
            ));
        }
        self.queue.finish(batch, "rejected", rejected);
    }
}

/// New credentials end a wait: the reason for it may be gone.
async fn wait(delay: Duration, changes: Option<&mut watch::Receiver<u64>>) -> Woken {
    let Some(changes) = changes else {
        tokio::time::sleep(delay).await;
        return Woken::Time;
    };
    tokio::select! {
        () = tokio::time::sleep(delay) => Woken::Time,
        Ok(()) = changes.changed() => Woken::NewCredentials,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Woken {
    Time,
    NewCredentials,
}
