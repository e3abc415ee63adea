//! What processes do to the system and to each other: each really done, by a child that ends.
#![allow(
    missing_docs,
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::many_single_char_names,
    reason = "helpers of tests, which may panic as tests do; system calls have no safe face"
)]
#[path = "system/access.rs"]
mod access;
#[path = "system/signal.rs"]
mod signal;
mod watch;

use guardbee_bpf::{Capability, Options, ProgramState};
use guardbee_wire::{
    Call, ControlEvent, CredentialsCause, CredentialsEvent, EventKind, ExtensionEvent, ExtensionKind,
    MemoryEvent, MemoryKind, MountEvent, MountFlag, MountKind, NamespaceEvent, NamespaceFlag,
    SocketChangeEvent, SocketChangeKind, StringId, TitleEvent,
};
use std::{
    io,
    net::TcpListener,
    os::{
        fd::AsRawFd as _,
        unix::{fs::MetadataExt as _, process::CommandExt as _},
    },
    process::{Child, Command},
    time::{Duration, Instant},
};
use watch::{Record, Watch, ways};

/// Every program that this kernel has the hook of must be attached.
fn watch(way: &Options, capability: Capability) -> Watch {
    let watch = Watch::start(&Options { watched: vec![capability], ..way.clone() });
    for program in watch.kernel.programs().iter().filter(|program| program.capability == capability) {
        let missing = program.state == ProgramState::NotAttached && program.errno == libc::ENOENT;
        assert!(missing || program.state == ProgramState::Silent, "{program:?}");
    }
    watch
}

fn checked(answer: i64) -> io::Result<i64> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// Runs `act` in a child, which then becomes `/bin/true`; answers its pid.
fn child(act: impl Fn() -> io::Result<()> + Send + Sync + 'static) -> u32 {
    let mut command = Command::new("/bin/true");
    // SAFETY: what runs there are system calls alone.
    unsafe { command.pre_exec(act) };
    let mut child = command.spawn().expect("the child does what it should");
    let pid = child.id();
    child.wait().unwrap();
    pid
}

/// A process to be acted upon, under its own name: whoever starts one goes on before it has that (`begin_new_exec`).
fn sleeper() -> Child {
    let child = Command::new("sleep").arg("60").spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while std::fs::read_to_string(format!("/proc/{}/comm", child.id())).unwrap() != "sleep\n" {
        assert!(Instant::now() < deadline, "it has no name in 20 s");
        std::thread::yield_now();
    }
    child
}

fn of(watch: &Watch, kind: EventKind, pid: u32) -> Vec<Record> {
    let exited = |record: &Record| record.kind() == EventKind::Exit && record.header().tgid == pid;
    watch.wait("the end of the child", exited);
    let mut records = watch.records();
    records.retain(|record| record.kind() == kind && record.header().tgid == pid);
    records
}

fn one(watch: &Watch, kind: EventKind, pid: u32) -> Record {
    let records = of(watch, kind, pid);
    assert_eq!(records.len(), 1, "{records:?}");
    records[0].clone()
}

fn call(number: libc::c_long, a: i64, b: i64, c: i64, d: i64, e: i64) -> io::Result<i64> {
    // SAFETY: the kernel checks what it is given; memory that it writes is the caller's to give.
    checked(unsafe { libc::syscall(number, a, b, c, d, e, 0_i64) })
}

