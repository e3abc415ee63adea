//! What operations cost in guest instructions, without the sensor and with it, against what is recorded in the repository.
use super::{BUILD_LIMIT, KERNELS, boot};
use crate::{
    accept::{
        lab::Lab,
        table::{Line, Table, Verdict},
    },
    process,
};
use anyhow::{Context as _, bail, ensure};
use std::{collections::BTreeMap, fs, path::Path, process::Command, time::Instant};

const RECORD: &str = "tests/vm/instructions.txt";
/// By how much an operation beside the sensor may become dearer.
const PERCENT: i32 = 3;
const HEAD: &str = "\
# Guest instructions per operation, without the sensor (bare) and beside it; `over` is what the sensor adds. Counted is what the
# calling process pays, the programs that hang on its system calls included; not what the sensor does afterwards. The median of
# 31 windows, the smallest of three starts: tests/vm/count.c, tests/vm/count.sh. A change that adds more than 3 % of the sensor's
# column to `over` fails row k. Written by: cargo xtask accept thread --row k --only instructions --record
";

/// What an operation costs, in instructions.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cost {
    operation: String,
    bare: i32,
    sensor: i32,
}

impl Cost {
    fn over(&self) -> i32 {
        self.sensor - self.bare
    }
}

/// One kernel's costs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Costs {
    kernel: String,
    /// As `uname -r` says.
    release: String,
    operations: Vec<Cost>,
}

/// Counts, and adds a line for each operation, or records what was counted.
pub(super) fn judge(lab: &Lab, table: &mut Table, kernel: &str) {
    let name = format!("kernel {kernel}, instructions");
    if !lab.wanted(&name) {
        return;
    }
    let mut began = Instant::now();
    let mut add = |what: String, passed, figure| {
        table.add(Line::new('k', what, Verdict::of(passed), figure, began));
        began = Instant::now();
    };
    match counted(lab, kernel).and_then(|(costs, hooks)| compared(lab, &costs, &hooks)) {
        Ok(lines) => lines.into_iter().for_each(|(operation, passed, figure)| {
            add(format!("kernel {kernel}, {operation}"), passed, figure);
        }),
        Err(error) => add(name, false, format!("{error:#}")),
    }
}

/// By operation and program: `net_state 6 x 1533`, runs in an operation and instructions a run.
type Hooks = BTreeMap<(String, String), String>;

/// Runs count.sh in the machine.
fn counted(lab: &Lab, kernel: &str) -> anyhow::Result<(Costs, Hooks)> {
    let share = lab.folder(&format!("vm-{kernel}-instructions"))?;
    let (vm, made) = (lab.root.join("tests/vm"), share.join("made"));
    for (name, flags) in [("count", &["-O2", "-static"][..]), ("nothing", &["-O2", "-static", "-nostdlib"])] {
        let source = vm.join(name).with_extension("c");
        let mut command = Command::new("gcc");
        command.args(["-Wall", "-Wextra", "-Werror"]).args(flags).arg("-o").arg(share.join(name)).arg(source);
        process::output("gcc", command, lab.dir.path(), BUILD_LIMIT)?;
    }
    fs::copy(lab.guardbee(), share.join("guardbee"))?;
    fs::copy(vm.join("count.sh"), share.join("count.sh"))?;
    let copied = Command::new("cp").arg("-r").arg(lab.root.join("rules")).arg(&share).status()?;
    ensure!(copied.success(), "copy the rules: {copied}");
    let script = format!("sh {0}/count.sh {0} {1}", share.display(), made.display());
    boot(lab, kernel, &share, &["--icount"], &script)?;

    let read =
        |name: &str| fs::read_to_string(made.join(name)).with_context(|| format!("read what {name} costs"));
    let (bare, sensor) = (read("bare")?, read("sensor")?);
    let release = read("release")?.trim().to_owned();
    let costs = Costs { kernel: kernel.to_owned(), release, operations: smallest(&bare, &sensor)? };
    Ok((costs, hooks(&sensor)))
}

/// The smallest count of each operation, in the order of operations.
fn smallest(bare: &str, sensor: &str) -> anyhow::Result<Vec<Cost>> {
    let least = |text: &str, wanted: &str| {
        let found = text.lines().filter_map(|line| line.split_once(' ')).filter(|(name, _)| *name == wanted);
        found.filter_map(|(_, count)| count.parse::<i32>().ok()).min()
    };
    let mut costs: Vec<Cost> = Vec::new();
    for line in bare.lines() {
        let operation = line.split(' ').next().unwrap_or_default();
        if costs.iter().any(|cost| cost.operation == operation) {
            continue;
        }
        let (Some(bare), Some(sensor)) = (least(bare, operation), least(sensor, operation)) else {
            bail!("{operation} was not counted with and without the sensor");
        };
        costs.push(Cost { operation: operation.to_owned(), bare, sensor });
    }
    ensure!(!costs.is_empty(), "nothing was counted");
    Ok(costs)
}

/// Those of the last start.
fn hooks(sensor: &str) -> Hooks {
    let mut hooks = Hooks::new();
    for line in sensor.lines().filter_map(|line| line.strip_prefix("hook ")) {
        if let [operation, program, runs, instructions] = line.split(' ').collect::<Vec<_>>()[..] {
            let shown = format!("{program} {runs} x {instructions}");
            hooks.insert((operation.to_owned(), program.to_owned()), shown);
        }
    }
    hooks
}

/// Operation, passed, figure.
type Lines = Vec<(String, bool, String)>;

