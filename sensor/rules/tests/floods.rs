//! What hostile authors and hostile workloads can cost: memory within a bound, time within a multiple, and an error or a
//! counter for what is over one.
//!
//! Each case runs in a process of its own, whose peak of memory is compared with the bound. CPU time is printed as a ratio
//! beside the most that its bounds explain; `cargo xtask accept rules --row e` compares the two, and runs the cases whole, by
//! `GUARDBEE_FLOODS=whole`: without it they are a part of that.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
mod hostile;

use std::{env, fs, process::Command, time::Duration};

/// Names the case that the process is for.
const CASE: &str = "GUARDBEE_FLOOD";

/// What a case came to.
pub(crate) struct Outcome {
    /// The error or the counter that it ended with, and figures.
    said: String,
    /// Whether that is what must be said.
    right: bool,
    /// CPU time as a multiple of what it is compared with, and the most that is lawful.
    time: Option<Multiple>,
}

/// CPU time beside other CPU time of the same process.
pub(crate) struct Multiple {
    spent: Duration,
    beside: Beside,
    most: f64,
    /// Of what.
    of: &'static str,
}

/// What it is compared with.
pub(crate) enum Beside {
    Known(Duration),
    /// Measured when memory was.
    Later(fn() -> Duration),
}

impl Multiple {
    fn shown(&self) -> String {
        let beside = match self.beside {
            Beside::Known(beside) => beside,
            Beside::Later(measure) => measure(),
        };
        let is = self.spent.as_secs_f64() / beside.as_secs_f64().max(1e-6);
        format!(", x{is:.2} of x{:.0} the time of {}", self.most, self.of)
    }
}

/// Of this process.
fn cpu() -> Duration {
    Duration::try_from(rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime)).unwrap()
}

/// The most memory that this process had at once, in KiB.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Not a test of its own: what [`floods_stay_within_their_bounds`] starts for each case.
#[test]
fn one_flood() {
    let Some(name) = env::var_os(CASE) else { return };
    let case = hostile::cases().into_iter().find(|case| *case.name == *name).unwrap();
    let before = peak();
    let Outcome { said, right, time } = (case.run)();
    println!("kib: {}", peak().saturating_sub(before));
    println!("said: {said}");
    println!("right: {right}");
    println!("time: {}", time.map_or(String::new(), |time| time.shown()));
}

#[test]
fn floods_stay_within_their_bounds() {
    let (mut wrong, cases) = (Vec::new(), hostile::cases());
    for case in &cases {
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", "one_flood", "--nocapture"])
            .env(CASE, case.name)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{}: {}", case.name, String::from_utf8_lossy(&output.stderr));
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim_end();
        let kib = value("kib: ").parse::<usize>().unwrap();
        let most = case.bytes >> 10;
        let said = value("said: ");
        println!("flood {}: {} of {} MiB{}; {said}", case.name, kib >> 10, most >> 10, value("time: "));
        if value("right: ") != "true" {
            wrong.push(format!("{}: {said}", case.name));
        }
        if kib > most {
            wrong.push(format!("{} takes {kib} KiB, more than {most}", case.name));
        }
    }
    println!("floods: {}", cases.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}