#[test]
fn credentials_are_told_before_and_after() {
    for way in &ways() {
        let watch = watch(way, Capability::Credentials);
        let pid = child(|| {
            call(libc::SYS_setgroups, 0, 0, 0, 0, 0)?;
            call(libc::SYS_setresgid, 65533, 65533, 65533, 0, 0)?;
            call(libc::SYS_setresuid, 65534, 65534, 65534, 0, 0)?;
            // No change: no event.
            call(libc::SYS_setuid, 65534, 0, 0, 0, 0)?;
            Ok(())
        });
        let events: Vec<CredentialsEvent> =
            of(&watch, EventKind::Credentials, pid).iter().map(Record::fixed).collect();
        let calls: Vec<u16> = events.iter().map(|event| event.call.call).collect();
        assert_eq!(calls, [Call::Setgroups as u16, Call::Setresgid as u16, Call::Setresuid as u16]);
        assert!(events.iter().all(|event| event.cause == CredentialsCause::Call as u8 && event.flags == 0));
        let last = events[2];
        assert_eq!((last.before.uid, last.before.euid, last.before.gid), (0, 0, 65533));
        assert_eq!(
            (last.after.uid, last.after.euid, last.after.suid, last.after.fsuid),
            (65534, 65534, 65534, 65534)
        );
        assert!(last.before.effective != 0 && last.after.effective == 0 && last.after.permitted == 0);
        assert_eq!(last.call.arguments[..3], [65534; 3]);
        assert_eq!(last.groups, 0);
    }
}

/// Whatever a root process, a set-user-id program and a user namespace may do is lawful.
#[test]
fn lawful_changes_are_explained() {
    let watch = watch(&ways()[0], Capability::Credentials);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set-id");
    std::fs::copy("/bin/true", &path).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o4755)).unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = Command::new(&path);
    command.uid(65534);
    command.status().unwrap();
    let pid = child(|| {
        call(libc::SYS_setresuid, 65534, 0, 65534, 0, 0)?;
        call(libc::SYS_setresuid, 0, 65534, 0, 0, 0)?;
        call(libc::SYS_setresuid, 0, 0, 0, 0, 0)?;
        call(libc::SYS_unshare, i64::from(libc::CLONE_NEWUSER), 0, 0, 0, 0)?;
        Ok(())
    });
    let unexplained: Vec<CredentialsEvent> = watch
        .records()
        .iter()
        .filter(|record| record.kind() == EventKind::Credentials)
        .map(Record::fixed)
        .filter(|event: &CredentialsEvent| event.cause == CredentialsCause::Unexplained as u8)
        .collect();
    assert!(unexplained.is_empty(), "{unexplained:?}");
    assert!(of(&watch, EventKind::Credentials, pid).len() >= 3);
}

#[test]
fn namespaces_are_told_by_the_kernels_numbers() {
    for way in &ways() {
        let watch = watch(way, Capability::Namespace);
        let ours = std::fs::File::open("/proc/self/ns/uts").unwrap();
        let fd = ours.as_raw_fd();
        let pid = child(move || {
            call(libc::SYS_unshare, i64::from(libc::CLONE_NEWUTS | libc::CLONE_NEWIPC), 0, 0, 0, 0)?;
            call(libc::SYS_setns, i64::from(fd), 0, 0, 0, 0)?;
            Ok(())
        });
        let events: Vec<NamespaceEvent> =
            of(&watch, EventKind::Namespace, pid).iter().map(Record::fixed).collect();
        assert_eq!(events.len(), 2, "{events:?}");
        let (uts, ipc) = (NamespaceFlag::Uts as u8, NamespaceFlag::Ipc as u8);
        assert_eq!((events[0].changed, events[0].host), (uts | ipc, 0));
        // The first one's number is fixed: PROC_UTS_INIT_INO.
        let first = ours.metadata().unwrap().ino() == 0xefff_fffe;
        assert_eq!((events[1].changed, events[1].host), (uts, if first { uts } else { 0 }));
        assert_ne!(events[0].after.uts, events[1].after.uts);
        assert_eq!(events[0].subject.tgid, pid);
        let mut command = Command::new("unshare");
        let script = command.args(["--fork", "--pid", "--mount", "/bin/true"]);
        assert!(script.status().unwrap().success());
    }
}

#[test]
fn a_child_in_namespaces_of_its_own_is_told() {
    let watch = watch(&ways()[0], Capability::Namespace);
    let pid = child(|| {
        // clone with flags and the exit signal alone forks.
        let flags = i64::from(libc::CLONE_NEWNET | libc::SIGCHLD);
        if call(libc::SYS_clone, flags, 0, 0, 0, 0)? == 0 {
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(0) }
        }
        Ok(())
    });
    let event: NamespaceEvent = one(&watch, EventKind::Namespace, pid).fixed();
    assert_eq!((event.changed, event.call.call), (NamespaceFlag::Net as u8, Call::Clone as u16));
    assert_ne!(event.subject.tgid, pid);
}

