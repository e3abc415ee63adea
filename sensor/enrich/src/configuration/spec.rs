//! An OCI runtime's `config.json`, with what containerd, CRI-O, podman and nerdctl annotate.
use super::{
    Malformed,
    text::{Text, image, or_empty},
};
use guardbee_model::{container::Configuration, system::CAPABILITIES};
use serde::{Deserialize, Deserializer, de};
use std::fmt;

/// Those that every kernel has that this sensor runs on: up to `CAP_AUDIT_READ`.
const ALL: u64 = (1 << 38) - 1;

#[derive(Deserialize)]
struct Spec {
    annotations: Option<Annotations>,
    process: Option<Process>,
    linux: Option<Linux>,
}

#[derive(Deserialize)]
struct Process {
    capabilities: Option<Capabilities>,
}

#[derive(Deserialize)]
struct Capabilities {
    bounding: Option<Set>,
}

#[derive(Default, Deserialize)]
struct Linux {
    #[serde(rename = "maskedPaths")]
    masked: Option<Count>,
    #[serde(rename = "readonlyPaths")]
    readonly: Option<Count>,
}

/// Who annotates what: containerd (`io.kubernetes.cri.*`), CRI-O, which takes over the kubelet's labels, podman, nerdctl.
#[derive(Default, Deserialize)]
struct Annotations {
    #[serde(rename = "io.kubernetes.cri.image-name")]
    image: Option<Text>,
    #[serde(rename = "io.kubernetes.cri.podsandbox.image-name")]
    sandbox_image: Option<Text>,
    #[serde(rename = "io.kubernetes.cri.container-name")]
    container: Option<Text>,
    #[serde(rename = "io.kubernetes.cri.sandbox-name")]
    pod: Option<Text>,
    #[serde(rename = "io.kubernetes.cri.sandbox-namespace")]
    namespace: Option<Text>,
    #[serde(rename = "io.kubernetes.cri-o.ImageName")]
    crio_image: Option<Text>,
    #[serde(rename = "io.kubernetes.cri-o.Image")]
    crio_image_id: Option<Text>,
    #[serde(rename = "io.kubernetes.cri-o.KubeName")]
    crio_pod: Option<Text>,
    #[serde(rename = "io.kubernetes.cri-o.Namespace")]
    crio_namespace: Option<Text>,
    #[serde(rename = "io.kubernetes.pod.name")]
    label_pod: Option<Text>,
    #[serde(rename = "io.kubernetes.pod.namespace")]
    label_namespace: Option<Text>,
    #[serde(rename = "io.kubernetes.container.name")]
    label_container: Option<Text>,
    #[serde(rename = "io.podman.annotations.privileged")]
    podman_privileged: Option<Text>,
    #[serde(rename = "nerdctl/name")]
    nerdctl_name: Option<Text>,
}

pub(super) fn spec(json: &[u8]) -> Result<Configuration, Malformed> {
    let Spec { annotations, process, linux } = serde_json::from_slice(json).map_err(|_| Malformed)?;
    let capabilities = process.and_then(|process| process.capabilities?.bounding).map(|bounding| bounding.0);
    let derived = linux.zip(capabilities).map(|(linux, capabilities)| unlocked(&linux, capabilities));
    let Some(said) = annotations else {
        return Ok(Configuration { privileged: derived, capabilities, ..Configuration::default() });
    };
    let podman = said.podman_privileged.map(|word| &*word.0 == "TRUE");
    let pod_container = or_empty(said.container.or(said.label_container));
    let nerdctl = or_empty(said.nerdctl_name);
    Ok(Configuration {
        image: [said.image, said.sandbox_image, said.crio_image, said.crio_image_id]
            .into_iter()
            .find_map(image),
        name: if pod_container.is_empty() { nerdctl } else { pod_container.clone() },
        pod: or_empty(said.pod.or(said.label_pod).or(said.crio_pod)),
        namespace: or_empty(said.namespace.or(said.label_namespace).or(said.crio_namespace)),
        pod_container,
        privileged: podman.or(derived),
        capabilities,
    })
}

/// Of runtimes that don't say it: no path is masked or read-only, and no capability is missing.
fn unlocked(linux: &Linux, capabilities: u64) -> bool {
    let none = |paths: &Option<Count>| paths.as_ref().is_none_or(|paths| paths.0 == 0);
    none(&linux.masked) && none(&linux.readonly) && capabilities & ALL == ALL
}

/// Capabilities by name, those that are known.
struct Set(u64);

/// How many there are.
struct Count(usize);

impl<'de> Deserialize<'de> for Set {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Names)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Counted)
    }
}

struct Names;

impl<'de> de::Visitor<'de> for Names {
    type Value = Set;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("names of capabilities")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut names: A) -> Result<Set, A::Error> {
        let mut set = 0;
        while let Some(Text(name)) = names.next_element()? {
            let bit = CAPABILITIES.iter().position(|known| **known == *name);
            set |= bit.map_or(0, |bit| 1 << bit);
        }
        Ok(Set(set))
    }
}

struct Counted;

impl<'de> de::Visitor<'de> for Counted {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Count, A::Error> {
        let mut count = 0;
        while items.next_element::<de::IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Count(count))
    }
}
