//! `guardbee run`, and the two halves that it becomes.
use crate::ConfigArgs;
use anyhow::Context as _;
use guardbee_agent::{
    config::{self, Config, Dispatch, Hooks},
    pipeline::{self, End, Task},
};
use guardbee_loader::{Capability, HookList, KernelOptions, OnExit, Options, Pipeline};
use guardbee_recording::Secrets;
use std::{
    ffi::OsString,
    fs::File,
    io::IsTerminal as _,
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
};
use tracing_subscriber::EnvFilter;

/// Variables that reach the pipeline.
const PASSED: &[&str] = &["GUARDBEE_", "OTEL_EXPORTER_OTLP_", "RUST_BACKTRACE", "NO_COLOR", "TZ"];
/// Exit code of an unusable configuration: the loader doesn't start such a pipeline again.
const UNUSABLE: u8 = 2;

/// How to run.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
}

/// What `run` tells the loader: plain values, so that the privileged process never parses a configuration.
#[derive(clap::Args)]
pub(crate) struct LoaderArgs {
    #[arg(long)]
    uid: u32,
    #[arg(long)]
    gid: u32,
    #[arg(long, value_parser = ["auto", "tracepoint-6.3", "tracepoint-5.10"])]
    hooks: String,
    #[arg(long, value_parser = ["auto", "sparse", "full"])]
    dispatch: String,
    #[arg(long)]
    security_bytes: u32,
    #[arg(long)]
    payload_bytes: u32,
    #[arg(long)]
    key: Option<PathBuf>,
    /// Ends when the pipeline does.
    #[arg(long)]
    once: bool,
    /// Arguments of the pipeline.
    #[arg(last = true)]
    pipeline: Vec<OsString>,
}

/// What the loader tells the pipeline.
#[derive(clap::Args)]
pub(crate) struct PipelineArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// A recording on standard output, and nothing else.
    #[arg(long)]
    record: bool,
    /// Secrets are recorded as they are.
    #[arg(long)]
    raw: bool,
}

fn load(args: &ConfigArgs) -> anyhow::Result<Config> {
    let (config, _) = config::load(args.config.as_deref(), std::env::vars(), &args.set)?;
    Ok(config)
}

/// Checks the configuration, then becomes the loader: this process has read YAML, the loader never has.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = load(&args.config)?;
    let mut command = loader_of(&config);
    if let Some(key) = &config.seal.key {
        command.arg("--key").arg(key);
    }
    command.arg("--").args(unprivileged("pipeline", &args.config)?);
    Err(command.exec()).context("start the loader from /proc/self/exe; is /proc mounted?")
}

/// A loader whose pipeline records to `out`, and does nothing else.
pub(crate) fn recording(args: &ConfigArgs, raw: bool, out: File) -> anyhow::Result<Command> {
    let mut command = loader_of(&load(args)?);
    command.arg("--once").arg("--").args(unprivileged("pipeline", args)?).arg("--record");
    if raw {
        command.arg("--raw");
    }
    command.stdin(Stdio::null()).stdout(out).stderr(Stdio::piped());
    Ok(command)
}

fn loader_of(config: &Config) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg("loader");
    command.arg("--uid").arg(config.run_as.uid.to_string()).arg("--gid").arg(config.run_as.gid.to_string());
    command.arg("--hooks").arg(hooks_name(config.kernel.hooks));
    command.arg("--dispatch").arg(dispatch_name(config.kernel.dispatch));
    command.arg("--security-bytes").arg(config.kernel.security_ring_bytes.to_string());
    command.arg("--payload-bytes").arg(config.kernel.payload_ring_bytes.to_string());
    command
}

/// Arguments of a process without rights that reads the configuration itself.
fn unprivileged(role: &str, args: &ConfigArgs) -> anyhow::Result<Vec<OsString>> {
    let mut words = vec![role.into()];
    if let Some(path) = &args.config {
        words.extend(["--config".into(), std::path::absolute(path)?.into_os_string()]);
    }
    for (name, value) in &args.set {
        words.extend(["--set".into(), format!("{name}={value}").into()]);
    }
    Ok(words)
}

