//! Docker's `config.v2.json` and `hostconfig.json`.
use super::{
    Malformed,
    text::{Text, image, or_empty},
};
use guardbee_model::container::Configuration;
use serde::Deserialize;

#[derive(Deserialize)]
struct Config {
    #[serde(rename = "ID")]
    id: Text,
    /// With a `/` before it.
    #[serde(rename = "Name")]
    name: Option<Text>,
    #[serde(rename = "Config")]
    asked: Option<Asked>,
}

/// What was asked for.
#[derive(Default, Deserialize)]
struct Asked {
    #[serde(rename = "Image")]
    image: Option<Text>,
    #[serde(rename = "Labels")]
    labels: Option<Labels>,
}

/// The kubelet's, by way of cri-dockerd.
#[derive(Default, Deserialize)]
struct Labels {
    #[serde(rename = "io.kubernetes.pod.name")]
    pod: Option<Text>,
    #[serde(rename = "io.kubernetes.pod.namespace")]
    namespace: Option<Text>,
    #[serde(rename = "io.kubernetes.container.name")]
    container: Option<Text>,
}

#[derive(Deserialize)]
struct Host {
    #[serde(rename = "Privileged")]
    privileged: Option<bool>,
}

/// Of the container with this id; another's is malformed.
pub(super) fn config(json: &[u8], id: &str) -> Result<Configuration, Malformed> {
    let config: Config = serde_json::from_slice(json).map_err(|_| Malformed)?;
    if &*config.id.0 != id {
        return Err(Malformed);
    }
    let asked = config.asked.unwrap_or_default();
    let labels = asked.labels.unwrap_or_default();
    let pod_container = or_empty(labels.container);
    let name = or_empty(config.name);
    let name = name.strip_prefix('/').unwrap_or(&name);
    Ok(Configuration {
        image: image(asked.image),
        name: if pod_container.is_empty() { name.into() } else { pod_container.clone() },
        pod: or_empty(labels.pod),
        namespace: or_empty(labels.namespace),
        pod_container,
        ..Configuration::default()
    })
}

pub(super) fn host(json: &[u8]) -> Result<Configuration, Malformed> {
    let host: Host = serde_json::from_slice(json).map_err(|_| Malformed)?;
    Ok(Configuration { privileged: host.privileged, ..Configuration::default() })
}
