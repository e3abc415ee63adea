//! Configuration: file, then environment, then flags; parsed once into values that need no further checks.
mod file;
mod origin;

pub(crate) use file::certificate_folders;
pub use file::{Compression, Config, Deliver, Dispatch, Hooks, Journal, Kernel, Otlp, RunAs, Seal, Trace};
pub use origin::{Origin, Setting};

use std::path::{Path, PathBuf};

/// Where the configuration is when nobody says otherwise.
pub const DEFAULT_PATH: &str = "/etc/guardbee/guardbee.yaml";
/// A longer file is no configuration.
const MAX_BYTES: u64 = 1 << 20;

/// What is wrong with a configuration, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read.
    #[error("read configuration {path}: {source}; give another with --config")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no configuration.
    #[error("configuration {path}: {problem}")]
    Parse {
        /// Which.
        path: PathBuf,
        /// Line, column, what, and the nearest right name.
        problem: String,
    },
    /// A value makes no sense.
    #[error("configuration {place}: {setting}: {problem}")]
    Value {
        /// Who gave it: file and line, environment variable or flag.
        place: String,
        /// Which setting.
        setting: &'static str,
        /// What is wrong and what to do.
        problem: String,
    },
    /// An environment variable that begins like ours is none of ours.
    #[error("environment {name}: {problem}")]
    Environment {
        /// Which.
        name: String,
        /// What is wrong and what to do.
        problem: String,
    },
}

/// Reads `path` (or the default place, where it may be absent), then the environment, then `flags` (name, value).
pub fn load(
    path: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
    flags: &[(String, String)],
) -> Result<(Config, Vec<Setting>), Error> {
    let default = Path::new(DEFAULT_PATH);
    let file = match path.or_else(|| default.exists().then_some(default)) {
        Some(path) => Some((path, read(path)?)),
        None => None,
    };
    let file = file.as_ref().map(|(path, text)| (*path, text.as_str()));
    load_from(file, environment, flags)
}

/// The same with a file (its name and text) that was read already.
pub fn load_from(
    file: Option<(&Path, &str)>,
    environment: impl Iterator<Item = (String, String)>,
    flags: &[(String, String)],
) -> Result<(Config, Vec<Setting>), Error> {
    let config = match file {
        Some((path, text)) => {
            file::parse(text).map_err(|problem| Error::Parse { path: path.to_owned(), problem })?
        }
        None => Config::default(),
    };
    let (config, overridden) = origin::overlay(config, environment, flags)?;
    config.check().map_err(|(setting, problem)| Error::Value {
        place: origin::place(setting, file, &overridden),
        setting,
        problem,
    })?;
    let settings = origin::settings(&config, file.map(|(path, _)| path), &overridden)?;
    Ok((config, settings))
}

fn read(path: &Path) -> Result<String, Error> {
    use std::io::Read as _;
    let unread = |source| Error::Read { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(unread)?;
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(unread)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(Error::Parse {
            path: path.to_owned(),
            problem: format!("longer than {MAX_BYTES} bytes: this is no configuration"),
        });
    }
    Ok(text)
}
