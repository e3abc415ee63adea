//! From what a rule wants to records of a ring, and from these through decoding, table and tracer to an observation, as in the core.
use crate::{
    deed::{self, Actor},
    image, net, record,
};
use guardbee_capture::decode;
use guardbee_enrich::{Limits, Record, Table, Thing, read_record};
use guardbee_model::{
    clock::BootTime,
    container::Configuration,
    event::{Body, Event},
    finding::{Action, Observation},
    id::{SpanId, TraceId},
    link::{Link, LinkKind},
    process::{Process, ProcessKey, User},
    request::Request,
    system::{self, Deed},
};
use guardbee_trace::{ExecutionModel, IdSource, Output, Params, Processes, Tracer};
use serde_json::{Value, json};
use std::sync::Arc;

/// Parents that an observation names, as in the core.
const ANCESTORS: usize = 16;
/// The host's first process: it has the host's users.
const INIT: ProcessKey = ProcessKey { tgid: 1, start: BootTime(1), exec_number: 1 };

/// The cgroup of whoever is not the acting process: cgroups are known by their numbers.
const OTHERS: u64 = 99;

#[derive(Debug)]
struct Ids(u8);

impl IdSource for Ids {
    fn trace(&mut self) -> TraceId {
        self.0 += 1;
        TraceId([self.0; 16])
    }

    fn span(&mut self) -> SpanId {
        self.0 += 1;
        SpanId([self.0; 8])
    }
}

struct Known<'a>(&'a Table);

impl Processes for Known<'_> {
    fn process(&self, key: ProcessKey) -> Option<Arc<Process>> {
        self.0.process(key)
    }

    fn execution_model(&self, _: ProcessKey) -> ExecutionModel {
        ExecutionModel::Unknown
    }
}

/// What the sensor makes of the records that `wanted` would have left in the rings. [`Err`]: no record could say it.
pub(crate) fn observed(wanted: &Observation) -> Result<Arc<Observation>, String> {
    let records = records(wanted).ok_or("no record can say this")?;
    let mut sensor = Sensor::new();
    let mut last = None;
    for bytes in &records {
        let event = decode::record(bytes).map_err(|error| error.to_string())?;
        sensor.users(wanted);
        for observation in sensor.event(event, wanted) {
            if observation.action.name() == wanted.action.name() {
                last = Some(observation);
            }
        }
    }
    last.map(Arc::new).ok_or_else(|| "the sensor made nothing of its records".to_owned())
}

/// Oldest first: whoever is above, who acts, whom it is done to, what is done.
fn records(wanted: &Observation) -> Option<Vec<Vec<u8>>> {
    let process = wanted.process.as_deref()?;
    let now = wanted.time.0;
    let mut keys: Vec<ProcessKey> = Vec::new();
    for (nth, ancestor) in wanted.ancestors.iter().enumerate() {
        let tgid = if nth == 0 { ancestor.key.tgid } else { 800 - u32::try_from(nth).unwrap() };
        let start = BootTime(ancestor.key.start.0.min(process.key.start.0));
        keys.push(ProcessKey { tgid, start, ..ancestor.key });
    }
    let init = image::exec(&Process { key: INIT, ..blank(process) }, None, None, now)?;
    let mut records = vec![record::older(init)];
    for (nth, ancestor) in wanted.ancestors.iter().enumerate().rev() {
        let ancestor = Process { key: keys[nth], cgroup_id: OTHERS, ..(**ancestor).clone() };
        records.push(image::exec(&ancestor, None, keys.get(nth + 1).copied(), now)?);
    }
    let actor = Actor { key: process.key, now, cgroup_id: process.cgroup_id };
    if let Action::Exec(exec) = &wanted.action {
        records.push(image::exec(process, Some(exec), keys.first().copied(), now)?);
        return Some(records);
    }
    records.push(image::exec(process, None, keys.first().copied(), now)?);
    match &wanted.action {
        Action::File(file) => records.push(deed::of_file(actor, file)),
        Action::System(system, target) => {
            if let Some(target) = target {
                let target = Process { cgroup_id: OTHERS, ..(**target).clone() };
                records.push(image::exec(&target, None, None, now)?);
            }
            records.push(deed::of_system(actor, &process.comm, system)?);
        }
        Action::Accept(socket) => records.push(net::accept(actor, socket)),
        Action::Connect(connect) | Action::Datagram(connect) => {
            if !connect.name.is_empty() {
                records.extend(net::lookup(actor, connect)?);
            }
            let of_udp = matches!(wanted.action, Action::Datagram(_));
            let kind =
                if of_udp { guardbee_wire::EventKind::Datagram } else { guardbee_wire::EventKind::Connect };
            records.push(net::connect(actor, kind, connect));
        }
        Action::Listen(listen) => records.push(net::listen(actor, listen)),
        Action::RequestHead(request) => records.extend(net::exchange(actor, request, None)?),
        Action::Exchange(request, response) => {
            records.extend(net::exchange(actor, request, response.as_ref())?);
        }
        // No public rule is about these.
        Action::Exec(_) | Action::Exit(_) | Action::Fork(_) => return None,
    }
    Some(records)
}

/// Of whom nothing is asked.
fn blank(like: &Process) -> Process {
    Process {
        exe: Arc::from(*b"/sbin/init"),
        previous: Arc::default(),
        comm: (*b"init").into(),
        container: None,
        configured: None,
        cgroup: None,
        cgroup_id: OTHERS,
        user: None,
        ..like.clone()
    }
}

struct Sensor {
    table: Table,
    tracer: Tracer,
    outputs: Vec<Output>,
}

