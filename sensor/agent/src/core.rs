//! The core: from rings to findings, plain function calls on one thread.
mod executables;

use crate::{
    actors::Actors,
    asker::Asker,
    baseline::{Found, Keeper},
    clock::SystemClock,
    enforcer::Enforcer,
    hashes::Hashes,
    holding::{Held, Holding},
    ids::Ids,
    outbox::{Item, Outbox},
    packages::PackageReader,
    recorder::{self, Recorder},
    reload::{self, Reloader},
    statement,
    waiting::Waiting,
};
use guardbee_capture::{Capture, Counts};
use guardbee_deliver::record::Statement;
use guardbee_enrich::Table;
use guardbee_model::{
    clock::{BootTime, Clock as _, WallOffset},
    event::{Body, Event},
    finding::{Action, Finding, Observation},
    link::{Link, LinkKind},
    loss::Loss,
    process::{Process, ProcessKey},
    request::Request,
};
use guardbee_rules::{Engine, Match, RuleSet};
use guardbee_trace::{ExecutionModel, Output, Processes, Tracer};
use guardbee_wire::RPC_PROGRAMS;
use std::{collections::VecDeque, sync::Arc, time::Duration};

/// How often oddities are told, if there are new ones.
const ODDITIES_EVERY_NS: u64 = 60_000_000_000;
/// How long a loss is remembered, for findings whose window it overlaps.
const LOSS_MEMORY_NS: u64 = 60_000_000_000;
/// Between two turns at most while something waits for the next one.
const WAITED_FOR: Duration = Duration::from_millis(25);
/// Losses that are remembered: one for each cause and kind in each turn is more than enough.
const LOSS_MEMORY: usize = 4096;

/// Everything between the rings and the outbox.
pub(crate) struct Core {
    pub(crate) capture: Capture,
    pub(crate) table: Table,
    pub(crate) tracer: Tracer,
    pub(crate) engine: Engine,
    pub(crate) ids: Ids,
    pub(crate) asker: Asker,
    hashes: Hashes,
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
        (asker, hashes): (Asker, Hashes),
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
            outbox,
            reloader,
            enforcer: Enforcer::new(Arc::default()),
            packages: None,
            recorder: None,
            baselines: None,
            by_hash: rules.looks_at_hashes(),
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

    /// How long to wait before the next turn.
    pub(crate) fn period(&self) -> Duration {
        let period = self.capture.period();
        let waits = !self.holding.is_empty() || !self.hashes.is_idle() || self.reloader.is_loading();
        if waits { period.min(WAITED_FOR) } else { period }
    }

    /// One turn: what has come by now goes all the way through.
    pub(crate) fn turn(&mut self, clock: SystemClock) {
        let mut losses = std::mem::take(&mut self.losses);
        self.capture.read(&clock, &mut losses);
        for loss in &losses {
            self.tracer.loss(loss);
        }
        while let Some(event) = self.capture.next_event() {
            if event.body.is_payload() {
                self.holding.settle(&event.body);
            }
            self.event(event);
        }
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
        self.wants();
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
        losses.extend(self.outbox.losses(now));
        self.record(&losses, now, offset);
        self.remember(&mut losses, now);
        self.reload(now);
        self.keep(now);
        if self.waiting.is_empty() {
            self.holding.mark(now, &self.capture.undecoded());
        }
        // The losses of their time are known when the counters were read after it.
        self.release(self.hashes.held_until(self.capture.counted(), now));
        self.losses = losses;
    }

    /// Hands over what is to be recorded. What can't be is no loss of a finding's.
    fn record(&mut self, losses: &[Loss], now: BootTime, offset: WallOffset) {
        if let Some(recorder) = &mut self.recorder {
            recorder.losses(losses);
            let lost = recorder.turn(now, offset);
            self.outbox.lost(&lost);
        }
    }

    /// Rules know what they have learned before, and what they learn is kept.
    pub(crate) fn keep_baselines(&mut self, (mut keeper, found): (Keeper, Found)) {
        let told = keeper.load(found, &mut self.engine, SystemClock);
        self.baselines = Some(keeper);
        self.say(told);
    }

    fn keep(&mut self, now: BootTime) {
        let told = self.baselines.as_mut().and_then(|keeper| keeper.turn(&self.engine, now, SystemClock));
        self.say(told);
    }

