//! Row c: the attacks on stock kernels of Debian, in virtual machines that have the same tools: what each kernel's hooks find, in
//! `docs/kernels.md`.
use super::arm64;
use crate::{
    accept::{
        lab::Lab,
        rows::{Judged, part},
        table::Table,
    },
    attacks::yard,
    process,
};
use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::{collections::BTreeMap, env, fmt::Write as _, fs, path::Path, process::Command, time::Duration};

/// From the oldest that is served to the newest.
const KERNELS: [&str; 5] = ["5.10", "6.1", "6.12", "6.18", "7.2"];
/// Has a hole built for it.
const HAS_HOLE: &str = "6.1";
/// Debian's generic kernels have the system calls of x32 programs, and refuse them unless they are told not to; those for clouds lack them.
const APPEND: &str = "syscall.x32=y";
/// All attacks and twins in an emulated machine.
const RUN_LIMIT: Duration = Duration::from_mins(90);
/// Packages, root images and kernels are fetched at the first use.
const SETUP_LIMIT: Duration = Duration::from_mins(30);
/// What the kernel would load on demand, if its helpers had our root.
const MODULES: &str = "af_alg algif_aead authencesn authenc cbc loop overlay tun";
/// What a machine needs of the checkout.
const SHARED: [&str; 5] = ["rules", "tests/attacks", "tests/actions", "tests/targets/rules", "scripts"];

/// What became of each attack on one kernel.
struct Ran {
    kernel: &'static str,
    /// `uname -r`, and the list of hooks.
    about: String,
    lines: Vec<Value>,
}

/// Those that a line of its own carries out because nobody can on the machine of the other lines: on the kernel for which a hole can
/// be built here.
pub(super) fn only(lab: &Lab, drivers: &[&str]) -> Judged {
    set_up(lab)?;
    let ran = carry_out(lab, &env::current_exe()?, HAS_HOLE, drivers)?;
    let whole =
        ran.lines.len() == drivers.len() && ran.lines.iter().all(|line| line["verdict"] == "detected");
    Ok((whole, ran.judged().1))
}

fn set_up(lab: &Lab) -> anyhow::Result<()> {
    let mut setup = Command::new(lab.root.join("tests/vm/setup.sh"));
    process::output("setup", setup.arg("targets"), lab.dir.path(), SETUP_LIMIT).map(drop)
}

pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    set_up(lab)?;
    // This one: it may be built anew meanwhile.
    let xtask = lab.folder("xtask")?.join("xtask");
    fs::copy(env::current_exe()?, &xtask)?;
    let mut all = Vec::new();
    for kernel in KERNELS {
        part(lab, table, 'c', &format!("kernel {kernel}"), || {
            let ran = carry_out(lab, &xtask, kernel, &[])?;
            let judged = ran.judged();
            all.push(ran);
            Ok(judged)
        });
    }
    if all.len() == KERNELS.len() {
        let path = lab.root.join("docs/kernels.md");
        fs::write(&path, page(&all)?).with_context(|| format!("write {}", path.display()))?;
        println!("written: docs/kernels.md");
    }
    part(lab, table, 'c', "arm64", || arm64::judge(lab));
    Ok(())
}

