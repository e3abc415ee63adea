//! Which of the kernel half's programs make which actions.

use guardbee_wire::{PROGRAM_NAMES, ProgramState, RPC_PROGRAMS};

/// Actions whose programs are attached always: from them it is known who acts, and for which request.
const BASIC: [&str; 8] = ["accept", "connect", "exec", "exit", "fork", "listen", "request", "exchange"];

/// Whether the programs of the action are attached whatever rules look at.
pub fn is_basic(action: &str) -> bool {
    BASIC.contains(&action)
}

/// All actions that there are, by [`guardbee_model::finding::Action::name`].
pub fn actions() -> impl Iterator<Item = &'static str> {
    BASIC.into_iter().chain(guardbee_policy::SYSTEM).chain(guardbee_policy::FILES)
}

/// Names of the programs that make events of the action, of all lists of hooks.
pub fn programs(action: &str) -> impl Iterator<Item = &'static str> {
    PROGRAM_NAMES.into_iter().filter(move |program| makes(program, action))
}

/// Whether the program makes events of the action, by [`guardbee_model::finding::Action::name`].
pub fn makes(program: &str, action: &str) -> bool {
    match action {
        "accept" | "request" | "exchange" | "dns" | "datagram" => {
            program.starts_with("net_") && program != "net_state"
        }
        "connect" | "listen" => program == "net_state",
        "exec" | "exit" | "fork" => program.strip_prefix("process_") == Some(action),
        "file_open" | "file_create" | "folder_open" | "file_open_failed" => {
            matches!(program, "file_open" | "file_opened")
        }
        "file_modify" => matches!(program, "file_open" | "file_opened" | "file_truncate" | "file_truncated"),
        "folder_create" | "file_node" if program == "file_make" => true,
        "folder_delete" if program == "file_delete" => true,
        // What is left is called by its programs.
        other => program.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('_')),
    }
}

/// Whether a program works that makes events of the action.
pub(crate) fn work(states: &[u8; RPC_PROGRAMS], action: &str) -> bool {
    let mut made = PROGRAM_NAMES.iter().zip(states).filter(|(program, _)| makes(program, action));
    made.any(|(_, state)| *state == ProgramState::Works as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use guardbee_wire::EventKind;

    #[test]
    fn every_action_has_a_program_and_every_program_an_action() {
        let actions: Vec<_> = super::actions().collect();
        let deeds = EventKind::ALL.into_iter().filter(|kind| (*kind as u16) >= EventKind::Credentials as u16);
        for kind in deeds.chain(EventKind::FILES) {
            assert!(actions.contains(&kind.name()), "{}", kind.name());
        }
        for action in &actions {
            assert!(programs(action).next().is_some(), "{action}");
        }
        let makes_none = |program: &str| program.starts_with("iter_") || program.starts_with("dispatch");
        for program in PROGRAM_NAMES.iter().filter(|program| !makes_none(program)) {
            assert!(actions.iter().any(|action| makes(program, action)), "{program}");
        }
    }
}
