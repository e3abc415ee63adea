//! Files as runtimes write them, and as nobody should.
use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

const ID: &str = "3fa93fa93fa93fa93fa93fa93fa93fa93fa93fa93fa93fa93fa93fa93fa93fa9";
const SHA: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn sought(runtime: &str) -> Sought {
    Sought::of(&Container::new(ID, runtime)).unwrap()
}

fn read(record: Record, json: &[u8]) -> Result<Configuration, Malformed> {
    let mut known = Configuration::default();
    read_record(&sought(""), record, json, &mut known).map(|()| known)
}

fn value(record: Record, json: &Value) -> Configuration {
    read(record, json.to_string().as_bytes()).unwrap()
}

/// `reference name pod namespace pod_container privileged`
fn shown(known: &Configuration) -> [String; 6] {
    let text = |text: &str| text.to_owned();
    [
        known.image.as_ref().map_or_else(String::new, |image| text(&image.reference)),
        text(&known.name),
        text(&known.pod),
        text(&known.namespace),
        text(&known.pod_container),
        known.privileged.map_or_else(|| text("?"), |privileged| privileged.to_string()),
    ]
}

fn docker() -> Value {
    json!({
        "StreamConfig": {}, "State": { "Running": true, "Pid": 4242, "StartedAt": "2026-11-22T15:18:29.5Z" }, "ID": ID,
        "Created": "2026-11-22T15:18:29.4Z", "Path": "nginx", "Args": ["-g", "daemon off;"],
        "Config": {
            "Hostname": "3fa93fa93fa9", "User": "", "AttachStdin": false, "ExposedPorts": { "80/tcp": {} }, "Tty": false,
            "Env": ["PATH=/usr/bin", "PASSWORD=hunter2"], "Cmd": ["nginx"], "Image": "nginx:1.25", "Volumes": null,
            "Entrypoint": null, "OnBuild": null, "Labels": { "maintainer": "somebody" },
        },
        "Image": SHA, "NetworkSettings": { "Networks": {} }, "LogPath": "/x.log", "Name": "/web", "Driver": "overlay2",
        "OS": "linux", "RestartCount": 0, "HasBeenStartedBefore": true, "MountPoints": {}, "AppArmorProfile": "",
    })
}

fn spec(capabilities: &[&str], locked: bool, annotations: &Value) -> Value {
    let paths = if locked { json!(["/proc/kcore", "/sys/firmware"]) } else { Value::Null };
    json!({
        "ociVersion": "1.2.0",
        "process": {
            "terminal": false, "user": { "uid": 0, "gid": 0 }, "args": ["/pause"], "env": ["TOKEN=secret"], "cwd": "/",
            "capabilities": { "bounding": capabilities, "effective": capabilities, "permitted": capabilities },
            "noNewPrivileges": true,
        },
        "root": { "path": "rootfs" }, "hostname": "web-0", "mounts": [{ "destination": "/proc", "type": "proc" }],
        "annotations": annotations,
        "linux": {
            "resources": { "devices": [{ "allow": false, "access": "rwm" }] }, "cgroupsPath": "x:y:z",
            "namespaces": [{ "type": "pid" }], "maskedPaths": paths, "readonlyPaths": paths,
        },
    })
}

#[test]
fn docker_says_image_name_and_privileges() {
    let mut known = value(Record::DockerConfig, &docker());
    assert_eq!(shown(&known), ["nginx:1.25", "web", "", "", "", "?"]);
    let host = json!({ "Binds": null, "CapAdd": null, "Privileged": true, "SecurityOpt": ["label=disable"] });
    read_record(&sought("docker"), Record::DockerHost, host.to_string().as_bytes(), &mut known).unwrap();
    // What was said first stands.
    let spec = spec(&["CAP_CHOWN", "CAP_FOWNER"], true, &Value::Null).to_string();
    read_record(&sought("docker"), Record::ContainerdSpec, spec.as_bytes(), &mut known).unwrap();
    assert_eq!(shown(&known), ["nginx:1.25", "web", "", "", "", "true"]);
    assert_eq!(known.capabilities, Some(0b1001));
    let mut pod = docker();
    pod["Config"]["Labels"] = json!({
        "io.kubernetes.pod.name": "web-0", "io.kubernetes.pod.namespace": "shop", "io.kubernetes.container.name": "app",
    });
    assert_eq!(shown(&value(Record::DockerConfig, &pod)), ["nginx:1.25", "app", "web-0", "shop", "app", "?"]);
    pod["ID"] = "4".repeat(64).into();
    assert_eq!(read(Record::DockerConfig, pod.to_string().as_bytes()), Err(Malformed), "another's");
}

