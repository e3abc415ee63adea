//! Where a run takes place: the checkout, the built targets, and a folder of its own under /tmp that is removed afterwards.
use anyhow::{Context as _, ensure};
use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU16, AtomicU32, Ordering},
    },
};

/// Whom the pipeline runs as, so whose the files must be.
pub(crate) const PIPELINE_ID: u32 = 65532;

/// What the test command runs of the rows: seconds each, on targets that need nothing but a C compiler.
const QUICK: [&str; 7] = [
    "forking C server",
    "timer beside one request",
    "pool thread of a request",
    "pid reuse",
    "payload ring full, forking C server",
    "forking C server, in a namespace",
    "a stop leaves nothing",
];
/// The rows that these are parts of, and the targets.
pub(crate) const QUICK_ROWS: [char; 3] = ['b', 'e', 'g'];
pub(crate) const QUICK_TARGETS: &[&str] = &["c"];

pub(crate) struct Lab {
    /// The checkout.
    pub(crate) root: PathBuf,
    /// Folder of the built targets.
    pub(crate) built: PathBuf,
    /// Folder of this run, readable by everybody: servers drop their privileges.
    pub(crate) dir: tempfile::TempDir,
    /// Costs are recorded, in place of being compared with the record.
    pub(crate) record: bool,
    /// Only what is in [`QUICK`].
    pub(crate) quick: bool,
    /// Folder with the public rules, if it was named.
    pub(crate) corpus: Option<PathBuf>,
    /// How long the mixed load runs.
    pub(crate) minutes: u32,
    /// Folders stay.
    pub(crate) keep: bool,
    /// Only targets with this in their name.
    only: Option<String>,
    /// Attacks' tools that were compiled elsewhere.
    pub(crate) tools: Option<PathBuf>,
    /// The sensor that was named; without: one is built, once it is needed.
    pub(crate) given: Option<PathBuf>,
    /// The sensor's binary.
    guardbee: OnceLock<PathBuf>,
    next_nonce: AtomicU32,
    next_port: AtomicU16,
    next_dir: AtomicU32,
}

impl Lab {
    /// With these targets built; none: all.
    pub(crate) fn new(only: Option<String>, keep: bool, targets: &[&str]) -> anyhow::Result<Self> {
        let mut lab = Self::without_targets(only, keep)?;
        let mut setup = Command::new(lab.root.join("tests/targets/setup.sh"));
        setup.args(targets);
        lab.built = last_line(setup)?.into();
        Ok(lab)
    }

    pub(crate) fn without_targets(only: Option<String>, keep: bool) -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no parent folder")?;
        let mut dir = tempfile::Builder::new().prefix("guardbee-accept.").tempdir_in("/tmp")?;
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))?;
        if keep {
            dir.disable_cleanup(true);
            println!("kept: {}", dir.path().display());
        }
        let process = u16::try_from(std::process::id() % 200).unwrap_or_default();
        Ok(Self {
            root: root.to_owned(),
            built: PathBuf::new(),
            dir,
            record: false,
            quick: false,
            corpus: None,
            minutes: 0,
            keep,
            only,
            given: None,
            tools: None,
            guardbee: OnceLock::new(),
            next_nonce: AtomicU32::new(100_000 + std::process::id() % 800 * 1000),
            next_port: AtomicU16::new(18_000 + process * 50),
            next_dir: AtomicU32::new(0),
        })
    }

    /// Sees to it that there is a sensor: the one that was named, or one that is built.
    pub(crate) fn ready_sensor(&self) -> anyhow::Result<()> {
        ensure!(nix::unistd::geteuid().is_root(), "the sensor loads BPF programs: run this as root");
        if self.guardbee.get().is_some() {
            return Ok(());
        }
        let guardbee = if let Some(given) = &self.given {
            self.named(given)?
        } else {
            let args = ["build", "--release", "--quiet", "--package", "guardbee-cli"];
            let status = Command::new("cargo").args(args).current_dir(&self.root).status()?;
            ensure!(status.success(), "the sensor could not be built");
            self.root.join("target/release/guardbee")
        };
        self.guardbee.get_or_init(|| guardbee);
        Ok(())
    }

    /// A sensor that was built elsewhere, called as rules know it: those about whoever attacks it go by its name.
    fn named(&self, given: &Path) -> anyhow::Result<PathBuf> {
        let found = given.canonicalize().with_context(|| format!("find the sensor {}", given.display()))?;
        if found.ends_with("guardbee") {
            return Ok(found);
        }
        let named = self.dir.path().join("guardbee");
        fs::copy(&found, &named).with_context(|| format!("copy {}", found.display()))?;
        Ok(named)
    }

    /// The sensor that [`Self::ready_sensor`] saw to.
    pub(crate) fn guardbee(&self) -> &Path {
        self.guardbee.get().map_or_else(|| Path::new(""), PathBuf::as_path)
    }

    /// Whether `--only` and `--quick` leave this one.
    pub(crate) fn wanted(&self, name: &str) -> bool {
        (!self.quick || QUICK.contains(&name)) && self.only.as_deref().is_none_or(|only| name.contains(only))
    }

    /// A nonce of a request; no two runs on a machine have the same soon after one another.
    pub(crate) fn nonce(&self) -> String {
        format!("gbn{:06}", self.next_nonce.fetch_add(1, Ordering::Relaxed))
    }

    /// A port that nobody listened on a moment ago.
    pub(crate) fn port(&self) -> u16 {
        loop {
            let port = self.next_port.fetch_add(1, Ordering::Relaxed);
            if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
                return port;
            }
        }
    }

    /// A new folder in this run's folder.
    pub(crate) fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let number = self.next_dir.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.path().join(format!("{number:02}-{name}"));
        fs::create_dir(&path).with_context(|| format!("create {}", path.display()))?;
        Ok(path)
    }

    /// A new folder that the pipeline may write to.
    pub(crate) fn pipeline_folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder(name)?;
        chown(&path, Some(PIPELINE_ID), Some(PIPELINE_ID))?;
        Ok(path)
    }
}

/// Runs a script, its messages shown, and gives what it prints last.
pub(crate) fn last_line(mut command: Command) -> anyhow::Result<String> {
    let shown = format!("{command:?}");
    let out = command.stderr(Stdio::inherit()).output().with_context(|| format!("start {shown}"))?;
    ensure!(out.status.success(), "{shown}: {}", out.status);
    let text = String::from_utf8(out.stdout).with_context(|| format!("read what {shown} printed"))?;
    let line = text.lines().last().with_context(|| format!("{shown} printed nothing"))?;
    Ok(line.to_owned())
}
