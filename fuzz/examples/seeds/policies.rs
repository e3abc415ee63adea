//! The policies that are shipped, and every wrong one of the tests.
use super::Seeds;
use std::{error::Error, fs, path::Path};

pub(crate) fn seeds() -> Result<Seeds, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut seeds = Seeds::new();
    for file in fs::read_dir(root.join("policies"))? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            seeds.push((name, fs::read(path)?));
        }
    }
    let wrong = fs::read_to_string(root.join("sensor/policy/tests/wrong.txt"))?;
    for case in wrong.split("### ").skip(1) {
        let (name, text) = case.split_once('\n').unwrap_or((case, ""));
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let name: String = name.trim().chars().map(plain).collect();
        seeds.push((format!("wrong-{name}"), text.as_bytes().to_vec()));
    }
    Ok(seeds)
}