#[test]
fn containerd_annotates_for_kubernetes() {
    let annotations = json!({
        "io.kubernetes.cri.container-name": "app", "io.kubernetes.cri.container-type": "container",
        "io.kubernetes.cri.image-name": format!("ghcr.io/shop/web:v2@{SHA}"), "io.kubernetes.cri.sandbox-id": "x",
        "io.kubernetes.cri.sandbox-name": "web-0", "io.kubernetes.cri.sandbox-namespace": "shop",
        "io.kubernetes.cri.sandbox-uid": "0fa2b6e4-96ac-4a5c-8c0e-1df7a2b9c3d1",
    });
    let known = value(Record::ContainerdSpec, &spec(&["CAP_CHOWN"], true, &annotations));
    let image = known.image.as_ref().unwrap();
    assert_eq!((&*image.name, &*image.tag, &*image.digest), ("ghcr.io/shop/web", "v2", SHA));
    assert_eq!(&shown(&known)[1..], ["app", "web-0", "shop", "app", "false"]);
    let pause = json!({
        "io.kubernetes.cri.container-type": "sandbox", "io.kubernetes.cri.sandbox-name": "web-0",
        "io.kubernetes.cri.podsandbox.image-name": "registry.k8s.io/pause:3.10",
        "io.kubernetes.cri.sandbox-namespace": "shop",
    });
    let known = value(Record::ContainerdSpec, &spec(&["CAP_CHOWN"], true, &pause));
    assert_eq!(shown(&known), ["registry.k8s.io/pause:3.10", "", "web-0", "shop", "", "false"]);
    let nerdctl = json!({ "nerdctl/name": "web", "nerdctl/namespace": "default" });
    assert_eq!(&*value(Record::ContainerdSpec, &spec(&[], true, &nerdctl)).name, "web");
}

/// Kubernetes' `privileged: true` leaves no word in the configuration: it shows in what is missing.
#[test]
fn privileged_is_who_lacks_no_capability_and_has_no_locked_path() {
    use guardbee_model::system::CAPABILITIES;
    let old_kernel = &CAPABILITIES[..38];
    for (capabilities, locked, privileged) in [
        (&CAPABILITIES[..], false, true),
        (old_kernel, false, true),
        (&CAPABILITIES[..], true, false),
        (&CAPABILITIES[..37], false, false),
        (&[][..], false, false),
    ] {
        let known = value(Record::ContainerdSpec, &spec(capabilities, locked, &json!({})));
        assert_eq!(known.privileged, Some(privileged), "{capabilities:?} {locked}");
    }
    let mut bare = spec(&CAPABILITIES, false, &json!({}));
    bare["process"]["capabilities"] = Value::Null;
    assert_eq!(value(Record::ContainerdSpec, &bare).privileged, None, "nothing tells");
}

#[test]
fn crio_annotates_with_the_kubelets_labels() {
    let annotations = json!({
        "io.kubernetes.container.name": "app", "io.kubernetes.pod.name": "web-0",
        "io.kubernetes.pod.namespace": "shop", "io.kubernetes.cri-o.Image": "3f57d9401f8d42f986df300f0c69192f",
        "io.kubernetes.cri-o.ImageName": "quay.io/shop/web:v2", "io.kubernetes.cri-o.Metadata": "{\"name\":\"app\"}",
        "io.kubernetes.cri-o.ContainerName": "k8s_app_web-0_shop_uid_0", "io.container.manager": "cri-o",
    });
    let known = value(Record::StorageSpec, &spec(&["CAP_CHOWN"], true, &annotations));
    assert_eq!(shown(&known), ["quay.io/shop/web:v2", "app", "web-0", "shop", "app", "false"]);
    let sandbox = json!({
        "io.kubernetes.cri-o.Image": "registry.k8s.io/pause:3.6", "io.kubernetes.cri-o.KubeName": "web-0",
        "io.kubernetes.cri-o.Namespace": "shop", "io.kubernetes.cri-o.ImageName": "",
    });
    let known = value(Record::StorageSpec, &spec(&["CAP_CHOWN"], true, &sandbox));
    assert_eq!(shown(&known), ["registry.k8s.io/pause:3.6", "", "web-0", "shop", "", "false"]);
}

/// As podman 4.3.1 writes it.
#[test]
fn podman_has_its_names_in_a_list() {
    let annotations = json!({
        "io.container.manager": "libpod", "io.kubernetes.cri-o.Created": "2026-11-22T15:18:29.504693663Z",
        "io.kubernetes.cri-o.TTY": "false", "io.podman.annotations.autoremove": "FALSE",
        "io.podman.annotations.privileged": "TRUE", "org.opencontainers.image.stopSignal": "15",
    });
    let mut known = value(Record::StorageSpec, &spec(&["CAP_CHOWN"], true, &annotations));
    assert_eq!(shown(&known), ["", "", "", "", "", "true"]);
    let item = |id: &str, name: &str| {
        json!({
            "id": id, "names": [name], "image": "de208a1f92f6", "layer": "d0163595f483", "flags": { "MountLabel": "" },
            "metadata": json!({
                "image-name": "registry.test:5000/shop/web:1.2", "image-id": "de208a1f92f6", "name": name,
                "created-at": 1_795_360_709,
            }).to_string(),
        })
    };
    let list = json!([item(&"4".repeat(64), "other"), item(ID, "shopweb")]).to_string();
    read_record(&sought("podman"), Record::StorageList, list.as_bytes(), &mut known).unwrap();
    assert_eq!(shown(&known), ["registry.test:5000/shop/web:1.2", "shopweb", "", "", "", "true"]);
    let none = json!([item(&"4".repeat(64), "other"), { "id": ID }]);
    assert_eq!(value(Record::StorageList, &none), Configuration::default());
    let twice = json!([item(ID, "one"), item(ID, "two")]).to_string();
    assert_eq!(read(Record::StorageList, twice.as_bytes()), Err(Malformed));
}

