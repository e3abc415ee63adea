//! `sensor/wire` and `include/event.h` describe the same bytes; `src/config.rs` and `include/config.h` too.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, which may panic as tests do"
)]
use guardbee_bpf::{Config, OBJECT, Rate};
use guardbee_wire as wire;
use libbpf_rs::btf::{
    Btf, HasSize as _,
    types::{Enum, MemberAttr, Struct},
};
use std::{
    collections::BTreeMap,
    mem::{offset_of, size_of},
};

macro_rules! same_layout {
    ($btf:expr, $rust:ty = struct $c:literal { $($field:ident),* $(,)? }) => {{
        let c: Struct<'_> = $btf.type_by_name($c).expect(concat!("no BTF for ", $c));
        assert_eq!(c.size(), size_of::<$rust>(), concat!("size of ", $c));
        let rust = [$((stringify!($field), offset_of!($rust, $field))),*];
        let c: Vec<_> = c.iter().map(|member| {
            let MemberAttr::Normal { offset } = member.attr else { panic!("bit field") };
            (member.name.unwrap().to_str().unwrap().to_owned(), offset as usize / 8)
        }).collect();
        let rust: Vec<_> = rust.iter().map(|(name, offset)| ((*name).to_owned(), *offset)).collect();
        assert_eq!(c, rust, concat!("fields of ", $c));
    }};
}

fn object() -> Btf<'static> {
    Btf::from_raw("guardbee", OBJECT).unwrap().unwrap()
}

#[test]
fn headers_and_processes_are_the_same() {
    let btf = object();
    same_layout!(btf, wire::Stamp = struct "stamp" { connection, position, reads, tid, flags, layer, pad });
    same_layout!(btf, wire::ProcessKey = struct "process_key" { start_ns, tgid, exec_number });
    same_layout!(btf, wire::EventHeader = struct "event_header" {
        time_ns, sequence, start_ns, cgroup_id, size, kind, cpu, tgid, tid, exec_number, scope, uid, euid, flags,
        context, hook, verdict, ring, pad, serving, origin,
    });
    same_layout!(btf, wire::EventString = struct "event_string" { id, length, total });
    same_layout!(btf, wire::ForkEvent = struct "fork_event" { header, child, child_origin, child_ns_tgid, pad });
    same_layout!(btf, wire::FileInfo = struct "file_info" {
        inode, size_bytes, ctime_ns, device, uid, gid, mode, flags,
    });
    same_layout!(btf, wire::Credentials = struct "credentials" {
        uid, euid, suid, fsuid, gid, egid, sgid, fsgid, permitted, effective, inheritable,
    });
    same_layout!(btf, wire::FdInfo = struct "fd_info" {
        inode, connection, remote_address, device, remote_port, family, kind, role, pad,
    });
    same_layout!(btf, wire::ExecEvent = struct "exec_event" {
        header, parent, file, credentials, fds, pid_ns, mnt_ns, net_ns, ns_tgid, session, tty, login_uid,
        login_session, argc, flags,
    });
    same_layout!(btf, wire::ExitEvent = struct "exit_event" { header, exit_code, pad });
}

#[test]
fn sockets_and_counters_are_the_same() {
    let btf = object();
    same_layout!(btf, wire::SocketInfo = struct "socket_info" {
        connection, inode, peer_inode, opened_ns, local_address, remote_address, local_port, remote_port, family, role,
        flags, net_ns, peer_tgid,
    });
    same_layout!(btf, wire::SocketEvent = struct "socket_event" { header, socket });
    same_layout!(btf, wire::FileEvent = struct "file_event" {
        header, file, open_flags, mode, uid, gid, device, flags, attribute, error,
    });
    same_layout!(btf, wire::Wants = struct "wants" { all, named, folders, extensions, attributes, variables, given, errors });
    same_layout!(btf, wire::Policy = struct "policy" { left_out, per_second, burst, flags, pad });
    same_layout!(btf, wire::WatchKey = struct "watch_key" { role, length, name });
    same_layout!(btf, wire::ConnectEvent = struct "connect_event" { header, socket, begun_ns, result, pad });
    same_layout!(btf, wire::ListenEvent = struct "listen_event" { header, socket, listening, pad });
    same_layout!(btf, wire::DnsEvent = struct "dns_event" {
        header, socket, server, connection, position, length, direction, flags, pad,
    });
    same_layout!(btf, wire::DataEvent = struct "data_event" {
        header, connection, position, length, captured, direction, flags, pad,
    });
    same_layout!(btf, wire::CloseEvent = struct "close_event" { header, connection, received_bytes, sent_bytes });
    same_layout!(btf, wire::ThrottleEvent = struct "throttle_event" {
        header, dropped, since_ns, throttled_kind, pad,
    });
    same_layout!(btf, wire::CounterSlot = struct "counter_slot" { sequence, produced, lost, fired });
    same_layout!(btf, Rate = struct "rate" { per_second, burst });
    same_layout!(btf, Config = struct "sensor_config" {
        rates, urgent_kinds, hooks, payload_rings, cgroup_subsys, security_wake_shift, payload_wake_shift, spares,
        dispatch, pad,
    });
}

