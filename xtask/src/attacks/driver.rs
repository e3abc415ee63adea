//! A driver: a script of tests/attacks, and what its header declares.
use anyhow::{Context as _, bail, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Begins a line of the header, in whatever language: all of them have comments that begin so.
const MARK: &str = "#: ";

/// One attack and its twin.
pub(crate) struct Driver {
    /// Its file's name.
    pub(crate) file: String,
    pub(crate) title: String,
    /// ATT&CK.
    pub(crate) technique: String,
    /// Kinds of event without which nobody can see it.
    pub(crate) needs: Vec<String>,
    /// File names, without their ending, of the rules each of which must find it. None: there is no rule yet.
    pub(crate) rules: Vec<String>,
    /// What must come of it, beside or in place of being found.
    pub(crate) expects: Option<Expects>,
    /// What is as good as being found, where this machine's hooks can't see it and the sensor says so.
    pub(crate) unless: Option<Expects>,
    /// Why there is none, where it isn't for want of a kind of event.
    pub(crate) lacks: Option<String>,
    /// Seconds for which baselines of its rules learn, in place of days.
    pub(crate) learn: Option<u32>,
    /// How its sensor is told to see the ends of calls; without: the default.
    pub(crate) dispatch: Option<String>,
    /// The sensor doesn't outlive the attack.
    pub(crate) ends_sensor: bool,
}

/// Drivers for which this is the same are tried before one sensor.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Before {
    /// As its baselines learn, a sensor's rules are a copy of their own.
    pub(crate) learn: Option<u32>,
    pub(crate) dispatch: Option<String>,
    /// A driver that has one of its own.
    pub(crate) alone: Option<String>,
}

/// What a driver itself must see come of its attack; that it did, and how, it says in a line of JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expects {
    /// It is refused.
    Prevented,
    /// `guardbee doctor` tells of it.
    Doctor,
    /// A signed statement of the sensor tells of it.
    Statement,
}

impl Expects {
    fn parse(name: &str) -> anyhow::Result<Self> {
        match name {
            "prevented" => Ok(Self::Prevented),
            "doctor" => Ok(Self::Doctor),
            "statement" => Ok(Self::Statement),
            _ => bail!("`{name}` can't be expected; there are prevented, doctor, statement"),
        }
    }

    /// The key in the driver's line.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Prevented => "prevented",
            Self::Doctor => "doctor",
            Self::Statement => "statement",
        }
    }
}

/// The drivers of the checkout, by name.
pub(crate) fn all(root: &Path) -> anyhow::Result<Vec<Driver>> {
    let folder = root.join("tests/attacks");
    let mut drivers = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let numbered = file.trim_start_matches('b').starts_with(|first: char| first.is_ascii_digit());
        if !numbered || !path.is_file() {
            continue;
        }
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let driver =
            Driver::parse(&file, &text).with_context(|| format!("the header of {}", path.display()))?;
        for rule in &driver.rules {
            rule_file(&root.join("rules"), rule).with_context(|| format!("{file} names a rule"))?;
        }
        drivers.push(driver);
    }
    drivers.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(drivers)
}

/// Where a rule of a pack is.
pub(super) fn rule_file(pack: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let folders = fs::read_dir(pack).with_context(|| format!("read {}", pack.display()))?;
    let mut files = folders.flatten().map(|folder| folder.path().join(format!("{name}.yml")));
    files.find(|file| file.is_file()).with_context(|| format!("there is no rules/*/{name}.yml"))
}

impl Driver {
    fn parse(file: &str, text: &str) -> anyhow::Result<Self> {
        let mut driver = Self {
            file: file.to_owned(),
            title: String::new(),
            technique: String::new(),
            needs: Vec::new(),
            rules: Vec::new(),
            expects: None,
            unless: None,
            lacks: None,
            learn: None,
            dispatch: None,
            ends_sensor: false,
        };
        for line in text.lines().filter_map(|line| line.strip_prefix(MARK)) {
            let (key, value) =
                line.split_once(": ").with_context(|| format!("`{line}` is not `key: value`"))?;
            let words = || value.split(',').map(|word| word.trim().to_owned()).collect();
            match key {
                "title" => value.clone_into(&mut driver.title),
                "technique" => value.clone_into(&mut driver.technique),
                "needs" => driver.needs = words(),
                "rules" => driver.rules = words(),
                "expects" => driver.expects = Some(Expects::parse(value)?),
                "unless" => driver.unless = Some(Expects::parse(value)?),
                "lacks" => driver.lacks = Some(value.to_owned()),
                "learn" => {
                    let seconds = value.strip_suffix('s').and_then(|seconds| seconds.parse().ok());
                    driver.learn = Some(seconds.with_context(|| format!("`{value}` is no time such as 2s"))?);
                }
                "dispatch" => driver.dispatch = Some(value.to_owned()),
                "ends" => {
                    ensure!(value == "sensor", "an attack may end the `sensor`, not `{value}`");
                    driver.ends_sensor = true;
                }
                "twin" => {} // said for those who read the driver
                _ => bail!(
                    "unknown key `{key}`; there are title, technique, needs, rules, expects, unless, lacks, learn, dispatch, ends, twin"
                ),
            }
        }
        ensure!(!driver.title.is_empty(), "it has no `#: title: ...`");
        ensure!(driver.technique.starts_with('T'), "it has no `#: technique: T...`");
        ensure!(!driver.needs.is_empty(), "it has no `#: needs: ...`");
        Ok(driver)
    }

    /// What the file's name begins with: the number of its behaviour, or `b` and that of its bypass.
    pub(crate) fn number(&self) -> &str {
        self.file.split('-').next().unwrap_or_default()
    }

    /// Before which sensor it is tried.
    pub(crate) fn before(&self) -> Before {
        let alone = self.ends_sensor.then(|| self.file.clone());
        Before { learn: self.learn, dispatch: self.dispatch.clone(), alone }
    }

    /// It goes around a sensor.
    pub(crate) fn is_bypass(&self) -> bool {
        self.file.starts_with('b')
    }

    /// How the driver names itself in what it says.
    pub(crate) fn id(&self) -> &str {
        self.number().trim_start_matches('0')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header() {
        let text = "#!/bin/bash\n# About.\n#: title: A shell: of a server\n#: technique: T1190\n#: needs: exec, request\n#: rules: a, b\n#: twin: a health check\nattack() { :; }\n";
        let driver = Driver::parse("001-web-shell.sh", text).unwrap();
        assert_eq!((driver.id(), driver.title.as_str()), ("1", "A shell: of a server"));
        assert_eq!((driver.needs.len(), driver.rules.join("+")), (2, "a+b".to_owned()));
        assert_eq!(driver.before(), Before::default());
        let text = text.replace("#: twin", "#: learn: 2s\n#: dispatch: full\n#: ends: sensor\n#: twin");
        let driver = Driver::parse("001-web-shell.sh", &text).unwrap();
        let (dispatch, alone) = (Some("full".to_owned()), Some(driver.file.clone()));
        assert_eq!(driver.before(), Before { learn: Some(2), dispatch, alone });
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |text| Driver::parse("001-x.sh", text).err().unwrap().to_string();
        assert!(error("#: title: x\n#: technique: T1\n").contains("needs"));
        assert!(error("#: rule: x\n").contains("unknown key `rule`"));
        assert!(error("#: title\n").contains("`title`"));
        assert!(error("#: learn: 3d\n").contains("`3d` is no time"));
        assert!(error("#: ends: machine\n").contains("not `machine`"));
    }
}