#[test]
fn what_a_runtime_would_not_write_is_refused_whole() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let long = "x".repeat(513);
    let hostile: Vec<(Record, Vec<u8>)> = vec![
        (Record::ContainerdSpec, Vec::new()),
        (Record::ContainerdSpec, b"null".to_vec()),
        (Record::ContainerdSpec, b"{}garbage".to_vec()),
        (Record::ContainerdSpec, b"{\"annotations\": {".to_vec()),
        (Record::ContainerdSpec, b"{\"annotations\": {\"nerdctl/name\": \"\xff\"}}".to_vec()),
        (Record::ContainerdSpec, format!("{{\"annotations\": {deep}}}").into_bytes()),
        (Record::ContainerdSpec, json!({ "annotations": { "nerdctl/name": long } }).to_string().into_bytes()),
        (
            Record::ContainerdSpec,
            json!({ "annotations": { "nerdctl/name": "a\nb" } }).to_string().into_bytes(),
        ),
        (Record::ContainerdSpec, json!({ "annotations": { "nerdctl/name": 7 } }).to_string().into_bytes()),
        (Record::ContainerdSpec, json!({ "annotations": [] }).to_string().into_bytes()),
        (
            Record::ContainerdSpec,
            br#"{"annotations": {"nerdctl/name": "one", "nerdctl/name": "two"}}"#.to_vec(),
        ),
        (Record::ContainerdSpec, br#"{"annotations": {}, "annotations": {}}"#.to_vec()),
        (
            Record::ContainerdSpec,
            json!({ "process": { "capabilities": { "bounding": "CAP_CHOWN" } } }).to_string().into_bytes(),
        ),
        (Record::ContainerdSpec, json!({ "linux": { "maskedPaths": {} } }).to_string().into_bytes()),
        (Record::ContainerdSpec, vec![b' '; RECORD_BYTES + 1]),
        (Record::DockerConfig, b"{}".to_vec()),
        (Record::DockerConfig, json!({ "ID": ID, "Config": { "Image": {} } }).to_string().into_bytes()),
        (Record::DockerHost, json!({ "Privileged": "yes" }).to_string().into_bytes()),
        (Record::StorageList, b"{}".to_vec()),
        (Record::StorageList, b"[{}]".to_vec()),
        (Record::StorageList, json!([{ "id": ID, "metadata": "{" }]).to_string().into_bytes()),
        (Record::StorageList, json!([{ "id": ID, "metadata": {} }]).to_string().into_bytes()),
        (Record::StorageVolatile, format!("[{deep}]").into_bytes()),
    ];
    for (record, bytes) in &hostile {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(99)]).into_owned();
        let outcome = read(*record, bytes);
        assert!(outcome.is_err(), "{record:?} {shown}: {outcome:?}");
    }
    println!("cases: {}", hostile.len());
    // What isn't looked at may be anything.
    let unknown = format!("{{\"x\": {deep}, \"annotations\": {{\"x\": {deep}, \"nerdctl/name\": \"web\"}}}}");
    assert_eq!(&*read(Record::ContainerdSpec, unknown.as_bytes()).unwrap().name, "web");
}

#[test]
fn ids_are_what_oci_runtimes_give() {
    for (id, runtime, records) in [
        (ID, "docker", Some(3)),
        (ID, "containerd", Some(1)),
        (ID, "cri-o", Some(1)),
        (ID, "podman", Some(3)),
        (ID, "", Some(6)),
        (ID, "lxc", None),
        ("web", "docker", None),
        ("3fa93fa93fa9", "docker", None),
        ("", "", None),
    ] {
        let sought = Sought::of(&Container::new(id, runtime));
        assert_eq!(sought.map(|sought| sought.records.len()), records, "{id} {runtime}");
        assert!(sought.is_none_or(|sought| sought.name() == id));
    }
}

proptest! {
    #[test]
    fn total(bytes in prop::collection::vec(any::<u8>(), 0..200), which in 0..6_usize) {
        use Record::*;
        let records = [DockerConfig, DockerHost, ContainerdSpec, StorageSpec, StorageList, StorageVolatile];
        read(records[which], &bytes).ok();
    }

    /// Whatever is put in place of one value.
    #[test]
    fn any_value_anywhere(key in "annotations|process|linux|root|mounts", text in ".{0,40}", number in any::<i64>()) {
        for other in [json!(text), json!(number), json!([text]), json!({ (text.clone()): number }), Value::Null] {
            let mut spec = spec(&["CAP_CHOWN"], true, &json!({}));
            spec[key.as_str()] = other;
            read(Record::ContainerdSpec, spec.to_string().as_bytes()).ok();
        }
    }
}
