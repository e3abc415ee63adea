//! What means something else to other Sigma engines is refused by `convert`, with its reason; the same without it is not.
use guardbee_rules::RuleSet;

const RULE: &str = "title: Shell
name: shell
logsource: {product: linux, category: process_creation}
detection: {selection: {Image|endswith: /sh}, condition: selection}
guardbee: {risk: 60, requires: [exec], suppress: {for: 1m}}
";
const END: &str = "title: End
name: end
logsource: {category: process_termination}
detection: {selection: {Image: /x}, condition: selection}
";
const MANY: &str = "title: Many
correlation: {type: event_count, rules: [shell], group-by: [User], timespan: 10s, condition: {gte: 3}}
guardbee: {risk: 60, requires: [exec]}
";
const STEPS: &str = "title: Steps
correlation: {type: temporal_ordered, rules: [shell, shell], group-by: [User], timespan: 10s}
";

/// Why the last rule of this text stays here.
fn refused(text: &str) -> Option<String> {
    let set = RuleSet::load_outlined(&[("rule.yml", text)]);
    let set = set.unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"));
    set.bound_to_guardbee(set.rules().len() - 1)
}

#[test]
fn what_would_over_fire_elsewhere_is_refused() {
    let (rule, many, steps) =
        (RULE.to_owned(), format!("{END}---\n{RULE}---\n{MANY}"), format!("{RULE}---\n{STEPS}"));
    let exceptions = "exceptions: [{name: e, reason: r, fields: [User], values: [me]}], risk";
    let cases = [
        (&rule, "risk", "link: exact, risk", "`link: [exact]` can't be said in Sigma"),
        (&rule, "risk", exceptions, "its exception `e` can't be said in Sigma"),
        (
            &rule,
            "risk",
            "baseline: {by: [Image], per: [User], learn: 1d, forget: 2d}, risk",
            "its `baseline` can't be said in Sigma",
        ),
        (&rule, "{Image|endswith: /sh}", "{process.executable.path: /bin/sh}", "is no name of Sigma's"),
        (
            &rule,
            "{Image|endswith: /sh}",
            "{Image|fieldref: process.parent.executable.path}",
            "`process.parent.executable.path` is no name of Sigma's",
        ),
        (&many, "{risk: 60, requires: [exec]}", &format!("{{{exceptions}: 60}}"), "its exception `e`"),
        (&many, "{risk: 60, requires: [exec]}", "{until: [end]}", "its `until` can't be said"),
        (&many, "group-by: [User]", "group-by: [guardbee.request]", "`guardbee.request`"),
        (&many, "group-by: [User]", "group-by: [User, container.id]", "`container.id`"),
        (
            &many,
            "group-by: [User]",
            "aliases: {who: {shell: process.parent_pid}}, group-by: [who]",
            "`process.parent_pid`",
        ),
        (
            &many,
            "event_count, rules: [shell], group-by: [User], timespan: 10s, condition: {",
            "value_count, rules: [shell], group-by: [User], timespan: 10s, condition: {field: process.pid, ",
            "`process.pid`",
        ),
        (&many, "timespan: 10s", "timespan: 1500ms", "its timespan is no whole number of seconds"),
        (&many, "suppress: {for: 1m}", "link: exact", "of its step 1: line 10: `link: [exact]`"),
        (
            &steps,
            "group-by: [User], timespan: 10s}",
            "timespan: 10s}\nguardbee: {join: [container.id]}",
            "its `join`",
        ),
    ];
    for (whole, from, to, why) in &cases {
        assert_eq!(refused(whole), None, "{whole}");
        let text = whole.replacen(from, to, 1);
        assert_ne!(text, **whole, "`{from}` is not there");
        let reason = refused(&text).unwrap_or_else(|| panic!("not refused: {text}"));
        assert!(reason.contains(why), "`{why}` is not why: {reason}");
    }
    println!("refused: {}", cases.len());
}
