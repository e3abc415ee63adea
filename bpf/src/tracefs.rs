//! The tracepoints of calls, which are found through tracefs and attached to through perf.
use rustix::mount::{MountFlags, mount};
use std::{
    fs,
    os::fd::{FromRawFd as _, OwnedFd},
    path::{Path, PathBuf},
};

const PLACE: &str = "/sys/kernel/tracing";
const PLACES: [&str; 2] = [PLACE, "/sys/kernel/debug/tracing"];

/// Mounts it where it isn't. Where that can't be done the attachment says what is missing.
pub(crate) fn mounted() {
    if !Path::new(PLACE).join("events").exists() {
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        mount("tracefs", PLACE, "tracefs", flags, None).ok();
    }
}

/// Has this kernel the call, and a tracepoint at its end?
pub(crate) fn has(call: &str) -> bool {
    event_of(call).is_some()
}

fn event_of(call: &str) -> Option<PathBuf> {
    let events = PLACES.iter().map(|place| Path::new(place).join(format!("events/syscalls/sys_exit_{call}")));
    events.into_iter().find(|event| event.exists())
}

/// May a tracepoint be attached to? Tried as libbpf does it, at a call that every kernel has.
pub(crate) fn works() -> bool {
    mounted();
    let number = |event: PathBuf| fs::read_to_string(event.join("id")).ok()?.trim().parse().ok();
    event_of("openat").and_then(number).is_some_and(|event| open(event).is_some())
}

fn open(event: u64) -> Option<OwnedFd> {
    // struct perf_event_attr as its first version had it: PERF_TYPE_TRACEPOINT and the size, the event, a period of one.
    const SIZE: u64 = 64;
    const CLOSE_ON_EXEC: libc::c_ulong = 8;
    let attributes: [u64; 8] = [SIZE << 32 | 2, event, 1, 0, 0, 0, 0, 0];
    #[expect(unsafe_code, reason = "nothing else opens a perf event")]
    // SAFETY: the kernel reads the 64 bytes that the attributes say they have, and answers with a descriptor of ours or -1.
    unsafe {
        let fd = libc::syscall(libc::SYS_perf_event_open, attributes.as_ptr(), -1, 0, -1, CLOSE_ON_EXEC);
        i32::try_from(fd).ok().filter(|fd| *fd >= 0).map(|fd| OwnedFd::from_raw_fd(fd))
    }
}
