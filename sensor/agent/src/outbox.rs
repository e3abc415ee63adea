//! Between the core and the sealing thread: two bounded queues, so that a flood of spans never costs a finding.
use crossbeam_channel::{Receiver, Select, Sender, TrySendError, bounded};
use guardbee_capture::Counts;
use guardbee_deliver::record::Statement;
use guardbee_model::{
    clock::BootTime,
    event::Throttle,
    finding::Finding,
    loss::{Loss, LossCounter, Stage},
    span::Span,
};
use std::time::Duration;

/// Findings and statements that wait at most.
const URGENT: usize = 8192;
/// Spans that wait at most.
const SPANS: usize = 32_768;

/// How often the queues are looked at while something comes.
const LOOK: Duration = Duration::from_millis(50);
/// The same when nothing does: batches wait for their time, heartbeats are due.
const IDLE: Duration = Duration::from_millis(500);

/// What leaves the core.
#[derive(Debug)]
pub(crate) enum Item {
    Finding(Box<Finding>),
    Losses(Vec<Loss>),
    /// All that came of these records of the kernel half, by kind, is before this.
    Settled(Box<Counts>),
    Span(Box<Span>),
    Statement(Box<Statement>),
    Throttle {
        time: BootTime,
        scope: u32,
        throttle: Throttle,
    },
}

impl Item {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Finding(_) => "finding",
            Self::Losses(_) => "losses",
            Self::Settled(_) => "settled",
            Self::Span(_) => "span",
            Self::Statement(_) => "statement",
            Self::Throttle { .. } => "throttle",
        }
    }
}

/// The core's end.
#[derive(Debug)]
pub(crate) struct Outbox {
    urgent: Sender<Item>,
    spans: Sender<Item>,
    dropped: LossCounter,
    /// Losses that found no room: told with the next ones.
    untold: Vec<Loss>,
}

/// The sealing thread's end.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) urgent: Receiver<Item>,
    pub(crate) spans: Receiver<Item>,
}

/// Both ends.
pub(crate) fn new() -> (Outbox, Inbox) {
    let (urgent, urgent_in) = bounded(URGENT);
    let (spans, spans_in) = bounded(SPANS);
    let outbox = Outbox { urgent, spans, dropped: LossCounter::new(Stage::Seal), untold: Vec::new() };
    (outbox, Inbox { urgent: urgent_in, spans: spans_in })
}

impl Inbox {
    /// So many spans wait that the thread that seals them is to hurry.
    pub(crate) fn is_filling(&self) -> bool {
        self.spans.len() >= SPANS / 8
    }

    /// Waits until something urgent has come. `idle`, when nothing came since the last wait: or a span; they are too many
    /// to wake somebody each.
    pub(crate) fn wait(&self, idle: bool) {
        let mut select = Select::new();
        select.recv(&self.urgent);
        if idle {
            select.recv(&self.spans);
        }
        select.ready_timeout(if idle { IDLE } else { LOOK }).ok();
    }
}

impl Outbox {
    /// Passes on, or counts.
    pub(crate) fn put(&mut self, item: Item) {
        let queue = if matches!(item, Item::Span(_)) { &self.spans } else { &self.urgent };
        if let Err(TrySendError::Full(item) | TrySendError::Disconnected(item)) = queue.try_send(item) {
            self.dropped.add("outbox_full", item.kind(), 1);
        }
    }

    /// With no room it is not told: the next one says the same and more.
    pub(crate) fn settled(&mut self, counts: Box<Counts>) {
        self.urgent.try_send(Item::Settled(counts)).unwrap_or_default();
    }

    /// Losses are never lost themselves.
    pub(crate) fn lost(&mut self, losses: &[Loss]) {
        self.untold.extend_from_slice(losses);
        if let Err(TrySendError::Full(Item::Losses(back)) | TrySendError::Disconnected(Item::Losses(back))) =
            self.urgent.try_send(Item::Losses(std::mem::take(&mut self.untold)))
        {
            self.untold = merged(back);
        }
    }

    /// What found no room since this was last asked.
    pub(crate) fn losses(&mut self, now: BootTime) -> Vec<Loss> {
        self.dropped.drain(now)
    }
}

/// One loss for each stage, cause and kind: what waits stays small.
pub(crate) fn merged(losses: Vec<Loss>) -> Vec<Loss> {
    let mut out: Vec<Loss> = Vec::new();
    for loss in losses {
        let same =
            |other: &&mut Loss| (other.stage, other.cause, other.kind) == (loss.stage, loss.cause, loss.kind);
        match out.iter_mut().find(same) {
            Some(other) => {
                other.count += loss.count;
                other.from = other.from.min(loss.from);
                other.to = other.to.max(loss.to);
            }
            None => out.push(loss),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(count: u64, from: u64, to: u64) -> Loss {
        let (from, to) = (BootTime(from), BootTime(to));
        Loss { stage: Stage::Kernel, cause: "ring_full", kind: "data", count, from, to }
    }

    fn throttle() -> Item {
        let throttle = Throttle { kind: "accept", dropped: 0, since: BootTime(0) };
        Item::Throttle { time: BootTime(0), scope: 0, throttle }
    }

    #[test]
    fn a_full_queue_counts_and_losses_wait() {
        let (mut outbox, inbox) = new();
        for _ in 0..URGENT + 3 {
            outbox.put(throttle());
        }
        outbox.lost(&[loss(1, 1, 2)]);
        outbox.lost(&[loss(2, 2, 3)]);
        assert_eq!(outbox.losses(BootTime(9)).iter().map(|loss| loss.count).sum::<u64>(), 3);
        assert_eq!(outbox.untold, vec![loss(3, 1, 3)]);
        while inbox.urgent.try_recv().is_ok() {}
        outbox.lost(&[loss(4, 3, 4)]);
        assert!(matches!(inbox.urgent.try_recv(), Ok(Item::Losses(told)) if told.len() == 2));
    }
}
