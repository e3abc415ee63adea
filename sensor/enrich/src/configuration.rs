//! What runtimes keep of containers: image, names, privileges, out of JSON files of their own.
//!
//! The files are root's, but what stands in them was chosen by whoever may start containers, so they are read as a stranger's: whole
//! or not at all, within bounds, and nothing is kept of them but [`Configuration`]. They hold the environment of workloads.
mod docker;
mod spec;
mod storage;
mod text;

use guardbee_model::container::{Configuration, Container};
use std::fmt::Write as _;

/// A file that a runtime keeps. What each is and where it lies: `guardbee_wire::Record`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "guardbee_wire::Record says what they are")]
pub enum Record {
    DockerConfig,
    DockerHost,
    ContainerdSpec,
    StorageSpec,
    StorageList,
    StorageVolatile,
}

/// A longer file is not read: a list has some hundred bytes for each container.
pub const RECORD_BYTES: usize = 4 << 20;

/// Not what a runtime writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// A container whose files are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sought {
    /// Its id.
    pub id: [u8; 32],
    /// What may tell of it, in the order in which it counts.
    pub records: &'static [Record],
}

impl Sought {
    /// [`None`]: its runtime keeps nothing that could be found by the id.
    pub fn of(container: &Container) -> Option<Self> {
        Some(Self { id: bytes(&container.id)?, records: records(&container.runtime)? })
    }

    /// As it is written.
    pub fn name(&self) -> String {
        self.id.iter().fold(String::with_capacity(2 * self.id.len()), |mut text, byte| {
            // A string has room.
            write!(text, "{byte:02x}").unwrap_or_default();
            text
        })
    }
}

fn records(runtime: &str) -> Option<&'static [Record]> {
    use Record::{ContainerdSpec, DockerConfig, DockerHost, StorageList, StorageSpec, StorageVolatile};
    Some(match runtime {
        "docker" => &[DockerConfig, DockerHost, ContainerdSpec],
        "containerd" => &[ContainerdSpec],
        "cri-o" => &[StorageSpec],
        "podman" => &[StorageSpec, StorageList, StorageVolatile],
        // The kubelet's cgroupfs driver names no runtime.
        "" => &[DockerConfig, DockerHost, ContainerdSpec, StorageSpec, StorageList, StorageVolatile],
        _ => return None,
    })
}

fn bytes(id: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, []) = id.as_bytes().as_chunks::<2>() else { return None };
    let bytes: Option<Vec<u8>> =
        pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    bytes?.try_into().ok()
}

/// Adds what a record says to what others before it have said. Total: what can't be read adds nothing.
pub fn read_record(
    sought: &Sought,
    record: Record,
    json: &[u8],
    known: &mut Configuration,
) -> Result<(), Malformed> {
    if json.len() > RECORD_BYTES {
        return Err(Malformed);
    }
    let said = match record {
        Record::DockerConfig => docker::config(json, &sought.name())?,
        Record::DockerHost => docker::host(json)?,
        Record::ContainerdSpec | Record::StorageSpec => spec::spec(json)?,
        Record::StorageList | Record::StorageVolatile => storage::list(json, &sought.name())?,
    };
    add(known, said);
    Ok(())
}

fn add(known: &mut Configuration, said: Configuration) {
    known.image = known.image.take().or(said.image);
    for (known, said) in [
        (&mut known.name, said.name),
        (&mut known.pod, said.pod),
        (&mut known.namespace, said.namespace),
        (&mut known.pod_container, said.pod_container),
    ] {
        if known.is_empty() {
            *known = said;
        }
    }
    known.privileged = known.privileged.or(said.privileged);
    known.capabilities = known.capabilities.or(said.capabilities);
}

#[cfg(test)]
mod tests;
