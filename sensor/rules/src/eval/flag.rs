//! What is so or not: read without a detour through text, as many rules look at such fields, and few events have any of them.
use super::{executable, file};
use crate::field::Field;
use guardbee_model::{
    event::Exec,
    finding::{Action, Observation},
    system::{Deed, System},
};

/// The value of a field whose type is [`Flag`](crate::field::Type::Flag); [`None`]: absent.
pub(crate) fn flag(field: Field, o: &Observation) -> Option<bool> {
    let process = o.process.as_deref();
    match field {
        Field::Memfd => Some(executable::file(o)?.memfd),
        Field::Deleted => Some(executable::file(o)?.deleted),
        Field::OverlayUpper => Some(executable::file(o)?.overlay_upper),
        // Of whom the sensor knows an image, it knows the session.
        Field::Interactive => match (process.filter(|process| process.session != 0), &o.action) {
            (Some(process), _) => Some(process.tty != 0),
            (None, Action::Exec(exec)) => Some(exec.tty != 0),
            _ => None,
        },
        Field::ContainerPrivileged => process?.configured.as_ref()?.privileged,
        _ => of_action(field, o),
    }
}

fn of_action(field: Field, o: &Observation) -> Option<bool> {
    match &o.action {
        Action::Exec(exec) => of_exec(field, exec),
        Action::File(event) => file::flag(field, event),
        Action::System(system, _) => of_system(field, system),
        Action::Connect(_) | Action::Datagram(_) => (field == Field::Initiated).then_some(true),
        Action::Accept(_) => (field == Field::Initiated).then_some(false),
        Action::Listen(listen) => match field {
            Field::Initiated => Some(false),
            Field::Listening => Some(listen.listening),
            _ => None,
        },
        _ => None,
    }
}

fn of_exec(field: Field, exec: &Exec) -> Option<bool> {
    match field {
        Field::ExecutablePathCut => Some(exec.file.path_cut),
        Field::CommandLineCut => Some(exec.args.truncated),
        Field::EnvironmentCut => Some(exec.environment.cut),
        Field::Setuid => Some(exec.file.setuid),
        Field::Setgid => Some(exec.file.setgid),
        Field::Secure => Some(exec.secure),
        Field::OutsideRoot => Some(exec.outside),
        Field::DirectoryOutsideRoot => Some(exec.cwd_outside),
        _ => None,
    }
}

fn of_system(field: Field, system: &System) -> Option<bool> {
    match (field, &system.deed) {
        (Field::Unexplained, Deed::Credentials(change)) => Some(change.unexplained),
        (Field::SocketSubmitted, Deed::SocketChange(socket)) => Some(socket.submitted),
        (Field::MemoryWritable, Deed::Memory(memory)) => Some(memory.is_writable()),
        (Field::DnsMalformed, Deed::Lookup(lookup)) => Some(lookup.is_malformed()),
        _ => None,
    }
}
