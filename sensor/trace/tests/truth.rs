//! A server of which the truth is known, random in everything: what is called proven must be true.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]
mod world;

use guardbee_model::{
    clock::BootTime,
    event::{Body, Event},
    id::ConnectionId,
    link::LinkKind,
    loss::{Loss, Stage},
    process::ProcessKey,
};
use guardbee_trace::Params;
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap};
use world::{MS, Reads, World, process};

const APP: u32 = 100;
const CONNECTIONS: usize = 6;
/// What a body has that wants to be taken for a request.
const FAKE: &str = "GET /fake HTTP/1.1\r\nHost: h\r\n\r\n";
/// The first ones belong to a blocking thread each, the others to the loop.
const BLOCKING: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    Request(usize),
    /// Two in one read.
    Pipeline(usize),
    /// In two reads.
    SplitHead(usize),
    Answer(usize),
    /// A head with a body to come, and a piece of that which looks like a request.
    Upload(usize),
    UploadMore(usize),
    /// An interim answer.
    Continue(usize),
    /// Of which not all is captured.
    AnswerCut(usize),
    Act(usize),
    /// A timer: on the loop's thread, or one that never reads.
    Noise(bool),
    Fork(usize),
    ChildActs(usize),
    ChildForks(usize),
    Pause(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let connection = || 0..CONNECTIONS;
    prop_oneof![
        6 => connection().prop_map(Step::Request),
        1 => connection().prop_map(Step::Pipeline),
        1 => connection().prop_map(Step::SplitHead),
        5 => connection().prop_map(Step::Answer),
        1 => connection().prop_map(Step::Upload),
        2 => connection().prop_map(Step::UploadMore),
        1 => connection().prop_map(Step::Continue),
        1 => connection().prop_map(Step::AnswerCut),
        6 => connection().prop_map(Step::Act),
        2 => any::<bool>().prop_map(Step::Noise),
        3 => connection().prop_map(Step::Fork),
        4 => any::<usize>().prop_map(Step::ChildActs),
        1 => any::<usize>().prop_map(Step::ChildForks),
        1 => (1..400_u64).prop_map(Step::Pause),
    ]
}

/// The server and what is true of it.
#[derive(Default)]
struct Truth {
    world: World,
    /// Unanswered requests of each connection, oldest first.
    open: Vec<Vec<String>>,
    /// Pieces of a body that each is still to be sent.
    uploading: [usize; CONNECTIONS],
    /// Of each request: its connection, and how many came before it there since the sensor began.
    asked: HashMap<String, (usize, usize)>,
    children: Vec<(ProcessKey, Option<String>)>,
    /// For each action: its request, and how many were open when it, or its process, was made.
    acts: BTreeMap<u32, (Option<String>, usize)>,
    next: u32,
}