fn compared(lab: &Lab, now: &Costs, hooks: &Hooks) -> anyhow::Result<Lines> {
    let path = lab.root.join(RECORD);
    let mut recorded = recorded(&path)?;
    if lab.record {
        recorded.retain(|costs| costs.kernel != now.kernel);
        recorded.push(now.clone());
        fs::write(&path, text(&recorded)).with_context(|| format!("write {}", path.display()))?;
    }
    let of_kernel = recorded.iter().find(|costs| costs.kernel == now.kernel);
    let Some(before) = of_kernel else {
        bail!("{RECORD} has no kernel {}: run this with --record, and commit it", now.kernel);
    };
    let mut lines = Lines::new();
    for cost in &now.operations {
        let before_cost = before.operations.iter().find(|before| before.operation == cost.operation);
        let (passed, figure) = verdict(cost, before_cost);
        let mut figures = vec![figure];
        figures.extend(
            hooks.iter().filter(|((name, _), _)| *name == cost.operation).map(|(_, hook)| hook.clone()),
        );
        if before.release != now.release {
            figures.push(format!("recorded on {}, this is {}", before.release, now.release));
        }
        lines.push((cost.operation.clone(), passed, figures.join("; ")));
    }
    for gone in before
        .operations
        .iter()
        .filter(|cost| !now.operations.iter().any(|now| now.operation == cost.operation))
    {
        lines.push((gone.operation.clone(), false, "recorded, but no longer counted".to_owned()));
    }
    Ok(lines)
}

/// What the bare kernel costs is not the sensor's doing: compared is what the sensor adds to it.
fn verdict(now: &Cost, before: Option<&Cost>) -> (bool, String) {
    let figure = format!("{} bare, {} beside the sensor: {:+}", now.bare, now.sensor, now.over());
    let Some(before) = before else {
        return (false, format!("{figure}; not recorded: run this with --record, and commit {RECORD}"));
    };
    let dearer = now.over() - before.over();
    let percent = f64::from(dearer) / f64::from(before.sensor) * 100.0;
    let passed = percent <= f64::from(PERCENT);
    (passed, format!("{figure}; recorded {:+}, that is {percent:+.1} %", before.over()))
}

fn recorded(path: &Path) -> anyhow::Result<Vec<Costs>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    parse(&text).with_context(|| format!("read {}", path.display()))
}

fn parse(text: &str) -> anyhow::Result<Vec<Costs>> {
    let mut all: Vec<Costs> = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [kernel, release, operation, bare, sensor, _] = fields[..] else {
            bail!("line {}: kernel, release, operation, bare, sensor, over are wanted", number + 1);
        };
        let count = |text: &str| text.parse().with_context(|| format!("line {}: {text}", number + 1));
        let cost = Cost { operation: operation.to_owned(), bare: count(bare)?, sensor: count(sensor)? };
        match all.iter_mut().find(|costs| costs.kernel == kernel) {
            Some(costs) => costs.operations.push(cost),
            None => all.push(Costs {
                kernel: kernel.to_owned(),
                release: release.to_owned(),
                operations: vec![cost],
            }),
        }
    }
    Ok(all)
}

fn text(all: &[Costs]) -> String {
    let row = |words: [&str; 6]| {
        let [kernel, release, operation, bare, sensor, over] = words;
        format!("{kernel:<8} {release:<28} {operation:<10} {bare:>8} {sensor:>8} {over:>8}\n")
    };
    let mut text = HEAD.to_owned() + &row(["# kernel", "release", "operation", "bare", "sensor", "over"]);
    for costs in KERNELS.iter().filter_map(|kernel| all.iter().find(|costs| costs.kernel == *kernel)) {
        for cost in &costs.operations {
            let [bare, sensor, over] = [cost.bare, cost.sensor, cost.over()].map(|count| count.to_string());
            text += &row([&costs.kernel, &costs.release, &cost.operation, &bare, &sensor, &over]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(operation: &str, bare: i32, sensor: i32) -> Cost {
        Cost { operation: operation.to_owned(), bare, sensor }
    }

    #[test]
    fn the_smallest_of_all_starts_counts() {
        let costs =
            smallest("open 12\nexec 9\nopen 10\nexec 8\n", "open 20\nhook open a 1 9\nexec 30\nopen 21\n")
                .unwrap();
        assert_eq!(costs, [cost("open", 10, 20), cost("exec", 8, 30)]);
        assert!(smallest("open 12\n", "exec 3\n").is_err());
    }

    #[test]
    fn what_is_written_is_read() {
        let all = vec![
            Costs {
                kernel: "5.10".into(),
                release: "5.10.0-1".into(),
                operations: vec![cost("open", 10, 20)],
            },
            Costs {
                kernel: "7.2".into(),
                release: "7.2.1".into(),
                operations: vec![cost("open", 9, 8), cost("exec", 1, 2)],
            },
        ];
        assert_eq!(parse(&text(&all)).unwrap(), all);
        assert!(format!("{:#}", parse("# about\n7.2 open 3\n").unwrap_err()).contains("line 2"));
    }

    #[test]
    fn three_percent_and_what_the_kernel_itself_costs() {
        let before = cost("open", 1000, 2000);
        assert!(verdict(&cost("open", 1000, 2060), Some(&before)).0);
        assert!(!verdict(&cost("open", 1000, 2061), Some(&before)).0);
        assert!(verdict(&cost("open", 3000, 4000), Some(&before)).0, "another kernel");
        assert!(!verdict(&cost("open", 500, 2000), Some(&before)).0);
        assert!(!verdict(&before, None).0);
    }

    #[test]
    fn programs_of_an_operation() {
        let found =
            hooks("open 3\nhook open one 1 10\nhook open two 2 7\nhook exec one 1 5\nhook open one 1 11\n");
        let shown: Vec<&str> = found.values().map(String::as_str).collect();
        assert_eq!(shown, ["one 1 x 5", "one 1 x 11", "two 2 x 7"]);
    }
}
