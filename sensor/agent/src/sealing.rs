//! The thread behind the core: records are made, sealed, and given to the sinks.
use crate::{
    asker::Question,
    clock::SystemClock,
    config::Config,
    outbox::{Inbox, Item, merged},
    pipeline::Node,
    sinks::{self, Sinks},
};
use anyhow::Context as _;
use crossbeam_channel::{Receiver, Sender, TryRecvError};
use guardbee_capture::{Counts, Settled};
use guardbee_deliver::record::{Encoder, Identity, Statement, losses as loss_statement};
use guardbee_model::{
    clock::{BootTime, Clock as _, WallOffset, WallTime},
    loss::{Loss, LossCounter, Stage},
    record::{Record, Resource, Stream, Value},
};
use guardbee_seal::{Added, LossTotals, Origin, Params, Sealer, SigningKey, merkle::Hash};
use guardbee_wire::Reply;
use std::{
    sync::{Arc, OnceLock},
    thread::JoinHandle,
    time::Instant,
};

/// How long a finding may wait for others of its batch.
const FINDINGS_EVERY: u64 = 50_000_000;
/// The same for spans and statements, nanoseconds.
const SPANS_EVERY: u64 = 1_000_000_000;
/// Items that are taken before the clock is looked at again, and before whoever waits for this CPU gets it: as in the core,
/// a server is not to wait until all spans are sealed.
const BURST: usize = 32;
/// Losses become one statement this often, nanoseconds.
const LOSSES_EVERY: u64 = 1_000_000_000;

/// What the pipelines before this one have left.
pub(crate) struct Left {
    /// What of each kind they had taken from the rings.
    pub(crate) counts: Counts,
    /// Where it is noted that these are told.
    pub(crate) ledger: Settled,
    /// The statement that tells them.
    pub(crate) told: Statement,
}

/// The running thread.
#[derive(Debug)]
pub(crate) struct Sealing {
    thread: JoinHandle<Sinks>,
    deadline: Arc<OnceLock<Instant>>,
}

impl Sealing {
    /// Starts it.
    pub(crate) fn start(
        node: &Node,
        key: Option<&SigningKey>,
        inbox: Inbox,
        sinks: Sinks,
        questions: Sender<Question>,
        left: Left,
        reply: &Reply,
    ) -> anyhow::Result<Self> {
        let clock = SystemClock;
        let Node { name, boot } = node;
        let identity = Identity {
            host: name.as_str().into(),
            instance: format!("{name}/{boot}").into(),
            version: env!("CARGO_PKG_VERSION").into(),
        };
        let encoder = Encoder::new(identity);
        let resource = sensor_resource(&encoder);
        let previous = if reply.previous_pipelines > 0 {
            vec![(Stream::Audit, Hash(reply.previous_hash))]
        } else {
            Vec::new()
        };
        let params = Params { previous, resource, ..Params::default() };
        let sealer = Sealer::new(Origin::new("default", name, boot), key, params, now(clock))
            .context("make the key of this run")?;
        let deadline = Arc::new(OnceLock::new());
        let mut worker = Worker {
            deadline: Arc::clone(&deadline),
            late: LossCounter::new(Stage::Seal),
            clock,
            encoder,
            sealer,
            sinks,
            questions,
            totals: LossTotals::default(),
            untold: Vec::new(),
            flushed: [BootTime(0); 2],
            told: clock.boot(),
            // What the pipelines before this one have left is told by the first statement.
            settled: Some(Box::new(left.counts)),
            ledger: left.ledger,
        };
        // Sealed before this process is of use to anybody: were it killed first, its gap would be nobody's.
        let first = worker.encoder.audit(left.told, clock.wall_offset());
        worker.add(first);
        worker.flush(clock.boot(), true);
        let thread = std::thread::Builder::new().name("sealing".into()).spawn(move || worker.run(&inbox))?;
        Ok(Self { thread, deadline })
    }