impl Truth {
    fn next(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn in_flight(&self) -> usize {
        self.open.iter().map(Vec::len).sum()
    }

    fn who(connection: usize) -> (u32, Reads) {
        if connection < BLOCKING {
            (110 + u32::try_from(connection).unwrap(), Reads::Blocking)
        } else {
            (APP, Reads::Polling)
        }
    }

    fn act(&mut self, key: ProcessKey, tid: u32, truth: Option<String>) {
        let nonce = self.next();
        self.world.act(key, tid, nonce);
        self.acts.insert(nonce, (truth, self.in_flight()));
    }

    fn asks(&mut self, at: usize, path: &str) {
        let before = self.asked.values().filter(|(other, _)| *other == at).count();
        self.asked.insert(path.to_owned(), (at, before));
    }

    fn step(&mut self, step: &Step) {
        let app = process(APP);
        match *step {
            Step::Request(at) | Step::Pipeline(at) | Step::SplitHead(at) if self.open[at].is_empty() => {
                let (id, (tid, how)) = (at as u64 + 1, Self::who(at));
                let count = if matches!(step, Step::Pipeline(_)) { 2 } else { 1 };
                let paths: Vec<_> = (0..count).map(|_| format!("/{}", self.next())).collect();
                let heads: String = paths
                    .iter()
                    .map(|path| ["GET ", path, " HTTP/1.1\r\nHost: h\r\n\r\n"].concat())
                    .collect();
                for path in &paths {
                    self.asks(at, path);
                }
                if matches!(step, Step::SplitHead(_)) {
                    let (first, rest) = heads.split_at(9);
                    self.world.read(id, app, tid, how, first);
                    self.world.read(id, app, tid, how, rest);
                } else {
                    self.world.read(id, app, tid, how, &heads);
                }
                self.open[at] = paths;
            }
            Step::Upload(at) if self.open[at].is_empty() => {
                let (path, length) = (format!("/{}", self.next()), 2 * FAKE.len());
                self.asks(at, &path);
                let head = format!("POST {path} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
                let (tid, how) = Self::who(at);
                self.world.read(at as u64 + 1, app, tid, how, &head);
                (self.open[at], self.uploading[at]) = (vec![path], 2);
            }
            Step::UploadMore(at) if self.uploading[at] > 0 => {
                let (tid, how) = Self::who(at);
                self.world.read(at as u64 + 1, app, tid, how, FAKE);
                self.uploading[at] -= 1;
            }
            Step::Continue(at) if self.uploading[at] > 0 => {
                self.world.send(at as u64 + 1, app, Self::who(at).0, "HTTP/1.1 100 Continue\r\n\r\n");
            }
            Step::Answer(at) | Step::AnswerCut(at) if self.uploading[at] > 0 => {}
            Step::Answer(at) if !self.open[at].is_empty() => {
                self.world.answer(at as u64 + 1, app, Self::who(at).0);
                self.open[at].remove(0);
            }
            Step::AnswerCut(at) if !self.open[at].is_empty() => {
                let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
                self.world.send(at as u64 + 1, app, Self::who(at).0, chunked);
                let Body::Data(data) = &mut self.world.made.last_mut().unwrap().body else { return };
                data.bytes = data.bytes[..50].into();
                self.open[at].remove(0);
            }
            Step::Act(at) => {
                let truth = self.open[at].first().cloned();
                // A blocking thread acts for what it serves; so does the loop, if only we knew for which.
                self.act(app, Self::who(at).0, truth);
            }
            Step::Noise(on_loop) => self.act(app, if on_loop { APP } else { 190 }, None),
            Step::Fork(at) => {
                let truth = self.open[at].first().cloned();
                let pid = 1000 + self.next();
                let child = self.world.fork(app, Self::who(at).0, pid);
                self.children.push((child, truth));
            }
            Step::ChildActs(which) if !self.children.is_empty() => {
                let (child, truth) = self.children[which % self.children.len()].clone();
                self.act(child, child.tgid, truth);
            }
            Step::ChildForks(which) if !self.children.is_empty() => {
                let (child, truth) = self.children[which % self.children.len()].clone();
                let pid = 1000 + self.next();
                let grandchild = self.world.fork(child, child.tgid, pid);
                self.children.push((grandchild, truth));
            }
            Step::Pause(ms) => self.world.now += ms * MS,
            _ => {}
        }
    }

    /// Gives all events: payload late by what is set for its connection, some of it lost, some forks lost.
    fn give(&mut self, late: &[u64], fates: &[bool], forks_lost: bool) {
        let mut losing = fates.iter().cycle();
        let events = std::mem::take(&mut self.world.made);
        let mut order: Vec<(u64, Result<Event, Loss>)> = Vec::new();
        for event in events {
            let time = event.header.time;
            let delay = match &event.body {
                Body::Data(data) => late[usize::try_from(data.connection.0).unwrap() % late.len()],
                _ => 0,
            };
            let payload = matches!(event.body, Body::Data(_));
            if payload && *losing.next().unwrap() {
                let (from, to) = (BootTime(time.0.saturating_sub(MS)), BootTime(time.0 + MS));
                let loss =
                    Loss { stage: Stage::Kernel, cause: "ring_full", kind: "data", count: 1, from, to };
                order.push((time.0 + delay, Err(loss)));
            } else if !(forks_lost && matches!(event.body, Body::Fork(_)) && *losing.next().unwrap()) {
                order.push((time.0 + delay, Ok(event)));
            }
        }
        order.sort_by_key(|(at, _)| *at);
        let world = &mut self.world;
        for (at, what) in order {
            world.tracer.advance(BootTime(at), &world.known, &mut world.out);
            match what {
                Ok(event) => world.tracer.event(event, &world.known, &mut world.out),
                Err(loss) => world.tracer.loss(&loss),
            }
        }
    }
}

impl Truth {
    /// The sensor starts now: what happened was not seen, and positions count from here.
    fn forget(&mut self) {
        for event in &mut self.world.made {
            if let Body::Socket(socket) = &mut event.body {
                socket.middle = true;
            }
        }
        self.world.forget();
        self.asked.clear();
        self.acts.clear();
    }
}

fn run(params: Params, steps: &[Step], late: &[u64], lost: &[bool], forks_lost: bool) -> Truth {
    let (world, open) = (World::new(params), vec![Vec::new(); CONNECTIONS]);
    let mut truth = Truth { world, open, ..Truth::default() };
    for id in 1..=CONNECTIONS as u64 {
        truth.world.accept(id, process(APP));
    }
    for step in steps {
        truth.step(step);
    }
    truth.give(late, lost, forks_lost);
    truth.world.wait(1000);
    truth
}

/// The sensor starts between `before` and `after`, within a head of connection `half`.
fn run_late(before: &[Step], half: Option<usize>, after: &[Step]) -> Truth {
    let mut truth = Truth { open: vec![Vec::new(); CONNECTIONS], ..Truth::default() };
    for id in 1..=CONNECTIONS as u64 {
        truth.world.accept(id, process(APP));
    }
    for step in before {
        truth.step(step);
    }
    let half = half.filter(|at| truth.open[*at].is_empty());
    let read = |truth: &mut Truth, bytes: &str| {
        if let Some(at) = half {
            let (tid, how) = Truth::who(at);
            truth.world.read(at as u64 + 1, process(APP), tid, how, bytes);
            truth.open[at] = vec!["/half".to_owned()];
        }
    };
    read(&mut truth, "GET /half HTTP/1.1\r\nHos");
    truth.forget();
    read(&mut truth, "t: h\r\n\r\n");
    for step in after {
        truth.step(step);
    }
    truth.give(&[0], &[false], false);
    truth.world.wait(1000);
    truth
}

/// Every link, by the number of its action: said, and true.
fn wrong(truth: &Truth) -> (Vec<String>, HashMap<LinkKind, usize>) {
    let (mut wrong, mut kinds) = (Vec::new(), HashMap::new());
    for (nonce, (true_path, _)) in &truth.acts {
        let Some(link) = truth.world.seen(*nonce) else {
            wrong.push(format!("{nonce} never came out"));
            continue;
        };
        let Some(link) = link else { continue };
        *kinds.entry(link.kind).or_default() += 1;
        let named = link.proven().map(|request| String::from_utf8_lossy(&request.path).into_owned());
        if link.kind.proven() && named != *true_path {
            wrong.push(format!("{nonce} is of {true_path:?}, said {}", truth.world.says(*nonce)));
        }
    }
    (wrong, kinds)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn what_is_proven_is_true(
        steps in proptest::collection::vec(step(), 1..80),
        late in proptest::collection::vec(0..9 * MS, 1..8),
        lost in proptest::collection::vec(proptest::bool::weighted(0.1), 1..40),
        forks_lost in any::<bool>(),
        small in any::<bool>(),
    ) {
        let bounds = Params { connections: 4, closed: 1, history: 3, origins: 4, waiting: 6, ..Params::default() };
        let params = if small { bounds } else { Params::default() };
        let truth = run(params, &steps, &late, &lost, forks_lost);
        let (wrong, _) = wrong(&truth);
        prop_assert_eq!(wrong, Vec::<String>::new(), "{:#?}", steps);
    }

    /// The sensor starts between two of the steps. No body is taken for a request's beginning as a fact, and of the
    /// requests that it sees from their beginning only the first on a connection may be unproven.
    #[test]
    fn what_is_proven_is_true_when_joined_late(
        before in proptest::collection::vec(step(), 0..40),
        after in proptest::collection::vec(step(), 1..60),
        half in proptest::option::of(0..CONNECTIONS),
        simple in any::<bool>(),
    ) {
        let odd = |step: &Step| matches!(
            step,
            Step::AnswerCut(_) | Step::Pipeline(_) | Step::Upload(_) | Step::UploadMore(_) | Step::Continue(_)
        );
        let (mut before, mut after) = (before, after);
        if simple {
            before.retain(|step| !odd(step));
            after.retain(|step| !odd(step));
        }
        let truth = run_late(&before, half, &after);
        let (wrong, _) = wrong(&truth);
        prop_assert_eq!(wrong, Vec::<String>::new());
        for (nonce, (path, _)) in truth.acts.iter().filter(|_| simple) {
            let Some(path) = path else { continue };
            let said = truth.world.says(*nonce);
            if truth.asked.get(path).is_some_and(|(at, before)| *at < BLOCKING && *before > 0) {
                prop_assert!(said == format!("exact {path}") || said == format!("inherited {path}"), "{}", said);
            }
        }
    }

    /// Without loss and lateness nothing of a blocking thread is left unproven, and candidates are requests in flight.
    #[test]
    fn without_loss_all_is_said(steps in proptest::collection::vec(step(), 1..80)) {
        let steps: Vec<_> = steps
            .into_iter()
            .filter(|step| !matches!(step, Step::AnswerCut(_) | Step::Pipeline(_)))
            .collect();
        let truth = run(Params::default(), &steps, &[0], &[false], false);
        let (wrong, _) = wrong(&truth);
        prop_assert_eq!(wrong, Vec::<String>::new());
        let mut in_flight: HashMap<u32, usize> = HashMap::new();
        for (nonce, (_, open)) in &truth.acts {
            in_flight.insert(*nonce, *open);
        }
        for output in &truth.world.out {
            let guardbee_trace::Output::Security { event, link } = output else { continue };
            let Body::Listen(listen) = &event.body else { continue };
            let ConnectionId(nonce) = listen.socket.connection;
            let by_app = event.header.process.is_some_and(|key| key.tgid == APP);
            if let Some(link) = link.as_ref().filter(|_| by_app) {
                let named = link.requests.len() + link.more as usize;
                prop_assert!(named <= in_flight[&u32::try_from(nonce).unwrap()], "{}", truth.world.says(u32::try_from(nonce).unwrap()));
            }
            let blocking = by_app && (110..110 + 3).contains(&event.header.tid);
            let (true_path, _) = &truth.acts[&u32::try_from(nonce).unwrap()];
            if blocking && let Some(path) = true_path {
                prop_assert_eq!(truth.world.says(u32::try_from(nonce).unwrap()), format!("exact {path}"));
            }
        }
    }
}
