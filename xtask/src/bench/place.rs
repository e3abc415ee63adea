//! Where a benchmark takes place: the built load programs, the sensor's binary, a folder that is removed afterwards.
use crate::process::{end_on_signals, output};
use anyhow::{Context as _, ensure};
use std::{
    cell::Cell,
    fs,
    net::TcpListener,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

const BUILD_LIMIT: Duration = Duration::from_mins(2);
/// Whom the pipeline runs as, so whose its files must be.
const PIPELINE_ID: u32 = 65532;

pub(super) struct Place {
    /// The checkout.
    pub(super) root: PathBuf,
    /// The sensor's binary.
    pub(super) guardbee: PathBuf,
    dir: tempfile::TempDir,
    folders: Cell<u32>,
}

impl Place {
    /// Builds the sensor, unless one is given, and the load programs.
    pub(super) fn new(guardbee: Option<PathBuf>) -> anyhow::Result<Self> {
        ensure!(nix::unistd::geteuid().is_root(), "the sensor loads BPF programs: run this as root");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no parent folder")?;
        let guardbee = match guardbee {
            Some(given) => {
                given.canonicalize().with_context(|| format!("find the sensor {}", given.display()))?
            }
            None => built_sensor(root)?,
        };
        let dir = tempfile::Builder::new().prefix("guardbee-bench.").tempdir_in("/tmp")?;
        end_on_signals(dir.path().to_owned())?;
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))?; // servers drop their privileges
        let place = Self { root: root.to_owned(), guardbee, dir, folders: Cell::new(0) };
        for name in ["loads", "pace", "floor"] {
            place.compile(name, &["-O2", "-Wall", "-Wextra", "-Werror"])?;
        }
        place.compile("tiny", &["-O2", "-static"])?;
        Ok(place)
    }

    fn compile(&self, name: &str, flags: &[&str]) -> anyhow::Result<()> {
        let source = self.root.join("tests/load").join(name).with_extension("c");
        let mut command = Command::new("gcc");
        command.args(flags).arg("-o").arg(self.built(name)).arg(&source);
        output("gcc", &mut command, self.dir.path(), BUILD_LIMIT)
            .with_context(|| format!("compile {}", source.display()))?;
        Ok(())
    }

    /// A built load program.
    pub(super) fn built(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A new folder, readable by everybody.
    pub(super) fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        self.folders.set(self.folders.get() + 1);
        let path = self.dir.path().join(format!("{:03}-{name}", self.folders.get()));
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

fn built_sensor(root: &Path) -> anyhow::Result<PathBuf> {
    println!("-- building the sensor, release");
    let args = ["build", "--release", "--quiet", "--package", "guardbee-cli"];
    let status = Command::new("cargo").args(args).current_dir(root).status().context("start cargo")?;
    ensure!(status.success(), "the sensor could not be built");
    Ok(root.join("target/release/guardbee"))
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
