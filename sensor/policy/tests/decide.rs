//! Which policy holds where, and why.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
use guardbee_model::container::{Configuration, Container, Image, Pod, Qos};
use guardbee_policy::{FILES, Place, PolicySet, SYSTEM, Word, schema};

const ID: &str = "3fa9c0ffee3fa9c0ffee3fa9c0ffee3fa9c0ffee3fa9c0ffee3fa9c0ffee3fa9";

const POLICIES: &str = "
name: everybody
payload: never
throttle: {events_per_second: 500}
---
name: this-container
match: {container: 3fa9c0ffee3f}
observe: none
---
name: web
match: {unit: [nginx.service, 'php*.service']}
payload: read
leave_out: [file_open]
---
name: docker
match: {runtime: docker, cgroup: /docker}
payload: read
throttle: none
---
name: batch
match: {qos: besteffort}
throttle: {events_per_second: 20, burst: 40}
";

fn load(text: &str) -> PolicySet {
    PolicySet::load(&[("policy.yaml", text)]).unwrap()
}

fn unit<'a>(path: &'a str, unit: &'a str) -> Place<'a> {
    Place { path, unit, container: None, configured: None }
}

fn pod(qos: Qos) -> Container {
    Container { pod: Some(Pod { uid: "u".into(), qos }), ..Container::new(ID, "containerd") }
}

#[test]
fn the_first_that_holds_counts() {
    let set = load(POLICIES);
    let named = |place: &Place<'_>| set.policy(set.decide(place)).name.to_string();
    let (this, other) = (Container::new(ID, "docker"), Container::new(&ID.replace('3', "4"), "docker"));
    let (best, burst) = (pod(Qos::BestEffort), pod(Qos::Burstable));
    let path = format!("/docker/{ID}");
    for (place, name) in [
        (unit("/system.slice/nginx.service", "nginx.service"), "web"),
        (unit("/system.slice/php8.3-fpm.service/a", "php8.3-fpm.service"), "web"),
        (unit("/system.slice/ssh.service", "ssh.service"), "everybody"),
        (Place { container: Some(&this), ..unit(&path, "") }, "this-container"),
        (Place { container: Some(&other), ..unit("/docker/4", "") }, "docker"),
        (Place { container: Some(&other), ..unit("/elsewhere/docker/4", "") }, "everybody"),
        (Place { container: Some(&best), ..unit("/kubepods/4", "") }, "everybody"),
        (Place { container: Some(&burst), ..unit("/kubepods/4", "") }, "everybody"),
    ] {
        let named = named(&place);
        // The same id is in the pods: the container's policy stands first.
        let name = if place.container.is_some_and(|one| &*one.id == ID) { "this-container" } else { name };
        assert_eq!(named, name, "{place:?}");
    }
    let best = Container { id: "4".into(), ..best };
    assert_eq!(named(&Place { container: Some(&best), ..unit("/kubepods/4", "") }), "batch");
}

#[test]
fn what_a_policy_does_not_say_the_default_says() {
    let set = load(POLICIES);
    let terms = |name: &str| set.policies().iter().find(|one| &*one.name == name).unwrap().terms;
    assert_eq!(
        set.default_policy().terms.describe(),
        "observes all, payload never read, at most 500 events/s of a kind, 500 at once"
    );
    assert!(terms("web").payload && terms("web").throttle.unwrap().events_per_second == 500);
    assert_eq!(terms("web").left_out().collect::<Vec<_>>(), ["file_open"]);
    assert_eq!(terms("docker").throttle, None);
    assert!(!terms("batch").payload && terms("batch").throttle.unwrap().burst == 40);
    assert_eq!(terms("this-container").left_out().count(), FILES.len() + SYSTEM.len());
    let none = PolicySet::default();
    assert!(none.is_empty() && none.default_policy().terms.payload && !set.is_empty());
}