#[test]
fn mounts_and_roots_are_told() {
    for way in &ways() {
        let watch = watch(way, Capability::Mount);
        let folder = tempfile::tempdir().unwrap();
        let place = std::ffi::CString::new(folder.path().to_str().unwrap()).unwrap();
        let pid = child(move || {
            let path = place.as_ptr() as i64;
            let tmpfs = c"tmpfs".as_ptr() as i64;
            call(libc::SYS_unshare, i64::from(libc::CLONE_NEWNS), 0, 0, 0, 0)?;
            call(
                libc::SYS_mount,
                0,
                c"/".as_ptr() as i64,
                0,
                (libc::MS_REC | libc::MS_PRIVATE).cast_signed(),
                0,
            )?;
            call(libc::SYS_mount, tmpfs, path, tmpfs, 0, 0)?;
            call(libc::SYS_umount2, path, 0, 0, 0, 0)?;
            let context = call(libc::SYS_fsopen, tmpfs, 0, 0, 0, 0)?;
            call(libc::SYS_fsconfig, context, 6, 0, 0, 0)?;
            let mount = call(libc::SYS_fsmount, context, 0, 0, 0, 0)?;
            call(libc::SYS_move_mount, mount, c"".as_ptr() as i64, -100, path, 4)?;
            call(libc::SYS_chroot, c"/usr".as_ptr() as i64, 0, 0, 0, 0)?;
            // SAFETY: ends the child: there is no program below its root.
            unsafe { libc::_exit(0) }
        });
        let records = of(&watch, EventKind::Mount, pid);
        let seen: Vec<_> = records
            .iter()
            .map(|record| {
                let event: MountEvent = record.fixed();
                let text = |id| record.text::<MountEvent>(id);
                (event.what, event.flags, text(StringId::Fstype), text(StringId::Place))
            })
            .collect();
        let place = folder.path().to_str().unwrap().to_owned();
        let (mounted, user) = (MountKind::Mounted as u8, MountFlag::UserPaths as u8);
        let root = MountKind::RootChanged as u8;
        let none = String::new;
        assert_eq!(seen[0], (mounted, user, none(), "/".to_owned()));
        assert_eq!(seen[1], (mounted, user, "tmpfs".to_owned(), place.clone()));
        assert_eq!(seen[2], (MountKind::Unmounted as u8, user, none(), place.clone()));
        assert_eq!(seen[3], (mounted, 0, "tmpfs".to_owned(), place), "the kernel's own path");
        assert_eq!(seen[4], (root, 0, none(), "/usr".to_owned()));
        assert_eq!(seen.len(), 5);
    }
}

#[test]
fn rare_sockets_bindings_filters_and_standard_output_are_told() {
    for way in &ways() {
        let watch = watch(way, Capability::SocketChange);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let pid = child(move || {
            let raw = call(libc::SYS_socket, 2, 3, 1, 0, 0)?;
            // One instruction: take nothing.
            let code = [6_u64, 0];
            let program = [1_u64, code.as_ptr() as u64];
            call(libc::SYS_setsockopt, raw, 1, 26, program.as_ptr() as i64, 16)?;
            call(libc::SYS_socket, 1, 1, 0, 0, 0)?;
            let tcp = call(libc::SYS_socket, 2, 1, 0, 0, 0)?;
            let mut address = [0_u8; 16];
            address[0] = 2;
            address[2..4].copy_from_slice(&port.to_be_bytes());
            address[4..8].copy_from_slice(&[127, 0, 0, 1]);
            call(libc::SYS_connect, tcp, address.as_ptr() as i64, 16, 0, 0)?;
            call(libc::SYS_dup3, tcp, 1, 0, 0, 0)?;
            let udp = call(libc::SYS_socket, 2, 2, 0, 0, 0)?;
            address[2..4].fill(0);
            call(libc::SYS_bind, udp, address.as_ptr() as i64, 16, 0, 0)?;
            Ok(())
        });
        let events: Vec<SocketChangeEvent> =
            of(&watch, EventKind::SocketChange, pid).iter().map(Record::fixed).collect();
        let seen: Vec<_> = events.iter().map(|event| (event.what, event.socket.family, event.kind)).collect();
        let expected = [
            (SocketChangeKind::Made as u8, 2, 3),
            (SocketChangeKind::Filtered as u8, 2, 3),
            (SocketChangeKind::Standard as u8, 2, 1),
            (SocketChangeKind::Bound as u8, 2, 2),
        ];
        assert_eq!(seen, expected, "{events:?}");
        assert_eq!((events[2].fd, events[2].socket.remote_port), (1, port));
        assert_ne!(events[3].socket.local_port, 0);
    }
}

