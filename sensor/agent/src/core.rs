//! The core: from rings to findings, plain function calls on one thread.
mod containers;
mod executables;
mod findings;
mod in_force;
mod kept;

use crate::{
    actors::Actors,
    asker::Asker,
    baseline::Keeper,
    clock::SystemClock,
    containers::Containers,
    enforcer::Enforcer,
    hashes::{Done, Hashes},
    holding::{self, Holding},
    ids::Ids,
    outbox::{Item, Outbox},
    packages::PackageReader,
    recorder::Recorder,
    reload::Reloader,
    statement,
    waiting::{Seen, Waiting},
};
use guardbee_capture::{Capture, Woken};
use guardbee_deliver::record::Statement;
use guardbee_enrich::{Table, Thing};
use guardbee_model::{
    clock::{BootTime, Clock as _},
    event::{Body, Event, Header},
    finding::{Action, Observation},
    link::{Link, LinkKind},
    loss::Loss,
    process::{Process, ProcessKey},
    request::Request,
};
use guardbee_rules::{Engine, Match, RuleSet};
use guardbee_trace::{ExecutionModel, Output, Processes, Tracer};
use guardbee_wire::{EventKind, RPC_PROGRAMS, SELF_TEST_NAME};
use std::{collections::VecDeque, sync::Arc, time::Duration};

/// How often oddities are told, if there are new ones.
const ODDITIES_EVERY_NS: u64 = 60_000_000_000;
/// Between two turns at most while something waits for the next one.
const WAITED_FOR: Duration = Duration::from_millis(25);
/// Events that are worked off before whoever waits for this CPU gets it. A turn takes milliseconds under load, and a
/// server that wakes meanwhile would wait for its end: that would be the slowest hundredth of its answers.
const PORTION: usize = 32;
/// Of a turn: after that it is late itself, and gives way no more.
const GIVES_WAY_NS: u64 = 25_000_000;

/// Everything between the rings and the outbox.
pub(crate) struct Core {
    pub(crate) capture: Capture,
    pub(crate) table: Table,
    pub(crate) tracer: Tracer,
    pub(crate) engine: Engine,
    pub(crate) ids: Ids,
    pub(crate) asker: Asker,
    hashes: Hashes,
    containers: Containers,
    pub(crate) outbox: Outbox,
    pub(crate) reloader: Reloader,
    pub(crate) enforcer: Enforcer,
    /// [`None`]: the host's package databases can't be read.
    pub(crate) packages: Option<PackageReader>,
    recorder: Option<Recorder>,
    baselines: Option<Keeper>,
    rules: Arc<RuleSet>,
    /// A rule looks at hashes.
    by_hash: bool,
    /// A rule looks at what runs in containers.
    by_configuration: bool,
    waiting: Waiting,
    /// States of the kernel half's programs.
    programs: [u8; RPC_PROGRAMS],
    actors: Actors,
    /// What was lost lately.
    lost: VecDeque<Loss>,
    holding: Holding,
    /// When oddities were told last, and how many there were.
    oddities: (BootTime, u64),
    /// How many cgroups go by each policy, as that was told last.
    ruled: Option<Statement>,
    /// Observations so far.
    sequence: u64,
    outputs: Vec<Output>,
    matches: Vec<Match>,
    losses: Vec<Loss>,
}

/// What the tracer may know of processes.
struct Known<'a>(&'a Table);

impl Processes for Known<'_> {
    fn process(&self, key: ProcessKey) -> Option<Arc<Process>> {
        self.0.process(key)
    }

    fn execution_model(&self, key: ProcessKey) -> ExecutionModel {
        match self.0.process(key).map(|process| guardbee_enrich::execution_model(&process)) {
            Some(guardbee_enrich::ExecutionModel::OneRequestPerThread(_)) => {
                ExecutionModel::OneRequestPerThread
            }
            _ => ExecutionModel::Unknown,
        }
    }
}

impl Core {
    pub(crate) fn new(
        capture: Capture,
        table: Table,
        tracer: Tracer,
        (engine, rules): (Engine, Arc<RuleSet>),
        ids: Ids,
        (asker, hashes, containers): (Asker, Hashes, Containers),
        (outbox, reloader): (Outbox, Reloader),
    ) -> Self {
        let holding = Holding::new(&capture.taken());
        Self {
            capture,
            table,
            tracer,
            engine,
            ids,
            asker,
            hashes,
            containers,
            outbox,
            reloader,
            enforcer: Enforcer::new(Arc::default()),
            packages: None,
            recorder: None,
            baselines: None,
            by_hash: rules.looks_at_hashes(),
            by_configuration: rules.looks_at_configurations(),
            rules,
            waiting: Waiting::default(),
            programs: [0; RPC_PROGRAMS],
            actors: Actors::new(std::os::unix::process::parent_id()),
            lost: VecDeque::new(),
            holding,
            oddities: (BootTime(0), 0),
            ruled: None,
            sequence: 0,
            outputs: Vec::new(),
            matches: Vec::new(),
            losses: Vec::new(),
        }
    }