    /// Waits for the thread, which ends when the core's end of the queues is gone, then for the sinks. In the first half
    /// of the time everything is sealed; then only statements, and what is left is counted in the last of them.
    pub(crate) fn finish(self, deadline: Instant) {
        let half = deadline.saturating_duration_since(Instant::now()) / 2;
        self.deadline.get_or_init(|| deadline.checked_sub(half).unwrap_or(deadline));
        if let Ok(mut sinks) = self.thread.join() {
            sinks.stop(deadline.saturating_duration_since(Instant::now()));
        } else {
            tracing::error!("The sealing thread has failed: what it held is lost.");
        }
    }
}

/// Opens what must be opened before the sandbox closes.
pub(crate) fn open_sinks(config: &Config) -> anyhow::Result<Sinks> {
    Sinks::open(config)
}

/// TCP ports that delivery connects to.
pub(crate) fn ports(config: &Config) -> anyhow::Result<Vec<u16>> {
    config.deliver.otlp.iter().map(|otlp| Ok(sinks::otlp(otlp).port()?)).collect()
}

fn now(clock: SystemClock) -> (BootTime, WallTime) {
    let boot = clock.boot();
    (boot, clock.wall_offset().wall(boot))
}

/// The resource that the sensor's own records have.
fn sensor_resource(encoder: &Encoder) -> Arc<Resource> {
    let record = encoder.audit(Statement::info("guardbee.start", BootTime(0), ""), WallOffset(0));
    record.resource
}

struct Worker {
    /// After it only statements are sealed.
    deadline: Arc<OnceLock<Instant>>,
    /// What came too late.
    late: LossCounter,
    clock: SystemClock,
    encoder: Encoder,
    sealer: Sealer,
    sinks: Sinks,
    questions: Sender<Question>,
    totals: LossTotals,
    untold: Vec<Loss>,
    /// When findings and spans were last flushed.
    flushed: [BootTime; 2],
    told: BootTime,
    /// What has come of these records is here or was sealed.
    settled: Option<Box<Counts>>,
    ledger: Settled,
}

/// What was taken from a queue.
struct Took {
    count: usize,
    /// There will be no more.
    ended: bool,
}

impl Worker {
    fn run(mut self, inbox: &Inbox) -> Sinks {
        let mut idle = false;
        loop {
            if inbox.spans.is_empty() {
                inbox.wait(idle);
            } else if !inbox.is_filling() {
                std::thread::yield_now();
            }
            let (urgent, spans) = (self.take(&inbox.urgent), self.take(&inbox.spans));
            let ended = urgent.ended && spans.ended;
            idle = urgent.count + spans.count == 0;
            let time = self.clock.boot();
            self.tell_losses(time, urgent.ended);
            self.flush(time, ended);
            if ended {
                return self.sinks;
            }
        }
    }

    /// What waits in a queue, for a moment.
    fn take(&mut self, queue: &Receiver<Item>) -> Took {
        let offset = self.clock.wall_offset();
        for count in 0..BURST {
            match queue.try_recv() {
                Ok(item) => self.item(item, offset),
                Err(error) => return Took { count, ended: error == TryRecvError::Disconnected },
            }
        }
        Took { count: BURST, ended: false }
    }

    fn item(&mut self, item: Item, offset: WallOffset) {
        if matches!(item, Item::Finding(_) | Item::Span(_))
            && self.deadline.get().is_some_and(|deadline| Instant::now() >= *deadline)
        {
            self.late.add("stopped", item.kind(), 1);
            return;
        }
        match item {
            Item::Finding(finding) => {
                let record = self.encoder.finding(&finding, offset);
                self.sinks.finding(&finding, offset);
                self.add(record);
            }
            Item::Losses(losses) => {
                for loss in &losses {
                    self.totals.add(loss);
                }
                self.untold.extend(losses);
            }
            Item::Settled(counts) => self.settled = Some(counts),
            Item::Span(span) => {
                self.sinks.span(&span, offset);
                let record = self.encoder.span(&span, offset);
                self.add_span(record);
            }
            Item::Statement(statement) => {
                let record = self.encoder.audit(*statement, offset);
                self.add(record);
            }
            Item::Throttle { time, scope, throttle } => {
                let record = self.encoder.audit(throttled(time, scope, throttle), offset);
                self.add(record);
            }
        }
    }

