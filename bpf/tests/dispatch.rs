//! Calls by other numbers than the machine's own: seen where one program sees the ends of all calls, and only there.
#![cfg(target_arch = "x86_64")]
#![allow(
    missing_docs,
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, which may panic as tests do; these calls have no safe face"
)]
mod watch;

use guardbee_bpf::{Capability, Dispatch, Options};
use guardbee_wire::{
    Call, CredentialsEvent, EventKind, FileEvent, MemoryEvent, SocketChangeEvent, StringId, Wants,
};
use std::{fs, os::unix::process::CommandExt as _, path::Path, process::Command};
use watch::{
    Record, Watch, lists,
    low::{Low, call_32},
    small,
};

fn ways() -> [Options; 2] {
    [Dispatch::Sparse, Dispatch::Full].map(|dispatch| Options {
        hooks: Some(lists()[0]),
        dispatch: Some(dispatch),
        files: true,
        watched: Capability::OPTIONAL.to_vec(),
        ..small()
    })
}

const CHMOD: i32 = 15;
const UMOUNT: i32 = 22;
const RENAME: i32 = 38;
const MKDIR: i32 = 39;
const OLD_MMAP: i32 = 90;
const SOCKETCALL: i32 = 102;
const SETFSUID: i32 = 138;
const SETFSUID32: i32 = 215;
const UNLINKAT: i32 = 301;

/// What is done, each with a mark that its event bears.
fn deeds(folder: &Path) {
    let low = Low::new();
    let at = |name: &str| folder.join(name);
    let done = |answer: i64| assert!(answer >= 0, "{answer}");
    fs::write(at("one"), "").unwrap();
    done(call_32(RENAME, [low.path(0, &at("one")), low.path(1024, &at("two")), 0, 0]));
    done(call_32(CHMOD, [low.path(0, &at("two")), 0o640, 0, 0]));
    done(call_32(MKDIR, [low.path(0, &at("folder")), 0o700, 0, 0]));
    let relative = fs::File::open(folder).unwrap();
    let fd = u32::try_from(std::os::fd::AsRawFd::as_raw_fd(&relative)).unwrap();
    done(call_32(UNLINKAT, [fd, low.path(0, Path::new("two")), 0, 0]));
    assert!(call_32(UMOUNT, [low.path(0, &at("folder")), 0, 0, 0]) < 0);
    // Two calls whose arguments lie in memory: executable memory; a raw socket.
    let protection = (libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC).cast_unsigned();
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT).cast_unsigned();
    let asked = low.words(0, &[0, 4096, protection, flags, u32::MAX, 0]);
    let page = call_32(OLD_MMAP, [asked, 0, 0, 0]);
    let page = u32::try_from(page & 0xffff_ffff).unwrap();
    // SAFETY: mapped just now, used by nobody.
    unsafe { libc::munmap(page as usize as *mut libc::c_void, 4096) };
    let asked = [libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP].map(i32::cast_unsigned);
    let socket = call_32(SOCKETCALL, [1, low.words(0, &asked), 0, 0]);
    done(socket);
    // SAFETY: opened just now.
    unsafe { libc::close(i32::try_from(socket).unwrap()) };
}

/// In a child: who it is changes, by the number that takes 16-bit ids and by the other. Answers its pid.
fn become_another() -> u32 {
    let mut command = Command::new("/bin/true");
    let change = || {
        call_32(SETFSUID, [12345, 0, 0, 0]);
        call_32(SETFSUID32, [0, 0, 0, 0]);
        Ok(())
    };
    // SAFETY: nothing but system calls runs there.
    unsafe { command.pre_exec(change) };
    let mut child = command.spawn().unwrap();
    let pid = child.id();
    child.wait().unwrap();
    pid
}

/// What events of a kind say of what a process did.
fn told<T>(watch: &Watch, kind: EventKind, pid: u32, say: impl Fn(&Record) -> T) -> Vec<T> {
    let ours = |record: &&Record| record.kind() == kind && record.header().tgid == pid;
    watch.records().iter().filter(ours).map(say).collect()
}

