//! Where attacks take place: a copy of the drivers, their compiled tools, and a folder of its own for each.
use crate::process::Process;
use anyhow::{Context as _, ensure};
use nix::{sys::stat::Mode, unistd::mkfifo};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// Not below /tmp: to run something from there is an attack already.
const PLACE: &str = "/var/lib";

/// Names by which drivers run programs as the system's: places for them to be bound over.
const INSTALLED: [&str; 8] =
    ["cloud-init", "crun", "guardbee", "logrotate", "pkexec", "postgres", "runc", "sudoedit"];

/// Removed when it is dropped.
pub(crate) struct Yard {
    dir: TempDir,
}

/// A process older than the sensor, which runs what it is told; ended when it is dropped.
pub(crate) struct Elder {
    process: Process,
    fifo: PathBuf,
}

impl Elder {
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Where it is told; its answer is beside that.
    pub(crate) fn fifo(&self) -> &Path {
        &self.fifo
    }
}

impl Yard {
    /// `tools`: what [`compile`] made elsewhere; then nothing is installed here either.
    pub(crate) fn new(root: &Path, keep: bool, tools: Option<&Path>) -> anyhow::Result<Self> {
        if tools.is_none() {
            let script = root.join("scripts/setup-system.sh");
            let status = Command::new(&script).arg("--targets").status().context("start setup-system.sh")?;
            ensure!(status.success(), "{}: {status}", script.display());
        }
        let mut dir = tempfile::Builder::new().prefix("guardbee-attacks.").tempdir_in(PLACE)?;
        // Some drivers act as nobody.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))?;
        if keep {
            dir.disable_cleanup(true);
            println!("kept: {}", dir.path().display());
        }
        let yard = Self { dir };
        for (from, to) in [("tests/attacks", yard.drivers()), ("tests/actions", yard.actions())] {
            let copied = Command::new("cp").arg("-r").arg(root.join(from)).arg(to).status()?;
            ensure!(copied.success(), "copy {from}");
        }
        match tools {
            None => compile(&yard.drivers().join("tools"), &yard.tools())?,
            Some(made) => {
                let copied = Command::new("cp").arg("-r").arg(made).arg(yard.tools()).status()?;
                ensure!(copied.success(), "copy {}", made.display());
            }
        }
        fs::create_dir(yard.tools().join("system"))?;
        for name in INSTALLED {
            fs::write(yard.tools().join("system").join(name), "")?;
        }
        Ok(yard)
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The scripts.
    pub(crate) fn drivers(&self) -> PathBuf {
        self.dir.path().join("drivers")
    }

    /// What actions have in common; actions themselves are written here.
    pub(crate) fn actions(&self) -> PathBuf {
        self.dir.path().join("actions")
    }

    /// Programs made of tests/attacks/tools/*.c.
    pub(crate) fn tools(&self) -> PathBuf {
        self.dir.path().join("tools")
    }

    /// Starts the process that is there before the sensor is. Its executable has the name of a database's.
    pub(crate) fn elder(&self) -> anyhow::Result<Elder> {
        let (program, fifo) = (self.tools().join("elder-bin/mysqld"), self.dir.path().join("elder"));
        fs::create_dir(self.tools().join("elder-bin"))?;
        fs::copy(self.tools().join("elder"), &program).context("copy the elder")?;
        for path in [fifo.clone(), fifo.with_extension("answer")] {
            mkfifo(&path, Mode::from_bits_truncate(0o600))
                .with_context(|| format!("make {}", path.display()))?;
        }
        let mut command = Command::new(program);
        command.arg(&fifo);
        let process = Process::start("elder", command, self.dir.path().join("elder.log"))?;
        Ok(Elder { process, fifo })
    }

    /// A new folder for one run of one driver.
    pub(crate) fn work(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.dir.path().join(name);
        fs::create_dir(&path).with_context(|| format!("create {}", path.display()))?;
        Ok(path)
    }
}

/// Makes a program of each C file of a folder.
pub(crate) fn compile(sources: &Path, tools: &Path) -> anyhow::Result<()> {
    fs::create_dir(tools)?;
    for entry in fs::read_dir(sources).with_context(|| format!("read {}", sources.display()))? {
        let source = entry?.path();
        if source.extension().is_none_or(|extension| extension != "c") {
            continue;
        }
        let made = tools.join(source.file_stem().unwrap_or_default());
        // Static: some run where there are no libraries.
        let flags = ["-O1", "-static", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-o"];
        let status = Command::new("gcc").args(flags).arg(&made).arg(&source).status()?;
        ensure!(status.success(), "gcc could not compile {}", source.display());
    }
    Ok(())
}
