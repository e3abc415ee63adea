//! The main job on real input: a real application is attacked through a real request, and a strict receiver gets, over
//! mutual TLS, the span of that request and the finding that names it. Needs root and a kernel with BTF; fails without.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod support;

use guardbee_deliver::{
    otlp::proto::{
        common::v1::{KeyValue, any_value},
        logs::v1::LogRecord,
        trace::v1::Span,
    },
    testing::{Authority, Leaf, Received, Server, Trust},
};
use std::{
    fs::{self, File, Permissions},
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
    process::{Command, Stdio},
};
use support::{Running, SOON, UID, guardbee, need_root, wait};
use tempfile::TempDir;

const RULE: &str = "Web Request Spawned A Shell";
const OWN: &str = "0af7651916cd43dd8448eb211c80319c";
const VICTIM: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn contains(path: &Path, text: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|content| content.contains(text))
}

/// What the pipeline reads belongs to it.
fn give(folder: &Path) {
    fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        chown(entry.unwrap().path(), Some(UID), Some(UID)).unwrap();
    }
}

fn sensor(folder: &TempDir, server: &Server, authority: &Authority) -> Running {
    let at = |name: &str| folder.path().join(name);
    let ca = authority.write(folder.path(), "ca");
    let (certificate, key) = authority.issue(&Leaf::localhost()).write(folder.path(), "client");
    let mut new_key = guardbee();
    new_key.args(["key", "new", "--out"]).arg(at("key")).arg("--public").arg(at("key.pub"));
    assert!(new_key.stdout(Stdio::null()).status().unwrap().success());
    fs::create_dir(at("out")).unwrap();
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    let config = format!(
        "rules: [{rules}]\nseal: {{key: {long_term}}}\ndeliver:\n  console: false\n  records_file: {records}\n  \
         otlp: {{endpoint: 'https://localhost:{port}', ca: {ca}, certificate: {certificate}, key: {key}}}\n",
        rules = rules.canonicalize().unwrap().display(),
        long_term = at("key").display(),
        records = at("out/records.jsonl").display(),
        port = server.address.port(),
        ca = ca.display(),
        certificate = certificate.display(),
        key = key.display(),
    );
    fs::write(at("guardbee.yaml"), config).unwrap();
    give(folder.path());
    support::sensor(folder.path(), &mut guardbee())
}

fn application(folder: &TempDir, port: u16) -> Running {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/demo/app.py");
    let out = folder.path().join("app");
    let log = File::create(&out).unwrap();
    let child = Command::new("python3").arg(script).arg("--port").arg(port.to_string()).stdout(log).spawn();
    let running = Running(child.unwrap());
    wait("the application", || contains(&out, "listening"));
    running
}

/// The same application on a unix socket.
const ON_UNIX: &str = "
import socket, socketserver, sys
sys.path.insert(0, sys.argv[1])
import app
class Server(app.ThreadingHTTPServer):
    address_family = socket.AF_UNIX
    server_bind = socketserver.TCPServer.server_bind
    def get_request(self):
        return self.socket.accept()[0], ('unix', 0)
server = Server(sys.argv[2], app.Application)
print('listening', flush=True)
server.serve_forever()
";

