//! Policies on real input: two services in cgroups of their own, the requests of one of which nobody may read; a scope with a
//! throttle; other policies at SIGHUP, under load, and what is attached then. Needs root, a kernel with BTF and Python; fails
//! without.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod lab;
#[path = "../support/mod.rs"]
mod support;

use lab::{Cgroup, Lab, get, service};
use serde_json::Value;
use std::{
    fs::{self, File},
    process::Stdio,
    time::Duration,
};
use support::{Running, guardbee, wait};

#[test]
fn requests_are_read_by_consent_alone_and_a_scope_has_its_throttle() {
    let name = |what: &str| format!("guardbee-{what}-{}", std::process::id());
    let (secret, open, bound) = (name("secret"), name("open"), name("bound"));
    let lab = Lab::start(&format!(
        "name: secret\nmatch: {{cgroup: /{secret}}}\npayload: never\n---\n\
         name: bound\nmatch: {{cgroup: /{bound}}}\nthrottle: {{events_per_second: 2, burst: 5}}\n---\n\
         name: payments\nmatch: {{labels: {{team: payments}}}}\npayload: never\n"
    ));
    let (secret, open, bound) = (Cgroup::new(&secret), Cgroup::new(&open), Cgroup::new(&bound));
    let services = [service(&secret, lab.folder.path()), service(&open, lab.folder.path())];
    let [(_, secret_port), (_, open_port)] = services;
    for round in 0..5 {
        get(secret_port, &format!("/secret/{round}"));
        get(open_port, &format!("/open/{round}"));
    }
    let seen = |served: &[String], path: &str| served.iter().any(|one| one == path);
    wait("spans of the open service", || seen(&lab.served(), "/open/4"));
    let served = lab.served();
    assert!((0..5).all(|round| seen(&served, &format!("/open/{round}"))), "{served:?}");
    assert!(!served.iter().any(|path| path.starts_with("/secret")), "{served:?}");

    // A storm of processes in one scope: an episode begins, and is told.
    let storm = "for i in $(seq 200); do /bin/true; done";
    assert!(bound.start("bash", &["-c", storm]).stdin(Stdio::null()).status().unwrap().success());
    wait("the throttle to be told", || !lab.statements("guardbee.throttle").is_empty());

    // The other way round, without the sensor being started again.
    let swapped = open.0.file_name().unwrap().to_string_lossy().into_owned();
    lab.exchange(&format!("name: other\nmatch: {{cgroup: /{swapped}}}\npayload: never\n"));
    wait("other cgroups to be told", || !lab.statements("guardbee.policies.cgroups.other").is_empty());
    // What was told before is enforced by now or a moment later: the first that is read says so.
    let mut round = 5;
    wait("spans of the service that was secret", || {
        round += 1;
        get(secret_port, &format!("/secret/{round}"));
        lab.served().iter().any(|path| path.starts_with("/secret"))
    });
    get(open_port, "/open/last");
    get(secret_port, "/secret/last");
    wait("the last span", || seen(&lab.served(), "/secret/last"));
    assert!(!seen(&lab.served(), "/open/last"));
    let start = lab.statements("guardbee.start").join("\n");
    assert!(start.contains("guardbee.policies.cannot_apply") && start.contains("payments"), "{start}");
}

/// What no policy observes is detached, and attached when one does: for that one's scope alone.
#[test]
fn attachments_follow_the_policies() {
    const ALL: &str = "name: all\n";
    let name = format!("guardbee-watched-{}", std::process::id());
    let lab = Lab::start(ALL);
    let (file, cgroup) = (lab.folder.path().join("looked-at"), Cgroup::new(&name));
    fs::write(&file, "").unwrap();
    lab.rules(
        "title: Opened\nlogsource: {product: linux, category: file_access}\ndetection:\n    selection: \
         {TargetFilename|endswith: /looked-at}\n    condition: selection\nlevel: low\n",
    );
    lab.exchange(ALL);
    wait("the program", || lab.working().contains("file_open"));
    for round in 1..=2 {
        lab.exchange("name: nothing\nobserve: none\n");
        wait("its end", || !lab.working().contains("file_open"));
        wait("the rule that can't fire", || {
            let said = lab.statements("guardbee.programs");
            said.last().is_some_and(|last| last.contains("Opened: policies leave `file_open` out everywhere"))
        });
        let one = format!("name: watched\nmatch: {{cgroup: /{name}}}\nobserve: [files]\n---\n");
        lab.exchange(&format!("{one}name: nothing\nobserve: none\n"));
        wait("the program again", || lab.working().contains("file_open"));
        wait("a finding of the scope", || {
            File::open(&file).unwrap();
            assert!(cgroup.start("cat", &[file.to_str().unwrap()]).status().unwrap().success());
            lab.found("looked-at") >= round
        });
        let findings = lab.statements("security.finding");
        assert!(findings.iter().all(|finding| finding.contains(&name)), "{findings:?}");
    }
    println!("figure file_open detached and attached twice, in one scope");
}

