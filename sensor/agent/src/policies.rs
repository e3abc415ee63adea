//! Policy files on disk, and the cgroups of this node that they are about.
use crate::rule_files;
use guardbee_enrich::{names, paths};
use guardbee_model::container::{Configuration, Container};
use guardbee_policy::{Place, PolicySet, Problem};
use std::{collections::BTreeMap, io::Read as _, path::PathBuf};

/// Of `/proc/PID/cgroup`.
const MAX_BYTES: u64 = 64 << 10;
/// What the kernel writes behind the path of a cgroup that was removed.
const DELETED: &str = " (deleted)";

/// Policies of these files, and of those in these folders, in the order of their paths.
///
/// # Errors
/// A file can't be read; within: a file has errors.
pub fn load(paths: &[PathBuf]) -> anyhow::Result<Result<PolicySet, Vec<Problem>>> {
    Ok(PolicySet::load(&rule_files::read_policies(paths)?))
}

/// A cgroup, as its path tells.
#[derive(Clone, Debug)]
pub struct Spot {
    /// From the root of the hierarchy that tells containers apart.
    pub path: String,
    /// The outermost systemd unit; empty: none.
    pub unit: String,
    /// The outermost container.
    pub container: Option<Container>,
    /// What its runtime's files say, if somebody has read them.
    pub configured: Option<Configuration>,
    /// That are in it now.
    pub processes: usize,
}

impl Spot {
    /// Of a path, whether there is such a cgroup or not.
    pub fn of(path: &str) -> Self {
        let path = path.strip_suffix(DELETED).unwrap_or(path);
        let found = names(path);
        let (path, unit) = (path.to_owned(), found.unit.to_owned());
        Self { path, unit, container: found.container, configured: None, processes: 0 }
    }

    /// What a policy looks at.
    pub fn place(&self) -> Place<'_> {
        let (container, configured) = (self.container.as_ref(), self.configured.as_ref());
        Place { path: &self.path, unit: &self.unit, container, configured }
    }

    /// It is of this unit, or in the container whose id begins so.
    pub fn is_of(&self, name: &str) -> bool {
        let in_it = |container: &Container| container.id.starts_with(name);
        !name.is_empty() && (self.unit == name || self.container.as_ref().is_some_and(in_it))
    }
}

/// Cgroups that have processes now, by path.
///
/// # Errors
/// There is no /proc.
pub fn on_this_node() -> std::io::Result<Vec<Spot>> {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for entry in std::fs::read_dir("/proc")? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit) {
            continue;
        }
        // Who ends meanwhile is in none.
        let Ok(file) = std::fs::File::open(entry.path().join("cgroup")) else { continue };
        let mut content = Vec::new();
        if file.take(MAX_BYTES).read_to_end(&mut content).is_ok() {
            let path = String::from_utf8_lossy(paths(&content).own).into_owned();
            *found.entry(path).or_default() += 1;
        }
    }
    let spots = found.into_iter().filter(|(path, _)| !path.is_empty());
    Ok(spots.map(|(path, processes)| Spot { processes, ..Spot::of(&path) }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_somewhere() {
        let own = std::fs::read("/proc/self/cgroup").unwrap();
        let own = String::from_utf8_lossy(paths(&own).own).into_owned();
        let all = on_this_node().unwrap();
        assert!(all.iter().any(|spot| spot.path == own && spot.processes > 0), "{own}: {all:?}");
    }

    #[test]
    fn a_spot_is_found_by_unit_and_by_container() {
        let id = "3fa9".repeat(16);
        let docker = Spot::of(&format!("/system.slice/docker-{id}.scope (deleted)"));
        assert!(docker.is_of("3fa93fa93fa9") && docker.is_of(&format!("docker-{id}.scope")));
        assert!(!docker.is_of("") && !docker.is_of("docker"));
        assert_eq!(docker.path, format!("/system.slice/docker-{id}.scope"));
    }
}
