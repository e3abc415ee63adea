//! What authors are told of their rules: why an event matches or not, what their tests reach.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]
use guardbee_rules::{Explained, RuleSet};
use std::{fs, path::Path, sync::Arc};

const RULES: &str = "
title: Shell Of A Web Server
id: 0b0f3f5e-6f43-4a0b-8f0c-1d7a3c6b9e01
name: shell
logsource: {product: linux, category: process_creation}
detection:
    selection_parent:
        ParentImage|endswith: [/nginx, /node, /java]
    selection_child:
        - Image|endswith: /sh
          CommandLine|contains|all: [' -c ', id]
        - Image: /bin/busybox
    filter_main_health:
        CommandLine|contains: healthcheck
    condition: all of selection_* and not 1 of filter_main_*
guardbee:
    link: [exact, sole]
    tests:
        - name: a shell
          expect: match
          event: {Image: /bin/sh, ParentImage: /usr/bin/node, CommandLine: sh -c id, guardbee.link: exact}
        - name: wrong parent
          expect: no-match
          event: {Image: /bin/sh, ParentImage: /usr/sbin/cron, CommandLine: sh -c id, guardbee.link: exact}
---
title: Connects Out
name: out
logsource: {product: linux, category: network_connection}
detection: {selection: {Initiated: true}, condition: selection}
---
title: Shell That Connects Out
name: both
correlation:
    type: temporal_ordered
    rules: [shell, out]
    group-by: [container.id]
    timespan: 10s
guardbee:
    tests:
        - name: only the shell
          expect: no-match
          events:
            - {action: exec, event: {Image: /bin/busybox, ParentImage: /x/java, guardbee.link: sole, container.id: a}}
";

fn set(text: &str) -> Arc<RuleSet> {
    Arc::new(RuleSet::load_outlined(&[("rules.yml", text)]).unwrap())
}

fn explain(set: &Arc<RuleSet>, rule: &str, events: &str) -> Vec<Explained> {
    let place = set.find(rule)[0];
    set.explain(place, &set.read_events(place, "events.json", events).unwrap())
}

fn lines(tree: &Explained) -> Vec<String> {
    let seen = tree.seen.iter().map(guardbee_rules::Seen::sentence).collect::<Vec<_>>().join(", ");
    let note = tree.note.as_deref().unwrap_or_default();
    let mut out = vec![format!("{} {} | {seen} | {note}", tree.holds, tree.text)];
    out.extend(tree.parts.iter().flat_map(lines).map(|line| format!("  {line}")));
    out
}

#[test]
fn a_tree_shows_each_condition_beside_what_the_event_has() {
    let set = set(RULES);
    let event = r#"{"Image": "/bin/sh", "ParentImage": "/usr/bin/node", "CommandLine": "sh -c 'healthcheck'", "guardbee.link": "inherited"}"#;
    let tree = &explain(&set, "shell", event)[0];
    insta::assert_snapshot!(lines(tree).join("\n"));
    let reasons = tree.reasons();
    assert_eq!(reasons[0], "line 17 `link: [exact, sole]` doesn't hold: guardbee.link is `inherited`");
    assert_eq!(reasons[3], "and 1 more");
}

