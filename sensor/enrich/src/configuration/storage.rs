//! The list of containers that podman and CRI-O keep: `containers.json` of containers/storage, and the volatile one.
use super::{
    Malformed,
    text::{Text, image, or_empty},
};
use guardbee_model::container::Configuration;
use serde::{Deserialize, Deserializer as _, de};
use std::fmt;

/// Of a container's metadata, JSON within JSON.
const METADATA_BYTES: usize = 64 << 10;

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    id: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    metadata: Option<std::borrow::Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(rename = "image-name")]
    image: Option<Text>,
    name: Option<Text>,
}

/// What the list says of the container with this id; nothing, where it isn't in it.
pub(super) fn list(json: &[u8], id: &str) -> Result<Configuration, Malformed> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let found = reader.deserialize_seq(Find(id)).map_err(|_| Malformed)?;
    reader.end().map_err(|_| Malformed)?;
    let Some(metadata) = found else { return Ok(Configuration::default()) };
    if metadata.len() > METADATA_BYTES {
        return Err(Malformed);
    }
    let metadata: Metadata = serde_json::from_str(&metadata).map_err(|_| Malformed)?;
    Ok(Configuration {
        image: image(metadata.image),
        name: or_empty(metadata.name),
        ..Configuration::default()
    })
}

/// The id whose metadata is looked for.
struct Find<'i>(&'i str);

impl<'de> de::Visitor<'de> for Find<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of containers")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(Item { id, metadata }) = items.next_element()? {
            if id == self.0 {
                if found.is_some() {
                    return Err(de::Error::custom("a container stands twice"));
                }
                found = Some(metadata.unwrap_or_default().into_owned());
            }
        }
        Ok(found.filter(|metadata| !metadata.is_empty()))
    }
}
