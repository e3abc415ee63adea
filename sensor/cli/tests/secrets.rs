//! Planted secrets: in arguments, environments, paths and URLs of real processes and requests, and in nothing that leaves the
//! pipeline. Needs root, a kernel with BTF and Python; fails without.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod support;

use guardbee_recording::Reader;
use std::{
    collections::BTreeSet,
    fs::{self, File, Permissions},
    io::{BufReader, Read as _, Write as _},
    net::TcpStream,
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use support::{Running, SOON, UID, guardbee, need_root, sensor, wait};
use tempfile::TempDir;

/// Each secret has this in it.
const SECRET: &str = "hunter2";
/// `carol-of-sales` and it, as a request has them.
const CREDENTIALS: &str = "Y2Fyb2wtb2Ytc2FsZXM6aHVudGVyMg==";
/// What the redaction itself is tested with.
const PLANTED: &str = include_str!("../../model/src/redact/planted.txt");
/// Plants; fewer would say less.
const LEAST: usize = 200;
/// Slower than rules may report.
const PAUSE: Duration = Duration::from_millis(15);

struct Lab {
    folder: TempDir,
    sensor: Option<Running>,
}

impl Lab {
    fn start() -> Self {
        need_root();
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["out", "journal", "rules"] {
            fs::create_dir(at(name)).unwrap();
            chown(at(name), Some(UID), Some(UID)).unwrap();
        }
        for (category, field) in [
            ("process_creation, product: linux", "CommandLine"),
            ("file_event, product: linux", "TargetFilename"),
            ("webserver", "cs-uri-query"),
        ] {
            let rule = format!(
                "title: Planted In {field}\nlogsource: {{category: {category}}}\ndetection:\n    selection: \
                 {{{field}|contains: gbs-}}\n    condition: selection\nlevel: low\n"
            );
            fs::write(at(&format!("rules/{field}.yml")), rule).unwrap();
        }
        let place = folder.path().display();
        let config = format!(
            "rules: [{place}/rules]\njournal: {{folder: {place}/journal}}\ndeliver: {{console: true, console_spans: true, \
             records_file: {place}/out/records.jsonl, findings_file: {place}/out/findings.jsonl}}\n"
        );
        fs::write(at("guardbee.yaml"), config).unwrap();
        let sensor = sensor(folder.path(), guardbee().stdout(File::create(at("console")).unwrap()));
        Self { folder, sensor: Some(sensor) }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap_or_default()
    }

    /// Everything that has left the pipeline, by place.
    fn left(&self) -> Vec<(String, String)> {
        let mut left: Vec<_> = ["console", "log", "out/records.jsonl", "out/findings.jsonl"]
            .map(|name| (name.to_owned(), self.text(name)))
            .into();
        for entry in self.at("journal").read_dir().unwrap() {
            let path = entry.unwrap().path();
            let mut reader = Reader::new(BufReader::new(File::open(&path).unwrap())).unwrap();
            let mut texts = String::new();
            while let Some(item) = reader.next_item().unwrap() {
                texts += &legible(&format!("{item:?}"));
            }
            left.push((path.display().to_string(), texts));
        }
        left
    }
}

/// Lists of bytes, as they are shown for debugging, as the texts that they are.
fn legible(debug: &str) -> String {
    let mut out = String::new();
    for part in debug.split_inclusive(['[', ']']) {
        let bytes: Option<Vec<u8>> =
            part.trim_end_matches(']').split(", ").map(|number| number.parse().ok()).collect();
        match bytes {
            Some(bytes) => out += &String::from_utf8_lossy(&bytes),
            None => out += part,
        }
    }
    out
}

/// What is planted as the kind says: the text of each line.
fn planted(kind: &str) -> Vec<String> {
    let lines = PLANTED.lines().filter_map(|line| line.split_once(' '));
    lines.filter(|(of, _)| *of == kind).map(|(_, text)| text.replace("\\n", "\n")).collect()
}

/// Words by blanks; those in `«»` are one.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut one) = (vec![String::new()], false);
    for character in line.chars() {
        match character {
            '«' | '»' => one = character == '«',
            ' ' if !one => words.push(String::new()),
            other => words.last_mut().unwrap().push(other),
        }
    }
    words
}