    fn say(&mut self, statement: Option<Statement>) {
        if let Some(statement) = statement {
            self.outbox.put(Item::Statement(Box::new(statement)));
        }
    }

    /// What was learned is written for the last time.
    pub(crate) fn end_baselines(&mut self) {
        let told = self.baselines.take().and_then(|keeper| keeper.finish(&self.engine, SystemClock));
        self.say(told);
    }

    /// Between two turns every event has been through the rules before, or goes through those after.
    fn reload(&mut self, now: BootTime) {
        let told = match self.reloader.loaded() {
            None => return,
            Some(Err(problem)) => reload::refused(&problem, now),
            Some(Ok((set, policies))) => {
                self.let_all_go();
                self.by_hash = set.looks_at_hashes();
                self.enforcer.replace(policies, self.table.homes());
                let changes = self.engine.replace(Arc::clone(&set), &mut self.matches);
                self.findings();
                self.rules = Arc::clone(&set);
                // What they look at for the first time begins when the loader has attached it: programs_changed() tells.
                self.asker.look_for(Arc::clone(&set), Arc::clone(self.enforcer.set()));
                self.sight(now);
                reload::taken_over(&changes, &set, now)
            }
        };
        self.outbox.put(Item::Statement(Box::new(told)));
        self.tell_policies(now);
    }

    /// These policies are in force, and the loader knows.
    pub(crate) fn enforce(&mut self, enforcer: Enforcer) {
        self.enforcer = enforcer;
    }

    /// Cgroups that are known since the last event get their policy.
    fn follow(&mut self) {
        let changed = self.table.homes_changed();
        if !changed.is_empty() {
            self.enforcer.follow(changed);
            self.enforcer.speak(&mut self.asker);
        }
    }

    /// How many cgroups go by each policy, where that is new.
    fn tell_policies(&mut self, now: BootTime) {
        let told = statement::policies(&self.enforcer, now);
        let is_new =
            self.ruled.as_ref().map(|ruled| &ruled.attributes) != told.as_ref().map(|told| &told.attributes);
        if let Some(told) = told.clone().filter(|_| is_new) {
            self.outbox.put(Item::Statement(Box::new(told)));
        }
        self.ruled = told;
    }

    /// Tells the recording what is observed from now on.
    fn sight(&mut self, now: BootTime) {
        if let Some(recorder) = &mut self.recorder {
            let mut sight = recorder::sight(&self.programs, &self.rules, self.enforcer.set(), now);
            // What is left out somewhere would be missed without a word.
            sight.observed.retain(|action| !self.enforcer.leaves_out(action));
            recorder.sight(sight, SystemClock.wall_offset());
        }
    }

    /// Records from now on.
    pub(crate) fn record_to(
        &mut self,
        recorder: Option<Recorder>,
        programs: [u8; RPC_PROGRAMS],
        now: BootTime,
    ) {
        (self.recorder, self.programs) = (recorder, programs);
        self.sight(now);
    }

    /// What was to be recorded is, when this is over.
    pub(crate) fn end_recording(&mut self) {
        if let Some(recorder) = self.recorder.take() {
            recorder.finish();
        }
    }

