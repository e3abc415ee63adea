//! The programs: number, name, what they are for, which list of hooks they belong to.
use guardbee_wire::{HookList, ProgramState};

/// What a sensor can see. Each needs all programs of at least one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Capability {
    /// fork, exec, exit.
    Process,
    /// TCP states: connect, listen, close.
    Socket,
    /// Bytes moved over sockets: data, stamps, accepts, unix connections.
    Payload,
    /// What is older than the sensor.
    Iterate,
}

impl Capability {
    /// All, in the order of their importance.
    pub const ALL: [Self; 4] = [Self::Process, Self::Socket, Self::Payload, Self::Iterate];
}

/// One program and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// `enum program_id`: index of [`guardbee_wire::CounterSlot::fired`].
    pub id: u8,
    /// Name in the object and in bpftool.
    pub name: &'static str,
    /// What it is for.
    pub capability: Capability,
    /// The list that it belongs to; `None`: to both.
    pub hooks: Option<HookList>,
    /// [`ProgramState::Silent`] once attached: whether it fires is for the self-test to say.
    pub state: ProgramState,
    /// Why it isn't loaded or attached; 0: it is, or was not wanted.
    pub errno: i32,
}

const fn program(id: u8, name: &'static str, capability: Capability, hooks: Option<HookList>) -> Program {
    Program { id, name, capability, hooks, state: ProgramState::Unused, errno: 0 }
}

/// As `enum program_id` has them.
pub(crate) const PROGRAMS: [Program; 22] = {
    use Capability::{Iterate, Payload, Process, Socket};
    const NEW: Option<HookList> = Some(HookList::Tracepoint6_3);
    const OLD: Option<HookList> = Some(HookList::Tracepoint5_10);
    const ITERATOR: Option<HookList> = Some(HookList::Iterator);
    [
        program(0, "process_fork", Process, None),
        program(1, "process_exec", Process, None),
        program(2, "process_exit", Process, None),
        program(3, "net_state", Socket, None),
        program(4, "net_send", Payload, NEW),
        program(5, "net_receive", Payload, NEW),
        program(6, "net_read", Payload, OLD),
        program(7, "net_write", Payload, OLD),
        program(8, "net_readv", Payload, OLD),
        program(9, "net_writev", Payload, OLD),
        program(10, "net_recvfrom", Payload, OLD),
        program(11, "net_sendto", Payload, OLD),
        program(12, "net_recvmsg", Payload, OLD),
        program(13, "net_sendmsg", Payload, OLD),
        program(14, "net_recvmmsg", Payload, OLD),
        program(15, "net_sendmmsg", Payload, OLD),
        program(16, "net_preadv2", Payload, OLD),
        program(17, "net_pwritev2", Payload, OLD),
        program(18, "net_sendfile", Payload, OLD),
        program(19, "iter_task", Iterate, ITERATOR),
        program(20, "iter_listener", Iterate, ITERATOR),
        program(21, "iter_socket", Iterate, ITERATOR),
    ]
};
