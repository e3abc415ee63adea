//! Fork, exec and exit as real processes make them.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, which may panic as tests do"
)]
mod watch;

use guardbee_wire::{
    EventFlag, EventKind, ExecEvent, ExitEvent, FdKind, FileFlag, ForkEvent, ProcessKey, SocketRole, StringId,
};
use std::{
    ffi::CString,
    fs,
    io::Write as _,
    net::{TcpListener, TcpStream},
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::{fs::PermissionsExt as _, process::CommandExt as _},
    },
    process::{Child, Command, Stdio},
};
use watch::{Record, Watch};

fn exec_of(watch: &Watch, pid: u32) -> Record {
    watch.wait("exec", |record| record.kind() == EventKind::Exec && record.header().tgid == pid)
}

fn run(command: &mut Command) -> u32 {
    let mut child: Child = command.spawn().expect("spawn");
    let pid = child.id();
    child.wait().expect("wait");
    pid
}

#[test]
fn a_process_is_seen_from_fork_to_exit() {
    let watch = Watch::best();
    let pid = run(Command::new("/bin/sh").args(["-c", "exit 3"]).current_dir("/usr").stdin(Stdio::null()));
    let exec = exec_of(&watch, pid);
    let event: ExecEvent = exec.fixed();
    let ours = watch.wait("fork", |record| {
        record.kind() == EventKind::Fork && record.fixed::<ForkEvent>().child.tgid == pid
    });
    let fork: ForkEvent = ours.fixed();
    assert_eq!(fork.header.tgid, std::process::id());
    assert_eq!(fork.child.start_ns, event.header.start_ns, "one process, one start");
    assert_eq!(event.header.exec_number, fork.child.exec_number + 1);
    let parent = ProcessKey {
        start_ns: fork.header.start_ns,
        tgid: fork.header.tgid,
        exec_number: fork.header.exec_number,
    };
    assert_eq!(event.parent, parent);
    assert_eq!(exec.text::<ExecEvent>(StringId::Exe), fs::canonicalize("/bin/sh").unwrap().to_str().unwrap());
    assert_eq!(exec.text::<ExecEvent>(StringId::Cwd), "/usr");
    assert_eq!(exec.text::<ExecEvent>(StringId::Filename), "/bin/sh");
    assert_eq!(exec.text::<ExecEvent>(StringId::Args), "/bin/sh\0-c\0exit 3\0");
    assert_eq!(exec.text::<ExecEvent>(StringId::Comm), "sh");
    assert_eq!(event.argc, 3);
    assert_eq!((event.credentials.uid, event.credentials.euid), (0, 0));
    assert_eq!(event.fds[0].kind, FdKind::Character as u8);
    assert_eq!(event.fds[0].device, 1 << 20 | 3, "/dev/null");
    let exit = watch.wait("exit", |record| record.kind() == EventKind::Exit && record.header().tgid == pid);
    assert_eq!(exit.fixed::<ExitEvent>().exit_code, 3 << 8);
    assert!(exec.0.len() < 900, "{} bytes", exec.0.len());
}

/// The reader is woken for what begins in a mount namespace of its own, and for no other exec; a ring that fills wakes it too, so
/// one of several must not have.
#[test]
fn an_exec_that_begins_a_container_wakes_the_reader() {
    let watch = Watch::best();
    let woke = |option: &str| {
        let pid = run(Command::new("unshare").args([option, "/bin/true"]));
        let begun = watch.wait("exec", |record| {
            record.kind() == EventKind::Exec
                && record.header().tgid == pid
                && record.text::<ExecEvent>(StringId::Filename) == "/bin/true"
        });
        begun.header().flags & EventFlag::Urgent as u16 != 0
    };
    assert!((0..4).all(|_| woke("--mount")));
    assert!(!(0..4).all(|_| woke("--uts")));
}

#[test]
fn an_exec_says_who_logged_in() {
    const PROGRAM: &str = "/bin/true";
    let watch = Watch::best();
    let logs_in = format!(
        "echo 4242 >/proc/self/loginuid; cat /proc/self/loginuid /proc/self/sessionid; exec {PROGRAM}"
    );
    let child = Command::new("/bin/sh").args(["-c", &logs_in]).stdout(Stdio::piped()).spawn().expect("spawn");
    let pid = child.id();
    let said = String::from_utf8(child.wait_with_output().expect("wait").stdout).unwrap();
    let (user, session) = said.split_at(said.find("4242").expect("this kernel has audit") + 4);
    let exec = watch.wait("exec", |record| {
        record.kind() == EventKind::Exec
            && record.header().tgid == pid
            && record.text::<ExecEvent>(StringId::Filename) == PROGRAM
    });
    let exec: ExecEvent = exec.fixed();
    assert_eq!(
        (exec.login_uid.to_string(), exec.login_session.to_string()),
        (user.to_owned(), session.to_owned())
    );
    let before = exec_of(&watch, pid).fixed::<ExecEvent>();
    assert_eq!(before.login_uid.to_string(), fs::read_to_string("/proc/self/loginuid").unwrap());
}

#[test]
fn a_long_argv_keeps_both_ends_and_its_length() {
    let watch = Watch::best();
    let long = format!("BEGIN{}END", "x".repeat(100 << 10));
    let pid = run(Command::new("/bin/true").arg(&long));
    let exec = exec_of(&watch, pid);
    let total = u32::try_from("/bin/true\0".len() + long.len() + 1).unwrap();
    let (head, head_total) = exec.string::<ExecEvent>(StringId::Args).unwrap();
    let (tail, tail_total) = exec.string::<ExecEvent>(StringId::ArgsTail).unwrap();
    assert_eq!((head.len(), head_total, tail.len(), tail_total), (4096, total, 4096, total));
    assert!(head.starts_with(b"/bin/true\0BEGINxxx"));
    assert!(tail.ends_with(b"xxxEND\0"));
}

