//! The unprivileged process, from its start to its end.
use crate::{
    asker::{self, Asker},
    baseline::Keeper,
    clock::SystemClock,
    config::{self, Config},
    containers::Containers,
    core::Core,
    enforcer::Enforcer,
    hashes::Hashes,
    ids::{self, Ids},
    outbox::{self, Item, Outbox},
    packages::{self, PackageReader},
    recorder::{self, Journal, Recorder, To},
    reload::{self, Reloader},
    rpc::{Client, Hello},
    sandbox::{self, Sandbox, Violation},
    sealing::{self, Left, Sealing},
    statement,
};
use anyhow::{Context as _, bail};
use guardbee_capture::{Capture, Counters, Ring, Taken, Woken, ledger, read_iterator};
use guardbee_enrich::{Limits, Table};
use guardbee_model::{
    clock::Clock as _,
    loss::{LossCounter, Stage},
};
use guardbee_recording::{Secrets, Writer};
use guardbee_rules::{Engine, RuleSet};
use guardbee_seal::SigningKey;
use guardbee_trace::Tracer;
use nix::sys::{
    signal::{SigSet, Signal},
    signalfd::{SfdFlags, SignalFd},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{PidfdFlags, getppid, pidfd_open},
};
use std::{
    io::{Read as _, Write as _},
    os::fd::{AsFd as _, OwnedFd},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

/// The line that tells whoever waits that the sensor observes.
pub const READY: &str = "guardbee: ready";
/// What came before the end is due by then: capture holds an event for its slack of 2 ms, the join for 10 ms more.
const DUE_AFTER: Duration = Duration::from_millis(25);
/// For what is still queued when the sensor stops.
const STOP_WITHIN: Duration = Duration::from_secs(4);
/// The same when the loader is gone: nothing is watched any more, and somebody must notice.
const BLIND_WITHIN: Duration = Duration::from_millis(700);
/// Of an iterator's records: more processes or sockets than that are counted as lost.
const SNAPSHOT_BYTES: usize = 256 << 20;
/// Of a key file.
const KEY_BYTES: u64 = 64 << 10;

/// Why the pipeline ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was told to.
    Stopped,
    /// The loader has ended.
    Blind,
}

/// What the pipeline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// What is configured.
    Observe,
    /// A recording on standard output, and nothing else.
    Record(Secrets),
}

