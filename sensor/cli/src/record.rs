//! `guardbee record`: a sensor that does nothing but write down what rules would see.
use crate::{ConfigArgs, run};
use anyhow::{Context as _, bail};
use guardbee_agent::{
    pipeline,
    replay::{Replay, Source},
};
use guardbee_recording::Progress;
use nix::{
    errno::Errno,
    sys::{
        signal::{SigSet, Signal, kill},
        signalfd::{SfdFlags, SignalFd},
    },
    unistd::Pid,
};
use std::{
    cell::RefCell,
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, IsTerminal as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, ExitCode},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// What to record.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// The file to make; it must not be there. `*.gbrec` is found in folders by `guardbee rules replay`.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Ends after so long, such as `30s`, `5m` or `1h`; default: at Ctrl-C.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    time: Option<Duration>,
    /// Keep secrets in URLs and arguments as they are. The recording says so.
    #[arg(long)]
    raw: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time; write it as 30s, 5m or 1h");
    let at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at_checked(at).ok_or_else(wrong)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs).ok_or_else(wrong)
}

/// Opens the file with the rights of whoever asks: the pipeline has none, and gets it as its standard output.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let context = || format!("make the recording {}", args.out.display());
    let mut options = OpenOptions::new();
    let file = options.append(true).read(true).create_new(true).mode(0o600).open(&args.out);
    let file = file.with_context(context)?;
    let told: SigSet = [Signal::SIGINT, Signal::SIGTERM].into_iter().collect();
    told.thread_block().context("block signals")?;
    let signals = SignalFd::with_flags(&told, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
    let mut command = run::recording(&args.config, args.raw, file.try_clone().with_context(context)?)?;
    let mut child = command.spawn().context("start the loader from /proc/self/exe; is /proc mounted?")?;
    let ready = Arc::new(AtomicBool::new(false));
    if let Some(errors) = child.stderr.take() {
        pass_on(errors, &ready)?;
    }
    watch(args, &mut child, &signals, &ready, file)?;
    let status = child.wait().context("wait for the loader")?;
    if !status.success() {
        bail!(
            "the recording ended early ({status}); what was written until then is in {}",
            args.out.display()
        );
    }
    tell(&args.out)?;
    Ok(ExitCode::SUCCESS)
}

/// What the sensor says, but for the line that is for us.
fn pass_on(errors: ChildStderr, ready: &Arc<AtomicBool>) -> anyhow::Result<()> {
    let ready = Arc::clone(ready);
    let lines = move || {
        for line in BufReader::new(errors).lines().map_while(Result::ok) {
            if line == pipeline::READY {
                ready.store(true, Ordering::Relaxed);
            } else {
                noteln!("{line}");
            }
        }
    };
    std::thread::Builder::new().name("messages".into()).spawn(lines).context("start a thread")?;
    Ok(())
}

/// Until it has ended: shows how far it has come, and asks it to end when told to or when its time is over.
fn watch(
    args: &Args,
    child: &mut Child,
    signals: &SignalFd,
    ready: &AtomicBool,
    mut file: File,
) -> anyhow::Result<()> {
    let terminal = std::io::stderr().is_terminal();
    let (mut since, mut asked, mut progress) = (None::<Instant>, false, Progress::default());
    while child.try_wait().context("look at the loader")?.is_none() {
        std::thread::sleep(LOOK);
        if ready.load(Ordering::Relaxed) {
            since.get_or_insert_with(Instant::now);
        }
        let over = since.zip(args.time).is_some_and(|(since, time)| since.elapsed() >= time);
        let told = signals.read_signal().context("read signals")?.is_some();
        if (over || told) && !asked {
            asked = true;
            let pid = i32::try_from(child.id()).map(Pid::from_raw).context("the loader's process id")?;
            match kill(pid, Signal::SIGTERM) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(error) => return Err(error).context("ask the loader to end"),
            }
        }
        if let Some(since) = since.filter(|_| terminal) {
            progress.follow(&mut file).context("look at the recording")?;
            let (items, seconds) = (progress.items, since.elapsed().as_secs());
            note!("\r\x1b[K{seconds} s, {items} items; Ctrl-C ends it");
            std::io::stderr().flush().unwrap_or_default();
        }
    }
    if terminal {
        note!("\r\x1b[K");
    }
    Ok(())
}

/// What is in it.
fn tell(path: &Path) -> anyhow::Result<()> {
    let source = Source::find(path)?;
    let replay = RefCell::new(Replay::new(Arc::default()));
    source
        .play(&mut |head| replay.borrow_mut().begin(head), &mut |item, _| replay.borrow_mut().item(&item))?;
    let outcome = replay.into_inner().finish();
    outln!("{} events, {} bytes in {}", outcome.events, source.bytes(), path.display());
    for lost in &outcome.seen.lost {
        outln!(
            "{} {} lost ({}: {})",
            lost.loss.count,
            lost.loss.kind,
            lost.loss.stage.name(),
            lost.loss.cause
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("2h"), Ok(Duration::from_hours(2)));
        for wrong in ["", "30", "s", "0s", "1d", "-1s", "99999999999999999999h", "1 s"] {
            assert!(duration(wrong).unwrap_err().contains("30s, 5m or 1h"), "{wrong}");
        }
    }
}