#[test]
fn what_is_done_to_the_system_is_the_same() {
    let btf = object();
    same_layout!(btf, wire::CallInfo = struct "call_info" { arguments, result, call, pad });
    same_layout!(btf, wire::TargetInfo = struct "target_info" { process, tid, uid });
    same_layout!(btf, wire::CredentialsEvent = struct "credentials_event" {
        header, call, before, after, groups, user_ns, cause, flags, pad,
    });
    same_layout!(btf, wire::AccessEvent = struct "access_event" { header, call, target, fd, bytes, access, pad });
    same_layout!(btf, wire::Namespaces = struct "namespaces" { cgroup, ipc, mnt, net, pid, time, user, uts });
    same_layout!(btf, wire::NamespaceEvent = struct "namespace_event" {
        header, call, subject, after, changed, host, pad,
    });
    same_layout!(btf, wire::MountEvent = struct "mount_event" { header, call, what, flags, pad });
    same_layout!(btf, wire::SocketChangeEvent = struct "socket_change_event" {
        header, call, socket, kind, protocol, fd, what, flags, pad,
    });
    same_layout!(btf, wire::ExtensionEvent = struct "extension_event" { header, call, kind, id, what, pad });
    same_layout!(btf, wire::SignalEvent = struct "signal_event" { header, target, code, signal, pad });
    same_layout!(btf, wire::MemoryEvent = struct "memory_event" {
        header, call, address, length, protection, what, pad,
    });
    same_layout!(btf, wire::TitleEvent = struct "title_event" { header, target });
    same_layout!(btf, wire::IoUringEvent = struct "io_uring_event" { header, entries, flags, opcode, pad });
    same_layout!(btf, wire::ControlEvent = struct "control_event" { header, call });
}

/// Enumerators of a header by name, `sensor/wire` having only what it needs of some.
fn enumerators(btf: &Btf<'_>, name: &str) -> BTreeMap<String, i64> {
    let found: Enum<'_> = btf.type_by_name(name).unwrap_or_else(|| panic!("no BTF for enum {name}"));
    found.iter().map(|member| (member.name.unwrap().to_str().unwrap().to_owned(), member.value)).collect()
}

/// `SCREAMING` as in C, of a variant's name.
fn screaming(variant: &str) -> String {
    let mut out = String::new();
    for (index, letter) in variant.chars().enumerate() {
        if letter.is_uppercase() && index > 0 {
            out.push('_');
        }
        out.push(letter.to_ascii_uppercase());
    }
    out
}

macro_rules! same_values {
    ($btf:expr, $c:literal, $prefix:literal, $rust:ident { $($variant:ident),* $(,)? }) => {{
        let rust: BTreeMap<String, i64> = [$((
            format!("{}{}", $prefix, screaming(stringify!($variant))),
            wire::$rust::$variant as i64,
        )),*].into();
        assert_eq!(enumerators(&$btf, $c), rust, concat!("enum ", $c));
    }};
}

#[test]
fn kinds_are_the_same() {
    let btf = object();
    same_values!(
        btf,
        "event_kind",
        "EVENT_",
        EventKind {
            Fork,
            Exec,
            Exit,
            Accept,
            Connect,
            Listen,
            Socket,
            Data,
            Close,
            Throttle,
            Process,
            FileOpen,
            FileModify,
            FileCreate,
            FileRename,
            FileLink,
            FileSymlink,
            FileDelete,
            FileAttribute,
            FolderCreate,
            FolderDelete,
            FileNode,
            FolderOpen,
            FileOpenFailed,
            Credentials,
            Access,
            Namespace,
            Mount,
            SocketChange,
            Extension,
            Signal,
            Memory,
            Title,
            IoUring,
            Control,
            Dns,
            Inquiry,
            Datagram
        }
    );
}

