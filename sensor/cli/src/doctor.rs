//! `guardbee doctor`.
mod policies;
pub(crate) mod verdict;

use crate::{
    ConfigArgs, PROBLEMS, run,
    terminal::{self, Tone, paint},
};
use guardbee_loader::{Caged, Dispatch, HookList, Program, ProgramState, Report};
use std::{borrow::Cow, process::ExitCode};

/// How to look.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
}

/// What no list of hooks sees in this version, and what to do about it.
const UNSEEN: &[(&str, &str)] = &[
    ("failed system calls", "only reboot's are told; use auditd beside"),
    ("a reboot that succeeds", "nobody is left to tell it; the records that follow are of another boot"),
    (
        "names that are asked for over TLS or HTTPS, at another port than 53, through io_uring, or in messages cut by the reader",
        "their connections are told; have resolvers ask in plain on the node",
    ),
    ("files: refused calls", "no free tracepoint tells; writes through older descriptors neither"),
    (
        "what is sent by UDP after the first datagram to somebody, what is received but for DNS, and to whom sockets that had received \
         first, io_uring or 32-bit calls send",
        "a socket's first datagram to each is told, 64 in ten seconds",
    ),
    ("raw sockets' packets, failed unix connects", "no free tracepoint tells; not built yet"),
    (
        "connects that this host turns down by itself",
        "nothing is sent where there is no route or no free port, or a policy says no",
    ),
    ("closes of unix connections", "no free tracepoint tells; the end of their process does"),
    ("accepted TCP connections that the client resets unused", "their process never learns of them either"),
    ("payload inside TLS", "not built yet; terminate TLS before the process, or look at the proxy's side"),
    (
        "whether what is submitted to io_uring succeeds, and the address of a bind",
        "the operation is told with its names, and the address when the socket listens",
    ),
    ("HTTP/2, gRPC, SQL", "not built yet: no spans; processes behind them are candidates only"),
    (
        "first requests of unregistered methods, in small letters or of more than six",
        "no spans until the connection has begun like HTTP; links to it say unproven",
    ),
    ("bytes moved by splice, sendfile, io_uring", "only their length is known; a head inside them is a gap"),
    ("who acts inside event loops and M:N runtimes", "candidates only, said so in the link"),
];
/// Of what is not seen without trampolines, by either form of dispatch.
const UNSEEN_AT_CALLS: &str =
    "no free tracepoint tells; use a kernel that lets programs be attached to its functions (fexit)";
/// What is not seen where the tracepoint of it gives no request.
const UNSEEN_RINGS: (&str, &str) = (
    "what is submitted to io_uring",
    "that there is a ring is told; use a kernel from 5.12 on, or a later 5.10",
);
/// What is not seen where each call has a tracepoint of its own.
const UNSEEN_SPARSE: (&str, &str) = (
    "what 32-bit and x32 calls do otherwise, but for exec, exit and TCP: credentials, mounts, ...",
    "that a process is a 32-bit one is told; set kernel.dispatch to full, which sees all of it and costs every call",
);
/// What the list for kernels from 6.3 doesn't see beside that.
const UNSEEN_6_3: &[(&str, &str)] =
    &[("bytes moved by 32-bit system calls", "only their length is known, and who moved them")];
/// The same of the list for kernels from 5.10.
const UNSEEN_5_10: &[(&str, &str)] = &[
    (
        "bytes moved by splice, io_uring and 32-bit system calls, and who moved them",
        "TCP's positions say how many there were; use a kernel from 6.3 on",
    ),
    (
        "how many messages one recvmmsg or sendmmsg moved",
        "of payload they are one record, of datagrams eight are looked at; use a kernel from 6.3 on",
    ),
];

/// What loads, fires and is confined on this node, as it is configured.
pub(crate) fn look(args: &ConfigArgs) -> anyhow::Result<(Report, guardbee_agent::config::Config)> {
    let (config, _) = guardbee_agent::config::load(args.config.as_deref(), std::env::vars(), &args.set)?;
    let kernel = &config.kernel;
    let options = run::kernel_options(
        (run::hooks_name(kernel.hooks), run::dispatch_name(kernel.dispatch)),
        kernel.security_ring_bytes,
        kernel.payload_ring_bytes,
    );
    Ok((guardbee_loader::doctor(&options, &run::sandboxed(args, &config)?), config))
}

