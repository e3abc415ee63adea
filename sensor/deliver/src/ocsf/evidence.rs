//! Evidence and observables: what each observation of a finding says, in OCSF objects.
use super::{millis, set};
use crate::record::{self, http, text};
use guardbee_model::{
    clock::WallOffset,
    container::{Configuration, Container},
    executable::{Executable, Hash, Package},
    file::{FileEvent, FileKind},
    finding::{Action, Finding, Observation},
    link::Link,
    process::{Environment, Process},
    request::{Request, Response},
    socket::Endpoint,
    system::capabilities,
    text::said,
};
use serde_json::{Map, Value, json};
use std::{borrow::Cow, net::IpAddr, sync::Arc};

/// Observations that are told; of more, the first and the last.
pub(super) const MOST: usize = 8;
/// Longest texts here, in bytes. JSON makes six bytes of a control character, and whoever fills all of these with them must not
/// make the finding larger than a request may be: a test says so.
const REQUEST_TEXT: usize = 2 << 10;
const PROCESS_TEXT: usize = 1 << 10;
const ANCESTOR_TEXT: usize = 512;
/// Variables of an environment that are told.
const VARIABLES: usize = 4;

pub(super) fn list(finding: &Finding, offset: WallOffset) -> Vec<Value> {
    let last = finding.evidence.last();
    told(finding)
        .filter_map(|observation| {
            // The last one's link is the finding's.
            let told = last.is_some_and(|last| Arc::ptr_eq(last, observation));
            evidence(observation, observation.link.as_ref().filter(|_| !told), offset)
        })
        .collect()
}

fn told(finding: &Finding) -> impl Iterator<Item = &Arc<Observation>> {
    let (half, count) = (MOST / 2, finding.evidence.len());
    let middle = if count > MOST { half..count - half } else { 0..0 };
    finding.evidence.iter().enumerate().filter(move |(at, _)| !middle.contains(at)).map(|(_, one)| one)
}

/// A process is told in whole once, as `process` or its parent, and named elsewhere. [`None`]: nothing is known that OCSF takes as
/// evidence.
fn evidence(observation: &Observation, own_link: Option<&Link>, offset: WallOffset) -> Option<Value> {
    let mut evidence = Map::new();
    let mut data = Map::new();
    set(&mut evidence, "uid", Some(&format!("observation-{}", observation.sequence)));
    set(&mut evidence, "name", Some(observation.action.name()));
    if let Some(acting) = &observation.process {
        let mut shown = process(acting);
        if let Action::Exec(exec) = &observation.action
            && !exec.environment.variables.is_empty()
        {
            shown.insert("environment_variables".into(), environment(&exec.environment).into());
        }
        ancestry(&mut shown, &observation.ancestors);
        let actor = actor(observation).unwrap_or(acting);
        evidence.insert("actor".into(), json!({ "process": named(actor) }));
        if let Some(container) = &acting.container {
            evidence
                .insert("container".into(), self::container(container, acting.configured.as_deref()).into());
        }
        if let Some(known) = &acting.configured {
            data.insert("container".into(), configuration(known).into());
        }
        evidence.insert("process".into(), shown.into());
        let executables = executables(acting, &observation.ancestors);
        if !executables.is_empty() {
            data.insert("executables".into(), executables.into());
        }
    }
    if let Some(link) = own_link {
        data.insert("link".into(), json!({ "kind": link.kind.name(), "reason": link.reason }));
    }
    if let Some(request) = observation.link.as_ref().and_then(Link::request) {
        let answer = answer(&observation.action);
        data.insert("trace".into(), trace(request, answer, offset));
        evidence.insert("http_request".into(), http_request(request));
        evidence.extend(endpoint(&request.client).map(|shown| ("src_endpoint".to_owned(), shown)));
        if let Some(answer) = answer {
            evidence.insert("http_response".into(), json!({ "code": answer.status }));
        }
    }
    if let Action::Connect(connect) | Action::Datagram(connect) = &observation.action {
        let mut shown = endpoint(&connect.socket.remote);
        if let Some(Value::Object(shown)) = shown.as_mut().filter(|_| !connect.name.is_empty()) {
            shown.insert("hostname".into(), said(&connect.name).into());
        }
        evidence.extend(shown.map(|shown| ("dst_endpoint".to_owned(), shown)));
        data.insert(
            observation.action.name().into(),
            json!({ "to": http::address(&connect.socket.remote), "errno": connect.error }),
        );
    }
    if let Action::File(event) = &observation.action {
        evidence.insert("file".into(), file(event));
        let beside = beside_file(event);
        if !beside.is_empty() {
            data.insert("file".into(), beside.into());
        }
    }
    if let Action::System(done, target) = &observation.action {
        if let Some(call) = &done.call {
            let answer = json!({ "code": call.result });
            evidence.insert("api".into(), json!({ "operation": call.name, "response": answer }));
        }
        data.insert("system".into(), record::system::object(done, target.as_deref(), PROCESS_TEXT).into());
    }
    if !data.is_empty() {
        evidence.insert("data".into(), data.into());
    }
    let enough = ["actor", "file", "process", "src_endpoint", "dst_endpoint", "data"];
    enough.iter().any(|key| evidence.contains_key(*key)).then(|| evidence.into())
}