    /// A full batch is sealed at once. What is dropped is counted by the sealer.
    fn add(&mut self, record: Record) {
        let stream = record.stream;
        if self.sealer.add(record) == Added::Full {
            self.seal(&[stream]);
        }
    }

    /// The same for a span, which is not kept as a record.
    fn add_span(&mut self, mut span: Record) {
        let added = self.sealer.add_span(&mut span);
        if added != Added::Dropped {
            self.sinks.keep(&span);
        }
        self.encoder.reuse(span);
        if added == Added::Full {
            self.seal(&[Stream::Spans]);
        }
    }

    fn tell_losses(&mut self, time: BootTime, last: bool) {
        let mut own = self.sealer.drain_losses(time);
        own.extend(self.sinks.losses(time));
        own.extend(self.late.drain(time));
        for loss in own {
            self.totals.add(&loss);
            self.untold.push(loss);
        }
        if self.untold.is_empty() || !(last || time.since(self.told) >= LOSSES_EVERY) {
            return;
        }
        self.told = time;
        if let Some(statement) = loss_statement(&merged(std::mem::take(&mut self.untold)), time) {
            let record = self.encoder.audit(statement, self.clock.wall_offset());
            self.add(record);
        }
    }

    /// What has waited long enough; `all` of it at the end.
    fn flush(&mut self, time: BootTime, all: bool) {
        let [findings, spans] = self.flushed;
        let mut streams = Vec::new();
        let settled = self.settled.take_if(|_| all || time.since(findings) >= FINDINGS_EVERY);
        if all || time.since(findings) >= FINDINGS_EVERY {
            streams.extend([Stream::Findings, Stream::Audit]);
            self.flushed = [time, spans];
        }
        if all || time.since(spans) >= SPANS_EVERY {
            streams.push(Stream::Spans);
            self.flushed = [self.flushed[0], time];
        }
        if !streams.is_empty() {
            self.seal(&streams);
        }
        if let Some(counts) = settled {
            self.ledger.store(&counts);
        }
    }

    fn seal(&mut self, streams: &[Stream]) {
        let moment = now(self.clock);
        let before = self.sealer.heads();
        let mut records = Vec::new();
        if let Err(error) = self.sealer.flush(streams, moment, &self.totals, &mut records) {
            tracing::error!(%error, "Records could not be sealed and are lost.");
        }
        let after = self.sealer.heads();
        if self.sealer.waiting(Stream::Spans) == 0 {
            let head =
                |heads: [(Stream, u64, Hash); 3]| heads.into_iter().find(|head| head.0 == Stream::Spans);
            self.sinks.settle(head(before) != head(after));
        }
        if before != after {
            self.heartbeat();
        }
        self.sinks.records(records);
    }

    /// The audit chain's head: what the pipeline after this one must name.
    fn heartbeat(&mut self) {
        let head = self.sealer.heads().into_iter().find(|(stream, ..)| *stream == Stream::Audit);
        if let Some((_, sequence, hash)) = head {
            let question = Question::Heartbeat { sequence, hash: hash.0 };
            // A full channel: the next batch tells.
            self.questions.try_send(question).unwrap_or_default();
        }
    }
}

fn throttled(time: BootTime, scope: u32, throttle: guardbee_model::event::Throttle) -> Statement {
    let body = if throttle.dropped == 0 {
        format!("scope {scope:#x} has used up its budget for {} events", throttle.kind)
    } else {
        format!(
            "scope {scope:#x} is within its budget again; {} {} events were dropped",
            throttle.dropped, throttle.kind
        )
    };
    let int = |value: u64| Value::Int(i64::try_from(value).unwrap_or(i64::MAX));
    let mut statement = Statement::warning("guardbee.throttle", time, body);
    statement.attributes = vec![
        ("guardbee.scope".into(), int(scope.into())),
        ("guardbee.throttle.kind".into(), throttle.kind.into()),
        ("guardbee.throttle.dropped".into(), int(throttle.dropped)),
        ("guardbee.throttle.since_boot_ns".into(), int(throttle.since.0)),
    ];
    statement
}