/// Programs that were to load: what only the other list has may fail to, that is why this one was chosen.
pub(crate) fn chosen(report: &Report) -> impl Iterator<Item = &Program> {
    let of_list = |program: &&Program| match program.hooks {
        None | Some(HookList::Iterator) => true,
        // What it takes not, calls' programs do.
        Some(HookList::Trampoline) => matches!(program.state, ProgramState::Works | ProgramState::Silent),
        hooks => hooks == report.hooks || report.hooks.is_none(),
    };
    report.programs.iter().filter(of_list)
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (report, config) = look(&args.config)?;
    let mut healthy = report.failure.is_none();
    node(&report);
    healthy &= programs(&report);
    healthy &= processes(&report, &config);
    healthy &= policies::policies(&config);
    outln!("\n{}", paint("not seen in this version", Tone::Plain));
    let of_list = match report.hooks {
        Some(HookList::Tracepoint5_10) => UNSEEN_5_10,
        _ => UNSEEN_6_3,
    };
    let full = report.dispatch == Some(Dispatch::Full);
    let by = if full { "io_uring" } else { "io_uring or 32-bit calls" };
    let files = format!("done to files by {by}: {}", report.left_to_calls.join(", "));
    let sees_rings = report.programs.iter().any(|program| {
        program.name == "io_uring_submitted"
            && matches!(program.state, ProgramState::Works | ProgramState::Silent)
    });
    let rows: Vec<_> = UNSEEN
        .iter()
        .chain(of_list)
        .chain((!sees_rings).then_some(&UNSEEN_RINGS))
        .chain((!full).then_some(&UNSEEN_SPARSE))
        .chain((!report.left_to_calls.is_empty()).then_some(&(&*files, UNSEEN_AT_CALLS)))
        .map(|(what, why)| row(&[("  ", Tone::Plain), (what, Tone::Warn), (why, Tone::Plain)]))
        .collect();
    out!("{}", terminal::table(&rows));
    if let Some(failure) = &report.failure {
        outln!("\n{}", paint(failure, Tone::Bad));
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::from(PROBLEMS) })
}

fn row(cells: &[(&str, Tone)]) -> Vec<(String, Tone)> {
    cells.iter().map(|(text, tone)| ((*text).to_owned(), *tone)).collect()
}

fn node(report: &Report) {
    let mut rows = vec![row(&[("kernel", Tone::Plain), (&report.release, Tone::Plain)])];
    let known =
        |yes, good: &'static str, bad: &'static str| if yes { (good, Tone::Good) } else { (bad, Tone::Bad) };
    rows.push(row(&[
        ("kernel types (BTF)", Tone::Plain),
        known(
            report.btf,
            "there",
            "missing: /sys/kernel/btf/vmlinux; use a kernel with CONFIG_DEBUG_INFO_BTF",
        ),
    ]));
    rows.push(row(&[
        ("tracefs", Tone::Plain),
        known(
            report.tracefs,
            "mounted",
            "not mounted: the loader mounts it; where it can't, one hook sees the ends of all calls",
        ),
    ]));
    let lockdown = match report.lockdown.as_deref() {
        Some("confidentiality") => {
            ("confidentiality: refuses programs that read kernel memory; boot with integrity", Tone::Bad)
        }
        Some(other) => (other, Tone::Good),
        None => ("none", Tone::Good),
    };
    rows.push(row(&[("lockdown", Tone::Plain), lockdown]));
    for setting in &report.settings {
        let value = setting.value.as_deref().unwrap_or("not in this kernel");
        let (verdict, tone) = verdict::setting(setting.name, setting.value.as_deref(), report.hooks);
        rows.push(row(&[(setting.name, Tone::Plain), (value, tone), (verdict, tone)]));
    }
    out!("{}", terminal::table(&rows));
}

/// True: every program of the chosen list works.
fn programs(report: &Report) -> bool {
    let list = match report.hooks {
        Some(HookList::Tracepoint5_10) => "tracepoints, kernels from 5.10",
        Some(HookList::Tracepoint6_3) => "tracepoints, kernels from 6.3 (payload without hooks at calls)",
        Some(HookList::Iterator | HookList::Trampoline) | None => "none",
    };
    let files = report.trampoline.map(|function| format!("; opened files at {function}(), whoever calls it"));
    let changes = match report.told_by_trampolines.as_slice() {
        [] => String::new(),
        told => format!("; files where the kernel changes them ({})", told.join(", ")),
    };
    let calls = match report.dispatch {
        Some(Dispatch::Full) => "; calls at one hook for all of them, by any numbers",
        Some(Dispatch::Sparse) | None => "",
    };
    outln!("\nhooks: {list}{calls}{}{changes}", files.unwrap_or_default());
    let mut healthy = true;
    let mut rows = Vec::new();
    for program in chosen(report).filter(|program| program.state != ProgramState::Unused) {
        let (state, tone) = match program.state {
            ProgramState::Works => ("loaded, attached, fired".to_owned(), Tone::Good),
            ProgramState::Silent if report.spares && program.has_spares() => (
                "attached, but the self-test did not make it run, or one of its spares".to_owned(),
                Tone::Bad,
            ),
            ProgramState::Silent => ("attached, but the self-test did not make it run".to_owned(), Tone::Bad),
            ProgramState::NotAttached => {
                (format!("not attached: {}", verdict::refusal(program.errno)), Tone::Bad)
            }
            ProgramState::NotLoaded | ProgramState::Unused => {
                (format!("not loaded: {}", verdict::refusal(program.errno)), Tone::Bad)
            }
        };
        healthy &= tone == Tone::Good;
        let capability = format!("{:?}", program.capability).to_lowercase();
        rows.push(vec![
            (format!("  {capability}"), Tone::Plain),
            (program.name.to_owned(), Tone::Plain),
            (hook_of(report, program), Tone::Plain),
            (state, tone),
        ]);
    }
    out!("{}", terminal::table(&rows));
    if report.spares {
        outln!(
            "\nthis kernel preempts tasks inside of programs: those for processes and sockets have two spares each for what \
             is refused meanwhile, at the same hooks; one that is called fired has fired with both"
        );
    }
    if report.recursion_misses > 0 {
        outln!(
            "\n{} events were lost in this test: the kernel refused their programs",
            report.recursion_misses
        );
    }
    healthy
}