#[test]
fn enumerators_are_the_same() {
    let btf = object();
    same_values!(btf, "event_flag", "EVENT_", EventFlag { Compat, Kthread, NoProcess, StampLost, Urgent });
    same_values!(btf, "stamp_layer", "LAYER_", StampLayer { None, Plain, Tls });
    same_values!(btf, "stamp_flag", "STAMP_", StampFlag { Epoll, Nonblock, IoUring, NoFile, Untracked });
    same_values!(
        btf,
        "string_id",
        "STRING_",
        StringId {
            Exe,
            Cwd,
            Filename,
            Args,
            ArgsTail,
            Comm,
            Cgroup,
            UnixPath,
            Path,
            Folder,
            Source,
            SourceFolder,
            Given,
            Target,
            Title,
            Fstype,
            From,
            Place,
            Detail,
            CgroupParent,
            CgroupGrandparent,
            Unified,
            UnifiedParent,
            UnifiedGrandparent,
            Message,
            Environment
        }
    );
    let last = enumerators(&btf, "string_id").into_values().max();
    assert_eq!(last.map(|last| last + 1), i64::try_from(wire::StringId::END).ok());
    same_values!(
        btf,
        "file_flag",
        "FILE_",
        FileFlag { Memfd, Deleted, OverlayUpper, Setuid, Setgid, PathCut, Overlay }
    );
    same_values!(
        btf,
        "fd_kind",
        "FD_",
        FdKind { Closed, Regular, Directory, Character, Block, Pipe, Socket, Other }
    );
    same_values!(btf, "exec_flag", "EXEC_", ExecFlag { Secure, Outside, CwdOutside, EnvironmentCut });
    same_values!(btf, "file_attribute", "ATTRIBUTE_", FileAttribute { None, Mode, Owner, Extended, Times });
    same_values!(
        btf,
        "file_event_flag",
        "FILE_",
        FileEventFlag { Named, NoFolder, NoSourceFolder, FolderCut }
    );
    same_values!(btf, "watch_role", "WATCH_", WatchRole { Name, Folder, Extension, Variable });
    same_values!(btf, "socket_role", "ROLE_", SocketRole { Unknown, Accepted, Connected, Listening });
    same_values!(btf, "socket_flag", "SOCKET_", SocketFlag { Middle, RoleGuessed });
    same_values!(btf, "data_direction", "DATA_", Direction { Received, Sent });
    same_values!(btf, "data_flag", "DATA_", DataFlag { NoBuffer, Unreadable, IoUring, Turn, Middle });
    same_values!(
        btf,
        "loss_cause",
        "LOSS_",
        LossCause {
            RingFull,
            Throttled,
            ConnectionsFull,
            StampsFull,
            ScratchBusy,
            Messages,
            DeedsFull,
            Peers,
            EnvironmentCut
        }
    );
    let hooks = [
        ("HOOKS_ITERATOR", 0),
        ("HOOKS_TRACEPOINT_6_3", 1),
        ("HOOKS_TRACEPOINT_5_10", 2),
        ("HOOKS_TRAMPOLINE", 3),
    ];
    assert_eq!(enumerators(&btf, "hook_list"), hooks.map(|(name, value)| (name.to_owned(), value)).into());
    assert_eq!(wire::HookList::Trampoline as i64, 3);
}

#[test]
fn enumerators_of_what_is_done_to_the_system_are_the_same() {
    let btf = object();
    let calls = enumerators(&btf, "call");
    for (number, name) in (0_i64..).zip(wire::CALL_NAMES) {
        let name = if name.is_empty() { "none" } else { name };
        assert_eq!(calls.get(&format!("CALL_{}", name.to_uppercase())), Some(&number), "{name}");
    }
    assert_eq!(calls.len(), wire::CALL_NAMES.len());
    assert_eq!(calls["CALL_KEXEC_FILE_LOAD"], wire::Call::KexecFileLoad as i64);
    same_values!(btf, "credentials_cause", "CREDENTIALS_", CredentialsCause { Call, Unexplained });
    same_values!(btf, "credentials_flag", "CREDENTIALS_", CredentialsFlag { First });
    same_values!(
        btf,
        "access_kind",
        "ACCESS_",
        AccessKind { Attached, Traced, Wrote, Registers, Read, Descriptor, Limited, Scheduled }
    );
    same_values!(
        btf,
        "namespace_flag",
        "NAMESPACE_",
        NamespaceFlag { Cgroup, Ipc, Mnt, Net, Pid, Time, User, Uts }
    );
    same_values!(btf, "mount_kind", "MOUNT_", MountKind { Mounted, Unmounted, RootChanged });
    same_values!(btf, "mount_flag", "MOUNT_", MountFlag { UserPaths });
    same_values!(btf, "socket_change_kind", "SOCKET_", SocketChangeKind { Made, Bound, Filtered, Standard });
    same_values!(btf, "extension_kind", "EXTENSION_", ExtensionKind { Program, Link, Probe, Module, Kernel });
    same_values!(btf, "memory_kind", "MEMORY_", MemoryKind { Protected, Mapped, File });
}
