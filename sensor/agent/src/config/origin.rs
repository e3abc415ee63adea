//! Where each setting's value comes from: the overrides of environment and flags.
//!
//! `GUARDBEE_DELIVER__CONSOLE=true` sets `deliver.console`: two underscores go one level down. Of OpenTelemetry's own
//! variables `OTEL_EXPORTER_OTLP_ENDPOINT`, `_CERTIFICATE`, `_CLIENT_CERTIFICATE`, `_CLIENT_KEY` and `_COMPRESSION` are
//! obeyed (specification: OTLP exporter configuration); ours win.
use super::{Config, DEFAULT_PATH, Error};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

const PREFIX: &str = "GUARDBEE_";
const OTEL: &[(&str, &str)] = &[
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "deliver.otlp.endpoint"),
    ("OTEL_EXPORTER_OTLP_CERTIFICATE", "deliver.otlp.ca"),
    ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "deliver.otlp.certificate"),
    ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "deliver.otlp.key"),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", "deliver.otlp.compression"),
];

/// Who gave a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody: built in.
    Default,
    /// An environment variable.
    Environment(String),
    /// The file.
    File(PathBuf),
    /// `--set`.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Flag => f.write_str("flag --set"),
        }
    }
}

/// One setting, for `guardbee config show`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Dotted name.
    pub name: String,
    /// Value as YAML would have it.
    pub value: String,
    /// Who gave it.
    pub origin: Origin,
}

/// Which setting was set by whom.
pub(super) type Overridden = BTreeMap<String, Origin>;

/// `config` with what the environment and then the flags say, and who set what.
pub(super) fn overlay(
    config: Config,
    environment: impl Iterator<Item = (String, String)>,
    flags: &[(String, String)],
) -> Result<(Config, Overridden), Error> {
    let variables: BTreeMap<String, String> = environment.collect();
    let mut tree = tree(&config)?;
    let mut set = BTreeMap::new();
    for (variable, setting) in OTEL {
        if let Some(value) = variables.get(*variable).filter(|value| !value.is_empty()) {
            assign(&mut tree, variable, setting, value)?;
            set.insert((*setting).to_owned(), Origin::Environment((*variable).to_owned()));
        }
    }
    for (variable, value) in &variables {
        let Some(name) = variable.strip_prefix(PREFIX) else { continue };
        if name == "LOG" {
            continue; // of the log filter, not of the configuration
        }
        let setting = name.to_ascii_lowercase().replace("__", ".");
        assign(&mut tree, variable, &setting, value)?;
        set.insert(setting, Origin::Environment(variable.clone()));
    }
    for (setting, value) in flags {
        assign(&mut tree, "--set", setting, value)?;
        set.insert(setting.clone(), Origin::Flag);
    }
    if set.is_empty() {
        return Ok((config, set));
    }
    let config = serde_json::from_value(tree).map_err(|error| Error::Environment {
        name: set.iter().map(|(setting, by)| format!("{by} ({setting})")).collect::<Vec<_>>().join(", "),
        problem: format!("{error}; `guardbee config show` lists the settings"),
    })?;
    Ok((config, set))
}

fn assign(tree: &mut Value, variable: &str, setting: &str, value: &str) -> Result<(), Error> {
    // A scalar, or a flow list or map: the same text that the file would have.
    let parsed = serde_saphyr::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    let mut at = tree;
    for part in setting.split('.') {
        if at.is_null() {
            *at = Value::Object(serde_json::Map::new());
        }
        at = at.as_object_mut().map(|object| object.entry(part).or_insert(Value::Null)).ok_or_else(|| {
            Error::Environment {
                name: variable.to_owned(),
                problem: format!("`{setting}` goes below a setting that has no parts; unset it"),
            }
        })?;
    }
    *at = parsed;
    Ok(())
}

/// Every setting with its value and origin.
pub(super) fn settings(
    config: &Config,
    file: Option<&Path>,
    overridden: &Overridden,
) -> Result<Vec<Setting>, Error> {
    let mut leaves = Vec::new();
    flatten("", &tree(config)?, &mut leaves);
    let mut defaults = Vec::new();
    flatten("", &tree(&Config::default())?, &mut defaults);
    let origin = |name: &str, value: &str| {
        if let Some(origin) = overridden.get(name) {
            return origin.clone();
        }
        match file {
            Some(path) if !defaults.iter().any(|(n, v)| n == name && v == value) => {
                Origin::File(path.to_owned())
            }
            _ => Origin::Default,
        }
    };
    Ok(leaves
        .into_iter()
        .map(|(name, value)| Setting { origin: origin(&name, &value), name, value })
        .collect())
}