    /// What is odd in streams, where there is more of it than a while ago.
    fn tell_oddities(&mut self, now: BootTime) {
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
            self.actors.forget();
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
                Output::Span(span) => self.outbox.put(Item::Span(Box::new(span))),
            }
        }
        self.outputs = outputs;
    }

    fn security(&mut self, event: Event, link: Option<Link>) {
        if !event.body.is_payload() {
            self.holding.settle(&event.body);
        }
        let action = match event.body {
            Body::Accept(socket) => Action::Accept(Arc::new(socket)),
            Body::Connect(connect) => Action::Connect(Arc::new(connect)),
            Body::Exec(exec) => Action::Exec(Arc::from(exec)),
            Body::Exit(exit) => Action::Exit(exit),
            Body::File(file) => Action::File(Arc::from(file)),
            Body::Fork(fork) => Action::Fork(Arc::from(fork)),
            Body::Listen(listen) => Action::Listen(Arc::new(listen)),
            Body::System(system) => {
                // The self-test does all of these, so that the programs fire.
                let actor = event.header.process.and_then(|key| self.actors.get(key, &self.table));
                if actor.is_some_and(|actor| actor.own) {
                    return;
                }
                let target = system.deed.target().and_then(|target| self.table.process(target.process));
                Action::System(Arc::from(system), target)
            }
            Body::Throttle(throttle) => {
                self.outbox.put(Item::Throttle {
                    time: event.header.time,
                    scope: event.header.scope,
                    throttle,
                });
                return;
            }
            // Of processes and sockets that were there before: known now, but nothing that happened.
            Body::Process(_) | Body::Socket(_) | Body::Data(_) | Body::Close(_) => return,
        };
        self.observe(event.header.time, action, event.header.process, link);
    }

    fn request(&mut self, time: BootTime, request: &Arc<Request>, action: Action) {
        let link = Link {
            kind: LinkKind::Exact,
            requests: vec![Arc::clone(request)],
            more: 0,
            reason: "the request itself",
        };
        self.observe(time, action, request.process, Some(link));
    }

    fn observe(&mut self, time: BootTime, action: Action, process: Option<ProcessKey>, link: Option<Link>) {
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
        if let Some(observation) = self.hold(observation) {
            self.evaluate(&Arc::new(observation));
        }
    }

    fn evaluate(&mut self, observation: &Arc<Observation>) {
        self.note_unseen(observation);
        if let Some(recorder) = &mut self.recorder {
            recorder.observation(observation);
        }
        self.engine.observe(observation, &mut self.matches);
        self.findings();
    }

    /// Matches become findings; the time of each is that of its last step.
    fn findings(&mut self) {
        if self.matches.is_empty() {
            return;
        }
        let now = SystemClock.boot();
        let mut matches = std::mem::take(&mut self.matches);
        for Match { rule, evidence, repeats, joined } in matches.drain(..) {
            for observation in &evidence {
                self.want_hashes(observation, now);
            }
            let id = self.ids.finding();
            let time = evidence.last().map_or(now, |last| last.time);
            let finding = Finding { id, rule, time, evidence, losses: Vec::new(), repeats, joined };
            self.holding.finding(now, finding);
        }
        self.matches = matches;
    }

    /// Nothing comes any more: what rules hold back goes out.
    pub(crate) fn end_rules(&mut self) {
        self.let_all_go();
        self.engine.end(&mut self.matches);
        self.findings();
        self.holding.mark(SystemClock.boot(), &self.capture.undecoded());
    }

    /// Passes on the findings that were made until `until`, with what was lost in their windows.
    pub(crate) fn release(&mut self, until: BootTime) {
        while let Some(held) = self.holding.next(until) {
            match held {
                Held::Finding(mut finding) => {
                    finding.losses = self.losses_during(&finding);
                    self.tell_hashes(&mut finding);
                    self.outbox.put(Item::Finding(finding));
                }
                Held::Settled(counts) => self.outbox.settled(counts),
            }
        }
    }

    /// Of the kernel half's records, how many have been through rules, by kind.
    pub(crate) fn settled(&self) -> Counts {
        self.holding.settled(&self.capture.undecoded())
    }

    /// What was lost between the first thing that a finding rests on, its request included, and its last step.
    fn losses_during(&self, finding: &Finding) -> Vec<Loss> {
        let steps = finding.evidence.iter().map(|observation| observation.time);
        let links = finding.evidence.iter().filter_map(|observation| observation.link.as_ref());
        let requests = links.flat_map(|link| &link.requests).map(|request| request.start);
        let begin = steps.chain(requests).min().unwrap_or(finding.time);
        self.lost.iter().filter(|loss| loss.from <= finding.time && begin <= loss.to).copied().collect()
    }

    fn remember(&mut self, losses: &mut Vec<Loss>, now: BootTime) {
        if !losses.is_empty() {
            self.outbox.lost(losses);
            self.lost.extend(losses.drain(..));
        }
        while self.lost.front().is_some_and(|loss| now.since(loss.to) > LOSS_MEMORY_NS)
            || self.lost.len() > LOSS_MEMORY
        {
            self.lost.pop_front();
        }
    }

    fn wants(&mut self) {
        for want in self.table.wants() {
            self.asker.want(want);
        }
    }

    fn answers(&mut self, now: BootTime) {
        while let Ok(answer) = self.asker.answers.try_recv() {
            self.table.provide(answer.want.key, answer.want.thing, &answer.bytes);
        }
        while let Some((file, hash)) = self.hashes.answer(now) {
            self.table.learn_hash(file, hash);
        }
    }
}