    /// How long to wait before the next turn; `woken`: what began this one.
    pub(crate) fn period(&self, woken: Woken) -> Duration {
        let period = self.capture.period(woken);
        let asked = !self.hashes.is_idle() || !self.containers.is_idle();
        let waits = !self.holding.is_empty() || asked || self.reloader.is_loading();
        if waits { period.min(WAITED_FOR) } else { period }
    }

    /// One turn: what has come by now goes all the way through.
    pub(crate) fn turn(&mut self, clock: SystemClock) {
        let mut losses = std::mem::take(&mut self.losses);
        self.capture.read(&clock, &mut losses);
        for loss in &losses {
            self.tracer.loss(loss);
        }
        self.work_off(clock);
        self.actors.forget();
        let now = clock.boot();
        self.tracer.advance(now, &Known(&self.table), &mut self.outputs);
        self.drain_outputs();
        let offset = clock.wall_offset();
        self.engine.set_wall(offset);
        self.answers(now);
        self.learn_packages(now);
        self.let_go(now);
        let past = self.waiting.oldest().map_or(now, |oldest| oldest.min(now));
        self.engine.advance(past, &mut self.matches);
        self.findings();
        self.actors.forget();
        self.wants(now);
        self.asker.try_again();
        if let Some(programs) = self.asker.programs_changed() {
            self.programs = programs;
            self.sight(now);
            let told = statement::programs(&programs, &self.rules, self.enforcer.set(), now);
            self.outbox.put(Item::Statement(Box::new(told)));
        }
        self.tell_oddities(now);
        self.follow();
        self.enforcer.speak(&mut self.asker);
        if self.enforcer.has_settled(&self.asker) {
            self.sight(now);
        }
        losses.extend(self.enforcer.losses(now));
        losses.extend(self.table.losses(now));
        losses.extend(self.tracer.losses(now));
        losses.extend(self.engine.losses(now));
        losses.extend(self.asker.losses(now));
        losses.extend(self.hashes.losses(now));
        losses.extend(self.containers.losses(now));
        losses.extend(self.outbox.losses(now));
        self.record(&losses, now, offset);
        self.remember(&mut losses, now);
        self.reload(now);
        self.keep(now);
        self.holding.mark(now, &self.capture.undecoded());
        // The losses of their time are known when the counters were read after it.
        let until = self.containers.held_until(self.capture.counted(), now);
        self.release(self.hashes.held_until(until, now));
        self.losses = losses;
    }

    /// The events that were read.
    fn work_off(&mut self, clock: SystemClock) {
        let begun = clock.boot();
        let mut portion = 0;
        while let Some(event) = self.capture.next_event() {
            if event.body.is_payload() {
                self.holding.settle(Some(holding::kind(&event.body)));
            }
            self.event(event);
            portion += 1;
            if portion == PORTION {
                portion = 0;
                if !self.capture.is_filling() && clock.boot().since(begun) < GIVES_WAY_NS {
                    std::thread::yield_now();
                }
            }
        }
    }

    /// One event, live or from an iterator.
    pub(crate) fn event(&mut self, event: Event) {
        if event.body.is_payload() {
            let own = self.is_own(&event);
            self.follow();
            if own || !self.enforcer.may_read(event.header.cgroup_id) {
                return;
            }
        } else {
            self.table.observe(&event);
            if self.table.take_changed() {
                self.actors.forget();
            }
            self.follow();
        }
        self.tracer.event(event, &Known(&self.table), &mut self.outputs);
        self.drain_outputs();
    }

    /// The self-test speaks HTTP so that the programs fire: it is no workload, its processes are the loader's children.
    /// Payload tells the table nothing but that its process is alive: once a turn is enough.
    fn is_own(&mut self, event: &Event) -> bool {
        if let Some(actor) = event.header.process.and_then(|key| self.actors.recent(key)) {
            return actor.own;
        }
        self.table.observe(event);
        let actor = event.header.process.and_then(|key| self.actors.get(key, &self.table));
        actor.is_some_and(|actor| actor.own)
    }

    fn drain_outputs(&mut self) {
        let mut outputs = std::mem::take(&mut self.outputs);
        for output in outputs.drain(..) {
            match output {
                Output::Security { event, link } => self.security(event, link),
                Output::Request(request) => {
                    let time = request.start;
                    self.request(time, &request, Action::RequestHead(Arc::clone(&request)));
                }
                Output::Exchange(request, response) => {
                    let time = response.map_or(request.start, |response| response.end);
                    self.request(time, &request, Action::Exchange(Arc::clone(&request), response));
                }
                Output::Consumed => self.holding.settle(Some(EventKind::Dns)),
                Output::Span(span) => self.outbox.put(Item::Span(Box::new(span))),
            }
        }
        self.outputs = outputs;
    }

