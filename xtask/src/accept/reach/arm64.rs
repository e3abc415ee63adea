//! Row c, the other architecture: the sensor and tests of its kernel half, built here for arm64, on a stock kernel of Debian in an
//! emulated machine. Each program of the kernel half has to load, attach and fire there, and records to say what real programs did.
use crate::{
    accept::{lab::Lab, rows::Judged},
    process,
};
use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

const KERNEL: &str = "6.12-arm64";
const TARGET: &str = "aarch64-unknown-linux-gnu";
/// Tests of bpf/tests that run there: the others are about what the architectures have in common, and take minutes in emulation.
const TESTS: [&str; 2] = ["process", "file"];
/// Packages, a root image, a kernel and the standard library are fetched at the first use.
const SETUP_LIMIT: Duration = Duration::from_mins(30);
const BUILD_LIMIT: Duration = Duration::from_mins(30);
const RUN_LIMIT: Duration = Duration::from_mins(15);
/// What doctor says of a program that works, and of one whose hook this kernel was built without.
const WORKS: &str = "loaded, attached, fired";
const NO_HOOK: &str = "this kernel has no such hook";

pub(super) fn judge(lab: &Lab) -> Judged {
    let mut setup = Command::new(lab.root.join("tests/vm/setup.sh"));
    let libraries = process::output("setup", setup.arg("arm64"), lab.dir.path(), SETUP_LIMIT)?;
    let libraries = Path::new(libraries.trim());
    let share = lab.folder("vm-arm64")?;
    fs::copy(built(lab, libraries, "guardbee-cli", ["--bin", "guardbee"])?, share.join("guardbee"))?;
    for test in TESTS {
        fs::copy(built(lab, libraries, "guardbee-bpf", ["--test", test])?, share.join(test))?;
    }
    let (folder, tests) = (share.display(), TESTS.join(" "));
    let script = format!(
        "cd {folder}; cp guardbee {tests} /run; uname -rm >about; /run/guardbee doctor >doctor 2>&1\n\
         for test in {tests}; do /run/$test --test-threads=1; done >said 2>&1; true",
    );
    let mut command = Command::new(lab.root.join("tests/vm/vmrun"));
    command.args(["--kernel", KERNEL, "--root", "arm64", "--timeout", &RUN_LIMIT.as_secs().to_string()]);
    command.arg("--share").arg(&share).arg("--").arg(script);
    process::output("vmrun", command, &share, RUN_LIMIT * 2)?;
    let read = |name: &str| {
        fs::read_to_string(share.join(name)).with_context(|| format!("the machine left no `{name}`"))
    };
    let (about, doctor, said) = (read("about")?, read("doctor")?, read("said")?);
    Ok(verdict(about.trim(), &doctor, &said))
}

/// Of the machine's name, what doctor said there, and the tests.
fn verdict(about: &str, doctor: &str, said: &str) -> (bool, String) {
    let fired = doctor.lines().filter(|line| line.ends_with(WORKS)).count();
    let is_program =
        |line: &&str| line.contains(" tp_btf/") || line.contains(" tp/") || line.contains(" iter/");
    let others: Vec<&str> = doctor.lines().filter(is_program).filter(|line| !line.ends_with(WORKS)).collect();
    let (no_hook, bad): (Vec<&str>, Vec<&str>) = others.into_iter().partition(|line| line.contains(NO_HOOK));
    let named = |lines: &[&str]| {
        let names = lines.iter().filter_map(|line| line.split_whitespace().nth(1));
        names.collect::<Vec<_>>().join(", ")
    };
    let ended = said.lines().filter(|line| line.starts_with("test result: ok.")).count();
    let passed = said.lines().filter(|line| line.starts_with("test ") && line.ends_with(" ok")).count();
    let figure = format!(
        "{about}: {fired} programs fired, without a hook there: {}; not working: {}; {passed} tests passed, {ended} of {} files",
        if no_hook.is_empty() { "none".to_owned() } else { named(&no_hook) },
        if bad.is_empty() { "none".to_owned() } else { named(&bad) },
        TESTS.len(),
    );
    (fired > 0 && bad.is_empty() && ended == TESTS.len(), figure)
}

/// Builds a program for that architecture, with the libraries of Debian's packages for it, and answers where it is.
fn built(lab: &Lab, libraries: &Path, package: &str, what: [&str; 2]) -> anyhow::Result<PathBuf> {
    let root = libraries.display();
    let mut command = Command::new("cargo");
    command.args(["rustc", "--quiet", "--target", TARGET, "--message-format=json", "--package", package]);
    command.args(what).args(["--", "-C"]).arg(format!("link-arg=--sysroot={root}"));
    command.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "aarch64-linux-gnu-gcc");
    command.env("CC_aarch64_unknown_linux_gnu", "aarch64-linux-gnu-gcc");
    command.env(
        "LIBBPF_SYS_LIBRARY_PATH_aarch64_unknown_linux_gnu",
        format!("{root}/usr/lib/aarch64-linux-gnu"),
    );
    // Behind everything else: this machine's own build of libbpf has them, too.
    let includes = format!("-idirafter {root}/usr/include -idirafter {root}/usr/include/aarch64-linux-gnu");
    command.env("LIBBPF_SYS_EXTRA_CFLAGS", includes);
    let messages = process::output("cargo", command.current_dir(&lab.root), lab.dir.path(), BUILD_LIMIT)?;
    let found = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == what[1])
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    let found = found.with_context(|| format!("cargo names no program {}", what[1]))?;
    ensure!(found.is_file(), "cargo names {}, which is not there", found.display());
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_must_fire_but_what_has_no_hook() {
        let ok = "test a ... ok\ntest result: ok. 1 passed\ntest b ... ok\ntest result: ok. 1 passed\n";
        let fired = "  exec  process_exec  tp_btf/sched_process_exec  loaded, attached, fired\n";
        let without =
            "  x  kexec  tp/syscalls/x  not attached: this kernel has no such hook: nothing to do\n";
        assert!(verdict("arm64", &format!("{fired}{without}"), ok).0);
        let silent = "  fork  process_fork  tp_btf/sched_process_fork  attached, but the self-test did not make it run\n";
        let (passed, figure) = verdict("arm64", &format!("{fired}{silent}"), ok);
        assert!(!passed && figure.contains("not working: process_fork"), "{figure}");
        assert!(!verdict("arm64", fired, "test result: ok. 1 passed\n").0, "one file did not end");
        assert!(!verdict("arm64", "", ok).0, "doctor said nothing");
    }
}
