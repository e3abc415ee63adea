//! What the loader can say about a node without a pipeline: loads, self-tests, unloads, and reads what decides about it.
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use guardbee_bpf::{Dispatch, HookList, Kernel, Program, ProgramState};
use rustix::fs::{Mode, OFlags, openat};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};
use rustix::thread::capabilities;

use crate::cage::{self, Cage};
use crate::capability::KEPT;
use crate::pipeline::Pipeline;
use crate::self_test;

/// Settings that decide what loads here; read, never changed.
const SETTINGS: [&str; 6] = [
    "kernel.unprivileged_bpf_disabled",
    "kernel.perf_event_paranoid",
    "kernel.kptr_restrict",
    "kernel.yama.ptrace_scope",
    "net.core.bpf_jit_enable",
    "net.core.bpf_jit_harden",
];

/// What was found.
#[derive(Clone, Debug)]
pub struct Report {
    /// `uname -r`.
    pub release: String,
    /// The list of hooks that loads; none: see `failure`.
    pub hooks: Option<HookList>,
    /// The function of the kernel at which a trampoline looks at opened files; no value: tracepoints do it.
    pub trampoline: Option<&'static str>,
    /// What is told of files by trampolines, where the kernel does it: by names of calls.
    pub told_by_trampolines: Vec<&'static str>,
    /// What of that is left to the ends of calls.
    pub left_to_calls: Vec<&'static str>,
    /// How the programs of calls are led to them; no value: as `hooks`.
    pub dispatch: Option<Dispatch>,
    /// Every program, with its state after the self-test.
    pub programs: Vec<Program>,
    /// Where each program of the object is attached: name, hook.
    pub hook_of: Vec<(String, String)>,
    /// Why nothing was loaded, or nothing could be tested: the causes in one line.
    pub failure: Option<String>,
    /// Events that were lost in this test, as the kernel refused their programs.
    pub recursion_misses: u64,
    /// Have the programs spares, as this kernel preempts a task inside of one?
    pub spares: bool,
    /// What the loader needs, and whether it has it once it has given up the rest.
    pub capabilities: Vec<Need>,
    /// How both processes are confined.
    pub cage: Cage,
    /// `none`, `integrity` or `confidentiality` (which refuses our programs); no value: no lockdown in this kernel.
    pub lockdown: Option<String>,
    /// Sysctls.
    pub settings: Vec<Setting>,
    /// Whether the kernel has its types, `/sys/kernel/btf/vmlinux`.
    pub btf: bool,
    /// Whether tracefs is mounted, which the sparse form of dispatch needs.
    pub tracefs: bool,
}

/// A capability of the stated set.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// As in capabilities(7).
    pub name: &'static str,
    /// What for.
    pub why: &'static str,
    /// Whether it is there.
    pub held: bool,
}

/// A sysctl.
#[derive(Clone, Debug)]
pub struct Setting {
    /// With dots.
    pub name: &'static str,
    /// None: this kernel doesn't have it.
    pub value: Option<String>,
}

/// Loads, attaches, self-tests, unloads, confines. What fails is in the report. `pipeline` enters its sandbox and writes how
/// far Landlock holds to its standard input.
pub fn doctor(options: &guardbee_bpf::Options, pipeline: &Pipeline) -> Report {
    let cage = cage::find_out(pipeline);
    let permitted = cage.loader.clone().ok().or_else(|| capabilities(None).map(|sets| sets.permitted).ok());
    let capabilities = KEPT.map(|(capability, name, why)| Need {
        name,
        why,
        held: permitted.is_some_and(|set| set.contains(capability)),
    });
    let mut report = Report {
        release: rustix::system::uname().release().to_string_lossy().into_owned(),
        hooks: None,
        trampoline: None,
        dispatch: None,
        told_by_trampolines: Vec::new(),
        left_to_calls: Vec::new(),
        programs: Vec::new(),
        hook_of: guardbee_bpf::hooks().unwrap_or_default(),
        failure: None,
        recursion_misses: 0,
        spares: false,
        capabilities: capabilities.to_vec(),
        cage,
        lockdown: lockdown().ok(),
        settings: SETTINGS.map(|name| Setting { name, value: sysctl(name) }).to_vec(),
        btf: Path::new("/sys/kernel/btf/vmlinux").exists(),
        tracefs: ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"]
            .iter()
            .any(|path| Path::new(path).join("events").exists()),
    };
    try_programs(options, &mut report);
    report
}

fn try_programs(options: &guardbee_bpf::Options, report: &mut Report) {
    let all = guardbee_bpf::Options { files: true, ..options.clone() };
    let mut kernel = match Kernel::load(&all) {
        Ok(kernel) => kernel,
        Err(error) => return report.failure = Some(causes(&error)),
    };
    let attached = kernel.attach();
    report.hooks = Some(kernel.hooks());
    report.trampoline = kernel.trampoline();
    report.dispatch = Some(kernel.dispatch());
    (report.told_by_trampolines, report.left_to_calls) = kernel.told_by_trampolines();
    report.programs = kernel.programs().to_vec();
    if let Err(error) = attached {
        return report.failure = Some(causes(&error));
    }
    match self_test::run(&kernel) {
        Ok(states) => {
            for program in &mut report.programs {
                program.state = states.get(usize::from(program.id)).copied().unwrap_or(ProgramState::Unused);
            }
        }
        Err(error) => report.failure = Some(causes(&error)),
    }
    report.recursion_misses = kernel.recursion_misses().iter().sum();
    report.spares = kernel.spares();
}

/// An error and what it came from.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn sysctl(name: &str) -> Option<String> {
    let file = File::open(Path::new("/proc/sys").join(name.replace('.', "/"))).ok()?;
    line(file).ok()
}

/// The selected word of `none [integrity] confidentiality`. Where securityfs isn't mounted it is opened detached: the
/// node's mounts stay as they are.
fn lockdown() -> io::Result<String> {
    let text = if let Ok(file) = File::open("/sys/kernel/security/lockdown") {
        line(file)?
    } else {
        let context = fsopen("securityfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_create(&context)?;
        let root = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::MOUNT_ATTR_RDONLY)?;
        line(openat(root, "lockdown", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?.into())?
    };
    let selected = text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    selected.map(|(word, _)| word.to_owned()).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

fn line(file: File) -> io::Result<String> {
    let mut text = String::new();
    file.take(256).read_to_string(&mut text)?;
    Ok(text.trim().to_owned())
}
