//! What is known of executables, on real input: hash, age, owner and package of programs that really run. Needs root, BTF and
//! dpkg's database; fails without.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

#[path = "../../loader/tests/host/served.rs"]
#[allow(dead_code, reason = "a file system, of which this test needs a part")]
mod served;

mod support;

use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    io::Write as _,
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};
use support::{Running, SOON, UID, guardbee, need_root, sensor, wait, wait_for};
use tempfile::TempDir;

/// Whom a program runs as; passwd names it on every distribution.
const NOBODY: u32 = 65534;
/// Who owns a program.
const OWNER: u32 = 4321;

fn output(command: &mut Command) -> String {
    let out = command.stdin(Stdio::null()).output().unwrap();
    String::from_utf8(out.stdout).unwrap()
}

fn sha256sum(path: &Path) -> String {
    output(Command::new("sha256sum").arg(path)).split(' ').next().unwrap().to_owned()
}

/// A copy of a real program, which is another file with other bytes.
fn program(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    fs::copy("/usr/bin/sleep", &path).unwrap();
    // Behind its sections, where nobody looks.
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    write!(file, "{name} {}", std::process::id()).unwrap();
    chown(&path, Some(OWNER), Some(OWNER)).unwrap();
    path
}

/// Attributes of a record.
type Told = BTreeMap<String, String>;

/// Records in a file of OTLP JSON lines.
fn records(path: &Path) -> Vec<Told> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.flat_map(|line| lists(&line).into_iter().map(|list| told(list)).collect::<Vec<_>>()).collect()
}

fn told(attributes: &[Value]) -> Told {
    let pair = |pair: &Value| {
        let (_, value) = pair["value"].as_object()?.iter().next()?;
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some((pair["key"].as_str()?.to_owned(), value))
    };
    attributes.iter().filter_map(pair).collect()
}