#[test]
fn a_file_in_memory_a_deleted_one_and_a_set_id_one_are_known() {
    let watch = Watch::best();
    let program = fs::read("/bin/true").unwrap();
    let name = CString::new("hidden").unwrap();
    // SAFETY: a valid name; the fd is ours.
    #[allow(unsafe_code, reason = "memfd_create has no safe face in std")]
    let memory = unsafe { OwnedFd::from_raw_fd(libc::memfd_create(name.as_ptr(), 0)) };
    fs::File::from(memory.try_clone().unwrap()).write_all(&program).unwrap();
    let pid = run(&mut Command::new(format!("/proc/self/fd/{}", memory.as_raw_fd())));
    let exec = exec_of(&watch, pid);
    let flags = exec.fixed::<ExecEvent>().file.flags;
    assert_ne!(flags & FileFlag::Memfd as u16, 0);
    assert_eq!(exec.text::<ExecEvent>(StringId::Exe), "memfd:hidden");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set-id");
    fs::write(&path, &program).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o6755)).unwrap();
    let pid = run(&mut Command::new(&path));
    let event: ExecEvent = exec_of(&watch, pid).fixed();
    assert_eq!(event.file.flags, FileFlag::Setuid as u16 | FileFlag::Setgid as u16);
    assert_eq!(event.file.size_bytes, program.len() as u64);
    assert_eq!(event.file.mode & 0o7777, 0o6755);

    let open = fs::File::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let pid = run(&mut Command::new(format!("/proc/self/fd/{}", open.as_raw_fd())));
    let flags = exec_of(&watch, pid).fixed::<ExecEvent>().file.flags;
    assert_ne!(flags & FileFlag::Deleted as u16, 0);
}

#[test]
fn a_deep_path_is_whole_and_a_deeper_one_says_that_it_is_cut() {
    let watch = Watch::best();
    let folder = tempfile::tempdir().unwrap();
    for (depth, cut) in [(30, false), (90, true)] {
        let deep = (0..depth).fold(folder.path().to_owned(), |path, _| path.join("deeper"));
        fs::create_dir_all(&deep).unwrap();
        let path = deep.join("program");
        fs::copy("/bin/true", &path).unwrap();
        let exec = exec_of(&watch, run(&mut Command::new(&path)));
        let exe = exec.text::<ExecEvent>(StringId::Exe);
        assert_eq!(exec.fixed::<ExecEvent>().file.flags & FileFlag::PathCut as u16 != 0, cut);
        assert!(path.to_str().unwrap().ends_with(&exe), "{exe}");
        assert_eq!(exe == path.to_str().unwrap(), !cut);
    }
}

#[test]
fn a_socket_as_standard_input_names_its_peer() {
    let watch = Watch::best();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, peer) = listener.accept().unwrap();
    let mut command = Command::new("/bin/true");
    command.stdin(OwnedFd::from(server)).stdout(Stdio::piped());
    let event: ExecEvent = exec_of(&watch, run(&mut command)).fixed();
    assert_eq!(event.fds[0].kind, FdKind::Socket as u8);
    assert_eq!(event.fds[0].remote_port, peer.port());
    assert_eq!(event.fds[0].role, SocketRole::Accepted as u8);
    assert_ne!(event.fds[0].connection, 0);
    assert_eq!(event.fds[1].kind, FdKind::Pipe as u8);
    drop(client);
}

#[test]
fn the_credentials_are_those_after_the_exec() {
    let watch = Watch::best();
    let mut command = Command::new("/bin/true");
    command.uid(65534).gid(65534);
    let event: ExecEvent = exec_of(&watch, run(&mut command)).fixed();
    assert_eq!((event.credentials.uid, event.credentials.egid), (65534, 65534));
    assert_eq!(event.credentials.effective, 0);
}

#[test]
fn each_event_says_as_whom_it_was_done() {
    let script = "import os\nos.setresuid(65534, 65533, 65533)\nos.waitpid(os.fork() or os._exit(0), 0)";
    for &hooks in watch::lists() {
        let watch = Watch::with(hooks);
        let pid = run(Command::new("/usr/bin/python3").args(["-c", script]));
        let of =
            |kind| watch.wait("the event", |record| record.kind() == kind && record.header().tgid == pid);
        for (kind, users) in
            [(EventKind::Exec, (0, 0)), (EventKind::Fork, (65534, 65533)), (EventKind::Exit, (65534, 65533))]
        {
            let header = of(kind).header();
            assert_eq!((header.uid, header.euid), users, "{kind:?}, {hooks:?}");
        }
    }
}

#[test]
fn threads_that_end_at_once_are_one_exit() {
    let watch = Watch::best();
    let mut pids = Vec::new();
    for _ in 0..20 {
        let script = "import threading,os\nfor i in range(8): threading.Thread(target=lambda: None).start()\nos._exit(0)";
        pids.push(run(Command::new("python3").args(["-c", script])));
    }
    for pid in pids {
        watch.wait("exit", |record| record.kind() == EventKind::Exit && record.header().tgid == pid);
        let exits = watch
            .records()
            .iter()
            .filter(|record| record.kind() == EventKind::Exit && record.header().tgid == pid)
            .count();
        assert_eq!(exits, 1);
    }
}