/// Where it is attached.
fn hook_of(report: &Report, program: &Program) -> String {
    if let ("file_opened", Some(function)) = (program.name, report.trampoline) {
        return format!("fexit/{function}");
    }
    if let Some(call) = led(report, program) {
        return format!("tp_btf/sys_exit: {call}");
    }
    let hook = report.hook_of.iter().find(|(name, _)| name == program.name);
    hook.map_or_else(String::new, |(_, hook)| hook.clone())
}

/// The call for which the program at the end of all calls leads to this one.
fn led<'a>(report: &'a Report, program: &Program) -> Option<&'a str> {
    let (_, hook) = report.hook_of.iter().find(|(name, _)| name == program.name)?;
    hook.strip_prefix("tp/syscalls/sys_exit_").filter(|_| report.dispatch == Some(Dispatch::Full))
}

/// True: both are confined as they must be.
fn processes(report: &Report, config: &guardbee_agent::config::Config) -> bool {
    outln!(
        "\nguardbee loader: root, one thread, no network socket, and of capabilities, with the rest given up:"
    );
    let mut rows: Vec<_> = report
        .capabilities
        .iter()
        .map(|need| {
            let held = if need.held { ("held", Tone::Good) } else { ("NOT held", Tone::Bad) };
            row(&[("  ", Tone::Plain), (need.name, Tone::Plain), held, (need.why, Tone::Plain)])
        })
        .collect();
    let (others, tone, why) = match &report.cage.loader {
        Ok(left) if *left == guardbee_loader::kept() => ("given up", Tone::Good, "for good".to_owned()),
        Ok(left) => ("NOT given up", Tone::Bad, format!("{left:?}")),
        Err(why) => ("NOT given up", Tone::Bad, why.clone()),
    };
    rows.push(row(&[("  ", Tone::Plain), ("all others", Tone::Plain), (others, tone), (&why, Tone::Plain)]));
    out!("{}", terminal::table(&rows));
    outln!("\nguardbee pipeline, as a test started it and the kernel shows it:");
    let caged = match &report.cage.pipeline {
        Ok(caged) => confined(caged, config.run_as.uid),
        Err(why) => vec![("sandbox", why.as_str().into(), Tone::Bad)],
    };
    let cells = |(what, how, tone): &(&str, Cow<'_, str>, Tone)| {
        row(&[("  ", Tone::Plain), (what, Tone::Plain), (how, *tone)])
    };
    out!("{}", terminal::table(&caged.iter().map(cells).collect::<Vec<_>>()));
    tone == Tone::Good && caged.iter().all(|(_, _, tone)| *tone != Tone::Bad)
}

/// What confines the pipeline, and whether it does here.
fn confined(caged: &Caged, uid: u32) -> Vec<(&'static str, Cow<'static, str>, Tone)> {
    let is = |what, yes, good: &'static str, bad: &'static str| {
        (what, Cow::from(if yes { good } else { bad }), if yes { Tone::Good } else { Tone::Bad })
    };
    let user = match caged.uid {
        Some(found) if found == uid => ("user", format!("{uid}, never root").into(), Tone::Good),
        found => ("user", format!("{found:?} instead of {uid}").into(), Tone::Bad),
    };
    let (landlock, tone) = verdict::landlock(&caged.landlock);
    vec![
        user,
        is("capabilities", caged.no_capability, "none", "some are left"),
        is("no_new_privs", caged.no_new_privs, "set", "NOT set"),
        is("seccomp", caged.seccomp, "a list of system calls, all others refused", "NOT filtered"),
        is("memory", caged.not_dumpable, "not dumpable: root's", "readable by others of its user"),
        ("Landlock", landlock.into(), tone),
    ]
}
