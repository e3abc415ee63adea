//! Events per second: exec events against the pack, against the folder that `GUARDBEE_SIGMA_CORPUS` names, and against
//! more and more generated rules, with the index and without it. `cargo bench -- pack`: this one alone.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and may fail")]
use guardbee_model::{
    clock::BootTime,
    event::Exec,
    executable::Executable,
    finding::{Action, Observation},
    process::{Args, Credentials, Environment, Fd, File, Process, ProcessKey, User, UserTable},
};
use guardbee_rules::{Engine, Params, RuleSet};
use std::{
    env, fs,
    hint::black_box,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

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
        previous: Arc::default(),
        file: None,
        executed: None,
        executable: Executable::default(),
        args: Arc::new(args),
        comm: Box::default(),
        cwd: Arc::from(b"/srv/app".as_slice()),
        credentials: Credentials { uid: 1000, euid: 1000, ..Credentials::default() },
        user: Some(User { name: "app".into(), table: UserTable::Host }),
        ns_tgid: 7,
        session: 0,
        tty: 0,
        login: None,
        mnt_ns: 0,
        cgroup_id: 7,
        cgroup: None,
        container: None,
        configured: None,
        recovered: false,
    })
}

fn observation(number: u64, line: &str) -> Arc<Observation> {
    let line = format!("{line} --job={number}");
    let words: Vec<Box<[u8]>> = line.split(' ').map(|word| word.as_bytes().into()).collect();
    let args = Args { words, ..Args::default() };
    let exe = line.split(' ').next().unwrap().as_bytes();
    let exec = Exec {
        parent: None,
        exe: exe.into(),
        filename: exe.into(),
        cwd: b"/srv/app".as_slice().into(),
        args: args.clone(),
        environment: Environment::default(),
        comm: Box::default(),
        cgroup: Box::default(),
        unified: Box::default(),
        file: File::default(),
        credentials: Credentials { uid: 1000, euid: 1000, ..Credentials::default() },
        fds: [Fd::Pipe; 3],
        pid_ns: 1,
        mnt_ns: 1,
        net_ns: 1,
        ns_tgid: 7,
        session: 7,
        tty: 0,
        login: None,
        secure: false,
        outside: false,
        cwd_outside: false,
    };
    Arc::new(Observation {
        time: BootTime(number * 1_000_000),
        action: Action::Exec(Arc::new(exec)),
        process: Some(process(exe, args)),
        ancestors: Arc::new([process(
            b"/usr/sbin/nginx",
            Args { words: vec![b"nginx".as_slice().into()], ..Args::default() },
        )]),
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

/// Rules as people write them, `number` of them: a program and words of its command line, with a filter now and then.
fn generated(number: usize) -> Vec<(String, String)> {
    let rule = |n: usize| {
        let (a, b) = (n.wrapping_mul(2_654_435_761) % 1_000_003, n.wrapping_mul(40_503) % 999_983);
        let selection = match n % 5 {
            0 => format!("Image|endswith: ['/tool{a}', '/tool{b}']\n    CommandLine|contains: ' --mode{a}'"),
            1 => format!("CommandLine|contains|all: ['sh', ' -c ', 'payload{a}', '/tmp/x{b}']"),
            2 => format!(
                "Image|endswith: '/python3.11'\n    CommandLine|contains: ['import m{a}', 'exec(d{b}']"
            ),
            3 => format!(
                "ParentImage|endswith: '/nginx'\n    Image|endswith: ['/sh', '/n{a}']\n    CommandLine|re: 'k{a}\\s+-[a-z]+\\s+v{b}'"
            ),
            _ => format!("Image: '/opt/app{a}/bin/run'\n    CurrentDirectory|startswith: '/srv/d{b}'"),
        };
        format!(
            "title: Rule {n}\nlogsource: {{product: linux, category: process_creation}}\ndetection:\n  \
             selection:\n    {selection}\n  filter_main_own:\n    ParentImage|endswith: '/updater{a}'\n  \
             condition: selection and not 1 of filter_main_*\n",
        )
    };
    (0..number).map(|n| (format!("{n}.yml"), rule(n))).collect()
}

/// Of this thread: others use the machine too.
fn cpu() -> Duration {
    Duration::try_from(rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime)).unwrap()
}

/// So many come again and again: an event comes to the rules just decoded, and what a core has just written is near to it.
const EVENTS: u64 = 64;

/// CPU time for an event, and evaluations for each.
fn run(set: &Arc<RuleSet>, index: bool, budget: u64) -> (u64, u64) {
    let events: Vec<_> =
        (0..EVENTS).zip(LINES.iter().cycle()).map(|(number, line)| observation(number, line)).collect();
    let mut engine = Engine::new(Arc::clone(set), Params { index, ..Params::default() });
    let mut found = Vec::new();
    let began = cpu();
    for event in events.iter().cycle().take(usize::try_from(budget).unwrap()) {
        engine.observe(black_box(event), &mut found);
        found.clear();
    }
    let nanoseconds = u64::try_from(cpu().saturating_sub(began).as_nanos()).unwrap() / budget;
    let evaluations: u64 = engine.counts().map(|(_, counts)| counts.evaluations).sum();
    (nanoseconds.max(1), evaluations / budget)
}

fn measure(name: &str, all: &[(String, String)]) {
    const BUDGET: u64 = 200_000;
    if env::args().skip(1).any(|only| !only.starts_with('-') && only != name) {
        return;
    }
    let began = Instant::now();
    let set = Arc::new(RuleSet::load(all).unwrap());
    let loaded = began.elapsed();
    let (naive, every) = run(&set, false, BUDGET / 100);
    // The best of some.
    let (nanoseconds, some) = (0..5).map(|_| run(&set, true, BUDGET)).min().unwrap();
    let always = set.rules().iter().filter(|rule| rule.always).count();
    println!(
        "{name}: {} rules loaded in {loaded:.1?}, {always} without a witness; without the index {naive} ns an exec event \
         ({every} rules each), with it {nanoseconds} ns ({some} rules each), {} events/s",
        set.rules().len(),
        1_000_000_000 / nanoseconds,
    );
}

fn main() {
    let load = |folder: &Path| {
        let mut all = Vec::new();
        files(folder, &mut all);
        all
    };
    measure("pack", &load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules")));
    if let Some(folder) = env::var_os("GUARDBEE_SIGMA_CORPUS") {
        measure("corpus", &load(Path::new(&folder)));
    }
    for number in [144, 1_629, 10_000] {
        measure("generated", &generated(number));
    }
}