/// Every list of attributes, however deep.
fn lists(value: &Value) -> Vec<&Vec<Value>> {
    match value {
        Value::Array(values) => values.iter().flat_map(lists).collect(),
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| match value {
                Value::Array(list) if key == "attributes" => vec![list],
                other => lists(other),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// A sensor sees and hashes whatever runs on the host, other sensors among it: one at a time.
static HOST: Mutex<()> = Mutex::new(());

/// A sensor with these rules.
struct Lab {
    folder: TempDir,
    _sensor: Running,
    _alone: MutexGuard<'static, ()>,
}

impl Lab {
    fn start(folder: TempDir, rules: &str) -> Self {
        need_root();
        let alone = HOST.lock().unwrap_or_else(PoisonError::into_inner);
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("out")).unwrap();
        fs::write(at("rules.yml"), rules).unwrap();
        let config = format!(
            "rules: [{}]\ndeliver: {{console: false, records_file: {}}}\n",
            at("rules.yml").display(),
            at("out/records.jsonl").display()
        );
        fs::write(at("guardbee.yaml"), config).unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        for name in ["out", "rules.yml", "guardbee.yaml"] {
            chown(at(name), Some(UID), Some(UID)).unwrap();
        }
        let sensor = sensor(folder.path(), &mut guardbee());
        Self { folder, _sensor: sensor, _alone: alone }
    }

    fn records(&self) -> Vec<Told> {
        records(&self.folder.path().join("out/records.jsonl"))
    }

    fn find(&self, title: &str, line: &str) -> Option<Told> {
        self.records().into_iter().find(|told| {
            told.get("security_rule.name").is_some_and(|name| name == title)
                && told.get("process.command_line").is_some_and(|told| told.contains(line))
        })
    }

    fn finding(&self, title: &str, line: &str) -> Told {
        wait_for(&format!("`{title}` of {line}"), || self.find(title, line))
    }

    /// That something was lost for this cause.
    fn lost(&self, cause: &str) -> bool {
        let losses = self.records().into_iter().filter_map(|mut told| told.remove("guardbee.losses"));
        losses.into_iter().any(|losses| losses.contains(cause))
    }

    /// The finding of a program that was hashed in time. One that had to wait for too long is told without a hash: then it is run
    /// again, and what ran before stays, so that it can still be opened.
    fn hashed(&self, title: &str, program: &Path, prepare: impl Fn(&mut Command)) -> Told {
        let [told] = self.hashed_and_matched([title], program, prepare);
        told
    }

    /// The same of several rules. Those that look at the hash may have missed what the first saw, if the sensor says so.
    fn hashed_and_matched<const RULES: usize>(
        &self,
        titles: [&str; RULES],
        program: &Path,
        prepare: impl Fn(&mut Command),
    ) -> [Told; RULES] {
        let name = program.file_name().unwrap().to_str().unwrap();
        let mut running = Vec::new();
        wait_for(&format!("a hash of {name}"), || {
            let line = format!("{name} 60.{:04}", running.len());
            let mut command = Command::new(program);
            prepare(command.args(line.split(' ').skip(1)));
            running.push(Running(command.spawn().unwrap()));
            let told = self.finding(titles[0], &line);
            if let Some(why) = told.get("guardbee.executable.not_hashed") {
                assert!(matches!(&**why, "late" | "stuck" | "budget"), "{told:#?}");
                return None;
            }
            wait_for(&format!("{titles:?} of {line}, or a loss"), || {
                let found = titles.map(|title| self.find(title, &line));
                let all = found.iter().all(Option::is_some);
                (all || self.lost("hash_late")).then(|| all.then(|| found.map(Option::unwrap)))
            })
        })
    }

    /// Bytes that the index of packages takes.
    fn packages_are_known(&self) -> u64 {
        let told = wait_for("packages", || {
            self.records().into_iter().find(|told| told.contains_key("guardbee.packages.count"))
        });
        told["guardbee.packages.memory_bytes"].parse().unwrap()
    }
}

fn rule(title: &str, condition: &str) -> String {
    format!(
        "title: {title}\nstatus: test\nlogsource: {{category: process_creation, product: linux}}\n\
         detection:\n  selection: {{{condition}}}\n  condition: selection\nlevel: low\n"
    )
}

#[test]
fn a_program_that_somebody_brought_and_one_of_a_package() {
    let nonce = format!("gbexe-nonce-{}", std::process::id());
    let rules = [
        rule("The probe ran", "Image|endswith: /gbexe-probe"),
        rule("Somebody asked", &format!("Image: /usr/bin/id, CommandLine|contains: {nonce}")),
    ];
    let lab = Lab::start(tempfile::tempdir().unwrap(), &rules.join("---\n"));
    let bytes = lab.packages_are_known();
    assert!((1..64 << 20).contains(&bytes), "{bytes}");
    println!("the index of packages takes {bytes} bytes");

    let probe = program(lab.folder.path(), "gbexe-probe");
    let told = lab.hashed("The probe ran", &probe, |command| {
        command.uid(NOBODY).gid(NOBODY);
    });
    assert_eq!(told["guardbee.executable.sha256"], sha256sum(&probe), "{told:#?}");
    assert_eq!(told["guardbee.executable.package"], "none");
    assert_eq!(told["guardbee.executable.owner.id"], OWNER.to_string());
    assert_eq!(told["user.name"], "nobody", "the host's users are known, whatever its first process is");
    let age: u64 = told["guardbee.executable.age_seconds"].parse().unwrap();
    assert!(age < SOON.as_secs() * 2, "{age}");

    output(Command::new("/usr/bin/id").arg(&nonce).stderr(Stdio::null()));
    let told = lab.finding("Somebody asked", &nonce);
    assert_eq!(told["guardbee.executable.package"], "coreutils", "{told:#?}");
    assert_eq!(told["guardbee.executable.owner.id"], "0");
    // It may be gone before anybody could open it, which the finding says.
    if let Some(hash) = told.get("guardbee.executable.sha256") {
        assert_eq!(*hash, sha256sum(Path::new("/usr/bin/id")));
    } else {
        let why = &*told["guardbee.executable.not_hashed"];
        assert!(matches!(why, "gone" | "late" | "stuck" | "budget"), "{told:#?}");
    }
}

#[test]
fn a_rule_by_hash_sees_the_first_exec() {
    let folder = tempfile::tempdir().unwrap();
    let known = program(folder.path(), "gbexe-known");
    let other = program(folder.path(), "gbexe-other");
    let hash = sha256sum(&known);
    let rules = [
        rule("A known hash", &format!("sha256: {hash}")),
        rule("As Sysmon says it", &format!("Hashes|contains: 'SHA256={}'", hash.to_uppercase())),
        rule("The known ran", "Image|endswith: /gbexe-known"),
        rule("The other ran", "Image|endswith: /gbexe-other"),
    ];
    let lab = Lab::start(folder, &rules.join("---\n"));
    let told = lab.hashed("The other ran", &other, |_| {});
    assert_eq!(told["guardbee.executable.sha256"], sha256sum(&other));
    let titles = ["The known ran", "A known hash", "As Sysmon says it"];
    for told in lab.hashed_and_matched(titles, &known, |_| {}) {
        assert_eq!(told["guardbee.executable.sha256"], hash);
        assert_eq!(told["guardbee.action"], "exec");
    }
    let by_hash = lab.records().into_iter().filter(|told| {
        told.get("security_rule.name").is_some_and(|name| name == "A known hash")
            && told.get("process.command_line").is_some_and(|line| line.contains("gbexe-other"))
    });
    assert_eq!(by_hash.count(), 0);
}

#[test]
fn a_file_that_is_never_opened_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let other = program(folder.path(), "gbexe-honest");
    let mounted = folder.path().join("mounted");
    let rules =
        [rule("It ran", "Image|endswith: /served"), rule("The honest ran", "Image|endswith: /gbexe-honest")];
    let lab = Lab::start(folder, &rules.join("---\n"));
    // From the first to the sensor's opener.
    let served = served::Served::mount(&mounted, Some("opener"));
    let running = Running(Command::new(served.program()).arg("60").spawn().unwrap());
    let told = lab.finding("It ran", "60");
    let why = told["guardbee.executable.not_hashed"].as_str();
    assert!(matches!(why, "stuck" | "late"), "{told:#?}");
    wait("the loss", || lab.lost("hash_stuck"));
    assert!(served.waiting() > 0);
    let told = lab.hashed("The honest ran", &other, |_| {});
    assert_eq!(told["guardbee.executable.sha256"], sha256sum(&other), "{told:#?}");
    // The sensor ends before anybody is let go.
    drop(lab);
    drop(running);
    drop(served);
}