/// A label is not known here. Who may have it keeps its payload to itself, and goes by the next policy otherwise.
#[test]
fn consent_that_nothing_proves_is_none() {
    let set = load(
        "name: payments\nmatch: {labels: {team: payments}, cgroup: /kubepods}\npayload: never\n---\n\
         name: pods\nmatch: {runtime: containerd}\npayload: read\n",
    );
    let container = pod(Qos::Burstable);
    let place = Place { container: Some(&container), ..unit("/kubepods/x", "") };
    let decision = set.decide(&place);
    assert_eq!((&*set.policy(decision).name, decision.payload), ("pods", false));
    // It can't have that label.
    let elsewhere = set.decide(&Place { path: "/else", ..place });
    assert_eq!((&*set.policy(elsewhere).name, elsewhere.payload), ("pods", true));
    let host = set.decide(&unit("/kubepods/y", ""));
    assert_eq!((host.policy, host.payload), (None, true));
    let why = set.policies()[0].can_apply().unwrap_err();
    assert!(why.starts_with("`labels`: ") && set.policies()[1].can_apply().is_ok(), "{why}");
    assert_eq!(set.warnings().len(), 1);
}

/// Until a runtime's files were read nobody knows whether a container is meant: its payload is its own, its other events are the
/// next policy's.
#[test]
fn images_and_namespaces_count_when_they_are_known() {
    let set = load(
        "name: shop\nmatch: {image: registry/shop/*, namespace: [shop, till]}\npayload: never\nthrottle: {events_per_second: 5}\n---\n\
         name: pinned\nmatch: {image: 'nginx:1.25'}\n---\nname: pods\nmatch: {runtime: containerd}\n",
    );
    let container = pod(Qos::Burstable);
    let decide = |image: Option<&str>, namespace: &str| {
        let image = image.map(Image::new);
        let known = Configuration { image, namespace: namespace.into(), ..Configuration::default() };
        let place =
            Place { container: Some(&container), configured: Some(&known), ..unit("/kubepods/x", "") };
        let decision = set.decide(&place);
        let words = set.explain(&place).1.iter().map(|one| one.word).collect::<Vec<_>>();
        (set.policy(decision).name.to_string(), decision.payload, words[0])
    };
    let is = |name: &str, payload, word| (name.to_owned(), payload, word);
    assert_eq!(decide(Some("registry/shop/web:2"), "shop"), is("shop", false, Word::Holds));
    assert_eq!(decide(Some("registry/shop/web:2"), "prod"), is("pods", true, Word::Fails));
    assert_eq!(decide(Some("registry/shop/web:2"), ""), is("pods", false, Word::Unknown));
    assert_eq!(decide(None, "till"), is("pods", false, Word::Unknown));
    assert_eq!(decide(Some("nginx:1.25"), "till"), is("pinned", true, Word::Fails));
    assert_eq!(decide(Some("nginx:1.26"), "till"), is("pods", true, Word::Fails));
    let host = set.decide(&unit("/x", ""));
    assert_eq!((host.policy, host.payload), (None, true), "what is in no container has no image");
    assert!(set.policies().iter().all(|policy| policy.can_apply().is_ok()) && set.warnings().is_empty());
}

#[test]
fn an_explanation_names_the_condition_that_did_not_hold() {
    let set = load(POLICIES);
    let (decision, all) = set.explain(&unit("/system.slice/nginx.service", "nginx.service"));
    assert_eq!(decision.policy, Some(1));
    let words: Vec<_> = all.iter().map(|one| one.word).collect();
    assert_eq!(words, [Word::Fails, Word::Holds, Word::Fails, Word::Fails, Word::TooLate]);
    let docker: Vec<_> =
        all[2].conditions.iter().map(|one| (&*one.text, one.word, one.seen.as_str())).collect();
    assert_eq!(
        docker,
        [
            ("runtime is docker", Word::Fails, "none"),
            ("cgroup is /docker", Word::Fails, "/system.slice/nginx.service"),
        ]
    );
    assert!(all[2].conditions[0].line > 0);
}