/// Commands that run while policies are exchanged. Slower than a rule may report.
const COMMANDS: usize = 300;
const PAUSE: Duration = Duration::from_millis(15);

/// What both the old and the new policies observe is neither lost nor found twice.
#[test]
fn policies_are_exchanged_under_load_and_no_event_is_lost() {
    let name = format!("guardbee-load-{}", std::process::id());
    let policies = |round: usize| {
        format!(
            "name: load-{round}\nmatch: {{cgroup: /{name}}}\nleave_out: [{}]\nthrottle: {{events_per_second: 100000}}\n---\n\
             name: rest\npayload: {}\n",
            ["mount", "files", "system"][round % 3],
            ["never", "read"][round % 2],
        )
    };
    let lab = Lab::start(&policies(0));
    lab.rules(
        "title: Marked\nlogsource: {product: linux, category: process_creation}\ndetection:\n    selection: \
         {CommandLine|contains: exchange-marker-}\n    condition: selection\nlevel: low\n",
    );
    lab.exchange(&policies(0));
    let cgroup = Cgroup::new(&name);
    let marker = |number: usize| format!("exchange-marker-{number}-end");
    let mut commands = Running(
        cgroup
            .start(
                "bash",
                &["-c", "for i in $(seq 0 \"$0\"); do /bin/echo exchange-marker-$i-end; sleep \"$1\"; done"],
            )
            .args([(COMMANDS - 1).to_string(), PAUSE.as_secs_f64().to_string()])
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let mut rounds = 0;
    while commands.0.try_wait().unwrap().is_none() {
        rounds += 1;
        lab.exchange(&policies(rounds));
    }
    assert!(rounds > 2, "{rounds} exchanges");
    wait("the last finding", || lab.found(&marker(COMMANDS - 1)) > 0);
    let findings = lab.statements("security.finding");
    for number in 0..COMMANDS {
        let marker = marker(number);
        assert_eq!(findings.iter().filter(|finding| finding.contains(&marker)).count(), 1, "{marker}");
    }
    println!("figure {COMMANDS} commands found once each, {rounds} exchanges meanwhile");
}

#[test]
fn policies_are_checked_and_explained() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.yaml");
    let guardbee = |args: &[&str]| {
        let out = guardbee().arg("policy").args(args).arg(&file).output().unwrap();
        (out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned())
    };
    fs::write(&file, "name: web\nmatch: {unit: nginx}\n").unwrap();
    let (code, said) = guardbee(&["check"]);
    assert!(
        code == Some(1) && said.contains("a.yaml:2:15: error: ") && said.contains("nginx.service"),
        "{said}"
    );
    fs::write(
        &file,
        "name: web\nmatch: {unit: nginx.service}\npayload: never\n---\nname: team\nmatch: {labels: {team: a}}\n",
    )
    .unwrap();
    let (code, said) = guardbee(&["check"]);
    assert!(code == Some(0) && said.contains("can't apply on this node"), "{said}");
    assert!(said.contains("2 policies and the default, 1 can't apply here"), "{said}");
    let (code, said) = guardbee(&["check", "--json"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (code, &said["policies"][0]["payload"], &said["policies"][1]["can_apply"]),
        (Some(0), &false.into(), &false.into())
    );
    let (code, said) = guardbee(&["explain", "/system.slice/nginx.service", "--json", "--policies"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &said["cgroups"][0]["policy"]), (Some(0), &"web".into()));
    let (code, said) = guardbee(&["explain", "/system.slice/ssh.service", "--policies"]);
    assert!(code == Some(0) && said.contains("default: observes all, payload read"), "{said}");
    assert!(said.contains("no  unit is nginx.service") && said.contains("ssh.service"), "{said}");
}
