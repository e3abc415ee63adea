//! What can't be said: refused whole, or left out where that is asked for.
use super::{import, matches, obstacles, rule, yaml};
use guardbee_rules::{
    RuleSet,
    falco::{self, Exclusions, Obstacle, Outcome},
};
use std::sync::Arc;

/// What can't be said, and part of the reason.
const REFUSED: &[(&str, &str)] = &[
    ("evt.type = creat and fd.name = /etc/shadow", "not told apart from other opens"),
    ("evt.type in (execve, sendto) and proc.name = x", "data sent"),
    ("evt.type = openat and fd.name = /x and fd.num = -1 and evt.res = EIO", "that opens often have"),
    ("evt.type = openat and fd.name = /x and evt.res startswith EI", "that opens often have"),
    ("evt.type = fchmod and fd.nameraw contains x", "as it was written"),
    ("evt.type = openat and evt.arg.flags contains O_PATH", "`O_PATH` is not recorded"),
    ("evt.type = openat and evt.arg.flags = O_RDONLY", "`contains` can"),
    ("evt.type = unlink and evt.failed = true", "calls that fail"),
    ("evt.type = mkdir and evt.arg.mode contains x", "of chmod only"),
    ("evt.type = symlink and fs.path.target = /x", "not documented"),
    ("evt.type = socket and proc.name = x", "sockets of common families"),
    ("evt.type = socket and evt.arg.domain contains AF_INET", "`AF_INET` is not recorded"),
    ("evt.type = socket and not evt.arg.domain = AF_PACKET", "sockets of common families"),
    ("evt.type = ptrace and proc.name = x", "neither attach nor write"),
    ("evt.type = ptrace and evt.arg.request contains PEEK", "`PTRACE_PEEKTEXT` is not recorded"),
    ("evt.type = dup2 and evt.rawres in (0, 1)", "files and local sockets"),
    ("evt.type = dup2 and fd.type = ipv4", "descriptors beyond standard error"),
    ("evt.type = bpf and proc.name = x", "neither load nor attach"),
    ("evt.type = setresuid and evt.arg.suid = nobody", "only `root` is known"),
    ("evt.type = setns and fd.name = /x", "the descriptor of this call"),
    ("evt.type = sendto and fd.sip = 1.1.1.1", "data sent"),
    ("evt.type = sendmsg and fd.l4proto = tcp", "data sent"),
    ("evt.type = recvfrom and fd.l4proto = udp", "data received"),
    ("proc.name = sh", "every event"),
    ("evt.type != execve and proc.name = sh", "every event"),
    ("evt.type = execve and evt.num = 0", "it never holds"),
    ("evt.type = execve and proc.name = sh and proc.name != sh", "it never holds"),
    ("evt.type = execve and proc.aname[8] = sshd", "up to the seventh"),
    ("evt.type = execve and container.image.id = x", "images"),
    ("evt.type = execve and not container.image.id = x", "images"),
    ("evt.type = execve and k8s.rc.id = x", "pods"),
    ("evt.type = execve and proc.aenv contains X", "environments of ancestors"),
    ("evt.type = execve and proc.env = 'X=y'", "the environment as a whole"),
    ("evt.type = execve and proc.env contains /tmp/x.so", "by name"),
    ("evt.type = execve and proc.env[A-B] = x", "no name of a variable"),
    ("evt.type = execve and proc.env[A] glob x*", "of a variable"),
    ("evt.type = chmod and proc.env contains 'X=y'", "at an exec only"),
    ("evt.type = execve and proc.nmae = x", "did you mean `proc.name`"),
    ("evt.type = execve and nothing.at_all = x", "no such field"),
    ("evt.type = execve and proc.name = val(proc.pname)", "not comparable"),
    ("evt.type = execve and proc.name > val(user.name)", "of two fields"),
    ("evt.type = execve and proc.name = toupper(user.name)", "transformed"),
    ("evt.type = execve and b64(proc.args) contains x", "`b64`"),
    ("evt.type = execve and len(proc.args) > 5", "`len`"),
    ("evt.type = execve and proc.name glob '@(a|b)'", "extended patterns"),
    ("evt.type = execve and proc.name > 5", "compares numbers"),
    ("evt.type = execve and user.uid = x", "no whole number"),
    ("evt.type = execve and proc.name contains oneof (a, b)", "oneof"),
    ("evt.type = execve and proc.tty = 34816", "terminal"),
    ("evt.type = listen and fd.sip = nowhere", "no address"),
    ("evt.type = execve and user.loginuid > 0", "who logged in"),
    ("evt.type = execve and user.loginname = bob", "only the id"),
    ("evt.type = accept and fd.rip.name = x.example", "only of connect"),
    ("evt.type = execve and proc.name bcontains ff", "no UTF-8"),
];