/// Runs the pipeline over the loader's socket on standard input.
pub fn run(config: &Config, task: Task) -> anyhow::Result<End> {
    let alone;
    // What rules look at is observed for a recording too, but nobody evaluates them.
    let rules = reload::load(&config.rules)?;
    let (config, engine) = match task {
        Task::Observe => (config, Arc::clone(&rules)),
        Task::Record(_) => {
            alone = config.for_recording();
            (&alone, Arc::default())
        }
    };
    let engine = Engine::new(engine, guardbee_rules::Params::default());
    let mut enforcer = Enforcer::new(reload::load_policies(&config.policies)?);
    let reloader = Reloader::new(reload::places(&config.rules), config.policies.clone());
    let signals = SignalFd::with_flags(&told_signals(), SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
        .context("make a descriptor for signals")?;
    let loader = Loader::watch().context("watch the loader")?;
    let client = Client::inherited().context("take the loader's socket from standard input")?;
    let password = match &config.seal.password_file {
        Some(path) => crate::password(path)?,
        None => zeroize::Zeroizing::new(Vec::new()),
    };
    let mut sinks = sealing::open_sinks(config)?;
    let node = Node { name: ids::node(&config.node), boot: ids::boot_id()? };
    let to = recording(config, task, &node)?;
    let kept = config.baseline.folder.as_deref().map(Keeper::open).transpose()?;
    let landlock = sandbox::enter(&sandbox_of(config)?).context("enter the sandbox")?;
    told_signals().thread_block().context("block the signals that the descriptor gives")?;

    let mut hello = client.hello().context("ask the loader for the rings")?;
    if hello.reply.abi != guardbee_wire::ABI {
        bail!("the loader speaks ABI {}, this is {}: start one binary", hello.reply.abi, guardbee_wire::ABI);
    }
    let told = asker::tell_needs(&client, &rules, enforcer.set())
        .context("tell the loader what the rules look at")?;
    (hello.reply.programs, hello.reply.errors) = (told.programs, told.errors);
    for ruling in enforcer.take_waiting() {
        asker::tell_ruling(&client, &ruling).context("tell the loader the policies")?;
    }
    let key = long_term_key(&hello, &password)?;
    let clock = SystemClock;
    let (outbox, inbox) = outbox::new();
    let (taken, settled, before) = ledger::open(hello.ledger.as_fd())?;
    let reply = hello.reply;
    let capture = open_rings(hello, taken)?;
    let first =
        statement::started(&reply, &before, landlock, (&rules, enforcer.set()), &capture.snapshot(&clock));
    sinks.start(config)?;
    let snapshots = [client.iterate_sockets(), client.iterate_processes()];
    let client = Arc::new(client);
    let (opening, looking) = (Arc::clone(&client), Arc::clone(&client));
    let hashes = Hashes::start(Arc::new(move |target, thing| opening.open(target, thing)))
        .context("start the thread that hashes executables")?;
    let containers = Containers::start(Arc::new(move |id, record| looking.open_record(id, record)))
        .context("start the thread that reads what runtimes keep of containers")?;
    let asker = Asker::start(client, &reply).context("start the thread that talks to the loader")?;
    let questions = asker.questions.clone();
    let left = Left { counts: before.taken, ledger: settled, told: first };
    let sealing = Sealing::start(&node, key.as_ref(), inbox, sinks, questions, left, &reply)?;
    let mut core = core(config, (engine, rules), capture, (asker, hashes, containers), (outbox, reloader))?;
    core.enforce(enforcer);
    let recorder = to.map(Recorder::start).transpose()?;
    core.record_to(recorder, reply.programs, clock.boot());
    if let Some(kept) = kept {
        core.keep_baselines(kept);
    }
    for snapshot in snapshots {
        let file = snapshot.context("ask the loader for what was there before")?;
        let mut refused = LossCounter::new(Stage::Capture);
        let mut events = Vec::new();
        read_iterator(file, SNAPSHOT_BYTES, &mut events, &mut refused)
            .context("read what was there before")?;
        core.outbox.lost(&refused.drain(clock.boot()));
        for event in events {
            core.event(event);
        }
    }
    core.table.settle_host();
    core.packages =
        PackageReader::start(core.table.host()).context("start the thread that reads packages")?;
    let end = observe(&mut core, &signals, &loader, clock)?;
    stop(core, sealing, end, clock);
    Ok(end)
}

fn observe(core: &mut Core, signals: &SignalFd, loader: &Loader, clock: SystemClock) -> anyhow::Result<End> {
    let waiter = core.capture.waiter(&[signals.as_fd(), loader.0.as_fd()])?;
    announce();
    let (mut before, mut worked) = (clock.boot(), SystemClock::worked());
    let mut woken = Woken::default();
    loop {
        let period = core.period(woken);
        woken = waiter.wait(period)?;
        core.turn(clock);
        // Who is stopped in the midst of a turn neither waits nor works.
        let (now, by_now) = (clock.boot(), SystemClock::worked());
        if let Some(stalled) = statement::stalled(before, period + by_now.saturating_sub(worked), now) {
            core.outbox.put(Item::Statement(Box::new(stalled)));
        }
        (before, worked) = (now, by_now);
        if core.asker.is_blind() || (woken.other && loader.has_ended()?) {
            return Ok(End::Blind);
        }
        if woken.other && told_to_stop(signals, core)? {
            return Ok(End::Stopped);
        }
    }
}

/// Where a recording goes, if one is wanted.
fn recording(config: &Config, task: Task, node: &Node) -> anyhow::Result<Option<To>> {
    let head = |secrets| recorder::head(&node.name, &node.boot, secrets);
    if let Task::Record(secrets) = task {
        let file = std::io::stdout().as_fd().try_clone_to_owned().context("take standard output")?;
        let writer = Writer::new(file.into(), &head(secrets)?)?;
        return Ok(Some(To::Stream(Box::new(writer))));
    }
    let Some(folder) = &config.journal.folder else { return Ok(None) };
    let secrets = if config.journal.raw { Secrets::Raw } else { Secrets::Redacted };
    let journal = Journal::open(folder, config.journal.quota_bytes, head(secrets)?)?;
    Ok(Some(To::Journal(Box::new(journal))))
}

/// Reads what has come. A HUP asks for the rules as they are now.
fn told_to_stop(signals: &SignalFd, core: &mut Core) -> anyhow::Result<bool> {
    let mut stop = false;
    while let Some(signal) = signals.read_signal().context("read signals")? {
        if signal.ssi_signo == Signal::SIGHUP as u32 {
            core.reloader.ask();
        } else {
            stop = true;
        }
    }
    Ok(stop)
}

/// The privileged process, which has started this one.
struct Loader(OwnedFd);

impl Loader {
    /// Where it ended before this, the first question finds out.
    fn watch() -> std::io::Result<Self> {
        let parent = getppid().ok_or(std::io::ErrorKind::NotFound)?;
        Ok(Self(pidfd_open(parent, PidfdFlags::empty())?))
    }

    fn has_ended(&self) -> std::io::Result<bool> {
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        Ok(poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))? > 0)
    }
}

