//! Who may do what: the loader exactly what it states, the pipeline nothing.
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use crate::roles::{UID, figure, ready, say};
use crate::stage::{Stage, status};

pub(crate) fn the_loader_has_exactly_the_stated_capabilities() {
    let mut stage = Stage::new(&["wait"], &[]);
    stage.pipeline();
    let mask = |field| u64::from_str_radix(&status(stage.loader(), field), 16).unwrap();
    let stated = guardbee_loader::kept().bits();
    assert_eq!(format!("{:x}", mask("CapEff")), format!("{stated:x}"));
    assert_eq!(format!("{:x}", mask("CapPrm")), format!("{stated:x}"));
    for field in ["CapInh", "CapBnd", "CapAmb"] {
        assert_eq!(mask(field), 0, "{field}");
    }
    assert_eq!(status(stage.loader(), "Threads"), "1");
    let unix = std::fs::read_to_string("/proc/net/unix").unwrap();
    for entry in std::fs::read_dir(format!("/proc/{}/fd", stage.loader())).unwrap() {
        let link = std::fs::read_link(entry.unwrap().path()).unwrap_or_default();
        let Some(socket) = link.to_str().and_then(|link| link.strip_prefix("socket:[")) else { continue };
        let inode = socket.trim_end_matches(']');
        let is_unix = unix.lines().any(|line| line.split_whitespace().nth(6) == Some(inode));
        assert!(is_unix, "the loader has a socket that is no unix one: {inode}");
    }
    let names = guardbee_loader::KEPT.map(|(_, name, _)| name.trim_start_matches("CAP_"));
    figure(&format!("one thread with {} and nothing else", names.join(" ")));
}

pub(crate) fn the_pipeline_has_no_rights() {
    let mut stage = Stage::new(&["wait"], &[]);
    let pid = stage.pipeline();
    for field in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(status(pid, field), "0000000000000000", "{field}");
    }
    assert_eq!(status(pid, "Uid"), "65534\t65534\t65534\t65534");
    assert_eq!(status(pid, "Gid"), "65534\t65534\t65534\t65534");
    assert_eq!(status(pid, "Groups"), "");
    assert_eq!(status(pid, "NoNewPrivs"), "1");
    assert_eq!(status(pid, "Seccomp"), "2");
    // The kernel gives what is in /proc/PID of a process that isn't dumpable to root.
    assert_eq!(std::fs::metadata(format!("/proc/{pid}/mem")).unwrap().uid(), 0);
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    assert_eq!(String::from_utf8_lossy(&environment), "GUARDBEE_TEST=1\0");
    let link = |fd: &str| std::fs::read_link(format!("/proc/{pid}/fd/{fd}")).unwrap().into_os_string();
    let known = [
        "anon_inode:bpf-map".into(),
        "/memfd:guardbee-ledger (deleted)".into(),
        link("0"),
        link("1"),
        link("2"),
    ];
    for entry in std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(&link(&name)), "inherited: {name} {}", link(&name).display());
    }
}

/// Tries what must not work, from inside.
pub(crate) fn probe(allowed: u16, other: u16) {
    let errno = |error: std::io::Error| error.raw_os_error().unwrap_or(-1);
    let outcome =
        |name: &str, errno: i32| say(&format!("probe {name} {}", nix::errno::Errno::from_raw(errno)));
    let file = |name: &str, path: &str| outcome(name, std::fs::File::open(path).err().map_or(0, errno));
    file("environ", "/proc/1/environ");
    file("hosts", "/etc/hosts");
    file("shadow", "/etc/shadow");
    let written = std::fs::File::create("/tmp/guardbee-probe").err().map_or(0, errno);
    outcome("create", written);
    let connect = |port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).err().map_or(0, errno);
    outcome("connect-allowed", connect(allowed));
    outcome("connect-other", connect(other));
    outcome("listen", TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).err().map_or(0, errno));
    outcome("exec", Command::new("/bin/true").status().err().map_or(0, errno));
    outcome("bpf", linked::bpf());
    outcome("ptrace", nix::sys::ptrace::traceme().err().map_or(0, |errno| errno as i32));
    let unshared = nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUSER);
    outcome("unshare", unshared.err().map_or(0, |errno| errno as i32));
    outcome("packet", linked::packet_socket());
    outcome(
        "setuid",
        nix::unistd::setuid(nix::unistd::Uid::from_raw(0)).err().map_or(0, |errno| errno as i32),
    );
    outcome("thread", std::thread::Builder::new().spawn(|| ()).map_or_else(errno, |_| 0));
    ready();
}

/// Calls that no safe library makes on purpose.
mod linked {
    use rustix::net::{AddressFamily, SocketType, socket};

    pub(super) fn packet_socket() -> i32 {
        socket(AddressFamily::PACKET, SocketType::RAW, None).err().map_or(0, rustix::io::Errno::raw_os_error)
    }

