//! Events per second: exec events against the pack, and against the folder that `GUARDBEE_SIGMA_CORPUS` names.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and may fail")]
use guardbee_model::{
    clock::BootTime,
    event::Exec,
    finding::{Action, Observation},
    process::{Args, Credentials, Fd, File, Process, ProcessKey},
};
use guardbee_rules::{Engine, Params, RuleSet};
use std::{env, fs, hint::black_box, path::Path, sync::Arc, time::Instant};

const LINES: &[&str] = &[
    "/usr/bin/python3.11 /usr/bin/gunicorn --workers 4 --bind 0.0.0.0:8000 app:application",
    "/bin/sh -c ping -c 1 192.0.2.7",
    "/usr/bin/git fetch --quiet origin main",
    "/usr/bin/cc -O2 -Wall -Wextra -I include -c -o build/parser.o src/parser.c",
    "/usr/bin/curl -fsS http://127.0.0.1:8080/healthz",
    "/usr/sbin/logrotate /etc/logrotate.conf",
    "/usr/bin/find /var/lib -name *.tmp -mtime +7 -delete",
    "/usr/bin/systemctl is-active --quiet docker.service",
];

fn process(exe: &[u8], args: Args) -> Arc<Process> {
    Arc::new(Process {
        key: ProcessKey { tgid: 7, start: BootTime(7), exec_number: 1 },
        parent: None,
        exe: Arc::from(exe),
        args: Arc::new(args),
        comm: Box::default(),
        cwd: Arc::from(b"/srv/app".as_slice()),
        credentials: Credentials { uid: 1000, euid: 1000, ..Credentials::default() },
        user: Some("app".into()),
        ns_tgid: 7,
        cgroup_id: 7,
        container: None,
        recovered: false,
    })
}

fn observation(number: u64, line: &str) -> Arc<Observation> {
    let words: Vec<Box<[u8]>> = line.split(' ').map(|word| word.as_bytes().into()).collect();
    let args = Args { words, ..Args::default() };
    let exe = line.split(' ').next().unwrap().as_bytes();
    let exec = Exec {
        parent: None,
        exe: exe.into(),
        filename: exe.into(),
        cwd: b"/srv/app".as_slice().into(),
        args: args.clone(),
        comm: Box::default(),
        cgroup: Box::default(),
        file: File::default(),
        credentials: Credentials { uid: 1000, euid: 1000, ..Credentials::default() },
        fds: [Fd::Pipe; 3],
        pid_ns: 1,
        mnt_ns: 1,
        net_ns: 1,
        ns_tgid: 7,
        session: 7,
        tty: 0,
        secure: false,
    };
    Arc::new(Observation {
        time: BootTime(number * 1_000_000),
        action: Action::Exec(Arc::new(exec)),
        process: Some(process(exe, args)),
        ancestors: vec![process(
            b"/usr/sbin/nginx",
            Args { words: vec![b"nginx".as_slice().into()], ..Args::default() },
        )],
        link: None,
        sequence: number,
    })
}

fn files(folder: &Path, out: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "yml") {
            out.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

fn measure(name: &str, folder: &Path) {
    const EVENTS: u64 = 200_000;
    let mut all = Vec::new();
    files(folder, &mut all);
    let began = Instant::now();
    let set = Arc::new(RuleSet::load(&all).unwrap());
    let loaded = began.elapsed();
    let events: Vec<_> =
        (0..64).zip(LINES.iter().cycle()).map(|(number, line)| observation(number, line)).collect();
    let mut engine = Engine::new(Arc::clone(&set), Params::default());
    let mut found = Vec::new();
    let began = Instant::now();
    for event in events.iter().cycle().take(usize::try_from(EVENTS).unwrap()) {
        engine.observe(black_box(event), &mut found);
        found.clear();
    }
    let nanoseconds = began.elapsed().as_nanos() / u128::from(EVENTS);
    let evaluations: u64 = engine.counts().map(|(_, counts)| counts.evaluations).sum();
    println!(
        "{name}: {} rules loaded in {loaded:?}; {nanoseconds} ns an exec event ({} rules each), {} events/s",
        set.rules().len(),
        evaluations / EVENTS,
        1_000_000_000 / nanoseconds.max(1),
    );
}

fn main() {
    measure("pack", &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules"));
    if let Some(folder) = env::var_os("GUARDBEE_SIGMA_CORPUS") {
        measure("corpus", Path::new(&folder));
    }
}