#[test]
fn a_crypto_socket_says_its_algorithm() {
    let watch = watch(&ways()[0], Capability::SocketChange);
    let pid = child(|| {
        let socket = match call(libc::SYS_socket, 38, 5, 0, 0, 0) {
            // This kernel has none.
            Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => return Ok(()),
            other => other?,
        };
        let mut address = [0_u8; 88];
        address[0] = 38;
        address[2..6].copy_from_slice(b"hash");
        address[24..30].copy_from_slice(b"sha256");
        call(libc::SYS_bind, socket, address.as_ptr() as i64, 88, 0, 0)?;
        Ok(())
    });
    // SAFETY: makes a socket and closes it.
    let has = unsafe { libc::close(libc::socket(38, 5, 0)) } == 0;
    let records = of(&watch, EventKind::SocketChange, pid);
    assert_eq!(records.len(), if has { 2 } else { 0 }, "{records:?}");
    if has {
        assert_eq!(records[0].fixed::<SocketChangeEvent>().socket.family, 38);
        assert_eq!(records[1].text::<SocketChangeEvent>(StringId::Detail), "hash");
    }
}

#[test]
fn what_is_put_into_the_kernel_is_told() {
    let watch = watch(&ways()[0], Capability::Extension);
    let pid = child(|| {
        // A socket filter that answers zero: mov r0, 0; exit.
        let code = [0xb7_u64, 0x95];
        let license = c"GPL";
        let mut attributes = [0_u8; 128];
        attributes[0] = 1;
        attributes[4] = 2;
        attributes[8..16].copy_from_slice(&(code.as_ptr() as u64).to_le_bytes());
        attributes[16..24].copy_from_slice(&(license.as_ptr() as u64).to_le_bytes());
        attributes[48..54].copy_from_slice(b"mybee\0");
        call(libc::SYS_bpf, 5, attributes.as_ptr() as i64, 72, 0, 0)?;
        // A clock in software: nobody's affair.
        let mut counter = [0_u8; 64];
        counter[0] = 1;
        counter[4] = 64;
        call(libc::SYS_perf_event_open, counter.as_ptr() as i64, 0, -1, -1, 0)?;
        // Tracepoint 1.
        let mut probe = [0_u8; 64];
        probe[0] = 2;
        probe[4] = 64;
        let id = std::fs::read_to_string("/sys/kernel/tracing/events/sched/sched_switch/id")?;
        let id: u64 = id.trim().parse().map_err(io::Error::other)?;
        probe[8..16].copy_from_slice(&id.to_le_bytes());
        call(libc::SYS_perf_event_open, probe.as_ptr() as i64, -1, 0, -1, 0)?;
        Ok(())
    });
    let records = of(&watch, EventKind::Extension, pid);
    let events: Vec<ExtensionEvent> = records.iter().map(Record::fixed).collect();
    let seen: Vec<_> = events.iter().map(|event| (event.what, event.kind)).collect();
    assert_eq!(seen, [(ExtensionKind::Program as u8, 1), (ExtensionKind::Probe as u8, 2)], "{events:?}");
    assert_ne!(events[0].id, 0);
    assert_eq!(records[0].text::<ExtensionEvent>(StringId::Detail), "mybee");
}