#[test]
fn an_event_of_another_kind_says_so() {
    let tree = &explain(&set(RULES), "out", r#"{"action": "exec", "event": {"Image": "/bin/sh"}}"#)[0];
    assert!(!tree.holds);
    let reasons = tree.reasons().join("; ");
    assert!(
        reasons.contains("`an event of accept or connect or datagram` doesn't hold: action is `exec`"),
        "{reasons}"
    );
}

#[test]
fn a_correlation_says_which_step_group_or_order_lacked() {
    let set = set(RULES);
    let shell = r#"{"action": "exec", "event": {"Image": "/bin/busybox", "ParentImage": "/x/java", "guardbee.link": "sole", "container.id": "a"}}"#;
    let out = |container: &str, offset: &str| {
        format!(
            r#"{{"action": "connect", "offset": "{offset}", "event": {{"Initiated": true, "container.id": "{container}"}}}}"#
        )
    };
    for (events, right) in [
        (format!("[{shell}]"), Some("no event is step 2. `out`")),
        (format!("[{shell}, {}]", out("b", "1s")), Some("no group has events of all steps")),
        (format!("[{shell}, {}]", out("a", "11s")), Some("not in this order within its time")),
        (format!("[{}, {shell}]", out("a", "0s")), Some("not in this order within its time")),
        (format!("[{shell}, {}]", out("a", "9s")), None),
    ] {
        let tree = &explain(&set, "both", &events)[0];
        assert_eq!(tree.holds, right.is_none(), "{events}");
        let note = tree.note.as_deref().unwrap_or_default();
        assert!(note.contains(right.unwrap_or_default()), "{events}: {note}");
    }
}

#[test]
fn what_no_test_reaches_is_listed() {
    let set = set(RULES);
    let missed = |rule: &str| {
        let branches = set.coverage(set.find(rule)[0]).into_iter().filter(|branch| !branch.reached);
        branches
            .map(|branch| format!("{} {}: {}", branch.line, branch.text, branch.holds))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        missed("shell"),
        [
            "10 Image|endswith: /sh: false",
            "11 CommandLine|contains|all: [ -c , id]: false",
            "12 Image: /bin/busybox: true",
            "14 CommandLine|contains: healthcheck: true",
            "17 link: [exact, sole]: false",
        ]
    );
    assert_eq!(missed("out"), ["29 Initiated: true: true", "29 Initiated: true: false"]);
    assert_eq!(missed("both"), ["35 step `out`: true"]);
}

#[test]
fn a_failed_test_says_what_it_is_due_to() {
    let set = set(&RULES.replace(
        "sh -c id, guardbee.link: exact}\n        - name: wrong",
        "sh -i, guardbee.link: exact}\n        - name: wrong",
    ));
    let failures: Vec<_> = set.run_tests().iter().filter_map(|one| one.failure().cloned()).collect();
    assert_eq!(failures.len(), 1);
    let text = failures[0].to_string();
    for part in [
        "rules.yml:19:11",
        "test `a shell` of `Shell Of A Web Server` should match, and does not",
        "process.command_line is `sh -i`",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn wrong_events_are_refused_with_place_and_remedy() {
    let set = set(RULES);
    let place = set.find("shell")[0];
    for (text, right) in [
        (r#"{"Imgae": "/bin/sh"}"#, "e.json:1:2: error: unknown field `Imgae`\n    did you mean `Image`?"),
        (r#"[{"event": {"pid": "x"}}]"#, "can't be a value of `process.pid`"),
        (r#"{"event": {"Image": "x"}, "acton": "exec"}"#, "unknown key `acton`"),
        (r#"["x"]"#, "a single value stands where an event should"),
        (r#"{"Image": "#, "not valid YAML"),
    ] {
        let problems = set.read_events(place, "e.json", text).unwrap_err();
        assert!(problems[0].to_string().contains(right), "{}", problems[0]);
    }
}

#[test]
fn a_filter_stands_in_the_tree_and_not_in_the_coverage() {
    let filter = "title: No Builds\nlogsource: {category: process_creation, product: linux}\nfilter:\n    rules: any\n    build: {CommandLine|contains: make}\n    condition: not build\n";
    let set = Arc::new(RuleSet::load_outlined(&[("rules.yml", RULES), ("site.yml", filter)]).unwrap());
    let event = r#"{"Image": "/bin/busybox", "ParentImage": "/x/java", "CommandLine": "make", "guardbee.link": "sole"}"#;
    let tree = &explain(&set, "shell", event)[0];
    assert!(!tree.holds);
    let of_filter = tree.parts.iter().find(|part| part.filter.as_deref() == Some("site.yml")).unwrap();
    assert_eq!(of_filter.text, "filter `No Builds`");
    let place = set.find("shell")[0];
    assert!(set.coverage(place).iter().all(|branch| !branch.text.contains("make")));
}

/// Every test of the language's rules and of the pack: the tree comes out as the engine does.
#[test]
fn what_is_told_is_what_is() {
    let mut files = vec![("language.yml".to_owned(), include_str!("language.yml").to_owned())];
    pack(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules"), &mut files);
    let set = Arc::new(RuleSet::load_outlined(&files).unwrap());
    let results = set.run_tests();
    assert!(results.len() > 100, "{}", results.len());
    let mut of_rule = (usize::MAX, 0);
    for result in &results {
        assert!(result.failure().is_none(), "{result:?}");
        // Names of tests need not differ: they stand in the order of the file.
        of_rule = if of_rule.0 == result.place { (result.place, of_rule.1 + 1) } else { (result.place, 0) };
        assert_eq!(set.test_names(result.place)[of_rule.1], &*result.name);
        if set.test_names(result.place).iter().filter(|name| **name == &*result.name).count() > 1 {
            continue;
        }
        let events = set.test_events(result.place, &result.name).unwrap();
        let told = set.explain(result.place, &events);
        assert_eq!(told.iter().any(|tree| tree.holds), result.expects_match, "{result:?}\n{told:#?}");
    }
}

fn pack(folder: &Path, out: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pack(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "yml") {
            out.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}
