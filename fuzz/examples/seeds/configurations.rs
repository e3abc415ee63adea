//! Files of runtimes, as they write them, shortened to what is looked at and something beside it; and hostile ones.
use super::Seeds;
use std::error::Error;

pub(crate) fn seeds() -> Result<Seeds, Box<dyn Error>> {
    let id = "3fa9".repeat(16);
    let docker = format!(
        r#"{{"State":{{"Pid":4242}},"ID":"{id}","Config":{{"Env":["A=b"],"Image":"nginx:1.25","Labels":{{"io.kubernetes.pod.name":"web-0"}}}},"Image":"sha256:0","Name":"/web"}}"#
    );
    let containerd = r#"{"ociVersion":"1.2.0","process":{"args":["/app"],"capabilities":{"bounding":["CAP_CHOWN","CAP_SYS_ADMIN"]}},"annotations":{"io.kubernetes.cri.image-name":"ghcr.io/shop/web:v2@sha256:0","io.kubernetes.cri.container-name":"app","io.kubernetes.cri.sandbox-name":"web-0","io.kubernetes.cri.sandbox-namespace":"shop"},"linux":{"maskedPaths":["/proc/kcore"],"readonlyPaths":null}}"#;
    let podman = r#"{"annotations":{"io.container.manager":"libpod","io.podman.annotations.privileged":"TRUE"},"linux":{}}"#;
    let crio = r#"{"annotations":{"io.kubernetes.container.name":"app","io.kubernetes.pod.name":"web-0","io.kubernetes.pod.namespace":"shop","io.kubernetes.cri-o.ImageName":"quay.io/shop/web:v2","io.kubernetes.cri-o.Image":"3f57"}}"#;
    let list = format!(
        r#"[{{"id":"{id}","names":["web"],"image":"de208a1f","metadata":"{{\"image-name\":\"registry.test:5000/shop/web:1.2\",\"name\":\"web\"}}","flags":{{}}}}]"#
    );
    let twice = r#"{"annotations":{"nerdctl/name":"a","nerdctl/name":"b"}}"#;
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let seeds: [(&str, u8, &str); 9] = [
        ("docker-config", 0, &docker),
        ("docker-host", 1, r#"{"CapAdd":null,"Privileged":true}"#),
        ("containerd", 2, containerd),
        ("podman", 3, podman),
        ("crio", 3, crio),
        ("list", 4, &list),
        ("list-volatile", 5, "[]"),
        ("hostile-twice", 2, twice),
        ("hostile-deep", 4, &deep),
    ];
    Ok(seeds.map(|(name, which, json)| (name.to_owned(), [&[which], json.as_bytes()].concat())).to_vec())
}