    fn security(&mut self, event: Event, link: Option<Link>) {
        let kind = holding::counted(&event.body).then(|| holding::kind(&event.body));
        let (time, process) = (event.header.time, event.header.process);
        match self.action(event) {
            Some(action) => self.observe((time, action), process, link, kind),
            None => self.holding.settle(kind),
        }
    }

    /// It does all that programs look at, so that they fire. Whatever else the sensor's own processes do to files is told.
    fn is_self_test(&mut self, event: &Event) -> bool {
        let is_name = |path: &[u8]| {
            let name = path.rsplit(|byte| *byte == b'/').next();
            name.is_some_and(|name| name.starts_with(SELF_TEST_NAME.as_bytes()))
        };
        let is_tested = match &event.body {
            Body::File(file) => is_name(&file.path),
            body => matches!(body, Body::System(_)),
        };
        if !is_tested {
            return false;
        }
        let actor = event.header.process.and_then(|key| self.actors.get(key, &self.table));
        actor.is_some_and(|actor| actor.own)
    }

    /// What rules see of it.
    fn action(&mut self, event: Event) -> Option<Action> {
        if self.is_self_test(&event) {
            return None;
        }
        Some(match event.body {
            Body::Accept(socket) => Action::Accept(Arc::new(socket)),
            Body::Connect(connect) => Action::Connect(Arc::from(connect)),
            Body::Datagram(sent) => Action::Datagram(Arc::from(sent)),
            Body::Exec(exec) => Action::Exec(exec),
            Body::Exit(exit) => Action::Exit(exit),
            Body::File(file) => Action::File(file),
            Body::Fork(fork) => Action::Fork(fork),
            Body::Listen(listen) => Action::Listen(Arc::new(listen)),
            Body::System(system) => {
                let target = system.deed.target().and_then(|target| self.table.process(target.process));
                Action::System(self.table.named(event.header.process, system), target)
            }
            Body::Throttle(throttle) => {
                let Header { time, scope, .. } = event.header;
                self.outbox.put(Item::Throttle { time, scope, throttle });
                return None;
            }
            // Of processes and sockets that were there before: known now, but nothing that happened. The tracer keeps the others.
            Body::Process(_) | Body::Socket(_) | Body::Data(_) | Body::Close(_) | Body::Dns(_) => {
                return None;
            }
        })
    }

    fn request(&mut self, time: BootTime, request: &Arc<Request>, action: Action) {
        let link = Link {
            kind: LinkKind::Exact,
            requests: vec![Arc::clone(request)],
            more: 0,
            reason: "the request itself",
        };
        self.observe((time, action), request.process, Some(link), None);
    }

    /// `kind`: of the kernel half's record that told.
    fn observe(
        &mut self,
        (time, action): (BootTime, Action),
        process: Option<ProcessKey>,
        link: Option<Link>,
        kind: Option<EventKind>,
    ) {
        self.sequence += 1;
        let actor = process.and_then(|key| self.actors.get(key, &self.table));
        let (process, ancestors) = actor.map(|actor| (actor.process, actor.ancestors)).unzip();
        let observation = Observation {
            time,
            action,
            process,
            ancestors: ancestors.unwrap_or_default(),
            link,
            sequence: self.sequence,
        };
        if let Some(seen) = self.hold((observation, kind)) {
            self.evaluate(seen);
        }
    }

    fn evaluate(&mut self, (observation, kind): Seen) {
        let observation = Arc::new(observation);
        self.note_unseen(&observation);
        if let Some(recorder) = &mut self.recorder {
            recorder.observation(&observation);
        }
        self.engine.observe(&observation, &mut self.matches);
        self.findings();
        self.holding.settle(kind);
    }

    /// What is odd in streams, where there is more of it than a while ago.
    pub(super) fn tell_oddities(&mut self, now: BootTime) {
        if now.since(self.oddities.0) < ODDITIES_EVERY_NS {
            return;
        }
        let flags = self.tracer.flags();
        let count = flags.values().sum();
        if count != self.oddities.1 {
            self.outbox.put(Item::Statement(Box::new(statement::oddities(flags, now))));
        }
        self.oddities = (now, count);
        self.tell_policies(now);
    }

    fn wants(&mut self, now: BootTime) {
        self.seek(now);
        for want in self.table.wants() {
            match want.thing {
                // How long that takes, others may decide.
                Thing::Passwd => self.hashes.want_users(want, now),
                Thing::Cmdline | Thing::Cgroup | Thing::UidMap => self.asker.want(want),
            }
        }
    }

    fn answers(&mut self, now: BootTime) {
        while let Ok(answer) = self.asker.answers.try_recv() {
            self.table.provide(answer.want.key, answer.want.thing, &answer.bytes);
        }
        while let Some(done) = self.hashes.answer(now) {
            match done {
                Done::Hash(file, hash) => self.table.learn_hash(file, hash),
                Done::Users(want, Ok(bytes)) => self.table.provide(want.key, want.thing, &bytes),
                // The process keeps its gap.
                Done::Users(_, Err(_)) => {}
            }
        }
        self.configure();
    }
}
