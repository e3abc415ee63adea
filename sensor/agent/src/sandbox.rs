//! The pipeline's own cage. Entered before the first byte from outside is read and before any thread is started.
//!
//! In this order, each step needing the one before it: signals, memory, privileges, Landlock, seccomp.
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, NetPort, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Compare, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};

use crate::sys;

/// The newest Landlock that we ask for; an older kernel gives what it has.
const LANDLOCK: ABI = ABI::V6;

/// What is left open.
#[derive(Clone, Debug)]
pub struct Sandbox {
    /// Files and folders to read. One that doesn't exist can't be allowed and is an error.
    pub read: Vec<PathBuf>,
    /// Folders to write: spool, outputs.
    pub write: Vec<PathBuf>,
    /// TCP ports to connect to, of any address.
    pub connect_ports: Vec<u16>,
    /// What a system call outside the list meets.
    pub violation: Violation,
}

/// What a system call outside the list meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// EPERM: the pipeline goes on.
    Refuse,
    /// The process is killed: for tests, which must not miss one.
    Kill,
}

/// How far Landlock holds; the rest of the sandbox holds or [`enter`] fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landlock {
    /// Files, TCP ports, signals and abstract sockets.
    Full,
    /// What this kernel knows of that: files from 5.13, TCP ports from 6.7, the rest from 6.12.
    Partial,
    /// This kernel has none, or it isn't switched on (`lsm=` on the kernel's command line).
    None,
}

/// Why the pipeline must not go on.
#[derive(Debug)]
pub enum Error {
    /// Other threads run already and would stay outside.
    Threads(usize),
    /// A step failed.
    Step(&'static str, io::Error),
    /// A path that is to be left open can't be opened.
    Path(PathBuf, landlock::PathFdError),
    /// The ruleset.
    Landlock(landlock::RulesetError),
    /// The filter.
    Seccomp(seccompiler::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Threads(count) => {
                write!(f, "enter the sandbox: {count} threads run already, it must be the only one")
            }
            Self::Step(step, _) => write!(f, "enter the sandbox: {step}"),
            Self::Path(path, _) => {
                write!(f, "allow {} in the sandbox; create it or correct the configuration", path.display())
            }
            Self::Landlock(_) => write!(f, "restrict files and ports by Landlock"),
            Self::Seccomp(_) => write!(f, "restrict system calls by seccomp"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Threads(_) => None,
            Self::Step(_, error) => Some(error),
            Self::Path(_, error) => Some(error),
            Self::Landlock(error) => Some(error),
            Self::Seccomp(error) => Some(error),
        }
    }
}

/// Restricts this process for good. On an error the process must end.
pub fn enter(sandbox: &Sandbox) -> Result<Landlock, Error> {
    let step = |name| move |error| Error::Step(name, error);
    match sys::threads().map_err(step("count threads"))? {
        1 => {}
        more => return Err(Error::Threads(more)),
    }
    sys::unblock_signals().map_err(step("unblock signals"))?;
    sys::take_name().map_err(step("take a name"))?;
    sys::hide_memory().map_err(step("make memory private"))?;
    sys::drop_privileges().map_err(step("drop privileges"))?;
    let status = restrict_files(sandbox)?;
    for program in filters(sandbox.violation).map_err(Error::Seccomp)? {
        seccompiler::apply_filter_all_threads(&program).map_err(Error::Seccomp)?;
    }
    Ok(status)
}

fn restrict_files(sandbox: &Sandbox) -> Result<Landlock, Error> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write = AccessFs::from_all(LANDLOCK) & !(AccessFs::Execute | AccessFs::IoctlDev);
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(LANDLOCK))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(LANDLOCK)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(LANDLOCK)))
        .and_then(Ruleset::create)
        .map_err(Error::Landlock)?;
    let readable = sandbox.read.iter().map(|path| (path, read));
    for (path, access) in readable.chain(sandbox.write.iter().map(|path| (path, write))) {
        ruleset = ruleset.add_rule(beneath(path, access)?).map_err(Error::Landlock)?;
    }
    for port in &sandbox.connect_ports {
        ruleset = ruleset.add_rule(NetPort::new(*port, AccessNet::ConnectTcp)).map_err(Error::Landlock)?;
    }
    let status = ruleset.restrict_self().map_err(Error::Landlock)?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Landlock::Full,
        RulesetStatus::PartiallyEnforced => Landlock::Partial,
        RulesetStatus::NotEnforced => Landlock::None,
    })
}

