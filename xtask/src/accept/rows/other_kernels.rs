//! Row k: other kernels, in virtual machines: every program fires, actions are joined to their requests, the records verify,
//! the object fits the kernel, and operations cost no more instructions than is recorded.
mod abi;
mod instructions;
mod joined;

use super::part;
use crate::{
    accept::{lab::Lab, table::Table},
    process,
};
use std::{path::Path, process::Command, time::Duration};

/// The oldest that is served, and the newest.
const KERNELS: [&str; 2] = ["5.10", "7.2"];
/// The machines are emulated: a minute or two, and more beside other work.
const RUN_LIMIT: Duration = Duration::from_mins(20);
/// Packages, a root image and kernels are fetched at the first use.
const SETUP_LIMIT: Duration = Duration::from_mins(20);
const BUILD_LIMIT: Duration = Duration::from_mins(10);

pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    process::output("setup", Command::new(lab.root.join("tests/vm/setup.sh")), lab.dir.path(), SETUP_LIMIT)?;
    for kernel in KERNELS {
        part(lab, table, 'k', &format!("kernel {kernel}, join"), || joined::judge(lab, kernel));
        part(lab, table, 'k', &format!("kernel {kernel}, ABI"), || abi::judge(lab, kernel));
        instructions::judge(lab, table, kernel);
    }
    Ok(())
}

/// Boots a machine with the folder `share`, runs a script there, and gives what it printed.
fn boot(lab: &Lab, kernel: &str, share: &Path, options: &[&str], script: &str) -> anyhow::Result<String> {
    let mut command = Command::new(lab.root.join("tests/vm/vmrun"));
    command.args(["--kernel", kernel, "--timeout", &RUN_LIMIT.as_secs().to_string(), "--share"]).arg(share);
    command.args(options).arg("--").arg(script);
    process::output("vmrun", command, share, RUN_LIMIT * 2)
}
