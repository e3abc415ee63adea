//! The configuration file: what each key means, and its default.
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// All settings. An unknown key is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Name of this node in records; empty: the host name.
    pub node: String,
    /// Rule files, or folders of them. Empty: the pack beside the binary or in /usr/share/guardbee/rules.
    pub rules: Vec<PathBuf>,
    /// Policy files, or folders of them, in the order of their paths. Empty: everything is observed everywhere, as rules need it.
    pub policies: Vec<PathBuf>,
    /// Whom the pipeline runs as.
    pub run_as: RunAs,
    /// The kernel half.
    pub kernel: Kernel,
    /// Spans and the join.
    pub trace: Trace,
    /// Evidence.
    pub seal: Seal,
    /// Where records go.
    pub deliver: Deliver,
    /// What rules saw, kept on disk for `guardbee rules replay`.
    pub journal: Journal,
    /// What baselines of rules have learned, kept across restarts.
    pub baseline: Baseline,
}

/// The unprivileged user of the pipeline; its files must be readable by it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunAs {
    /// User id, not 0.
    pub uid: u32,
    /// Group id, not 0.
    pub gid: u32,
}

impl Default for RunAs {
    fn default() -> Self {
        Self { uid: 65532, gid: 65532 }
    }
}

/// Which list of hooks to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum Hooks {
    /// The first list that loads, attaches and fires.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// Tracepoints of kernels from 6.3 on.
    #[serde(rename = "tracepoint-6.3")]
    Tracepoint6_3,
    /// Tracepoints of kernels from 5.10 on.
    #[serde(rename = "tracepoint-5.10")]
    Tracepoint5_10,
}

/// How the ends of system calls are seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dispatch {
    /// Sparse, where the node lets tracepoints of calls be attached to.
    #[default]
    Auto,
    /// By a tracepoint of each call that is looked at: other calls cost nothing, and those of 32-bit programs are not seen.
    Sparse,
    /// By one program at the end of all calls, of 32-bit and x32 programs too.
    Full,
}

/// The kernel half.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kernel {
    /// Which hooks.
    pub hooks: Hooks,
    /// How calls are seen.
    pub dispatch: Dispatch,
    /// Bytes of the security ring: a power of two.
    pub security_ring_bytes: u32,
    /// Bytes of each of the two payload rings: a power of two.
    pub payload_ring_bytes: u32,
}

impl Default for Kernel {
    fn default() -> Self {
        Self {
            hooks: Hooks::Auto,
            dispatch: Dispatch::Auto,
            security_ring_bytes: 8 << 20,
            payload_ring_bytes: 8 << 20,
        }
    }
}

/// Spans and the join.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trace {
    /// Requests that an unproven link names at most; more are counted.
    pub candidates: usize,
}

impl Default for Trace {
    fn default() -> Self {
        Self { candidates: 16 }
    }
}

/// Evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seal {
    /// Long-term key, a PEM as cosign writes it. None: records prove themselves only against an ephemeral key.
    pub key: Option<PathBuf>,
    /// File with the key's password.
    pub password_file: Option<PathBuf>,
}

/// What rules saw, kept on disk.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Journal {
    /// A folder of its own, writable by `run_as`. None: nothing is kept.
    pub folder: Option<PathBuf>,
    /// Bytes that its files may take; the oldest make room.
    pub quota_bytes: u64,
    /// Keep secrets in URLs and arguments as they are.
    pub raw: bool,
}

impl Default for Journal {
    fn default() -> Self {
        Self { folder: None, quota_bytes: 256 << 20, raw: false }
    }
}

/// What baselines of rules have learned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Baseline {
    /// A folder of its own, writable by `run_as`. None: with each start they learn anew.
    pub folder: Option<PathBuf>,
}

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deliver {
    /// An OpenTelemetry collector.
    pub otlp: Option<Otlp>,
    /// OCSF findings, a JSON object a line, appended.
    pub findings_file: Option<PathBuf>,
    /// Every sealed record as OTLP JSON lines, as a collector's file exporter writes them; `guardbee verify` reads it.
    pub records_file: Option<PathBuf>,
    /// Findings, readable, on standard output.
    pub console: bool,
    /// Spans too.
    pub console_spans: bool,
}

impl Default for Deliver {
    fn default() -> Self {
        Self { otlp: None, findings_file: None, records_file: None, console: true, console_spans: false }
    }
}

/// OTLP/gRPC over mTLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Otlp {
    /// `https://host:port`.
    pub endpoint: String,
    /// Name that the collector's certificate must have; empty: the endpoint's host.
    pub server_name: String,
    /// Certificates that sign collectors, PEM.
    pub ca: PathBuf,
    /// Our certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// Revocation lists, PEM or DER.
    pub crl: Vec<PathBuf>,
    /// Plain text; loopback only.
    pub insecure: bool,
    /// How requests are compressed.
    pub compression: Compression,
}

/// Compression of requests to the collector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// The default.
    #[default]
    Gzip,
    /// Not at all.
    None,
}

