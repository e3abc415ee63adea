//! Names of the kernel half's programs.

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