/// A file has fewer rights than a folder; the kernel refuses a rule that gives it a folder's.
fn beneath(path: &Path, access: landlock::BitFlags<AccessFs>) -> Result<PathBeneath<PathFd>, Error> {
    let folder = path.is_dir();
    let fd = PathFd::new(path).map_err(|error| Error::Path(path.to_owned(), error))?;
    Ok(PathBeneath::new(fd, if folder { access } else { access & AccessFs::from_file(LANDLOCK) }))
}

/// Two filters; the stricter answer counts. The first gives clone3 ENOSYS, upon which the C library takes clone, whose
/// flags a filter can read. The second is the list, which allows no further filter.
fn filters(violation: Violation) -> Result<[BpfProgram; 2], seccompiler::Error> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let otherwise = match violation {
        Violation::Refuse => SeccompAction::Errno(libc::EPERM.unsigned_abs()),
        Violation::Kill => SeccompAction::KillProcess,
    };
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    rules.extend(conditional()?);
    let list = SeccompFilter::new(rules, otherwise, SeccompAction::Allow, arch)?;
    let absent = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let clone3 = SeccompFilter::new(clone3, SeccompAction::Allow, absent, arch)?;
    Ok([clone3.try_into()?, list.try_into()?])
}

/// Calls of which only some forms are needed.
fn conditional() -> Result<Vec<(i64, Vec<SeccompRule>)>, seccompiler::Error> {
    let own = u64::from(std::process::id());
    let word = |value: i32| u64::from(value.unsigned_abs());
    let rule = |argument, comparison, value| {
        SeccompRule::new(vec![SeccompCondition::new(argument, Length::Dword, comparison, value)?])
    };
    let any_of = |argument, values: &[u64]| {
        values.iter().map(|value| rule(argument, Compare::Eq, *value)).collect::<Result<Vec<_>, _>>()
    };
    let clear = |argument, bits: i32| rule(argument, Compare::MaskedEq(word(bits)), 0);
    let families = [word(libc::AF_UNIX), word(libc::AF_INET), word(libc::AF_INET6)];
    let ioctls = [libc::FIOCLEX, libc::FIONBIO, libc::FIONREAD, libc::TCGETS, libc::TIOCGWINSZ];
    let thread = word(libc::CLONE_THREAD);
    Ok(vec![
        (libc::SYS_socket, any_of(0, &families)?),
        (libc::SYS_socketpair, any_of(0, &families[..1])?),
        (libc::SYS_clone, vec![rule(0, Compare::MaskedEq(thread), thread)?]),
        (libc::SYS_mmap, vec![clear(2, libc::PROT_EXEC)?]),
        (libc::SYS_mprotect, vec![clear(2, libc::PROT_EXEC)?]),
        (libc::SYS_ioctl, any_of(1, &ioctls)?),
        (
            libc::SYS_prctl,
            any_of(0, &[word(libc::PR_SET_NAME), word(libc::PR_GET_NAME), word(libc::PR_SET_VMA)])?,
        ),
        // Reading a limit, not setting one: the new value is a null pointer.
        (
            libc::SYS_prlimit64,
            vec![SeccompRule::new(vec![SeccompCondition::new(2, Length::Qword, Compare::Eq, 0)?])?],
        ),
        (libc::SYS_tgkill, any_of(0, &[own])?),
        (libc::SYS_kill, any_of(0, &[own])?),
    ])
}

/// What tokio, tonic, rustls, mapped rings, files and the C library need. Not here, on purpose: execve, ptrace, bpf,
/// `perf_event_open`, `io_uring_*`, `process_vm_*`, listen, bind, accept, setns, unshare, mount, keyctl, userfaultfd.
const ALLOWED: &[i64] = &[
    // Descriptors and bytes.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_fcntl,
    libc::SYS_pipe2,
    libc::SYS_eventfd2,
    // Files: Landlock says which.
    libc::SYS_openat,
    libc::SYS_statx,
    libc::SYS_newfstatat,
    libc::SYS_fstat,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_getdents64,
    libc::SYS_readlinkat,
    libc::SYS_getcwd,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_fallocate,
    libc::SYS_ftruncate,
    libc::SYS_flock,
    libc::SYS_fchmod,
    libc::SYS_mkdirat,
    libc::SYS_unlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_umask,
    // Outbound connections.
    libc::SYS_connect,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_recvmmsg,
    libc::SYS_shutdown,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    // Waiting and time.
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_futex,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_restart_syscall,
    // Memory, never executable: see `conditional`.
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_mlock,
    libc::SYS_mlock2,
    libc::SYS_munlock,
    libc::SYS_membarrier,
    // Threads and signals of our own. clone3 is answered by the other filter.
    libc::SYS_clone3,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_set_tid_address,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // What one may know of oneself.
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getcpu,
    // Forms that only x86-64 has, which its C library still uses.
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lstat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_access,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rmdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_dup2,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_select,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_time,
];
