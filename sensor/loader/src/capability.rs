//! Capabilities: the stated set, and giving up everything else for good.
use std::io;

use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_capabilities_secure_bits,
};

use crate::Error;

/// What the loader keeps after it has loaded and attached, and why. Taken away one by one on 6.18: without SETUID, SETGID,
/// KILL, `SYS_PTRACE` or `DAC_READ_SEARCH` the named thing is refused. BPF is missed below 5.19, where `bpf()` as a whole
/// asks for it; PERFMON only by a later attachment.
pub const KEPT: [(CapabilitySet, &str, &str); 7] = [
    (CapabilitySet::BPF, "CAP_BPF", "make iterator fds, read counters, change filter maps"),
    (CapabilitySet::PERFMON, "CAP_PERFMON", "attach probes on request"),
    (CapabilitySet::SYS_PTRACE, "CAP_SYS_PTRACE", "open exe, maps and root of other users' processes"),
    (
        CapabilitySet::DAC_READ_SEARCH,
        "CAP_DAC_READ_SEARCH",
        "read executables and passwd whatever their mode",
    ),
    (CapabilitySet::SETUID, "CAP_SETUID", "start the next pipeline under its own uid"),
    (CapabilitySet::SETGID, "CAP_SETGID", "likewise its gid, and no supplementary groups"),
    (CapabilitySet::KILL, "CAP_KILL", "stop the pipeline, which is another user's process"),
];

/// What the opener keeps of these.
pub(crate) const OPENER: CapabilitySet = CapabilitySet::SYS_PTRACE.union(CapabilitySet::DAC_READ_SEARCH);

/// [`KEPT`] as one mask.
pub fn kept() -> CapabilitySet {
    KEPT.iter().fold(CapabilitySet::empty(), |set, (capability, ..)| set | *capability)
}

/// Checks before anything is loaded that all of [`KEPT`] is there to be kept.
pub(crate) fn check() -> Result<(), Error> {
    let permitted = capabilities(None).map_err(Error::system("read own capabilities"))?.permitted;
    match KEPT.iter().find(|(capability, ..)| !permitted.contains(*capability)) {
        Some((_, needed, _)) => Err(Error::Capability { needed }),
        None => Ok(()),
    }
}

/// Keeps [`KEPT`] and gives up the others for good.
pub(crate) fn drop_rest() -> Result<(), Error> {
    drop_to(kept())
}

/// Keeps these as permitted and effective, nothing inheritable, ambient or in the bounding set, and locks it so that
/// neither an exec nor uid 0 brings anything back. Of the calling thread: call it while there is only one.
pub(crate) fn drop_to(kept: CapabilitySet) -> Result<(), Error> {
    let step = |step| move |errno: rustix::io::Errno| Error::Drop { step, source: io::Error::from(errno) };
    clear_ambient_capability_set().map_err(step("clear the ambient set"))?;
    drop_bounding().map_err(step("empty the bounding set"))?;
    set_capabilities_secure_bits(
        CapabilitiesSecureBits::NO_ROOT
            | CapabilitiesSecureBits::NO_ROOT_LOCKED
            | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
            | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED,
    )
    .map_err(step("lock the secure bits"))?;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).map_err(step("set the permitted set"))
}

/// The kernel says EINVAL to the first number that it doesn't know.
fn drop_bounding() -> rustix::io::Result<()> {
    for bit in 0..64 {
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << bit)) {
            Err(rustix::io::Errno::INVAL) => return Ok(()),
            other => other?,
        }
    }
    Ok(())
}
