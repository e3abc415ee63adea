//! Programs that shipped rules except are told by their folder: whoever only names his program like one of them is not excepted.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
use std::{fs, path::Path};

/// Folders that only the system's administrator or its packages write to.
const FOLDERS: [&str; 11] = [
    "/usr/",
    "/bin/",
    "/sbin/",
    "/lib/",
    "/lib64/",
    "/opt/",
    "/snap/",
    "/nix/store/",
    "/run/wrappers/bin/",
    "/var/lib/rancher/",
    "/home/kubernetes/bin/",
];

/// Whose program a key is about, by the names that the shipped rules write.
const SUBJECTS: [(&str, &[&str]); 3] = [
    ("Image", &["Image", "process.executable.name", "process.thread.name", "comm"]),
    ("ParentImage", &["ParentImage", "process.parent.executable.name"]),
    ("process.ancestors.executable", &["process.ancestors.executable"]),
];

/// One map of a selection: its keys and what is said of each.
type Item = Vec<(String, Vec<String>)>;

/// Selections of a document by name, as the shipped rules are laid out: a name after four blanks, a key after eight.
fn selections(document: &str) -> Vec<(String, Vec<Item>)> {
    let mut out: Vec<(String, Vec<Item>)> = Vec::new();
    let inside = document.lines().skip_while(|line| *line != "detection:").skip(1);
    for line in inside.take_while(|line| line.starts_with(' ')).filter(|line| !line.trim().starts_with('#')) {
        let depth = line.len() - line.trim_start().len();
        let (text, first) = match line.trim().strip_prefix("- ") {
            Some(text) if depth == 8 => (text, true),
            _ => (line.trim(), false),
        };
        let Some((name, value)) = text.split_once(": ").or_else(|| text.strip_suffix(':').map(|k| (k, "")))
        else {
            // A line of a list of values.
            let key = out.last_mut().and_then(|(_, items)| items.last_mut()?.last_mut());
            key.unwrap_or_else(|| panic!("{line}")).1.extend(values(text.trim_start_matches("- ")));
            continue;
        };
        match depth {
            4 if name == "condition" => {}
            4 => out.push((name.to_owned(), vec![Vec::new()])),
            _ => {
                let items = &mut out.last_mut().unwrap().1;
                if first && !items.last().unwrap().is_empty() {
                    items.push(Vec::new());
                }
                items.last_mut().unwrap().push((name.to_owned(), values(value)));
            }
        }
    }
    out
}

fn values(text: &str) -> Vec<String> {
    let list = text.trim_start_matches('[').trim_end_matches([']', ',']);
    list.split(", ")
        .map(|value| value.trim_matches('\'').to_owned())
        .filter(|value| !value.is_empty())
        .collect()
}

/// What is wrong with an exception, if anything.
fn wrong(item: &Item) -> Option<String> {
    let anchored = |subject: &str| {
        item.iter().any(|(key, values)| {
            let folders = values.iter().all(|value| FOLDERS.iter().any(|folder| value.starts_with(folder)));
            // Of several ancestors one may have the folder and another one the name.
            let begins = subject != "process.ancestors.executable" && *key == format!("{subject}|startswith");
            (key == subject || begins) && folders
        })
    };
    for (subject, names) in SUBJECTS {
        let own = |key: &str| names.contains(&key.split('|').next().unwrap_or_default());
        let about: Vec<_> = item.iter().filter(|(key, _)| own(key)).collect();
        // What lives in memory is in no folder; who executed it is.
        let memory = about.iter().all(|(_, values)| values.iter().all(|value| value.starts_with("memfd:")));
        // What no path leads to is in no folder either: its owner is said.
        let is_pathless = about.iter().all(|(key, values)| {
            *key == "Image|re" && values.iter().all(|value| value.starts_with("^(") && !value.contains('/'))
        });
        let of_root = item.iter().any(|(key, values)| {
            key == "guardbee.executable.owner.id" && values.iter().all(|value| value == "0")
        });
        let told = about.is_empty()
            || anchored(subject)
            || memory && anchored("ParentImage")
            || is_pathless && of_root;
        if !told {
            return Some(format!("it tells programs by name alone: {about:?}"));
        }
    }
    None
}

/// What a condition negates, `1 of filter_*` included.
fn negated(document: &str) -> Vec<String> {
    let line = document.lines().find_map(|line| line.strip_prefix("    condition: ")).unwrap_or_default();
    let words: Vec<&str> = line.split([' ', '(', ')']).filter(|word| !word.is_empty()).collect();
    let after = |at: usize| words.iter().skip(at + 1).find(|word| !["1", "all", "any", "of"].contains(word));
    let nots = words.iter().enumerate().filter(|(_, word)| **word == "not");
    nots.filter_map(|(at, _)| after(at)).map(|word| (*word).to_owned()).collect()
}

fn documents(folder: &Path, out: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            documents(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "yml") {
            let text = fs::read_to_string(&path).unwrap();
            out.extend(text.split("\n---\n").map(|one| (path.display().to_string(), one.to_owned())));
        }
    }
}

#[test]
fn no_shipped_rule_excepts_programs_by_their_names_alone() {
    let mut all = Vec::new();
    documents(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules"), &mut all);
    let (mut wrongs, mut looked) = (Vec::new(), 0);
    for (path, text) in &all {
        for name in negated(text) {
            assert!(name.starts_with("filter"), "{path}: `not {name}`: call an exception filter_...");
        }
        for (name, items) in selections(text).iter().filter(|(name, _)| name.starts_with("filter")) {
            looked += items.len();
            wrongs.extend(items.iter().filter_map(wrong).map(|what| format!("{path}: {name}: {what}")));
        }
    }
    assert!(wrongs.is_empty(), "{}", wrongs.join("\n"));
    assert!(looked > 80, "only {looked} exceptions were found: have the rules another layout?");
}

#[test]
fn an_exception_by_name_is_noticed() {
    let wrong_of = |filter: &str| {
        let text =
            format!("title: x\ndetection:\n    selection:\n        SYSCALL: bpf\n{filter}    condition: x\n");
        let found = selections(&text);
        found.last().unwrap().1.iter().find_map(wrong)
    };
    for evadable in [
        "    filter:\n        Image|endswith: /gdb\n",
        "    filter:\n        process.executable.name: [gdb, strace]\n",
        "    filter:\n        Image|endswith:\n            - /gdb\n",
        "    filter:\n        - CommandLine: x\n        - comm: sshd\n",
        "    filter:\n        Image|startswith: [/usr/, /tmp/]\n        Image|endswith: /gdb\n",
        "    filter:\n        ParentImage|startswith: [/usr/]\n        Image|endswith: /gdb\n",
        "    filter:\n        process.ancestors.executable|endswith: /dpkg\n",
        "    filter:\n        process.ancestors.executable|startswith: /usr/\n        process.ancestors.executable: dpkg\n",
        "    filter:\n        Image|contains: 'memfd:runc'\n",
    ] {
        assert!(wrong_of(evadable).is_some(), "{evadable}");
    }
    for fine in [
        "    filter:\n        Image|startswith: [/usr/, /bin/]\n        Image|endswith: /gdb\n",
        "    filter:\n        process.ancestors.executable: [/usr/*/dpkg, /sbin/apk]\n",
        "    filter:\n        Image|contains: 'memfd:runc'\n        ParentImage|startswith: /usr/\n",
        "    filter:\n        ParentImage: /usr/sbin/inetd\n",
        "    filter:\n        euid: 0\n",
    ] {
        assert_eq!(wrong_of(fine), None, "{fine}");
    }
}