impl Sensor {
    fn new() -> Self {
        let tracer = Tracer::new(Params::default(), Box::new(Ids(0)));
        Self { table: Table::new(Limits::default()), tracer, outputs: Vec::new() }
    }

    /// As the core takes an event, and all that has waited for a second by then.
    fn event(&mut self, event: Event, wanted: &Observation) -> Vec<Observation> {
        self.table.observe(&event);
        self.configurations(wanted);
        let later = BootTime(event.header.time.0 + 1_000_000_000);
        self.tracer.event(event, &Known(&self.table), &mut self.outputs);
        self.tracer.advance(later, &Known(&self.table), &mut self.outputs);
        let outputs = std::mem::take(&mut self.outputs);
        outputs.into_iter().filter_map(|output| self.observation(output)).collect()
    }

    /// Users' names, as the loader would read them for the pipeline.
    fn users(&mut self, wanted: &Observation) {
        let Some(process) = wanted.process.as_deref() else { return };
        let line = |user: &User, uid| format!("{}:x:{uid}:100::/:/bin/sh\n", user.name);
        let mut passwd =
            process.user.as_ref().map_or(String::new(), |user| line(user, process.credentials.uid));
        if let Action::System(system, _) = &wanted.action
            && let Deed::Credentials(change) = &system.deed
            && let Some(user) = &change.user
        {
            passwd += &line(user, change.after.euid);
        }
        if passwd.is_empty() {
            return;
        }
        if self.table.process(INIT).is_some() {
            self.table.provide(INIT, Thing::Passwd, passwd.as_bytes());
        }
        if self.table.process(process.key).is_some_and(|process| process.container.is_some()) {
            self.table.provide(process.key, Thing::UidMap, b"         0          0 4294967295\n");
            self.table.provide(process.key, Thing::Passwd, passwd.as_bytes());
        }
    }

    /// What runtimes keep of containers, as the loader would open it for the pipeline.
    fn configurations(&mut self, wanted: &Observation) {
        let sought: Vec<_> = self.table.sought().collect();
        let Some(known) = wanted.process.as_deref().and_then(|process| process.configured.as_deref()) else {
            return;
        };
        for one in sought {
            let mut read = Configuration::default();
            for record in one.records {
                let json = kept(*record, &one.name(), known).to_string();
                read_record(&one, *record, json.as_bytes(), &mut read).unwrap();
            }
            self.table.configure(&one, Some(read));
        }
    }

    fn observation(&self, output: Output) -> Option<Observation> {
        let (time, action, process, link) = match output {
            Output::Security { event, link } => {
                let action = match event.body {
                    Body::Accept(socket) => Action::Accept(Arc::new(socket)),
                    Body::Connect(connect) => Action::Connect(Arc::from(connect)),
                    Body::Datagram(sent) => Action::Datagram(Arc::from(sent)),
                    Body::Exec(exec) => Action::Exec(exec),
                    Body::File(file) => Action::File(file),
                    Body::Listen(listen) => Action::Listen(Arc::new(listen)),
                    Body::System(system) => {
                        let target =
                            system.deed.target().and_then(|target| self.table.process(target.process));
                        Action::System(self.table.named(event.header.process, system), target)
                    }
                    _ => return None,
                };
                (event.header.time, action, event.header.process, link)
            }
            Output::Request(request) => (
                request.start,
                Action::RequestHead(Arc::clone(&request)),
                request.process,
                Some(own(&request)),
            ),
            Output::Exchange(request, response) => {
                let time = response.map_or(request.start, |response| response.end);
                (time, Action::Exchange(Arc::clone(&request), response), request.process, Some(own(&request)))
            }
            Output::Span(_) | Output::Consumed => return None,
        };
        let known = process.and_then(|key| self.table.process(key));
        let ancestors = process.map(|key| self.table.ancestors(key, ANCESTORS)).unwrap_or_default();
        Some(Observation { time, action, process: known, ancestors, link, sequence: 1 })
    }
}

/// A file of a runtime's.
fn kept(record: Record, id: &str, known: &Configuration) -> Value {
    let Configuration { image, name, pod, namespace, pod_container, privileged, capabilities } = known;
    let image = image.as_ref().map_or("", |image| &image.reference);
    let privileged = privileged.unwrap_or_default();
    match record {
        Record::DockerConfig => json!({
            "ID": id,
            "Name": format!("/{name}"),
            "Config": { "Image": image, "Labels": {
                "io.kubernetes.pod.name": pod,
                "io.kubernetes.pod.namespace": namespace,
                "io.kubernetes.container.name": pod_container,
            } },
        }),
        Record::DockerHost => json!({ "Privileged": privileged }),
        Record::ContainerdSpec | Record::StorageSpec => {
            let set = capabilities.unwrap_or(if privileged { u64::MAX } else { 1 });
            let locked: &[&str] = if privileged { &[] } else { &["/proc/kcore"] };
            json!({
                "annotations": {
                    "io.kubernetes.cri.image-name": image,
                    "io.kubernetes.cri.sandbox-name": pod,
                    "io.kubernetes.cri.sandbox-namespace": namespace,
                    "io.kubernetes.cri.container-name": pod_container,
                    "nerdctl/name": name,
                },
                "process": { "capabilities": { "bounding": system::capabilities(set).collect::<Vec<_>>() } },
                "linux": { "maskedPaths": locked },
            })
        }
        Record::StorageList | Record::StorageVolatile => json!([]),
    }
}

fn own(request: &Arc<Request>) -> Link {
    let requests = vec![Arc::clone(request)];
    Link { kind: LinkKind::Exact, requests, more: 0, reason: "the request itself" }
}