#[test]
fn memory_that_becomes_executable_is_told() {
    for way in &ways() {
        let watch = watch(way, Capability::Memory);
        let pid = child(|| {
            let memory = call(libc::SYS_mmap, 0, 4096, 3, 0x22, -1)?;
            call(libc::SYS_mprotect, memory, 4096, 5, 0, 0)?;
            call(libc::SYS_mprotect, memory, 4096, 1, 0, 0)?;
            call(libc::SYS_mmap, 0, 4096, 7, 0x22, -1)?;
            call(libc::SYS_memfd_create, c"hidden".as_ptr() as i64, 0, 0, 0, 0)?;
            Ok(())
        });
        let records = of(&watch, EventKind::Memory, pid);
        let seen: Vec<_> = records
            .iter()
            .map(|record| (record.fixed::<MemoryEvent>().what, record.fixed::<MemoryEvent>().protection))
            .collect();
        let expected =
            [(MemoryKind::Protected as u8, 5), (MemoryKind::Mapped as u8, 7), (MemoryKind::File as u8, 0)];
        assert_eq!(seen, expected);
        assert_eq!(records[2].text::<MemoryEvent>(StringId::Detail), "memfd:hidden");
    }
}

#[test]
fn a_new_name_is_told_with_the_old_one() {
    let watch = watch(&ways()[0], Capability::Title);
    let mut command = Command::new("sh");
    let mut renaming =
        command.args(["-c", "printf kworker/0:1 > /proc/self/task/$$/comm; exit 0"]).spawn().unwrap();
    let pid = renaming.id();
    renaming.wait().unwrap();
    let record = one(&watch, EventKind::Title, pid);
    assert_eq!(record.text::<TitleEvent>(StringId::Target), "sh");
    assert_eq!(record.text::<TitleEvent>(StringId::Title), "kworker/0:1");
}

#[test]
fn calls_on_the_machine_itself_are_told() {
    for way in &ways() {
        let watch = watch(way, Capability::Control);
        let pid = child(|| {
            // A wrong magic number: nothing happens, but it was tried.
            drop(call(libc::SYS_reboot, 0, 0, 0, 0, 0));
            call(libc::SYS_syslog, 7, 0, 0, 0, 0)?;
            let mut handle = [0_u8; 136];
            handle[0] = 128;
            let mut mount = 0_i32;
            let name = c"/etc/hostname".as_ptr() as i64;
            let (handle, mount) = (handle.as_mut_ptr() as i64, std::ptr::from_mut(&mut mount) as i64);
            call(libc::SYS_name_to_handle_at, -100, name, handle, mount, 0)?;
            // SAFETY: opens a folder.
            let root = checked(i64::from(unsafe { libc::open(c"/etc".as_ptr(), libc::O_RDONLY) }))?;
            call(libc::SYS_open_by_handle_at, root, handle, 0, 0, 0)?;
            Ok(())
        });
        let records = of(&watch, EventKind::Control, pid);
        let calls: Vec<u16> = records.iter().map(|record| record.fixed::<ControlEvent>().call.call).collect();
        assert_eq!(calls, [Call::Reboot as u16, Call::Syslog as u16, Call::OpenByHandleAt as u16]);
        assert_eq!(records[2].text::<ControlEvent>(StringId::Detail), "/etc/hostname");
    }
}

#[test]
fn questions_about_the_machine_are_a_kind_of_their_own() {
    for way in &ways() {
        let watch = watch(way, Capability::Inquiry);
        let pid = child(|| {
            let mut room = [0_u64; 64];
            call(libc::SYS_syslog, 7, 0, 0, 0, 0)?;
            call(libc::SYS_sysinfo, room.as_mut_ptr() as i64, 0, 0, 0, 0)?;
            Ok(())
        });
        let record = one(&watch, EventKind::Inquiry, pid);
        assert_eq!(record.fixed::<ControlEvent>().call.call, Call::Sysinfo as u16);
    }
}