/// The paths of an event about a file below the folder.
fn paths(record: &Record, folder: &Path) -> String {
    let [from, path] = [StringId::Source, StringId::Path].map(|id| record.text::<FileEvent>(id));
    format!("{from} {path}").replace(folder.to_str().unwrap(), "~").trim().to_owned()
}

#[test]
fn calls_by_32_bit_numbers_are_seen_by_the_full_form_alone() {
    for way in ways() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = Watch::start(&way);
        watch.kernel.want(&Wants::ALL, &[]).unwrap();
        deeds(folder.path());
        let (us, changed) = (std::process::id(), become_another());
        watch.wait("the end of the child", |record| {
            record.kind() == EventKind::Exit && record.header().tgid == changed
        });
        let full = way.dispatch == Some(Dispatch::Full);
        let only_full =
            |right: &[&str]| if full { right.iter().map(ToString::to_string).collect() } else { Vec::new() };
        for (kind, right) in [
            (EventKind::FileRename, "~/one ~/two"),
            (EventKind::FileAttribute, "~/two"),
            (EventKind::FolderCreate, "~/folder"),
            (EventKind::FileDelete, "two"),
        ] {
            assert_eq!(
                told(&watch, kind, us, |record| paths(record, folder.path())),
                only_full(&[right]),
                "{kind:?}"
            );
        }
        let made = told(&watch, EventKind::SocketChange, us, |record| {
            let call = record.fixed::<SocketChangeEvent>().call;
            format!("{} {:?}", call.call, &call.arguments[..3])
        });
        let socket = format!(
            "{} [{}, {}, {}]",
            Call::Socket as u16,
            libc::AF_INET,
            libc::SOCK_RAW,
            libc::IPPROTO_ICMP
        );
        assert_eq!(made, only_full(&[&socket]));
        let mapped = told(&watch, EventKind::Memory, us, |record| {
            let event = record.fixed::<MemoryEvent>();
            format!("{} {}", event.call.call, event.length)
        });
        assert_eq!(mapped, only_full(&[&format!("{} 4096", Call::Mmap as u16)]));
        assert_eq!(told(&watch, EventKind::Mount, us, Clone::clone).len(), 0, "the call was refused");
        let ids = told(&watch, EventKind::Credentials, changed, |record| {
            let event = record.fixed::<CredentialsEvent>();
            format!("{} from {} to {}", event.call.call, event.before.fsuid, event.after.fsuid)
        });
        let call = Call::Setfsuid as u16;
        let right = [format!("{call} from 0 to 12345"), format!("{call} from 12345 to 0")];
        assert_eq!(ids, only_full(&right.each_ref().map(String::as_str)));
    }
}

/// Where tracefs is nowhere to be had: among mounts of its own, in which the kernel's types are all that there is below /sys/kernel.
const HIDDEN: &str = r#"
    folder=$(mktemp -d)
    mkdir "$folder/btf"
    mount --bind /sys/kernel/btf "$folder/btf"
    mount --rbind "$folder" /sys/kernel
    exec "$@"
"#;
const INSIDE: &str = "GUARDBEE_WITHOUT_TRACEFS";

#[test]
fn where_no_call_has_a_tracepoint_the_full_form_is_chosen() {
    if std::env::var_os(INSIDE).is_some() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = Watch::start(&Options { dispatch: None, ..ways()[0].clone() });
        assert_eq!(watch.kernel.dispatch(), Dispatch::Full);
        watch.kernel.want(&Wants::ALL, &[]).unwrap();
        fs::write(folder.path().join("one"), "").unwrap();
        fs::rename(folder.path().join("one"), folder.path().join("two")).unwrap();
        let renamed =
            told(&watch, EventKind::FileRename, std::process::id(), |record| paths(record, folder.path()));
        assert_eq!(renamed, ["~/one ~/two"]);
        return;
    }
    let name = "where_no_call_has_a_tracepoint_the_full_form_is_chosen";
    let mut inside = Command::new("unshare");
    inside.args(["--mount", "sh", "-euc", HIDDEN, "sh"]).arg(std::env::current_exe().unwrap());
    let output = inside.args(["--exact", name]).env(INSIDE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