/// `only`: what the names of drivers begin with; none: all.
fn carry_out(lab: &Lab, xtask: &Path, kernel: &'static str, only: &[&str]) -> anyhow::Result<Ran> {
    let share = lab.folder(&format!("vm-{kernel}-attacks"))?;
    for from in SHARED {
        let to = share.join("checkout").join(from);
        fs::create_dir_all(to.parent().context("a shared folder has a parent")?)?;
        let copied = Command::new("cp").arg("-r").arg(lab.root.join(from)).arg(&to).status()?;
        ensure!(copied.success(), "copy {from}");
    }
    yard::compile(&lab.root.join("tests/attacks/tools"), &share.join("tools"))?;
    if kernel == HAS_HOLE {
        let hole = lab.folder("hole")?;
        let mut build = Command::new(lab.root.join("tests/vm/hole.sh"));
        process::output("hole", build.arg(&hole), lab.dir.path(), SETUP_LIMIT)?;
        fs::copy(hole.join("hole.ko"), share.join("tools/hole.ko"))?;
    }
    fs::copy(lab.guardbee(), share.join("guardbee"))?;
    fs::copy(xtask, share.join("xtask"))?;
    let (root, folder) = (lab.root.display(), share.display());
    // Programs of the share are read page by page: copy first. What must be mended is in the lines, and what the sensor said is brought
    // out of the machine then.
    let script = format!(
        "mkdir -p {root} && mount --bind {folder}/checkout {root} && cp {folder}/guardbee {folder}/xtask /run && cd {root}\n\
         modprobe -a {MODULES} 2>{folder}/modprobe\n\
         uname -r >{folder}/about; /run/guardbee doctor >{folder}/doctor 2>&1\n\
         /run/xtask attacks --guardbee /run/guardbee --tools {folder}/tools --lines {folder}/lines --keep{only} >{folder}/said 2>&1 ||\n\
         cp -r /tmp/guardbee-accept.*/*-sensor {folder} || true",
        only = only.iter().flat_map(|name| [" --only ", name]).collect::<String>(),
    );
    let mut command = Command::new(lab.root.join("tests/vm/vmrun"));
    command.args([
        "--kernel",
        kernel,
        "--root",
        "targets",
        "--memory",
        "2G",
        "--append",
        APPEND,
        "--timeout",
    ]);
    command.arg(RUN_LIMIT.as_secs().to_string()).arg("--share").arg(&share).arg("--").arg(script);
    process::output("vmrun", command, &share, RUN_LIMIT * 2)?;
    let read = |name: &str| fs::read_to_string(share.join(name)).unwrap_or_default();
    let lines: Vec<Value> =
        read("lines").lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    ensure!(!lines.is_empty(), "the attacks ended early: {}", tail(&read("said")));
    let doctor = read("doctor");
    let hooks = doctor.lines().find(|line| line.starts_with("hooks:")).unwrap_or_default().trim();
    Ok(Ran { kernel, about: format!("{}, {hooks}", read("about").trim()), lines })
}

fn tail(text: &str) -> &str {
    text.lines().last().unwrap_or_default()
}

impl Ran {
    fn judged(&self) -> (bool, String) {
        let count = |word: &str| self.lines.iter().filter(|line| line["verdict"] == word).count();
        let bad: Vec<&str> = self
            .lines
            .iter()
            .filter(|line| line["good"] != true)
            .filter_map(|line| line["file"].as_str())
            .collect();
        let told = ["prevented", "doctor says", "sensor says"].map(count).iter().sum::<usize>();
        let figure = format!(
            "{} of {} found, {told} prevented or told, {} can't run; to be mended: {}",
            count("detected"),
            self.lines.len(),
            count("can't run"),
            if bad.is_empty() { "none".to_owned() } else { bad.join(", ") },
        );
        (bad.is_empty(), figure)
    }
}

/// An attack a line, a kernel a column; why not is told below.
fn page(all: &[Ran]) -> anyhow::Result<String> {
    let mut page = String::from(
        "# Attacks on other kernels\n\nGenerated by `cargo xtask accept reach --row c`. Not written by hand: the attacks of [coverage.md](coverage.md), carried \
         out in virtual\nmachines with stock kernels of Debian, before a sensor with the shipped rules.\n\n",
    );
    for ran in all {
        writeln!(page, "- {}: {}", ran.kernel, ran.about)?;
    }
    let heads: Vec<&str> = all.iter().map(|ran| ran.kernel).collect();
    writeln!(page, "\n| attack | {} |\n|---|{}", heads.join(" | "), "---|".repeat(all.len()))?;
    let mut rows: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut reasons = Vec::new();
    for (column, ran) in all.iter().enumerate() {
        for line in &ran.lines {
            let file = line["file"].as_str().unwrap_or_default();
            let (verdict, why) =
                (line["verdict"].as_str().unwrap_or_default(), line["why"].as_str().unwrap_or_default());
            let cells = rows.entry(file).or_insert_with(|| vec![String::new(); all.len()]);
            if let Some(cell) = cells.get_mut(column) {
                verdict.clone_into(cell);
            }
            if verdict != "detected" {
                reasons.push(format!("- {}, {file}: {verdict}: {why}", ran.kernel));
            }
        }
    }
    for (file, cells) in rows {
        writeln!(page, "| {file} | {} |", cells.join(" | "))?;
    }
    writeln!(page, "\n{}", reasons.join("\n"))?;
    Ok(page)
}