/// On standard error, past any log filter: what a script waits for, if there is one.
fn announce() {
    writeln!(std::io::stderr(), "{READY}").unwrap_or_default();
}

fn stop(mut core: Core, sealing: Sealing, end: End, clock: SystemClock) {
    let within = if end == End::Blind { BLIND_WITHIN } else { STOP_WITHIN };
    let deadline = Instant::now() + within;
    core.turn(clock);
    std::thread::sleep(DUE_AFTER);
    core.turn(clock);
    core.end_rules();
    core.end_baselines();
    let now = clock.boot();
    core.release(now);
    let last = statement::ended(end, &core, clock);
    core.outbox.put(Item::Statement(Box::new(last)));
    core.end_recording();
    drop(core);
    sealing.finish(deadline);
}

fn core(
    config: &Config,
    engine: (Engine, Arc<RuleSet>),
    capture: Capture,
    asker: (Asker, Hashes, Containers),
    ends: (Outbox, Reloader),
) -> anyhow::Result<Core> {
    let params = guardbee_trace::Params { candidates: config.trace.candidates, ..Default::default() };
    let tracer = Tracer::new(params, Box::new(Ids::new()?));
    Ok(Core::new(capture, Table::new(Limits::default()), tracer, engine, Ids::new()?, asker, ends))
}

fn open_rings(hello: Hello, taken: Taken) -> anyhow::Result<Capture> {
    let security = Ring::new(hello.security, hello.reply.security_bytes)?;
    let payload = hello
        .payload
        .into_iter()
        .map(|fd| Ring::new(fd, hello.reply.payload_bytes))
        .collect::<Result<Vec<_>, _>>()?;
    let cpus = usize::try_from(hello.reply.cpus)?;
    let counters = Counters::new(hello.counters.as_fd(), cpus)?;
    Ok(Capture::new(security, payload, counters, taken, guardbee_capture::Params::default())?)
}

/// Used to certify, then closed with `hello`.
fn long_term_key(hello: &Hello, password: &[u8]) -> anyhow::Result<Option<SigningKey>> {
    let Some(file) = &hello.key else { return Ok(None) };
    let mut pem = zeroize::Zeroizing::new(Vec::new());
    file.take(KEY_BYTES).read_to_end(&mut pem).context("read the long-term key (seal.key)")?;
    Ok(Some(SigningKey::from_pem(&pem, password).context("seal.key, seal.password_file")?))
}

/// The signals that are read, not suffered.
fn told_signals() -> SigSet {
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP].into_iter().collect()
}

/// Enters the sandbox as [`run`] does, says on the loader's socket how far Landlock holds, and stays until that is closed: for
/// `guardbee doctor`, which looks at it from outside.
pub fn show_sandbox(config: &Config) -> anyhow::Result<()> {
    let landlock = sandbox::enter(&sandbox_of(config)?).context("enter the sandbox")?;
    let loader = rustix::stdio::stdin();
    rustix::io::write(loader, format!("{landlock:?}").to_lowercase().as_bytes())
        .context("tell the loader")?;
    rustix::io::read(loader, &mut [0]).context("wait for the loader")?;
    Ok(())
}

fn sandbox_of(config: &Config) -> anyhow::Result<Sandbox> {
    let mut read: Vec<PathBuf> =
        ["/proc/self", "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/localtime"]
            .into_iter()
            .chain(packages::FOLDERS)
            .map(PathBuf::from)
            .filter(|path| path.exists())
            .collect();
    read.extend(config::certificate_folders(config));
    read.extend(reload::folders(&reload::places(&config.rules)));
    read.extend(reload::folders(&config.policies));
    let files = [&config.deliver.findings_file, &config.deliver.records_file]
        .into_iter()
        .flatten()
        .map(|file| file.parent().unwrap_or_else(|| Path::new("/")).to_owned());
    let write = files.chain(config.journal.folder.clone()).chain(config.baseline.folder.clone()).collect();
    let connect_ports = sealing::ports(config)?;
    Ok(Sandbox { read, write, connect_ports, violation: Violation::Refuse })
}

/// Where this run is, in evidence.
#[derive(Debug)]
pub(crate) struct Node {
    /// As configured, or the host's.
    pub(crate) name: String,
    /// The kernel's id of this boot.
    pub(crate) boot: String,
}
