//! What goes through rings of `io_uring`: with every name, by either list.
#![allow(
    missing_docs,
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, which may panic as tests do; rings have no safe face"
)]
mod watch;

use guardbee_bpf::{Capability, Options, ProgramState};
use guardbee_wire::{
    CallInfo, EventKind, FileEventFlag, IoUringEvent, ListenEvent, SocketChangeEvent, SocketChangeFlag,
    SocketChangeKind, StringId,
};
use std::{
    ffi::{CStr, CString},
    fs::{self, File},
    os::fd::AsRawFd as _,
    path::Path,
};
use watch::{Record, Watch, ring::submit, ways};

/// `IOSQE_FIXED_FILE`, in the entry's second byte.
const FIXED_FILE: u64 = 1 << 8;
/// `SOCK_CLOEXEC`.
const CLOEXEC: u64 = 0o2_000_000;
const HERE: u64 = libc::AT_FDCWD.cast_unsigned() as u64;

fn watch(way: &Options) -> Watch {
    let watched = vec![Capability::IoUring, Capability::SocketChange];
    let watch = Watch::start(&Options { watched, ..way.clone() });
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    for name in ["io_uring_submitted", "socket_change_submitted"] {
        let program = watch.kernel.programs().iter().find(|program| program.name == name).unwrap();
        // 5.10's makes no sockets.
        let seen = name == "io_uring_submitted" || !release.starts_with("5.10.");
        let state = if seen { ProgramState::Silent } else { ProgramState::Unused };
        assert_eq!(program.state, state, "{program:?}");
    }
    watch
}

fn ours(watch: &Watch, kind: EventKind) -> Vec<Record> {
    let mut records = watch.records();
    records.retain(|record| record.kind() == kind && record.header().tgid == std::process::id());
    records
}

/// Operations that the kernel doesn't know it refuses before it has looked at them. Tests run at once: what this one did lies in its folder.
fn told(watch: &Watch, folder: &Path) -> Vec<String> {
    let line = |record: &Record| {
        let event: IoUringEvent = record.fixed();
        let text = |id| record.text::<IoUringEvent>(id);
        let parts = [
            ("", StringId::Path),
            ("in ", StringId::Folder),
            ("from ", StringId::Source),
            ("in ", StringId::SourceFolder),
            ("name ", StringId::Detail),
        ];
        let parts = parts.map(|(word, id)| (word, text(id)));
        let said =
            parts.iter().filter(|(_, text)| !text.is_empty()).map(|(word, text)| format!(" {word}{text}"));
        let unknown = event.flags & FileEventFlag::NoFolder as u16 != 0;
        format!("{}{}{}", event.opcode, said.collect::<String>(), if unknown { " unknown" } else { "" })
    };
    let folder = folder.to_str().unwrap();
    ours(watch, EventKind::IoUring)
        .iter()
        .map(line)
        .filter(|line| line.contains(folder))
        .map(|line| line.replace(folder, "~"))
        .collect()
}

/// A word of an entry: operation and descriptor, length and flags.
fn head(low: u64, high: u64) -> u64 {
    high << 32 | low
}

fn place(name: &CStr) -> u64 {
    name.as_ptr() as u64
}

