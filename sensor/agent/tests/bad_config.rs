//! Configurations as people get them wrong: each error names its place (file and line, variable, flag) and what to do.
#![expect(clippy::expect_used, reason = "a test may fail")]
use guardbee_agent::config::{load, load_from};
use std::path::Path;

/// The file; the place that is named; what to do, or what would be right.
const FILES: &[(&str, &str, &str)] = &[
    // Not YAML, or not a map.
    ("node: 'a\nrules: []\n", "line 2", "guardbee config show"),
    ("node: a\n\trules: []\n", "line 1", "guardbee config show"),
    ("rules: [/a\nnode: b\n", "line 2", "guardbee config show"),
    ("- node: a\n", "line 1", "guardbee config show"),
    ("node\n", "line 1", "guardbee config show"),
    ("node: *nowhere\n", "line 1", "guardbee config show"),
    ("node: a\nnode: b\n", "line 2", "guardbee config show"),
    ("node: a\n---\nnode: b\n", "line 3", "a configuration is one: remove the others"),
    // Unknown keys and variants.
    ("nod: a\n", "line 1", "did you mean `node`?"),
    ("node: a\ndeliver:\n  findings_fil: /tmp/x\n", "line 3", "did you mean `findings_file`?"),
    ("deliver:\n  otlp:\n    endpont: x\n", "line 3", "did you mean `endpoint`?"),
    ("run_as: {user: 5}\n", "line 1", "did you mean `uid`?"),
    ("seal:\n  key: /k\n  pasword_file: /p\n", "line 3", "did you mean `password_file`?"),
    ("kernel: {hooks: tracepoint-5.1}\n", "line 1", "did you mean `tracepoint-5.10`?"),
    ("trace:\n  candidate: 5\n", "line 2", "candidates"),
    ("kernel:\n  payload_ring_byte: 65536\n", "line 2", "did you mean `payload_ring_bytes`?"),
    // Values of another type.
    ("rules: /etc/guardbee/rules\n", "line 1", "expected"),
    ("run_as:\n  uid: nobody\n", "line 2", "invalid"),
    ("run_as:\n  uid: -1\n", "line 2", "invalid"),
    ("deliver:\n  console: maybe\n", "line 2", "invalid"),
    ("kernel:\n  security_ring_bytes: 8 MiB\n", "line 2", "invalid"),
    ("trace:\n  candidates: [16]\n", "line 2", "expected"),
    ("deliver: /tmp/x\n", "line 1", "expected"),
    ("deliver:\n  otlp: {crl: /list}\n", "line 2", "expected"),
    // Values out of their range, and relations.
    ("node: a\nrun_as:\n  uid: 0\n", "guardbee.yaml:2: run_as", "give a uid and gid other than 0"),
    ("run_as: {uid: 5, gid: 0}\n", "guardbee.yaml:1: run_as", "give a uid and gid other than 0"),
    (
        "kernel:\n  security_ring_bytes: 100000\n",
        "guardbee.yaml:2: kernel.security_ring_bytes",
        "power of two",
    ),
    (
        "kernel:\n  # small\n  payload_ring_bytes: 4096\n",
        "guardbee.yaml:3: kernel.payload_ring_bytes",
        "power of two",
    ),
    ("trace: {candidates: 0}\n", "guardbee.yaml:1: trace.candidates", "between 1 and 4096"),
    ("trace:\n  candidates: 5000\n", "guardbee.yaml:2: trace.candidates", "between 1 and 4096"),
    ("node: a\nseal:\n  password_file: /p\n", "guardbee.yaml:3: seal.password_file", "give seal.key"),
];

/// A setting by variable (or, beginning with `--`, by flag); the place; what to do.
const OVERRIDES: &[(&str, &str, &str, &str)] = &[
    ("GUARDBEE_NODES", "b", "GUARDBEE_NODES (nodes)", "`guardbee config show` lists the settings"),
    ("GUARDBEE_RUN_AS__UID", "0", "GUARDBEE_RUN_AS__UID", "give a uid and gid other than 0"),
    ("GUARDBEE_RUN_AS__UID", "root", "GUARDBEE_RUN_AS__UID (run_as.uid)", "`guardbee config show` lists"),
    ("GUARDBEE_TRACE__CANDIDATES", "-1", "GUARDBEE_TRACE__CANDIDATES", "`guardbee config show` lists"),
    ("GUARDBEE_NODE__NAME", "b", "GUARDBEE_NODE__NAME", "goes below a setting that has no parts; unset it"),
    (
        "OTEL_EXPORTER_OTLP_CERTIFICATE",
        "[1]",
        "OTEL_EXPORTER_OTLP_CERTIFICATE",
        "`guardbee config show` lists",
    ),
    ("--trace.candidates", "9999", "--set (trace.candidates)", "between 1 and 4096"),
    ("--kernel.hooks", "kprobe", "--set (kernel.hooks)", "expected one of"),
    ("--rules.0", "x", "--set", "goes below a setting that has no parts"),
];

/// What can't be read as a file.
const UNREADABLE: &[(&str, &str)] = &[
    ("/nowhere/guardbee.yaml", "No such file or directory (os error 2); give another with --config"),
    ("/etc", "Is a directory (os error 21); give another with --config"),
    ("/dev/zero", "longer than 1048576 bytes: this is no configuration"),
    ("/proc/self/exe", "valid UTF-8; give another with --config"),
];

/// The error for a case, and what it must say.
type Said<'a> = (String, [&'a str; 2]);

fn said_of_files() -> impl Iterator<Item = Said<'static>> {
    FILES.iter().map(|(text, place, remedy)| {
        let file = Some((Path::new("/x/guardbee.yaml"), *text));
        let error = load_from(file, std::iter::empty(), &[]).map(|_| ()).expect_err(text).to_string();
        assert!(error.contains("/x/guardbee.yaml"), "{text}: {error}");
        (error, [*place, *remedy])
    })
}

fn said_of_overrides() -> impl Iterator<Item = Said<'static>> {
    OVERRIDES.iter().map(|(name, value, place, remedy)| {
        let pair = |name: &str| vec![(name.to_owned(), (*value).to_owned())];
        let (variables, flags) = match name.strip_prefix("--") {
            Some(setting) => (Vec::new(), pair(setting)),
            None => (pair(name), Vec::new()),
        };
        let error = load_from(None, variables.into_iter(), &flags).map(|_| ()).expect_err(name).to_string();
        (error, [*place, *remedy])
    })
}

fn said_of_unreadable() -> impl Iterator<Item = Said<'static>> {
    UNREADABLE.iter().map(|(path, remedy)| {
        let error = load(Some(Path::new(path)), std::iter::empty(), &[]).map(|_| ()).expect_err(path);
        (error.to_string(), [*path, *remedy])
    })
}

#[test]
fn each_wrong_configuration_names_place_and_remedy() {
    let said: Vec<_> = said_of_files().chain(said_of_overrides()).chain(said_of_unreadable()).collect();
    let wrong: Vec<_> =
        said.iter().filter(|(error, parts)| !parts.iter().all(|part| error.contains(part))).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    println!("cases: {}", said.len());
}