/// Who gave the value of a setting that is wrong.
pub(super) fn place(setting: &str, file: Option<(&Path, &str)>, overridden: &Overridden) -> String {
    let within = |name: &str, of: &str| name.strip_prefix(of).is_some_and(|rest| rest.starts_with('.'));
    let same = |name: &str| name == setting || within(name, setting) || within(setting, name);
    match (overridden.iter().find(|(name, _)| same(name)), file) {
        (Some((name, by)), _) => format!("{by} ({name})"),
        (None, Some((path, text))) => format!("{}:{}", path.display(), line_of(text, setting)),
        (None, None) => Origin::Default.to_string(),
    }
}

/// The line of a setting in a file that gives it, from 1: its keys stand one after the other, one below the other.
fn line_of(text: &str, setting: &str) -> usize {
    let has = |line: &str, key: &str| {
        let code = line.split('#').next().unwrap_or_default();
        let mut words = code.split([' ', '\t', ',', '{']);
        words.any(|word| word.split_once(':').is_some_and(|(name, _)| name.trim_matches(['"', '\'']) == key))
    };
    let below =
        |at, key| text.lines().skip(at).position(|line| has(line, key)).map_or(at, |found| at + found);
    setting.split('.').fold(0, below) + 1
}

fn tree(config: &Config) -> Result<Value, Error> {
    serde_json::to_value(config).map_err(|error| Error::Parse {
        path: PathBuf::from(DEFAULT_PATH),
        problem: format!("{error}; paths must be UTF-8"),
    })
}

fn flatten(prefix: &str, value: &Value, out: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&name, value, out);
            }
        }
        other => out.push((prefix.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>().into_iter()
    }

    #[test]
    fn environment_wins_over_file_and_is_named() {
        let (config, set) = overlay(
            Config { node: "a".into(), ..Config::default() },
            variables(&[("GUARDBEE_NODE", "b"), ("GUARDBEE_TRACE__CANDIDATES", "200"), ("HOME", "/root")]),
            &[],
        )
        .unwrap();
        assert_eq!((config.node.as_str(), config.trace.candidates), ("b", 200));
        let shown = settings(&config, Some(Path::new("/x")), &set).unwrap();
        let node = shown.iter().find(|setting| setting.name == "node").unwrap();
        assert_eq!(node.origin, Origin::Environment("GUARDBEE_NODE".into()));
    }

    #[test]
    fn opentelemetry_variables_are_obeyed_and_ours_win() {
        let (config, _) = overlay(
            Config::default(),
            variables(&[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://a:4317"),
                ("GUARDBEE_DELIVER__OTLP__ENDPOINT", "https://b:4317"),
            ]),
            &[],
        )
        .unwrap();
        assert_eq!(config.deliver.otlp.unwrap().endpoint, "https://b:4317");
    }

    #[test]
    fn flags_win_over_all() {
        let flags = [("node".to_owned(), "c".to_owned())];
        let (config, set) = overlay(Config::default(), variables(&[("GUARDBEE_NODE", "b")]), &flags).unwrap();
        assert_eq!((config.node.as_str(), &set["node"]), ("c", &Origin::Flag));
    }

    #[test]
    fn lines_of_settings() {
        let text = "# kernel: x\nseal: {key: /k}\nkernel:\n  hooks: auto\n  \"payload_ring_bytes\": 1\n";
        assert_eq!(line_of(text, "kernel.payload_ring_bytes"), 5);
        assert_eq!(line_of(text, "seal.key"), 2);
    }

    #[test]
    fn unknown_variable_is_an_error() {
        let error =
            overlay(Config::default(), variables(&[("GUARDBEE_NODES", "b")]), &[]).unwrap_err().to_string();
        assert!(error.contains("GUARDBEE_NODES") && error.contains("nodes"), "{error}");
    }
}