/// nginx at `port` in front of an application at `upstream`.
fn nginx(folder: &TempDir, port: u16, upstream: &str) -> Running {
    let dir = folder.path().join(format!("nginx-{port}"));
    fs::create_dir(&dir).unwrap();
    let conf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/targets/nginx/nginx.conf");
    let conf = fs::read_to_string(conf).unwrap();
    let conf = conf.replace("@PORT@", &port.to_string()).replace("@UPSTREAM@", upstream);
    fs::write(dir.join("nginx.conf"), conf.replace("@DIR@", dir.to_str().unwrap())).unwrap();
    let mut nginx = Command::new("/usr/sbin/nginx");
    let running = Running(nginx.arg("-c").arg(dir.join("nginx.conf")).spawn().unwrap());
    wait("nginx", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    running
}

/// Two applications behind nginx, over TCP and over a unix socket, and who visits them.
fn proxied(folder: &TempDir, app_port: u16) -> ([Running; 3], [Visitor; 2]) {
    let (socket, out) = (folder.path().join("app.sock"), folder.path().join("unix"));
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/demo");
    let mut python = Command::new("python3");
    python.env("PYTHONDONTWRITEBYTECODE", "1").args(["-c", ON_UNIX]).arg(demo).arg(&socket);
    let unix = Running(python.stdout(File::create(&out).unwrap()).spawn().unwrap());
    wait("the application on a unix socket", || contains(&out, "listening"));
    let tcp_front = nginx(folder, app_port + 1, &format!("127.0.0.1:{app_port}"));
    let unix_front = nginx(folder, app_port + 2, &format!("unix:{}", socket.display()));
    // Dropped in this order: nginx before what it asks.
    ([tcp_front, unix_front, unix], [Visitor::new(app_port + 1), Visitor::new(app_port + 2)])
}

/// A browser's connection: it stays open between requests.
struct Visitor(TcpStream);

impl Visitor {
    fn new(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        Self(stream)
    }

    fn get(&mut self, target: &str, traceparent: Option<&str>) {
        let header = traceparent.map(|value| format!("traceparent: {value}\r\n")).unwrap_or_default();
        let request = format!("GET {target} HTTP/1.1\r\nHost: shop.example\r\n{header}\r\n");
        self.0.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let whole = |answer: &[u8]| {
            let text = String::from_utf8_lossy(answer).into_owned();
            let (head, body) = text.split_once("\r\n\r\n")?;
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "))?;
            (body.len() >= length.parse::<usize>().unwrap()).then_some(text)
        };
        let text = loop {
            if let Some(text) = whole(&answer) {
                break text;
            }
            let mut bytes = [0; 4096];
            let count = self.0.read(&mut bytes).unwrap();
            assert!(count != 0, "the application hung up: {answer:?}");
            answer.extend_from_slice(&bytes[..count]);
        };
        assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    }

    /// The shell gets the nonce as an argument of `id`.
    fn attack(&mut self, nonce: &str, traceparent: Option<&str>) {
        self.get(&format!("/ping?host=x%3B%20id%20{nonce}"), traceparent);
    }
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> &'a str {
    let value = attributes.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.as_ref());
    match value.and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text,
        other => {
            panic!("{key}: {other:?} among {:?}", attributes.iter().map(|pair| &pair.key).collect::<Vec<_>>())
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// The one finding of the shell that has the nonce, and the server span that it names.
fn check(received: &Received, nonce: &str, source: &str, trace: Option<&str>) {
    let ours = received.logs.iter().filter(|log| is_shell_of(log, nonce));
    let [finding] = ours.collect::<Vec<_>>()[..] else { panic!("not one finding for {nonce}") };
    assert_eq!(text(&finding.attributes, "guardbee.link.kind"), "inherited");
    assert_eq!(text(&finding.attributes, "guardbee.trace.source"), source, "{nonce}");
    assert_eq!(text(&finding.attributes, "url.path"), "/ping");
    assert_eq!(text(&finding.attributes, "guardbee.attack.techniques"), r#"["T1190","T1059.004"]"#);
    assert!(text(&finding.attributes, "url.query").contains(nonce), "another request's finding");
    assert_eq!(text(&finding.attributes, "client.address"), "127.0.0.1");
    let request = text(&finding.attributes, "guardbee.request.id");
    let server = received
        .spans
        .iter()
        .map(|(_, span)| span)
        .filter(|span| span.kind == 2 && text(&span.attributes, "guardbee.request.id") == request);
    let [span] = server.collect::<Vec<_>>()[..] else { panic!("not one server span for {request}") };
    assert_eq!((&span.trace_id, &span.span_id), (&finding.trace_id, &finding.span_id));
    assert!(text(&span.attributes, "url.query").contains(nonce));
    if let Some(trace) = trace {
        assert_eq!(hex(&span.trace_id), trace);
    } else {
        assert!(![VICTIM, OWN].contains(&&*hex(&span.trace_id)), "a trace that nobody sent");
    }
}

/// The finding names the application's request, whose span is below nginx's, with nginx's own request to it in between.
fn check_proxied(received: &Received, nonce: &str) {
    let ours = received.logs.iter().filter(|log| is_shell_of(log, nonce));
    let [finding] = ours.collect::<Vec<_>>()[..] else { panic!("not one finding for {nonce}") };
    assert_eq!(text(&finding.attributes, "guardbee.link.kind"), "inherited");
    let spans =
        || received.spans.iter().map(|(_, span)| span).filter(|span| span.trace_id == finding.trace_id);
    let servers: Vec<_> = spans().filter(|span| is_request_of(span, nonce)).collect();
    let [one, other] = servers[..] else { panic!("{} server spans for {nonce}", servers.len()) };
    let (application, front) = if one.span_id == finding.span_id { (one, other) } else { (other, one) };
    assert_eq!(application.span_id, finding.span_id, "the finding names the application's request");
    let between = spans().find(|span| span.span_id == application.parent_span_id).unwrap();
    assert_eq!((between.kind, &between.parent_span_id), (3, &front.span_id), "{nonce}");
}

#[test]
fn a_request_an_action_a_finding_delivered_and_proven() {
    need_root();
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("test");
    let server = Server::start(
        &authority.issue(&Leaf::localhost()),
        &Trust { clients: Some(&authority), crls: vec![] },
    );
    let port = 18_088;
    let _application = application(&folder, port);
    // A client whose end of the connection the sensor can't know, as if it were on another machine: older than the sensor.
    let mut stranger = Visitor::new(port);
    stranger.get("/", None);
    let mut sensor = sensor(&folder, &server, &authority);
    // What comes first on it may be the middle of something.
    stranger.get("/", None);

    // Without a context; with one; with a victim's, said not to be sampled; the same by a stranger.
    Visitor::new(port).attack("nonce-one", None);
    Visitor::new(port).attack("nonce-two", Some(&format!("00-{OWN}-b7ad6b7169203331-01")));
    let forged = format!("00-{VICTIM}-00f067aa0ba902b7-00");
    Visitor::new(port).attack("nonce-three", Some(&forged));
    stranger.attack("nonce-four", Some(&forged));

    let (_fronts, [mut by_tcp, mut by_unix]) = proxied(&folder, port);
    by_tcp.attack("nonce-five", None);
    by_unix.attack("nonce-six", None);

    // The sensor sees the whole node: others' requests and shells come too.
    let all = ["nonce-one", "nonce-two", "nonce-three", "nonce-four", "nonce-five", "nonce-six"];
    let received = server.wait("findings and spans", |received| {
        all.iter().all(|nonce| {
            received.logs.iter().any(|log| is_shell_of(log, nonce))
                && received.spans.iter().any(|(_, span)| is_request_of(span, nonce))
        })
    });
    // The first three came from a process of this node.
    check(&received, "nonce-one", "local", None);
    check(&received, "nonce-two", "local", Some(OWN));
    check(&received, "nonce-three", "local", Some(VICTIM));
    check(&received, "nonce-four", "client-claimed", Some(VICTIM));

    assert!(sensor.stop().success());
    let received =
        server.wait("the end", |received| received.logs.iter().any(|log| log.event_name == "guardbee.stop"));
    for nonce in ["nonce-five", "nonce-six"] {
        check_proxied(&received, nonce);
    }
    proven(&folder, &received);
}

/// All that the receiver got is as it was sealed, nothing is missing, and the sensor's own file has no more.
fn proven(folder: &TempDir, received: &Received) {
    let at = |name: &str| folder.path().join(name);
    fs::write(at("received.jsonl"), received.export()).unwrap();
    let said = |file: &Path| {
        let out = guardbee().arg("verify").arg(file).arg("--key").arg(at("key.pub")).output().unwrap();
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(out.status.success(), "{said}");
        said
    };
    let (theirs, ours) = (said(&at("received.jsonl")), said(&at("out/records.jsonl")));
    let verified = |text: &str| text.lines().filter(|line| line.ends_with(": VERIFIED")).count();
    assert_eq!(verified(&theirs), received.logs.len() + received.spans.len(), "{theirs}");
    assert_eq!(verified(&theirs), verified(&ours), "{ours}");
    for word in ["MISSING", "ABSENT", "UNSEALED", "NOT-VERIFIABLE"] {
        assert!(!theirs.contains(word), "{theirs}");
    }
    assert!(theirs.contains("security.finding findings seq 0: VERIFIED"), "{theirs}");
}

fn is_shell_of(log: &LogRecord, nonce: &str) -> bool {
    log.event_name == "security.finding"
        && text(&log.attributes, "security_rule.name") == RULE
        && text(&log.attributes, "process.command_line").contains(nonce)
}

fn is_request_of(span: &Span, nonce: &str) -> bool {
    let query = |pair: &KeyValue| pair.key == "url.query";
    span.kind == 2 && span.attributes.iter().any(query) && text(&span.attributes, "url.query").contains(nonce)
}