/// A path without secrets, of bounded length.
fn path(path: &[u8]) -> String {
    text::bounded_to(&record::file::path(path), PROCESS_TEXT).into_owned()
}

/// What the OCSF object `file` has no room for.
fn beside_file(event: &FileEvent) -> Map<String, Value> {
    let mut beside = Map::new();
    for (key, text) in [("source", &event.source), ("given", &event.given)] {
        if !text.is_empty() {
            beside.insert(key.into(), path(text).into());
        }
    }
    set(&mut beside, "error", event.error_type());
    beside
}

/// The OCSF object `file`.
fn file(event: &FileEvent) -> Value {
    let path = path(&event.path);
    let (kind, kind_name) = file_kind(event);
    let name = record::file::name(&path);
    // OCSF wants a name; the root has none.
    let name = if name.is_empty() { "/" } else { name };
    let mut shown = Map::from_iter([
        ("name".to_owned(), json!(name)),
        ("type_id".to_owned(), json!(kind)),
        ("type".to_owned(), json!(kind_name)),
    ]);
    set(&mut shown, "path", Some(&path));
    set(&mut shown, "parent_folder", Some(record::file::folder(&path)));
    if let Some(file) = &event.file {
        shown.insert("uid".into(), json!(format!("{}:{}", file.device, file.inode)));
        shown.insert("size".into(), json!(file.size_bytes));
        shown.insert("is_deleted".into(), json!(file.deleted));
    }
    shown.into()
}

/// OCSF's kinds of files.
fn file_kind(event: &FileEvent) -> (u8, &'static str) {
    match event.kind() {
        None => (0, "Unknown"),
        Some(FileKind::Regular) => (1, "Regular File"),
        Some(FileKind::Folder) => (2, "Folder"),
        Some(FileKind::Character) => (3, "Character Device"),
        Some(FileKind::Block) => (4, "Block Device"),
        Some(FileKind::Socket) => (5, "Local Socket"),
        Some(FileKind::Fifo) => (6, "Named Pipe"),
        Some(FileKind::Symlink) => (7, "Symbolic Link"),
    }
}

/// The environment as far as it is known, for OCSF's `environment_variables`.
fn environment(environment: &Environment) -> Vec<Value> {
    let shown = environment.variables.iter().map(|variable| {
        let variable = said(variable);
        let (name, value) = variable.split_once('=').unwrap_or((&variable, ""));
        let value = text::bounded_to(value, ANCESTOR_TEXT);
        json!({ "name": text::bounded_to(name, ANCESTOR_TEXT), "value": value })
    });
    shown.take(VARIABLES).collect()
}

/// Who made the process, for those actions that make one; else the process itself acts.
fn actor(observation: &Observation) -> Option<&Arc<Process>> {
    match observation.action {
        Action::Exec(_) | Action::Fork(_) => observation.ancestors.first(),
        _ => observation.process.as_ref(),
    }
}

/// A process that is told elsewhere.
fn named(process: &Process) -> Map<String, Value> {
    let mut shown = Map::from_iter([("pid".to_owned(), json!(process.key.tgid))]);
    set(&mut shown, "uid", Some(&process.key.to_string()));
    set(&mut shown, "name", Some(&text::bounded_to(&name(process), ANCESTOR_TEXT)));
    shown
}

fn name(process: &Process) -> Cow<'_, str> {
    if process.exe.is_empty() { said(&process.comm) } else { process.name() }
}

fn answer(action: &Action) -> Option<&Response> {
    match action {
        Action::Exchange(_, answer) => answer.as_ref().filter(|answer| answer.status != 0),
        _ => None,
    }
}

