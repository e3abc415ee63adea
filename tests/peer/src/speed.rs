//! CPU time of an event, side by side in one run: each engine in turns, the best turn of each. Memory, in a process of its own for
//! each engine; loading; correlations with many begun.
use crate::{File, Result, naive, ours, theirs};
use guardbee_model::{
    finding::{Action, Observation},
    process::Process,
};
use guardbee_rules::{Engine, Params, RuleSet};
use rsigma_eval::event::JsonEvent;
use std::{env, fs, hint::black_box, process::Command, sync::Arc, time::Duration};

/// What a server executes in peace.
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
/// So many come again and again: an event comes to the rules just decoded, and what a core has just written is near to it.
const EVENTS: usize = 64;
const OURS: usize = 200_000;
/// Divided by the number of rules.
const THEIRS: usize = 2_000_000;
const TURNS: usize = 3;
const SIZES: [usize; 3] = [144, 1_629, 10_000];
/// Correlations that are begun and not finished, and one event in so many that begins another.
const PARTIALS: usize = 100_000;
const OPENERS: usize = 100;
const CORRELATION: &str = "title: Step\nname: step\nlogsource: {product: linux, category: process_creation}\ndetection: \
    {s: {Image|endswith: /opener}, condition: s}\n";
const CORRELATED: &str = "---\ntitle: Never\nname: never\nlogsource: {product: linux, category: network_connection}\ndetection: {s: \
    {DestinationPort: 4444}, condition: s}\n---\ntitle: Both\ncorrelation: {type: temporal_ordered, rules: [step, never], group-by: \
    [CurrentDirectory], timespan: 1d, generate: true}\n";

pub(crate) fn run(files: &[File]) -> Result<()> {
    let public: Vec<&File> = files
        .iter()
        .filter(|file| file.rule.as_ref().is_ok_and(|rule| rule.kind == naive::Kind::Exec))
        .collect();
    measure("public", &public)?;
    for size in SIZES {
        let generated = generated(size);
        measure("generated", &generated.iter().collect::<Vec<_>>())?;
    }
    // What these take depends on what the process has given back before.
    let most = SIZES[2].to_string();
    for args in [&["memory", "ours", &most][..], &["memory", "theirs", &most], &["correlations"]] {
        let output = Command::new(env::current_exe()?).args(args).output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        print!("{}", String::from_utf8_lossy(&output.stdout));
    }
    Ok(())
}

/// Resident memory of one engine with so many generated rules, beyond their texts.
pub(crate) fn memory(who: &str, size: &str) -> Result<()> {
    let files = generated(size.parse()?);
    let files: Vec<&File> = files.iter().collect();
    let before = resident()?;
    let engines = match who {
        "ours" => (Some(Engine::new(ours(&files)?, Params::default())), None),
        _ => (None, Some(theirs(&files)?)),
    };
    println!(
        "memory: {who} rules={} bytes={}",
        files.len(),
        resident()?.saturating_sub(before) / files.len()
    );
    drop(engines);
    Ok(())
}

/// Bytes of this process.
fn resident() -> Result<usize> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<usize>()? << 10)
}

/// Rules as people write them: a program and words of its command line, with a filter.
fn generated(number: usize) -> Vec<File> {
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
        let text = format!(
            "title: Rule {n}\nid: 00000000-0000-4000-8000-{n:012}\nstatus: test\nlogsource: {{product: linux, category: \
             process_creation}}\ndetection:\n  selection:\n    {selection}\n  filter_main_own:\n    ParentImage|endswith: \
             '/updater{a}'\n  condition: selection and not 1 of filter_main_*\nlevel: low\n"
        );
        File::new(format!("{n}.yml"), text)
    };
    (0..number).map(rule).collect()
}

/// The fields that the rules look at, as the other engine takes them.
fn fields(line: &str) -> serde_json::Value {
    serde_json::json!({
        "Image": line.split(' ').next(), "CommandLine": line, "CurrentDirectory": "/srv/app",
        "ParentImage": "/usr/sbin/nginx", "ParentCommandLine": "nginx",
    })
}

fn event(set: &Arc<RuleSet>, line: &str) -> Result<Arc<Observation>> {
    let read = set.read_events(0, "event", &fields(line).to_string());
    let read = read.map_err(|problems| format!("{problems:?}"))?;
    read.into_iter().next().ok_or_else(|| "no event".into())
}

fn lines() -> impl Iterator<Item = String> {
    (0..EVENTS).zip(LINES.iter().cycle()).map(|(n, line)| format!("{line} --job={n}"))
}

fn events(set: &Arc<RuleSet>) -> Result<Vec<Arc<Observation>>> {
    lines().map(|line| event(set, &line)).collect()
}

