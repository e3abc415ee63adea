//! Cgroups of a test's own.
use guardbee_bpf::CgroupSource;
use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Command,
};

/// A cgroup of its own in the hierarchy that tells containers apart here.
pub struct Cgroup(PathBuf);

impl Cgroup {
    pub fn new(name: &str) -> Self {
        let controller = match CgroupSource::of_this_kernel() {
            CgroupSource::Default => None,
            CgroupSource::Memory => Some("memory"),
            CgroupSource::Pids => Some("pids"),
        };
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let root = mounts
            .lines()
            .map(|line| line.split(' ').collect::<Vec<_>>())
            .find(|words| match controller {
                None => words[2] == "cgroup2",
                Some(wanted) => words[2] == "cgroup" && words[3].split(',').any(|option| option == wanted),
            })
            .expect("the hierarchy is mounted")[1]
            .to_owned();
        let path = Path::new(&root).join(format!("{name}-{}", std::process::id()));
        fs::create_dir(&path).expect("make a cgroup: run as root");
        Self(path)
    }

    pub fn id(&self) -> u64 {
        fs::metadata(&self.0).unwrap().ino()
    }

    /// Without a policy that names it.
    pub fn scope(&self) -> u32 {
        0x8000_0000 | u32::try_from(self.id() & u64::from(u32::MAX)).unwrap()
    }

    /// Runs a script in it.
    pub fn run(&self, script: &str) {
        let script = format!("echo 0 > \"$0/cgroup.procs\"; {script}");
        let status = Command::new("bash").args(["-c", &script]).arg(&self.0).status().unwrap();
        assert!(status.success(), "{script}");
    }

    /// Runs `/bin/true NONCE` that often in it.
    pub fn run_often(&self, nonce: &str, times: usize) {
        self.run(&format!("for i in $(seq {times}); do /bin/true {nonce}; done"));
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        fs::remove_dir(&self.0).ok();
    }
}