#[test]
fn every_name_that_goes_through_a_ring_is_told() {
    for way in &ways() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| CString::new(folder.path().join(name).to_str().unwrap()).unwrap();
        let [one, two, link, symbolic, made] = ["one", "two", "link", "symbolic", "made"].map(at);
        fs::write(folder.path().join("one"), "x").unwrap();
        let directory = File::open(folder.path()).unwrap();
        let file = File::options().write(true).open(folder.path().join("one")).unwrap();
        let [under, fd] = [&directory, &file].map(|file| u64::try_from(file.as_raw_fd()).unwrap());
        let (attribute, value) = (place(c"trusted.guardbee"), place(c"x"));
        let watch = watch(way);
        // Operation and descriptor, second address, first address, length and flags; what is told, and which kernel doesn't know it.
        let entries = [
            ([head(18, HERE), 0, place(&one), 0, 0, 0], "18 ~/one"),
            ([head(18, under), 0, place(c"./one"), 0, 0, 0], "18 ./one in ~"),
            ([head(35, HERE), place(&two), place(&one), HERE, 0, 0], "35 ~/two from ~/one"),
            ([head(35, under), place(c"one"), place(c"two"), under, 0, 0], "35 one in ~ from two in ~"),
            ([head(39, under), place(&link), place(c"one"), HERE, 0, 0], "39 ~/link from one in ~"),
            ([head(38, HERE), place(&symbolic), place(c"../text"), 0, 0, 0], "38 ~/symbolic from ../text"),
            ([head(37, HERE), 0, place(&made), 0o700, 0, 0], "37 ~/made"),
            ([head(36, under), 0, place(c"made"), 0, 0x200, 0], "36 made in ~"),
            ([head(42, HERE), value, attribute, 1, 0, place(&one)], "42 ~/one name trusted.guardbee"),
            ([head(41, fd), value, attribute, 1, 0, 0], "41 in ~/one name trusted.guardbee"),
            ([head(55, fd), 0, 0, 0, 0, 0], "55 in ~/one"),
        ];
        let mut right = Vec::new();
        for ([begin, second, first, length, flags, third], line) in entries {
            let result = submit([begin, second, first, head(length, flags), 0, 0, third, 0]);
            // What needs the folder that a kernel doesn't make so fails, and is told.
            assert!([0, -libc::EINVAL, -libc::ENOENT].contains(&result.min(0)), "{line}: {result}");
            right.extend((result != -libc::EINVAL).then_some(line));
        }
        assert_eq!(told(&watch, folder.path()), right);
        let made = ours(&watch, EventKind::IoUring)
            .iter()
            .filter(|one| one.fixed::<IoUringEvent>().entries > 0)
            .count();
        assert!(made >= entries.len(), "a ring for each");
        assert!(right.len() >= 2, "{right:?}");
    }
}

/// By its number there.
#[test]
fn a_file_that_was_registered_with_the_ring_is_said_to_be_unknown() {
    let way = &ways()[0];
    let watch = watch(way);
    // No file is registered: it fails when it is begun, behind the tracepoint.
    let result = submit([head(55 + FIXED_FILE, 0), 0, 0, 0, 0, 0, 0, 0]);
    if result == -libc::EINVAL {
        return;
    }
    assert_eq!(result, -libc::EBADF);
    let unknown = |record: &Record| {
        let event: IoUringEvent = record.fixed();
        (event.opcode, event.flags) == (55, FileEventFlag::NoFolder as u16)
            && record.text::<IoUringEvent>(StringId::Folder).is_empty()
    };
    assert!(ours(&watch, EventKind::IoUring).iter().any(unknown));
}

/// What is asked for is told in the event of socket(2); that a socket listens its state tells.
#[test]
fn sockets_that_are_made_and_that_listen_through_a_ring_are_told() {
    for way in &ways() {
        let watch = watch(way);
        // Positions: family where the descriptor stands, type where the offset, protocol in place of the length.
        let made = [(2_u64, 3_u64, 1_u64), (17, 3 + CLOEXEC, 0), (38, 5, 0), (2, 1, 0)];
        let ask = |(family, kind, protocol)| submit([head(45, family), kind, 0, protocol, 0, 0, 0, 0]);
        let results = made.map(ask);
        if results == [-libc::EINVAL; 4] {
            continue;
        }
        let events = ours(&watch, EventKind::SocketChange)
            .iter()
            .map(Record::fixed)
            .collect::<Vec<SocketChangeEvent>>();
        let submitted = |event: &SocketChangeEvent| {
            let fixed = (event.what, event.call, event.flags, event.fd);
            fixed
                == (SocketChangeKind::Made as u8, CallInfo::default(), SocketChangeFlag::Submitted as u8, -1)
        };
        assert!(events.iter().all(submitted), "{events:?}");
        let seen: Vec<_> =
            events.iter().map(|event| (event.socket.family, event.kind, event.protocol)).collect();
        assert_eq!(seen, [(2, 3, 1), (17, 3, 0), (38, 5, 0)]);

        let listener = u64::try_from(results[3]).unwrap();
        let mut address = [0_u8; 16];
        address[..8].copy_from_slice(&[2, 0, 0, 0, 127, 0, 0, 1]);
        let bound = submit([head(56, listener), 16, address.as_ptr() as u64, 0, 0, 0, 0, 0]);
        let listens = submit([head(57, listener), 0, 0, 1, 0, 0, 0, 0]);
        if (bound, listens) == (-libc::EINVAL, -libc::EINVAL) {
            continue;
        }
        assert_eq!((bound, listens), (0, 0));
        let event: ListenEvent = ours(&watch, EventKind::Listen)[0].fixed();
        assert_eq!((event.listening, &event.socket.local_address[12..]), (1, &[127, 0, 0, 1][..]));
    }
}