impl Config {
    /// The same node, rules, policies and kernel half with nothing but a recording to make.
    pub(crate) fn for_recording(&self) -> Self {
        let Self { node, run_as, kernel, trace, rules, policies, .. } = self.clone();
        let deliver = Deliver { console: false, ..Deliver::default() };
        Self { node, rules, policies, run_as, kernel, trace, deliver, ..Self::default() }
    }

    /// What serde can't say: ranges and relations. The setting that is wrong, and what to do.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        let value = |setting, problem: String| Err((setting, problem));
        if self.run_as.uid == 0 || self.run_as.gid == 0 {
            return value(
                "run_as",
                "the pipeline must not run as root; give a uid and gid other than 0".into(),
            );
        }
        for (setting, bytes) in [
            ("kernel.security_ring_bytes", self.kernel.security_ring_bytes),
            ("kernel.payload_ring_bytes", self.kernel.payload_ring_bytes),
        ] {
            if !bytes.is_power_of_two() || !(1 << 16..=1 << 30).contains(&bytes) {
                return value(setting, format!("{bytes} is not a power of two between 65536 and 1073741824"));
            }
        }
        if self.trace.candidates == 0 || self.trace.candidates > 4096 {
            return value("trace.candidates", "must be between 1 and 4096".into());
        }
        if !(16 << 20..=1 << 40).contains(&self.journal.quota_bytes) {
            let problem = format!("{} is not between 16777216 and 1099511627776", self.journal.quota_bytes);
            return value("journal.quota_bytes", problem);
        }
        if self.seal.password_file.is_some() && self.seal.key.is_none() {
            return value("seal.password_file", "there is a password but no key; give seal.key".into());
        }
        Ok(())
    }
}

/// Parses a file's text; the error names line, column and the nearest right name.
pub(super) fn parse(text: &str) -> Result<Config, String> {
    if text.trim().is_empty() {
        return Ok(Config::default());
    }
    serde_saphyr::from_str(text).map_err(|error| {
        // The library speaks to programmers here.
        let api = "use from_str_multiple or from_str_multiple_with_options";
        let message = error.to_string().replace(api, "a configuration is one: remove the others");
        match nearest(&message) {
            Some(name) => format!("{message}\n  did you mean `{name}`?"),
            None => format!("{message}\n  `guardbee config show` lists the settings with their values"),
        }
    })
}

/// Of "unknown field `x`, expected one of a, b": the expected name nearest to `x`.
fn nearest(message: &str) -> Option<&str> {
    let (_, after) =
        message.split_once("unknown field `").or_else(|| message.split_once("unknown variant `"))?;
    let (wrong, after) = after.split_once('`')?;
    let (_, names) = after.lines().next()?.split_once("expected ")?;
    let names = names.trim_start_matches("one of ").split([',', ' ', '`']).filter(|name| !name.is_empty());
    let (distance, name) = names.map(|name| (edit_distance(wrong, name), name)).min()?;
    (distance <= 3.max(wrong.len() / 2)).then_some(name)
}

/// Levenshtein's.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(row.first_mut().unwrap_or(&mut 0), i + 1);
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(b.chars()) {
            let here = (diagonal + usize::from(x != y)).min(left + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, here);
            left = here;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Folders of certificates: replaced files appear in them under the same name, so the folders stay readable.
pub(crate) fn certificate_folders(config: &Config) -> Vec<PathBuf> {
    let otlp = config.deliver.otlp.iter();
    let files = otlp.flat_map(|otlp| [&otlp.ca, &otlp.certificate, &otlp.key].into_iter().chain(&otlp.crl));
    let mut folders: Vec<_> = files
        .filter_map(|file| file.parent())
        .filter(|folder| !folder.as_os_str().is_empty())
        .map(Path::to_owned)
        .collect();
    folders.sort();
    folders.dedup();
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_the_default() {
        assert_eq!(parse("").unwrap(), Config::default());
        assert_eq!(parse("# only a comment\nnode: a\n").unwrap().node, "a");
    }

    #[test]
    fn unknown_key_names_place_and_neighbour() {
        let error = parse("node: a\ndeliver:\n  findings_fil: /tmp/x\n").unwrap_err();
        assert!(error.contains("line 3"), "{error}");
        assert!(error.contains("did you mean `findings_file`"), "{error}");
    }

    #[test]
    fn wrong_variant_names_neighbour() {
        let error = parse("kernel: {hooks: tracepoint-5.1}\n").unwrap_err();
        assert!(error.contains("did you mean `tracepoint-5.10`"), "{error}");
    }

    #[test]
    fn ranges() {
        for (text, setting) in [
            ("run_as: {uid: 0}", "run_as"),
            ("kernel: {security_ring_bytes: 100000}", "kernel.security_ring_bytes"),
            ("kernel: {payload_ring_bytes: 4096}", "kernel.payload_ring_bytes"),
            ("trace: {candidates: 0}", "trace.candidates"),
            ("seal: {password_file: /x}", "seal.password_file"),
            ("journal: {quota_bytes: 4096}", "journal.quota_bytes"),
        ] {
            assert_eq!(parse(text).unwrap().check().unwrap_err().0, setting);
        }
    }
}