/// The OCSF object `process`.
fn process(process: &Process) -> Map<String, Value> {
    let mut shown = named(process);
    let line = record::command_line(&process.args);
    set(&mut shown, "cmd_line", Some(&text::bounded_to(&line, PROCESS_TEXT)));
    if process.ns_tgid != 0 && process.ns_tgid != process.key.tgid {
        shown.insert("namespace_pid".into(), process.ns_tgid.into());
    }
    set(&mut shown, "working_directory", Some(&text::bounded_to(&said(&process.cwd), PROCESS_TEXT)));
    let mut user = Map::from_iter([("uid".to_owned(), json!(process.credentials.uid.to_string()))]);
    set(&mut user, "name", process.user.as_ref().map(|user| &*user.name));
    shown.insert("user".into(), user.into());
    shown.insert("euid".into(), process.credentials.euid.into());
    shown.insert("egid".into(), process.credentials.egid.into());
    if !process.exe.is_empty() {
        let path = text::bounded_to(&said(&process.exe), PROCESS_TEXT).into_owned();
        let name = text::bounded_to(&process.name(), ANCESTOR_TEXT).into_owned();
        let mut file = json!({ "name": name, "path": path, "type_id": 1 });
        if let Some(file) = file.as_object_mut() {
            executable(process, file);
        }
        shown.insert("file".into(), file);
    }
    shown
}

/// What was found out of the executables of a process and of those above it, which OCSF has no place for.
fn executables(acting: &Arc<Process>, ancestors: &[Arc<Process>]) -> Vec<Value> {
    let all = std::iter::once(acting).chain(ancestors.iter().take(record::ANCESTORS));
    let told = all.filter(|process| process.executable != Executable::default()).map(|process| {
        let mut shown = Map::new();
        set(&mut shown, "process", Some(&process.key.to_string()));
        match &process.executable.hash {
            Hash::Sha256(hash) => set(&mut shown, "sha256", Some(&hash.to_string())),
            Hash::Not(why) => set(&mut shown, "not_hashed", Some(why.name())),
            Hash::Unknown => {}
        }
        match &process.executable.package {
            Package::Named(name) => set(&mut shown, "package", Some(name)),
            Package::None => set(&mut shown, "package", Some("none")),
            Package::Unknown => {}
        }
        shown.into()
    });
    told.collect()
}

/// What is known of the file itself, in the OCSF object `file`.
fn executable(process: &Process, shown: &mut Map<String, Value>) {
    const SHA256: u8 = 3;
    if let Some(hash) = process.executable.hash.sha256() {
        let fingerprint =
            json!({ "algorithm_id": SHA256, "algorithm": "SHA-256", "value": hash.to_string() });
        shown.insert("hashes".into(), json!([fingerprint]));
    }
    if let Some(file) = process.file.as_ref().filter(|file| file.inode != 0) {
        shown.insert("owner".into(), json!({ "uid": file.uid.to_string() }));
    }
}

/// What OCSF has no place for: an image there has an id of its own.
fn configuration(known: &Configuration) -> Map<String, Value> {
    let mut shown = Map::new();
    let image = known.image.as_ref().map_or("", |image| &image.reference);
    for (key, value) in [
        ("image", image),
        ("pod", &known.pod),
        ("namespace", &known.namespace),
        ("pod_container", &known.pod_container),
    ] {
        set(&mut shown, key, Some(&text::bounded_to(&said(value.as_bytes()), ANCESTOR_TEXT)));
    }
    if let Some(privileged) = known.privileged {
        shown.insert("privileged".into(), privileged.into());
    }
    if let Some(set) = known.capabilities {
        shown.insert("capabilities".into(), capabilities(set).collect::<Vec<_>>().into());
    }
    shown
}

/// The OCSF object `container`; its `pod_uuid` is a UUID, which a static pod has none of.
fn container(container: &Container, known: Option<&Configuration>) -> Map<String, Value> {
    const UUID_CHARACTERS: usize = 36;
    let mut shown = Map::new();
    set(&mut shown, "uid", Some(&container.id));
    set(
        &mut shown,
        "name",
        known
            .map(|known| text::bounded_to(&said(known.name.as_bytes()), ANCESTOR_TEXT).into_owned())
            .as_deref(),
    );
    set(&mut shown, "runtime", Some(&container.runtime));
    let uuid = container.pod.as_ref().map(|pod| &*pod.uid).filter(|uid| uid.len() == UUID_CHARACTERS);
    set(&mut shown, "pod_uuid", uuid);
    shown
}

/// The smaller OCSF object `process_entity`.
fn entity(process: &Process) -> Map<String, Value> {
    let mut shown = named(process);
    set(&mut shown, "path", Some(&text::bounded_to(&said(&process.exe), ANCESTOR_TEXT)));
    let line = record::command_line(&process.args);
    set(&mut shown, "cmd_line", Some(&text::bounded_to(&line, ANCESTOR_TEXT)));
    shown
}

