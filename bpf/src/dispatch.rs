//! The numbers of calls: the machine's own, and those by which 32-bit and x32 programs make the same calls. Mirrors the
//! tables of `include/syscall.h`.
use std::str::FromStr;

#[cfg(target_arch = "aarch64")]
use syscalls::{aarch64::Sysno as Own, arm::Sysno as Compat};
#[cfg(target_arch = "x86_64")]
use syscalls::{x86::Sysno as Compat, x86_64::Sysno as Own};

/// How the programs of calls are led to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Dispatch {
    /// By a tracepoint of each call, which costs other calls nothing and sees those alone that are made by the machine's own
    /// numbers. Needs tracefs, and where `kernel.perf_event_paranoid` is above 2 `CAP_SYS_ADMIN`.
    Sparse = 0,
    /// By one program at the end of all calls, whatever numbers they are made by.
    Full = 1,
}

/// Places in `call_numbers` at which the numbers of 32-bit calls begin, of what socketcall is asked for, and of x32's own.
const COMPAT: u32 = 512;
const SOCKETCALL: u32 = 1024;
const X32: u32 = 1056;

/// A call as the kernel half knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// The machine's own number.
    pub(crate) number: u32,
    /// Places in `call_numbers` that mean it.
    pub(crate) places: Vec<u32>,
}

/// By the name that its tracepoint has. None: this machine has no such call.
pub(crate) fn call(name: &str) -> Option<Call> {
    let name = match name {
        "sendfile64" => "sendfile",
        "umount" => "umount2",
        other => other,
    };
    let number = Own::from_str(name).ok().and_then(|call| u32::try_from(call.id()).ok())?;
    let compat = compat_names(name).into_iter().filter_map(|name| Compat::from_str(&name).ok());
    let compat = compat.filter_map(|call| Some(COMPAT + u32::try_from(call.id()).ok()?));
    let at = |names: &[&str], first: u32| {
        let place = names.iter().position(|one| *one == name)?;
        Some(first + u32::try_from(place).ok()?)
    };
    let multiplexed = at(MULTIPLEXED, SOCKETCALL).filter(|_| cfg!(target_arch = "x86_64"));
    let x32 = at(OF_X32, X32).filter(|_| cfg!(target_arch = "x86_64"));
    Some(Call { number, places: [number].into_iter().chain(compat).chain(multiplexed).chain(x32).collect() })
}

/// 32-bit programs may have a second call where the first takes 16-bit ids, 32-bit offsets or times.
fn compat_names(name: &str) -> Vec<String> {
    let more = match name {
        "mmap" => "mmap2",
        "umount2" => "umount",
        _ => name,
    };
    let mut names = vec![name.to_owned(), format!("{name}32"), format!("{name}64"), format!("{name}_time64")];
    names.extend((more != name).then(|| more.to_owned()));
    names
}

/// By the number that socketcall is given: `SYS_SOCKET` of linux/net.h is 1.
const MULTIPLEXED: &[&str] = &[
    "",
    "socket",
    "bind",
    "connect",
    "listen",
    "accept",
    "getsockname",
    "getpeername",
    "socketpair",
    "send",
    "recv",
    "sendto",
    "recvfrom",
    "shutdown",
    "setsockopt",
    "getsockopt",
    "sendmsg",
    "recvmsg",
    "accept4",
    "recvmmsg",
    "sendmmsg",
];

/// From 512 on: `arch/x86/entry/syscalls/syscall_64.tbl`.
const OF_X32: &[&str] = &[
    "rt_sigaction",
    "rt_sigreturn",
    "ioctl",
    "readv",
    "writev",
    "recvfrom",
    "sendmsg",
    "recvmsg",
    "execve",
    "ptrace",
    "rt_sigpending",
    "rt_sigtimedwait",
    "rt_sigqueueinfo",
    "sigaltstack",
    "timer_create",
    "mq_notify",
    "kexec_load",
    "waitid",
    "set_robust_list",
    "get_robust_list",
    "vmsplice",
    "move_pages",
    "preadv",
    "pwritev",
    "rt_tgsigqueueinfo",
    "recvmmsg",
    "sendmmsg",
    "process_vm_readv",
    "process_vm_writev",
    "setsockopt",
    "getsockopt",
    "io_setup",
    "io_submit",
    "execveat",
    "preadv2",
    "pwritev2",
];

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_the_numbers_that_the_kernels_tables_give_it() {
        for (name, number, places) in [
            // Of syscall_64.tbl and syscall_32.tbl.
            ("renameat2", 316, &[316, COMPAT + 353][..]),
            ("setuid", 105, &[105, COMPAT + 23, COMPAT + 213]),
            ("umount", 166, &[166, COMPAT + 52, COMPAT + 22]),
            ("mmap", 9, &[9, COMPAT + 90, COMPAT + 192]),
            ("truncate", 76, &[76, COMPAT + 92, COMPAT + 193]),
            ("utimensat", 280, &[280, COMPAT + 320, COMPAT + 412]),
            ("bind", 49, &[49, COMPAT + 361, SOCKETCALL + 2]),
            ("setsockopt", 54, &[54, COMPAT + 366, SOCKETCALL + 14, X32 + 541 - 512]),
            ("ptrace", 101, &[101, COMPAT + 26, X32 + 521 - 512]),
            ("setxattrat", 463, &[463, COMPAT + 463]),
        ] {
            assert_eq!(call(name), Some(Call { number, places: places.to_vec() }), "{name}");
        }
        assert_eq!(call("no_such_call"), None);
    }
}
