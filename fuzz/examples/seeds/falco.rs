//! Files of Falco's rules: those of the importer's tests, right and wrong.
use super::{Seeds, rules::plain};
use std::{error::Error, fs, path::Path};

pub(crate) fn seeds() -> Result<Seeds, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sensor/rules/tests/falco");
    let mut seeds = Seeds::new();
    for file in fs::read_dir(&folder)? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            seeds.push((name, fs::read(&path)?));
        }
    }
    for case in fs::read_to_string(folder.join("wrong.txt"))?.split("### ").skip(1) {
        let (name, text) = case.split_once('\n').unwrap_or((case, ""));
        seeds.push((format!("wrong-{}", plain(name)), text.as_bytes().to_vec()));
    }
    for (name, condition) in CONDITIONS {
        let text =
            format!("- rule: R\n  desc: d\n  output: o\n  priority: INFO\n  condition: >\n    {condition}\n");
        seeds.push((format!("condition-{name}"), text.into_bytes()));
    }
    Ok(seeds)
}

/// What the grammar has, one of each.
const CONDITIONS: [(&str, &str); 10] = [
    ("in", "spawned_process and proc.name in (sh, bash, \"a b\")"),
    ("events", "evt.type in (open, openat) and evt.dir = < and fd.name startswith /etc/"),
    ("not", "evt.type=execve and not (proc.pname = init or proc.aname[2] exists)"),
    ("pmatch", "evt.type = openat and fd.name pmatch (/etc, /root)"),
    ("glob", "evt.type = execve and proc.exepath glob '/usr/*/x?'"),
    ("regex", "evt.type = execve and proc.cmdline regex 'a+(b|c)'"),
    ("transformer", "evt.type = execve and tolower(proc.name) = sh and toupper(proc.cmdline) contains X"),
    (
        "network",
        "evt.type = connect and fd.typechar = 4 and fd.net in (10.0.0.0/8, 127.0.0.1) and fd.sport = 80",
    ),
    ("numbers", "evt.type = kill and evt.arg.sig in (SIGKILL, 9) and proc.vpid > 1"),
    ("oneof", "evt.type = execve and proc.cmdline contains oneof (a, b) and proc.args icontains x"),
];