#[test]
fn what_cant_be_said_is_refused_whole_and_says_why() {
    for (condition, why) in REFUSED {
        let imported = rule(condition);
        let obstacles = obstacles(&imported);
        let said = |one: &Obstacle| one.why.contains(why) || one.what.contains(why);
        assert!(obstacles.iter().any(said), "{condition}: {obstacles:#?}");
        for one in obstacles {
            assert!(one.file == "rules.yaml" && one.line > 0 && one.column > 0, "{one:#?}");
        }
    }
}

#[test]
fn exclusions_that_cant_be_said_are_left_out_where_that_is_asked_for() {
    let import = |condition: &str| {
        let text = format!("- rule: R\n  desc: d\n  output: o\n  priority: INFO\n  condition: {condition}\n");
        let import = falco::import(&[("rules.yaml", text)], Exclusions::LeftOut);
        import.unwrap_or_else(|problems| panic!("{problems:#?}")).rules.pop().unwrap()
    };
    let wider =
        import("evt.type = execve and proc.name = a and not (proc.name = b or container.image.id in (x, y))");
    let Outcome::Written { yaml: written, left_out, .. } = &wider.outcome else { panic!("{wider:#?}") };
    assert!(matches(written, "exec", "process.thread.name: a"), "{written}");
    assert!(!matches(written, "exec", "process.thread.name: b"), "{written}");
    assert!(
        written.contains("It finds more than Falco's: what that excludes by container.image.id"),
        "{written}"
    );
    let [one] = left_out.as_slice() else { panic!("{left_out:#?}") };
    assert_eq!((one.field.as_str(), one.line), ("container.image.id", 5));
    // Values are a stranger's: none ends the comment that names it.
    let odd = import("\"evt.type = openat and fd.name = /a and not evt.arg.flags contains 'b\\nlevel: c'\"");
    assert!(yaml(&odd).contains("# It finds more than Falco's"), "{odd:#?}");
    assert!(RuleSet::load(&[("r", yaml(&odd))]).is_ok(), "{odd:#?}");
    // Without what it asks for a rule would find less, or nothing that it is about.
    for asked in [
        "container.image.id = x",
        "(proc.name = a or container.image.id = x)",
        "not not container.image.id = x",
    ] {
        let refused = import(&format!("evt.type = execve and {asked}"));
        assert!(matches!(refused.outcome, Outcome::Refused(_)), "{refused:#?}");
    }
    // What can be said whole is.
    let whole = import("evt.type = execve and not proc.name = b");
    assert!(matches!(&whole.outcome, Outcome::Written { left_out, .. } if left_out.is_empty()), "{whole:#?}");
}

#[test]
fn a_rule_that_looks_for_what_an_empty_list_has_waits_for_its_values() {
    let condition = "evt.type = execve and proc.name in (shells) and not proc.pname in (parents)";
    let text = format!(
        "- list: shells\n  items: []\n- list: parents\n  items: []\n\
         - rule: R\n  desc: d\n  output: o\n  priority: INFO\n  condition: {condition}\n"
    );
    let rule = import(&text).rules.pop().unwrap();
    let Outcome::Written { unfilled, .. } = &rule.outcome else { panic!("{rule:#?}") };
    assert_eq!(*unfilled, ["parents", "shells"]);
    let can_fire = |yaml: &str| RuleSet::load(&[("r", yaml)]).unwrap().rules()[0].can_fire.clone();
    let empty = yaml(&rule);
    let why = can_fire(empty).unwrap_err();
    assert!(why.starts_with("the placeholder `%shells%` has no values as yet"), "{why}");
    // Two rules with the same list say the same of it.
    RuleSet::load(&[
        ("a", empty),
        ("b", &empty.replace("id: ", "id: 00000000-0000-8000-8000-000000000000 # ")),
    ])
    .unwrap_or_else(|problems| panic!("{problems:#?}"));
    let filled = empty.replace("shells: []", "shells: [bash, sh]");
    assert_eq!(can_fire(&filled), Ok(()));
    let fires = |event: &str, expect: &str| {
        let tests = format!("guardbee: {{tests: [{{name: t, expect: {expect}, event: {{{event}}}}}]}}\n");
        let set = Arc::new(RuleSet::load(&[("r", format!("{filled}{tests}"))]).unwrap());
        set.run_tests().iter().all(|result| result.failure().is_none())
    };
    assert!(fires("Image: /bin/sh, comm: sh", "match"));
    assert!(fires("Image: /bin/zsh, comm: zsh", "no-match"));
    // Nothing is looked for in the empty one: it only excludes.
    let condition = "evt.type = execve and not proc.name in (shells)";
    let rule =
        import(&text.replace("evt.type = execve and proc.name in (shells)", condition)).rules.pop().unwrap();
    assert!(matches!(&rule.outcome, Outcome::Written { unfilled, .. } if unfilled.is_empty()), "{rule:#?}");
}
