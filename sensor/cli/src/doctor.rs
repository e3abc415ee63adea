//! `guardbee doctor`.
use crate::{
    ConfigArgs, PROBLEMS, run,
    terminal::{self, Tone, paint},
};
use guardbee_loader::{HookList, Program, ProgramState, Report};
use std::process::ExitCode;

/// How to look.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
}

/// What no list of hooks sees in this version, and what to do about it.
const UNSEEN: &[(&str, &str)] = &[
    ("files, module loads, ptrace, credentials", "not built yet; use auditd beside"),
    ("UDP, raw sockets, failed unix connects", "no free tracepoint tells; not built yet"),
    ("payload inside TLS", "not built yet; terminate TLS before the process, or look at the proxy's side"),
    ("HTTP/2, gRPC, SQL", "not built yet: no spans; processes behind them are candidates only"),
    ("bytes moved by splice, sendfile, io_uring", "only their length is known; a head inside them is a gap"),
    ("who acts inside event loops and M:N runtimes", "candidates only, said so in the link"),
];

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (config, _) =
        guardbee_agent::config::load(args.config.config.as_deref(), std::env::vars(), &args.config.set)?;
    let kernel = &config.kernel;
    let options = run::kernel_options(
        run::hooks_name(kernel.hooks),
        kernel.security_ring_bytes,
        kernel.payload_ring_bytes,
    );
    let report = guardbee_loader::doctor(&options);
    let mut healthy = report.failure.is_none();
    node(&report);
    healthy &= programs(&report);
    processes(&report, &config);
    println!("\n{}", paint("not seen in this version", Tone::Plain));
    let rows: Vec<_> = UNSEEN
        .iter()
        .map(|(what, why)| row(&[("  ", Tone::Plain), (what, Tone::Warn), (why, Tone::Plain)]))
        .collect();
    print!("{}", terminal::table(&rows));
    if let Some(failure) = &report.failure {
        println!("\n{}", paint(failure, Tone::Bad));
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
            "not mounted: only the 5.10 hooks need it, the loader mounts it then",
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
        rows.push(row(&[(setting.name, Tone::Plain), (value, Tone::Plain)]));
    }
    print!("{}", terminal::table(&rows));
}

/// True: every program of the chosen list works.
fn programs(report: &Report) -> bool {
    let list = match report.hooks {
        Some(HookList::Tracepoint5_10) => "tracepoints, kernels from 5.10",
        Some(HookList::Tracepoint6_3) => "tracepoints, kernels from 6.3 (no syscall is hooked)",
        Some(HookList::Iterator) | None => "none",
    };
    println!("\nhooks: {list}");
    let mut healthy = true;
    let mut rows = Vec::new();
    // What only the other list has may fail to load: that is why this one was chosen.
    let chosen = |program: &&Program| match program.hooks {
        None | Some(HookList::Iterator) => true,
        hooks => hooks == report.hooks || report.hooks.is_none(),
    };
    let programs = report.programs.iter().filter(chosen);
    for program in programs.filter(|program| program.state != ProgramState::Unused) {
        let (state, tone) = match program.state {
            ProgramState::Works => ("loaded, attached, fired".to_owned(), Tone::Good),
            ProgramState::Silent => ("attached, but the self-test did not make it run".to_owned(), Tone::Bad),
            ProgramState::NotAttached => (format!("not attached: errno {}", program.errno), Tone::Bad),
            ProgramState::NotLoaded | ProgramState::Unused => {
                (format!("not loaded: errno {}", program.errno), Tone::Bad)
            }
        };
        healthy &= tone == Tone::Good;
        let capability = format!("{:?}", program.capability).to_lowercase();
        rows.push(vec![
            (format!("  {capability}"), Tone::Plain),
            (program.name.to_owned(), Tone::Plain),
            (state, tone),
        ]);
    }
    print!("{}", terminal::table(&rows));
    if report.spares {
        println!(
            "\nthis kernel preempts tasks inside of programs: each has two spares for what is refused meanwhile"
        );
    }
    if report.recursion_misses > 0 {
        println!(
            "\n{} events were lost in this test: the kernel refused their programs",
            report.recursion_misses
        );
    }
    healthy
}

fn processes(report: &Report, config: &guardbee_agent::config::Config) {
    println!("\nguardbee loader: root with these capabilities, no other, one thread, no network");
    let rows: Vec<_> = report
        .capabilities
        .iter()
        .map(|need| {
            let held = if need.held { ("held", Tone::Good) } else { ("NOT held", Tone::Bad) };
            row(&[("  ", Tone::Plain), (need.name, Tone::Plain), held, (need.why, Tone::Plain)])
        })
        .collect();
    print!("{}", terminal::table(&rows));
    println!(
        "guardbee pipeline: uid {}, gid {}, no capability, no_new_privs, not dumpable, seccomp, Landlock",
        config.run_as.uid, config.run_as.gid
    );
}
