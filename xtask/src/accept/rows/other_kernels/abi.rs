//! The object fits the kernel: its records are laid out as user space reads them and say there what real programs did, and
//! what it reads of the kernel's structures is there, or known to be absent.
use super::{BUILD_LIMIT, boot};
use crate::{
    accept::{lab::Lab, rows::Judged},
    process,
};
use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// Has the old list of hooks alone.
const TOO_OLD: &str = "5.10";
/// Tests of bpf/tests that run in the machine: layout, and the contents of the records.
const TESTS: [&str; 6] = ["layout", "process", "net", "dns", "file", "dispatch"];
const RESOLVE_LIMIT: Duration = Duration::from_mins(2);

/// What a kernel is known not to have; bpf/include/{compat,preempt}.h and `bpf/system/io_uring.bpf.c` do without. Anything else that is absent
/// fails the row.
const ABSENT: &[(&str, &[&str])] = &[
    (
        "5.10",
        &[
            "enum bpf_func_id::BPF_FUNC_task_pt_regs",
            "struct bpf_subprog_info.might_sleep",
            "struct delayed_filename",
            "struct file.f_ep",
            "struct inode___before_6_11.__i_ctime",
            "struct inode___now.i_ctime_nsec",
            "struct inode___now.i_ctime_sec",
            "struct io_open___delayed",
            "struct io_rename___delayed",
            "struct io_unlink___delayed",
            "union thread_union",
        ],
    ),
    (
        "7.2",
        &[
            "struct file___before_5_11.f_ep_links",
            "struct inode___before_6_11.__i_ctime",
            "struct inode___before_6_6.i_ctime",
            "struct io_open.filename",
            "struct io_rename.newpath",
            "struct io_unlink.filename",
            "union thread_union",
        ],
    ),
];

pub(super) fn judge(lab: &Lab, kernel: &str) -> Judged {
    let share = lab.folder(&format!("vm-{kernel}-abi"))?;
    let object = share.join("object.o");
    let shipped = object_in(lab.guardbee())?;
    fs::write(&object, &shipped)?;
    for (name, test) in TESTS.into_iter().zip(tests(lab)?) {
        ensure!(
            object_in(&test)? == shipped,
            "the test {name} has another object than the sensor: build both anew"
        );
        fs::copy(test, share.join(name))?;
    }
    let passed = tests_in(lab, kernel, &share)?;

    let relocations = relocations(lab, &share.join("btf"), &object)?;
    let absent = relocations.absent();
    let known = ABSENT.iter().find(|(name, _)| *name == kernel).map_or(&[][..], |(_, known)| known);
    let expected = |name: &str| known.iter().any(|known| is_in(name, known));
    let missing: Vec<&str> = absent.iter().map(String::as_str).filter(|name| !expected(name)).collect();
    let figure = format!(
        "{passed} tests passed; {} of {} relocations resolved, absent as known: {}; missing: {missing:?}",
        relocations.resolved(),
        relocations.0.len(),
        known.join(", "),
    );
    Ok((missing.is_empty(), figure))
}

/// Runs the tests in the machine, keeps its types, and answers how many tests passed; one that fails is an error.
fn tests_in(lab: &Lab, kernel: &str, share: &Path) -> anyhow::Result<usize> {
    let hooks = if kernel == TOO_OLD { "export GUARDBEE_HOOKS=5.10" } else { ":" };
    let script = format!(
        "{hooks}; export GUARDBEE_TRAMPOLINE=1; cd {}; cp {tests} /run; cp /sys/kernel/btf/vmlinux btf; \
         for test in {tests}; do /run/$test --test-threads=1; done >said 2>&1",
        share.display(),
        tests = TESTS.join(" "),
    );
    let ended = boot(lab, kernel, share, &[], &script);
    let said = fs::read_to_string(share.join("said")).unwrap_or_default();
    let results: Vec<&str> = said.lines().filter(|line| line.starts_with("test result: ")).collect();
    let failed: Vec<&str> = said.lines().filter(|line| line.contains("panicked at")).collect();
    let whole =
        results.len() == TESTS.len() && results.iter().all(|line| line.starts_with("test result: ok."));
    let why = || format!("the tests failed, or did not end: {results:?} {failed:?}");
    ended.with_context(why)?;
    ensure!(whole, why());
    Ok(said.lines().filter(|line| line.starts_with("test ") && line.ends_with(" ok")).count())
}

