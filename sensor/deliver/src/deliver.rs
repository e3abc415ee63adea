//! The sender: what the agent starts, feeds, asks and stops.
use crate::{
    Error,
    client::Client,
    endpoint::Target,
    queue::{Bounds, Fill, Queue, Waiting},
    retry::Backoff,
    tls::{self, Credentials, Files},
    worker::{Health, Worker},
};
use guardbee_model::{
    clock::BootTime,
    loss::Loss,
    record::{Record, Stream},
};
use std::{sync::Arc, time::Duration};
use tokio::{runtime::Handle, task::JoinHandle};

/// How requests are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Every OTLP receiver must take it; to one that doesn't, requests go uncompressed.
    #[default]
    Gzip,
    /// Not at all.
    None,
}

/// A receiver of OTLP/gRPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Otlp {
    /// `https://host:port`.
    pub endpoint: String,
    /// Name that the receiver's certificate must have; empty: the endpoint's host.
    pub server_name: String,
    /// Credentials.
    pub files: Files,
    /// Plain text; to this node only.
    pub insecure: bool,
    /// Of requests.
    pub compression: Compression,
    /// For each call.
    pub timeout: Duration,
    /// Between attempts.
    pub backoff: Backoff,
    /// How often the credentials' files are looked at.
    pub watch: Duration,
    /// How much may wait.
    pub bounds: Bounds,
}

impl Default for Otlp {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            server_name: String::new(),
            files: Files::default(),
            insecure: false,
            compression: Compression::default(),
            timeout: Duration::from_secs(10),
            backoff: Backoff::default(),
            watch: Duration::from_secs(2),
            bounds: Bounds::default(),
        }
    }
}

impl Otlp {
    /// The port that is connected to.
    pub fn port(&self) -> Result<u16, Error> {
        Ok(Target::new(self)?.port)
    }

    /// Everything that can be known without connecting: the address, and the files as they are now.
    pub fn check(&self) -> Result<(), Error> {
        let target = Target::new(self)?;
        if target.name.is_some() {
            tls::load(&self.files)?;
        }
        Ok(())
    }
}

/// How delivery is doing, for `doctor` and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// How long exports have succeeded without a failure in between; [`None`]: not now.
    pub connected_for: Option<Duration>,
    /// Why the last attempt failed; [`None`]: it did not.
    pub error: Option<String>,
    /// What the receiver said to accepted requests: partial success and warnings.
    pub warning: Option<String>,
    /// Why the credentials' files as they are now can't be used.
    pub credentials: Option<String>,
    /// End of our certificate's validity, Unix seconds.
    pub certificate_not_after: Option<u64>,
    /// What waits, by lane.
    pub waiting: [Fill; 3],
    /// Records delivered.
    pub delivered: u64,
    /// Records lost by cause and kind.
    pub lost: Vec<(&'static str, &'static str, u64)>,
}

/// Sends records; dropping it loses what waits: [`Deliver::stop`] first.
#[derive(Debug)]
pub struct Deliver {
    queue: Arc<Queue>,
    health: Arc<Health>,
    credentials: Option<Arc<Credentials>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Deliver {
    /// Starts to send. Files that can't be used yet are no error here: records wait for better ones.
    pub fn start(otlp: &Otlp, runtime: &Handle) -> Result<Self, Error> {
        let target = Target::new(otlp)?;
        let credentials = target.name.is_some().then(|| Arc::new(Credentials::new(otlp.files.clone())));
        let queue = Arc::new(Queue::new(otlp.bounds));
        let health = Arc::new(Health::default());
        let mut tasks: Vec<JoinHandle<()>> = Stream::ALL
            .into_iter()
            .map(|stream| {
                let worker = Worker {
                    stream,
                    queue: Arc::clone(&queue),
                    client: Client::new(target.clone(), credentials.clone(), otlp.timeout, otlp.compression),
                    credentials: credentials.clone(),
                    backoff: otlp.backoff,
                    health: Arc::clone(&health),
                };
                runtime.spawn(worker.run())
            })
            .collect();
        if let Some(credentials) = &credentials {
            tasks.push(runtime.spawn(watch(Arc::clone(credentials), otlp.watch)));
        }
        Ok(Self { queue, health, credentials, tasks })
    }

    /// Queues one record; returns at once.
    pub fn send(&self, record: &Record) {
        self.queue.push(vec![Waiting::new(record)]);
    }

    /// Queues records together, so that they leave in few requests; returns at once.
    pub fn send_all(&self, records: impl IntoIterator<Item = Record>) {
        self.queue.push(records.into_iter().map(|record| Waiting::new(&record)).collect());
    }

    /// The same for records that were encoded when they were made.
    pub fn send_encoded(&self, records: Vec<Waiting>) {
        self.queue.push(records);
    }

    /// Looks at the credentials' files now, as on a signal.
    pub fn reload(&self) {
        if let Some(credentials) = &self.credentials {
            credentials.refresh();
        }
    }

    /// Waits until nothing waits; false: `limit` passed before. Not to be called from an asynchronous task.
    pub fn flush(&self, limit: Duration) -> bool {
        self.queue.wait_empty(limit)
    }

    /// [`Deliver::flush`], then the end; what is left is lost and counted: take [`Deliver::losses`] once more.
    pub fn stop(&mut self, limit: Duration) -> bool {
        let empty = self.flush(limit);
        self.queue.close();
        self.tasks.drain(..).for_each(|task| task.abort());
        empty
    }

    /// What was lost since the last call.
    pub fn losses(&self, now: BootTime) -> Vec<Loss> {
        self.queue.losses(now)
    }

    /// How it is doing.
    pub fn status(&self) -> Status {
        let (delivered, lost) = self.queue.totals();
        let set = self.credentials.as_ref().and_then(|credentials| credentials.current().1);
        Status {
            connected_for: self.health.connected_for(),
            error: self.health.error(),
            warning: self.health.warning(),
            credentials: self.credentials.as_ref().and_then(|credentials| credentials.problem()),
            certificate_not_after: set.and_then(|set| set.not_after),
            waiting: self.queue.fill(),
            delivered,
            lost,
        }
    }
}

impl Drop for Deliver {
    fn drop(&mut self) {
        self.queue.close();
        self.tasks.drain(..).for_each(|task| task.abort());
    }
}

/// Polls: watches of directories miss changes on the file systems that secrets are mounted from, a few `stat` don't.
async fn watch(credentials: Arc<Credentials>, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let credentials = Arc::clone(&credentials);
        if tokio::task::spawn_blocking(move || credentials.refresh()).await.is_err() {
            return; // the runtime is going away
        }
    }
}
