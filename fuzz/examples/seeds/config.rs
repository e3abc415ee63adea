//! Configurations: whole, wrong, and with variables and flags behind them.
use super::Seeds;
use std::error::Error;

const SEEDS: [(&str, &str); 16] = [
    ("empty", ""),
    ("comment", "# nothing but this\n"),
    ("whole", WHOLE),
    (
        "flow",
        "{node: a, run_as: {uid: 5, gid: 6}, kernel: {hooks: tracepoint-5.10}, trace: {candidates: 4096}}\n",
    ),
    (
        "json",
        "{\"node\": \"a\", \"rules\": [\"/r\"], \"seal\": {\"key\": \"/k\", \"password_file\": null}}\n",
    ),
    ("anchors", "seal: {key: &k /k, password_file: *k}\nrules: [*k, *k]\n"),
    ("bomb", "rules: &a [x, x]\nnode: [*a, *a, *a]\n"),
    ("deep", "deliver: {otlp: {crl: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n"),
    ("documents", "node: a\n---\nnode: b\n"),
    ("twice", "node: a\nnode: b\n"),
    ("unknown", "deliver:\n  findings_fil: /x\n"),
    ("range", "kernel:\n  # small\n  payload_ring_bytes: 4096\n"),
    ("types", "run_as:\n  uid: nobody\n  gid: -1\ntrace:\n  candidates: 1e99\n"),
    (
        "variables",
        "node: a\n\0GUARDBEE_NODE=b\nGUARDBEE_DELIVER__OTLP__ENDPOINT=https://h:4317\nOTEL_EXPORTER_OTLP_ENDPOINT=x\n",
    ),
    ("flags", "\0trace.candidates=5\nrules=[/a, /b]\nrun_as={uid: 7, gid: 7}\n"),
    ("wrong-overrides", "\0GUARDBEE_NODES=b\nGUARDBEE_NODE__X=1\nrun_as.uid=0\n"),
];

const WHOLE: &str = "node: n1
rules: [/etc/guardbee/rules, ./more]
run_as: {uid: 65532, gid: 65532}
kernel: {hooks: auto, security_ring_bytes: 8388608, payload_ring_bytes: 65536}
trace: {candidates: 16}
seal:
  key: /etc/guardbee/cosign.key
  password_file: \"/etc/guardbee/password\"
deliver:
  otlp:
    endpoint: https://collector.example:4317
    server_name: collector
    ca: /etc/guardbee/tls/ca.pem
    certificate: /etc/guardbee/tls/tls.pem
    key: /etc/guardbee/tls/tls.key
    crl: [/etc/guardbee/tls/list.pem]
    insecure: false
  findings_file: /var/lib/guardbee/findings.jsonl
  records_file: ~
  console: yes
  console_spans: off
";

pub(crate) fn seeds() -> Result<Seeds, Box<dyn Error>> {
    Ok(SEEDS.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect())
}