    pub(super) fn bpf() -> i32 {
        #[expect(unsafe_code, reason = "the call that must be refused; nothing else makes it with so little")]
        // SAFETY: BPF_PROG_GET_NEXT_ID with an attribute of no bytes reads no memory.
        let answer = unsafe { libc::syscall(libc::SYS_bpf, 11, 0, 0) };
        if answer < 0 { std::io::Error::last_os_error().raw_os_error().unwrap_or(-1) } else { 0 }
    }
}

pub(crate) fn what_the_pipeline_cannot_do() {
    let (allowed, other) = (listener(), listener());
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port().to_string();
    let mut stage = Stage::new(&["probe", &port(&allowed), &port(&other)], &["--stop"]);
    assert_eq!(stage.expect("landlock"), "Full");
    let eacces = "EACCES: Permission denied";
    let eperm = "EPERM: Operation not permitted";
    let done = "UnknownErrno: Unknown errno";
    let expected = [
        ("environ", eacces),
        ("hosts", done),
        ("shadow", eacces),
        ("create", eacces),
        ("connect-allowed", done),
        ("connect-other", eacces),
        ("listen", eperm),
        ("exec", eperm),
        ("bpf", eperm),
        ("ptrace", eperm),
        ("unshare", eperm),
        ("packet", eperm),
        ("setuid", eperm),
        ("thread", done),
    ];
    for (name, errno) in expected {
        assert_eq!(stage.expect("probe"), format!("{name} {errno}"));
    }
    assert_eq!(stage.expect("outcome"), "exit status: 0");
    let refused = expected.iter().filter(|(_, errno)| *errno != done).count();
    figure(&format!("from inside the sandbox {refused} of {} attempts refused", expected.len()));
}

fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

/// What doctor starts to look at.
fn sandboxed() -> guardbee_loader::Pipeline {
    let args = ["pipeline", "sandbox"].map(Into::into).to_vec();
    guardbee_loader::Pipeline { args, env: Vec::new(), uid: UID, gid: UID }
}

pub(crate) fn what_can_not_be_confined_is_said() {
    let pipeline =
        guardbee_loader::Pipeline { args: vec!["pipeline".into(), "nonsense".into()], ..sandboxed() };
    let report = guardbee_loader::doctor(&guardbee_bpf::Options::default(), &pipeline);
    let why = report.cage.pipeline.unwrap_err();
    assert!(why.contains("ended before it was in its sandbox"), "{why}");
    let report = guardbee_loader::doctor(
        &guardbee_bpf::Options::default(),
        &guardbee_loader::Pipeline { uid: 0, ..sandboxed() },
    );
    assert!(report.cage.pipeline.unwrap_err().contains("must not be 0"));
}

/// As on a kernel that needs them.
pub(crate) fn every_spare_fires_in_the_self_test() {
    let options = guardbee_bpf::Options { spares: Some(true), ..guardbee_bpf::Options::default() };
    let report = guardbee_loader::doctor(&options, &sandboxed());
    assert!(report.spares);
    let works = |program: &&guardbee_bpf::Program| program.state == guardbee_bpf::ProgramState::Works;
    let spared = report.programs.iter().filter(|program| program.has_spares());
    assert!(spared.clone().all(|program| works(&program)), "{:?}", spared.collect::<Vec<_>>());
}

pub(crate) fn doctor_says_what_works() {
    let report = guardbee_loader::doctor(&guardbee_bpf::Options::default(), &sandboxed());
    assert_eq!(report.failure, None);
    assert_eq!(report.cage.loader, Ok(guardbee_loader::kept()));
    let caged = guardbee_loader::Caged {
        landlock: "full".into(),
        uid: Some(UID),
        no_capability: true,
        no_new_privs: true,
        seccomp: true,
        not_dumpable: true,
    };
    assert_eq!(report.cage.pipeline, Ok(caged));
    let hook = |name: &str| {
        report.hook_of.iter().find(|(program, _)| program == name).map(|(_, hook)| hook.as_str())
    };
    assert_eq!(hook("net_send"), Some("tp_btf/sock_send_length"));
    assert_eq!(hook("net_read"), Some("tp/syscalls/sys_exit_read"));
    assert!(report.btf);
    assert!(report.capabilities.iter().all(|capability| capability.held), "{:?}", report.capabilities);
    assert!(report.programs.iter().any(|program| program.state == guardbee_bpf::ProgramState::Works));
    let silent = |program: &&guardbee_bpf::Program| {
        program.hooks == Some(guardbee_bpf::HookList::Trampoline)
            && program.state == guardbee_bpf::ProgramState::Silent
    };
    assert_eq!(
        report.programs.iter().find(silent),
        None,
        "the self-test makes trampolines fire, or they are not used"
    );
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert_eq!(report.release, release.trim());
    let read = |name| report.settings.iter().find(|setting| setting.name == name).unwrap().value.clone();
    let paranoid = std::fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").unwrap();
    assert_eq!(read("kernel.perf_event_paranoid").as_deref(), Some(paranoid.trim()));
}