/// `ancestry` begins with the parent (OCSF 1.8), which is told as such.
fn ancestry(shown: &mut Map<String, Value>, ancestors: &[Arc<Process>]) {
    let Some((parent, others)) = ancestors.split_first() else { return };
    shown.insert("parent_process".into(), process(parent).into());
    if !others.is_empty() {
        let others = others.iter().take(record::ANCESTORS - 1).map(|process| entity(process));
        let list: Vec<Value> = std::iter::once(named(parent)).chain(others).map(Into::into).collect();
        shown.insert("ancestry".into(), list.into());
    }
}

fn http_request(request: &Request) -> Value {
    let set = |object: &mut Map<String, Value>, key: &str, value: Option<&str>| {
        set(object, key, value.map(|value| text::bounded_to(value, REQUEST_TEXT)).as_deref());
    };
    let mut shown = Map::new();
    set(&mut shown, "uid", Some(&request.id.to_string()));
    // OCSF has no other methods; the record beside it has the original.
    set(&mut shown, "http_method", http::known_method(&request.method).filter(|method| *method != "QUERY"));
    set(&mut shown, "user_agent", Some(&said(&request.user_agent)));
    set(&mut shown, "referrer", Some(&said(&request.referer)));
    set(&mut shown, "version", Some(http::version(request)));
    if let Some(claimed) = claimed_client(request) {
        shown.insert("x_forwarded_for".into(), json!([claimed]));
    }
    let (host, port) = http::authority(request);
    let mut url = Map::new();
    set(&mut url, "scheme", Some("http"));
    set(&mut url, "hostname", Some(&host));
    if let Some(port) = port {
        url.insert("port".into(), port.into());
    }
    set(&mut url, "path", Some(&said(&request.path)));
    set(&mut url, "query_string", request.query.as_deref().map(http::shown_query).as_deref());
    set(&mut url, "url_string", Some(&http::full_url(request)));
    shown.insert("url".into(), url.into());
    shown.into()
}

/// OCSF takes addresses only.
fn claimed_client(request: &Request) -> Option<IpAddr> {
    std::str::from_utf8(&request.forwarded_for).ok()?.trim().parse().ok()
}

/// The form of OCSF's trace profile.
fn trace(request: &Request, answer: Option<&Response>, offset: WallOffset) -> Value {
    let mut span = json!({
        "uid": request.trace.span.to_string(),
        "start_time": millis(offset.wall(request.start)),
    });
    if let Some(span) = span.as_object_mut() {
        set(span, "parent_uid", request.trace.parent.map(|parent| parent.to_string()).as_deref());
        if let Some(answer) = answer {
            span.insert("end_time".into(), millis(offset.wall(answer.end)).into());
        }
    }
    json!({ "uid": request.trace.trace.to_string(), "span": span })
}

fn endpoint(endpoint: &Endpoint) -> Option<Value> {
    match endpoint {
        Endpoint::Ip(address) => Some(json!({ "ip": address.ip(), "port": address.port() })),
        Endpoint::Unix(path) if path.is_empty() => None,
        Endpoint::Unix(_) => Some(json!({ "name": http::address(endpoint) })),
    }
}

/// What a SIEM pivots on: addresses, command lines and paths of the last step.
pub(super) fn observables(finding: &Finding) -> Vec<Value> {
    const IP_ADDRESS: u8 = 2;
    const COMMAND_LINE: u8 = 13;
    const URL: u8 = 6;
    let mut found = Vec::new();
    let mut add = |name: &str, kind: (u8, &str), value: String| {
        let value = text::bounded(&value).into_owned();
        found.push(json!({ "name": name, "type_id": kind.0, "type": kind.1, "value": value }));
    };
    let Some(last) = finding.evidence.last() else { return found };
    if let Some(process) = &last.process {
        let line = record::command_line(&process.args);
        if !line.is_empty() {
            add("evidences[].process.cmd_line", (COMMAND_LINE, "Command Line"), line);
        }
    }
    if let Some(request) = last.link.as_ref().and_then(Link::request) {
        if let Some(ip) = request.client.ip() {
            add("evidences[].src_endpoint.ip", (IP_ADDRESS, "IP Address"), ip.to_string());
        }
        add("evidences[].http_request.url.url_string", (URL, "URL String"), http::full_url(request));
    }
    if let Action::File(event) = &last.action {
        const FILE_PATH: u8 = 45;
        add("evidences[].file.path", (FILE_PATH, "File Path"), record::file::path(&event.path));
    }
    if let Action::Connect(connect) | Action::Datagram(connect) = &last.action
        && let Some(ip) = connect.socket.remote.ip()
    {
        add("evidences[].dst_endpoint.ip", (IP_ADDRESS, "IP Address"), ip.to_string());
    }
    found
}