/// Is it this name, or a member of it?
fn is_in(name: &str, whole: &str) -> bool {
    name.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Builds the tests, and answers where they are.
fn tests(lab: &Lab) -> anyhow::Result<Vec<PathBuf>> {
    let mut command = Command::new("cargo");
    command.args(["test", "--package", "guardbee-bpf", "--no-run", "--message-format=json"]);
    for name in TESTS {
        command.args(["--test", name]);
    }
    let messages = process::output("cargo", command.current_dir(&lab.root), lab.dir.path(), BUILD_LIMIT)?;
    let built: Vec<Value> = messages.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let file = |name: &str| {
        let mut of_test = built.iter().filter(|message| message["target"]["name"] == name);
        let found = of_test.find_map(|message| message["executable"].as_str().map(PathBuf::from));
        found.with_context(|| format!("cargo names no test {name}"))
    };
    TESTS.into_iter().map(file).collect()
}

/// Bytes of the BPF object in a program: an ELF file in an ELF file, which ends with its table of sections.
fn object_in(program: &Path) -> anyhow::Result<Vec<u8>> {
    /// 64 bits, little-endian, version 1 (ELF specification, `e_ident`).
    const IDENT: &[u8] = b"\x7fELF\x02\x01\x01";
    const EM_BPF: [u8; 2] = 247_u16.to_le_bytes();
    let bytes = fs::read(program).with_context(|| format!("read {}", program.display()))?;
    let starts = bytes.windows(IDENT.len()).enumerate().filter(|(_, window)| *window == IDENT);
    for (start, _) in starts {
        let Some(file) = bytes.get(start..) else { continue };
        if file.get(18..20) != Some(&EM_BPF) {
            continue;
        }
        let number = |at: usize, size: usize| {
            let field = file.get(at..at + size)?;
            field.iter().rev().try_fold(0_usize, |sum, byte| Some(sum.checked_mul(256)? + usize::from(*byte)))
        };
        let (Some(sections), Some(size), Some(count)) = (number(40, 8), number(58, 2), number(60, 2)) else {
            continue;
        };
        if let Some(object) = file.get(..sections.saturating_add(size * count)) {
            return Ok(object.to_vec());
        }
    }
    bail!("{} has no BPF object in it", program.display())
}

/// By program and number: what it names, and whether the kernel has it.
struct Relocations(BTreeMap<(String, u32), (String, bool)>);

impl Relocations {
    fn resolved(&self) -> usize {
        self.0.values().filter(|(_, resolved)| *resolved).count()
    }

    /// What is named and not there, questions whether it is there among them.
    fn absent(&self) -> BTreeSet<String> {
        self.0.values().filter(|(_, resolved)| !resolved).map(|(name, _)| name.clone()).collect()
    }
}

/// Has libbpf match the object with the kernel's types, as it does when it loads it.
fn relocations(lab: &Lab, btf: &Path, object: &Path) -> anyhow::Result<Relocations> {
    let out = btf.with_extension("needed");
    let mut command = Command::new("sh");
    command.args(["-c", "bpftool --debug gen min_core_btf \"$@\" 2>&1", "sh"]).arg(btf).arg(out).arg(object);
    let said = process::output("bpftool", command, lab.dir.path(), RESOLVE_LIMIT)?;
    let found = parse(&said);
    ensure!(!found.0.is_empty(), "bpftool names no relocation: {said}");
    Ok(found)
}

/// `libbpf: prog 'tp_btf/x': relo #3: <byte_off> [7] struct file.f_ep (0:4 @ offset 32)`, then for each structure of that name in
/// the kernel `.. relo #3: matching candidate ..` or `non-matching candidate`.
fn parse(said: &str) -> Relocations {
    let mut all = BTreeMap::new();
    for line in said.lines() {
        let Some((program, rest)) =
            line.strip_prefix("libbpf: prog '").and_then(|rest| rest.split_once("': relo #"))
        else {
            continue;
        };
        let Some((number, what)) = rest.split_once(": ") else { continue };
        let Ok(number) = number.parse::<u32>() else { continue };
        let key = (program.to_owned(), number);
        if what.starts_with('<') {
            all.insert(key, (name_of(what), false));
        } else if what.starts_with("matching candidate")
            && let Some((_, resolved)) = all.get_mut(&key)
        {
            *resolved = true;
        }
    }
    Relocations(all)
}

/// `<byte_off> [7] struct file.f_ep (0:4 @ offset 32)` is of `struct file.f_ep`; an enumerator has ` = 5` behind it.
fn name_of(what: &str) -> String {
    let name = what.split_once("] ").map_or(what, |(_, name)| name);
    let end = [" (", " = "].iter().filter_map(|end| name.find(end)).min().unwrap_or(name.len());
    name.get(..end).unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libbpf_says_of_relocations() {
        let said = "libbpf: prog 'a': relo #0: <byte_off> [1] struct file.f_ep (0:4 @ offset 32)\n\
                    libbpf: prog 'a': relo #0: non-matching candidate #0 <byte_off> [446] struct file (0 @ offset 0)\n\
                    libbpf: prog 'a': relo #0: no matching targets found\n\
                    libbpf: prog 'a': relo #1: <enumval_exists> [2] enum e::ONE = 1\n\
                    libbpf: prog 'b': relo #1: <byte_off> [3] struct inode.i_ino (0:1 @ offset 8)\n\
                    libbpf: prog 'b': relo #1: matching candidate #0 <byte_off> [9] struct inode.i_ino (0:7 @ offset 64)\n";
        let found = parse(said);
        assert_eq!((found.0.len(), found.resolved()), (3, 1));
        assert_eq!(found.absent().into_iter().collect::<Vec<_>>(), ["enum e::ONE", "struct file.f_ep"]);
    }

    #[test]
    fn a_member_is_in_its_structure() {
        assert!(is_in("struct a.b.c", "struct a.b"));
        assert!(!is_in("struct a.bc", "struct a.b"));
    }
}