/// What that takes of this thread.
pub(crate) fn cpu_of(work: impl FnOnce()) -> Duration {
    let began = cpu();
    work();
    cpu().saturating_sub(began)
}

/// Of this thread.
fn cpu() -> Duration {
    Duration::try_from(rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// CPU time of each of so many.
fn each(count: usize, mut work: impl FnMut(usize)) -> u128 {
    cpu_of(|| (0..count).for_each(&mut work)).as_nanos() / count as u128
}

fn engine(set: &Arc<RuleSet>) -> Engine {
    let params = Params { findings_per_second: u32::MAX, correlation_bytes: 1 << 30, ..Params::default() };
    Engine::new(Arc::clone(set), params)
}

fn measure(name: &str, files: &[&File]) -> Result<()> {
    let began = cpu();
    let set = ours(files)?;
    let our_load = cpu().saturating_sub(began);
    let began = cpu();
    let mut other = theirs(files)?;
    let their_load = cpu().saturating_sub(began);
    let events = events(&set)?;
    let values: Vec<_> = lines().map(|line| fields(&line)).collect();
    let (mut our_best, mut their_best) = (u128::MAX, u128::MAX);
    let mut engine = engine(&set);
    let mut found = Vec::new();
    // Which of its indexes is the best for these rules the other engine leaves to who uses it.
    for (bloom, automaton) in [(false, false), (true, false), (false, true)] {
        other.set_bloom_prefilter(bloom);
        other.set_cross_rule_ac(automaton);
        for _ in 0..TURNS {
            our_best = our_best.min(each(OURS, |n| {
                engine.observe(black_box(&events[n % EVENTS]), &mut found);
                found.clear();
            }));
            their_best = their_best.min(each(THEIRS / files.len(), |n| {
                black_box(other.evaluate(&JsonEvent::borrow(black_box(&values[n % values.len()]))));
            }));
        }
    }
    let evaluations: u64 = engine.counts().map(|(_, counts)| counts.evaluations).sum();
    // The same rules again, beside the engine that runs.
    let began = cpu();
    engine.replace(ours(files)?, &mut found);
    let reload = cpu().saturating_sub(began);
    println!(
        "speed: {name} rules={} evaluated={:.1} ours_ns={} theirs_ns={} ours_load_us={} theirs_load_us={} reload_us={}",
        files.len(),
        evaluations as f64 / (3 * TURNS * OURS) as f64,
        our_best.max(1),
        their_best.max(1),
        our_load.as_micros(),
        their_load.as_micros(),
        reload.as_micros()
    );
    Ok(())
}

/// Of a program that begins a correlation, in a folder of its own.
fn opener(template: &Observation, n: usize) -> Arc<Observation> {
    let mut event = template.clone();
    let folder: Arc<[u8]> = format!("/srv/{n}").into_bytes().into();
    if let Action::Exec(exec) = &mut event.action {
        Arc::make_mut(exec).cwd = folder.to_vec().into();
    }
    let process: Option<Process> = event.process.as_deref().cloned();
    event.process = process.map(|process| Arc::new(Process { cwd: folder, ..process }));
    Arc::new(event)
}

/// What an event takes with many correlations begun, beside the same rules and events without the correlation.
pub(crate) fn correlations() -> Result<()> {
    let mut files = generated(SIZES[1]);
    let sets = ["", CORRELATED].map(|more| {
        files.push(File::new("step.yml".to_owned(), format!("{CORRELATION}{more}")));
        let set = ours(&files.iter().collect::<Vec<_>>());
        files.pop();
        set
    });
    let [without, with] = sets;
    let (without, with) = (without?, with?);
    let events = events(&with)?;
    let template = event(&with, "/usr/bin/opener --now")?;
    let new: Vec<_> = (0..OURS / OPENERS).map(|n| opener(&template, PARTIALS + n)).collect();
    let mut best = [u128::MAX; 2];
    let mut partials = 0;
    for _ in 0..TURNS {
        for (set, best) in [&without, &with].into_iter().zip(&mut best) {
            let mut engine = engine(set);
            let mut found = Vec::new();
            for n in 0..PARTIALS {
                engine.observe(&opener(&template, n), &mut found);
                found.clear();
            }
            let spent = each(OURS, |n| {
                let event = if n % OPENERS == 0 { &new[n / OPENERS] } else { &events[n % EVENTS] };
                engine.observe(black_box(event), &mut found);
                found.clear();
            });
            *best = spent.min(*best);
            partials = engine.partials();
        }
    }
    let [without, with] = best;
    println!("correlation: partials={partials} without_ns={without} with_ns={with} openers={OPENERS}");
    Ok(())
}
