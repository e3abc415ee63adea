//! The form of the kernel half's C: clang-format, at the version that setup-system.sh installs.
use anyhow::{Context as _, ensure};
use std::process::Command;

const TOOL: &str = "clang-format-16";
/// What is held to `.clang-format`. A file that isn't here yet is put in form by `clang-format-16 -i` and added.
const IN_FORM: &[&str] = &[
    "bpf/file/*.c",
    "bpf/iter/*.c",
    "bpf/net/*.c",
    "bpf/process/*.c",
    "bpf/include/buffer.h",
    "bpf/include/config.h",
    "bpf/include/connection.h",
    "bpf/include/core.h",
    "bpf/include/dns.h",
    "bpf/include/file.h",
    "bpf/include/io.h",
    "bpf/include/path.h",
    "bpf/include/policy.h",
    "bpf/include/preempt.h",
    "bpf/include/program.h",
    "bpf/include/scope.h",
    "bpf/include/sock.h",
    "bpf/include/spare.h",
    "bpf/include/stamp.h",
    "bpf/include/task.h",
    "bpf/include/throttle.h",
];

pub(crate) fn check() -> anyhow::Result<()> {
    let out = Command::new("git").arg("ls-files").args(IN_FORM).output().context("run git ls-files")?;
    let files = String::from_utf8_lossy(&out.stdout).into_owned();
    ensure!(files.lines().count() >= IN_FORM.len(), "xtask/src/form.rs names files that are not there");
    let status = Command::new(TOOL)
        .args(["--dry-run", "--Werror"])
        .args(files.lines())
        .status()
        .with_context(|| format!("start {TOOL}: scripts/setup-system.sh installs it"))?;
    ensure!(status.success(), "run {TOOL} -i on the files above");
    Ok(())
}
