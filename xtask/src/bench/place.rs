//! Where a benchmark takes place: the built load programs, the sensor's binary, folders.
use crate::process::output;
use anyhow::{Context as _, ensure};
use std::{
    fs,
    net::TcpListener,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

const BUILD_LIMIT: Duration = Duration::from_mins(2);
/// Whom the pipeline runs as, so whose its files must be.
const PIPELINE_ID: u32 = 65532;

pub(crate) struct Place {
    /// The checkout.
    pub(crate) root: PathBuf,
    /// The sensor's binary.
    pub(super) guardbee: PathBuf,
    /// Whoever made it removes it.
    dir: PathBuf,
    folders: AtomicU32,
}

impl Place {
    /// In an empty folder that everybody may read: servers drop their privileges. Builds the load programs.
    pub(crate) fn new(dir: &Path, guardbee: &Path) -> anyhow::Result<Self> {
        let place = Self {
            root: root()?.to_owned(),
            guardbee: guardbee.to_owned(),
            dir: dir.to_owned(),
            folders: AtomicU32::new(0),
        };
        for name in ["loads", "pace", "floor", "storm", "reap"] {
            place.compile(name, &["-O2", "-Wall", "-Wextra", "-Werror"])?;
        }
        place.compile("tiny", &["-O2", "-static"])?;
        Ok(place)
    }

    fn compile(&self, name: &str, flags: &[&str]) -> anyhow::Result<()> {
        let source = self.root.join("tests/load").join(name).with_extension("c");
        let mut command = Command::new("gcc");
        command.args(flags).arg("-o").arg(self.built(name)).arg(&source);
        output("gcc", &mut command, &self.dir, BUILD_LIMIT)
            .with_context(|| format!("compile {}", source.display()))?;
        Ok(())
    }

    /// A built load program.
    pub(crate) fn built(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// A new folder, readable by everybody.
    pub(crate) fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let number = self.folders.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.join(format!("{number:03}-{name}"));
        fs::create_dir(&path).with_context(|| format!("create {}", path.display()))?;
        Ok(path)
    }

    /// A new folder that the pipeline may write to.
    pub(super) fn pipeline_folder(&self) -> anyhow::Result<PathBuf> {
        let path = self.folder("sensor")?;
        chown(&path, Some(PIPELINE_ID), Some(PIPELINE_ID))?;
        Ok(path)
    }
}

fn root() -> anyhow::Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no parent folder")
}

/// The sensor's binary: the given one, or a new build.
pub(super) fn sensor_at(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    ensure!(nix::unistd::geteuid().is_root(), "the sensor loads BPF programs: run this as root");
    if let Some(given) = given {
        return given.canonicalize().with_context(|| format!("find the sensor {}", given.display()));
    }
    println!("-- building the sensor, release");
    let args = ["build", "--release", "--quiet", "--package", "guardbee-cli"];
    let status = Command::new("cargo").args(args).current_dir(root()?).status().context("start cargo")?;
    ensure!(status.success(), "the sensor could not be built");
    Ok(root()?.join("target/release/guardbee"))
}

/// A folder under /tmp that everybody may read.
pub(super) fn new_folder() -> anyhow::Result<tempfile::TempDir> {
    let dir = tempfile::Builder::new().prefix("guardbee-bench.").tempdir_in("/tmp")?;
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))?;
    Ok(dir)
}

/// Whether a program of this name can be started.
pub(super) fn installed(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// A port of loopback that nobody listened on a moment ago.
pub(super) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0)).context("find a free port")?.local_addr()?.port())
}
