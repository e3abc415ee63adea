//! A sensor with policies of its own, cgroups, services in them, and what was said of all that.
use crate::support::{Running, SOON, UID, guardbee, need_root, sensor, wait};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::{
    fs::{self, File, Permissions},
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// OTLP's number of the kind of a span that a server makes.
const SERVER: u64 = 2;

/// A cgroup in the hierarchy that tells containers apart here, as the sensor finds it.
pub(crate) struct Cgroup(pub(crate) PathBuf);

impl Cgroup {
    pub(crate) fn new(name: &str) -> Self {
        let controllers = fs::read_to_string("/proc/cgroups").unwrap();
        let is_v1 = |name: &str| {
            controllers.lines().any(|line| {
                let words: Vec<_> = line.split_whitespace().collect();
                words[0] == name && words[1] != "0"
            })
        };
        let controller = ["memory", "pids"].into_iter().find(|name| is_v1(name));
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let root =
            mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>()).find(|words| match controller {
                None => words[2] == "cgroup2",
                Some(wanted) => words[2] == "cgroup" && words[3].split(',').any(|option| option == wanted),
            });
        let path = Path::new(root.unwrap()[1]).join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// A process in it from its first instruction on.
    pub(crate) fn start(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", "echo 0 > \"$0/cgroup.procs\"; exec \"$@\""])
            .arg(&self.0)
            .arg(program)
            .args(args);
        command
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Its processes end a moment before this.
        let deadline = Instant::now() + SOON;
        while fs::remove_dir(&self.0).is_err() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Says which port it has, and answers everything.
const SERVICE: &str = "
import http.server
class Service(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Length', '2')
        self.end_headers()
        self.wfile.write(b'ok')
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(('127.0.0.1', 0), Service)
print(server.server_port, flush=True)
server.serve_forever()
";

pub(crate) fn service(cgroup: &Cgroup, folder: &Path) -> (Running, u16) {
    let out = folder.join(cgroup.0.file_name().unwrap());
    let mut command = cgroup.start("python3", &["-c", SERVICE]);
    let running = Running(command.stdout(File::create(&out).unwrap()).spawn().unwrap());
    let mut port = None;
    wait("a service", || {
        port = fs::read_to_string(&out).unwrap().trim().parse().ok();
        port.is_some()
    });
    (running, port.unwrap())
}

pub(crate) fn get(port: u16, path: &str) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("ok"), "{answer}");
}

/// Every list of that name, however deep.
pub(crate) fn lists<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| lists(value, name, found)),
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::Array(list) if key == name => found.extend(list),
                    other => lists(other, name, found),
                }
            }
        }
        _ => {}
    }
}

pub(crate) struct Lab {
    pub(crate) folder: TempDir,
    sensor: Running,
}

impl Lab {
    pub(crate) fn start(policies: &str) -> Self {
        need_root();
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["out", "rules", "policies"] {
            fs::create_dir(at(name)).unwrap();
        }
        fs::write(at("policies/10-test.yaml"), policies).unwrap();
        let config = format!(
            "rules: [{}]\npolicies: [{}]\ndeliver: {{console: false, records_file: {}}}\n",
            at("rules").display(),
            at("policies").display(),
            at("out/records.jsonl").display()
        );
        fs::write(at("guardbee.yaml"), config).unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        for name in ["out", "rules", "policies", "policies/10-test.yaml", "guardbee.yaml"] {
            chown(at(name), Some(UID), Some(UID)).unwrap();
        }
        let sensor = sensor(folder.path(), &mut guardbee());
        Self { folder, sensor }
    }

    pub(crate) fn records(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.path().join("out/records.jsonl")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Paths of requests that a server has answered, as spans tell.
    pub(crate) fn served(&self) -> Vec<String> {
        let records = self.records();
        let mut spans = Vec::new();
        for record in &records {
            lists(record, "spans", &mut spans);
        }
        let of_servers = spans.into_iter().filter(|span| span["kind"].as_u64() == Some(SERVER));
        let path = |span: &Value| {
            let attributes = span["attributes"].as_array()?;
            let path = attributes.iter().find(|pair| pair["key"] == "url.path")?;
            path["value"]["stringValue"].as_str().map(str::to_owned)
        };
        of_servers.filter_map(path).collect()
    }

    /// Statements of this name, as text.
    pub(crate) fn statements(&self, name: &str) -> Vec<String> {
        let records = self.records();
        let mut logs = Vec::new();
        for record in &records {
            lists(record, "logRecords", &mut logs);
        }
        logs.into_iter().map(Value::to_string).filter(|log| log.contains(name)).collect()
    }

    /// The last that was said of which programs work.
    pub(crate) fn working(&self) -> String {
        let records = self.records();
        let mut logs = Vec::new();
        for record in &records {
            lists(record, "attributes", &mut logs);
        }
        let said = logs.into_iter().rfind(|pair| pair["key"] == "guardbee.programs.working");
        said.and_then(|pair| pair["value"]["stringValue"].as_str()).unwrap_or_default().to_owned()
    }

    /// Findings that have this text.
    pub(crate) fn found(&self, text: &str) -> usize {
        self.statements("security.finding").iter().filter(|finding| finding.contains(text)).count()
    }

    /// Rules that the next exchange takes over.
    pub(crate) fn rules(&self, rules: &str) {
        fs::write(self.folder.path().join("rules/rules.yml"), rules).unwrap();
    }

    pub(crate) fn exchange(&self, policies: &str) {
        let before = self.statements("guardbee.rules.reloaded").len();
        let file = self.folder.path().join("policies/10-test.yaml");
        fs::write(&file, policies).unwrap();
        self.sensor.signal(Signal::SIGHUP);
        wait("other policies", || self.statements("guardbee.rules.reloaded").len() > before);
    }
}