/// Nothing is really done: the name and the arguments are those, the program isn't.
fn run(words: &[String], folder: &Path, nonce: &str) {
    let mut command = Command::new("/bin/true");
    command.arg0(&words[0]).args(&words[1..]).arg(nonce).current_dir(folder);
    command.env("DB_PASSWORD", SECRET).env("AWS_SECRET_ACCESS_KEY", SECRET);
    assert!(command.status().unwrap().success());
    std::thread::sleep(PAUSE);
}

/// A folder, a file in it and a program in it, by that name.
fn paths(lab: &Lab, name: &str, nonce: &str) {
    let folder = lab.at(&format!("files/{}", name.trim_start_matches('/').replace("://", "-")));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(nonce), "").unwrap();
    fs::rename(folder.join(nonce), folder.join(format!("{nonce}-renamed"))).unwrap();
    fs::copy("/bin/true", folder.join("app")).unwrap();
    let mut command = Command::new(folder.join("app"));
    assert!(command.arg(nonce).current_dir(&folder).status().unwrap().success());
    std::thread::sleep(PAUSE);
}

fn ask(port: u16, target: &[u8], headers: &[u8]) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let request = [
        b"GET ",
        target,
        b" HTTP/1.1\r\nHost: u:hunter2@shop.example\r\n",
        headers,
        b"Connection: close\r\n\r\n",
    ];
    stream.write_all(&request.concat()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/"), "{}", String::from_utf8_lossy(target));
    std::thread::sleep(PAUSE);
}

fn server(lab: &Lab) -> (Running, u16) {
    let mut command = Command::new("python3");
    command.args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "0"]).current_dir(lab.at("out"));
    command.stdout(File::create(lab.at("server")).unwrap()).stderr(Stdio::null());
    let running = Running(command.spawn().unwrap());
    let port = || lab.text("server").split("port ").nth(1)?.split(' ').next()?.parse::<u16>().ok();
    wait("the server", || port().is_some());
    (running, port().unwrap())
}

#[test]
fn no_planted_secret_leaves_the_pipeline() {
    let mut lab = Lab::start();
    let (server, port) = server(&lab);
    let mut nonces = BTreeSet::new();
    let mut nonce = |kind: &str| {
        let nonce = format!("gbs-{kind}-{}-{}-", std::process::id(), nonces.len());
        nonces.insert(nonce.clone());
        nonce
    };
    for line in planted("args") {
        run(&words(&line), lab.folder.path(), &nonce("args"));
    }
    for text in planted("text") {
        let nonce = nonce("text");
        if text.starts_with('/') {
            ask(port, format!("{text}?n={nonce}").replace(' ', "%20").as_bytes(), b"");
        }
        paths(&lab, &text.replace('\n', " "), &nonce);
    }
    for query in planted("query") {
        let headers = format!(
            "Referer: https://shop.example/?{query}\r\nCookie: session={SECRET}\r\nUser-Agent: token={SECRET}\r\n\
             Authorization: Basic {CREDENTIALS}\r\nContent-Type: multipart/form-data; token={SECRET}\r\n"
        );
        ask(port, format!("/?{query}&n={}", nonce("query")).as_bytes(), headers.as_bytes());
    }
    assert!(nonces.len() >= LEAST, "{} plants", nonces.len());
    for place in ["out/records.jsonl", "out/findings.jsonl"] {
        let missing = || {
            let text = lab.text(place);
            nonces.iter().filter(|nonce| !text.contains(*nonce)).cloned().collect::<Vec<_>>()
        };
        let deadline = Instant::now() + SOON;
        while !missing().is_empty() {
            assert!(Instant::now() < deadline, "{place} has nothing of {:?}", missing());
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    drop(server);
    drop(lab.sensor.take());

    let left = lab.left();
    for (place, text) in &left {
        if let Some(at) = text.find(SECRET).or_else(|| text.find(CREDENTIALS)) {
            let from = text.floor_char_boundary(at.saturating_sub(200));
            panic!("{place}: {:?}", text.get(from..text.floor_char_boundary(at + 100)).unwrap_or_default());
        }
    }
    println!("figure {} plants, 0 in {} files", nonces.len(), left.len());
    // The journal was read as it is, and what was redacted is told as such.
    let all = |what: &str| left.iter().filter(|(_, text)| text.contains(what)).count();
    assert!(all("gbs-args-") >= 4 && all("gbs-query-") >= 4, "console, records, findings, journal");
    assert!(all("REDACTED") >= 4);
    // The name in front of a password is in what rules saw alone.
    assert_eq!(all("carol-of-sales"), 1, "the journal");
}
