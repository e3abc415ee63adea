//! Small system calls about this process: what it was started with and what it gives up.
use std::io;

use nix::sys::signal::{SigSet, Signal};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, geteuid, getgid, getuid, set_dumpable_behavior, setrlimit,
};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, set_capabilities, set_name,
    set_no_new_privs,
};

/// The loader blocks the signals that it reads from a descriptor, and a mask survives exec: here they are delivered. Not
/// HUP, of which a process dies that has not yet come to reading it: it waits for its descriptor.
pub fn unblock_signals() -> io::Result<()> {
    let mut delivered = SigSet::all();
    delivered.remove(Signal::SIGHUP);
    Ok(delivered.thread_unblock()?)
}

/// The name that others see: after its exec by descriptor it would be `exe`. Who is killed is known by it when nothing else can
/// be asked of him any more.
pub fn take_name() -> io::Result<()> {
    Ok(set_name(c"guardbee")?)
}

/// No ptrace and no /proc of ours for others of our uid, no core that could hold a key.
pub fn hide_memory() -> io::Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(())
}

/// Gives up every capability and every later way to one, then looks whether that is so.
pub fn drop_privileges() -> io::Result<()> {
    let none = CapabilitySet::empty();
    clear_ambient_capability_set()?;
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    set_no_new_privs(true)?;
    let sets = capabilities(None)?;
    if getuid().is_root() || geteuid().is_root() || getgid().is_root() {
        return Err(io::Error::other("uid or gid is 0"));
    }
    if !(sets.effective | sets.permitted | sets.inheritable).is_empty() {
        return Err(io::Error::other("capabilities are left"));
    }
    Ok(())
}

/// Threads of this process.
pub fn threads() -> io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/task")?.count())
}
