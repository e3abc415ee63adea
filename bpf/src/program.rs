//! The programs: number, name, what they are for, which list of hooks they belong to.
use guardbee_wire::{HookList, PROGRAM_NAMES, ProgramState};

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

impl Program {
    /// Are there programs to do its work where the kernel refuses it?
    pub fn has_spares(&self) -> bool {
        !self.spares().is_empty()
    }

    /// Names of the programs behind it that do its work where the kernel refuses it: `spare.h`.
    pub(crate) fn spares(&self) -> &'static [&'static str] {
        match self.name {
            "process_fork" => &["process_fork_spare", "process_fork_last"],
            "process_exec" => &["process_exec_spare", "process_exec_last"],
            "process_exit" => &["process_exit_spare", "process_exit_last"],
            "net_state" => &["net_state_spare", "net_state_last"],
            "net_send" => &["net_send_spare", "net_send_last"],
            "net_receive" => &["net_receive_spare", "net_receive_last"],
            _ => &[],
        }
    }
}

#[expect(clippy::indexing_slicing, reason = "at compile time")]
const fn program(id: u8, capability: Capability, hooks: Option<HookList>) -> Program {
    let name = PROGRAM_NAMES[id as usize];
    Program { id, name, capability, hooks, state: ProgramState::Unused, errno: 0 }
}

/// As `enum program_id` has them.
pub(crate) const PROGRAMS: [Program; PROGRAM_NAMES.len()] = {
    use Capability::{Iterate, Payload, Process, Socket};
    const NEW: Option<HookList> = Some(HookList::Tracepoint6_3);
    const OLD: Option<HookList> = Some(HookList::Tracepoint5_10);
    const ITERATOR: Option<HookList> = Some(HookList::Iterator);
    [
        program(0, Process, None),
        program(1, Process, None),
        program(2, Process, None),
        program(3, Socket, None),
        program(4, Payload, NEW),
        program(5, Payload, NEW),
        program(6, Payload, OLD),
        program(7, Payload, OLD),
        program(8, Payload, OLD),
        program(9, Payload, OLD),
        program(10, Payload, OLD),
        program(11, Payload, OLD),
        program(12, Payload, OLD),
        program(13, Payload, OLD),
        program(14, Payload, OLD),
        program(15, Payload, OLD),
        program(16, Payload, OLD),
        program(17, Payload, OLD),
        program(18, Payload, OLD),
        program(19, Iterate, ITERATOR),
        program(20, Iterate, ITERATOR),
        program(21, Iterate, ITERATOR),
    ]
};
