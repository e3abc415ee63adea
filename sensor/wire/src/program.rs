//! Names of the kernel half's programs, and what is lost when one can't run.
use crate::EventKind;

/// In the object and in bpftool, by number (`enum program_id`): index of [`crate::CounterSlot::fired`] and of
/// [`crate::Reply::programs`].
pub const PROGRAM_NAMES: [&str; 22] = [
    "process_fork",
    "process_exec",
    "process_exit",
    "net_state",
    "net_send",
    "net_receive",
    "net_read",
    "net_write",
    "net_readv",
    "net_writev",
    "net_recvfrom",
    "net_sendto",
    "net_recvmsg",
    "net_sendmsg",
    "net_recvmmsg",
    "net_sendmmsg",
    "net_preadv2",
    "net_pwritev2",
    "net_sendfile",
    "iter_task",
    "iter_listener",
    "iter_socket",
];

/// The kind of event that is lost when the kernel refuses this program; its name where it may be one of several, or where
/// nothing says which.
pub fn kind_lost_with(program: usize) -> &'static str {
    let name = PROGRAM_NAMES.get(program).copied().unwrap_or("unknown");
    let kind = match name {
        "process_fork" => EventKind::Fork,
        "process_exec" => EventKind::Exec,
        "process_exit" => EventKind::Exit,
        "iter_task" => EventKind::Process,
        "iter_listener" | "iter_socket" => EventKind::Socket,
        bytes if bytes.starts_with("net_") && bytes != "net_state" => EventKind::Data,
        _ => return name,
    };
    kind.name()
}