/// The pipeline as `doctor` looks at it: it enters its sandbox and waits.
pub(crate) fn sandboxed(args: &ConfigArgs, config: &Config) -> anyhow::Result<Pipeline> {
    let (uid, gid) = (config.run_as.uid, config.run_as.gid);
    Ok(Pipeline { args: unprivileged("sandbox", args)?, env: passed(), uid, gid })
}

/// The part of the environment that reaches the pipeline.
fn passed() -> Vec<(OsString, OsString)> {
    let passed = |name: &str| PASSED.iter().any(|start| name.starts_with(start));
    std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(passed)).collect()
}

pub(crate) const fn hooks_name(hooks: Hooks) -> &'static str {
    match hooks {
        Hooks::Auto => "auto",
        Hooks::Tracepoint5_10 => "tracepoint-5.10",
        Hooks::Tracepoint6_3 => "tracepoint-6.3",
    }
}

pub(crate) const fn dispatch_name(dispatch: Dispatch) -> &'static str {
    match dispatch {
        Dispatch::Auto => "auto",
        Dispatch::Sparse => "sparse",
        Dispatch::Full => "full",
    }
}

/// The kernel half as names and sizes say.
pub(crate) fn kernel_options(
    (hooks, dispatch): (&str, &str),
    security_bytes: u32,
    payload_bytes: u32,
) -> KernelOptions {
    let dispatch = match dispatch {
        "sparse" => Some(guardbee_loader::Dispatch::Sparse),
        "full" => Some(guardbee_loader::Dispatch::Full),
        _ => None,
    };
    let hooks = match hooks {
        "tracepoint-5.10" => Some(HookList::Tracepoint5_10),
        "tracepoint-6.3" => Some(HookList::Tracepoint6_3),
        _ => None,
    };
    // All of it is loaded and tested; what no rule needs is detached when the rules are known.
    let watched = Capability::OPTIONAL.into();
    KernelOptions { hooks, dispatch, security_bytes, payload_bytes, watched, ..KernelOptions::default() }
}

pub(crate) fn loader(args: &LoaderArgs) -> anyhow::Result<ExitCode> {
    let options = Options {
        pipeline: Pipeline { args: args.pipeline.clone(), env: passed(), uid: args.uid, gid: args.gid },
        key: args.key.clone(),
        kernel: kernel_options((&args.hooks, &args.dispatch), args.security_bytes, args.payload_bytes),
        on_exit: if args.once { OnExit::Stop } else { OnExit::Restart },
    };
    let status = guardbee_loader::run(&options, &mut |notice| noteln!("guardbee: loader: {notice}"))
        .context("run the loader; `guardbee doctor` says what this node lacks")?;
    Ok(match (status.code(), status.signal()) {
        (Some(code), _) => ExitCode::from(u8::try_from(code).unwrap_or(UNUSABLE)),
        (None, signal) => ExitCode::from(128 + u8::try_from(signal.unwrap_or(0)).unwrap_or(0)),
    })
}

pub(crate) fn pipeline(args: &PipelineArgs) -> anyhow::Result<ExitCode> {
    let filter = EnvFilter::try_from_env("GUARDBEE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // What nobody reads any more is not worth a panic.
    log.with_ansi(colour).with_target(false).log_internal_errors(false).init();
    let secrets = if args.raw { Secrets::Raw } else { Secrets::Redacted };
    let task = if args.record { Task::Record(secrets) } else { Task::Observe };
    match pipeline::run(&load(&args.config)?, task)? {
        End::Stopped => Ok(ExitCode::SUCCESS),
        End::Blind => {
            noteln!("guardbee: the loader has ended: nothing is watched; start the sensor anew");
            Ok(ExitCode::FAILURE)
        }
    }
}

pub(crate) fn sandbox(args: &PipelineArgs) -> anyhow::Result<ExitCode> {
    pipeline::show_sandbox(&load(&args.config)?)?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn opener() -> ExitCode {
    ExitCode::from(u8::try_from(guardbee_loader::opener()).unwrap_or(1))
}

pub(crate) fn self_test() -> ExitCode {
    ExitCode::from(u8::try_from(guardbee_loader::self_test_child()).unwrap_or(1))
}