#[test]
fn the_shipped_policies_load_and_each_can_apply() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    files.sort();
    assert!(files.len() >= 3, "{files:?}");
    let texts: Vec<_> = files
        .iter()
        .map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap()))
        .collect();
    let set = PolicySet::load(&texts).unwrap();
    assert!(set.warnings().is_empty() && set.policies().iter().all(|policy| policy.can_apply().is_ok()));
    let decision = set.decide(&unit("/system.slice/nginx.service", "nginx.service"));
    assert_eq!((&*set.policy(decision).name, decision.payload), ("consented", true));
}

/// Files in their order, documents in theirs.
#[test]
fn order_is_that_of_files() {
    let one = "name: one\nmatch: {unit: a.service}\n";
    let two = "name: two\nmatch: {unit: 'a*'}\n";
    let decide = |files: &[(&str, &str)]| {
        let set = PolicySet::load(files).unwrap();
        let decision = set.decide(&unit("/a.service", "a.service"));
        (set.policy(decision).name.to_string(), set.warnings().len())
    };
    assert_eq!(decide(&[("10.yaml", one), ("20.yaml", two)]), ("one".to_owned(), 0));
    assert_eq!(decide(&[("10.yaml", two), ("20.yaml", one)]), ("two".to_owned(), 1));
}

/// Their number, and what they are compared with, is what each new cgroup costs.
#[test]
fn a_set_is_bounded() {
    let many = |count: usize| {
        let one = |n| format!("---\nname: p{n}\nmatch: {{unit: {n}.service}}\n");
        (0..count).map(one).collect::<Vec<_>>().concat()
    };
    let most = guardbee_policy::POLICIES;
    assert_eq!(
        PolicySet::load(&[("a.yaml", many(most) + "---\nname: rest\n")]).unwrap().policies().len(),
        most
    );
    let said = |text: String| PolicySet::load(&[("a.yaml", text)]).unwrap_err()[0].to_string();
    assert!(said(many(most + 1)).contains("more than 511 policies"));
    let long: Vec<_> = (0..600).map(|n| format!("/{}{n}", "a".repeat(120))).collect();
    let wide = |part: &[String], name: &str| {
        format!("---\nname: {name}\nmatch: {{cgroup: [{}]}}\n", part.join(", "))
    };
    let wide: Vec<_> = long.chunks(200).zip(["a", "b", "c"]).map(|(part, name)| wide(part, name)).collect();
    let said = said(wide.concat());
    assert!(said.contains("a.yaml:8:1: error: ") && said.contains("more than 65536 bytes"), "{said}");
}

#[test]
fn the_schema_takes_what_loads() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for (policy, right) in [
        (r#"{"name": "a"}"#, true),
        (
            r#"{"name": "a", "match": {"unit": ["a.service", "b*"], "labels": {"a": "b"}}, "payload": "never"}"#,
            true,
        ),
        (r#"{"name": "a", "observe": ["files", "mount"], "throttle": {"events_per_second": 5}}"#, true),
        (r#"{"name": "a", "observe": "none", "leave_out": "file_open", "throttle": "none"}"#, true),
        (r#"{"payload": "never"}"#, false),
        (r#"{"name": "a", "payload": "no"}"#, false),
        (r#"{"name": "a", "match": {}}"#, false),
        (r#"{"name": "a", "match": {"unit": "nginx"}}"#, false),
        (r#"{"name": "a", "observe": ["exec"], "leave_out": ["fork"]}"#, false),
        (r#"{"name": "a", "throttle": {"burst": 5}}"#, false),
        (r#"{"name": "a", "key": 1}"#, false),
    ] {
        let value = serde_json::from_str(policy).unwrap();
        assert_eq!(validator.is_valid(&value), right, "{policy}");
        // YAML takes JSON.
        assert_eq!(PolicySet::load(&[("policy.yaml", policy)]).is_ok(), right, "{policy}");
    }
}
